"""Laws of cash flows: books sum to the account, gains stay gains, a refusal changes nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.capital.book_capital import BookCapital
from orchestrion.domain.capital.cash_flow import (
    BySplit,
    CashFlowKind,
    CashFlowRefused,
    CashFlowReport,
    SplitRule,
    ToBook,
    book_cash_flow,
)
from orchestrion.domain.models.instrument import Equity, InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice, TradeTick
from orchestrion.domain.models.money import ZERO, to_e9
from orchestrion.domain.models.portfolio import EXTERNAL, RESERVE, Book, Marks, equity, trade
from orchestrion.domain.orchestration.account_ledger import AccountLedger, total_of_books

pytestmark = pytest.mark.slow

SHARE = Equity(instrument_id="ABC", lot_size=Decimal("0.5"))
CATALOG = InstrumentCatalog([SHARE])
BOOK_IDS = ("a", "b", "c", RESERVE, EXTERNAL)
PRICE = Decimal("12.37")

cash = st.decimals("-1000", "9000", places=3, allow_nan=False)
quantities = st.integers(-20, 20).map(lambda lots: lots * SHARE.lot_size)
money = st.decimals("-500", "5000", places=2, allow_nan=False) | st.decimals(
    "-5", "5", places=9, allow_nan=False
)
flows = st.builds(
    CashFlowReport,
    flow_id=st.just("f"),
    kind=st.sampled_from(CashFlowKind),
    amount=money,
    ts_event=st.just(1),
    attribution=st.builds(ToBook, st.sampled_from([*BOOK_IDS, "nobody"]))
    | st.builds(BySplit, st.sampled_from(SplitRule)),
    instrument_id=st.sampled_from(["", "ABC"]),
    amount_per_unit=st.sampled_from([ZERO, Decimal("0.333")]),
)


@st.composite
def book_maps(draw: st.DrawFn) -> dict[str, Book]:
    books: dict[str, Book] = {}
    for book_id in BOOK_IDS:
        books[book_id] = Book(book_id, draw(cash))
        quantity = draw(quantities) if book_id != RESERVE else ZERO
        if quantity:
            books[book_id] = trade(
                books[book_id], SHARE, signed_quantity=quantity, price=Decimal(10)
            )
    return books


def _marks() -> Marks:
    marks = Marks()
    marks.update(MarketSlice.of([TradeTick("ABC", 1, to_e9(PRICE))]))
    return marks


def _capital(books: dict[str, Book]) -> list[BookCapital]:
    values = {one: equity(book, CATALOG, _marks()) for one, book in books.items()}
    return [BookCapital(one, value, value) for one, value in values.items()]


@given(book_maps(), flows)
def test_books_move_by_what_the_account_moves(books: dict[str, Book], flow: CashFlowReport) -> None:
    ledger = AccountLedger(CATALOG, starting_cash=total_of_books(books.values(), CATALOG).cash)
    answer = book_cash_flow(flow, books, _capital(books))
    if isinstance(answer, CashFlowRefused):
        assert answer.detail
        return
    after = {**books, **{book.book_id: book for book in answer.books}}
    totals = total_of_books(after.values(), CATALOG)
    ledger.transfer_cash(flow.account_cash)

    assert totals.cash == ledger.cash
    assert totals.fees == flow.account_fee
    assert sum(share.cash for share in answer.shares) == flow.account_cash
    assert list(after) == list(books)
    assert [share.book_id for share in answer.shares] == [one.book_id for one in answer.books]


@given(book_maps(), flows)
def test_equity_is_capital_plus_gains_less_fees(
    books: dict[str, Book], flow: CashFlowReport
) -> None:
    answer = book_cash_flow(flow, books, _capital(books))
    if isinstance(answer, CashFlowRefused):
        return
    assert bool(answer.capital_moved) is flow.is_capital
    for after in answer.books:
        before = books[after.book_id]
        moved = answer.capital_moved.get(after.book_id, ZERO)
        gained = after.realized_pnl - before.realized_pnl - (after.fees - before.fees)
        rise = equity(after, CATALOG, _marks()) - equity(before, CATALOG, _marks())
        assert rise == moved + gained
        assert after.positions == before.positions


@given(book_maps(), flows)
def test_withdrawals_leave_nobody_overdrawn(books: dict[str, Book], flow: CashFlowReport) -> None:
    capital = _capital(books)
    answer = book_cash_flow(flow, books, capital)
    if isinstance(answer, CashFlowRefused) or flow.kind is not CashFlowKind.WITHDRAWAL:
        return
    free = {one.book_id: one.free for one in capital}
    assert all(free[share.book_id] + share.cash >= 0 for share in answer.shares)
    assert sum(free.values()) >= flow.amount
