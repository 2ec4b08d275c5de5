"""What the rest of the program reads out of the settings."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrion.adapters.settings import RunSettings, load_settings
from orchestrion.adapters.venue.fees import Commission
from orchestrion.adapters.venue.slippage import Slippage
from orchestrion.runtime.mailbox import CAPACITY_MESSAGES
from orchestrion.runtime.supervision import SupervisionPolicy

A = {"strategy": "STRANGLE", "allocation_pct": 60}
B = {"strategy": "IRON_CONDOR", "allocation_pct": 30, "priority": 5, "depends_on": ["A"]}
OFF = {"strategy": "STRANGLE", "allocation_pct": 10, "enabled": False}


def settings_of(**content: Any) -> RunSettings:
    return load_settings({"strategy": "STRANGLE", **content})


def test_enabled_strategies_stand_in_the_order_of_the_file() -> None:
    settings = load_settings({"strategies": {"B": B, "OFF": OFF, "A": A}})
    first, second = settings.active_strategies
    assert (first.strategy_id, first.strategy_name) == ("B", "IRON_CONDOR")
    assert (first.target_pct, first.priority, first.depends_on) == (30.0, 5, ("A",))
    assert second.strategy_id == "A"


def test_form_and_not_number_gives_the_mode() -> None:
    lone = load_settings({"strategies": {"STRANGLE": {"allocation_pct": 100}}})
    assert lone.mode.value == "MULTI"
    assert settings_of().mode.value == "SINGLE"


def test_equal_weight_shares_what_the_reserve_leaves() -> None:
    settings = load_settings(
        {
            "strategies": {"A": A, "B": B},
            "allocation": {"method": "equal_weight", "reserve_pct": 10},
        }
    )
    assert [one.target_pct for one in settings.active_strategies] == [45.0, 45.0]
    assert settings.allocation.reserve_fraction == Decimal("0.1")
    assert settings.remarks == (
        "allocation_pct is not used by the method equal_weight",
        "10 % of the capital stay in reserve",
    )


def test_lone_strategy_is_promoted_when_that_is_asked_for() -> None:
    settings = load_settings({"strategies": {"A": A, "OFF": OFF}, "promote_lone_strategy": True})
    assert [one.target_pct for one in settings.active_strategies] == [100.0]
    assert settings.remarks == ("the only enabled strategy is given all the capital",)


def test_remarks_are_empty_when_nothing_is_unexpected() -> None:
    assert settings_of().remarks == ()
    whole = {"A": A, "B": {**B, "allocation_pct": 40}}
    assert load_settings({"strategies": whole}).remarks == ()


def test_costs_become_the_venues_price_lists() -> None:
    settings = settings_of(
        execution={
            "commission": {"equity": {"per_unit": 0.01, "notional_pct": 0.05}},
            "slippage": {"future": {"ticks": 2, "price_pct": "0.5"}},
        }
    )
    assert settings.execution.commission.schedule.equity == Commission(
        per_unit=Decimal("0.01"), notional_fraction=Decimal("0.0005")
    )
    assert settings.execution.slippage.model.future == Slippage(
        ticks=2, price_fraction=Decimal("0.005")
    )


def test_defaults_are_those_of_the_machinery() -> None:
    settings = settings_of()
    machinery = SupervisionPolicy()
    assert settings.supervision.max_failures == machinery.failures_max
    assert settings.supervision.within_ns == machinery.window_ns
    assert settings.supervision.within_rounds == machinery.window_turns
    assert settings.mailbox_messages_max == CAPACITY_MESSAGES


def test_statistics_are_fractions_inside() -> None:
    assert settings_of(statistics={"risk_free_rate_pct": 2}).statistics.risk_free_rate == 0.02


def test_settings_cannot_be_changed() -> None:
    settings = settings_of()
    with pytest.raises(ValidationError, match="frozen"):
        settings.seed = 5
    assert settings.seed == 0
