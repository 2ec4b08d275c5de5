"""Compatibility rules and the report that they add up to."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.compatibility.lineup import AnalysisSettings
from orchestrion.domain.compatibility.rule import Measured, Rule, Scope
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.compatibility_analyzer import (
    Candidate,
    CompatibilityAnalyzer,
    Severity,
)


def candidate(name: str, capital: int | None = None, **fields: Any) -> Candidate:
    share = None if capital is None else Decimal(capital)
    return Candidate(StrategyMetadata(id=name, **fields), share)


def found(*candidates: Candidate) -> list[tuple[str, Severity, tuple[str, ...]]]:
    report = CompatibilityAnalyzer().analyze(candidates)
    return [(one.rule, one.severity, one.strategy_ids) for one in report.findings]


def test_strategies_that_share_nothing_fit() -> None:
    report = CompatibilityAnalyzer().analyze([candidate("a"), candidate("b")])
    assert report.is_compatible
    assert report.findings == ()
    assert report.warnings == []


@pytest.mark.parametrize("count", [0, 1])
def test_single_strategy_always_passes(count: int) -> None:
    poor = candidate("a", 1, minimum_capital=100, exclusive_instruments=("X",), instruments=("X",))
    assert CompatibilityAnalyzer().analyze([poor] * count).is_compatible


@pytest.mark.parametrize(
    ("one", "two", "pairs"),
    [
        ({"exclusive_instruments": ("X",)}, {"instruments": ("X",)}, [("a", "b")]),
        ({"instruments": ("X",)}, {"exclusive_instruments": ("X",)}, [("a", "b")]),
        ({"exclusive_instruments": ("X",)}, {"exclusive_instruments": ("X",)}, [("a", "b")]),
        ({"exclusive_instruments": ("X",)}, {"instruments": ("Y",)}, []),
        ({"instruments": ("X",)}, {"instruments": ("X",)}, []),
    ],
)
def test_exclusive_instrument_refuses_company(
    one: dict[str, Any], two: dict[str, Any], pairs: list[tuple[str, str]]
) -> None:
    expected = [("exclusive_instruments", Severity.ERROR, pair) for pair in pairs]
    findings = found(candidate("a", **one), candidate("b", **two))
    assert [each for each in findings if each[1] is Severity.ERROR] == expected


def test_shared_underlying_is_told_but_no_warning() -> None:
    pair = (candidate("a", underlyings=("SPX", "VIX")), candidate("b", underlyings=("VIX", "SPX")))
    report = CompatibilityAnalyzer().analyze(pair)
    assert "a and b share SPX, VIX" in [one.message for one in report.findings]
    assert report.is_compatible
    assert report.warnings == []


@pytest.mark.parametrize(
    ("capital", "is_told"), [(None, False), (99, True), (100, False), (0, True)]
)
def test_too_little_capital_is_an_error(capital: int | None, is_told: bool) -> None:
    findings = found(candidate("a", capital, minimum_capital=100.0), candidate("b", capital))
    expected = [("minimum_capital", Severity.ERROR, ("a",))] if is_told else []
    assert findings == expected


def test_incompatible_report_says_why() -> None:
    report = CompatibilityAnalyzer().analyze([candidate("a", 5, minimum_capital=7), candidate("b")])
    assert not report.is_compatible
    assert report.warnings == ["a needs 7.00, gets 5"]


def grumble(severity: Severity) -> Rule:
    return Rule(
        id=f"grumble_{severity}",
        scope=Scope.PAIR,
        severity=severity,
        weight=1,
        pass_score=1,
        measure=lambda _evidence, _ids: Measured(0.0, severity),
        explanation="for the test",
    )


def test_own_rules_replace_the_built_in_ones_and_errors_come_first() -> None:
    rules = [grumble(one) for one in (Severity.INFO, Severity.WARNING, Severity.ERROR)]
    report = CompatibilityAnalyzer(rules).analyze([candidate("a"), candidate("b")])
    assert report.warnings == ["error", "warning"]
    assert not report.is_compatible
    mild = CompatibilityAnalyzer([]).analyze([candidate("a"), candidate("b")])
    assert mild.is_compatible


def test_two_rules_of_one_name_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="two rules are called 'grumble_info'"):
        CompatibilityAnalyzer([grumble(Severity.INFO)] * 2)


def test_settings_reach_the_analysis() -> None:
    settings = AnalysisSettings(leverage_limit=Decimal("0.5"))
    pair = (candidate("a", 100), candidate("b", 100))
    assert CompatibilityAnalyzer().analyze(pair).is_compatible
    assert not CompatibilityAnalyzer(settings=settings).analyze(pair).is_compatible
    wide = CompatibilityAnalyzer(settings=settings).analyze(pair, total_capital=Decimal(400))
    assert wide.is_compatible


def test_newcomer_is_judged_against_the_reserve() -> None:
    running = (candidate("a", 60), candidate("b", 30))
    analyzer = CompatibilityAnalyzer()
    assert analyzer.admit(running, candidate("n", 10), Decimal(10)).is_compatible
    assert not analyzer.admit(running, candidate("n", 11), Decimal(10)).is_compatible
