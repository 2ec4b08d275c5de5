"""From settings to a run: data source, strategies, domain objects, venue, journal header.

Everything that turns configuration into objects stands here, so that backtest, replay and embedding
build the same run from the same settings.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable, Mapping
from importlib import metadata
from typing import Any

from orchestrion.actors.system import SystemSettings
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.settings import (
    ActiveStrategy,
    RunSettings,
    allocation_methods,
    build_checked_strategy,
    build_margin_model,
    build_strategy,
    open_data,
    resolved_json,
)
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.domain.capital.limit import NO_LIMITS
from orchestrion.domain.capital.return_history import EstimateError
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.compatibility_analyzer import (
    CompatibilityAnalyzer,
    CompatibilityReport,
)
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from orchestrion.domain.strategies.description import metadata_of
from orchestrion.runtime.journal import JournalHeader
from orchestrion.runtime.supervision import SupervisionPolicy


def data_source(settings: RunSettings) -> DataSource:
    """The market data that the settings name.

    Raises:
        ConfigurationError: settings that cannot be used.
        MarketDataError: a bundled file is missing or damaged.
    """
    return open_data(settings.data, currency=settings.account.currency)


def strategy_factory(active: ActiveStrategy) -> Callable[[], Strategy]:
    """A function that builds the strategy anew, with its configured parameters."""
    return lambda: build_strategy(active.strategy_name, active.config)


def strategy_builder(settings: RunSettings) -> Callable[[str, Mapping[str, Any]], Strategy]:
    """A function from a name and parameters to a strategy, for those that join during a run.

    The name is a library name, an import path, or the id of an entry of ``strategies`` that is not
    enabled: then the entry's strategy is built, with its parameters where none are given. The
    function raises SettingsError (a ConfigurationError) with every fault of name and parameters.
    """
    entries = settings.strategies or {}
    waiting = {key: entries[key] for key in settings.disabled_ids}

    def build(name: str, config: Mapping[str, Any]) -> Strategy:
        entry = waiting.get(name)
        if entry is None:
            return build_checked_strategy(name, config)
        return build_checked_strategy(entry.strategy or name, {**entry.config, **config})

    return build


def build_orchestrator(settings: RunSettings) -> UnifiedStrategyOrchestrator:
    """The domain's orchestrator with all enabled strategies added, checked to fit together.

    Raises:
        ConfigurationError: the strategies do not fit together, cannot be ranked, or cannot be
            given capital.
    """
    orchestrator, report = assemble(settings)
    if not report.is_compatible:
        raise ConfigurationError(f"incompatible strategies: {'; '.join(report.warnings)}")
    return orchestrator


def assemble(settings: RunSettings) -> tuple[UnifiedStrategyOrchestrator, CompatibilityReport]:
    """The orchestrator, and what the compatibility analysis says of its strategies at the start.

    Findings below ERROR do not keep a run from starting; whoever shows a configuration to a user
    shows them too.

    Raises:
        ConfigurationError: a rule cannot be built, or the capital cannot be divided.
    """
    orchestrator = UnifiedStrategyOrchestrator(
        capital_manager=PortfolioCapitalManager(
            settings.account.capital,
            allocation=settings.allocation_policy,
            methods=allocation_methods(settings.allocation),
            limits={
                one.strategy_id: one.limits
                for one in settings.active_strategies
                if one.limits != NO_LIMITS
            },
            account_limits=settings.account.limits.limits,
            margin_model=build_margin_model(settings.account.margin),
            cross_policy=settings.conflicts.cross_policy,
        ),
        coordinator=StrategyCoordinator(settings.conflicts.policies),
        compatibility_analyzer=CompatibilityAnalyzer(
            settings.compatibility.applied_rules, settings.compatibility.analysis
        ),
    )
    for active in settings.active_strategies:
        strategy = strategy_factory(active)()
        orchestrator.add_strategy(
            strategy=strategy,
            metadata=strategy_metadata(active, strategy),
            allocation=AllocationConfig(target_pct=active.target_pct),
        )
    rank = {one: place for place, one in enumerate(orchestrator.ids_in_rank_order())}
    orchestrator.leverage_claims = tuple(
        sorted(settings.leverage_claims, key=lambda claim: rank[claim.strategy_id])
    )
    try:
        return orchestrator, orchestrator.validate_compatibility()
    except EstimateError as error:
        raise ConfigurationError(
            f"allocation.method {settings.allocation.method} cannot divide the capital yet: "
            f"{error}. Set allocation.fallback, e.g. to equal_weight"
        ) from error


def strategy_metadata(active: ActiveStrategy, strategy: Strategy) -> StrategyMetadata:
    """What a strategy declares, and over it what the configuration says of it."""
    base = metadata_of(strategy, active.strategy_id, active.strategy_name)
    return base.model_copy(update=dict(active.declared))


def build_venue(settings: RunSettings, catalog: InstrumentCatalog) -> SimulatedVenue:
    """The simulated venue with the configured costs and the account's capital."""
    return SimulatedVenue(
        catalog,
        fees=settings.execution.commission.schedule,
        slippage=settings.execution.slippage.model,
        starting_cash=settings.account.capital,
    )


def system_settings(settings: RunSettings, run_id: str) -> SystemSettings:
    """What the machinery needs to know."""
    supervision = settings.supervision
    return SystemSettings(
        order_id_prefix=run_id,
        supervision=SupervisionPolicy(
            failures_max=supervision.max_failures,
            window_ns=supervision.within_ns,
            window_turns=supervision.within_rounds,
        ),
        custodian=supervision.custodian,
        custodian_heir=supervision.custodian_heir or "",
        mailbox_messages_max=settings.mailbox_messages_max,
        capital_desk=settings.capital_desk,
        build=strategy_builder(settings),
    )


def journal_header(settings: RunSettings, source: DataSource, environment: str) -> JournalHeader:
    """The header of a run. Its id comes from configuration and data, so that the same run has the
    same id wherever and whenever it is made."""
    configuration = resolved_json(settings)
    configuration_sha256 = hashlib.sha256(configuration.encode()).hexdigest()
    data_sha256 = source.fingerprint()
    run_id = hashlib.sha256(f"{configuration_sha256}{data_sha256}".encode()).hexdigest()[:8]
    return JournalHeader(
        run_id=f"{environment[0].upper()}{run_id}",
        environment=environment,
        seed=settings.seed,
        configuration=configuration,
        configuration_sha256=configuration_sha256,
        data_name=source.name,
        data_sha256=data_sha256,
        versions={
            "orchestrion": metadata.version("orchestrion"),
            "python": platform.python_version(),
            "implementation": platform.python_implementation(),
        },
    )
