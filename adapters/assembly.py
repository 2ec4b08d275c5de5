"""From settings to a run: data source, strategies, domain objects, venue, journal header.

Everything that turns configuration into objects stands here, so that backtest, replay and embedding
build the same run from the same settings.
"""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from importlib import metadata

from orchestrion.actors.system import SystemSettings
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.settings import (
    ActiveStrategy,
    RunSettings,
    build_strategy,
    open_data,
    resolved_json,
)
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.compatibility_analyzer import CompatibilityAnalyzer
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from orchestrion.domain.strategies.library_strategy import LibraryStrategy
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


def build_orchestrator(settings: RunSettings) -> UnifiedStrategyOrchestrator:
    """The domain's orchestrator with all enabled strategies added, checked to fit together.

    Raises:
        ConfigurationError: the strategies do not fit together, or cannot be ranked.
    """
    orchestrator = UnifiedStrategyOrchestrator(
        capital_manager=PortfolioCapitalManager(
            settings.account.capital,
            method=settings.allocation.method,
            reserve_fraction=settings.allocation.reserve_fraction,
        ),
        coordinator=StrategyCoordinator(settings.conflicts.policies),
        compatibility_analyzer=CompatibilityAnalyzer(),
    )
    for active in settings.active_strategies:
        strategy = strategy_factory(active)()
        orchestrator.add_strategy(
            strategy=strategy,
            metadata=_metadata(active, strategy),
            allocation=AllocationConfig(target_pct=active.target_pct),
        )
    report = orchestrator.validate_compatibility()
    if not report.is_compatible:
        raise ConfigurationError(f"incompatible strategies: {'; '.join(report.warnings)}")
    return orchestrator


def _metadata(active: ActiveStrategy, strategy: Strategy) -> StrategyMetadata:
    if isinstance(strategy, LibraryStrategy):
        base = strategy.default_metadata(active.strategy_id)
    else:
        base = StrategyMetadata(
            id=active.strategy_id,
            name=active.strategy_name,
            description=strategy.description,
            instruments=strategy.subscriptions(),
        )
    return base.model_copy(
        update={"priority": active.priority, "depends_on": tuple(active.depends_on)}
    )


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
        custodian=supervision.custodian.value,
        mailbox_messages_max=settings.mailbox_messages_max,
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
