"""``SharedOrders``: outside orders that trade for several strategies, as the gateway knows them.

The venue knows a shared order under an id of its own; each owner has his own order. What the venue
says of the shared one is said to all owners; a fill is divided among them (``fill_split``).
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.netting.fill_split import FillSplit, SharedOrder, split_fill


class SharedOrders:
    """State of the execution gateway; see the module's text."""

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

    def ask_cancel(self, owner_order_id: str) -> bool:
        """An owner wants out; whether all of them now do, so that the order can be withdrawn."""
        shared_id = self._by_owner[owner_order_id]
        asked = self._cancels.setdefault(shared_id, {})
        asked[owner_order_id] = None
        return len(asked) == len(self._orders[shared_id].owners)

    def forget(self, client_order_id: str) -> None:
        """Lets go of an order that ended long ago; by its own id or by an owner's."""
        shared_id = self._by_owner.get(client_order_id, client_order_id)
        order = self._orders.pop(shared_id, None)
        self._cancels.pop(shared_id, None)
        for owner in order.owners if order is not None else ():
            self._by_owner.pop(owner.client_order_id, None)

    def __iter__(self) -> Iterator[SharedOrder]:
        return iter(self._orders.values())
