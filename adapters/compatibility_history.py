"""The strategies' past for the compatibility analysis: from a backtest, or from a journal.

``HistoryListener`` looks at the messages of a machine (its trace) and keeps what the books say: who
had which equity at each session's close, what was held, bought and sold, how much margin that
bound. It changes nothing and is only there while somebody asks, so a usual run pays nothing. A
journal is played through the same core again and listened to in the same way, so that a paper or
live run is judged by its own fills.

A day is a session, from one close to the next; its number is the UTC day of the close.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from types import MappingProxyType

import msgspec

from orchestrion.actors.inputs import CAPITAL_INPUTS
from orchestrion.actors.messages import (
    BooksClosed,
    BooksMoved,
    HoldingsChanged,
    SessionClosed,
)
from orchestrion.adapters import assembly
from orchestrion.adapters.backtest import build_run, run_backtest
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.adapters.recorded_run import DecisionJournal, last_seq_of, play_recorded
from orchestrion.adapters.result import RunResult
from orchestrion.adapters.settings import RunSettings, build_margin_model, load_settings
from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.compatibility.history import (
    InstrumentDay,
    MarginPeak,
    OptionExpiry,
    StrategyHistory,
    day_of,
)
from orchestrion.domain.errors import UnknownInstrumentError
from orchestrion.domain.margin.requirement import MarginModel, UnpricedError
from orchestrion.domain.models.instrument import Future, InstrumentCatalog, OptionContract
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import ZERO, add, subtract
from orchestrion.domain.models.portfolio import RESERVED_BOOK_IDS, Book, Marks
from orchestrion.domain.models.report import ExternalFillReport, OrderFilledReport
from orchestrion.runtime.errors import ActorFailedError, DivergenceError, JournalDamagedError
from orchestrion.runtime.machine import Hop

Progress = Callable[[int, int | None], None]
_ENDED_IN_ORDER = frozenset({"running", "stopped"})


class Past(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of some strategies, and where from.

    Attributes:
        histories: strategy id -> its past.
        origin: in words, for people: a backtest over which data, or which journal.
        notes: what the figures rest on, e.g. "modelled quotes"; to be printed with them.
    """

    histories: Mapping[str, StrategyHistory]
    origin: str
    notes: tuple[str, ...] = ()


def past_of_backtest(settings: RunSettings, *, progress: Progress | None = None) -> Past:
    """The past of all strategies in one backtest of the configuration; no journal is written.

    Raises:
        ConfigurationError, MarketDataError: what is wrong with the input.
        ActorFailedError: an invariant broke; the cause is chained.
    """
    source = assembly.data_source(settings)
    listener = HistoryListener(source.catalog(), build_margin_model(settings.account.margin))
    result = run_backtest(settings, journal_path=None, progress=progress, trace=listener)
    histories = listener.histories()
    return Past(
        histories=histories,
        origin=f"a backtest (data: {source.name}{_period(histories)})",
        notes=(*result.notes, *_not_to_the_end(result)),
    )


def _not_to_the_end(result: RunResult) -> Iterator[str]:
    for book in result.books:
        if book.strategy_name and book.status not in _ENDED_IN_ORDER:
            yield f"{book.book_id} did not trade to the end of the backtest, it is {book.status}"


def past_of_journal(path: Path) -> Past:
    """The past of all strategies of a recorded run, with the configuration of that run.

    A journal that was cut off is read as far as it goes.

    Raises:
        JournalError: the file is no journal, or is damaged.
        DivergenceError: this version decides otherwise than the run did, so its books cannot be
            computed again.
        ConfigurationError: the configuration in the header cannot be used any more.
    """
    reader = SqliteJournalReader(path)
    settings = load_settings(json.loads(reader.header.configuration))
    source = assembly.data_source(settings)
    if source.fingerprint() != reader.header.data_sha256:
        raise JournalDamagedError(
            f"{path}: the journal was written over other data {reader.header.data_name!r} than "
            "are there now"
        )
    listener = HistoryListener(source.catalog(), build_margin_model(settings.account.margin))
    recorded = DecisionJournal(reader.records())
    system = build_run(settings, source, recorded, reader.header, trace=listener)
    try:
        play_recorded(system.machine, recorded, source, last_seq_of(reader))
    except ActorFailedError as failure:
        if isinstance(failure.__cause__, DivergenceError):
            raise failure.__cause__ from failure
        raise
    histories = listener.histories()
    environment = reader.header.environment
    return Past(
        histories=histories,
        origin=f"the {environment} run in a journal ({path}{_period(histories)})",
        notes=source.notes,
    )


def _period(histories: Mapping[str, StrategyHistory]) -> str:
    days = [point.day for one in histories.values() for point in one.equity]
    if not days:
        return ", no session has closed yet"
    first, last = (date.fromordinal(day).isoformat() for day in (min(days), max(days)))
    return f", {first} to {last}"


class _Traded:
    """Quantities of one instrument in one session."""

    __slots__ = ("bought", "held", "sold")

    def __init__(self) -> None:
        self.held = self.bought = self.sold = ZERO


class _Record:
    """What is kept of one strategy; days ascend because sessions do."""

    def __init__(self) -> None:
        self.equity: dict[int, EquityPoint] = {}
        self.capital = ZERO
        self.traded: dict[tuple[int, str], _Traded] = {}
        self.margins: dict[int, Decimal] | None = {}
        self.expiries: dict[OptionExpiry, None] = {}
        self.session: dict[str, _Traded] = {}
        self.session_margin = ZERO

    def history(self) -> StrategyHistory:
        return StrategyHistory(
            equity=tuple(self.equity.values()),
            instrument_days=tuple(
                InstrumentDay(day, instrument_id, one.held, one.bought, one.sold)
                for (day, instrument_id), one in self.traded.items()
            ),
            margin_peaks=tuple(
                MarginPeak(day, amount) for day, amount in (self.margins or {}).items()
            ),
            option_expiries=tuple(self.expiries),
        )


