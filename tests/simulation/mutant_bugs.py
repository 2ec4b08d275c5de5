"""Planted bugs, by name; each breaks one promise in the real code.

Those that need a restart are in ``mutant_restarts``. One that the design names has nothing to break
here, a snapshot without a barrier before its renaming: a snapshot is a record of the journal, and
no file is ever renamed.
"""

from __future__ import annotations

from contextlib import suppress
from decimal import Decimal
from typing import Any, cast

import msgspec

from orchestrion.actors import execution_gateway_actor, shared_orders
from orchestrion.actors.auditor_actor import AuditorActor
from orchestrion.actors.capital_manager_actor import CapitalManagerActor
from orchestrion.actors.custody import Custody
from orchestrion.actors.execution_gateway_actor import ExecutionGatewayActor
from orchestrion.actors.messages import ExecuteCommands, SubmissionLost
from orchestrion.actors.round_plan import RoundPlans
from orchestrion.actors.shared_orders import SharedOrders
from orchestrion.actors.system_state import SystemState
from orchestrion.adapters.data import feed_guard
from orchestrion.adapters.data.feed_guard import FeedGuard
from orchestrion.adapters.session import TradingSession
from orchestrion.domain.models.command import ApprovedCommand
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import ONE, ZERO, add
from orchestrion.domain.models.order import Order, OrderStatus, OrderTrigger
from orchestrion.domain.orchestration import authorisation, proposal, ranking
from orchestrion.domain.orchestration.account_books import AccountBooks
from orchestrion.domain.orchestration.lifecycle import (
    StrategyStanding,
    StrategyStatus,
    TradingState,
)
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.runtime.errors import describe
from orchestrion.runtime.mailbox import Mailbox, Overflow
from orchestrion.runtime.state import decode_snapshot, encode_snapshot, state_hash
from orchestrion.runtime.supervision import FailureWindow, SupervisionVerdict
from tests.simulation.patching import Mutant, original, replacing

# -- the shell: when something leaves -------------------------------------------------------------


def _execute_first(sync: str) -> Any:
    def execute(self: TradingSession, effect: ExecuteCommands) -> None:
        if sync == "swallowed":
            with suppress(Exception):
                self._journal.sync()
        failure: Exception | None = None
        try:
            self._port.execute_commands(list(effect.approved))
        except Exception as raised:
            failure = raised
        if sync == "after":
            self._journal.sync()
        if failure is not None:
            ids = tuple(
                one.client_order_id
                if not hasattr(one.command, "client_order_id")
                else one.command.client_order_id
                for one in effect.approved
            )
            lost = SubmissionLost(client_order_ids=ids, failure=describe(failure))
            self._machine.post(lost, self._machine.now)

    return execute


# -- the gateway: what a venue says ---------------------------------------------------------------

_on_lost = original(ExecutionGatewayActor, "_on_lost")
_on_execute = original(ExecutionGatewayActor, "_on_execute")
_on_filled = original(ExecutionGatewayActor, "_on_filled")
_as_it_leaves = original(SharedOrders, "as_it_leaves")
_on_own_report = original(ExecutionGatewayActor, "_on_own_report")
_moved_by = original(execution_gateway_actor, "moved_by")


def _release(self: Any, message: Any) -> None:
    _on_lost(self, message)
    for one in message.client_order_ids:
        order = self._open.get(one)
        if order is not None:
            self._change(msgspec.structs.replace(order, status=OrderStatus.CANCELED))


def _reject(self: Any, message: Any) -> None:
    for one in message.client_order_ids:
        order = self._open.get(one)
        if order is not None and not any(order.filled):
            self._change(msgspec.structs.replace(order, status=OrderStatus.REJECTED))


def _remember(self: Any, request: Any) -> None:
    sent = vars(self).setdefault("sent", {})
    sent.update({one.client_order_id: one for one in request.approved})
    _on_execute(self, request)


def _send_again(suffix: str) -> Any:
    def on_lost(self: Any, message: Any) -> None:
        _on_lost(self, message)
        again = [
            msgspec.structs.replace(self.sent[one], client_order_id=one + suffix)
            for one in message.client_order_ids
            if one in vars(self).get("sent", {})
        ]
        if again:
            self._context.emit(ExecuteCommands(tuple(again)))

    return on_lost


def _drop_late(self: Any, fill: Any) -> None:
    if fill.client_order_id not in self._ended:
        _on_filled(self, fill)


def _book_for_first(self: Any, fill: Any) -> None:
    order = self._open.get(fill.client_order_id)
    if order is not None:
        first = next(iter(self._owners))
        self._open[order.client_order_id] = msgspec.structs.replace(order, strategy_id=first)
    _on_filled(self, fill)


