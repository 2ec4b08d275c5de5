"""After a report of the venue that could not be booked: is anything missing in the books?

The live adapter enters nothing meanwhile. Its orders are asked about first; then the account as
the venue shows it is compared with the books, as at a start. When they agree, entries leave again.
When they do not, exits go on, the difference is journaled and said, and the question is asked
again: what was only under way arrives, and for the rest there is ``orchestrion reconcile`` at the
next start.
"""

from __future__ import annotations

import anyio
import structlog

from orchestrion.actors.restart_messages import Reconciled
from orchestrion.adapters.process.reconciling import OutcomeReader
from orchestrion.adapters.reconciliation import compare_account
from orchestrion.adapters.session import TradingSession
from orchestrion.adapters.settings import RunSettings
from orchestrion.adapters.venue.live_adapter import LiveOrchestrationAdapter
from orchestrion.domain.errors import PortError
from orchestrion.domain.orchestration.reconciliation import Mismatch
from orchestrion.runtime.errors import describe

COMPARE_AGAIN_S = 1.0
"""Arbitrary: long next to a fill that is under way, short next to a person's patience."""
_NO_ANSWER = (PortError, ArithmeticError, TypeError)
"""The venue did not show the account, or showed one that cannot be compared (a NaN)."""
_log = structlog.get_logger("orchestrion.process")


async def settle_doubts(
    session: TradingSession,
    adapter: LiveOrchestrationAdapter,
    reader: OutcomeReader,
    settings: RunSettings,
) -> None:
    """A task of the run, until it is cancelled.

    Raises:
        JournalError: the result cannot be written; the run must end.
    """
    told: tuple[Mismatch, ...] = ()
    while True:
        refused = await adapter.doubted()
        try:
            found = await _compare(session, adapter, reader, settings)
        except _NO_ANSWER as failure:
            _log.error("AccountNotCompared", failure=describe(failure))
        else:
            if not found.mismatches or found.mismatches != told:
                await session.report(found, found.ts_event)
            told = found.mismatches
            if not told:
                adapter.trust(refused)
                continue
            _log.error("AccountDiffers", mismatches=[str(one) for one in told])
        await anyio.sleep(COMPARE_AGAIN_S)


async def _compare(
    session: TradingSession,
    adapter: LiveOrchestrationAdapter,
    reader: OutcomeReader,
    settings: RunSettings,
) -> Reconciled:
    await adapter.settled()
    await reader.drained()
    shown = await adapter.snapshot()
    await reader.drained()
    return await compare_account(
        session,
        shown,
        currency=settings.account.currency,
        cash_tolerance=settings.live.cash_tolerance,
        is_told=False,
    )
