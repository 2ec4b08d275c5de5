"""One entry of ``strategies``, and what runs in the end: ``ActiveStrategy``."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_DOWN, Decimal
from types import MappingProxyType
from typing import Any

import msgspec
from pydantic import Field

from orchestrion.adapters.settings.limit_settings import (
    LeverageClaimSettings,
    StrategyLimitSettings,
)
from orchestrion.adapters.settings.section import Amount, Identifier, Section, Weight
from orchestrion.adapters.settings.stop_settings import StopSettings
from orchestrion.domain.capital.limit import NO_LIMITS, Limits
from orchestrion.domain.models.strategy_metadata import Horizon

PERCENT_STEP = Decimal("1e-12")
"""Tolerance of percentages: what is written beyond twelve decimals comes from dividing floats
(100 / 3 is 33.333333333333336, three times that is 100.000000000000008) and is cut off where the
sum would pass 100 by it. Of a capital of a trillion that is a cent."""


class StrategySettings(Section):
    """One entry of ``strategies``."""

    enabled: bool = True
    """false leaves the strategy out of the run; its settings are checked all the same."""
    allocation_pct: float | None = Field(default=None, gt=0, le=100)
    """Percent of the capital that this strategy is given. The sum must not pass 100; decimals
    beyond the twelfth do not count there."""
    min_pct: Weight | None = None
    """The least that it is given, percent of the capital; allocation.min_pct unless given."""
    max_pct: Weight | None = None
    """The most that it is given, percent of the capital; allocation.max_pct unless given."""
    strategy: str | None = Field(default=None, min_length=1)
    """Library name or import path package.module:Class; the entry's own key unless given."""
    config: dict[str, Any] = Field(default_factory=dict)
    """The strategy's parameters; `orchestrion strategies` lists them."""
    priority: int = Field(default=0, ge=-1_000_000, le=1_000_000)
    """Higher goes first within a stage and wins conflicts."""
    depends_on: tuple[str, ...] = ()
    """Ids of strategies whose signals it reads; it runs after them."""
    limits: StrategyLimitSettings = StrategyLimitSettings()
    stops: tuple[StopSettings, ...] = ()
    """Drawdown stops of its own book, each with baseline, limit_pct or limit_amount, action."""
    leverage_claims: dict[Identifier, LeverageClaimSettings] = Field(default_factory=dict)
    """What it wants the venue to set, by instrument id: leverage, margin_mode. The account has one
    setting per instrument, so claims of two strategies must agree."""
    exclusive_instruments: tuple[Identifier, ...] | None = None
    """Ids of instruments that no other strategy on the account may trade."""
    minimum_capital: Amount | None = Field(default=None, ge=0, decimal_places=2)
    """Account currency below which it cannot work; given less, it refuses the start."""
    horizon: Horizon | None = None
    """How long it usually holds: intraday, days, weeks or months; what its past shows counts more.
    For the compatibility analysis, as are the three that follow."""
    leverage: Amount | None = Field(default=None, gt=0, le=1_000, decimal_places=9)
    """Gross notional that it may hold, as a multiple of its budget; what the strategy declares
    unless given."""
    underlyings: tuple[Identifier, ...] | None = Field(default=None, min_length=1)
    """What its risk hangs on; what the strategy declares unless given."""
    asset_classes: tuple[Identifier, ...] | None = Field(default=None, min_length=1)
    """equity, future, option…; what the strategy declares unless given."""

    @property
    def declared(self) -> dict[str, Any]:
        """What is said here about the strategy, as fields of its metadata."""
        said: dict[str, Any] = {"priority": self.priority, "depends_on": self.depends_on}
        for key in ("exclusive_instruments", "horizon", "underlyings", "asset_classes"):
            if getattr(self, key) is not None:
                said[key] = getattr(self, key)
        for key in ("minimum_capital", "leverage"):
            value: Decimal | None = getattr(self, key)
            if value is not None:
                said[key] = float(value)
        return said


class ActiveStrategy(msgspec.Struct, frozen=True, kw_only=True):
    """A strategy that will run, whatever the form of the configuration.

    Attributes:
        strategy_name: library name or import path.
        config: its parameters, complete with defaults, as plain JSON-like data.
        target_pct: percent of the capital that the allocation method aims at; for a method that
            estimates, before it has.
        limits: of its own budget.
        declared: fields of its metadata that the configuration states.
    """

    strategy_id: str
    strategy_name: str
    config: dict[str, Any]
    target_pct: float
    priority: int = 0
    depends_on: tuple[str, ...] = ()
    limits: Limits = NO_LIMITS
    declared: Mapping[str, Any] = MappingProxyType({})


def counted(percentages: Mapping[str, Decimal]) -> dict[str, Decimal]:
    """Percentages as they count: cut to twelve decimals when they pass 100 as written and do not
    when cut, else as written.

    Args:
        percentages: strategy id -> percent.
    """
    if sum(percentages.values(), Decimal(0)) > 100:
        cut = {
            key: one.quantize(PERCENT_STEP, rounding=ROUND_DOWN) for key, one in percentages.items()
        }
        if sum(cut.values(), Decimal(0)) <= 100:
            return cut
    return dict(percentages)
