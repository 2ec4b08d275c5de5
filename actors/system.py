"""Wiring: actors, mailboxes and routes of one account, built once per run.

This is the actors' public face: shells (backtest, embedding, replay, tests) build a
``TradingSystem``, post inputs to its machine and carry out the effects.
"""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Mapping
from typing import NamedTuple

import msgspec

from orchestrion.actors.async_strategy_actor import AsyncStrategyActor
from orchestrion.actors.auditor_actor import AuditorActor
from orchestrion.actors.capital_manager_actor import CapitalManagerActor
from orchestrion.actors.coordinator_actor import CUSTODIAN_HOLD, CoordinatorActor
from orchestrion.actors.execution_gateway_actor import ExecutionGatewayActor
from orchestrion.actors.inputs import CAPITAL_INPUTS, COORDINATOR_INPUTS, GATEWAY_INPUTS
from orchestrion.actors.round_plan import Seat
from orchestrion.actors.strategy_actor import StrategyActor
from orchestrion.actors.tally import Tally
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.domain.orchestration.account_ledger import AccountLedger
from orchestrion.domain.orchestration.events import DomainEvent
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from orchestrion.runtime.actor import Actor, ActorContext
from orchestrion.runtime.journal import Journal, RecordKind
from orchestrion.runtime.machine import Hop, Machine
from orchestrion.runtime.mailbox import CAPACITY_MESSAGES, Mailbox
from orchestrion.runtime.supervision import SupervisionPolicy

MAILBOX_ROOM_MIN = 16
"""Messages that one input can put into a mailbox beside one per strategy; the most that was found
is six."""


class SystemSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the machinery needs to know beyond the domain's configuration.

    Attributes:
        order_id_prefix: of the run; makes client order ids unique.
        custodian: what becomes of a quarantined strategy's positions: hold or flatten.
        mailbox_messages_max: bound of every mailbox; a smaller one than a round of all strategies
            needs is raised to that.
    """

    order_id_prefix: str
    supervision: SupervisionPolicy = SupervisionPolicy()
    custodian: str = CUSTODIAN_HOLD
    mailbox_messages_max: int = CAPACITY_MESSAGES


class TradingSystem:
    """One account's actors, ready for inputs.

    Attributes:
        machine: where inputs are posted and effects are taken.
        orchestrator: the domain's configuration of the run.
        auditor: keeps the account ledger and counts the checks.
    """

    def __init__(
        self,
        *,
        machine: Machine,
        orchestrator: UnifiedStrategyOrchestrator,
        coordinator: CoordinatorActor,
        capital_manager: CapitalManagerActor,
        auditor: AuditorActor,
    ) -> None:
        self.machine = machine
        self.orchestrator = orchestrator
        self.auditor = auditor
        self._coordinator = coordinator
        self._capital_manager = capital_manager

    @property
    def books(self) -> Mapping[str, Book]:
        return self.orchestrator.capital_manager.books

    @property
    def tallies(self) -> Mapping[str, Tally]:
        return self._capital_manager.tallies

    @property
    def rounds(self) -> int:
        return self._coordinator.round_number

    def status(self, strategy_id: str) -> str:
        """State of a strategy in words, e.g. ``running`` or ``paused (frozen)``."""
        status, mode = self._coordinator.statuses[strategy_id]
        return f"{status} ({mode})" if mode is not None else str(status)


def build_system(
    orchestrator: UnifiedStrategyOrchestrator,
    factories: Mapping[str, Callable[[], Strategy]],
    catalog: InstrumentCatalog,
    journal: Journal,
    settings: SystemSettings,
    *,
    trace: Callable[[Hop], None] | None = None,
) -> TradingSystem:
    """Opens the books and builds the actors of a run.

    Args:
        orchestrator: with all strategies added and not started.
        factories: strategy id -> a function that builds the strategy anew; used at the start and
            after a failure.

    Raises:
        ConfigurationError: from allocating capital or ranking strategies.
    """
    orchestrator.capital_manager.open_books(orchestrator.allocate_capital(), catalog)
    machine = Machine(journal, trace=trace)
    core = _core_actors(machine, orchestrator, catalog, settings)
    # All strategies of a stage may have answered before the coordinator reads the first answer.
    capacity = max(settings.mailbox_messages_max, len(orchestrator.strategies) + MAILBOX_ROOM_MIN)

    def spawn(name: str, actor: Actor) -> Mailbox:
        return machine.spawn(name, actor, capacity_messages=capacity)

    # A strategy id cannot contain a colon, so no strategy can be taken for one of these.
    coordinator = spawn("core:coordinator", core.coordinator)
    capital_manager = spawn("core:capital_manager", core.capital_manager)
    gateway = spawn("core:execution_gateway", core.gateway)
    auditor = spawn("core:auditor", core.auditor)
    seats = _seat_strategies(orchestrator, factories, catalog, machine, spawn, coordinator)
    owners = {seat.strategy_id: seat.mailbox for stage in seats for seat in stage}
    for strategy_id in owners:
        machine.supervise(strategy_id, settings.supervision, parent=coordinator)
    core.coordinator.connect(
        seats=seats,
        standings={
            one: (entry.status, entry.pause_mode) for one, entry in orchestrator.strategies.items()
        },
        capital_manager=capital_manager,
        gateway=gateway,
    )
    core.capital_manager.connect(owners=owners, gateway=gateway, auditor=auditor)
    core.gateway.connect(
        owners=owners, coordinator=coordinator, capital_manager=capital_manager, auditor=auditor
    )
    machine.route_all(COORDINATOR_INPUTS, coordinator)
    machine.route_all(CAPITAL_INPUTS, capital_manager)
    machine.route_all(GATEWAY_INPUTS, gateway)
    return TradingSystem(
        machine=machine,
        orchestrator=orchestrator,
        coordinator=core.coordinator,
        capital_manager=core.capital_manager,
        auditor=core.auditor,
    )


class _Core(NamedTuple):
    """The actors that every run has once."""

    coordinator: CoordinatorActor
    capital_manager: CapitalManagerActor
    gateway: ExecutionGatewayActor
    auditor: AuditorActor


def _core_actors(
    machine: Machine,
    orchestrator: UnifiedStrategyOrchestrator,
    catalog: InstrumentCatalog,
    settings: SystemSettings,
) -> _Core:
    capital = orchestrator.capital_manager
    publish = _publisher(machine)
    gateway = ExecutionGatewayActor(context=machine, publish=publish)
    return _Core(
        coordinator=CoordinatorActor(
            context=machine,
            coordinator=orchestrator.coordinator,
            working_orders=gateway.open_orders,
            priorities=orchestrator.priorities(),
            publish=publish,
            custodian=settings.custodian,
            is_single=orchestrator.is_single_strategy_mode,
        ),
        capital_manager=CapitalManagerActor(
            context=machine,
            capital_manager=capital,
            publish=publish,
            order_id_prefix=settings.order_id_prefix,
        ),
        gateway=gateway,
        auditor=AuditorActor(
            AccountLedger(catalog, starting_cash=capital.total_capital),
            capital.books.values(),
            catalog,
            capital.marks,
        ),
    )


def _seat_strategies(
    orchestrator: UnifiedStrategyOrchestrator,
    factories: Mapping[str, Callable[[], Strategy]],
    catalog: InstrumentCatalog,
    context: ActorContext,
    spawn: Callable[[str, Actor], Mailbox],
    coordinator: Mailbox,
) -> tuple[tuple[Seat, ...], ...]:
    capital = orchestrator.capital_manager

    def seat(strategy_id: str) -> Seat:
        strategy = orchestrator.strategies[strategy_id].strategy
        view = StrategyView(strategy_id, catalog, capital.marks, capital.books[strategy_id])
        factory = factories[strategy_id]
        actor: StrategyActor | AsyncStrategyActor
        if is_async(strategy):
            actor = AsyncStrategyActor(
                context=context,
                strategy_id=strategy_id,
                factory=factory,
                view=view,
                coordinator=coordinator,
            )
        else:
            actor = StrategyActor(
                strategy_id=strategy_id, factory=factory, view=view, coordinator=coordinator
            )
        wants_fills = type(strategy).on_fill is not Strategy.on_fill
        return Seat(strategy_id, spawn(strategy_id, actor), strategy.subscriptions(), wants_fills)

    return tuple(tuple(seat(one) for one in stage) for stage in orchestrator.stages())


def is_async(strategy: Strategy) -> bool:
    """Whether any handler of a strategy has to be awaited."""
    return any(
        inspect.iscoroutinefunction(getattr(strategy, name))
        for name in ("on_start", "on_event", "on_fill", "on_stop")
    )


def _publisher(machine: Machine) -> Callable[[DomainEvent], None]:
    count = 0

    def publish(event: DomainEvent) -> None:
        nonlocal count
        count += 1
        stamped = dataclasses.replace(
            event, event_id=f"E{count}", seq=machine.seq, ts_event=machine.now
        )
        machine.record(RecordKind.EVENT, stamped)
        machine.emit(stamped)

    return publish


__all__ = ["SystemSettings", "TradingSystem", "build_system", "is_async"]
