"""Laws of the venue's prices: never worse than the limit, never a price the order must not know."""

from __future__ import annotations

from decimal import Decimal
from math import gcd

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.adapters.venue.fees import FeeSchedule
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.adapters.venue.slippage import Slippage, SlippageModel
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder
from orchestrion.domain.models.instrument import Equity, InstrumentCatalog
from orchestrion.domain.models.market import Bar, MarketData, MarketSlice, QuoteTick, TradeTick
from orchestrion.domain.models.order import Leg, OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.report import OrderFilledReport, VenueReport

pytestmark = pytest.mark.slow

CENT_E9 = 10_000_000
IDS = ("A", "B")
CATALOG = InstrumentCatalog([Equity(instrument_id=one) for one in IDS])
SLIPPAGE = Slippage(ticks=3, price_fraction=Decimal("0.001"))

cents = st.integers(1, 400)
sides = st.sampled_from(OrderSide)


@st.composite
def market_data(draw: st.DrawFn, instrument_id: str, ts_event: int) -> MarketData:
    prices = sorted(one * CENT_E9 for one in draw(st.lists(cents, min_size=4, max_size=4)))
    kind = draw(st.sampled_from(["bar", "quote", "trade"]))
    if kind == "quote":
        return QuoteTick(instrument_id, ts_event, prices[0], prices[1])
    if kind == "trade":
        return TradeTick(instrument_id, ts_event, prices[0])
    low, first, second, high = prices
    opened, closed = draw(st.sampled_from([(first, second), (second, first)]))
    ts_open = ts_event - draw(st.integers(0, 15))
    if ts_open == ts_event:
        return Bar(instrument_id, ts_event, ts_event, closed, closed, closed, closed)
    return Bar(instrument_id, ts_open, ts_event, opened, high, low, closed)


@st.composite
def slices(draw: st.DrawFn) -> list[MarketSlice]:
    result: list[MarketSlice] = []
    for number in range(draw(st.integers(1, 8))):
        ids = draw(st.sampled_from([("A",), ("B",), IDS]))
        ts_event = 20 + 10 * number
        result.append(MarketSlice.of(draw(market_data(one, ts_event)) for one in ids))
    return result


def _run(order: SubmitOrder, ts_decided: int, data: list[MarketSlice]) -> list[OrderFilledReport]:
    venue = SimulatedVenue(
        CATALOG,
        fees=FeeSchedule(),
        slippage=SlippageModel(equity=SLIPPAGE),
        starting_cash=Decimal(1_000),
    )
    venue.submit(
        ApprovedCommand(
            strategy_id="alpha",
            command=order,
            client_order_id="o-1",
            reservation=Decimal(0),
            is_reducing=False,
            ts_decided=ts_decided,
        )
    )
    reports: list[VenueReport] = []
    for market_slice in data:
        reports += venue.on_slice(market_slice)
    return [one for one in reports if isinstance(one, OrderFilledReport)]


def _order(legs: list[tuple[str, OrderSide, int]], kind: OrderType, price: Decimal) -> SubmitOrder:
    return SubmitOrder(
        strategy_id="alpha",
        legs=tuple(Leg(one, side, Decimal(quantity)) for one, side, quantity in legs),
        order_type=kind,
        time_in_force=TimeInForce.GTC,
        limit_price=price if kind is OrderType.LIMIT else None,
        stop_price=price if kind is OrderType.STOP_MARKET else None,
    )


def _price(value: int) -> Decimal:
    return Decimal(value) / 100


@given(side=sides, limit=cents, ts_decided=st.integers(0, 100), data=slices())
def test_limit_fill_is_never_worse_than_its_limit(
    side: OrderSide, limit: int, ts_decided: int, data: list[MarketSlice]
) -> None:
    order = _order([("A", side, 7)], OrderType.LIMIT, _price(limit))

    for fill in _run(order, ts_decided, data):
        assert side.sign * fill.last_px <= side.sign * _price(limit)


@given(
    limit=st.integers(-800, 800),
    first=st.tuples(sides, st.integers(1, 6)),
    second=st.tuples(sides, st.integers(1, 6)),
    units=st.integers(1, 5),
    data=slices(),
)
def test_structure_never_pays_more_than_its_limit_for_all_units(
    limit: int,
    first: tuple[OrderSide, int],
    second: tuple[OrderSide, int],
    units: int,
    data: list[MarketSlice],
) -> None:
    legs = [("A", first[0], 2 * units * first[1]), ("B", second[0], units * (2 * second[1] - 1))]
    order = _order(legs, OrderType.LIMIT, _price(limit))

    fills = _run(order, 0, data)

    assert len(fills) in (0, 2)
    if fills:
        paid = sum(fill.side.sign * fill.last_qty * fill.last_px for fill in fills)
        assert paid <= _price(limit) * gcd(legs[0][2], legs[1][2])


@given(
    side=sides,
    kind=st.sampled_from(OrderType),
    price=cents,
    ts_decided=st.integers(0, 100),
    data=slices(),
)
def test_fill_uses_no_price_from_before_the_decision(
    side: OrderSide, kind: OrderType, price: int, ts_decided: int, data: list[MarketSlice]
) -> None:
    for fill in _run(_order([("A", side, 1)], kind, _price(price)), ts_decided, data):
        assert fill.ts_event >= ts_decided
        source = next(one for one in data if one.ts_event >= fill.ts_event)
        bar = source.bar("A")
        if bar is not None and bar.ts_open < ts_decided:
            # A bar that began before the decision gives its close and no better.
            assert fill.ts_event == bar.ts_event
            assert side.sign * fill.last_px >= side.sign * bar.close


@given(side=sides, stop=cents, data=slices())
def test_stop_fill_is_never_better_than_its_stop_or_market(
    side: OrderSide, stop: int, data: list[MarketSlice]
) -> None:
    for fill in _run(_order([("A", side, 1)], OrderType.STOP_MARKET, _price(stop)), 0, data):
        assert side.sign * fill.last_px >= side.sign * _price(stop)
