"""``RunSettings``: everything that a run is configured by. What each key means stands here.

The models check one value at a time; what several keys must agree on is checked by ``agreement``,
on the plain data, so that a user sees the faults of both kinds together. Percent (``…_pct``) exists
only here, at the edge: properties without the suffix give fractions.

Read next: ``loading``, which makes these values from files.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field

from orchestrion.adapters.settings.allocation_settings import AllocationSettings
from orchestrion.adapters.settings.compatibility_settings import CompatibilitySettings
from orchestrion.adapters.settings.conflict_settings import ConflictSettings
from orchestrion.adapters.settings.data_settings import BundledDataSettings, DataSettings
from orchestrion.adapters.settings.execution_settings import ExecutionSettings
from orchestrion.adapters.settings.limit_settings import LimitSettings, StrategyLimitSettings
from orchestrion.adapters.settings.margin_settings import InstrumentRatesSettings, MarginSettings
from orchestrion.adapters.settings.process_settings import (
    JournalSettings,
    LiveSettings,
    PaperSettings,
)
from orchestrion.adapters.settings.rebalance_settings import RebalanceSettings
from orchestrion.adapters.settings.section import Amount, Identifier, Section
from orchestrion.adapters.settings.stop_settings import DayStart, StopSettings, day_offset_ns
from orchestrion.adapters.settings.strategy_settings import (
    ActiveStrategy,
    StrategySettings,
    counted,
)
from orchestrion.domain.capital.allocation_policy import AllocationPolicy
from orchestrion.domain.capital.drawdown_stop import ACCOUNT_SCOPE, DrawdownRule
from orchestrion.domain.capital.limit import NO_LIMITS
from orchestrion.domain.desk.desk_settings import CapitalDeskSettings
from orchestrion.domain.margin.leverage_claim import LeverageClaim
from orchestrion.domain.orchestration.lifecycle import Custodian
from orchestrion.domain.orchestration.unified_strategy_orchestrator import OrchestratorMode
from orchestrion.runtime.mailbox import CAPACITY_MESSAGES

DEFAULT_CAPITAL = Decimal(1_000_000)


class MarginCallAction(StrEnum):
    """What follows from a margin call."""

    TELL = "tell"
    DELEVERAGE = "deleverage"


class AccountSettings(Section):
    id: Identifier = "default"
    """Which account this is; a journal of another one is refused."""
    currency: str = Field(default="USD", pattern="^[A-Z]{3}$")
    """Currency of the account and of every instrument, three capital letters."""
    capital: Amount = Field(default=DEFAULT_CAPITAL, gt=0, decimal_places=2)
    """What the account starts with, in its currency, to the cent."""
    margin: MarginSettings = InstrumentRatesSettings()
    """Which rules say how much equity positions bind; see the tables of margin models."""
    limits: LimitSettings = LimitSettings()
    stops: tuple[StopSettings, ...] = ()
    """Drawdown stops of the whole account, each with baseline, limit_pct or limit_amount,
    action."""
    stops_at_every_slice: bool = False
    """Stops are looked at with every slice of market data, and not only at each session's close
    and when capital moves."""
    margin_call: MarginCallAction = MarginCallAction.TELL
    """When equity falls below the maintenance margin. tell: an event says so, and entries are
    refused. deleverage: positions are closed too, those first that free most per notional."""
    day_start_utc: DayStart = "00:00"
    """When a day begins for stops and for the calendar of rebalance, HH:MM in UTC."""

    @property
    def day_offset_ns(self) -> int:
        return day_offset_ns(self.day_start_utc)


class SupervisionSettings(Section):
    max_failures: int = Field(default=3, ge=1, le=1_000)
    """The failure with this number inside a window quarantines the strategy."""
    within_s: float = Field(default=60.0, gt=0, le=1e9)
    """Window in seconds of market time."""
    within_rounds: int = Field(default=20, ge=1, le=1_000_000)
    """Window in the strategy's own rounds."""
    blocked_after_s: float | None = Field(default=None, gt=0, le=86_400)
    """Seconds of real time after which a call of a synchronous strategy counts as blocked: the
    process names it and ends with exit code 1, and the next start of a paper or live run
    quarantines it. [default: 30 in paper and live runs, no limit in backtests]"""
    custodian: Custodian = Custodian.HOLD
    """hold: its positions stay, with their protective orders. flatten: they are closed. hand_over:
    the strategy that custodian_heir names takes them into its book."""
    custodian_heir: str | None = Field(default=None, min_length=1)
    """Id of the strategy that positions are handed over to."""

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
    limits: StrategyLimitSettings | None = None
    """Limits of that strategy; several strategies have them in their entries."""
    promote_lone_strategy: bool = False
    """Give all the capital to a strategy that is the only enabled one, whatever its percent."""
    account: AccountSettings = AccountSettings()
    allocation: AllocationSettings = AllocationSettings()
    rebalance: RebalanceSettings = RebalanceSettings()
    data: DataSettings = BundledDataSettings()
    execution: ExecutionSettings = ExecutionSettings()
    conflicts: ConflictSettings = ConflictSettings()
    compatibility: CompatibilitySettings = CompatibilitySettings()
    supervision: SupervisionSettings = SupervisionSettings()
    statistics: StatisticsSettings = StatisticsSettings()
    paper: PaperSettings = PaperSettings()
    live: LiveSettings = LiveSettings()
    journal: JournalSettings = JournalSettings()
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
            config = self.config or {}
            single = ActiveStrategy(
                strategy_id=single_strategy_id(self.strategy),
                strategy_name=self.strategy,
                config=config,
                target_pct=100.0,
                limits=NO_LIMITS if self.limits is None else self.limits.limits_with(config),
            )
            return (single,)
        targets = self._target_pcts()
        return tuple(
            ActiveStrategy(
                strategy_id=key,
                strategy_name=one.strategy or key,
                config=one.config,
                target_pct=targets[key],
                priority=one.priority,
                depends_on=one.depends_on,
                limits=one.limits.limits_with(one.config),
                declared=one.declared,
            )
            for key, one in self._enabled.items()
        )

    @property
    def disabled_ids(self) -> tuple[str, ...]:
        """Strategies that are configured and do not run, in the order of the file."""
        return tuple(key for key, one in (self.strategies or {}).items() if not one.enabled)

    @property
    def allocation_policy(self) -> AllocationPolicy:
        """How the capital is divided among the enabled strategies."""
        return self.allocation.policy(
            {
                key: self.allocation.bound(one.min_pct, one.max_pct)
                for key, one in self._enabled.items()
                if one.min_pct is not None or one.max_pct is not None
            }
        )

    @property
    def leverage_claims(self) -> tuple[LeverageClaim, ...]:
        """What the enabled strategies want the venue to set, in the order of the file."""
        return tuple(
            said.claim(key, instrument_id)
            for key, one in self._enabled.items()
            for instrument_id, said in one.leverage_claims.items()
        )

    @property
    def stop_rules(self) -> tuple[DrawdownRule, ...]:
        """All drawdown stops: the account's, then the strategies' in the order of the file."""
        scopes = [(ACCOUNT_SCOPE, self.account.stops)]
        scopes += [(key, one.stops) for key, one in self._enabled.items()]
        offset_ns = self.account.day_offset_ns
        return tuple(one.rule(scope_id, offset_ns) for scope_id, stops in scopes for one in stops)

    @property
    def capital_desk(self) -> CapitalDeskSettings:
        """What moves and stops capital during the run."""
        offset_ns = self.account.day_offset_ns
        return CapitalDeskSettings(
            triggers=self.rebalance.triggers(offset_ns),
            rebalance=self.rebalance.policy,
            stops=self.stop_rules,
            stops_at_every_slice=self.account.stops_at_every_slice,
            deleverages=self.account.margin_call is MarginCallAction.DELEVERAGE,
            day_offset_ns=offset_ns,
        )

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a reader may not expect of these settings, in words."""
        entries = list(self._enabled.values())
        if not entries:
            return ()
        remarks: list[str] = []
        is_lone = len(entries) == 1
        method, fallback = self.allocation.method, self.allocation.fallback
        if is_lone and self.promote_lone_strategy:
            remarks.append("the only enabled strategy is given all the capital")
        elif not self.allocation.uses_percentages and any(
            one.allocation_pct is not None for one in entries
        ):
            remarks.append(f"allocation_pct is not used by the method {method}")
        if fallback is not None and not is_lone:
            until = "" if self.rebalance.has_trigger else "; no trigger of rebalance is set"
            remarks.append(f"{fallback} divides the capital where {method} has no history{until}")
        given = (Decimal(repr(one.target_pct)) for one in self.active_strategies)
        reserve = Decimal(100) - sum(given, Decimal(0))
        if reserve > Decimal("1e-9"):
            remarks.append(f"{reserve.normalize():f} % of the capital stay in reserve")
        return tuple(remarks)

    @property
    def _enabled(self) -> dict[str, StrategySettings]:
        return {key: one for key, one in (self.strategies or {}).items() if one.enabled}

    def _target_pcts(self) -> dict[str, float]:
        enabled = self._enabled
        if len(enabled) == 1 and self.promote_lone_strategy:
            return dict.fromkeys(enabled, 100.0)
        if self.allocation.uses_percentages:
            written = {key: _written(one.allocation_pct) for key, one in enabled.items()}
            return {key: float(one) for key, one in counted(written).items()}
        share = float(100 - self.allocation.reserve_pct) / max(len(enabled), 1)
        return dict.fromkeys(enabled, share)


def _written(percent: float | None) -> Decimal:
    return Decimal(repr(percent or 0.0))


def single_strategy_id(strategy: str) -> str:
    """The id in single mode: the library name, or the class of an import path."""
    return strategy.rpartition(":")[2]
