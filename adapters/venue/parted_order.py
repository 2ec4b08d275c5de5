"""Orders that fill in parts, at a venue that fills whole orders only.

Paper trading hands the simulated venue one part of an order at a time: when the part has filled,
the next one starts to work, under an id of its own that only this module knows. What the venue says
about a part is told as said about the order. Each part pays commission as an order of its own.

A structure is cut into whole units, so every part has all legs in their ratio; an order that is no
whole number of lots is left alone, the venue will reject it. What is left of a stop order that was
reached is a market order. IOC: what is left after a part expires.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from math import gcd

import msgspec

from orchestrion.domain.errors import UnknownInstrumentError
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.money import divide, is_multiple, multiply, subtract
from orchestrion.domain.models.order import Leg, OrderType, TimeInForce
from orchestrion.domain.models.report import (
    OrderAcceptedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
    OrderReport,
)

_ONE = Decimal(1)


class PartedOrder:
    """One order of which a part is at the venue.

    Attributes:
        client_order_id: of the order.
        part_id: of the part that is at the venue.
        is_part_filled: all of the part has filled.
    """

    __slots__ = (
        "_approved",
        "_order",
        "_part_count",
        "_rest",
        "_venue_order_id",
        "client_order_id",
        "is_part_filled",
        "part_id",
    )

    def __init__(self, approved: ApprovedCommand, order: SubmitOrder, units: int) -> None:
        """
        Args:
            units: how many of the smallest parts the order has, above 1.
        """
        self.client_order_id = self.part_id = approved.client_order_id
        self.is_part_filled = False
        self._approved = approved
        self._order = order
        self._rest = units
        self._part_count = 0
        self._venue_order_id = ""

    @property
    def units_left(self) -> int:
        """Units that are not at the venue yet."""
        return self._rest

    @property
    def is_over_after_part(self) -> bool:
        """Whether nothing follows the part that is at the venue."""
        return not self._rest or self._order.time_in_force is TimeInForce.IOC

    def next_part(self, units: int, *, earliest: int) -> ApprovedCommand:
        """The next part of so many units, not to fill at prices before ``earliest``."""
        order, whole = self._order, _units_of(self._order.legs, self._rest, units)
        self._part_count += 1
        if self._part_count > 1:
            self.part_id = f"{self.client_order_id}~{self._part_count}"
            if order.order_type is OrderType.STOP_MARKET:
                order = msgspec.structs.replace(order, order_type=OrderType.MARKET, stop_price=None)
        self._order = msgspec.structs.replace(
            order, legs=_without(order.legs, whole) if units < self._rest else order.legs
        )
        self._rest -= units
        self.is_part_filled = False
        return msgspec.structs.replace(
            self._approved,
            command=msgspec.structs.replace(order, legs=whole),
            client_order_id=self.part_id,
            ts_decided=earliest,
        )

    def told(self, report: OrderReport) -> OrderReport | None:
        """What the venue's word about the part means for the order; None for nothing."""
        if isinstance(report, OrderAcceptedReport):
            if self._venue_order_id:
                return None
            self._venue_order_id = report.venue_order_id
            return report
        if isinstance(report, OrderRejectedReport) and self._venue_order_id:
            # The order was taken; that its rest is not can only mean that its time is over.
            return OrderExpiredReport(
                client_order_id=self.client_order_id, ts_event=report.ts_event
            )
        if isinstance(report, OrderFilledReport):
            self.is_part_filled = report.leg_index == len(self._order.legs) - 1
            return msgspec.structs.replace(
                report, client_order_id=self.client_order_id, venue_order_id=self._venue_order_id
            )
        return msgspec.structs.replace(report, client_order_id=self.client_order_id)


def whole_units(order: SubmitOrder, catalog: InstrumentCatalog) -> int:
    """Into how many parts an order can be cut at most; 1 when it cannot be cut."""
    if order.time_in_force is TimeInForce.FOK:
        return 1
    lots: list[int] = []
    for leg in order.legs:
        try:
            lot = catalog.tradable(leg.instrument_id).lot_size
        except UnknownInstrumentError:
            return 1
        if not leg.quantity.is_finite() or leg.quantity <= 0 or not is_multiple(leg.quantity, lot):
            return 1
        lots.append(int(divide(leg.quantity, lot, step=_ONE, rounding="ROUND_HALF_EVEN")))
    return gcd(*lots) if lots else 1


def units_drawn(units: int, draw: Callable[[], float], fraction: float) -> int:
    """Units of the next part: all, or with probability ``fraction`` fewer, evenly drawn.

    Two draws whatever comes out, so that one order's luck does not shift the next one's.
    """
    is_cut, share = draw() < fraction, draw()
    return 1 + int(share * (units - 1)) if is_cut and units > 1 else units


def _units_of(legs: tuple[Leg, ...], units: int, wanted: int) -> tuple[Leg, ...]:
    """The legs of so many units; exact, because the quantities are whole multiples of units."""
    return tuple(
        msgspec.structs.replace(
            leg, quantity=multiply(_per_unit(leg.quantity, units), Decimal(wanted))
        )
        for leg in legs
    )


def _per_unit(quantity: Decimal, units: int) -> Decimal:
    step = _ONE.scaleb(-9)  # no quantity has more decimals
    return divide(quantity, Decimal(units), step=step, rounding="ROUND_HALF_EVEN")


def _without(legs: tuple[Leg, ...], part: tuple[Leg, ...]) -> tuple[Leg, ...]:
    return tuple(
        msgspec.structs.replace(leg, quantity=subtract(leg.quantity, taken.quantity))
        for leg, taken in zip(legs, part, strict=True)
    )
