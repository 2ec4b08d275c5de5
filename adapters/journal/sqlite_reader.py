"""Reads a journal file back, each row checked against the hash chain.

The file is opened read-only and once per call, so nothing has to be closed; a journal that is
being written can be read too, as it stood at the moment of the call. Three things may be wrong,
and each has its error: not a journal or of a newer format (``JournalFormatError``), a row altered,
missing or moved (``JournalDamagedError``), the system refuses to read (``JournalError``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import msgspec

from orchestrion.adapters.journal import schema
from orchestrion.adapters.journal.anchor import Anchor, read_anchor
from orchestrion.runtime.errors import JournalDamagedError, JournalError, JournalFormatError
from orchestrion.runtime.journal import (
    FORMAT_VERSION,
    GENESIS_HASH,
    READABLE_FORMATS,
    JournalHeader,
    JournalTrailer,
    Record,
    RecordKind,
    Snapshot,
    chain_hash,
)

_Body = TypeVar("_Body", JournalHeader, JournalTrailer)
_Row = tuple[Any, ...]  # whatever stands in the file: nothing about it is certain

_SELECT = "SELECT position, seq, kind, name, ts, CAST(body AS BLOB), chain FROM records"
_SELECT_RECORDS = f"{_SELECT} WHERE position > ? ORDER BY position"
_SELECT_SNAPSHOT = f"{_SELECT} WHERE kind = 'snapshot' ORDER BY position DESC LIMIT 1"
_SELECT_CHAIN = "SELECT chain FROM records WHERE position = ?"
_KINDS = {kind.value: kind for kind in RecordKind}


class SqliteJournalReader:
    """A journal file, finished, cut off, or still being written; see ``JournalReader``."""

    def __init__(self, path: Path | str) -> None:
        """Reads header and trailer.

        Raises:
            JournalFormatError: no such file, not a journal, or of a format not known here.
            JournalDamagedError: the header was altered, or the trailer cannot be read.
            JournalError: the system refuses to read it.
        """
        self._path = Path(path).absolute()
        _require_file(self._path)
        with self._opened() as connection:
            _require_format(connection, self._path)
            self._header, self._header_chain = self._read_header(connection)
            trailer = self._read_trailer(connection)
        self._trailer = None if trailer is None else trailer.value

    @property
    def path(self) -> Path:
        """Where the journal lies, absolute."""
        return self._path

    @property
    def header(self) -> JournalHeader:
        """What the run was."""
        return self._header

    @property
    def trailer(self) -> JournalTrailer | None:
        """How the run ended; None when it was cut off, or had not ended when this was built."""
        return self._trailer

    def snapshot(self) -> Snapshot | None:
        """The latest snapshot, checked against the record before it; None when there is none.

        Raises:
            JournalDamagedError: it was altered.
        """
        with self._opened() as connection:
            connection.execute("BEGIN")
            row = connection.execute(_SELECT_SNAPSHOT).fetchone()
            if row is None:
                return None
            record, position = self._record(row), row[0]
            previous = self._chain_at(connection, position - 1)
            self._continued(previous, record, row=row, expected_position=position)
            return Snapshot(position, record)

    def records(self, *, verify: bool = True, after: int = 0) -> Iterator[Record]:
        """All records in order, each checked before it is given out, the trailer after the last.

        With ``verify=False`` they are given as they stand in the file; only a row that cannot be
        read as a record is refused.

        Args:
            after: position of the record to begin behind; its own hash is trusted.

        Raises:
            JournalDamagedError: a record was altered, is missing, was added or moved: names its
                position and seq. Last records that are gone show only where there is a trailer, or
                where the writer's anchor says that they were durable.
        """
        anchor = read_anchor(self._path)  # before the rows: it never says more than they hold
        with self._opened() as connection:
            connection.execute("BEGIN")  # everything below is of one moment
            position = after
            chain = self._chain_at(connection, after) if verify else b""
            for row in self._rows(connection, after):
                position += 1
                record = self._record(row)
                if verify:
                    chain = self._continued(chain, record, row=row, expected_position=position)
                    if anchor is not None and anchor.position == position:
                        self._require_anchor_fits(anchor, chain)
                yield record
            if verify:
                self._require_all_durable(anchor, position)
                self._require_trailer_fits(connection, position=position + 1, previous=chain)

    def last_chain(self) -> bytes:
        """The running hash after the last record; of the header when there is none."""
        with self._opened() as connection:
            row = connection.execute("SELECT max(position) FROM records").fetchone()
            return self._chain_at(connection, row[0] or 0)

    def _chain_at(self, connection: sqlite3.Connection, position: int) -> bytes:
        if not position:
            return self._header_chain
        row = connection.execute(_SELECT_CHAIN, (position,)).fetchone()
        if row is None or not isinstance(row[0], bytes):
            raise JournalDamagedError(
                f"{self._path}: position {position} is missing", position=position
            )
        return row[0]

    def _require_anchor_fits(self, anchor: Anchor, chain: bytes) -> None:
        if anchor.chain != chain:
            raise JournalDamagedError(
                f"{self._path}: position {anchor.position} is not the record that was made durable "
                "there: the file or its .anchor was replaced",
                position=anchor.position,
            )

    def _require_all_durable(self, anchor: Anchor | None, position: int) -> None:
        if anchor is not None and anchor.position > position:
            raise JournalDamagedError(
                f"{self._path}: the journal ends at position {position}, but position "
                f"{anchor.position} was durable: records are lost",
                position=position + 1,
            )

    @contextmanager
    def _opened(self) -> Generator[sqlite3.Connection]:
        uri = f"{self._path.as_uri()}?mode=ro"
        try:
            with closing(
                sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
            ) as connection:
                yield connection
        except sqlite3.Error as error:
            raise _translated(error, self._path) from error

    def _rows(self, connection: sqlite3.Connection, after: int) -> Iterator[_Row]:
        position = after
        try:
            for row in connection.execute(_SELECT_RECORDS, (after,)):
                yield row
                position = row[0]
        except sqlite3.Error as error:
            raise _translated(error, self._path, position=position + 1) from error

    def _record(self, row: _Row) -> Record:
        position, seq, kind, name, ts, body, _ = row
        # Python's True is no danger here: SQLite has no booleans.
        right = isinstance(seq, int) and isinstance(ts, int)
        if right and isinstance(name, str) and isinstance(body, bytes) and kind in _KINDS:
            return Record(seq=seq, kind=_KINDS[kind], name=name, ts=ts, body=body)
        raise JournalDamagedError(
            f"{self._path}: position {position} is not a record: "
            f"seq {seq!r}, kind {kind!r}, name {name!r}, ts {ts!r}",
            position=position,
        )

    def _continued(
        self, previous: bytes, record: Record, *, row: _Row, expected_position: int
    ) -> bytes:
        position, stored = row[0], row[-1]
        if position != expected_position:
            raise JournalDamagedError(
                f"{self._path}: position {expected_position} is missing; the next record there is "
                f"position {position}, seq {record.seq}",
                position=expected_position,
            )
        chain = chain_hash(previous, record)
        if chain != stored:
            raise JournalDamagedError(
                f"{self._path}: position {position}, seq {record.seq} ({record.name}): the record "
                "was altered, or does not belong behind the one before it",
                position=position,
            )
        return chain

    def _read_header(self, connection: sqlite3.Connection) -> tuple[JournalHeader, bytes]:
        row = _text_row(
            connection,
            self._path,
            table="header",
            body_type=JournalHeader,
            columns=schema.HEADER_COLUMNS,
        )
        if row is None:
            raise JournalDamagedError(f"{self._path}: the header is missing")
        if not row.continues(GENESIS_HASH):
            raise JournalDamagedError(f"{self._path}: the header was altered")
        return row.value, row.chain

    def _read_trailer(self, connection: sqlite3.Connection) -> _TextRow[JournalTrailer] | None:
        return _text_row(
            connection,
            self._path,
            table="trailer",
            body_type=JournalTrailer,
            columns=schema.TRAILER_COLUMNS,
        )

    def _require_trailer_fits(
        self, connection: sqlite3.Connection, *, position: int, previous: bytes
    ) -> None:
        row = self._read_trailer(connection)
        if row is not None and not row.continues(previous):
            raise JournalDamagedError(
                f"{self._path}: position {position}: the trailer does not follow the last record: "
                "records before it are missing or were added, or it was altered",
                position=position,
            )


@dataclass(frozen=True)
class _TextRow(Generic[_Body]):
    """The row of header or trailer: its body read, and what must agree with it."""

    value: _Body
    body: bytes
    chain: bytes
    columns: dict[str, Any]

    def continues(self, previous: bytes) -> bool:
        alike = all(getattr(self.value, name) == stored for name, stored in self.columns.items())
        return alike and schema.text_hash(previous, self.body) == self.chain


def _text_row(
    connection: sqlite3.Connection,
    path: Path,
    *,
    table: str,
    body_type: type[_Body],
    columns: tuple[str, ...],
) -> _TextRow[_Body] | None:
    names = ", ".join(columns)
    select = f"SELECT CAST(body AS BLOB), chain, {names} FROM {table}"  # noqa: S608 constants
    try:
        row = connection.execute(select).fetchone()
    except UnicodeDecodeError as error:
        raise JournalDamagedError(f"{path}: the {table} was altered: {error}") from error
    if row is None:
        return None
    body, chain, *stored = row
    try:
        value = msgspec.json.decode(body, type=body_type)
    except (msgspec.DecodeError, UnicodeError, TypeError) as error:
        raise JournalDamagedError(f"{path}: the {table} was altered: {error}") from error
    return _TextRow(value, body, chain, dict(zip(columns, stored, strict=True)))


def _require_file(path: Path) -> None:
    if not path.exists():
        raise JournalFormatError(f"{path}: no such file")
    if not path.is_file():
        raise JournalFormatError(f"{path}: is not a file")
    if path.stat().st_size == 0:
        raise JournalFormatError(f"{path}: is empty: no run was begun in it")


def _require_format(connection: sqlite3.Connection, path: Path) -> None:
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != schema.APPLICATION_ID:
        raise JournalFormatError(f"{path}: not a journal of Orchestrion")
    if version > FORMAT_VERSION:
        raise JournalFormatError(
            f"{path}: the journal is of format {version}, this version of Orchestrion reads "
            f"format {FORMAT_VERSION}; use a newer version"
        )
    if version not in READABLE_FORMATS:
        raise JournalFormatError(
            f"{path}: the journal is of format {version}, which this version of Orchestrion does "
            f"not read: it reads format {FORMAT_VERSION}"
        )


def _translated(error: sqlite3.Error, path: Path, *, position: int | None = None) -> JournalError:
    # An error that Python raises by itself (text that is not UTF-8) has no code: the row is bad.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_CORRUPT)
    place = f"{path}: position {position}" if position else f"{path}"
    if code == sqlite3.SQLITE_NOTADB:
        return JournalFormatError(f"{path}: not a journal of Orchestrion: {error}")
    # The low byte of a code is its family; SQLITE_ERROR means that a table is not as it should be.
    if code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR):
        return JournalDamagedError(f"{place}: the file is damaged: {error}", position=position)
    return JournalError(f"{place}: the journal cannot be read: {error}")
