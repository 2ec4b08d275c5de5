"""Books and marks by hand-computed examples. The laws are in tests/property/test_books.py."""

from __future__ import annotations

from decimal import Decimal, localcontext
from types import MappingProxyType

import pytest

from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.instrument import Equity, Future, OptionKind
from orchestrion.domain.models.market import (
    Bar,
    MarketData,
    MarketSlice,
    OptionChain,
    OptionQuote,
    QuoteTick,
    TradeTick,
)
from orchestrion.domain.models.money import BILLION, subtract
from orchestrion.domain.models.portfolio import (
    EXTERNAL,
    RESERVE,
    RESERVED_BOOK_IDS,
    Book,
    Marks,
    PortfolioState,
    Position,
    equity,
    expire,
    market_value,
    sealed,
    settle_future,
    trade,
    transfer_cash,
)
from tests.fakes_rules import (
    AAA,
    CATALOG,
    FUT,
    amount,
    amounts,
    close_bar,
    hostile_context,
    marks_of,
    tradable,
)

C100 = tradable("C100")
EMPTY = Book("alpha", Decimal(1000))


def traded(book: Book, what: Equity | Future, *fills: tuple[int, str]) -> Book:
    for quantity, price in fills:
        book = trade(book, what, signed_quantity=Decimal(quantity), price=Decimal(price))
    return book


# -- shares: cash, quantity, cost, realised --------------------------------------------------------


@pytest.mark.parametrize(
    ("fills", "cash", "quantity", "cost", "realized"),
    [
        (((10, "5"),), "950", 10, "50", "0"),
        (((-10, "5"),), "1050", -10, "-50", "0"),
        (((10, "5"), (10, "7")), "880", 20, "120", "0"),
        (((10, "5"), (10, "7"), (-5, "8")), "920", 15, "90", "10"),
        (((-10, "5"), (4, "3")), "1038", -6, "-30", "8"),
        (((10, "5"), (-15, "6")), "1040", -5, "-30", "10"),
        (((-10, "5"), (15, "6")), "960", 5, "30", "-10"),
        # One of anything is a position like any other.
        (((1, "10"), (-3, "12")), "1026", -2, "-24", "2"),
        (((-1, "10"), (3, "12")), "974", 2, "24", "-2"),
        (((2, "10"), (-1, "12")), "992", 1, "10", "2"),
        (((3, "10"), (-4, "12")), "1018", -1, "-12", "6"),
    ],
)
def test_trades_of_shares(
    fills: tuple[tuple[int, str], ...], cash: str, quantity: int, cost: str, realized: str
) -> None:
    book = traded(EMPTY, AAA, *fills)
    assert book.cash == Decimal(cash)
    assert book.positions["AAA"] == Position("AAA", Decimal(quantity), Decimal(cost))
    assert book.realized_pnl == Decimal(realized)
    assert dict(book.unsettled) == {}


def test_closed_position_is_removed() -> None:
    book = traded(EMPTY, AAA, (10, "5"), (-10, "6"))
    assert dict(book.positions) == {}
    assert book.quantity("AAA") == 0
    assert (book.cash, book.realized_pnl) == amounts(1010, 10)


def test_fee_leaves_cash_and_a_rebate_comes_in() -> None:
    paid = trade(EMPTY, AAA, signed_quantity=Decimal(1), price=Decimal(5), fee=Decimal("0.35"))
    assert (paid.cash, paid.fees, paid.realized_pnl) == amounts(
        Decimal("994.65"), Decimal("0.35"), 0
    )
    back = trade(paid, AAA, signed_quantity=Decimal(1), price=Decimal(5), fee=Decimal("-0.10"))
    assert (back.cash, back.fees) == (Decimal("989.75"), Decimal("0.25"))


def test_old_book_is_not_touched() -> None:
    bought = traded(EMPTY, AAA, (10, "5"))
    traded(bought, AAA, (-4, "6"))
    assert dict(EMPTY.positions) == {}
    assert bought.quantity("AAA") == 10
    with pytest.raises(TypeError):
        bought.positions["AAA"] = bought.positions["AAA"]  # type: ignore[index]
    assert isinstance(bought.positions, MappingProxyType)


def test_multiplier_counts_in_cash_and_cost() -> None:
    book = trade(EMPTY, C100, signed_quantity=Decimal(-2), price=Decimal("3.5"))
    assert (book.cash, book.positions["C100"].cost) == amounts(1070, -70)
    assert book.positions["C100"].avg_px_open(C100.multiplier) == Decimal("3.5")


