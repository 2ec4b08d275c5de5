"""The two debit spreads: trend filter, legs, reward, life from entry to exit."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from orchestrion.domain.strategies.bear_put_spread import BearPutSpreadStrategy
from orchestrion.domain.strategies.bull_call_spread import BullCallSpreadStrategy
from orchestrion.domain.strategies.vertical_spread import VerticalSpreadStrategy
from tests.fakes_strategy_host import OptionWorld, StrategyHost

FIRST = date(2014, 1, 6)
BULL, BEAR = BullCallSpreadStrategy, BearPutSpreadStrategy


def run(
    cls: type[VerticalSpreadStrategy], prices: list[float], config: dict[str, Any]
) -> StrategyHost:
    world = OptionWorld(FIRST, prices, [0.15] * len(prices))
    return StrategyHost(cls.configured(config), world.instruments).run(world.slices)


@pytest.mark.parametrize(
    ("cls", "config", "legs"),
    [
        (BULL, {}, "bull call spread 2014-02-21 +1C2000 -1C2075"),
        (BEAR, {}, "bear put spread 2014-02-21 +1P2000 -1P1925"),
        (BULL, {"strike_rule": "percent"}, "bull call spread 2014-02-21 +1C2000 -1C2050"),
        (
            BEAR,
            {"strike_rule": "percent", "long_distance_pct": 1.25, "short_distance_pct": 5.0},
            "bear put spread 2014-02-21 +1P1975 -1P1900",
        ),
    ],
)
def test_nearer_option_is_bought_and_further_sold(
    cls: type[VerticalSpreadStrategy], config: dict[str, Any], legs: str
) -> None:
    (label,) = run(cls, [2000.0] * 2, {"trend_days": 0, **config}).labels
    assert label.startswith(f"enter {legs} debit")


RISING = [2000.0, 2000.0, 2000.0, 2010.0, 2010.0]
FALLING = [2000.0, 2000.0, 2000.0, 1990.0, 1990.0]
FLAT = [2000.0] * 5


@pytest.mark.parametrize(
    ("cls", "prices", "entries"),
    [
        (BULL, RISING, [3]),
        (BULL, FALLING, []),
        (BULL, FLAT, []),
        (BEAR, FALLING, [3]),
        (BEAR, RISING, []),
        (BEAR, FLAT, []),
    ],
)
def test_entry_only_with_the_trend_and_after_the_warm_up(
    cls: type[VerticalSpreadStrategy], prices: list[float], entries: list[int]
) -> None:
    found = run(cls, prices, {"trend_days": 3})
    assert [number for number, _ in found.sent] == entries


def test_spread_that_pays_too_little_for_its_risk_is_not_entered() -> None:
    assert not run(BULL, FLAT, {"trend_days": 0, "reward_to_risk_min": 5.0}).labels


@pytest.mark.parametrize(
    "config",
    [
        {"delta_tolerance": 0.0001},
        {"strike_rule": "percent", "short_distance_pct": 40.0},
    ],
)
def test_spread_that_cannot_be_built_is_not_entered(config: dict[str, Any]) -> None:
    assert not run(BULL, FLAT, {"trend_days": 0, **config}).labels


@pytest.mark.parametrize(
    ("cls", "last", "reason"),
    [
        (BULL, 2120.0, "profit target"),
        (BULL, 1900.0, "stop"),
        (BEAR, 1880.0, "profit target"),
        (BEAR, 2100.0, "stop"),
    ],
)
def test_move_of_the_market_ends_the_spread(
    cls: type[VerticalSpreadStrategy], last: float, reason: str
) -> None:
    config = {"trend_days": 0, "entry_interval_days": 365}
    found = run(cls, [2000.0, 2000.0, last, last], config)
    assert found.labels[1].startswith(f"exit {reason}")
    assert not found.held()
