"""Positions that move from one book to another, at the marks.

Nothing is traded and the venue hears of nothing: one book sells to the other what it holds, at the
price that everybody sees. The giver realises what it gained or lost; the heir's cost is the mark.
Cash moves the other way, so quantities, cash and equity of the two sum to what they were, and the
equity of each stays what it was. What a future gained and no settlement has paid yet moves too, and
the heir pays it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

import msgspec

from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.margin.requirement import UnpricedError
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.money import ZERO, add, round_to_cent, subtract
from orchestrion.domain.models.portfolio import Book, Marks, equity, trade
from orchestrion.domain.orchestration.account_books import AccountBooks
from orchestrion.domain.orchestration.authorisation import quantities
from orchestrion.domain.orchestration.events import PositionsHandedOverEvent


class MovedPosition(msgspec.Struct, frozen=True):
    """Signed quantity, and the mark at which it moved."""

    instrument_id: str
    quantity: Decimal
    price: Decimal


class HandOver(msgspec.Struct, frozen=True):
    """The two books afterwards, and what moved, in the giver's order of opening.

    Attributes:
        realized_pnl: what the giver realised by it.
    """

    giver: Book
    heir: Book
    moved: tuple[MovedPosition, ...]
    realized_pnl: Decimal

    @property
    def event(self) -> PositionsHandedOverEvent:
        """What is told of it."""
        return PositionsHandedOverEvent(
            strategy_id=self.giver.book_id,
            heir_id=self.heir.book_id,
            quantities={one.instrument_id: one.quantity for one in self.moved},
            prices={one.instrument_id: one.price for one in self.moved},
            realized_pnl=self.realized_pnl,
        )


def hand_over(giver: Book, heir: Book, catalog: InstrumentCatalog, marks: Marks) -> HandOver:
    """Everything that the giver holds goes to the heir; the giver keeps cash alone.

    Raises:
        InvariantBrokenError: something is held without a mark, or both books are one.
    """
    if giver.book_id == heir.book_id:
        raise InvariantBrokenError(f"{giver.book_id} cannot hand over to itself")
    before = giver.realized_pnl
    moved: list[MovedPosition] = []
    for position in tuple(giver.positions.values()):
        price = marks.price(position.instrument_id)
        if price is None:
            raise InvariantBrokenError(
                f"{giver.book_id} holds {position.instrument_id} without a mark"
            )
        instrument, quantity = catalog.tradable(position.instrument_id), position.quantity
        giver = trade(giver, instrument, signed_quantity=quantity.copy_negate(), price=price)
        heir = trade(heir, instrument, signed_quantity=quantity, price=price)
        moved.append(MovedPosition(position.instrument_id, quantity, price))
    giver, heir = _hand_over_unsettled(giver, heir)
    return HandOver(giver, heir, tuple(moved), subtract(giver.realized_pnl, before))


def _hand_over_unsettled(giver: Book, heir: Book) -> tuple[Book, Book]:
    if not giver.unsettled:
        return giver, heir
    total, waiting = ZERO, dict(heir.unsettled)
    for instrument_id, gain in giver.unsettled.items():
        total = add(total, gain)
        waiting[instrument_id] = add(waiting.get(instrument_id, ZERO), gain)
    nothing: Mapping[str, Decimal] = MappingProxyType({})
    return (
        msgspec.structs.replace(giver, cash=add(giver.cash, total), unsettled=nothing),
        msgspec.structs.replace(
            heir, cash=subtract(heir.cash, total), unsettled=MappingProxyType(waiting)
        ),
    )


def hand_over_within(account: AccountBooks, giver_id: str, heir_id: str) -> HandOver | str:
    """The hand-over, or in words why the heir cannot carry it: its equity must cover the margin of
    all that it would hold, and what is reserved for its working orders. Nothing is changed."""
    books = account.books
    handed = hand_over(books[giver_id], books[heir_id], account.catalog, account.marks)
    try:
        margin = account.margin_model.margin_of(
            quantities(handed.heir), account.catalog, account.marks, now=account.now
        ).initial
    except UnpricedError as missing:
        return f"{missing.instrument_id} has had no price yet"
    needed = add(margin, account.reserved(heir_id))
    has = equity(handed.heir, account.catalog, account.marks)
    if needed > has:
        needs = f"{round_to_cent(needed):f}" if needed.is_finite() else "more than any amount"
        return f"{heir_id} would need {needs} for all that it held, it has {round_to_cent(has):f}"
    return handed
