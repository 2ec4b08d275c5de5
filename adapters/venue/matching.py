"""When and at what price an order fills in a slice. Pure rules, prices in billionths.

No look-ahead. An order decided at time d fills only at a price of time t >= d that came in a slice
which was not seen at the decision; the venue sees each slice before any strategy does, so every
slice that reaches an order already submitted is such a slice. A price also has to be no later than
the end of the order (GTD) and of the instrument.

Usable prices of one leg, as a range from a first price to a last time:

    bar, both ends usable       first = open at ts_open; low to high until ts_event
    bar that began before d     the close at ts_event, nothing else: the range may be older than d
    bar that ends too late      the open at ts_open, nothing else
    bar of a close-only series  the close
    quote, line of a chain      the far side: ask for a buy, bid for a sell; a side at zero (or, for
                                shares and options, below) has nobody on it
    trade                       its price

The first item of an instrument in the slice counts; an option is looked up under its own id, then
in its underlying's chains.

    MARKET       first price plus slippage
    LIMIT        first price when it is at or inside the limit; else the limit itself when low (buy)
                 or high (sell) reaches it. Touching is enough. No slippage, never worse.
    STOP_MARKET  reached when high (buy) or low (sell) touches the stop; fills at the stop, or at
                 the first price when that is worse already, plus slippage. A reached stop that
                 finds nobody stays reached and waits like a MARKET order.

Several legs fill in one slice or not at all, a MARKET structure each leg by the rule above. For a
LIMIT structure the net price per unit counts: units are the greatest common divisor of the legs'
quantities; net = sum of (leg quantity / units) x price, buys positive and sells negative, without
multipliers; it fills when net <= limit, so a credit is a negative limit. Only first prices count
there, because highs and lows of different legs did not happen at one moment.

Volume is not modelled: quantities fill in full, and own orders do not move prices.
"""

from __future__ import annotations

from typing import Final, TypeAlias, assert_never

import msgspec

from orchestrion.adapters.venue.last_price import items_of
from orchestrion.adapters.venue.slippage import SlippageModel
from orchestrion.adapters.venue.working_order import WorkingLeg, WorkingOrder
from orchestrion.domain.models.instrument import Future, OptionContract, Tradable
from orchestrion.domain.models.market import (
    Bar,
    MarketSlice,
    OptionChain,
    OptionQuote,
    QuoteTick,
    TradeTick,
)
from orchestrion.domain.models.order import OrderType
from orchestrion.domain.models.report import LiquiditySide

PriceSource: TypeAlias = Bar | QuoteTick | TradeTick | OptionQuote

_MARKET: Final = OrderType.MARKET


class PriceRange(msgspec.Struct, frozen=True, gc=False):
    """Prices that may fill one leg in one slice; one price is a range of itself."""

    first_e9: int
    first_ts: int
    low_e9: int
    high_e9: int
    last_ts: int
    has_counterparty: bool = True


class Execution(msgspec.Struct, frozen=True, gc=False):
    """What one leg fills at."""

    price_e9: int
    ts_event: int
    liquidity_side: LiquiditySide = LiquiditySide.TAKER


NO_FILL: tuple[Execution, ...] = ()


class SlicePrices:
    """The price sources of one slice; a chain is turned into a table only when somebody asks."""

    __slots__ = ("_quotes", "market_slice")

    def __init__(self, market_slice: MarketSlice) -> None:
        self.market_slice = market_slice
        self._quotes: dict[str, dict[str, OptionQuote]] = {}

    def source(self, instrument: Tradable) -> PriceSource | None:
        """Where this slice has a price of the instrument, or None."""
        for item in items_of(self.market_slice, instrument.instrument_id):
            if not isinstance(item, OptionChain):
                return item
        if not isinstance(instrument, OptionContract):
            return None
        quotes = self._quotes.get(instrument.underlying_id)
        if quotes is None:
            quotes = self._quotes[instrument.underlying_id] = self._read_chains(instrument)
        return quotes.get(instrument.instrument_id)

    def _read_chains(self, option: OptionContract) -> dict[str, OptionQuote]:
        quotes: dict[str, OptionQuote] = {}
        for item in items_of(self.market_slice, option.underlying_id):
            if isinstance(item, OptionChain):
                for quote in item.quotes:
                    quotes.setdefault(quote.instrument_id, quote)
        return quotes


