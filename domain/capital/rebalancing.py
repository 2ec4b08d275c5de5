"""Moving capital between books: what goes at once, what has to wait, and which commands it needs.

The plan is made in whole cents. Each strategy's target less its equity, rounded towards zero, is
what it should receive or give; less than the minimum transfer is left alone; RESERVE takes the
other side of all of them, so every plan sums to exactly zero. Only free capital moves: what
a strategy should give but has bound in positions is pending, and it is told to reduce whole
structures, or the plan says why it is not. ``rebalance_progress`` carries the plan out.

Nothing here happens by itself. When a strategy ends, its capital goes to RESERVE; the others get a
part of it only when somebody asks for a rebalance.

Receivers are paid in proportion to what they are to receive while there is less than that. Size: a
few passes over the books; structures see ``reduction``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType

import msgspec

from orchestrion.domain.capital.book_capital import BookCapital, whole_cents
from orchestrion.domain.capital.capital_move import (
    CapitalMove,
    as_moves,
    payable_now,
    remaining_moves,
    scaled,
)
from orchestrion.domain.capital.reduction import (
    ReducibleStructure,
    ReductionPolicy,
    plan_reduction,
)
from orchestrion.domain.capital.rounded_share import exact_sum
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.money import (
    CENT,
    ONE,
    ZERO,
    add,
    is_amount,
    is_multiple,
    largest_remainder,
    multiply,
    negate,
    round_to_cent,
    subtract,
)
from orchestrion.domain.models.portfolio import RESERVE

StructuresByStrategy = Mapping[str, Sequence[ReducibleStructure]]
NO_STRUCTURES: StructuresByStrategy = MappingProxyType({})


class RebalancePolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How a rebalance is carried out.

    Attributes:
        minimum_transfer: a smaller difference is left alone, a smaller part payment waits.
        reduction: which structures an over-funded strategy closes.
        cost_fraction: what closing costs (spread and fees), as a fraction of the closed notional.
        cost_fraction_max: a strategy's reduction is not ordered when its costs are a greater
            fraction of what it frees.
        sessions_max: after so many sessions what is still pending is given up.
    """

    minimum_transfer: Decimal = CENT
    reduction: ReductionPolicy = ReductionPolicy.PROPORTIONAL
    cost_fraction: Decimal = ZERO
    cost_fraction_max: Decimal = ONE
    sessions_max: int = 20

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a value out of range; the message names it.
        """
        for name in ("minimum_transfer", "cost_fraction", "cost_fraction_max"):
            value = getattr(self, name)
            if not is_amount(value) or value < 0:
                raise ConfigurationError(f"{name} must be a Decimal of at least 0, got {value}")
        if self.minimum_transfer < CENT:
            raise ConfigurationError(
                f"minimum_transfer must be at least {CENT}, got {self.minimum_transfer}"
            )
        if self.sessions_max < 1:
            raise ConfigurationError(f"sessions_max must be at least 1, got {self.sessions_max}")


class OutcomeCode(StrEnum):
    """What a rebalance means for one book, and why commands are or are not needed."""

    ON_TARGET = "ON_TARGET"
    BELOW_MINIMUM = "BELOW_MINIMUM"
    RECEIVES = "RECEIVES"
    GIVES_FREE_CAPITAL = "GIVES_FREE_CAPITAL"
    REDUCES = "REDUCES"
    AWAITS_EXITS = "AWAITS_EXITS"
    NOTHING_TO_REDUCE = "NOTHING_TO_REDUCE"
    TOO_COSTLY = "TOO_COSTLY"


class BookOutcome(msgspec.Struct, frozen=True):
    book_id: str
    code: OutcomeCode
    detail: str


class RebalancePlan(msgspec.Struct, frozen=True):
    """What a rebalance comes to.

    Attributes:
        targets: strategy id -> budget that it was planned for.
        moves: everything that is to move; sums to zero. Books in the given order.
        transfers: the part of it that is free now; sums to zero.
        commands: what reduces the strategies that cannot give yet.
        outcomes: one per book.
    """

    targets: Mapping[str, Decimal]
    moves: tuple[CapitalMove, ...]
    transfers: tuple[CapitalMove, ...]
    commands: tuple[SubmitOrder, ...]
    outcomes: tuple[BookOutcome, ...]

    @property
    def pending(self) -> tuple[CapitalMove, ...]:
        """What is still to move when the transfers are done; sums to zero."""
        return remaining_moves(self.moves, self.transfers)


class ReductionAdvice(msgspec.Struct, frozen=True):
    """Commands for one strategy that owes capital, or the reason why there are none."""

    outcome: BookOutcome
    commands: tuple[SubmitOrder, ...] = ()


def target_budgets(
    fractions: Mapping[str, Decimal], books: Sequence[BookCapital]
) -> dict[str, Decimal]:
    """Weights as amounts: fractions of what the books hold together, to the cent.

    Args:
        fractions: strategy id -> fraction of the whole, in rank order; what they leave over stays
            in RESERVE.

    Raises:
        ConfigurationError: a fraction below 0, or a sum above 1.
    """
    rest = subtract(ONE, exact_sum(fractions.values()))
    if rest < 0 or any(one < 0 for one in fractions.values()):
        raise ConfigurationError(
            f"target fractions must be at least 0 and sum to at most 1, got {_shown(fractions)}"
        )
    total = whole_cents(exact_sum(book.equity for book in books))
    amounts = largest_remainder(total, (*fractions.values(), rest))
    return dict(zip(fractions, amounts, strict=False))


def plan_rebalance(
    targets: Mapping[str, Decimal],
    books: Sequence[BookCapital],
    policy: RebalancePolicy,
    structures: StructuresByStrategy = NO_STRUCTURES,
) -> RebalancePlan:
    """Plans the way from what the books hold to the targets.

    Args:
        targets: strategy id -> budget in whole cents, one for each strategy among ``books``.
        books: those that take part, strategies in rank order, RESERVE last. Leave out whose
            capital is frozen.
        structures: strategy id -> what it holds and is not closing yet.

    Raises:
        ConfigurationError: targets that do not fit the books, or sum to more than they hold.
    """
    _check(targets, books)
    wants = _wants(targets, books, policy)
    paid = payable_now(wants, books, minimum=policy.minimum_transfer)
    advice = [
        advise_reduction(book, wants[book.book_id], policy, structures.get(book.book_id, ()))
        if _is_short(wants, paid, book.book_id)
        else ReductionAdvice(_plain_outcome(book, targets, wants))
        for book in books
    ]
    return RebalancePlan(
        targets=dict(targets),
        moves=as_moves(wants),
        transfers=as_moves(paid),
        commands=tuple(command for one in advice for command in one.commands),
        outcomes=tuple(one.outcome for one in advice),
    )


def advise_reduction(
    book: BookCapital,
    want: Decimal,
    policy: RebalancePolicy,
    structures: Sequence[ReducibleStructure],
) -> ReductionAdvice:
    """What a strategy that owes more than it has free should close.

    Args:
        want: what it is to receive; negative here.
    """
    owed = want.copy_negate()
    coming = add(max(book.free, ZERO), book.closing)
    shortfall = subtract(owed, coming)
    if shortfall <= 0:
        detail = f"working exits free what is missing of {owed:f}"
        return _without_commands(book, OutcomeCode.AWAITS_EXITS, detail)
    reductions = plan_reduction(
        book.book_id,
        structures,
        shortfall,
        policy=policy.reduction,
        cost_fraction=policy.cost_fraction,
    )
    missing = f"{round_to_cent(shortfall):f} of {owed:f} is bound"
    if not reductions:
        return _without_commands(book, OutcomeCode.NOTHING_TO_REDUCE, missing)
    frees = exact_sum(one.frees for one in reductions)
    costs = exact_sum(one.costs for one in reductions)
    if costs > multiply(policy.cost_fraction_max, frees):
        detail = f"{missing}; freeing {frees:f} would cost about {costs:f}"
        return _without_commands(book, OutcomeCode.TOO_COSTLY, detail)
    words = ", ".join(f"{one.units} x {one.structure_id}" for one in reductions)
    outcome = BookOutcome(book.book_id, OutcomeCode.REDUCES, f"{missing}: closes {words}")
    return ReductionAdvice(outcome, tuple(one.command for one in reductions))


# -- the parts of the plan ---------------------------------------------------------------------


def _check(targets: Mapping[str, Decimal], books: Sequence[BookCapital]) -> None:
    ids = [book.book_id for book in books]
    strategy_ids = [one for one in ids if one != RESERVE]
    if ids != [*strategy_ids, RESERVE] or len(dict.fromkeys(ids)) < len(ids):
        raise ConfigurationError(f"books must be strategies, each once, then RESERVE: {ids}")
    if sorted(targets) != sorted(strategy_ids):
        raise ConfigurationError(
            f"targets must name every strategy that takes part and no other: "
            f"targets {sorted(targets)}, books {sorted(strategy_ids)}"
        )
    for strategy_id, amount in targets.items():
        if not is_amount(amount) or amount < 0 or not is_multiple(amount, CENT):
            raise ConfigurationError(
                f"target of {strategy_id!r} must be whole cents of at least 0, got {amount}"
            )
    held = exact_sum(book.equity for book in books)
    if exact_sum(targets.values()) > max(held, ZERO):
        raise ConfigurationError(
            f"targets sum to {exact_sum(targets.values()):f}, the books hold "
            f"{round_to_cent(held):f}: {_shown(targets)}"
        )


def _wants(
    targets: Mapping[str, Decimal], books: Sequence[BookCapital], policy: RebalancePolicy
) -> dict[str, Decimal]:
    """Book id -> what it is to receive, in whole cents; sums to zero.

    Differences that are left alone come out of RESERVE; when that is too little, or not free, the
    receivers get less.
    """
    over: dict[str, Decimal] = {}
    under: dict[str, Decimal] = {}
    for book in books[:-1]:
        target = targets[book.book_id]
        _note(over, book.book_id, whole_cents(subtract(book.equity, target)), policy)
        _note(under, book.book_id, whole_cents(subtract(target, book.equity)), policy)
    sources = add(exact_sum(over.values()), whole_cents(books[-1].free))
    under = scaled(under, min(exact_sum(under.values()), sources))
    wants = {
        book.book_id: subtract(under.get(book.book_id, ZERO), over.get(book.book_id, ZERO))
        for book in books[:-1]
    }
    return {**wants, RESERVE: negate(exact_sum(wants.values()))}


def _note(
    amounts: dict[str, Decimal], book_id: str, amount: Decimal, policy: RebalancePolicy
) -> None:
    if amount >= policy.minimum_transfer:
        amounts[book_id] = amount


def _is_short(wants: Mapping[str, Decimal], paid: Mapping[str, Decimal], book_id: str) -> bool:
    return wants[book_id] < paid[book_id] and book_id != RESERVE


def _plain_outcome(
    book: BookCapital, targets: Mapping[str, Decimal], wants: Mapping[str, Decimal]
) -> BookOutcome:
    want = wants[book.book_id]
    if want > 0:
        return BookOutcome(book.book_id, OutcomeCode.RECEIVES, f"{want:f}")
    if want < 0:
        detail = f"{want.copy_negate():f} is free, no command is needed"
        return BookOutcome(book.book_id, OutcomeCode.GIVES_FREE_CAPITAL, detail)
    target = targets.get(book.book_id, book.equity)
    off = round_to_cent(subtract(book.equity, target))
    if not off:
        return BookOutcome(book.book_id, OutcomeCode.ON_TARGET, "")
    return BookOutcome(
        book.book_id, OutcomeCode.BELOW_MINIMUM, f"{off:f} from its target is left alone"
    )


def _without_commands(book: BookCapital, code: OutcomeCode, detail: str) -> ReductionAdvice:
    return ReductionAdvice(BookOutcome(book.book_id, code, detail))


def _shown(amounts: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{one} {amount}" for one, amount in amounts.items())
