"""The rules: pure, synchronous functions and values. Data in, data out.

Nothing here awaits, asks the time, draws, logs or touches the outside. Read ``models`` for the
values, ``orchestration`` for the rules, ``ports`` for what an environment must offer,
``strategies`` for the library. The names of the specification can be imported from here.
"""

from __future__ import annotations

from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.command import (
    ApprovedCommand,
    CancelOrder,
    RefusedCommand,
    StrategyCommand,
    SubmitOrder,
)
from orchestrion.domain.models.market import MarketEvent
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.models.strategy import Signal, Strategy, StrategyView
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.compatibility_analyzer import (
    CompatibilityAnalyzer,
    CompatibilityReport,
)
from orchestrion.domain.orchestration.events import (
    CapitalRebalancedEvent,
    DomainEvent,
    StrategyAddedEvent,
    StrategyConflictDetectedEvent,
)
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    OrchestratorMode,
    StrategyEntry,
    UnifiedStrategyOrchestrator,
)
from orchestrion.domain.ports.orchestration_port import OrchestrationPort

__all__ = [
    "AllocationConfig",
    "ApprovedCommand",
    "CancelOrder",
    "CapitalRebalancedEvent",
    "CompatibilityAnalyzer",
    "CompatibilityReport",
    "DomainEvent",
    "MarketEvent",
    "OrchestrationPort",
    "OrchestratorMode",
    "PortfolioCapitalManager",
    "PortfolioState",
    "RefusedCommand",
    "Signal",
    "Strategy",
    "StrategyAddedEvent",
    "StrategyCommand",
    "StrategyConflictDetectedEvent",
    "StrategyCoordinator",
    "StrategyEntry",
    "StrategyMetadata",
    "StrategyView",
    "SubmitOrder",
    "UnifiedStrategyOrchestrator",
]