def match_order(
    order: WorkingOrder, prices: SlicePrices, slippage: SlippageModel
) -> tuple[Execution, ...] | None:
    """What an order fills at in a slice.

    Returns:
        One execution per leg; empty when it could have traded and did not; None when some leg has
        no usable price here. A stop that is reached is marked as such.
    """
    ranges: list[PriceRange] = []
    ts_event = prices.market_slice.ts_event
    for leg in order.legs:
        source = prices.source(leg.instrument)
        if source is None:
            return None
        usable = usable_range(source, leg, ts_event, order.earliest)
        if usable is None:
            return None
        ranges.append(usable)
    if order.order_type is _MARKET:
        return _market(order, ranges, slippage)
    match order.order_type:
        case OrderType.LIMIT:
            limit = _limit if len(order.legs) == 1 else _structure_limit
            return limit(order, ranges)
        case OrderType.STOP_MARKET:
            return _stop(order, ranges, slippage)
        case _:
            assert_never(order.order_type)


def usable_range(
    source: PriceSource, leg: WorkingLeg, ts_event: int, earliest: int
) -> PriceRange | None:
    """The prices of a source that are neither before the decision nor after the end.

    Args:
        ts_event: of the slice; a line of a chain has none of its own.
        earliest: time of the decision.
    """
    if isinstance(source, Bar):
        return _bar_range(source, leg, ts_event, earliest)
    if not earliest <= ts_event <= leg.latest:
        return None
    if isinstance(source, TradeTick):
        return _single(source.price_e9, ts_event)
    price_e9 = source.ask_e9 if leg.side.sign > 0 else source.bid_e9
    # A future may be quoted at or below zero; a zero there is a price, not an empty side.
    has_counterparty = price_e9 > 0 or isinstance(leg.instrument, Future)
    return PriceRange(price_e9, ts_event, price_e9, price_e9, ts_event, has_counterparty)


def _bar_range(bar: Bar, leg: WorkingLeg, ts_event: int, earliest: int) -> PriceRange | None:
    is_close_in_time = earliest <= ts_event <= leg.latest
    if earliest <= bar.ts_open <= leg.latest:
        if is_close_in_time:
            return PriceRange(bar.open_e9, bar.ts_open, bar.low_e9, bar.high_e9, bar.ts_event)
        return _single(bar.open_e9, bar.ts_open)
    return _single(bar.close_e9, bar.ts_event) if is_close_in_time else None


def _single(price_e9: int, ts: int) -> PriceRange:
    return PriceRange(price_e9, ts, price_e9, price_e9, ts)


def _market(
    order: WorkingOrder, ranges: list[PriceRange], slippage: SlippageModel
) -> tuple[Execution, ...]:
    executions: list[Execution] = []
    for i, leg in enumerate(order.legs):
        prices = ranges[i]
        if not prices.has_counterparty:
            return NO_FILL
        executions.append(_slipped(leg, prices.first_e9, prices.first_ts, slippage))
    return tuple(executions)


def _limit(order: WorkingOrder, ranges: list[PriceRange]) -> tuple[Execution, ...]:
    (leg,), (prices,) = order.legs, ranges
    if not prices.has_counterparty:
        return NO_FILL
    sign, limit_e9 = leg.side.sign, order.limit_e9
    if sign * prices.first_e9 <= sign * limit_e9:
        return (Execution(prices.first_e9, prices.first_ts),)
    best_e9 = prices.low_e9 if sign > 0 else prices.high_e9
    if sign * best_e9 <= sign * limit_e9:
        return (Execution(limit_e9, prices.last_ts, LiquiditySide.MAKER),)
    return NO_FILL


def _structure_limit(order: WorkingOrder, ranges: list[PriceRange]) -> tuple[Execution, ...]:
    if not all(one.has_counterparty for one in ranges):
        return NO_FILL
    net_e9 = sum(
        leg.side.sign * leg.ratio * one.first_e9
        for leg, one in zip(order.legs, ranges, strict=True)
    )
    if net_e9 > order.limit_e9:
        return NO_FILL
    return tuple(Execution(one.first_e9, one.first_ts) for one in ranges)


def _stop(
    order: WorkingOrder, ranges: list[PriceRange], slippage: SlippageModel
) -> tuple[Execution, ...]:
    if order.is_triggered:
        return _market(order, ranges, slippage)
    (leg,), (prices,) = order.legs, ranges
    sign, stop_e9 = leg.side.sign, order.stop_e9
    extreme_e9 = prices.high_e9 if sign > 0 else prices.low_e9
    if sign * extreme_e9 < sign * stop_e9:
        return NO_FILL
    order.is_triggered = True
    if sign * prices.first_e9 >= sign * stop_e9:
        return _market(order, ranges, slippage)
    return (_slipped(leg, stop_e9, prices.last_ts, slippage),)


def _slipped(leg: WorkingLeg, price_e9: int, ts: int, slippage: SlippageModel) -> Execution:
    return Execution(slippage.slipped_e9(leg.instrument, leg.side, price_e9), ts)
