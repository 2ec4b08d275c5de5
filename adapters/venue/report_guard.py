"""``report_fault``: whether a venue's report can be booked at all, asked before it is journaled.

A journaled report is a fact for ever: one with a quantity of NaN would stop the run, and every
restart after it would read it again and stop too. So form is judged here, at the edge; what a
report means for an order is the core's business. A report that is refused must not be dropped in
silence: the account may have moved in a way that the books cannot follow, so whoever refuses one
stops opening positions and reconciles with the venue.
"""

from __future__ import annotations

from decimal import Decimal
from typing import cast, get_args

from orchestrion.domain.errors import UnknownInstrumentError
from orchestrion.domain.models.instrument import Future, InstrumentCatalog
from orchestrion.domain.models.money import is_amount
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.report import (
    ExternalFillReport,
    FutureSettledReport,
    InstrumentExpiredReport,
    LiquiditySide,
    OrderAcceptedReport,
    OrderCancelRejectedReport,
    OrderFilledReport,
    OrderRejectedReport,
    OrderReport,
    VenueReport,
)

TS_MAX = 2**63
LEGS_MAX = 1_000
"""More legs than any order has; arbitrary. Which of an order's legs it is, the core judges."""
_REPORTS: tuple[type, ...] = get_args(VenueReport)


def report_fault(report: object, catalog: InstrumentCatalog) -> str:
    """What of a report cannot be booked, in words; empty when all of it can.

    Whatever a client hands over is judged: it may be no report at all.
    """
    if type(report) not in _REPORTS:
        return f"a {type(report).__name__} is no report"
    return _form_fault(cast("VenueReport", report), catalog)


def _form_fault(report: VenueReport, catalog: InstrumentCatalog) -> str:
    ts: object = report.ts_event
    if type(ts) is not int or not 0 <= ts < TS_MAX:
        return f"ts_event is {ts!r}, no nanoseconds UTC"
    match report:
        case OrderFilledReport() | ExternalFillReport():
            return _fill_fault(report, catalog)
        case FutureSettledReport() | InstrumentExpiredReport():
            return _settlement_fault(report, catalog)
        case _:
            return _text_fault("client_order_id", report.client_order_id) or _words_fault(report)


def _words_fault(report: OrderReport) -> str:
    """Texts that nobody reads here: the journal has to hold them, and give them back."""
    match report:
        case OrderAcceptedReport():
            return _text_fault("venue_order_id", report.venue_order_id, may_be_empty=True)
        case OrderRejectedReport() | OrderCancelRejectedReport():
            return _text_fault("reason", report.reason, may_be_empty=True)
        case _:
            return ""


def _fill_fault(fill: OrderFilledReport | ExternalFillReport, catalog: InstrumentCatalog) -> str:
    fault = _text_fault("trade_id", fill.trade_id) or _instrument_fault(fill, catalog)
    if fault:
        return fault
    if type(fill.side) is not OrderSide:
        return f"side is {fill.side!r}"
    if isinstance(fill, OrderFilledReport):
        fault = _text_fault("client_order_id", fill.client_order_id)
        fault = fault or _text_fault("venue_order_id", fill.venue_order_id, may_be_empty=True)
        index: object = fill.leg_index
        if not fault and (type(index) is not int or not 0 <= index < LEGS_MAX):
            fault = f"leg_index is {index!r}"
        if not fault and type(fill.liquidity_side) is not LiquiditySide:
            fault = f"liquidity_side is {fill.liquidity_side!r}"
    # A price may be 0 (a worthless option) and below (a future on oil).
    return (
        fault
        or _amount_fault("last_qty", fill.last_qty, is_positive=True)
        or _amount_fault("last_px", fill.last_px)
        or _amount_fault("commission", fill.commission)
    )


def _settlement_fault(
    report: FutureSettledReport | InstrumentExpiredReport, catalog: InstrumentCatalog
) -> str:
    fault = _instrument_fault(report, catalog)
    if fault:
        return fault
    if isinstance(report, FutureSettledReport) and not isinstance(
        catalog.get(report.instrument_id), Future
    ):
        return f"{report.instrument_id} is no future, it is not settled daily"
    return _amount_fault("settlement_price", report.settlement_price)


def _instrument_fault(
    report: OrderFilledReport | ExternalFillReport | FutureSettledReport | InstrumentExpiredReport,
    catalog: InstrumentCatalog,
) -> str:
    try:
        catalog.tradable(report.instrument_id)
    except (UnknownInstrumentError, TypeError):
        return f"{report.instrument_id!r} is nothing that this run can trade"
    return ""


def _amount_fault(name: str, value: object, *, is_positive: bool = False) -> str:
    if type(value) is not Decimal or not is_amount(value):
        return f"{name} must be a finite Decimal with at most nine decimals, got {value!r}"
    if is_positive and value <= 0:
        return f"{name} must be above 0, got {value}"
    return ""


def _text_fault(name: str, value: object, *, may_be_empty: bool = False) -> str:
    if type(value) is not str or not (value or may_be_empty):
        return f"{name} is {value!r}"
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a pair: no file can hold it
        return f"{name} is no text: {value!r}"
    return ""
