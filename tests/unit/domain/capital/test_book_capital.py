"""How much of an amount can be moved."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.capital.book_capital import whole_cents


@pytest.mark.parametrize(
    ("amount", "cents"),
    [("1.239", "1.23"), ("1.23", "1.23"), ("0.009", "0"), ("0", "0"), ("-0.001", "0"), ("-5", "0")],
)
def test_only_whole_cents_above_zero_can_be_moved(amount: str, cents: str) -> None:
    assert whole_cents(Decimal(amount)) == Decimal(cents)
