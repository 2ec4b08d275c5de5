"""Orders: sides, types, the life-cycle table, and the fold of venue reports into an order.

Theory of the table: an order is written to the journal before it leaves (INITIALIZED), is
SUBMITTED when the port took it, and from then on only the venue's word moves it. What is not
known is UNKNOWN and stays so until the venue answers. DENIED is our refusal, REJECTED the venue's.
A fill that comes after the end (filled, cancelled, rejected, expired) is booked all the same: the
venue's word about money always wins, so every state that a venue can know of accepts one.
"""

from __future__ import annotations

import re
from decimal import Decimal
from enum import StrEnum

import msgspec

from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.money import subtract


class OrderSide(StrEnum):
    """Buy or sell; ``sign`` is 1 or -1."""

    BUY = "BUY"
    SELL = "SELL"

    def __init__(self, value: str) -> None:
        # Kept with the member, because every fill asks: naming a member (``OrderSide.BUY``) costs
        # as much as a decimal sum.
        self.sign = 1 if value == "BUY" else -1

    @property
    def opposite(self) -> OrderSide:
        return OrderSide.SELL if self is OrderSide.BUY else OrderSide.BUY


class OrderType(StrEnum):
    MARKET = "MARKET"
    LIMIT = "LIMIT"
    STOP_MARKET = "STOP_MARKET"


class TimeInForce(StrEnum):
    GTC = "GTC"
    DAY = "DAY"
    IOC = "IOC"
    FOK = "FOK"
    GTD = "GTD"


class OrderStatus(StrEnum):
    INITIALIZED = "INITIALIZED"
    DENIED = "DENIED"
    SUBMITTED = "SUBMITTED"
    ACCEPTED = "ACCEPTED"
    REJECTED = "REJECTED"
    PENDING_CANCEL = "PENDING_CANCEL"
    PENDING_UPDATE = "PENDING_UPDATE"
    PARTIALLY_FILLED = "PARTIALLY_FILLED"
    FILLED = "FILLED"
    CANCELED = "CANCELED"
    EXPIRED = "EXPIRED"
    UNKNOWN = "UNKNOWN"


class OrderTrigger(StrEnum):
    """What can happen to an order."""

    SUBMIT = "SUBMIT"
    DENY = "DENY"
    ACCEPT = "ACCEPT"
    REJECT = "REJECT"
    REQUEST_CANCEL = "REQUEST_CANCEL"
    REJECT_CANCEL = "REJECT_CANCEL"
    CANCEL = "CANCEL"
    EXPIRE = "EXPIRE"
    FILL_PART = "FILL_PART"
    FILL_REST = "FILL_REST"
    LOSE = "LOSE"


_S, _T = OrderStatus, OrderTrigger
_WORKING = (_S.SUBMITTED, _S.ACCEPTED, _S.PARTIALLY_FILLED, _S.PENDING_CANCEL, _S.UNKNOWN)
_ENDED = (_S.FILLED, _S.CANCELED, _S.EXPIRED, _S.REJECTED)

