"""The life of orders and instruments at the simulated venue, report by report."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from orchestrion.adapters.venue.fees import Commission, FeeSchedule
from orchestrion.adapters.venue.seen_ids import SEEN_IDS_FORGOTTEN, SEEN_IDS_KEPT
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.adapters.venue.slippage import SlippageModel
from orchestrion.adapters.venue.working_order import FOREVER
from orchestrion.domain.errors import ConfigurationError, MarketDataError
from orchestrion.domain.models.market import MarketData
from orchestrion.domain.models.order import TimeInForce
from orchestrion.domain.models.portfolio import NetPosition
from orchestrion.domain.models.report import (
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
)
from tests.unit.adapters.venue.venue_builders import (
    BUY,
    CASH,
    CATALOG,
    EXPIRY,
    PUT,
    SELL,
    Number,
    approved,
    bar,
    cancel,
    chain,
    close_only,
    fills,
    kinds,
    line,
    new_venue,
    order,
    quote,
    slice_of,
    trade,
)

IOC, FOK, DAY = TimeInForce.IOC, TimeInForce.FOK, TimeInForce.DAY
GTC, GTD = TimeInForce.GTC, TimeInForce.GTD
OUT_OF_REACH = 1


# -- acknowledgements ---------------------------------------------------------------------------


def test_order_is_accepted_not_filled_when_submitted() -> None:
    venue = new_venue()
    venue.on_slice(slice_of(close_only("ABC", 1_000, 100)))

    venue.submit(approved(order(("ABC", BUY, 1))))

    assert venue.take_reports() == (
        OrderAcceptedReport(client_order_id="o-1", venue_order_id="V1", ts_event=1_000),
    )
    assert venue.take_reports() == ()
    assert venue.portfolio_state(1_000).positions == ()


def test_fill_report_says_everything() -> None:
    venue = new_venue(fees=FeeSchedule(equity=Commission(per_unit=Decimal("0.01"))))
    venue.submit(approved(order(("ABC", SELL, 10))))
    venue.take_reports()

    assert venue.on_slice(slice_of(close_only("ABC", 2_000, 100))) == (
        OrderFilledReport(
            client_order_id="o-1",
            venue_order_id="V1",
            trade_id="T1",
            leg_index=0,
            instrument_id="ABC",
            side=SELL,
            last_qty=Decimal(10),
            last_px=Decimal(100),
            commission=Decimal("0.10"),
            ts_event=2_000,
        ),
    )


def test_same_client_order_id_twice_is_one_order() -> None:
    venue = new_venue()
    command = approved(order(("ABC", BUY, 1)))
    venue.submit(command)
    venue.submit(command)

    assert kinds(venue.take_reports()) == ["OrderAcceptedReport o-1"]
    assert len(venue.on_slice(slice_of(close_only("ABC", 2_000, 100)))) == 1
    venue.submit(command)
    assert venue.take_reports() == ()
    assert venue.duplicates_ignored == 2


def test_order_that_works_is_known_again_however_many_came_since() -> None:
    venue = new_venue()
    command = approved(order(("ABC", BUY, 1)))
    venue.submit(command)
    refused = order(("NOT-LISTED", BUY, 1))
    for number in range(SEEN_IDS_KEPT + 2 * SEEN_IDS_FORGOTTEN):
        venue.submit(approved(refused, f"r-{number}"))
    venue.take_reports()
    venue.submit(command)
    assert venue.take_reports() == ()
    assert venue.duplicates_ignored == 1


def test_cancel_ends_an_open_order() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ABC", BUY, 1))))
    venue.submit(cancel("o-1"))
    venue.submit(cancel("o-1"))

    assert venue.take_reports()[1:] == (OrderCanceledReport(client_order_id="o-1", ts_event=1_000),)
    assert venue.duplicates_ignored == 1
    assert venue.on_slice(slice_of(close_only("ABC", 2_000, 100))) == ()


@pytest.mark.parametrize(
    ("target", "reason"), [("o-1", "the order has ended"), ("o-2", "no such order")]
)
def test_cancel_of_no_open_order_is_rejected(target: str, reason: str) -> None:
    venue = new_venue()
    venue.submit(approved(order(("ABC", BUY, 1))))
    venue.on_slice(slice_of(close_only("ABC", 2_000, 100)))
    venue.take_reports()

    venue.submit(cancel(target))

    assert venue.take_reports() == (
        OrderCancelRejectedReport(client_order_id=target, reason=reason, ts_event=2_000),
    )


def test_unapproved_command_is_a_type_error() -> None:
    venue = new_venue()

    with pytest.raises(TypeError, match="takes ApprovedCommand, not SubmitOrder"):
        venue.submit(order(("ABC", BUY, 1)))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="takes SubmitOrder or CancelOrder, not str"):
        venue.submit(msgspec.structs.replace(approved(order(("ABC", BUY, 1))), command="buy"))

    assert venue.take_reports() == ()


def test_rejected_order_never_fills() -> None:
    venue = new_venue()
    venue.submit(approved(order(("NOPE", BUY, 1))))

    assert venue.take_reports() == (
        OrderRejectedReport(
            client_order_id="o-1", reason="unknown instrument 'NOPE'", ts_event=1_000
        ),
    )
    assert venue.on_slice(slice_of(close_only("NOPE", 2_000, 100))) == ()


@pytest.mark.parametrize("cash", ["-1", "NaN", "Infinity", "1e18"])
def test_unusable_starting_cash_is_refused(cash: str) -> None:
    with pytest.raises(ConfigurationError, match="starting_cash"):
        SimulatedVenue(
            CATALOG, fees=FeeSchedule(), slippage=SlippageModel(), starting_cash=Decimal(cash)
        )


# -- no look-ahead ------------------------------------------------------------------------------


def test_order_decided_on_a_close_never_gets_that_bars_prices() -> None:
    """A cheat sees the bar fall to 90 and bounce, and orders at the low with the bar's own time."""
    venue = new_venue()
    seen = bar("ABC", 1_000, 2_000, (100, 110, 90, 105))
    venue.on_slice(slice_of(seen))

    venue.submit(approved(order(("ABC", BUY, 1)), "market", ts_decided=2_000))
    venue.submit(approved(order(("ABC", BUY, 1), limit=90), "limit", ts_decided=2_000))
    venue.submit(approved(order(("ABC", SELL, 1), stop=90), "stop", ts_decided=2_000))
    # Even a decision dated back to the bar's open gains nothing: the bar has been seen.
    venue.submit(approved(order(("ABC", BUY, 1)), "backdated", ts_decided=1_000))

    reports = venue.on_slice(slice_of(bar("ABC", 3_000, 4_000, (120, 125, 115, 121))))

    assert kinds(reports) == ["OrderFilledReport market", "OrderFilledReport backdated"]
    assert fills(reports) == [(Decimal(120), 3_000), (Decimal(120), 3_000)]


