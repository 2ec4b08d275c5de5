"""``ExecutionGatewayActor``: orders on their way out, and the venue's word about them.

It takes nothing but ``ApprovedCommand``. Each becomes an order with its state by the table in
``models.order``, an intent in the journal, and an effect. What the venue reports is matched to its
order and owner; a fill that was seen before is dropped, one that nobody ordered goes to the
EXTERNAL book. Orders that ended are remembered up to a bound, so that a late or repeated fill finds
its owner.

Netting: a round may come with internal fills and with orders that leave for several owners. Every
owner keeps an order of his own; what the venue says of a shared one is said to each of them
(``shared_orders``). Internal fills go round by the shell and come back as an input, like everything
that changes a book.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from itertools import islice
from typing import Any, ClassVar

import msgspec

from orchestrion.actors.messages import (
    AccountMoved,
    CancelEntriesRequest,
    CancelOrdersRequest,
    CancelsRefused,
    ExecuteCommands,
    ExecuteRequest,
    FillAttributed,
    FillsAttributed,
    InternalCrossed,
    OrdersChanged,
    OrdersEnded,
    OverfillFound,
    OwnersFilled,
    SubmissionLost,
)
from orchestrion.actors.order_hold import OrderHold
from orchestrion.actors.restart_messages import HoldChanged, LoseOrders
from orchestrion.actors.seen_trades import SeenTrades
from orchestrion.actors.shared_orders import SharedOrders, crossed_input
from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder, initialized_order
from orchestrion.domain.models.order import Order, OrderStatus, OrderTrigger
from orchestrion.domain.models.portfolio import EXTERNAL
from orchestrion.domain.models.report import (
    ExternalFillReport,
    OrderAcceptedReport,
    OrderCancelRejectedReport,
    OrderFilledReport,
    OrderRejectedReport,
    OrderReport,
)
from orchestrion.domain.netting.fill_split import FeeShare
from orchestrion.domain.netting.round_netting import NettedRound
from orchestrion.domain.orchestration.events import (
    DomainEvent,
    DuplicateReportEvent,
    OrderStatusChangedEvent,
)
from orchestrion.domain.orchestration.order_progress import (
    REPORT_TRIGGERS,
    as_external,
    crossed_by,
    filled_by,
    fits,
    moved_by,
    refusable,
)
from orchestrion.domain.orchestration.withdrawal import withdrawal_of
from orchestrion.runtime.actor import ActorContext
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.mailbox import Mailbox

ENDED_ORDERS_KEPT = 10_000
"""A fill for an order that ended longer ago cannot be attributed any more and goes to EXTERNAL.
Arbitrary; weeks of orders for most accounts, and it keeps the memory of long runs flat."""

ENDED_ORDERS_FORGOTTEN = 1_000
"""So many are forgotten at once: finding the oldest entry of a map walks over those that left."""

CROSSED = "CROSSED"
"""Stands for the order of a trade inside the account; no order's id is a word alone."""


