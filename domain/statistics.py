"""Performance figures of an equity curve, in plain Python floats.

Returns are simple returns between neighbouring points; every sum is ``math.fsum``, so the figures
do not depend on the order of a vectorised sum or on the CPU. Figures that do not exist (too few
points, no volatility, capital lost) are None, never NaN or infinite. Nothing here sizes an order:
these figures are for people, and no decision may hang on them.

Fractions, not percent: 0.12 is twelve percent.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

import msgspec

NS_PER_DAY = 86_400 * 1_000_000_000
DAYS_PER_YEAR = 365.25
"""Calendar days of a mean year, for growth by calendar time."""

# A steady return still scatters by the rounding of doubles, some 1e-16 of the equity. Below this
# standard deviation per period it is rounding and not risk, and a ratio over it means nothing.
_NOISE = 1e-12
# The books count in billionths at the finest; less than that is a lost account, not a base.
_SMALLEST_BASE = 1e-9
_LARGEST = 1e18  # the bound of every amount, see ``models.money``; squares of returns stay finite


class Drawdown(msgspec.Struct, frozen=True):
    """A fall below an earlier high.

    Attributes:
        depth: fall from the peak as a fraction of it, > 0; above 1 when equity went negative.
        ts_peak: the last moment at the high, nanoseconds UTC.
        ts_trough: the lowest moment.
        ts_end: when the high was reached again, else the end of the curve.
        recovered: whether it was.
    """

    depth: float
    ts_peak: int
    ts_trough: int
    ts_end: int
    recovered: bool

    @property
    def length_days(self) -> float:
        """Calendar days from the peak to the recovery, or to the end of the curve."""
        return (self.ts_end - self.ts_peak) / NS_PER_DAY


class Performance(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of one equity curve; None where a figure is not defined.

    Attributes:
        periods: number of returns.
        total_return: last over first equity, minus one.
        cagr: compound annual growth rate by calendar time, years of 365.25 days.
        volatility: standard deviation of returns (ddof 1), annualised.
        sharpe: mean excess return over its standard deviation (ddof 1), annualised.
        sortino: mean excess return over the downside deviation, annualised.
        max_drawdown: the deepest drawdown; None when the curve never fell.
        calmar: cagr over the depth of the deepest drawdown.
    """

    periods: int
    total_return: float | None = None
    cagr: float | None = None
    volatility: float | None = None
    sharpe: float | None = None
    sortino: float | None = None
    max_drawdown: Drawdown | None = None
    calmar: float | None = None


def performance(
    ts: Sequence[int],
    equity: Sequence[float],
    *,
    periods_per_year: float,
    risk_free_rate: float = 0.0,
) -> Performance:
    """All figures of an equity curve.

    Args:
        ts: times of the points, nanoseconds UTC, ascending; equal times are allowed, because a
            run starts with the first close and both are points of the curve.
        equity: equity at those times, any currency.
        periods_per_year: points per year, e.g. 252 for daily closes of shares.
        risk_free_rate: annual, as a fraction; turned into a rate per period by compounding.

    Raises:
        ValueError: lengths differ, time goes back, a value is not finite, or a setting makes
            no sense.
    """
    _check(ts, equity, periods_per_year, risk_free_rate)
    if len(equity) < 2:
        return Performance(periods=0)
    growth = cagr(ts, equity)
    drawdown = max_drawdown(ts, equity)
    figures = Performance(
        periods=len(equity) - 1,
        total_return=total_return(equity),
        cagr=growth,
        max_drawdown=drawdown,
        calmar=calmar(growth, drawdown),
    )
    returns = simple_returns(equity)
    if returns is None:
        return figures
    free = math.pow(1 + risk_free_rate, 1 / periods_per_year) - 1
    excess = [one - free for one in returns]
    return msgspec.structs.replace(
        figures,
        volatility=volatility(returns, periods_per_year=periods_per_year),
        sharpe=sharpe(excess, periods_per_year=periods_per_year),
        sortino=sortino(excess, periods_per_year=periods_per_year),
    )


def total_return(equity: Sequence[float]) -> float | None:
    """Last over first, minus one; None without a positive start."""
    if len(equity) < 2 or equity[0] < _SMALLEST_BASE:
        return None
    return equity[-1] / equity[0] - 1


def cagr(ts: Sequence[int], equity: Sequence[float]) -> float | None:
    """Compound annual growth rate by calendar time.

    None without a positive start, after a negative end (no root exists), without elapsed time, or
    where a year of such growth is beyond what a float holds (a fast hour is not a year).
    """
    if len(equity) < 2 or equity[0] < _SMALLEST_BASE or equity[-1] < 0 or ts[-1] <= ts[0]:
        return None
    years = (ts[-1] - ts[0]) / NS_PER_DAY / DAYS_PER_YEAR
    try:
        return math.pow(equity[-1] / equity[0], 1 / years) - 1
    except OverflowError:
        return None


