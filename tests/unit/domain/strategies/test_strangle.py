"""The strangle, bought and sold."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from orchestrion.domain.strategies.strangle import StrangleStrategy
from tests.fakes_strategy_host import OptionWorld, StrategyHost

WORLD = OptionWorld(date(2014, 1, 6), [2000.0] * 2, [0.15] * 2)


def run(config: dict[str, Any], world: OptionWorld = WORLD) -> StrategyHost:
    strategy = StrangleStrategy.configured({"entry_interval_days": 365, **config})
    return StrategyHost(strategy, world.instruments).run(world.slices)


@pytest.mark.parametrize(
    ("config", "legs"),
    [
        ({}, "strangle 2014-02-21 +1P1925 +1C2075 debit"),
        ({"side": "short"}, "short strangle 2014-02-21 -1P1925 -1C2075 credit"),
        ({"strike_rule": "percent", "num_lots": 2}, "strangle 2014-02-21 +2P1950 +2C2050 debit"),
    ],
)
def test_put_and_call_are_traded_on_one_side(config: dict[str, Any], legs: str) -> None:
    (label,) = run(config).labels
    assert label.startswith(f"enter {legs}")


@pytest.mark.parametrize(
    "config",
    [
        {"delta_tolerance": 0.001},
        # A tolerance as wide as this lets put and call meet at one strike.
        {"option_delta": 0.49, "delta_tolerance": 0.02},
    ],
)
def test_strangle_that_cannot_be_built_is_not_entered(config: dict[str, Any]) -> None:
    assert not run(config).labels


@pytest.mark.parametrize(("side", "reason"), [("long", "profit target"), ("short", "stop")])
def test_large_move_pays_the_buyer_and_stops_the_seller(side: str, reason: str) -> None:
    world = OptionWorld(date(2014, 1, 6), [2000.0, 2000.0, 2150.0, 2150.0], [0.15] * 4)
    found = run({"side": side}, world)
    assert found.labels[1].startswith(f"exit {reason}")
    assert not found.held()
