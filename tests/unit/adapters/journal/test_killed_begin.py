"""A writer that is killed while it makes a segment leaves a directory that can be gone on with."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrion.adapters.journal import sqlite_journal
from orchestrion.adapters.journal.journal_directory import JournalDirectory
from orchestrion.runtime.errors import JournalFormatError
from orchestrion.testing.journal import header_of


class KilledError(BaseException):
    """The writer is gone."""


def killed(*_: object) -> None:
    raise KilledError


@pytest.mark.parametrize("step", ["_set_pragmas", "_write_header"])
def test_half_made_segment_is_passed_over_and_numbered_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store = JournalDirectory(tmp_path / "j")
    store.begin(header_of()).close()
    with monkeypatch.context() as patches:
        patches.setattr(sqlite_journal, step, killed)
        # What the killed writer would have tidied up stays behind.
        patches.setattr(sqlite_journal.SqliteJournal, "_discard_unless_begun", lambda self: None)
        with pytest.raises(KilledError):
            store.begin(header_of())
    assert (tmp_path / "j" / "000002.sqlite").exists()

    assert [one.name for one in store.segments()] == ["000001.sqlite"]
    store.begin(header_of()).close()
    assert [one.name for one in store.segments()] == ["000001.sqlite", "000003.sqlite"]
    store.close()


def test_file_that_is_something_else_is_not_passed_over(tmp_path: Path) -> None:
    store = JournalDirectory(tmp_path / "j")
    (tmp_path / "j" / "000001.sqlite").write_bytes(b"no database at all, but not empty" * 200)
    with pytest.raises(JournalFormatError):
        store.segments()
    store.close()
