"""``CompatibilityAnalyzer``: do these strategies fit together on one account?

The specification's face of ``domain.compatibility``, where the rules, the figures and the words
are. Checked before a run starts; a finding of severity ERROR refuses the start. A strategy that
joins while others run is checked by ``admit``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from orchestrion.domain.compatibility.admission import admission
from orchestrion.domain.compatibility.analysis import DEFAULT_RULES, analyze, check_rules
from orchestrion.domain.compatibility.history import StrategyHistory
from orchestrion.domain.compatibility.lineup import (
    DEFAULT_SETTINGS,
    NO_HISTORIES,
    NO_POLICIES,
    AnalysisSettings,
    Candidate,
    Lineup,
)
from orchestrion.domain.compatibility.report import CompatibilityReport, Finding, Severity
from orchestrion.domain.compatibility.rule import Rule

__all__ = ["Candidate", "CompatibilityAnalyzer", "CompatibilityReport", "Finding", "Severity"]


class CompatibilityAnalyzer:
    """Runs the rules. Size: rules x pairs of strategies x common days.

    Attributes:
        rules, settings: what is asked, and from how much history on a figure is given.
    """

    def __init__(
        self, rules: Sequence[Rule] | None = None, settings: AnalysisSettings = DEFAULT_SETTINGS
    ) -> None:
        """
        Raises:
            ConfigurationError: two rules have one id.
        """
        self.rules = tuple(rules) if rules is not None else DEFAULT_RULES
        self.settings = settings
        check_rules(self.rules)

    def analyze(
        self,
        candidates: Sequence[Candidate],
        *,
        histories: Mapping[str, StrategyHistory] = NO_HISTORIES,
        total_capital: Decimal | None = None,
        disabled_ids: Sequence[str] = (),
        conflict_policies: Mapping[str, str] = NO_POLICIES,
    ) -> CompatibilityReport:
        """The report for strategies in rank order. One strategy alone always passes.

        Raises:
            ConfigurationError: see ``compatibility.lineup.Lineup``.
        """
        lineup = Lineup(
            candidates=tuple(candidates),
            histories=histories,
            total_capital=total_capital,
            disabled_ids=tuple(disabled_ids),
            conflict_policies=conflict_policies,
        )
        return analyze(lineup, self.settings, self.rules)

    def admit(
        self,
        candidates: Sequence[Candidate],
        newcomer: Candidate,
        reserve: Decimal,
        *,
        histories: Mapping[str, StrategyHistory] = NO_HISTORIES,
        conflict_policies: Mapping[str, str] = NO_POLICIES,
    ) -> CompatibilityReport:
        """Whether a strategy may join those that run; see ``compatibility.admission``."""
        return admission(
            candidates,
            newcomer,
            reserve,
            histories=histories,
            conflict_policies=conflict_policies,
            settings=self.settings,
            rules=self.rules,
        )
