"""The condor's choice of legs and its least reward."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from orchestrion.domain.strategies.iron_condor import IronCondorStrategy
from tests.fakes_strategy_host import OptionWorld, StrategyHost

WORLD = OptionWorld(date(2014, 1, 6), [2000.0] * 2, [0.15] * 2)


def run(config: dict[str, Any]) -> StrategyHost:
    return StrategyHost(IronCondorStrategy.configured(config), WORLD.instruments).run(WORLD.slices)


@pytest.mark.parametrize(
    ("config", "legs"),
    [
        ({}, "+1P1825 -1P1900 -1C2100 +1C2175"),
        (
            {"strike_rule": "percent", "short_distance_pct": 2.5, "wing_distance_pct": 5.0},
            "+1P1900 -1P1950 -1C2050 +1C2100",
        ),
        ({"num_lots": 4, "short_delta": 0.3}, "+4P1825 -4P1950 -4C2050 +4C2175"),
    ],
)
def test_legs_lie_where_they_were_asked_for(config: dict[str, Any], legs: str) -> None:
    (label,) = run(config).labels
    assert label.startswith(f"enter iron condor 2014-02-21 {legs} credit")


def test_condor_that_pays_too_little_for_its_risk_is_not_entered() -> None:
    (label,) = run({"reward_to_risk_min": 0.2}).labels
    assert label.endswith("credit 1505")  # against a risk of 5995, a quarter
    assert not run({"reward_to_risk_min": 0.3}).labels


@pytest.mark.parametrize(
    "config",
    [
        {"short_delta": 0.5, "delta_tolerance": 0.001},
        # The put at 50 delta lies above the call: no condor.
        {"strike_rule": "percent", "short_distance_pct": -2.0, "wing_distance_pct": 5.0},
        {"wing_delta": 0.0001, "delta_tolerance": 0.0001},
        {"strike_rule": "percent", "wing_distance_pct": 30.0},
    ],
)
def test_condor_that_cannot_be_built_is_not_entered(config: dict[str, Any]) -> None:
    assert not run(config).labels
