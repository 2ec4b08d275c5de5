"""Hand-written fakes: a market in memory, scripted strategies, and a stage to play them on.

    shown = play({"alpha": buys_at(0)}, minutes(3))
    shown.decisions, shown.fills, shown.hops_to("alpha"), shown.system.books["alpha"]

The market: minute bars of shares, where bar ``k`` opens at 100 + k and closes half a dollar higher,
so that every price tells which bar it came from. Bar ``k`` is complete at ``at(k)`` and opened at
``at(k - 1)``. Strategies are scripted by bar number; a ``Script`` outlives the strategy, so it also
sees the calls of a strategy that was rebuilt after a failure.

The stage itself ships with the library (``orchestrion.testing``): it puts a system together the way
a backtest does and lets a test take every step by hand. Here it gets this market; ``play`` takes
all steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec

from orchestrion.domain.conflict import ConflictPolicies
from orchestrion.domain.models.command import ApprovedCommand, StrategyCommand
from orchestrion.domain.models.instrument import Equity, Future, Index, Instrument
from orchestrion.domain.models.market import Bar, MarketData, MarketSlice, QuoteTick
from orchestrion.domain.models.money import BILLION, to_e9
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from orchestrion.testing import stage as shipped
from orchestrion.testing.clock import START_NS
from orchestrion.testing.stage import CAPITAL, header, play_on

# --- the market ----------------------------------------------------------------------------------

MINUTE_NS = 60_000_000_000
DAY_NS = 86_400_000_000_000
START = START_NS
"""2024-01-08 14:30 UTC, a Monday; nine hours of minutes fit into the day."""
SHARES = ("AAA", "BBB", "CCC")
FUTURE = Future(
    instrument_id="FUT",
    underlying_id="IDX",
    expiry_ts=START + 30 * DAY_NS,
    multiplier=Decimal(50),
    initial_margin=Decimal(1000),
    maintenance_margin=Decimal(900),
)
INSTRUMENTS: tuple[Instrument, ...] = (
    *(Equity(instrument_id=one) for one in SHARES),
    Index(instrument_id="IDX"),
    FUTURE,
)


def at(number: int) -> int:
    """Time at which bar ``number`` is complete."""
    return START + number * MINUTE_NS


def number_of(ts: int) -> int:
    """The bar that is complete at ``ts``; the inverse of ``at``."""
    return (ts - START) // MINUTE_NS


def opening(number: int) -> Decimal:
    return Decimal(100 + number)


def closing(number: int) -> Decimal:
    return Decimal(100 + number) + Decimal("0.5")


def bar(number: int, instrument_id: str = "AAA") -> Bar:
    first, last = to_e9(opening(number)), to_e9(closing(number))
    return Bar(instrument_id, at(number - 1), at(number), first, last, first, last)


def close_only(number: int, instrument_id: str = "AAA") -> Bar:
    last = to_e9(closing(number))
    return Bar(instrument_id, at(number), at(number), last, last, last, last)


def quote(number: int, instrument_id: str = "AAA") -> QuoteTick:
    """A dollar wide around the bar's opening price."""
    middle = to_e9(opening(number))
    half = BILLION // 2
    return QuoteTick(instrument_id, at(number), middle - half, middle + half)


def minute(number: int, *instrument_ids: str) -> MarketSlice:
    return MarketSlice.of(bar(number, one) for one in instrument_ids or ("AAA",))


def minutes(count: int, *instrument_ids: str, first: int = 0) -> list[MarketSlice]:
    """Slices ``first`` to ``first + count - 1``, each with one bar per instrument."""
    return [minute(number, *instrument_ids) for number in range(first, first + count)]


def slices_of(kind: Callable[[int], MarketData], count: int) -> list[MarketSlice]:
    return [MarketSlice.of([kind(number)]) for number in range(count)]


def fill_report(number: int = 0, **changes: Any) -> OrderFilledReport:
    """A purchase of one AAA at the opening of a bar."""
    report = OrderFilledReport(
        client_order_id="T-1-0",
        venue_order_id="V1",
        trade_id=f"T{number}",
        leg_index=0,
        instrument_id="AAA",
        side=OrderSide.BUY,
        last_qty=Decimal(1),
        last_px=opening(number),
        commission=Decimal(0),
        ts_event=at(number),
    )
    return msgspec.structs.replace(report, **changes)


