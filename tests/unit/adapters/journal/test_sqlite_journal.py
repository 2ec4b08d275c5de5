"""The writer: what it refuses, when it commits, and what is left when it fails.

What a killed process leaves is in ``test_killed_writer.py``. A kill never loses what the system
has in memory, so only ``test_full_durability_syncs_every_commit`` stands for power failures.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.adapters.journal import sqlite_journal
from orchestrion.adapters.journal.sqlite_journal import (
    RELAXED_COMMIT_RECORDS,
    Durability,
    SqliteJournal,
    _fold_side_files,
)
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.runtime.errors import JournalError
from orchestrion.runtime.journal import Journal, JournalReader, Record, RecordKind, chain_hash
from orchestrion.testing.journal import (
    TRAILER,
    JournalContract,
    header_of,
    record_of,
    records_of,
    write,
)


class TestSqliteJournalFull(JournalContract):
    def new_journal(self, directory: Path) -> Journal:
        return SqliteJournal(directory / "run.sqlite", durability=Durability.FULL)

    def reader_of(self, journal: Journal) -> JournalReader:
        return _reader_of(journal)


class TestSqliteJournalRelaxed(JournalContract):
    def new_journal(self, directory: Path) -> Journal:
        return SqliteJournal(directory / "run.sqlite", durability=Durability.RELAXED)

    def reader_of(self, journal: Journal) -> JournalReader:
        return _reader_of(journal)


def _reader_of(journal: Journal) -> JournalReader:
    assert isinstance(journal, SqliteJournal)
    return SqliteJournalReader(journal.path)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.sqlite"


@pytest.fixture(params=Durability)
def journal(path: Path, request: pytest.FixtureRequest) -> Iterator[SqliteJournal]:
    journal = SqliteJournal(path, durability=request.param)
    yield journal
    journal.close()


@pytest.fixture
def full_journal(path: Path) -> Iterator[SqliteJournal]:
    journal = SqliteJournal(path, durability=Durability.FULL)
    journal.begin(header_of())
    yield journal
    journal.close()


def _statements(journal: SqliteJournal) -> list[str]:
    """Every statement that SQLite runs from here on."""
    statements: list[str] = []
    journal._connection.set_trace_callback(statements.append)
    return statements


def _fill_disk(journal: SqliteJournal) -> None:
    """No page more may be added: SQLite answers with its own 'database or disk is full'."""
    (pages,) = journal._connection.execute("PRAGMA page_count").fetchone()
    journal._connection.execute(f"PRAGMA max_page_count={pages}")


# ------------------------------------------------------------------------------- refused paths


def test_existing_file_is_refused_and_kept(path: Path) -> None:
    path.write_text("precious")
    with pytest.raises(JournalError, match=r"run\.sqlite: exists already.*another path"):
        SqliteJournal(path, durability=Durability.FULL)
    assert path.read_text() == "precious"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("suffix", ["-wal", "-shm", "-journal"])
def test_side_file_of_an_old_journal_is_refused_and_kept(path: Path, suffix: str) -> None:
    side_file = path.with_name(path.name + suffix)
    side_file.write_text("records of a killed run")
    with pytest.raises(JournalError, match=f"run.sqlite{suffix}: exists already"):
        SqliteJournal(path, durability=Durability.FULL)
    assert list(path.parent.iterdir()) == [side_file]


def test_missing_directory_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match=r"missing/run\.sqlite: the directory .*missing does"):
        SqliteJournal(tmp_path / "missing" / "run.sqlite", durability=Durability.FULL)
    assert list(tmp_path.iterdir()) == []


def test_directory_as_path_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalError, match="is a directory"):
        SqliteJournal(tmp_path, durability=Durability.FULL)


def test_dangling_link_is_refused(path: Path) -> None:
    path.symlink_to(path.with_name("nowhere"))
    with pytest.raises(JournalError, match=r"run\.sqlite: cannot create"):
        SqliteJournal(path, durability=Durability.FULL)
    assert list(path.parent.iterdir()) == [path]


def test_second_writer_is_refused_while_the_first_goes_on(journal: SqliteJournal) -> None:
    journal.begin(header_of())
    with pytest.raises(JournalError, match=r"run\.sqlite: another writer"):
        SqliteJournal(journal.path, durability=Durability.FULL)
    journal.append(record_of(1))
    journal.finish(TRAILER)
    assert list(SqliteJournalReader(journal.path).records()) == [record_of(1)]


def test_unusual_characters_in_the_path_are_taken_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "a b?mode=memory#é%20.sqlite"
    write(SqliteJournal(path, durability=Durability.FULL), records_of(2), trailer=TRAILER)
    assert list(tmp_path.iterdir()) == [path]
    assert list(SqliteJournalReader(path).records()) == records_of(2)


# ------------------------------------------------------------------------------ files left behind


def test_journal_that_was_never_begun_leaves_no_file(journal: SqliteJournal) -> None:
    journal.close()
    assert list(journal.path.parent.iterdir()) == []


def test_finished_journal_is_a_single_file(journal: SqliteJournal) -> None:
    write(journal, records_of(3), trailer=TRAILER)
    assert list(journal.path.parent.iterdir()) == [journal.path]


def test_journal_that_was_closed_early_keeps_its_anchor(full_journal: SqliteJournal) -> None:
    full_journal.append(record_of(1))
    full_journal.sync()
    full_journal.close()
    anchor = full_journal.path.with_name("run.sqlite.anchor")
    assert sorted(full_journal.path.parent.iterdir()) == [full_journal.path, anchor]


def test_closed_journal_holds_no_connection(journal: SqliteJournal) -> None:
    write(journal, [], trailer=TRAILER)
    with pytest.raises(sqlite3.ProgrammingError, match="closed"):
        journal._connection.execute("SELECT 1")


def test_path_is_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    journal = SqliteJournal("run.sqlite", durability=Durability.RELAXED)
    journal.close()
    assert journal.path == tmp_path / "run.sqlite"


def test_closed_journal_can_be_read_where_nothing_can_be_written(journal: SqliteJournal) -> None:
    """In WAL mode a reader needs a side file of its own, in a directory that lets it make one."""
    write(journal, records_of(3), trailer=TRAILER)
    with closing(sqlite3.connect(f"{journal.path.as_uri()}?mode=ro", uri=True)) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("delete",)


def test_side_files_that_cannot_be_folded_are_an_error_unless_somebody_reads_them() -> None:
    class Refusing:
        def __init__(self, code: int) -> None:
            self.error = sqlite3.OperationalError("no")
            self.error.sqlite_errorcode = code

        def execute(self, statement: str) -> None:
            raise self.error

    _fold_side_files(cast("sqlite3.Connection", Refusing(sqlite3.SQLITE_BUSY)))
    with pytest.raises(sqlite3.OperationalError):
        _fold_side_files(cast("sqlite3.Connection", Refusing(sqlite3.SQLITE_IOERR)))


# ---------------------------------------------------------------------------------- group commit


@pytest.mark.parametrize(
    ("durability", "page_size", "synchronous"),
    [(Durability.FULL, 4_096, 2), (Durability.RELAXED, 16_384, 1)],
)
def test_pages_and_syncs_are_those_of_the_durability(
    path: Path, durability: Durability, page_size: int, synchronous: int
) -> None:
    journal = SqliteJournal(path, durability=durability)
    journal.begin(header_of())
    execute = journal._connection.execute
    assert execute("PRAGMA page_size").fetchone() == (page_size,)
    assert execute("PRAGMA synchronous").fetchone() == (synchronous,)
    assert execute("PRAGMA fullfsync").fetchone() == (int(durability is Durability.FULL),)
    journal.close()


def test_full_durability_syncs_every_commit(full_journal: SqliteJournal) -> None:
    full = 2
    assert full_journal._connection.execute("PRAGMA synchronous").fetchone() == (full,)
    assert full_journal._connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


def test_sync_commits_once_whatever_was_appended(full_journal: SqliteJournal) -> None:
    statements = _statements(full_journal)
    for record in records_of(100):
        full_journal.append(record)
    full_journal.sync()
    assert statements.count("COMMIT") == 1
    assert statements[-1] == "COMMIT"


def test_sync_without_new_records_commits_nothing(full_journal: SqliteJournal) -> None:
    full_journal.append(record_of(1))
    full_journal.sync()
    statements = _statements(full_journal)
    full_journal.sync()
    assert statements == []


def test_full_buffer_is_handed_over_but_not_committed(full_journal: SqliteJournal) -> None:
    records = records_of(RELAXED_COMMIT_RECORDS + 1)
    for record in records:
        full_journal.append(record)
    assert full_journal._connection.in_transaction
    assert list(SqliteJournalReader(full_journal.path).records()) == []
    full_journal.sync()
    assert list(SqliteJournalReader(full_journal.path).records()) == records


def test_relaxed_sync_commits_only_after_so_many_records(path: Path) -> None:
    journal = SqliteJournal(path, durability=Durability.RELAXED)
    journal.begin(header_of())
    statements = _statements(journal)
    for record in records_of(RELAXED_COMMIT_RECORDS - 1):
        journal.append(record)
    journal.sync()
    assert "COMMIT" not in statements
    journal.append(record_of(RELAXED_COMMIT_RECORDS))
    assert statements.count("COMMIT") == 1
    for record in records_of(RELAXED_COMMIT_RECORDS - 1):
        journal.append(record)
    assert statements.count("COMMIT") == 1
    assert sum(1 for _ in SqliteJournalReader(path).records()) == RELAXED_COMMIT_RECORDS
    journal.close()


def test_relaxed_finish_is_durable(path: Path) -> None:
    journal = SqliteJournal(path, durability=Durability.RELAXED)
    journal.begin(header_of())
    statements = _statements(journal)
    journal.finish(TRAILER)
    assert statements[0] == "PRAGMA synchronous=FULL"
    assert statements[1].startswith("INSERT INTO trailer")
    journal.close()


def test_sync_in_a_worker_thread_is_allowed(full_journal: SqliteJournal) -> None:
    full_journal.append(record_of(1))
    worker = threading.Thread(target=full_journal.sync)
    worker.start()
    worker.join()
    full_journal.append(record_of(2))
    full_journal.finish(TRAILER)
    assert list(SqliteJournalReader(full_journal.path).records()) == records_of(2)


# ----------------------------------------------------------------------------------- failed writes


def test_full_disk_raises_with_path_and_cause(full_journal: SqliteJournal) -> None:
    _fill_disk(full_journal)
    for record in records_of(100):
        full_journal.append(record)
    with pytest.raises(JournalError, match=r"run\.sqlite: .*disk is full") as caught:
        full_journal.sync()
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


def test_after_a_failed_write_nothing_is_written_and_no_commit_is_tried_again(
    full_journal: SqliteJournal,
) -> None:
    full_journal.append(record_of(1))
    full_journal.sync()
    _fill_disk(full_journal)
    full_journal.append(record_of(2, body=b'"%b"' % (b"x" * 100_000)))
    with pytest.raises(JournalError, match="disk is full"):
        full_journal.sync()
    statements = _statements(full_journal)
    for step in (
        full_journal.sync,
        lambda: full_journal.append(record_of(3)),
        lambda: full_journal.finish(TRAILER),
    ):
        with pytest.raises(JournalError, match="an earlier write failed") as caught:
            step()
        assert isinstance(caught.value.__cause__, sqlite3.OperationalError)
    full_journal.close()
    assert statements == []
    reader = SqliteJournalReader(full_journal.path)
    assert list(reader.records()) == [record_of(1)]
    assert reader.trailer is None


def test_failure_while_closing_is_raised_and_the_journal_let_go(
    full_journal: SqliteJournal,
) -> None:
    _fill_disk(full_journal)
    full_journal.append(record_of(1, body=b'"%b"' % (b"x" * 100_000)))
    with pytest.raises(JournalError, match="disk is full"):
        full_journal.close()
    full_journal.close()
    with pytest.raises(JournalError, match="exists already"):  # the lock is free, the file kept
        SqliteJournal(full_journal.path, durability=Durability.FULL)


def test_journal_whose_begin_failed_leaves_no_file(path: Path) -> None:
    journal = SqliteJournal(path, durability=Durability.FULL)
    journal._connection.execute("PRAGMA max_page_count=1")
    with pytest.raises(JournalError, match="disk is full"):
        journal.begin(header_of())
    with pytest.raises(JournalError, match="an earlier write failed"):
        journal.append(record_of(1))
    journal.close()
    assert list(path.parent.iterdir()) == []


def test_interrupt_in_the_middle_of_a_write_commits_nothing_half_done(
    full_journal: SqliteJournal, monkeypatch: pytest.MonkeyPatch
) -> None:
    full_journal.append(record_of(1))
    full_journal.sync()
    for seq in (2, 3):
        full_journal.append(record_of(seq))

    def interrupted_at_seq_3(previous: bytes, record: Record) -> bytes:
        if record.seq == 3:
            raise KeyboardInterrupt
        return chain_hash(previous, record)

    monkeypatch.setattr(sqlite_journal, "chain_hash", interrupted_at_seq_3)
    with pytest.raises(KeyboardInterrupt):
        full_journal.sync()
    with pytest.raises(JournalError, match="an earlier write failed"):
        full_journal.sync()
    full_journal.close()
    assert list(SqliteJournalReader(full_journal.path).records()) == [record_of(1)]


def test_file_system_without_wal_is_refused(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = SqliteJournal(path, durability=Durability.FULL)
    journal._connection.close()
    with closing(sqlite3.connect(":memory:")) as without_wal:
        monkeypatch.setattr(journal, "_connection", without_wal)
        with pytest.raises(JournalError, match=r"run\.sqlite: SQLite cannot use WAL"):
            journal.begin(header_of())
    journal.close()
    assert list(path.parent.iterdir()) == []


def test_somebody_elses_write_lock_ends_the_journal(full_journal: SqliteJournal) -> None:
    full_journal._connection.execute("PRAGMA busy_timeout=0")
    intruder = sqlite3.connect(full_journal.path, isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    full_journal.append(record_of(1))
    with pytest.raises(JournalError, match=r"run\.sqlite: .*locked"):
        full_journal.sync()
    intruder.close()


# ---------------------------------------------------------------------------- read while writing


def test_reader_sees_what_was_synced_and_nothing_else(full_journal: SqliteJournal) -> None:
    full_journal.append(record_of(1))
    full_journal.sync()
    full_journal.append(record_of(2))
    reader = SqliteJournalReader(full_journal.path)
    assert list(reader.records()) == [record_of(1)]
    full_journal.sync()
    assert list(reader.records()) == records_of(2)
    assert reader.trailer is None


def test_reader_keeps_its_moment_while_the_writer_goes_on(full_journal: SqliteJournal) -> None:
    for record in records_of(3):
        full_journal.append(record)
    full_journal.sync()
    records = SqliteJournalReader(full_journal.path).records()
    first = next(records)
    full_journal.append(record_of(4))
    full_journal.finish(TRAILER)
    full_journal.close()
    assert [first, *records] == records_of(3)
    after = SqliteJournalReader(full_journal.path)
    assert list(after.records()) == records_of(4)
    assert after.trailer == TRAILER


# ---------------------------------------------------------------------------------------- the law

_records = st.builds(
    Record,
    seq=st.integers(0, 2**63 - 1),
    kind=st.sampled_from(RecordKind),
    name=st.text(st.characters(exclude_categories=["Cs"])),
    ts=st.integers(-(2**63), 2**63 - 1),
    body=st.text(st.characters(exclude_categories=["Cs"])).map(str.encode),
)


@pytest.mark.slow
@settings(max_examples=30, deadline=None)
@given(
    groups=st.lists(st.lists(_records, max_size=70), max_size=4),
    durability=st.sampled_from(Durability),
)
def test_any_records_in_any_groups_come_back_verified(
    tmp_path_factory: pytest.TempPathFactory, groups: list[list[Record]], durability: Durability
) -> None:
    path = tmp_path_factory.mktemp("journal") / "run.sqlite"
    journal = SqliteJournal(path, durability=durability)
    journal.begin(header_of())
    for group in groups:
        for record in group:
            journal.append(record)
        journal.sync()
    journal.finish(TRAILER)
    journal.close()
    written = [record for group in groups for record in group]
    assert list(SqliteJournalReader(path).records()) == written
