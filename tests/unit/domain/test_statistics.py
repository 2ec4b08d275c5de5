"""Performance figures: against recorded figures of another library, by hand, and as laws."""

from __future__ import annotations

import math

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain import statistics
from orchestrion.domain.statistics import NS_PER_DAY, Performance, max_drawdown, performance

PERIODS_PER_YEAR = 252

# Recorded with empyrical-reloaded 0.7.1 (NumPy 2.4.6, pandas 3.1.1), annualization 252:
# cum_returns_final, annual_return, annual_volatility, sharpe_ratio, sortino_ratio, max_drawdown.
# The risk-free rate per period is 1.02 ** (1 / 252) - 1.
CURVE_A = (100.0, 101.5, 100.2, 103.7, 99.1, 98.4, 102.9, 104.0, 103.2, 107.5)
CURVE_B = (
    1_000_000.0,
    987_654.32,
    991_002.11,
    1_004_321.0,
    1_010_000.0,
    950_000.5,
    955_123.75,
    1_020_400.25,
)
RECORDED = {
    ("A", 0.0): {
        "total_return": 0.07499999999999996,
        "cagr": 6.575948243564217,
        "volatility": 0.46904720028931857,
        "sharpe": 4.54258852061955,
        "sortino": 8.506266421327949,
        "depth": 0.05110896817743475,
    },
    ("A", 0.02): {"sharpe": 4.50036802475492, "sortino": 8.405983915263143},
    ("B", 0.0): {
        "total_return": 0.02040025000000023,
        "cagr": 1.0689025184334109,
        "volatility": 0.5981936903624615,
        "sharpe": 1.472590679712717,
        "sortino": 2.4197181246283046,
        "depth": 0.059405445544554424,
    },
    ("B", 0.02): {"sharpe": 1.4394853399219674, "sortino": 2.361701963416287},
}


def figures(
    equity: tuple[float, ...], *, step_days: float = 1.0, risk_free_rate: float = 0.0
) -> Performance:
    ts = [round(i * step_days * NS_PER_DAY) for i in range(len(equity))]
    return performance(ts, equity, periods_per_year=PERIODS_PER_YEAR, risk_free_rate=risk_free_rate)


@pytest.mark.parametrize(("curve", "risk_free_rate"), RECORDED)
def test_figures_equal_those_of_empyrical(curve: str, risk_free_rate: float) -> None:
    equity = CURVE_A if curve == "A" else CURVE_B
    # With 252 points in 365.25 days, growth by calendar time is growth by number of periods.
    found = figures(equity, step_days=statistics.DAYS_PER_YEAR / 252, risk_free_rate=risk_free_rate)
    assert found.max_drawdown is not None
    values = {**msgspec.structs.asdict(found), "depth": found.max_drawdown.depth}
    expected = RECORDED[curve, risk_free_rate]
    assert {key: values[key] for key in expected} == pytest.approx(expected, rel=1e-9)


def test_cagr_counts_calendar_days_and_not_points() -> None:
    # Doubled in two mean years, with three points only.
    ts = [0, NS_PER_DAY, round(2 * 365.25 * NS_PER_DAY)]
    assert statistics.cagr(ts, (100.0, 150.0, 200.0)) == pytest.approx(math.sqrt(2) - 1)


def test_calmar_is_cagr_over_depth() -> None:
    found = figures((100.0, 80.0, 110.0), step_days=365.25)
    assert found.cagr == pytest.approx(1.1**0.5 - 1)
    assert found.calmar == pytest.approx((1.1**0.5 - 1) / 0.2)


DRAWDOWNS = {
    "recovered": ((100.0, 90.0, 95.0, 100.0, 120.0), 0.1, 0, 1, 3, True),
    "not recovered": ((100.0, 120.0, 90.0, 108.0), 0.25, 1, 2, 3, False),
    "the deepest of two": ((100.0, 95.0, 110.0, 88.0, 111.0), 0.2, 2, 3, 4, True),
    "the first of equals": ((100.0, 50.0, 200.0, 100.0), 0.5, 0, 1, 2, True),
    "flat at the high is not under water": ((100.0, 100.0, 100.0, 75.0), 0.25, 2, 3, 3, False),
    "negative equity falls by more than all": ((100.0, -50.0), 1.5, 0, 1, 1, False),
}


@pytest.mark.parametrize("case", DRAWDOWNS)
def test_max_drawdown_table(case: str) -> None:
    equity, depth, peak, trough, end, recovered = DRAWDOWNS[case]
    found = max_drawdown([i * NS_PER_DAY for i in range(len(equity))], equity)
    assert found is not None
    assert found.depth == pytest.approx(depth)
    assert (found.ts_peak, found.ts_trough, found.ts_end) == (
        peak * NS_PER_DAY,
        trough * NS_PER_DAY,
        end * NS_PER_DAY,
    )
    assert found.recovered is recovered
    assert found.length_days == end - peak