def test_order_decided_inside_a_bar_gets_only_its_close() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ABC", BUY, 1)), ts_decided=1_500))

    reports = venue.on_slice(slice_of(bar("ABC", 1_000, 2_000, (100, 110, 90, 105))))

    assert fills(reports) == [(Decimal(105), 2_000)]


def test_time_going_back_is_refused() -> None:
    venue = new_venue()
    venue.on_slice(slice_of(close_only("ABC", 2_000, 100)))

    with pytest.raises(MarketDataError, match="must not go back"):
        venue.on_slice(slice_of(close_only("ABC", 1_999, 100)))
    with pytest.raises(MarketDataError, match="must not go back"):
        venue.on_session_close(1_999)

    assert venue.now == 2_000


# -- time in force ------------------------------------------------------------------------------


def test_day_order_of_a_close_lives_through_the_next_session() -> None:
    venue = new_venue()
    venue.on_slice(slice_of(close_only("ABC", 1_000, 100)))
    venue.submit(approved(order(("ABC", BUY, 1), limit=OUT_OF_REACH)))

    assert venue.on_session_close(1_000) == ()
    assert venue.on_slice(slice_of(close_only("ABC", 2_000, 100))) == ()
    assert venue.on_session_close(2_000) == (
        OrderExpiredReport(client_order_id="o-1", ts_event=2_000),
    )


