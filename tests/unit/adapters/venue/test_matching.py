"""The fill rules, one table per order type, through the venue's own door."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.adapters.venue.fees import FeeSchedule
from orchestrion.adapters.venue.slippage import Slippage, SlippageModel
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.market import MarketData
from orchestrion.domain.models.order import OrderSide, TimeInForce
from orchestrion.domain.models.report import LiquiditySide, OrderFilledReport
from tests.unit.adapters.venue.venue_builders import (
    BUY,
    CALL,
    PUT,
    SELL,
    Number,
    approved,
    bar,
    chain,
    close_only,
    fills,
    line,
    new_venue,
    order,
    quote,
    slice_of,
    trade,
)

DECIDED = 1_000
OHLC = (100, 110, 90, 105)
WHOLE = bar("ABC", 1_000, 2_000, OHLC)
BEGUN = bar("ABC", 999, 2_000, OHLC)
CLOSE = close_only("ABC", 2_000, 105)
SAME_TIME = close_only("ABC", 1_000, 105)
BEFORE = bar("ABC", 500, 999, OHLC)
QUOTE = quote("ABC", 2_000, 99, 101)
NO_BID = quote("ABC", 2_000, 0, 1)
NO_ASK = quote("ABC", 2_000, 0, 0)
TRADE = trade("ABC", 2_000, 100)


def _fill(command: SubmitOrder, *items: MarketData, ticks: int = 0) -> list[tuple[Decimal, int]]:
    slippage = Slippage(ticks=ticks)
    model = SlippageModel(equity=slippage, future=slippage, option=slippage)
    venue = new_venue(fees=FeeSchedule(), slippage=model)
    venue.submit(approved(command, ts_decided=DECIDED))
    return fills(venue.on_slice(slice_of(*items)))


@pytest.mark.parametrize(
    ("side", "data", "expected"),
    [
        pytest.param(BUY, WHOLE, ("100.02", 1_000), id="bar-that-opens-later-fills-at-its-open"),
        pytest.param(SELL, WHOLE, ("99.98", 1_000), id="sell-slips-down"),
        pytest.param(BUY, BEGUN, ("105.02", 2_000), id="bar-that-had-begun-fills-at-its-close"),
        pytest.param(BUY, CLOSE, ("105.02", 2_000), id="close-only-fills-at-its-close"),
        pytest.param(BUY, SAME_TIME, ("105.02", 1_000), id="unseen-price-of-the-same-time-counts"),
        pytest.param(BUY, BEFORE, None, id="bar-before-the-decision-fills-nothing"),
        pytest.param(BUY, QUOTE, ("101.02", 2_000), id="buy-takes-the-ask"),
        pytest.param(SELL, QUOTE, ("98.98", 2_000), id="sell-takes-the-bid"),
        pytest.param(SELL, NO_BID, None, id="nobody-buys-at-zero"),
        pytest.param(BUY, NO_BID, ("1.02", 2_000), id="empty-bid-does-not-hinder-a-buy"),
        pytest.param(BUY, NO_ASK, None, id="nobody-sells-at-zero"),
        pytest.param(BUY, TRADE, ("100.02", 2_000), id="trade-fills-at-its-price"),
    ],
)
def test_market_order(side: OrderSide, data: MarketData, expected: tuple[str, int] | None) -> None:
    result = _fill(order(("ABC", side, 10)), data, ticks=2)

    assert result == ([] if expected is None else [(Decimal(expected[0]), expected[1])])


@pytest.mark.parametrize(
    ("side", "limit", "data", "expected"),
    [
        pytest.param(BUY, 101, WHOLE, (100, 1_000), id="open-better-than-limit"),
        pytest.param(BUY, 100, WHOLE, (100, 1_000), id="open-at-limit"),
        pytest.param(BUY, 95, WHOLE, (95, 2_000), id="low-goes-through-limit"),
        pytest.param(BUY, 90, WHOLE, (90, 2_000), id="low-touches-limit"),
        pytest.param(BUY, "89.99", WHOLE, None, id="low-stays-above-limit"),
        pytest.param(SELL, 99, WHOLE, (100, 1_000), id="sell-open-better"),
        pytest.param(SELL, 108, WHOLE, (108, 2_000), id="sell-high-goes-through"),
        pytest.param(SELL, "110.01", WHOLE, None, id="sell-high-stays-below"),
        pytest.param(BUY, 95, BEGUN, None, id="low-of-a-begun-bar-does-not-count"),
        pytest.param(BUY, 106, BEGUN, (105, 2_000), id="close-of-a-begun-bar-counts"),
        pytest.param(SELL, 106, BEGUN, None, id="high-of-a-begun-bar-does-not-count"),
        pytest.param(BUY, 106, CLOSE, (105, 2_000), id="close-only-inside-limit"),
        pytest.param(BUY, 104, CLOSE, None, id="close-only-outside-limit"),
        pytest.param(BUY, 200, BEFORE, None, id="bar-before-the-decision"),
        pytest.param(BUY, 101, QUOTE, (101, 2_000), id="ask-at-limit"),
        pytest.param(BUY, 102, QUOTE, (101, 2_000), id="ask-inside-limit-fills-at-ask"),
        pytest.param(BUY, 100, QUOTE, None, id="ask-outside-limit"),
        pytest.param(SELL, 98, QUOTE, (99, 2_000), id="bid-inside-limit-fills-at-bid"),
        pytest.param(SELL, 100, QUOTE, None, id="bid-outside-limit"),
        pytest.param(SELL, 0, NO_BID, None, id="sell-at-zero-still-needs-a-buyer"),
        pytest.param(BUY, 1, NO_ASK, None, id="nobody-sells-at-zero"),
        pytest.param(SELL, 100, TRADE, (100, 2_000), id="trade-at-limit"),
    ],
)
def test_limit_order_without_slippage(
    side: OrderSide, limit: Number, data: MarketData, expected: tuple[int, int] | None
) -> None:
    result = _fill(order(("ABC", side, 10), limit=limit), data, ticks=2)

    assert result == ([] if expected is None else [(Decimal(expected[0]), expected[1])])


@pytest.mark.parametrize(
    ("side", "stop", "data", "expected"),
    [
        pytest.param(BUY, 108, WHOLE, ("108.02", 2_000), id="high-reaches-stop"),
        pytest.param(BUY, 110, WHOLE, ("110.02", 2_000), id="high-touches-stop"),
        pytest.param(BUY, "110.01", WHOLE, None, id="high-stays-below-stop"),
        pytest.param(BUY, 98, WHOLE, ("100.02", 1_000), id="open-beyond-stop-is-worse"),
        pytest.param(SELL, 95, WHOLE, ("94.98", 2_000), id="low-reaches-stop"),
        pytest.param(SELL, 103, WHOLE, ("99.98", 1_000), id="sell-open-beyond-stop"),
        pytest.param(SELL, 95, BEGUN, None, id="low-of-a-begun-bar-does-not-count"),
        pytest.param(BUY, 104, BEGUN, ("105.02", 2_000), id="close-of-a-begun-bar-counts"),
        pytest.param(BUY, 104, CLOSE, ("105.02", 2_000), id="close-only-fills-at-close"),
        pytest.param(BUY, 101, QUOTE, ("101.02", 2_000), id="ask-reaches-stop"),
        pytest.param(SELL, 99, QUOTE, ("98.98", 2_000), id="bid-reaches-stop"),
        pytest.param(SELL, 98, QUOTE, None, id="bid-above-stop"),
        pytest.param(BUY, 100, TRADE, ("100.02", 2_000), id="trade-reaches-stop"),
    ],
)
def test_stop_order(
    side: OrderSide, stop: Number, data: MarketData, expected: tuple[str, int] | None
) -> None:
    result = _fill(order(("ABC", side, 10), stop=stop), data, ticks=2)

    assert result == ([] if expected is None else [(Decimal(expected[0]), expected[1])])


def test_reached_stop_without_buyer_waits_like_a_market_order() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ABC", SELL, 10), stop=5)))

    assert venue.on_slice(slice_of(quote("ABC", 2_000, 0, 1))) == ()
    # The bid is above the stop again, but the stop was reached.
    assert fills(venue.on_slice(slice_of(quote("ABC", 3_000, 8, 9)))) == [(Decimal(8), 3_000)]


@pytest.mark.parametrize(
    ("expire_ts", "data", "expected"),
    [
        pytest.param(1_500, WHOLE, [(Decimal(100), 1_000)], id="open-before-the-end"),
        pytest.param(1_500, BEGUN, [], id="close-after-the-end"),
        pytest.param(2_000, BEGUN, [(Decimal(105), 2_000)], id="close-at-the-end"),
        pytest.param(1_999, QUOTE, [], id="quote-after-the-end"),
    ],
)
def test_gtd_order_takes_no_price_after_its_end(
    expire_ts: int, data: MarketData, expected: list[tuple[Decimal, int]]
) -> None:
    command = order(("ABC", BUY, 1), time_in_force=TimeInForce.GTD, expire_ts=expire_ts)

    assert _fill(command, data) == expected


def test_limit_beyond_open_ignores_range_after_the_end() -> None:
    command = order(("ABC", BUY, 1), limit=95, time_in_force=TimeInForce.GTD, expire_ts=1_500)

    assert _fill(command, WHOLE) == []


def test_option_fills_from_chain_of_its_underlying() -> None:
    data = chain(2_000, line(PUT, "2.00", "2.20"), line(CALL, "1.00", "1.10"))

    assert _fill(order(("P90", BUY, 1)), data) == [(Decimal("2.20"), 2_000)]
    assert _fill(order(("C110", SELL, 1)), data) == [(Decimal("1.00"), 2_000)]


def test_option_prefers_its_own_quote_to_the_chain() -> None:
    own = quote("P90", 2_000, 3, "3.50")

    assert _fill(order(("P90", BUY, 1)), chain(2_000, line(PUT, 2, 4)), own) == [
        (Decimal("3.50"), 2_000)
    ]


def test_option_in_the_second_chain_of_a_slice_is_found() -> None:
    first, second = chain(2_000, line(CALL, 1, 2)), chain(2_000, line(PUT, 3, 4))

    assert _fill(order(("P90", BUY, 1)), first, second) == [(Decimal(4), 2_000)]


def test_first_line_of_an_option_counts() -> None:
    first, second = chain(2_000, line(PUT, 1, 2)), chain(2_000, line(PUT, 3, 4))

    assert _fill(order(("P90", BUY, 1)), first, second) == [(Decimal(2), 2_000)]


def test_bar_of_underlying_does_not_fill_its_option() -> None:
    assert _fill(order(("P90", BUY, 1)), close_only("SPX", 2_000, 100)) == []


def test_future_at_zero_bid_has_a_buyer() -> None:
    assert _fill(order(("ES", SELL, 1)), quote("ES", 2_000, 0, 1)) == [(Decimal(0), 2_000)]


def test_future_sells_below_zero() -> None:
    assert _fill(order(("ES", SELL, 1)), quote("ES", 2_000, -3, -2)) == [(Decimal(-3), 2_000)]


def test_first_item_of_an_instrument_counts() -> None:
    assert _fill(order(("ABC", BUY, 1)), quote("ABC", 2_000, 9, 10), trade("ABC", 2_000, 7)) == [
        (Decimal(10), 2_000)
    ]


BUTTERFLY = (("P90", BUY, 4), ("C110", SELL, 2))


@pytest.mark.parametrize(
    ("limit", "fills_at"),
    [
        pytest.param("3.40", True, id="net-at-limit"),
        pytest.param("3.39", False, id="net-above-limit"),
    ],
)
def test_structure_limit_counts_net_price_per_unit(limit: str, *, fills_at: bool) -> None:
    # Units = gcd(4, 2) = 2: two puts bought at 2.20, one call sold at 1.00 each.
    data = chain(2_000, line(PUT, "2.00", "2.20"), line(CALL, "1.00", "1.10"))

    result = _fill(order(*BUTTERFLY, limit=limit), data)

    assert result == ([(Decimal("2.20"), 2_000), (Decimal("1.00"), 2_000)] if fills_at else [])


@pytest.mark.parametrize(
    ("limit", "fills_at"),
    [
        pytest.param("-3.00", True, id="credit-enough"),
        pytest.param("-3.05", False, id="too-little"),
    ],
)
def test_structure_credit_is_a_negative_limit(limit: str, *, fills_at: bool) -> None:
    data = chain(2_000, line(PUT, "2.00", "2.20"), line(CALL, "1.00", "1.10"))

    result = _fill(order(("P90", SELL, 1), ("C110", SELL, 1), limit=limit), data)

    assert bool(result) is fills_at


def test_structure_limit_on_bars_counts_opens_only() -> None:
    data = (bar("ABC", 1_000, 2_000, OHLC), bar("XYZ", 1_000, 2_000, (50, 60, 40, 55)))
    spread = (("ABC", BUY, 1), ("XYZ", SELL, 1))

    assert _fill(order(*spread, limit=50), *data) == [(Decimal(100), 1_000), (Decimal(50), 1_000)]
    # Low of one less high of the other is 30, but the two never met.
    assert _fill(order(*spread, limit=49), *data) == []


@pytest.mark.parametrize("limit", [None, "100"])
def test_structure_fills_no_leg_when_one_has_no_counterparty(limit: str | None) -> None:
    data = chain(2_000, line(PUT, "0", "0.05"), line(CALL, "1.00", "1.10"))

    assert _fill(order(("P90", SELL, 1), ("C110", BUY, 1), limit=limit), data) == []


def test_structure_fills_no_leg_when_one_has_no_price() -> None:
    assert _fill(order(("ABC", BUY, 1), ("XYZ", SELL, 1)), WHOLE) == []


def test_market_structure_slips_on_every_leg() -> None:
    result = _fill(
        order(("ABC", BUY, 1), ("XYZ", SELL, 1)), WHOLE, quote("XYZ", 2_000, 50, 51), ticks=1
    )

    assert result == [(Decimal("100.01"), 1_000), (Decimal("49.99"), 2_000)]


@pytest.mark.parametrize(
    ("limit", "expected"),
    [
        pytest.param(95, LiquiditySide.MAKER, id="rested-until-the-range-came"),
        pytest.param(101, LiquiditySide.TAKER, id="could-trade-at-once"),
    ],
)
def test_liquidity_side(limit: int, expected: LiquiditySide) -> None:
    venue = new_venue()
    venue.submit(approved(order(("ABC", BUY, 1), limit=limit)))
    (report,) = venue.on_slice(slice_of(WHOLE))

    assert isinstance(report, OrderFilledReport)
    assert report.liquidity_side is expected
