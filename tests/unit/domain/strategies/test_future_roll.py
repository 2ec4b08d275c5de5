"""Which contract to hold, and the one order that leads there."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from orchestrion.domain.models.instrument import Index, InstrumentCatalog
from orchestrion.domain.models.portfolio import Book, Marks, trade
from orchestrion.domain.models.strategy import StrategyView
from orchestrion.domain.strategies.future_roll import (
    active_contract,
    contracts_of,
    held_contracts,
    net_quantity,
    order_to,
)
from tests.fakes_strategy_host import equity, future, ts_of

MARCH = future("SPXF-201403", "SPX", date(2014, 3, 21), 50)
JUNE = future("SPXF-201406", "SPX", date(2014, 6, 20), 50)
OIL = future("WTIF-201403", "WTI", date(2014, 2, 20), 1000)
CATALOG = InstrumentCatalog([JUNE, MARCH, OIL, Index(instrument_id="SPX"), equity("XOM")])
CONTRACTS = contracts_of(CATALOG, "SPX")


def view_on(today: date, **held: int) -> StrategyView:
    book = Book("S", Decimal(1_000_000))
    for month, quantity in held.items():
        contract = {"march": MARCH, "june": JUNE}[month]
        if quantity:
            book = trade(book, contract, signed_quantity=Decimal(quantity), price=Decimal(1900))
    view = StrategyView("S", CATALOG, Marks(), book)
    view._now = ts_of(today)
    return view


def test_contracts_are_of_one_underlying_and_by_expiry() -> None:
    assert CONTRACTS == (MARCH, JUNE)
    assert contracts_of(CATALOG, "WTI") == (OIL,)
    assert contracts_of(CATALOG, "VIX") == ()


@pytest.mark.parametrize(
    ("today", "held", "unpriced", "expected"),
    [
        (date(2014, 1, 6), {}, "", MARCH),
        (date(2014, 3, 14), {}, "", MARCH),  # 7 days left
        (date(2014, 3, 16), {"march": 1}, "", JUNE),  # 5 days left: the roll is due
        (date(2014, 3, 16), {}, "", JUNE),
        (date(2014, 1, 6), {"june": 1}, "", JUNE),  # held before near
        (date(2014, 1, 6), {}, "SPXF-201403", JUNE),
        (date(2014, 3, 16), {"march": 1}, "SPXF-201406", MARCH),  # nowhere to roll to yet
        (date(2014, 3, 16), {}, "SPXF-201406", None),
        (date(2014, 3, 21), {"march": 1}, "SPXF-201406", None),  # it has expired
        (date(2014, 6, 18), {}, "", None),
    ],
)
def test_active_contract_is_the_held_one_until_the_roll(
    today: date, held: dict[str, int], unpriced: str, expected: object
) -> None:
    view = view_on(today, **held)
    found = active_contract(view, CONTRACTS, roll_days=5, is_priced=lambda one: one != unpriced)
    assert found is expected


@pytest.mark.parametrize(
    ("held", "wanted", "legs", "is_reducing"),
    [
        ({}, 3, [("SPXF-201406", 3)], False),
        ({"march": 3}, 3, [("SPXF-201403", -3), ("SPXF-201406", 3)], False),
        ({"march": -2}, -1, [("SPXF-201403", 2), ("SPXF-201406", -1)], False),
        ({"march": 3}, 0, [("SPXF-201403", -3)], True),
        ({"march": 3, "june": 1}, 3, [("SPXF-201403", -3), ("SPXF-201406", 2)], False),
        ({"march": 3, "june": 2}, 1, [("SPXF-201403", -3), ("SPXF-201406", -1)], True),
        ({"june": 3}, 1, [("SPXF-201406", -2)], True),
        ({"june": -3}, -1, [("SPXF-201406", 2)], True),
        ({"june": 3}, -1, [("SPXF-201406", -4)], False),
        ({"june": 3}, 5, [("SPXF-201406", 2)], False),
        ({"june": 3}, 3, [], False),
        ({}, 0, [], False),
    ],
)
def test_one_order_leads_from_held_to_wanted(
    held: dict[str, int], wanted: int, legs: list[tuple[str, int]], is_reducing: bool
) -> None:
    view = view_on(date(2014, 3, 10), **held)
    mine = held_contracts(view, CONTRACTS)
    order = order_to(view, JUNE, mine, Decimal(wanted), "why")
    found = [(leg.instrument_id, int(leg.signed_quantity)) for leg in order.legs] if order else []
    assert found == legs
    assert (order is not None and order.reduce_only) is is_reducing
    assert order is None or order.label == "why"


def test_expired_contract_in_the_book_is_not_traded() -> None:
    view = view_on(date(2014, 3, 21), march=3, june=1)
    assert held_contracts(view, CONTRACTS) == (JUNE,)
    assert net_quantity(view, held_contracts(view, CONTRACTS)) == 1
    assert net_quantity(view, CONTRACTS) == 4
