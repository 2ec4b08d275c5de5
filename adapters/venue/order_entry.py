"""The simulated venue's door: an order is accepted whole, or rejected with a reason.

The venue checks again what the core has checked, as a real one does; what is wrong here would
otherwise show up as money.
"""

from __future__ import annotations

from decimal import Decimal
from math import gcd

from orchestrion.adapters.venue.working_order import (
    FOREVER,
    WorkingLeg,
    WorkingOrder,
    data_ids_of,
)
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.instrument import Equity, Index, InstrumentCatalog, Tradable
from orchestrion.domain.models.money import is_multiple, to_e9
from orchestrion.domain.models.order import Leg, OrderType, TimeInForce

_LIMIT, _STOP_MARKET, _GTD = OrderType.LIMIT, OrderType.STOP_MARKET, TimeInForce.GTD


def entry_fault(order: SubmitOrder, catalog: InstrumentCatalog, now: int) -> str | None:
    """Why the venue does not take an order, or None.

    Args:
        now: the later of the last seen time and the decision, nanoseconds UTC.
    """
    if not order.legs:
        return "an order needs at least one leg"
    for leg in order.legs:
        # What a split or another lot size left over can be closed, whatever the lot.
        fault = _leg_fault(leg, catalog, now, may_be_odd=order.reduce_only)
        if fault is not None:
            return fault
    return _price_fault(order) or _time_fault(order, now)


def working_order(
    order: SubmitOrder,
    catalog: InstrumentCatalog,
    *,
    client_order_id: str,
    sequence: int,
    earliest: int,
) -> WorkingOrder:
    """An order without fault as the venue keeps it."""
    is_structure = len(order.legs) > 1  # one leg is a unit of its own
    units = gcd(*[to_e9(leg.quantity) for leg in order.legs]) if is_structure else 0
    expire_ts = FOREVER if order.expire_ts is None else order.expire_ts
    entered: list[WorkingLeg] = []
    for leg in order.legs:
        instrument = catalog.tradable(leg.instrument_id)
        latest = min(expire_ts, expiry_of(instrument))
        ratio = to_e9(leg.quantity) // units if is_structure else 1
        entered.append(WorkingLeg(instrument, leg.side, leg.quantity, ratio, latest))
    legs = tuple(entered)
    return WorkingOrder(
        client_order_id=client_order_id,
        venue_order_id=f"V{sequence}",
        sequence=sequence,
        legs=legs,
        data_ids=data_ids_of(legs),
        order_type=order.order_type,
        time_in_force=order.time_in_force,
        # Zero stands in where the order's type has no such price; no rule reads it then.
        limit_e9=0 if order.limit_price is None else to_e9(order.limit_price),
        stop_e9=0 if order.stop_price is None else to_e9(order.stop_price),
        earliest=earliest,
        expire_ts=expire_ts,
    )


def expiry_of(instrument: Tradable) -> int:
    """When an instrument ends; a share never does."""
    return FOREVER if isinstance(instrument, Equity) else instrument.expiry_ts


def _leg_fault(leg: Leg, catalog: InstrumentCatalog, now: int, *, may_be_odd: bool) -> str | None:
    instrument = catalog.get(leg.instrument_id)
    if instrument is None:
        return f"unknown instrument {leg.instrument_id!r}"
    if not isinstance(instrument, Equity):  # a share never ends
        if isinstance(instrument, Index):
            return f"{leg.instrument_id} is an index, nobody trades it"
        if instrument.expiry_ts <= now:
            return f"{leg.instrument_id} expired at {instrument.expiry_ts}"
    fault = _number_fault(leg.quantity, "quantity", leg.instrument_id)
    if fault is not None:
        return fault
    if leg.quantity <= 0:
        return f"quantity of {leg.instrument_id} must be above 0, got {leg.quantity}"
    if not may_be_odd and not is_multiple(leg.quantity, instrument.lot_size):
        return f"{leg.quantity} {leg.instrument_id} is no multiple of the lot {instrument.lot_size}"
    return _number_fault(instrument.price_increment, "price increment", leg.instrument_id)


def _price_fault(order: SubmitOrder) -> str | None:
    price: Decimal | None = None
    if order.order_type is _LIMIT:
        price = order.limit_price
    elif order.order_type is _STOP_MARKET:
        price = order.stop_price
        if len(order.legs) > 1:
            return "a stop order has one leg"
    else:
        return None
    if price is None:
        return f"a {order.order_type} order needs its price"
    return _number_fault(price, "price")


def _time_fault(order: SubmitOrder, now: int) -> str | None:
    if order.time_in_force is not _GTD:
        return None if order.expire_ts is None else "expire_ts belongs to GTD orders only"
    if order.expire_ts is None:
        return "a GTD order needs expire_ts"
    return f"expire_ts {order.expire_ts} is in the past" if order.expire_ts < now else None


def _number_fault(value: Decimal, name: str, instrument_id: str = "") -> str | None:
    try:
        to_e9(value)
    except ValueError as error:
        return f"{name} of {instrument_id}: {error}" if instrument_id else f"{name}: {error}"
    return None
