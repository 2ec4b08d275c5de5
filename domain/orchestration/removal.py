"""How a strategy is wound up: which step comes next, from what it still has.

    orders work ──withdraw──► none works ──flatten / hand over──► nothing held ──close──► gone

The same steps serve a removal by an operator and a custodian that hands over the positions of a
strategy in quarantine (which then stays, with its cash). Orders end and fills come when the venue
says so; so each step is decided anew from the book and the working orders, and a step that led
nowhere (a rejected order, a heir without room) is tried again at a later moment and not at once:
at a session's close, or when the account may trade again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum

import msgspec

from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.money import subtract
from orchestrion.domain.models.order import Leg, Order, OrderSide, OrderStatus, OrderType
from orchestrion.domain.models.portfolio import RESERVED_BOOK_IDS, Book
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.authorisation import quantities
from orchestrion.domain.orchestration.lifecycle import (
    RemovalPolicy,
    StrategyStanding,
    StrategyStatus,
)
from orchestrion.domain.orchestration.proposal import (
    LEGS_MAX,
    Proposal,
    check_answer,
    working_quantity,
)

ENTRIES_WITHDRAWN = "entries withdrawn"
WITHDRAWN_FOR_ANOTHER = "withdrawn: another strategy's command waits for it"
"""Labels of cancels on the account's behalf."""


class WindingUp(msgspec.Struct, frozen=True):
    """A strategy that is being wound up.

    Attributes:
        heir_id: who gets its positions, with HAND_OVER.
        is_leaving: whether its book is closed in the end; a custodian leaves it where it is.
        tried: quantities at the last flattening or hand-over; the same ones are not tried again
            before something else has changed.
    """

    strategy_id: str
    policy: RemovalPolicy
    heir_id: str = ""
    is_leaving: bool = True
    tried: Mapping[str, Decimal] | None = None

    @property
    def label(self) -> str:
        """Of orders and cancels on its behalf, for the journal."""
        return f"{self.policy}: {self.strategy_id} is wound up"


class WindingStep(StrEnum):
    WITHDRAW = "withdraw"
    """Cancel the orders that ``orders_to_withdraw`` names."""
    FLATTEN = "flatten"
    HAND_OVER = "hand_over"
    CLOSE = "close"
    """Nothing is left: the book can be closed, or the custodian has done its work."""
    WAIT = "wait"


def next_winding_step(
    winding: WindingUp, book: Book, working: Mapping[str, Order], *, is_retry: bool = False
) -> WindingStep:
    """What to do now.

    Args:
        working: the strategy's own working orders.
        is_retry: whether what led nowhere is to be tried once more.
    """
    if working:
        has_any = bool(orders_to_withdraw(winding, working))
        return WindingStep.WITHDRAW if has_any else WindingStep.WAIT
    if not book.positions and not book.unsettled:
        return WindingStep.CLOSE
    has_tried = winding.tried == quantities(book) and not is_retry
    if winding.policy is RemovalPolicy.HAND_OVER:
        return WindingStep.WAIT if has_tried else WindingStep.HAND_OVER
    if not book.positions:
        return WindingStep.WAIT  # for the settlement that pays what its futures gained
    return WindingStep.WAIT if has_tried else WindingStep.FLATTEN


def orders_to_withdraw(winding: WindingUp, working: Mapping[str, Order]) -> tuple[str, ...]:
    """client_order_ids to cancel, oldest first. Protective orders too: what they wait for may never
    come. Only an exit at the market is left alone where positions are closed anyway."""
    return tuple(
        order.client_order_id
        for order in working.values()
        if order.status is not OrderStatus.PENDING_CANCEL
        and not (
            winding.policy is not RemovalPolicy.HAND_OVER
            and order.is_reducing
            and order.order_type is OrderType.MARKET
        )
    )