class HistoryListener:
    """A trace of a machine that keeps the strategies' past; see the module's text.

    Capital moved in or out is seen in the books themselves: cash and cost that neither gains nor
    fees explain. A strategy's margin is taken after every change of its holdings and at every
    close; what it holds overnight counts for the session that follows too. Where its margin cannot
    be computed once (no price, an unknown instrument, holdings that the model does not allow) a
    strategy has no margin history.
    """

    def __init__(self, catalog: InstrumentCatalog, margin_model: MarginModel) -> None:
        self._catalog = catalog
        self._margin_model = margin_model
        self._marks = Marks()
        self._now = 0
        self._seq = 0
        self._input: object = None
        self._records: dict[str, _Record] = {}

    def histories(self) -> Mapping[str, StrategyHistory]:
        """Strategy id -> its past up to the last close."""
        return MappingProxyType({key: one.history() for key, one in self._records.items()})

    def __call__(self, hop: Hop) -> None:
        """Told every message before it is handled."""
        message = hop.message
        if hop.seq != self._seq:  # the first message of an input is the input itself
            self._seq, self._input = hop.seq, message
            self._take_prices(message)
        if isinstance(message, BooksMoved):
            self._on_moved(message)
        elif isinstance(message, BooksClosed):
            self._on_closed(message)
        elif isinstance(message, HoldingsChanged):
            self._catalog = message.catalog

    def _take_prices(self, message: object) -> None:
        if isinstance(message, MarketSlice):
            self._marks.update(message)
            self._now = message.ts_event
        elif isinstance(message, OrderFilledReport | ExternalFillReport):
            self._marks.start_at(message.instrument_id, message.last_px)

    def _on_moved(self, message: BooksMoved) -> None:
        # A settlement, an expiry or a split changes what is held, and nobody bought or sold it.
        is_trade = not isinstance(self._input, CAPITAL_INPUTS)
        for before, after in message.changes:
            if after.book_id in RESERVED_BOOK_IDS:
                continue
            record = self._records.setdefault(after.book_id, _Record())
            if is_trade:
                _count(record, message.instrument_id, before, after)
            self._keep_expiries(record, after)
            self._keep_margin(record, after)

    def _on_closed(self, message: BooksClosed) -> None:
        if not isinstance(self._input, SessionClosed):
            return
        day = day_of(self._input.ts_event)
        for book, equity in zip(message.books, message.equities, strict=True):
            if book.book_id in RESERVED_BOOK_IDS:
                continue
            record = self._records.setdefault(book.book_id, _Record())
            self._keep_expiries(record, book)
            self._keep_margin(record, book)
            self._close_session(record, book, equity, day)
            self._keep_margin(record, book)  # what it holds overnight, the next session begins with

    def _close_session(self, record: _Record, book: Book, equity: Decimal, day: int) -> None:
        capital = _capital_given(book, self._catalog)
        flow = subtract(capital, record.capital) if record.equity else ZERO
        if day in record.equity:  # a second close on one day continues it
            flow = add(flow, record.equity[day].flow)
        record.capital = capital
        record.equity[day] = EquityPoint(day, equity, flow)
        for instrument_id in dict.fromkeys((*book.positions, *record.session)):
            traded = record.session.get(instrument_id) or _Traded()
            of_day = record.traded.setdefault((day, instrument_id), _Traded())
            of_day.held = book.quantity(instrument_id)
            of_day.bought = add(of_day.bought, traded.bought)
            of_day.sold = add(of_day.sold, traded.sold)
        if record.margins is not None:
            record.margins[day] = max(record.margins.get(day, ZERO), record.session_margin)
        record.session, record.session_margin = {}, ZERO

    def _keep_expiries(self, record: _Record, book: Book) -> None:
        for instrument_id in book.positions:
            instrument = self._catalog.get(instrument_id)
            if isinstance(instrument, OptionContract):
                expiry = OptionExpiry(instrument.underlying_id, day_of(instrument.expiry_ts))
                record.expiries[expiry] = None

    def _keep_margin(self, record: _Record, book: Book) -> None:
        if not book.positions or record.margins is None:
            return
        held = {key: position.quantity for key, position in book.positions.items()}
        try:
            amount = self._margin_model.margin_of(
                held, self._catalog, self._marks, now=self._now
            ).initial
        except (UnpricedError, UnknownInstrumentError):
            record.margins = None
            return
        if not amount.is_finite():
            record.margins = None
            return
        record.session_margin = max(record.session_margin, amount)


def _count(record: _Record, instrument_id: str, before: Book, after: Book) -> None:
    change = subtract(after.quantity(instrument_id), before.quantity(instrument_id))
    if not change:
        return
    traded = record.session.setdefault(instrument_id, _Traded())
    if change > 0:
        traded.bought = add(traded.bought, change)
    else:
        traded.sold = subtract(traded.sold, change)


def _capital_given(book: Book, catalog: InstrumentCatalog) -> Decimal:
    """What was put into a book and not taken out, by its own accounts: cash, and what is tied up in
    positions at cost, less gains, plus fees. Prices play no part."""
    total = subtract(add(book.cash, book.fees), book.realized_pnl)
    for gain in book.unsettled.values():
        total = add(total, gain)
    for position in book.positions.values():
        if not isinstance(catalog.get(position.instrument_id), Future):
            total = add(total, position.cost)
    return total
