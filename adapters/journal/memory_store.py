"""A chain of journals in memory: for tests, and for embeddings that keep nothing."""

from __future__ import annotations

from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.runtime.journal import JournalHeader
from orchestrion.runtime.journal_store import Segment


class MemoryStore:
    """See ``JournalStore``."""

    def __init__(self) -> None:
        self._journals: list[MemoryJournal] = []

    def segments(self) -> tuple[Segment, ...]:
        """All segments, oldest first."""
        return tuple(
            Segment(f"{number:06}", journal) for number, journal in enumerate(self._journals, 1)
        )

    def begin(self, header: JournalHeader) -> MemoryJournal:
        """A new segment behind all others."""
        journal = MemoryJournal()
        journal.begin(header)
        self._journals.append(journal)
        return journal

    def close(self) -> None:
        """Nothing to let go of."""
