"""What the sums over all books remember between two changes, beside the figures themselves.

That the figures equal the sums over the books is in tests/property/test_account_exposure.py.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.margin.instrument_rates import InstrumentRatesModel
from orchestrion.domain.models.instrument import Tradable
from orchestrion.domain.models.portfolio import Book, Position
from orchestrion.domain.orchestration.account_exposure import AccountExposure
from tests.fakes_rules import CATALOG, amount, book_of, marks_of


def exposure(*books: Book) -> AccountExposure:
    return AccountExposure(books, CATALOG, InstrumentRatesModel())


def named(book_id: str, **held: int) -> Book:
    return msgspec.structs.replace(book_of(**held), book_id=book_id)


def test_books_with_something_coupled_are_listed_until_it_is_gone() -> None:
    two, one, none = named("a", P90=1, P95=-1, AAA=3), named("a", P95=-1), named("a", AAA=3)
    sums = exposure(two, named("b", FUT=1))
    assert list(sums.coupled_books) == ["a"]
    sums.replace(two, one)
    assert list(sums.coupled_books) == ["a"]
    sums.replace(one, none)
    assert list(sums.coupled_books) == []


def test_book_that_gets_something_coupled_is_listed_and_leaves_with_it() -> None:
    none, one, two = named("a"), named("a", C100=2), named("a", C100=2, C105=1)
    sums = exposure(none, named("b", P90=1))
    sums.replace(none, one)
    assert list(sums.coupled_books) == ["b", "a"]
    sums.replace(one, two)
    sums.replace(two, one)
    assert list(sums.coupled_books) == ["b", "a"]
    sums.replace(one, none)
    assert list(sums.coupled_books) == ["b"]


def test_position_of_one_share_is_long_and_that_of_minus_one_is_short() -> None:
    """Long and short of two books bind each for itself: 40, and half of 40."""
    marks = marks_of(AAA=40)
    sums = exposure(named("a", AAA=1), named("b", AAA=-1))
    assert sums.uncoupled_margin(marks, now=0) == 60
    assert sums.equity(marks) == 0


def test_gains_that_wait_for_settlement_are_money() -> None:
    book = Book("a", amount(100), {}, unsettled={"FUT": amount(7)})
    sums = exposure(book)
    assert sums.equity(marks_of()) == 107
    sums.replace(book, msgspec.structs.replace(book, unsettled={"FUT": amount(-2)}))
    assert sums.equity(marks_of()) == 98


def test_future_is_not_paid_for_and_a_share_is() -> None:
    book = Book(
        "a",
        amount(1_000),
        {
            "FUT": Position("FUT", amount(2), amount(9_000)),
            "AAA": Position("AAA", amount(3), amount(120)),
        },
    )
    # 1,000 + 2 x 100 x 50 - 9,000 + 3 x 40
    assert exposure(book).equity(marks_of(FUT=100, AAA=40)) == Decimal(2_120)


def test_holding_without_a_mark_is_an_error_and_no_equity() -> None:
    with pytest.raises(InvariantBrokenError, match="AAA without a mark"):
        exposure(book_of(AAA=1)).equity(marks_of(BBB=5))


def test_model_is_asked_once_whether_an_instrument_is_coupled() -> None:
    asked: list[str] = []

    class Curious(InstrumentRatesModel, frozen=True):
        def is_coupled(self, instrument: Tradable) -> bool:
            asked.append(instrument.instrument_id)
            return False

    sums = AccountExposure((book_of(AAA=1),), CATALOG, Curious())
    assert [sums.is_coupled("AAA"), sums.is_coupled("AAA"), sums.is_coupled("BBB")] == [False] * 3
    assert asked == ["AAA", "BBB"]
