"""What a strategy could still close: its structures, less what its working exits close already.

Exits close the oldest entries first (``capital.structure_count``), so what works is taken off the
oldest structures. Size: structures x legs of working orders of one strategy.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from orchestrion.domain.capital.reduction import ReducibleStructure, reducible_structure
from orchestrion.domain.margin.requirement import UnpricedError
from orchestrion.domain.models.money import ZERO, add, negate, subtract
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager


def closable_structures(
    capital: PortfolioCapitalManager, strategy_id: str
) -> dict[str, dict[str, Decimal]]:
    """Structure key -> instrument id -> signed quantity, newest first."""
    closing = _closing(capital, strategy_id)
    found = {one.key: dict(one.quantities) for one in capital.structures(strategy_id)}
    for quantities in reversed(found.values()):
        for instrument_id, held in list(quantities.items()):
            taken = _least(held, closing.get(instrument_id, ZERO))
            if taken:
                closing[instrument_id] = subtract(closing[instrument_id], taken)
                quantities[instrument_id] = subtract(held, taken)
    left = {
        key: {one: quantity for one, quantity in quantities.items() if quantity}
        for key, quantities in found.items()
    }
    return {key: quantities for key, quantities in left.items() if quantities}


def reducible_structures(
    capital: PortfolioCapitalManager, strategy_id: str
) -> tuple[ReducibleStructure, ...]:
    """The same as a reduction wants them, with the margin of the account's own model.

    What has no price, or what the model does not allow to be held, is left out.
    """
    found: list[ReducibleStructure] = []
    for key, quantities in closable_structures(capital, strategy_id).items():
        one = reducible_structure(key, quantities, capital.catalog, capital.marks)
        if one is None:
            continue
        try:
            margin = capital.margin_model.margin_of(
                quantities, capital.catalog, capital.marks, now=capital.now
            )
        except UnpricedError:
            continue
        if margin.initial.is_finite():
            found.append(msgspec.structs.replace(one, margin=margin.initial))
    return tuple(found)


def open_quantities(capital: PortfolioCapitalManager, strategy_id: str) -> dict[str, Decimal]:
    """What will be held when the working exits have filled."""
    closing = _closing(capital, strategy_id)
    held = _held(capital.books[strategy_id])
    left = {one: subtract(held[one], _least(held[one], closing.get(one, ZERO))) for one in held}
    return {one: quantity for one, quantity in left.items() if quantity}


def _closing(capital: PortfolioCapitalManager, strategy_id: str) -> dict[str, Decimal]:
    """Instrument id -> signed quantity of the holding that working exits will close."""
    closing: dict[str, Decimal] = {}
    for order in capital.working_orders(strategy_id).values():
        if not order.is_reducing:
            continue
        for i, leg in enumerate(order.legs):
            left = max(order.remaining(i), ZERO)
            closed = negate(left) if leg.signed_quantity > 0 else left
            closing[leg.instrument_id] = add(closing.get(leg.instrument_id, ZERO), closed)
    return closing


def _held(book: Book) -> Mapping[str, Decimal]:
    return {key: position.quantity for key, position in book.positions.items()}


def _least(held: Decimal, closing: Decimal) -> Decimal:
    """What of a holding is being closed; zero for opposite signs."""
    if not closing or (held > 0) != (closing > 0):
        return ZERO
    return min(held, closing) if held > 0 else max(held, closing)
