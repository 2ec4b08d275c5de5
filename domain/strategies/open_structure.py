"""A structure that a strategy has asked for, and what the book says has become of it.

    ENTERING --held as asked--> OPEN --an exit rule--> CLOSING --nothing held--> forgotten
        |                         |                       ^
        |                         +--a leg is missing-----+
        +--nothing held (refused, expired)--> forgotten   |
        +--held in part-----------------------------------+

Strategies are not told about refusals, and reports can be late. So nothing here counts fills: the
next phase follows only from the own book and the own working orders, which makes it the same after
a restart. A structure with an order under way keeps its phase.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum

import msgspec

from orchestrion.domain.models.money import ZERO, add
from orchestrion.domain.models.option_structure import OptionLeg, OptionStructure
from orchestrion.domain.models.order import Leg, OrderSide
from orchestrion.domain.models.portfolio import Book


class StructurePhase(StrEnum):
    ENTERING = "ENTERING"
    OPEN = "OPEN"
    CLOSING = "CLOSING"


class OpenStructure(msgspec.Struct, frozen=True):
    """One structure of a strategy. ``structure`` holds the legs as they were asked for.

    ``exit_reason`` is empty until an exit rule fired.
    """

    structure: OptionStructure
    phase: StructurePhase = StructurePhase.ENTERING
    exit_reason: str = ""

    def is_busy(self, busy: frozenset[str]) -> bool:
        return any(leg.instrument_id in busy for leg in self.structure.legs)

    def closing(self, reason: str) -> OpenStructure:
        return OpenStructure(self.structure, StructurePhase.CLOSING, reason)


def settled(
    open_structure: OpenStructure, book: Book, busy: frozenset[str]
) -> OpenStructure | None:
    """The structure after a look at the book; None when it is no more (or never came to be)."""
    if open_structure.is_busy(busy):
        return open_structure
    legs = open_structure.structure.legs
    held = [book.quantity(leg.instrument_id) for leg in legs]
    if not any(held):
        return None
    if open_structure.phase is StructurePhase.CLOSING:
        return open_structure
    if all(leg.quantity == quantity for leg, quantity in zip(legs, held, strict=True)):
        return OpenStructure(open_structure.structure, StructurePhase.OPEN)
    # What is left over carries a risk that nobody chose.
    return open_structure.closing("incomplete")


def cost_of(structure: OptionStructure, book: Book) -> Decimal:
    """What the held legs really cost, from the book; negative is a credit."""
    total = ZERO
    for leg in structure.legs:
        position = book.positions.get(leg.instrument_id)
        if position is not None:
            total = add(total, position.cost)
    return total


def opening_legs(structure: OptionStructure) -> tuple[Leg, ...]:
    """The legs of the order that opens a structure."""
    return tuple(order_leg(leg.instrument_id, leg.quantity) for leg in structure.legs)


def closing_legs(
    structure: OptionStructure, book: Book, is_closable: Callable[[OptionLeg, Decimal], bool]
) -> tuple[Leg, ...]:
    """The legs that close what is held; ``is_closable`` (leg, held) may spare some."""
    return tuple(
        order_leg(leg.instrument_id, held.copy_negate())
        for leg in structure.legs
        if (held := book.quantity(leg.instrument_id)) and is_closable(leg, held)
    )


def order_leg(instrument_id: str, signed_quantity: Decimal) -> Leg:
    """Buys a positive quantity, sells a negative one."""
    side = OrderSide.BUY if signed_quantity > 0 else OrderSide.SELL
    return Leg(instrument_id, side, signed_quantity.copy_abs())
