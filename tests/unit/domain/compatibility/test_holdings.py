"""Opposite sides and margins on common days, as tables."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.compatibility.history import InstrumentDay, MarginPeak
from orchestrion.domain.compatibility.holdings import (
    margin_coincidence,
    margin_together,
    margins_of,
    opposing_days,
    sides_of,
)


def did(held: int, bought: int = 0, sold: int = 0, *, day: int = 1) -> InstrumentDay:
    return InstrumentDay(day, "SPX", Decimal(held), Decimal(bought), Decimal(sold))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (did(1), did(-1), (1, 1)),
        (did(1), did(2), (1, 0)),
        (did(-1), did(-3), (1, 0)),
        (did(1), did(0), (0, 0)),
        (did(1, bought=1), did(0, sold=2), (1, 1)),
        (did(0, sold=1), did(1, bought=1), (1, 1)),
        (did(1), did(0, sold=2), (1, 0)),  # the other leaves its own long position
        (did(1), did(3, bought=3), (1, 0)),
        (did(0, 1, 1), did(0, 1, 1), (1, 1)),
        (did(1), did(-1, day=2), (0, 0)),
    ],
)
def test_opposite_is_held_against_held_or_bought_against_sold(
    one: InstrumentDay, other: InstrumentDay, expected: tuple[int, int]
) -> None:
    assert opposing_days(sides_of([one]), sides_of([other])) == expected
    assert opposing_days(sides_of([other]), sides_of([one])) == expected


def test_days_of_all_common_instruments_are_counted() -> None:
    one = [InstrumentDay(day, name, Decimal(1)) for day in (1, 2) for name in ("A", "B", "C")]
    other = [InstrumentDay(day, name, Decimal(day - 2)) for day in (1, 2) for name in ("B", "C")]
    assert opposing_days(sides_of(one), sides_of(other)) == (2, 2)


def margins(*amounts: int, first_day: int = 1) -> dict[int, Decimal]:
    peaks = [MarginPeak(first_day + place, Decimal(one)) for place, one in enumerate(amounts)]
    return dict(margins_of(peaks))


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        (margins(10, 2, 2, 2), margins(10, 2, 2, 2), (4, 1.0)),
        (margins(10, 2, 2, 2), margins(2, 10, 2, 2), (4, 0.0)),
        (margins(10, 9, 2, 2), margins(2, 10, 10, 2), (4, 0.5)),
        (margins(5, 5), margins(7, 7), (2, 1.0)),
        (margins(5, 5), margins(0, 0), (2, None)),
        (margins(5, 5), margins(5, first_day=9), (0, None)),
    ],
)
def test_margins_meet_when_both_are_near_their_peaks(
    one: dict[int, Decimal], other: dict[int, Decimal], expected: tuple[int, float | None]
) -> None:
    assert margin_coincidence(one, other) == expected
    assert margin_coincidence(other, one) == expected


def test_largest_sum_of_margins_is_that_of_the_first_such_common_day() -> None:
    tables = [margins(1, 5, 5, 9), margins(5, 1, 1), margins(0, 0, 0, 0)]
    assert margin_together(tables) == (3, 1, Decimal(6))


@pytest.mark.parametrize("tables", [[], [margins(1), margins(1, first_day=5)]])
def test_without_common_days_there_is_no_sum(tables: list[dict[int, Decimal]]) -> None:
    assert margin_together(tables) == (0, None, Decimal(0))
