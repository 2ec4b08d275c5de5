"""One writer per journal: a second process is refused before it touches the file.

The lock is SQLite's own exclusive lock on an empty file beside the journal: it works wherever
SQLite works (Linux, macOS, Windows), and the system drops it when its holder dies, so a killed
process leaves nothing to clean up. Rejected: ``flock``, which a forked child keeps after its
parent was killed; a file with a process id in it, which outlives its process; the lock of the
journal's database, which in WAL mode is free between two commits.

``release`` removes the file of a single journal. That is safe only because a writer never opens a
journal that exists: whoever gets hold of a removed lock file is refused by the journal itself. The
lock of a directory of journals, with which others go on, leaves its file in place.
"""

from __future__ import annotations

import sqlite3
from contextlib import suppress
from pathlib import Path

from orchestrion.runtime.errors import JournalError


class WriterLock:
    """Held from construction to ``release``."""

    def __init__(self, journal_path: Path, *, is_kept: bool = False) -> None:
        """Takes the lock at once or not at all.

        Args:
            is_kept: the file stays behind at ``release``.

        Raises:
            JournalError: somebody holds it, or the file cannot be made.
        """
        self._path = journal_path.with_name(journal_path.name + ".lock")
        self._is_kept = is_kept
        self._connection: sqlite3.Connection | None = None
        try:
            self._connection = sqlite3.connect(
                self._path, timeout=0, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode=MEMORY")  # or it makes a second file
            self._connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.Error as error:
            self._disconnect()
            raise JournalError(_refusal(journal_path, self._path, error)) from error

    def release(self) -> None:
        """Lets the next writer in; safe to call twice."""
        if self._connection is None:
            return
        self._disconnect()
        if self._is_kept:
            return
        # On Windows a file that somebody else has open stays: it is empty and harms nobody.
        with suppress(OSError):
            self._path.unlink()

    def _disconnect(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _refusal(journal_path: Path, lock_path: Path, error: sqlite3.Error) -> str:
    if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
        return f"{journal_path}: another writer has this journal open; give each run its own path"
    return f"{journal_path}: cannot lock the journal with {lock_path.name}: {error}"
