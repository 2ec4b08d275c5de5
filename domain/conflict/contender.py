"""The commands of a round as the conflict rules see them, and whether two orders would trade.

A ``Contender`` is an order that somebody of this round wants; a ``Rival`` is whatever stands in a
contender's way: another contender, an order that works already, or a strategy that owns an
instrument.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orchestrion.domain.conflict.policy import ConflictType
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.money import ZERO
from orchestrion.domain.models.order import (
    TRANSITIONS,
    Order,
    OrderSide,
    OrderStatus,
    OrderTrigger,
    OrderType,
    TimeInForce,
)
from orchestrion.domain.orchestration.proposal import Proposal


class Contender(msgspec.Struct, frozen=True):
    """One order of the round. ``place``: where its command stands in the round.

    Attributes:
        position: its place in the order of deciding, (priority descending, rank, index).
        requirement: capital that it would bind.
    """

    place: int
    position: int
    proposal: Proposal
    command: SubmitOrder
    is_exit: bool
    requirement: Decimal = ZERO

    @property
    def strategy_id(self) -> str:
        return self.proposal.strategy_id

    @property
    def instrument_ids(self) -> tuple[str, ...]:
        """Each once, in order of the legs."""
        return tuple(dict.fromkeys(leg.instrument_id for leg in self.command.legs))


class Rival(msgspec.Struct, frozen=True):
    """What stands in a contender's way.

    Attributes:
        contender: of this round; None for what was there before.
        order: the order that works; None for a contender, an owner, a held command.
        words: how a refusal names it; the strategy's id where empty.
    """

    strategy_id: str
    contender: Contender | None = None
    order: Order | None = None
    words: str = ""

    @property
    def is_firm(self) -> bool:
        """Nothing can take it back here: an exit, or something that was there before."""
        return self.contender is None or self.contender.is_exit

    @property
    def is_withdrawable(self) -> bool:
        """A resting entry that can be withdrawn, or is being withdrawn already."""
        if self.order is None or self.order.is_reducing:
            return False
        status = self.order.status
        return (
            status is OrderStatus.PENDING_CANCEL
            or (status, OrderTrigger.REQUEST_CANCEL) in TRANSITIONS
        )


class Meeting(msgspec.Struct, frozen=True):
    """A contender and everybody who stands in its way for one reason.

    Attributes:
        subject: instrument or underlying id; empty when it is about the account as a whole.
        rivals: what was there before, oldest first, then contenders as they were decided.
        words: what a refusal says of it; empty for "against" the rival that matters.
    """

    kind: ConflictType
    subject: str
    contender: Contender
    rivals: tuple[Rival, ...]
    words: str = ""


def would_cross(first: SubmitOrder | Order, second: SubmitOrder | Order, side: OrderSide) -> bool:
    """Whether opposite legs could trade with each other now.

    Not when limits lie apart, and not a stop, which trades only once it is reached (then it is the
    venue's market order, and the next round sees what it left).

    Args:
        side: of the first order's leg.
    """
    if OrderType.STOP_MARKET in (first.order_type, second.order_type):
        return False
    if first.order_type is not OrderType.LIMIT or second.order_type is not OrderType.LIMIT:
        return True
    if len(first.legs) > 1 or len(second.legs) > 1:
        return True
    bid, ask = (first, second) if side is OrderSide.BUY else (second, first)
    if bid.limit_price is None or ask.limit_price is None:
        return True
    return bid.limit_price >= ask.limit_price


def is_same_order(one: SubmitOrder, other: SubmitOrder | Order) -> bool:
    """Whether two orders ask for the same on the same terms; a label is no term.

    A working order does not remember when it expires nor whether it may only reduce; what it does
    not know plays no part.
    """
    is_same = (
        one.legs == other.legs
        and one.order_type is other.order_type
        and one.time_in_force is other.time_in_force
        and one.limit_price == other.limit_price
        and one.stop_price == other.stop_price
    )
    if isinstance(other, Order):
        return is_same
    return is_same and one.expire_ts == other.expire_ts and one.reduce_only is other.reduce_only


def may_be_crossed(command: SubmitOrder) -> bool:
    """Whether an order can be crossed inside, as ``netting.cross_order_of`` would have it: one leg,
    no stop, not fill-or-kill."""
    return (
        len(command.legs) == 1
        and command.order_type is not OrderType.STOP_MARKET
        and command.time_in_force is not TimeInForce.FOK
    )
