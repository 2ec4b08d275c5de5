"""The cash account."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from orchestrion.domain.margin.cash_account import CashAccountModel
from orchestrion.domain.margin.requirement import REFUSED, UnpricedError
from tests.fakes_margin import Market, Number, call, future, index, margin, put, stock

MARKET = Market(
    index(),
    stock(),
    future(),
    call("AAA", 105),
    put("AAA", 95),
    call("IDX", 105),
    marks={
        "AAA": 100,
        "IDX": 100,
        "FUT": 100,
        "AAA C105": "2.50",
        "AAA P95": "1.50",
        "IDX C105": 2,
    },
)
LONG_ONLY = CashAccountModel()
SECURED = CashAccountModel(allows_secured_options=True)


@pytest.mark.parametrize(
    ("held", "bound"),
    [
        ({}, 0),
        ({"AAA": 30}, 3000),
        ({"AAA C105": 2}, 500),
        ({"AAA": 100, "AAA P95": 1}, 10150),
        ({"AAA": 0}, 0),
    ],
)
def test_long_positions_are_paid_in_full(held: Mapping[str, Number], bound: int) -> None:
    assert MARKET.margin(LONG_ONLY, held) == margin(bound)


@pytest.mark.parametrize(
    "held",
    [
        {"AAA": -1},
        {"AAA P95": -1},
        {"AAA": 100, "AAA C105": -1},
        {"FUT": 1},
        {"FUT": -1},
    ],
)
def test_short_positions_and_futures_are_refused(held: Mapping[str, Number]) -> None:
    assert MARKET.margin(LONG_ONLY, held) == REFUSED


@pytest.mark.parametrize(
    ("held", "bound"),
    [
        # The strike lies in cash; the premium, 150, is already part of it.
        ({"AAA P95": -1}, 9500 - 150),
        # 100 shares at 100 less the premium that came in, 250.
        ({"AAA": 100, "AAA C105": -1}, 10000 - 250),
        ({"AAA": 250, "AAA C105": -2}, 25000 - 500),
        ({"AAA": 100, "AAA C105": -1, "AAA P95": -1}, 9750 + 9350),
    ],
)
def test_secured_options_bind_what_secures_them(held: Mapping[str, Number], bound: int) -> None:
    assert MARKET.margin(SECURED, held) == margin(bound)


@pytest.mark.parametrize(
    "held",
    [
        {"AAA C105": -1},
        {"AAA": 199, "AAA C105": -2},
        {"IDX C105": -1},  # nobody holds an index
        {"AAA": -100},
        {"FUT": 1},
    ],
)
def test_options_that_nothing_secures_are_refused(held: Mapping[str, Number]) -> None:
    assert MARKET.margin(SECURED, held) == REFUSED


def test_stale_call_above_its_share_lends_no_more_than_the_share() -> None:
    market = Market(stock(), call("AAA", 1), marks={"AAA": 100, "AAA C1": 130})
    assert market.margin(SECURED, {"AAA": 100, "AAA C1": -1}) == margin(0)


def test_share_without_a_price_is_unpriced() -> None:
    with pytest.raises(UnpricedError):
        Market(stock(), marks={}).margin(LONG_ONLY, {"AAA": 1})


def test_only_secured_options_couple_positions() -> None:
    assert not LONG_ONLY.is_coupled(stock())
    assert SECURED.is_coupled(stock())
    assert SECURED.is_coupled(put("AAA", 95))
    assert not SECURED.is_coupled(future())
