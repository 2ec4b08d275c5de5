"""Rules are checked where they are made."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrion.domain.compatibility.analysis import DEFAULT_RULES
from orchestrion.domain.compatibility.report import Severity
from orchestrion.domain.compatibility.rule import Measured, Rule, Scope, clipped, verdict
from orchestrion.domain.errors import ConfigurationError


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"id": ""}, "a rule needs an id"),
        ({"weight": -1.0}, "rule mine: weight must be >= 0, got -1"),
        ({"weight": float("nan")}, "rule mine: weight"),
        ({"pass_score": 0.0}, "rule mine: pass_score must be above 0 to 1, got 0"),
        ({"pass_score": 1.5}, "rule mine: pass_score"),
    ],
)
def test_rule_that_cannot_be_used_is_refused(changes: dict[str, Any], words: str) -> None:
    fields: dict[str, Any] = {
        "id": "mine",
        "scope": Scope.LINEUP,
        "severity": Severity.INFO,
        "weight": 1.0,
        "pass_score": 0.5,
        "measure": lambda _evidence, _ids: None,
        "explanation": "",
    }
    with pytest.raises(ConfigurationError, match=words):
        Rule(**(fields | changes))


def test_rules_that_come_along_explain_themselves() -> None:
    for rule in DEFAULT_RULES:
        assert rule.explanation, rule.id
        assert rule.recommendation, rule.id


def test_gates_have_no_weight_and_everything_else_has() -> None:
    for rule in DEFAULT_RULES:
        assert (rule.weight == 0) is (rule.severity is Severity.ERROR), rule.id


def test_returns_decide_most_of_a_pairs_score() -> None:
    returns = {"downside_correlation", "joint_drawdown", "return_correlation", "rank_correlation"}
    weights = {rule.id: rule.weight for rule in DEFAULT_RULES if rule.scope is Scope.PAIR}
    assert sum(weights[one] for one in returns) == 9
    assert sum(weights.values()) == 15


def test_scores_are_clipped() -> None:
    assert [clipped(one) for one in (-0.1, 0.3, 1.1)] == [0.0, 0.3, 1.0]


def test_verdict_is_all_or_nothing() -> None:
    assert verdict(True, "a") == Measured(1.0, "a")
    assert verdict(False, "b") == Measured(0.0, "b")
