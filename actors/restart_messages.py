"""What happens around a restart: the inputs of it, and what the actors tell each other.

recovered ─► Restarted ─► reports of what was missed ─► Reconciled ─► trading goes on
             held: no command leaves                    or a mismatch: still held
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orchestrion.domain.orchestration.reconciliation import Mismatch
from orchestrion.runtime.actor import Question


class Restarted(msgspec.Struct, frozen=True, kw_only=True, tag="Restarted"):
    """An input: the process was started again; the first one behind a recovery.

    Attributes:
        epoch: how many times the run was started before; part of every order id from here on.
    """

    epoch: int
    ts_event: int


class Reconciled(msgspec.Struct, frozen=True, kw_only=True, tag="Reconciled"):
    """An input: the account was compared with the venue's word. Without mismatches trading goes on.

    Attributes:
        explained: differences that an expiry or assignment accounts for, in words.
    """

    ts_event: int
    mismatches: tuple[Mismatch, ...] = ()
    explained: tuple[str, ...] = ()


class AssignDifference(Question, frozen=True, kw_only=True, tag="AssignDifference"):
    """What the venue holds and the books do not (or the other way round) is booked as a trade of
    one book. An operator's act, or the explanation of an assignment.

    Attributes:
        quantity: signed, what the book gets.
        price: per unit.
        book_id: of a strategy on the account, or EXTERNAL.
        reason: for people.
    """

    instrument_id: str
    quantity: Decimal
    price: Decimal
    book_id: str
    reason: str = "operator"


class HoldChanged(msgspec.Struct, frozen=True, gc=False):
    """To the capital manager and the gateway: commands are held from now on, or no longer.

    Attributes:
        epoch: of the process that runs now.
    """

    is_held: bool
    epoch: int


class LoseOrders(msgspec.Struct, frozen=True, gc=False):
    """To the gateway: the process that submitted has ended; what the venue took is not known."""
