"""Equal risk contribution against published figures, another library, and its own promise."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from decimal import Decimal, localcontext

import pytest

from orchestrion.domain.capital import risk_parity
from orchestrion.domain.capital.return_history import (
    AlignedReturns,
    EstimateError,
    sample_covariance,
    volatilities,
)
from orchestrion.domain.capital.risk_parity import (
    CONTRIBUTION_TOLERANCE,
    risk_contributions,
    risk_parity_weights,
)
from orchestrion.domain.errors import ConfigurationError

VOLATILITIES = (0.10, 0.20, 0.30, 0.40)
CORRELATIONS = ((1.0, 0.8, 0.0, 0.0), (0.8, 1.0, 0.0, 0.0), (0.0, 0.0, 1.0, -0.5))

# Twelve days of three strategies, made up. The figures below were computed from them by skfolio
# 1.12.2: RiskBudgeting (variance, solver tolerances 1e-15) and InverseVolatility.
RETURNS = (
    (0.012, -0.008, 0.005, 0.010, -0.015, 0.007, -0.003, 0.009, -0.006, 0.004, 0.002, -0.011),
    (-0.004, 0.002, 0.001, -0.003, 0.006, -0.002, 0.004, -0.001, 0.003, -0.005, 0.001, 0.005),
    (0.003, 0.001, -0.002, 0.004, -0.001, 0.002, -0.003, 0.001, 0.002, 0.003, -0.004, 0.002),
)
SKFOLIO_RISK_BUDGETING = (0.17137282930988842, 0.5168782782408875, 0.3117488924492242)
SKFOLIO_INVERSE_VOLATILITY = (0.1442832614820768, 0.3561915309722903, 0.4995252075456329)
SKFOLIO_ACCURACY = 1e-7  # of its interior point solver


def covariance_of(
    deviations: Sequence[float], correlations: Sequence[Sequence[float]]
) -> list[list[float]]:
    return [
        [rho * one * other for rho, other in zip(row, deviations, strict=True)]
        for row, one in zip(correlations, deviations, strict=True)
    ]


def equal_correlations(size: int, rho: float) -> list[list[float]]:
    return [[1.0 if i == j else rho for j in range(size)] for i in range(size)]


PUBLISHED = covariance_of(VOLATILITIES, (*CORRELATIONS, (0.0, 0.0, -0.5, 1.0)))


def assert_equal_contributions(
    weights: Sequence[Decimal], covariance: Sequence[Sequence[float]]
) -> None:
    fair = 1 / Decimal(len(weights))
    for part in risk_contributions(weights, covariance):
        assert abs(part / fair - 1) <= CONTRIBUTION_TOLERANCE


def test_published_example_of_four_assets() -> None:
    # Maillard, Roncalli, Teïletche (2010), second example: 38.4, 19.2, 24.3, 18.2 percent.
    weights = risk_parity_weights(PUBLISHED)
    assert [round(weight, 3) for weight in weights] == [
        Decimal("0.384"),
        Decimal("0.192"),
        Decimal("0.243"),
        Decimal("0.182"),
    ]
    assert_equal_contributions(weights, PUBLISHED)


def test_published_example_has_its_published_volatility() -> None:
    weights = [float(weight) for weight in risk_parity_weights(PUBLISHED)]
    variance = sum(
        one * other * PUBLISHED[i][j]
        for i, one in enumerate(weights)
        for j, other in enumerate(weights)
    )
    assert round(variance**0.5, 3) == 0.103


@pytest.mark.parametrize("rho", [-0.3, 0.0, 0.5, 0.99])
def test_published_example_of_equal_correlations_is_inverse_volatility(rho: float) -> None:
    # Same paper, first example: 48, 24, 16, 12 percent whatever the correlation.
    weights = risk_parity_weights(covariance_of(VOLATILITIES, equal_correlations(4, rho)))
    assert [float(weight) for weight in weights] == pytest.approx([0.48, 0.24, 0.16, 0.12])


def sample() -> AlignedReturns:
    return AlignedReturns(("a", "b", "c"), tuple(range(13)), RETURNS)


def test_figures_of_skfolio_are_met() -> None:
    covariance = sample_covariance(sample())
    weights = [float(weight) for weight in risk_parity_weights(covariance)]
    assert weights == pytest.approx(SKFOLIO_RISK_BUDGETING, abs=SKFOLIO_ACCURACY)
    inverse = [1 / deviation for deviation in volatilities(covariance)]
    shares = [one / sum(inverse) for one in inverse]
    assert shares == pytest.approx(SKFOLIO_INVERSE_VOLATILITY, rel=1e-12)


@pytest.mark.slow
def test_skfolio_itself_agrees() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        optimization = pytest.importorskip("skfolio.optimization")
        import numpy as np

        days = np.array(RETURNS).T
        budgeting = optimization.RiskBudgeting(
            solver_params={"tol_gap_abs": 1e-15, "tol_gap_rel": 1e-15, "tol_feas": 1e-15}
        ).fit(days)
        inverse = optimization.InverseVolatility().fit(days)
    ours = [float(weight) for weight in risk_parity_weights(sample_covariance(sample()))]
    assert ours == pytest.approx(list(budgeting.weights_), abs=SKFOLIO_ACCURACY)
    assert list(inverse.weights_) == pytest.approx(SKFOLIO_INVERSE_VOLATILITY, rel=1e-9)


def test_one_strategy_gets_everything() -> None:
    assert risk_parity_weights([[0.04]]) == (Decimal(1),)


@pytest.mark.parametrize("rho", [-0.999_999_999, -0.9999, -0.9, 0.0, 0.9, 0.999_999_999])
def test_two_strategies_are_weighted_inversely_whatever_their_correlation(rho: float) -> None:
    covariance = [[1.0, 3.0 * rho], [3.0 * rho, 9.0]]
    weights = risk_parity_weights(covariance)
    assert [float(weight) for weight in weights] == pytest.approx([0.75, 0.25], rel=1e-12)


def test_strategies_that_nearly_cancel_each_other_still_contribute_equally() -> None:
    # The least eigenvalue is about 1e-9: weights rounded to doubles would miss the promise.
    rho = -0.5 + 1e-9
    covariance = covariance_of((1.0, 3.3, 7.7), equal_correlations(3, rho))
    assert_equal_contributions(risk_parity_weights(covariance), covariance)


def test_scales_may_differ_by_many_orders() -> None:
    covariance = covariance_of((1e-9, 1.0, 1e9), equal_correlations(3, 0.3))
    assert_equal_contributions(risk_parity_weights(covariance), covariance)


def test_search_converges_quadratically(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(risk_parity, "STEPS_MAX", 7)
    assert_equal_contributions(risk_parity_weights(PUBLISHED), PUBLISHED)


@pytest.mark.parametrize("last", [1.99, 2.0, 2.01])
def test_third_strategy_may_not_be_a_mix_of_two(last: float) -> None:
    # The third one is the sum of the other two, plus its own variance above 2.
    covariance = [[1.0, 0.0, 1.0], [0.0, 1.0, 1.0], [1.0, 1.0, last]]
    if last > 2.0:
        assert_equal_contributions(risk_parity_weights(covariance), covariance)
    else:
        with pytest.raises(EstimateError, match="what '2' does is a mix of '0', '1'"):
            risk_parity_weights(covariance)


@pytest.mark.parametrize("scale", [1e-4, 1e4])
def test_pivots_are_judged_relative_to_what_came_before(scale: float) -> None:
    correlations = [[1.0, 0.9, 0.2], [0.9, 1.0, 0.6], [0.2, 0.6, 1.0]]  # determinant 0.016
    covariance = covariance_of((scale, 1.0, 1.0), correlations)
    assert_equal_contributions(risk_parity_weights(covariance), covariance)


def test_search_that_does_not_end_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(risk_parity, "STEPS_MAX", 3)
    with pytest.raises(EstimateError, match="not reached in 3 steps"):
        risk_parity_weights(PUBLISHED)


def test_ambient_decimal_context_does_not_matter() -> None:
    expected = risk_parity_weights(PUBLISHED)
    with localcontext() as context:
        context.prec = 3
        assert risk_parity_weights(PUBLISHED) == expected


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        ([[1.0, 1.0], [1.0, 1.0]], "not positive definite: what 'b' does is a mix of 'a'"),
        ([[1.0, 2.0], [2.0, 1.0]], "not positive definite: what 'b'"),
        ([[1.0, -1.0], [-1.0, 1.0]], "not positive definite: what 'b'"),
        ([[1.0, 1.0 - 1e-14], [1.0 - 1e-14, 1.0]], "not positive definite: what 'b'"),
        ([[0.0, 0.0], [0.0, 1.0]], "the variance of 'a' is 0.0"),
        ([[1.0, 0.0], [0.0, -1.0]], "the variance of 'b' is -1.0"),
    ],
)
def test_covariance_that_is_not_positive_definite_is_refused(
    covariance: list[list[float]], message: str
) -> None:
    with pytest.raises(EstimateError, match=message):
        risk_parity_weights(covariance, names=("a", "b"))


@pytest.mark.parametrize(
    ("covariance", "message"),
    [
        ([], "one row and one column per strategy"),
        ([[1.0, 0.0]], "one row and one column per strategy"),
        ([[1.0], [0.0, 1.0]], "one row and one column per strategy"),
        ([[1.0, float("nan")], [0.0, 1.0]], "covariance of '0' and '1' must be finite"),
        ([[float("inf"), 0.0], [0.0, 1.0]], "covariance of '0' and '0' must be finite"),
        ([[1.0, 0.5], [0.4, 1.0]], "'0' and '1' is 0.5 in one triangle, 0.4 in the other"),
    ],
)
def test_matrix_that_is_no_covariance_is_refused(
    covariance: list[list[float]], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        risk_parity_weights(covariance)
    assert not isinstance(caught.value, EstimateError)


def test_names_have_to_fit_the_matrix() -> None:
    with pytest.raises(ConfigurationError, match="one row and one column per strategy"):
        risk_parity_weights([[1.0]], names=("a", "b"))


def test_contributions_of_equal_weights_are_those_of_the_book() -> None:
    parts = risk_contributions((0.5, 0.5), [[1.0, 0.0], [0.0, 3.0]])
    assert parts == (Decimal("0.25"), Decimal("0.75"))
