"""Which files of a directory are segments, in which order, and who may have it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from orchestrion.adapters.journal.journal_directory import JournalDirectory, segment_paths
from orchestrion.runtime.errors import JournalError, JournalFormatError
from orchestrion.testing.journal import header_of, record_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run"


def names(store: JournalDirectory) -> list[str]:
    return [one.name for one in store.segments()]


def test_segments_are_numbered_from_one_and_follow_each_other(folder: Path) -> None:
    store = JournalDirectory(folder)
    assert (store.path, names(store)) == (folder, [])
    for seq in (1, 2, 3):
        journal = store.begin(header_of())
        journal.append(record_of(seq))
        journal.close()
    assert names(store) == ["000001.sqlite", "000002.sqlite", "000003.sqlite"]
    assert [next(iter(one.reader.records())).seq for one in store.segments()] == [1, 2, 3]
    store.close()


def test_next_number_is_one_above_the_last_although_the_first_are_gone(folder: Path) -> None:
    store = JournalDirectory(folder)
    for _ in range(2):
        store.begin(header_of()).close()
    (folder / "000001.sqlite").unlink()
    store.begin(header_of()).close()
    assert names(store) == ["000002.sqlite", "000003.sqlite"]
    store.close()


def test_other_files_are_no_segments(folder: Path) -> None:
    store = JournalDirectory(folder)
    store.begin(header_of()).close()
    for other in ("notes.txt", "1.sqlite", "0000001.sqlite", "000002.sqlite.bak"):
        (folder / other).write_text("x")
    assert [one.name for one in segment_paths(folder)] == ["000001.sqlite"]
    assert names(store) == ["000001.sqlite"]
    store.close()


def test_file_in_which_nothing_was_begun_is_passed_over(folder: Path) -> None:
    store = JournalDirectory(folder)
    store.begin(header_of()).close()
    (folder / "000002.sqlite").touch()
    with closing(sqlite3.connect(folder / "000003.sqlite")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
    assert names(store) == ["000001.sqlite"]
    store.close()


@pytest.mark.parametrize("statement", ["CREATE TABLE t (x)", "PRAGMA application_id = 7"])
def test_somebody_elses_file_is_refused_and_not_passed_over(folder: Path, statement: str) -> None:
    """A journal that is passed over is a run that is forgotten."""
    store = JournalDirectory(folder)
    with closing(sqlite3.connect(folder / "000001.sqlite")) as connection, connection:
        connection.execute(statement)
    with pytest.raises(JournalFormatError, match="not a journal"):
        store.segments()
    store.close()


def test_file_that_cannot_be_read_is_refused_and_not_passed_over(folder: Path) -> None:
    store = JournalDirectory(folder)
    (folder / "000001.sqlite").write_bytes(b"not a database at all" * 100)
    with pytest.raises(JournalFormatError, match="not a journal"):
        store.segments()
    store.close()


def test_second_one_is_refused_until_the_first_is_closed(folder: Path) -> None:
    first = JournalDirectory(folder)
    with pytest.raises(JournalError, match="another writer"):
        JournalDirectory(folder)
    first.close()
    first.close()
    assert (folder / "journal.lock").exists()  # others go on with the directory: the file stays
    JournalDirectory(folder).close()


@pytest.mark.parametrize("place", ["file", "missing/run"])
def test_place_that_cannot_be_a_directory_is_refused_by_name(tmp_path: Path, place: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(JournalError, match="cannot be a directory of journals"):
        JournalDirectory(tmp_path / place)
