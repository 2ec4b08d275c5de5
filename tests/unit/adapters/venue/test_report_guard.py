"""Reports that no book could take are refused before they become facts."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.adapters.venue.report_guard import report_fault
from orchestrion.domain.models.instrument import Equity, Future, Index, InstrumentCatalog
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.report import (
    ExternalFillReport,
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderAcceptedReport,
    OrderFilledReport,
    VenueReport,
)

CATALOG = InstrumentCatalog(
    [
        Equity(instrument_id="AAA"),
        Index(instrument_id="IDX"),
        Future(
            instrument_id="FUT",
            underlying_id="IDX",
            expiry_ts=2**60,
            multiplier=Decimal(50),
            initial_margin=Decimal(1000),
            maintenance_margin=Decimal(900),
        ),
    ]
)
FILL = OrderFilledReport(
    client_order_id="S-1-0",
    venue_order_id="V1",
    trade_id="T1",
    leg_index=0,
    instrument_id="AAA",
    side=OrderSide.BUY,
    last_qty=Decimal(5),
    last_px=Decimal("10.5"),
    commission=Decimal("-0.1"),
    ts_event=1,
)
EXTERNAL_FILL = ExternalFillReport(
    trade_id="X1",
    instrument_id="FUT",
    side=OrderSide.SELL,
    last_qty=Decimal(1),
    last_px=Decimal("-37.63"),
    commission=Decimal(0),
    ts_event=1,
)
SETTLED = FutureSettledReport(instrument_id="FUT", settlement_price=Decimal(0), ts_event=1)
EXPIRED = InstrumentExpiredReport(instrument_id="FUT", settlement_price=Decimal(1), ts_event=1)
ACCEPTED = OrderAcceptedReport(client_order_id="S-1-0", venue_order_id="V1", ts_event=1)


@pytest.mark.parametrize("report", [FILL, EXTERNAL_FILL, SETTLED, EXPIRED, ACCEPTED])
def test_sound_reports_have_no_fault(report: VenueReport) -> None:
    assert report_fault(report, CATALOG) == ""


@pytest.mark.parametrize(
    ("report", "name", "value"),
    [
        *(
            (report, name, value)
            for report in (FILL, EXTERNAL_FILL)
            for name in ("last_qty", "last_px", "commission")
            for value in (Decimal("NaN"), Decimal("sNaN"), Decimal("Infinity"), 1, 1.0, None)
        ),
        (FILL, "last_qty", Decimal(0)),
        (FILL, "last_qty", Decimal(-1)),
        (FILL, "last_px", Decimal("1e18")),
        (FILL, "last_px", Decimal("0.0000000001")),
        (FILL, "side", "BUY"),
        (FILL, "trade_id", ""),
        (FILL, "client_order_id", None),
        (FILL, "leg_index", "0"),
        (FILL, "leg_index", True),
        (FILL, "ts_event", -1),
        (FILL, "ts_event", 1.0),
        (ACCEPTED, "client_order_id", ""),
        (SETTLED, "settlement_price", Decimal("NaN")),
        (EXPIRED, "settlement_price", None),
    ],
)
def test_a_value_that_cannot_be_booked_is_named(report: VenueReport, name: str, value: Any) -> None:
    broken = msgspec.structs.replace(report, **{name: value})
    assert name in report_fault(broken, CATALOG)


@pytest.mark.parametrize("instrument_id", ["ZZZ", "IDX", None, ["AAA"]])
def test_an_instrument_that_nobody_can_trade_is_named(instrument_id: Any) -> None:
    for report in (FILL, EXTERNAL_FILL, SETTLED, EXPIRED):
        broken = msgspec.structs.replace(report, instrument_id=instrument_id)
        assert "nothing that this run can trade" in report_fault(broken, CATALOG)


def test_only_futures_are_settled_daily() -> None:
    broken = msgspec.structs.replace(SETTLED, instrument_id="AAA")
    assert report_fault(broken, CATALOG) == "AAA is no future, it is not settled daily"
