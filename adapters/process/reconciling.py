"""The account as the venue shows it against the books, before anything is sent.

What is in flight needs a moment: the question is asked again until both agree or the time is over.
A mismatch that stays ends the process. Nothing was sent then, the journal says what differs, and
``orchestrion reconcile`` settles it.
"""

from __future__ import annotations

import time
from decimal import Decimal

import anyio
import msgspec

from orchestrion.actors.system import TradingSystem
from orchestrion.adapters.process.account_mismatch import AccountMismatchError
from orchestrion.adapters.reconciliation import assign_difference, compare_account
from orchestrion.adapters.session import TradingSession
from orchestrion.adapters.settings import RunSettings
from orchestrion.adapters.venue.live_adapter import LiveOrchestrationAdapter
from orchestrion.adapters.venue.venue_client import VenueSnapshot
from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.models.order import OrderStatus
from orchestrion.domain.orchestration.reconciliation import Mismatch

ASK_AGAIN_S = 0.05
"""Arbitrary: short next to a start, long next to an answer."""


class Assignment(msgspec.Struct, frozen=True):
    """An operator's word on whose a difference is.

    Attributes:
        quantity: signed, what the book gets.
        price: per unit; None takes the last price that the run has seen.
    """

    quantity: Decimal
    instrument_id: str
    book_id: str
    price: Decimal | None = None


async def assign(session: TradingSession, wanted: Assignment) -> None:
    """Books a difference as a trade of one book; it is journaled as an operator's act.

    Raises:
        LifecycleError: no such instrument or book, or no price; nothing has changed.
    """
    price = wanted.price
    if price is None:
        price = session.system.orchestrator.capital_manager.marks.price(wanted.instrument_id)
    if price is None:
        raise LifecycleError(f"the run has seen no price of {wanted.instrument_id}: give one")
    await assign_difference(
        session,
        instrument_id=wanted.instrument_id,
        quantity=wanted.quantity,
        price=price,
        book_id=wanted.book_id,
    )


class OutcomeReader:
    """Hands what the venue says to the session, in its order, as inputs of the run."""

    def __init__(self, adapter: LiveOrchestrationAdapter, session: TradingSession) -> None:
        self._adapter = adapter
        self._session = session
        self._is_busy = False

    async def run(self) -> None:
        """Until the adapter has told its last outcome."""
        async for outcome in self._adapter.outcomes:
            self._is_busy = True
            await self._session.report(outcome, time.time_ns())
            self._is_busy = False

    async def drained(self) -> None:
        """Returns when nothing waits to be handed on."""
        # A stream rings no bell when it is empty.
        while self._is_busy or self._adapter.outcomes.statistics().current_buffer_used:  # noqa: ASYNC110
            await anyio.sleep(ASK_AGAIN_S / 10)


async def reconcile_live(
    session: TradingSession,
    adapter: LiveOrchestrationAdapter,
    reader: OutcomeReader,
    *,
    settings: RunSettings,
    is_first_start: bool,
) -> None:
    """Compares, makes the result an input, and returns when trading may go on.

    The adapter asks about the orders; when it is settled, what it found has been booked.

    Raises:
        AccountMismatchError: a difference lasted; the run stays held.
        PortError: the venue does not answer.
    """
    # At a first start nothing is in flight: what differs then will go on to differ. Half of the
    # time, so that a difference is told as one and not as a start that took too long.
    patience_s = 0.0 if is_first_start else settings.live.start_timeout_s / 2
    until_s = anyio.current_time() + patience_s
    while True:
        await adapter.settled()
        await reader.drained()
        shown = await adapter.snapshot()
        await reader.drained()
        found = await compare_account(
            session,
            shown,
            currency=settings.account.currency,
            cash_tolerance=settings.live.cash_tolerance,
            unclear=_unclear_orders(session.system, shown, is_first_start=is_first_start),
            is_told=False,
        )
        if not found.mismatches or anyio.current_time() > until_s:
            break
        await anyio.sleep(ASK_AGAIN_S)
    await session.report(found, found.ts_event)
    if found.mismatches:
        raise AccountMismatchError(found.mismatches)


def _unclear_orders(
    system: TradingSystem, shown: VenueSnapshot, *, is_first_start: bool
) -> tuple[Mismatch, ...]:
    """Orders of which one side does not know.

    Whoever trades by hand on the account may have orders of his own, so a foreign one counts only
    at a first start: then it may be a lost run's.
    """
    ours = {one.client_order_id: one for one in system.orders_at_venue}
    unclear = [
        Mismatch(key, str(one.status), "not known")
        for key, one in ours.items()
        if one.status is OrderStatus.UNKNOWN
    ]
    if is_first_start:
        unclear += [
            Mismatch(one.client_order_id, "not known", str(one.status))
            for one in shown.open_orders
            if one.client_order_id not in ours
        ]
    return tuple(unclear)
