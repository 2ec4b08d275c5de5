"""``UnifiedStrategyOrchestrator``: one or many strategies on one account, synchronously.

It knows who is there, in which order they run, what capital they get and what state they are in.
``coordinate_execution`` plays a whole round without any actor: the same pure functions in the same
order as the actors, so it gives the same commands. It calls strategies directly, which is what an
embedding that wants no runtime asks for; the runtime itself never does.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from enum import StrEnum
from typing import Any, Dict, List, cast  # noqa: UP035 - the specification's own spelling

import msgspec

from orchestrion.domain.compatibility.history import StrategyHistory
from orchestrion.domain.compatibility.lineup import NO_HISTORIES
from orchestrion.domain.errors import ConfigurationError, LifecycleError
from orchestrion.domain.margin.leverage_claim import LeverageClaim
from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.command import StrategyCommand
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import MarketEvent, as_slice
from orchestrion.domain.models.money import CENT, divide, multiply
from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.compatibility_analyzer import (
    Candidate,
    CompatibilityAnalyzer,
    CompatibilityReport,
)
from orchestrion.domain.orchestration.events import (
    CapitalMissingEvent,
    DomainEvent,
    StrategyAddedEvent,
    StrategyRemovedEvent,
)
from orchestrion.domain.orchestration.joining import (
    admission_of,
    allocation_of,
    policies_in_words,
    require_admission,
)
from orchestrion.domain.orchestration.lifecycle import PauseMode, RemovalPolicy, StrategyStep
from orchestrion.domain.orchestration.lifecycle_events import event_of_step
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.ranking import group_by_stage
from orchestrion.domain.orchestration.removal import WindingUp, check_removal, open_things_of
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.strategy_entry import StrategyEntry
from orchestrion.domain.orchestration.synchronous_run import SynchronousRun, is_subscribed

__all__ = [
    "OrchestratorMode",
    "StrategyEntry",
    "UnifiedStrategyOrchestrator",
    "is_subscribed",
]

HUNDRED = Decimal(100)


class OrchestratorMode(StrEnum):
    SINGLE = "SINGLE"
    MULTI = "MULTI"


class UnifiedStrategyOrchestrator:
    """Platform-agnostic orchestrator for single-strategy and multi-strategy modes.

    Attributes:
        strategies: entries by strategy id, in order of registration.
        histories: strategy id -> its past, for ``validate_compatibility``; set by whoever has it.
        leverage_claims: of leverage and margin mode, in rank order; set by whoever has them.
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
        self.leverage_claims: tuple[LeverageClaim, ...] = ()
        self._events: list[DomainEvent] = []
        self._run: SynchronousRun | None = None

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

        Once the run has started it joins: its share of the total capital comes from RESERVE, to the
        cent, and it has to pass the compatibility analysis first. ``proceed`` starts it.

        Raises:
            ConfigurationError: the id is taken, the reserve is too small, or it does not fit;
                nothing has changed.
        """
        if metadata.id in self.strategies:
            raise ConfigurationError(f"there is a strategy {metadata.id!r} already")
        if self._run is not None:
            total = self.capital_manager.total_capital
            wanted = multiply(total, Decimal(str(allocation.target_pct)))
            amount = divide(wanted, HUNDRED, step=CENT, rounding=ROUND_DOWN)
            self.join(strategy, metadata, amount)
            self.capital_manager.open_book(metadata.id, amount)
            self._run.join(metadata.id)
            return
        if self.capital_manager.books:
            raise ConfigurationError("the run has started with actors: ask them to add a strategy")
        self.strategies[metadata.id] = StrategyEntry(strategy, metadata, allocation)
        self._events.append(
            StrategyAddedEvent(strategy_id=metadata.id, allocation_pct=allocation.target_pct)
        )

    def join(self, strategy: Strategy, metadata: StrategyMetadata, amount: Decimal) -> None:
        """Registers a strategy that joins a run, once everything about it was checked.

        Its book is not opened here: that is for whoever writes the books.

        Args:
            amount: capital, account currency, whole cents; to come from RESERVE.

        Raises:
            ConfigurationError: the id is taken, a dependency is missing, the reserve is too small,
                or the compatibility analysis refuses it; nothing has changed.
        """
        if metadata.id in self.strategies:
            raise ConfigurationError(f"there is a strategy {metadata.id!r} already")
        running = [self.strategies[one].metadata for one in self.ids_in_rank_order()]
        self.coordinator.rank((*(entry.metadata for entry in self.strategies.values()), metadata))
        report = admission_of(
            metadata,
            amount,
            running=running,
            account=self.capital_manager,
            analyzer=self.compatibility_analyzer,
            policies=self.coordinator.policies,
            histories=self.histories,
        )
        require_admission(report, metadata.id)
        entry = self.rejoin(strategy, metadata, amount)
        self._events.append(
            StrategyAddedEvent(strategy_id=metadata.id, allocation_pct=entry.allocation.target_pct)
        )

    def rejoin(
        self, strategy: Strategy, metadata: StrategyMetadata, amount: Decimal
    ) -> StrategyEntry:
        """Registers a strategy that has joined the run before it was interrupted."""
        allocation = allocation_of(amount, self.capital_manager.total_capital)
        entry = StrategyEntry(strategy, metadata, allocation)
        self.strategies[metadata.id] = entry
        return entry

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
            conflict_policies=policies_in_words(self.coordinator.policies),
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

        With REDUCE_ONLY its working entries are withdrawn: the next ``coordinate_execution`` (or
        ``proceed``) gives the commands that cancel them.

        Raises:
            LifecycleError: its state does not allow it.
            ConfigurationError: no such strategy.
        """
        self._step(strategy_id, StrategyStep.PAUSE, mode=mode)
        if mode is PauseMode.REDUCE_ONLY:
            self._withdraw_entries(strategy_id)

    def resume_strategy(self, strategy_id: str) -> None:
        """
        Raises:
            LifecycleError: it is not paused.
            ConfigurationError: no such strategy.
        """
        self._step(strategy_id, self._entry(strategy_id).standing.resuming)

    def remove_strategy(
        self,
        strategy_id: str,
        policy: RemovalPolicy = RemovalPolicy.REFUSE,
        *,
        heir_id: str = "",
    ) -> None:
        """Takes a strategy off the account. Its id is free again when it has gone.

        Before the start it simply goes. Afterwards it is told of the end (``on_stop``) and sends
        nothing any more; ``proceed`` and every ``coordinate_execution`` wind it up further: they
        give the commands that withdraw its orders and close its positions, or hand them over, and
        once nothing is open its capital goes to RESERVE (``StrategyRemovedEvent``).

        Args:
            heir_id: who gets the positions; with HAND_OVER only.

        Raises:
            LifecycleError: no such strategy, others depend on it, the heir cannot take anything,
                or something is open and the policy refuses; nothing has changed.
            Exception: what its ``on_stop`` raises; it is being removed all the same.
        """
        winding = WindingUp(strategy_id, policy, heir_id)
        check_removal(
            winding,
            {one: entry.standing for one, entry in self.strategies.items()},
            [entry.metadata for entry in self.strategies.values()],
            open_things=self._open_things(strategy_id),
        )
        if self._run is not None:
            self._run.remove(winding)
            return
        if self.capital_manager.books:
            raise LifecycleError("the run has started with actors: ask them to remove a strategy")
        del self.strategies[strategy_id]
        self._events.append(StrategyRemovedEvent(strategy_id=strategy_id, policy=policy))

    def _open_things(self, strategy_id: str) -> str:
        book = self.capital_manager.books.get(strategy_id)
        if book is None:
            return ""
        working = self.capital_manager.working_orders(strategy_id)
        held = self._run.held_of(strategy_id) if self._run is not None else 0
        return open_things_of(book, working, held)

    def _withdraw_entries(self, strategy_id: str) -> None:
        if self._run is not None:
            self._run.withdraw_entries(strategy_id)

    def _entry(self, strategy_id: str) -> StrategyEntry:
        entry = self.strategies.get(strategy_id)
        if entry is None:
            raise ConfigurationError(f"there is no strategy {strategy_id!r}")
        return entry

    def _step(
        self, strategy_id: str, step: StrategyStep, reason: str = "", mode: PauseMode | None = None
    ) -> None:
        entry = self._entry(strategy_id)
        standing = entry.standing.after(strategy_id, step, mode)
        self.strategies[strategy_id] = msgspec.structs.replace(entry, standing=standing)
        if self.capital_manager.books:
            self.capital_manager.set_standing(strategy_id, standing.status, standing.pause_mode)
        self._events.append(event_of_step(strategy_id, step, mode=mode, reason=reason))

    @property
    def has_events(self) -> bool:
        """Whether there is anything to drain."""
        return bool(self._events)

    def drain_events(self) -> tuple[DomainEvent, ...]:
        """All domain events since the last call, in order."""
        events, self._events = tuple(self._events), []
        return events

    # -- running without actors -----------------------------------------------------------------

    def start(self, catalog: InstrumentCatalog, ts_event: int = 0) -> List[StrategyCommand]:  # noqa: UP006
        """Opens the books and starts every strategy, also those that are paused; what their
        ``on_start`` commands is decided like a round.

        Args:
            ts_event: time of the start, nanoseconds UTC.

        Returns:
            Approved commands, as of ``coordinate_execution``.

        Raises:
            ConfigurationError: no strategies, a second start, or what ``allocate_capital`` and
                ``stages`` raise; nothing has started then.
            Exception: what a strategy raises.
        """
        if not self.strategies:
            raise ConfigurationError("there is no strategy to start")
        if self.capital_manager.books:
            raise ConfigurationError("the run has started already")
        self.stages()
        self.capital_manager.open_books(self.allocate_capital(), catalog)
        self._run = SynchronousRun(
            self.strategies,
            self.capital_manager,
            self.coordinator,
            step=self._step,
            tell=self._events_append,
            leverage_claims=self.leverage_claims,
        )
        return self._run.start(ts_event)

    def _events_append(self, event: DomainEvent) -> None:
        self._events.append(event)

    @property
    def _running(self) -> SynchronousRun:
        if self._run is None:
            raise ConfigurationError("call start(catalog) before the first event")
        return self._run

    def coordinate_execution(self, event: MarketEvent) -> List[StrategyCommand]:  # noqa: UP006
        """One round: every strategy in rank order, conflicts, capital; approved commands only.

        Before the round comes whatever ``proceed`` gives. Each refusal is an ``OrderDeniedEvent``.
        The caller tells the capital manager what became of the commands: ``track`` for every state
        of an order, ``apply_fill`` for every fill. Until then an approved order counts as working.

        Raises:
            ConfigurationError: ``start`` was not called.
            Exception: what a strategy raises; isolation is the runtime's work.
        """
        return self._running.play(as_slice(event))

    def proceed(self) -> List[StrategyCommand]:  # noqa: UP006
        """Takes up what waited: entries of paused strategies to withdraw, commands that were held
        until others' orders had ended, newcomers, and strategies that are being removed.

        ``coordinate_execution`` calls it first; call it after ``track`` to have it at once.

        Returns:
            Approved commands: cancels on the account's behalf, exits of strategies that leave, and
            what was released.
        """
        return self._running.proceed()

    def cancel_refused(self, client_order_id: str) -> None:
        """Says that the venue refused to withdraw an order; commands that wait for it go on or are
        refused at the next ``proceed``."""
        self._running.not_withdrawn(client_order_id)

    def stop(self, ts_event: int | None = None) -> None:
        """Ends the run: every strategy is told once (``on_stop``), in rank order, and sends nothing
        any more. Orders and positions stay as they are.

        Args:
            ts_event: time of the end; that of the last event when it is left out.

        Raises:
            ConfigurationError: ``start`` was not called.
            LifecycleError: it has been stopped already.
            Exception: what a strategy raises.
        """
        self._running.stop(ts_event)
