"""``SeenTrades``: which executions were booked, so that none is booked twice."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import islice
from typing import Any, ClassVar

ALONE_KEPT = 10_000
"""Trades without an order of ours that are remembered, of each kind. Arbitrary: a venue that tells
its trades again goes back a day or so, and it keeps memory and snapshots of long runs flat."""

ALONE_FORGOTTEN = 1_000
"""So many are forgotten at once: finding the oldest entry of a map walks over those that left."""


class SeenTrades:
    """Trade ids by order. State of the execution gateway."""

    STATE: ClassVar[Mapping[str, Any]] = {"_by_order": dict[str, dict[str, None]]}

    def __init__(self) -> None:
        self._by_order: dict[str, dict[str, None]] = {}

    def is_new(self, order_id: str, trade_id: str) -> bool:
        """Whether an execution has not been seen yet; from now on it has."""
        seen = self._by_order.setdefault(order_id, {})
        if trade_id in seen:
            return False
        seen[trade_id] = None
        return True

    def is_new_alone(self, kind: str, trade_id: str) -> bool:
        """The same for trades that no order of ours will take with it when it is forgotten: by
        hand, or inside the account. The oldest ones are forgotten by and by.

        Args:
            kind: tells them apart; no order's id.
        """
        if not self.is_new(kind, trade_id):
            return False
        seen = self._by_order[kind]
        if len(seen) >= ALONE_KEPT + ALONE_FORGOTTEN:
            for oldest in list(islice(seen, ALONE_FORGOTTEN)):
                del seen[oldest]
        return True

    def has(self, order_id: str, trade_id: str) -> bool:
        return trade_id in self._by_order.get(order_id, {})

    def has_any(self, order_id: str) -> bool:
        return bool(self._by_order.get(order_id))

    def forget(self, order_id: str) -> None:
        """Lets go of an order that ended long ago."""
        self._by_order.pop(order_id, None)
