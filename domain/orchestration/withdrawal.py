"""A cancel on the account's behalf: it needs no verdict, because it only takes risk away."""

from __future__ import annotations

from orchestrion.domain.models.command import ApprovedCommand, CancelOrder
from orchestrion.domain.models.money import ZERO
from orchestrion.domain.models.order import Order


def withdrawal_of(order: Order, label: str, *, seq: int, now: int) -> ApprovedCommand:
    """The command that withdraws an order.

    Args:
        label: why, for the journal.
        seq: of the input that is its cause; makes its id.
        now: time of that input, nanoseconds UTC.
    """
    return ApprovedCommand(
        strategy_id=order.strategy_id,
        command=CancelOrder(
            strategy_id=order.strategy_id, client_order_id=order.client_order_id, label=label
        ),
        client_order_id=f"{order.client_order_id}-X{seq}",
        reservation=ZERO,
        is_reducing=True,
        ts_decided=now,
    )
