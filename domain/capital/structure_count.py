"""How many structures a strategy has open: what ``max_positions`` counts.

A position of one instrument is a structure; several legs that entered by one order are one too.
Books hold instruments and know nothing of structures, so which ones are open is derived from the
entry orders and the book alone, and is the same after a restart: exits close the oldest entries
first, so what is still held belongs to the newest ones. What no entry explains (a position that was
handed over) counts one per instrument.

Size: one pass over the entries; callers forget those whose key ``held_structures`` names no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import msgspec

from orchestrion.domain.capital.worst_case import SignedQuantities
from orchestrion.domain.models.money import ZERO, add, subtract
from orchestrion.domain.models.order import Leg, Order


class HeldStructure(msgspec.Struct, frozen=True):
    """An open structure. ``quantities``: instrument id -> signed quantity still held."""

    key: str
    quantities: Mapping[str, Decimal]


def structure_key(legs: Sequence[Leg], client_order_id: str) -> str:
    """What tells structures apart: the instrument for one leg (adding to a position opens no other
    one), else the order."""
    return legs[0].instrument_id if len(legs) == 1 else client_order_id


def held_structures(
    entries: Sequence[Order], held: Mapping[str, Decimal]
) -> tuple[HeldStructure, ...]:
    """The open structures, newest first, unexplained holdings last.

    Args:
        entries: orders that opened something, oldest first, working or ended.
        held: instrument id -> signed quantity.
    """
    left = dict(held)
    found: dict[str, dict[str, Decimal]] = {}
    for entry in reversed(entries):
        for leg, filled in zip(entry.legs, entry.filled, strict=True):
            signed = filled if leg.signed_quantity > 0 else filled.copy_negate()
            taken = _common(signed, left.get(leg.instrument_id, ZERO))
            if taken:
                left[leg.instrument_id] = subtract(left[leg.instrument_id], taken)
                key = structure_key(entry.legs, entry.client_order_id)
                _put(found.setdefault(key, {}), leg.instrument_id, taken)
    for instrument_id, quantity in left.items():
        if quantity:
            _put(found.setdefault(instrument_id, {}), instrument_id, quantity)
    return tuple(HeldStructure(key, quantities) for key, quantities in found.items())


def entries_that_explain(
    entries: Iterable[Order], held: Mapping[str, Decimal]
) -> tuple[Order, ...]:
    """The entries, oldest first, that still work or to which something held belongs; the others
    explain nothing, now or later.

    Args:
        entries: oldest first.
        held: instrument id -> signed quantity.
    """
    left = dict(held)
    kept: list[Order] = []
    for entry in reversed(tuple(entries)):
        explains = False
        for leg, filled in zip(entry.legs, entry.filled, strict=True):
            signed = filled if leg.signed_quantity > 0 else filled.copy_negate()
            taken = _common(signed, left.get(leg.instrument_id, ZERO))
            if taken:
                left[leg.instrument_id] = subtract(left[leg.instrument_id], taken)
                explains = True
        if explains or entry.is_open:
            kept.append(entry)
    return tuple(reversed(kept))


def structures_at_most(
    structures: Sequence[HeldStructure], entering: Iterable[tuple[str, SignedQuantities]]
) -> int:
    """The most structures that can be open, whichever of the entering orders fill.

    A roll takes the place of the structure that it closes in full; of two that would close the same
    one only the first does. (While a roll is filled in part, both are there.)

    Args:
        structures: what is open.
        entering: (structure key, what it can still trade) of every order that is no exit, working
            or asked for.
    """
    keys = [one.key for one in structures]
    replaceable = list(structures)
    count = len(keys)
    for key, legs in entering:
        if key in keys:
            continue
        keys.append(key)
        replaced = next((one for one in replaceable if _closes(legs, one)), None)
        if replaced is None:
            count += 1
        else:
            replaceable.remove(replaced)
    return count


def _closes(legs: SignedQuantities, structure: HeldStructure) -> bool:
    traded: dict[str, Decimal] = {}
    for instrument_id, quantity in legs:
        _put(traded, instrument_id, quantity)
    return all(
        traded.get(instrument_id) == quantity.copy_negate()
        for instrument_id, quantity in structure.quantities.items()
    )


def _put(quantities: dict[str, Decimal], instrument_id: str, quantity: Decimal) -> None:
    quantities[instrument_id] = add(quantities.get(instrument_id, ZERO), quantity)


def _common(one: Decimal, other: Decimal) -> Decimal:
    """What two signed quantities have in common; zero for opposite sides."""
    if (one > 0) is not (other > 0):
        return ZERO
    return min(one, other) if one > 0 else max(one, other)
