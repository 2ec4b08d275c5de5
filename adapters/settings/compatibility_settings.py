"""The ``compatibility`` section: from how much on a figure is given, and what is too much."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any, ClassVar, TypeAlias

import msgspec
from pydantic import Field, model_validator

from orchestrion.adapters.settings.section import Amount, Identifier, RuleSection, Section
from orchestrion.domain.compatibility.analysis import DEFAULT_RULES
from orchestrion.domain.compatibility.history import Alignment
from orchestrion.domain.compatibility.lineup import AnalysisSettings
from orchestrion.domain.compatibility.report import Severity
from orchestrion.domain.compatibility.rule import Rule

_Days: TypeAlias = Annotated[int, Field(ge=1, le=1_000_000)]


class CompatibilityRuleSettings(Section):
    enabled: bool = True
    """false leaves the rule out."""
    weight: float | None = Field(default=None, ge=0, le=1_000)
    """Its part in the scores; 0 makes it a gate that only refuses or warns."""
    pass_score: float | None = Field(default=None, gt=0, le=1)
    """A score below this is told as a finding; scores of rules go from 0 to 1."""
    severity: Severity | None = None
    """How much a finding matters: info, warning, or error, which refuses the start."""

    def applied_to(self, rule: Rule) -> Rule:
        changes: dict[str, Any] = {
            key: value
            for key in ("weight", "pass_score", "severity")
            if (value := getattr(self, key)) is not None
        }
        return msgspec.structs.replace(rule, **changes)


class CompatibilitySettings(RuleSection):
    inside_names: ClassVar[Mapping[str, str]] = MappingProxyType(
        {"margin_use_max_pct": "margin_use_max"}
    )

    alignment: Alignment = Alignment.DAILY
    """How equity curves are put side by side: daily or weekly, for strategies that seldom have a
    day in common."""
    daily_returns_min: int = Field(default=60, ge=3, le=1_000_000)
    """Common daily returns below which no correlation is given."""
    weekly_returns_min: int = Field(default=26, ge=3, le=1_000_000)
    """The same for weekly alignment."""
    returns_max: int = Field(default=1_260, ge=3, le=1_000_000)
    """Only so many of the latest returns are used."""
    losses_min: _Days = 10
    """Losing periods that each must have for a downside correlation."""
    instrument_days_min: _Days = 20
    """Days with both in one instrument below which no opposing direction rate is given."""
    margin_days_min: _Days = 20
    """Common days with margin below which peaks are not compared."""
    expiry_weeks_min: _Days = 4
    """Weeks with expiries that each must have for same-week expiries."""
    leverage_max: Amount = Field(default=Decimal(2), gt=0, decimal_places=9)
    """Declared leverage of the account, as a multiple of the capital, that is worth a warning."""
    leverage_limit: Amount | None = Field(default=None, gt=0, decimal_places=9)
    """Declared leverage above which the start is refused."""
    margin_use_max_pct: Amount = Field(default=Decimal(80), gt=0, le=10_000, decimal_places=7)
    """Margin peaks added up, as percent of the capital, that are worth a warning."""
    rules: dict[Identifier, CompatibilityRuleSettings] = Field(default_factory=dict)
    """By id of the rule, as findings name it: enabled, weight, pass_score, severity."""

    @model_validator(mode="after")
    def _returns_in_order(self) -> CompatibilitySettings:
        if self.returns_max < max(self.daily_returns_min, self.weekly_returns_min):
            raise ValueError("returns_max must be at least daily_ and weekly_returns_min")
        return self

    @property
    def analysis(self) -> AnalysisSettings:
        values = self.inside()
        del values["rules"]
        return AnalysisSettings(**values)

    @property
    def applied_rules(self) -> tuple[Rule, ...]:
        """All rules in their order, with what is changed of them."""
        nothing = CompatibilityRuleSettings()
        changed = [(rule, self.rules.get(rule.id, nothing)) for rule in DEFAULT_RULES]
        return tuple(one.applied_to(rule) for rule, one in changed if one.enabled)
