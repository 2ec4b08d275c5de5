"""A paper run: recorded data, the simulated venue, and a journal that a restart goes on with."""

from __future__ import annotations

import math
import time
from pathlib import Path

import anyio

from orchestrion.adapters import assembly
from orchestrion.adapters.backtest import summarise
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.journal.journal_directory import JournalDirectory
from orchestrion.adapters.process.opening import open_run
from orchestrion.adapters.process.paper_venue import RebuiltPaperVenue
from orchestrion.adapters.process.play import play
from orchestrion.adapters.process.run_status import keep_fresh, log_status
from orchestrion.adapters.process.stop_request import StopRequest
from orchestrion.adapters.reconciliation import settle_positions
from orchestrion.adapters.recovery import Resumed
from orchestrion.adapters.result import RunResult
from orchestrion.adapters.session import TradingSession
from orchestrion.adapters.settings import RunSettings
from orchestrion.adapters.venue.live_feed import FeedClock, PacedClock, RecordedFeed, UnpacedClock
from orchestrion.adapters.venue.paper_adapter import PaperOrchestrationAdapter
from orchestrion.domain.models.order import OrderStatus
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.models.report import OrderAcceptedReport
from orchestrion.runtime.errors import JournalError
from orchestrion.runtime.shell import AsyncHost


def run_paper(
    settings: RunSettings,
    *,
    directory: Path,
    stop: StopRequest,
    status_every_s: float = 10.0,
    backend: str = "asyncio",
) -> RunResult:
    """Plays the configured data through a paper account, until they end or ``stop`` is made.

    Args:
        directory: of the journals; a run in it is gone on with.

    Raises:
        JournalError: another process has the directory, it is of another account, or it cannot be
            read or written.
        ConfigurationError, MarketDataError: what is wrong with the input.
        ActorFailedError: an invariant broke; the cause is chained.
    """
    source = assembly.data_source(settings)
    store = JournalDirectory(directory)
    try:
        run = PaperRun(settings, source, store, stop, status_every_s)
        return anyio.run(run.run, backend=backend)
    finally:
        store.close()


class PaperRun:
    """One process of a paper run."""

    def __init__(
        self,
        settings: RunSettings,
        source: DataSource,
        store: JournalDirectory,
        stop: StopRequest,
        status_every_s: float,
    ) -> None:
        self._settings = settings
        self._source = source
        self._store = store
        self._stop = stop
        self._status_every_s = status_every_s

    async def run(self) -> RunResult:
        started_s = time.perf_counter()
        opened = open_run(self._settings, self._source, self._store, "paper")
        try:
            session = await self._trade(opened)
        finally:
            opened.system.machine.stop()
            opened.journal.close()
        return summarise(
            self._settings,
            self._source,
            session,
            journal_path=self._store.path,
            elapsed_s=time.perf_counter() - started_s,
            environment="paper",
        )

    async def _trade(self, opened: Resumed) -> TradingSession:
        settings, catalog = self._settings, self._source.catalog()
        paper = PaperOrchestrationAdapter(
            assembly.build_venue(settings, catalog),
            catalog,
            conditions=settings.paper.conditions,
            seed=opened.header.seed,
        )
        is_first = opened.is_first_start
        venue = paper if is_first else RebuiltPaperVenue(paper, self._store, self._source)
        async with AsyncHost(deadline_s=settings.paper.reply_timeout_s) as host:
            session = TradingSession(
                opened.system,
                paper,
                venue,
                opened.journal,
                host,
                is_data_recorded=True,
                snapshot_after_inputs=settings.journal.snapshot_every_inputs,
            )
            async with anyio.create_task_group() as tasks:
                await tasks.start(self._stop.watch)
                tasks.start_soon(self._keep_fresh, session, opened)
                if not is_first:
                    await _go_on(session, paper)
                feed = RecordedFeed(self._source, clock_of(settings), after_ts=opened.last_slice_ts)
                await play(
                    session,
                    feed,
                    self._stop,
                    is_started=opened.is_started,
                    snapshot_every_inputs=settings.journal.snapshot_every_inputs,
                )
                tasks.cancel_scope.cancel()
            log_status(session)
            session.finish_journal()
        return session

    async def _keep_fresh(self, session: TradingSession, opened: Resumed) -> None:
        await keep_fresh(
            session,
            opened.journal,
            sync_every_s=self._settings.journal.sync_every_s,
            status_every_s=self._status_every_s,
        )


async def _go_on(session: TradingSession, paper: PaperOrchestrationAdapter) -> None:
    """What a venue does after a restart: it says what became of every order, and what it holds.

    Raises:
        JournalError: it holds something else than the books.
    """
    await session.go_on()  # brings what the venue said last and nobody wrote down
    system = session.system
    ts = system.machine.now
    unknown = [one for one in system.orders_at_venue if one.status is OrderStatus.UNKNOWN]
    for order in unknown:
        # Every intent in the journal was played to the new venue, so it has the order.
        told = OrderAcceptedReport(
            client_order_id=order.client_order_id,
            venue_order_id=order.venue_order_id or "PAPER",
            ts_event=ts,
        )
        await session.report(told, ts)
    state = paper.get_portfolio_state()
    found = await settle_positions(session, PortfolioState(ts, state.cash, state.positions))
    await session.report(found, ts)
    if found.mismatches:
        differences = "; ".join(str(one) for one in found.mismatches)
        raise JournalError(f"the paper venue and the books differ: {differences}")


def clock_of(settings: RunSettings) -> FeedClock:
    """The pace of a paper run."""
    paper = settings.paper
    if paper.speed is None:
        return UnpacedClock()
    gap_max_s = math.inf if paper.gap_max_s is None else paper.gap_max_s
    return PacedClock(speed=paper.speed, gap_max_s=gap_max_s)
