"""Wiring: actors, mailboxes and routes of one account, built once per run.

This is the actors' public face: shells (backtest, embedding, replay, tests) build a
``TradingSystem``, post inputs to its machine and carry out the effects.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

import msgspec

from orchestrion.actors.auditor_actor import AuditorActor
from orchestrion.actors.capital_manager_actor import CapitalManagerActor
from orchestrion.actors.coordinator_actor import CoordinatorActor
from orchestrion.actors.execution_gateway_actor import ExecutionGatewayActor
from orchestrion.actors.inputs import CAPITAL_INPUTS, COORDINATOR_INPUTS, GATEWAY_INPUTS
from orchestrion.actors.roster import MAILBOX_ROOM_MIN, Roster, StrategyBuilder, is_async
from orchestrion.actors.system_state import EventPublisher, SystemState
from orchestrion.actors.tally import Tally
from orchestrion.domain.desk.desk_settings import NO_DESK_RULES, CapitalDeskSettings
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.orchestration.account_ledger import AccountLedger
from orchestrion.domain.orchestration.lifecycle import Custodian
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from orchestrion.runtime.journal import Journal, Stall
from orchestrion.runtime.machine import Hop, Machine
from orchestrion.runtime.mailbox import CAPACITY_MESSAGES
from orchestrion.runtime.supervision import SupervisionPolicy


class SystemSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the machinery needs to know beyond the domain's configuration.

    Attributes:
        order_id_prefix: of the run; makes client order ids unique.
        custodian: what becomes of a quarantined strategy's positions: hold, flatten or hand_over.
        custodian_heir: the strategy that gets them with hand_over.
        mailbox_messages_max: bound of every mailbox; a smaller one than a round of all strategies
            needs is raised to that.
        capital_desk: what moves and stops capital during the run.
        build: builds strategies that join during the run, from name and config; None refuses them.
            It must give the same strategy for the same values, else a replay cannot follow.
    """

    order_id_prefix: str
    supervision: SupervisionPolicy = SupervisionPolicy()
    custodian: str = Custodian.HOLD
    custodian_heir: str = ""
    mailbox_messages_max: int = CAPACITY_MESSAGES
    capital_desk: CapitalDeskSettings = NO_DESK_RULES
    build: StrategyBuilder | None = None


