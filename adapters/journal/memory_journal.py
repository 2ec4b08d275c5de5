"""A journal in memory: for tests, and for programs that embed a run and keep no file.

It accepts and refuses what the file does, so a test that passes here holds there too; both run the
suite in ``orchestrion.testing``. It keeps every record (about 250 bytes and the body), and nothing
of it outlives the process.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from orchestrion.adapters.journal.schema import header_row, require_storable, require_writable
from orchestrion.adapters.journal.stage import JournalStage, require_stage
from orchestrion.runtime.errors import JournalError, JournalFormatError
from orchestrion.runtime.journal import (
    JournalHeader,
    JournalTrailer,
    Record,
    RecordKind,
    Snapshot,
    chain_hash,
)

_OPEN = JournalStage.OPEN  # a name of the module is cheaper to look up


class MemoryJournal:
    """Writer and reader in one; see ``Journal`` and ``JournalReader``.

    Attributes:
        synced_records: how many records from the start ``sync`` has covered: what a crash now
            would leave if this were a file.
    """

    def __init__(self) -> None:
        self.synced_records = 0
        self._stage = JournalStage.NEW
        self._header: JournalHeader | None = None
        self._records: list[Record] = []
        self._trailer: JournalTrailer | None = None

    @property
    def header(self) -> JournalHeader:
        """The header; readable once ``begin`` was called.

        Raises:
            JournalFormatError: nothing was begun.
        """
        if self._header is None:
            raise JournalFormatError("the journal in memory has no header: nothing was begun")
        return self._header

    @property
    def trailer(self) -> JournalTrailer | None:
        """None until the run has ended in order."""
        return self._trailer

    def snapshot(self) -> Snapshot | None:
        """The latest snapshot, or None."""
        for position in range(len(self._records), 0, -1):
            record = self._records[position - 1]
            if record.kind is RecordKind.SNAPSHOT:
                return Snapshot(position, record)
        return None

    def last_chain(self) -> bytes:
        """The running hash after the last record; worked out when it is asked for."""
        _, chain = header_row(self.header)
        for record in self._records:
            chain = chain_hash(chain, record)
        return chain

    def records(self, *, verify: bool = True, after: int = 0) -> Iterator[Record]:  # noqa: ARG002
        """The records appended before this call. Memory is not altered behind our back."""
        return islice(self._records, after, len(self._records))

    def begin(self, header: JournalHeader) -> None:
        """Keeps the header."""
        self._require(JournalStage.NEW, "begin")
        require_writable(header)
        self._header = header
        self._stage = JournalStage.OPEN

    def append(self, record: Record) -> None:
        """Adds a record behind all others."""
        if self._stage is not _OPEN:
            self._require(_OPEN, "append")
        try:
            require_storable(record)
        except JournalError:
            self._stage = JournalStage.FAILED
            raise
        self._records.append(record)

    def sync(self) -> None:
        """Counts everything appended so far as durable."""
        if self._stage is not JournalStage.FINISHED:
            self._require(JournalStage.OPEN, "sync")
        self.synced_records = len(self._records)

    def finish(self, trailer: JournalTrailer) -> None:
        """Keeps the trailer; nothing can be appended any more."""
        self._require(JournalStage.OPEN, "finish")
        self.sync()
        self._trailer = trailer
        self._stage = JournalStage.FINISHED

    def close(self) -> None:
        """Ends writing; what was written stays readable."""
        if self._stage is JournalStage.OPEN:
            self.sync()
        self._stage = JournalStage.CLOSED

    def _require(self, stage: JournalStage, action: str) -> None:
        require_stage(stage, actual=self._stage, action=action, place="journal in memory")
