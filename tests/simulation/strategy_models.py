"""Strategies that trade, and that fail in every way we could think of.

What one does depends on (seed, its id, its own count of calls, the time of the event) and on its
view, nothing else: a strategy that is rebuilt, restored or replayed does the same again. A fault
depends on the time of the event too, so a rebuilt strategy does not stumble at the next one again.

What it did is written to a ``CallLog`` that the checkers read; nothing of the run depends on it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from contextlib import suppress
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import msgspec

from orchestrion.domain.models.command import CancelOrder, SubmitOrder
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import Leg, OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.models.strategy import Signal, Strategy, StrategyView
from tests.simulation.chance import Draws
from tests.simulation.market import BY_ID, STRANGE_ID, TRADED, to_decimal, to_e9

FLOOD_COMMANDS = 100_000
FAVOURITE_SHARE = 0.7
LABEL = "sim"
"""Marks commands that a strategy gave itself; what is ordered on its behalf has other labels."""


class StrategyTrait(msgspec.Struct, frozen=True):
    """What one strategy of a run is like.

    Attributes:
        rates: of the faults that concern strategies, by name of the ``Fault``.
        appetite: how often it trades, 0 to 1.
        size: greatest lots of one order.
        favourite: traded more often than others, so that strategies meet; empty for none.
    """

    strategy_id: str
    seed: int
    is_async: bool = False
    has_snapshot: bool = False
    subscriptions: tuple[str, ...] = ()
    appetite: float = 0.3
    size: int = 10
    favourite: str = ""
    rates: dict[str, float] = msgspec.field(default_factory=dict[str, float])
    silent: bool = False
    always_raises: bool = False

    def rate(self, name: str) -> float:
        return self.rates.get(name, 0.0)


@dataclass
class Call:
    """One call of a handler.

    Attributes:
        items: commands and garbage that it answered with, 1 for an answer that is no list; None
            when it raised.
        seen: what it could see: prices of all instruments; nothing when nobody listens.
    """

    strategy_id: str
    handler: str
    now: int
    seen: dict[str, int | None]
    event: MarketSlice | None = None
    items: int | None = 0
    signals: int = 0
    faults: list[str] = field(default_factory=list[str])


class CallLog:
    """Tells of calls as they begin. Who listens sees the view as the strategy sees it; what the
    call answers is filled in later.

    Attributes:
        listener: told every call; None for a replay.
        faults: how often a strategy failed on purpose, by name of the ``Fault``.
    """

    def __init__(self, listener: Callable[[Call], None] | None = None) -> None:
        self.listener = listener
        self.faults: dict[str, int] = {}

    def add(self, call: Call) -> None:
        if self.listener is not None:
            self.listener(call)

    def fault(self, name: str) -> None:
        self.faults[name] = self.faults.get(name, 0) + 1


class OwnFailureError(Exception):
    """An ordinary failure of a strategy."""


class OwnBaseFailureError(BaseException):
    """Not an ``Exception``, and no interrupt of the person at the keyboard either."""


class Hang:
    """Awaited by a strategy that never answers, or after so many steps."""

    def __init__(self, steps: int | None) -> None:
        self.steps = steps

    def __await__(self) -> Generator[int, None, None]:
        count = 0
        while self.steps is None or count < self.steps:
            count += 1
            yield count


class SimStrategy(Strategy):
    """See the module's text. Its state is the count of its calls, and the instruments it dealt in.

    ``snapshot`` is given by the subclass.
    """

    def __init__(self, trait: StrategyTrait, log: CallLog) -> None:
        super().__init__()
        self.trait = trait
        self.log = log
        self.count = 0
        self.fills: list[str] = []

    def subscriptions(self) -> tuple[str, ...]:
        return self.trait.subscriptions

    def on_start(self, view: StrategyView) -> Any:
        return self._called("on_start", view, None)

    def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
        return self._called("on_event", view, event)

    def on_fill(self, fill: OrderFilledReport, view: StrategyView) -> Any:
        self.fills = [*self.fills[-4:], fill.trade_id]
        return self._called("on_fill", view, None)

    def on_stop(self, view: StrategyView) -> Any:
        draws = self._draws("on_stop", view)
        call = self._log("on_stop", view, None)
        if draws.happens(self.trait.rate("STRATEGY_AFTER_STOP")):
            self._count_fault(call, "STRATEGY_AFTER_STOP")
            return [self._order(view, draws)]
        return None

    # -- one call ---------------------------------------------------------------------------------

    def _called(self, handler: str, view: StrategyView, event: MarketSlice | None) -> Any:
        self.count += 1
        draws = self._draws(handler, view)
        call = self._log(handler, view, event)
        trait = self.trait
        if trait.silent:
            return None
        if trait.always_raises or draws.happens(trait.rate("STRATEGY_RAISES")):
            self._raise(call, "STRATEGY_RAISES", OwnFailureError(f"at call {self.count}"))
        if draws.happens(trait.rate("STRATEGY_RAISES_BASE")):
            kind = draws.pick(
                (OwnBaseFailureError, SystemExit, GeneratorExit, asyncio.CancelledError)
            )
            self._raise(call, "STRATEGY_RAISES_BASE", kind("out of band"))
        if draws.happens(trait.rate("STRATEGY_MUTATES")):
            self._count_fault(call, "STRATEGY_MUTATES")
            _mutate(event, view)
        if draws.happens(trait.rate("STRATEGY_FLOOD")):
            self._count_fault(call, "STRATEGY_FLOOD")
            call.items = 1
            return [None] * FLOOD_COMMANDS
        if draws.happens(trait.rate("STRATEGY_GARBAGE")):
            self._count_fault(call, "STRATEGY_GARBAGE")
            return self._garbage(view, draws, call)
        answer = self._commands(view, draws)
        call.items = sum(1 for one in answer if not isinstance(one, Signal))
        call.signals = len(answer) - call.items
        return answer

    def _draws(self, handler: str, view: StrategyView) -> Draws:
        trait = self.trait
        return Draws(trait.seed, trait.strategy_id, handler, self.count, view.now)

    def _log(self, handler: str, view: StrategyView, event: MarketSlice | None) -> Call:
        seen: dict[str, int | None] = {}
        if self.log.listener is not None:
            for one in TRADED:
                price = view.price(one.instrument_id)
                seen[one.instrument_id] = None if price is None else to_e9(price)
        call = Call(self.trait.strategy_id, handler, view.now, seen, event)
        self.log.add(call)
        return call

    def _count_fault(self, call: Call, name: str) -> None:
        call.faults.append(name)
        self.log.fault(name)

    def _raise(self, call: Call, name: str, failure: BaseException) -> None:
        self._count_fault(call, name)
        call.items = None
        raise failure

    # -- what it answers --------------------------------------------------------------------------

    def _commands(self, view: StrategyView, draws: Draws) -> list[object]:
        answer: list[object] = []
        if draws.happens(0.1):
            answer.append(
                Signal(strategy_id=view.strategy_id, name="mood", value=draws.below(100) / 7)
            )
        if not draws.happens(self.trait.appetite):
            return answer
        working = list(view.working_orders)
        held = [one for one in TRADED if view.quantity(one.instrument_id)]
        kind = draws.below(10)
        if kind < 2 and working:
            answer.append(self._cancel(view, draws.pick(working)))
        elif kind < 4 and held:
            answer.append(self._exit(view, draws, draws.pick(held).instrument_id))
        elif kind == 4:
            answer.extend((self._order(view, draws), self._order(view, draws)))
        elif kind == 5:
            answer.append(self._structure(view, draws))
        else:
            answer.append(self._order(view, draws))
        return answer

    def _label(self) -> str:
        return f"{LABEL} {self.count}"

    def _cancel(self, view: StrategyView, client_order_id: str) -> CancelOrder:
        return CancelOrder(
            strategy_id=view.strategy_id, client_order_id=client_order_id, label=self._label()
        )

    def _exit(self, view: StrategyView, draws: Draws, instrument_id: str) -> SubmitOrder:
        held = view.quantity(instrument_id)
        lot = BY_ID[instrument_id].lot
        most = int(held.copy_abs()) // lot * lot
        quantity = most if most <= lot or draws.happens(0.5) else max(lot, most // 2 // lot * lot)
        return SubmitOrder.single(
            view.strategy_id,
            instrument_id,
            OrderSide.SELL if held > 0 else OrderSide.BUY,
            Decimal(max(quantity, lot)),
            reduce_only=draws.happens(0.5),
            label=self._label(),
        )

    def _order(self, view: StrategyView, draws: Draws) -> SubmitOrder:
        traded, is_favourite = draws.pick(TRADED), False
        if self.trait.favourite and draws.happens(FAVOURITE_SHARE):
            traded, is_favourite = BY_ID[self.trait.favourite], True
        # Now and then far more than it can pay for.
        lots = 1 + draws.below(self.trait.size) * (40 if draws.happens(0.15) else 1)
        side = draws.pick((OrderSide.BUY, OrderSide.SELL))
        options: dict[str, Any] = {"label": self._label(), "time_in_force": TimeInForce.GTC}
        price = view.price(traded.instrument_id)
        # What rests is in the way of whoever would meet.
        if price is not None and draws.happens(0.1 if is_favourite else 0.4):
            steps = to_e9(price) // traded.tick_e9 + draws.below(41) - 20
            kind = draws.pick((OrderType.LIMIT, OrderType.STOP_MARKET))
            name = "limit_price" if kind is OrderType.LIMIT else "stop_price"
            options |= {"order_type": kind, name: to_decimal(max(steps, 1) * traded.tick_e9)}
        return SubmitOrder.single(
            view.strategy_id,
            traded.instrument_id,
            side,
            Decimal(traded.lot * lots),
            **options,
        )

    def _structure(self, view: StrategyView, draws: Draws) -> SubmitOrder:
        first, second = draws.pick((("AAA", "BBB"), ("BBB", "FUT"), ("AAA", "FUT")))
        count = Decimal(1 + draws.below(self.trait.size))
        return SubmitOrder(
            strategy_id=view.strategy_id,
            legs=(
                Leg(first, draws.pick((OrderSide.BUY, OrderSide.SELL)), count),
                Leg(second, draws.pick((OrderSide.BUY, OrderSide.SELL)), count),
            ),
            label=self._label(),
        )

    def _garbage(self, view: StrategyView, draws: Draws, call: Call) -> object:
        me = view.strategy_id
        call.items = 1
        kind = draws.below(len(_WRONG_ANSWERS) + 1)
        if kind < len(_WRONG_ANSWERS):
            return _WRONG_ANSWERS[kind](me)
        items = [make(me) for make in _WRONG_ITEMS]
        chosen = [draws.pick(items) for _ in range(1 + draws.below(4))]
        good = self._commands(view, draws)
        call.signals = sum(1 for one in good if isinstance(one, Signal))
        call.items = len(chosen) + len(good) - call.signals
        return [*good, *chosen]


class RememberingStrategy(SimStrategy):
    """The same with snapshots."""

    def snapshot(self) -> object:
        return {"count": self.count, "fills": self.fills}

    def restore(self, state: Any) -> None:
        self.count = state["count"]
        self.fills = list(state["fills"])


class AsyncSimStrategy(RememberingStrategy):
    """The same, asynchronously: it answers at once, after some steps, too late or never."""

    async def on_start(self, view: StrategyView) -> Any:
        return await self._answered("on_start", view, None)

    async def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
        return await self._answered("on_event", view, event)

    async def on_fill(self, fill: OrderFilledReport, view: StrategyView) -> Any:
        self.fills = [*self.fills[-4:], fill.trade_id]
        return await self._answered("on_fill", view, None)

    async def on_stop(self, view: StrategyView) -> Any:
        return super().on_stop(view)

    async def _answered(self, handler: str, view: StrategyView, event: MarketSlice | None) -> Any:
        draws = Draws(self.trait.seed, self.trait.strategy_id, "latency", self.count, view.now)
        if draws.happens(self.trait.rate("STRATEGY_HANGS")):
            self.log.fault("STRATEGY_HANGS")
            await Hang(None)
        elif draws.happens(self.trait.rate("STRATEGY_SLOW")):
            self.log.fault("STRATEGY_SLOW")
            await Hang(1 + draws.below(2 * DEADLINE_STEPS))
        return self._called(handler, view, event)


DEADLINE_STEPS = 10
"""Steps that an asynchronous answer may take; see ``scheduler``."""


def build_strategy(trait: StrategyTrait, log: CallLog) -> SimStrategy:
    """The strategy that a trait describes."""
    if trait.is_async:
        return AsyncSimStrategy(trait, log)
    return RememberingStrategy(trait, log) if trait.has_snapshot else SimStrategy(trait, log)


def _single(me: str, quantity: object, instrument_id: str = "AAA", **options: Any) -> SubmitOrder:
    return SubmitOrder(
        strategy_id=me,
        legs=(Leg(instrument_id, OrderSide.BUY, quantity),),  # type: ignore[arg-type]
        label=f"{LABEL} garbage",
        **options,
    )


def _endless() -> Generator[int, None, None]:
    yield 1


_WRONG_ANSWERS: tuple[Callable[[str], object], ...] = (
    lambda _: "buy everything",
    lambda _: 42,
    lambda _: {"AAA": 1},
    lambda me: _single(me, Decimal(1)),
    lambda _: _endless(),
    lambda _: object(),
    lambda _: True,
)
"""Answers that are no list, each one refusal. (An empty one would be no answer at all.)"""

_WRONG_ITEMS: tuple[Callable[[str], object], ...] = (
    lambda _: None,
    lambda _: "text",
    lambda _: float("nan"),
    lambda me: _single(me, Decimal("NaN")),
    lambda me: _single(me, Decimal("sNaN")),
    lambda me: _single(me, Decimal("Infinity")),
    lambda me: _single(me, Decimal(-5)),
    lambda me: _single(me, Decimal(0)),
    lambda me: _single(me, Decimal("1e30")),
    lambda me: _single(me, Decimal("0.00000000001")),
    lambda me: _single(me, 5),
    lambda me: _single(me, 5.0),
    lambda me: _single(me, Decimal(1), STRANGE_ID),
    lambda me: _single(me, Decimal(1), "IDX"),
    lambda _: _single("somebody-else", Decimal(1)),
    lambda me: _single(me, Decimal(1), order_type=OrderType.LIMIT),
    lambda me: _single(me, Decimal(1), order_type="LIMIT", limit_price=Decimal(1)),
    lambda me: _single(me, Decimal(1), order_type=OrderType.LIMIT, limit_price=Decimal("NaN")),
    lambda me: SubmitOrder(strategy_id=me, legs=()),
    lambda me: CancelOrder(strategy_id=me, client_order_id="no-such-order", label=LABEL),
    lambda me: CancelOrder(strategy_id=me, client_order_id="\ud800", label=LABEL),
)


def _mutate(event: MarketSlice | None, view: StrategyView) -> None:
    """Tries to change what it was handed; whatever lets itself be changed is somebody's mistake."""

    def attempt(act: Callable[[], object]) -> None:
        with suppress(AttributeError, TypeError, KeyError):
            act()

    positions: Any = view.book.positions
    orders: Any = view.working_orders
    attempt(lambda: positions.clear())
    attempt(lambda: orders.pop(next(iter(orders), "")))
    attempt(lambda: setattr(view.book, "cash", Decimal(10**9)))
    attempt(lambda: setattr(event, "ts_event", 0))
    attempt(lambda: setattr(event.items[0], "instrument_id", "X") if event is not None else None)