def test_day_order_of_the_morning_ends_with_that_session() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ABC", BUY, 1), limit=OUT_OF_REACH)))
    venue.on_slice(slice_of(trade("ABC", 1_500, 100)))

    assert kinds(venue.on_session_close(2_000)) == ["OrderExpiredReport o-1"]


def test_day_order_without_data_ends_with_the_first_whole_session() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ABC", BUY, 1))))
    venue.on_slice(slice_of(close_only("XYZ", 2_000, 100)))

    assert venue.on_session_close(2_000) == ()
    venue.on_slice(slice_of(close_only("XYZ", 3_000, 100)))
    assert kinds(venue.on_session_close(3_000)) == ["OrderExpiredReport o-1"]


def test_day_sell_that_nobody_buys_ends_with_the_session() -> None:
    venue = new_venue()
    venue.submit(approved(order(("P90", SELL, 1))))

    assert venue.on_slice(slice_of(chain(2_000, line(PUT, 0, "0.05")))) == ()
    assert kinds(venue.on_session_close(2_000)) == ["OrderExpiredReport o-1"]


def test_gtc_order_outlives_sessions_until_it_fills() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ABC", BUY, 1), limit=95, time_in_force=GTC)))
    for ts in (2_000, 3_000, 4_000):
        assert venue.on_slice(slice_of(close_only("ABC", ts, 100))) == ()
        assert venue.on_session_close(ts) == ()

    assert fills(venue.on_slice(slice_of(close_only("ABC", 5_000, 94)))) == [(Decimal(94), 5_000)]


@pytest.mark.parametrize("time_in_force", [IOC, FOK])
def test_immediate_order_fills_at_its_first_chance_or_ends(time_in_force: TimeInForce) -> None:
    venue = new_venue()
    for name, limit in (("fills", 100), ("misses", OUT_OF_REACH)):
        command = order(("ABC", BUY, 1), limit=limit, time_in_force=time_in_force)
        venue.submit(approved(command, name))

    # A slice without a price of the instrument is no chance.
    assert venue.on_slice(slice_of(close_only("XYZ", 1_500, 100))) == ()
    assert kinds(venue.on_slice(slice_of(close_only("ABC", 2_000, 100)))) == [
        "OrderFilledReport fills",
        "OrderExpiredReport misses",
    ]


def test_immediate_order_does_not_outlive_a_day_order() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ABC", BUY, 1), time_in_force=IOC)))

    assert venue.on_session_close(2_000) == ()
    assert kinds(venue.on_session_close(3_000)) == ["OrderExpiredReport o-1"]


def test_gtd_order_ends_with_the_slice_that_reaches_its_end() -> None:
    venue = new_venue()
    command = order(("ABC", BUY, 1), limit=OUT_OF_REACH, time_in_force=GTD, expire_ts=3_000)
    venue.submit(approved(command))
    venue.on_slice(slice_of(close_only("ABC", 2_000, 100)))
    assert venue.on_session_close(2_500) == ()

    # Any instrument's slice tells the time.
    assert kinds(venue.on_slice(slice_of(close_only("XYZ", 3_000, 100)))) == [
        "OrderExpiredReport o-1"
    ]


def test_gtd_order_ends_with_a_session_close() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ABC", BUY, 1), time_in_force=GTD, expire_ts=3_000)))

    assert kinds(venue.on_session_close(3_000)) == ["OrderExpiredReport o-1"]


