"""The ``compatibility`` section as the domain's analysis."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.adapters.settings import check_settings, load_settings
from orchestrion.adapters.settings.compatibility_settings import CompatibilitySettings
from orchestrion.domain.compatibility.analysis import DEFAULT_RULES
from orchestrion.domain.compatibility.history import Alignment
from orchestrion.domain.compatibility.lineup import AnalysisSettings
from orchestrion.domain.compatibility.report import Severity


def section(**compatibility: Any) -> CompatibilitySettings:
    return load_settings({"strategy": "STRANGLE", "compatibility": compatibility}).compatibility


def test_defaults_are_those_of_the_analysis() -> None:
    assert section().analysis == AnalysisSettings()
    assert section().applied_rules == DEFAULT_RULES


def test_settings_reach_the_analysis() -> None:
    found = section(
        alignment="weekly",
        weekly_returns_min=30,
        leverage_max=3,
        leverage_limit="4.5",
        margin_use_max_pct=62.5,
    )
    assert found.analysis == AnalysisSettings(
        alignment=Alignment.WEEKLY,
        weekly_returns_min=30,
        leverage_max=Decimal(3),
        leverage_limit=Decimal("4.5"),
        margin_use_max=Decimal("0.625"),
    )


def test_rules_change_in_their_place_or_go() -> None:
    changed = {"weight": 5.5, "pass_score": 0.25, "severity": "error"}
    found = section(rules={"return_correlation": changed, "leverage": {"enabled": False}})
    by_id = {rule.id: rule for rule in found.applied_rules}
    assert list(by_id) == [rule.id for rule in DEFAULT_RULES if rule.id != "leverage"]
    rule = by_id["return_correlation"]
    assert (rule.weight, rule.pass_score, rule.severity) == (5.5, 0.25, Severity.ERROR)
    others = [rule for rule in found.applied_rules if rule.id != "return_correlation"]
    assert all(rule in DEFAULT_RULES for rule in others)


@pytest.mark.parametrize(
    ("compatibility", "path"),
    [
        ({"daily_returns_min": 2}, "compatibility.daily_returns_min"),
        ({"returns_max": 50}, "compatibility"),
        ({"leverage_max": 0}, "compatibility.leverage_max"),
        ({"rules": {"leverage": {"pass_score": 0}}}, "compatibility.rules.leverage.pass_score"),
        ({"rules": {"leverage": {"severity": "fatal"}}}, "compatibility.rules.leverage.severity"),
    ],
)
def test_setting_that_cannot_be_used_is_told_at_its_key(
    compatibility: dict[str, Any], path: str
) -> None:
    faults = check_settings({"strategy": "STRANGLE", "compatibility": compatibility})
    assert [one.path for one in faults] == [path]


def test_what_an_entry_says_of_its_strategy_becomes_metadata() -> None:
    entry = {
        "strategy": "STRANGLE",
        "exclusive_instruments": ["SPX"],
        "minimum_capital": 25_000,
        "horizon": "weeks",
        "leverage": 1.5,
        "underlyings": ["SPX"],
        "asset_classes": ["option"],
        "priority": 3,
    }
    settings = load_settings(
        {
            "strategies": {
                "A": entry,
                "B": {"strategy": "STRANGLE"},
                "OFF": {"strategy": "STRANGLE", "enabled": False},
            },
            "allocation": {"method": "equal_weight"},
        }
    )
    first, second = settings.active_strategies
    assert dict(first.declared) == {
        "priority": 3,
        "depends_on": (),
        "exclusive_instruments": ("SPX",),
        "horizon": "weeks",
        "underlyings": ("SPX",),
        "asset_classes": ("option",),
        "minimum_capital": 25_000.0,
        "leverage": 1.5,
    }
    assert dict(second.declared) == {"priority": 0, "depends_on": ()}
    assert settings.disabled_ids == ("OFF",)
