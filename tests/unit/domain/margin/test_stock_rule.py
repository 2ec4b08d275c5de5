"""Shares on margin, against published examples.

Published short figures include the proceeds of the sale; they are part of the equity, so what
counts here is the deposit.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.stock_rule import StockRule, stock_margin
from orchestrion.domain.models.instrument import Equity
from tests.fakes_margin import margin

RULE = StockRule()


@pytest.mark.parametrize(
    ("shares", "price", "initial", "maintenance"),
    [
        pytest.param(100, "97.73", "4886.50", "2443.25", id="long, 50 and 25 %"),
        # Investopedia, minimum margin requirements for a short sale: 1,000 shares at 10 need
        # 15,000, of which 10,000 are the proceeds.
        pytest.param(-1000, "10", "5000", "5000", id="short at 10: 150 %, and 5 dollars a share"),
        # Basic rules of short sales as brokers teach them (a trading forum, December 2000):
        # 500 shares at 40 need a deposit of 10,000, and 10,000 shares at 2 one of 25,000.
        pytest.param(-500, "40", "10000", "6000", id="short at 40: 150 and 130 %"),
        pytest.param(-10000, "2", "25000", "25000", id="short at 2: 2.50 dollars a share"),
        pytest.param(-100, "4", "400", "400", id="short at 4: 100 % of the value"),
        pytest.param(-100, "12", "600", "500", id="short at 12: 5 dollars are more than 30 %"),
    ],
)
def test_share_margin_follows_reg_t_and_4210(
    shares: int, price: str, initial: str, maintenance: str
) -> None:
    assert RULE.margin_of(Decimal(shares), Decimal(price)) == margin(initial, maintenance)


def test_price_below_zero_binds_as_its_size() -> None:
    assert RULE.margin_of(Decimal(10), Decimal(-20)) == margin(100, 50)


def test_rule_counts_the_multiplier() -> None:
    share = Equity(instrument_id="A", multiplier=Decimal(10))
    assert stock_margin(RULE, share, Decimal(3), Decimal(100)) == margin(1500, 750)


def test_without_a_rule_the_catalogue_decides() -> None:
    share = Equity(
        instrument_id="A",
        long_margin_fraction=Decimal("0.4"),
        short_margin_fraction=Decimal("0.7"),
    )
    assert stock_margin(None, share, Decimal(3), Decimal(100)) == margin(120)
    assert stock_margin(None, share, Decimal(-3), Decimal(100)) == margin(210)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"short_minimum": Decimal(-1)}, "short_minimum"),
        ({"low_price": Decimal("NaN")}, "low_price"),
        ({"long_maintenance_fraction": Decimal("0.6")}, "long_maintenance_fraction 0.6"),
        ({"short_initial_fraction": Decimal("0.2")}, "short_maintenance_fraction"),
    ],
)
def test_rule_that_cannot_be_used_is_refused_by_name(fields: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        StockRule(**fields)
