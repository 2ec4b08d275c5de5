"""What a live venue looks like from here: a small protocol, its values and its errors.

A client speaks one venue's language and nothing more: it sends what it is told, once, and says what
it knows. It never repeats a call on its own, never guesses an outcome, and keeps no books; waiting,
back-off, reconnecting and the question what became of an order are the live adapter's.

The errors say what is known about a call, because that decides what may happen next:

    VenueRefusedError           the venue said no (PortRejectedError): nothing happened
    ├── RepeatedOrderIdError    ... because that client order id was used: an order has it
    └── OrderNotKnownError      ... because it does not know such an order (now)
    VenueBusyError              the venue took nothing and may take it later
    OutcomeUnknownError         nobody knows (PortUnavailableError): it may have happened
    ├── VenueTimeoutError       no answer in time
    └── VenueConnectionLostError

Any other exception that comes out of a client counts as an unknown outcome.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

import msgspec

from orchestrion.domain.errors import PortRejectedError, PortUnavailableError
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.order import Leg, OrderStatus, OrderType, TimeInForce
from orchestrion.domain.models.portfolio import NetPosition
from orchestrion.domain.models.report import (
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
    OrderReport,
    VenueReport,
)


class VenueRefusedError(PortRejectedError):
    """A definite no: nothing happened, and the same call gets the same answer."""


class RepeatedOrderIdError(VenueRefusedError):
    """The venue has an order under this client order id already. Which one, only a query tells."""


class OrderNotKnownError(VenueRefusedError):
    """The venue shows no such order. Definite only after its visibility delay."""


class VenueBusyError(PortUnavailableError):
    """A rate limit or overload: the venue definitely took nothing.

    A client that cannot be sure of that raises an ``OutcomeUnknownError`` instead.
    ``retry_after_s``: the venue's own word on when to try again, seconds; 0 without one.
    """

    def __init__(self, message: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OutcomeUnknownError(PortUnavailableError):
    """The call may have arrived or not."""


class VenueTimeoutError(OutcomeUnknownError):
    """No answer in time; the connection may still be good."""


class VenueConnectionLostError(OutcomeUnknownError):
    """The connection is gone, or was never made; ``connect`` makes a new one."""


class VenueTraits(msgspec.Struct, frozen=True, kw_only=True):
    """What a client declares about its venue.

    Attributes:
        name: for logs and journals.
        refuses_repeated_ids: whether a second order under a used client order id is refused. Where
            it is not, a resend would be a second order; the live adapter never resends either way.
        visibility_delay_s: an order that the venue accepted is shown by ``query`` at the latest so
            many seconds after the call that sent it ended, however it ended. Before that, "not
            known" means nothing. It includes the longest time that a request may be under way.
        can_amend: whether ``amend`` works.
        takes_several_legs: whether an order may have more than one leg.
    """

    name: str
    refuses_repeated_ids: bool
    visibility_delay_s: float
    can_amend: bool = False
    takes_several_legs: bool = False


class OrderRequest(msgspec.Struct, frozen=True, kw_only=True):
    """An order as it goes to the venue. Owner and reservation stay here, and so does reduce-only:
    a venue would judge it by the account's net quantity instead of the strategy's own."""

    client_order_id: str
    legs: tuple[Leg, ...]
    order_type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.DAY
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    expire_ts: int | None = None

    @classmethod
    def of(cls, client_order_id: str, order: SubmitOrder) -> OrderRequest:
        """The part of a command that a venue is told."""
        return cls(
            client_order_id=client_order_id,
            legs=order.legs,
            order_type=order.order_type,
            time_in_force=order.time_in_force,
            limit_price=order.limit_price,
            stop_price=order.stop_price,
            expire_ts=order.expire_ts,
        )


class AmendRequest(msgspec.Struct, frozen=True, kw_only=True):
    """New terms of a working order with one leg; what is None stays.

    ``quantity`` is the whole quantity, filled part included.
    """

    client_order_id: str
    quantity: Decimal | None = None
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None


class VenueOrder(msgspec.Struct, frozen=True, kw_only=True):
    """What the venue says about one order.

    Attributes:
        status: ACCEPTED, PARTIALLY_FILLED, PENDING_CANCEL, FILLED, CANCELED, EXPIRED or REJECTED.
        fills: every execution so far, in the venue's order, under the trade ids of the stream.
        ts_event: of its last change, nanoseconds UTC.
        reason: the venue's words when it rejected the order.
    """

    client_order_id: str
    venue_order_id: str
    status: OrderStatus
    fills: tuple[OrderFilledReport, ...] = ()
    ts_event: int = 0
    reason: str = ""

    @property
    def is_open(self) -> bool:
        return self.status not in _ENDED

    def reports(self) -> tuple[OrderReport, ...]:
        """The reports that tell the same: accepted, fills, end."""
        if self.status is OrderStatus.REJECTED:
            return (
                OrderRejectedReport(
                    client_order_id=self.client_order_id, reason=self.reason, ts_event=self.ts_event
                ),
            )
        accepted = OrderAcceptedReport(
            client_order_id=self.client_order_id,
            venue_order_id=self.venue_order_id,
            ts_event=self.ts_event,
        )
        end: tuple[OrderReport, ...] = ()
        if self.status is OrderStatus.CANCELED:
            end = (
                OrderCanceledReport(client_order_id=self.client_order_id, ts_event=self.ts_event),
            )
        elif self.status is OrderStatus.EXPIRED:
            end = (
                OrderExpiredReport(client_order_id=self.client_order_id, ts_event=self.ts_event),
            )
        return (accepted, *self.fills, *end)


_ENDED = frozenset(
    {OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED}
)


class Balance(msgspec.Struct, frozen=True):
    """Cash of one currency, what is bound included."""

    currency: str
    total: Decimal


class VenueSnapshot(msgspec.Struct, frozen=True, kw_only=True):
    """The account as the venue shows it, asked call by call: something may fill in between.

    Attributes:
        ts_event: when the asking ended, nanoseconds UTC.
        open_orders: by client order id.
        positions: net, never zero, by instrument id.
        balances: by currency.
    """

    ts_event: int
    open_orders: tuple[VenueOrder, ...]
    positions: tuple[NetPosition, ...]
    balances: tuple[Balance, ...]


class VenueClient(Protocol):
    """A connection to one account at one venue.

    The duties of a client (``tests/contract/venue_client_contract.py`` tests them):

    * Each call is sent at most once; a client retries nothing.
    * Calls may overlap, and ``next_report`` waits while others are made.
    * Any await may be cancelled (that is how time-outs are made); the client stays usable, and a
      cancelled ``next_report`` loses no report.
    * After a lost connection every call raises ``VenueConnectionLostError`` until ``connect``.
    * Every call may raise ``OutcomeUnknownError`` and ``VenueBusyError``; what it may raise besides
      is said at the call.
    """

    @property
    def traits(self) -> VenueTraits:
        """What the venue is like; known before the first connection."""
        ...

    async def connect(self) -> None:
        """Makes the connection, also again after it was lost.

        Raises:
            VenueRefusedError: wrong credentials or the like; trying again would not help.
        """
        ...

    async def submit(self, order: OrderRequest) -> tuple[VenueReport, ...]:
        """Sends an order.

        Returns:
            Reports that the answer itself carries; empty where ``next_report`` brings them. Coming
            back at all means that the venue has the order.

        Raises:
            RepeatedOrderIdError: the id was used.
            VenueRefusedError: the venue does not take the order.
        """
        ...

    async def cancel(self, client_order_id: str) -> tuple[VenueReport, ...]:
        """Withdraws an order; answers as ``submit`` does.

        Raises:
            OrderNotKnownError: no such order.
            VenueRefusedError: it has ended, or cannot be withdrawn.
        """
        ...

    async def amend(self, request: AmendRequest) -> tuple[VenueReport, ...]:
        """Changes a working order; answers as ``submit`` does.

        Raises:
            OrderNotKnownError: no such order.
            VenueRefusedError: it has ended, the terms are wrong, or the venue amends nothing.
        """
        ...

    async def query(self, client_order_id: str) -> VenueOrder:
        """What the venue knows of an order, ended or not.

        Raises:
            OrderNotKnownError: it shows none; see ``VenueTraits.visibility_delay_s``.
        """
        ...

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        """All working orders of the account by client order id, ours or not."""
        ...

    async def positions(self) -> tuple[NetPosition, ...]:
        """Net quantities that are not zero, by instrument id."""
        ...

    async def balances(self) -> tuple[Balance, ...]:
        """Cash by currency."""
        ...

    async def next_report(self) -> VenueReport:
        """Waits for the venue's next report. It may come twice, late, or out of order."""
        ...

    async def close(self) -> None:
        """Ends the connection; safe to call twice, never raises."""
        ...
