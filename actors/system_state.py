"""The state of a whole run between two inputs, as bytes, and a new system given it back.

A snapshot and the inputs behind it lead to the same decisions as all inputs from the first one on,
at every position (tests/replay/test_snapshot_sweep.py). It has two parts: ``state`` is what a
replay must come to again, byte for byte, so its hash is the state hash; ``remembered`` is what is
needed besides to build strategies again: what asynchronous ones have learned (a replay does not
call them), and what those were told that give no snapshots.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from orchestrion.actors.auditor_actor import AuditorActor
from orchestrion.actors.capital_manager_actor import CapitalManagerActor
from orchestrion.actors.coordinator_actor import CoordinatorActor
from orchestrion.actors.execution_gateway_actor import ExecutionGatewayActor
from orchestrion.actors.roster import Roster
from orchestrion.domain.errors import ConfigurationError, LifecycleError
from orchestrion.domain.orchestration.events import DomainEvent
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from orchestrion.runtime.errors import ActorError, StateLostError
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.machine import Machine
from orchestrion.runtime.replay import compare_states
from orchestrion.runtime.state import (
    decode_snapshot,
    encode_snapshot,
    encode_snapshot_of,
    join_snapshot,
    require_fields,
    restore_snapshot,
    restore_state,
    snapshot_of,
    state_hash,
    state_of,
)

SNAPSHOT_FORMAT = 1
"""Of the body. Another one is refused: what it means is only known to the version that wrote it."""

_FIELDS = (
    "machine",
    "publisher",
    "has_collected",
    "roster",
    "coordinator",
    "capital_manager",
    "gateway",
    "auditor",
)


class EventPublisher:
    """Numbers domain events, writes them down and hands them to the shell."""

    STATE: ClassVar[Mapping[str, Any]] = {"_count": int}

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._count = 0

    def __call__(self, event: DomainEvent) -> None:
        self._count += 1
        machine = self._machine
        stamped = dataclasses.replace(
            event, event_id=f"E{self._count}", seq=machine.seq, ts_event=machine.now
        )
        machine.record(RecordKind.EVENT, stamped)
        machine.emit(stamped)


@dataclasses.dataclass(frozen=True)
class SystemState:
    """Everybody who has state."""

    machine: Machine
    publisher: EventPublisher
    orchestrator: UnifiedStrategyOrchestrator
    roster: Roster
    coordinator: CoordinatorActor
    capital_manager: CapitalManagerActor
    gateway: ExecutionGatewayActor
    auditor: AuditorActor

    # -- out --------------------------------------------------------------------------------------

    def snapshot(self) -> bytes:
        """Everything.

        Raises:
            ActorError: in the middle of a round, or with effects that wait.
            StateLostError: a strategy gives no snapshot and cannot be rebuilt from what it was
                told.
        """
        state = self._encoded_state()
        lost = self.roster.lost_ids()
        if lost:
            raise StateLostError(
                f"{', '.join(lost)}: gives no snapshots and has had too many messages to be built "
                "again from them; add snapshot() and restore() to the strategy"
            )
        return join_snapshot(
            {
                "format": encode_snapshot(SNAPSHOT_FORMAT),
                "state": state,
                "remembered": encode_snapshot(self.roster.remembered()),
            }
        )

    def state_hash(self) -> str:
        """sha256 over the state, hex: equal for runs that will go on alike.

        Raises:
            ActorError: in the middle of a round, or with effects that wait.
        """
        return state_hash(self._encoded_state())

    def compare(self, seq: int, body: bytes) -> None:
        """Compares the state with a snapshot that was taken at the same place.

        Raises:
            DivergenceError: names the first field that differs.
            JournalFormatError: it is no snapshot.
            ActorError: in the middle of a round.
        """
        parts = require_fields(
            decode_snapshot(body), ("format", "state", "remembered"), "a snapshot"
        )
        if parts["format"] == SNAPSHOT_FORMAT:
            compare_states(seq, parts["state"], decode_snapshot(self._encoded_state()))

    def _encoded_state(self) -> bytes:
        self._require_rest()
        plain = {
            "machine": self.machine.snapshot(),
            "publisher": state_of(self.publisher),
            "has_collected": self.orchestrator.has_events,
            "roster": self.roster.snapshot(),
            "coordinator": snapshot_of(self.coordinator),
            "capital_manager": self.capital_manager.snapshot(),
        }
        return join_snapshot(
            {
                **{name: encode_snapshot(one) for name, one in plain.items()},
                # Nearly all of it, because of the ended orders that are remembered.
                "gateway": encode_snapshot_of(self.gateway),
                "auditor": encode_snapshot(snapshot_of(self.auditor)),
            }
        )

    def _require_rest(self) -> None:
        try:
            self.coordinator.require_quiet()
        except LifecycleError as open_round:
            raise ActorError(f"there is no snapshot now: {open_round}") from open_round
        if not self.machine.is_at_rest:
            raise ActorError("there is no snapshot now: messages or effects wait")

    # -- in ---------------------------------------------------------------------------------------

    def restore(self, body: bytes) -> None:
        """Gives a system that was just built the state of a snapshot.

        Raises:
            JournalFormatError: it cannot be read, or not by this version.
            ConfigurationError: the configured strategies are not those of the snapshot; nothing
                has changed.
            ActorError: this system has taken inputs already.
        """
        if self.machine.seq:
            raise ActorError("only a system without inputs can be given a state")
        parts = require_fields(
            decode_snapshot(body), ("format", "state", "remembered"), "a snapshot"
        )
        if parts["format"] != SNAPSHOT_FORMAT:
            raise ActorError(
                f"the snapshot is of format {parts['format']}, this version reads {SNAPSHOT_FORMAT}"
            )
        state = require_fields(parts["state"], _FIELDS, "the run")
        self._require_same_strategies(state)
        self.roster.restore_seats(state["roster"])
        self.machine.restore(state["machine"])
        restore_state(self.publisher, state["publisher"])
        if not state["has_collected"]:
            self.orchestrator.drain_events()
        self.coordinator.take_line_up(self.roster.line_up())
        restore_snapshot(self.coordinator, state["coordinator"])
        self.capital_manager.restore(state["capital_manager"])
        restore_snapshot(self.gateway, state["gateway"])
        self.auditor.take_catalog(self.orchestrator.capital_manager.catalog)
        restore_snapshot(self.auditor, state["auditor"])
        self.roster.restore_hosts(state["roster"], parts["remembered"])

    def _require_same_strategies(self, state: Mapping[str, object]) -> None:
        """A strategy that was taken out of the configuration cannot leave its positions behind, and
        one that was put in has no book."""
        coordinator = cast("Mapping[str, Any]", state["coordinator"])
        gone = coordinator["standings"]["_gone"]
        joined, present = self.roster.ids_in(state["roster"])
        configured = tuple(self.orchestrator.strategies)
        missing = [one for one in present if one not in configured and one not in joined]
        if missing:
            raise ConfigurationError(
                f"the run has {', '.join(missing)}, the configuration has not: put it back and "
                "remove it while it runs, so that its orders and positions are wound up"
            )
        new = [one for one in configured if one not in present and one not in gone]
        if new:
            raise ConfigurationError(
                f"the configuration has {', '.join(new)}, the run has not: leave it out (enabled: "
                "false) and add it while it runs"
            )
