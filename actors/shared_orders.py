"""``SharedOrders``: outside orders that trade for several strategies, as the gateway knows them.

The venue knows a shared order under an id of its own; each owner has his own order. What the venue
says of the shared one is said to all owners; a fill is divided among them (``fill_split``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import msgspec

from orchestrion.actors.messages import InternalCrossed
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder, initialized_order
from orchestrion.domain.models.order import Leg, Order, OrderStatus, OrderTrigger, next_status
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.netting.fill_split import FillSplit, SharedOrder, split_fill
from orchestrion.domain.netting.round_netting import NettedRound
from orchestrion.domain.orchestration.events import OrderStatusChangedEvent
from orchestrion.domain.orchestration.order_progress import moved_by

_SUBMITTED = next_status(OrderStatus.INITIALIZED, OrderTrigger.SUBMIT)
"""What an order is that leaves at once, the usual case."""


class SharedOrders:
    """State of the execution gateway; see the module's text."""

    STATE: ClassVar[Mapping[str, Any]] = {
        "_orders": dict[str, SharedOrder],
        "_by_owner": dict[str, str],
        "_cancels": dict[str, dict[str, None]],
    }

    def __init__(self) -> None:
        self._orders: dict[str, SharedOrder] = {}
        self._by_owner: dict[str, str] = {}
        self._cancels: dict[str, dict[str, None]] = {}

    def __contains__(self, client_order_id: str) -> bool:
        return client_order_id in self._orders

    def add(self, order: SharedOrder) -> None:
        """A shared order that is about to leave."""
        self._orders[order.client_order_id] = order
        for owner in order.owners:
            self._by_owner[owner.client_order_id] = order.client_order_id

    def owner_orders(self, client_order_id: str) -> tuple[str, ...]:
        """The owners' own order ids, in rank order; the id itself when it is not shared."""
        shared = self._orders.get(client_order_id)
        if shared is None:
            return (client_order_id,)
        return tuple(owner.client_order_id for owner in shared.owners)

    def shared_order_of(self, owner_order_id: str) -> str | None:
        """The id under which an owner's order trades outside; None when it is its own."""
        return self._by_owner.get(owner_order_id)

    def venue_id(self, owner_order_id: str) -> str:
        """The id under which the venue knows an owner's order."""
        return self._by_owner.get(owner_order_id, owner_order_id)

    def leaving(
        self, approved: ApprovedCommand, open_orders: Mapping[str, Order]
    ) -> tuple[Order, ...]:
        """The orders that a command submits or cancels, in their next state; none when an order
        to be cancelled has ended or is being cancelled already."""
        command = approved.command
        if isinstance(command, SubmitOrder):
            if not approved.owners and approved.client_order_id not in open_orders:
                return (initialized_order(approved, command, _SUBMITTED),)
            ids = self.owner_orders(approved.client_order_id)
            return tuple(moved_by(open_orders[one], OrderTrigger.SUBMIT) for one in ids)
        shared_id = self.shared_order_of(command.client_order_id)
        return tuple(
            moved_by(order, OrderTrigger.REQUEST_CANCEL)
            for one in self.owner_orders(shared_id or command.client_order_id)
            if (order := open_orders.get(one)) is not None
            and order.status is not OrderStatus.PENDING_CANCEL
        )

    def as_at_venue(self, open_orders: Mapping[str, Order]) -> tuple[Order, ...]:
        """Open orders as the venue knows them: owners' parts of a shared order are one, under its
        id."""
        found: dict[str, Order] = {}
        for own_id, order in open_orders.items():
            shared_id = self._by_owner.get(own_id)
            shared = None if shared_id is None else self._orders.get(shared_id)
            if shared is None:
                found[own_id] = order
            elif shared.client_order_id not in found:
                found[shared.client_order_id] = msgspec.structs.replace(
                    order,
                    client_order_id=shared.client_order_id,
                    legs=(Leg(shared.instrument_id, shared.side, shared.quantity),),
                    filled=(shared.filled,),
                )
        return tuple(found.values())

    def fits(self, fill: OrderFilledReport) -> bool:
        """Whether a fill can be of the shared order that it names."""
        shared = self._orders[fill.client_order_id]
        told = (fill.leg_index, fill.instrument_id, fill.side)
        return told == (0, shared.instrument_id, shared.side)

    def divide(self, fill: OrderFilledReport) -> FillSplit:
        """Divides a fill among the owners and remembers how far the order has come."""
        split = split_fill(self._orders[fill.client_order_id], fill)
        self._orders[fill.client_order_id] = split.order
        return split

    def as_it_leaves(self, approved: ApprovedCommand) -> ApprovedCommand | OrderStatusChangedEvent:
        """A cancel for an owner's part of a shared order leaves when all owners ask, under the id
        that the venue knows; until then there is only to tell why it does not."""
        command = approved.command
        if isinstance(command, SubmitOrder):
            return approved
        own_id = command.client_order_id
        shared_id = self._by_owner.get(own_id)
        if shared_id is None:
            return approved
        asked = self._cancels.setdefault(shared_id, {})
        asked[own_id] = None
        if len(asked) < len(self._orders[shared_id].owners):
            return OrderStatusChangedEvent(
                strategy_id=approved.strategy_id,
                client_order_id=own_id,
                status="IGNORED",
                reason="it left with other strategies' orders and is withdrawn when all ask",
            )
        cancel = msgspec.structs.replace(command, client_order_id=shared_id)
        return msgspec.structs.replace(approved, command=cancel)

    def forget(self, client_order_id: str) -> None:
        """Lets go of an order that ended long ago; by its own id or by an owner's."""
        shared_id = self._by_owner.get(client_order_id, client_order_id)
        order = self._orders.pop(shared_id, None)
        self._cancels.pop(shared_id, None)
        for owner in order.owners if order is not None else ():
            self._by_owner.pop(owner.client_order_id, None)

    def __iter__(self) -> Iterator[SharedOrder]:
        return iter(self._orders.values())


def crossed_input(netted: NettedRound, now: int) -> InternalCrossed:
    """The internal fills of a round as the input that will book them."""
    fills = tuple(part.fill for part in netted.fills)
    inside = dict.fromkeys(fill.client_order_id for fill in fills)
    return InternalCrossed(
        cross_id=fills[0].trade_id,
        fills=fills,
        ended=tuple(one.client_order_id for one in netted.denied if one.client_order_id in inside),
        ts_event=now,
    )