# --- strategies ----------------------------------------------------------------------------------

Action: TypeAlias = Callable[[StrategyView], object]
Actions: TypeAlias = Mapping[int, Action]
"""What to do, by bar number."""
FillAction: TypeAlias = Callable[[OrderFilledReport, StrategyView], object]


@dataclass
class Script:
    """What a strategy does at which bar, and what it saw.

    Attributes:
        calls: handler and bar number of every call, over all instances.
        gate: for asynchronous strategies, awaited before each answer.
    """

    on_event: Actions = field(default_factory=dict[int, Action])
    on_fill: FillAction | None = None
    on_start: Action | None = None
    on_stop: Action | None = None
    always: Action | None = None
    gate: Callable[[int], Any] | None = None
    subscriptions: tuple[str, ...] = ()
    calls: list[tuple[str, int]] = field(default_factory=list[tuple[str, int]])
    instances: list[Strategy] = field(default_factory=list[Strategy])

    def numbers(self, handler: str = "on_event") -> list[int]:
        """Bar numbers of the calls of one handler."""
        return [number for name, number in self.calls if name == handler]

    def answer(self, number: int, view: StrategyView) -> object:
        action = self.on_event.get(number, self.always)
        return action(view) if action is not None else None


class Scripted(Strategy):
    """Follows a script. Its state is the list of bars that it has worked off; no snapshots."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script
        self.seen: list[int] = []
        script.instances.append(self)

    def subscriptions(self) -> tuple[str, ...]:
        return self.script.subscriptions

    def on_start(self, view: StrategyView) -> Any:
        return self._follow("on_start", self.script.on_start, view)

    def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
        number = number_of(event.ts_event)
        self.script.calls.append(("on_event", number))
        answer = self.script.answer(number, view)
        self.seen.append(number)
        return answer

    def on_fill(self, fill: OrderFilledReport, view: StrategyView) -> Any:
        self.script.calls.append(("on_fill", number_of(view.now)))
        answer = self.script.on_fill(fill, view) if self.script.on_fill is not None else None
        self.seen.append(-1)
        return answer

    def on_stop(self, view: StrategyView) -> Any:
        return self._follow("on_stop", self.script.on_stop, view)

    def _follow(self, name: str, action: Action | None, view: StrategyView) -> Any:
        self.script.calls.append((name, number_of(view.now)))
        return action(view) if action is not None else None


class Remembering(Scripted):
    """The same with snapshots."""

    def snapshot(self) -> object:
        return {"seen": self.seen}

    def restore(self, state: Any) -> None:
        self.seen = list(state["seen"])


class AsyncScripted(Strategy):
    """Follows a script, asynchronously: it passes the script's gate before each answer."""

    def __init__(self, script: Script) -> None:
        super().__init__()
        self.script = script
        self.seen: list[int] = []
        script.instances.append(self)

    async def on_start(self, view: StrategyView) -> Any:
        return await self._follow("on_start", self.script.on_start, view)

    async def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
        number = number_of(event.ts_event)
        self.script.calls.append(("on_event", number))
        if self.script.gate is not None:
            await self.script.gate(number)
        answer = self.script.answer(number, view)
        self.seen.append(number)
        return answer

    async def on_fill(self, fill: OrderFilledReport, view: StrategyView) -> Any:
        self.script.calls.append(("on_fill", number_of(view.now)))
        answer = self.script.on_fill(fill, view) if self.script.on_fill is not None else None
        self.seen.append(-1)
        return answer

    async def on_stop(self, view: StrategyView) -> Any:
        return await self._follow("on_stop", self.script.on_stop, view)

    async def _follow(self, name: str, action: Action | None, view: StrategyView) -> Any:
        self.script.calls.append((name, number_of(view.now)))
        if self.script.gate is not None:
            await self.script.gate(number_of(view.now))
        return action(view) if action is not None else None


