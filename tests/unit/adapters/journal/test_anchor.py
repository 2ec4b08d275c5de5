"""What was durable and is gone is refused; what was never durable is not missed."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrion.adapters.journal.anchor import Anchor, anchor_path, read_anchor
from orchestrion.adapters.journal.sqlite_journal import Durability, SqliteJournal
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.runtime.errors import JournalDamagedError
from orchestrion.runtime.journal import Record, RecordKind
from orchestrion.testing.journal import TRAILER, header_of, record_of


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal that was cut off: three records durable, two more written and not synced."""
    path = tmp_path / "run.sqlite"
    journal = SqliteJournal(path, durability=Durability.FULL)
    journal.begin(header_of())
    for seq in (1, 2, 3):
        journal.append(record_of(seq))
    journal.sync()
    noted = anchor_path(path).read_bytes()
    for seq in (4, 5):
        journal.append(record_of(seq))
    journal.close()
    anchor_path(path).write_bytes(noted)
    return path


def seqs(path: Path) -> list[int]:
    return [record.seq for record in SqliteJournalReader(path).records()]


def drop_last(path: Path, count: int) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(
            "DELETE FROM records WHERE position > (SELECT max(position) FROM records) - ?", (count,)
        )


@pytest.mark.parametrize(("dropped", "left"), [(0, 5), (1, 4), (2, 3)])
def test_tail_that_was_never_durable_is_not_missed(path: Path, dropped: int, left: int) -> None:
    drop_last(path, dropped)
    assert len(seqs(path)) == left


def test_tail_that_was_durable_is_missed(path: Path) -> None:
    drop_last(path, 3)
    with pytest.raises(JournalDamagedError, match=r"ends at position 2, but position 3 was dura"):
        seqs(path)


def test_other_record_at_the_place_of_the_anchor_is_refused(path: Path, tmp_path: Path) -> None:
    other = SqliteJournal(tmp_path / "other.sqlite", durability=Durability.FULL)
    other.begin(header_of(seed=8))
    for seq in (1, 2, 3):
        other.append(record_of(seq))
    other.close()
    shutil.copy(other.path, path)
    with pytest.raises(JournalDamagedError, match=r"position 3 is not the record that was made"):
        seqs(path)


@pytest.mark.parametrize("content", [b"", b"x" * 39])
def test_part_of_an_anchor_says_nothing(path: Path, content: bytes) -> None:
    anchor_path(path).write_bytes(content)
    assert read_anchor(path) is None
    drop_last(path, 4)
    assert seqs(path) == [1]


def test_finished_journal_needs_no_anchor(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "run.sqlite", durability=Durability.FULL)
    journal.begin(header_of())
    journal.append(record_of(1))
    journal.sync()
    assert read_anchor(journal.path) == Anchor(1, journal._chain)
    journal.finish(TRAILER)
    journal.close()
    assert read_anchor(journal.path) is None


def test_relaxed_journal_has_none(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "run.sqlite", durability=Durability.RELAXED)
    journal.begin(header_of())
    journal.sync()
    assert read_anchor(journal.path) is None
    journal.close()


def test_anchor_is_forty_bytes_and_says_the_latest_alone(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "run.sqlite", durability=Durability.FULL)
    journal.begin(header_of())
    for seq in (1, 2, 3):
        journal.append(record_of(seq))
        journal.sync()
        content = anchor_path(journal.path).read_bytes()
        assert content == seq.to_bytes(8, "big") + journal._chain
    journal.close()


def test_anchor_that_somebody_took_away_is_not_missed_at_the_end(tmp_path: Path) -> None:
    journal = SqliteJournal(tmp_path / "run.sqlite", durability=Durability.FULL)
    journal.begin(header_of())
    journal.finish(TRAILER)
    anchor_path(journal.path).unlink()
    journal.close()
    assert seqs(journal.path) == []


# -- snapshots -------------------------------------------------------------------------------------


def snapshot_of(seq: int) -> Record:
    return Record(seq, RecordKind.SNAPSHOT, "SystemSnapshot", seq, b'{"state":1}')


@pytest.fixture
def with_snapshots(tmp_path: Path) -> Path:
    journal = SqliteJournal(tmp_path / "run.sqlite", durability=Durability.RELAXED)
    journal.begin(header_of())
    for record in (record_of(1), snapshot_of(1), record_of(2), snapshot_of(2), record_of(3)):
        journal.append(record)
    journal.close()
    return journal.path


def test_latest_snapshot_is_found_and_what_follows_it_is_read(with_snapshots: Path) -> None:
    reader = SqliteJournalReader(with_snapshots)
    found = reader.snapshot()
    assert found is not None
    assert (found.position, found.record) == (4, snapshot_of(2))
    assert [one.seq for one in reader.records(after=found.position)] == [3]
    assert len(list(reader.records())) == 5


def test_journal_without_snapshots_has_none(path: Path) -> None:
    assert SqliteJournalReader(path).snapshot() is None


def test_altered_snapshot_is_refused(with_snapshots: Path) -> None:
    with closing(sqlite3.connect(with_snapshots)) as connection, connection:
        connection.execute("UPDATE records SET body = '{\"state\":2}' WHERE position = 4")
    with pytest.raises(JournalDamagedError, match="position 4"):
        SqliteJournalReader(with_snapshots).snapshot()


def test_altered_record_behind_the_snapshot_is_refused(with_snapshots: Path) -> None:
    with closing(sqlite3.connect(with_snapshots)) as connection, connection:
        connection.execute("UPDATE records SET ts = ts + 1 WHERE position = 5")
    with pytest.raises(JournalDamagedError, match="position 5"):
        list(SqliteJournalReader(with_snapshots).records(after=4))


def test_last_chain_is_that_of_the_last_record(with_snapshots: Path) -> None:
    reader = SqliteJournalReader(with_snapshots)
    with closing(sqlite3.connect(with_snapshots)) as connection:
        (chain,) = connection.execute("SELECT chain FROM records WHERE position = 5").fetchone()
    assert reader.last_chain() == chain
