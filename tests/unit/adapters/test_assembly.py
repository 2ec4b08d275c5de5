"""From settings to domain objects: every rule that can be configured arrives where it acts."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrion.adapters import assembly
from orchestrion.adapters.settings import RunSettings, SettingsError, load_settings
from orchestrion.domain.capital.limit import Limits
from orchestrion.domain.conflict import ConflictPolicy
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.cash_account import CashAccountModel
from orchestrion.domain.models.strategy_metadata import Horizon
from orchestrion.domain.orchestration.lifecycle import Custodian
from orchestrion.domain.strategies.momentum_futures import MomentumFuturesStrategy

TREND: dict[str, Any] = {"strategy": "MOMENTUM_FUTURES", "config": {"leverage": 2.0}}
STOCKS: dict[str, Any] = {"strategy": "MEAN_REVERSION_EQUITY"}
EQUAL: dict[str, Any] = {"method": "equal_weight"}
NEEDS_A_PAST = """
def by_returns(request):
    request.aligned_returns()
"""


def settings_of(**content: Any) -> RunSettings:
    base = {"strategies": {"TREND": TREND, "STOCKS": STOCKS}, "allocation": EQUAL}
    return load_settings({**base, **content})


def test_capital_manager_gets_the_rules_of_the_account() -> None:
    settings = settings_of(
        strategies={
            "TREND": {**TREND, "limits": {"from_parameters": True}, "max_pct": 30},
            "STOCKS": STOCKS,
        },
        allocation={**EQUAL, "reserve_pct": 10},
        account={
            "capital": 100_000,
            "margin": {"model": "cash"},
            "limits": {"quantity_max": 5},
        },
    )
    manager = assembly.build_orchestrator(settings).capital_manager
    assert manager.total_capital == Decimal(100_000)
    assert manager.limits == {"TREND": Limits(leverage_max=Decimal(2))}
    assert manager.account_limits == Limits(quantity_max=Decimal(5))
    assert manager.margin_model == CashAccountModel()
    assert manager.calculate_allocations() == {
        "TREND": Decimal("30000.00"),
        "STOCKS": Decimal("60000.00"),
    }


def test_thirds_are_given_out_to_the_last_cent() -> None:
    third = {**STOCKS, "allocation_pct": 100 / 3}
    settings = settings_of(strategies=dict.fromkeys("ABC", third), allocation={})
    amounts = assembly.build_orchestrator(settings).capital_manager.calculate_allocations()
    assert sum(amounts.values()) == Decimal(1_000_000)
    assert sorted(amounts.values()) == [Decimal("333333.33")] * 2 + [Decimal("333333.34")]


def test_fallback_divides_what_cannot_be_estimated_yet() -> None:
    settings = settings_of(allocation={"method": "risk_parity", "fallback": "equal_weight"})
    manager = assembly.build_orchestrator(settings).capital_manager
    assert set(manager.calculate_allocations().values()) == {Decimal("500000.00")}


def test_own_method_that_needs_a_past_names_the_key_to_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "needs_a_past.py").write_text(NEEDS_A_PAST)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = settings_of(allocation={"method": "needs_a_past:by_returns"})
    with pytest.raises(ConfigurationError, match=r"Set allocation\.fallback"):
        assembly.build_orchestrator(settings)


def test_leverage_claims_stand_in_rank_order() -> None:
    claims = {"leverage_claims": {"SPX": {"leverage": 2}}}
    entries = {"TREND": {**TREND, **claims}, "STOCKS": {**STOCKS, **claims, "priority": 1}}
    orchestrator = assembly.build_orchestrator(settings_of(strategies=entries))
    assert [one.strategy_id for one in orchestrator.leverage_claims] == ["STOCKS", "TREND"]


def test_conflict_policies_reach_the_coordinator() -> None:
    orchestrator = assembly.build_orchestrator(settings_of(conflicts={"OPPOSING_SIDES": "net"}))
    assert orchestrator.coordinator.policies.opposing_sides is ConflictPolicy.NET


def test_configuration_speaks_over_what_the_strategy_declares() -> None:
    settings = settings_of(
        strategies={
            "TREND": {
                **TREND,
                "priority": 2,
                "horizon": "weeks",
                "exclusive_instruments": ["WTI"],
                "underlyings": ["SPX"],
            },
            "STOCKS": {**STOCKS, "depends_on": ["TREND"], "minimum_capital": 1_000},
        }
    )
    entries = assembly.build_orchestrator(settings).strategies
    trend, stocks = entries["TREND"].metadata, entries["STOCKS"].metadata
    assert (trend.priority, trend.horizon, trend.leverage) == (2, Horizon.WEEKS, 2.0)
    assert (trend.exclusive_instruments, trend.underlyings) == (("WTI",), ("SPX",))
    assert trend.asset_classes == ("future",)
    assert (stocks.depends_on, stocks.minimum_capital) == (("TREND",), 1_000.0)


def test_report_of_the_start_is_there_although_nothing_refuses_it() -> None:
    twice = settings_of(strategies={"A": STOCKS, "B": STOCKS})
    _, report = assembly.assemble(twice)
    assert report.is_compatible
    assert "shared_instruments" in [finding.rule for finding in report.findings]
    without = {"rules": {"shared_instruments": {"enabled": False}}}
    _, report = assembly.assemble(
        settings_of(strategies={"A": STOCKS, "B": STOCKS}, compatibility=without)
    )
    assert "shared_instruments" not in [finding.rule for finding in report.findings]


def test_error_of_the_analysis_refuses_the_start() -> None:
    poor = settings_of(strategies={"A": {**STOCKS, "minimum_capital": 600_000}, "B": TREND})
    with pytest.raises(ConfigurationError, match="A needs 600000"):
        assembly.build_orchestrator(poor)
    assert not assembly.assemble(poor)[1].is_compatible


def test_machinery_gets_custodian_desk_and_a_way_to_build_strategies() -> None:
    settings = settings_of(
        supervision={"custodian": "hand_over", "custodian_heir": "STOCKS"},
        rebalance={"calendar": "monthly"},
    )
    system = assembly.system_settings(settings, "RUN")
    assert (system.custodian, system.custodian_heir) == (Custodian.HAND_OVER, "STOCKS")
    assert system.capital_desk == settings.capital_desk
    assert system.build is not None
    assert isinstance(system.build("MOMENTUM_FUTURES", {}), MomentumFuturesStrategy)


def test_built_strategy_is_a_new_one_with_its_parameters_checked() -> None:
    waiting = {**TREND, "enabled": False}
    settings = settings_of(strategies={"STOCKS": STOCKS, "B": STOCKS, "WAITING": waiting})
    build = assembly.strategy_builder(settings)
    first, second = build("WAITING", {}), build("WAITING", {"leverage": 3.0})
    assert isinstance(first, MomentumFuturesStrategy)
    assert first.parameters.model_dump()["leverage"] == 2.0
    assert second.parameters.model_dump()["leverage"] == 3.0
    assert build("WAITING", {}) is not first


@pytest.mark.parametrize(
    ("name", "config", "words"),
    [
        ("MOMENTUM", {}, "did you mean MOMENTUM_FUTURES"),
        ("TREND", {}, "unknown strategy 'TREND'"),
        ("MOMENTUM_FUTURES", {"levrage": 2.0}, "config.levrage: unknown key; did you mean lever"),
        ("MOMENTUM_FUTURES", {"leverage": float("nan")}, "not a finite number"),
        ("nowhere_at_all:Class", {}, "there is no module"),
    ],
)
def test_strategy_that_cannot_be_built_says_why(
    name: str, config: dict[str, Any], words: str
) -> None:
    with pytest.raises(SettingsError, match="1 fault") as caught:
        assembly.strategy_builder(settings_of())(name, config)
    assert words in str(caught.value)


def test_journal_header_holds_all_that_a_replay_builds_from() -> None:
    settings = settings_of(
        account={
            "margin": {"model": "reg_t", "stock": {"long_initial_pct": "62.5"}},
            "limits": {"leverage_max": 3},
            "stops": [{"baseline": "peak", "limit_pct": 15, "action": "flatten"}],
        },
        conflicts={"OPPOSING_SIDES": "net", "concentration_max_pct": 20},
        rebalance={"calendar": "monthly"},
        compatibility={"rules": {"leverage": {"weight": 0}}},
    )
    header = assembly.journal_header(settings, assembly.data_source(settings), "backtest")
    again = load_settings(json.loads(header.configuration))
    assert again == settings
    before, after = (assembly.build_orchestrator(one) for one in (settings, again))
    assert before.capital_manager.margin_model == after.capital_manager.margin_model
    assert before.coordinator.policies == after.coordinator.policies
    assert before.compatibility_analyzer.rules == after.compatibility_analyzer.rules
    assert assembly.system_settings(again, "R").capital_desk == settings.capital_desk
