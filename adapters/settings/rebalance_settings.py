"""The ``rebalance`` section: when capital moves back to the targets, and how.

Without a trigger nothing moves by itself; a rebalance that an operator or a program asks for
follows the same policy.
"""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from orchestrion.adapters.settings.section import (
    Amount,
    Rate,
    Section,
    fraction_of,
    optional_fraction,
)
from orchestrion.domain.capital.rebalance_trigger import TriggerRules
from orchestrion.domain.capital.rebalancing import RebalancePolicy
from orchestrion.domain.capital.reduction import ReductionPolicy
from orchestrion.domain.capital.session_day import Period
from orchestrion.domain.models.money import CENT, ZERO


class RebalanceSettings(Section):
    calendar: Period | None = None
    """At the first session of a new period: daily, weekly, monthly or quarterly."""
    absolute_band_pct: Rate | None = None
    """When a strategy's weight is more than this many percentage points of the capital away from
    its target."""
    relative_band_pct: Amount | None = Field(default=None, ge=0, le=10_000, decimal_places=7)
    """When a weight is more than this percent of its target away from it."""
    drawdown_pct: Rate | None = Field(default=None, gt=0)
    """When the strategies and the reserve together have lost this percent of their peak."""
    minimum_transfer: Amount = Field(default=CENT, ge=CENT, decimal_places=2)
    """A smaller difference is left alone, account currency."""
    reduction: ReductionPolicy = ReductionPolicy.PROPORTIONAL
    """Which structures a strategy closes that has to give and has nothing free: proportional or
    largest_first."""
    cost_pct: Rate = ZERO
    """What closing costs (spread and fees), percent of the closed notional."""
    cost_max_pct: Rate = Decimal(100)
    """A strategy closes nothing when that would cost more than this percent of what it frees."""
    sessions_max: int = Field(default=20, ge=1, le=1_000_000)
    """After so many sessions what is still to move is given up."""

    @property
    def policy(self) -> RebalancePolicy:
        return RebalancePolicy(
            minimum_transfer=self.minimum_transfer,
            reduction=self.reduction,
            cost_fraction=fraction_of(self.cost_pct),
            cost_fraction_max=fraction_of(self.cost_max_pct),
            sessions_max=self.sessions_max,
        )

    def triggers(self, day_offset_ns: int) -> TriggerRules:
        return TriggerRules(
            calendar=self.calendar,
            absolute_band=optional_fraction(self.absolute_band_pct),
            relative_band=optional_fraction(self.relative_band_pct),
            drawdown_fraction=optional_fraction(self.drawdown_pct),
            day_offset_ns=day_offset_ns,
        )

    @property
    def has_trigger(self) -> bool:
        return any(
            one is not None
            for one in (
                self.calendar,
                self.absolute_band_pct,
                self.relative_band_pct,
                self.drawdown_pct,
            )
        )
