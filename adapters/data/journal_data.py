"""The market data of a recorded run, as a data source.

A paper or live journal holds its slices; a backtest's names its data by hash, and they are read
from where they lie. Either way the slices are those that the run saw, in its order.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec

from orchestrion.adapters.data.source import DataSource, content_fingerprint
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice
from orchestrion.runtime.journal import RecordKind

_NAME = MarketSlice.__name__


class JournalData:
    """A data source over the journal of a run; ``origin`` is the source that the run had."""

    def __init__(self, path: Path, origin: DataSource) -> None:
        self._reader = SqliteJournalReader(path)
        self._origin = origin
        self._count = sum(1 for _ in self._recorded())

    @property
    def name(self) -> str:
        return f"{self._origin.name} as recorded in {self._reader.path.name}"

    @property
    def notes(self) -> tuple[str, ...]:
        return self._origin.notes

    def catalog(self) -> InstrumentCatalog:
        return self._origin.catalog()

    def slices(self) -> Iterator[MarketSlice]:
        return self._recorded() if self._count else self._origin.slices()

    def slice_count(self) -> int | None:
        return self._count or self._origin.slice_count()

    def fingerprint(self) -> str:
        if not self._count:
            return self._origin.fingerprint()
        return content_fingerprint(msgspec.json.encode(one) for one in self._recorded())

    def _recorded(self) -> Iterator[MarketSlice]:
        decode = msgspec.json.Decoder(MarketSlice).decode
        return (
            decode(record.body)
            for record in self._reader.records()
            if record.kind is RecordKind.INPUT and record.name == _NAME
        )
