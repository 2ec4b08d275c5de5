"""Three accounts of one truth: the owners' books, the account ledger, the venue's own account.

They are written three times, in three ways. Whatever fills, settles and expires, however it is
split over owners, they agree to the last digit.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.adapters.venue.fees import Commission, FeeSchedule
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.adapters.venue.slippage import Slippage, SlippageModel
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
    Tradable,
)
from orchestrion.domain.models.market import MarketSlice, TradeTick
from orchestrion.domain.models.money import ZERO, add, multiply, subtract
from orchestrion.domain.models.order import Leg, OrderSide
from orchestrion.domain.models.portfolio import Book, Marks, equity, expire, settle_future, trade
from orchestrion.domain.models.report import (
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderFilledReport,
    VenueReport,
)
from orchestrion.domain.orchestration.account_ledger import (
    AccountLedger,
    AccountTotals,
    total_of_books,
)

pytestmark = pytest.mark.slow

EXPIRY = 60
OWNERS = ("a", "b", "c")
CAPITAL = Decimal(1_000)
SHARE = Equity(instrument_id="ABC", lot_size=Decimal("0.001"))
FUTURE = Future(
    instrument_id="ES",
    underlying_id="SPX",
    expiry_ts=EXPIRY,
    multiplier=Decimal("12.5"),
    initial_margin=Decimal(1),
    maintenance_margin=Decimal(1),
)
OPTION = OptionContract(
    instrument_id="P50",
    underlying_id="SPX",
    expiry_ts=EXPIRY,
    strike=Decimal(50),
    option_kind=OptionKind.PUT,
)
TRADABLES: tuple[Tradable, ...] = (SHARE, FUTURE, OPTION)
CATALOG = InstrumentCatalog([*TRADABLES, Index(instrument_id="SPX")])

billionths = st.integers(1, 10**11)
tradables = st.sampled_from(TRADABLES)
owners = st.sampled_from(OWNERS)
sides = st.sampled_from(OrderSide)
lots = st.integers(1, 20)
prices_e9 = st.fixed_dictionaries({one.instrument_id: billionths for one in CATALOG})


def _decimal(value_e9: int) -> Decimal:
    return Decimal(value_e9).scaleb(-9)


class Accounts:
    """The owners' books and the account ledger, fed with the same reports."""

    def __init__(self) -> None:
        self.books = {one: Book(one, CAPITAL) for one in OWNERS}
        self.ledger = AccountLedger(CATALOG, starting_cash=CAPITAL * len(OWNERS))
        self.marks = Marks()

    def see(self, market_slice: MarketSlice) -> None:
        self.marks.update(market_slice)

    def apply(self, report: VenueReport) -> None:
        if isinstance(report, OrderFilledReport):
            self._fill(report)
        elif isinstance(report, FutureSettledReport):
            self.ledger.settle(report)
            self._change_all(lambda book: settle_future(book, FUTURE, report.settlement_price))
        elif isinstance(report, InstrumentExpiredReport):
            self.ledger.expire(report)
            ended = CATALOG.tradable(report.instrument_id)
            self._change_all(lambda book: expire(book, ended, report.settlement_price))

    def assert_equal(self) -> None:
        """Cash, fees, quantities, costs and equity at the marks."""
        totals = total_of_books(self.books.values(), CATALOG)
        total_equity = ZERO
        for book in self.books.values():
            total_equity = add(total_equity, equity(book, CATALOG, self.marks))
        with_equity = AccountTotals(
            totals.cash, totals.fees, totals.quantities, totals.future_costs, total_equity
        )
        assert self.ledger.differences(with_equity, marks=self.marks) == ()

    def _fill(self, report: OrderFilledReport) -> None:
        owner = report.client_order_id.split("-")[0]
        self.ledger.apply_fill(report)
        self.books[owner] = trade(
            self.books[owner],
            CATALOG.tradable(report.instrument_id),
            signed_quantity=report.last_qty * report.side.sign,
            price=report.last_px,
            fee=report.commission,
        )

    def _change_all(self, change: Callable[[Book], Book]) -> None:
        self.books = {owner: change(book) for owner, book in self.books.items()}


def _slice(ts_event: int, prices: dict[str, int]) -> MarketSlice:
    return MarketSlice.of(TradeTick(one, ts_event, price) for one, price in prices.items())