def test_gtd_order_that_filled_does_not_expire_later() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ABC", BUY, 1), time_in_force=GTD, expire_ts=3_000)))
    venue.on_slice(slice_of(close_only("ABC", 2_000, 100)))
    venue.submit(approved(order(("XYZ", BUY, 1), time_in_force=GTC), "o-2", ts_decided=2_000))

    assert venue.on_slice(slice_of(close_only("ABC", 3_000, 100))) == ()


# -- order of reports ---------------------------------------------------------------------------


def test_reports_of_a_slice_come_in_the_stated_order() -> None:
    venue = new_venue()
    for number, command in enumerate(
        (
            order(("XYZ", BUY, 1), limit=OUT_OF_REACH, time_in_force=IOC),
            order(("XYZ", BUY, 1), ("ABC", SELL, 1)),
            order(("P90", BUY, 1), limit=OUT_OF_REACH, time_in_force=GTC),
            order(("ABC", BUY, 1)),
            order(("ES", BUY, 1), time_in_force=GTC),
        )
    ):
        venue.submit(approved(command, f"o-{number}"))

    reports = venue.on_slice(
        slice_of(
            close_only("ABC", EXPIRY, 10),
            close_only("XYZ", EXPIRY, 20),
            close_only("SPX", EXPIRY, 100),
        )
    )

    assert kinds(reports) == [
        "OrderFilledReport o-1",
        "OrderFilledReport o-1",
        "OrderFilledReport o-3",
        "OrderExpiredReport o-0",
        "OrderExpiredReport o-2",
        "OrderExpiredReport o-4",
        "InstrumentExpiredReport ES",
        "InstrumentExpiredReport P90",
    ]
    filled = [one for one in reports if isinstance(one, OrderFilledReport)]
    assert [(one.trade_id, one.venue_order_id, one.leg_index) for one in filled] == [
        ("T1", "V2", 0),
        ("T2", "V2", 1),
        ("T3", "V4", 0),
    ]


# -- futures ------------------------------------------------------------------------------------


def test_future_moves_no_cash_until_the_session_settles_it() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ES", BUY, 2))))
    venue.on_slice(slice_of(bar("ES", 1_000, 2_000, (100, 110, 90, 103))))
    assert venue.portfolio_state(2_000).cash == CASH

    assert venue.on_session_close(2_000) == (
        FutureSettledReport(instrument_id="ES", settlement_price=Decimal(103), ts_event=2_000),
    )
    assert venue.portfolio_state(2_000).cash == CASH + 2 * 3 * 50
    assert venue.portfolio_state(2_000).positions == (NetPosition("ES", Decimal(2)),)

    venue.on_slice(slice_of(quote("ES", 3_000, 98, 102)))
    venue.on_session_close(3_000)
    assert venue.portfolio_state(3_000).cash == CASH


def test_future_settles_at_the_last_seen_price_when_a_session_has_none() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ES", BUY, 1))))
    venue.on_slice(slice_of(trade("ES", 2_000, 100), close_only("SPX", 2_000, 99)))
    venue.on_session_close(2_000)
    venue.on_slice(slice_of(close_only("ABC", 3_000, 10)))

    assert venue.on_session_close(3_000) == (
        FutureSettledReport(instrument_id="ES", settlement_price=Decimal(100), ts_event=3_000),
    )


def test_future_netted_to_zero_still_settles_for_the_books_behind_it() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ES", BUY, 1)), "long"))
    venue.submit(approved(order(("ES", SELL, 1)), "short"))
    venue.on_slice(slice_of(bar("ES", 1_000, 2_000, (100, 100, 100, 100))))

    assert venue.portfolio_state(2_000).positions == ()
    assert kinds(venue.on_session_close(2_000)) == ["FutureSettledReport ES"]
    venue.on_slice(slice_of(close_only("SPX", 3_000, 100)))
    assert kinds(venue.on_session_close(3_000)) == ["FutureSettledReport ES"]
    assert kinds(venue.on_slice(slice_of(close_only("SPX", EXPIRY, 100)))) == [
        "InstrumentExpiredReport ES"
    ]
    assert venue.on_session_close(EXPIRY) == ()


