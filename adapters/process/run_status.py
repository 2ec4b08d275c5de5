"""Keeps a run's journal fresh and says now and then where it stands; one task beside the run."""

from __future__ import annotations

from datetime import UTC, datetime

import anyio
import structlog

from orchestrion.adapters.session import TradingSession
from orchestrion.domain.models.money import ZERO, add
from orchestrion.runtime.journal import Journal

_log = structlog.get_logger("orchestrion.process")


async def keep_fresh(
    session: TradingSession, journal: Journal, *, sync_every_s: float, status_every_s: float
) -> None:
    """Runs until it is cancelled.

    What leads to an order is synced by the session before the order leaves; the rest would wait
    for the next order.

    Raises:
        JournalError: the journal cannot be written any more; the run must end.
    """
    told_s = anyio.current_time()
    while True:
        await anyio.sleep(min(sync_every_s, status_every_s))
        journal.sync()
        if anyio.current_time() - told_s >= status_every_s:
            told_s = anyio.current_time()
            log_status(session)


def log_status(session: TradingSession) -> None:
    """One line: journal position, market time, equity, orders that work, who does not run."""
    system = session.system
    capital = system.orchestrator.capital_manager
    equity, orders = ZERO, 0
    for book_id in system.books:
        equity = add(equity, capital.equity(book_id))
        orders += len(capital.working_orders(book_id))
    moment = datetime.fromtimestamp(system.machine.now // 1_000_000_000, tz=UTC)
    not_running = {
        one: status
        for one in system.orchestrator.strategies
        if (status := system.status(one)) != "running"
    }
    _log.info(
        "RunStatus",
        seq=system.machine.seq,
        at=moment.isoformat(),
        rounds=system.rounds,
        decisions=system.machine.decisions,
        equity=str(equity),
        working_orders=orders,
        trading_state=str(capital.trading_state),
        **({"not_running": not_running} if not_running else {}),
    )
