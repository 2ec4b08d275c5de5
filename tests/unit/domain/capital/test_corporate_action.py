"""Splits, lot sizes and symbols: quantities, cost, fractions, and what is refused."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from orchestrion.domain.capital.corporate_action import (
    CorporateActionError,
    CorporateActionReport,
    LotSizeChangedReport,
    OddLot,
    SplitApplied,
    SplitReport,
    SymbolChangedReport,
    apply_lot_size,
    apply_split,
    apply_symbol_change,
    price_after_split,
)
from orchestrion.domain.errors import UnknownInstrumentError
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.portfolio import Book, trade

SHARE = Equity(instrument_id="ABC")
OTHER = Equity(instrument_id="XYZ")
OPTION = OptionContract(
    instrument_id="ABC-P90",
    underlying_id="ABC",
    expiry_ts=9,
    strike=Decimal(90),
    option_kind=OptionKind.PUT,
)
FUTURE = Future(
    instrument_id="ABC-F",
    underlying_id="ABC",
    expiry_ts=9,
    multiplier=Decimal(10),
    initial_margin=Decimal(1),
    maintenance_margin=Decimal(1),
)
CATALOG = InstrumentCatalog([SHARE, OTHER, OPTION, FUTURE, Index(instrument_id="IDX")])


def _book(book_id: str, quantity: str, price: str = "60") -> Book:
    book = Book(book_id, Decimal(0))
    if Decimal(quantity):
        book = trade(book, SHARE, signed_quantity=Decimal(quantity), price=Decimal(price))
    return msgspec.structs.replace(book, cash=Decimal(0))


def _books(*quantities: str) -> dict[str, Book]:
    return {f"s{i}": _book(f"s{i}", quantity) for i, quantity in enumerate(quantities)}


def _split(numerator: int, denominator: int, price: str = "0", **changed: object) -> SplitReport:
    report = SplitReport(
        instrument_id="ABC",
        numerator=numerator,
        denominator=denominator,
        cash_price=Decimal(price),
        ts_event=1,
    )
    return msgspec.structs.replace(report, **changed)


def _quantities(applied: SplitApplied) -> dict[str, Decimal]:
    return {book.book_id: book.quantity("ABC") for book in applied.books}


def test_split_multiplies_the_quantity_and_keeps_the_cost() -> None:
    applied = apply_split(_split(2, 1), _books("10", "0", "-3"), CATALOG)

    assert _quantities(applied) == {"s0": 20, "s2": -6}
    assert [book.positions["ABC"].cost for book in applied.books] == [600, -180]
    assert [applied.account_quantity, applied.account_cash] == [14, 0]
    assert applied.cash_in_lieu == {}
    assert all(book.cash == book.realized_pnl == 0 for book in applied.books)


def test_fraction_is_sold_at_the_stated_price() -> None:
    # 25 shares at 60 become 2.5 at 600; half a share is paid with 0.5 x 610.
    applied = apply_split(_split(1, 10, "610"), _books("25"), CATALOG)
    (book,) = applied.books

    assert book.quantity("ABC") == 2
    assert book.cash == applied.account_cash == 305
    assert applied.cash_in_lieu == {"s0": 305}
    assert book.positions["ABC"].cost == 1200
    assert book.realized_pnl == 5


def test_short_fraction_is_bought_back() -> None:
    (book,) = apply_split(_split(1, 10, "610"), _books("-25"), CATALOG).books
    assert [book.quantity("ABC"), book.cash, book.realized_pnl] == [-2, -305, -5]
    assert book.positions["ABC"].cost == -1200


def test_holding_below_one_share_is_paid_out() -> None:
    applied = apply_split(_split(1, 10, "610"), _books("4"), CATALOG)
    (book,) = applied.books
    assert not book.positions
    assert [book.cash, book.realized_pnl] == [244, 4]
    assert applied.account_quantity == 0


def test_account_that_stays_whole_pays_nothing_and_books_settle_among_themselves() -> None:
    # 15 and 5 become 1.5 and 0.5: the account has two whole shares. The tie goes to the rank.
    applied = apply_split(_split(1, 10, "600"), _books("15", "5"), CATALOG)

    assert applied.account_cash == 0
    assert applied.cash_in_lieu == {"s0": -300, "s1": 300}
    assert _quantities(applied) == {"s0": 2, "s1": 0}
    # Who was rounded up has bought his half share.
    assert applied.books[0].positions["ABC"].cost == 1200
    assert applied.books[0].realized_pnl == 0


def test_opposite_holdings_that_net_to_nothing_split_too() -> None:
    applied = apply_split(_split(1, 2, "120"), _books("21", "-21"), CATALOG)
    assert applied.account_quantity == applied.account_cash == 0
    assert _quantities(applied) == {"s0": 11, "s1": -11}
    assert applied.cash_in_lieu == {"s0": -60, "s1": 60}


def test_fractional_shares_keep_their_fraction() -> None:
    report = _split(1, 8, "480", quantity_step=Decimal("0.001"))
    (book,) = apply_split(report, _books("1"), CATALOG).books
    assert book.quantity("ABC") == Decimal("0.125")
    assert book.cash == 0


def test_cost_of_a_third_is_rounded_and_nothing_is_lost() -> None:
    (book,) = apply_split(_split(2, 3, "90"), _books("5"), CATALOG).books
    position = book.positions["ABC"]
    # 10 thirds: three whole ones with nine tenths of the cost of 300.
    assert [position.quantity, position.cost, book.cash, book.realized_pnl] == [3, 270, 30, 0]


def test_other_positions_and_their_order_stay() -> None:
    book = trade(_book("s0", "10"), OTHER, signed_quantity=Decimal(1), price=Decimal(5))
    (changed,) = apply_split(_split(3, 1), {"s0": book}, CATALOG).books
    assert list(changed.positions) == ["ABC", "XYZ"]
    assert changed.positions["XYZ"] == book.positions["XYZ"]


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"instrument_id": "ABC-F"}, "only shares split, it is a Future"),
        ({"numerator": 0}, "0 for 1 is no ratio"),
        ({"denominator": -1}, "2 for -1 is no ratio"),
        ({"cash_price": Decimal("-0.01")}, "cash_price"),
        ({"cash_price": Decimal("NaN")}, "cash_price"),
        ({"quantity_step": Decimal(0)}, "quantity_step"),
        ({"quantity_step": Decimal("Infinity")}, "quantity_step"),
    ],
)
def test_split_that_cannot_be_applied_is_refused(changed: dict[str, object], words: str) -> None:
    with pytest.raises(CorporateActionError, match=words):
        apply_split(msgspec.structs.replace(_split(2, 1), **changed), _books("10"), CATALOG)


@pytest.mark.parametrize("instrument_id", ["nobody", "IDX"])
def test_split_of_what_nobody_can_hold_is_refused(instrument_id: str) -> None:
    with pytest.raises(UnknownInstrumentError):
        apply_split(_split(2, 1, instrument_id=instrument_id), {}, CATALOG)


@pytest.mark.parametrize("derived", [OPTION, FUTURE])
def test_split_under_an_open_derivative_is_refused(derived: OptionContract | Future) -> None:
    book = trade(_book("s0", "10"), derived, signed_quantity=Decimal(-1), price=Decimal(2))
    with pytest.raises(CorporateActionError, match=f"s0 holds {derived.instrument_id} on it"):
        apply_split(_split(2, 1), {"s0": book}, CATALOG)


@pytest.mark.parametrize(
    ("numerator", "denominator", "price"), [(2, 1, "50"), (1, 10, "1000"), (3, 1, "33.333333333")]
)
def test_price_after_split(numerator: int, denominator: int, price: str) -> None:
    assert price_after_split(_split(numerator, denominator), Decimal(100)) == Decimal(price)


def test_lot_size_changes_the_catalogue_and_names_odd_lots() -> None:
    report = LotSizeChangedReport(instrument_id="ABC", lot_size=Decimal(75), ts_event=1)
    applied = apply_lot_size(report, _books("100", "150", "-80", "0"), CATALOG)

    assert applied.catalog.tradable("ABC").lot_size == 75
    assert applied.catalog["XYZ"] == OTHER
    assert applied.odd_lots == (
        OddLot("s0", Decimal(100), Decimal(25)),
        OddLot("s2", Decimal(-80), Decimal(-5)),
    )


@pytest.mark.parametrize("lot_size", ["0", "-1", "NaN"])
def test_unusable_lot_size_is_refused(lot_size: str) -> None:
    report = LotSizeChangedReport(instrument_id="ABC", lot_size=Decimal(lot_size), ts_event=1)
    with pytest.raises(CorporateActionError, match="above 0"):
        apply_lot_size(report, {}, CATALOG)


def test_symbol_is_renamed_everywhere() -> None:
    book = trade(_book("s0", "10"), OTHER, signed_quantity=Decimal(1), price=Decimal(5))
    untouched = Book("s1", Decimal(1))
    report = SymbolChangedReport(instrument_id="ABC", new_instrument_id="NEW", ts_event=1)
    applied = apply_symbol_change(report, {"s0": book, "s1": untouched}, CATALOG)

    (changed,) = applied.books
    assert list(changed.positions) == ["NEW", "XYZ"]
    assert changed.positions["NEW"].instrument_id == "NEW"
    assert [changed.quantity("NEW"), changed.positions["NEW"].cost] == [10, 600]
    catalog = applied.catalog
    assert catalog.get("ABC") is None
    assert catalog["NEW"] == msgspec.structs.replace(SHARE, instrument_id="NEW")
    assert catalog["ABC-P90"] == msgspec.structs.replace(OPTION, underlying_id="NEW")
    assert catalog["ABC-F"] == msgspec.structs.replace(FUTURE, underlying_id="NEW")
    assert catalog["XYZ"] == OTHER


def test_gain_that_waits_for_settlement_is_renamed_with_its_future() -> None:
    book = Book("s0", Decimal(0))
    for quantity, price in ((2, 10), (-1, 12)):
        book = trade(book, FUTURE, signed_quantity=Decimal(quantity), price=Decimal(price))
    report = SymbolChangedReport(instrument_id="ABC-F", new_instrument_id="F2", ts_event=1)
    (changed,) = apply_symbol_change(report, {"s0": book}, CATALOG).books

    assert dict(changed.unsettled) == {"F2": 20}
    assert list(changed.positions) == ["F2"]


@pytest.mark.parametrize("new", ["", "XYZ", "ABC"])
def test_new_symbol_must_be_free(new: str) -> None:
    report = SymbolChangedReport(instrument_id="ABC", new_instrument_id=new, ts_event=1)
    with pytest.raises(CorporateActionError, match="cannot be renamed"):
        apply_symbol_change(report, {}, CATALOG)


def test_unknown_symbol_cannot_be_renamed() -> None:
    report = SymbolChangedReport(instrument_id="nobody", new_instrument_id="NEW", ts_event=1)
    with pytest.raises(UnknownInstrumentError):
        apply_symbol_change(report, {}, CATALOG)


@pytest.mark.parametrize(
    "report",
    [
        _split(1, 10, "600"),
        LotSizeChangedReport(instrument_id="ABC", lot_size=Decimal(75), ts_event=1),
        SymbolChangedReport(instrument_id="ABC", new_instrument_id="NEW", ts_event=1),
    ],
)
def test_report_survives_the_journal(report: CorporateActionReport) -> None:
    assert msgspec.json.decode(msgspec.json.encode(report), type=CorporateActionReport) == report