@st.composite
def any_report(draw: st.DrawFn) -> VenueReport:
    kind = draw(st.sampled_from(["fill", "fill", "fill", "fill", "settle", "expire"]))
    price = _decimal(draw(billionths))
    if kind == "settle":
        return FutureSettledReport(instrument_id="ES", settlement_price=price, ts_event=1)
    instrument = draw(tradables)
    if kind == "expire":
        return InstrumentExpiredReport(
            instrument_id=instrument.instrument_id, settlement_price=price, ts_event=1
        )
    return OrderFilledReport(
        client_order_id=f"{draw(owners)}-1",
        venue_order_id="V1",
        trade_id="T1",
        leg_index=0,
        instrument_id=instrument.instrument_id,
        side=draw(sides),
        last_qty=_decimal(draw(billionths)) if instrument is SHARE else Decimal(draw(lots)),
        last_px=price,
        commission=_decimal(draw(st.integers(-(10**9), 10**10))),
        ts_event=1,
    )


@given(reports=st.lists(any_report(), max_size=40), prices=prices_e9)
def test_sum_of_books_equals_account_ledger_after_every_report(
    reports: list[VenueReport], prices: dict[str, int]
) -> None:
    accounts = Accounts()
    accounts.see(_slice(1, prices))

    for report in reports:
        accounts.apply(report)
        accounts.assert_equal()


@st.composite
def commands(draw: st.DrawFn, ts_decided: int) -> list[ApprovedCommand]:
    result: list[ApprovedCommand] = []
    for number in range(draw(st.integers(0, 4))):
        owner = draw(owners)
        chosen = draw(st.lists(tradables, min_size=1, max_size=3))
        legs = tuple(
            Leg(one.instrument_id, draw(sides), Decimal(draw(lots)) * one.lot_size)
            for one in chosen
        )
        result.append(
            ApprovedCommand(
                strategy_id=owner,
                command=SubmitOrder(strategy_id=owner, legs=legs),
                client_order_id=f"{owner}-{ts_decided}-{number}",
                reservation=Decimal(0),
                is_reducing=False,
                ts_decided=ts_decided,
            )
        )
    return result


def _venue(slippage: Slippage) -> SimulatedVenue:
    return SimulatedVenue(
        CATALOG,
        fees=FeeSchedule(
            equity=Commission(per_unit=Decimal("0.0035"), minimum_per_order=Decimal("0.35")),
            future=Commission(per_unit=Decimal("2.25")),
            option=Commission(notional_fraction=Decimal("0.0007")),
        ),
        slippage=SlippageModel(equity=slippage, future=slippage, option=slippage),
        starting_cash=CAPITAL * len(OWNERS),
    )


def _assert_venue_agrees(venue: SimulatedVenue, ledger: AccountLedger) -> None:
    state = venue.portfolio_state(venue.now)
    assert state.cash == ledger.cash
    assert {one.instrument_id: one.quantity for one in state.positions} == ledger.quantities


@given(data=st.data(), ticks=st.integers(0, 3))
def test_venue_ledger_and_books_agree_through_a_life_of_the_contracts(
    data: st.DataObject, ticks: int
) -> None:
    """Six sessions of two slices; in the last one the future and the option expire."""
    venue, accounts = _venue(Slippage(ticks=ticks)), Accounts()
    for ts in range(5, EXPIRY + 1, 5):
        market_slice = _slice(ts, data.draw(prices_e9))
        reports = venue.on_slice(market_slice)
        accounts.see(market_slice)
        if ts % 10 == 0:
            reports += venue.on_session_close(ts)
        for report in reports:
            accounts.apply(report)
        accounts.assert_equal()
        _assert_venue_agrees(venue, accounts.ledger)
        for command in data.draw(commands(ts)):
            venue.submit(command)

    assert set(accounts.ledger.quantities) <= {"ABC"}
    for book in accounts.books.values():
        assert set(book.positions) <= {"ABC"}


@given(
    pairs=st.lists(st.tuples(tradables, lots), max_size=10),
    prices=prices_e9,
    later=prices_e9,
)
def test_cash_is_conserved_when_every_buy_meets_an_equal_sell(
    pairs: list[tuple[Tradable, int]],
    prices: dict[str, int],
    later: dict[str, int],
) -> None:
    venue = _venue(Slippage())
    for number, (instrument, count) in enumerate(pairs):
        for side in OrderSide:
            order = SubmitOrder.single(
                "a", instrument.instrument_id, side, multiply(Decimal(count), instrument.lot_size)
            )
            venue.submit(
                ApprovedCommand(
                    strategy_id="a",
                    command=order,
                    client_order_id=f"a-{number}-{side}",
                    reservation=Decimal(0),
                    is_reducing=False,
                    ts_decided=1,
                )
            )

    fees = ZERO
    for report in venue.on_slice(_slice(2, prices)):
        assert isinstance(report, OrderFilledReport)
        fees = add(fees, report.commission)
    venue.on_session_close(2)
    venue.on_slice(_slice(EXPIRY, later))

    state = venue.portfolio_state(EXPIRY)
    assert state.positions == ()
    assert state.cash == subtract(CAPITAL * len(OWNERS), fees)
