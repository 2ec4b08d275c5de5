"""Matching short legs with covers at the least sum; the search through all is a property test."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.margin.leg_matching import least_cost

Row = list[str | None]


def solved(
    shorts: list[str], covers: list[str], pair_costs: list[Row], *, short_cost: str = "10"
) -> Decimal:
    return least_cost(
        shorts=[Decimal(one) for one in shorts],
        covers=[Decimal(one) for one in covers],
        short_costs=[Decimal(short_cost)] * len(shorts),
        cover_costs=[Decimal(0)] * len(covers),
        pair_costs=[[None if one is None else Decimal(one) for one in row] for row in pair_costs],
    )


@pytest.mark.parametrize(
    ("shorts", "covers", "pair_costs", "least"),
    [
        pytest.param([], [], [], "0", id="nothing"),
        pytest.param(["2"], [], [[]], "20", id="nothing that covers"),
        pytest.param(["2"], ["1"], [["3"]], "13", id="one covered, one alone"),
        pytest.param(["2"], ["1"], [[None]], "20", id="a pair that cannot be formed"),
        pytest.param(["1"], ["1"], [["11"]], "10", id="a pair that saves nothing"),
        pytest.param(["1", "1"], ["1"], [["5"], ["4"]], "14", id="who saves most gets the cover"),
        pytest.param(
            ["1", "1"],
            ["1", "1"],
            [["1", "2"], ["2", "9"]],
            "4",
            id="the nearest pair first would cost 10",
        ),
        pytest.param(
            ["1", "1", "1"],
            ["1", "1", "1"],
            [["1", "2", None], ["1", None, "9"], [None, "1", "1"]],
            "4",
            id="a chain through all covers",
        ),
        pytest.param(["0.3", "0.5"], ["0.4"], [["5"], ["4"]], "5.6", id="fractions of a unit"),
        pytest.param(["100"], ["1E+2"], [["3"]], "300", id="powers of ten"),
    ],
)
def test_least_cost_takes_the_best_pairs(
    shorts: list[str], covers: list[str], pair_costs: list[Row], least: str
) -> None:
    assert solved(shorts, covers, pair_costs) == Decimal(least)


def test_cover_counts_its_own_cost_only_while_it_stands_alone() -> None:
    cost = least_cost(
        shorts=[Decimal(1)],
        covers=[Decimal(3)],
        short_costs=[Decimal(10)],
        cover_costs=[Decimal(4)],
        pair_costs=[[Decimal(6)]],
    )
    assert cost == 6 + 2 * 4


def test_sixty_legs_are_matched_exactly() -> None:
    """Strikes on a line: short k is covered best by long k, at a width of 1."""
    count = 30
    pairs: list[Row] = [
        [str(1 + abs(long - short)) for long in range(count)] for short in range(count)
    ]
    assert solved(["1"] * count, ["1"] * count, pairs) == count
