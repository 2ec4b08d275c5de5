"""A split of the books sums to the split of the account, for whatever they hold."""

from __future__ import annotations

from decimal import ROUND_DOWN, Decimal
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.capital.corporate_action import (
    SplitReport,
    SymbolChangedReport,
    apply_split,
    apply_symbol_change,
)
from orchestrion.domain.models.instrument import Equity, InstrumentCatalog
from orchestrion.domain.models.money import ZERO
from orchestrion.domain.models.portfolio import Book, trade
from orchestrion.domain.orchestration.account_ledger import total_of_books

pytestmark = pytest.mark.slow

SHARE = Equity(instrument_id="ABC")
CATALOG = InstrumentCatalog([SHARE])
holdings = st.lists(st.tuples(st.integers(-60, 60), st.integers(1, 10**6)), min_size=1, max_size=6)
splits = st.builds(
    SplitReport,
    instrument_id=st.just("ABC"),
    numerator=st.integers(1, 12),
    denominator=st.integers(1, 12),
    cash_price=st.decimals("0", "900", places=3, allow_nan=False),
    ts_event=st.just(1),
    quantity_step=st.sampled_from([Decimal(1), Decimal("0.001"), Decimal(5)]),
)


def _books(held: list[tuple[int, int]]) -> dict[str, Book]:
    books: dict[str, Book] = {}
    for number, (quantity, cents) in enumerate(held):
        book = Book(f"s{number}", Decimal(100))
        if quantity:
            book = trade(
                book, SHARE, signed_quantity=Decimal(quantity), price=Decimal(cents).scaleb(-2)
            )
        books[book.book_id] = book
    return books


@given(holdings, splits)
def test_books_sum_to_the_account(held: list[tuple[int, int]], report: SplitReport) -> None:
    books = _books(held)
    applied = apply_split(report, books, CATALOG)
    after = {**books, **{book.book_id: book for book in applied.books}}

    # The account's side, computed apart: whole steps towards zero, the rest paid to the cent.
    net = Fraction(sum(quantity for quantity, _ in held) * report.numerator, report.denominator)
    steps = int(net / Fraction(report.quantity_step))
    quantity = steps * report.quantity_step
    paid = (net - Fraction(quantity)) * Fraction(report.cash_price)
    before_totals, totals = (total_of_books(one.values(), CATALOG) for one in (books, after))
    assert totals.quantities.get("ABC", ZERO) == applied.account_quantity == quantity
    assert totals.cash - before_totals.cash == applied.account_cash
    assert abs(Fraction(applied.account_cash) - paid) <= Fraction(1, 200)
    assert applied.account_cash == applied.account_cash.quantize(Decimal("0.01"), ROUND_DOWN)
    assert sum(applied.cash_in_lieu.values()) == applied.account_cash


@given(holdings, splits)
def test_every_book_holds_its_part_within_a_step_and_is_paid_for_the_rest(
    held: list[tuple[int, int]], report: SplitReport
) -> None:
    books = _books(held)
    for after in apply_split(report, books, CATALOG).books:
        before = books[after.book_id]
        exact = Fraction(before.quantity("ABC")) * Fraction(report.numerator, report.denominator)
        rest = exact - Fraction(after.quantity("ABC"))
        cash = after.cash - before.cash
        assert abs(rest) < Fraction(report.quantity_step)
        assert abs(Fraction(cash) - rest * Fraction(report.cash_price)) < Fraction(1, 100)
        assert after.quantity("ABC") * before.quantity("ABC") >= 0
        # Cost moves only by what is paid and what is realised.
        cost_before = before.positions["ABC"].cost
        cost_after = after.positions["ABC"].cost if after.positions else ZERO
        assert cost_after - cost_before == (after.realized_pnl - before.realized_pnl) - cash


@given(holdings)
def test_renaming_there_and_back_changes_nothing(held: list[tuple[int, int]]) -> None:
    books = _books(held)
    report = SymbolChangedReport(instrument_id="ABC", new_instrument_id="NEW", ts_event=1)
    there = apply_symbol_change(report, books, CATALOG)
    renamed = {**books, **{book.book_id: book for book in there.books}}
    back = apply_symbol_change(
        msgspec.structs.replace(report, instrument_id="NEW", new_instrument_id="ABC"),
        renamed,
        there.catalog,
    )
    assert {**renamed, **{book.book_id: book for book in back.books}} == books
    assert list(back.catalog) == list(CATALOG)
