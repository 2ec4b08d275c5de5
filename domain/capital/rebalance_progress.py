"""A rebalance on its way: it ends when fills, not plans, have set the capital free and it moved.

    MOVING --everything has moved--> COMPLETE
       |----sessions_max sessions--> EXPIRED     what is pending is given up, and named
       `----somebody says so-------> ABANDONED   likewise

A value, folded over what happens: after a fill or another change of free capital ``on_fill``, at a
session's close ``on_session``. Each step says which transfers to make at once; the caller makes
them in the same turn. Only a session orders new reductions, because day orders have ended then, so
nothing is closed twice. The same inputs give the same steps: nothing else is remembered.

What is owed can only shrink. A strategy that loses money while its capital is still bound owes no
more than it has above its target, and those who wait for it receive less, RESERVE first. Gains
stay with who made them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

import msgspec

from orchestrion.domain.capital.book_capital import BookCapital, whole_cents
from orchestrion.domain.capital.capital_move import (
    CapitalMove,
    as_moves,
    payable_now,
    remaining_moves,
    scaled,
)
from orchestrion.domain.capital.rebalancing import (
    NO_STRUCTURES,
    BookOutcome,
    RebalancePlan,
    RebalancePolicy,
    StructuresByStrategy,
    advise_reduction,
)
from orchestrion.domain.capital.rounded_share import exact_sum
from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.money import ZERO, add, negate, subtract
from orchestrion.domain.models.portfolio import RESERVE


class RebalanceStatus(StrEnum):
    MOVING = "MOVING"
    COMPLETE = "COMPLETE"
    EXPIRED = "EXPIRED"
    ABANDONED = "ABANDONED"


class RebalanceProgress(msgspec.Struct, frozen=True, kw_only=True):
    """How far a rebalance has come.

    Attributes:
        targets: strategy id -> budget that it was planned for.
        moved: what has moved so far, by book; sums to zero.
        pending: what is still to move; sums to zero. Kept after an early end, as the shortfall.
        sessions: closes seen since the start.
    """

    rebalance_id: str
    policy: RebalancePolicy
    targets: Mapping[str, Decimal]
    moved: tuple[CapitalMove, ...] = ()
    pending: tuple[CapitalMove, ...] = ()
    sessions: int = 0
    status: RebalanceStatus = RebalanceStatus.MOVING
    reason: str = ""

    @property
    def is_complete(self) -> bool:
        return self.status is RebalanceStatus.COMPLETE


class RebalanceStep(msgspec.Struct, frozen=True):
    """What to do now. ``outcomes`` says for each strategy that owes capital what it waits for."""

    progress: RebalanceProgress
    transfers: tuple[CapitalMove, ...] = ()
    commands: tuple[SubmitOrder, ...] = ()
    outcomes: tuple[BookOutcome, ...] = ()


def begin_rebalance(
    plan: RebalancePlan, policy: RebalancePolicy, *, rebalance_id: str
) -> RebalanceStep:
    """The first step of a plan; the last one too when everything it moves is free."""
    progress = RebalanceProgress(
        rebalance_id=rebalance_id, policy=policy, targets=plan.targets, pending=plan.moves
    )
    progress = _after(progress, plan.transfers)
    return RebalanceStep(progress, plan.transfers, plan.commands, plan.outcomes)


def on_fill(progress: RebalanceProgress, books: Sequence[BookCapital]) -> RebalanceStep:
    """Moves what has come free since.

    Args:
        books: as they are now, in rank order; a book that is left out neither gives nor receives.
    """
    if progress.status is not RebalanceStatus.MOVING:
        return RebalanceStep(progress)
    wants = _still_wanted(progress, books)
    transfers = as_moves(_payable(wants, books, progress.policy))
    progress = msgspec.structs.replace(progress, pending=as_moves(wants))
    return RebalanceStep(_after(progress, transfers), transfers)


def on_session(
    progress: RebalanceProgress,
    books: Sequence[BookCapital],
    structures: StructuresByStrategy = NO_STRUCTURES,
) -> RebalanceStep:
    """Moves what has come free, and orders what is still missing, or gives up in time.

    Args:
        structures: strategy id -> what it holds and is not closing.
    """
    if progress.status is not RebalanceStatus.MOVING:
        return RebalanceStep(progress)
    step = on_fill(progress, books)
    progress = msgspec.structs.replace(step.progress, sessions=progress.sessions + 1)
    if progress.status is not RebalanceStatus.MOVING:
        return RebalanceStep(progress, step.transfers)
    if progress.sessions >= progress.policy.sessions_max:
        return RebalanceStep(_expired(progress), step.transfers)
    advice = [
        advise_reduction(
            _without_paid(book, step.transfers),
            one.amount,
            progress.policy,
            structures.get(book.book_id, ()),
        )
        for book in books
        for one in progress.pending
        if one.book_id == book.book_id != RESERVE and one.amount < 0
    ]
    return RebalanceStep(
        progress,
        step.transfers,
        tuple(command for one in advice for command in one.commands),
        tuple(one.outcome for one in advice),
    )


def without_book(progress: RebalanceProgress, book_id: str) -> RebalanceProgress:
    """The rebalance without a strategy whose capital was frozen or that left; RESERVE stands in.

    What it was to receive goes to RESERVE. What it owed is not coming: others receive less.

    Raises:
        LifecycleError: RESERVE, which takes part in every rebalance.
    """
    if book_id == RESERVE:
        raise LifecycleError("RESERVE cannot leave a rebalance")
    if progress.status is not RebalanceStatus.MOVING:
        return progress
    wants = {one.book_id: one.amount for one in progress.pending}
    amount = wants.pop(book_id, ZERO)
    if amount > 0:
        wants[RESERVE] = add(wants.get(RESERVE, ZERO), amount)
    elif amount < 0:
        wants = _shrunk(wants, negate(amount))
    return _after(msgspec.structs.replace(progress, pending=as_moves(wants)), ())


def abandon(progress: RebalanceProgress, reason: str) -> RebalanceProgress:
    """Ends it where it is; nothing that has moved goes back.

    Raises:
        LifecycleError: it has ended already.
    """
    if progress.status is not RebalanceStatus.MOVING:
        raise LifecycleError(
            f"rebalance {progress.rebalance_id!r} is {progress.status} and cannot be abandoned"
        )
    return msgspec.structs.replace(progress, status=RebalanceStatus.ABANDONED, reason=reason)


def _still_wanted(progress: RebalanceProgress, books: Sequence[BookCapital]) -> dict[str, Decimal]:
    """The pending moves after losses: nobody owes more than it has above its target."""
    wants = {one.book_id: one.amount for one in progress.pending}
    lost = ZERO
    for book in books:
        owed = negate(wants.get(book.book_id, ZERO))
        if owed <= 0 or book.book_id == RESERVE:
            continue
        above = whole_cents(subtract(book.equity, progress.targets[book.book_id]))
        if above < owed:
            lost = add(lost, subtract(owed, above))
            wants[book.book_id] = negate(above)
    return _shrunk(wants, lost)


def _shrunk(wants: dict[str, Decimal], lost: Decimal) -> dict[str, Decimal]:
    """Takes an amount from those who receive: from RESERVE first, then from all in proportion."""
    reserve = max(wants.get(RESERVE, ZERO), ZERO)
    from_reserve = min(lost, reserve)
    receivers = {one: amount for one, amount in wants.items() if amount > 0 and one != RESERVE}
    left = subtract(exact_sum(receivers.values()), subtract(lost, from_reserve))
    shrunk = {**wants, **scaled(receivers, left)}
    if from_reserve:
        shrunk[RESERVE] = subtract(reserve, from_reserve)
    return shrunk


def _payable(
    wants: Mapping[str, Decimal], books: Sequence[BookCapital], policy: RebalancePolicy
) -> dict[str, Decimal]:
    """What free capital covers now. Who is not among the books waits: nothing is paid to it."""
    present = {book.book_id for book in books}
    receiving = {one: amount for one, amount in wants.items() if amount > 0 and one in present}
    giving = {one: amount for one, amount in wants.items() if amount < 0}
    # Givers pay no more than those present can receive.
    owed = min(exact_sum(receiving.values()), negate(exact_sum(giving.values())))
    parts = scaled({one: negate(amount) for one, amount in giving.items()}, owed)
    bounded = {one: negate(part) for one, part in parts.items()}
    return payable_now({**bounded, **receiving}, books, minimum=policy.minimum_transfer)


def _without_paid(book: BookCapital, transfers: Sequence[CapitalMove]) -> BookCapital:
    """The book's figures after the transfers of this step."""
    paid = exact_sum(one.amount for one in transfers if one.book_id == book.book_id)
    return msgspec.structs.replace(book, equity=add(book.equity, paid), free=add(book.free, paid))


def _after(progress: RebalanceProgress, transfers: Sequence[CapitalMove]) -> RebalanceProgress:
    moved = {one.book_id: one.amount for one in progress.moved}
    for one in transfers:
        moved[one.book_id] = add(moved.get(one.book_id, ZERO), one.amount)
    pending = remaining_moves(progress.pending, transfers)
    return msgspec.structs.replace(
        progress,
        moved=as_moves(moved),
        pending=pending,
        status=progress.status if pending else RebalanceStatus.COMPLETE,
    )


def _expired(progress: RebalanceProgress) -> RebalanceProgress:
    missing = ", ".join(f"{one.book_id} {one.amount:+f}" for one in progress.pending)
    reason = f"after {progress.sessions} sessions still to move: {missing}"
    return msgspec.structs.replace(progress, status=RebalanceStatus.EXPIRED, reason=reason)