def test_future_trades_on_its_last_bar_and_then_expires_at_the_underlying() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ES", BUY, 1)), ts_decided=8_000))

    reports = venue.on_slice(
        slice_of(bar("ES", 8_000, EXPIRY, (100, 101, 99, 100)), close_only("SPX", EXPIRY, 107))
    )

    assert kinds(reports) == ["OrderFilledReport o-1", "InstrumentExpiredReport ES"]
    assert venue.portfolio_state(EXPIRY).cash == CASH + 7 * 50
    assert venue.portfolio_state(EXPIRY).positions == ()
    assert venue.on_session_close(EXPIRY) == ()


def test_no_price_after_the_expiry_fills() -> None:
    venue = new_venue()
    venue.submit(approved(order(("ES", BUY, 1))))

    reports = venue.on_slice(
        slice_of(close_only("ES", EXPIRY + 1, 100), close_only("SPX", EXPIRY + 1, 100))
    )

    assert kinds(reports) == ["OrderExpiredReport o-1", "InstrumentExpiredReport ES"]


# -- expiry -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instrument_id", "spot", "expected"),
    [
        pytest.param("P90", "83.25", "6.75", id="put-in-the-money"),
        pytest.param("P90", "95", "0", id="put-out-of-the-money"),
        pytest.param("C110", "112.5", "2.5", id="call-in-the-money"),
        pytest.param("ES", "83.25", "83.25", id="future"),
    ],
)
def test_instrument_expires_at_its_value(instrument_id: str, spot: str, expected: str) -> None:
    venue = new_venue()
    venue.submit(approved(order((instrument_id, SELL, 1))))
    venue.on_slice(slice_of(quote(instrument_id, 2_000, 5, 6)))

    assert venue.on_slice(slice_of(close_only("SPX", EXPIRY, spot))) == (
        InstrumentExpiredReport(
            instrument_id=instrument_id, settlement_price=Decimal(expected), ts_event=EXPIRY
        ),
    )
    multiplier = 50 if instrument_id == "ES" else 100
    assert venue.portfolio_state(EXPIRY).cash == CASH + multiplier * (5 - Decimal(expected))
    assert venue.portfolio_state(EXPIRY).positions == ()


@pytest.mark.parametrize("last", ["chain", "bar", "quote", "trade"])
def test_expiry_without_a_price_takes_the_last_seen_one(last: str) -> None:
    prices: dict[str, MarketData] = {
        "chain": chain(3_000, underlying=80),
        "bar": close_only("SPX", 3_000, 80),
        "quote": quote("SPX", 3_000, 79, 81),
        "trade": trade("SPX", 3_000, 80),
    }
    venue = new_venue()
    venue.submit(approved(order(("P90", BUY, 1))))
    venue.on_slice(slice_of(quote("P90", 2_000, 5, 6), close_only("SPX", 2_000, 50)))
    venue.on_slice(slice_of(prices[last]))

    (report,) = venue.on_slice(slice_of(close_only("ABC", EXPIRY, 1)))

    assert isinstance(report, InstrumentExpiredReport)
    assert report.settlement_price == 10


def test_price_seen_before_the_first_order_counts_as_last_seen() -> None:
    venue = new_venue()
    venue.on_slice(slice_of(close_only("SPX", 500, 80)))
    for ts in range(501, 1_000):
        venue.on_slice(slice_of(close_only("ABC", ts, 1)))
    venue.submit(approved(order(("P90", BUY, 1))))
    venue.on_slice(slice_of(quote("P90", 2_000, 5, 6)))

    (report,) = venue.on_slice(slice_of(close_only("ABC", EXPIRY, 1)))

    assert isinstance(report, InstrumentExpiredReport)
    assert report.settlement_price == 10


