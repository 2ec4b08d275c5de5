"""The data that come with the package: five years of daily S&P 500, VIX, WTI and twenty stocks,
and the options and futures that are modelled on them. ``bundled/SOURCES.md`` says what is real.

Four groups of series can be chosen, so that a run pays only for what it reads; the fingerprint
covers the chosen ones. Only ``options`` is large. Every day has a row in every file, so the files
are read side by side, one day at a time.

Read next: ``bundle``, which verifies the files; ``bundled_chain``, which unpacks the quotes.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from importlib.resources import files
from importlib.resources.abc import Traversable
from itertools import groupby
from typing import NamedTuple

import msgspec

from orchestrion.adapters.data.bundle import Bundle
from orchestrion.adapters.data.bundled_chain import UNDERLYING_ID, BundledChains
from orchestrion.adapters.data.number import number_e9
from orchestrion.adapters.data.source import content_fingerprint
from orchestrion.domain.errors import ConfigurationError, MarketDataError
from orchestrion.domain.models.instrument import Instrument, InstrumentCatalog
from orchestrion.domain.models.market import Bar, MarketData, MarketSlice, OptionChain, OptionQuote

SERIES = ("index", "stocks", "futures", "options")
"""``index``: SPX, VIX, WTI. ``stocks``: twenty tickers. ``futures``: SPXF-YYYYMM, WTIF-YYYYMM.
``options``: one chain a day on SPX. Futures and options settle at an index, so they bring it."""

_PACKAGE = "orchestrion.adapters.data.bundled"
_SESSIONS = "sessions.csv.gz"
_EXPIRIES, _QUOTES = "option_expiries.csv.gz", "option_quotes.csv.gz"
_FILES = {
    "index": ("indices.json", "indices.csv.gz"),
    "stocks": ("stocks.json", "stocks.csv.gz"),
    "futures": ("futures.json", "futures.csv.gz"),
    "options": (_EXPIRIES, _QUOTES),
}
_NEED_INDEX = frozenset({"futures", "options"})
_NOTES = {
    "stocks": "stocks: adjusted closes",
    "futures": "SPXF and WTIF futures: modelled quotes (real SPX and WTI, constant carry)",
    "options": "SPX options: modelled quotes (Black-Scholes on the real SPX and VIX)",
}


class _Session(NamedTuple):
    day: str
    ts_open: int
    ts_event: int


class BundledData:
    """The bundled set as a data source, one slice per trading day."""

    def __init__(
        self, series: Collection[str] | None = None, *, folder: Traversable | None = None
    ) -> None:
        """Reads and verifies the files of the chosen series.

        Args:
            series: names out of ``SERIES``; None is all of them.
            folder: another folder with a set of this format.

        Raises:
            ConfigurationError: an unknown series, or none.
            MarketDataError: a file is missing or damaged; the message names it.
        """
        self.series = _chosen(series)
        bundle = Bundle(files(_PACKAGE) if folder is None else folder)
        names = [_SESSIONS, *(name for group in self.series for name in _FILES[group])]
        self._contents = {name: bundle.read(name) for name in names}
        self._fingerprint = content_fingerprint(
            f"{name} {bundle.manifest.files[name].sha256} {bundle.manifest.format_version}".encode()
            for name in names
        )
        self._sessions = [_session(row) for row in self._rows(_SESSIONS)]
        has_options = "options" in self.series
        self._chains = BundledChains(self._rows(_EXPIRIES)) if has_options else None
        self._catalog = InstrumentCatalog(self._instruments())

    @property
    def name(self) -> str:
        return "bundled"

    @property
    def notes(self) -> tuple[str, ...]:
        return tuple(_NOTES[group] for group in self.series if group in _NOTES)

    def catalog(self) -> InstrumentCatalog:
        return self._catalog

    def slice_count(self) -> int | None:
        return len(self._sessions)

    def fingerprint(self) -> str:
        return self._fingerprint

    def slices(self) -> Iterator[MarketSlice]:
        bar_days = [self._days(_FILES[group][1]) for group in self.series if group != "options"]
        chain_days = self._days(_QUOTES) if self._chains else None
        for session in self._sessions:
            bars = [_bar(row, session) for days in bar_days for row in _next_day(days, session)]
            items: list[MarketData] = [*bars]
            if self._chains and chain_days:
                quotes = self._chains.quotes(_next_day(chain_days, session))
                items.append(_chain(bars, session, quotes))
            yield MarketSlice.of(items)

    def _instruments(self) -> Iterator[Instrument]:
        for group in self.series:
            if group != "options":
                content = self._contents[_FILES[group][0]]
                yield from msgspec.json.decode(content, type=list[Instrument])
        if self._chains:
            yield from self._chains.contracts()

    def _rows(self, name: str) -> list[str]:
        return self._contents[name].decode().splitlines()[1:]

    def _days(self, name: str) -> Iterator[tuple[str, Iterator[str]]]:
        return groupby(self._rows(name), key=_first_cell)


def _chosen(series: Collection[str] | None) -> tuple[str, ...]:
    """The groups in fixed order, with the index where another group needs it."""
    if series is None:
        return SERIES
    unknown = sorted({str(name) for name in series} - set(SERIES))
    if isinstance(series, str) or unknown or not series:
        raise ConfigurationError(
            f"bundled data: series {series!r}: give one or more of {', '.join(SERIES)}"
        )
    wanted = {*series, "index"} if _NEED_INDEX.intersection(series) else {*series}
    return tuple(name for name in SERIES if name in wanted)


def _session(row: str) -> _Session:
    day, ts_open, ts_event = row.split(",")
    return _Session(day, int(ts_open), int(ts_event))


def _first_cell(row: str) -> str:
    return row[: row.index(",")]


def _next_day(days: Iterator[tuple[str, Iterator[str]]], session: _Session) -> Iterator[str]:
    day, rows = next(days, ("no day", iter(())))
    if day != session.day:
        raise MarketDataError(f"bundled data: {day} where the sessions have {session.day}")
    return rows


def _bar(row: str, session: _Session) -> Bar:
    _, instrument_id, open_, high, low, close, volume = row.split(",")
    close_e9, ts_event = number_e9(close), session.ts_event
    if not open_:
        return Bar(instrument_id, ts_event, ts_event, close_e9, close_e9, close_e9, close_e9)
    return Bar(
        instrument_id,
        session.ts_open,
        ts_event,
        number_e9(open_),
        number_e9(high),
        number_e9(low),
        close_e9,
        number_e9(volume or "0"),
    )


def _chain(bars: Iterable[Bar], session: _Session, quotes: tuple[OptionQuote, ...]) -> OptionChain:
    underlying = next(bar for bar in bars if bar.instrument_id == UNDERLYING_ID)
    return OptionChain(UNDERLYING_ID, session.ts_event, underlying.close_e9, quotes, modelled=True)
