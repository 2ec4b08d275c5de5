"""``LiveOrchestrationAdapter``: the port of the core over a live venue.

``execute_commands`` puts commands into a queue and returns. ``run`` is a task of the shell: it
keeps the connection, sends the queue in order, and puts what comes back into ``outcomes``, which
the shell reads and posts. What is handed on is what the venue said, as it said it: twice, late, out
of order; telling these apart is the core's work.

Each order goes to the venue at most once, whatever happens:

    the call ended with             the core is told        and then
    an answer                       what the answer says    the venue's reports
    a definite no                   rejected
    busy: the venue took nothing    nothing                 sent again while it is fresh
    no connection yet, rate limit   nothing                 sent while it is fresh
    ... and too old                 expired                 never sent: its prices are stale
    no known outcome                SubmissionLost          asked for by id, never sent again
    a repeated id                   SubmissionLost          the same: an order has that id

Asking goes on until the answer is definite. An order that the venue shows is reported as shown.
"Not known" counts once the venue's visibility delay is over; then the order expires. An order that
the venue had confirmed and does not know any more is lost and stays UNKNOWN: that is for a person.

What the venue says is judged before it is handed on (``report_gate``): a report that cannot be
booked is refused, the core is told that nobody knows, its order is asked about, and nothing is
entered until ``trust`` says that the account was compared.

A cancel changes nothing when it comes twice, so one without an outcome is sent again after the
venue has shown the order as still open. After a lost connection every order that is not known to
have ended is asked about, because reports may have passed unheard.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import List  # noqa: UP035 - the specification's own spelling

import anyio
import structlog
from anyio.abc import TaskGroup, TaskStatus
from anyio.streams.memory import MemoryObjectReceiveStream

from orchestrion.actors.messages import SubmissionLost
from orchestrion.adapters.venue.delivery_policy import DeliveryPolicy
from orchestrion.adapters.venue.delivery_queue import (
    Cancellation,
    DeliveryQueue,
    Item,
    Refusal,
    Submission,
)
from orchestrion.adapters.venue.order_inquiry import OrderInquiries, Outcome
from orchestrion.adapters.venue.order_tracking import TrackedOrder, TrackedOrders
from orchestrion.adapters.venue.report_gate import ReportGate
from orchestrion.adapters.venue.shown_account import ShownAccount
from orchestrion.adapters.venue.venue_client import (
    RepeatedOrderIdError,
    VenueBusyError,
    VenueClient,
    VenueRefusedError,
    VenueSnapshot,
)
from orchestrion.adapters.venue.venue_link import VenueLink
from orchestrion.domain.errors import (
    LifecycleError,
    PortUnavailableError,
    ReportRefusedError,
)
from orchestrion.domain.models.command import StrategyCommand
from orchestrion.domain.models.order import Order, OrderStatus
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.models.report import ExternalFillReport, OrderFilledReport, VenueReport
from orchestrion.domain.ports.orchestration_port import OrchestrationPort
from orchestrion.runtime.errors import describe

_log = structlog.get_logger("orchestrion.venue")
_UNCONFIRMED = (OrderStatus.INITIALIZED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN)


class LiveOrchestrationAdapter(OrchestrationPort):
    """See the module's text. One event loop; nothing here may be called from another thread.

    Attributes:
        outcomes: what the core has to be told, in order of arrival. The shell reads it until it
            ends, which it does when ``run`` has ended.
    """

    outcomes: MemoryObjectReceiveStream[Outcome]

    def __init__(
        self,
        client: VenueClient,
        *,
        policy: DeliveryPolicy | None = None,
        currency: str = "USD",
        seed: int = 0,
        now_ns: Callable[[], int] = time.time_ns,
        fault_of: Callable[[object], str] | None = None,
    ) -> None:
        """
        Args:
            currency: of the account; the balance that ``get_portfolio_state`` shows.
            seed: of the jitter.
            fault_of: what of a report cannot be booked, see ``report_fault``; None hands on all,
                to somebody who judges himself.
            now_ns: stamps reports that the adapter makes itself, nanoseconds UTC.
        """
        self._client = client
        self._policy = policy or DeliveryPolicy()
        self._now_ns = now_ns
        # Jitter is no part of any decision; the seed keeps simulations repeatable.
        self._link = VenueLink(client, self._policy, random.Random(seed))  # noqa: S311
        self._outbox, self.outcomes = anyio.create_memory_object_stream[Outcome](
            self._policy.outcomes_max
        )
        self._queue = DeliveryQueue(
            client.traits, commands_max=self._policy.queue_commands_max, now_ns=now_ns
        )
        self._current: Item | None = None
        self._is_current_sent = False
        self._orders = TrackedOrders()
        self._gate = ReportGate(fault_of)
        self._inquiries = OrderInquiries(
            self._link,
            self._orders,
            self._gate,
            tell=self._tell,
            cancel_again=self._cancel_again,
            on_answered=self._wake,
            now_ns=now_ns,
        )
        self._account = ShownAccount(
            self._link, currency=currency, now_ns=now_ns, on_shown=self._wake
        )
        self._tasks: TaskGroup | None = None
        self._news: anyio.Event | None = None
        self._ended: anyio.Event | None = None
        self._failure: Exception | None = None
        self._closed_because = ""
        self._is_over = False

    # -- the port -------------------------------------------------------------------------------

    def execute_commands(self, commands: List[StrategyCommand]) -> None:  # noqa: UP006
        """Takes approved commands, in order; they are sent by ``run``.

        Raises:
            TypeError: one of them is not approved; none was taken.
            PortUnavailableError: the adapter has ended; none was taken.
        """
        if self._is_over:
            raise PortUnavailableError("the live adapter has ended")
        self._queue.take_in(
            commands,
            now_s=anyio.current_time(),
            closed_because=self._closed_because,
            no_entry_because=self._gate.doubt,
        )
        self._wake()

    def get_portfolio_state(self) -> PortfolioState:
        """The account as the venue last showed it; it is asked again after every fill.

        Raises:
            PortUnavailableError: it has never been shown.
        """
        if self._account.portfolio is None:
            raise PortUnavailableError(f"{self._client.traits.name} was never reached")
        return self._account.portfolio

    # -- the shell's side -----------------------------------------------------------------------

    @property
    def is_settled(self) -> bool:
        """Whether nothing waits to be sent, is under way, or is being asked about."""
        return not (len(self._queue) or self._current is not None or self._inquiries.open_count)

    async def settled(self) -> None:
        """Waits until ``is_settled``, or the run is over."""
        while not (self.is_settled or self._is_over):
            await self._wait_for_news()

    async def doubted(self) -> int:
        """Waits until a report was refused and the account has not been compared since.

        Returns:
            How many were refused so far, for ``trust``.
        """
        while not (self._gate.doubt or self._is_over):
            await self._wait_for_news()
        return self._gate.refused

    def trust(self, refused: int) -> None:
        """The account, shown after so many refusals, agrees with the books: whatever they were
        about, nothing of it is missing. Entries leave again."""
        self._gate.trust(refused)

    async def run(self, *, task_status: TaskStatus[None] = anyio.TASK_STATUS_IGNORED) -> None:
        """Connects, sends and listens until ``shutdown``; ``started`` once the account was shown.

        Raises:
            LifecycleError: it ran before.
            VenueRefusedError: the venue does not let us in.
            Exception: a fault of the client.
        """
        if self._ended is not None:
            raise LifecycleError("a live adapter runs once")
        self._ended = anyio.Event()
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                self._inquiries.start(tasks)
                tasks.start_soon(self._keep_connected, tasks)
                tasks.start_soon(self._send_all)
                tasks.start_soon(self._account.keep, self._wait_for_news)
                while self._account.portfolio is None:
                    await self._wait_for_news()
                task_status.started()
        finally:
            await self._end(self._ended)
        if self._failure is not None:
            raise self._failure

    async def shutdown(self) -> None:
        """Takes nothing new, settles what is under way within the grace time, and ends ``run``.

        What is not settled then: an order that was never sent expires, one that was sent is lost.
        """
        self._closed_because = "shutting down"
        if self._ended is None or self._tasks is None:
            self._is_over = True
            self._outbox.close()
            return
        with anyio.move_on_after(self._policy.grace_s):
            await self.settled()
        self._tasks.cancel_scope.cancel()
        await self._ended.wait()

    def inquire(self, orders: Iterable[Order]) -> None:
        """Asks the venue about orders of an earlier process, as soon as it can be asked.

        Their reports come as outcomes, like all others: every fill is told again, the core drops
        those that it has. An order that got no further than SUBMITTED, as far as the journal
        knows, expires when the venue definitely does not know it; the visibility delay counts from
        the first question.
        """
        for order in orders:
            self._queue.note_seen(order.client_order_id)
            tracked = self._orders.add(order.client_order_id, order.legs)
            tracked.is_known = order.status not in _UNCONFIRMED
            tracked.is_lost = order.status is OrderStatus.UNKNOWN
            if self._link.is_up:
                self._inquiries.ask_about(tracked)

    async def snapshot(self) -> VenueSnapshot:
        """The account as the venue shows it now, for a reconciliation.

        Raises:
            PortError: the venue did not answer, or refused.
        """
        return await self._account.ask()

    # -- sending --------------------------------------------------------------------------------

    async def _send_all(self) -> None:
        while True:
            while not len(self._queue):
                await self._wait_for_news()
            item = self._current = self._queue.take()
            self._is_current_sent = False
            match item:
                case Submission():
                    await self._submit(item)
                case Cancellation():
                    await self._cancel(item)
                case Refusal():
                    await self._tell(item.report)
            self._current = None
            self._wake()

    async def _submit(self, item: Submission) -> None:
        back_off = self._link.new_back_off()
        while await self._is_ready(item.since_s + self._policy.submit_age_max_s):
            order = self._orders.add(item.client_order_id, item.request.legs)
            self._is_current_sent = True
            try:
                reports = await self._link.call("submit", lambda: self._client.submit(item.request))
            except VenueBusyError as busy:
                self._is_current_sent = False
                self._orders.forget(item.client_order_id)
                await anyio.sleep(max(back_off.next_s(), busy.retry_after_s))
                continue
            except RepeatedOrderIdError as repeated:
                # An order has this id: ours, of an earlier life. To call it rejected would deny it.
                await self._lose(order, repeated)
            except VenueRefusedError as refused:
                await self._tell(self._queue.rejected(item.client_order_id, str(refused)))
            except Exception as failure:
                if not order.is_known:  # the stream may have been faster than the answer
                    await self._lose(order, failure)
            else:
                order.is_known = True
                for report in reports:
                    await self._tell(report)
            return
        await self._tell(self._queue.unsent(item, "too old"))

    async def _cancel(self, item: Cancellation) -> None:
        order = self._orders.get(item.client_order_id)
        if order is not None and order.is_lost:
            order.wants_cancel = True
            return
        back_off = self._link.new_back_off()
        while await self._is_ready(item.since_s + self._policy.cancel_age_max_s):
            self._is_current_sent = True
            try:
                reports = await self._link.call(
                    "cancel", lambda: self._client.cancel(item.client_order_id)
                )
            except VenueBusyError as busy:
                self._is_current_sent = False
                await anyio.sleep(max(back_off.next_s(), busy.retry_after_s))
                continue
            except VenueRefusedError as refused:
                await self._tell(self._queue.cancel_rejected(item.client_order_id, str(refused)))
            except Exception as failure:
                has_ended = order is not None and self._orders.get(item.client_order_id) is None
                if not has_ended:  # else the stream was faster than the answer
                    order = order or self._orders.add(item.client_order_id, ())
                    order.wants_cancel = True
                    await self._lose(order, failure)
            else:
                for report in reports:
                    await self._tell(report)
            return
        await self._tell(self._queue.unsent(item, "it could not be sent in time"))

    async def _is_ready(self, until_s: float) -> bool:
        """Waits until a call may start; False when that takes until ``until_s``."""
        wait_s = until_s - anyio.current_time()
        if wait_s <= 0:
            return False
        with anyio.move_on_after(wait_s):
            await self._link.ready()
            return True
        return False

    async def _lose(self, order: TrackedOrder, failure: Exception) -> None:
        """A call about an order ended, and nobody knows how."""
        text = describe(failure)
        _log.warning("OutcomeUnknown", order=order.client_order_id, failure=text)
        order.is_lost = True
        # Told first: the answer to the question that follows must not overtake it.
        await self._tell(SubmissionLost(client_order_ids=(order.client_order_id,), failure=text))
        self._inquiries.ask_about(order)

    def _cancel_again(self, client_order_id: str) -> None:
        self._queue.add_cancel(client_order_id, now_s=anyio.current_time())
        self._wake()

    # -- listening ------------------------------------------------------------------------------

    async def _keep_connected(self, tasks: TaskGroup) -> None:
        try:
            await self._link.keep(on_connected=self._on_connected, on_report=self._tell)
        except Exception as failure:
            # ``run`` raises it as it is: to the shell there is no group of tasks.
            self._failure = failure
            tasks.cancel_scope.cancel()

    def _on_connected(self) -> None:
        # Reports may have passed unheard since the connection before.
        for order in self._orders:
            self._inquiries.ask_about(order)
        self._account.is_stale = True
        self._wake()

    async def _tell(self, outcome: Outcome) -> None:
        if not isinstance(outcome, SubmissionLost):
            fault = self._gate.fault_in((outcome,))
            if fault:
                await self._refuse(outcome, fault)
                return
            self._orders.take(outcome)
        if isinstance(outcome, (OrderFilledReport, ExternalFillReport)):
            self._account.is_stale = True
            self._wake()
        await self._outbox.send(outcome)

    async def _refuse(self, report: VenueReport, fault: str) -> None:
        """The journal gets the reason, and the order its question: the venue's answer is the fact
        that the report failed to be."""
        self._account.is_stale = True
        key: object = getattr(report, "client_order_id", "")
        order = self._orders.get(key) if isinstance(key, str) else None
        if order is None:
            words = f"refused: {fault}"
            await self._tell(SubmissionLost(client_order_ids=(), failure=words))
        elif not order.is_asked_about:  # else an answer is on its way
            await self._lose(order, ReportRefusedError(fault))
        self._wake()

    # -- ending ---------------------------------------------------------------------------------

    async def _end(self, ended: anyio.Event) -> None:
        """Tells what will never be known here, and lets go of everything."""
        self._is_over = True
        # A shell that is being cancelled may have let go of the outcomes; the journal has the
        # intents, and the next start asks about them.
        with (
            anyio.move_on_after(self._policy.close_timeout_s, shield=True),
            suppress(anyio.BrokenResourceError),
        ):
            for outcome in self._leftovers():
                await self._outbox.send(outcome)
        await self._link.close()
        self._outbox.close()
        ended.set()
        self._wake()

    def _leftovers(self) -> list[Outcome]:
        leftovers: list[Outcome] = []
        current, self._current = self._current, None
        if isinstance(current, (Submission, Cancellation)) and self._is_current_sent:
            ids, failure = (current.client_order_id,), "the run ended before the venue's answer"
            leftovers.append(SubmissionLost(client_order_ids=ids, failure=failure))
        elif current is not None:
            leftovers.append(self._queue.unsent(current, "shutting down"))
        return [*leftovers, *self._queue.drain()]

    # -- waking ---------------------------------------------------------------------------------

    def _wake(self) -> None:
        """Has everybody who waits look again; there are four of them at most."""
        news, self._news = self._news, None
        if news is not None:
            news.set()

    async def _wait_for_news(self) -> None:
        if self._news is None:
            self._news = anyio.Event()
        await self._news.wait()
