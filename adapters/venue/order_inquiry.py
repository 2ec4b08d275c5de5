"""Asks a live venue what became of orders, one task per order, until the answer is definite."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TypeAlias

import anyio
import structlog
from anyio.abc import TaskGroup

from orchestrion.actors.messages import SubmissionLost
from orchestrion.adapters.venue.order_tracking import TrackedOrder, TrackedOrders
from orchestrion.adapters.venue.report_gate import ReportGate
from orchestrion.adapters.venue.venue_client import OrderNotKnownError, VenueOrder
from orchestrion.adapters.venue.venue_link import VenueLink
from orchestrion.domain.errors import ReportRefusedError
from orchestrion.domain.models.report import OrderExpiredReport, VenueReport
from orchestrion.runtime.errors import describe

Outcome: TypeAlias = VenueReport | SubmissionLost
"""What the core has to be told: the venue's word, or that nobody knows."""
_log = structlog.get_logger("orchestrion.venue")


class OrderInquiries:
    """All questions that are open.

    Attributes:
        open_count: orders that are being asked about.
    """

    def __init__(
        self,
        link: VenueLink,
        orders: TrackedOrders,
        gate: ReportGate,
        *,
        tell: Callable[[Outcome], Awaitable[None]],
        cancel_again: Callable[[str], None],
        on_answered: Callable[[], None],
        now_ns: Callable[[], int] = time.time_ns,
    ) -> None:
        """
        Args:
            gate: an answer that holds something which cannot be booked is none.
            tell: hands an outcome on.
            cancel_again: sends a cancel whose outcome was unknown and whose order is still open.
            on_answered: called when a question is closed.
        """
        self.open_count = 0
        self._link = link
        self._orders = orders
        self._gate = gate
        self._tell = tell
        self._cancel_again = cancel_again
        self._on_answered = on_answered
        self._now_ns = now_ns
        self._tasks: TaskGroup | None = None

    def start(self, tasks: TaskGroup) -> None:
        """From now on questions are asked, in tasks of this group."""
        self._tasks = tasks

    def ask_about(self, order: TrackedOrder) -> None:
        """Begins to ask, unless that is going on. The visibility delay counts from now."""
        if self._tasks is not None and not order.is_asked_about:
            order.is_asked_about = True
            self.open_count += 1
            self._tasks.start_soon(self._ask_until_answered, order, anyio.current_time())

    async def _ask_until_answered(self, order: TrackedOrder, since_s: float) -> None:
        client = self._link.client
        visible_s = since_s + client.traits.visibility_delay_s
        back_off = self._link.new_back_off()
        while True:
            await self._link.ready()
            asked_s = anyio.current_time()
            wait_s = back_off.next_s()
            try:
                found = await self._link.call("query", lambda: client.query(order.client_order_id))
                self._require_sound(order, found)
            except OrderNotKnownError as unknown:
                # Only a question that began after the delay gets a "not known" that means it.
                if asked_s >= visible_s:
                    await self._settle_unknown(order, unknown)
                    break
                await anyio.sleep(min(wait_s, max(0.0, visible_s - anyio.current_time())))
            except Exception as failure:
                # Whatever it is, the order stays UNKNOWN until the venue answers.
                _log.warning(
                    "OrderQueryFailed", order=order.client_order_id, failure=describe(failure)
                )
                await anyio.sleep(max(wait_s, getattr(failure, "retry_after_s", 0.0)))
            else:
                await self._settle_found(order, found)
                break
        order.is_asked_about = False
        self.open_count -= 1
        self._on_answered()

    def _require_sound(self, order: TrackedOrder, found: VenueOrder) -> None:
        """
        Raises:
            ReportRefusedError: none of the answer may be told; a part would look like the whole.
        """
        fault = self._gate.fault_in(order.news_in(found))
        if fault:
            raise ReportRefusedError(fault)

    async def _settle_found(self, order: TrackedOrder, found: VenueOrder) -> None:
        for report in order.news_in(found):
            await self._tell(report)
        order.is_known, order.is_lost = True, False
        wants_cancel, order.wants_cancel = order.wants_cancel, False
        if not found.is_open:
            self._orders.forget(order.client_order_id)
        elif wants_cancel:
            self._cancel_again(order.client_order_id)

    async def _settle_unknown(self, order: TrackedOrder, unknown: OrderNotKnownError) -> None:
        """The venue has definitely no such order."""
        self._orders.forget(order.client_order_id)
        if not order.is_known:
            expired = OrderExpiredReport(
                client_order_id=order.client_order_id, ts_event=self._now_ns()
            )
            await self._tell(expired)
            return
        failure = f"the venue had confirmed the order, and does not know it any more: {unknown}"
        _log.error("OrderForgottenByVenue", order=order.client_order_id)
        lost = SubmissionLost(client_order_ids=(order.client_order_id,), failure=failure)
        await self._tell(lost)
