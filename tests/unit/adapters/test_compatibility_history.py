"""The strategies' past from the messages of a machine: every figure by hand."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from orchestrion.actors.messages import BooksClosed, BooksMoved, HoldingsChanged, SessionClosed
from orchestrion.adapters.compatibility_history import HistoryListener
from orchestrion.domain.capital.corporate_action import SymbolChangedReport
from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.compatibility.history import (
    NS_PER_DAY,
    InstrumentDay,
    MarginPeak,
    OptionExpiry,
    StrategyHistory,
)
from orchestrion.domain.margin.instrument_rates import InstrumentRatesModel
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.market import Bar, MarketSlice
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import (
    EXTERNAL,
    RESERVE,
    Book,
    Marks,
    equity,
    expire,
    settle_future,
    trade,
    transfer_cash,
)
from orchestrion.domain.models.report import (
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderFilledReport,
)
from orchestrion.runtime.machine import Hop

MONDAY = 735_239
"""2014-01-06, and its midnight in nanoseconds."""
MIDNIGHT = (MONDAY - 719_163) * NS_PER_DAY
HOUR = 3_600_000_000_000
SHARE = Equity(instrument_id="AAA")
FUTURE = Future(
    instrument_id="FUT",
    underlying_id="IDX",
    expiry_ts=MIDNIGHT + 30 * NS_PER_DAY,
    multiplier=Decimal(50),
    initial_margin=Decimal(1000),
    maintenance_margin=Decimal(900),
)
CALL = OptionContract(
    instrument_id="IDX-C100",
    underlying_id="IDX",
    expiry_ts=MIDNIGHT + 4 * NS_PER_DAY + 21 * HOUR,
    strike=Decimal(100),
    option_kind=OptionKind.CALL,
)
CATALOG = InstrumentCatalog((SHARE, FUTURE, CALL, Index(instrument_id="IDX")))


class Account:
    """A listener, and books that a test moves by hand; every input has a seq of its own."""

    def __init__(self, *book_ids: str, cash: int = 10_000) -> None:
        self.listener = HistoryListener(CATALOG, InstrumentRatesModel())
        self.books = {one: Book(one, Decimal(cash)) for one in (*book_ids, RESERVE, EXTERNAL)}
        self.marks = Marks()
        self.catalog = CATALOG
        self.seq = 0

    def tell(self, payload: object, *messages: object) -> None:
        self.seq += 1
        for message in (payload, *messages):
            self.listener(Hop(self.seq, "anybody", message))

    def price(self, day: int, instrument_id: str, price: str, *, hour: int = 12) -> None:
        ts, e9 = MIDNIGHT + day * NS_PER_DAY + hour * HOUR, to_e9(Decimal(price))
        shown = MarketSlice(ts, (Bar(instrument_id, ts, ts, e9, e9, e9, e9),))
        self.marks.update(shown)
        self.tell(shown)

    def fill(self, book_id: str, quantity: int, price: str, instrument_id: str = "AAA") -> None:
        before = self.books[book_id]
        after = trade(
            before,
            CATALOG.tradable(instrument_id),
            signed_quantity=Decimal(quantity),
            price=Decimal(price),
            fee=Decimal(1),
        )
        self.marks.start_at(instrument_id, Decimal(price))
        fill = OrderFilledReport(
            client_order_id="O",
            venue_order_id="V",
            trade_id=f"T{self.seq}",
            leg_index=0,
            instrument_id=instrument_id,
            side=OrderSide.BUY if quantity > 0 else OrderSide.SELL,
            last_qty=Decimal(abs(quantity)),
            last_px=Decimal(price),
            commission=Decimal(1),
            ts_event=0,
        )
        self.move(fill, instrument_id, after)

    def move(self, payload: object, instrument_id: str, *after: Book) -> None:
        changes = tuple((self.books[one.book_id], one) for one in after)
        self.tell(payload, BooksMoved(instrument_id, changes))
        self.books |= {one.book_id: one for one in after}

    def close(self, day: int, *, hour: int = 21) -> None:
        books = tuple(self.books.values())
        equities = tuple(equity(one, self.catalog, self.marks) for one in books)
        closed = SessionClosed(MIDNIGHT + day * NS_PER_DAY + hour * HOUR)
        self.tell(closed, BooksClosed(books, equities))

    @property
    def histories(self) -> Mapping[str, StrategyHistory]:
        return self.listener.histories()


def points(history: StrategyHistory) -> list[tuple[int, str, str]]:
    return [(one.day - MONDAY, f"{one.equity:.2f}", f"{one.flow:.2f}") for one in history.equity]


def test_equity_is_that_of_each_close() -> None:
    account = Account("alpha", "beta")
    account.price(0, "AAA", "100")
    account.fill("alpha", 10, "100")
    account.close(0)
    account.price(1, "AAA", "103")
    account.close(1)
    # One dollar of fee; ten shares that rise by three dollars each.
    assert points(account.histories["alpha"]) == [(0, "9999.00", "0.00"), (1, "10029.00", "0.00")]
    assert points(account.histories["beta"]) == [(0, "10000.00", "0.00"), (1, "10000.00", "0.00")]


def test_books_of_the_account_are_no_strategies() -> None:
    account = Account("alpha")
    account.price(0, "AAA", "100")
    account.fill(EXTERNAL, 10, "100")
    account.close(0)
    assert list(account.histories) == ["alpha"]


def test_bought_and_sold_are_per_session_and_held_is_at_its_close() -> None:
    account = Account("alpha")
    account.price(0, "AAA", "100")
    account.fill("alpha", 10, "100")
    account.fill("alpha", -4, "101")
    account.close(0)
    account.close(1)
    account.fill("alpha", -6, "102")
    account.close(2)
    account.close(3)
    days = [
        (one.day - MONDAY, one.instrument_id, int(one.held), int(one.bought), int(one.sold))
        for one in account.histories["alpha"].instrument_days
    ]
    assert days == [(0, "AAA", 6, 10, 4), (1, "AAA", 6, 0, 0), (2, "AAA", 0, 0, 6)]


def test_margin_peak_is_the_most_between_two_closes() -> None:
    account = Account("alpha")
    account.price(0, "AAA", "100")
    account.fill("alpha", 10, "100")
    account.fill("alpha", -4, "100")
    account.close(0)
    account.price(1, "AAA", "110")
    account.close(1)
    account.price(2, "AAA", "120")
    account.fill("alpha", -6, "120")
    account.close(2)
    account.close(3)
    peaks = account.histories["alpha"].margin_peaks
    # Shares bind their price: ten at 100 for a moment, six at the close of 110, which are still
    # there when the next session begins, then none any more.
    assert peaks == tuple(
        MarginPeak(MONDAY + day, Decimal(amount)) for day, amount in enumerate((1000, 660, 660, 0))
    )


def test_capital_moved_is_a_flow_and_no_gain() -> None:
    account = Account("alpha")
    account.price(0, "AAA", "100")
    account.fill("alpha", 10, "100")
    account.close(0)
    account.price(1, "AAA", "103")
    given = transfer_cash(account.books["alpha"], Decimal(500))
    account.move("a rebalance", "", given)
    account.close(1)
    account.close(2)
    assert points(account.histories["alpha"]) == [
        (0, "9999.00", "0.00"),
        (1, "10529.00", "500.00"),
        (2, "10529.00", "0.00"),
    ]


def test_closed_trades_fees_and_settlements_are_no_flows() -> None:
    account = Account("alpha")
    account.price(0, "AAA", "100")
    account.fill("alpha", 10, "100")
    account.fill("alpha", 2, "2000", "FUT")
    account.close(0)
    account.fill("alpha", -7, "111.11")
    account.fill("alpha", -1, "2010", "FUT")
    account.close(1)
    account.price(2, "FUT", "2020")
    settled = settle_future(account.books["alpha"], FUTURE, Decimal(2020))
    report = FutureSettledReport(
        instrument_id="FUT", settlement_price=Decimal(2020), ts_event=MIDNIGHT
    )
    account.move(report, "FUT", settled)
    account.close(2)
    flows = [one.flow for one in account.histories["alpha"].equity]
    assert flows == [0, 0, 0]


def test_expiry_is_no_sale_and_expiry_days_are_known_once() -> None:
    account = Account("alpha")
    account.price(0, "IDX", "100")
    account.fill("alpha", 1, "2.50", "IDX-C100")
    account.close(0)
    account.close(3)
    gone = expire(account.books["alpha"], CALL, Decimal(0))
    report = InstrumentExpiredReport(
        instrument_id="IDX-C100", settlement_price=Decimal(0), ts_event=CALL.expiry_ts
    )
    account.move(report, "IDX-C100", gone)
    account.close(4)
    history = account.histories["alpha"]
    assert history.option_expiries == (OptionExpiry("IDX", MONDAY + 4),)
    assert history.instrument_days == (
        InstrumentDay(MONDAY, "IDX-C100", Decimal(1), bought=Decimal(1)),
        InstrumentDay(MONDAY + 3, "IDX-C100", Decimal(1)),
    )


def test_two_closes_on_one_day_are_one_day() -> None:
    account = Account("alpha")
    account.price(0, "AAA", "100")
    account.close(0)
    account.move("a rebalance", "", transfer_cash(account.books["alpha"], Decimal(200)))
    account.fill("alpha", 10, "100")
    account.close(1, hour=13)
    account.move("a rebalance", "", transfer_cash(account.books["alpha"], Decimal(500)))
    account.fill("alpha", -10, "100")
    account.close(1, hour=21)
    history = account.histories["alpha"]
    assert points(history) == [(0, "10000.00", "0.00"), (1, "10698.00", "700.00")]
    assert history.instrument_days == (
        InstrumentDay(MONDAY + 1, "AAA", Decimal(0), bought=Decimal(10), sold=Decimal(10)),
    )
    assert history.margin_peaks[1] == MarginPeak(MONDAY + 1, Decimal(1000))


def test_strategy_that_joins_later_begins_later() -> None:
    account = Account("alpha")
    account.close(0)
    account.books["beta"] = Book("beta", Decimal(700))
    account.close(1)
    assert account.histories["beta"].equity == (EquityPoint(MONDAY + 1, Decimal(700)),)


def test_margin_that_cannot_be_computed_is_not_given() -> None:
    account = Account("alpha", "beta")
    account.fill("alpha", -1, "2.50", "IDX-C100")  # a short call, and IDX has had no price
    account.fill("beta", 10, "100")
    account.close(0)
    assert account.histories["alpha"].margin_peaks == ()
    assert account.histories["beta"].margin_peaks == (MarginPeak(MONDAY, Decimal(1000)),)


def test_instruments_are_those_after_the_last_corporate_action() -> None:
    account = Account("alpha")
    account.price(0, "AAA", "100")
    account.catalog = InstrumentCatalog((Equity(instrument_id="NEW"),))
    report = SymbolChangedReport(instrument_id="AAA", new_instrument_id="NEW", ts_event=MIDNIGHT)
    account.tell(report, HoldingsChanged(report, tuple(account.books.values()), account.catalog))
    account.price(0, "NEW", "50", hour=13)
    new = account.catalog.tradable("NEW")
    bought = trade(account.books["alpha"], new, signed_quantity=Decimal(1), price=Decimal(50))
    account.move("a fill", "NEW", bought)
    account.close(0)
    assert account.histories["alpha"].margin_peaks == (MarginPeak(MONDAY, Decimal(50)),)


@pytest.mark.parametrize("message", ["anything", BooksMoved("AAA", ())])
def test_other_messages_leave_no_trace(message: object) -> None:
    account = Account("alpha")
    account.tell(message)
    assert account.histories == {}
