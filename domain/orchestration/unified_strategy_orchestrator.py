"""``UnifiedStrategyOrchestrator``: one or many strategies on one account, synchronously.

It knows who is there, in which order they run, what capital they get and what state they are in.
``coordinate_execution`` plays a whole round without any actor: the same pure functions in the same
order as the actors, so it gives the same commands. It calls strategies directly, which is what an
embedding that wants no runtime asks for; the runtime itself never does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Coroutine, Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Dict, List, cast  # noqa: UP035 - the specification's own spelling

import msgspec

from orchestrion.domain.compatibility.history import StrategyHistory
from orchestrion.domain.compatibility.lineup import NO_HISTORIES
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.command import ApprovedCommand, StrategyCommand
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import MarketEvent, MarketSlice, as_slice
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.strategy import (
    HandlerAnswer,
    Signal,
    Strategy,
    StrategyOutputs,
    StrategyView,
)
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.compatibility_analyzer import (
    Candidate,
    CompatibilityAnalyzer,
    CompatibilityReport,
)
from orchestrion.domain.orchestration.events import (
    CapitalMissingEvent,
    DomainEvent,
    OrderDeniedEvent,
    StrategyAddedEvent,
    StrategyPausedEvent,
    StrategyResumedEvent,
)
from orchestrion.domain.orchestration.lifecycle import (
    PauseMode,
    StrategyStatus,
    StrategyStep,
    next_strategy_status,
)
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.proposal import Checked, Proposal, check_answer
from orchestrion.domain.orchestration.ranking import group_by_stage
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator


class OrchestratorMode(StrEnum):
    SINGLE = "SINGLE"
    MULTI = "MULTI"


class StrategyEntry(msgspec.Struct, frozen=True):
    """One registered strategy. ``pause_mode`` is set while it is paused."""

    strategy: Strategy
    metadata: StrategyMetadata
    allocation: AllocationConfig
    status: StrategyStatus = StrategyStatus.READY
    pause_mode: PauseMode | None = None


class UnifiedStrategyOrchestrator:
    """Platform-agnostic orchestrator for single-strategy and multi-strategy modes.

    Attributes:
        strategies: entries by strategy id, in order of registration.
        histories: strategy id -> its past, for ``validate_compatibility``; set by whoever has it.
    """

    def __init__(
        self,
        capital_manager: PortfolioCapitalManager,
        coordinator: StrategyCoordinator,
        compatibility_analyzer: CompatibilityAnalyzer,
    ) -> None:
        """
        Raises:
            ValueError: the capital manager already serves another orchestrator.
        """
        capital_manager.bind(self)
        self.strategies: Dict[str, StrategyEntry] = {}  # noqa: UP006
        self.capital_manager = capital_manager
        self.coordinator = coordinator
        self.compatibility_analyzer = compatibility_analyzer
        self.histories: Mapping[str, StrategyHistory] = NO_HISTORIES
        self._mode: OrchestratorMode | None = None
        self._events: list[DomainEvent] = []
        self._views: dict[str, StrategyView] = {}
        self._round = 0

    # -- what is configured -------------------------------------------------------------------

    def detect_mode(self, config: Dict[str, Any]) -> OrchestratorMode:  # noqa: UP006
        """The mode that the form of a configuration means; remembered as the mode of this one.

        Raises:
            ValueError: neither form, or not a mapping.
        """
        if not isinstance(cast("object", config), Mapping):
            raise ValueError("Invalid configuration format")
        if "strategy" in config and isinstance(config["strategy"], str):
            self._mode = OrchestratorMode.SINGLE
        elif "strategies" in config and isinstance(config["strategies"], dict):
            self._mode = OrchestratorMode.MULTI
        else:
            raise ValueError("Invalid configuration format")
        return self._mode

    def add_strategy(
        self, strategy: Strategy, metadata: StrategyMetadata, allocation: AllocationConfig
    ) -> None:
        """Registers a strategy; registration order breaks ties of priority.

        Raises:
            ConfigurationError: the id is taken, or the run has started (books are open).
        """
        if metadata.id in self.strategies:
            raise ConfigurationError(f"there is a strategy {metadata.id!r} already")
        if self.capital_manager.books:
            raise ConfigurationError("strategies are added before the run starts")
        self.strategies[metadata.id] = StrategyEntry(strategy, metadata, allocation)
        self._events.append(
            StrategyAddedEvent(strategy_id=metadata.id, allocation_pct=allocation.target_pct)
        )

    @property
    def is_single_strategy_mode(self) -> bool:
        """Whether exactly one strategy is registered."""
        return len(self.strategies) == 1

    def stages(self) -> tuple[tuple[str, ...], ...]:
        """Strategy ids by dependency stage, each stage in rank order.

        Raises:
            ConfigurationError: a missing dependency or a cycle.
        """
        return group_by_stage(
            self.coordinator.rank(entry.metadata for entry in self.strategies.values())
        )

    def ids_in_rank_order(self) -> tuple[str, ...]:
        return tuple(strategy_id for stage in self.stages() for strategy_id in stage)

    def priorities(self) -> dict[str, int]:
        """Priority by strategy id; the higher one wins a conflict."""
        return {one: entry.metadata.priority for one, entry in self.strategies.items()}

    def validate_compatibility(self) -> CompatibilityReport:
        """Whether the strategies fit together, with ``histories`` as far as they go. A single one
        always passes.

        Raises:
            ConfigurationError: percentages that sum to more than 100, or a history that cannot be
                used. A missing dependency or a cycle is a finding of the report.
        """
        return self.compatibility_analyzer.analyze(
            self._candidates(),
            histories=self.histories,
            total_capital=self.capital_manager.total_capital or None,
            conflict_policies={"OPPOSING_SIDES": self.coordinator.policies.opposing_sides},
        )

    def _candidates(self) -> list[Candidate]:
        """All strategies in rank order; in order of registration when they cannot be ranked, so
        that the analysis can say why."""
        capital: Mapping[str, Decimal] = {}
        try:
            ids = self.ids_in_rank_order()
        except ConfigurationError:
            ids = tuple(self.strategies)
        else:
            if self.capital_manager.total_capital:
                capital = self.capital_manager.calculate_allocations()
        return [Candidate(self.strategies[one].metadata, capital.get(one)) for one in ids]

    def allocate_capital(self) -> Dict[str, Decimal]:  # noqa: UP006
        """Capital per strategy id, to the cent: all of it for a single one, split for many.

        Without any total capital everybody gets 0.00 and a ``CapitalMissingEvent`` is raised.

        Raises:
            ConfigurationError: percentages that sum to more than 100.
        """
        allocations = self.capital_manager.calculate_allocations()
        if not self.capital_manager.total_capital and allocations:
            self._events.append(CapitalMissingEvent(strategy_ids=tuple(allocations)))
            return dict.fromkeys(allocations, Decimal("0.00"))
        return allocations

    # -- life cycle -----------------------------------------------------------------------------

    def pause_strategy(self, strategy_id: str, mode: PauseMode = PauseMode.ENTRIES_BLOCKED) -> None:
        """Pauses a strategy; its capital stays with it.

        Raises:
            LifecycleError: its state does not allow it.
            ConfigurationError: no such strategy.
        """
        self._step(strategy_id, StrategyStep.PAUSE, mode)
        self._events.append(StrategyPausedEvent(strategy_id=strategy_id, mode=mode))

    def resume_strategy(self, strategy_id: str) -> None:
        """
        Raises:
            LifecycleError: it is not paused.
            ConfigurationError: no such strategy.
        """
        self._step(strategy_id, StrategyStep.RESUME, None)
        self._events.append(StrategyResumedEvent(strategy_id=strategy_id))

    def _step(self, strategy_id: str, step: StrategyStep, mode: PauseMode | None) -> None:
        entry = self.strategies.get(strategy_id)
        if entry is None:
            raise ConfigurationError(f"there is no strategy {strategy_id!r}")
        status = next_strategy_status(strategy_id, entry.status, step)
        self.strategies[strategy_id] = msgspec.structs.replace(
            entry, status=status, pause_mode=mode
        )
        if self.capital_manager.books:
            self.capital_manager.set_standing(strategy_id, status, mode)

    def drain_events(self) -> tuple[DomainEvent, ...]:
        """All domain events since the last call, in order."""
        events, self._events = tuple(self._events), []
        return events

    # -- running without actors --------------------------------------------------------------------

    def start(self, catalog: InstrumentCatalog) -> None:
        """Opens the books and starts every strategy that is ready.

        Raises:
            ConfigurationError: no strategies, a second start, or what ``allocate_capital`` and
                ``stages`` raise; nothing has started then.
        """
        if not self.strategies:
            raise ConfigurationError("there is no strategy to start")
        if self.capital_manager.books:
            raise ConfigurationError("the run has started already")
        self.stages()
        self.capital_manager.open_books(self.allocate_capital(), catalog)
        for strategy_id, entry in list(self.strategies.items()):
            book = self.capital_manager.books[strategy_id]
            self._views[strategy_id] = StrategyView(
                strategy_id, catalog, self.capital_manager.marks, book
            )
            if entry.status is StrategyStatus.READY:
                self._step(strategy_id, StrategyStep.START, None)
            else:  # paused before the start, and so it stays
                self.capital_manager.set_standing(strategy_id, entry.status, entry.pause_mode)

    def coordinate_execution(self, event: MarketEvent) -> List[StrategyCommand]:  # noqa: UP006
        """One round: every strategy in rank order, conflicts, capital; approved commands only.

        Each refusal is an ``OrderDeniedEvent``. The caller tells the capital manager what became of
        the commands: ``track`` for every state of an order, ``apply_fill`` for every fill. Until
        then an approved order counts as working.

        Raises:
            ConfigurationError: ``start`` was not called.
            Exception: what a strategy raises; isolation is the runtime's work.
        """
        if not self.capital_manager.books:
            raise ConfigurationError("call start(catalog) before the first event")
        market_slice = as_slice(event)
        self.capital_manager.mark(market_slice)
        self._round += 1
        checked = self._ask_strategies(market_slice)
        if not self.is_single_strategy_mode and checked:
            resolution = self.coordinator.resolve(
                checked, self._all_working_orders(), self.priorities()
            )
            self._events.extend(resolution.events)
            checked = list(resolution.checked)
        return self._approve(checked, market_slice.ts_event)

    def _ask_strategies(self, market_slice: MarketSlice) -> list[Checked]:
        checked: list[Checked] = []
        signals: tuple[Signal, ...] = ()
        for stage in self.stages():
            stage_signals: list[Signal] = []
            for strategy_id in stage:
                entry = self.strategies[strategy_id]
                if entry.pause_mode is PauseMode.FROZEN or not is_subscribed(
                    entry.strategy.subscriptions(), market_slice
                ):
                    continue
                view = self._views[strategy_id]
                view.move(
                    now=market_slice.ts_event,
                    signals=signals,
                    book=self.capital_manager.books[strategy_id],
                    orders=self.capital_manager.working_orders(strategy_id),
                )
                answer = check_answer(
                    strategy_id,
                    _answered_now(strategy_id, entry.strategy.on_event(market_slice, view)),
                    view.book,
                    view.working_orders,
                )
                checked.extend(answer.checked)
                stage_signals.extend(answer.signals)
            signals = (*signals, *stage_signals)
        return checked

    def _approve(self, checked: list[Checked], now: int) -> list[StrategyCommand]:
        approved: list[StrategyCommand] = []
        for index, one in enumerate(checked):
            verdict = (
                self.capital_manager.authorise(
                    one, client_order_id=f"R{self._round}-{index}", now=now
                )
                if isinstance(one, Proposal)
                else one.refusal
            )
            if isinstance(verdict, ApprovedCommand):
                approved.append(verdict)
            else:
                self._events.append(
                    OrderDeniedEvent(
                        strategy_id=verdict.strategy_id, code=verdict.code, detail=verdict.detail
                    )
                )
        return approved

    def _all_working_orders(self) -> dict[str, Order]:
        return {
            client_order_id: order
            for strategy_id in self.strategies
            for client_order_id, order in self.capital_manager.working_orders(strategy_id).items()
        }


def _answered_now(strategy_id: str, answer: HandlerAnswer) -> StrategyOutputs:
    """
    Raises:
        ConfigurationError: the strategy is asynchronous; only the runtime can await it.
    """
    if isinstance(answer, Awaitable):
        if isinstance(answer, Coroutine):
            answer.close()
        raise ConfigurationError(
            f"{strategy_id} is asynchronous: run it with Orchestrion or run_backtest"
        )
    return answer


def is_subscribed(subscriptions: tuple[str, ...], market_slice: MarketSlice) -> bool:
    """Whether a slice holds anything that was subscribed to; no subscriptions mean everything."""
    return not subscriptions or any(
        item.instrument_id in subscriptions for item in market_slice.items
    )