def test_rounding_of_an_average_stays_in_the_open_position() -> None:
    book = traded(EMPTY, AAA, (3, "1"), (-1, "1"), (4, "2"), (-1, "2"))
    # Six cost 10, one of them 1.666666667: nothing of the third of a billionth is lost.
    assert book.realized_pnl == Decimal("0.333333333")
    assert book.positions["AAA"].cost == Decimal("8.333333333")
    assert book.positions["AAA"].avg_px_open(AAA.multiplier) == Decimal("1.666666667")
    assert subtract(book.cash, EMPTY.cash) == Decimal(-8)


# -- futures ---------------------------------------------------------------------------------------


def test_future_moves_no_cash_when_traded() -> None:
    book = traded(EMPTY, FUT, (2, "100"))
    assert book.cash == 1000
    assert book.positions["FUT"].cost == 2 * 100 * 50
    assert equity(book, CATALOG, marks_of(FUT="101.5")) == 1000 + 150


def test_closed_future_waits_for_its_settlement() -> None:
    book = traded(EMPTY, FUT, (2, "100"), (-1, "103"))
    assert (book.cash, book.realized_pnl) == amounts(1000, 150)
    assert dict(book.unsettled) == {"FUT": 150}
    settled = settle_future(book, FUT, Decimal(102))
    assert settled.cash == 1000 + 150 + 100
    assert settled.realized_pnl == 250
    assert dict(settled.unsettled) == {}
    assert settled.positions["FUT"] == Position("FUT", Decimal(1), Decimal(5100))


def test_wholly_closed_future_is_paid_at_the_settlement() -> None:
    closed = traded(EMPTY, FUT, (1, "100"), (-1, "90"))
    assert dict(closed.positions) == {}
    settled = settle_future(closed, FUT, Decimal(55))
    assert (settled.cash, settled.realized_pnl) == amounts(500, -500)
    assert settle_future(settled, FUT, Decimal(60)) is settled


def test_settlement_leaves_other_futures_alone() -> None:
    other = Future(
        instrument_id="ZZZ",
        underlying_id="IDX",
        expiry_ts=1,
        multiplier=Decimal(1),
        initial_margin=Decimal(1),
        maintenance_margin=Decimal(1),
    )
    book = traded(traded(EMPTY, FUT, (1, "100"), (-1, "101")), other, (1, "5"), (-1, "6"))
    assert dict(settle_future(book, FUT, Decimal(1)).unsettled) == {"ZZZ": 1}


def test_settlement_of_a_book_without_the_future_is_the_same_book() -> None:
    assert settle_future(EMPTY, FUT, Decimal(100)) is EMPTY


# -- expiry, transfers, equity ---------------------------------------------------------------------


def test_option_expires_at_its_intrinsic_value() -> None:
    short = trade(EMPTY, C100, signed_quantity=Decimal(-1), price=Decimal(4))
    ended = expire(short, C100, Decimal("1.5"))
    assert dict(ended.positions) == {}
    assert (ended.cash, ended.realized_pnl) == amounts(1000 + 40 - 15, 25)


def test_future_expires_into_cash_at_once() -> None:
    book = traded(EMPTY, FUT, (2, "100"), (-1, "103"))
    ended = expire(book, FUT, Decimal(99))
    assert dict(ended.positions) == {}
    assert dict(ended.unsettled) == {}
    assert ended.cash == 1000 + 150 - 50
    assert ended.realized_pnl == 100


def test_expiry_of_what_is_not_held_is_the_same_book() -> None:
    assert expire(EMPTY, C100, Decimal(1)) is EMPTY
    assert expire(EMPTY, FUT, Decimal(1)) is EMPTY


def test_transfer_is_no_gain() -> None:
    book = transfer_cash(EMPTY, Decimal("-0.01"))
    assert (book.cash, book.realized_pnl) == amounts(Decimal("999.99"), 0)


def test_equity_is_cash_unsettled_and_values() -> None:
    book = traded(EMPTY, FUT, (2, "100"), (-1, "103"))
    book = traded(book, AAA, (-10, "5"))
    book = trade(book, C100, signed_quantity=Decimal(1), price=Decimal(4))
    marks = marks_of(FUT=101, AAA=6, C100=3)
    assert equity(book, CATALOG, marks) == (1000 + 50 - 40) + 150 + 50 - 60 + 30
    assert market_value(book.positions["FUT"], FUT, Decimal(101)) == 50
    assert market_value(book.positions["AAA"], AAA, Decimal(6)) == -60


def test_equity_without_a_mark_breaks_an_invariant() -> None:
    with pytest.raises(InvariantBrokenError, match="alpha holds AAA without a mark"):
        equity(traded(EMPTY, AAA, (1, "5")), CATALOG, Marks())


def test_reserved_books_have_fixed_names() -> None:
    assert {RESERVE, EXTERNAL} == RESERVED_BOOK_IDS
    assert PortfolioState(0, Decimal(1)).positions == ()


