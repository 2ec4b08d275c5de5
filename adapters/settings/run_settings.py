"""``RunSettings``: everything that a run is configured by. What each key means stands here.

The models check one value at a time; what several keys must agree on is checked by ``agreement``,
on the plain data, so that a user sees the faults of both kinds together. Percent (``…_pct``) exists
only here, at the edge: properties without the suffix give fractions.

Read next: ``loading``, which makes these values from files.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

import msgspec
from pydantic import Field

from orchestrion.adapters.settings.data_settings import BundledDataSettings, DataSettings
from orchestrion.adapters.settings.execution_settings import ExecutionSettings
from orchestrion.adapters.settings.section import Amount, Section
from orchestrion.domain.orchestration.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.orchestration.portfolio_capital_manager import AllocationMethod
from orchestrion.domain.orchestration.unified_strategy_orchestrator import OrchestratorMode
from orchestrion.runtime.mailbox import CAPACITY_MESSAGES

DEFAULT_CAPITAL = Decimal(1_000_000)


class AccountSettings(Section):
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    """Currency of the account and of every instrument, three capital letters."""
    capital: Amount = Field(default=DEFAULT_CAPITAL, gt=0, decimal_places=2)
    """What the account starts with, in its currency, to the cent."""


class AllocationSettings(Section):
    method: AllocationMethod = AllocationMethod.CUSTOM
    """custom: by allocation_pct, what is left is reserve. equal_weight: the same for each."""
    reserve_pct: float = Field(default=0.0, ge=0, lt=100)
    """Percent of the capital that equal_weight gives to nobody."""

    @property
    def reserve_fraction(self) -> Decimal:
        return Decimal(repr(self.reserve_pct)).scaleb(-2)


class ConflictSettings(Section):
    default: ConflictPolicy = ConflictPolicy.PRIORITY
    """For every conflict type that is not named below. priority: the better rank goes on;
    reject_all: nobody enters; allow: everybody goes on. An exit never loses to an entry."""
    OPPOSING_SIDES: ConflictPolicy | None = None
    """Strategies want opposite sides of one instrument at the same time."""

    @property
    def policies(self) -> ConflictPolicies:
        return ConflictPolicies(opposing_sides=self.OPPOSING_SIDES or self.default)


class Custodian(StrEnum):
    """Who looks after the positions of a strategy that was quarantined."""

    HOLD = "hold"
    FLATTEN = "flatten"


class SupervisionSettings(Section):
    max_failures: int = Field(default=3, ge=1, le=1_000)
    """The failure with this number inside a window quarantines the strategy."""
    within_s: float = Field(default=60.0, gt=0, le=1e9)
    """Window in seconds of market time."""
    within_rounds: int = Field(default=20, ge=1, le=1_000_000)
    """Window in the strategy's own rounds."""
    custodian: Custodian = Custodian.HOLD
    """hold: its positions stay, with their protective orders. flatten: they are closed."""

    @property
    def within_ns(self) -> int:
        return max(1, round(Decimal(repr(self.within_s)) * 1_000_000_000))


class StatisticsSettings(Section):
    risk_free_rate_pct: float = Field(default=0.0, gt=-100, le=1_000)
    """Percent a year, for the Sharpe and Sortino ratios."""
    periods_per_year: float = Field(default=252.0, gt=0, le=100_000_000)
    """Points of the equity curve per year: 252 for daily closes of shares, 365 for crypto."""

    @property
    def risk_free_rate(self) -> float:
        return self.risk_free_rate_pct / 100


class StrategySettings(Section):
    """One entry of ``strategies``."""

    enabled: bool = True
    """false leaves the strategy out of the run; its settings are checked all the same."""
    allocation_pct: float | None = Field(default=None, gt=0, le=100)
    """Percent of the capital that this strategy is given."""
    strategy: str | None = Field(default=None, min_length=1)
    """Library name or import path package.module:Class; the entry's own key unless given."""
    config: dict[str, Any] = Field(default_factory=dict)
    """The strategy's parameters; `orchestrion strategies` lists them."""
    priority: int = Field(default=0, ge=-1_000_000, le=1_000_000)
    """Higher goes first within a stage and wins conflicts."""
    depends_on: tuple[str, ...] = ()
    """Ids of strategies whose signals it reads; it runs after them."""