def _cancel_reject_ends(order: Order, trigger: OrderTrigger) -> Order:
    if trigger is OrderTrigger.REJECT_CANCEL:
        return msgspec.structs.replace(order, status=OrderStatus.CANCELED)
    return _moved_by(order, trigger)  # type: ignore[no-any-return]


def _fill_order_quietly(self: Any, order: Order, fill: Any) -> None:
    self._change(_filled_by(order, fill))


def _nothing(*_: Any, **__: Any) -> None:
    return None


# -- rules ----------------------------------------------------------------------------------------

_standing_fault = original(authorisation, "standing_fault")
_judge_alone = original(PortfolioCapitalManager, "_judge_alone")
_track = original(AccountBooks, "track")
_mark = original(AccountBooks, "mark")
_apply_fill = original(AccountBooks, "apply_fill")
_settle = original(AccountBooks, "settle")
_select = original(RoundPlans, "_select")
_record = original(FailureWindow, "record")
_is_amount = original(proposal, "_is_amount")
_split_fill = original(shared_orders, "split_fill")
_filled_by = original(execution_gateway_actor, "filled_by")


def _pause_not_checked(standing: Any, *, is_reducing: bool) -> Any:
    free = msgspec.structs.replace(standing, pause_mode=None)
    if free.status is StrategyStatus.PAUSED:
        free = msgspec.structs.replace(free, status=StrategyStatus.RUNNING)
    return _standing_fault(free, is_reducing=is_reducing)


def _halt_not_checked(standing: Any, *, is_reducing: bool) -> Any:
    active = msgspec.structs.replace(standing, trading_state=TradingState.ACTIVE)
    return _standing_fault(active, is_reducing=is_reducing)


def _without_live_orders(self: Any, order: Any, now: int) -> Any:
    kept = dict(self._reserved_total)
    self._reserved_total = dict.fromkeys(kept, ZERO)
    try:
        return _judge_alone(self, order, now)
    finally:
        self._reserved_total = kept


def _keeps_after_cancel(self: Any, order: Order) -> None:
    before = dict(self._reserved.get(order.strategy_id, {}))
    total = self._reserved_total.get(order.strategy_id)
    _track(self, order)
    if order.status is OrderStatus.CANCELED and order.client_order_id in before:
        self._reserved[order.strategy_id] = before
        self._reserved_total[order.strategy_id] = total


def _mark_one_late(self: Any, market_slice: MarketSlice) -> None:
    late = vars(self).get("late_slice")
    self.late_slice = market_slice
    _mark(self, market_slice if late is None else late)


def _without_fee(self: Any, book_id: str, fill: Any) -> Any:
    return _apply_fill(self, book_id, msgspec.structs.replace(fill, commission=ZERO))


def _one_too_many(self: Any, book_id: str, fill: Any) -> Any:
    more = msgspec.structs.replace(fill, last_qty=add(fill.last_qty, ONE))
    return _apply_fill(self, book_id, more if fill.last_qty > 5 else fill)


def _settle_nothing(self: Any, report: Any) -> Any:
    return ()


def _reversed_select(self: Any, is_chosen: Any) -> Any:
    seats = self._seats
    self._seats = tuple(tuple(reversed(stage)) for stage in seats)
    try:
        return _select(self, is_chosen)
    finally:
        self._seats = seats


def _one_more_chance(self: FailureWindow, *, now_ns: int, turn: int) -> Any:
    verdict, count = _record(self, now_ns=now_ns, turn=turn)
    if verdict is SupervisionVerdict.QUARANTINE and count == self._policy.failures_max:
        return SupervisionVerdict.RESTART, count
    return verdict, count


def _infinite_too(value: object) -> bool:
    return _is_amount(value) or (type(value) is Decimal and value.is_infinite())


def _unbounded(self: Mailbox, message: object) -> None:
    if self.overflow is Overflow.REFUSE:
        self.queue.append(message)
        self._ready.append(self)


_real_number = original(feed_guard, "_number")


def _number_or_nan(name: str, value: object) -> Any:
    return value if type(value) is float and value != value else _real_number(name, value)


def _complete_at_first(order: Order, fill: Any) -> Order:
    filled: Order = _filled_by(order, fill)
    return msgspec.structs.replace(filled, status=OrderStatus.FILLED)


def _hash_without_orders(self: SystemState) -> str:
    state = cast("dict[str, object]", decode_snapshot(self._encoded_state()))
    return state_hash(encode_snapshot({**state, "gateway": None}))


def _cancel_under_own_id(self: Any, approved: Any) -> Any:
    leaving = _as_it_leaves(self, approved)
    return approved if isinstance(leaving, ApprovedCommand) else leaving


def _all_to_first(order: Any, fill: Any) -> Any:
    split = _split_fill(order, fill)
    first = msgspec.structs.replace(
        split.fills[0], last_qty=fill.last_qty, commission=fill.commission
    )
    return msgspec.structs.replace(split, fills=(first,), fee_shares=())