def test_largest_amounts_are_booked_without_loss() -> None:
    large = amount("999999999999999999.999999999")
    odd = amount("333333333333333333.333333331")
    share = Equity(instrument_id="BIG", multiplier=amount("99999999.999999999"))
    book = trade(Book("alpha", large), share, signed_quantity=large, price=large)
    book = trade(book, share, signed_quantity=odd.copy_negate(), price=odd)
    book = trade(book, share, signed_quantity=large.copy_negate(), price=odd)
    spent = subtract(book.cash, large)
    assert subtract(book.realized_pnl, spent) == book.positions["BIG"].cost


def test_ambient_context_plays_no_part() -> None:
    def run() -> object:
        book = traded(EMPTY, FUT, (3, "1234.567891234"), (-2, "2345.678912345"))
        book = traded(book, AAA, (7, "1234567.891234567"), (-3, "0.000000001"), (-9, "7654321.5"))
        book = settle_future(book, FUT, Decimal("1111.1111"))
        return book, equity(book, CATALOG, marks_of(FUT="1234.56789", AAA="7654321.123456789"))

    ours = run()
    with localcontext(hostile_context()):
        theirs = run()
    assert theirs == ours


# -- marks -----------------------------------------------------------------------------------------

E9 = BILLION


def _quote_of(instrument_id: str, bid: int, ask: int) -> OptionQuote:
    return OptionQuote(instrument_id, 9, 1, OptionKind.CALL, bid, ask, 0.5, 0.2)


@pytest.mark.parametrize(
    ("item", "price_e9"),
    [
        (Bar("AAA", 0, 1, 5, 9, 4, 7), 7),
        (QuoteTick("AAA", 1, 4, 8), 6),
        (QuoteTick("AAA", 1, 4, 7), 5),
        (QuoteTick("AAA", 1, 0, 8), 4),
        (TradeTick("AAA", 1, 3), 3),
        (OptionChain("AAA", 1, 11, ()), 11),
        (OptionChain("IDX", 1, 11, (_quote_of("AAA", 2, 6),)), 4),
    ],
)
def test_mark_is_close_mid_or_last(item: MarketData, price_e9: int) -> None:
    marks = Marks()
    marks.update(MarketSlice(1, (item,)))
    assert marks.price_e9("AAA") == price_e9


def test_subclass_of_a_bar_marks_its_close() -> None:
    class Labelled(Bar, frozen=True):
        pass

    marks = Marks()
    marks.update(MarketSlice(1, (Labelled("AAA", 0, 1, 5, 9, 4, 7),)))
    assert marks.price_e9("AAA") == 7


def test_chain_moves_the_mark_of_its_underlying_each_time() -> None:
    marks = Marks()
    for price in (100, 90):
        marks.update(MarketSlice(1, (OptionChain("IDX", 1, price, ()),)))
    assert marks.price_e9("IDX") == 90


@pytest.mark.parametrize("is_chain_first", [True, False])
def test_own_data_of_an_underlying_counts_more_than_its_chain(is_chain_first: bool) -> None:
    chain, bar = OptionChain("IDX", 1, 90 * E9, ()), close_bar("IDX", 91, 1)
    items = (chain, bar) if is_chain_first else (bar, chain)
    marks = Marks()
    marks.update(MarketSlice(1, items))
    assert marks.price("IDX") == 91


def test_fill_price_marks_only_what_no_data_has_priced() -> None:
    marks = Marks()
    marks.start_at("AAA", Decimal("5.5"))
    marks.start_at("AAA", Decimal(6))
    assert marks.price("AAA") == Decimal("5.5")
    marks.update(MarketSlice(1, (close_bar("AAA", 7, 1),)))
    marks.start_at("AAA", Decimal("0.0000000001"))  # not even looked at
    assert marks.price("AAA") == 7


def test_marks_are_listed_in_order_of_first_sight() -> None:
    marks = marks_of(BBB=2)
    marks.update(MarketSlice.of([close_bar("AAA", 1), close_bar("BBB", 3)]))
    assert list(marks.items()) == [("BBB", 3 * E9), ("AAA", 1 * E9)]
    assert marks.price("ZZZ") is None
    assert marks.price_e9("ZZZ") is None


def test_sealed_book_is_equal_and_nobody_can_change_its_tables() -> None:
    positions, unsettled = {"AAA": Position("AAA", Decimal(1), Decimal(5))}, {"FUT": Decimal(7)}
    book = Book("alpha", Decimal(1000), positions, unsettled=unsettled)
    closed = sealed(book)
    assert closed == book
    positions.clear()
    unsettled.clear()
    assert list(closed.positions) == ["AAA"]
    assert closed.unsettled == {"FUT": Decimal(7)}
    for table in (closed.positions, closed.unsettled):
        assert isinstance(table, MappingProxyType)
