from __future__ import annotations

import threading
from pathlib import Path

import pytest

from orchestrion.adapters.journal.writer_lock import WriterLock
from orchestrion.runtime.errors import JournalError


def test_second_lock_is_refused_with_what_to_do(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "run.sqlite")
    with pytest.raises(JournalError, match=r"run\.sqlite: another writer .*its own path"):
        WriterLock(tmp_path / "run.sqlite")
    lock.release()


def test_refused_lock_does_not_free_the_first(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "run.sqlite")
    for _ in range(2):
        with pytest.raises(JournalError, match="another writer"):
            WriterLock(tmp_path / "run.sqlite")
    lock.release()


def test_released_lock_can_be_taken_again_and_leaves_no_file(tmp_path: Path) -> None:
    for _ in range(2):
        lock = WriterLock(tmp_path / "run.sqlite")
        assert [path.name for path in tmp_path.iterdir()] == ["run.sqlite.lock"]
        lock.release()
        lock.release()
        assert list(tmp_path.iterdir()) == []


def test_empty_file_of_a_killed_holder_is_no_lock(tmp_path: Path) -> None:
    (tmp_path / "run.sqlite.lock").touch()
    WriterLock(tmp_path / "run.sqlite").release()


def test_two_journals_in_one_directory_do_not_meet(tmp_path: Path) -> None:
    first, second = WriterLock(tmp_path / "a"), WriterLock(tmp_path / "b")
    first.release()
    second.release()


def test_lock_that_cannot_be_made_is_refused_with_the_reason(tmp_path: Path) -> None:
    (tmp_path / "run.sqlite.lock").mkdir()
    with pytest.raises(JournalError, match=r"run\.sqlite: cannot lock .*run\.sqlite\.lock: unable"):
        WriterLock(tmp_path / "run.sqlite")
    assert (tmp_path / "run.sqlite.lock").is_dir()


def test_lock_that_is_released_again_leaves_the_next_holder_alone(tmp_path: Path) -> None:
    first = WriterLock(tmp_path / "run.sqlite")
    first.release()
    second = WriterLock(tmp_path / "run.sqlite")
    first.release()
    assert (tmp_path / "run.sqlite.lock").exists()
    with pytest.raises(JournalError, match="another writer"):
        WriterLock(tmp_path / "run.sqlite")
    second.release()


def test_lock_may_be_released_by_another_thread(tmp_path: Path) -> None:
    lock = WriterLock(tmp_path / "run.sqlite")
    failures: list[BaseException] = []

    def release() -> None:
        try:
            lock.release()
        except BaseException as failure:
            failures.append(failure)

    worker = threading.Thread(target=release)
    worker.start()
    worker.join()
    assert failures == []
    WriterLock(tmp_path / "run.sqlite").release()
