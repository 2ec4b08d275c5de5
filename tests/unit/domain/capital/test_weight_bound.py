"""Minimum and maximum per strategy: how weights are clipped, and what cannot be met."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from orchestrion.domain.capital.weight_bound import (
    WeightBound,
    bounded_weights,
    check_bounds,
)
from orchestrion.domain.errors import ConfigurationError


def bounds(*pairs: tuple[str, str]) -> dict[str, WeightBound]:
    return {
        name: WeightBound(Decimal(low), Decimal(high))
        for name, (low, high) in zip("abcdef", pairs, strict=False)
    }


def weights(shares: list[int], *pairs: tuple[str, str], budget: str = "1") -> list[float]:
    exact = bounded_weights([Fraction(one) for one in shares], bounds(*pairs), Decimal(budget))
    assert sum(exact) == Fraction(budget)
    return [float(one) for one in exact]


ANY = ("0", "1")


@pytest.mark.parametrize(
    ("shares", "pairs", "budget", "expected"),
    [
        ([1, 3], [ANY, ANY], "1", [0.25, 0.75]),
        ([1, 3], [ANY, ANY], "0.8", [0.2, 0.6]),
        # The maximum of b leaves 0.5 to a.
        ([1, 3], [ANY, ("0", "0.5")], "1", [0.5, 0.5]),
        # What a lacks comes from the others in their proportions.
        ([1, 3, 6], [("0.4", "1"), ANY, ANY], "1", [0.4, 0.2, 0.4]),
        # Clipping c lifts b over its own maximum.
        ([1, 3, 6], [ANY, ("0", "0.4"), ("0", "0.4")], "1", [0.2, 0.4, 0.4]),
        # Both sides pass by the same: each stays where it is clipped.
        ([1, 4, 5], [("0.2", "1"), ANY, ("0", "0.4")], "1", [0.2, 0.4, 0.4]),
        # a is below its minimum only until c has been clipped, so it keeps its proportion to b.
        ([1, 3, 6], [("0.12", "1"), ANY, ("0", "0.4")], "1", [0.15, 0.45, 0.4]),
        # b is above its maximum at first, and below it once a's minimum has been paid for.
        ([1, 55, 44], [("0.5", "1"), ("0", "0.5"), ANY], "1", [0.5, 0.2777777777777778, 0.2222222]),
        ([0, 1], [ANY, ANY], "1", [0.0, 1.0]),
        ([0, 1], [("0.3", "1"), ANY], "1", [0.3, 0.7]),
        ([0, 0, 1], [("0.2", "1"), ("0.3", "1"), ("0", "0.5")], "1", [0.2, 0.3, 0.5]),
    ],
)
def test_weights_keep_their_proportions_within_the_bounds(
    shares: list[int], pairs: list[tuple[str, str]], budget: str, expected: list[float]
) -> None:
    assert weights(shares, *pairs, budget=budget) == pytest.approx(expected)


def test_what_nobody_with_a_weight_may_take_is_refused() -> None:
    with pytest.raises(ConfigurationError, match=r"leave 0\.4 of the capital to 'a', 'c'"):
        weights([0, 1, 0], ANY, ("0", "0.6"), ANY)


@pytest.mark.parametrize(
    ("pairs", "message"),
    [
        ([("0.6", "0.4"), ANY], r"bounds of 'a' .* minimum_fraction 0\.6, maximum_fraction 0\.4"),
        ([ANY, ("-0.1", "1")], "bounds of 'b'"),
        ([ANY, ("0", "1.1")], "bounds of 'b'"),
        ([("0.6", "1"), ("0.3", "1")], r"exceeds the 0\.8 to give out: a 0\.6, b 0\.3"),
        ([("0", "0.3"), ("0", "0.4")], r"does not reach the 0\.8 to give out: a 0\.3, b 0\.4"),
    ],
)
def test_bounds_that_cannot_be_met_are_named(pairs: list[tuple[str, str]], message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        check_bounds(bounds(*pairs), Decimal("0.8"))


@pytest.mark.parametrize("pairs", [[("0.5", "1"), ("0.3", "1")], [("0", "0.5"), ("0", "0.3")]])
def test_bounds_that_leave_one_solution_are_met(pairs: list[tuple[str, str]]) -> None:
    check_bounds(bounds(*pairs), Decimal("0.8"))
    assert weights([1, 9], *pairs, budget="0.8") == [0.5, 0.3]
