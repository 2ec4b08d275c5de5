"""The specification's example usage, as it is written there (``true`` read as ``True``).

Each part runs on an orchestrator of its own. Run top to bottom on one, the example has two traps:
the first part leaves a strategy with 100 % behind, so the second one asks for 200 % in all; and no
total capital is ever set. Both have tests of their own at the end.
"""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.compatibility_analyzer import CompatibilityAnalyzer
from orchestrion.domain.orchestration.events import CapitalMissingEvent, StrategyAddedEvent
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    OrchestratorMode,
    UnifiedStrategyOrchestrator,
)
from orchestrion.domain.strategies.library import strategy_library

SINGLE_CONFIG: dict[str, Any] = {
    "strategy": "OPTIONS_MONTHLY_WEEKLY_HEDGE",
    "config": {"num_lots": 4, "max_positions": 3},
}
MULTI_CONFIG: dict[str, Any] = {
    "strategies": {
        "OPTIONS_MONTHLY_WEEKLY_HEDGE": {
            "enabled": True,
            "allocation_pct": 60.0,
            "config": {"num_lots": 4},
        },
        "MOMENTUM_FUTURES": {
            "enabled": True,
            "allocation_pct": 30.0,
            "config": {"leverage": 2.0},
        },
        "MEAN_REVERSION_EQUITY": {
            "enabled": True,
            "allocation_pct": 10.0,
            "config": {"position_size_pct": 3.0},
        },
    }
}


def fresh_orchestrator(
    capital_manager: PortfolioCapitalManager | None = None,
) -> UnifiedStrategyOrchestrator:
    return UnifiedStrategyOrchestrator(
        capital_manager=capital_manager or PortfolioCapitalManager(),
        coordinator=StrategyCoordinator(),
        compatibility_analyzer=CompatibilityAnalyzer(),
    )


def run_single_part(orchestrator: UnifiedStrategyOrchestrator) -> None:
    strategy = strategy_library.get_strategy("OPTIONS_MONTHLY_WEEKLY_HEDGE")
    orchestrator.add_strategy(
        strategy=strategy,
        metadata=StrategyMetadata(id="OPTIONS_01"),
        allocation=AllocationConfig(target_pct=100.0),
    )


def run_multi_part(
    orchestrator: UnifiedStrategyOrchestrator, config: dict[str, Any] = MULTI_CONFIG
) -> dict[str, Decimal]:
    for strategy_name, strategy_config in config["strategies"].items():
        if strategy_config["enabled"]:
            strategy = strategy_library.get_strategy(strategy_name)
            orchestrator.add_strategy(
                strategy=strategy,
                metadata=StrategyMetadata(id=strategy_name),
                allocation=AllocationConfig(target_pct=strategy_config["allocation_pct"]),
            )

    if not orchestrator.is_single_strategy_mode:
        report = orchestrator.validate_compatibility()
        if not report.is_compatible:
            raise ValueError(f"Incompatible strategies: {report.warnings}")

    return orchestrator.allocate_capital()


def test_single_part_selects_from_the_library() -> None:
    orchestrator = fresh_orchestrator()
    assert orchestrator.detect_mode(SINGLE_CONFIG) is OrchestratorMode.SINGLE
    run_single_part(orchestrator)
    assert orchestrator.is_single_strategy_mode
    assert list(orchestrator.strategies) == ["OPTIONS_01"]
    assert orchestrator.validate_compatibility().is_compatible
    assert orchestrator.drain_events() == (StrategyAddedEvent("OPTIONS_01", 100.0),)


def test_multi_part_runs_three_compatible_strategies() -> None:
    orchestrator = fresh_orchestrator()
    assert orchestrator.detect_mode(MULTI_CONFIG) is OrchestratorMode.MULTI
    allocations = run_multi_part(orchestrator)
    assert not orchestrator.is_single_strategy_mode
    assert list(allocations) == list(MULTI_CONFIG["strategies"])
    report = orchestrator.validate_compatibility()
    assert (report.is_compatible, report.warnings) == (True, [])


@pytest.mark.parametrize(
    ("capital", "shares"),
    [
        ("100000", ["60000.00", "30000.00", "10000.00"]),
        ("0.01", ["0.01", "0.00", "0.00"]),
        ("33333.33", ["20000.00", "10000.00", "3333.33"]),
    ],
)
def test_multi_part_splits_whatever_capital_is_set(capital: str, shares: list[str]) -> None:
    orchestrator = fresh_orchestrator(PortfolioCapitalManager(Decimal(capital)))
    allocations = run_multi_part(orchestrator)
    assert list(allocations.values()) == [Decimal(share) for share in shares]


def test_single_part_gets_all_the_capital() -> None:
    orchestrator = fresh_orchestrator(PortfolioCapitalManager(total_capital=Decimal(100000)))
    run_single_part(orchestrator)
    assert orchestrator.allocate_capital() == {"OPTIONS_01": Decimal(100_000)}


def test_capital_can_be_set_after_the_manager_was_built() -> None:
    orchestrator = fresh_orchestrator()
    orchestrator.capital_manager.total_capital = Decimal(500)
    assert list(run_multi_part(orchestrator).values()) == [300, 150, 50]


def test_one_enabled_of_many_gets_everything() -> None:
    config = copy.deepcopy(MULTI_CONFIG)
    for name in ("OPTIONS_MONTHLY_WEEKLY_HEDGE", "MEAN_REVERSION_EQUITY"):
        config["strategies"][name]["enabled"] = False
    orchestrator = fresh_orchestrator(PortfolioCapitalManager(Decimal(1000)))
    assert orchestrator.detect_mode(config) is OrchestratorMode.MULTI
    assert run_multi_part(orchestrator, config) == {"MOMENTUM_FUTURES": Decimal(1000)}
    assert orchestrator.is_single_strategy_mode


# -- the traps -------------------------------------------------------------------------------------


def test_both_parts_on_one_orchestrator_ask_for_too_much() -> None:
    orchestrator = fresh_orchestrator()
    orchestrator.detect_mode(SINGLE_CONFIG)
    run_single_part(orchestrator)
    orchestrator.detect_mode(MULTI_CONFIG)
    with pytest.raises(ValueError, match="allocation_pct sums to 200") as caught:
        run_multi_part(orchestrator)
    assert isinstance(caught.value, ConfigurationError)
    assert len(orchestrator.strategies) == 4
    assert not orchestrator.capital_manager.books


def test_without_capital_everybody_gets_nothing_and_a_warning_is_told() -> None:
    orchestrator = fresh_orchestrator()
    allocations = run_multi_part(orchestrator)
    assert {str(share) for share in allocations.values()} == {"0.00"}
    assert orchestrator.drain_events()[-1] == CapitalMissingEvent(tuple(allocations))
