"""What goes into an analysis is checked where it is made."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.compatibility.history import Alignment, MarginPeak, StrategyHistory
from orchestrion.domain.compatibility.lineup import (
    DEFAULT_SETTINGS,
    AnalysisSettings,
    Candidate,
    Lineup,
    cents_up,
)
from orchestrion.domain.errors import ConfigurationError
from tests.unit.domain.compatibility.lineup_builders import candidate, lineup


def test_instruments_include_the_exclusive_ones_once() -> None:
    one = candidate("A", instruments=("SPX", "WTI"), exclusive_instruments=("WTI", "VIX"))
    assert one.instruments == ("SPX", "WTI", "VIX")


def test_minimum_capital_is_exact() -> None:
    assert candidate("A", minimum_capital=0.1).minimum_capital == Decimal("0.1")


@pytest.mark.parametrize(
    ("candidates", "total", "words"),
    [
        ((candidate("A"), candidate("A")), None, "'A' stands in the lineup twice"),
        ((candidate("A", "NaN"),), None, "capital of 'A' must be a finite amount"),
        ((candidate("A", "-1"),), None, "capital of 'A' must be a finite amount >= 0, got -1"),
        ((candidate("A"),), "-1", "total_capital must be a finite amount >= 0, got -1"),
        ((candidate("A"), candidate("B")), "19999.99", "adds up to 20000.00"),
    ],
)
def test_lineup_that_does_not_add_up_is_refused(
    candidates: tuple[Candidate, ...], total: str | None, words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        lineup(*candidates, total_capital=total)


def test_history_of_nobody_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="history of 'B', which is not in the lineup"):
        lineup(candidate("A"), histories={"B": StrategyHistory()})


def test_histories_are_checked() -> None:
    bad = StrategyHistory(margin_peaks=(MarginPeak(1, Decimal(-1)),))
    with pytest.raises(ConfigurationError, match="history of 'A', margin of day 1"):
        lineup(candidate("A"), histories={"A": bad})


@pytest.mark.parametrize(
    ("made", "has_capital", "capital"),
    [
        (lineup(candidate("A", "1"), candidate("B", "2")), True, "3"),
        (lineup(candidate("A", "1"), candidate("B", "2"), total_capital="5"), True, "5"),
        (lineup(candidate("A", "1"), candidate("B", None)), False, "1"),
        (lineup(candidate("A", "0"), candidate("B", "0"), total_capital="5"), False, "5"),
    ],
)
def test_capital_is_the_total_or_the_sum(made: Lineup, has_capital: bool, capital: str) -> None:
    assert made.has_capital is has_capital
    assert made.capital == Decimal(capital)


def test_returns_needed_follow_the_alignment() -> None:
    assert DEFAULT_SETTINGS.returns_min == 60
    assert AnalysisSettings(alignment=Alignment.WEEKLY).returns_min == 26


@pytest.mark.parametrize(
    "changes",
    [
        {"daily_returns_min": 2},
        {"weekly_returns_min": 2},
        {"losses_min": 0},
        {"instrument_days_min": 0},
        {"margin_days_min": 0},
        {"expiry_weeks_min": 0},
        {"returns_max": 59},
        {"leverage_max": Decimal(0)},
        {"leverage_limit": Decimal("NaN")},
        {"margin_use_max": Decimal(-1)},
    ],
)
def test_settings_that_cannot_be_used_are_named(changes: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match=next(iter(changes))):
        AnalysisSettings(**changes)


@pytest.mark.parametrize(("amount", "expected"), [("1.001", "1.01"), ("1.01", "1.01"), ("0", "0")])
def test_cents_are_rounded_up(amount: str, expected: str) -> None:
    assert cents_up(Decimal(amount)) == Decimal(expected)
