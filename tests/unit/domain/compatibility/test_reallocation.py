"""Percentages in whole steps: proportions, minimums, crowds."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.compatibility.association import Standard, standard
from orchestrion.domain.compatibility.reallocation import (
    STEPS,
    decrowded,
    in_proportion,
    minimum_steps,
    percentages_of,
    present_steps,
    with_minimums,
)
from orchestrion.domain.errors import ConfigurationError
from tests.unit.domain.compatibility.lineup_builders import candidate, lineup


def test_present_steps_are_rounded_down_and_the_reserve_counts() -> None:
    made = lineup(candidate("A", "333.34"), candidate("B", "0"), total_capital="1000")
    assert present_steps(made) == {"A": 3333, "B": 0}


@pytest.mark.parametrize(
    ("minimum", "expected"), [(0.0, 1), (1.0, 10), (1.001, 11), (1.09, 11), (1000.0, STEPS)]
)
def test_minimum_steps_are_rounded_up(minimum: float, expected: int) -> None:
    made = lineup(candidate("A", "500", minimum_capital=minimum), total_capital="1000")
    assert minimum_steps(made) == {"A": expected}


def test_proportions_are_rounded_down() -> None:
    assert in_proportion((1.0, 1.0, 1.0), 100) == [33, 33, 33]


@pytest.mark.parametrize(
    ("steps", "minimums", "at_most", "expected"),
    [
        ({"A": 50, "B": 50}, {"A": 1, "B": 1}, 100, {"A": 50, "B": 50}),
        ({"A": 40, "B": 40}, {"A": 60, "B": 1}, 100, {"A": 60, "B": 40}),
        ({"A": 50, "B": 50}, {"A": 60, "B": 1}, 100, {"A": 60, "B": 40}),
        ({"A": 10, "B": 60, "C": 30}, {"A": 40, "B": 1, "C": 1}, 100, {"A": 40, "B": 39, "C": 20}),
        ({"A": 50, "B": 50}, {"A": 60, "B": 40}, 100, {"A": 60, "B": 40}),
        ({"A": 50, "B": 50}, {"A": 60, "B": 41}, 100, None),
    ],
)
def test_minimums_come_from_the_reserve_and_then_from_those_above_theirs(
    steps: dict[str, int],
    minimums: dict[str, int],
    at_most: int,
    expected: dict[str, int] | None,
) -> None:
    assert with_minimums(steps, minimums, at_most=at_most) == expected


def moves(*values: float) -> Standard:
    found = standard(values)
    assert found is not None
    return found


def test_two_copies_get_together_what_one_would_get() -> None:
    one, other = moves(1, -1, 1, -1), moves(1, 1, -1, -1)
    assert decrowded([one, one, other], 100) == [25, 25, 50]


def test_volatile_strategies_get_less() -> None:
    assert decrowded([moves(1, -1, 1, -1), moves(3, 3, -3, -3)], 100) == [75, 25]


def test_hedges_are_no_crowd() -> None:
    assert decrowded([moves(1, -1), moves(-1, 1)], 100) == [50, 50]


def test_percentages_are_exact() -> None:
    found = percentages_of({"A": 3333, "B": 1})
    assert found.percentages == (("A", Decimal("33.33")), ("B", Decimal("0.01")))


def test_percentages_of_nothing_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="the percentage of B must be above 0"):
        percentages_of({"A": 3333, "B": 0})
