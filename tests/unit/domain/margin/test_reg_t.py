"""The margin account for shares."""

from __future__ import annotations

from decimal import Decimal

from orchestrion.domain.margin.future_rule import FutureRule
from orchestrion.domain.margin.reg_t import RegTModel
from orchestrion.domain.margin.requirement import REFUSED
from tests.fakes_margin import Market, call, future, index, margin, put, stock

MARKET = Market(
    index(),
    stock(),
    future(),
    future("FAR", days=90),
    call("AAA", 100),
    put("AAA", 100, days=300),
    marks={"AAA": 100, "AAA C100": 4, "AAA P100 300d": 8},
)


def test_account_adds_shares_options_and_futures() -> None:
    held = {"AAA": 10, "AAA C100": 1, "AAA P100 300d": 1, "FUT": 2}
    # 500/250 for the shares, 400 in full, 75 % of 800, and two contracts.
    assert MARKET.margin(RegTModel(), held) == margin(
        500 + 400 + 600 + 2000, 250 + 400 + 600 + 1800
    )


def test_sold_option_is_refused() -> None:
    assert MARKET.margin(RegTModel(), {"AAA": 100, "AAA C100": -1}) == REFUSED


def test_only_futures_with_a_calendar_credit_are_coupled() -> None:
    model = RegTModel(future=FutureRule(calendar_credit_fraction=Decimal("0.5")))
    assert model.is_coupled(future())
    assert not RegTModel().is_coupled(future())
    assert not model.is_coupled(stock())
    assert not model.is_coupled(call("AAA", 100))
    assert MARKET.margin(model, {"FUT": 1, "FAR": -1}) == margin(1000, 900)
