"""A tiny hand-written host for one strategy, and a made-up market for it to trade in.

The host does what a backtest does, without any of its code: orders fill at the prices of the next
slice (options at the far side, bars at the open), DAY orders end with that slice, options and
futures expire into cash before the strategy sees the day. It can refuse commands, leave legs
unfilled, and rebuild the strategy from its snapshot before every call.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable
from datetime import date, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

import msgspec

from orchestrion.domain.models.command import StrategyCommand, SubmitOrder
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    Instrument,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.market import Bar, MarketData, MarketSlice, OptionChain, OptionQuote
from orchestrion.domain.models.money import BILLION, ZERO
from orchestrion.domain.models.order import Leg, Order, OrderSide, OrderStatus
from orchestrion.domain.models.portfolio import Book, Marks, expire, settle_future, trade
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.models.strategy import Strategy, StrategyView

DAY_NS = 86_400_000_000_000
CLOSE_NS = 75_600_000_000_000
"""21:00 UTC, the time of every slice and every expiry."""
OPEN_NS = 52_200_000_000_000


def ts_of(day: date) -> int:
    return (day - date(1970, 1, 1)).days * DAY_NS + CLOSE_NS


def weekdays(first: date, count: int) -> list[date]:
    days = (first + timedelta(days=i) for i in range(count * 7 // 5 + 7))
    return [day for day in days if day.weekday() < 5][:count]


def bar(instrument_id: str, day: date, close: float, *, open_: float | None = None) -> Bar:
    """A day's bar; without an open it is close-only."""
    close_e9, open_e9 = _e9(close), _e9(close if open_ is None else open_)
    ts = ts_of(day)
    ts_open = ts if open_ is None else ts - CLOSE_NS + OPEN_NS
    low, high = min(open_e9, close_e9), max(open_e9, close_e9)
    return Bar(instrument_id, ts_open, ts, open_e9, high, low, close_e9)


