"""The rules: pure, synchronous functions and values. Data in, data out.

Nothing here awaits, asks the time, draws, logs or touches the outside. Read ``models`` for the
values, ``orchestration`` for the rules, ``ports`` for what an environment must offer,
``strategies`` for the library. The names of the specification can be imported from here.
"""

from __future__ import annotations

from orchestrion.domain.capital.allocation_policy import AllocationMethods, AllocationPolicy
from orchestrion.domain.capital.cash_flow import (
    Attribution,
    BySplit,
    CashFlowKind,
    CashFlowReport,
    SplitRule,
    ToBook,
)
from orchestrion.domain.capital.corporate_action import (
    LotSizeChangedReport,
    SplitReport,
    SymbolChangedReport,
)
from orchestrion.domain.capital.drawdown_stop import Baseline, DrawdownRule
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.capital.limit import Limits
from orchestrion.domain.capital.rebalance_trigger import TriggerRules
from orchestrion.domain.capital.rebalancing import RebalancePolicy
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy, ConflictType
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
from orchestrion.domain.netting.internal_cross import CrossPolicy
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
from orchestrion.domain.orchestration.lifecycle import (
    Custodian,
    PauseMode,
    RemovalPolicy,
    StrategyStatus,
    TradingState,
)
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    OrchestratorMode,
    StrategyEntry,
    UnifiedStrategyOrchestrator,
)
from orchestrion.domain.ports.capital_management_port import CapitalManagementPort
from orchestrion.domain.ports.coordination_port import CoordinationPort
from orchestrion.domain.ports.orchestration_port import OrchestrationPort

__all__ = [
    "AllocationConfig",
    "AllocationMethods",
    "AllocationPolicy",
    "ApprovedCommand",
    "Attribution",
    "Baseline",
    "BySplit",
    "CancelOrder",
    "CapitalManagementPort",
    "CapitalRebalancedEvent",
    "CashFlowKind",
    "CashFlowReport",
    "CompatibilityAnalyzer",
    "CompatibilityReport",
    "ConflictPolicies",
    "ConflictPolicy",
    "ConflictType",
    "CoordinationPort",
    "CrossPolicy",
    "Custodian",
    "DomainEvent",
    "DrawdownRule",
    "Limits",
    "LotSizeChangedReport",
    "MarketEvent",
    "OrchestrationPort",
    "OrchestratorMode",
    "PauseMode",
    "PortfolioCapitalManager",
    "PortfolioState",
    "RebalancePolicy",
    "RefusedCommand",
    "RemovalPolicy",
    "Signal",
    "SplitReport",
    "SplitRule",
    "StopAction",
    "Strategy",
    "StrategyAddedEvent",
    "StrategyCommand",
    "StrategyConflictDetectedEvent",
    "StrategyCoordinator",
    "StrategyEntry",
    "StrategyMetadata",
    "StrategyStatus",
    "StrategyView",
    "SubmitOrder",
    "SymbolChangedReport",
    "ToBook",
    "TradingState",
    "TriggerRules",
    "UnifiedStrategyOrchestrator",
]
