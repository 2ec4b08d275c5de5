"""Writes a journal to a SQLite file: buffered appends, group commit, one writer.

The file is created here and never opened a second time. ``append`` puts a record on a list;
``sync`` inserts and commits what is on it, so everything that one round appended costs one fsync.
A failed write ends the journal: no append, no sync, no second try of the same commit, because
after a failed fsync nobody knows what the disk holds.

SQLite runs in WAL mode, so others can read while we write. An orderly ``close`` turns the journal
into a single file without side files. Calls must not overlap, but may come from different threads.
A chain of journals, their rotation and recovery are in ``journal_directory``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Sequence
from contextlib import ExitStack, contextmanager
from enum import Enum
from pathlib import Path

from orchestrion.adapters.journal import schema
from orchestrion.adapters.journal.anchor import AnchorWriter
from orchestrion.adapters.journal.stage import JournalStage, require_stage
from orchestrion.adapters.journal.writer_lock import WriterLock
from orchestrion.runtime.errors import JournalError
from orchestrion.runtime.journal import (
    FORMAT_VERSION,
    GENESIS_HASH,
    JournalHeader,
    JournalTrailer,
    Record,
    RecordKind,
    chain_hash,
)

ROWS_PER_STATEMENT = 64
"""A third cheaper than row by row; more gains nothing, and old SQLite allows 999 values."""

BUFFERED_RECORDS_MAX = 16 * ROWS_PER_STATEMENT
"""Then they go to SQLite, committed or not: bounds memory at about 1 MB of usual records."""

RELAXED_COMMIT_RECORDS = 10 * BUFFERED_RECORDS_MAX
"""How many records one commit holds in RELAXED: a killed process loses fewer than these."""

_OPEN = JournalStage.OPEN  # a name of the module is cheaper to look up, and append runs per record
_KIND_TEXT = {kind: kind.value for kind in RecordKind}  # SQLite takes a plain str much faster
_INSERT_MANY = schema.insert_records(ROWS_PER_STATEMENT)
_INSERT_ONE = schema.insert_records(1)


class Durability(Enum):
    """What ``sync`` promises.

    FULL: it returns when the records are on the disk (one fsync). Paper and live.
    RELAXED: it promises nothing by itself; a commit follows every ``RELAXED_COMMIT_RECORDS``
    records and at the end. A killed process loses what came after the last commit, a power failure
    also what the system had not written yet; the file stays readable. Backtests, which can be run
    again. ``finish`` is durable in both.
    """

    FULL = "full"
    RELAXED = "relaxed"


# Small pages where each commit writes the few it touched, large where commits are rare.
_PRAGMAS = {
    Durability.FULL: ("page_size=4096", "synchronous=FULL", "fullfsync=ON"),
    Durability.RELAXED: ("page_size=16384", "synchronous=NORMAL"),
}


class SqliteJournal:
    """The writer of one journal file; see ``Journal``."""

    def __init__(self, path: Path | str, *, durability: Durability) -> None:
        """Locks the path and creates an empty file: what can be refused is refused here.

        Raises:
            JournalError: the file (or what is left of an old one) exists, its directory does not,
                it cannot be created, or another writer has it. Nothing was left behind.
        """
        self._path = Path(path).absolute()
        self._durability = durability
        self._stage = JournalStage.NEW
        self._failure: BaseException | None = None
        self._has_header = False
        self._is_finished = False
        self._buffer: list[Record] = []
        self._uncommitted_records = 0
        self._chain = GENESIS_HASH
        self._position = 0
        self._anchor: AnchorWriter | None = None
        with ExitStack() as taken:
            taken.callback(_lock(self._path).release)
            _create(self._path)
            taken.callback(self._discard_unless_begun)
            self._connection = sqlite3.connect(
                self._path, isolation_level=None, check_same_thread=False
            )
            taken.callback(self._connection.close)
            self._taken = taken.pop_all()

    @property
    def path(self) -> Path:
        """Where the journal lies, absolute."""
        return self._path

    def begin(self, header: JournalHeader) -> None:
        """Writes the tables and the header, and commits them."""
        self._require(JournalStage.NEW, "begin")
        schema.require_writable(header)
        with self._writing():
            _set_pragmas(self._connection, self._path, self._durability)
            self._chain = _write_header(self._connection, header)
        self._has_header = True
        self._stage = _OPEN
        if self._durability is Durability.FULL:
            self._anchor = AnchorWriter(self._path)
            self._taken.callback(self._close_anchor)

    def append(self, record: Record) -> None:
        """Adds a record behind all others; durable after the next ``sync``."""
        if self._stage is not _OPEN:
            self._require(_OPEN, "append")
        buffer = self._buffer
        buffer.append(record)
        if len(buffer) >= BUFFERED_RECORDS_MAX:
            self._flush()

    def sync(self) -> None:
        """Commits what was appended; ``Durability`` says what that promises."""
        if self._stage is not _OPEN:
            if self._stage is JournalStage.FINISHED:
                return
            self._require(_OPEN, "sync")
        if self._durability is Durability.FULL:
            self._flush()
            self._commit()
            if self._anchor is not None:
                self._anchor.note(self._position, self._chain)

    def finish(self, trailer: JournalTrailer) -> None:
        """Writes the trailer; durable with either durability."""
        self._require(_OPEN, "finish")
        self._flush()
        self._commit()
        row = schema.trailer_row(trailer, previous=self._chain)
        with self._writing():
            self._connection.execute("PRAGMA synchronous=FULL")
            self._connection.execute(schema.INSERT_TRAILER, row)
        self._stage = JournalStage.FINISHED
        self._is_finished = True

    def close(self) -> None:
        """Commits, folds the side files into the journal, lets go of it; safe to call twice.

        A journal that was never begun leaves no file. One that failed is left as it stands.
        """
        try:
            if self._stage is _OPEN:
                self._flush()
                self._commit()
            if self._stage in (_OPEN, JournalStage.FINISHED):
                with self._writing():
                    _fold_side_files(self._connection)
        finally:
            self._stage = JournalStage.CLOSED
            self._taken.close()

    def _require(self, stage: JournalStage, action: str) -> None:
        try:
            require_stage(stage, actual=self._stage, action=action, place=str(self._path))
        except JournalError as error:
            raise error from self._failure

    def _flush(self) -> None:
        """Hands the buffer to SQLite, inside a transaction that may stay open."""
        records, self._buffer = self._buffer, []
        with self._writing():
            if records and not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")
            self._insert(records)
        self._uncommitted_records += len(records)
        relaxed = self._durability is Durability.RELAXED
        if relaxed and self._uncommitted_records >= RELAXED_COMMIT_RECORDS:
            self._commit()

    def _commit(self) -> None:
        if self._connection.in_transaction:
            with self._writing():
                self._connection.execute("COMMIT")
        self._uncommitted_records = 0

    def _insert(self, records: Sequence[Record]) -> None:
        execute = self._connection.execute
        whole = len(records) - len(records) % ROWS_PER_STATEMENT
        try:
            for start in range(0, whole, ROWS_PER_STATEMENT):
                execute(_INSERT_MANY, self._values(records[start : start + ROWS_PER_STATEMENT]))
            for record in records[whole:]:
                execute(_INSERT_ONE, self._values((record,)))
        except (UnicodeError, OverflowError):
            for record in records:
                schema.require_storable(record)
            raise

    def _values(self, records: Sequence[Record]) -> list[object]:
        """The values of the rows, one behind the other; moves the chain along."""
        values: list[object] = []
        chain = self._chain
        for record in records:
            chain = chain_hash(chain, record)
            kind, body = _KIND_TEXT[record.kind], record.body.decode()
            values += (record.seq, kind, record.name, record.ts, body, chain)
        self._chain = chain
        self._position += len(records)
        return values

    @contextmanager
    def _writing(self) -> Generator[None]:
        """Whatever goes wrong inside ends the journal; the storage's errors get its name."""
        try:
            yield
        except BaseException as error:
            self._stage, self._failure = JournalStage.FAILED, error
            if not isinstance(error, sqlite3.Error):
                raise
            raise JournalError(
                f"{self._path}: the journal cannot be written: {error}. Nothing may act on records "
                "behind the last sync; free the disk or use another one, and start a new run"
            ) from error

    def _close_anchor(self) -> None:
        if self._anchor is not None:
            self._anchor.close(is_needed=not self._is_finished)

    def _discard_unless_begun(self) -> None:
        if not self._has_header:
            for path in (self._path, *_side_files(self._path)):
                path.unlink(missing_ok=True)


