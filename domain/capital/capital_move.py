"""Capital that moves between books: amounts by book that always sum to zero.

A move is no gain and no trade, so it changes cash and nothing else, and the account ledger does not
see it at all. Whatever is computed here is in whole cents.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from orchestrion.domain.capital.book_capital import BookCapital, whole_cents
from orchestrion.domain.capital.rounded_share import exact_sum
from orchestrion.domain.models.money import ZERO, largest_remainder, subtract
from orchestrion.domain.models.portfolio import Book, transfer_cash


class CapitalMove(msgspec.Struct, frozen=True):
    """Capital that a book receives (positive) or gives (negative), not zero."""

    book_id: str
    amount: Decimal


def apply_transfers(
    books: Mapping[str, Book], transfers: Sequence[CapitalMove]
) -> tuple[Book, ...]:
    """The books that the transfers change, in the order of the transfers."""
    return tuple(transfer_cash(books[one.book_id], one.amount) for one in transfers)


def payable_now(
    wants: Mapping[str, Decimal], books: Sequence[BookCapital], *, minimum: Decimal
) -> dict[str, Decimal]:
    """The part of the wanted moves that free capital covers; sums to zero.

    Who receives shares what is there in proportion, to the cent, ties to the better rank.

    Args:
        wants: book id -> signed amount, summing to zero.
        books: in rank order, one for each that gives; who is not there gives nothing.
        minimum: a part payment below it waits for more.
    """
    given = {
        book.book_id: _gift(owed, book, minimum)
        for book in books
        if (owed := wants.get(book.book_id, ZERO).copy_negate()) > 0
    }
    receivers = {one: amount for one, amount in wants.items() if amount > 0}
    received = scaled(receivers, exact_sum(given.values()))
    return {one: subtract(received.get(one, ZERO), given.get(one, ZERO)) for one in wants}


def scaled(amounts: Mapping[str, Decimal], total: Decimal) -> dict[str, Decimal]:
    """Positive amounts cut down in proportion, to the cent, so that they sum to ``total``."""
    if not amounts:
        return {}
    parts = largest_remainder(total, tuple(amounts.values()))
    return dict(zip(amounts, parts, strict=True))


def as_moves(amounts: Mapping[str, Decimal]) -> tuple[CapitalMove, ...]:
    """Amounts by book as moves; zeros are left out."""
    return tuple(CapitalMove(one, amount) for one, amount in amounts.items() if amount)


def remaining_moves(
    moves: Sequence[CapitalMove], done: Sequence[CapitalMove]
) -> tuple[CapitalMove, ...]:
    """What is left of the moves when some are done."""
    already = {one.book_id: one.amount for one in done}
    return as_moves(
        {one.book_id: subtract(one.amount, already.get(one.book_id, ZERO)) for one in moves}
    )


def _gift(owed: Decimal, book: BookCapital, minimum: Decimal) -> Decimal:
    amount = min(owed, whole_cents(book.free))
    return amount if amount == owed or amount >= minimum else ZERO