def _e9(price: float) -> int:
    return round(price * 100) * (BILLION // 100)


# --- options -------------------------------------------------------------------------------------


def third_friday(day: date) -> bool:
    return day.weekday() == 4 and 15 <= day.day <= 21


@lru_cache(maxsize=4096)
def expiries_seen(day: date) -> tuple[date, ...]:
    """Fridays up to five weeks out and third Fridays up to fourteen weeks out, today included."""
    later = (day + timedelta(days=i) for i in range(99))
    return tuple(
        one
        for one in later
        if one.weekday() == 4 and (third_friday(one) or one <= day + timedelta(35))
    )


def option_id(kind: OptionKind, strike: int, expiry: date, underlying_id: str = "SPX") -> str:
    return f"{underlying_id}-{expiry:%Y%m%d}-{kind[0]}{strike}"


def quote(
    kind: OptionKind,
    strike: int,
    expiry: date,
    *,
    bid: float,
    ask: float,
    delta: float = 0.0,
    underlying_id: str = "SPX",
) -> OptionQuote:
    return OptionQuote(
        option_id(kind, strike, expiry, underlying_id),
        ts_of(expiry),
        strike * BILLION,
        kind,
        _e9(bid),
        _e9(ask),
        delta,
        0.2,
    )


def chain_of(day: date, price: float, quotes: Iterable[OptionQuote]) -> OptionChain:
    ordered = sorted(quotes, key=lambda one: (one.expiry_ts, one.strike_e9, one.option_kind))
    return OptionChain("SPX", ts_of(day), _e9(price), tuple(ordered), modelled=True)


@lru_cache(maxsize=2048)
def modelled_chain(day: date, price: float, volatility: float) -> OptionChain:
    """Black-Scholes without rates on 25-point strikes within 12 % of the price."""
    first, last = int(price * 0.88 // 25) * 25, int(price * 1.12 // 25 + 1) * 25
    return chain_of(
        day,
        price,
        (
            _modelled_quote(day, price, volatility, kind, strike, expiry)
            for expiry in expiries_seen(day)
            for strike in range(first, last + 1, 25)
            for kind in (OptionKind.CALL, OptionKind.PUT)
        ),
    )


def _modelled_quote(
    day: date, price: float, volatility: float, kind: OptionKind, strike: int, expiry: date
) -> OptionQuote:
    deviation = max(volatility * math.sqrt((expiry - day).days / 365), 1e-6)
    d1 = math.log(price / strike) / deviation + deviation / 2
    call = price * _normal(d1) - strike * _normal(d1 - deviation)
    is_call = kind is OptionKind.CALL
    value = call if is_call else call - price + strike
    ticks = round(max(value, 0.0) / 0.05)
    spread = 1 + ticks // 100
    return quote(
        kind,
        strike,
        expiry,
        bid=max(ticks - spread, 0) * 0.05,
        ask=(ticks + spread) * 0.05,
        delta=_normal(d1) - (0 if is_call else 1),
    )


def _normal(x: float) -> float:
    return (1 + math.erf(x / math.sqrt(2))) / 2


def hand_made_slice(day: date, price: float, *quotes: OptionQuote) -> MarketSlice:
    """The index and a chain of exactly these lines."""
    return slice_of(bar("SPX", day, price), chain_of(day, price, quotes))


class OptionWorld:
    """A path of the index with a chain for every day, and all contracts that ever appear."""

    def __init__(self, first: date, prices: list[float], volatilities: list[float]) -> None:
        self.days = weekdays(first, len(prices))
        self.slices = [
            option_slice(day, price, volatility)
            for day, price, volatility in zip(self.days, prices, volatilities, strict=True)
        ]
        self.instruments = [Index(instrument_id="SPX"), *contracts_in(self.slices)]


def option_slice(day: date, price: float, volatility: float) -> MarketSlice:
    return MarketSlice.of([bar("SPX", day, price), modelled_chain(day, price, volatility)])


def contracts_in(slices: Iterable[MarketSlice], **terms: Any) -> list[Instrument]:
    found: dict[str, Instrument] = {}
    for one in slices:
        chain = one.chain("SPX")
        for line in chain.quotes if chain is not None else ():
            found[line.instrument_id] = OptionContract(
                instrument_id=line.instrument_id,
                underlying_id="SPX",
                expiry_ts=line.expiry_ts,
                strike=line.strike,
                option_kind=line.option_kind,
                **terms,
            )
    return list(found.values())


# --- futures and shares --------------------------------------------------------------------------


def future(instrument_id: str, underlying_id: str, expiry: date, multiplier: int) -> Future:
    return Future(
        instrument_id=instrument_id,
        underlying_id=underlying_id,
        expiry_ts=ts_of(expiry),
        multiplier=Decimal(multiplier),
        initial_margin=Decimal(5000),
        maintenance_margin=Decimal(4500),
    )


def equity(instrument_id: str, **terms: Any) -> Equity:
    return Equity(instrument_id=instrument_id, **terms)


# --- the host ------------------------------------------------------------------------------------


def never(_: SubmitOrder) -> bool:
    return False


def fills_all(_: Order, __: int) -> bool:
    return True


class StrategyHost:
    """Runs one strategy over slices and keeps its book.

    Attributes:
        sent: (slice number, order) that was accepted; ``refused`` likewise.
        labels: of everything that was accepted.
    """

    def __init__(
        self,
        strategy: Strategy,
        instruments: Iterable[Instrument],
        *,
        cash: int = 1_000_000,
        refuse: Callable[[SubmitOrder], bool] = never,
        fills: Callable[[Order, int], bool] = fills_all,
        is_restoring: bool = False,
        is_patient: bool = False,
    ) -> None:
        self.strategy = strategy
        self.catalog = InstrumentCatalog(instruments)
        self.marks = Marks()
        self.book = Book("S", Decimal(cash))
        self.view = StrategyView("S", self.catalog, self.marks, self.book)
        self.refuse, self.fills = refuse, fills
        self.is_restoring, self.is_patient = is_restoring, is_patient
        self.working: dict[str, Order] = {}
        self.sent: list[tuple[int, SubmitOrder]] = []
        self.refused: list[tuple[int, SubmitOrder]] = []
        self.is_settling = True
        self.slice_number = -1

    @property
    def labels(self) -> list[str]:
        return [order.label for _, order in self.sent]

    def run(self, slices: Iterable[MarketSlice]) -> StrategyHost:
        for one in slices:
            self.step(one)
        return self

    def step(self, market_slice: MarketSlice) -> list[SubmitOrder]:
        """One slice: fills, expiries, marks, the strategy, its commands."""
        self.slice_number += 1
        self._fill(market_slice)
        self._expire(market_slice)
        self.marks.update(market_slice)
        self._settle_futures()
        self._move(market_slice.ts_event)
        answer = self._strategy().on_event(market_slice, self.view) or ()
        assert isinstance(answer, (list, tuple)), "the library is synchronous"
        orders = [one for one in answer if isinstance(one, SubmitOrder)]
        assert len(orders) == len(answer), "the library sends orders only"
        self._take(orders, market_slice.ts_event)
        return orders

    @staticmethod
    def bought(
        book: Book, catalog: InstrumentCatalog, instrument_id: str, quantity: int, price: float
    ) -> Book:
        """The book after a purchase that no order of the strategy caused."""
        instrument = catalog.tradable(instrument_id)
        signed = Decimal(quantity)
        return trade(book, instrument, signed_quantity=signed, price=Decimal(str(price)))

    def quantity(self, instrument_id: str) -> Decimal:
        return self.book.quantity(instrument_id)

    def held(self) -> dict[str, Decimal]:
        return {key: position.quantity for key, position in self.book.positions.items()}

    def _strategy(self) -> Strategy:
        if self.is_restoring:
            state = json.loads(json.dumps(self.strategy.snapshot()))
            self.strategy = type(self.strategy)(self.strategy.parameters)
            self.strategy.restore(state)
        return self.strategy

    def _move(self, now: int) -> None:
        self.view._book, self.view._orders, self.view._now = self.book, dict(self.working), now

    def _take(self, orders: list[SubmitOrder], now: int) -> None:
        for order in orders:
            self._check(order)
            if self.refuse(order):
                self.refused.append((self.slice_number, order))
                continue
            self.sent.append((self.slice_number, order))
            client_order_id = f"O-{len(self.sent)}"
            self.working[client_order_id] = Order(
                client_order_id=client_order_id,
                strategy_id=order.strategy_id,
                legs=order.legs,
                filled=tuple(ZERO for _ in order.legs),
                status=OrderStatus.ACCEPTED,
                order_type=order.order_type,
                time_in_force=order.time_in_force,
                limit_price=order.limit_price,
                stop_price=order.stop_price,
                is_reducing=order.reduce_only,
                ts_decided=now,
            )

    def _check(self, order: StrategyCommand) -> None:
        """What a capital manager would refuse; the library must not even ask."""
        assert isinstance(order, SubmitOrder)
        assert order.strategy_id == "S"
        ids = [leg.instrument_id for leg in order.legs]
        assert len(set(ids)) == len(ids), f"one instrument twice in {order}"
        for leg in order.legs:
            instrument = self.catalog.tradable(leg.instrument_id)
            assert leg.quantity > 0
            assert leg.quantity % instrument.lot_size == 0
            if not isinstance(instrument, Equity):
                assert instrument.expiry_ts > self.view.now, f"expired: {leg}"
            if order.reduce_only:
                held = self.quantity(leg.instrument_id)
                assert held * leg.side.sign < 0, f"opens: {leg}"
                assert leg.quantity <= abs(held), f"goes through zero: {leg}"

    def _fill(self, market_slice: MarketSlice) -> None:
        for client_order_id in list(self.working):
            order = self.working[client_order_id]
            for i, leg in enumerate(order.legs):
                price = _fill_price(market_slice, leg, self.catalog)
                if price is not None and not order.filled[i] and self.fills(order, i):
                    order = self._fill_leg(order, i, leg, price, market_slice.ts_event)
            is_done = all(
                done == leg.quantity for done, leg in zip(order.filled, order.legs, strict=True)
            )
            if is_done or not self.is_patient:
                self.working.pop(client_order_id)

    def _fill_leg(self, order: Order, i: int, leg: Leg, price: Decimal, now: int) -> Order:
        instrument = self.catalog.tradable(leg.instrument_id)
        self.book = trade(
            self.book, instrument, signed_quantity=leg.signed_quantity, price=price, fee=Decimal(1)
        )
        filled = (*order.filled[:i], leg.quantity, *order.filled[i + 1 :])
        order = msgspec.structs.replace(order, filled=filled, status=OrderStatus.PARTIALLY_FILLED)
        self.working[order.client_order_id] = order
        report = OrderFilledReport(
            client_order_id=order.client_order_id,
            venue_order_id="V",
            trade_id=f"{order.client_order_id}-{i}",
            leg_index=i,
            instrument_id=leg.instrument_id,
            side=leg.side,
            last_qty=leg.quantity,
            last_px=price,
            commission=Decimal(1),
            ts_event=now,
        )
        self._move(now)
        assert not self._strategy().on_fill(report, self.view)
        return order

    def _expire(self, market_slice: MarketSlice) -> None:
        for instrument_id in list(self.book.positions) if self.is_settling else ():
            instrument = self.catalog.tradable(instrument_id)
            if isinstance(instrument, Equity) or instrument.expiry_ts > market_slice.ts_event:
                continue
            price = _underlying_price(market_slice, instrument)
            if isinstance(instrument, OptionContract):
                price = instrument.intrinsic_value(price)
            self.book = expire(self.book, instrument, price)

    def _settle_futures(self) -> None:
        for instrument_id in [*self.book.positions, *self.book.unsettled]:
            instrument = self.catalog.tradable(instrument_id)
            price = self.marks.price(instrument_id)
            if isinstance(instrument, Future) and price is not None:
                self.book = settle_future(self.book, instrument, price)


def _underlying_price(market_slice: MarketSlice, instrument: Future | OptionContract) -> Decimal:
    found = market_slice.bar(instrument.underlying_id)
    assert found is not None
    return found.close


def _fill_price(market_slice: MarketSlice, leg: Leg, catalog: InstrumentCatalog) -> Decimal | None:
    instrument = catalog.tradable(leg.instrument_id)
    if isinstance(instrument, OptionContract):
        return _far_side(market_slice.chain(instrument.underlying_id), leg)
    found: Bar | None = market_slice.bar(leg.instrument_id)
    return None if found is None else found.open


def _far_side(chain: OptionChain | None, leg: Leg) -> Decimal | None:
    for line in chain.quotes if chain is not None else ():
        if line.instrument_id == leg.instrument_id:
            return line.ask if leg.side is OrderSide.BUY else line.bid
    return None


def slice_of(*items: MarketData) -> MarketSlice:
    return MarketSlice.of(items)
