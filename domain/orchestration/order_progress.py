"""What reports make of an order: its next state, what of it has filled, whether a fill can be its.

Pure folds over the table in ``models.order``; whoever keeps orders calls them.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orchestrion.domain.models.money import add
from orchestrion.domain.models.order import Order, OrderStatus, OrderTrigger, next_status
from orchestrion.domain.models.report import (
    ExternalFillReport,
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
)

# Naming a member of an enum costs as much as a decimal sum, and every order comes by here.
_ACCEPTED, _FILLED = OrderStatus.ACCEPTED, OrderStatus.FILLED
_FILL_PART, _FILL_REST = OrderTrigger.FILL_PART, OrderTrigger.FILL_REST

REPORT_TRIGGERS: dict[type, OrderTrigger] = {
    OrderAcceptedReport: OrderTrigger.ACCEPT,
    OrderRejectedReport: OrderTrigger.REJECT,
    OrderCanceledReport: OrderTrigger.CANCEL,
    OrderCancelRejectedReport: OrderTrigger.REJECT_CANCEL,
    OrderExpiredReport: OrderTrigger.EXPIRE,
}
"""What a report other than a fill means for its order."""


def moved_by(order: Order, trigger: OrderTrigger) -> Order:
    """The order after anything but a fill.

    Raises:
        InvariantBrokenError: the table does not allow the step.
    """
    status = next_status(order.status, trigger)
    if status is _ACCEPTED and any(order.filled):
        # The table knows no quantities: a working order that has traded is partially filled.
        status = OrderStatus.PARTIALLY_FILLED
    return msgspec.structs.replace(order, status=status)


def filled_by(order: Order, fill: OrderFilledReport) -> Order:
    """The order after a fill; every state takes one, see the table."""
    filled: list[Decimal] = []
    is_complete = True
    for i, leg in enumerate(order.legs):
        done = order.filled[i]
        if i == fill.leg_index:
            done = add(done, fill.last_qty)
        filled.append(done)
        if done < leg.quantity:
            is_complete = False
    status = order.status
    if status is not _FILLED:  # an overfill: the state stays, the quantity tells
        status = next_status(status, _FILL_REST if is_complete else _FILL_PART)
    return msgspec.structs.replace(order, filled=tuple(filled), status=status)


def crossed_by(order: Order, fill: OrderFilledReport) -> Order:
    """The order after a fill inside the account. Of how it stands with the venue that says nothing:
    the rest may still be rejected there, or be lost on its way."""
    after = filled_by(order, fill)
    if after.status is _FILLED:
        return after
    return msgspec.structs.replace(after, status=order.status)


def refusable(order: Order) -> Order:
    """An order that has traded inside alone, as the venue sees it: it can still say no to the rest,
    also after it has said no to a cancel."""
    if order.status is not OrderStatus.PARTIALLY_FILLED:
        return order
    return msgspec.structs.replace(order, status=_ACCEPTED)


def fits(order: Order, fill: OrderFilledReport) -> bool:
    """Whether a fill can be of this order at all: leg, instrument and side."""
    if not 0 <= fill.leg_index < len(order.legs):
        return False
    leg = order.legs[fill.leg_index]
    return leg.instrument_id == fill.instrument_id and leg.side is fill.side


def as_external(fill: OrderFilledReport) -> ExternalFillReport:
    """A fill that is of no order of ours, for the EXTERNAL book."""
    return ExternalFillReport(
        trade_id=fill.trade_id,
        instrument_id=fill.instrument_id,
        side=fill.side,
        last_qty=fill.last_qty,
        last_px=fill.last_px,
        commission=fill.commission,
        ts_event=fill.ts_event,
    )
