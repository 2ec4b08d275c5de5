"""``Stage``: strategies in a real system, played step by step.

The actors, rules, journal and simulated venue are those of a backtest; only the data source and the
configuration file are missing. A test hands in slices and then looks at what was decided, booked,
refused and told. ``Scenario`` builds the slices; use the stage itself to take single steps.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from types import TracebackType
from typing import Any, TypeVar

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
from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, SubmitOrder
from orchestrion.domain.models.instrument import Instrument, InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.compatibility_analyzer import CompatibilityAnalyzer
from orchestrion.domain.orchestration.events import DomainEvent
from orchestrion.domain.orchestration.lifecycle import PauseMode
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from orchestrion.domain.ports.orchestration_port import OrchestrationPort
from orchestrion.runtime.journal import JournalHeader, Record, RecordKind
from orchestrion.runtime.machine import Hop, Machine
from orchestrion.runtime.shell import AsyncHost

CAPITAL = Decimal(100_000)
"""Of an account unless a test says otherwise; arbitrary."""

_Answer = TypeVar("_Answer")
_Played = TypeVar("_Played", bound="Stage")


def header(**changes: Any) -> JournalHeader:
    """The header of a run without configuration or data; with changed fields."""
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
    capital_rules: Mapping[str, Any] | None = None,
    coordinator: StrategyCoordinator | None = None,
) -> UnifiedStrategyOrchestrator:
    """An orchestrator with the strategies added in their order; equal shares unless said.

    Args:
        metadata: strategy id -> fields of its ``StrategyMetadata``, e.g. priority, depends_on.
        allocation_pct: strategy id -> share of the capital, 0 to 100.
        capital_rules: options of ``PortfolioCapitalManager``, e.g. limits, margin_model.
        coordinator: with conflict policies of one's own.
    """
    orchestrator = UnifiedStrategyOrchestrator(
        capital_manager=PortfolioCapitalManager(capital, **(capital_rules or {})),
        coordinator=coordinator or StrategyCoordinator(),
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
        instruments: Iterable[Instrument],
        capital: Decimal = CAPITAL,
        metadata: Mapping[str, Mapping[str, Any]] | None = None,
        allocation_pct: Mapping[str, float] | None = None,
        capital_rules: Mapping[str, Any] | None = None,
        coordinator: StrategyCoordinator | None = None,
        paused: Mapping[str, PauseMode] | None = None,
        fees: FeeSchedule | None = None,
        port: OrchestrationPort | None = None,
        deadline_s: float = 30.0,
        is_data_recorded: bool = False,
        journal: MemoryJournal | None = None,
        **settings: Any,
    ) -> None:
        """
        Args:
            factories: strategy id -> a function (or class) that builds the strategy anew.
            metadata, allocation_pct, capital_rules, coordinator: as for ``orchestrator_of``.
            paused: strategy id -> mode, from the start.
            port: instead of the simulated venue; its reports are handed to ``session.report``.
            deadline_s: longest wait for asynchronous strategies in one round, seconds.
            is_data_recorded: whether slices are copied into the journal.
            settings: fields of ``SystemSettings``.
        """
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
            capital_rules=capital_rules,
            coordinator=coordinator,
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

    async def __aenter__(self: _Played) -> _Played:
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

    @property
    def books(self) -> Mapping[str, Book]:
        """What every strategy, RESERVE and EXTERNAL own now."""
        return self.system.books

    def equity(self, book_id: str) -> Decimal:
        """Equity of one book at the last prices, account currency."""
        return self.orchestrator.capital_manager.equity(book_id)

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
        """The verdict on every command, in order."""
        return self._decoded(RecordKind.DECISION, "DecisionRecord", DecisionRecord)

    def decisions_of(self, strategy_id: str) -> list[DecisionRecord]:
        return [one for one in self.decisions if one.strategy_id == strategy_id]

    def commands_of(self, strategy_id: str) -> list[SubmitOrder | CancelOrder]:
        """Well-formed commands that a strategy returned, whatever became of them."""
        decided = self.decisions_of(strategy_id)
        return [one.command for one in decided if one.command is not None]

    def verdicts(self) -> list[str]:
        """One word per decision: the reason, or APPROVED."""
        return [one.reason or one.verdict for one in self.decisions]

    @property
    def intents(self) -> list[ApprovedCommand]:
        """What left for the venue, in order."""
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


def play_on(
    stage: _Played,
    slices: Sequence[MarketSlice],
    *,
    backend: str = "asyncio",
    is_ended: bool = True,
) -> _Played:
    """Plays slices to the end and returns the stage for a look around.

    Args:
        backend: the event loop, asyncio or trio.
        is_ended: whether the strategies are stopped after the last slice.
    """

    async def run() -> None:
        async with stage:
            await stage.publish(slices)
            if is_ended:
                await stage.session.end()

    anyio.run(run, backend=backend)
    return stage
