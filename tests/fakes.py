"""Hand-written fakes: a market in memory, scripted strategies, and a stage to play them on.

    shown = play({"alpha": buys_at(0)}, minutes(3))
    shown.decisions, shown.fills, shown.hops_to("alpha"), shown.system.books["alpha"]

The market: minute bars of shares, where bar ``k`` opens at 100 + k and closes half a dollar higher,
so that every price tells which bar it came from. Bar ``k`` is complete at ``at(k)`` and opened at
``at(k - 1)``. Strategies are scripted by bar number; a ``Script`` outlives the strategy, so it also
sees the calls of a strategy that was rebuilt after a failure.

``Stage`` puts a system together the way a backtest does (actors, simulated venue, journal in
memory) and lets a test take every step by hand; ``play`` takes all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from types import TracebackType
from typing import Any, TypeAlias, TypeVar

import anyio
import msgspec

from orchestrion.actors.messages import DecisionRecord, SliceDelivered
from orchestrion.actors.system import SystemSettings, TradingSystem, build_system
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.adapters.session import NoVenueModel, TradingSession, VenueModel
from orchestrion.adapters.venue.backtest_adapter import BacktestOrchestrationAdapter
from orchestrion.adapters.venue.fees import FeeSchedule
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.adapters.venue.slippage import SlippageModel
from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.command import ApprovedCommand, StrategyCommand
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    Instrument,
    InstrumentCatalog,
)
from orchestrion.domain.models.market import Bar, MarketData, MarketSlice, QuoteTick
from orchestrion.domain.models.money import BILLION, to_e9
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.compatibility_analyzer import CompatibilityAnalyzer
from orchestrion.domain.orchestration.conflict import ConflictPolicies
from orchestrion.domain.orchestration.events import DomainEvent
from orchestrion.domain.orchestration.lifecycle import PauseMode
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from orchestrion.runtime.journal import JournalHeader, Record, RecordKind
from orchestrion.runtime.machine import Hop, Machine
from orchestrion.runtime.shell import AsyncHost

# --- the market ----------------------------------------------------------------------------------

MINUTE_NS = 60_000_000_000
DAY_NS = 86_400_000_000_000
START = 1_704_724_200_000_000_000
"""2024-01-08 14:30 UTC, a Monday; nine hours of minutes fit into the day."""
CAPITAL = Decimal(100_000)
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
_Answer = TypeVar("_Answer")


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


def header(**changes: Any) -> JournalHeader:
    fields: dict[str, Any] = {
        "run_id": "T",
        "environment": "backtest",
        "seed": 0,
        "configuration": "",
        "configuration_sha256": "",
        "data_name": "",
        "data_sha256": "",
        "versions": {},
    }
    return JournalHeader(**(fields | changes))


def orchestrator_of(
    strategies: Mapping[str, Strategy],
    *,
    capital: Decimal = CAPITAL,
    metadata: Mapping[str, Mapping[str, Any]] | None = None,
    allocation_pct: Mapping[str, float] | None = None,
    policies: ConflictPolicies | None = None,
) -> UnifiedStrategyOrchestrator:
    """An orchestrator with the strategies added in their order; equal shares unless said.

    Args:
        metadata: strategy id -> fields of its ``StrategyMetadata``, e.g. priority, depends_on.
    """
    orchestrator = UnifiedStrategyOrchestrator(
        capital_manager=PortfolioCapitalManager(capital),
        coordinator=StrategyCoordinator(policies),
        compatibility_analyzer=CompatibilityAnalyzer(),
    )
    for strategy_id, strategy in strategies.items():
        share = (allocation_pct or {}).get(strategy_id, 100 // len(strategies))
        orchestrator.add_strategy(
            strategy,
            StrategyMetadata(id=strategy_id, **(metadata or {}).get(strategy_id, {})),
            AllocationConfig(target_pct=share),
        )
    return orchestrator


class Stage:
    """A system with its session; an async context manager, because of the host of async calls.

    Attributes:
        trace: every delivered message, in order.
        watchers: called with each message at the moment of its delivery.
        events: every domain event, as the session told it.
        listeners: called with each domain event.
        venue: the simulated venue, unless a port was given.
    """

    def __init__(
        self,
        factories: Mapping[str, Callable[[], Strategy]],
        *,
        instruments: Iterable[Instrument] = INSTRUMENTS,
        capital: Decimal = CAPITAL,
        metadata: Mapping[str, Mapping[str, Any]] | None = None,
        allocation_pct: Mapping[str, float] | None = None,
        policies: ConflictPolicies | None = None,
        paused: Mapping[str, PauseMode] | None = None,
        fees: FeeSchedule | None = None,
        port: SilentPort | None = None,
        deadline_s: float = 30.0,
        is_data_recorded: bool = False,
        journal: MemoryJournal | None = None,
        **settings: Any,
    ) -> None:
        self.trace: list[Hop] = []
        self.watchers: list[Callable[[Hop], None]] = []
        self.events: list[DomainEvent] = []
        self.listeners: list[Callable[[DomainEvent], None]] = []
        self.journal = journal or MemoryJournal()
        self.catalog = InstrumentCatalog(instruments)
        self.orchestrator = orchestrator_of(
            {one: factory() for one, factory in factories.items()},
            capital=capital,
            metadata=metadata,
            allocation_pct=allocation_pct,
            policies=policies,
        )
        for strategy_id, mode in (paused or {}).items():
            self.orchestrator.pause_strategy(strategy_id, mode)
        self.system: TradingSystem = build_system(
            self.orchestrator,
            factories,
            self.catalog,
            self.journal,
            SystemSettings(order_id_prefix="T", **settings),
            trace=self._see,
        )
        self.journal.begin(header())
        self.venue = SimulatedVenue(
            self.catalog,
            fees=fees or FeeSchedule(),
            slippage=SlippageModel(),
            starting_cash=capital,
        )
        self._port = port
        self._host = AsyncHost(deadline_s=deadline_s)
        self._is_data_recorded = is_data_recorded

    async def __aenter__(self) -> Stage:
        await self._host.__aenter__()
        model: VenueModel = self.venue if self._port is None else NoVenueModel()
        self.session = TradingSession(
            self.system,
            self._port or BacktestOrchestrationAdapter(self.venue),
            model,
            self.journal,
            self._host,
            is_data_recorded=self._is_data_recorded,
            on_event=self._hear,
        )
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.machine.stop()
        await self._host.__aexit__(kind, failure, traceback)

    def _hear(self, event: DomainEvent) -> None:
        self.events.append(event)
        for listener in self.listeners:
            listener(event)

    def _see(self, hop: Hop) -> None:
        self.trace.append(hop)
        for watcher in self.watchers:
            watcher(hop)

    async def publish(self, slices: Iterable[MarketSlice]) -> None:
        """Starts the run if it was not, and plays the slices."""
        for market_slice in slices:
            if not self.machine.seq:
                await self.session.start(market_slice.ts_event)
            await self.session.publish(market_slice)

    # -- what there is to see ---------------------------------------------------------------

    @property
    def machine(self) -> Machine:
        return self.system.machine

    def records(self, kind: RecordKind | None = None, name: str | None = None) -> list[Record]:
        return [
            record
            for record in self.journal.records()
            if kind in (None, record.kind) and name in (None, record.name)
        ]

    def _decoded(self, kind: RecordKind, name: str, answer: type[_Answer]) -> list[_Answer]:
        found = self.records(kind, name)
        return [msgspec.json.decode(record.body, type=answer) for record in found]

    @property
    def decisions(self) -> list[DecisionRecord]:
        return self._decoded(RecordKind.DECISION, "DecisionRecord", DecisionRecord)

    def decisions_of(self, strategy_id: str) -> list[DecisionRecord]:
        return [one for one in self.decisions if one.strategy_id == strategy_id]

    def verdicts(self) -> list[str]:
        """One word per decision: the reason, or APPROVED."""
        return [one.reason or one.verdict for one in self.decisions]

    @property
    def intents(self) -> list[ApprovedCommand]:
        return self._decoded(RecordKind.INTENT, "ApprovedCommand", ApprovedCommand)

    @property
    def fills(self) -> list[OrderFilledReport]:
        return self._decoded(RecordKind.INPUT, "OrderFilledReport", OrderFilledReport)

    def events_of(self, kind: type[_Answer]) -> list[_Answer]:
        return [one for one in self.events if isinstance(one, kind)]

    def hops_to(self, actor: str, kind: type | None = None) -> list[Hop]:
        return [
            hop
            for hop in self.trace
            if hop.actor == actor and (kind is None or isinstance(hop.message, kind))
        ]

    def rounds_of(self, strategy_id: str) -> list[int]:
        """Numbers of the slice rounds that a strategy was told of."""
        return [
            hop.message.round
            for hop in self.trace
            if hop.actor == strategy_id and isinstance(hop.message, SliceDelivered)
        ]


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


def play_on(
    stage: Stage,
    slices: Sequence[MarketSlice],
    *,
    backend: str = "asyncio",
    is_ended: bool = True,
) -> Stage:
    """The same on a stage that a test has prepared."""

    async def run() -> None:
        async with stage:
            await stage.publish(slices)
            if is_ended:
                await stage.session.end()

    anyio.run(run, backend=backend)
    return stage
