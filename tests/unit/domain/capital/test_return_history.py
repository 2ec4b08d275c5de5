"""Returns from the strategies' own books: common days, capital moved, covariance."""

from __future__ import annotations

import statistics
from decimal import Decimal

import pytest

from orchestrion.domain.capital.return_history import (
    EquityPoint,
    EstimateError,
    align_returns,
    recordable,
    sample_covariance,
    shrink_to_diagonal,
    volatilities,
)
from orchestrion.domain.errors import ConfigurationError


def curve(*equities: int | str, days: tuple[int, ...] | None = None) -> tuple[EquityPoint, ...]:
    numbers = days or tuple(range(len(equities)))
    return tuple(EquityPoint(day, Decimal(one)) for day, one in zip(numbers, equities, strict=True))


def test_returns_are_relative_changes_in_id_order() -> None:
    aligned = align_returns({"b": curve(100, 110, 99), "a": curve(50, 25, 50)}, returns_min=2)
    assert aligned.strategy_ids == ("a", "b")
    assert aligned.returns[0] == (-0.5, 1.0)
    assert aligned.returns[1] == pytest.approx((0.1, -0.1))
    assert (aligned.common_days, aligned.sample_count) == (3, 2)


def test_day_that_one_book_lacks_is_chained_over() -> None:
    curves = {
        "a": curve(100, 110, 121, 121),
        "b": curve(10, 20, 10, days=(0, 2, 3)),
    }
    aligned = align_returns(curves, returns_min=2)
    assert aligned.days == (0, 2, 3)
    assert aligned.returns[0] == pytest.approx((0.21, 0.0))
    assert aligned.returns[1] == (1.0, -0.5)


def test_days_before_and_after_the_common_ones_do_not_count() -> None:
    curves = {
        "a": curve(7, 100, 200, 100, 9),
        "b": curve(1, 2, 4, days=(1, 2, 3)),
    }
    aligned = align_returns(curves, returns_min=2)
    assert aligned.returns == ((1.0, -0.5), (1.0, 1.0))


def test_capital_moved_in_is_no_gain() -> None:
    points = (
        EquityPoint(0, Decimal(100)),
        EquityPoint(1, Decimal(160), flow=Decimal(50)),
        EquityPoint(2, Decimal(120), flow=Decimal(-40)),
    )
    aligned = align_returns({"a": points}, returns_min=2)
    assert aligned.returns[0] == pytest.approx((0.10, 0.0))


def test_only_the_latest_returns_are_taken() -> None:
    aligned = align_returns({"a": curve(1, 2, 1, 3, 6)}, returns_min=2, returns_max=2)
    assert aligned.days == (2, 3, 4)
    assert aligned.returns == ((2.0, 1.0),)


def test_too_little_history_names_the_shortest() -> None:
    curves = {"old": curve(1, 2, 3, 4), "new": curve(1, 2, days=(2, 3))}
    with pytest.raises(EstimateError, match=r"3 common .* there are 1 \(2 common days\).*'new'"):
        align_returns(curves, returns_min=3)


def test_histories_without_a_common_day_are_refused() -> None:
    curves = {"a": curve(1, 2), "b": curve(1, 2, days=(7, 8))}
    with pytest.raises(EstimateError, match=r"there are 0 \(0 common days\)"):
        align_returns(curves, returns_min=2)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (curve(1, 0, 1), "'a' has no return from day 0 to day 1"),
        (curve(0, 1, 1), "'a' has no return from day 0 to day 1"),
        (curve(1, "-3", 1), "went from 1 to -3"),
    ],
)
def test_book_without_equity_has_no_return(points: tuple[EquityPoint, ...], message: str) -> None:
    with pytest.raises(EstimateError, match=message):
        align_returns({"a": points}, returns_min=2)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (curve(1, "NaN", 1), r"'a', point 1 \(day 1\)"),
        (curve(1, "Infinity", 1), r"'a', point 1 \(day 1\)"),
        ((EquityPoint(0, Decimal(1), Decimal("NaN")),), "flow must be finite"),
        (curve(1, 2, 3, days=(0, 2, 2)), "'a', point 2: day 2 does not follow day 2"),
        (curve(1, 2, 3, days=(0, 2, 1)), "'a', point 2: day 1 does not follow day 2"),
    ],
)
def test_unusable_curve_is_named(points: tuple[EquityPoint, ...], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        align_returns({"a": points}, returns_min=2)
    assert not isinstance(caught.value, EstimateError)


@pytest.mark.parametrize(
    ("returns_min", "returns_max", "message"),
    [(1, None, "returns_min must be at least 2"), (5, 4, "returns_max 4 is below returns_min 5")],
)
def test_unusable_sizes_are_named(returns_min: int, returns_max: int | None, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        align_returns({"a": curve(1, 2, 3)}, returns_min=returns_min, returns_max=returns_max)


def test_no_curves_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="no equity curves"):
        align_returns({}, returns_min=2)


def test_covariance_is_the_sample_covariance() -> None:
    curves = {"a": curve(100, 110, 99, 120), "b": curve(100, 90, 99, 70)}
    aligned = align_returns(curves, returns_min=2)
    covariance = sample_covariance(aligned)
    a, b = aligned.returns
    assert covariance[0][1] == covariance[1][0] == pytest.approx(statistics.covariance(a, b))
    assert volatilities(covariance) == pytest.approx((statistics.stdev(a), statistics.stdev(b)))


def test_book_that_never_moved_has_no_volatility() -> None:
    aligned = align_returns({"a": curve(1, 2, 1), "idle": curve(5, 5, 5)}, returns_min=2)
    with pytest.raises(EstimateError, match="'idle' did not move in 2 returns"):
        sample_covariance(aligned)


def test_steady_growth_is_no_volatility() -> None:
    aligned = align_returns({"a": curve("1", "1.1", "1.21", "1.331")}, returns_min=2)
    with pytest.raises(EstimateError, match="did not move"):
        sample_covariance(aligned)


def test_shrinkage_takes_correlation_and_leaves_variance() -> None:
    covariance = ((4.0, 1.0), (1.0, 9.0))
    assert shrink_to_diagonal(covariance, 0.25) == ((4.0, 0.75), (0.75, 9.0))
    assert shrink_to_diagonal(covariance, 0.0) == covariance
    assert shrink_to_diagonal(covariance, 1.0) == ((4.0, 0.0), (0.0, 9.0))


@pytest.mark.parametrize("intensity", [-0.1, 1.1, float("nan")])
def test_shrinkage_outside_its_range_is_refused(intensity: float) -> None:
    with pytest.raises(ConfigurationError, match="shrinkage"):
        shrink_to_diagonal(((1.0,),), intensity)


def test_recordable_figures_are_millionths() -> None:
    assert recordable(0.123_456_5) == Decimal("0.123456")  # the float lies just below the half
    assert recordable(1 / 3) == Decimal("0.333333")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_figure_that_is_not_finite_is_never_recorded(value: float) -> None:
    with pytest.raises(EstimateError, match="must be finite"):
        recordable(value)