def closing_proposals(
    strategy_id: str, book: Book, working: Mapping[str, Order], label: str
) -> tuple[Proposal, ...]:
    """Market orders that close what a strategy holds and is not closing yet, on its behalf.

    All legs together keep a structure whole; a book of very many becomes several orders.
    """
    legs = [
        leg
        for position in book.positions.values()
        if (leg := _closing_leg(position.instrument_id, position.quantity, working)) is not None
    ]
    orders = [
        SubmitOrder(
            strategy_id=strategy_id,
            legs=tuple(legs[start : start + LEGS_MAX]),
            reduce_only=True,
            label=label,
        )
        for start in range(0, len(legs), LEGS_MAX)
    ]
    answer = check_answer(strategy_id, orders, book, working)
    return tuple(one for one in answer.checked if isinstance(one, Proposal) and one.is_exit)


def _closing_leg(instrument_id: str, quantity: Decimal, working: Mapping[str, Order]) -> Leg | None:
    """What closes a position beyond the orders that close it already; None when nothing is left."""
    side = OrderSide.SELL if quantity > 0 else OrderSide.BUY
    whole = Leg(instrument_id, side, quantity.copy_abs())
    left = subtract(whole.quantity, working_quantity(whole, working))
    return Leg(instrument_id, side, left) if left > 0 else None


def check_removal(
    winding: WindingUp,
    standings: Mapping[str, StrategyStanding],
    strategies: Iterable[StrategyMetadata],
    *,
    open_things: str,
) -> None:
    """Whether a strategy may be removed that way.

    Args:
        standings: of everybody who is there.
        strategies: the same.
        open_things: what of it is open, in words; empty when nothing is.

    Raises:
        LifecycleError: there is no such strategy, it is over, others need it, the heir cannot
            take anything, or something is open and the policy refuses; the message says which.
    """
    strategy_id = winding.strategy_id
    if strategy_id in RESERVED_BOOK_IDS:
        raise LifecycleError(f"{strategy_id} is a book of the account and cannot be removed")
    standing = standings.get(strategy_id)
    if standing is None:
        raise LifecycleError(f"there is no strategy {strategy_id!r}")
    if standing.status is StrategyStatus.STOPPED:
        raise LifecycleError(f"strategy {strategy_id!r} is {standing.status}: the run has ended")
    for metadata in strategies:
        # Also one that is on its way out: it keeps its place in the order until it has gone.
        if strategy_id in metadata.depends_on and metadata.id in standings:
            leaving = " and has not gone yet" if standings[metadata.id].is_over else ""
            raise LifecycleError(
                f"{metadata.id} depends on {strategy_id}{leaving}: remove it first"
            )
    if winding.policy is RemovalPolicy.HAND_OVER:
        require_heir(winding, standings)
    elif winding.heir_id:
        raise LifecycleError(f"{winding.policy} leaves nothing to {winding.heir_id!r}")
    if winding.policy is RemovalPolicy.REFUSE and open_things:
        raise LifecycleError(f"{strategy_id} still has {open_things}")


def require_heir(winding: WindingUp, standings: Mapping[str, StrategyStanding]) -> None:
    """
    Raises:
        LifecycleError: the heir is not there, is the strategy itself, is over, or is in quarantine.
    """
    heir_id = winding.heir_id
    heir = standings.get(heir_id)
    if heir is None:
        raise LifecycleError(f"there is no strategy {heir_id!r} to hand over to")
    if heir_id == winding.strategy_id:
        raise LifecycleError(f"{heir_id} cannot hand over to itself")
    if heir.is_over or heir.status is StrategyStatus.QUARANTINED:
        raise LifecycleError(f"{heir_id} is {heir.status} and cannot take anything over")


def open_things_of(book: Book, working: Mapping[str, Order], held: int = 0) -> str:
    """What of a strategy is open, in words; empty when nothing is.

    Args:
        held: commands of it that wait for others' orders to be withdrawn.
    """
    found = [f"{position.quantity:f} {key}" for key, position in book.positions.items()]
    if book.unsettled:
        found.append(f"unsettled gains in {', '.join(book.unsettled)}")
    if working:
        found.append(f"working orders {', '.join(working)}")
    if held:
        found.append(f"{held} commands that wait")
    return ", ".join(found)
