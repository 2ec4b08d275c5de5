"""``SeenTrades``: which executions were booked, so that none is booked twice."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar


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

    def has(self, order_id: str, trade_id: str) -> bool:
        return trade_id in self._by_order.get(order_id, {})

    def forget(self, order_id: str) -> None:
        """Lets go of an order that ended long ago."""
        self._by_order.pop(order_id, None)
