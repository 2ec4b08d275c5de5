"""The format itself. A change that breaks a test here makes every old journal unreadable:
it needs a new FORMAT_VERSION."""

from __future__ import annotations

import re
import sqlite3
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from orchestrion.adapters.journal import schema
from orchestrion.adapters.journal.sqlite_journal import Durability, SqliteJournal
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.runtime.journal import GENESIS_HASH, JournalTrailer, RecordKind, Stall, chain_hash
from orchestrion.testing.journal import TRAILER, header_of, record_of, records_of, write

DOCUMENT = Path(__file__).parents[4] / "docs" / "journal.md"


def test_chain_of_format_2_is_pinned() -> None:
    _, header_chain = schema.header_row(header_of())
    record_chain = chain_hash(header_chain, record_of(1))
    *_, trailer_chain = schema.trailer_row(TRAILER, previous=record_chain)
    assert isinstance(trailer_chain, bytes)
    assert [header_chain.hex(), record_chain.hex(), trailer_chain.hex()] == [
        "8bb0d160341f23add95e52b0d3fd8ca552d064bcbce551986acccb6df8ad7b3a",
        "21f4a8f6ea4832de09edc3b4072b44b7583c2bc67c294fedaf642465804b7977",
        "2e023b587d8992d1c9b7ea82efa022caebfa2a5b7b9dbcae9a9018d6bdb5f73d",
    ]


@pytest.mark.parametrize("stalls", [(), (Stall("strategy:a", 7),)])
def test_stalls_come_back_and_none_leave_no_trace(
    tmp_path: Path, stalls: tuple[Stall, ...]
) -> None:
    text = '{"note": ",\\"stalls\\":[]"}'
    header = msgspec.structs.replace(header_of(), configuration=text, stalls=stalls)
    journal = SqliteJournal(tmp_path / "run.sqlite", durability=Durability.FULL)
    journal.begin(header)
    journal.close()
    assert SqliteJournalReader(journal.path).header == header
    row, _ = schema.header_row(header)
    assert ("stalls" in msgspec.json.decode(str(row[-2]))) == bool(stalls)


@pytest.mark.parametrize(
    "other",
    [
        record_of(2, ts=record_of(1).ts),
        record_of(1, kind=RecordKind.EVENT),
        record_of(1, ts=1),
        record_of(1, name="RefusedCommand"),
        record_of(1, body=b"{}"),
    ],
)
def test_every_field_of_a_record_is_in_the_chain(other: object) -> None:
    assert isinstance(other, type(record_of(1)))
    assert chain_hash(GENESIS_HASH, other) != chain_hash(GENESIS_HASH, record_of(1))


def test_characters_that_move_from_name_to_body_change_the_chain() -> None:
    one, other = record_of(1, name="a|1", body=b"2"), record_of(1, name="a", body=b"|12")
    assert chain_hash(GENESIS_HASH, one) != chain_hash(GENESIS_HASH, other)


def test_chain_depends_on_what_came_before() -> None:
    assert chain_hash(GENESIS_HASH, record_of(1)) != chain_hash(bytes(31) + b"1", record_of(1))


# --------------------------------------------------------------------------------- the document


def _blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)


@pytest.fixture
def sample(tmp_path: Path) -> Path:
    path = tmp_path / "run.sqlite"
    trailer = JournalTrailer(last_seq=5, decisions=5, decision_hash="d" * 64)
    write(SqliteJournal(path, durability=Durability.RELAXED), records_of(5), trailer=trailer)
    return path


def test_document_shows_the_tables_as_they_are() -> None:
    assert ";\n\n".join(schema.CREATE_TABLES) + ";\n" in _blocks("sql")


def test_queries_of_the_document_run_and_find_something(sample: Path) -> None:
    queries = [block for block in _blocks("sql") if block.startswith("SELECT")]
    assert len(queries) >= 3
    with closing(sqlite3.connect(f"{sample.as_uri()}?mode=ro", uri=True)) as connection:
        for query in queries:
            assert connection.execute(query).fetchall(), query


@pytest.mark.slow  # pandas takes its time to load
def test_python_of_the_document_runs(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(sample.parent)
    blocks = _blocks("python")
    assert blocks
    for block in blocks:
        if "pandas" in block:
            pytest.importorskip("pandas")
        exec(compile(block, str(DOCUMENT), "exec"), {})  # noqa: S102
    assert len(list(SqliteJournalReader(sample).records())) == 5
