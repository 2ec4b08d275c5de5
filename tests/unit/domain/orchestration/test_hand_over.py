"""Handing positions over by example; the laws are in tests/property/test_hand_over.py."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.portfolio import Book, Marks, settle_future, trade
from orchestrion.domain.orchestration.hand_over import HandOver, hand_over, hand_over_within
from tests.fakes import FUTURE, INSTRUMENTS
from tests.fakes_rules import Desk

CATALOG = InstrumentCatalog(INSTRUMENTS)


def holding(book_id: str = "a", *, quantity: int = 10, price: int = 100) -> Book:
    return trade(
        Book(book_id, Decimal(5_000)),
        CATALOG.tradable("AAA"),
        signed_quantity=Decimal(quantity),
        price=Decimal(price),
    )


def marks_of(**prices: int) -> Marks:
    marks = Marks()
    for instrument_id, price in prices.items():
        marks.start_at(instrument_id, Decimal(price))
    return marks


def test_heir_pays_the_mark_and_the_giver_realises_what_it_gained() -> None:
    handed = hand_over(holding(), Book("b", Decimal(2_000)), CATALOG, marks_of(AAA=130))
    assert (handed.giver.cash, handed.giver.realized_pnl) == (Decimal(5_300), Decimal(300))
    assert (handed.heir.cash, handed.heir.positions["AAA"].cost) == (Decimal(700), Decimal(1_300))
    assert handed.realized_pnl == Decimal(300)


@pytest.mark.parametrize(
    ("giver", "heir", "words"),
    [
        (holding(), holding(), "a cannot hand over to itself"),
        (holding(), Book("b", Decimal(0)), "a holds AAA without a mark"),
    ],
)
def test_what_cannot_be_handed_over_is_a_broken_invariant(
    giver: Book, heir: Book, words: str
) -> None:
    with pytest.raises(InvariantBrokenError, match=words):
        hand_over(giver, heir, CATALOG, marks_of(BBB=1))


def test_opposite_positions_meet_and_nothing_is_left() -> None:
    handed = hand_over(holding(), holding("b", quantity=-10), CATALOG, marks_of(AAA=100))
    assert not handed.giver.positions
    assert not handed.heir.positions


@pytest.mark.parametrize(
    ("cash", "words"),
    [
        (600, None),
        # With nothing, all equity that it would have is what it had.
        (0, "beta would need 400.00 for all that it held, it has 0.00"),
    ],
)
def test_heir_must_be_able_to_carry_what_it_gets(cash: int, words: str | None) -> None:
    one = Desk(alpha=1_000, beta=cash, AAA=40)
    one.hold("AAA", 10)
    before = one.picture()
    found = hand_over_within(one.manager, "alpha", "beta")
    if words is None:
        assert isinstance(found, HandOver)
        assert found.heir.quantity("AAA") == 10
    else:
        assert found == words
    assert one.picture() == before


def test_gain_that_waits_for_settlement_is_paid_by_the_heir() -> None:
    giver = Book("a", Decimal(5_000))
    for quantity, price in ((1, 100), (-1, 110)):
        giver = trade(giver, FUTURE, signed_quantity=Decimal(quantity), price=Decimal(price))
    handed = hand_over(giver, Book("b", Decimal(0)), CATALOG, marks_of(FUT=110))
    assert (handed.giver.cash, dict(handed.giver.unsettled)) == (Decimal(5_500), {})
    assert (handed.heir.cash, dict(handed.heir.unsettled)) == (Decimal(-500), {"FUT": Decimal(500)})
    settled = settle_future(handed.heir, FUTURE, Decimal(110))
    assert settled.cash == 0
