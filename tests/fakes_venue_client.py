"""A venue client in memory whose every call can be told to fail, and the truth behind it.

    venue = FakeVenue()
    client = FakeVenueClient(venue)
    client.will("submit", Fate.ARRIVE_AND_LOSE)      # the next submit; then all is well again
    venue.fill("o-1")                                # the market moves
    venue.entered("o-1")                             # how often the venue took an order of that id

The truth is ``MemoryBroker``; it outlives its clients.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum

import anyio
import anyio.lowlevel

from orchestrion.adapters.venue.venue_client import (
    AmendRequest,
    Balance,
    OrderNotKnownError,
    OrderRequest,
    RepeatedOrderIdError,
    VenueBusyError,
    VenueConnectionLostError,
    VenueOrder,
    VenueRefusedError,
    VenueTraits,
)
from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, SubmitOrder
from orchestrion.domain.models.order import OrderStatus
from orchestrion.domain.models.portfolio import NetPosition
from orchestrion.domain.models.report import (
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
    VenueReport,
)
from tests.fakes_port import MemoryBroker

DEFAULT_TRAITS = VenueTraits(
    name="fake", refuses_repeated_ids=True, visibility_delay_s=2.0, takes_several_legs=True
)


class Fate(StrEnum):
    """What becomes of one call."""

    LOSE = "the connection breaks before anything arrives"
    ARRIVE_AND_LOSE = "it arrives, then the connection breaks"
    SILENCE = "nothing arrives and nobody answers"
    ARRIVE_AND_SILENCE = "it arrives and nobody answers"
    HOLD = "nobody answers; it arrives when the test says so"
    BUSY = "the venue takes nothing now"
    REFUSE = "a definite no"
    CRASH = "the client has a bug"
    ARRIVE_AND_CRASH = "it arrives, then the client has a bug"


class FakeVenue(MemoryBroker):
    """The broker with a stream that can be waited for, and a delay before queries see an order.

    Attributes:
        visible_after_s: queries do not see an order earlier.
        taken: client order ids in the order in which they arrived, repeats too.
        is_reachable: whether a client can connect.
        is_mute: what it says is not heard by the stream, ever.
    """

    def __init__(self, clock: Callable[[], int] = lambda: 0) -> None:
        super().__init__()
        self.clock = clock
        self.visible_after_s = 0.0
        self.taken: list[str] = []
        self.is_reachable = True
        self.is_mute = False
        self._arrived_s: dict[str, float] = {}
        self._listeners: list[anyio.Event] = []

    def take(self, approved: ApprovedCommand) -> None:
        self.now = max(self.now, self.clock())
        super().take(approved)

    def say(self, report: VenueReport) -> None:
        super().say(report)
        if self.is_mute:
            self.unread.remove(report)
        self.ring()

    def say_again(self) -> None:
        """Everything it ever said, once more."""
        self.unread.extend(self.history)
        self.ring()

    def ring(self) -> None:
        listeners, self._listeners = self._listeners, []
        for listener in listeners:
            listener.set()

    def bell(self) -> anyio.Event:
        """Rings at the next report."""
        event = anyio.Event()
        self._listeners.append(event)
        return event

    def enter(self, request: OrderRequest) -> None:
        self.taken.append(request.client_order_id)
        self._arrived_s[request.client_order_id] = anyio.current_time()
        order = SubmitOrder(
            strategy_id="",
            legs=request.legs,
            order_type=request.order_type,
            time_in_force=request.time_in_force,
            limit_price=request.limit_price,
            stop_price=request.stop_price,
            expire_ts=request.expire_ts,
        )
        self.take(_approved(request.client_order_id, order))

    def entered(self, client_order_id: str) -> int:
        """How many orders of this id it has taken."""
        return self.taken.count(client_order_id)

    def withdraw(self, client_order_id: str) -> None:
        command = CancelOrder(strategy_id="", client_order_id=client_order_id)
        self.take(_approved(f"cancel-{len(self.cancels)}", command))

    def is_visible(self, client_order_id: str) -> bool:
        arrived_s = self._arrived_s.get(client_order_id)
        if arrived_s is None:
            return False
        return anyio.current_time() >= arrived_s + self.visible_after_s

    def forget(self, client_order_id: str) -> None:
        """Queries do not find it any more, as after a purge."""
        del self._arrived_s[client_order_id]

    def shown(self, client_order_id: str) -> VenueOrder:
        fills: list[OrderFilledReport] = []
        status, reason, ts = OrderStatus.ACCEPTED, "", 0
        for report in self.history:
            if getattr(report, "client_order_id", "") != client_order_id:
                continue
            ts = report.ts_event
            match report:
                case OrderFilledReport():
                    fills.append(report)
                    if status is OrderStatus.ACCEPTED:
                        status = OrderStatus.PARTIALLY_FILLED
                case OrderRejectedReport():
                    status, reason = OrderStatus.REJECTED, report.reason
                case OrderCanceledReport():
                    status = OrderStatus.CANCELED
                case OrderExpiredReport():
                    status = OrderStatus.EXPIRED
                case _:
                    pass
        if status is OrderStatus.PARTIALLY_FILLED and client_order_id not in self.open:
            status = OrderStatus.FILLED
        return VenueOrder(
            client_order_id=client_order_id,
            venue_order_id=self.venue_ids.get(client_order_id, ""),
            status=status,
            fills=tuple(fills),
            ts_event=ts,
            reason=reason,
        )


class FakeVenueClient:
    """Answers carry the acknowledgement; fills and ends come as reports.

    Attributes:
        calls: the name of every call that was begun.
        call_times_s: when, event loop's time.
        answer_s: how long an answer takes.
        breaks_after_s: every new connection breaks so soon; None for never.
    """

    def __init__(self, venue: FakeVenue, traits: VenueTraits = DEFAULT_TRAITS) -> None:
        self.venue = venue
        self.calls: list[str] = []
        self.call_times_s: list[tuple[str, float]] = []
        self.answer_s = 0.0
        self.breaks_after_s: float | None = None
        self.held: list[OrderRequest] = []
        self.is_connected = False
        self.is_closed = False
        self.is_acknowledged_by_report = False
        self._traits = traits
        self._fates: dict[str, deque[Fate]] = {}

    @property
    def traits(self) -> VenueTraits:
        return self._traits

    def will(self, call: str, *fates: Fate) -> None:
        """What becomes of the next calls of this name."""
        self._fates.setdefault(call, deque()).extend(fates)

    def forget_fates(self) -> None:
        """From now on all is well."""
        self._fates.clear()

    def break_connection(self) -> None:
        self.is_connected = False
        self.venue.ring()

    def deliver_held(self) -> None:
        """What was under way all the time arrives now."""
        for request in self.held:
            self.venue.enter(request)
        self.held.clear()

    async def submit_quietly(self, approved: ApprovedCommand) -> None:
        """As an earlier process did, of which nobody here knows."""
        assert isinstance(approved.command, SubmitOrder)
        await anyio.lowlevel.checkpoint()
        self.venue.enter(OrderRequest.of(approved.client_order_id, approved.command))

    # -- the protocol ---------------------------------------------------------------------------

    async def connect(self) -> None:
        self._note("connect")
        await self._meet_fate("connect", lambda: None)
        if not self.venue.is_reachable:
            raise VenueConnectionLostError("no way to the venue")
        self.is_connected = True

    async def submit(self, order: OrderRequest) -> tuple[VenueReport, ...]:
        await self._begin("submit")
        if self._next_fate("submit") is Fate.HOLD:
            self._fates["submit"].popleft()
            self.held.append(order)
            await anyio.sleep_forever()
        await self._meet_fate("submit", lambda: self.venue.enter(order))
        if self._traits.refuses_repeated_ids and order.client_order_id in self.venue.known:
            raise RepeatedOrderIdError(f"{order.client_order_id} was used")
        self.venue.enter(order)
        return self._answer()

    async def cancel(self, client_order_id: str) -> tuple[VenueReport, ...]:
        await self._begin("cancel")
        await self._meet_fate("cancel", lambda: self.venue.withdraw(client_order_id))
        self.venue.withdraw(client_order_id)
        last = self.venue.history[-1]
        if isinstance(last, OrderCancelRejectedReport):
            self._swallow(last)
            if client_order_id not in self.venue.known:
                raise OrderNotKnownError(f"{client_order_id} is not known")
            raise VenueRefusedError(last.reason)
        return self._answer()

    async def amend(self, request: AmendRequest) -> tuple[VenueReport, ...]:
        await self._begin("amend")
        raise VenueRefusedError("this venue amends nothing")

    async def query(self, client_order_id: str) -> VenueOrder:
        await self._begin("query")
        await self._meet_fate("query", lambda: None)
        if not self.venue.is_visible(client_order_id):
            raise OrderNotKnownError(f"{client_order_id} is not known")
        return self.venue.shown(client_order_id)

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        await self._begin("open_orders")
        return tuple(self.venue.shown(one) for one in sorted(self.venue.open))

    async def positions(self) -> tuple[NetPosition, ...]:
        await self._begin("positions")
        await self._meet_fate("positions", lambda: None)
        return self.venue.state().positions

    async def balances(self) -> tuple[Balance, ...]:
        await self._begin("balances")
        return (Balance("USD", self.venue.cash),)

    async def next_report(self) -> VenueReport:
        while True:
            await anyio.lowlevel.checkpoint()
            if not self.is_connected:
                raise VenueConnectionLostError("not connected")
            if self.venue.unread:
                return self.venue.unread.pop(0)
            if self.breaks_after_s is None:
                await self.venue.bell().wait()
            else:
                await anyio.sleep(self.breaks_after_s)
                self.break_connection()

    async def close(self) -> None:
        self.is_closed = True
        self.break_connection()

    # -- inside ---------------------------------------------------------------------------------

    def _swallow(self, report: VenueReport) -> None:
        """It goes with the answer instead of the stream."""
        if report in self.venue.unread:
            self.venue.unread.remove(report)

    def _note(self, call: str) -> None:
        self.calls.append(call)
        self.call_times_s.append((call, anyio.current_time()))

    async def _begin(self, call: str) -> None:
        self._note(call)
        await anyio.sleep(self.answer_s)
        if not self.is_connected:
            raise VenueConnectionLostError("not connected")

    def _next_fate(self, call: str) -> Fate | None:
        fates = self._fates.get(call)
        return fates[0] if fates else None

    async def _meet_fate(self, call: str, arrive: Callable[[], None]) -> None:
        fate = self._next_fate(call)
        if fate is None:
            return
        self._fates[call].popleft()
        if fate in (Fate.ARRIVE_AND_LOSE, Fate.ARRIVE_AND_SILENCE, Fate.ARRIVE_AND_CRASH):
            arrive()
        if fate in (Fate.LOSE, Fate.ARRIVE_AND_LOSE):
            self.break_connection()
            raise VenueConnectionLostError(str(fate))
        if fate is Fate.BUSY:
            raise VenueBusyError(str(fate))
        if fate is Fate.REFUSE:
            raise VenueRefusedError(str(fate))
        if fate in (Fate.CRASH, Fate.ARRIVE_AND_CRASH):
            raise RuntimeError(str(fate))
        await anyio.sleep_forever()

    def _answer(self) -> tuple[VenueReport, ...]:
        """The acknowledgement, in the answer or on the stream; a rejection by the venue is a no."""
        last = self.venue.history[-1]
        if isinstance(last, OrderRejectedReport):
            self._swallow(last)
            raise VenueRefusedError(last.reason)
        if self.is_acknowledged_by_report:
            return ()
        self._swallow(last)
        return (last,)


def accepted_ids(reports: Sequence[object]) -> list[str]:
    """Client order ids of the acceptances."""
    return [one.client_order_id for one in reports if isinstance(one, OrderAcceptedReport)]


def _approved(client_order_id: str, command: SubmitOrder | CancelOrder) -> ApprovedCommand:
    return ApprovedCommand(
        strategy_id="",
        command=command,
        client_order_id=client_order_id,
        reservation=Decimal(0),
        is_reducing=False,
        ts_decided=0,
    )