TRANSITIONS: dict[tuple[OrderStatus, OrderTrigger], OrderStatus] = {
    (_S.INITIALIZED, _T.SUBMIT): _S.SUBMITTED,
    (_S.INITIALIZED, _T.LOSE): _S.UNKNOWN,
    # Netting: what trades inside never leaves, and what may not leave is refused by us.
    (_S.INITIALIZED, _T.FILL_PART): _S.PARTIALLY_FILLED,
    (_S.INITIALIZED, _T.FILL_REST): _S.FILLED,
    (_S.INITIALIZED, _T.DENY): _S.DENIED,
    (_S.INITIALIZED, _T.CANCEL): _S.CANCELED,
    (_S.SUBMITTED, _T.ACCEPT): _S.ACCEPTED,
    (_S.UNKNOWN, _T.ACCEPT): _S.ACCEPTED,
    # The acknowledgement may arrive after the first fill or after a cancel request: no news.
    (_S.PARTIALLY_FILLED, _T.ACCEPT): _S.PARTIALLY_FILLED,
    (_S.PENDING_CANCEL, _T.ACCEPT): _S.PENDING_CANCEL,
    (_S.FILLED, _T.ACCEPT): _S.FILLED,
    # A cancel request may be under way when the venue says no to the order itself.
    **{
        (state, _T.REJECT): _S.REJECTED
        for state in (_S.SUBMITTED, _S.ACCEPTED, _S.UNKNOWN, _S.PENDING_CANCEL)
    },
    **{(state, _T.LOSE): _S.UNKNOWN for state in _WORKING},
    **{
        (state, _T.REQUEST_CANCEL): _S.PENDING_CANCEL
        for state in (_S.SUBMITTED, _S.ACCEPTED, _S.PARTIALLY_FILLED, _S.UNKNOWN)
    },
    (_S.PENDING_CANCEL, _T.REJECT_CANCEL): _S.ACCEPTED,
    **{(state, _T.CANCEL): _S.CANCELED for state in _WORKING},
    **{(state, _T.EXPIRE): _S.EXPIRED for state in _WORKING},
    **{
        (state, _T.FILL_PART): _S.PARTIALLY_FILLED
        for state in _WORKING
        if state is not _S.PENDING_CANCEL
    },
    (_S.PENDING_CANCEL, _T.FILL_PART): _S.PENDING_CANCEL,
    **{(state, _T.FILL_REST): _S.FILLED for state in _WORKING},
    **{(state, _T.FILL_PART): state for state in _ENDED},
    **{(state, _T.FILL_REST): _S.FILLED for state in _ENDED},
}
"""(state, trigger) -> state. A pair that is not here is illegal and changes nothing."""

OPEN_STATUSES = frozenset({_S.INITIALIZED, *_WORKING})
"""States in which an order can still trade: its reservation is held."""


def next_status(status: OrderStatus, trigger: OrderTrigger) -> OrderStatus:
    """The state after a trigger.

    Raises:
        InvariantBrokenError: the table does not allow the step.
    """
    try:
        return TRANSITIONS[status, trigger]
    except KeyError:
        raise InvariantBrokenError(f"an order in {status} cannot take {trigger}") from None


class Leg(msgspec.Struct, frozen=True, gc=False):
    """One instrument of an order: buy or sell a positive quantity."""

    instrument_id: str
    side: OrderSide
    quantity: Decimal

    @property
    def signed_quantity(self) -> Decimal:
        return self.quantity if self.side.sign > 0 else self.quantity.copy_negate()


class OwnerShare(msgspec.Struct, frozen=True):
    """One strategy's part of an outside order that was netted for several.

    Attributes:
        client_order_id: of the strategy's own order.
        quantity: > 0, what the outside order is to trade for it.
    """

    strategy_id: str
    client_order_id: str
    quantity: Decimal


class Order(msgspec.Struct, frozen=True, gc=False):
    """An approved command on its way through the venue. ``filled`` has one quantity per leg."""

    client_order_id: str
    strategy_id: str
    legs: tuple[Leg, ...]
    filled: tuple[Decimal, ...]
    status: OrderStatus
    order_type: OrderType
    time_in_force: TimeInForce
    limit_price: Decimal | None
    stop_price: Decimal | None
    is_reducing: bool
    ts_decided: int
    venue_order_id: str = ""
    expire_ts: int | None = None

    @property
    def is_open(self) -> bool:
        return self.status in OPEN_STATUSES

    def remaining(self, leg_index: int) -> Decimal:
        """Quantity of a leg that has not filled; negative after an overfill."""
        return subtract(self.legs[leg_index].quantity, self.filled[leg_index])


# Eighteen digits hold every number that is counted; more is a text of somebody else's.
_DECISION_PLACE = re.compile(r"([0-9]{1,18})-([0-9]{1,18})\Z")


def decision_place(client_order_id: str) -> tuple[int, int]:
    """Where in a run an order was decided: the two counts at the end of its id.

    As text ``T-10-0`` would stand before ``T-9-0``, and elsewhere with another run's name.

    Returns:
        (seq, index) of the deciding input, in the synchronous form (round, index); (-1, -1) for an
        id that does not end so, which puts orders of unknown age first.
    """
    found = _DECISION_PLACE.search(client_order_id)
    return (int(found[1]), int(found[2])) if found is not None else (-1, -1)
