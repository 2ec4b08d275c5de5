"""Least and greatest fraction of the capital per strategy, and how weights are brought within them.

Rule: everybody keeps the proportions of the method, clipped at the own bounds; in symbols
w_i = clip(factor x share_i, minimum_i, maximum_i) with the one factor that makes the sum right. It
is found by iterative clipping: divide what is left among those still free; if some pass a bound,
fix those on the side with the greater excess, and divide again. Fixing both sides at once would be
wrong: who was above the maximum may be below it once the minima have been paid for.

All of it is exact rational arithmetic, so the sum is kept to the last digit and no order of the
strategies changes the result. Size: each pass fixes at least one strategy, so at most strategies²
terms.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import ONE, ZERO


class WeightBound(msgspec.Struct, frozen=True):
    """What one strategy gets at least and at most, as fractions of the whole capital."""

    minimum_fraction: Decimal = ZERO
    maximum_fraction: Decimal = ONE


UNBOUNDED = WeightBound()


def check_bounds(bounds: Mapping[str, WeightBound], budget: Decimal) -> None:
    """Whether there are weights within the bounds that sum to the budget.

    Args:
        bounds: strategy id -> bound.
        budget: what is given out, as a fraction of the capital: 1 less the reserve.

    Raises:
        ConfigurationError: no such weights; the message names the bounds.
    """
    for strategy_id, bound in bounds.items():
        if not ZERO <= bound.minimum_fraction <= bound.maximum_fraction <= ONE:
            raise ConfigurationError(
                f"weight bounds of {strategy_id!r} must be 0 <= minimum <= maximum <= 1, got "
                f"minimum_fraction {bound.minimum_fraction}, "
                f"maximum_fraction {bound.maximum_fraction}"
            )
    minima = {one: bound.minimum_fraction for one, bound in bounds.items()}
    maxima = {one: bound.maximum_fraction for one, bound in bounds.items()}
    if sum(map(Fraction, minima.values())) > budget:
        raise ConfigurationError(
            f"minimum_fraction of all strategies exceeds the {budget} to give out: {_list(minima)}"
        )
    if sum(map(Fraction, maxima.values())) < budget:
        raise ConfigurationError(
            f"maximum_fraction of all strategies does not reach the {budget} to give out: "
            f"{_list(maxima)}; raise one, or the reserve"
        )


def bounded_weights(
    shares: Sequence[Fraction], bounds: Mapping[str, WeightBound], budget: Decimal
) -> tuple[Fraction, ...]:
    """Weights in the proportions of ``shares``, within the bounds, that sum to exactly ``budget``.

    Args:
        shares: not negative, with a positive sum, in the order of ``bounds``; only their ratio
            counts.
        bounds: strategy id -> bound, checked by ``check_bounds``.

    Raises:
        ConfigurationError: the maxima leave something that only strategies without any share
            could take.
    """
    limits = tuple(bounds.values())
    weights = [Fraction(0)] * len(shares)
    free = list(range(len(shares)))
    left = Fraction(budget)
    while free:
        ideal = _divide(left, {i: shares[i] for i in free}, tuple(bounds))
        fixed = _fixed(ideal, limits)
        for i, weight in fixed.items():
            weights[i] = weight
            left -= weight
        free = [i for i in free if i not in fixed]
    return tuple(weights)


def _divide(
    left: Fraction, shares: Mapping[int, Fraction], names: tuple[str, ...]
) -> dict[int, Fraction]:
    total = sum(shares.values())
    if not total:
        raise ConfigurationError(
            f"the maxima of the other strategies leave {float(left):g} of the capital to "
            f"{', '.join(repr(names[i]) for i in shares)}, to whom the method gives no weight"
        )
    return {i: left * share / total for i, share in shares.items()}


def _fixed(ideal: Mapping[int, Fraction], limits: tuple[WeightBound, ...]) -> dict[int, Fraction]:
    """Who is settled by this pass: the side that passes its bounds by more, else everybody."""
    above = {i: Fraction(limits[i].maximum_fraction) for i in ideal}
    above = {i: bound for i, bound in above.items() if ideal[i] > bound}
    below = {i: Fraction(limits[i].minimum_fraction) for i in ideal}
    below = {i: bound for i, bound in below.items() if ideal[i] < bound}
    excess = sum(ideal[i] - bound for i, bound in above.items())
    shortfall = sum(bound - ideal[i] for i, bound in below.items())
    if excess > shortfall:
        return above
    if shortfall > excess:
        return below
    # Both sides balance (or nobody passes): clipping leaves the sum as it is.
    return {**ideal, **above, **below}


def _list(fractions: Mapping[str, Decimal]) -> str:
    return ", ".join(f"{one} {fraction}" for one, fraction in fractions.items())