class AsyncRemembering(AsyncScripted):
    """The same with snapshots."""

    def snapshot(self) -> object:
        return {"seen": self.seen}

    def restore(self, state: Any) -> None:
        self.seen = list(state["seen"])


def buy(quantity: int = 1, instrument_id: str = "AAA", **options: Any) -> Action:
    return lambda view: [view.buy(instrument_id, quantity, **options)]


def sell(quantity: int = 1, instrument_id: str = "AAA", **options: Any) -> Action:
    return lambda view: [view.sell(instrument_id, quantity, **options)]


def close(*instrument_ids: str) -> Action:
    return lambda view: [view.close(*instrument_ids or ("AAA",))]


def fail(failure: BaseException | Callable[[], BaseException]) -> Action:
    """Raises the failure, or a new one at each call."""

    def action(_: StrategyView) -> object:
        raise failure if isinstance(failure, BaseException) else failure()

    return action


def following(
    scripts: Mapping[str, Script], kind: Callable[[Script], Strategy] = Scripted
) -> dict[str, Callable[[], Strategy]]:
    """Factories of strategies that follow a script each."""

    def factory(script: Script) -> Callable[[], Strategy]:
        return lambda: kind(script)

    return {strategy_id: factory(script) for strategy_id, script in scripts.items()}


def scripted(actions: Actions) -> Callable[[], Strategy]:
    """A factory of strategies that do the given things at the given bars."""
    script = Script(on_event=actions)
    return lambda: Scripted(script)


def idle() -> Strategy:
    return Scripted(Script())


# --- the stage -----------------------------------------------------------------------------------


class SilentPort:
    """An execution environment that takes everything and says nothing; it can be told to fail."""

    def __init__(self) -> None:
        self.taken: list[ApprovedCommand] = []
        self.failure: Exception | None = None

    def execute_commands(self, commands: list[StrategyCommand]) -> None:
        if self.failure is not None:
            raise self.failure
        for command in commands:
            assert isinstance(command, ApprovedCommand)
            self.taken.append(command)

    def get_portfolio_state(self) -> PortfolioState:
        return PortfolioState(0, CAPITAL)


def orchestrator_of(
    strategies: Mapping[str, Strategy],
    *,
    policies: ConflictPolicies | None = None,
    **options: Any,
) -> UnifiedStrategyOrchestrator:
    """The shipped one with conflict policies; options as there."""
    coordinator = StrategyCoordinator(policies)
    return shipped.orchestrator_of(strategies, coordinator=coordinator, **options)


class Stage(shipped.Stage):
    """The shipped one in this market, with conflict policies; options as there."""

    def __init__(
        self,
        factories: Mapping[str, Callable[[], Strategy]],
        *,
        instruments: Iterable[Instrument] = INSTRUMENTS,
        policies: ConflictPolicies | None = None,
        **options: Any,
    ) -> None:
        coordinator = StrategyCoordinator(policies)
        super().__init__(factories, instruments=instruments, coordinator=coordinator, **options)


def play(
    factories: Mapping[str, Callable[[], Strategy]],
    slices: Sequence[MarketSlice],
    *,
    backend: str = "asyncio",
    is_ended: bool = True,
    **options: Any,
) -> Stage:
    """Plays slices to the end and returns the stage for a look around. Options as for ``Stage``."""
    return play_on(Stage(factories, **options), slices, backend=backend, is_ended=is_ended)


__all__ = [
    "CAPITAL",
    "DAY_NS",
    "FUTURE",
    "INSTRUMENTS",
    "MINUTE_NS",
    "SHARES",
    "START",
    "Action",
    "Actions",
    "AsyncRemembering",
    "AsyncScripted",
    "FillAction",
    "Remembering",
    "Script",
    "Scripted",
    "SilentPort",
    "Stage",
    "at",
    "bar",
    "buy",
    "close",
    "close_only",
    "closing",
    "fail",
    "fill_report",
    "following",
    "header",
    "idle",
    "minute",
    "minutes",
    "number_of",
    "opening",
    "orchestrator_of",
    "play",
    "play_on",
    "quote",
    "scripted",
    "sell",
    "slices_of",
]
