"""What a book, or the account, would use of its limits whichever of its orders fill.

Counted as working is every order that can still trade: also UNKNOWN ones, and those whose cancel is
under way. A structure fills as combination orders do, all legs together in any part of the whole,
so its net notional counts as that of the order; quantities per instrument are bounded leg by leg.
Every figure is an upper bound over all fills (tests/property/test_limit.py tries them), at the
marks: later prices can push it further.

Notional is quantity x price x multiplier. For options that is the premium, which says little about
what a short one can lose; ``OptionNotional.UNDERLYING`` counts the underlying's price instead, puts
against the direction of their quantity. Margin is the option's own limit.

Size: one pass over positions and legs of working orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from orchestrion.domain.models.instrument import InstrumentCatalog, OptionContract, OptionKind
from orchestrion.domain.models.money import ZERO, add, multiply
from orchestrion.domain.models.order import Leg, Order
from orchestrion.domain.models.portfolio import Marks
from orchestrion.domain.orchestration.margin import UnpricedError

SignedQuantities: TypeAlias = tuple[tuple[str, Decimal], ...]
"""(instrument id, signed quantity) per leg of one order."""


class OptionNotional(StrEnum):
    """What an option's notional is."""

    PREMIUM = "premium"
    """Its own price, like that of every other instrument."""
    UNDERLYING = "underlying"
    """Its underlying's price; a put counts in the opposite direction of its quantity."""


class QuantityRange(msgspec.Struct, frozen=True, gc=False):
    """Least and greatest signed quantity that can come to be held."""

    low: Decimal
    high: Decimal

    @property
    def largest(self) -> Decimal:
        """The greatest quantity on either side, >= 0."""
        return max(self.low.copy_abs(), self.high.copy_abs())


FLAT = QuantityRange(ZERO, ZERO)


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """Upper bounds of what limits look at. Amounts in the account currency.

    Attributes:
        quantities: instrument id -> range, in order of first sight.
        gross_notional: sum over instruments of the largest side.
        net_notional_low, net_notional_high: signed.
        open_structures: see ``structure_count``.
        margin: initial margin of holdings and working orders, as the budget rule bounds it.
    """

    quantities: Mapping[str, QuantityRange] = MappingProxyType({})
    gross_notional: Decimal = ZERO
    net_notional_low: Decimal = ZERO
    net_notional_high: Decimal = ZERO
    open_structures: int = 0
    margin: Decimal = ZERO

    @property
    def net_notional(self) -> Decimal:
        """The greatest net notional on either side, >= 0."""
        return max(self.net_notional_low.copy_abs(), self.net_notional_high.copy_abs())


def unfilled(order: Order) -> SignedQuantities:
    """What a working order can still trade; an overfilled leg has nothing left."""
    return tuple(
        (leg.instrument_id, left if leg.signed_quantity > 0 else left.copy_negate())
        for i, leg in enumerate(order.legs)
        if (left := order.remaining(i)) > 0
    )


def of_legs(legs: Iterable[Leg]) -> SignedQuantities:
    """What a command that has not left yet would trade."""
    return tuple((leg.instrument_id, leg.signed_quantity) for leg in legs)


def worst_case(
    held: Mapping[str, Decimal],
    orders: Iterable[SignedQuantities],
    *,
    catalog: InstrumentCatalog,
    marks: Marks,
    option_notional: OptionNotional = OptionNotional.PREMIUM,
    open_structures: int = 0,
    margin: Decimal = ZERO,
) -> Usage:
    """Usage of one book, whichever of the orders fill.

    Args:
        held: instrument id -> signed quantity.
        orders: what each working order (and the command in question) can still trade.
        open_structures, margin: bounds that the caller has; taken over as they are.

    Raises:
        UnpricedError: an instrument, or an option's underlying, has no mark.
    """
    working = tuple(orders)
    ids = dict.fromkeys((*held, *(leg[0] for legs in working for leg in legs)))
    units = {one: _notional_per_unit(one, catalog, marks, option_notional) for one in ids}
    ranges = _ranges(ids, held, working)
    gross = ZERO
    for instrument_id, quantity_range in ranges.items():
        gross = add(gross, multiply(quantity_range.largest, units[instrument_id].copy_abs()))
    net_low = net_high = _net(held.items(), units)
    for legs in working:
        change = _net(legs, units)
        net_low, net_high = add(net_low, min(change, ZERO)), add(net_high, max(change, ZERO))
    return Usage(
        quantities=MappingProxyType(ranges),
        gross_notional=gross,
        net_notional_low=net_low,
        net_notional_high=net_high,
        open_structures=open_structures,
        margin=margin,
    )


def _ranges(
    ids: Iterable[str], held: Mapping[str, Decimal], working: Iterable[SignedQuantities]
) -> dict[str, QuantityRange]:
    low = {one: held.get(one, ZERO) for one in ids}
    high = dict(low)
    for legs in working:
        for instrument_id, quantity in legs:
            side = high if quantity > 0 else low
            side[instrument_id] = add(side[instrument_id], quantity)
    return {one: QuantityRange(low[one], high[one]) for one in low}


def _net(quantities: Iterable[tuple[str, Decimal]], units: Mapping[str, Decimal]) -> Decimal:
    total = ZERO
    for instrument_id, quantity in quantities:
        total = add(total, multiply(quantity, units[instrument_id]))
    return total


def combined(usages: Iterable[Usage]) -> Usage:
    """Usage of the account from that of its books, in the order given.

    Quantities and net notional net across books, as they do at the venue. Gross notional, margin
    and structures add up: what books save by netting against each other is never lent out.
    """
    total = Usage()
    for usage in usages:
        total = _sum(total, usage)
    return total


def _sum(one: Usage, other: Usage) -> Usage:
    quantities = dict(one.quantities)
    for instrument_id, added in other.quantities.items():
        before = quantities.get(instrument_id, FLAT)
        quantities[instrument_id] = QuantityRange(
            add(before.low, added.low), add(before.high, added.high)
        )
    return Usage(
        quantities=MappingProxyType(quantities),
        gross_notional=add(one.gross_notional, other.gross_notional),
        net_notional_low=add(one.net_notional_low, other.net_notional_low),
        net_notional_high=add(one.net_notional_high, other.net_notional_high),
        open_structures=one.open_structures + other.open_structures,
        margin=add(one.margin, other.margin),
    )


def _notional_per_unit(
    instrument_id: str,
    catalog: InstrumentCatalog,
    marks: Marks,
    option_notional: OptionNotional,
) -> Decimal:
    """Signed notional of one unit bought."""
    instrument = catalog.tradable(instrument_id)
    by_underlying = option_notional is OptionNotional.UNDERLYING
    if isinstance(instrument, OptionContract) and by_underlying:
        amount = multiply(_price(marks, instrument.underlying_id), instrument.multiplier)
        return amount if instrument.option_kind is OptionKind.CALL else amount.copy_negate()
    return multiply(_price(marks, instrument_id), instrument.multiplier)


def _price(marks: Marks, instrument_id: str) -> Decimal:
    price = marks.price(instrument_id)
    if price is None:
        raise UnpricedError(instrument_id)
    return price.copy_abs()
