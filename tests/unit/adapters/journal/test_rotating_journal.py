"""A segment that has grown is finished, and the next one names it and begins with the state."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrion.adapters.journal.journal_directory import JournalDirectory
from orchestrion.adapters.journal.memory_store import MemoryStore
from orchestrion.adapters.journal.rotating_journal import RotatingJournal
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.runtime.errors import JournalError
from orchestrion.runtime.journal import Record, RecordKind
from orchestrion.runtime.journal_store import Segment
from orchestrion.testing.journal import TRAILER, header_of, record_of


def snapshot_of(seq: int) -> Record:
    return Record(seq, RecordKind.SNAPSHOT, "SystemSnapshot", seq, b'{"state":%d}' % seq)


def fill(journal: RotatingJournal, *seqs: int) -> None:
    for seq in seqs:
        journal.append(record_of(seq))


def seqs(segment: Segment) -> list[int]:
    return [one.seq for one in segment.reader.records()]


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_segment_has_grown_above_its_bound_and_not_at_it(store: MemoryStore) -> None:
    journal = RotatingJournal(store, header_of(), records_max=2)
    fill(journal, 1, 2)
    assert not journal.is_grown
    fill(journal, 3)
    assert journal.is_grown


def test_bound_of_one_record_is_the_least(store: MemoryStore) -> None:
    journal = RotatingJournal(store, header_of(), records_max=1)
    fill(journal, 1)
    assert not journal.is_grown
    for too_small in (0, -1):
        with pytest.raises(ValueError, match=f"records_max must be at least 1, got {too_small}"):
            RotatingJournal(store, header_of(), records_max=too_small)
    assert len(store.segments()) == 1


def test_next_segment_counts_its_snapshot_and_begins_anew(store: MemoryStore) -> None:
    journal = RotatingJournal(store, header_of(), records_max=2)
    fill(journal, 1, 2, 3)
    journal.rotate(TRAILER, snapshot_of(3))
    assert not journal.is_grown
    fill(journal, 4)
    assert not journal.is_grown
    fill(journal, 5)
    assert journal.is_grown


def test_chain_of_three_names_each_one_before_it(store: MemoryStore) -> None:
    journal = RotatingJournal(store, header_of(), records_max=1)
    fill(journal, 1, 2)
    journal.rotate(TRAILER, snapshot_of(2))
    fill(journal, 3)
    journal.rotate(TRAILER, snapshot_of(3))
    fill(journal, 4)
    first, second, third = store.segments()
    assert [seqs(one) for one in (first, second, third)] == [[1, 2], [2, 3], [3, 4]]
    assert [one.reader.header.segment for one in (first, second, third)] == [1, 2, 3]
    assert [one.reader.header.previous for one in (second, third)] == [first.name, second.name]
    assert [one.reader.header.previous_chain for one in (second, third)] == [
        first.reader.last_chain().hex(),
        second.reader.last_chain().hex(),
    ]
    assert journal.header == third.reader.header


def test_segment_that_is_left_is_finished_and_closed(store: MemoryStore) -> None:
    journal = RotatingJournal(store, header_of(), records_max=1)
    left = store._journals[0]
    journal.rotate(TRAILER, snapshot_of(1))
    assert left.trailer == TRAILER
    with pytest.raises(JournalError, match="it is closed"):
        left.append(record_of(2))
    # The state that the next start goes on from is durable before anything acts on it.
    assert store._journals[1].synced_records == 1


def test_it_is_written_to_like_any_journal(store: MemoryStore) -> None:
    journal = RotatingJournal(store, header_of(), records_max=9)
    with pytest.raises(JournalError, match="has begun already"):
        journal.begin(header_of())
    fill(journal, 1)
    present = store._journals[0]
    assert present.synced_records == 0
    journal.sync()
    assert present.synced_records == 1
    journal.finish(TRAILER)
    assert present.trailer == TRAILER
    journal.close()
    with pytest.raises(JournalError, match="it is closed"):
        journal.append(record_of(2))


def test_files_are_left_without_side_files_and_unlocked(tmp_path: Path) -> None:
    store = JournalDirectory(tmp_path / "run")
    journal = RotatingJournal(store, header_of(), records_max=1)
    fill(journal, 1, 2)
    journal.rotate(TRAILER, snapshot_of(2))
    names = sorted(one.name for one in (tmp_path / "run").iterdir())
    assert [one for one in names if one.startswith("000001")] == ["000001.sqlite"]
    assert [one.seq for one in SqliteJournalReader(tmp_path / "run/000002.sqlite").records()] == [2]
    journal.close()
    store.close()
