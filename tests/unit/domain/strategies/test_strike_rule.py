"""Where strikes should lie, and whether a structure is worth its risk."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.option_structure import strangle, vertical
from orchestrion.domain.strategies.option_market import StrikeTarget
from orchestrion.domain.strategies.strike_rule import StrikeRuleParameters, is_worth_it
from tests.fakes_strategy_host import quote

EXPIRY = date(2014, 2, 21)
LOW, HIGH = (
    quote(OptionKind.CALL, strike, EXPIRY, bid=bid, ask=bid + 1)
    for strike, bid in ((1800, 29), (1850, 10))
)


@pytest.mark.parametrize(
    ("config", "expected"),
    [
        ({}, StrikeTarget(True, 0.3, 0.1)),
        ({"delta_tolerance": 0.05}, StrikeTarget(True, 0.3, 0.05)),
        ({"strike_rule": "percent"}, StrikeTarget(False, 0.05, 0.02)),
    ],
)
def test_rule_decides_between_delta_and_distance(
    config: dict[str, Any], expected: StrikeTarget
) -> None:
    assert StrikeRuleParameters.model_validate(config).strike(0.3, 5.0) == expected


# Bought for 30, sold for 10: costs 2000, can earn 3000.
@pytest.mark.parametrize(("least", "is_worth"), [(0.0, True), (1.5, True), (1.51, False)])
def test_reward_is_measured_against_the_maximum_loss(least: float, is_worth: bool) -> None:
    assert is_worth_it(vertical(LOW, HIGH), least) is is_worth


def test_structure_that_cannot_gain_is_never_worth_it() -> None:
    far_too_dear = quote(OptionKind.CALL, 1800, EXPIRY, bid=60, ask=61)
    assert not is_worth_it(vertical(far_too_dear, HIGH), 0.0)


def test_unlimited_structure_has_no_such_measure() -> None:
    put = quote(OptionKind.PUT, 1700, EXPIRY, bid=5, ask=6)
    assert not is_worth_it(strangle(put, HIGH), 0.0)
