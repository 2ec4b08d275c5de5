"""Drawdown stops and triggers of rebalancing as the domain's values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.adapters.settings import check_settings, load_settings
from orchestrion.adapters.settings.stop_settings import day_offset_ns
from orchestrion.domain.capital.drawdown_stop import ACCOUNT_SCOPE, Baseline, DrawdownRule
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.capital.rebalance_trigger import TriggerRules
from orchestrion.domain.capital.rebalancing import RebalancePolicy
from orchestrion.domain.capital.reduction import ReductionPolicy
from orchestrion.domain.capital.session_day import Period, day_of
from orchestrion.domain.desk.desk_settings import CapitalDeskSettings

HOUR_NS = 3_600_000_000_000
PEAK: dict[str, Any] = {"baseline": "peak", "limit_pct": 12.5, "action": "flatten"}
DAY: dict[str, Any] = {"baseline": "day_start", "limit_amount": "2500.50"}


def test_stops_of_account_and_strategies_in_the_order_of_the_file() -> None:
    entries = {"B": {"strategy": "STRANGLE", "stops": [DAY, PEAK]}, "A": {"strategy": "STRANGLE"}}
    off = {"strategy": "STRANGLE", "enabled": False, "stops": [DAY]}
    settings = load_settings(
        {
            "account": {"stops": [PEAK], "day_start_utc": "22:00"},
            "strategies": {**entries, "OFF": off},
            "allocation": {"method": "equal_weight"},
        }
    )

    def peak(scope_id: str) -> DrawdownRule:
        return DrawdownRule(
            scope_id=scope_id,
            baseline=Baseline.PEAK,
            action=StopAction.FLATTEN,
            limit_fraction=Decimal("0.125"),
            day_offset_ns=2 * HOUR_NS,
        )

    day = DrawdownRule(
        scope_id="B",
        baseline=Baseline.DAY_START,
        action=StopAction.REDUCE_ONLY,
        limit_amount=Decimal("2500.50"),
        day_offset_ns=2 * HOUR_NS,
    )
    assert settings.capital_desk.stops == (peak(ACCOUNT_SCOPE), day, peak("B"))


@pytest.mark.parametrize(
    ("day_start_utc", "hours"), [("00:00", 0), ("18:00", 6), ("22:00", 2), ("00:30", 23.5)]
)
def test_day_begins_at_the_time_that_is_written(day_start_utc: str, hours: float) -> None:
    offset_ns = day_offset_ns(day_start_utc)
    assert offset_ns == hours * HOUR_NS
    start = 24 * HOUR_NS - offset_ns
    assert day_of(start, offset_ns) == day_of(start - 1, offset_ns) + 1


FAULTY: dict[str, tuple[dict[str, Any], str]] = {
    "no limit": ({"baseline": "peak"}, "account.stops.0"),
    "two limits": ({**PEAK, "limit_amount": 5}, "account.stops.0"),
    "no baseline": ({"limit_pct": 5}, "account.stops.0.baseline"),
    "unknown baseline": ({**PEAK, "baseline": "top"}, "account.stops.0.baseline"),
    "unknown action": ({**PEAK, "action": "sell"}, "account.stops.0.action"),
    "more than everything": ({**PEAK, "limit_pct": 101}, "account.stops.0.limit_pct"),
    "nothing": ({**PEAK, "limit_pct": 0}, "account.stops.0.limit_pct"),
}


@pytest.mark.parametrize("case", FAULTY)
def test_stop_that_cannot_be_used_is_told_at_its_key(case: str) -> None:
    stop, path = FAULTY[case]
    faults = check_settings({"strategy": "STRANGLE", "account": {"stops": [stop]}})
    assert [one.path for one in faults] == [path]


def test_day_start_that_is_no_time_is_told() -> None:
    (fault,) = check_settings({"strategy": "STRANGLE", "account": {"day_start_utc": "24:00"}})
    assert fault.path == "account.day_start_utc"


def test_nothing_happens_by_itself_unless_it_is_said() -> None:
    assert load_settings({"strategy": "STRANGLE"}).capital_desk == CapitalDeskSettings()
    account = {
        "margin_call": "deleverage",
        "stops_at_every_slice": True,
        "day_start_utc": "18:00",
    }
    settings = load_settings({"strategy": "STRANGLE", "account": account})
    assert settings.capital_desk == CapitalDeskSettings(
        triggers=TriggerRules(day_offset_ns=6 * HOUR_NS),
        stops_at_every_slice=True,
        deleverages=True,
        day_offset_ns=6 * HOUR_NS,
    )


def test_rebalance_has_no_trigger_and_the_domains_policy_unless_it_is_said() -> None:
    settings = load_settings({"strategy": "STRANGLE"})
    assert settings.capital_desk.triggers == TriggerRules()
    assert not settings.rebalance.has_trigger
    assert settings.capital_desk.rebalance == RebalancePolicy()


def test_rebalance_becomes_triggers_and_policy() -> None:
    settings = load_settings(
        {
            "strategy": "STRANGLE",
            "account": {"day_start_utc": "18:00"},
            "rebalance": {
                "calendar": "monthly",
                "absolute_band_pct": 5,
                "relative_band_pct": 20,
                "drawdown_pct": 12.5,
                "minimum_transfer": 1_000,
                "reduction": "largest_first",
                "cost_pct": 0.05,
                "cost_max_pct": 10,
                "sessions_max": 5,
            },
        }
    )
    assert settings.rebalance.has_trigger
    assert settings.capital_desk.triggers == TriggerRules(
        calendar=Period.MONTHLY,
        absolute_band=Decimal("0.05"),
        relative_band=Decimal("0.2"),
        drawdown_fraction=Decimal("0.125"),
        day_offset_ns=6 * HOUR_NS,
    )
    assert settings.capital_desk.rebalance == RebalancePolicy(
        minimum_transfer=Decimal(1_000),
        reduction=ReductionPolicy.LARGEST_FIRST,
        cost_fraction=Decimal("0.0005"),
        cost_fraction_max=Decimal("0.1"),
        sessions_max=5,
    )


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("calendar", "yearly"),
        ("absolute_band_pct", -1),
        ("drawdown_pct", 0),
        ("minimum_transfer", 0),
        ("minimum_transfer", "0.015"),
        ("reduction", "smallest_first"),
        ("sessions_max", 0),
        ("calender", "monthly"),
    ],
)
def test_rebalance_that_cannot_be_used_is_told_at_its_key(key: str, value: object) -> None:
    faults = check_settings({"strategy": "STRANGLE", "rebalance": {key: value}})
    assert [one.path for one in faults] == [f"rebalance.{key}"]
