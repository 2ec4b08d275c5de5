"""Rules on what strategies declare: score and words, case by case."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.domain.compatibility import declared_rules
from orchestrion.domain.compatibility.concentration import Dimension
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.lineup import AnalysisSettings, Lineup
from orchestrion.domain.compatibility.rule import Measure, Measured, Measurement, NotMeasured
from tests.unit.domain.compatibility.lineup_builders import candidate, lineup


def ask(
    measure: Measure, made: Lineup, *ids: str, settings: AnalysisSettings | None = None
) -> Measurement:
    return measure(Evidence(made, settings or AnalysisSettings()), ids or made.strategy_ids)


@pytest.mark.parametrize(
    ("first", "second", "score", "words"),
    [
        ({"exclusive_instruments": ("SPX",)}, {"instruments": ("WTI",)}, 1.0, ""),
        (
            {"exclusive_instruments": ("SPX",)},
            {"instruments": ("SPX",)},
            0.0,
            "A wants SPX for itself, B trades it too",
        ),
        (
            {"instruments": ("SPX",)},
            {"exclusive_instruments": ("SPX",)},
            0.0,
            "B wants SPX for itself, A trades it too",
        ),
        (
            {"exclusive_instruments": ("SPX",)},
            {"exclusive_instruments": ("SPX",)},
            0.0,
            "A wants SPX for itself, B trades it too; B wants SPX for itself, A trades it too",
        ),
    ],
)
def test_exclusive_instruments(
    first: dict[str, Any], second: dict[str, Any], score: float, words: str
) -> None:
    made = lineup(candidate("A", **first), candidate("B", **second))
    assert ask(declared_rules.exclusive_instruments, made) == Measured(score, words)


@pytest.mark.parametrize(
    ("first", "second", "score"),
    [(("S",), ("W",), 1.0), (("S", "W"), ("W", "X", "Y"), 0.5), (("S",), ("S", "W", "X"), 0.0)],
)
def test_overlap_is_counted_against_the_smaller(
    first: tuple[str, ...], second: tuple[str, ...], score: float
) -> None:
    instruments = lineup(candidate("A", instruments=first), candidate("B", instruments=second))
    underlyings = lineup(candidate("A", underlyings=first), candidate("B", underlyings=second))
    for measure, made in (
        (declared_rules.shared_instruments, instruments),
        (declared_rules.shared_underlyings, underlyings),
    ):
        found = ask(measure, made)
        assert isinstance(found, Measured)
        assert found.score == score


def test_long_lists_are_shortened_in_words() -> None:
    names = tuple(f"I{place}" for place in range(8))
    made = lineup(candidate("A", instruments=names), candidate("B", instruments=names))
    found = ask(declared_rules.shared_instruments, made)
    assert found == Measured(0.0, "A and B share I0, I1, I2, I3, I4 and 3 more")


def test_overlap_with_a_strategy_that_declares_nothing_is_unknown() -> None:
    made = lineup(candidate("A", instruments=("SPX",)), candidate("B"))
    found = ask(declared_rules.shared_instruments, made)
    assert found == NotMeasured("B declare no instruments")


@pytest.mark.parametrize(
    ("capital", "expected"),
    [
        ("4999.99", Measured(0.0, "A needs 5000.00, gets 4999.99")),
        ("5000.00", Measured(1.0, "A needs 5000.00, gets 5000.00")),
        (None, None),
    ],
)
def test_minimum_capital(capital: str | None, expected: Measurement) -> None:
    made = lineup(candidate("A", capital, minimum_capital=5000), candidate("B"))
    assert ask(declared_rules.minimum_capital, made, "A") == expected


def test_dependencies_say_the_path() -> None:
    made = lineup(
        candidate("A", depends_on=("B",)),
        candidate("B", depends_on=("C",)),
        candidate("D", depends_on=("E",)),
        candidate("F", depends_on=("F",)),
        candidate("G"),
        disabled_ids=("C",),
    )
    expected = {
        "A": Measured(0.0, "A depends on C, which is not enabled (path A -> B -> C)"),
        "D": Measured(0.0, "D depends on E, which is not there (path D -> E)"),
        "F": Measured(0.0, "dependency cycle: F -> F"),
        "G": Measured(1.0, ""),
    }
    assert {one: ask(declared_rules.dependencies, made, one) for one in expected} == expected


@pytest.mark.parametrize(("declared", "score"), [(0.5, 1.0), (1.0, 1.0), (2.0, 0.5), (4.0, 0.25)])
def test_leverage_score_is_a_half_at_the_most(declared: float, score: float) -> None:
    made = lineup(candidate("A", leverage=declared), candidate("B", leverage=declared))
    found = ask(declared_rules.leverage, made)
    assert isinstance(found, Measured)
    assert found.score == pytest.approx(score)


def test_leverage_counts_the_reserve_as_capital() -> None:
    made = lineup(candidate("A", "1000", leverage=4.0), total_capital="4000")
    found = ask(declared_rules.leverage, made)
    assert found == Measured(
        1.0, "the strategies may hold 1.00 times the capital together, 2 is the most"
    )


def test_leverage_without_capital_is_unknown() -> None:
    made = lineup(candidate("A", None), candidate("B"))
    limited = AnalysisSettings(leverage_limit=Decimal(1))
    for measure in (declared_rules.leverage, declared_rules.leverage_limit):
        assert isinstance(ask(measure, made, settings=limited), NotMeasured)


def test_leverage_limit_is_asked_only_when_it_is_set() -> None:
    made = lineup(candidate("A", leverage=1.5))
    limited = AnalysisSettings(leverage_limit=Decimal("1.5"))
    lower = msgspec.structs.replace(limited, leverage_limit=Decimal("1.4"))
    assert ask(declared_rules.leverage_limit, made) is None
    found = [ask(declared_rules.leverage_limit, made, settings=one) for one in (limited, lower)]
    assert [isinstance(one, Measured) and one.score for one in found] == [1.0, 0.0]


def test_concentration_says_share_index_and_equal_parts() -> None:
    made = lineup(
        candidate("A", "6000", underlyings=("SPX",)),
        candidate("B", "2000", underlyings=("WTI",)),
        candidate("C", "2000"),
    )
    found = ask(declared_rules.concentration_of(Dimension.UNDERLYING), made)
    assert isinstance(found, Measured)
    assert found.score == pytest.approx(0.375)
    assert found.message == (
        "75% of the capital, of 2 strategies is on underlying SPX (HHI 0.62, as 1.6 equal parts)"
    )


def test_concentration_of_nothing_is_unknown() -> None:
    found = ask(declared_rules.concentration_of(Dimension.HORIZON), lineup(candidate("A")))
    assert found == NotMeasured("no strategy says its horizon")
