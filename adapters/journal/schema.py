"""The tables of a journal file, and how headers, records and trailers become rows.

The chain runs header, records in order, trailer: each row's ``chain`` is a hash over the chain
before it and its own content (``chain_hash`` for records). A row that is altered, taken out or
moved breaks it from there on. It finds damage and careless edits, it is no signature: whoever
rewrites every later hash is not found out.

Any change to the tables or to what is hashed is a new ``FORMAT_VERSION``. ``docs/journal.md``
describes the file for people who read it; a test keeps its tables in step with these.
"""

from __future__ import annotations

import hashlib

import msgspec

from orchestrion.runtime.errors import JournalError, JournalFormatError
from orchestrion.runtime.journal import (
    FORMAT_VERSION,
    GENESIS_HASH,
    JournalHeader,
    JournalTrailer,
    Record,
)

APPLICATION_ID = 0x4F524348
"""Marks the SQLite file as ours, in the place SQLite keeps for it; the letters are ORCH."""

# Columns beside `body` repeat what is in it, for people; the reader refuses them when they differ.
HEADER_COLUMNS = (
    "format_version",
    "run_id",
    "environment",
    "seed",
    "configuration_sha256",
    "data_name",
    "data_sha256",
)
TRAILER_COLUMNS = ("last_seq", "decisions", "decision_hash", "state_hash")

# No NOT NULL in `records`: the check costs 0.1 us a row, and the reader checks every value anyway.
CREATE_TABLES = (
    """\
CREATE TABLE header (
    id                   INTEGER PRIMARY KEY CHECK (id = 1),
    format_version       INTEGER NOT NULL,
    run_id               TEXT NOT NULL,
    environment          TEXT NOT NULL,
    seed                 INTEGER NOT NULL,
    configuration_sha256 TEXT NOT NULL,
    data_name            TEXT NOT NULL,
    data_sha256          TEXT NOT NULL,
    body                 TEXT NOT NULL,
    chain                BLOB NOT NULL
)""",
    """\
CREATE TABLE records (
    position INTEGER PRIMARY KEY,
    seq      INTEGER,
    kind     TEXT,
    name     TEXT,
    ts       INTEGER,
    body     TEXT,
    chain    BLOB
)""",
    """\
CREATE INDEX snapshots ON records (position) WHERE kind = 'snapshot'""",
    """\
CREATE TABLE trailer (
    id            INTEGER PRIMARY KEY CHECK (id = 1),
    last_seq      INTEGER NOT NULL,
    decisions     INTEGER NOT NULL,
    decision_hash TEXT NOT NULL,
    state_hash    TEXT NOT NULL,
    body          TEXT NOT NULL,
    chain         BLOB NOT NULL
)""",
)

INSERT_HEADER = "INSERT INTO header VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_TRAILER = "INSERT INTO trailer VALUES (1, ?, ?, ?, ?, ?, ?)"

_NO_STALLS = b',"stalls":[]'
"""Left out, so that a header without any keeps the bytes that it had before there were stalls. It
cannot stand inside a text: quotes are escaped there."""

_INT64 = range(-(2**63), 2**63)


def insert_records(rows: int) -> str:
    """Inserts that many records; SQLite counts ``position`` up by itself, from 1."""
    places = ", ".join(["(?, ?, ?, ?, ?, ?)"] * rows)
    return f"INSERT INTO records (seq, kind, name, ts, body, chain) VALUES {places}"  # noqa: S608


def text_hash(previous: bytes, body: bytes) -> bytes:
    """The chain after a header or trailer. No record hashes alike: its bytes open with a digit."""
    return hashlib.sha256(previous + body).digest()


def header_row(header: JournalHeader) -> tuple[tuple[object, ...], bytes]:
    """The values of ``INSERT_HEADER``, and the chain that the first record continues."""
    body = msgspec.json.encode(header).replace(_NO_STALLS, b"")
    chain = text_hash(GENESIS_HASH, body)
    return (*(getattr(header, name) for name in HEADER_COLUMNS), body.decode(), chain), chain


def trailer_row(trailer: JournalTrailer, *, previous: bytes) -> tuple[object, ...]:
    """The values of ``INSERT_TRAILER``; ``previous`` is the chain after the last record."""
    body = msgspec.json.encode(trailer)
    columns = (getattr(trailer, name) for name in TRAILER_COLUMNS)
    return (*columns, body.decode(), text_hash(previous, body))


def require_writable(header: JournalHeader) -> None:
    """Refuses a header that this version cannot write.

    Raises:
        JournalFormatError: another format than ours; names both.
        JournalError: the seed does not fit its column.
    """
    if header.format_version != FORMAT_VERSION:
        raise JournalFormatError(
            f"cannot write a journal of format {header.format_version}: "
            f"this version writes format {FORMAT_VERSION}"
        )
    if header.seed not in _INT64:
        raise JournalError(f"seed {header.seed} must fit 64 bits, signed")


def require_storable(record: Record) -> None:
    """Refuses what a row cannot hold.

    Raises:
        JournalError: a number beyond 64 bits, or text that is not UTF-8; names the seq.
    """
    if record.seq not in _INT64 or record.ts not in _INT64:
        raise JournalError(f"record at seq {record.seq}: seq and ts {record.ts} must fit 64 bits")
    try:
        record.name.encode()
        record.body.decode()
    except UnicodeError as error:
        raise JournalError(f"record at seq {record.seq}: not valid UTF-8: {error}") from error
