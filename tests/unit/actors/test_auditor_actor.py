"""The auditor: books and account ledger, compared at every change and in full at a close."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec
import pytest

from orchestrion.actors.auditor_actor import AuditorActor
from orchestrion.actors.messages import AccountMoved, BooksClosed, BooksMoved
from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import Book, Marks, Position, equity, settle_future, trade
from orchestrion.domain.models.report import ExternalFillReport, FutureSettledReport
from orchestrion.domain.orchestration.account_ledger import AccountLedger, AccountTotals
from orchestrion.runtime.errors import ActorError
from tests.fakes import FUTURE, INSTRUMENTS, minute

CATALOG = InstrumentCatalog(INSTRUMENTS)
CENT = Decimal("0.01")
START = (Book("alpha", Decimal(600)), Book("beta", Decimal(400)))


class Audited:
    """An auditor and the books that it is told of; a test can plant an error in either."""

    def __init__(self) -> None:
        self.marks = Marks()
        self.marks.update(minute(0, "AAA", "FUT"))
        self.books = {book.book_id: book for book in START}
        self.ledger = AccountLedger(CATALOG, starting_cash=Decimal(1000))
        self.auditor = AuditorActor(self.ledger, START, CATALOG, self.marks)

    def fill(
        self, book_id: str, quantity: int, instrument_id: str = "AAA", **planted: Change
    ) -> None:
        """Books a fill; ``planted`` changes fields of the book after it, as a bug would."""
        self.auditor.receive(AccountMoved(fill(quantity, instrument_id)))
        before = self.books[book_id]
        after = trade(
            before,
            CATALOG.tradable(instrument_id),
            signed_quantity=Decimal(quantity),
            price=Decimal("100.25"),
            fee=Decimal("0.35"),
        )
        for name, change in planted.items():
            after = msgspec.structs.replace(after, **{name: change(getattr(after, name))})
        self.books[book_id] = after
        self.auditor.receive(BooksMoved(instrument_id, ((before, after),)))

    def close(self) -> None:
        books = tuple(self.books.values())
        equities = tuple(equity(book, CATALOG, self.marks) for book in books)
        self.auditor.receive(BooksClosed(books, equities))


def fill(quantity: int, instrument_id: str = "AAA") -> ExternalFillReport:
    return ExternalFillReport(
        trade_id="1",
        instrument_id=instrument_id,
        side=OrderSide.BUY if quantity > 0 else OrderSide.SELL,
        last_qty=Decimal(abs(quantity)),
        last_px=Decimal("100.25"),
        commission=Decimal("0.35"),
        ts_event=0,
    )


def test_equal_books_pass_and_are_counted() -> None:
    audited = Audited()
    audited.fill("alpha", 5)
    audited.fill("beta", -5)
    audited.fill("beta", 2, "FUT")
    audited.close()
    assert audited.auditor.checks == 4


Change: TypeAlias = Callable[[Any], Any]
"""What a bug makes of a field of a book."""


def more(amount: Decimal) -> Change:
    return lambda value: value + amount


def becomes(value: object) -> Change:
    return lambda _: value


def position(instrument_id: str, **changes: Decimal) -> Change:
    """Adds to a field of a position."""

    def change(positions: dict[str, Position]) -> dict[str, Position]:
        one = positions[instrument_id]
        fields = {name: getattr(one, name) + amount for name, amount in changes.items()}
        return {**positions, instrument_id: msgspec.structs.replace(one, **fields)}

    return change


@pytest.mark.parametrize(
    ("instrument_id", "planted", "figure"),
    [
        ("AAA", {"cash": more(CENT)}, "cash"),
        ("AAA", {"cash": more(-CENT)}, "cash"),
        ("AAA", {"fees": more(CENT)}, "fees"),
        ("AAA", {"positions": position("AAA", quantity=CENT)}, "quantity of AAA"),
        ("FUT", {"positions": position("FUT", cost=CENT)}, "cost of future FUT"),
        ("FUT", {"unsettled": becomes({"FUT": CENT})}, "cost of future FUT"),
    ],
)
def test_a_cent_too_much_in_a_book_is_found_at_the_very_change(
    instrument_id: str, planted: dict[str, Change], figure: str
) -> None:
    audited = Audited()
    audited.fill("beta", 3)
    with pytest.raises(InvariantBrokenError, match=f"{figure}: the books sum to ") as broken:
        audited.fill("alpha", 5, instrument_id, **planted)
    assert "0.01)" in str(broken.value)
    books, account = broken.value.evidence["books"], broken.value.evidence["account"]
    assert isinstance(books, AccountTotals)
    assert isinstance(account, AccountTotals)
    assert books != account


def test_a_cent_too_much_in_the_ledger_is_found_at_the_next_change() -> None:
    audited = Audited()
    audited.ledger.transfer_cash(CENT)
    with pytest.raises(InvariantBrokenError, match=r"cash: .*\(difference -0.01\)"):
        audited.fill("alpha", 5)


def test_a_fill_that_only_one_side_saw_is_found() -> None:
    audited = Audited()
    audited.auditor.receive(AccountMoved(fill(1)))
    with pytest.raises(InvariantBrokenError, match=r"cash: .*; fees: .*; quantity of AAA: "):
        audited.fill("alpha", 5)


@pytest.mark.parametrize(
    ("planted", "figure"),
    [
        ({"cash": more(CENT)}, "cash"),
        ({"fees": more(CENT)}, "fees"),
        ({"positions": position("AAA", quantity=CENT)}, "quantity of AAA"),
        ({"positions": position("FUT", cost=CENT)}, "cost of future FUT"),
        ({"positions": becomes({})}, "quantity of AAA"),
    ],
)
def test_error_that_crept_into_a_book_without_a_fill_is_found_at_the_close(
    planted: dict[str, Change], figure: str
) -> None:
    audited = Audited()
    audited.fill("alpha", 5)
    audited.fill("alpha", 5, "FUT")
    for name, change in planted.items():
        book = audited.books["alpha"]
        audited.books["alpha"] = msgspec.structs.replace(
            book, **{name: change(getattr(book, name))}
        )
    with pytest.raises(InvariantBrokenError, match=f"{figure}: the books sum to ") as broken:
        audited.close()
    books = broken.value.evidence["books"]
    assert isinstance(books, AccountTotals)
    assert books.cash == sum(book.cash for book in audited.books.values())


def test_equity_that_does_not_add_up_is_found_at_the_close() -> None:
    audited = Audited()
    audited.fill("alpha", 5)
    books = tuple(audited.books.values())
    equities = [equity(book, CATALOG, audited.marks) for book in books]
    with pytest.raises(InvariantBrokenError, match=r"equity: .*\(difference 0.01\)"):
        audited.auditor.receive(BooksClosed(books, (equities[0] + CENT, equities[1])))


@pytest.mark.parametrize("error", [Decimal(0), CENT])
def test_settlement_is_compared_for_all_books_together(error: Decimal) -> None:
    audited = Audited()
    audited.fill("alpha", 2, "FUT")
    audited.fill("beta", -1, "FUT")
    report = FutureSettledReport(instrument_id="FUT", settlement_price=Decimal("101.5"), ts_event=1)
    before = tuple(audited.books.values())
    after = [settle_future(book, FUTURE, Decimal("101.5")) for book in before]
    after[1] = msgspec.structs.replace(after[1], cash=after[1].cash + error)
    audited.auditor.receive(AccountMoved(report))
    moved = BooksMoved("FUT", tuple(zip(before, after, strict=True)))
    if not error:
        audited.auditor.receive(moved)
        return
    with pytest.raises(InvariantBrokenError, match=r"cash: .*\(difference 0.01\)"):
        audited.auditor.receive(moved)


def test_message_that_it_cannot_use_is_refused() -> None:
    with pytest.raises(ActorError, match="the auditor cannot be told a str"):
        Audited().auditor.receive("hello")
