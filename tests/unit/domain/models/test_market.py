"""Market data values and slices."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from orchestrion.domain.errors import MarketDataError
from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.market import (
    Bar,
    MarketData,
    MarketSlice,
    OptionChain,
    OptionQuote,
    QuoteTick,
    TradeTick,
    as_slice,
)
from orchestrion.domain.models.money import BILLION
from tests.fakes_rules import amounts

BAR = Bar("AAA", 1, 2, BILLION, 3 * BILLION, BILLION // 2, 2 * BILLION, 7 * BILLION)
QUOTE = QuoteTick("AAA", 2, BILLION, BILLION + 10_000_000)
TRADE = TradeTick("AAA", 2, 5 * BILLION, BILLION)
OPTION_QUOTE = OptionQuote(
    "C1", 9, 100 * BILLION, OptionKind.CALL, 0, BILLION, delta=0.5, implied_volatility=0.2
)
CHAIN = OptionChain("AAA", 2, 101 * BILLION, (OPTION_QUOTE,))


def test_prices_are_decimals_on_access() -> None:
    assert (BAR.open, BAR.high, BAR.low, BAR.close) == (
        Decimal(1),
        Decimal(3),
        Decimal("0.5"),
        Decimal(2),
    )
    assert BAR.volume == Decimal(7)
    assert (QUOTE.bid, QUOTE.ask) == (Decimal(1), Decimal("1.01"))
    assert TRADE.price == Decimal(5)
    assert (OPTION_QUOTE.strike, OPTION_QUOTE.bid, OPTION_QUOTE.ask) == amounts(100, 0, 1)
    assert CHAIN.underlying_price == Decimal(101)
    assert CHAIN.modelled is False


def test_close_only_bar_opens_at_its_close() -> None:
    assert not BAR.is_close_only
    assert Bar("AAA", 2, 2, 1, 1, 1, 1).is_close_only


def test_slice_sorts_by_instrument_and_keeps_the_order_of_the_feed() -> None:
    other = TradeTick("BBB", 2, 1)
    items: list[MarketData] = [other, QUOTE, BAR]
    made = MarketSlice.of(iter(items))
    assert made == MarketSlice(2, (QUOTE, BAR, other))


def test_slice_of_nothing_is_refused() -> None:
    with pytest.raises(MarketDataError, match="at least one item"):
        MarketSlice.of([])


def test_slice_of_two_times_names_the_item() -> None:
    with pytest.raises(MarketDataError, match="BBB: ts_event 3 in a slice of 2"):
        MarketSlice.of([BAR, TradeTick("BBB", 3, 1)])


FULL = MarketSlice.of([BAR, QUOTE, TRADE, CHAIN, TradeTick("AA", 2, 1), TradeTick("AB", 2, 1)])


@pytest.mark.parametrize(
    ("find", "found"),
    [
        (FULL.bar, BAR),
        (FULL.quote, QUOTE),
        (FULL.trade, TRADE),
        (FULL.chain, CHAIN),
    ],
)
def test_slice_finds_data_by_kind(
    find: Callable[[str], MarketData | None], found: MarketData
) -> None:
    assert find("AAA") is found
    assert find("ZZZ") is None


def test_slice_finds_nothing_of_another_kind() -> None:
    assert FULL.bar("AB") is None
    assert FULL.quote("AA") is None
    assert MarketSlice.of([BAR]).trade("AAA") is None


def test_one_item_is_a_slice_of_one() -> None:
    assert as_slice(BAR) == MarketSlice(2, (BAR,))
    assert as_slice(FULL) is FULL
