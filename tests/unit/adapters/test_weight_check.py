"""Recorded weights are recomputed within a tolerance, and what differs is named."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orchestrion.adapters.weight_check import WeightCheck
from orchestrion.domain.capital.allocation_method import INVERSE_VOLATILITY
from orchestrion.domain.capital.allocation_policy import AllocationMethods, AllocationPolicy
from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.desk.capital_desk import WeightsComputed, computed_weights
from orchestrion.domain.desk.desk_act import ComputeWeights
from orchestrion.domain.models.money import add, subtract

IDS = ("trend", "carry")


def _wanted(days: int = 10) -> ComputeWeights:
    curves = {
        one: tuple(EquityPoint(day, Decimal(1000 + swing * (day % 2) + day)) for day in range(days))
        for one, swing in zip(IDS, (40, 10), strict=True)
    }
    return ComputeWeights(
        request_id="rebalance-1",
        policy=AllocationPolicy(method=INVERSE_VOLATILITY, returns_min=5),
        strategy_ids=IDS,
        target_fractions={},
        equity_curves=curves,
    )


def _recorded() -> WeightsComputed:
    answer = computed_weights(_wanted(), AllocationMethods())
    assert answer.weights is not None
    assert answer.weights.is_estimate
    return answer


def _shifted(answer: WeightsComputed, by: str) -> WeightsComputed:
    weights = answer.weights
    assert weights is not None
    first, second = weights.fractions
    amount = Decimal(by)
    moved = (add(first, amount), subtract(second, amount))
    return msgspec.structs.replace(
        answer, weights=msgspec.structs.replace(weights, fractions=moved)
    )


def _found(answer: WeightsComputed) -> list[str]:
    check = WeightCheck()
    check.see_effect(_wanted())
    check.see_input(answer)
    return check.found


def test_weights_that_were_computed_from_the_same_history_agree() -> None:
    check = WeightCheck()
    check.see_effect(_wanted())
    check.see_input(_recorded())
    assert (check.found, check.checked) == ([], 1)


def test_last_step_of_a_weight_may_differ_and_no_more() -> None:
    assert _found(_shifted(_recorded(), "0.000001")) == []
    (words,) = _found(_shifted(_recorded(), "0.000003"))
    assert "the weight of trend was recorded as" in words


def test_failure_that_was_recorded_has_to_fail_again() -> None:
    (words,) = _found(WeightsComputed(request_id="rebalance-1", failure="no history"))
    assert words == "rebalance-1: recorded 'no history', recomputed 'weights'"


def test_weights_that_nobody_asked_for_are_named() -> None:
    check = WeightCheck()
    check.see_input(_recorded())
    assert check.found == ["rebalance-1: weights that nobody asked for"]


def test_too_little_history_is_an_answer_with_its_reason() -> None:
    answer = computed_weights(_wanted(days=3), AllocationMethods())
    assert answer.weights is None
    assert "5" in answer.failure
