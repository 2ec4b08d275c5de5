"""What all models share."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.requirement import (
    REFUSED,
    UNLIMITED,
    UnpricedError,
    check_fraction,
    held,
    notional_of,
    price_of,
    total_of,
)
from tests.fakes_margin import margin, marks_of, quantities, stock


def test_held_is_in_id_order_without_zeros() -> None:
    assert held(quantities({"B": 1, "C": 0, "A": -2})) == [("A", Decimal(-2)), ("B", Decimal(1))]


def test_price_that_was_not_seen_names_the_instrument() -> None:
    with pytest.raises(UnpricedError) as caught:
        price_of(marks_of({"A": 1}), "B")
    assert caught.value.instrument_id == "B"


def test_notional_is_never_negative() -> None:
    share = stock(multiplier=3)
    assert notional_of(share, Decimal(-2), Decimal(-10)) == 60


def test_total_adds_and_is_nothing_of_nothing() -> None:
    assert total_of([]) == margin(0)
    assert total_of([margin(5, 3), margin(2, 1)]) == margin(7, 4)


def test_one_refused_part_refuses_the_whole() -> None:
    assert total_of([margin(5), REFUSED]) == REFUSED
    assert Decimal("1e18") < UNLIMITED
    assert not UNLIMITED.is_finite()


@pytest.mark.parametrize("value", ["-0.01", "1.01", "NaN", "Infinity"])
def test_fraction_out_of_range_is_refused_by_name(value: str) -> None:
    with pytest.raises(ConfigurationError, match="floor"):
        check_fraction("floor", Decimal(value))
