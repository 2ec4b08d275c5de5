"""Money without a trade: who gets it, what kind of money it is, and what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec
import pytest

from orchestrion.domain.capital.book_capital import BookCapital
from orchestrion.domain.capital.cash_flow import (
    Attribution,
    BySplit,
    CashFlowBooked,
    CashFlowKind,
    CashFlowRefusalCode,
    CashFlowRefused,
    CashFlowReport,
    SplitRule,
    ToBook,
    book_cash_flow,
    charge_fee,
    receive_income,
)
from orchestrion.domain.models.instrument import Equity, InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice, TradeTick
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.portfolio import EXTERNAL, RESERVE, Book, Marks, equity, trade

SHARE = Equity(instrument_id="ABC")
CATALOG = InstrumentCatalog([SHARE])
KINDS = CashFlowKind


def _held(book_id: str, cash: str, quantity: int = 0) -> Book:
    book = Book(book_id, Decimal(cash))
    if not quantity:
        return book
    return trade(book, SHARE, signed_quantity=Decimal(quantity), price=Decimal(1))


def _books(**quantities: int) -> dict[str, Book]:
    """Strategies with 100 each and so many shares at 1, then RESERVE and EXTERNAL."""
    books = {one: _held(one, "100", quantity) for one, quantity in quantities.items()}
    books.setdefault(RESERVE, Book(RESERVE, Decimal(50)))
    books.setdefault(EXTERNAL, Book(EXTERNAL, Decimal(0)))
    return books


def _capital(books: Mapping[str, Book], free: dict[str, str] | None = None) -> list[BookCapital]:
    marks = Marks()
    marks.update(MarketSlice.of([TradeTick("ABC", 1, to_e9(1))]))
    found: list[BookCapital] = []
    for book in books.values():
        value = equity(book, CATALOG, marks)
        stated = (free or {}).get(book.book_id)
        found.append(BookCapital(book.book_id, value, value if stated is None else Decimal(stated)))
    return found


def _flow(
    kind: CashFlowKind,
    amount: str,
    attribution: Attribution | None = None,
    *,
    instrument_id: str = "",
    per_unit: str = "0",
) -> CashFlowReport:
    return CashFlowReport(
        flow_id="f-1",
        kind=kind,
        amount=Decimal(amount),
        ts_event=1,
        attribution=ToBook() if attribution is None else attribution,
        instrument_id=instrument_id,
        amount_per_unit=Decimal(per_unit),
    )


def _booked(
    flow: CashFlowReport, books: dict[str, Book], free: dict[str, str] | None = None
) -> CashFlowBooked:
    answer = book_cash_flow(flow, books, _capital(books, free))
    assert isinstance(answer, CashFlowBooked), answer
    return answer


def _refused(
    flow: CashFlowReport, books: dict[str, Book], free: dict[str, str] | None = None
) -> CashFlowRefused:
    answer = book_cash_flow(flow, books, _capital(books, free))
    assert isinstance(answer, CashFlowRefused), answer
    assert answer.detail.startswith("f-1: ")
    return answer


def _cash(answer: CashFlowBooked) -> dict[str, Decimal]:
    return {one.book_id: one.cash for one in answer.shares}


def test_deposit_goes_to_reserve_and_is_no_gain() -> None:
    answer = _booked(_flow(KINDS.DEPOSIT, "25"), _books(a=0))

    assert answer.books == (Book(RESERVE, Decimal(75)),)
    assert answer.capital_moved == {RESERVE: 25}


def test_deposit_to_one_strategy_leaves_the_others() -> None:
    answer = _booked(_flow(KINDS.DEPOSIT, "25", ToBook("b")), _books(a=0, b=0))
    assert _cash(answer) == {"b": 25}


@pytest.mark.parametrize(
    ("kind", "cash", "realized", "fees", "moved"),
    [
        (KINDS.DEPOSIT, "107", "0", "0", {"a": 7}),
        (KINDS.WITHDRAWAL, "93", "0", "0", {"a": -7}),
        (KINDS.DIVIDEND, "107", "7", "0", {}),
        (KINDS.INTEREST, "107", "7", "0", {}),
        (KINDS.FEE, "93", "0", "7", {}),
    ],
)
def test_kind_decides_what_the_money_is(
    kind: CashFlowKind, cash: str, realized: str, fees: str, moved: dict[str, int]
) -> None:
    flow = _flow(kind, "7", ToBook("a"))
    answer = _booked(flow, _books(a=0))
    (book,) = answer.books

    assert (book.cash, book.realized_pnl, book.fees) == (
        Decimal(cash),
        Decimal(realized),
        Decimal(fees),
    )
    assert answer.capital_moved == moved
    assert flow.account_cash == book.cash - 100
    assert flow.account_fee == book.fees
    assert flow.is_capital is bool(moved)


@pytest.mark.parametrize("kind", [KINDS.DIVIDEND, KINDS.INTEREST, KINDS.FEE])
def test_income_and_fees_may_be_negative(kind: CashFlowKind) -> None:
    flow = _flow(kind, "-7.123456789", ToBook("a"))
    (book,) = _booked(flow, _books(a=0)).books
    assert book.cash - 100 == flow.account_cash


@pytest.mark.parametrize(
    ("rule", "amount", "shares"),
    [
        pytest.param(SplitRule.EQUALLY, "1.00", {"a": "0.34", "b": "0.33", "c": "0.33"}, id="tie"),
        pytest.param(
            # Equity is 100 for everybody, whatever is held.
            SplitRule.BY_EQUITY,
            "0.02",
            {"a": "0.01", "b": "0.01"},
            id="equity-without-zeros",
        ),
        pytest.param(
            # Cash is 80, 110, 100, and 50 in reserve.
            SplitRule.BY_CASH,
            "3.40",
            {"a": "0.80", "b": "1.10", "c": "1.00", RESERVE: "0.50"},
            id="cash-with-reserve",
        ),
        pytest.param(
            SplitRule.BY_QUANTITY, "5.00", {"a": "10.00", "b": "-5.00"}, id="short-pays-long"
        ),
        pytest.param(
            SplitRule.BY_QUANTITY, "-5.00", {"a": "-10.00", "b": "5.00"}, id="the-other-way"
        ),
    ],
)
def test_split_by_rule_is_exact(rule: SplitRule, amount: str, shares: dict[str, str]) -> None:
    books = _books(a=20, b=-10, c=0)
    flow = _flow(KINDS.INTEREST, amount, BySplit(rule), instrument_id="ABC")
    answer = _booked(flow, books)

    assert _cash(answer) == {one: Decimal(share) for one, share in shares.items()}
    assert [book.book_id for book in answer.books] == list(shares)


def test_strategy_below_zero_gets_nothing_by_equity() -> None:
    books = {"a": _held("a", "-10"), **_books(b=0)}
    answer = _booked(_flow(KINDS.DEPOSIT, "5", BySplit(SplitRule.BY_EQUITY)), books)
    assert _cash(answer) == {"b": 5}


def test_overdrawn_book_has_no_part_of_credit_interest() -> None:
    books = {"a": _held("a", "-10"), **_books(b=0)}
    answer = _booked(_flow(KINDS.INTEREST, "3", BySplit(SplitRule.BY_CASH)), books)
    assert _cash(answer) == {"b": 2, RESERVE: 1}


def test_external_holder_gets_its_dividend() -> None:
    books = _books(a=10)
    books[EXTERNAL] = _held(EXTERNAL, "0", 30)
    flow = _flow(KINDS.DIVIDEND, "8", BySplit(SplitRule.BY_QUANTITY), instrument_id="ABC")
    assert _cash(_booked(flow, books)) == {"a": 2, EXTERNAL: 6}


def test_dividend_of_what_nobody_holds_is_external() -> None:
    flow = _flow(KINDS.DIVIDEND, "8", BySplit(SplitRule.BY_QUANTITY), instrument_id="ABC")
    assert _cash(_booked(flow, _books(a=0))) == {EXTERNAL: 8}


def test_books_on_opposite_sides_owe_each_other_a_dividend_that_nets_to_nothing() -> None:
    flow = _flow(
        KINDS.DIVIDEND,
        "0",
        BySplit(SplitRule.BY_QUANTITY),
        instrument_id="ABC",
        per_unit="0.333",
    )
    assert _cash(_booked(flow, _books(a=10, b=-10))) == {
        "a": Decimal("3.33"),
        "b": Decimal("-3.33"),
    }


def test_interest_by_quantity_of_opposite_sides_is_external() -> None:
    flow = _flow(
        KINDS.INTEREST, "1", BySplit(SplitRule.BY_QUANTITY), instrument_id="ABC", per_unit="3"
    )
    assert _cash(_booked(flow, _books(a=10, b=-10))) == {EXTERNAL: 1}


@pytest.mark.parametrize(
    ("attribution", "amount", "free", "words"),
    [
        pytest.param(
            ToBook("a"),
            "60.01",
            {"a": "60"},
            "60.01 is asked of a, 60.00 is free",
            id="more-than-the-book-has-free",
        ),
        pytest.param(
            BySplit(SplitRule.EQUALLY),
            "100",
            {"a": "100", "b": "49.99"},
            "50.00 is asked of b, 49.99 is free",
            id="one-share-is-not-free",
        ),
        pytest.param(
            ToBook("a"),
            "60",
            {"a": "60", "b": "-90"},
            "60 is asked, the account as a whole has 20.00 free",
            id="another-book-is-overdrawn",
        ),
    ],
)
def test_withdrawal_that_is_not_free_is_refused(
    attribution: Attribution, amount: str, free: dict[str, str], words: str
) -> None:
    refused = _refused(_flow(KINDS.WITHDRAWAL, amount, attribution), _books(a=0, b=0), free)
    assert refused.code is CashFlowRefusalCode.NOT_FREE
    assert refused.detail == f"f-1: {words}"


def test_withdrawal_of_all_that_is_free_is_booked() -> None:
    answer = _booked(_flow(KINDS.WITHDRAWAL, "60", ToBook("a")), _books(a=0), {"a": "60"})
    assert answer.books == (Book("a", Decimal(40)),)


@pytest.mark.parametrize(
    ("kind", "amount"),
    [
        (KINDS.DEPOSIT, "0"),
        (KINDS.DEPOSIT, "-5"),
        (KINDS.DEPOSIT, "0.001"),
        (KINDS.WITHDRAWAL, "NaN"),
        (KINDS.INTEREST, "0"),
        (KINDS.FEE, "Infinity"),
        (KINDS.FEE, "0.0000000001"),
        (KINDS.DIVIDEND, "1e18"),
        (KINDS.DIVIDEND, "0"),
    ],
)
def test_amount_that_cannot_be_booked_is_refused(kind: CashFlowKind, amount: str) -> None:
    refused = _refused(_flow(kind, amount, ToBook("a")), _books(a=0))
    assert refused.code is CashFlowRefusalCode.INVALID_AMOUNT


def test_amount_per_unit_must_be_a_number() -> None:
    refused = _refused(_flow(KINDS.DIVIDEND, "1", ToBook("a"), per_unit="NaN"), _books(a=0))
    assert refused.code is CashFlowRefusalCode.INVALID_AMOUNT


def test_unknown_book_is_refused_by_name() -> None:
    refused = _refused(_flow(KINDS.DEPOSIT, "1", ToBook("z")), _books(a=0))
    assert refused.code is CashFlowRefusalCode.UNKNOWN_BOOK
    assert refused.detail == "f-1: there is no book 'z', only a, RESERVE, EXTERNAL"


@pytest.mark.parametrize(("kind", "instrument_id"), [(KINDS.DEPOSIT, "ABC"), (KINDS.DIVIDEND, "")])
def test_quantity_splits_no_capital_and_needs_an_instrument(
    kind: CashFlowKind, instrument_id: str
) -> None:
    flow = _flow(kind, "1", BySplit(SplitRule.BY_QUANTITY), instrument_id=instrument_id)
    assert _refused(flow, _books(a=1)).code is CashFlowRefusalCode.INVALID_RULE


def test_capital_cannot_be_split_among_nobody() -> None:
    flow = _flow(KINDS.DEPOSIT, "1", BySplit(SplitRule.BY_EQUITY))
    refused = _refused(flow, {"a": _held("a", "0"), **_books()})
    assert refused.code is CashFlowRefusalCode.NOTHING_TO_SPLIT_BY


def test_fee_and_income_without_a_flow() -> None:
    book = Book("a", Decimal(10))
    assert charge_fee(book, Decimal(3)) == Book("a", Decimal(7), fees=Decimal(3))
    assert receive_income(book, Decimal(3)) == Book("a", Decimal(13), realized_pnl=Decimal(3))


@pytest.mark.parametrize("attribution", [ToBook("a"), BySplit(SplitRule.BY_CASH)])
def test_flow_survives_the_journal(attribution: Attribution) -> None:
    flow = _flow(KINDS.INTEREST, "1.5", attribution)
    assert msgspec.json.decode(msgspec.json.encode(flow), type=CashFlowReport) == flow
