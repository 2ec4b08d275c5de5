"""What positions bind: initial and maintenance margin of one book.

Requirements are amounts of *equity* (cash plus market value, so premiums received and short sale
proceeds are in it already and a short option's value is already taken out):

- Equity: notional x the instrument's long or short fraction, initial and maintenance alike.
- Future: the instrument's margins per contract.
- Long option: its market value; it lends nothing.
- Short option, as for a broad-based index: 15 % of the underlying less the amount out of the money,
  at least 10 % of the underlying (call) or of the strike (put). Source: Cboe margin manual.
- Short option covered by a long one of the same kind that lives at least as long: the width of the
  strikes against us, when that is less than the naked requirement.
- Short calls and short puts on one underlying cannot both lose: the greater side counts.

Size: for each underlying, short legs x long legs. Pairing is greedy, nearest strike first, which is
an upper bound of the least requirement (the least one needs an assignment search).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

import msgspec

from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
    Tradable,
)
from orchestrion.domain.models.money import ZERO, add, multiply, subtract
from orchestrion.domain.models.portfolio import Marks

NAKED_FRACTION = Decimal("0.15")
NAKED_FLOOR_FRACTION = Decimal("0.10")


class Margin(msgspec.Struct, frozen=True, gc=False):
    """Equity that positions bind, account currency."""

    initial: Decimal
    maintenance: Decimal


NO_MARGIN = Margin(ZERO, ZERO)


class UnpricedError(Exception):
    """Internal: a requirement needs a price that was not seen yet; refused as NO_PRICE."""

    def __init__(self, instrument_id: str) -> None:
        super().__init__(instrument_id)
        self.instrument_id = instrument_id


def margin_of(
    quantities: Mapping[str, Decimal], catalog: InstrumentCatalog, marks: Marks
) -> Margin:
    """Margin of signed quantities held together in one book.

    Raises:
        UnpricedError: an instrument or underlying has no mark.
    """
    initial = maintenance = ZERO
    options: dict[str, list[tuple[OptionContract, Decimal]]] = {}
    for instrument_id, quantity in quantities.items():
        instrument = catalog.tradable(instrument_id)
        if isinstance(instrument, OptionContract):
            options.setdefault(instrument.underlying_id, []).append((instrument, quantity))
        else:
            one = _linear_margin(instrument, quantity, marks)
            initial, maintenance = add(initial, one.initial), add(maintenance, one.maintenance)
    for underlying_id, legs in options.items():
        bound = _option_margin(legs, _price(marks, underlying_id), marks)
        initial, maintenance = add(initial, bound), add(maintenance, bound)
    return Margin(initial, maintenance)


def _linear_margin(instrument: Equity | Future, quantity: Decimal, marks: Marks) -> Margin:
    if isinstance(instrument, Future):
        contracts = quantity.copy_abs()
        return Margin(
            multiply(contracts, instrument.initial_margin),
            multiply(contracts, instrument.maintenance_margin),
        )
    is_long = quantity > 0
    fraction = instrument.long_margin_fraction if is_long else instrument.short_margin_fraction
    bound = multiply(_notional(instrument, quantity, marks), fraction)
    return Margin(bound, bound)


class _Cover:
    """A long leg and how much of it is still free to cover a short one."""

    __slots__ = ("free", "option")

    def __init__(self, option: OptionContract, free: Decimal) -> None:
        self.option = option
        self.free = free


def _option_margin(
    legs: Iterable[tuple[OptionContract, Decimal]], underlying: Decimal, marks: Marks
) -> Decimal:
    covers: list[_Cover] = []
    shorts: list[tuple[OptionContract, Decimal]] = []
    long_value = ZERO
    for option, quantity in legs:
        if quantity > 0:
            covers.append(_Cover(option, quantity))
            long_value = add(long_value, _notional(option, quantity, marks))
        else:
            shorts.append((option, quantity.copy_abs()))
    sides = {OptionKind.CALL: ZERO, OptionKind.PUT: ZERO}
    # In an order that depends on the contracts alone, not on when they were traded.
    shorts.sort(key=lambda one: (one[0].expiry_ts, one[0].strike, one[0].instrument_id))
    for option, quantity in shorts:
        bound = _short_requirement(option, quantity, covers, underlying)
        sides[option.option_kind] = add(sides[option.option_kind], bound)
    return add(long_value, max(sides.values()))


def _short_requirement(
    short: OptionContract, quantity: Decimal, covers: list[_Cover], underlying: Decimal
) -> Decimal:
    """Requirement of a short leg; takes what it uses out of ``covers``."""
    naked = _naked_requirement(short, underlying)
    fitting = sorted(
        (cover for cover in covers if cover.free and _can_cover(cover.option, short)),
        key=lambda cover: (_width(cover.option, short), cover.option.instrument_id),
    )
    total, uncovered = ZERO, quantity
    for cover in fitting:
        width = _width(cover.option, short)
        if not uncovered or width >= naked:
            break
        used = min(uncovered, cover.free)
        cover.free = subtract(cover.free, used)
        uncovered = subtract(uncovered, used)
        total = add(total, multiply(multiply(width, used), short.multiplier))
    return add(total, multiply(multiply(naked, uncovered), short.multiplier))


def _can_cover(long: OptionContract, short: OptionContract) -> bool:
    return (
        long.option_kind is short.option_kind
        and long.expiry_ts >= short.expiry_ts
        and long.multiplier == short.multiplier
    )


def _width(long: OptionContract, short: OptionContract) -> Decimal:
    """What the pair can lose per unit: the strikes' distance when it is against us, else 0."""
    if short.option_kind is OptionKind.CALL:
        return max(subtract(long.strike, short.strike), ZERO)
    return max(subtract(short.strike, long.strike), ZERO)


def _naked_requirement(option: OptionContract, underlying: Decimal) -> Decimal:
    if option.option_kind is OptionKind.CALL:
        out_of_the_money = max(subtract(option.strike, underlying), ZERO)
        floor = multiply(NAKED_FLOOR_FRACTION, underlying)
    else:
        out_of_the_money = max(subtract(underlying, option.strike), ZERO)
        floor = multiply(NAKED_FLOOR_FRACTION, option.strike)
    return max(subtract(multiply(NAKED_FRACTION, underlying), out_of_the_money), floor)


def _notional(instrument: Tradable, quantity: Decimal, marks: Marks) -> Decimal:
    price = _price(marks, instrument.instrument_id)
    return multiply(multiply(quantity.copy_abs(), price.copy_abs()), instrument.multiplier)


def _price(marks: Marks, instrument_id: str) -> Decimal:
    price = marks.price(instrument_id)
    if price is None:
        raise UnpricedError(instrument_id)
    return price
