"""How two series of returns move together, and how far a curve falls: plain floats, fixed order.

Every sum is ``math.fsum``. Where a series does not move a correlation is not defined, and the
functions return None; whether a sample is large enough is the caller's question (``evidence``).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import accumulate
from operator import mul, sub

import msgspec

NOISE = 1e-12
"""A steady series still scatters by the rounding of doubles, some 1e-16. Below this it has not
moved."""


class Standard(msgspec.Struct, frozen=True):
    """A series less its mean, with its length as a vector: what a correlation needs of it."""

    deviations: tuple[float, ...]
    norm: float


def standard(values: Sequence[float]) -> Standard | None:
    """None when the series does not move, or has fewer than two values."""
    if len(values) < 2:
        return None
    mean = math.fsum(values) / len(values)
    deviations = tuple([value - mean for value in values])
    norm = math.sqrt(math.fsum(map(mul, deviations, deviations)))
    if norm <= NOISE * math.sqrt(len(values) - 1):
        return None
    return Standard(deviations, norm)


def correlation(one: Standard | None, other: Standard | None) -> float | None:
    """Pearson's correlation of two series of one length, within [-1, 1]; None if one is still."""
    if one is None or other is None:
        return None
    product = math.fsum(map(mul, one.deviations, other.deviations))
    return max(-1.0, min(1.0, product / (one.norm * other.norm)))


def pearson(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Linear correlation."""
    return correlation(standard(one), standard(other))


def spearman(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Rank correlation: Pearson's of the ranks, ties sharing their mean rank."""
    return correlation(standard(average_ranks(one)), standard(average_ranks(other)))


def downside(one: Sequence[float], other: Sequence[float]) -> float | None:
    """Pearson's correlation of the shortfalls min(return, 0).

    All periods count, so that independent series give zero; correlating only the periods in which
    one of them lost would make independent series look like hedges. Where never both lose it is
    negative but seldom near -1: a perfect hedge of normal returns gives -1 / (π - 1) = -0.47.
    """
    return correlation(standard(shortfalls(one)), standard(shortfalls(other)))


def shortfalls(values: Sequence[float]) -> tuple[float, ...]:
    return tuple([min(0.0, value) for value in values])


def ascending(values: Sequence[float]) -> list[int]:
    """Places in order of their values, equal ones in order of place. Size: one sort."""
    return sorted(range(len(values)), key=values.__getitem__)


def average_ranks(values: Sequence[float], order: Sequence[int] | None = None) -> tuple[float, ...]:
    """Ranks from 1, equal values sharing the mean of their ranks.

    Args:
        order: ``ascending(values)``, for who has it already.
    """
    order = ascending(values) if order is None else order
    ranks = [0.0] * len(values)
    start = 0
    while start < len(order):
        value, end = values[order[start]], start + 1
        while end < len(order) and values[order[end]] == value:
            end += 1
        for place in order[start:end]:
            ranks[place] = (start + 1 + end) / 2
        start = end
    return tuple(ranks)


def fall(levels: Sequence[float]) -> float:
    """The largest fall of a curve below its earlier high, in the curve's own unit; 0 if none."""
    return max(map(sub, accumulate(levels, max), levels), default=0.0)


def togetherness(falls: Sequence[float], fall_of_sum: float) -> float | None:
    """How much of the single falls is left when the curves are added: 1 they fall together.

    The largest fall of a sum is never larger than the sum of the largest falls, so this is within
    [0, 1]. None when no curve falls.

    Args:
        falls: largest fall of each curve, in money.
        fall_of_sum: largest fall of the curves' sum.
    """
    alone = math.fsum(falls)
    if alone <= NOISE:
        return None
    return min(1.0, fall_of_sum / alone)


def herfindahl(shares: Sequence[float]) -> float:
    """Herfindahl-Hirschman index: sum of squared shares of the whole, 1 when one has it all.

    Args:
        shares: not negative, any unit, with a positive sum.
    """
    whole = math.fsum(shares)
    return math.fsum((share / whole) ** 2 for share in shares)


def diversification_ratio(
    weights: Sequence[float], returns: Sequence[Sequence[float]]
) -> float | None:
    """Weighted mean volatility over the volatility of the whole; >= 1 for weights >= 0.

    Args:
        weights: of the strategies, any unit.
        returns: one series per strategy, of one length.

    Returns:
        None when a series or the whole does not move.

    Source: Y. Choueifaty and Y. Coignard, Toward Maximum Diversification (2008).
    """
    alone = [standard(series) for series in returns]
    whole = standard(combined(weights, returns))
    if whole is None or any(one is None for one in alone):
        return None
    pairs = zip(weights, alone, strict=True)
    return math.fsum(weight * one.norm for weight, one in pairs if one is not None) / whole.norm


def risk_shares(
    weights: Sequence[float], returns: Sequence[Sequence[float]]
) -> tuple[float, ...] | None:
    """Each one's share of the variance of the whole, summing to 1; negative for a hedge.

    None when the whole does not move.
    """
    whole = standard(combined(weights, returns))
    if whole is None:
        return None
    return tuple(
        weight * math.fsum(map(mul, series, whole.deviations)) / whole.norm**2
        for weight, series in zip(weights, returns, strict=True)
    )


def combined(weights: Sequence[float], series: Sequence[Sequence[float]]) -> tuple[float, ...]:
    """Weighted sum of several series, place by place."""
    return tuple(math.fsum(map(mul, weights, values)) for values in zip(*series, strict=True))
