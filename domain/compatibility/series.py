"""One strategy's returns over a set of periods, prepared for correlations and drawdowns.

Returns come from an index of equity without moved capital, so that capital given or taken is no
gain or loss, and a stretch between two common periods is one return whatever lies between them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from itertools import pairwise

import msgspec

from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.compatibility.association import (
    Standard,
    ascending,
    average_ranks,
    fall,
    shortfalls,
    standard,
)
from orchestrion.domain.compatibility.history import Alignment
from orchestrion.domain.models.money import subtract

WORST_PART = 10
"""A strategy's worst tenth of periods is where a cushion has to show; arbitrary."""


class Series(msgspec.Struct, frozen=True):
    """Returns over some common periods.

    Attributes:
        levels: the index at every period, 1 at the first; one more than there are returns.
        moves, ranks, shortfalls: of the returns; None where there is nothing to correlate.
        losses: number of returns below zero.
        worst: places of the worst tenth of the returns, worst first, equal ones in order of time.
        largest_fall: of the levels; 0 when they never fell.
    """

    returns: tuple[float, ...]
    levels: tuple[float, ...]
    moves: Standard | None
    ranks: Standard | None
    shortfalls: Standard | None
    losses: int
    worst: tuple[int, ...]
    largest_fall: float


class Cushion(msgspec.Struct, frozen=True):
    """What one strategy returned in the worst periods of another.

    Attributes:
        samples: how many of the worst periods were losses.
        mean: its mean return in them, 0 without any.
        standard_error: of that mean; 0 below two.
    """

    samples: int
    mean: float
    standard_error: float


def series_of(index: Sequence[float]) -> Series:
    """From an index at common periods; without any period everything is empty. Size: one sort."""
    levels = tuple([level / index[0] for level in index])
    returns = tuple([after / before - 1.0 for before, after in pairwise(levels)])
    order = ascending(returns)
    return Series(
        returns=returns,
        levels=levels,
        moves=standard(returns),
        ranks=standard(average_ranks(returns, order)),
        shortfalls=standard(shortfalls(returns)),
        losses=len([one for one in returns if one < 0]),
        worst=tuple(order[: len(order) // WORST_PART]),
        largest_fall=fall(levels),
    )


def cushion_of(hurt: Series, helper: Series) -> Cushion:
    """The helper's returns in the worst periods of the one that is hurt. Size: the worst tenth."""
    gains = [helper.returns[place] for place in hurt.worst if hurt.returns[place] < 0]
    if not gains:
        return Cushion(0, 0.0, 0.0)
    mean = math.fsum(gains) / len(gains)
    if len(gains) < 2:
        return Cushion(1, mean, 0.0)
    variance = math.fsum((gain - mean) ** 2 for gain in gains) / (len(gains) - 1)
    return Cushion(len(gains), mean, math.sqrt(variance / len(gains)))


def growth_index(points: Sequence[EquityPoint], alignment: Alignment) -> dict[int, float]:
    """Period -> index at the period's last point, ascending; 1 at the first point."""
    index: dict[int, float] = {}
    level = 1.0
    if points:
        index[alignment.period(points[0].day)] = level
    for before, after in pairwise(points):
        level *= float(subtract(after.equity, after.flow)) / float(before.equity)
        index[alignment.period(after.day)] = level
    return index


def fault_of(points: Sequence[EquityPoint]) -> str:
    """Why no returns can be computed, in words; empty when they can."""
    for before, after in pairwise(points):
        if before.equity <= 0 or subtract(after.equity, after.flow) <= 0:
            return (
                f"no return from {_iso(before.day)} to {_iso(after.day)}, equity went from "
                f"{before.equity} to {after.equity} with {after.flow} moved in"
            )
    return ""


def _iso(day: int) -> str:
    return date.fromordinal(day).isoformat()


def sum_of_curves(curves: Sequence[Sequence[float]]) -> tuple[float, ...]:
    return tuple(map(math.fsum, zip(*curves, strict=True)))


def deepest_drawdown(levels: Sequence[float]) -> float:
    """Largest fall as a fraction of the high before it; levels >= 0."""
    high, deepest = 0.0, 0.0
    for level in levels:
        high = max(high, level)
        if high:
            deepest = max(deepest, 1 - level / high)
    return deepest
