"""What reports make of an order: its next state, what of it has filled, whether a fill can be its.

Pure folds over the table in ``models.order``; whoever keeps orders calls them.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orchestrion.domain.models.money import add
from orchestrion.domain.models.order import Order, OrderStatus, OrderTrigger, next_status
from orchestrion.domain.models.report import ExternalFillReport, OrderFilledReport


def moved_by(order: Order, trigger: OrderTrigger) -> Order:
    """The order after anything but a fill.

    Raises:
        InvariantBrokenError: the table does not allow the step.
    """
    status = next_status(order.status, trigger)
    if status is OrderStatus.ACCEPTED and any(order.filled):
        # The table knows no quantities: a working order that has traded is partially filled.
        status = OrderStatus.PARTIALLY_FILLED
    return msgspec.structs.replace(order, status=status)


def filled_by(order: Order, fill: OrderFilledReport) -> Order:
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
