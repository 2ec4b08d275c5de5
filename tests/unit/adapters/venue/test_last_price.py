"""Last seen prices, read late and still right."""

from __future__ import annotations

import pytest

from orchestrion.adapters.venue.last_price import UNREAD_SLICES_MAX, LastPrices, items_of
from orchestrion.domain.models.market import MarketData, MarketSlice
from tests.unit.adapters.venue.venue_builders import chain, close_only, e9, quote, slice_of, trade


@pytest.mark.parametrize(
    ("items", "expected"),
    [
        pytest.param([close_only("SPX", 1, 10)], 10, id="bar-close"),
        pytest.param([quote("SPX", 1, 10, 12)], 11, id="quote-mid"),
        pytest.param([trade("SPX", 1, 10)], 10, id="trade"),
        pytest.param([chain(1, underlying=10)], 10, id="chain"),
        pytest.param([close_only("SPX", 1, 10), chain(1, underlying=99)], 10, id="bar-over-chain"),
        pytest.param([chain(1, underlying=99), close_only("SPX", 1, 10)], 10, id="chain-under-bar"),
        pytest.param([trade("SPX", 1, 9), trade("SPX", 1, 10)], 10, id="last-of-a-slice"),
    ],
)
def test_price_of_a_slice(items: list[MarketData], expected: int) -> None:
    prices = LastPrices(["SPX"])
    prices.see(slice_of(*items))

    assert prices.price_e9("SPX") == e9(expected)


def test_later_slice_wins_and_silence_keeps_the_price() -> None:
    prices = LastPrices(["SPX"])
    prices.see(slice_of(trade("SPX", 1, 10)))
    prices.see(slice_of(trade("SPX", 2, 20)))
    prices.see(slice_of(trade("ABC", 3, 5)))
    assert prices.price_e9("SPX") == e9(20)

    prices.see(slice_of(trade("ABC", 4, 5)))
    assert prices.price_e9("SPX") == e9(20)


@pytest.mark.parametrize("silence", [UNREAD_SLICES_MAX - 1, UNREAD_SLICES_MAX, 1_000])
def test_price_survives_a_long_silence(silence: int) -> None:
    prices = LastPrices(["SPX"])
    prices.see(slice_of(trade("SPX", 0, 10)))
    for ts in range(silence):
        prices.see(slice_of(trade("ABC", ts, 5)))

    assert len(prices._unread) < UNREAD_SLICES_MAX
    assert prices.price_e9("SPX") == e9(10)
    assert prices._unread == []


def test_unknown_price_is_none() -> None:
    prices = LastPrices(["SPX"])
    prices.see(slice_of(trade("ABC", 1, 10)))

    assert prices.price_e9("SPX") is None
    assert prices.price_e9("ABC") is None


def test_forgotten_instrument_is_gone_but_an_underlying_stays() -> None:
    prices = LastPrices(["SPX"])
    prices.follow("ES")
    prices.see(slice_of(trade("ES", 1, 10), trade("SPX", 1, 11)))
    assert prices.price_e9("ES") == e9(10)

    prices.forget("ES")
    prices.forget("SPX")

    assert prices.price_e9("ES") is None
    assert prices.price_e9("SPX") == e9(11)


def test_items_of_an_instrument_keep_the_feeds_order() -> None:
    first, second = trade("ES", 1, 1), trade("ES", 1, 2)
    market_slice = slice_of(trade("ABC", 1, 9), first, second, trade("SPX", 1, 9))

    assert items_of(market_slice, "ES") == (first, second)
    assert items_of(market_slice, "MMM") == ()
    assert items_of(MarketSlice(1, ()), "ES") == ()
