"""Futures by the exchange's rates, with and without credit for calendar spreads."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.future_rule import FutureRule
from tests.fakes_margin import future, margin

NEAR, FAR = future("N"), future("F", days=90, initial=1200, maintenance=1000)
OTHER = future("O", underlying="OTHER")


def test_outright_binds_its_rate_on_both_sides() -> None:
    for contracts in (Decimal(2), Decimal(-2)):
        assert FutureRule().margin_of([(NEAR, contracts)]) == margin(2000, 1800)


def test_without_credit_a_spread_binds_both_legs() -> None:
    spread = [(NEAR, Decimal(1)), (FAR, Decimal(-1))]
    assert FutureRule().margin_of(spread) == margin(2200, 1900)


def test_credit_leaves_a_part_of_the_spread_and_all_of_the_net() -> None:
    rule = FutureRule(calendar_credit_fraction=Decimal("0.75"))
    spread = [(NEAR, Decimal(1)), (FAR, Decimal(-1))]
    # A quarter of 2200 and three quarters of the net 200.
    assert rule.margin_of(spread) == margin(700, 550)
    assert rule.margin_of([(NEAR, Decimal(3))]) == margin(3000, 2700)


def test_credit_ends_at_the_underlying() -> None:
    rule = FutureRule(calendar_credit_fraction=Decimal(1))
    assert rule.margin_of([(NEAR, Decimal(1)), (OTHER, Decimal(-1))]) == margin(2000, 1800)


@pytest.mark.parametrize("credit", ["-0.1", "1.1"])
def test_credit_outside_zero_to_one_is_refused(credit: str) -> None:
    with pytest.raises(ConfigurationError, match="calendar_credit_fraction"):
        FutureRule(calendar_credit_fraction=Decimal(credit))
