"""Where a journal goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrion.adapters.cli.journal_path import journal_for
from orchestrion.runtime.errors import JournalError


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def test_default_is_named_after_file_and_utc_time() -> None:
    with journal_for(Path("deep/mine.yaml"), None) as path:
        assert path.parent == Path("journals")
        assert path.parent.is_dir()
        stem, moment = path.stem.split("-")
        assert stem == "mine"
        assert len(moment) == len("20260105T101500Z")
        assert not path.exists()


def test_folder_that_stayed_empty_is_taken_away_again() -> None:
    with journal_for(Path("mine.yaml"), None):
        pass
    assert not Path("journals").exists()


def test_folder_with_a_journal_stays_although_the_run_failed() -> None:
    def failing_run() -> None:
        with journal_for(Path("mine.yaml"), "a/b.sqlite") as path:
            path.write_text("begun")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        failing_run()
    assert Path("a/b.sqlite").read_text() == "begun"


def test_empty_folder_that_was_there_before_stays() -> None:
    Path("journals").mkdir()
    with journal_for(Path("mine.yaml"), None):
        pass
    assert Path("journals").is_dir()


def test_existing_file_is_refused() -> None:
    Path("a.sqlite").write_text("old")
    with pytest.raises(JournalError, match="exists"), journal_for(Path("m.yaml"), "a.sqlite"):
        pytest.fail("not reached")


def test_folder_that_cannot_be_made_is_refused() -> None:
    Path("blocked").write_text("a file")
    with (
        pytest.raises(JournalError, match="cannot be made"),
        journal_for(Path("m.yaml"), "blocked/a.sqlite"),
    ):
        pytest.fail("not reached")
