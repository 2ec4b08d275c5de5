"""Orchestrion runs one or many trading strategies on one account, deterministically.

The names below are the public face; rooms behind it are ``orchestrion.domain`` (rules),
``orchestrion.runtime`` (actors), ``orchestrion.actors`` (who talks to whom) and
``orchestrion.adapters`` (the outside world). Names are loaded when they are first used, so that a
bot or a command line that needs few of them starts fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from orchestrion.adapters.backtest import run_backtest as run_backtest
    from orchestrion.adapters.embedding import Orchestrion as Orchestrion
    from orchestrion.adapters.replay import ReplayOutcome as ReplayOutcome
    from orchestrion.adapters.replay import replay_journal as replay_journal
    from orchestrion.adapters.result import BookResult as BookResult
    from orchestrion.adapters.result import RunResult as RunResult
    from orchestrion.adapters.settings import RunSettings as RunSettings
    from orchestrion.adapters.settings import check_settings as check_settings
    from orchestrion.adapters.settings import load_settings as load_settings
    from orchestrion.domain.capital.cash_flow import Attribution as Attribution
    from orchestrion.domain.capital.cash_flow import BySplit as BySplit
    from orchestrion.domain.capital.cash_flow import CashFlowKind as CashFlowKind
    from orchestrion.domain.capital.cash_flow import CashFlowReport as CashFlowReport
    from orchestrion.domain.capital.cash_flow import SplitRule as SplitRule
    from orchestrion.domain.capital.cash_flow import ToBook as ToBook
    from orchestrion.domain.capital.corporate_action import (
        LotSizeChangedReport as LotSizeChangedReport,
    )
    from orchestrion.domain.capital.corporate_action import SplitReport as SplitReport
    from orchestrion.domain.capital.corporate_action import (
        SymbolChangedReport as SymbolChangedReport,
    )
    from orchestrion.domain.capital.kill_switch import StopAction as StopAction
    from orchestrion.domain.desk.margin_watch import VenueMarginReport as VenueMarginReport
    from orchestrion.domain.errors import ConfigurationError as ConfigurationError
    from orchestrion.domain.errors import DomainError as DomainError
    from orchestrion.domain.errors import LifecycleError as LifecycleError
    from orchestrion.domain.errors import PortUnavailableError as PortUnavailableError
    from orchestrion.domain.models.command import ApprovedCommand as ApprovedCommand
    from orchestrion.domain.models.command import CancelOrder as CancelOrder
    from orchestrion.domain.models.command import StrategyCommand as StrategyCommand
    from orchestrion.domain.models.command import SubmitOrder as SubmitOrder
    from orchestrion.domain.models.instrument import Equity as Equity
    from orchestrion.domain.models.instrument import Future as Future
    from orchestrion.domain.models.instrument import Index as Index
    from orchestrion.domain.models.instrument import InstrumentCatalog as InstrumentCatalog
    from orchestrion.domain.models.instrument import OptionContract as OptionContract
    from orchestrion.domain.models.instrument import OptionKind as OptionKind
    from orchestrion.domain.models.market import Bar as Bar
    from orchestrion.domain.models.market import MarketSlice as MarketSlice
    from orchestrion.domain.models.market import OptionChain as OptionChain
    from orchestrion.domain.models.market import OptionQuote as OptionQuote
    from orchestrion.domain.models.market import QuoteTick as QuoteTick
    from orchestrion.domain.models.market import TradeTick as TradeTick
    from orchestrion.domain.models.order import Leg as Leg
    from orchestrion.domain.models.order import OrderSide as OrderSide
    from orchestrion.domain.models.order import OrderType as OrderType
    from orchestrion.domain.models.order import TimeInForce as TimeInForce
    from orchestrion.domain.models.portfolio import EXTERNAL as EXTERNAL
    from orchestrion.domain.models.portfolio import RESERVE as RESERVE
    from orchestrion.domain.models.portfolio import Book as Book
    from orchestrion.domain.models.portfolio import NetPosition as NetPosition
    from orchestrion.domain.models.portfolio import PortfolioState as PortfolioState
    from orchestrion.domain.models.portfolio import Position as Position
    from orchestrion.domain.models.report import ExternalFillReport as ExternalFillReport
    from orchestrion.domain.models.report import FutureSettledReport as FutureSettledReport
    from orchestrion.domain.models.report import InstrumentExpiredReport as InstrumentExpiredReport
    from orchestrion.domain.models.report import OrderAcceptedReport as OrderAcceptedReport
    from orchestrion.domain.models.report import OrderCanceledReport as OrderCanceledReport
    from orchestrion.domain.models.report import (
        OrderCancelRejectedReport as OrderCancelRejectedReport,
    )
    from orchestrion.domain.models.report import OrderExpiredReport as OrderExpiredReport
    from orchestrion.domain.models.report import OrderFilledReport as OrderFilledReport
    from orchestrion.domain.models.report import OrderRejectedReport as OrderRejectedReport
    from orchestrion.domain.models.strategy import Signal as Signal
    from orchestrion.domain.models.strategy import Strategy as Strategy
    from orchestrion.domain.models.strategy import StrategyView as StrategyView
    from orchestrion.domain.models.strategy_metadata import StrategyMetadata as StrategyMetadata
    from orchestrion.domain.orchestration.lifecycle import PauseMode as PauseMode
    from orchestrion.domain.orchestration.lifecycle import RemovalPolicy as RemovalPolicy
    from orchestrion.domain.orchestration.lifecycle import StrategyStatus as StrategyStatus
    from orchestrion.domain.orchestration.lifecycle import TradingState as TradingState
    from orchestrion.domain.ports.orchestration_port import OrchestrationPort as OrchestrationPort
    from orchestrion.domain.strategies.library import StrategyLibrary as StrategyLibrary
    from orchestrion.domain.strategies.library import strategy_library as strategy_library

__version__ = "0.1.0"

_MODULES = {
    "adapters.backtest": ("run_backtest",),
    "adapters.embedding": ("Orchestrion",),
    "adapters.replay": ("ReplayOutcome", "replay_journal"),
    "adapters.result": ("BookResult", "RunResult"),
    "adapters.settings": ("RunSettings", "check_settings", "load_settings"),
    "domain.capital.cash_flow": (
        "Attribution",
        "BySplit",
        "CashFlowKind",
        "CashFlowReport",
        "SplitRule",
        "ToBook",
    ),
    "domain.capital.corporate_action": (
        "LotSizeChangedReport",
        "SplitReport",
        "SymbolChangedReport",
    ),
    "domain.capital.kill_switch": ("StopAction",),
    "domain.desk.margin_watch": ("VenueMarginReport",),
    "domain.errors": (
        "ConfigurationError",
        "DomainError",
        "LifecycleError",
        "PortUnavailableError",
    ),
    "domain.models.command": ("ApprovedCommand", "CancelOrder", "StrategyCommand", "SubmitOrder"),
    "domain.models.instrument": (
        "Equity",
        "Future",
        "Index",
        "InstrumentCatalog",
        "OptionContract",
        "OptionKind",
    ),
    "domain.models.market": (
        "Bar",
        "MarketSlice",
        "OptionChain",
        "OptionQuote",
        "QuoteTick",
        "TradeTick",
    ),
    "domain.models.order": ("Leg", "OrderSide", "OrderType", "TimeInForce"),
    "domain.models.portfolio": (
        "Book",
        "EXTERNAL",
        "NetPosition",
        "PortfolioState",
        "Position",
        "RESERVE",
    ),
    "domain.models.report": (
        "ExternalFillReport",
        "FutureSettledReport",
        "InstrumentExpiredReport",
        "OrderAcceptedReport",
        "OrderCancelRejectedReport",
        "OrderCanceledReport",
        "OrderExpiredReport",
        "OrderFilledReport",
        "OrderRejectedReport",
    ),
    "domain.models.strategy": ("Signal", "Strategy", "StrategyView"),
    "domain.models.strategy_metadata": ("StrategyMetadata",),
    "domain.orchestration.lifecycle": (
        "PauseMode",
        "RemovalPolicy",
        "StrategyStatus",
        "TradingState",
    ),
    "domain.ports.orchestration_port": ("OrchestrationPort",),
    "domain.strategies.library": ("StrategyLibrary", "strategy_library"),
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "EXTERNAL",
    "RESERVE",
    "ApprovedCommand",
    "Attribution",
    "Bar",
    "Book",
    "BookResult",
    "BySplit",
    "CancelOrder",
    "CashFlowKind",
    "CashFlowReport",
    "ConfigurationError",
    "DomainError",
    "Equity",
    "ExternalFillReport",
    "Future",
    "FutureSettledReport",
    "Index",
    "InstrumentCatalog",
    "InstrumentExpiredReport",
    "Leg",
    "LifecycleError",
    "LotSizeChangedReport",
    "MarketSlice",
    "NetPosition",
    "OptionChain",
    "OptionContract",
    "OptionKind",
    "OptionQuote",
    "OrchestrationPort",
    "Orchestrion",
    "OrderAcceptedReport",
    "OrderCancelRejectedReport",
    "OrderCanceledReport",
    "OrderExpiredReport",
    "OrderFilledReport",
    "OrderRejectedReport",
    "OrderSide",
    "OrderType",
    "PauseMode",
    "PortUnavailableError",
    "PortfolioState",
    "Position",
    "QuoteTick",
    "RemovalPolicy",
    "ReplayOutcome",
    "RunResult",
    "RunSettings",
    "Signal",
    "SplitReport",
    "SplitRule",
    "StopAction",
    "Strategy",
    "StrategyCommand",
    "StrategyLibrary",
    "StrategyMetadata",
    "StrategyStatus",
    "StrategyView",
    "SubmitOrder",
    "SymbolChangedReport",
    "TimeInForce",
    "ToBook",
    "TradeTick",
    "TradingState",
    "VenueMarginReport",
    "__version__",
    "check_settings",
    "load_settings",
    "replay_journal",
    "run_backtest",
    "strategy_library",
]


def __getattr__(name: str) -> Any:
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module 'orchestrion' has no attribute {name!r}")
    value = getattr(import_module(f"orchestrion.{module}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return list(__all__)