_QUIET_AUDITOR = (AuditorActor, "_compare", _nothing)
"""Some bugs are found by the run's own auditor at once; here the checkers have to."""

BUGS: dict[str, Mutant] = {
    "submit_before_journal": replacing((TradingSession, "_execute", _execute_first("after"))),
    "skip_fsync": replacing((TradingSession, "_execute", _execute_first("never"))),
    "go_on_after_failed_write": replacing(
        (TradingSession, "_execute", _execute_first("swallowed"))
    ),
    "double_apply_fill": replacing(
        (ExecutionGatewayActor, "_was_seen", lambda *_: False), _QUIET_AUDITOR
    ),
    "release_on_timeout": replacing((ExecutionGatewayActor, "_on_lost", _release)),
    "treat_timeout_as_reject": replacing((ExecutionGatewayActor, "_on_lost", _reject)),
    "resend_unknown": replacing(
        (ExecutionGatewayActor, "_on_execute", _remember),
        (ExecutionGatewayActor, "_on_lost", _send_again("")),
    ),
    "new_id_on_retry": replacing(
        (ExecutionGatewayActor, "_on_execute", _remember),
        (ExecutionGatewayActor, "_on_lost", _send_again("R")),
    ),
    "drop_late_fill": replacing((ExecutionGatewayActor, "_on_filled", _drop_late)),
    "external_fill_dropped": replacing((ExecutionGatewayActor, "_on_external_fill", _nothing)),
    "overfill_not_flagged": replacing((ExecutionGatewayActor, "_fill_order", _fill_order_quietly)),
    "fill_in_wrong_book": replacing((ExecutionGatewayActor, "_on_filled", _book_for_first)),
    "cancel_reject_ends_order": replacing(
        (execution_gateway_actor, "moved_by", _cancel_reject_ends)
    ),
    "first_part_is_all": replacing((execution_gateway_actor, "filled_by", _complete_at_first)),
    "internal_fill_stands_for_acceptance": replacing(
        (execution_gateway_actor, "crossed_by", _filled_by)
    ),
    "shared_cancel_under_own_id": replacing((SharedOrders, "as_it_leaves", _cancel_under_own_id)),
    "shared_fill_to_first_owner": replacing((shared_orders, "split_fill", _all_to_first)),
    "unordered_fan_out": replacing((RoundPlans, "_select", _reversed_select)),
    "stages_ignored": replacing((ranking, "_stages", lambda by_id: dict.fromkeys(by_id, 0))),
    "marks_one_slice_late": replacing((AccountBooks, "mark", _mark_one_late)),
    "unbounded_mailbox": replacing((Mailbox, "_overflow", _unbounded)),
    "off_by_one_restart_intensity": replacing((FailureWindow, "record", _one_more_chance)),
    "pause_not_checked": replacing((authorisation, "standing_fault", _pause_not_checked)),
    "halt_not_checked": replacing((authorisation, "standing_fault", _halt_not_checked)),
    "quarantined_goes_on": replacing(
        (StrategyStanding, "is_called", property(lambda self: not self.is_over))
    ),
    "budget_without_live_orders": replacing(
        (PortfolioCapitalManager, "_judge_alone", _without_live_orders)
    ),
    "account_room_not_checked": replacing((PortfolioCapitalManager, "_account_refusal", _nothing)),
    "limits_not_checked": replacing((PortfolioCapitalManager, "_own_limit_fault", _nothing)),
    "exit_judged_as_entry": replacing((authorisation, "reduces_risk", lambda *_: False)),
    "infinite_quantity_passes": replacing((proposal, "_is_amount", _infinite_too)),
    "nan_price_passes": replacing((feed_guard, "_number", _number_or_nan)),
    "repeated_data_passes": replacing(
        (FeedGuard, "_require_new", _nothing), (FeedGuard, "_take_sequence", _nothing)
    ),
    "reservation_kept_after_cancel": replacing((AccountBooks, "track", _keeps_after_cancel)),
    "fee_not_booked": replacing((AccountBooks, "apply_fill", _without_fee), _QUIET_AUDITOR),
    "quantity_off_by_one": replacing((AccountBooks, "apply_fill", _one_too_many), _QUIET_AUDITOR),
    "settlement_not_booked": replacing((AccountBooks, "settle", _settle_nothing), _QUIET_AUDITOR),
    "order_id_without_index": replacing((CapitalManagerActor, "_next_index", lambda _: 0)),
    "hash_of_part_of_the_state": replacing((SystemState, "state_hash", _hash_without_orders)),
    "quarantine_forgets_to_stop": replacing((Custody, "quarantine", _nothing)),
}
