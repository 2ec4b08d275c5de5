"""Rules on the past: score, words with the sample, and what is said when it is too small."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.history import StrategyHistory
from orchestrion.domain.compatibility.history_rules import HISTORY_RULES
from orchestrion.domain.compatibility.rule import Measured, Measurement, NotMeasured, Scope
from tests.unit.domain.compatibility.lineup_builders import SHORT, candidate, lineup, noise, past

RULES = {rule.id: rule for rule in HISTORY_RULES}
EMPTY = past()
BASE = noise(1, 20)
MIRROR = tuple(-one for one in BASE)


def ask(rule: str, one: StrategyHistory, other: StrategyHistory, **changes: Any) -> Measurement:
    made = lineup(candidate("A"), candidate("B"), histories={"A": one, "B": other}, **changes)
    return RULES[rule].measure(Evidence(made, SHORT), ("A", "B"))


def score(found: Measurement) -> float:
    assert isinstance(found, Measured)
    return found.score


def words(found: Measurement) -> str:
    assert found is not None
    return found.message


@pytest.mark.parametrize("rule", ["return_correlation", "rank_correlation"])
def test_correlation_scores_from_together_to_opposite(rule: str) -> None:
    assert score(ask(rule, past(BASE), past(BASE))) == pytest.approx(0.0)
    assert score(ask(rule, past(BASE), past(MIRROR))) == pytest.approx(1.0, abs=1e-3)


def test_correlation_says_figure_and_sample() -> None:
    found = ask("return_correlation", past(BASE), past(BASE))
    assert words(found) == "A and B: correlation +1.00 over 20 daily returns (21 common days)"


@pytest.mark.parametrize("rule", [
    "return_correlation", "rank_correlation", "downside_correlation", "joint_drawdown",
])  # fmt: skip
def test_too_few_returns_are_said_and_not_scored(rule: str) -> None:
    found = ask(rule, past(BASE[:7]), past(BASE))
    assert isinstance(found, NotMeasured)
    assert words(found) == "A and B: 7 daily returns (8 common days), 8 daily returns are needed"


def test_lost_capital_is_the_reason_that_is_said() -> None:
    ruined = past((*BASE, -1.5))
    assert "A: no return from 2014-01-" in words(ask("return_correlation", ruined, past(BASE)))


def test_series_that_does_not_move_is_said() -> None:
    still = past([0.01] * 20)
    assert "do not move" in words(ask("return_correlation", still, past(BASE)))
    assert "never fell" in words(ask("joint_drawdown", still, past(BASE)))


def test_downside_correlation_scores_and_needs_losses_of_both() -> None:
    assert score(ask("downside_correlation", past(BASE), past(BASE))) == pytest.approx(0.0)
    assert score(ask("downside_correlation", past(BASE), past(MIRROR))) > 0.6
    winner = past([*(abs(one) for one in BASE[:18]), -0.01, -0.01])
    assert words(ask("downside_correlation", winner, past(BASE))).startswith("A and B: 2 and ")


def test_joint_drawdown_scores_from_together_to_offset() -> None:
    assert score(ask("joint_drawdown", past(BASE), past(BASE))) == pytest.approx(0.0)
    assert score(ask("joint_drawdown", past(BASE), past(MIRROR))) > 0.5


@pytest.mark.parametrize("rule", ["joint_drawdown", "account_drawdown"])
def test_falls_score_a_half_at_three_quarters(rule: str) -> None:
    # Both fall by a fifth; the second gets half of its fall back before the first begins to fall.
    first = past([0.0, 0.0, -0.2, *[0.0] * 9])
    second = past([-0.2, 0.125, 0.0, *[0.0] * 9])
    # Together 20000, 18000, 19000, 17000: 3000 of the two falls of 2000 remain.
    assert score(ask(rule, first, second)) == pytest.approx(0.5)


def sided(*quantities: int) -> StrategyHistory:
    return past(held=[(day, "SPX", quantity) for day, quantity in enumerate(quantities)])


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (sided(1, 1, 1, 1), sided(1, 1, -1, 1), 0.75),
        (sided(1, 1, 1, 1), sided(-1, -1, -1, -1), 0.0),
    ],
)
def test_opposing_directions_score(
    one: StrategyHistory, other: StrategyHistory, expected: float
) -> None:
    found = ask("opposing_directions", one, other)
    assert score(found) == expected
    assert "4 common instrument days" in words(found)


def test_opposing_directions_without_a_common_instrument_are_no_question() -> None:
    assert ask("opposing_directions", sided(1), EMPTY) is None


def test_opposing_directions_on_too_few_days_are_said() -> None:
    found = ask("opposing_directions", sided(1, 1, 1), sided(1, 1, 1))
    assert isinstance(found, NotMeasured)
    assert "3 days in a common instrument, 4 are needed" in found.message


def test_margin_peaks_together_score() -> None:
    one, other = past(margins=[9, 1, 1]), past(margins=[1, 9, 1])
    assert score(ask("margin_peaks_together", one, one)) == 0.0
    assert score(ask("margin_peaks_together", one, other)) == 1.0


def test_margin_peaks_without_margin_are_no_question_and_with_too_little_said() -> None:
    assert ask("margin_peaks_together", past(margins=[1]), EMPTY) is None
    found = ask("margin_peaks_together", past(margins=[1]), past(margins=[1]))
    assert isinstance(found, NotMeasured)
    assert "1 common days with margin, 3 are needed" in found.message


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ([("SPX", 0), ("SPX", 7)], [("SPX", 4), ("SPX", 14)], 0.5),
        ([("SPX", 0), ("SPX", 7)], [("SPX", 14), ("SPX", 21)], 1.0),
        ([("SPX", 0), ("SPX", 1), ("SPX", 7)], [("SPX", 4), ("SPX", 8), ("SPX", 30)], 0.0),
        ([("SPX", 0), ("WTI", 7)], [("SPX", 0), ("WTI", 14)], 0.5),
    ],
)
def test_same_week_expiries_count_weeks_per_underlying(
    one: list[tuple[str, int]], other: list[tuple[str, int]], expected: float
) -> None:
    found = ask("same_week_expiries", past(expiries=one), past(expiries=other))
    assert score(found) == expected


def test_same_week_expiries_on_other_underlyings_are_no_question() -> None:
    found = ask("same_week_expiries", past(expiries=[("SPX", 0)]), past(expiries=[("WTI", 0)]))
    assert found is None


def test_too_few_expiry_weeks_are_said() -> None:
    found = ask("same_week_expiries", past(expiries=[("SPX", 0)]), past(expiries=[("SPX", 0)]))
    assert isinstance(found, NotMeasured)
    assert "1 weeks with expiries on SPX, 2 are needed" in found.message


def test_diversification_scores_zero_for_copies() -> None:
    found = ask("diversification", past(BASE), past(BASE))
    assert score(found) == pytest.approx(0.0)
    assert words(found).startswith("diversification ratio 1.00 over 20 common returns of 2 of 2")


def test_account_drawdown_scores_in_money() -> None:
    assert score(ask("account_drawdown", past(BASE), past(BASE))) == pytest.approx(0.0)
    assert score(ask("account_drawdown", past(BASE), past(MIRROR))) > 0.5


@pytest.mark.parametrize("rule", ["diversification", "account_drawdown"])
def test_figures_of_the_whole_need_two_histories(rule: str) -> None:
    found = ask(rule, past(BASE), EMPTY)
    assert isinstance(found, NotMeasured)
    assert "20 common returns of 1 strategies" in found.message


@pytest.mark.parametrize(("margin", "expected"), [(1_000, 1.0), (8_000, 0.5), (16_000, 0.25)])
def test_margin_use_scores_a_half_at_the_most(margin: int, expected: float) -> None:
    one, other = past(margins=[margin, 1, 1]), past(margins=[margin, 1, 1])
    assert score(ask("margin_use", one, other)) == pytest.approx(expected)


def test_margin_use_without_margin_is_no_question_and_with_too_little_said() -> None:
    assert ask("margin_use", EMPTY, EMPTY) is None
    assert isinstance(ask("margin_use", past(margins=[1]), EMPTY), NotMeasured)


def test_every_rule_on_pairs_treats_both_alike() -> None:
    one = past(BASE, held=[(d, "SPX", 1) for d in range(9)], margins=[3, 2, 9, 1])
    other = past(noise(2, 20), held=[(d, "SPX", d - 4) for d in range(9)], margins=[9, 9, 1, 4])
    for rule in HISTORY_RULES:
        if rule.scope is Scope.PAIR:
            found, turned = ask(rule.id, one, other), ask(rule.id, other, one)
            if isinstance(found, Measured):
                assert score(turned) == pytest.approx(found.score), rule.id
