"""What a book has and what of it may leave: the figures that capital rules decide with.

A snapshot of one moment: the capital manager adds it up, rebalancing and cash flows read it.
"""

from __future__ import annotations

from decimal import ROUND_FLOOR, Decimal

import msgspec

from orchestrion.domain.models.money import CENT, ONE, ZERO, divide


class BookCapital(msgspec.Struct, frozen=True):
    """One book at the marks, account currency.

    Attributes:
        equity: cash, unsettled gains and market value.
        free: equity less margin less reservations; negative when the book is overdrawn. Only this
            may be moved to another book or out of the account.
        closing: margin that working exits will still set free; so that it is not freed twice.
    """

    book_id: str
    equity: Decimal
    free: Decimal
    closing: Decimal = ZERO


def whole_cents(amount: Decimal) -> Decimal:
    """As much of an amount as can be moved: whole cents, never below zero."""
    return max(divide(amount, ONE, step=CENT, rounding=ROUND_FLOOR), ZERO)
