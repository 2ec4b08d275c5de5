from __future__ import annotations

from pathlib import Path

import pytest

from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.runtime.errors import JournalFormatError
from orchestrion.runtime.journal import Journal, JournalReader, RecordKind, Snapshot
from orchestrion.testing.journal import TRAILER, JournalContract, header_of, record_of


class TestMemoryJournal(JournalContract):
    def new_journal(self, directory: Path) -> Journal:
        return MemoryJournal()

    def reader_of(self, journal: Journal) -> JournalReader:
        assert isinstance(journal, MemoryJournal)
        return journal


def test_synced_records_counts_only_what_a_sync_covered() -> None:
    journal = MemoryJournal()
    journal.begin(header_of())
    journal.append(record_of(1))
    assert journal.synced_records == 0
    journal.sync()
    journal.append(record_of(2))
    assert journal.synced_records == 1
    journal.finish(TRAILER)
    assert journal.synced_records == 2


def test_close_covers_what_no_sync_has() -> None:
    journal = MemoryJournal()
    journal.begin(header_of())
    journal.append(record_of(1))
    journal.close()
    assert journal.synced_records == 1


@pytest.mark.parametrize("behind", [0, 1, 2, 3])
def test_latest_snapshot_is_found_wherever_it_stands(behind: int) -> None:
    journal = MemoryJournal()
    journal.begin(header_of())
    assert journal.snapshot() is None
    taken = [record_of(seq, kind=RecordKind.SNAPSHOT) for seq in (1, 2)]
    for record in (*taken, *(record_of(seq) for seq in range(3, 3 + behind))):
        journal.append(record)
    assert journal.snapshot() == Snapshot(2, taken[1])


def test_only_snapshot_is_found_where_a_journal_begins() -> None:
    journal = MemoryJournal()
    journal.begin(header_of())
    taken = record_of(1, kind=RecordKind.SNAPSHOT)
    journal.append(taken)
    assert journal.snapshot() == Snapshot(1, taken)


def test_header_before_begin_is_refused() -> None:
    with pytest.raises(JournalFormatError, match="nothing was begun"):
        _ = MemoryJournal().header


def test_record_appended_while_reading_is_not_seen() -> None:
    journal = MemoryJournal()
    journal.begin(header_of())
    journal.append(record_of(1))
    records = journal.records()
    journal.append(record_of(2))
    assert list(records) == [record_of(1)]
