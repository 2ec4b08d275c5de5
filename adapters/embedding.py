"""``Orchestrion``: the runtime inside somebody else's asyncio or trio program.

    async with Orchestrion.from_config(config) as orchestrion:
        await orchestrion.publish(bar)          # strategies decide, orders go to the port
        await orchestrion.report(fill)          # the venue's word, when the port is the bot's own
        await orchestrion.pause("MOMENTUM")
        await orchestrion.add("CONDOR", "IRON_CONDOR", {"num_lots": 1}, reserve_pct=50)
        await orchestrion.remove("MOMENTUM", RemovalPolicy.FLATTEN)

Without a port, orders go to the simulated venue that backtests use, so a bot can be tried without
money by leaving one argument out. Everything that comes in is journaled, market data included.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from decimal import ROUND_DOWN, Decimal
from pathlib import Path
from types import TracebackType
from typing import Any, cast

import msgspec
import structlog

from orchestrion.actors.membership_messages import AddStrategy, RemoveStrategy
from orchestrion.actors.messages import PauseStrategy, ResumeStrategy, SetTradingState
from orchestrion.adapters import assembly
from orchestrion.adapters.backtest import build_run, summarise
from orchestrion.adapters.capital_operations import CapitalOperations
from orchestrion.adapters.data.feed_guard import DataFault, FeedGuard, FeedPolicy
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.adapters.journal.sqlite_journal import Durability, SqliteJournal
from orchestrion.adapters.result import RunResult
from orchestrion.adapters.session import NoVenueModel, TradingSession, VenueModel
from orchestrion.adapters.settings import RunSettings, load_settings
from orchestrion.adapters.venue.backtest_adapter import BacktestOrchestrationAdapter
from orchestrion.adapters.venue.report_guard import report_fault
from orchestrion.domain.errors import (
    ConfigurationError,
    LifecycleError,
    ReportRefusedError,
    UnknownInstrumentError,
)
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import MarketEvent, MarketSlice, as_slice
from orchestrion.domain.models.money import divide
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.report import VenueReport
from orchestrion.domain.orchestration.events import DomainEvent
from orchestrion.domain.orchestration.lifecycle import PauseMode, RemovalPolicy, TradingState
from orchestrion.domain.ports.orchestration_port import OrchestrationPort
from orchestrion.runtime.actor import Answer
from orchestrion.runtime.journal import Journal
from orchestrion.runtime.shell import AsyncHost

_log = structlog.get_logger("orchestrion.feed")
DEADLINE_S = 0.05
"""How long a round waits for asynchronous strategies unless told otherwise, seconds."""
_HUNDRED = Decimal(100)
_NANO = Decimal("0.000000001")


class Orchestrion(CapitalOperations):
    """One account's orchestration, embedded. Use it as an async context manager, once.

    Attributes:
        data_refusals: why market data were refused -> how many items; see ``FeedGuard``.
    """

    def __init__(
        self,
        settings: RunSettings,
        *,
        port: OrchestrationPort | None = None,
        journal: Path | str | None = None,
        deadline_s: float = DEADLINE_S,
        on_event: Callable[[DomainEvent], None] | None = None,
        feed_policy: FeedPolicy | None = None,
    ) -> None:
        """
        Args:
            port: where approved commands go; None is the simulated venue.
            journal: file to write; None keeps the journal in memory and drops it.
            deadline_s: longest wait for asynchronous strategies in one round, seconds.
            on_event: told every domain event, in order, after it was journaled.
            feed_policy: what market data are let through; without one everything that is a price
                at all, however far from the last.
        """
        self._settings = settings
        self._feed_policy = feed_policy or FeedPolicy(jump_max_fraction=None)
        self._guard: FeedGuard | None = None
        self.data_refusals: dict[str, int] = {}
        self._given_port = port
        self._journal_path = Path(journal) if journal is not None else None
        self._deadline_s = deadline_s
        self._on_event = on_event
        self._source: DataSource | None = None
        self._session: TradingSession | None = None
        self._stack = AsyncExitStack()
        self._questions = 0
        self._is_started = False
        self._started_s = 0.0

    @classmethod
    def from_config(
        cls,
        config: str | Path | Mapping[str, Any],
        *,
        port: OrchestrationPort | None = None,
        journal: Path | str | None = None,
        deadline_s: float = DEADLINE_S,
        on_event: Callable[[DomainEvent], None] | None = None,
        feed_policy: FeedPolicy | None = None,
    ) -> Orchestrion:
        """From a configuration file or mapping, single or multi form.

        A bot that hands in its own market data says ``data: {source: feed, instruments: [...]}``.

        Raises:
            SettingsError: a ValueError that lists every fault of the configuration.
        """
        return cls(
            load_settings(config),
            port=port,
            journal=journal,
            deadline_s=deadline_s,
            on_event=on_event,
            feed_policy=feed_policy,
        )

    async def __aenter__(self) -> Orchestrion:
        async with AsyncExitStack() as stack:
            source = assembly.data_source(self._settings)
            journal = self._open_journal()
            stack.callback(journal.close)
            environment = "paper" if self._given_port is None else "live"
            header = assembly.journal_header(self._settings, source, environment)
            journal.begin(header)
            system = build_run(self._settings, source, journal, header)
            port, venue = self._execution(source.catalog())
            host = await stack.enter_async_context(AsyncHost(deadline_s=self._deadline_s))
            stack.callback(system.machine.stop)
            self._source = source
            self._session = TradingSession(
                system, port, venue, journal, host, is_data_recorded=True, on_event=self._on_event
            )
            self._started_s = time.perf_counter()
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stops the strategies and finishes the journal; after an exception the journal is left
        without a trailer, as a run that was cut off."""
        async with self._stack:
            if failure is None and self._is_started:
                await self._running.end()
                self._running.finish_journal()

    def _open_journal(self) -> Journal:
        if self._journal_path is None:
            return MemoryJournal()
        return SqliteJournal(self._journal_path, durability=Durability.FULL)

    def _execution(self, catalog: InstrumentCatalog) -> tuple[OrchestrationPort, VenueModel]:
        if self._given_port is not None:
            return self._given_port, NoVenueModel()
        venue = assembly.build_venue(self._settings, catalog)
        return BacktestOrchestrationAdapter(venue), venue

    @property
    def _running(self) -> TradingSession:
        if self._session is None:
            raise LifecycleError("use it inside `async with Orchestrion.from_config(...)`")
        return self._session

    # -- what the bot hands in ----------------------------------------------------------------

    async def publish(self, event: MarketEvent) -> None:
        """Plays market data to its end: strategies have decided and orders are with the port.

        Args:
            event: a slice, or one bar, quote, trade or chain, which is a slice of one. Times must
                not go back. Items that are no prices (zero, negative where the instrument has no
                such, a crossed book, the same item twice) are left out, counted in
                ``data_refusals`` and logged.

        Raises:
            ActorError: time went back, or the run has failed.
            UnknownInstrumentError: the configuration does not name an instrument of the event.
        """
        session, market_slice = self._running, as_slice(event)
        catalog = session.system.orchestrator.capital_manager.catalog
        for item in market_slice.items:
            if item.instrument_id not in catalog:
                raise UnknownInstrumentError(item.instrument_id)
        await self._ensure_started(market_slice.ts_event)
        usable = self._usable(market_slice)
        if usable is not None:
            await session.publish(usable)

    def _usable(self, market_slice: MarketSlice) -> MarketSlice | None:
        """What of a slice the strategies may see. Time that goes back is the caller's mistake: the
        session tells him."""
        if self._guard is None:
            catalog = self._running.system.orchestrator.capital_manager.catalog
            self._guard = FeedGuard(catalog, self._feed_policy)
        guarded = self._guard.check(market_slice)
        if any(one.fault is DataFault.OUT_OF_ORDER for one in guarded.refusals):
            return market_slice
        for one in guarded.refusals:
            self.data_refusals[one.fault] = self.data_refusals.get(one.fault, 0) + 1
            _log.warning("data refused", instrument=one.instrument_id, why=one.detail)
        return guarded.market_slice

    async def report(self, report: VenueReport, *, ts: int | None = None) -> None:
        """Posts what the bot's own venue says: accepted, filled, rejected, cancelled, expired.

        Args:
            ts: time of arrival, nanoseconds UTC; the report's own when it is left out.

        Raises:
            ReportRefusedError: it cannot be booked at all; nothing was taken.
        """
        catalog = self._running.system.orchestrator.capital_manager.catalog
        fault = report_fault(report, catalog)
        if fault:
            raise ReportRefusedError(fault)
        await self._ensure_started(report.ts_event)
        await self._running.report(report, report.ts_event if ts is None else ts)

    async def _ensure_started(self, ts: int) -> None:
        if not self._is_started:
            self._is_started = True
            await self._running.start(ts)

    # -- what an operator does ------------------------------------------------------------

    async def pause(self, strategy_id: str, mode: PauseMode = PauseMode.ENTRIES_BLOCKED) -> None:
        """Pauses one strategy; the others go on, its positions stay its own.

        Raises:
            LifecycleError: no such strategy, or its state does not allow it.
        """
        question_id = self._next_question()
        question = PauseStrategy(question_id=question_id, strategy_id=strategy_id, mode=mode)
        await self._ask(question, question_id)

    async def resume(self, strategy_id: str) -> None:
        """
        Raises:
            LifecycleError: no such strategy, or it is not paused.
        """
        question_id = self._next_question()
        await self._ask(
            ResumeStrategy(question_id=question_id, strategy_id=strategy_id), question_id
        )

    async def set_trading_state(self, state: TradingState, reason: str = "") -> None:
        """ACTIVE, REDUCING (only exits leave) or HALTED (nothing leaves), for the account."""
        question_id = self._next_question()
        await self._ask(
            SetTradingState(question_id=question_id, state=state, reason=reason), question_id
        )

    async def add(
        self,
        strategy_id: str,
        strategy_name: str,
        config: Mapping[str, Any] | None = None,
        *,
        amount: Decimal | None = None,
        reserve_pct: float | None = None,
        priority: int = 0,
        depends_on: Sequence[str] = (),
    ) -> Decimal:
        """Adds a strategy to the run. It draws on RESERVE, passes the compatibility analysis beside
        those that run, gets its place in rank order and is started; it sees the next event.

        Args:
            strategy_id: new on this account, also to strategies that were removed in this run.
            strategy_name: a name of the library, or an import path ``module:Class``.
            config: its parameters, plain JSON-like data.
            amount: capital, account currency, whole cents; or
            reserve_pct: percent of RESERVE's cash that it gets. One of the two.
            priority: the higher one goes first and wins conflicts.
            depends_on: ids of strategies whose signals it reads.

        Returns:
            The capital that it was given.

        Raises:
            LifecycleError: the id is or was taken, it cannot be built, the reserve is too small, or
                it does not fit (the message has the findings); nothing has changed.
            ConfigurationError: the config is no plain data.
        """
        fraction = None
        if reserve_pct is not None:
            fraction = divide(Decimal(str(reserve_pct)), _HUNDRED, step=_NANO, rounding=ROUND_DOWN)
        question_id = self._next_question()
        question = AddStrategy(
            question_id=question_id,
            strategy_id=strategy_id,
            strategy_name=strategy_name,
            config=_plain(config or {}),
            amount=amount,
            reserve_fraction=fraction,
            priority=priority,
            depends_on=tuple(depends_on),
        )
        answer = await self._ask(question, question_id)
        return cast("Decimal", answer.value)

    async def remove(
        self,
        strategy_id: str,
        policy: RemovalPolicy = RemovalPolicy.REFUSE,
        *,
        heir_id: str = "",
    ) -> str:
        """Removes a strategy from the run. From now on it sends nothing; its fills are still
        booked. When all of it is closed its capital goes to RESERVE and a ``StrategyRemovedEvent``
        is told. Its book stays among the books, empty, with what it gained and paid.

        Asked again while it is being wound up, the policy changes.

        Args:
            policy: ``refuse`` while anything is open; ``flatten``: orders are withdrawn, positions
                closed at the market; ``hand_over``: orders are withdrawn, positions move to
                ``heir_id`` at the marks.
            heir_id: who gets the positions; with ``hand_over`` only.

        Returns:
            ``removed``, or ``stopping`` while orders and positions are being closed.

        Raises:
            LifecycleError: no such strategy, others depend on it, the heir cannot take anything, or
                something is open and the policy refuses; nothing has changed.
        """
        question_id = self._next_question()
        question = RemoveStrategy(
            question_id=question_id, strategy_id=strategy_id, policy=policy, heir_id=heir_id
        )
        answer = await self._ask(question, question_id)
        return str(answer.value)

    def _next_question(self) -> int:
        self._questions += 1
        return self._questions

    async def _ask(self, question: object, question_id: int) -> Answer:
        answer = await self._running.ask(question, question_id)
        if answer.error:
            raise LifecycleError(answer.error)
        return answer

    # -- what it knows --------------------------------------------------------------------

    @property
    def strategy_ids(self) -> tuple[str, ...]:
        """Ids of all strategies that are there, in rank order."""
        return self._running.system.orchestrator.ids_in_rank_order()

    def status(self, strategy_id: str) -> str:
        """State of a strategy in words: ``ready``, ``starting``, ``running``, ``paused (frozen)``
        (or another mode), ``reducing``, ``quarantined``, ``stopping``, ``stopped``, ``removed``.

        Raises:
            LifecycleError: there never was such a strategy.
        """
        return self._running.system.status(strategy_id)

    def book(self, book_id: str) -> Book:
        """What a strategy, ``RESERVE`` or ``EXTERNAL`` owns now; a value that never changes."""
        return self._running.system.books[book_id]

    def equity(self, book_id: str) -> Decimal:
        """Equity of one book at the last prices, account currency."""
        return self._running.system.orchestrator.capital_manager.equity(book_id)

    @property
    def decision_hash(self) -> str:
        """sha256 over all decisions so far, hex."""
        return self._running.system.machine.decision_hash

    def result(self) -> RunResult:
        """The figures so far; complete after the context was left."""
        if self._source is None:
            raise LifecycleError("there is no result before the run")
        return summarise(
            self._settings,
            self._source,
            self._running,
            journal_path=self._journal_path,
            elapsed_s=time.perf_counter() - self._started_s,
            environment="paper" if self._given_port is None else "live",
        )


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration as a journal gives it back.

    Raises:
        ConfigurationError: it holds something that a journal cannot.
    """
    try:
        return msgspec.json.decode(msgspec.json.encode(dict(config)), type=dict[str, Any])
    except (TypeError, ValueError, msgspec.MsgspecError) as fault:
        raise ConfigurationError(f"config must be plain data: {fault}") from fault