class TradingSystem:
    """One account's actors, ready for inputs.

    Attributes:
        machine: where inputs are posted and effects are taken.
        orchestrator: the domain's configuration of the run.
        auditor: keeps the account ledger and counts the checks.
    """

    def __init__(self, state: SystemState) -> None:
        self.machine = state.machine
        self.orchestrator = state.orchestrator
        self.auditor = state.auditor
        self._state = state
        self._coordinator = state.coordinator
        self._capital_manager = state.capital_manager

    @property
    def books(self) -> Mapping[str, Book]:
        return self.orchestrator.capital_manager.books

    @property
    def tallies(self) -> Mapping[str, Tally]:
        return self._capital_manager.tallies

    @property
    def rounds(self) -> int:
        return self._coordinator.round_number

    @property
    def is_started(self) -> bool:
        """Whether the strategies were told of the start, by this process or an earlier one."""
        return self._coordinator.is_started

    @property
    def last_slice_ts(self) -> int | None:
        """Time of the last market data; None before the first."""
        return self._coordinator.last_slice_ts

    @property
    def is_session_closed(self) -> bool:
        """Whether the session of the last market data has been closed."""
        closed_ts = self._coordinator.closed_ts
        return closed_ts is not None and closed_ts == self._coordinator.last_slice_ts

    @property
    def has_ended(self) -> bool:
        """Whether the strategies were told of the end."""
        return self._coordinator.has_ended

    @property
    def is_held(self) -> bool:
        """Whether nothing leaves, because a restart is not reconciled yet."""
        return self.orchestrator.capital_manager.is_held

    @property
    def open_orders(self) -> Mapping[str, Order]:
        """Orders that can still fill, by client_order_id, in order of submission."""
        return self._state.gateway.open_orders

    @property
    def orders_at_venue(self) -> tuple[Order, ...]:
        """Open orders that may have left, as the venue knows them, in order of submission."""
        return self._state.gateway.orders_at_venue

    def was_seen(self, client_order_id: str, trade_id: str) -> bool:
        """Whether a fill of an order is booked."""
        return self._state.gateway.was_seen(client_order_id, trade_id)

    def snapshot(self) -> bytes:
        """The state of everything between two inputs, see ``SystemState.snapshot``."""
        return self._state.snapshot()

    def compare(self, seq: int, body: bytes) -> None:
        """Compares the state with a snapshot, see ``SystemState.compare``."""
        self._state.compare(seq, body)

    def state_hash(self) -> str:
        """sha256 over the state, hex, see ``SystemState.state_hash``."""
        return self._state.state_hash()

    def restore(self, body: bytes) -> None:
        """Gives a system that was just built the state of a snapshot, see
        ``SystemState.restore``."""
        self._state.restore(body)

    def take_out(self, stalls: Iterable[Stall], seq: int) -> None:
        """Strategies that would not come back from the input that is posted next, by a journal's
        header: they fail at their next call, and are quarantined."""
        for one in stalls:
            if one.seq == seq:
                self._state.roster.take_out(one.actor, f"it blocked the process at input {seq}")

    def status(self, strategy_id: str) -> str:
        """State of a strategy in words, e.g. ``running``, ``paused (frozen)`` or ``removed``.

        Raises:
            LifecycleError: there never was such a strategy.
        """
        return self._coordinator.standings.words(strategy_id)


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
    roster = Roster(
        machine=machine,
        orchestrator=orchestrator,
        supervision=settings.supervision,
        mailbox_messages_max=settings.mailbox_messages_max,
        build=settings.build,
    )
    publisher = EventPublisher(machine)
    core = _core_actors(machine, orchestrator, catalog, settings, roster, publisher)
    # A strategy id cannot contain a colon, so no strategy can be taken for one of these.
    coordinator = roster.spawn("core:coordinator", core.coordinator)
    capital_manager = roster.spawn("core:capital_manager", core.capital_manager)
    gateway = roster.spawn("core:execution_gateway", core.gateway)
    auditor = roster.spawn("core:auditor", core.auditor)
    core.coordinator.connect(
        line_up=roster.seat_everybody(factories, coordinator),
        standings={one: entry.standing for one, entry in orchestrator.strategies.items()},
        capital_manager=capital_manager,
        gateway=gateway,
        group=lambda members: machine.group(members, parent=coordinator),
    )
    core.capital_manager.connect(
        owners=roster.owners, gateway=gateway, auditor=auditor, coordinator=coordinator
    )
    core.gateway.connect(
        owners=roster.owners,
        coordinator=coordinator,
        capital_manager=capital_manager,
        auditor=auditor,
    )
    machine.route_all(COORDINATOR_INPUTS, coordinator)
    machine.route_all(CAPITAL_INPUTS, capital_manager)
    machine.route_all(GATEWAY_INPUTS, gateway)
    return TradingSystem(
        SystemState(
            machine=machine,
            publisher=publisher,
            orchestrator=orchestrator,
            roster=roster,
            coordinator=core.coordinator,
            capital_manager=core.capital_manager,
            gateway=core.gateway,
            auditor=core.auditor,
        )
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
    roster: Roster,
    publish: EventPublisher,
) -> _Core:
    capital = orchestrator.capital_manager
    gateway = ExecutionGatewayActor(context=machine, publish=publish)
    return _Core(
        coordinator=CoordinatorActor(
            context=machine,
            coordinator=orchestrator.coordinator,
            working_orders=gateway.open_orders,
            books=lambda: capital.books,
            recruiter=roster,
            drain_events=orchestrator.drain_events,
            publish=publish,
            custodian=Custodian(settings.custodian),
            custodian_heir=settings.custodian_heir,
        ),
        capital_manager=CapitalManagerActor(
            context=machine,
            capital_manager=capital,
            publish=publish,
            order_id_prefix=settings.order_id_prefix,
            desk_settings=settings.capital_desk,
        ),
        gateway=gateway,
        auditor=AuditorActor(
            AccountLedger(catalog, starting_cash=capital.total_capital),
            capital.books.values(),
            catalog,
            capital.marks,
        ),
    )


__all__ = [
    "MAILBOX_ROOM_MIN",
    "StrategyBuilder",
    "SystemSettings",
    "TradingSystem",
    "build_system",
    "is_async",
]