def test_expiry_without_any_price_of_the_underlying_stops_with_nothing_changed() -> None:
    venue = new_venue()
    venue.submit(approved(order(("P90", BUY, 1)), "filled"))
    venue.on_slice(slice_of(quote("P90", 2_000, 5, 6)))
    venue.submit(approved(order(("ABC", BUY, 1), time_in_force=GTC), "open", ts_decided=2_000))
    before = venue.portfolio_state(EXPIRY)

    with pytest.raises(MarketDataError, match="underlying SPX never had a price"):
        venue.on_slice(slice_of(close_only("ABC", EXPIRY, 1)))

    assert venue.portfolio_state(EXPIRY) == before
    # With the missing series the same moment goes through, and all is still there.
    assert kinds(
        venue.on_slice(slice_of(close_only("ABC", EXPIRY, 1), trade("SPX", EXPIRY, 1)))
    ) == [
        "OrderFilledReport open",
        "InstrumentExpiredReport P90",
    ]


def test_open_order_ends_with_its_instrument() -> None:
    venue = new_venue()
    command = order(("ABC", BUY, 1), ("P90", BUY, 1), limit=OUT_OF_REACH, time_in_force=GTC)
    venue.submit(approved(command))

    reports = venue.on_slice(slice_of(close_only("SPX", EXPIRY, 100)))

    assert kinds(reports) == ["OrderExpiredReport o-1", "InstrumentExpiredReport P90"]


def test_expiry_of_what_was_ordered_but_never_traded_is_silent() -> None:
    venue = new_venue()
    venue.submit(approved(order(("P90", BUY, 1))))
    venue.submit(cancel("o-1"))

    assert venue.on_slice(slice_of(close_only("ABC", EXPIRY, 1))) == ()


def test_instrument_expires_once() -> None:
    venue = new_venue()
    venue.submit(approved(order(("P90", BUY, 1))))
    venue.on_slice(slice_of(quote("P90", 2_000, 5, 6)))
    assert len(venue.on_slice(slice_of(close_only("SPX", EXPIRY, 80)))) == 1

    assert venue.on_slice(slice_of(close_only("SPX", EXPIRY, 70))) == ()
    venue.submit(approved(order(("P90", BUY, 1)), "late"))
    assert kinds(venue.take_reports())[-1] == "OrderRejectedReport late"
    # Otherwise no later slice would take the quiet path.
    assert venue._expiries.next_ts == FOREVER


# -- money --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("instrument_id", "price", "cash"),
    [
        pytest.param("ABC", "10.5", "-31.5", id="share-pays-price"),
        pytest.param("P90", "1.5", "-450", id="option-pays-premium-times-multiplier"),
        pytest.param("ES", "10.5", "0", id="future-pays-nothing-yet"),
    ],
)
def test_buying_three_moves_cash(instrument_id: str, price: Number, cash: str) -> None:
    venue = new_venue()
    venue.submit(approved(order((instrument_id, BUY, 3))))
    venue.on_slice(slice_of(trade(instrument_id, 2_000, price)))

    state = venue.portfolio_state(2_000)
    assert state.cash == CASH + Decimal(cash)
    assert state.positions == (NetPosition(instrument_id, Decimal(3)),)


def test_fees_leave_the_cash() -> None:
    venue = new_venue(fees=FeeSchedule(equity=Commission(minimum_per_order=Decimal("1.25"))))
    venue.submit(approved(order(("ABC", BUY, 1), ("XYZ", SELL, 1))))
    venue.on_slice(slice_of(trade("ABC", 2_000, 10), trade("XYZ", 2_000, 10)))

    state = venue.portfolio_state(2_000)
    assert state.cash == CASH - Decimal("1.25")
    assert [one.instrument_id for one in state.positions] == ["ABC", "XYZ"]
