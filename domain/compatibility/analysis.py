"""``analyze``: all rules over a lineup, and what follows from their answers.

A pair's score is the weighted mean of the rules that could judge it; the score of the whole is the
weighted mean over all rules, a rule about pairs counting with its mean over the pairs by the
product of their capital shares, a rule about strategies by their shares. What could not be judged
has no part in a mean and is told as a ``Gap``; when that is more than half of the weight, there is
no score but only the one by what is declared. An ERROR makes a score 0.

Size: rules x pairs of strategies; the figures behind them are computed once, see ``evidence``.
Fifty strategies with 252 days each take about a second, two when no two have the same days.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from itertools import chain, combinations
from typing import TypeAlias

import msgspec

from orchestrion.domain.compatibility.concentration import Dimension, concentration
from orchestrion.domain.compatibility.declared_rules import DECLARED_RULES
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.history_rules import HISTORY_RULES
from orchestrion.domain.compatibility.lineup import DEFAULT_SETTINGS, AnalysisSettings, Lineup
from orchestrion.domain.compatibility.recommendation import Recommendation
from orchestrion.domain.compatibility.report import (
    SEVEREST_FIRST,
    CompatibilityReport,
    Finding,
    Gap,
    PairAssessment,
    Severity,
)
from orchestrion.domain.compatibility.rule import Measured, Measurement, NotMeasured, Rule, Scope
from orchestrion.domain.compatibility.synergy import synergies
from orchestrion.domain.errors import ConfigurationError

DEFAULT_RULES: tuple[Rule, ...] = (*DECLARED_RULES, *HISTORY_RULES)

MEASURED_MIN = 0.5
"""Fraction of the weight of the rules that a score has to rest on; arbitrary."""
_ROUNDING = 1e-9  # a score that misses the pass mark only by the rounding of doubles passes


class _Answer(msgspec.Struct, frozen=True):
    """What one rule says about the strategies it was asked about."""

    rule: Rule
    strategy_ids: tuple[str, ...]
    measurement: Measurement

    @property
    def score(self) -> float | None:
        return self.measurement.score if isinstance(self.measurement, Measured) else None

    @property
    def is_finding(self) -> bool:
        return self.score is not None and self.score < self.rule.pass_score - _ROUNDING


class _Score(msgspec.Struct, frozen=True):
    """A mean over rules, and over those that need no history; 0 to 100."""

    total: float | None
    declared: float | None
    measured_fraction: float


_Answers: TypeAlias = tuple[tuple[_Answer, ...], ...]


def analyze(
    lineup: Lineup,
    settings: AnalysisSettings = DEFAULT_SETTINGS,
    rules: Sequence[Rule] = DEFAULT_RULES,
) -> CompatibilityReport:
    """The report for strategies in rank order. A single one always passes.

    Raises:
        ConfigurationError: two rules have one id.
    """
    check_rules(rules)
    if len(lineup.candidates) <= 1:
        return CompatibilityReport(is_compatible=True, strategy_ids=lineup.strategy_ids)
    return judge(Evidence(lineup, settings), rules)


def check_rules(rules: Sequence[Rule]) -> None:
    """
    Raises:
        ConfigurationError: two rules have one id.
    """
    ids = [rule.id for rule in rules]
    for place, rule_id in enumerate(ids):
        if rule_id in ids[:place]:
            raise ConfigurationError(f"two rules are called {rule_id!r}")


def judge(
    evidence: Evidence, rules: Sequence[Rule], *, about: str | None = None
) -> CompatibilityReport:
    """The report for whatever number of strategies, one included.

    Args:
        about: only findings that name this strategy count; None takes all.

    Raises:
        ConfigurationError: a rule gives a score that is not in [0, 1].
    """
    answers = tuple(tuple(_ask(evidence, rule)) for rule in rules)
    findings = tuple(
        one for one in _findings(answers) if about is None or about in one.strategy_ids
    )
    is_compatible = all(one.severity is not Severity.ERROR for one in findings)
    whole = _score_the_whole(evidence, answers)
    return CompatibilityReport(
        is_compatible=is_compatible,
        findings=findings,
        strategy_ids=evidence.ids,
        score=whole.total if is_compatible else 0.0,
        declared_score=whole.declared,
        measured_fraction=whole.measured_fraction,
        pairs=_assess_pairs(evidence, answers),
        risk=evidence.risk(),
        concentrations=tuple(concentration(evidence, one) for one in Dimension),
        synergies=synergies(evidence),
        recommendations=_recommend(evidence, rules, findings),
        gaps=tuple(_gaps(answers)),
        alignment=evidence.settings.alignment,
        returns_min=evidence.settings.returns_min,
    )


def _ask(evidence: Evidence, rule: Rule) -> Iterator[_Answer]:
    for strategy_ids in _subjects(rule.scope, evidence.ids):
        answer = _Answer(rule, strategy_ids, rule.measure(evidence, strategy_ids))
        if answer.score is not None and not 0 <= answer.score <= 1:  # also true for NaN
            raise ConfigurationError(
                f"rule {rule.id}: the score of {', '.join(strategy_ids)} must be in [0, 1], got "
                f"{answer.score}"
            )
        yield answer


def _subjects(scope: Scope, ids: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    match scope:
        case Scope.STRATEGY:
            yield from ((one,) for one in ids)
        case Scope.PAIR:
            yield from combinations(ids, 2)
        case Scope.LINEUP:
            yield ids


def _findings(answers: _Answers) -> Iterator[Finding]:
    """Errors first; then by rule, then by rank."""
    for severity in SEVEREST_FIRST:
        for answer in chain.from_iterable(answers):
            rule, measurement = answer.rule, answer.measurement
            if rule.severity is severity and answer.is_finding:
                yield Finding(
                    rule=rule.id,
                    severity=severity,
                    strategy_ids=answer.strategy_ids,
                    message=measurement.message if measurement is not None else "",
                    recommendation=rule.recommendation,
                    explanation=rule.explanation,
                    score=answer.score,
                )


def _gaps(answers: _Answers) -> Iterator[Gap]:
    for of_rule in answers:
        missing = [one for one in of_rule if isinstance(one.measurement, NotMeasured)]
        if missing and isinstance(missing[0].measurement, NotMeasured):
            yield Gap(
                rule=missing[0].rule.id,
                count=len(missing),
                of=len(of_rule),
                message=missing[0].measurement.message,
            )


def _assess_pairs(evidence: Evidence, answers: _Answers) -> tuple[PairAssessment, ...]:
    of_pair: dict[tuple[str, ...], list[_Answer]] = {}
    for answer in chain.from_iterable(answers):
        if answer.rule.scope is Scope.PAIR and answer.measurement is not None:
            of_pair.setdefault(answer.strategy_ids, []).append(answer)
    return tuple(
        _assess(evidence, pair, of_pair.get(pair, [])) for pair in combinations(evidence.ids, 2)
    )


def _assess(
    evidence: Evidence, pair: tuple[str, str], answers: Sequence[_Answer]
) -> PairAssessment:
    judged = [(one.rule, one.score) for one in answers if one.score is not None]
    score = _score(judged, [one.rule for one in answers])
    is_refused = any(one.is_finding and one.rule.severity is Severity.ERROR for one in answers)
    return PairAssessment(
        strategy_ids=pair,
        score=0.0 if is_refused else score.total,
        declared_score=score.declared,
        measured_fraction=score.measured_fraction,
        figures=evidence.pair(*pair),
        rule_scores=tuple((rule.id, each) for rule, each in judged),
    )


def _score_the_whole(evidence: Evidence, answers: _Answers) -> _Score:
    judged: list[tuple[Rule, float]] = []
    asked: list[Rule] = []
    for of_rule in answers:
        applying = [one for one in of_rule if one.measurement is not None]
        if not applying:
            continue
        asked.append(applying[0].rule)
        parts = [
            (_capital_share(evidence, one), one.score) for one in applying if one.score is not None
        ]
        share = math.fsum(each for each, _ in parts)
        if share:
            mean = math.fsum(each * score for each, score in parts) / share
            judged.append((applying[0].rule, mean))
    return _score(judged, asked)


def _capital_share(evidence: Evidence, answer: _Answer) -> float:
    if answer.rule.scope is Scope.LINEUP:
        return 1.0
    return math.prod(evidence.weights[one] for one in answer.strategy_ids)


def _score(judged: Sequence[tuple[Rule, float]], asked: Sequence[Rule]) -> _Score:
    """From the scores of rules, and the rules that apply."""
    weight_asked = math.fsum(rule.weight for rule in asked)
    weight_judged = math.fsum(rule.weight for rule, _ in judged)
    measured_fraction = weight_judged / weight_asked if weight_asked else 0.0
    return _Score(
        total=_mean(judged) if measured_fraction >= MEASURED_MIN else None,
        declared=_mean([one for one in judged if not one[0].needs_history]),
        measured_fraction=measured_fraction,
    )


def _mean(judged: Sequence[tuple[Rule, float]]) -> float | None:
    """By weight, 0 to 100."""
    weight = math.fsum(rule.weight for rule, _ in judged)
    if not weight:
        return None
    return 100 * math.fsum(rule.weight * score for rule, score in judged) / weight


def _recommend(
    evidence: Evidence, rules: Sequence[Rule], findings: Sequence[Finding]
) -> tuple[Recommendation, ...]:
    """For the severest findings first; an action that two rules ask for stands once."""
    severity_of = {severity: place for place, severity in enumerate(SEVEREST_FIRST)}
    given: list[Recommendation] = []
    for rule in sorted(rules, key=lambda one: severity_of[one.severity]):
        of_rule = [one for one in findings if one.rule == rule.id]
        if not of_rule or rule.remedy is None:
            continue
        for one in rule.remedy(evidence, of_rule):
            if all(one.action != other.action for other in given):
                given.append(one)
    return tuple(given)
