"""Laws of allocation: sums, order, bounds, equal risk contributions.

Contributions are checked in exact rational arithmetic, so that no rounding of the test's own can
hide one of the rules'.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from decimal import Decimal
from fractions import Fraction
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrion.domain.capital.allocation_method import AllocationRequest, MethodWeights
from orchestrion.domain.capital.allocation_policy import AllocationMethods, AllocationPolicy
from orchestrion.domain.capital.computed_weights import ComputedWeights, amounts_of
from orchestrion.domain.capital.return_history import (
    EquityPoint,
    align_returns,
    sample_covariance,
)
from orchestrion.domain.capital.risk_parity import risk_parity_weights
from orchestrion.domain.capital.weight_bound import (
    WeightBound,
    bounded_weights,
    check_bounds,
)
from orchestrion.domain.errors import ConfigurationError

MILLIONTH = Decimal("0.000001")
Covariance = list[list[float]]


@st.composite
def covariances(draw: st.DrawFn, size_max: int = 6) -> Covariance:
    """Positive definite: factor loadings plus something own, on scales far apart."""
    size = draw(st.integers(1, size_max))
    factors = draw(st.integers(1, 3))
    loadings = [[draw(st.integers(-9, 9)) for _ in range(factors)] for _ in range(size)]
    own = [draw(st.sampled_from((1e-4, 0.01, 1.0, 25.0))) for _ in range(size)]
    scales = [draw(st.sampled_from((1e-3, 0.1, 1.0, 40.0))) for _ in range(size)]
    return [
        [
            scales[i]
            * scales[j]
            * (math.fsum(map(lambda a, b: a * b, loadings[i], loadings[j])) + own[i] * (i == j))
            for j in range(size)
        ]
        for i in range(size)
    ]


def spread_of_contributions(weights: tuple[Decimal, ...], covariance: Covariance) -> Fraction:
    exact = [Fraction(weight) for weight in weights]
    parts = [
        weight * _total(Fraction(value) * other for value, other in zip(row, exact, strict=True))
        for weight, row in zip(exact, covariance, strict=True)
    ]
    mean = _total(parts) / len(parts)
    return max(abs(part / mean - 1) for part in parts)


def _total(parts: Iterable[Fraction]) -> Fraction:
    return sum(parts, Fraction(0))


@given(covariances())
def test_risk_contributions_are_equal(covariance: Covariance) -> None:
    weights = risk_parity_weights(covariance)
    assert min(weights) > 0
    assert abs(_total(map(Fraction, weights)) - 1) < Fraction(1, 10**40)
    assert spread_of_contributions(weights, covariance) <= Fraction(1, 10**9)


@given(covariances(), st.sampled_from((0.001, 3.7, 1e6)))
def test_scale_of_a_covariance_does_not_matter(covariance: Covariance, factor: float) -> None:
    scaled = [[factor * value for value in row] for row in covariance]
    pairs = zip(risk_parity_weights(covariance), risk_parity_weights(scaled), strict=True)
    # The product of two floats is rounded, and what nearly cancels magnifies that.
    assert all(abs(one / other - 1) < Decimal("1e-6") for one, other in pairs)


@given(covariances(), st.randoms(use_true_random=False))
def test_order_of_strategies_permutes_the_weights(covariance: Covariance, random: Random) -> None:
    order = list(range(len(covariance)))
    random.shuffle(order)
    permuted = risk_parity_weights([[covariance[i][j] for j in order] for i in order])
    weights = risk_parity_weights(covariance)
    for place, i in enumerate(order):
        assert abs(permuted[place] / weights[i] - 1) < Decimal("1e-12")


@given(
    st.lists(st.floats(1e-4, 10), min_size=2, max_size=6),
    st.floats(0.0, 0.98),
)
def test_equal_correlations_make_risk_parity_inverse_volatility(
    deviations: list[float], rho: float
) -> None:
    covariance = [
        [one * other * (1.0 if i == j else rho) for j, other in enumerate(deviations)]
        for i, one in enumerate(deviations)
    ]
    weights = risk_parity_weights(covariance)
    inverse = [1 / one for one in deviations]
    for weight, one in zip(weights, inverse, strict=True):
        assert math.isclose(float(weight), one / math.fsum(inverse), rel_tol=1e-9)


fractions = st.decimals(0, 1, places=6)


@st.composite
def bounded_problems(
    draw: st.DrawFn,
) -> tuple[list[Fraction], dict[str, WeightBound], Decimal]:
    size = draw(st.integers(1, 6))
    shares = [Fraction(draw(st.integers(1, 1000))) for _ in range(size)]
    bounds = {}
    for i in range(size):
        low, high = sorted((draw(fractions), draw(fractions)))
        bounds[f"s{i}"] = WeightBound(low / size, high)
    low_sum = sum((one.minimum_fraction for one in bounds.values()), Decimal(0))
    high_sum = min(sum((one.maximum_fraction for one in bounds.values()), Decimal(0)), Decimal(1))
    part = draw(fractions)
    return shares, bounds, low_sum + (high_sum - low_sum) * part


@given(bounded_problems())
def test_clipped_weights_are_the_clipped_proportions(
    problem: tuple[list[Fraction], dict[str, WeightBound], Decimal],
) -> None:
    shares, bounds, budget = problem
    check_bounds(bounds, budget)
    weights = bounded_weights(shares, bounds, budget)
    assert sum(weights) == Fraction(budget)
    factors_below, factors_above = [], []
    for weight, share, bound in zip(weights, shares, bounds.values(), strict=True):
        assert Fraction(bound.minimum_fraction) <= weight <= Fraction(bound.maximum_fraction)
        # w = clip(factor x share): one factor fits all.
        if weight > Fraction(bound.minimum_fraction):
            factors_below.append(weight / share)  # the factor is at least this
        if weight < Fraction(bound.maximum_fraction):
            factors_above.append(weight / share)  # the factor is at most this
    assert max(factors_below, default=Fraction(0)) <= min(factors_above, default=Fraction(10**9))


@given(bounded_problems(), st.randoms(use_true_random=False))
def test_clipping_does_not_depend_on_the_order(
    problem: tuple[list[Fraction], dict[str, WeightBound], Decimal], random: Random
) -> None:
    shares, bounds, budget = problem
    order = list(range(len(shares)))
    random.shuffle(order)
    names = list(bounds)
    permuted = bounded_weights(
        [shares[i] for i in order], {names[i]: bounds[names[i]] for i in order}, budget
    )
    weights = bounded_weights(shares, bounds, budget)
    assert permuted == tuple(weights[i] for i in order)


def _weights(raw: list[float], reserve: Decimal, bound: WeightBound) -> ComputedWeights:
    def method(_request: AllocationRequest) -> MethodWeights:
        return MethodWeights(weights=tuple(raw))

    methods = AllocationMethods()
    methods.register("given", method)
    policy = AllocationPolicy(method="given", reserve_fraction=reserve, default_bound=bound)
    return methods.compute(policy, [f"s{i}" for i in range(len(raw))])


@given(
    st.lists(st.floats(1e-6, 1e6), min_size=1, max_size=8),
    st.decimals(0, Decimal("0.99"), places=4),
    fractions,
    fractions,
    st.decimals(0, 10**12, places=2),
)
def test_weights_and_amounts_are_exact_and_within_bounds(
    raw: list[float], reserve: Decimal, one: Decimal, other: Decimal, capital: Decimal
) -> None:
    bound = WeightBound(min(one, other), max(one, other))
    try:
        weights = _weights(raw, reserve, bound)
    except ConfigurationError:
        with pytest.raises(ConfigurationError, match="fraction of all strategies"):
            check_bounds({f"s{i}": bound for i in range(len(raw))}, 1 - reserve)
        return
    assert sum(weights.fractions) == 1 - reserve
    for fraction in weights.fractions:
        assert bound.minimum_fraction <= fraction <= bound.maximum_fraction
        assert fraction % MILLIONTH == 0
    amounts = amounts_of(weights, capital)
    assert list(amounts) == list(weights.strategy_ids)
    for strategy_id, amount in amounts.items():
        exact = Fraction(capital) * Fraction(weights.as_dict[strategy_id])
        assert abs(Fraction(amount) - exact) < Fraction(1, 100)
    left = capital - sum(amounts.values())
    assert abs(Fraction(left) - Fraction(capital) * Fraction(reserve)) < Fraction(1, 100)


points = st.lists(st.integers(50, 150), min_size=8, max_size=12)


@settings(max_examples=50)
@given(st.dictionaries(st.sampled_from("abcdef"), points, min_size=2), st.data())
def test_ranks_never_move_an_estimate(equities: dict[str, list[int]], data: st.DataObject) -> None:
    curves = {
        name: tuple(EquityPoint(day, Decimal(one)) for day, one in enumerate(values))
        for name, values in equities.items()
    }
    policy = AllocationPolicy(
        method="risk_parity", fallback="equal_weight", returns_min=7, shrinkage=0.2
    )
    order = data.draw(st.permutations(list(curves)))
    one = AllocationMethods().compute(policy, list(curves), equity_curves=curves)
    other = AllocationMethods().compute(policy, order, equity_curves=curves)
    # Only the leftover step of the rounding goes by rank.
    for name in curves:
        assert abs(one.as_dict[name] - other.as_dict[name]) <= MILLIONTH
    assert one.sample_count == other.sample_count


@given(st.lists(st.integers(50, 150), min_size=4, max_size=9), st.integers(-30, 30), st.data())
def test_capital_that_comes_and_goes_moves_no_estimate(
    values: list[int], flow: int, data: st.DataObject
) -> None:
    """One book gets capital on a day; scaled by it from then on, its returns stay the same."""
    day = data.draw(st.integers(1, len(values) - 1))
    plain = [EquityPoint(i, Decimal(value)) for i, value in enumerate(values)]
    factor = Fraction(values[day] + flow, values[day])
    moved = [
        EquityPoint(
            i,
            Decimal(value) if i < day else Decimal(float(value * factor)),
            Decimal(flow) if i == day else Decimal(0),
        )
        for i, value in enumerate(values)
    ]
    before = align_returns({"a": plain}, returns_min=2).returns[0]
    after = align_returns({"a": moved}, returns_min=2).returns[0]
    assert all(math.isclose(x, y, abs_tol=1e-9) for x, y in zip(before, after, strict=True))


@given(st.lists(points, min_size=2, max_size=4))
def test_covariance_is_symmetric_and_order_free(rows: list[list[int]]) -> None:
    size = min(len(row) for row in rows)
    curves = {
        f"s{i}": [EquityPoint(day, Decimal(one)) for day, one in enumerate(row[:size])]
        for i, row in enumerate(rows)
    }
    aligned = align_returns(curves, returns_min=2)
    assume(all(any(row) for row in aligned.returns))
    covariance = sample_covariance(aligned)
    backwards = sample_covariance(
        align_returns(dict(reversed(list(curves.items()))), returns_min=2)
    )
    assert covariance == backwards
    assert all(covariance[i][j] == covariance[j][i] for i in range(len(rows)) for j in range(i))
