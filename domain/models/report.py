"""Facts from outside: what a venue says about orders, and what happens to holdings without one.

Every report is an input: it gets a sequence number and is journaled before anyone reacts.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

import msgspec

from orchestrion.domain.models.order import OrderSide


class LiquiditySide(StrEnum):
    MAKER = "MAKER"
    TAKER = "TAKER"


class OrderAcceptedReport(msgspec.Struct, frozen=True, kw_only=True, tag="OrderAcceptedReport"):
    client_order_id: str
    venue_order_id: str
    ts_event: int


class OrderRejectedReport(msgspec.Struct, frozen=True, kw_only=True, tag="OrderRejectedReport"):
    client_order_id: str
    reason: str
    ts_event: int


class OrderCanceledReport(msgspec.Struct, frozen=True, kw_only=True, tag="OrderCanceledReport"):
    client_order_id: str
    ts_event: int


class OrderCancelRejectedReport(
    msgspec.Struct, frozen=True, kw_only=True, tag="OrderCancelRejectedReport"
):
    client_order_id: str
    reason: str
    ts_event: int


class OrderExpiredReport(msgspec.Struct, frozen=True, kw_only=True, tag="OrderExpiredReport"):
    client_order_id: str
    ts_event: int


class OrderFilledReport(msgspec.Struct, frozen=True, kw_only=True, tag="OrderFilledReport"):
    """One execution of one leg. (venue, trade_id) is unique: a second one is a duplicate.

    Attributes:
        leg_index: which leg of the order, from 0.
        last_qty: executed quantity, > 0.
        last_px: price per unit; an option's can be 0.
        commission: account currency; negative is a rebate.
        ts_event: when the price was made, nanoseconds UTC.
    """

    client_order_id: str
    venue_order_id: str
    trade_id: str
    leg_index: int
    instrument_id: str
    side: OrderSide
    last_qty: Decimal
    last_px: Decimal
    commission: Decimal
    ts_event: int
    liquidity_side: LiquiditySide = LiquiditySide.TAKER


class ExternalFillReport(msgspec.Struct, frozen=True, kw_only=True, tag="ExternalFillReport"):
    """An execution that no order of ours caused (a manual trade); it goes to the EXTERNAL book."""

    trade_id: str
    instrument_id: str
    side: OrderSide
    last_qty: Decimal
    last_px: Decimal
    commission: Decimal
    ts_event: int


class FutureSettledReport(msgspec.Struct, frozen=True, kw_only=True, tag="FutureSettledReport"):
    """Daily settlement of a future: gains and losses since the last one become cash."""

    instrument_id: str
    settlement_price: Decimal
    ts_event: int


class InstrumentExpiredReport(
    msgspec.Struct, frozen=True, kw_only=True, tag="InstrumentExpiredReport"
):
    """A future or option ended; positions close at the settlement price (an option's is its
    intrinsic value), in cash, without commission."""

    instrument_id: str
    settlement_price: Decimal
    ts_event: int


OrderReport: TypeAlias = (
    OrderAcceptedReport
    | OrderRejectedReport
    | OrderCanceledReport
    | OrderCancelRejectedReport
    | OrderExpiredReport
    | OrderFilledReport
)
SettlementReport: TypeAlias = FutureSettledReport | InstrumentExpiredReport
VenueReport: TypeAlias = OrderReport | ExternalFillReport | SettlementReport
