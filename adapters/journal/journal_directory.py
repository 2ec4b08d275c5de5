"""A chain of journals in one directory: ``000001.sqlite``, ``000002.sqlite``, ...

One process at a time: the lock is taken before anything is read, so a second one is refused before
it can see a half-written state. Segments are never changed once they are left; a start of the
program and a rotation each make the next one. Old segments may be moved away as long as the last
one stays: it begins with a snapshot of everything.
"""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

from orchestrion.adapters.journal.sqlite_journal import Durability, SqliteJournal
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.adapters.journal.writer_lock import WriterLock
from orchestrion.runtime.errors import JournalError
from orchestrion.runtime.journal import JournalHeader
from orchestrion.runtime.journal_store import Segment

_NAME = re.compile(r"(\d{6})\.sqlite")


class JournalDirectory:
    """See the module's text."""

    def __init__(self, path: Path | str) -> None:
        """Makes the directory if its parent is there, and takes its lock.

        Raises:
            JournalError: somebody else has it, it is a file, or it cannot be made.
        """
        self._path = Path(path).absolute()
        try:
            self._path.mkdir(exist_ok=True)
        except OSError as error:
            raise JournalError(
                f"{self._path}: cannot be a directory of journals: {error.strerror}"
            ) from error
        self._lock = WriterLock(self._path / "journal", is_kept=True)

    @property
    def path(self) -> Path:
        """The directory, absolute."""
        return self._path

    def segments(self) -> tuple[Segment, ...]:
        """All segments, oldest first. A file in which no run was begun is left out: its writer was
        killed before it said anything."""
        return tuple(
            Segment(path.name, SqliteJournalReader(path))
            for path in segment_paths(self._path)
            if _has_begun(path)
        )

    def begin(self, header: JournalHeader) -> SqliteJournal:
        """A new segment behind all others, its header durable."""
        paths = segment_paths(self._path)
        number = int(paths[-1].stem) + 1 if paths else 1
        journal = SqliteJournal(self._path / f"{number:06}.sqlite", durability=Durability.FULL)
        journal.begin(header)
        return journal

    def close(self) -> None:
        """Lets another process in; safe to call twice."""
        self._lock.release()


def segment_paths(directory: Path) -> list[Path]:
    """The files of a chain, oldest first."""
    return sorted(path for path in directory.iterdir() if _NAME.fullmatch(path.name))


def _has_begun(path: Path) -> bool:
    """Whether anything was committed to a file. A writer makes an empty file, then an empty
    database, then tables and header in one transaction; it may be killed between any two."""
    try:
        with closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as connection:
            (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    except sqlite3.Error:
        return True  # not empty, and not readable: the reader says what is wrong with it
    return bool(tables or application_id)
