"""``ExecutionGatewayActor``: orders on their way out, and the venue's word about them.

It takes nothing but ``ApprovedCommand``. Each becomes an order with its state by the table in
``models.order``, an intent in the journal, and an effect. What the venue reports is matched to its
order and owner; a fill that was seen before is dropped, one that nobody ordered goes to the
EXTERNAL book. Orders that ended are remembered up to a bound, so that a late or repeated fill finds
its owner.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal

import msgspec

from orchestrion.actors.messages import (
    AccountMoved,
    CancelEntriesRequest,
    ExecuteCommands,
    ExecuteRequest,
    FillAttributed,
    OrdersChanged,
    OverfillFound,
    OwnerFilled,
    SubmissionLost,
)
from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.command import (
    ApprovedCommand,
    CancelOrder,
    SubmitOrder,
    initialized_order,
)
from orchestrion.domain.models.money import ZERO, add
from orchestrion.domain.models.order import Order, OrderStatus, OrderTrigger, next_status
from orchestrion.domain.models.portfolio import EXTERNAL
from orchestrion.domain.models.report import (
    ExternalFillReport,
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
    OrderReport,
)
from orchestrion.domain.orchestration.events import (
    DomainEvent,
    DuplicateReportEvent,
    OrderStatusChangedEvent,
)
from orchestrion.runtime.actor import ActorContext
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.mailbox import Mailbox

ENDED_ORDERS_KEPT = 10_000
"""A fill for an order that ended longer ago cannot be attributed any more and goes to EXTERNAL.
Arbitrary; weeks of orders for most accounts, and it keeps the memory of long runs flat."""

_TRIGGERS: dict[type, OrderTrigger] = {
    OrderAcceptedReport: OrderTrigger.ACCEPT,
    OrderRejectedReport: OrderTrigger.REJECT,
    OrderCanceledReport: OrderTrigger.CANCEL,
    OrderCancelRejectedReport: OrderTrigger.REJECT_CANCEL,
    OrderExpiredReport: OrderTrigger.EXPIRE,
}


class ExecutionGatewayActor:
    """See the module's text."""

    def __init__(self, *, context: ActorContext, publish: Callable[[DomainEvent], None]) -> None:
        self._context = context
        self._publish = publish
        self._open: dict[str, Order] = {}
        self._ended: dict[str, Order] = {}
        self._trade_ids: dict[str, set[str]] = {}
        self._owners: Mapping[str, Mailbox] = {}
        self._handlers: dict[type, Callable[..., None]] = {
            ExecuteRequest: self._on_execute,
            CancelEntriesRequest: self._on_cancel_entries,
            OrderFilledReport: self._on_filled,
            ExternalFillReport: self._on_external_fill,
            SubmissionLost: self._on_lost,
            **dict.fromkeys(_TRIGGERS, self._on_report),
        }

    def connect(
        self,
        *,
        owners: Mapping[str, Mailbox],
        coordinator: Mailbox,
        capital_manager: Mailbox,
        auditor: Mailbox,
    ) -> None:
        """Tells it who has to know. Called once, by wiring."""
        self._owners = owners
        self._coordinator = coordinator
        self._capital_manager = capital_manager
        self._auditor = auditor

    @property
    def open_orders(self) -> Mapping[str, Order]:
        """Orders that can still fill, by client_order_id, in order of submission."""
        return self._open

    def receive(self, message: object) -> None:
        handler = self._handlers.get(type(message))
        if handler is None:
            raise ActorError(f"the execution gateway cannot be told a {type(message).__name__}")
        handler(message)

    # -- out ------------------------------------------------------------------------------------

    def _on_execute(self, request: ExecuteRequest) -> None:
        changed: dict[str, Order] = {}
        for approved in request.approved:
            self._context.record(RecordKind.INTENT, approved)
            order = self._leaving(approved)
            if order is not None:
                changed[order.client_order_id] = self._open[order.client_order_id] = order
        self._tell_changed(changed.values())
        self._context.emit(ExecuteCommands(request.approved))

    def _on_cancel_entries(self, request: CancelEntriesRequest) -> None:
        """Withdraws entries on our own account, so without the capital manager."""
        cancels = tuple(
            ApprovedCommand(
                strategy_id=request.strategy_id,
                command=CancelOrder(
                    strategy_id=request.strategy_id,
                    client_order_id=order.client_order_id,
                    label="entries withdrawn",
                ),
                client_order_id=f"{order.client_order_id}-X{self._context.seq}",
                reservation=ZERO,
                is_reducing=True,
                ts_decided=self._context.now,
            )
            for order in self._open.values()
            if order.strategy_id == request.strategy_id
            and not order.is_reducing
            and order.status is not OrderStatus.PENDING_CANCEL
        )
        if cancels:
            self._on_execute(ExecuteRequest(cancels))

    def _leaving(self, approved: ApprovedCommand) -> Order | None:
        """The order that a command submits or cancels, in its next state; None when an order to
        be cancelled has ended or is being cancelled already."""
        if isinstance(approved.command, SubmitOrder):
            return _moved(initialized_order(approved, approved.command), OrderTrigger.SUBMIT)
        order = self._open.get(approved.command.client_order_id)
        if order is None or order.status is OrderStatus.PENDING_CANCEL:
            return None
        return _moved(order, OrderTrigger.REQUEST_CANCEL)

    def _on_lost(self, message: SubmissionLost) -> None:
        changed: dict[str, Order] = {}
        for client_order_id in message.client_order_ids:
            order = self._open.get(client_order_id)
            if order is not None:
                lost = _moved(order, OrderTrigger.LOSE)
                changed[client_order_id] = self._open[client_order_id] = lost
                self._tell_status(client_order_id, order.strategy_id, "UNKNOWN", message.failure)
        self._tell_changed(changed.values())

    # -- in -------------------------------------------------------------------------------------

    def _on_report(self, report: OrderReport) -> None:
        """Everything but fills."""
        order = self._open.get(report.client_order_id)
        if order is None:
            # The order ended, or was never ours: a late word that changes nothing.
            owner = self._ended.get(report.client_order_id)
            self._tell_status(
                report.client_order_id,
                owner.strategy_id if owner is not None else EXTERNAL,
                "IGNORED",
                f"{type(report).__name__} for an order that is not open",
            )
            return
        try:
            moved = _moved(order, _TRIGGERS[type(report)])
        except InvariantBrokenError as illegal:
            self._tell_status(order.client_order_id, order.strategy_id, "IGNORED", str(illegal))
            return
        if isinstance(report, OrderAcceptedReport):
            moved = msgspec.structs.replace(moved, venue_order_id=report.venue_order_id)
        self._change(moved)
        if isinstance(report, (OrderRejectedReport, OrderCancelRejectedReport)):
            self._tell_status(order.client_order_id, order.strategy_id, moved.status, report.reason)

    def _on_filled(self, fill: OrderFilledReport) -> None:
        order = self._open.get(fill.client_order_id) or self._ended.get(fill.client_order_id)
        if order is None or not _fits(order, fill):
            self._on_external_fill(_as_external(fill))
            return
        seen = self._trade_ids.setdefault(fill.client_order_id, set())
        if fill.trade_id in seen:
            self._publish(
                DuplicateReportEvent(client_order_id=fill.client_order_id, trade_id=fill.trade_id)
            )
            return
        seen.add(fill.trade_id)
        self._auditor.tell(AccountMoved(fill))
        self._capital_manager.tell(FillAttributed(order.strategy_id, fill, order.is_reducing))
        filled = _filled(order, fill)
        self._change(filled)
        self._coordinator.tell(OwnerFilled(order.strategy_id, fill))
        if any(filled.remaining(i) < 0 for i in range(len(filled.legs))):
            detail = f"{order.client_order_id} was filled beyond its quantity"
            self._coordinator.tell(OverfillFound(order.strategy_id, detail))

    def _on_external_fill(self, fill: ExternalFillReport) -> None:
        seen = self._trade_ids.setdefault(EXTERNAL, set())
        if fill.trade_id in seen:
            self._publish(DuplicateReportEvent(client_order_id="", trade_id=fill.trade_id))
            return
        seen.add(fill.trade_id)
        self._auditor.tell(AccountMoved(fill))
        self._capital_manager.tell(FillAttributed(EXTERNAL, fill, is_reducing=False))

    # -- state ----------------------------------------------------------------------------------

    def _change(self, order: Order) -> None:
        if order.is_open:
            self._open[order.client_order_id] = order
        else:
            self._open.pop(order.client_order_id, None)
            self._remember_ended(order)
        self._tell_changed((order,))

    def _tell_changed(self, orders: Iterable[Order]) -> None:
        changed = tuple(orders)
        if not changed:
            return
        self._capital_manager.tell(OrdersChanged(changed))
        for strategy_id in dict.fromkeys(order.strategy_id for order in changed):
            own = tuple(order for order in changed if order.strategy_id == strategy_id)
            self._owners[strategy_id].tell(OrdersChanged(own))

    def _remember_ended(self, order: Order) -> None:
        self._ended[order.client_order_id] = order
        if len(self._ended) > ENDED_ORDERS_KEPT:
            oldest = next(iter(self._ended))
            del self._ended[oldest]
            self._trade_ids.pop(oldest, None)

    def _tell_status(
        self, client_order_id: str, strategy_id: str, status: str, reason: str
    ) -> None:
        self._publish(
            OrderStatusChangedEvent(
                strategy_id=strategy_id,
                client_order_id=client_order_id,
                status=status,
                reason=reason,
            )
        )


