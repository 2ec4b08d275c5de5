"""Handing positions over invents nothing: sums are exact, equities stay, the giver is left flat."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.money import ZERO, add, to_e9
from orchestrion.domain.models.portfolio import Book, Marks, equity, trade
from orchestrion.domain.orchestration.account_ledger import total_of_books
from orchestrion.domain.orchestration.hand_over import hand_over
from tests.fakes import INSTRUMENTS

CATALOG = InstrumentCatalog(INSTRUMENTS)
IDS = ("AAA", "BBB", "FUT")
prices = st.decimals(Decimal("0.01"), Decimal(5000), places=2)
fills = st.lists(
    st.tuples(
        st.sampled_from(IDS),
        st.integers(-300, 300).filter(bool),
        prices,
        st.decimals(ZERO, Decimal(9), places=2),
    ),
    max_size=8,
)


def book_of(book_id: str, made: list[tuple[str, int, Decimal, Decimal]]) -> Book:
    book = Book(book_id, Decimal(10_000))
    for instrument_id, quantity, price, fee in made:
        book = trade(
            book,
            CATALOG.tradable(instrument_id),
            signed_quantity=Decimal(quantity),
            price=price,
            fee=fee,
        )
    return book


def marks_at(values: list[Decimal]) -> Marks:
    marks = Marks()
    for instrument_id, price in zip(IDS, values, strict=True):
        marks.start_at(instrument_id, price)
        assert marks.price_e9(instrument_id) == to_e9(price)
    return marks


@settings(max_examples=200)
@given(
    given_away=fills,
    had=fills,
    values=st.lists(prices, min_size=3, max_size=3),
)
def test_hand_over_moves_everything_and_changes_no_sum(
    given_away: list[tuple[str, int, Decimal, Decimal]],
    had: list[tuple[str, int, Decimal, Decimal]],
    values: list[Decimal],
) -> None:
    giver, heir, marks = book_of("a", given_away), book_of("b", had), marks_at(values)
    handed = hand_over(giver, heir, CATALOG, marks)
    # The account as a whole is what it was: cash, fees, quantities, what futures wait for.
    before = total_of_books((giver, heir), CATALOG)
    after = total_of_books((handed.giver, handed.heir), CATALOG)
    assert (after.cash, after.fees) == (before.cash, before.fees)
    for key in IDS:
        assert after.quantities.get(key, ZERO) == before.quantities.get(key, ZERO)
        assert after.future_costs.get(key, ZERO) == before.future_costs.get(key, ZERO)
    # Nobody has won or lost by it.
    for one, then in ((handed.giver, giver), (handed.heir, heir)):
        assert equity(one, CATALOG, marks) == equity(then, CATALOG, marks)
        assert one.fees == then.fees
    # The giver is left with cash alone, and what it realised is said.
    assert not handed.giver.positions
    assert not handed.giver.unsettled
    assert add(giver.realized_pnl, handed.realized_pnl) == handed.giver.realized_pnl
    assert {one.instrument_id: one.quantity for one in handed.moved} == {
        key: position.quantity for key, position in giver.positions.items()
    }


@given(given_away=fills, values=st.lists(prices, min_size=3, max_size=3))
def test_who_gives_to_an_empty_book_gives_at_the_mark(
    given_away: list[tuple[str, int, Decimal, Decimal]], values: list[Decimal]
) -> None:
    giver, marks = book_of("a", given_away), marks_at(values)
    handed = hand_over(giver, Book("b", ZERO), CATALOG, marks)
    for one in handed.moved:
        position = handed.heir.positions[one.instrument_id]
        multiplier = CATALOG.tradable(one.instrument_id).multiplier
        assert position.cost == one.quantity * one.price * multiplier
    assert handed.heir.realized_pnl == 0