class ActiveStrategy(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy that will run, whatever the form of the configuration.

    Attributes:
        strategy_name: library name or import path.
        config: its parameters, complete with defaults, as plain JSON-like data.
        target_pct: percent of the capital that the allocation method aims at.
    """

    strategy_id: str
    strategy_name: str
    config: Mapping[str, Any]
    target_pct: float
    priority: int = 0
    depends_on: tuple[str, ...] = ()


class RunSettings(Section):
    """Everything that a run is configured by. Made by ``load_settings``, which checks the whole."""

    version: Literal[1] = 1
    """Version of this format."""
    name: str = Field(default="run", min_length=1, max_length=100)
    """What tables and the journal call the run; the file's name unless given."""
    strategy: str | None = Field(default=None, min_length=1)
    """One strategy with all the capital: a library name, or an import path package.module:Class."""
    config: dict[str, Any] | None = None
    """The parameters of that strategy."""
    strategies: dict[str, StrategySettings] | None = Field(default=None, min_length=1)
    """Several strategies by id; the id is the library name unless the entry names a strategy."""
    promote_lone_strategy: bool = False
    """Give all the capital to a strategy that is the only enabled one, whatever its percent."""
    account: AccountSettings = AccountSettings()
    allocation: AllocationSettings = AllocationSettings()
    data: DataSettings = BundledDataSettings()
    execution: ExecutionSettings = ExecutionSettings()
    conflicts: ConflictSettings = ConflictSettings()
    supervision: SupervisionSettings = SupervisionSettings()
    statistics: StatisticsSettings = StatisticsSettings()
    mailbox_messages_max: int = Field(default=CAPACITY_MESSAGES, ge=1, le=10_000_000)
    """Bound of every mailbox, in messages."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """Of every random draw."""

    @property
    def mode(self) -> OrchestratorMode:
        """By the form alone: one enabled entry of ``strategies`` is still MULTI."""
        return OrchestratorMode.MULTI if self.strategy is None else OrchestratorMode.SINGLE

    @property
    def active_strategies(self) -> tuple[ActiveStrategy, ...]:
        """The enabled strategies in the order of the file, which breaks ties of priority."""
        if self.strategy is not None:
            single = ActiveStrategy(
                strategy_id=single_strategy_id(self.strategy),
                strategy_name=self.strategy,
                config=self.config or {},
                target_pct=100.0,
            )
            return (single,)
        enabled = {key: one for key, one in (self.strategies or {}).items() if one.enabled}
        return tuple(
            ActiveStrategy(
                strategy_id=key,
                strategy_name=one.strategy or key,
                config=one.config,
                target_pct=self._target_pct(one, len(enabled)),
                priority=one.priority,
                depends_on=one.depends_on,
            )
            for key, one in enabled.items()
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader may not expect of these settings, in words."""
        entries = [one for one in (self.strategies or {}).values() if one.enabled]
        if not entries:
            return ()
        remarks: list[str] = []
        if len(entries) == 1 and self.promote_lone_strategy:
            remarks.append("the only enabled strategy is given all the capital")
        elif self.allocation.method is AllocationMethod.EQUAL_WEIGHT and any(
            one.allocation_pct is not None for one in entries
        ):
            remarks.append("allocation_pct is not used by the method equal_weight")
        given = (Decimal(repr(one.target_pct)) for one in self.active_strategies)
        reserve = Decimal(100) - sum(given, Decimal(0))
        if reserve > Decimal("1e-9"):
            remarks.append(f"{reserve.normalize():f} % of the capital stay in reserve")
        return tuple(remarks)

    def _target_pct(self, entry: StrategySettings, count: int) -> float:
        if count == 1 and self.promote_lone_strategy:
            return 100.0
        if self.allocation.method is AllocationMethod.EQUAL_WEIGHT:
            return (100 - self.allocation.reserve_pct) / count
        return entry.allocation_pct or 0.0


def single_strategy_id(strategy: str) -> str:
    """The id in single mode: the library name, or the class of an import path."""
    return strategy.rpartition(":")[2]
