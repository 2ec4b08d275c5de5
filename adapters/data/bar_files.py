"""The user's own bars, from CSV (plain or gzip) and Parquet files, as a data source.

Columns, in any order, named in the first line; every other name is refused:

=================  =================================================================================
``ts_event``       when the bar was complete: ISO 8601 with a zone (``2014-01-03T16:00:00-05:00``)
                   or integer nanoseconds since 1970 UTC; in Parquet also a timestamp with a zone
``close``          plain decimal number above 0, at most nine decimals
``open``           with ``high`` and ``low``: all three, or none for a series of closes
``high``, ``low``  low <= open, close <= high
``ts_open``        when the bar opened, like ``ts_event``; only with ``open``. Without the column:
                   the file's ``bar_length_ns`` or the set's ``interval_ns`` before ``ts_event``
``volume``         optional, >= 0
``instrument_id``  whose bar it is; left out when the configuration names one instrument per file
=================  =================================================================================

Rows stand in time order (``ts_event``, all instruments of a file together). The files of a set
are merged by time; all of them are open meanwhile. Every fault is a ``MarketDataError`` that names
file, line and instrument: ``slices`` raises the first when it gets there, ``check`` reads
everything and lists the faults before a run starts.

Read next: ``bar_row`` for the rules of one row, ``bar_gap`` for holes.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from operator import itemgetter
from typing import NoReturn

import msgspec

from orchestrion.adapters.data.bar_gap import gap_rule
from orchestrion.adapters.data.bar_row import BarFile
from orchestrion.adapters.data.bar_stream import BarStream, PlacedBar, Report
from orchestrion.adapters.data.source import content_fingerprint
from orchestrion.adapters.data.table import content_sha256, row_place
from orchestrion.domain.errors import ConfigurationError, MarketDataError
from orchestrion.domain.models.instrument import Instrument, InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice

__all__ = ["FAULTS_MAX", "BarFile", "BarFiles"]

FAULTS_MAX = 20
"""After so many faults ``check`` stops; arbitrary, a screen full."""

_FORMAT = b"bar-files-1"
_ts_event = itemgetter(0)


class _EnoughFaultsError(Exception):
    """``check`` has seen as many faults as it lists. Never leaves this module."""


class BarFiles:
    """A set of bar files as a data source."""

    def __init__(
        self,
        files: Sequence[BarFile],
        instruments: Iterable[Instrument],
        *,
        interval_ns: int | None = None,
        allow_gaps: bool = False,
        name: str = "bar files",
        notes: Iterable[str] = (),
        currency: str = "USD",
    ) -> None:
        """Opens nothing yet.

        Args:
            files: what to read; the order does not matter.
            instruments: definitions of every instrument that the files name.
            interval_ns: the length of a bar, at most a day; enables the search for holes.
            allow_gaps: no search for holes, although the interval is known.
            name: what tables and logs call the set.
            notes: what every output that rests on the set must say.
            currency: of the account; instruments in another one are refused.

        Raises:
            ConfigurationError: no files, a length that is not positive, or unusable instruments.
        """
        if not files:
            raise ConfigurationError(f"{name}: no files are given")
        for file in files:
            if file.bar_length_ns is not None and file.bar_length_ns <= 0:
                raise ConfigurationError(f"{file.path}: bar_length_ns must be above 0")
        gap_rule(interval_ns)
        self._files = tuple(files)
        self._catalog = InstrumentCatalog(instruments, currency=currency)
        self._interval_ns = interval_ns
        self._allow_gaps = allow_gaps
        self._name = name
        self._notes = tuple(notes)

    @property
    def name(self) -> str:
        return self._name

    @property
    def notes(self) -> tuple[str, ...]:
        return self._notes

    def catalog(self) -> InstrumentCatalog:
        return self._catalog

    def slices(self) -> Iterator[MarketSlice]:
        return self._read(_raise)

    def slice_count(self) -> int | None:
        return None

    def fingerprint(self) -> str:
        """
        Raises:
            MarketDataError: a file is missing or cannot be read.
        """
        # The file's path is no content; what the configuration adds to its rows is.
        settings = (self._interval_ns, self._allow_gaps)
        return content_fingerprint(
            (
                _FORMAT,
                msgspec.json.encode(settings),
                msgspec.json.encode(list(self._catalog)),
                *sorted(_file_fingerprint(file) for file in self._files),
            )
        )

    def check(self, *, faults_max: int = FAULTS_MAX) -> tuple[MarketDataError, ...]:
        """Reads everything and lists what is wrong, at most ``faults_max`` faults."""
        faults: list[MarketDataError] = []

        def collect(fault: MarketDataError) -> None:
            faults.append(fault)
            if len(faults) >= faults_max:
                raise _EnoughFaultsError

        try:
            for _ in self._read(collect):
                pass
        except _EnoughFaultsError:
            pass
        return tuple(faults)

    def _read(self, report: Report) -> Iterator[MarketSlice]:
        """Slices of all rows without a fault; each fault is reported, and may be raised there."""
        rule = None if self._allow_gaps else gap_rule(self._interval_ns)
        streams = (self._stream(position, report) for position in range(len(self._files)))
        for _, group in groupby(heapq.merge(*streams), key=_ts_event):
            placed = self._by_instrument(group, report)
            bars = [one.bar for one in placed.values()]
            for bar, missing in rule.holes(bars) if rule else ():
                place = self._place(placed[bar.instrument_id])
                report(MarketDataError(f"{place}: a hole: {missing}; fill it, or allow gaps"))
            yield MarketSlice.of(bars)

    def _stream(self, position: int, report: Report) -> Iterator[PlacedBar]:
        stream = BarStream(self._files[position], position, self._catalog, report=report)
        return stream.bars(interval_ns=self._interval_ns)

    def _by_instrument(self, group: Iterable[PlacedBar], report: Report) -> dict[str, PlacedBar]:
        """The bars of one time. Two of one instrument can only come from two files."""
        placed: dict[str, PlacedBar] = {}
        for one in group:
            first = placed.setdefault(one.bar.instrument_id, one)
            if first is not one:
                report(
                    MarketDataError(
                        f"{self._place(one)}: duplicate time, also in {self._place(first)}"
                    )
                )
        return placed

    def _place(self, placed: PlacedBar) -> str:
        path = self._files[placed.file_position].path
        return f"{row_place(path, placed.row_number)}, {placed.bar.instrument_id}"


def _raise(fault: MarketDataError) -> NoReturn:
    raise fault


def _file_fingerprint(file: BarFile) -> bytes:
    settings = (file.instrument_id, file.bar_length_ns, file.allow_negative_prices)
    return msgspec.json.encode(settings) + content_sha256(file.path)