class ExecutionGatewayActor:
    """See the module's text."""

    STATE: ClassVar[Mapping[str, Any]] = {
        "_open": dict[str, Order],
        "_ended": dict[str, Order],
    }
    PARTS: ClassVar[tuple[str, ...]] = ("_hold", "_trades", "_shared")

    def __init__(self, *, context: ActorContext, publish: Callable[[DomainEvent], None]) -> None:
        self._context = context
        self._publish = publish
        self._open: dict[str, Order] = {}
        self._ended: dict[str, Order] = {}
        self._hold = OrderHold()
        self._trades = SeenTrades()
        self._shared = SharedOrders()
        self._owners: Mapping[str, Mailbox] = {}
        self._handlers: dict[type, Callable[..., None]] = {
            ExecuteRequest: self._on_execute,
            CancelEntriesRequest: self._on_cancel_entries,
            CancelOrdersRequest: self._on_cancel_orders,
            OrderFilledReport: self._on_filled,
            ExternalFillReport: self._on_external_fill,
            SubmissionLost: self._on_lost,
            InternalCrossed: self._on_crossed,
            HoldChanged: self._on_hold,
            LoseOrders: self._on_lose_orders,
            **dict.fromkeys(REPORT_TRIGGERS, self._on_report),
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

    @property
    def orders_at_venue(self) -> tuple[Order, ...]:
        """Open orders that may have left, as the venue knows them, in order of submission."""
        return tuple(
            one
            for one in self._shared.as_at_venue(self._open)
            if one.status is not OrderStatus.INITIALIZED
        )

    def was_seen(self, client_order_id: str, trade_id: str) -> bool:
        """Whether a fill of an order, under the id that the venue knows, is booked."""
        return self._trades.has(client_order_id, trade_id)

    def receive(self, message: object) -> None:
        handler = self._handlers.get(type(message))
        if handler is None:
            raise ActorError(f"the execution gateway cannot be told a {type(message).__name__}")
        handler(message)

    # -- out ------------------------------------------------------------------------------------

    def _on_execute(self, request: ExecuteRequest) -> None:
        if self._hold.is_held:  # I13
            self._hold.keep(request.approved)
            return
        changed: dict[str, Order] = {}
        netted = request.netted
        leaving = request.approved if netted is None else netted.leaving
        if netted is not None:
            self._open_netted(request.approved, netted, changed)
        going: list[ApprovedCommand] = []
        for one in leaving:
            approved = self._shared.as_it_leaves(one)
            if isinstance(approved, OrderStatusChangedEvent):
                self._publish(approved)
                continue
            going.append(approved)
            self._context.record(RecordKind.INTENT, approved)
            for order in self._shared.leaving(approved, self._open):
                changed[order.client_order_id] = self._open[order.client_order_id] = order
        self._tell_changed(changed.values())
        if going:
            self._context.emit(ExecuteCommands(tuple(going)))
        if netted is not None and netted.fills:
            self._context.emit(crossed_input(netted, self._context.now))

    def _open_netted(
        self, approved: Iterable[ApprovedCommand], netted: NettedRound, changed: dict[str, Order]
    ) -> None:
        """Orders of a netted round that do not leave, or not under their own id."""
        for one in approved:
            if isinstance(one.command, SubmitOrder):
                order = initialized_order(one, one.command)
                changed[order.client_order_id] = self._open[order.client_order_id] = order
        for shared in netted.shared:
            self._shared.add(shared)
        inside = dict.fromkeys(part.fill.client_order_id for part in netted.fills)
        for denied in netted.denied:
            self._tell_status(
                denied.client_order_id, denied.strategy_id, OrderStatus.DENIED, denied.reason
            )
            if denied.client_order_id not in inside:
                order = moved_by(self._open.pop(denied.client_order_id), OrderTrigger.DENY)
                changed[order.client_order_id] = order

    def _on_cancel_entries(self, request: CancelEntriesRequest) -> None:
        self._withdraw(
            (
                order
                for order in self._open.values()
                if order.strategy_id == request.strategy_id and not order.is_reducing
            ),
            "entries withdrawn",
        )

    def _on_cancel_orders(self, request: CancelOrdersRequest) -> None:
        self._withdraw(
            (self._open[one] for one in request.client_order_ids if one in self._open),
            request.label,
        )

    def _withdraw(self, orders: Iterable[Order], label: str) -> None:
        """Cancels on our own account, so without the capital manager; later while all is held."""
        seq, now = self._context.seq, self._context.now
        cancels = tuple(
            withdrawal_of(order, label, seq=seq, now=now)
            for order in orders
            if order.status is not OrderStatus.PENDING_CANCEL
        )
        if cancels:
            self._on_execute(ExecuteRequest(cancels))

    # -- around a restart -----------------------------------------------------------------------

    def _on_hold(self, message: HoldChanged) -> None:
        if message.is_held:
            self._hold.is_held = True
            return
        for label, ids in self._hold.release():
            self._withdraw((self._open[one] for one in ids if one in self._open), label)

    def _on_lose_orders(self, _: LoseOrders) -> None:
        """What was on its way when the process ended. An order that the venue has confirmed goes on
        as it was; one that never was to leave stays INITIALIZED."""
        under_way = (OrderStatus.SUBMITTED, OrderStatus.PENDING_CANCEL)
        lost = [one for one in self._open.values() if one.status in under_way]
        for order in lost:
            if order.status is OrderStatus.PENDING_CANCEL:
                # Cancelling twice changes nothing; not cancelling does.
                self._hold.keep_cancel(order.client_order_id, "cancelled before the restart")
        self._lose([order.client_order_id for order in lost], "the process was started again")

    def _on_lost(self, message: SubmissionLost) -> None:
        self._lose(message.client_order_ids, message.failure)

    def _lose(self, client_order_ids: Iterable[str], failure: str) -> None:
        changed: dict[str, Order] = {}
        for told in client_order_ids:
            for client_order_id in self._shared.owner_orders(told):
                order = self._open.get(client_order_id)
                if order is not None:
                    lost = moved_by(order, OrderTrigger.LOSE)
                    changed[client_order_id] = self._open[client_order_id] = lost
                    self._tell_status(client_order_id, order.strategy_id, "UNKNOWN", failure)
        self._tell_changed(changed.values())

    # -- in -------------------------------------------------------------------------------------

    def _on_report(self, report: OrderReport) -> None:
        """Everything but fills; of a shared order, for each owner."""
        if report.client_order_id not in self._shared:
            self._on_own_report(report)
            return
        for client_order_id in self._shared.owner_orders(report.client_order_id):
            self._on_own_report(msgspec.structs.replace(report, client_order_id=client_order_id))

    def _on_own_report(self, report: OrderReport) -> None:
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
        told = self._shared.venue_id(order.client_order_id)
        if isinstance(report, OrderRejectedReport) and not self._trades.has_any(told):
            order = refusable(order)
        try:
            moved = moved_by(order, REPORT_TRIGGERS[type(report)])
        except InvariantBrokenError as illegal:
            self._tell_status(order.client_order_id, order.strategy_id, "IGNORED", str(illegal))
            return
        if isinstance(report, OrderAcceptedReport):
            moved = msgspec.structs.replace(moved, venue_order_id=report.venue_order_id)
        self._change(moved)
        if isinstance(report, (OrderRejectedReport, OrderCancelRejectedReport)):
            self._tell_status(order.client_order_id, order.strategy_id, moved.status, report.reason)
        if isinstance(report, OrderCancelRejectedReport):
            self._coordinator.tell(CancelsRefused((order.client_order_id,)))

    def _on_filled(self, fill: OrderFilledReport) -> None:
        if fill.client_order_id in self._shared:
            self._on_shared_fill(fill)
            return
        order = self._open.get(fill.client_order_id) or self._ended.get(fill.client_order_id)
        if order is None or not fits(order, fill):
            self._on_external_fill(as_external(fill))
            return
        if self._was_seen(fill.client_order_id, fill.trade_id):
            return
        self._auditor.tell(AccountMoved(fill))
        self._capital_manager.tell(FillAttributed(order.strategy_id, fill, order.is_reducing))
        self._fill_order(order, fill)
        self._coordinator.tell(OwnersFilled(((order.strategy_id, fill),)))

    def _on_shared_fill(self, fill: OrderFilledReport) -> None:
        """One fill of the venue, divided among the owners of its order."""
        if not self._shared.fits(fill):
            self._on_external_fill(as_external(fill))
            return
        if self._was_seen(fill.client_order_id, fill.trade_id):
            return
        split = self._shared.divide(fill)
        self._auditor.tell(AccountMoved(fill))
        self._book_parts(split.fills, split.fee_shares, self._fill_order)

    def _on_crossed(self, crossed: InternalCrossed) -> None:
        """Orders of this account have traded with each other; the account as a whole has not."""
        if not self._trades.is_new_alone(CROSSED, crossed.cross_id):
            self._publish(
                DuplicateReportEvent(client_order_id=crossed.cross_id, trade_id=crossed.cross_id)
            )
            return
        self._book_parts(
            crossed.fills, (), lambda order, fill: self._change(crossed_by(order, fill))
        )
        for client_order_id in crossed.ended:
            order = self._open.get(client_order_id)
            if order is not None:
                self._change(moved_by(order, OrderTrigger.CANCEL))

    def _book_parts(
        self,
        fills: tuple[OrderFilledReport, ...],
        fee_shares: tuple[FeeShare, ...],
        fold: Callable[[Order, OrderFilledReport], None],
    ) -> None:
        """Fills of several owners that belong together: one change of the books, one round."""
        owners = [self._order(fill.client_order_id) for fill in fills]
        self._capital_manager.tell(
            FillsAttributed(
                tuple(
                    FillAttributed(order.strategy_id, fill, order.is_reducing)
                    for order, fill in zip(owners, fills, strict=True)
                ),
                fee_shares,
            )
        )
        for fill in fills:
            fold(self._order(fill.client_order_id), fill)
        self._coordinator.tell(
            OwnersFilled(
                tuple((order.strategy_id, fill) for order, fill in zip(owners, fills, strict=True))
            )
        )

    def _fill_order(self, order: Order, fill: OrderFilledReport) -> None:
        filled = filled_by(order, fill)
        self._change(filled)
        if filled.remaining(fill.leg_index) < 0:
            detail = f"{order.client_order_id} was filled beyond its quantity"
            self._coordinator.tell(OverfillFound(order.strategy_id, detail))

    def _order(self, client_order_id: str) -> Order:
        """An order that is known to be ours, open or ended."""
        return self._open.get(client_order_id) or self._ended[client_order_id]

    def _was_seen(self, client_order_id: str, trade_id: str) -> bool:
        """Whether a fill was booked before; told, and dropped by the caller."""
        if self._trades.is_new(client_order_id, trade_id):
            return False
        self._publish(DuplicateReportEvent(client_order_id=client_order_id, trade_id=trade_id))
        return True

    def _on_external_fill(self, fill: ExternalFillReport) -> None:
        if not self._trades.is_new_alone(EXTERNAL, fill.trade_id):
            self._publish(DuplicateReportEvent(client_order_id="", trade_id=fill.trade_id))
            return
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
        message = OrdersChanged(changed)
        self._capital_manager.tell(message)
        if len(changed) == 1:
            self._tell_owner(changed[0].strategy_id, message)
        else:
            for strategy_id in dict.fromkeys([order.strategy_id for order in changed]):
                own = tuple([order for order in changed if order.strategy_id == strategy_id])
                self._tell_owner(strategy_id, OrdersChanged(own))
        ended = tuple([order.client_order_id for order in changed if not order.is_open])
        if ended:
            self._coordinator.tell(OrdersEnded(ended))

    def _tell_owner(self, strategy_id: str, message: OrdersChanged) -> None:
        owner = self._owners.get(strategy_id)
        if owner is not None:  # who has left hears of nothing
            owner.tell(message)

    def _remember_ended(self, order: Order) -> None:
        self._ended[order.client_order_id] = order
        if len(self._ended) >= ENDED_ORDERS_KEPT + ENDED_ORDERS_FORGOTTEN:
            for oldest in list(islice(self._ended, ENDED_ORDERS_FORGOTTEN)):
                self._forget(oldest)

    def _forget(self, client_order_id: str) -> None:
        del self._ended[client_order_id]
        self._trades.forget(client_order_id)
        shared_id = self._shared.shared_order_of(client_order_id)
        if shared_id is not None:
            self._trades.forget(shared_id)
            self._shared.forget(shared_id)

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
