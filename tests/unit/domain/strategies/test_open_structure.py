"""What the book says about a structure: the whole table of its phases."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from orchestrion.domain.models.instrument import OptionContract, OptionKind
from orchestrion.domain.models.option_structure import strangle
from orchestrion.domain.models.order import Leg, OrderSide
from orchestrion.domain.models.portfolio import Book, trade
from orchestrion.domain.strategies.open_structure import (
    OpenStructure,
    StructurePhase,
    closing_legs,
    cost_of,
    opening_legs,
    settled,
)
from tests.fakes_strategy_host import quote, ts_of

EXPIRY = date(2014, 2, 21)
STRUCTURE = strangle(
    quote(OptionKind.PUT, 1750, EXPIRY, bid=7, ask=8),
    quote(OptionKind.CALL, 1900, EXPIRY, bid=6, ask=7),
    quantity=Decimal(-2),
)
PUT_ID, CALL_ID = STRUCTURE.instrument_ids
NOTHING: frozenset[str] = frozenset()


def book_with(put: int, call: int) -> Book:
    book = Book("S", Decimal(100_000))
    for leg, quantity in zip(STRUCTURE.legs, (put, call), strict=True):
        if quantity:
            contract = OptionContract(
                instrument_id=leg.instrument_id,
                underlying_id="SPX",
                expiry_ts=ts_of(EXPIRY),
                strike=leg.strike,
                option_kind=leg.option_kind,
            )
            book = trade(book, contract, signed_quantity=Decimal(quantity), price=leg.premium)
    return book


@pytest.mark.parametrize(
    ("phase", "put", "call", "next_phase"),
    [
        ("ENTERING", -2, -2, "OPEN"),
        ("ENTERING", 0, 0, None),
        ("ENTERING", -2, 0, "CLOSING"),
        ("ENTERING", -1, -1, "CLOSING"),
        ("OPEN", -2, -2, "OPEN"),
        ("OPEN", -2, 0, "CLOSING"),
        ("OPEN", -3, -2, "CLOSING"),
        ("OPEN", 0, 0, None),
        ("CLOSING", -2, -2, "CLOSING"),
        ("CLOSING", 0, -2, "CLOSING"),
        ("CLOSING", 0, 0, None),
    ],
)
def test_next_phase_follows_from_the_book(
    phase: str, put: int, call: int, next_phase: str | None
) -> None:
    one = OpenStructure(STRUCTURE, StructurePhase(phase), "stop")
    found = settled(one, book_with(put, call), NOTHING)
    assert (found.phase.value if found else None) == next_phase


@pytest.mark.parametrize("phase", list(StructurePhase))
@pytest.mark.parametrize("busy_id", [PUT_ID, CALL_ID])
def test_order_under_way_freezes_the_phase(phase: StructurePhase, busy_id: str) -> None:
    one = OpenStructure(STRUCTURE, phase)
    assert settled(one, book_with(-2, 0), frozenset({busy_id})) is one
    assert settled(one, book_with(0, 0), frozenset({busy_id})) is one


def test_incomplete_structure_says_so_and_a_closing_one_keeps_its_reason() -> None:
    torn = settled(OpenStructure(STRUCTURE), book_with(-2, 0), NOTHING)
    assert torn is not None
    assert torn.exit_reason == "incomplete"
    stopped = OpenStructure(STRUCTURE).closing("stop")
    assert settled(stopped, book_with(-2, 0), NOTHING) is stopped


def test_cost_is_what_the_book_paid_for_the_legs_that_are_held() -> None:
    assert cost_of(STRUCTURE, book_with(-2, -2)) == -2600
    assert cost_of(STRUCTURE, book_with(-2, 0)) == -1400
    assert cost_of(STRUCTURE, book_with(0, 0)) == 0


def test_legs_open_as_asked_and_close_what_is_held() -> None:
    assert opening_legs(STRUCTURE) == (
        Leg(PUT_ID, OrderSide.SELL, Decimal(2)),
        Leg(CALL_ID, OrderSide.SELL, Decimal(2)),
    )
    closing = closing_legs(STRUCTURE, book_with(-1, 0), lambda leg, held: True)
    assert closing == (Leg(PUT_ID, OrderSide.BUY, Decimal(1)),)
    assert closing_legs(STRUCTURE, book_with(-1, -1), lambda leg, held: False) == ()
