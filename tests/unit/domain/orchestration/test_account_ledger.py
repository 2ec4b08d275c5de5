"""The account ledger: what moves cash, what waits, and how a difference is reported."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from orchestrion.domain.errors import InvariantBrokenError, UnknownInstrumentError
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.market import MarketSlice, TradeTick
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import Book, Marks, settle_future, trade
from orchestrion.domain.models.report import (
    ExternalFillReport,
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderFilledReport,
)
from orchestrion.domain.orchestration.account_ledger import (
    AccountLedger,
    AccountTotals,
    held_in_book,
    total_of_books,
)

SHARE = Equity(instrument_id="ABC")
FUTURE = Future(
    instrument_id="ES",
    underlying_id="SPX",
    expiry_ts=9,
    multiplier=Decimal(50),
    initial_margin=Decimal(1),
    maintenance_margin=Decimal(1),
)
OPTION = OptionContract(
    instrument_id="P90",
    underlying_id="SPX",
    expiry_ts=9,
    strike=Decimal(90),
    option_kind=OptionKind.PUT,
)
CATALOG = InstrumentCatalog([SHARE, FUTURE, OPTION, Index(instrument_id="SPX")])
CASH = Decimal(1_000)


def _ledger() -> AccountLedger:
    return AccountLedger(CATALOG, starting_cash=CASH)


def _fill(
    instrument_id: str, quantity: int | str, price: int | str, fee: int | str = 0
) -> OrderFilledReport:
    signed = Decimal(quantity)
    return OrderFilledReport(
        client_order_id="o-1",
        venue_order_id="V1",
        trade_id="T1",
        leg_index=0,
        instrument_id=instrument_id,
        side=OrderSide.BUY if signed > 0 else OrderSide.SELL,
        last_qty=abs(signed),
        last_px=Decimal(price),
        commission=Decimal(fee),
        ts_event=1,
    )


def _settled(price: int | str, instrument_id: str = "ES") -> FutureSettledReport:
    return FutureSettledReport(
        instrument_id=instrument_id, settlement_price=Decimal(price), ts_event=2
    )


def _expired(instrument_id: str, price: int | str) -> InstrumentExpiredReport:
    return InstrumentExpiredReport(
        instrument_id=instrument_id, settlement_price=Decimal(price), ts_event=3
    )


def _marks(**prices: int | str) -> Marks:
    marks = Marks()
    ticks = (TradeTick(one, 1, to_e9(price)) for one, price in prices.items())
    marks.update(MarketSlice.of(ticks))
    return marks


def _figures(ledger: AccountLedger) -> tuple[object, ...]:
    costs = [ledger.future_cost(one.instrument_id) for one in CATALOG]
    return ledger.cash, ledger.fees, ledger.quantities, costs


@pytest.mark.parametrize(
    ("fill", "cash"),
    [
        pytest.param(_fill("ABC", 3, "10.5"), "968.5", id="share-bought"),
        pytest.param(_fill("ABC", -3, "10.5"), "1031.5", id="share-sold-short"),
        pytest.param(_fill("P90", 2, "1.5"), "700", id="option-bought"),
        pytest.param(_fill("P90", -2, "1.5", "1.3"), "1298.7", id="option-sold-with-fee"),
        pytest.param(_fill("ES", 2, "4000"), "1000", id="future-moves-no-cash"),
        pytest.param(_fill("ES", 2, "4000", "4.5"), "995.5", id="future-pays-its-fee"),
        pytest.param(_fill("ABC", 1, 10, "-0.25"), "990.25", id="rebate"),
        pytest.param(
            _fill("ABC", "0.000000001", "0.000000001"), "999.999999999999999999", id="tiny"
        ),
    ],
)
def test_fill_moves_cash(fill: OrderFilledReport, cash: str) -> None:
    ledger = _ledger()
    ledger.apply_fill(fill)

    assert ledger.cash == Decimal(cash)
    assert ledger.fees == fill.commission
    assert ledger.quantities == {
        fill.instrument_id: fill.last_qty if fill.side is OrderSide.BUY else -fill.last_qty
    }


def test_external_fill_counts_like_an_own_one() -> None:
    ledger = _ledger()
    ledger.apply_fill(
        ExternalFillReport(
            trade_id="X1",
            instrument_id="ABC",
            side=OrderSide.SELL,
            last_qty=Decimal(2),
            last_px=Decimal(10),
            commission=Decimal(1),
            ts_event=1,
        )
    )

    assert ledger.cash == 1_019
    assert ledger.quantity("ABC") == -2


def test_future_settles_open_and_closed_gains() -> None:
    ledger = _ledger()
    ledger.apply_fill(_fill("ES", 3, 100))
    ledger.apply_fill(_fill("ES", -1, 104))
    assert ledger.cash == CASH
    assert ledger.future_cost("ES") == (3 * 100 - 104) * 50

    ledger.settle(_settled(102))

    # One contract gained 4, two gained 2 each, at 50 a point.
    assert ledger.cash == CASH + 8 * 50
    assert ledger.future_cost("ES") == 2 * 102 * 50
    ledger.settle(_settled(102))
    assert ledger.cash == CASH + 8 * 50


def test_closed_future_settles_what_it_gained() -> None:
    ledger = _ledger()
    ledger.apply_fill(_fill("ES", 1, 100))
    ledger.apply_fill(_fill("ES", -1, 103))
    ledger.settle(_settled(500))

    assert ledger.cash == CASH + 150
    assert ledger.future_cost("ES") == 0


@pytest.mark.parametrize(
    ("fill", "price", "cash"),
    [
        pytest.param(_fill("P90", 1, 2), 5, 1_300, id="option-pays-intrinsic-value"),
        pytest.param(_fill("P90", -1, 2), 0, 1_200, id="worthless-option-pays-nothing"),
        pytest.param(_fill("ES", -1, 100), 97, 1_150, id="future-pays-its-gain"),
    ],
)
def test_expiry_closes_in_cash(fill: OrderFilledReport, price: int, cash: int) -> None:
    ledger = _ledger()
    ledger.apply_fill(fill)
    ledger.expire(_expired(fill.instrument_id, price))

    assert ledger.cash == cash
    assert ledger.quantities == {}
    assert ledger.future_cost(fill.instrument_id) == 0


def test_expiry_of_nothing_held_changes_nothing() -> None:
    ledger = _ledger()
    ledger.expire(_expired("P90", 5))

    assert ledger.cash == CASH


def test_equity_counts_cash_gains_and_values() -> None:
    ledger = _ledger()
    ledger.apply_fill(_fill("ABC", 10, 20))
    ledger.apply_fill(_fill("ES", 2, 100))
    ledger.apply_fill(_fill("ES", -1, 101))
    ledger.apply_fill(_fill("P90", -1, 3, 1))

    equity = ledger.equity(_marks(ABC=21, ES=99, P90="2.5"))

    # The short future gained 1, the remaining long lost 1; fee 1.
    assert equity == CASH + 10 + 0 + 50 - 1


def test_equity_without_a_mark_is_an_error() -> None:
    ledger = _ledger()
    ledger.apply_fill(_fill("ABC", 10, 20))

    with pytest.raises(InvariantBrokenError, match="ABC without a mark"):
        ledger.equity(_marks(ES=1))


def test_closed_instrument_needs_no_mark() -> None:
    ledger = _ledger()
    ledger.apply_fill(_fill("ABC", 10, 20))
    ledger.apply_fill(_fill("ABC", -10, 21))

    assert ledger.equity(Marks()) == CASH + 10


def test_transfer_moves_cash_only() -> None:
    ledger = _ledger()
    ledger.transfer_cash(Decimal("-250.5"))

    assert ledger.cash == Decimal("749.5")
    assert ledger.fees == 0


@pytest.mark.parametrize(
    "fill",
    [
        pytest.param(_fill("ABC", 1, "0.0000000001"), id="price-with-ten-decimals"),
        pytest.param(_fill("ABC", "0.0000000001", 1), id="quantity-with-ten-decimals"),
        pytest.param(_fill("ABC", 1, 1, "NaN"), id="fee-that-is-no-number"),
        pytest.param(_fill("ES", 1, "Infinity"), id="infinite-price"),
    ],
)
def test_fill_that_cannot_be_kept_exactly_changes_nothing(fill: OrderFilledReport) -> None:
    ledger = _ledger()
    ledger.apply_fill(_fill("ABC", 1, 1))
    before = _figures(ledger)

    with pytest.raises(InvariantBrokenError, match="booked"):
        ledger.apply_fill(fill)

    assert _figures(ledger) == before


def test_fill_of_what_nobody_can_trade_changes_nothing() -> None:
    ledger = _ledger()

    for instrument_id in ("SPX", "NOPE"):
        with pytest.raises(UnknownInstrumentError):
            ledger.apply_fill(_fill(instrument_id, 1, 1))

    assert ledger.cash == CASH


def test_only_futures_settle() -> None:
    ledger = _ledger()
    ledger.apply_fill(_fill("ABC", 1, 1))

    with pytest.raises(InvariantBrokenError, match="no future"):
        ledger.settle(_settled(1, "ABC"))

    assert ledger.quantity("ABC") == 1


def test_another_catalogue_changes_what_a_fill_costs() -> None:
    ledger = _ledger()
    ledger.apply_fill(_fill("P90", 1, 1))
    assert ledger.cash == 900

    wider = msgspec.structs.replace(OPTION, multiplier=Decimal(250))
    ledger.replace_catalog(InstrumentCatalog([wider]))
    ledger.apply_fill(_fill("P90", 1, 1))

    assert ledger.cash == 650
    with pytest.raises(UnknownInstrumentError):
        ledger.apply_fill(_fill("ABC", 1, 1))


def test_equal_totals_have_no_differences() -> None:
    ledger = _ledger()
    ledger.apply_fill(_fill("ABC", 1, 10, 1))
    ledger.apply_fill(_fill("ABC", -1, 10))

    assert ledger.differences(AccountTotals(Decimal("999.00"), Decimal("1.0"))) == ()


@pytest.mark.parametrize(
    ("totals", "figure"),
    [
        pytest.param(AccountTotals(Decimal("989.01"), Decimal(1), {"ABC": Decimal(1)}), "cash"),
        pytest.param(AccountTotals(Decimal(989), Decimal("1.01"), {"ABC": Decimal(1)}), "fees"),
        pytest.param(AccountTotals(Decimal(989), Decimal(1), {}), "quantity of ABC"),
        pytest.param(
            AccountTotals(Decimal(989), Decimal(1), {"ABC": Decimal(1), "P90": Decimal(1)}),
            "quantity of P90",
        ),
        pytest.param(
            AccountTotals(Decimal(989), Decimal(1), {"ABC": Decimal(1)}, {"ES": Decimal("0.01")}),
            "cost of future ES",
        ),
        pytest.param(
            AccountTotals(Decimal(989), Decimal(1), {"ABC": Decimal(1)}, equity=Decimal("1001.01")),
            "equity",
        ),
    ],
)
def test_difference_names_its_figure(totals: AccountTotals, figure: str) -> None:
    ledger = _ledger()
    ledger.apply_fill(_fill("ABC", 1, 10, 1))

    (difference,) = ledger.differences(totals, marks=_marks(ABC=12))

    assert difference.figure == figure


def test_difference_reads_as_a_sentence() -> None:
    (difference,) = _ledger().differences(AccountTotals(Decimal("1000.01"), Decimal(0)))

    assert str(difference) == "cash: the account ledger says 1000, the books 1000.01"


def test_comparison_of_one_instrument_leaves_the_others_out() -> None:
    ledger = _ledger()
    ledger.apply_fill(_fill("ABC", 1, 10))
    ledger.apply_fill(_fill("P90", 1, 1))
    totals = AccountTotals(Decimal(890), Decimal(0), {"ABC": Decimal(1)})

    assert ledger.differences(totals, instrument_id="ABC") == ()
    assert [one.figure for one in ledger.differences(totals, instrument_id="P90")] == [
        "quantity of P90"
    ]


def test_total_of_books_sums_opposite_sides() -> None:
    long = trade(Book("a", Decimal(600)), FUTURE, signed_quantity=Decimal(2), price=Decimal(100))
    short = trade(Book("b", Decimal(400)), FUTURE, signed_quantity=Decimal(-2), price=Decimal(103))
    held = trade(long, SHARE, signed_quantity=Decimal(1), price=Decimal(5), fee=Decimal(1))

    totals = total_of_books([held, short], CATALOG)

    assert totals == AccountTotals(
        Decimal(994), Decimal(1), {"ES": Decimal(0), "ABC": Decimal(1)}, {"ES": Decimal(-300)}
    )


def test_total_of_books_knows_gains_that_wait_for_settlement() -> None:
    book = trade(Book("a", CASH), FUTURE, signed_quantity=Decimal(1), price=Decimal(100))
    book = trade(book, FUTURE, signed_quantity=Decimal(-1), price=Decimal(101))
    ledger = _ledger()
    ledger.apply_fill(_fill("ES", 1, 100))
    ledger.apply_fill(_fill("ES", -1, 101))

    assert total_of_books([book], CATALOG).future_costs == {"ES": Decimal(-50)}
    assert ledger.differences(total_of_books([book], CATALOG)) == ()
    ledger.settle(_settled(7))
    settled = settle_future(book, FUTURE, Decimal(7))
    assert ledger.differences(total_of_books([settled], CATALOG)) == ()
    assert [one.figure for one in ledger.differences(total_of_books([book], CATALOG))] == [
        "cash",
        "cost of future ES",
    ]


# -- nothing, and what is no number ----------------------------------------------------------------


def test_empty_ledger_has_plain_zeros() -> None:
    ledger = AccountLedger(CATALOG, starting_cash=Decimal(0))
    assert [str(one) for one in (ledger.cash, ledger.fees, ledger.quantity("ABC"))] == ["0"] * 3
    assert ledger.quantities == {}


@pytest.mark.parametrize("given", ["NaN", "Infinity", "-Infinity"])
@pytest.mark.parametrize("starting", [Decimal(0), CASH])
def test_books_without_a_finite_figure_differ(given: str, starting: Decimal) -> None:
    ledger = AccountLedger(CATALOG, starting_cash=starting)
    totals = AccountTotals(Decimal(given), Decimal(0), {}, {})
    (difference,) = ledger.differences(totals)
    assert (difference.figure, difference.ledger) == ("cash", starting)


@pytest.mark.parametrize("instrument_id", ["ES", "ABC", "P90"])
def test_one_instrument_of_a_book_is_what_the_sum_over_it_says(instrument_id: str) -> None:
    book = trade(Book("a", CASH), SHARE, signed_quantity=Decimal(3), price=Decimal(10))
    for quantity, price in ((2, 4_000), (-1, 4_010)):  # what was closed waits for settlement
        book = trade(book, FUTURE, signed_quantity=Decimal(quantity), price=Decimal(price))
    totals = total_of_books([book], CATALOG)
    assert book.unsettled == {"ES": Decimal(500)}
    assert held_in_book(book, instrument_id, is_future=instrument_id == "ES") == (
        totals.quantities.get(instrument_id, 0),
        totals.future_costs.get(instrument_id, 0),
    )
