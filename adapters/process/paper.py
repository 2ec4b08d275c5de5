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
from orchestrion.adapters.process.opening import OpenedRun, open_run
from orchestrion.adapters.process.play import play
from orchestrion.adapters.process.run_status import keep_fresh, log_status
from orchestrion.adapters.process.stop_request import StopRequest
from orchestrion.adapters.result import RunResult
from orchestrion.adapters.session import TradingSession
from orchestrion.adapters.settings import RunSettings
from orchestrion.adapters.venue.live_feed import FeedClock, PacedClock, RecordedFeed, UnpacedClock
from orchestrion.adapters.venue.paper_adapter import PaperOrchestrationAdapter
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
        return anyio.run(_run, settings, source, store, stop, status_every_s, backend=backend)
    finally:
        store.close()


async def _run(
    settings: RunSettings,
    source: DataSource,
    store: JournalDirectory,
    stop: StopRequest,
    status_every_s: float,
) -> RunResult:
    started_s = time.perf_counter()
    opened = open_run(settings, source, store, "paper")
    try:
        async with (
            AsyncHost(deadline_s=settings.paper.reply_timeout_s) as host,
            anyio.create_task_group() as tasks,
        ):
            paper = PaperOrchestrationAdapter(
                assembly.build_venue(settings, source.catalog()),
                source.catalog(),
                conditions=settings.paper.conditions,
                seed=opened.header.seed,
            )
            session = TradingSession(
                opened.system, paper, paper, opened.journal, host, is_data_recorded=True
            )
            await tasks.start(stop.watch)
            tasks.start_soon(_keep_fresh, session, opened, settings, status_every_s)
            feed = RecordedFeed(source, clock_of(settings), after_ts=opened.last_slice_ts)
            try:
                await play(session, feed, stop, is_started=not opened.is_first_start)
                log_status(session)
                session.finish_journal()
            finally:
                opened.system.machine.stop()
            tasks.cancel_scope.cancel()
    finally:
        opened.journal.close()
    return summarise(
        settings,
        source,
        session,
        journal_path=store.path,
        elapsed_s=time.perf_counter() - started_s,
        environment="paper",
    )


async def _keep_fresh(
    session: TradingSession, opened: OpenedRun, settings: RunSettings, status_every_s: float
) -> None:
    await keep_fresh(
        session,
        opened.journal,
        sync_every_s=settings.journal.sync_every_s,
        status_every_s=status_every_s,
    )


def clock_of(settings: RunSettings) -> FeedClock:
    """The pace of a paper run."""
    paper = settings.paper
    if paper.speed is None:
        return UnpacedClock()
    gap_max_s = math.inf if paper.gap_max_s is None else paper.gap_max_s
    return PacedClock(speed=paper.speed, gap_max_s=gap_max_s)