def simple_returns(equity: Sequence[float]) -> list[float] | None:
    """Relative change from point to point; None when a base is zero or negative."""
    if any(base < _SMALLEST_BASE for base in equity[:-1]):
        return None
    return [now / before - 1 for before, now in pairwise(equity)]


def volatility(returns: Sequence[float], *, periods_per_year: float) -> float | None:
    """Standard deviation (ddof 1) times the root of periods per year; None below two returns."""
    deviation = _standard_deviation(returns)
    return None if deviation is None else deviation * math.sqrt(periods_per_year)


def sharpe(excess_returns: Sequence[float], *, periods_per_year: float) -> float | None:
    """Annualised Sharpe ratio of returns over the risk-free rate; None without volatility.

    Source: W. F. Sharpe, The Sharpe Ratio (1994), ex post, with the sample deviation (ddof 1).
    """
    deviation = _standard_deviation(excess_returns)
    if not deviation:
        return None
    return _mean(excess_returns) / deviation * math.sqrt(periods_per_year)


def sortino(excess_returns: Sequence[float], *, periods_per_year: float) -> float | None:
    """Annualised Sortino ratio; the target is the risk-free rate. None without a losing period.

    The downside deviation is the root of the mean of squared shortfalls over *all* periods, those
    without a shortfall counting as zero.

    Source: F. A. Sortino and L. N. Price, Performance Measurement in a Downside Risk Framework
    (1994).
    """
    if len(excess_returns) < 2:
        return None
    downside = math.sqrt(_mean([min(one, 0.0) ** 2 for one in excess_returns]))
    if downside <= _NOISE:
        return None
    return _mean(excess_returns) / downside * math.sqrt(periods_per_year)


def max_drawdown(ts: Sequence[int], equity: Sequence[float]) -> Drawdown | None:
    """The deepest drawdown (the first of equals), or None when equity never fell.

    A fall from a high of zero or below has no depth as a fraction and is left out.
    """
    deepest: tuple[float, int, int] | None = None
    peak = 0
    for i, value in enumerate(equity):
        if value >= equity[peak]:
            # At equality too: time spent flat at the high is not time under water.
            peak = i
        elif equity[peak] >= _SMALLEST_BASE:
            depth = 1 - value / equity[peak]
            if depth > (deepest[0] if deepest is not None else _NOISE):
                deepest = (depth, peak, i)
    if deepest is None:
        return None
    depth, start, trough = deepest
    later = range(trough, len(equity))
    recovery = next((i for i in later if equity[i] >= equity[start]), None)
    end = len(equity) - 1 if recovery is None else recovery
    return Drawdown(depth, ts[start], ts[trough], ts[end], recovery is not None)


def calmar(growth: float | None, drawdown: Drawdown | None) -> float | None:
    """Annual growth over the depth of the deepest drawdown; None without either.

    Source: T. W. Young, Calmar Ratio (1991), over the whole curve and not only three years.
    """
    if growth is None or drawdown is None:
        return None
    ratio = growth / drawdown.depth
    return ratio if math.isfinite(ratio) else None


def _mean(values: Sequence[float]) -> float:
    return math.fsum(values) / len(values)


def _standard_deviation(values: Sequence[float]) -> float | None:
    """Sample deviation (ddof 1), 0.0 where it is only the rounding of doubles; None below two."""
    if len(values) < 2:
        return None
    mean = _mean(values)
    deviation = math.sqrt(math.fsum((one - mean) ** 2 for one in values) / (len(values) - 1))
    return deviation if deviation > _NOISE else 0.0


def _check(
    ts: Sequence[int], equity: Sequence[float], periods_per_year: float, risk_free_rate: float
) -> None:
    if len(ts) != len(equity):
        raise ValueError(f"{len(ts)} times for {len(equity)} values of equity")
    if any(later < earlier for earlier, later in pairwise(ts)):
        raise ValueError("the times of an equity curve must not go back")
    if not all(abs(value) < _LARGEST for value in equity):  # also false for NaN
        raise ValueError("an equity curve must hold finite numbers below 1e18 only")
    if not (math.isfinite(periods_per_year) and periods_per_year > 0):
        raise ValueError(f"periods_per_year must be above 0, got {periods_per_year}")
    if not (math.isfinite(risk_free_rate) and risk_free_rate > -1):
        raise ValueError(f"risk_free_rate must be above -1 (-100 %), got {risk_free_rate}")
