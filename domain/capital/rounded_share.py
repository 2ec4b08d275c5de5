"""Exact parts of an amount, rounded so that their sum is kept to the last digit.

Largest remainder, for parts of either sign: each one is rounded down, what is then missing goes in
single steps to the largest remainders, ties to the earlier place (callers pass parts in rank
order). For one-off splits; what is split again and again as it grows needs ``fill_split``, because
with this rule a part can shrink when the total rises.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from fractions import Fraction
from functools import reduce

from orchestrion.domain.models.money import (
    BILLIONTH,
    CENT,
    ZERO,
    add,
    is_multiple,
    multiply,
    negate,
)


def round_to_total(
    exact: Sequence[Fraction], total: Decimal, *, step: Decimal
) -> tuple[Decimal, ...]:
    """The parts as multiples of ``step`` that sum to ``total``; each is moved by less than a step.

    Args:
        exact: the parts before rounding, in rank order. They sum to ``total``, or to what ``total``
            is the rounding of.
        step: the smallest unit, > 0.

    Raises:
        ValueError: ``total`` is no multiple of the step, or not what the parts sum to.
    """
    if not is_multiple(total, step):
        raise ValueError(f"{total} is no multiple of {step}")
    unit = Fraction(step)
    floors = [part // unit for part in exact]
    missing = int(Fraction(total) / unit) - sum(floors)
    remainders = [part - floor * unit for part, floor in zip(exact, floors, strict=True)]
    if not 0 <= missing <= sum(map(bool, remainders)):
        raise ValueError(f"{total} is not what the parts sum to ({float(sum(exact)):g})")
    for i in sorted(range(len(exact)), key=lambda i: (-remainders[i], i))[:missing]:
        floors[i] += 1
    return tuple(multiply(Decimal(count), step) for count in floors)


def split_by_weight(total: Decimal, weights: Sequence[Decimal]) -> tuple[Decimal, ...]:
    """``total`` in proportion to the weights, to the cent when it is in whole cents.

    Args:
        total: any sign; the split of a negative amount mirrors that of the positive one.
        weights: in rank order, any signs, but their sum is not zero. A weight against the sign of
            the sum gets a part against the sign of the total.

    Raises:
        ValueError: the weights sum to zero.
    """
    whole = sum(map(Fraction, weights))
    if not whole:
        raise ValueError("weights that sum to zero cannot split an amount")
    size = total.copy_abs()
    step = CENT if is_multiple(total, CENT) else BILLIONTH
    parts = round_to_total(
        [Fraction(size) * Fraction(weight) / whole for weight in weights], size, step=step
    )
    return parts if total >= 0 else tuple(negate(part) for part in parts)


def exact_sum(amounts: Iterable[Decimal]) -> Decimal:
    """The sum in the books' own arithmetic."""
    return reduce(add, amounts, ZERO)
