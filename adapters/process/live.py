"""A live run: a venue's client, a feed, and a journal that says what was sent.

journal open ─ venue reached ─ orders of the last process asked about ─ account reconciled,
the result journaled ─ only then market data ─ signal ─ round finished ─ nothing new is sent,
what is under way settled or UNKNOWN ─ journal complete
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import anyio
import structlog

from orchestrion.adapters import assembly
from orchestrion.adapters.backtest import summarise
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.journal.journal_directory import JournalDirectory
from orchestrion.adapters.process.account_doubt import settle_doubts
from orchestrion.adapters.process.opening import open_run
from orchestrion.adapters.process.play import play
from orchestrion.adapters.process.reconciling import (
    Assignment,
    OutcomeReader,
    assign,
    reconcile_live,
)
from orchestrion.adapters.process.run_status import keep_fresh, log_status
from orchestrion.adapters.process.stop_request import StopRequest
from orchestrion.adapters.recovery import Resumed
from orchestrion.adapters.result import RunResult
from orchestrion.adapters.session import NoVenueModel, TradingSession
from orchestrion.adapters.settings import RunSettings, build_client, build_feed
from orchestrion.adapters.venue.live_adapter import LiveOrchestrationAdapter
from orchestrion.adapters.venue.live_feed import ItemFeed, PacedClock, RecordedFeed
from orchestrion.adapters.venue.report_guard import report_fault
from orchestrion.adapters.venue.venue_client import VenueClient
from orchestrion.domain.errors import ConfigurationError, PortUnavailableError
from orchestrion.domain.models.market import MarketSlice
from orchestrion.runtime.shell import AsyncHost

_log = structlog.get_logger("orchestrion.process")


def check_live_start(settings: RunSettings) -> None:
    """What a live run needs besides what every run does.

    Raises:
        ConfigurationError: no client is named, or the capital is left to its default.
    """
    if settings.live.client is None:
        raise ConfigurationError("live.client is missing: name the client of your venue")
    if "capital" not in settings.account.model_fields_set:
        raise ConfigurationError(
            "account.capital is missing: a live run has no default for the money that it may use"
        )


def run_live(
    settings: RunSettings,
    *,
    directory: Path,
    stop: StopRequest,
    environ: Mapping[str, str],
    status_every_s: float = 10.0,
    backend: str = "asyncio",
) -> RunResult:
    """Trades at the configured venue until the feed ends or ``stop`` is made.

    Args:
        directory: of the journals; a run in it is gone on with.
        environ: holds what ``live.client_config`` refers to.

    Raises:
        ConfigurationError: what is wrong with the configuration.
        JournalError: another process has the directory, it is of another account, or it cannot be
            read or written: nothing was sent after the last record that is in it.
        PortError: the venue refused us, or was not reached in time.
        ActorFailedError: an invariant broke; the cause is chained.
    """
    check_live_start(settings)
    source = assembly.data_source(settings)
    store = JournalDirectory(directory)
    try:
        run = _LiveRun(settings, source, store, stop, environ, status_every_s)
        return anyio.run(run.run, backend=backend)
    finally:
        store.close()


def settle_account(
    settings: RunSettings,
    *,
    directory: Path,
    stop: StopRequest,
    environ: Mapping[str, str],
    assignments: Sequence[Assignment] = (),
    backend: str = "asyncio",
) -> RunResult:
    """Starts as ``run_live`` does, books what an operator assigns, compares, and ends: nothing is
    traded.

    Raises:
        AccountMismatchError: something still differs; what was assigned is booked all the same.
        LifecycleError: an assignment that cannot be booked.
        Exception: as ``run_live``.
    """
    check_live_start(settings)
    source = assembly.data_source(settings)
    store = JournalDirectory(directory)
    try:
        run = _LiveRun(settings, source, store, stop, environ, math.inf, tuple(assignments))
        return anyio.run(run.run, backend=backend)
    finally:
        store.close()


class _LiveRun:
    """One process of a live run."""

    def __init__(
        self,
        settings: RunSettings,
        source: DataSource,
        store: JournalDirectory,
        stop: StopRequest,
        environ: Mapping[str, str],
        status_every_s: float,
        assignments: tuple[Assignment, ...] | None = None,
    ) -> None:
        """
        Args:
            assignments: given, the run ends when the account is settled.
        """
        self._assignments = assignments
        self._settings = settings
        self._source = source
        self._store = store
        self._stop = stop
        self._environ = environ
        self._status_every_s = status_every_s

    async def run(self) -> RunResult:
        started_s = time.perf_counter()
        settings = self._settings
        client: VenueClient = build_client(settings.live, self._environ)
        items = build_feed(settings.live, self._environ)
        opened = open_run(settings, self._source, self._store, "live")
        try:
            async with AsyncHost(deadline_s=settings.live.reply_timeout_s) as host:
                capital = opened.system.orchestrator.capital_manager
                adapter = LiveOrchestrationAdapter(
                    client,
                    policy=settings.live.policy,
                    currency=settings.account.currency,
                    seed=opened.header.seed,
                    fault_of=lambda report: report_fault(report, capital.catalog),
                )
                session = TradingSession(
                    opened.system,
                    adapter,
                    NoVenueModel(),
                    opened.journal,
                    host,
                    is_data_recorded=True,
                    snapshot_after_inputs=settings.journal.snapshot_every_inputs,
                )
                try:
                    with adapter.outcomes:
                        await self._trade(session, adapter, opened, items)
                    log_status(session)
                    session.finish_journal()
                finally:
                    opened.system.machine.stop()
        finally:
            opened.journal.close()
        return summarise(
            settings,
            self._source,
            session,
            journal_path=self._store.path,
            elapsed_s=time.perf_counter() - started_s,
            environment="live",
        )

    async def _trade(
        self,
        session: TradingSession,
        adapter: LiveOrchestrationAdapter,
        opened: Resumed,
        items: object,
    ) -> None:
        """Everything between the connection and its end; an error inside ends all of it."""
        if not opened.is_first_start:
            await session.go_on()
        async with anyio.create_task_group() as helpers:
            await helpers.start(self._stop.watch)
            adapter.inquire(opened.orders_to_ask)
            async with anyio.create_task_group() as trading:
                if await self._start(trading, adapter):
                    helpers.start_soon(self._keep_fresh, session, opened)
                    reader = OutcomeReader(adapter, session)
                    trading.start_soon(reader.run)
                    if await self._reconciled(session, adapter, reader, opened):
                        helpers.start_soon(settle_doubts, session, adapter, reader, self._settings)
                        await self._play(session, opened, items)
                await adapter.shutdown()
                # The reader ends when the adapter has told its last outcome.
            helpers.cancel_scope.cancel()

    async def _reconciled(
        self,
        session: TradingSession,
        adapter: LiveOrchestrationAdapter,
        reader: OutcomeReader,
        opened: Resumed,
    ) -> bool:
        """Settles the account; False when trading is not to begin: the end was asked for, or an
        operator wanted no more than this.

        Raises:
            PortUnavailableError: not in time.
            AccountMismatchError: the books and the account differ.
        """
        timeout_s = self._settings.live.start_timeout_s
        with self._stop.interrupting() as waiting, anyio.move_on_after(timeout_s) as patience:
            for assignment in self._assignments or ():
                await assign(session, assignment)
            await reconcile_live(
                session,
                adapter,
                reader,
                settings=self._settings,
                is_first_start=opened.is_first_start,
            )
        if patience.cancelled_caught:
            raise PortUnavailableError(f"the venue did not show the account within {timeout_s:g} s")
        return not waiting.cancelled_caught and self._assignments is None

    async def _play(self, session: TradingSession, opened: Resumed, items: object) -> None:
        """Market data, to the end of the feed or of the run."""
        seq = session.system.machine.seq
        _log.info("RunRunning", account=self._settings.account.id, seq=seq)
        await play(
            session,
            self._feed(items, opened),
            self._stop,
            is_started=opened.is_started,
            snapshot_every_inputs=self._settings.journal.snapshot_every_inputs,
        )

    async def _start(self, trading: anyio.abc.TaskGroup, adapter: LiveOrchestrationAdapter) -> bool:
        """Reaches the venue; False when the end was asked for before.

        Raises:
            PortUnavailableError: not in time.
            VenueRefusedError: it does not let us in.
        """
        timeout_s = self._settings.live.start_timeout_s
        with self._stop.interrupting() as waiting, anyio.move_on_after(timeout_s) as patience:
            await trading.start(adapter.run)
        if patience.cancelled_caught:
            raise PortUnavailableError(f"the venue was not reached within {timeout_s:g} s")
        return not waiting.cancelled_caught

    def _feed(self, items: object, opened: Resumed) -> AsyncIterator[MarketSlice]:
        live = self._settings.live
        if items is not None:
            last_ts = -1 if opened.last_slice_ts is None else opened.last_slice_ts
            return ItemFeed(items, close_after_s=live.close_after_s, last_ts=last_ts)  # type: ignore[arg-type]
        clock = PacedClock(speed=live.speed, gap_max_s=live.gap_limit_s)
        return RecordedFeed(self._source, clock, after_ts=opened.last_slice_ts)

    async def _keep_fresh(self, session: TradingSession, opened: Resumed) -> None:
        await keep_fresh(
            session,
            opened.journal,
            sync_every_s=self._settings.journal.sync_every_s,
            status_every_s=self._status_every_s,
        )
