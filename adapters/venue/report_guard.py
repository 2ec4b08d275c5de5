"""``report_fault``: whether a venue's report can be booked at all, asked before it is journaled.

A journaled report is a fact for ever: one with a quantity of NaN would stop the run, and every
restart after it would read it again and stop too. So form is judged here, at the edge; what a
report means for an order is the core's business. A report that is refused must not be dropped in
silence: the account may have moved in a way that the books cannot follow, so whoever refuses one
stops opening positions and reconciles with the venue.
"""

from __future__ import annotations

from decimal import Decimal

from orchestrion.domain.errors import UnknownInstrumentError
from orchestrion.domain.models.instrument import Future, InstrumentCatalog
from orchestrion.domain.models.money import is_amount
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.report import (
    ExternalFillReport,
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderFilledReport,
    VenueReport,
)

TS_MAX = 2**63


def report_fault(report: VenueReport, catalog: InstrumentCatalog) -> str:
    """What of a report cannot be booked, in words; empty when all of it can."""
    ts: object = report.ts_event
    if type(ts) is not int or not 0 <= ts < TS_MAX:
        return f"ts_event is {ts!r}, no nanoseconds UTC"
    match report:
        case OrderFilledReport() | ExternalFillReport():
            return _fill_fault(report, catalog)
        case FutureSettledReport() | InstrumentExpiredReport():
            return _settlement_fault(report, catalog)
        case _:
            return _text_fault("client_order_id", report.client_order_id)


def _fill_fault(fill: OrderFilledReport | ExternalFillReport, catalog: InstrumentCatalog) -> str:
    fault = _text_fault("trade_id", fill.trade_id) or _instrument_fault(fill, catalog)
    if fault:
        return fault
    if type(fill.side) is not OrderSide:
        return f"side is {fill.side!r}"
    if isinstance(fill, OrderFilledReport):
        fault = _text_fault("client_order_id", fill.client_order_id)
        index: object = fill.leg_index
        if not fault and type(index) is not int:
            fault = f"leg_index is {index!r}"
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


def _text_fault(name: str, value: object) -> str:
    return "" if type(value) is str and value else f"{name} is {value!r}"