def _moved(order: Order, trigger: OrderTrigger) -> Order:
    return msgspec.structs.replace(order, status=next_status(order.status, trigger))


def _filled(order: Order, fill: OrderFilledReport) -> Order:
    """The order after a fill; every state takes one, see the table."""
    filled = _with_fill(order.filled, fill.leg_index, fill.last_qty)
    probe = msgspec.structs.replace(order, filled=filled)
    is_complete = all(probe.remaining(i) <= 0 for i in range(len(order.legs)))
    if order.status is OrderStatus.FILLED:
        return probe  # an overfill: the state stays, the quantity tells
    trigger = OrderTrigger.FILL_REST if is_complete else OrderTrigger.FILL_PART
    return msgspec.structs.replace(probe, status=next_status(order.status, trigger))


def _with_fill(
    filled: tuple[Decimal, ...], leg_index: int, quantity: Decimal
) -> tuple[Decimal, ...]:
    return tuple(add(one, quantity) if i == leg_index else one for i, one in enumerate(filled))


def _fits(order: Order, fill: OrderFilledReport) -> bool:
    """Whether a fill can be of this order at all: leg, instrument and side."""
    if not 0 <= fill.leg_index < len(order.legs):
        return False
    leg = order.legs[fill.leg_index]
    return leg.instrument_id == fill.instrument_id and leg.side is fill.side


def _as_external(fill: OrderFilledReport) -> ExternalFillReport:
    return ExternalFillReport(
        trade_id=fill.trade_id,
        instrument_id=fill.instrument_id,
        side=fill.side,
        last_qty=fill.last_qty,
        last_px=fill.last_px,
        commission=fill.commission,
        ts_event=fill.ts_event,
    )
