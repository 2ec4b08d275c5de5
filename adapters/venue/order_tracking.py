"""What the live adapter remembers of orders that the venue has, or may have.

It is not the order book of the core: it only says which orders to ask about after a connection was
lost, and which answers would repeat what was handed on already.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from orchestrion.adapters.venue.venue_client import VenueOrder
from orchestrion.domain.models.money import ZERO, add
from orchestrion.domain.models.order import Leg
from orchestrion.domain.models.report import (
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
    OrderReport,
    VenueReport,
)

_ENDS = (OrderRejectedReport, OrderCanceledReport, OrderExpiredReport)
_OF_ORDERS = (*_ENDS, OrderAcceptedReport, OrderCancelRejectedReport, OrderFilledReport)


class TrackedOrder:
    """One order that has not ended as far as is known here.

    Attributes:
        is_known: the venue has shown that it has the order.
        is_lost: a call about it had no known outcome, and the core was told so.
        wants_cancel: a cancel waits for the outcome to be known.
        is_asked_about: somebody is asking the venue about it.
    """

    __slots__ = (
        "_filled",
        "_quantities",
        "_trade_ids",
        "client_order_id",
        "is_asked_about",
        "is_known",
        "is_lost",
        "wants_cancel",
    )

    def __init__(self, client_order_id: str, legs: Sequence[Leg]) -> None:
        """
        Args:
            legs: none where they are not known; the order then never counts as filled.
        """
        self.client_order_id = client_order_id
        self.is_known = False
        self.is_lost = False
        self.wants_cancel = False
        self.is_asked_about = False
        self._quantities = tuple(leg.quantity for leg in legs)
        self._filled = [ZERO] * len(legs)
        self._trade_ids: set[str] = set()

    @property
    def is_filled(self) -> bool:
        return bool(self._quantities) and all(
            done >= wanted for done, wanted in zip(self._filled, self._quantities, strict=True)
        )

    def news_in(self, found: VenueOrder) -> tuple[OrderReport, ...]:
        """What a query tells that was not handed on yet.

        The acceptance of an order that was reported lost is news: it ends the UNKNOWN.
        """
        return tuple(report for report in found.reports() if self._is_news(report))

    def take_fill(self, fill: OrderFilledReport) -> None:
        if fill.trade_id in self._trade_ids or not 0 <= fill.leg_index < len(self._filled):
            return
        self._trade_ids.add(fill.trade_id)
        self._filled[fill.leg_index] = add(self._filled[fill.leg_index], fill.last_qty)

    def _is_news(self, report: OrderReport) -> bool:
        if isinstance(report, OrderAcceptedReport):
            return self.is_lost or not self.is_known
        if isinstance(report, OrderFilledReport):
            return report.trade_id not in self._trade_ids
        return True


class TrackedOrders:
    """All of them, in the order in which they were sent."""

    def __init__(self) -> None:
        self._by_id: dict[str, TrackedOrder] = {}

    def __iter__(self) -> Iterator[TrackedOrder]:
        return iter(tuple(self._by_id.values()))

    def get(self, client_order_id: str) -> TrackedOrder | None:
        return self._by_id.get(client_order_id)

    def add(self, client_order_id: str, legs: Sequence[Leg]) -> TrackedOrder:
        order = self._by_id[client_order_id] = TrackedOrder(client_order_id, legs)
        return order

    def forget(self, client_order_id: str) -> None:
        self._by_id.pop(client_order_id, None)

    def take(self, report: VenueReport) -> None:
        """Notes what a report says, before it is handed on."""
        if not isinstance(report, _OF_ORDERS):
            return
        order = self._by_id.get(report.client_order_id)
        if order is None:
            return
        if isinstance(report, OrderFilledReport):
            order.take_fill(report)
        order.is_known = True
        if isinstance(report, OrderAcceptedReport):
            order.is_lost = False
        if isinstance(report, _ENDS) or order.is_filled:
            self.forget(order.client_order_id)
