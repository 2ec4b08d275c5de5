"""The bars of one file in time order, each with its place; faults go to whoever reads.

A fault is reported, not raised: the reader of a run raises it, a check collects it and goes on
with the next row. Either way a row with a fault never becomes a bar.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeAlias

from orchestrion.adapters.data.bar_row import BarFile, BarRowReader, column_faults
from orchestrion.adapters.data.table import Row, Table, open_table, row_place
from orchestrion.domain.errors import MarketDataError
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import Bar

Report: TypeAlias = Callable[[MarketDataError], None]


class PlacedBar(NamedTuple):
    """A bar and where it stands. Sorts by time, file, row: no two are equal in these three."""

    ts_event: int
    file_position: int
    row_number: int
    bar: Bar


class BarStream:
    """One reading of one file."""

    def __init__(
        self, file: BarFile, file_position: int, catalog: InstrumentCatalog, *, report: Report
    ) -> None:
        self._file = file
        self._file_position = file_position
        self._catalog = catalog
        self._report = report
        self._last_ts: int | None = None
        self._last_bar: dict[str, Bar] = {}

    def bars(self, *, interval_ns: int | None) -> Iterator[PlacedBar]:
        """Every row that is a bar. The file is open until the iteration ends."""
        try:
            with open_table(self._file.path) as table:
                if self._is_usable(table, interval_ns):
                    reader = BarRowReader(
                        self._file, table.columns, self._catalog, interval_ns=interval_ns
                    )
                    yield from self._rows(reader, table)
        except MarketDataError as fault:
            self._report(fault)

    def _is_usable(self, table: Table, interval_ns: int | None) -> bool:
        instrument_id = self._file.instrument_id
        if not table.columns:
            faults = ["the file is empty"]
        elif instrument_id is not None and instrument_id not in self._catalog:
            faults = [f"unknown instrument {instrument_id!r}: the configuration does not define it"]
        else:
            faults = list(column_faults(self._file, table.columns, interval_ns=interval_ns))
        for fault in faults:
            self._report(MarketDataError(f"{self._file.path}: {fault}"))
        return not faults

    def _rows(self, reader: BarRowReader, table: Table) -> Iterator[PlacedBar]:
        row: Row | None = None
        for row in table.rows:
            bar = self._bar(reader, row)
            if bar is not None:
                yield PlacedBar(bar.ts_event, self._file_position, row.number, bar)
        if row is None:
            self._report(MarketDataError(f"{self._file.path}: the file is empty below its header"))

    def _bar(self, reader: BarRowReader, row: Row) -> Bar | None:
        instrument_id = reader.instrument_id(row.cells)
        try:
            bar = reader.bar(row.cells, previous=self._last_bar.get(instrument_id))
            self._check_order(bar)
        except MarketDataError as error:
            fault = error
        else:
            self._last_ts = bar.ts_event
            self._last_bar[bar.instrument_id] = bar
            return bar
        place = row_place(self._file.path, row.number)
        named = f"{place}, {instrument_id}" if instrument_id else place
        self._report(MarketDataError(f"{named}: {fault}"))
        return None

    def _check_order(self, bar: Bar) -> None:
        previous = self._last_bar.get(bar.instrument_id)
        if previous and bar.ts_event == previous.ts_event:
            raise MarketDataError("duplicate time: the instrument has a bar with this ts_event")
        if self._last_ts is not None and bar.ts_event < self._last_ts:
            raise MarketDataError("time goes back: ts_event is before that of an earlier row")
