"""How a strategy gives capital back that its positions bind: whole structures, never a broken one.

A structure here is what its owner holds together, a condor or a single share position, in units:
the smallest part that still has all its legs in proportion. Closing k of n units closes the same
fraction of every leg, so no short leg ever loses its long one.

What a unit frees is its part of the structure's stand-alone margin less what closing costs. That is
an estimate: a book's margin is at most the sum of its structures', and prices move until the fill.
Nobody rests on it; the rebalance ends when capital is really free (``rebalance_progress``).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import reduce
from math import ceil, floor, gcd

import msgspec

from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.money import CENT, ZERO, add, multiply
from orchestrion.domain.models.order import Leg, OrderSide
from orchestrion.domain.models.portfolio import Marks
from orchestrion.domain.orchestration.margin import UnpricedError, margin_of

REDUCTION_LABEL = "rebalance: reduce"
"""What orders of a rebalance are called in the journal."""


class ReductionPolicy(StrEnum):
    """Which structures give."""

    PROPORTIONAL = "proportional"
    """All of them the same fraction, rounded to whole units; odd units by largest remainder, ties
    in the given order."""
    LARGEST_FIRST = "largest_first"
    """Those that bind most first, as many units as it takes; ties in the given order."""


class ReducibleStructure(msgspec.Struct, frozen=True, kw_only=True):
    """A structure that a strategy holds and is not closing yet.

    Attributes:
        unit: instrument id -> signed quantity of one unit, as held; multiples of the lot.
        units: how many of them are held, >= 1.
        margin: initial margin that all units bind by themselves.
        notional: gross market value or notional of all units, what costs are estimated from.
    """

    structure_id: str
    unit: Mapping[str, Decimal]
    units: int
    margin: Decimal
    notional: Decimal


class Reduction(msgspec.Struct, frozen=True, kw_only=True):
    """Closing some units of one structure.

    ``frees`` (costs taken off, rounded down) and ``costs`` (rounded up) are estimates, to the cent.
    """

    structure_id: str
    units: int
    frees: Decimal
    costs: Decimal
    command: SubmitOrder


def reducible_structure(
    structure_id: str,
    quantities: Mapping[str, Decimal],
    catalog: InstrumentCatalog,
    marks: Marks,
) -> ReducibleStructure | None:
    """A held structure in its smallest units; None when something in it has no price.

    Args:
        quantities: instrument id -> signed quantity; what is no multiple of the lot makes the
            structure one unit.
    """
    notional = ZERO
    for instrument_id, quantity in quantities.items():
        price = marks.price(instrument_id)
        if price is None:
            return None
        value = multiply(multiply(quantity, price), catalog.tradable(instrument_id).multiplier)
        notional = add(notional, value.copy_abs())
    try:
        margin = margin_of(quantities, catalog, marks).initial
    except UnpricedError:
        return None
    unit, units = _smallest_unit(quantities, catalog)
    return ReducibleStructure(
        structure_id=structure_id, unit=unit, units=units, margin=margin, notional=notional
    )


def plan_reduction(
    strategy_id: str,
    structures: Sequence[ReducibleStructure],
    shortfall: Decimal,
    *,
    policy: ReductionPolicy,
    cost_fraction: Decimal = ZERO,
) -> tuple[Reduction, ...]:
    """What to close so that about ``shortfall`` comes free; all there is when that is not enough.

    Args:
        shortfall: > 0.
        cost_fraction: what closing costs, as a fraction of the closed notional.

    Returns:
        In the order of the structures; structures that free nothing, costs taken off, stay.
    """
    worthwhile = [one for one in structures if _frees(one, 1, cost_fraction) > 0]
    if policy is ReductionPolicy.PROPORTIONAL:
        chosen = _proportional(worthwhile, Fraction(shortfall), cost_fraction)
    else:
        chosen = _largest_first(worthwhile, Fraction(shortfall), cost_fraction)
    return tuple(
        Reduction(
            structure_id=one.structure_id,
            units=units,
            frees=_cents(floor(_frees(one, units, cost_fraction) * 100)),
            costs=_cents(ceil(_costs(one, units, cost_fraction) * 100)),
            command=_closing(strategy_id, one, units),
        )
        for one, units in zip(worthwhile, chosen, strict=True)
        if units
    )


def _proportional(
    structures: Sequence[ReducibleStructure], shortfall: Fraction, cost_fraction: Decimal
) -> list[int]:
    every = sum(_frees(one, one.units, cost_fraction) for one in structures)
    if every <= shortfall:
        return [one.units for one in structures]
    exact = [shortfall / every * one.units for one in structures]
    chosen = [floor(units) for units in exact]
    freed = sum(
        _frees(one, units, cost_fraction) for one, units in zip(structures, chosen, strict=True)
    )
    for i in sorted(range(len(exact)), key=lambda i: (chosen[i] - exact[i], i)):
        if freed >= shortfall:
            break
        chosen[i] += 1
        freed += _frees(structures[i], 1, cost_fraction)
    return chosen


def _largest_first(
    structures: Sequence[ReducibleStructure], shortfall: Fraction, cost_fraction: Decimal
) -> list[int]:
    chosen = [0] * len(structures)
    for i in sorted(range(len(structures)), key=lambda i: (-structures[i].margin, i)):
        if shortfall <= 0:
            break
        needed = ceil(shortfall / _frees(structures[i], 1, cost_fraction))
        chosen[i] = min(structures[i].units, needed)
        shortfall -= _frees(structures[i], chosen[i], cost_fraction)
    return chosen


def _frees(structure: ReducibleStructure, units: int, cost_fraction: Decimal) -> Fraction:
    part = Fraction(units, structure.units)
    return Fraction(structure.margin) * part - _costs(structure, units, cost_fraction)


def _costs(structure: ReducibleStructure, units: int, cost_fraction: Decimal) -> Fraction:
    part = Fraction(units, structure.units)
    return Fraction(structure.notional) * Fraction(cost_fraction) * part


def _cents(count: int) -> Decimal:
    return multiply(Decimal(count), CENT)


def _closing(strategy_id: str, structure: ReducibleStructure, units: int) -> SubmitOrder:
    return SubmitOrder(
        strategy_id=strategy_id,
        legs=tuple(
            Leg(
                instrument_id,
                OrderSide.SELL if quantity > 0 else OrderSide.BUY,
                multiply(quantity.copy_abs(), Decimal(units)),
            )
            for instrument_id, quantity in structure.unit.items()
        ),
        reduce_only=True,
        label=REDUCTION_LABEL,
    )


def _smallest_unit(
    quantities: Mapping[str, Decimal], catalog: InstrumentCatalog
) -> tuple[Mapping[str, Decimal], int]:
    """(instrument id -> signed quantity of one unit, number of units)."""
    lot_sizes = {one: catalog.tradable(one).lot_size for one in quantities}
    lots = {one: Fraction(held) / Fraction(lot_sizes[one]) for one, held in quantities.items()}
    if not all(count.denominator == 1 for count in lots.values()):
        return dict(quantities), 1
    units = reduce(gcd, (abs(count.numerator) for count in lots.values()))
    unit = {
        one: multiply(Decimal(count.numerator // units), lot_sizes[one])
        for one, count in lots.items()
    }
    return unit, units
