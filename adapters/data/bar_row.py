"""One row of a file as a ``Bar``, or the reason why it is none.

The rules of a single row live here: numbers, times, prices that fit each other. Rules that need
other rows (order, duplicates, holes) live in ``bar_files`` and ``bar_gap``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from orchestrion.adapters.data.number import number_e9
from orchestrion.adapters.data.table import Cell
from orchestrion.domain.errors import MarketDataError
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import Bar

COLUMNS = ("instrument_id", "ts_event", "ts_open", "open", "high", "low", "close", "volume")
_PRICE_RANGE = ("open", "high", "low")

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)
_INTEGER = re.compile(r"-?\d+", re.ASCII)
_FINER_THAN_MICROSECONDS = re.compile(r"[.,]\d{7}")
# A date like 20140103, seconds and milliseconds are all smaller; nanoseconds were in 1973.
_NANOSECONDS_MIN = 10**17


class BarFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of bars. The columns are described in ``bar_files``.

    ``instrument_id``: whose bars they are, for a file without that column.
    ``bar_length_ns``: how long before ``ts_event`` a bar opened, for a file with open, high and low
    but no ``ts_open``: 6.5 hours for a day on the New York exchange, one minute for minute bars.
    ``allow_negative_prices``: prices of zero and below are right (spreads, some commodities).
    """

    path: Path
    instrument_id: str | None = None
    bar_length_ns: int | None = None
    allow_negative_prices: bool = False


class BarRowReader:
    """Turns the rows of one file into bars."""

    def __init__(
        self,
        file: BarFile,
        columns: Sequence[str],
        catalog: InstrumentCatalog,
        *,
        interval_ns: int | None,
    ) -> None:
        """``columns`` must have passed ``column_faults``."""
        self._width = len(columns)
        at = {name: position for position, name in enumerate(columns)}
        self._file, self._catalog = file, catalog
        self._id_at, self._event_at = at.get("instrument_id"), at["ts_event"]
        self._open_at, self._volume_at = at.get("ts_open"), at.get("volume")
        self._close_at = at["close"]
        self._range_at = [at[name] for name in _PRICE_RANGE] if "open" in at else None
        self._length_ns = file.bar_length_ns or interval_ns or 0

    def instrument_id(self, cells: Sequence[Cell]) -> str:
        """Whose row it is, as written; for messages about rows that are no bars."""
        if self._id_at is None:
            return self._file.instrument_id or ""
        return str(cells[self._id_at]).strip() if self._id_at < len(cells) else ""

    def bar(self, cells: Sequence[Cell], *, previous: Bar | None) -> Bar:
        """The row as a bar; ``previous`` is the last bar of the same instrument.

        Raises:
            MarketDataError: without the place, which the caller knows.
        """
        if len(cells) != self._width:
            raise MarketDataError(f"{len(cells)} cells, the header has {self._width}")
        instrument = self._catalog.get(self.instrument_id(cells))
        if instrument is None:
            raise MarketDataError("unknown instrument: the configuration does not define it")
        ts_event = _time_ns(cells[self._event_at], "ts_event")
        close = self._price(cells[self._close_at], "close")
        volume = 0 if self._volume_at is None else _volume(cells[self._volume_at])
        if self._range_at is None:
            return Bar(
                instrument.instrument_id, ts_event, ts_event, close, close, close, close, volume
            )
        names = zip(self._range_at, _PRICE_RANGE, strict=True)
        open_, high, low = (self._price(cells[position], name) for position, name in names)
        _check_range(open_, high, low, close)
        ts_open = self._ts_open(cells, ts_event, previous)
        return Bar(instrument.instrument_id, ts_open, ts_event, open_, high, low, close, volume)

    def _price(self, cell: Cell, name: str) -> int:
        price = _number(cell, name)
        if price <= 0 and not self._file.allow_negative_prices:
            raise MarketDataError(
                f"{name} {cell} is not above 0 (allow_negative_prices permits it for a file)"
            )
        return price

    def _ts_open(self, cells: Sequence[Cell], ts_event: int, previous: Bar | None) -> int:
        if self._open_at is None:
            # A day of 23 hours, when clocks change, must not reach into the bar before it.
            ts_open = ts_event - self._length_ns
            return max(ts_open, previous.ts_event) if previous else ts_open
        ts_open = _time_ns(cells[self._open_at], "ts_open")
        if ts_open >= ts_event:
            raise MarketDataError("ts_open is not before ts_event")
        if previous and ts_open < previous.ts_event < ts_event:
            raise MarketDataError("ts_open is before the end of the bar before it")
        return ts_open


