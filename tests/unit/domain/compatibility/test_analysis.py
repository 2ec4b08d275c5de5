"""The whole analysis: verdict, scores, gaps, order, and the specification's three strategies."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from orchestrion.domain.compatibility.analysis import DEFAULT_RULES, analyze, check_rules
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.lineup import Candidate, Lineup
from orchestrion.domain.compatibility.report import Finding, Severity
from orchestrion.domain.compatibility.rule import Measured, Measurement, NotMeasured, Rule, Scope
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.strategies.library import StrategyLibrary
from tests.unit.domain.compatibility.lineup_builders import SHORT, candidate, lineup, noise, past


def scoring(
    rule_id: str,
    score: float | str | None,
    *,
    scope: Scope = Scope.PAIR,
    severity: Severity = Severity.WARNING,
    weight: float = 1.0,
) -> Rule:
    """A rule that always answers the same: a score, in words that it cannot, or nothing."""

    def measure(_evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
        if score is None:
            return None
        if isinstance(score, str):
            return NotMeasured(score)
        return Measured(score, f"{rule_id} {' '.join(ids)}")

    return Rule(
        id=rule_id,
        scope=scope,
        severity=severity,
        weight=weight,
        pass_score=0.5,
        measure=measure,
        explanation="because",
        recommendation="do",
    )


def two() -> Lineup:
    return lineup(candidate("A"), candidate("B"))


def test_single_strategy_always_passes() -> None:
    made = lineup(candidate("A", "1", minimum_capital=99))
    report = analyze(made, rules=[scoring("no", 0.0, severity=Severity.ERROR)])
    assert report.is_compatible
    assert (report.strategy_ids, report.score, report.findings) == (("A",), None, ())


def test_nobody_passes_too() -> None:
    assert analyze(lineup()).is_compatible


def test_error_refuses_and_leaves_no_score() -> None:
    report = analyze(two(), rules=[scoring("no", 0.0, severity=Severity.ERROR, weight=0),
                                   scoring("fine", 1.0)])  # fmt: skip
    assert not report.is_compatible
    assert (report.score, report.pairs[0].score) == (0.0, 0.0)
    assert report.warnings == ["no A B"]


def test_warning_does_not_refuse() -> None:
    report = analyze(two(), rules=[scoring("low", 0.4)])
    assert report.is_compatible
    assert report.findings == (
        Finding(
            rule="low",
            severity=Severity.WARNING,
            strategy_ids=("A", "B"),
            message="low A B",
            recommendation="do",
            explanation="because",
            score=0.4,
        ),
    )


@pytest.mark.parametrize("score", [0.5, 0.5 - 1e-12])
def test_score_at_the_pass_mark_passes(score: float) -> None:
    assert analyze(two(), rules=[scoring("even", score)]).findings == ()


def test_scores_are_weighted_means_of_what_could_be_judged() -> None:
    rules = [
        scoring("a", 1.0, weight=1),
        scoring("b", 0.2, weight=3),
        scoring("c", "nothing known", weight=4),
        scoring("d", None, weight=8),
    ]
    report = analyze(two(), rules=rules)
    pair = report.pairs[0]
    assert pair.score == pytest.approx(40.0)
    assert pair.measured_fraction == pytest.approx(0.5)
    assert pair.rule_scores == (("a", 1.0), ("b", 0.2))
    assert report.score == pytest.approx(40.0)
    assert report.measured_fraction == pytest.approx(0.5)


def test_score_that_rests_on_less_than_half_is_not_given_but_the_declared_one() -> None:
    known = scoring("a", 0.3)
    past_known = msgspec.structs.replace(scoring("b", 0.9), needs_history=True)
    unknown = scoring("c", "nothing known", weight=2.1)
    report = analyze(two(), rules=[known, past_known, unknown])
    pair = report.pairs[0]
    assert (pair.score, report.score) == (None, None)
    assert pair.declared_score == pytest.approx(30.0)
    assert report.declared_score == pytest.approx(30.0)
    assert pair.measured_fraction == pytest.approx(2 / 4.1)
    full = analyze(two(), rules=[known, past_known])
    assert full.pairs[0].score == pytest.approx(60.0)
    assert full.declared_score == pytest.approx(30.0)


def test_pair_that_no_rule_can_judge_has_no_score() -> None:
    report = analyze(two(), rules=[scoring("c", "nothing known")])
    assert (report.pairs[0].score, report.score, report.measured_fraction) == (None, None, 0.0)


def test_rules_on_pairs_count_by_capital() -> None:
    def measure(_evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
        return Measured(1.0 if ids == ("A", "B") else 0.0, "")

    rule = msgspec.structs.replace(scoring("pairs", 1.0), measure=measure)
    made = lineup(candidate("A", "60"), candidate("B", "30"), candidate("C", "10"))
    # Products of shares: AB 0.18, AC 0.06, BC 0.03.
    assert analyze(made, rules=[rule]).score == pytest.approx(100 * 0.18 / 0.27)


def test_rules_on_strategies_count_by_capital() -> None:
    def measure(_evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
        return Measured(1.0 if ids == ("A",) else 0.0, "")

    rule = msgspec.structs.replace(scoring("each", 1.0, scope=Scope.STRATEGY), measure=measure)
    made = lineup(candidate("A", "75"), candidate("B", "25"))
    assert analyze(made, rules=[rule]).score == pytest.approx(75.0)


def test_strategies_without_capital_have_no_part_in_the_score_of_the_whole() -> None:
    made = lineup(candidate("A", "5"), candidate("B", "0"))
    assert analyze(made, rules=[scoring("pairs", 1.0)]).score is None


def test_gaps_are_counted_per_rule_with_the_first_in_words() -> None:
    made = lineup(candidate("A"), candidate("B"), candidate("C"))
    report = analyze(made, SHORT)
    gap = next(one for one in report.gaps if one.rule == "return_correlation")
    assert (gap.count, gap.of) == (3, 3)
    assert gap.message == "A and B: 0 daily returns (0 common days), 8 daily returns are needed"


def test_findings_come_errors_first_then_by_rule_then_by_rank() -> None:
    rules = [
        scoring("info", 0.0, severity=Severity.INFO),
        scoring("error", 0.0, severity=Severity.ERROR, scope=Scope.STRATEGY),
        scoring("warning", 0.0),
    ]
    report = analyze(two(), rules=rules)
    assert [(one.rule, *one.strategy_ids) for one in report.findings] == [
        ("error", "A"), ("error", "B"), ("warning", "A", "B"), ("info", "A", "B"),
    ]  # fmt: skip
    assert report.warnings == ["error A", "error B", "warning A B"]


def test_two_rules_of_one_name_are_refused() -> None:
    check_rules(DEFAULT_RULES)
    with pytest.raises(ConfigurationError, match="two rules are called 'x'"):
        analyze(two(), rules=[scoring("x", 1.0), scoring("x", 1.0)])


@pytest.mark.parametrize("score", [-0.1, 1.1, float("nan")])
def test_rule_that_scores_out_of_range_is_named(score: float) -> None:
    with pytest.raises(ConfigurationError, match="rule mine: the score of A, B must be in"):
        analyze(two(), rules=[scoring("mine", score)])


def test_report_says_how_it_was_made() -> None:
    report = analyze(two(), SHORT)
    assert (report.alignment, report.returns_min) == ("daily", SHORT.daily_returns_min)


def test_pairs_that_lose_together_score_below_pairs_that_hedge() -> None:
    base = noise(1, 100)
    made = lineup(
        candidate("BASE"),
        candidate("SAME"),
        candidate("HEDGE"),
        histories={
            "BASE": past(base),
            "SAME": past([2 * one + e for one, e in zip(base, noise(2, 100), strict=True)]),
            "HEDGE": past([-one + e / 3 for one, e in zip(base, noise(3, 100), strict=True)]),
        },
    )
    scores = {one.strategy_ids: one.score or 0.0 for one in analyze(made).pairs}
    assert scores["BASE", "SAME"] < 35
    assert scores["BASE", "HEDGE"] > 65
    assert scores["SAME", "HEDGE"] > 65


def test_an_action_stands_once_even_if_two_rules_ask_for_it() -> None:
    base = noise(1, 60)
    close = tuple(a + b / 4 for a, b in zip(base, noise(3, 60), strict=True))
    made = lineup(
        candidate("A"),
        candidate("B"),
        candidate("C"),
        histories={"A": past(base), "B": past(close), "C": past(noise(2, 60))},
    )
    report = analyze(made, SHORT)
    assert len({one.rule for one in report.findings} & {"joint_drawdown", "return_correlation"}) > 1
    actions = [one.action for one in report.recommendations]
    assert all(actions.count(one) == 1 for one in actions)


def test_three_strategies_of_the_specification_fit_together() -> None:
    names = ("OPTIONS_MONTHLY_WEEKLY_HEDGE", "MOMENTUM_FUTURES", "MEAN_REVERSION_EQUITY")
    made = Lineup(
        candidates=tuple(
            Candidate(StrategyLibrary.STRATEGIES[name]().default_metadata(name), Decimal(capital))
            for name, capital in zip(names, (600_000, 300_000, 100_000), strict=True)
        )
    )
    report = analyze(made)
    assert report.is_compatible
    assert len(report.pairs) == 3


@pytest.mark.slow
def test_fifty_strategies_have_a_whole_matrix() -> None:
    ids = [f"S{place:02}" for place in range(50)]
    made = lineup(
        *(candidate(one) for one in ids),
        histories={one: past(noise(place, 12)) for place, one in enumerate(ids)},
    )
    report = analyze(made, SHORT)
    assert len(report.pairs) == 1225
    assert all(one.score is not None for one in report.pairs)
