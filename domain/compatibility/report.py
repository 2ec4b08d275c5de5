"""What an analysis says: findings, figures with their samples, synergies, recommendations.

Values only. Scores are 0 to 100 here and 0 to 1 inside the rules. A figure that cannot be given is
None, and a ``Gap`` says how much history is missing.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from orchestrion.domain.compatibility.history import Alignment
from orchestrion.domain.compatibility.recommendation import Recommendation


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"
    """Refuses the start."""


SEVEREST_FIRST = (Severity.ERROR, Severity.WARNING, Severity.INFO)


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a rule noticed.

    Attributes:
        rule: id of the rule.
        strategy_ids: whom it is about, in rank order.
        message: what was found, in words and figures.
        recommendation: what can be done about it.
        explanation: why it matters.
        score: what the rule gave, 0 (worst) to 1; None when it does not score.
    """

    rule: str
    severity: Severity
    strategy_ids: tuple[str, ...]
    message: str
    recommendation: str = ""
    explanation: str = ""
    score: float | None = None


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that could not be judged, as a rule for want of history.

    Attributes:
        count, of: in how many cases, of how many that it was asked for.
        message: the first case in words, with what is there and what is needed.
    """

    rule: str
    count: int
    of: int
    message: str


class PairFigures(msgspec.Struct, frozen=True, kw_only=True):
    """How two strategies went together; None where there is no figure or too small a sample.

    Attributes:
        common_days: days on which both have a point of equity; always there.
        returns: common returns, by the alignment that is set.
        pearson, spearman, downside: correlations of returns, of their ranks, of the shortfalls.
        losing_both: periods in which both lost.
        joint_drawdown: largest fall of the two together over the sum of their own, 0 to 1.
        common_instrument_days: days on which both held or traded an instrument, per instrument.
        opposing_rate: fraction of those with opposite sides.
        margin_days: common days with margin.
        margin_coincidence: how often both are near their peak of margin at once, 0 to 1.
    """

    common_days: int
    returns: int
    pearson: float | None = None
    spearman: float | None = None
    downside: float | None = None
    losing_both: int | None = None
    joint_drawdown: float | None = None
    common_instrument_days: int = 0
    opposing_rate: float | None = None
    margin_days: int = 0
    margin_coincidence: float | None = None


class PairAssessment(msgspec.Struct, frozen=True, kw_only=True):
    """One cell of the pair matrix.

    Attributes:
        strategy_ids: two, in rank order.
        score: 0 to 100, 0 with an ERROR; None when less than half of the rules, by weight, could
            judge the pair.
        declared_score: the same by what the two declare alone: 0 they share all, 100 nothing.
        measured_fraction: weight of the rules that could judge it, as a fraction of those that
            apply to it.
        rule_scores: (rule id, score 0 to 1) of the rules that could.
    """

    strategy_ids: tuple[str, str]
    score: float | None
    declared_score: float | None
    measured_fraction: float
    figures: PairFigures
    rule_scores: tuple[tuple[str, float], ...] = ()


class Concentration(msgspec.Struct, frozen=True, kw_only=True):
    """How the capital is spread over the values of one dimension.

    Attributes:
        dimension: instrument, underlying, asset_class or horizon.
        herfindahl: sum of squared shares; None when nobody says anything.
        shares: (value, fraction of the declaring strategies' capital), largest first.
        strategies: how many strategies say something, of all.
    """

    dimension: str
    herfindahl: float | None
    shares: tuple[tuple[str, float], ...]
    strategies: int

    @property
    def effective_number(self) -> float | None:
        """How many equal parts would be as concentrated."""
        return None if self.herfindahl is None else 1 / self.herfindahl


class PortfolioRisk(msgspec.Struct, frozen=True, kw_only=True):
    """Figures of the whole, at the capital shares of the lineup.

    Attributes:
        strategy_ids: whose returns the figures rest on, in rank order.
        strategies: of how many.
        common_days: days that all of them have; always there.
        returns: common returns, by the alignment that is set.
        diversification_ratio: weighted mean volatility over the volatility of the whole.
        risk_shares: (strategy id, share of the variance of the whole); negative for a hedge.
        joint_drawdown: largest fall of the whole over the sum of the single ones, 0 to 1.
        max_drawdown: largest fall of the whole, as a fraction of its high.
        leverage: declared gross notional over the capital of the account.
        margin_use: largest sum of margin peaks on a common day, over the capital of the account.
        margin_day: that day.
        margin_days: common days of all strategies with a margin history.
    """

    strategy_ids: tuple[str, ...]
    strategies: int
    common_days: int
    returns: int
    diversification_ratio: float | None = None
    risk_shares: tuple[tuple[str, float], ...] = ()
    joint_drawdown: float | None = None
    max_drawdown: float | None = None
    leverage: float | None = None
    margin_use: float | None = None
    margin_day: int | None = None
    margin_days: int = 0


class SynergyKind(StrEnum):
    DOWNSIDE_HEDGE = "downside_hedge"
    """Their losses fall on different periods."""
    CUSHION = "cushion"
    """The second gains in the worst periods of the first."""
    DRAWDOWN_OFFSET = "drawdown_offset"
    """Together they fall much less than each alone."""
    DIVERSIFICATION = "diversification"
    """The whole moves less than its parts."""


class Synergy(msgspec.Struct, frozen=True, kw_only=True):
    """Strategies that are better together, with the evidence.

    Attributes:
        value: the figure that the kind is about.
        samples: periods that it rests on.
        message: the evidence in words.
    """

    kind: SynergyKind
    strategy_ids: tuple[str, ...]
    value: float
    samples: int
    message: str


class CompatibilityReport(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict and everything that led to it.

    Attributes:
        is_compatible: no finding is an ERROR.
        findings: errors first; then by rule, then by rank.
        strategy_ids: who was looked at, in rank order.
        score: of the whole, 0 to 100; 0 with an ERROR, None for a single strategy and when less
            than half of the rules, by weight, could judge it.
        declared_score: the same by what the strategies declare alone.
        measured_fraction: weight of the rules that the score rests on, as a fraction of those
            that apply.
        pairs: every pair once, in rank order.
        alignment, returns_min: how returns were put side by side, and how many a figure needs.
    """

    is_compatible: bool
    findings: tuple[Finding, ...] = ()
    strategy_ids: tuple[str, ...] = ()
    score: float | None = None
    declared_score: float | None = None
    measured_fraction: float = 0.0
    pairs: tuple[PairAssessment, ...] = ()
    risk: PortfolioRisk | None = None
    concentrations: tuple[Concentration, ...] = ()
    synergies: tuple[Synergy, ...] = ()
    recommendations: tuple[Recommendation, ...] = ()
    gaps: tuple[Gap, ...] = ()
    alignment: Alignment = Alignment.DAILY
    returns_min: int = 0

    @property
    def warnings(self) -> list[str]:
        """Messages of all findings above INFO, errors first."""
        ordered = sorted(self.findings, key=lambda one: SEVEREST_FIRST.index(one.severity))
        return [one.message for one in ordered if one.severity is not Severity.INFO]