def _side_files(path: Path) -> list[Path]:
    return [path.with_name(path.name + suffix) for suffix in ("-wal", "-shm", "-journal")]


def _lock(path: Path) -> WriterLock:
    if not path.parent.is_dir():
        raise JournalError(f"{path}: the directory {path.parent} does not exist; create it first")
    if path.is_dir():
        raise JournalError(f"{path}: is a directory; name a file for the journal")
    return WriterLock(path)


def _create(path: Path) -> None:
    # Side files without their journal may hold the records of a killed run, and SQLite would
    # delete them without a word.
    for old in (path, *_side_files(path)):
        if old.exists():
            raise JournalError(
                f"{old}: exists already, and a journal is never overwritten; "
                "choose another path or move the old file away"
            )
    try:
        path.open("xb").close()
    except OSError as error:
        raise JournalError(f"{path}: cannot create the journal: {error.strerror}") from error


def _set_pragmas(connection: sqlite3.Connection, path: Path, durability: Durability) -> None:
    for pragma in _PRAGMAS[durability]:
        connection.execute(f"PRAGMA {pragma}")
    (mode,) = connection.execute("PRAGMA journal_mode=WAL").fetchone()
    if mode != "wal":
        raise JournalError(
            f"{path}: SQLite cannot use WAL on this file system; use a local directory"
        )


def _write_header(connection: sqlite3.Connection, header: JournalHeader) -> bytes:
    row, chain = schema.header_row(header)
    connection.execute("BEGIN IMMEDIATE")
    for statement in schema.CREATE_TABLES:
        connection.execute(statement)
    connection.execute(schema.INSERT_HEADER, row)
    connection.execute(f"PRAGMA application_id={schema.APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version={FORMAT_VERSION}")
    connection.execute("COMMIT")
    return chain


def _fold_side_files(connection: sqlite3.Connection) -> None:
    """Leaves one file that can be copied and read anywhere, unless a reader has it open."""
    try:
        connection.execute("PRAGMA journal_mode=DELETE")
    except sqlite3.OperationalError as error:
        if error.sqlite_errorcode != sqlite3.SQLITE_BUSY:
            raise
