"""Exact parts of an amount: where the odd step goes."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest

from orchestrion.domain.capital.rounded_share import (
    exact_sum,
    round_to_total,
    split_by_weight,
)


def _decimals(*values: str) -> tuple[Decimal, ...]:
    return tuple(Decimal(value) for value in values)


@pytest.mark.parametrize(
    ("total", "weights", "parts"),
    [
        pytest.param("1.00", ("1", "1", "1"), ("0.34", "0.33", "0.33"), id="tie-goes-to-rank"),
        pytest.param("-1.00", ("1", "1", "1"), ("-0.34", "-0.33", "-0.33"), id="mirrored"),
        pytest.param("0.10", ("1", "8"), ("0.01", "0.09"), id="by-remainder"),
        pytest.param("6.00", ("10", "-4"), ("10.00", "-4.00"), id="against-the-sum"),
        pytest.param("-6.00", ("-10", "4"), ("-10.00", "4.00"), id="net-short"),
        pytest.param("0", ("1", "1"), ("0", "0"), id="nothing"),
        pytest.param("0.000000003", ("1", "1"), ("0.000000002", "0.000000001"), id="below-a-cent"),
    ],
)
def test_split_by_weight(total: str, weights: tuple[str, ...], parts: tuple[str, ...]) -> None:
    assert split_by_weight(Decimal(total), _decimals(*weights)) == _decimals(*parts)


def test_weights_that_sum_to_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="sum to zero"):
        split_by_weight(Decimal(1), _decimals("1", "-1"))


@pytest.mark.parametrize(
    ("total", "fault"),
    [
        pytest.param("0.005", "no multiple", id="no-multiple-of-the-step"),
        pytest.param("5", "not what the parts sum to", id="more-than-the-parts"),
        pytest.param("0", "not what the parts sum to", id="less-than-the-parts"),
    ],
)
def test_total_that_does_not_fit_the_parts_is_refused(total: str, fault: str) -> None:
    with pytest.raises(ValueError, match=fault):
        round_to_total([Fraction(1), Fraction(2)], Decimal(total), step=Decimal("0.01"))


def test_sum_of_nothing_is_zero() -> None:
    assert exact_sum(()) == 0
    assert exact_sum(_decimals("0.1", "0.2")) == Decimal("0.3")
