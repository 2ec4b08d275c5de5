"""Limits and leverage claims as the domain's values."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrion.adapters.settings import RunSettings, check_settings, load_settings
from orchestrion.domain.capital.limit import NO_LIMITS, Limits
from orchestrion.domain.capital.worst_case import OptionNotional
from orchestrion.domain.margin.leverage_claim import LeverageClaim, MarginMode

WRITTEN: dict[str, Any] = {
    "open_structures_max": 4,
    "gross_notional_max": 1_000_000,
    "net_notional_max": "500000.5",
    "leverage_max": 2.5,
    "quantity_max": 100,
    "quantity_max_by_id": {"SPX": 0},
    "margin_use_max_pct": 62.5,
    "option_notional": "underlying",
}
LIMITS = Limits(
    open_structures_max=4,
    gross_notional_max=Decimal(1_000_000),
    net_notional_max=Decimal("500000.5"),
    leverage_max=Decimal("2.5"),
    quantity_max=Decimal(100),
    quantity_max_by_id={"SPX": Decimal(0)},
    margin_use_max=Decimal("0.625"),
    option_notional=OptionNotional.UNDERLYING,
)
WITHOUT_PARAMETERS = """
from pydantic import BaseModel
from orchestrion.domain.models.strategy import Strategy

class Plain(Strategy):
    class Parameters(BaseModel):
        size: int = 1
        leverage: str = "much"
"""


def single(**content: Any) -> RunSettings:
    return load_settings({"strategy": "MOMENTUM_FUTURES", **content})


def test_nothing_is_limited_unless_it_is_said() -> None:
    settings = single(config={"leverage": 2.0})
    assert settings.account.limits.limits == NO_LIMITS
    assert settings.active_strategies[0].limits == NO_LIMITS
    settings = load_settings({"strategies": {"MOMENTUM_FUTURES": {"allocation_pct": 100}}})
    assert settings.active_strategies[0].limits == NO_LIMITS


def test_limits_reach_the_strategy_and_the_account() -> None:
    assert single(limits=WRITTEN).active_strategies[0].limits == LIMITS
    assert single(account={"limits": WRITTEN}).account.limits.limits == LIMITS
    entry = {"allocation_pct": 100, "limits": WRITTEN}
    settings = load_settings({"strategies": {"MOMENTUM_FUTURES": entry}})
    assert settings.active_strategies[0].limits == LIMITS


def test_parameters_are_limits_only_when_that_is_asked_for() -> None:
    settings = single(config={"leverage": 2.0}, limits={"from_parameters": True})
    assert settings.active_strategies[0].limits == Limits(leverage_max=Decimal(2))
    entry = {"allocation_pct": 100, "limits": {"from_parameters": True}}
    settings = load_settings({"strategies": {"MEAN_REVERSION_EQUITY": entry}})
    assert settings.active_strategies[0].limits == Limits(open_structures_max=10)


def test_written_limit_wins_over_the_parameter() -> None:
    limits = {"from_parameters": True, "leverage_max": "1.5"}
    settings = single(config={"leverage": 2.0}, limits=limits)
    assert settings.active_strategies[0].limits == Limits(leverage_max=Decimal("1.5"))


def test_parameters_that_are_no_limits_are_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "without_parameters.py").write_text(WITHOUT_PARAMETERS)
    monkeypatch.syspath_prepend(str(tmp_path))
    content = {"strategy": "without_parameters:Plain", "limits": {"from_parameters": True}}
    (fault,) = check_settings(content)
    assert fault.path == "limits.from_parameters"
    assert "neither leverage nor max_positions" in fault.problem


FAULTY: dict[str, tuple[dict[str, Any], str]] = {
    "negative": ({"leverage_max": -1}, "limits.leverage_max"),
    "negative quantity of one": (
        {"quantity_max_by_id": {"SPX": -1}},
        "limits.quantity_max_by_id.SPX",
    ),
    "half a structure": ({"open_structures_max": 1.5}, "limits.open_structures_max"),
    "percent sign": ({"margin_use_max_pct": "80%"}, "limits.margin_use_max_pct"),
    "unknown word": ({"option_notional": "strike"}, "limits.option_notional"),
    "misspelt": ({"leverage": 2}, "limits.leverage"),
    "instrument that is not there": (
        {"quantity_max_by_id": {"GOLD": 1}},
        "limits.quantity_max_by_id.GOLD",
    ),
}


@pytest.mark.parametrize("case", FAULTY)
def test_limit_that_cannot_be_used_is_told_at_its_key(case: str) -> None:
    limits, path = FAULTY[case]
    faults = check_settings({"strategy": "MOMENTUM_FUTURES", "limits": limits})
    assert [one.path for one in faults] == [path]


def test_instruments_are_looked_for_wherever_they_are_named() -> None:
    entry = {
        "strategy": "MEAN_REVERSION_EQUITY",
        "allocation_pct": 50,
        "limits": {"quantity_max_by_id": {"AAPL": 5, "NOPE": 5}},
        "leverage_claims": {"MSFT": {"leverage": 1}, "NEVER": {}},
        "exclusive_instruments": ["KO", "NONE"],
    }
    content = {
        "account": {"limits": {"quantity_max_by_id": {"APPL": 1}}},
        "strategies": {"A": entry, "B": {**entry, "enabled": False}, "C": {"strategy": "STRANGLE"}},
        "allocation": {"method": "equal_weight"},
        "data": {"source": "bundled", "series": ["stocks"]},
    }
    faults = {one.path: one.expected for one in check_settings(content)}
    assert list(faults) == [
        "account.limits.quantity_max_by_id.APPL",
        "strategies.A.limits.quantity_max_by_id.NOPE",
        "strategies.A.leverage_claims.NEVER",
        "strategies.A.exclusive_instruments.1",
    ]
    assert faults["account.limits.quantity_max_by_id.APPL"] == "did you mean AAPL?"


def test_claims_become_values_in_the_order_of_the_file() -> None:
    first = {"strategy": "STRANGLE", "leverage_claims": {"SPX": {"leverage": 3}}}
    second = {"strategy": "STRANGLE", "leverage_claims": {"WTI": {"margin_mode": "isolated"}}}
    settings = load_settings(
        {"strategies": {"B": first, "A": second}, "allocation": {"method": "equal_weight"}}
    )
    assert settings.leverage_claims == (
        LeverageClaim(strategy_id="B", instrument_id="SPX", leverage=Decimal(3)),
        LeverageClaim(strategy_id="A", instrument_id="WTI", margin_mode=MarginMode.ISOLATED),
    )


def test_claim_that_cannot_be_read_is_told_once() -> None:
    claims = {"SPX": {"leverage": "much", "margin_mode": "crossed"}}
    entry = {"strategy": "STRANGLE", "leverage_claims": claims}
    content = {"strategies": {"A": entry, "B": entry}, "allocation": {"method": "equal_weight"}}
    assert [one.path for one in check_settings(content)] == [
        "strategies.A.leverage_claims.SPX.leverage",
        "strategies.A.leverage_claims.SPX.margin_mode",
        "strategies.B.leverage_claims.SPX.leverage",
        "strategies.B.leverage_claims.SPX.margin_mode",
    ]