def column_faults(
    file: BarFile, columns: Sequence[str], *, interval_ns: int | None
) -> Iterator[str]:
    """What is wrong with a file's header, all of it."""
    for name in dict.fromkeys(columns):
        if name not in COLUMNS:
            yield f"unknown column {name!r}; known are {', '.join(COLUMNS)}"
        if columns.count(name) > 1:
            yield f"column {name!r} stands twice"
    for name in ("ts_event", "close"):
        if name not in columns:
            yield f"missing column {name!r}"
    if ("instrument_id" in columns) == (file.instrument_id is not None):
        yield (
            "missing column 'instrument_id', and the file's configuration names no instrument_id"
            if file.instrument_id is None
            else f"column 'instrument_id', though the configuration says {file.instrument_id!r}: "
            "leave one of the two out"
        )
    yield from _range_faults(file, columns, interval_ns=interval_ns)


def _range_faults(
    file: BarFile, columns: Sequence[str], *, interval_ns: int | None
) -> Iterator[str]:
    present = [name for name in _PRICE_RANGE if name in columns]
    if present and len(present) < len(_PRICE_RANGE):
        missing = [name for name in _PRICE_RANGE if name not in columns]
        yield f"missing column {', '.join(map(repr, missing))}: give open, high and low, or none"
    if present and "ts_open" not in columns and not (file.bar_length_ns or interval_ns):
        yield (
            "missing column 'ts_open': an open, high and low need the time of the open; "
            "or give bar_length_ns for the file"
        )
    if not present and "ts_open" in columns:
        # Otherwise an order could fill at the open, at a price that was known at the close only.
        yield "column 'ts_open' without open, high and low: a close is known at ts_event only"


def _check_range(open_: int, high: int, low: int, close: int) -> None:
    if high < low:
        raise MarketDataError("high is below low")
    if not low <= open_ <= high:
        raise MarketDataError("open is not between low and high")
    if not low <= close <= high:
        raise MarketDataError("close is not between low and high")


def _volume(cell: Cell) -> int:
    volume = _number(cell, "volume")
    if volume < 0:
        raise MarketDataError(f"volume {cell} is below 0")
    return volume


def _number(cell: Cell, name: str) -> int:
    try:
        return number_e9(str(cell))
    except ValueError as error:
        raise MarketDataError(f"{name}: {error}") from None


def _time_ns(cell: Cell, name: str) -> int:
    if isinstance(cell, int):
        return cell
    text = cell.strip()
    if not text:
        raise MarketDataError(f"{name}: the cell is empty")
    if _INTEGER.fullmatch(text):
        return _nanoseconds(int(text), name)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise MarketDataError(
            f"{name} {text!r} is neither an ISO 8601 time nor integer nanoseconds"
        ) from None
    if moment.tzinfo is None:
        raise MarketDataError(f"{name} {text!r} has no zone: write 2014-01-03T16:00:00-05:00")
    if _FINER_THAN_MICROSECONDS.search(text):
        raise MarketDataError(f"{name} {text!r} is finer than a microsecond: use nanoseconds")
    return (moment - _EPOCH) // _MICROSECOND * 1000


def _nanoseconds(value: int, name: str) -> int:
    if abs(value) < _NANOSECONDS_MIN:
        raise MarketDataError(f"{name} {value} is too small for nanoseconds since 1970")
    return value
