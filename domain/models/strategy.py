"""The strategy protocol: what a strategy is given and what it may answer.

A strategy never sends anything. It is called with the event and a read-only view, and returns
commands and signals; the coordinator decides what becomes of them. It gets no clock: the only
time is the event's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, TypeAlias, cast

import msgspec
from pydantic import BaseModel, ConfigDict

from orchestrion.domain.models.command import CancelOrder, StrategyCommand, SubmitOrder
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import Leg, Order, OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.portfolio import Book, Marks, equity
from orchestrion.domain.models.report import OrderFilledReport


class Signal(msgspec.Struct, frozen=True, kw_only=True, tag="Signal"):
    """A typed message to the strategies of later stages, e.g. a regime or a forecast."""

    strategy_id: str
    name: str
    value: float
    instrument_id: str = ""


StrategyOutput: TypeAlias = StrategyCommand | Signal
StrategyOutputs: TypeAlias = Sequence[StrategyOutput] | None
HandlerAnswer: TypeAlias = StrategyOutputs | Awaitable[StrategyOutputs]
"""What a handler may return; an ``async def`` handler returns something to await."""


Figure: TypeAlias = Decimal | None
"""What a view answered when it was asked for a price (None: none yet) or the budget."""


CHANGED_ORDERS_MAX = 64
"""So many states of orders may wait until somebody looks; arbitrary, it keeps memory flat."""


class StrategyView:
    """What a strategy may see while it is called: its own book, budget, orders, time, signals.

    One view lives as long as its strategy; the actor moves it from event to event. Everything
    that it hands out is immutable.

    Prices and the budget come from tables that move on. A view can note what it answered, and
    answer the same again when a strategy is rebuilt from what it was told.
    """

    __slots__ = (
        "_again",
        "_book",
        "_catalog",
        "_changed_orders",
        "_marks",
        "_noted",
        "_now",
        "_orders",
        "_signals",
        "_strategy_id",
    )

    def __init__(
        self, strategy_id: str, catalog: InstrumentCatalog, marks: Marks, book: Book
    ) -> None:
        self._strategy_id = strategy_id
        self._catalog = catalog
        self._marks = marks
        self._book = book
        self._orders: Mapping[str, Order] = {}
        self._changed_orders: list[Order] = []
        self._signals: tuple[Signal, ...] = ()
        self._now = 0
        self._noted: list[Figure] | None = None
        self._again: Iterator[Figure] | None = None

    def note_answers(self, noted: list[Figure]) -> None:
        """From now on every price and budget is put on this list. For whoever hosts the
        strategy."""
        self._noted = noted

    def answer_again(self, answers: Iterable[Figure] | None) -> None:
        """The next prices and budgets are these, as long as they last; None: those of now."""
        self._again = None if answers is None else iter(answers)

    def move(
        self,
        *,
        now: int | None = None,
        signals: tuple[Signal, ...] | None = None,
        book: Book | None = None,
        orders: Mapping[str, Order] | None = None,
        catalog: InstrumentCatalog | None = None,
    ) -> None:
        """Sets what changed. For whoever hosts the strategy, not for the strategy."""
        if now is not None:
            self._now = now
        if signals is not None:
            self._signals = signals
        if book is not None:
            self._book = book
        if orders is not None:
            self._orders = orders
            self._changed_orders.clear()
        if catalog is not None:
            self._catalog = catalog

    def change_orders(self, orders: Iterable[Order]) -> None:
        """Takes the next states of own orders; those that have ended leave. Folded in when somebody
        looks, which is seldom between the three states of a usual order."""
        self._changed_orders.extend(orders)
        if len(self._changed_orders) > CHANGED_ORDERS_MAX:
            self._fold_orders()

    def enter(self, now: int, signals: tuple[Signal, ...]) -> None:
        """The same for the two things that every market event changes."""
        self._now = now
        self._signals = signals

    @property
    def strategy_id(self) -> str:
        return self._strategy_id

    @property
    def now(self) -> int:
        """Time of the event, nanoseconds UTC."""
        return self._now

    @property
    def book(self) -> Book:
        return self._book

    @property
    def budget(self) -> Decimal:
        """Allocation plus own profit and loss: the equity of the own book at the marks."""
        for figure in self._again or ():
            return cast("Decimal", figure)
        budget = equity(self._book, self._catalog, self._marks)
        if self._noted is not None:
            self._noted.append(budget)
        return budget

    @property
    def signals(self) -> tuple[Signal, ...]:
        """Signals of the earlier stages of this round, in rank order."""
        return self._signals

    @property
    def working_orders(self) -> Mapping[str, Order]:
        """Own orders that can still fill, by client_order_id, in order of submission; as of now, it
        does not change while it is looked at."""
        if self._changed_orders:
            self._fold_orders()
        return self._orders

    def _fold_orders(self) -> None:
        orders = dict(self._orders)
        for order in self._changed_orders:
            if order.is_open:
                orders[order.client_order_id] = order
            else:
                orders.pop(order.client_order_id, None)
        self._orders = MappingProxyType(orders)
        self._changed_orders.clear()

    @property
    def instruments(self) -> InstrumentCatalog:
        return self._catalog

    def price(self, instrument_id: str) -> Decimal | None:
        """Last known price per unit, or None."""
        if self._again is not None:
            for figure in self._again:
                return figure
        price = self._marks.price(instrument_id)
        if self._noted is not None:
            self._noted.append(price)
        return price

    def quantity(self, instrument_id: str) -> Decimal:
        """Own signed quantity."""
        return self._book.quantity(instrument_id)

    def buy(self, instrument_id: str, quantity: Decimal | int, **options: Any) -> SubmitOrder:
        """A command to buy; options as in ``SubmitOrder.single``."""
        return SubmitOrder.single(
            self._strategy_id, instrument_id, OrderSide.BUY, quantity, **options
        )

    def sell(self, instrument_id: str, quantity: Decimal | int, **options: Any) -> SubmitOrder:
        """A command to sell; options as in ``SubmitOrder.single``."""
        return SubmitOrder.single(
            self._strategy_id, instrument_id, OrderSide.SELL, quantity, **options
        )

    def close(self, *instrument_ids: str, label: str = "") -> SubmitOrder | None:
        """One market order that closes the own quantity of the named instruments as a whole.

        Returns None when nothing is held.
        """
        legs = tuple(
            Leg(
                instrument_id,
                OrderSide.SELL if quantity > 0 else OrderSide.BUY,
                quantity.copy_abs(),
            )
            for instrument_id in instrument_ids
            if (quantity := self.quantity(instrument_id))
        )
        if not legs:
            return None
        return SubmitOrder(strategy_id=self._strategy_id, legs=legs, reduce_only=True, label=label)

    def structure(
        self,
        *legs: Leg,
        order_type: OrderType = OrderType.MARKET,
        time_in_force: TimeInForce = TimeInForce.DAY,
        limit_price: Decimal | None = None,
        label: str = "",
    ) -> SubmitOrder:
        """Several legs as one order, approved as a whole."""
        return SubmitOrder(
            strategy_id=self._strategy_id,
            legs=legs,
            order_type=order_type,
            time_in_force=time_in_force,
            limit_price=limit_price,
            label=label,
        )

    def cancel(self, client_order_id: str) -> CancelOrder:
        return CancelOrder(strategy_id=self._strategy_id, client_order_id=client_order_id)


class NoParameters(BaseModel):
    """Parameters of a strategy that has none: any key is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Strategy:
    """Base of all strategies: subclass it and write ``on_event``.

    ``Parameters`` is a pydantic model with defaults and units; the configuration's ``config`` is
    validated by it, so every class can be built without arguments.

    Handlers may be ``async def`` instead, all of them or none: the strategy then runs in a task of
    its own, and its answer, or its absence at the deadline, is an input.
    """

    Parameters: ClassVar[type[BaseModel]] = NoParameters
    description: ClassVar[str] = ""

    def __init__(self, parameters: BaseModel | None = None) -> None:
        self.parameters = self.Parameters() if parameters is None else parameters

    @classmethod
    def configured(cls, config: Mapping[str, Any]) -> Strategy:
        """A new instance with parameters validated from a configuration.

        Raises:
            pydantic.ValidationError: an unknown key or a value that does not fit.
        """
        return cls(cls.Parameters.model_validate(dict(config)))

    def subscriptions(self) -> tuple[str, ...]:
        """Instrument ids whose slices it wants; empty means every slice.

        An option chain counts under its underlying's id.
        """
        return ()

    def on_start(self, view: StrategyView) -> HandlerAnswer:
        """Called once, before the first event."""

    def on_event(self, event: MarketSlice, view: StrategyView) -> HandlerAnswer:
        """Called with every slice that holds a subscribed instrument.

        Returns commands and signals, or None. Lists and tuples are fine.
        """

    def on_fill(self, fill: OrderFilledReport, view: StrategyView) -> HandlerAnswer:
        """Called after one of its orders filled, with the book already changed."""

    def on_stop(self, view: StrategyView) -> Awaitable[None] | None:
        """Called once, at the end; commands are not possible any more."""

    def snapshot(self) -> object | None:
        """All state that the handlers build up, as plain JSON-like data (dict, list, str, int,
        float, bool, None), or None when it has to be rebuilt from its inputs."""
        return None

    def restore(self, state: object) -> None:
        """Takes back what ``snapshot`` gave."""
        raise NotImplementedError(f"{type(self).__name__} gives snapshots but cannot restore them")
