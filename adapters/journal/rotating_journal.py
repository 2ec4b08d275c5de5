"""``RotatingJournal``: one journal to whoever writes it, a chain of segments in the store.

A run that goes on for months would make one file that nobody can copy or read in one go. When the
present segment has grown beyond a bound, the session finishes it at its next close and begins the
next one with a snapshot. Nothing is lost in between: the finished segment is durable before the
next one is made, and that names its last hash.
"""

from __future__ import annotations

import msgspec

from orchestrion.runtime.errors import JournalError
from orchestrion.runtime.journal import Journal, JournalHeader, JournalTrailer, Record
from orchestrion.runtime.journal_store import JournalStore


class RotatingJournal:
    """See the module's text; written to like any journal.

    Attributes:
        header: of the present segment.
    """

    def __init__(self, store: JournalStore, header: JournalHeader, *, records_max: int) -> None:
        """Begins the first segment.

        Args:
            records_max: above it a segment is to be left at the next occasion, at least 1.

        Raises:
            JournalError: it cannot be made.
        """
        if records_max < 1:
            raise ValueError(f"records_max must be at least 1, got {records_max}")
        self.header = header
        self._store = store
        self._records_max = records_max
        self._records = 0
        self._journal: Journal = store.begin(header)

    @property
    def is_grown(self) -> bool:
        """Whether the present segment is to be left."""
        return self._records > self._records_max

    def rotate(self, trailer: JournalTrailer, snapshot: Record) -> None:
        """Finishes the present segment and begins the next one with a snapshot, durable.

        Raises:
            JournalError: one of both cannot be written; nothing may be sent any more.
        """
        self._journal.finish(trailer)
        self._journal.close()
        left = self._store.segments()[-1]
        self.header = msgspec.structs.replace(
            self.header,
            segment=self.header.segment + 1,
            previous=left.name,
            previous_chain=left.reader.last_chain().hex(),
            stalls=(),
        )
        self._journal = self._store.begin(self.header)
        self._records = 0
        self.append(snapshot)
        self.sync()

    def begin(self, header: JournalHeader) -> None:  # noqa: ARG002
        """
        Raises:
            JournalError: it has begun, when it was made.
        """
        raise JournalError("a rotating journal has begun already")

    def append(self, record: Record) -> None:
        """See ``Journal``."""
        self._records += 1
        self._journal.append(record)

    def sync(self) -> None:
        """See ``Journal``."""
        self._journal.sync()

    def finish(self, trailer: JournalTrailer) -> None:
        """See ``Journal``; of the present segment."""
        self._journal.finish(trailer)

    def close(self) -> None:
        """See ``Journal``."""
        self._journal.close()
