"""Performance figures and correlations against independent libraries, over many drawn curves.

empyrical-reloaded and SciPy bring 300 MB with them, so they are no dependency of the tests; figures
that were recorded from them stand in ``test_statistics`` and ``compatibility/test_association``.
Where a library is installed, these tests compare with it directly.
"""

from __future__ import annotations

import math
from itertools import accumulate, pairwise
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrion.domain import statistics
from orchestrion.domain.compatibility.association import downside, pearson, spearman
from orchestrion.domain.statistics import NS_PER_DAY, performance

PERIODS_PER_YEAR = 252
STEP_NS = round(statistics.DAYS_PER_YEAR / PERIODS_PER_YEAR * NS_PER_DAY)
"""With 252 points in 365.25 days, growth by calendar time is growth by number of periods."""

# Returns in whole basis points: what differs between two libraries then is their rounding.
basis_points = st.integers(-900, 900).map(lambda one: one / 10_000)
samples = st.lists(basis_points, min_size=5, max_size=120)
rates = st.sampled_from([0.0, 0.02, -0.01])


def curve_of(returns: list[float]) -> list[float]:
    return list(accumulate(returns, lambda level, one: level * (1 + one), initial=100_000.0))


@given(samples, rates)
def test_figures_are_those_of_empyrical(returns: list[float], risk_free_rate: float) -> None:
    empyrical: Any = pytest.importorskip("empyrical")
    numpy: Any = pytest.importorskip("numpy")
    equity = curve_of(returns)
    series = numpy.array([after / before - 1 for before, after in pairwise(equity)])
    assume(len(set(returns)) > 1)
    assume(min(returns) < -0.0002)
    found = performance(
        [place * STEP_NS for place in range(len(equity))],
        equity,
        periods_per_year=PERIODS_PER_YEAR,
        risk_free_rate=risk_free_rate,
    )
    free = math.pow(1 + risk_free_rate, 1 / PERIODS_PER_YEAR) - 1
    yearly = {"annualization": PERIODS_PER_YEAR}
    assert found.max_drawdown is not None
    assert {
        "total_return": found.total_return,
        "cagr": found.cagr,
        "volatility": found.volatility,
        "sharpe": found.sharpe,
        "sortino": found.sortino,
        "max_drawdown": -found.max_drawdown.depth,
        "calmar": found.calmar,
    } == pytest.approx(
        {
            "total_return": empyrical.cum_returns_final(series),
            "cagr": empyrical.annual_return(series, **yearly),
            "volatility": empyrical.annual_volatility(series, **yearly),
            "sharpe": empyrical.sharpe_ratio(series, risk_free=free, **yearly),
            "sortino": empyrical.sortino_ratio(series, required_return=free, **yearly),
            "max_drawdown": empyrical.max_drawdown(series),
            "calmar": empyrical.calmar_ratio(series, **yearly),
        },
        rel=1e-7,
        abs=1e-9,
    )


pairs = st.lists(st.tuples(basis_points, basis_points), min_size=5, max_size=120)


@given(pairs)
def test_correlations_are_those_of_scipy(both: list[tuple[float, float]]) -> None:
    stats: Any = pytest.importorskip("scipy.stats")
    one, other = [first for first, _ in both], [second for _, second in both]
    losses, other_losses = ([min(value, 0.0) for value in series] for series in (one, other))
    for series in (losses, other_losses):
        assume(len(set(series)) > 1)
    found = (pearson(one, other), spearman(one, other), downside(one, other))
    assert found == pytest.approx(
        (
            stats.pearsonr(one, other).statistic,
            stats.spearmanr(one, other).statistic,
            stats.pearsonr(losses, other_losses).statistic,
        ),
        abs=1e-9,
    )
