"""skfolio's optimisers by name; the ones that run are skipped where the extra is not installed."""

from __future__ import annotations

import statistics
import sys
import warnings
from collections.abc import Iterator
from decimal import Decimal
from itertools import accumulate
from operator import mul

import pytest

from orchestrion.adapters.allocation.skfolio_methods import SKFOLIO_METHODS, register_skfolio
from orchestrion.domain.capital.allocation_policy import AllocationMethods, AllocationPolicy
from orchestrion.domain.capital.return_history import EquityPoint, EstimateError
from orchestrion.domain.errors import ConfigurationError

# The correlated pair (a, b) swings twice as far as c.
RETURNS = {
    "c": (0.004, -0.004, 0.006, -0.006, 0.002, 0.004, -0.006, 0.004, -0.002, -0.004, 0.006, -0.004),
    "a": (0.008, 0.010, -0.006, 0.004, -0.012, 0.010, -0.008, -0.010, 0.008, 0.006, -0.006, 0.002),
    "b": (0.010, 0.008, -0.008, 0.002, -0.010, 0.012, -0.010, -0.008, 0.006, 0.008, -0.004, 0.002),
}
CURVES = {
    name: tuple(
        EquityPoint(day, Decimal(equity))
        for day, equity in enumerate(accumulate((1 + one for one in row), mul, initial=1_000.0))
    )
    for name, row in RETURNS.items()
}


@pytest.fixture
def methods() -> AllocationMethods:
    one = AllocationMethods()
    register_skfolio(one)
    return one


@pytest.fixture
def installed() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("skfolio.seriation")
        yield


def policy(name: str, **settings: object) -> AllocationPolicy:
    return AllocationPolicy(method=name, returns_min=12, **settings)  # type: ignore[arg-type]


def test_registering_imports_nothing() -> None:
    loaded = "skfolio" in sys.modules
    methods = AllocationMethods()
    register_skfolio(methods)
    assert set(SKFOLIO_METHODS) <= set(methods)
    assert ("skfolio" in sys.modules) is loaded


@pytest.mark.parametrize("name", list(SKFOLIO_METHODS))
def test_missing_extra_is_named(
    name: str, methods: AllocationMethods, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("numpy", "skfolio", "skfolio.cluster", "skfolio.optimization"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ConfigurationError, match=r"pip install 'orchestrion\[skfolio\]'"):
        methods.compute(policy(name), tuple(CURVES), equity_curves=CURVES)


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize("name", list(SKFOLIO_METHODS))
def test_calm_and_different_strategy_gets_the_most(name: str, methods: AllocationMethods) -> None:
    weights = methods.compute(
        policy(name, reserve_fraction=Decimal("0.1")), tuple(CURVES), equity_curves=CURVES
    )
    assert sum(weights.fractions) == Decimal("0.9")
    assert weights.as_dict["c"] == max(weights.fractions)
    assert (weights.sample_count, weights.is_estimate) == (12, True)


VARIANCE = {name: statistics.variance(RETURNS[name]) for name in "ac"}
TOGETHER = statistics.covariance(RETURNS["a"], RETURNS["c"])


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
@pytest.mark.parametrize(
    ("name", "parts"),
    [
        # Of two strategies all of these are known in closed form, up to their sum.
        (
            "skfolio_hierarchical_risk_parity_single",
            {"a": 1 / VARIANCE["a"], "c": 1 / VARIANCE["c"]},
        ),
        (
            "skfolio_minimum_variance",
            {"a": VARIANCE["c"] - TOGETHER, "c": VARIANCE["a"] - TOGETHER},
        ),
        (
            "skfolio_maximum_diversification",
            {"a": VARIANCE["a"] ** -0.5, "c": VARIANCE["c"] ** -0.5},
        ),
    ],
)
def test_weights_of_two_strategies_are_known(
    name: str, parts: dict[str, float], methods: AllocationMethods
) -> None:
    curves = {one: CURVES[one] for one in parts}
    weights = methods.compute(policy(name), tuple(parts), equity_curves=curves)
    expected = parts["a"] / (parts["a"] + parts["c"])
    assert float(weights.as_dict["a"]) == pytest.approx(expected, abs=1e-4)


@pytest.mark.slow
@pytest.mark.usefixtures("installed")
def test_optimiser_that_fails_is_an_estimate_that_fails(
    methods: AllocationMethods, monkeypatch: pytest.MonkeyPatch
) -> None:
    optimization = pytest.importorskip("skfolio.optimization")

    def fail(self: object, days: object) -> None:
        raise ValueError("no solution")

    monkeypatch.setattr(optimization.MeanRisk, "fit", fail)
    with pytest.raises(EstimateError, match="skfolio's MeanRisk failed: no solution"):
        methods.compute(policy("skfolio_minimum_variance"), tuple(CURVES), equity_curves=CURVES)


def test_too_little_history_is_refused_before_anything_is_imported(
    methods: AllocationMethods, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "skfolio", None)
    with pytest.raises(EstimateError, match="common daily returns are needed"):
        methods.compute(policy("skfolio_minimum_variance"), ("a", "b"))
