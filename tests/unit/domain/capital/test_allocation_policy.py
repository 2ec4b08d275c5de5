"""Allocation by method: reserve, bounds, fallback, users' own methods, and what is refused."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from itertools import accumulate
from operator import mul

import msgspec
import pytest

from orchestrion.domain.capital.allocation_method import (
    BUILT_IN,
    AllocationRequest,
    MethodWeights,
)
from orchestrion.domain.capital.allocation_policy import AllocationMethods, AllocationPolicy
from orchestrion.domain.capital.computed_weights import ComputedWeights, amounts_of
from orchestrion.domain.capital.return_history import (
    EquityPoint,
    EstimateError,
    sample_covariance,
)
from orchestrion.domain.capital.risk_parity import risk_contributions
from orchestrion.domain.capital.weight_bound import WeightBound
from orchestrion.domain.errors import ConfigurationError

METHODS = AllocationMethods()
SIGNS = (1, -1, 1, 1, -1, -1, 1, -1)  # a made-up pattern that no shift maps onto itself


def curve(move: float, shift: int = 0, days: int = 80) -> tuple[EquityPoint, ...]:
    """Equity that gains or loses a fixed fraction every day."""
    growth = [1.0 + move * SIGNS[(day * day + shift * day) % 8] for day in range(days)]
    return tuple(
        EquityPoint(day, round(Decimal(equity), 6))
        for day, equity in enumerate(accumulate(growth, mul, initial=1_000.0))
    )


CURVES = {"calm": curve(0.01), "wild": curve(0.04, shift=3)}


def compute(policy: AllocationPolicy, *ids: str, **given: Mapping[str, object]) -> ComputedWeights:
    return METHODS.compute(policy, ids or ("calm", "wild"), **given)  # type: ignore[arg-type]


def fractions(weights: ComputedWeights) -> list[float]:
    return [float(one) for one in weights.fractions]


def test_equal_weight_divides_what_the_reserve_leaves() -> None:
    policy = AllocationPolicy(method="equal_weight", reserve_fraction=Decimal("0.1"))
    weights = compute(policy, "a", "b", "c")
    assert fractions(weights) == pytest.approx([0.3, 0.3, 0.3])
    assert (weights.method, weights.sample_count, weights.is_estimate) == ("equal_weight", 0, False)


def test_equal_weight_of_a_billion_is_right_to_the_cent() -> None:
    weights = compute(AllocationPolicy(method="equal_weight"), "a", "b", "c")
    assert list(amounts_of(weights, Decimal(10**9)).values()) == [
        Decimal("333333333.34"),
        Decimal("333333333.33"),
        Decimal("333333333.33"),
    ]


def test_custom_is_taken_as_written_and_leaves_the_reserve() -> None:
    targets = {"calm": Decimal("0.6"), "wild": Decimal("0.3")}
    weights = compute(AllocationPolicy(), target_fractions=targets)
    assert weights.as_dict == targets
    assert weights.reserve_fraction == Decimal("0.1")
    assert not weights.is_estimate


def test_custom_at_its_bounds_and_reserve_is_taken() -> None:
    policy = AllocationPolicy(
        reserve_fraction=Decimal("0.1"),
        bounds={
            "calm": WeightBound(minimum_fraction=Decimal("0.6")),
            "wild": WeightBound(maximum_fraction=Decimal("0.3")),
        },
    )
    targets = {"calm": Decimal("0.6"), "wild": Decimal("0.3")}
    assert compute(policy, target_fractions=targets).as_dict == targets


@pytest.mark.parametrize(
    ("policy", "targets", "message"),
    [
        (AllocationPolicy(), ("0.6", "0.5"), "allocation_pct sums to 110, at most 100"),
        (
            AllocationPolicy(reserve_fraction=Decimal("0.15")),
            ("0.6", "0.3"),
            "allocation_pct sums to 90, at most 85",
        ),
        (
            AllocationPolicy(bounds={"wild": WeightBound(maximum_fraction=Decimal("0.25"))}),
            ("0.6", "0.3"),
            "allocation_pct of 'wild' is 30, outside its bounds 0 to 25",
        ),
        (AllocationPolicy(), ("0.6",), "no allocation_pct for 'wild'"),
        (AllocationPolicy(), ("0.6", "-0.1"), "gave 'wild' the weight Decimal"),
        (AllocationPolicy(), ("0", "0"), "gave no strategy any weight"),
    ],
)
def test_custom_that_cannot_be_taken_as_written_is_refused(
    policy: AllocationPolicy, targets: tuple[str, ...], message: str
) -> None:
    given = dict(zip(("calm", "wild"), map(Decimal, targets), strict=False))
    with pytest.raises(ConfigurationError, match=message):
        compute(policy, target_fractions=given)


def test_inverse_volatility_gives_the_calm_one_more() -> None:
    weights = compute(AllocationPolicy(method="inverse_volatility"), equity_curves=CURVES)
    calm, wild = fractions(weights)
    assert calm / wild == pytest.approx(4, rel=1e-6)
    assert (weights.sample_count, weights.is_estimate) == (80, True)


def test_risk_parity_of_two_is_inverse_volatility() -> None:
    parity = compute(AllocationPolicy(method="risk_parity"), equity_curves=CURVES)
    inverse = compute(AllocationPolicy(method="inverse_volatility"), equity_curves=CURVES)
    assert fractions(parity) == pytest.approx(fractions(inverse), abs=2e-6)


def test_estimates_are_millionths_and_sum_exactly() -> None:
    policy = AllocationPolicy(method="risk_parity", reserve_fraction=Decimal("0.05"))
    weights = compute(policy, equity_curves=CURVES)
    assert all(one == round(one, 6) for one in weights.fractions)
    assert sum(weights.fractions) == Decimal("0.95")


def test_shrinkage_reaches_risk_parity() -> None:
    curves = {**CURVES, "other": curve(0.02, shift=5)}
    ids = tuple(curves)
    shrunk = compute(
        AllocationPolicy(method="risk_parity", shrinkage=1.0), *ids, equity_curves=curves
    )
    inverse = compute(AllocationPolicy(method="inverse_volatility"), *ids, equity_curves=curves)
    plain = compute(AllocationPolicy(method="risk_parity"), *ids, equity_curves=curves)
    assert fractions(shrunk) == pytest.approx(fractions(inverse), abs=2e-6)
    assert fractions(plain) != pytest.approx(fractions(inverse), abs=1e-3)


def test_rank_does_not_move_a_digit() -> None:
    policy = AllocationPolicy(method="risk_parity")
    one = compute(policy, "calm", "wild", equity_curves=CURVES)
    other = compute(policy, "wild", "calm", equity_curves=CURVES)
    assert one.as_dict == other.as_dict
    assert other.strategy_ids == ("wild", "calm")


def test_bounds_are_met_and_the_clipped_are_named() -> None:
    policy = AllocationPolicy(
        method="equal_weight",
        default_bound=WeightBound(maximum_fraction=Decimal("0.5")),
        bounds={"b": WeightBound(minimum_fraction=Decimal("0.4"))},
    )
    weights = compute(policy, "a", "b", "c")
    assert weights.as_dict == {
        "a": Decimal("0.3"),
        "b": Decimal("0.4"),
        "c": Decimal("0.3"),
    }
    assert weights.clipped_ids == ("b",)


def test_weight_that_happens_to_be_its_bound_is_not_clipped() -> None:
    bounds = {"a": WeightBound(minimum_fraction=Decimal("0.5"))}
    weights = compute(AllocationPolicy(method="equal_weight", bounds=bounds), "a", "b")
    assert weights.clipped_ids == ()


def test_too_little_history_is_refused() -> None:
    with pytest.raises(EstimateError, match="60 common daily returns are needed, there are 0"):
        compute(AllocationPolicy(method="risk_parity"), equity_curves={"calm": curve(0.01)})


def test_fallback_stands_in_and_says_so() -> None:
    policy = AllocationPolicy(method="risk_parity", fallback="equal_weight")
    weights = compute(policy)
    assert fractions(weights) == [0.5, 0.5]
    assert (weights.method, weights.fallback_from) == ("equal_weight", "risk_parity")
    assert "60 common daily returns are needed" in weights.fallback_reason


def test_fallback_is_not_used_without_need() -> None:
    policy = AllocationPolicy(method="inverse_volatility", fallback="equal_weight")
    weights = compute(policy, equity_curves=CURVES)
    assert (weights.method, weights.fallback_from, weights.fallback_reason) == (
        "inverse_volatility",
        "",
        "",
    )


def test_fallback_that_fails_too_gives_both_reasons() -> None:
    policy = AllocationPolicy(method="risk_parity", fallback="inverse_volatility")
    with pytest.raises(EstimateError, match=r"needed.*; and fallback inverse_volatility: .*needed"):
        compute(policy)


def test_fallback_does_not_hide_a_wrong_setting() -> None:
    policy = AllocationPolicy(method="custom", fallback="equal_weight")
    with pytest.raises(ConfigurationError, match="no allocation_pct"):
        compute(policy)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"fallback": "custom"}, "'custom' cannot stand in for itself"),
        ({"reserve_fraction": Decimal(1)}, "reserve_fraction must be below 1"),
        ({"reserve_fraction": Decimal("-0.1")}, "reserve_fraction must be from 0 to 1"),
        ({"reserve_fraction": Decimal("NaN")}, "reserve_fraction must be from 0 to 1"),
        ({"reserve_fraction": Decimal("0.0000001")}, "at most six decimals"),
        (
            {"default_bound": WeightBound(minimum_fraction=Decimal(2))},
            "minimum_fraction of default_bound",
        ),
        (
            {"bounds": {"a": WeightBound(maximum_fraction=Decimal("0.0000001"))}},
            "maximum_fraction of a",
        ),
        ({"shrinkage": 1.5}, "shrinkage must be in"),
        ({"shrinkage": float("nan")}, "shrinkage must be in"),
    ],
)
def test_policy_that_cannot_be_used_is_refused(settings: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        msgspec.structs.replace(AllocationPolicy(), **settings)


@pytest.mark.parametrize(
    ("policy", "ids", "message"),
    [
        (
            AllocationPolicy(method="magic"),
            ("a",),
            "method: no allocation method is called 'magic'",
        ),
        (AllocationPolicy(fallback="magic"), ("a",), "fallback: no allocation method"),
        (AllocationPolicy(bounds={"x": WeightBound()}), ("a",), "bounds: there is no strategy x"),
        (AllocationPolicy(), (), "need distinct strategies"),
        (AllocationPolicy(), ("a", "a"), "need distinct strategies"),
        (
            AllocationPolicy(
                method="equal_weight",
                default_bound=WeightBound(maximum_fraction=Decimal("0.3")),
            ),
            ("a", "b"),
            "maximum_fraction of all strategies does not reach the 1",
        ),
    ],
)
def test_policy_that_does_not_fit_the_strategies_is_refused(
    policy: AllocationPolicy, ids: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        METHODS.compute(policy, ids)


def test_estimated_thirds_give_the_leftover_millionth_to_the_first() -> None:
    methods = AllocationMethods()
    methods.register("by_length", by_length)
    weights = methods.compute(AllocationPolicy(method="by_length"), ("z", "y", "x"))
    third = Decimal("0.333333")
    assert weights.fractions == (Decimal("0.333334"), third, third)


def test_share_at_its_bound_by_itself_is_not_clipped() -> None:
    methods = AllocationMethods()
    methods.register("by_length", by_length)
    bounds = {"aa": WeightBound(minimum_fraction=Decimal("0.25"))}
    weights = methods.compute(AllocationPolicy(method="by_length", bounds=bounds), ("aa", "bbbbbb"))
    assert weights.clipped_ids == ()


def by_length(request: AllocationRequest) -> MethodWeights:
    return MethodWeights(weights=tuple(float(len(one)) for one in request.strategy_ids))


def test_own_method_is_found_by_its_name() -> None:
    methods = AllocationMethods()
    methods.register("by_length", by_length)
    weights = methods.compute(AllocationPolicy(method="by_length"), ("a", "bbb"))
    assert weights.as_dict == {"a": Decimal("0.25"), "bbb": Decimal("0.75")}
    assert list(methods) == [*BUILT_IN, "by_length"]


def test_own_method_stays_on_its_instance() -> None:
    AllocationMethods().register("by_length", by_length)
    assert list(AllocationMethods()) == list(BUILT_IN)


@pytest.mark.parametrize(
    ("name", "method", "message"),
    [
        ("custom", by_length, "'custom': the name is empty or taken"),
        ("", by_length, "the name is empty or taken"),
        ("mine", "by_length", "is not a function"),
    ],
)
def test_method_that_cannot_be_registered_is_refused(
    name: str, method: Callable[[AllocationRequest], MethodWeights], message: str
) -> None:
    methods = AllocationMethods()
    with pytest.raises(ConfigurationError, match=message):
        methods.register(name, method)
    assert list(methods) == list(BUILT_IN)


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (None, "gave None, not MethodWeights"),
        (MethodWeights(weights=(1.0,)), "gave 1 weights for 2 strategies"),
        (MethodWeights(weights=(1.0, -1.0)), "gave 'b' the weight -1.0"),
        (MethodWeights(weights=(float("nan"), 1.0)), "gave 'a' the weight nan"),
        (MethodWeights(weights=(float("inf"), 1.0)), "gave 'a' the weight inf"),
        (MethodWeights(weights=("1", 1.0)), "gave 'a' the weight '1'"),  # type: ignore[arg-type]
        (MethodWeights(weights=(0.0, 0.0)), "gave no strategy any weight"),
        (MethodWeights(weights=(0.5, 0.5), is_final=True), "gave floats"),
        (MethodWeights(weights=(0.5, 0.5), is_estimate=False), "gave floats"),
    ],
)
def test_own_method_that_answers_garbage_is_named(answer: MethodWeights, message: str) -> None:
    methods = AllocationMethods()
    methods.register("mine", lambda _request: answer)
    with pytest.raises(ConfigurationError, match=f"'mine' {message}"):
        methods.compute(AllocationPolicy(method="mine"), ("a", "b"))


def test_risk_parity_weights_are_those_of_the_covariance() -> None:
    # From the books all the way: contributions of the recorded weights are equal to their grid.
    curves = {**CURVES, "other": curve(0.02, shift=5)}
    request = AllocationRequest(
        strategy_ids=tuple(curves),
        target_fractions={},
        equity_curves=curves,
        returns_min=60,
        returns_max=None,
        shrinkage=0.0,
    )
    weights = compute(AllocationPolicy(method="risk_parity"), *curves, equity_curves=curves)
    covariance = sample_covariance(request.aligned_returns())
    parts = risk_contributions([weights.as_dict[one] for one in sorted(curves)], covariance)
    assert [float(part) for part in parts] == pytest.approx([1 / 3] * 3, rel=1e-4)
