"""The lists ``stops``: how much a strategy, or the account, may lose, from what, and what then."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, model_validator

from orchestrion.adapters.settings.section import Amount, Rate, Section, optional_fraction
from orchestrion.domain.capital.drawdown_stop import Baseline, DrawdownRule
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.capital.session_day import DAY_NS

_MINUTE_NS = 60_000_000_000

DayStart = Annotated[str, Field(pattern="^([01][0-9]|2[0-3]):[0-5][0-9]$")]


class StopSettings(Section):
    """One drawdown stop. A loss that reaches the limit trips it; it stays so until it is reset."""

    baseline: Baseline
    """What the loss is measured from: start (of the run), day_start (last equity of the day
    before) or peak (the highest equity since the start)."""
    limit_pct: Rate | None = Field(default=None, gt=0)
    """Percent of the baseline that may be lost; or"""
    limit_amount: Amount | None = Field(default=None, gt=0, decimal_places=2)
    """the amount that may be lost, account currency. Exactly one of the two."""
    action: StopAction = StopAction.REDUCE_ONLY
    """block_entries: no new entries. reduce_only: working entries are cancelled, too. flatten:
    positions are closed as well. halt: nothing leaves any more, not even exits."""

    @model_validator(mode="after")
    def _one_limit(self) -> StopSettings:
        if (self.limit_pct is None) == (self.limit_amount is None):
            raise ValueError("a stop needs either limit_pct or limit_amount")
        return self

    def rule(self, scope_id: str, day_offset_ns: int) -> DrawdownRule:
        return DrawdownRule(
            scope_id=scope_id,
            baseline=self.baseline,
            action=self.action,
            limit_fraction=optional_fraction(self.limit_pct),
            limit_amount=self.limit_amount,
            day_offset_ns=day_offset_ns,
        )


def day_offset_ns(day_start_utc: str) -> int:
    """What is added to a time before days are counted, so that they begin at this time."""
    hours, _, minutes = day_start_utc.partition(":")
    return -(int(hours) * 60 + int(minutes)) * _MINUTE_NS % DAY_NS
