"""Planted bugs that show only when a process ends and comes back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from orchestrion.actors.auditor_actor import AuditorActor
from orchestrion.actors.execution_gateway_actor import ExecutionGatewayActor
from orchestrion.actors.messages import ExecuteCommands
from orchestrion.actors.restart_keeper import RestartKeeper
from orchestrion.actors.system_state import SystemState
from orchestrion.adapters.unanswered import Unanswered
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder
from orchestrion.domain.models.money import ZERO, add
from orchestrion.domain.models.order import OrderStatus
from orchestrion.domain.orchestration.lifecycle import StrategyStatus
from tests.simulation.patching import Mutant, original, replacing
from tests.simulation.storage import DiskJournal

_restore = original(SystemState, "restore")
_on_lose_orders = original(ExecutionGatewayActor, "_on_lose_orders")
_on_restarted = original(RestartKeeper, "_on_restarted")


def _after_restore(damage: Callable[[Any], object], *more: tuple[Any, str, Any]) -> Mutant:
    """A restored system that is not what it was."""

    def restore(self: SystemState, body: bytes) -> None:
        _restore(self, body)
        damage(self)

    return replacing((SystemState, "restore", restore), *more)


def _forget_reservations(state: Any) -> None:
    capital = state.orchestrator.capital_manager
    for reserved in capital._reserved.values():
        reserved.clear()
    for strategy_id in capital._reserved_total:
        capital._reserved_total[strategy_id] = ZERO
    capital._free_capital = None


def _forget_pauses(state: Any) -> None:
    capital = state.orchestrator.capital_manager
    for strategy_id in tuple(capital._standing):
        capital.set_standing(strategy_id, StrategyStatus.RUNNING, None)


def _drop_working_order(state: Any) -> None:
    state.gateway._open.pop(next(iter(state.gateway._open), ""), None)


def _count_twice(state: Any) -> None:
    capital = state.orchestrator.capital_manager
    for book in capital.books.values():
        for key, position in book.positions.items():
            twice = msgspec.structs.replace(
                position,
                quantity=add(position.quantity, position.quantity),
                cost=add(position.cost, position.cost),
            )
            positions = {**book.positions, key: twice}
            capital.replace_books((msgspec.structs.replace(book, positions=positions),))
            return


def _forget_failures(state: Any) -> None:
    for cell in state.machine._cells.values():
        if cell.failures is not None:
            cell.failures._failures.clear()


def _reject_lost(self: Any, _: Any) -> None:
    for order in list(self._open.values()):
        if order.status is OrderStatus.SUBMITTED:
            self._change(msgspec.structs.replace(order, status=OrderStatus.REJECTED))


def _send_lost_again(self: Any, message: Any) -> None:
    again = [
        ApprovedCommand(
            strategy_id=order.strategy_id,
            command=SubmitOrder(
                strategy_id=order.strategy_id,
                legs=order.legs,
                order_type=order.order_type,
                time_in_force=order.time_in_force,
                limit_price=order.limit_price,
                stop_price=order.stop_price,
            ),
            client_order_id=order.client_order_id,
            reservation=ZERO,
            is_reducing=order.is_reducing,
            ts_decided=order.ts_decided,
        )
        for order in self._open.values()
        if order.status in (OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)
    ]
    _on_lose_orders(self, message)
    if again:
        self._context.emit(ExecuteCommands(tuple(again)))


def _no_epoch(self: Any, message: Any) -> None:
    _on_restarted(self, msgspec.structs.replace(message, epoch=0))


def _never_hold(self: Any, *, is_held: bool) -> None:
    self.is_held = False


def _say_synced(self: DiskJournal) -> None:
    """Says that all is durable, and has written nothing."""
    self._call("sync")
    self.synced = self.appended
    self._call("synced")


def _nothing(*_: Any, **__: Any) -> None:
    return None


_QUIET_AUDITOR = (AuditorActor, "_compare", _nothing)


RESTART_BUGS: dict[str, Mutant] = {
    "sync_after_ack": replacing((DiskJournal, "sync", _say_synced)),
    "unknown_taken_as_rejected_after_restart": replacing(
        (ExecutionGatewayActor, "_on_lose_orders", _reject_lost)
    ),
    "under_way_taken_as_submitted_after_restart": replacing(
        (ExecutionGatewayActor, "_on_lose_orders", _nothing)
    ),
    "unknown_sent_again_after_restart": replacing(
        (ExecutionGatewayActor, "_on_lose_orders", _send_lost_again)
    ),
    "cross_lost_at_restart": replacing((Unanswered, "note_effect", _nothing)),
    "epoch_not_counted": replacing((RestartKeeper, "_on_restarted", _no_epoch)),
    "trading_before_reconciliation": replacing((RestartKeeper, "_hold", _never_hold)),
    "trade_ids_not_in_snapshot": _after_restore(
        lambda state: state.gateway._trades._by_order.clear(),
        _QUIET_AUDITOR,
    ),
    "reservations_not_in_snapshot": _after_restore(_forget_reservations),
    "pause_not_checked_after_restart": _after_restore(_forget_pauses),
    "working_order_dropped_at_start": _after_restore(_drop_working_order),
    "position_counted_twice_at_start": _after_restore(_count_twice, _QUIET_AUDITOR),
    "failures_not_in_snapshot": _after_restore(_forget_failures),
    "rounds_counted_anew": _after_restore(
        lambda state: setattr(state.coordinator, "round_number", 0)
    ),
}
