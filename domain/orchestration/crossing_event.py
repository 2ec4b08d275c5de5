"""What is told of trades between strategies of one account."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from orchestrion.domain.models.money import ZERO, add
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.netting.round_netting import NettedRound
from orchestrion.domain.orchestration.events import DomainEvent, OrderDeniedEvent


@dataclass(frozen=True)
class OrdersCrossedEvent(DomainEvent):
    """Opposite orders of an instrument met inside the account.

    Attributes:
        strategy_ids: whose orders took part, in rank order.
        quantity: that traded inside, each side; 0 when there was no fair price.
        price: per unit; None when nothing traded.
        basis: what the price rests on: MID of a quote, or LAST trade or close.
        refusals: why orders did not take part, in words.
    """

    instrument_id: str
    strategy_ids: tuple[str, ...]
    quantity: Decimal
    price: Decimal | None = None
    basis: str = ""
    refusals: tuple[str, ...] = ()


def crossing_events(netted: NettedRound) -> Iterator[DomainEvent]:
    """One event per instrument that was to be crossed, then one per order that may not leave."""
    for cross in netted.crosses:
        bought = ZERO
        for part in netted.fills:
            fill = part.fill
            if fill.instrument_id == cross.instrument_id and fill.side is OrderSide.BUY:
                bought = add(bought, fill.last_qty)
        yield OrdersCrossedEvent(
            instrument_id=cross.instrument_id,
            strategy_ids=cross.strategy_ids,
            quantity=bought,
            price=cross.price.price if cross.price is not None else None,
            basis=str(cross.price.basis) if cross.price is not None else "",
            refusals=tuple(one.detail for one in cross.refusals),
        )
    for denied in netted.denied:
        yield OrderDeniedEvent(
            strategy_id=denied.strategy_id, code="CONFLICT", detail=denied.reason
        )
