"""What the strategies' own books say about risk: returns on common days, covariance, volatility.

Plain Python floats in a fixed order: strategies in id order, days ascending, every sum
``math.fsum`` (correctly rounded, so it does not depend on the order of its terms). The operations
are + - * / and the square root, which IEEE 754 rounds alike on every machine; nothing goes through
BLAS.

Returns are simple returns of equity without the capital that was moved in or out, between
neighbouring *common* days: when one book has no point on a day, the others' returns of that day are
chained over it, so that every row of returns covers the same time for all.

Size: strategies² x returns / 2 products for the covariance, 320,000 for fifty strategies and a
year.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import pairwise
from typing import TypeAlias

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import ONE, ZERO, divide, subtract

Matrix: TypeAlias = tuple[tuple[float, ...], ...]

COMPUTED_STEP = Decimal("0.000001")
"""Floats that size an order are recorded in millionths: coarse enough that a recomputation on
another machine gives the same figure or its neighbour, fine enough for any account."""

# A flat book still scatters by the rounding of doubles, some 1e-16. Below this standard deviation
# per day it has not moved, and one over it would ask for all the capital.
_NOISE = 1e-12


class EstimateError(ConfigurationError):
    """A risk figure that weights need cannot be estimated: too little or useless history, or a
    covariance that is not positive definite.

    Unlike its parent nothing in the settings is wrong, so a configured fallback may answer it.
    """


class EquityPoint(msgspec.Struct, frozen=True):
    """Equity of one book at the close of one day.

    Attributes:
        day: number of the day in the caller's calendar, for instance a date's ordinal.
        equity: account currency, at that close.
        flow: capital moved in (negative: out) since the point before; it is not a gain.
    """

    day: int
    equity: Decimal
    flow: Decimal = ZERO


class AlignedReturns(msgspec.Struct, frozen=True):
    """Returns of several strategies over the same times.

    Attributes:
        strategy_ids: in id order.
        days: the common days, ascending; one more than there are returns.
        returns: one tuple per strategy, one return per pair of neighbouring common days.
    """

    strategy_ids: tuple[str, ...]
    days: tuple[int, ...]
    returns: tuple[tuple[float, ...], ...]

    @property
    def common_days(self) -> int:
        return len(self.days)

    @property
    def sample_count(self) -> int:
        """Number of returns per strategy."""
        return len(self.days) - 1


def align_returns(
    equity_curves: Mapping[str, Sequence[EquityPoint]],
    *,
    returns_min: int,
    returns_max: int | None = None,
) -> AlignedReturns:
    """Returns of all strategies on the days that all of them have.

    Args:
        equity_curves: strategy id -> points with ascending days.
        returns_min: fewer common returns than this are refused; at least 2.
        returns_max: only the latest ones are taken; None takes all.

    Raises:
        EstimateError: too few common days, or a book without equity to compute a return from.
        ConfigurationError: no curves, days that do not ascend, numbers that are not finite, or
            bounds that cannot be used.
    """
    _check_sizes(equity_curves, returns_min, returns_max)
    strategy_ids = tuple(sorted(equity_curves))
    for strategy_id in strategy_ids:
        _check_curve(strategy_id, equity_curves[strategy_id])
    days = _common_days([equity_curves[one] for one in strategy_ids])
    if len(days) - 1 < returns_min:
        raise EstimateError(_too_little(equity_curves, strategy_ids, len(days), returns_min))
    if returns_max is not None:
        days = days[-returns_max - 1 :]
    rows = tuple(_returns_between(days, one, equity_curves[one]) for one in strategy_ids)
    return AlignedReturns(strategy_ids, days, rows)


def sample_covariance(aligned: AlignedReturns) -> Matrix:
    """Covariance of the returns with the sample's divisor (ddof 1), in ``strategy_ids`` order.

    Raises:
        EstimateError: a strategy whose equity never moved.
    """
    deviations = [_deviations(row) for row in aligned.returns]
    divisor = aligned.sample_count - 1
    size = range(len(deviations))
    upper = {
        (i, j): math.fsum(a * b for a, b in zip(deviations[i], deviations[j], strict=True))
        / divisor
        for i in size
        for j in size
        if i <= j
    }
    for i, strategy_id in enumerate(aligned.strategy_ids):
        if not math.sqrt(upper[i, i]) > _NOISE:
            raise EstimateError(
                f"the equity of {strategy_id!r} did not move in {aligned.sample_count} returns: "
                "no volatility can be estimated"
            )
    return tuple(tuple(upper[min(i, j), max(i, j)] for j in size) for i in size)


def volatilities(covariance: Matrix) -> tuple[float, ...]:
    """Standard deviations per day, from the diagonal."""
    return tuple(math.sqrt(row[i]) for i, row in enumerate(covariance))


def shrink_to_diagonal(covariance: Matrix, intensity: float) -> Matrix:
    """The covariance with its correlations pulled towards zero; variances stay as they are.

    Args:
        intensity: 0 leaves it as it is, 1 leaves the diagonal only; a constant of the caller's.

    Raises:
        ConfigurationError: an intensity that is not in [0, 1].
    """
    if not 0.0 <= intensity <= 1.0:  # also false for NaN
        raise ConfigurationError(f"shrinkage must be in [0, 1], got {intensity}")
    kept = 1.0 - intensity
    return tuple(
        tuple(value if i == j else value * kept for j, value in enumerate(row))
        for i, row in enumerate(covariance)
    )


def recordable(value: float) -> Decimal:
    """A float in millionths, the form in which it may be recorded and may size an order.

    Raises:
        EstimateError: not finite.
    """
    if not math.isfinite(value):
        raise EstimateError(f"a figure that sizes an order must be finite, got {value}")
    return divide(Decimal(value), ONE, step=COMPUTED_STEP, rounding=ROUND_HALF_EVEN)


def _check_sizes(
    equity_curves: Mapping[str, Sequence[EquityPoint]], returns_min: int, returns_max: int | None
) -> None:
    if not equity_curves:
        raise ConfigurationError("no equity curves were given, there is nothing to estimate")
    if returns_min < 2:
        raise ConfigurationError(f"returns_min must be at least 2, got {returns_min}")
    if returns_max is not None and returns_max < returns_min:
        raise ConfigurationError(f"returns_max {returns_max} is below returns_min {returns_min}")


def _check_curve(strategy_id: str, points: Sequence[EquityPoint]) -> None:
    for place, point in enumerate(points):
        if not (point.equity.is_finite() and point.flow.is_finite()):
            raise ConfigurationError(
                f"equity of {strategy_id!r}, point {place} (day {point.day}): equity and flow must "
                f"be finite, got {point.equity} and {point.flow}"
            )
    for place, (before, after) in enumerate(pairwise(points), start=1):
        if after.day <= before.day:
            raise ConfigurationError(
                f"equity of {strategy_id!r}, point {place}: day {after.day} does not follow "
                f"day {before.day}"
            )


def _common_days(curves: Sequence[Sequence[EquityPoint]]) -> tuple[int, ...]:
    others = [frozenset(point.day for point in curve) for curve in curves[1:]]
    return tuple(point.day for point in curves[0] if all(point.day in days for days in others))


def _too_little(
    equity_curves: Mapping[str, Sequence[EquityPoint]],
    strategy_ids: tuple[str, ...],
    common_days: int,
    returns_min: int,
) -> str:
    shortest = min(strategy_ids, key=lambda one: (len(equity_curves[one]), one))
    return (
        f"{returns_min} common daily returns are needed, there are {max(common_days - 1, 0)} "
        f"({common_days} common days); the shortest history is that of {shortest!r} with "
        f"{len(equity_curves[shortest])} days"
    )


def _returns_between(
    days: tuple[int, ...], strategy_id: str, points: Sequence[EquityPoint]
) -> tuple[float, ...]:
    """Returns from each of ``days`` to the next, those of the days between chained."""
    first, last = days[0], days[-1]
    wanted = frozenset(days)
    returns: list[float] = []
    growth = 1.0
    for before, after in pairwise(points):
        if after.day <= first or after.day > last:
            continue
        growth *= _growth(strategy_id, before, after)
        if after.day in wanted:
            returns.append(growth - 1.0)
            growth = 1.0
    return tuple(returns)


def _growth(strategy_id: str, before: EquityPoint, after: EquityPoint) -> float:
    grown = subtract(after.equity, after.flow)
    if before.equity <= 0 or grown <= 0:
        raise EstimateError(
            f"{strategy_id!r} has no return from day {before.day} to day {after.day}: its equity "
            f"went from {before.equity} to {after.equity} with {after.flow} moved in"
        )
    return float(grown) / float(before.equity)


def _deviations(row: tuple[float, ...]) -> tuple[float, ...]:
    mean = math.fsum(row) / len(row)
    return tuple(value - mean for value in row)