UNDEFINED = {
    "no point": ((), Performance(periods=0)),
    "one point": ((100.0,), Performance(periods=0)),
    "never moved": (
        (100.0, 100.0, 100.0),
        Performance(periods=2, total_return=0.0, cagr=0.0, volatility=0.0),
    ),
    "empty book": ((0.0, 0.0, 0.0), Performance(periods=2)),
    "started below zero": ((-5.0, 10.0), Performance(periods=1)),
}


@pytest.mark.parametrize("case", UNDEFINED)
def test_undefined_figures_are_none(case: str) -> None:
    equity, expected = UNDEFINED[case]
    assert figures(equity) == expected


def test_steady_growth_has_no_sharpe_although_doubles_scatter() -> None:
    found = figures(tuple(100 * 1.01**i for i in range(50)))
    assert found.volatility == 0.0
    assert found.sharpe is None
    assert found.sortino is None
    assert found.max_drawdown is None


def test_sortino_is_undefined_without_a_losing_period() -> None:
    found = figures((100.0, 101.0, 105.0))
    assert found.sortino is None
    assert found.sharpe is not None


def test_total_loss_has_return_and_drawdown_but_no_later_returns() -> None:
    found = figures((100.0, 0.0, 10.0))
    assert found.total_return == pytest.approx(-0.9)
    assert found.volatility is None
    assert found.max_drawdown is not None
    assert found.max_drawdown.depth == 1.0


def test_growth_of_a_fast_hour_is_not_a_year() -> None:
    assert statistics.cagr([0, 1_000], (1.0, 2.0)) is None
    assert statistics.cagr([5, 5], (1.0, 2.0)) is None


BAD_INPUT = {
    "lengths": ([0], (1.0, 2.0), 252.0, 0.0, "1 times for 2 values"),
    "time going back": ([1, 0], (1.0, 2.0), 252.0, 0.0, "go back"),
    "NaN": ([0, 1], (1.0, math.nan), 252.0, 0.0, "finite"),
    "infinite": ([0, 1], (1.0, math.inf), 252.0, 0.0, "finite"),
    "no periods": ([0, 1], (1.0, 2.0), 0.0, 0.0, "periods_per_year"),
    "NaN periods": ([0, 1], (1.0, 2.0), math.nan, 0.0, "periods_per_year"),
    "rate of a total loss": ([0, 1], (1.0, 2.0), 252.0, -1.0, "risk_free_rate"),
}


@pytest.mark.parametrize("case", BAD_INPUT)
def test_bad_input_is_refused(case: str) -> None:
    ts, equity, periods_per_year, risk_free_rate, message = BAD_INPUT[case]
    with pytest.raises(ValueError, match=message):
        performance(ts, equity, periods_per_year=periods_per_year, risk_free_rate=risk_free_rate)


amounts = st.floats(min_value=-1e17, max_value=1e17, allow_nan=False)
curves = st.lists(amounts, max_size=30).map(tuple)
positive_curves = st.lists(st.floats(min_value=0.01, max_value=1e9), min_size=2, max_size=30)


@given(curves, st.floats(min_value=1, max_value=100_000), st.floats(-0.5, 1.0))
def test_every_figure_is_finite_or_none(
    equity: tuple[float, ...], periods_per_year: float, risk_free_rate: float
) -> None:
    ts = [i * NS_PER_DAY for i in range(len(equity))]
    found = performance(
        ts, equity, periods_per_year=periods_per_year, risk_free_rate=risk_free_rate
    )
    values = [value for value in msgspec.structs.astuple(found) if isinstance(value, float)]
    assert all(map(math.isfinite, values))
    if found.max_drawdown is not None:
        drawdown = found.max_drawdown
        assert 0 < drawdown.depth < math.inf
        assert drawdown.ts_peak < drawdown.ts_trough <= drawdown.ts_end


@given(positive_curves, st.sampled_from([0.25, 2.0, 1024.0]))
def test_figures_do_not_depend_on_the_unit_of_money(equity: list[float], factor: float) -> None:
    # Powers of two scale without rounding, so the figures are equal to the last bit.
    ts = [i * NS_PER_DAY for i in range(len(equity))]
    scaled = [value * factor for value in equity]
    settings = {"periods_per_year": 252.0}
    assert performance(ts, scaled, **settings) == performance(ts, equity, **settings)
