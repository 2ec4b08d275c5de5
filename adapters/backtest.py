"""A backtest: one session driven over a whole data source, as fast as it goes."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path

import anyio
import anyio.lowlevel

from orchestrion.actors.system import TradingSystem, build_system
from orchestrion.adapters import assembly
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.adapters.journal.sqlite_journal import Durability, SqliteJournal
from orchestrion.adapters.result import BookResult, EquityPoint, RunResult
from orchestrion.adapters.session import TradingSession
from orchestrion.adapters.settings import RunSettings
from orchestrion.adapters.venue.backtest_adapter import BacktestOrchestrationAdapter
from orchestrion.domain.errors import MarketDataError
from orchestrion.domain.models.market import Bar, MarketSlice
from orchestrion.domain.models.money import ZERO, add
from orchestrion.runtime.journal import Journal, JournalHeader
from orchestrion.runtime.machine import Hop
from orchestrion.runtime.shell import AsyncHost

PROGRESS_SLICES = 64
"""The event loop gets its turn, and progress is told, every so many slices."""
STUCK_AFTER_S = 30.0
"""There is no deadline in a backtest; an asynchronous strategy that says nothing for this long is
stuck, and the run goes on without it, by its supervisor's rules."""

Progress = Callable[[int, int | None], None]


def run_backtest(
    settings: RunSettings,
    *,
    journal_path: Path | None,
    progress: Progress | None = None,
    backend: str = "asyncio",
    trace: Callable[[Hop], None] | None = None,
    source: DataSource | None = None,
) -> RunResult:
    """Runs a configuration over its data and returns the figures.

    Args:
        source: market data instead of those that the configuration names; a replay of such a
            journal needs them again.
        journal_path: where the journal is written; None keeps it in memory and drops it.
        progress: told (slices so far, slices in all or None) now and then.
        backend: the event loop, asyncio or trio. The decisions are the same on both.

    Raises:
        ConfigurationError, MarketDataError: what is wrong with the input.
        JournalError: the journal cannot be written.
        ActorFailedError: an invariant broke; the cause is chained.
    """
    if source is None:
        source = assembly.data_source(settings)
    journal: Journal = (
        MemoryJournal()
        if journal_path is None
        else SqliteJournal(journal_path, durability=Durability.RELAXED)
    )
    try:
        return anyio.run(
            _run, settings, source, journal, journal_path, progress, trace, backend=backend
        )
    finally:
        journal.close()


async def _run(
    settings: RunSettings,
    source: DataSource,
    journal: Journal,
    journal_path: Path | None,
    progress: Progress | None,
    trace: Callable[[Hop], None] | None,
) -> RunResult:
    started = time.perf_counter()
    header = assembly.journal_header(settings, source, "backtest")
    journal.begin(header)
    async with AsyncHost(deadline_s=STUCK_AFTER_S) as host:
        system = build_run(settings, source, journal, header, trace=trace)
        venue = assembly.build_venue(settings, source.catalog())
        session = TradingSession(
            system,
            BacktestOrchestrationAdapter(venue),
            venue,
            journal,
            host,
            is_data_recorded=False,
        )
        try:
            await _play(session, source, progress)
        finally:
            system.machine.stop()
        session.finish_journal()
    return summarise(
        settings,
        source,
        session,
        journal_path=journal_path,
        elapsed_s=time.perf_counter() - started,
    )


def build_run(
    settings: RunSettings,
    source: DataSource,
    journal: Journal,
    header: JournalHeader,
    *,
    trace: Callable[[Hop], None] | None = None,
) -> TradingSystem:
    """The actors of a configuration; replay and embedding build theirs the same way."""
    return build_system(
        assembly.build_orchestrator(settings),
        {one.strategy_id: assembly.strategy_factory(one) for one in settings.active_strategies},
        source.catalog(),
        journal,
        assembly.system_settings(settings, header.run_id),
        trace=trace,
    )


async def _play(session: TradingSession, source: DataSource, progress: Progress | None) -> None:
    slices = source.slices()
    first = next(slices, None)
    if first is None:
        raise MarketDataError(f"{source.name}: there is no data")
    total = source.slice_count()
    await session.start(_first_moment(first))
    count, played = 0, 1
    everything = itertools.chain((first,), slices)
    while played:
        played = await session.publish_many(itertools.islice(everything, PROGRESS_SLICES))
        count += played
        await anyio.lowlevel.checkpoint()
        if progress is not None and played == PROGRESS_SLICES:
            progress(count, total)
    await session.end()
    if progress is not None:
        progress(count, total if total is not None else count)


def _first_moment(market_slice: MarketSlice) -> int:
    """When the first prices were made: the capital stands at the open, not at the first close."""
    return min(
        item.ts_open if isinstance(item, Bar) else item.ts_event for item in market_slice.items
    )


def summarise(
    settings: RunSettings,
    source: DataSource,
    session: TradingSession,
    *,
    journal_path: Path | None,
    elapsed_s: float,
    environment: str = "backtest",
) -> RunResult:
    """The figures of a run that has ended."""
    system = session.system
    names = {one.strategy_id: one.strategy_name for one in settings.active_strategies}
    books = tuple(
        _book_result(system, book_id, names.get(book_id, ""), session.equity_curves[book_id])
        for book_id in system.books
    )
    return RunResult(
        name=settings.name,
        environment=environment,
        mode=settings.mode,
        currency=settings.account.currency,
        ts_start=session.ts_start,
        ts_end=system.machine.now,
        books=books,
        total=_total(books, session.account_curve, settings.account.capital),
        conflicts=dict(session.conflicts),
        decision_hash=system.machine.decision_hash,
        journal=str(journal_path) if journal_path is not None else None,
        inputs=system.machine.seq,
        rounds=system.rounds,
        decisions=system.machine.decisions,
        ledger_checks=system.auditor.checks,
        notes=source.notes,
        elapsed_s=elapsed_s,
    )


def _book_result(
    system: TradingSystem, book_id: str, strategy_name: str, curve: Sequence[EquityPoint]
) -> BookResult:
    book, tally = system.books[book_id], system.tallies[book_id]
    return BookResult(
        book_id=book_id,
        strategy_name=strategy_name,
        allocation=curve[0].equity if curve else book.cash,
        equity_curve=tuple(curve),
        realized_pnl=book.realized_pnl,
        fees=book.fees,
        turnover=tally.turnover,
        orders=tally.orders,
        fills=tally.fills,
        entries=tally.entries,
        exits=tally.exits,
        refusals=dict(tally.refusals),
        status=system.status(book_id) if strategy_name else "",
    )


def _total(
    books: Sequence[BookResult], curve: Sequence[EquityPoint], capital: Decimal
) -> BookResult:
    realized_pnl = fees = turnover = ZERO
    refusals: dict[str, int] = {}
    for book in books:
        realized_pnl, fees = add(realized_pnl, book.realized_pnl), add(fees, book.fees)
        turnover = add(turnover, book.turnover)
        for code, count in book.refusals.items():
            refusals[code] = refusals.get(code, 0) + count
    return BookResult(
        book_id="TOTAL",
        allocation=capital,
        equity_curve=tuple(curve),
        realized_pnl=realized_pnl,
        fees=fees,
        turnover=turnover,
        orders=sum(book.orders for book in books),
        fills=sum(book.fills for book in books),
        entries=sum(book.entries for book in books),
        exits=sum(book.exits for book in books),
        refusals=refusals,
    )
