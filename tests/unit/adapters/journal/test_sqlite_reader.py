"""The reader: what is no journal, and that no damage of a journal passes for its content."""

# ruff: noqa: S608 - the statements that do the damage are put together from the tables of cases

from __future__ import annotations

import shutil
import sqlite3
from pathlib import Path

import pytest

from orchestrion.adapters.journal.schema import header_row
from orchestrion.adapters.journal.sqlite_journal import Durability, SqliteJournal
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader, _translated
from orchestrion.runtime.errors import JournalDamagedError, JournalError, JournalFormatError
from orchestrion.runtime.journal import FORMAT_VERSION, Record
from orchestrion.testing.journal import TRAILER, header_of, record_of, records_of, write


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A finished journal of five records, seq 11 to 15."""
    path = tmp_path / "run.sqlite"
    records = [record_of(seq) for seq in range(11, 16)]
    write(SqliteJournal(path, durability=Durability.FULL), records, trailer=TRAILER)
    return path


@pytest.fixture
def unfinished_path(tmp_path: Path) -> Path:
    """A journal of five records without a trailer."""
    path = tmp_path / "unfinished.sqlite"
    write(SqliteJournal(path, durability=Durability.FULL), records_of(5), trailer=None)
    return path


def _alter(path: Path, *statements: str) -> None:
    connection = sqlite3.connect(path)
    with connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


# ------------------------------------------------------------------------------------ no journals


def test_missing_file_is_refused_and_not_created(tmp_path: Path) -> None:
    with pytest.raises(JournalFormatError, match=r"none\.sqlite: no such file"):
        SqliteJournalReader(tmp_path / "none.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(JournalFormatError, match=f"{tmp_path.name}: is not a file"):
        SqliteJournalReader(tmp_path)


def test_empty_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    path.touch()
    with pytest.raises(JournalFormatError, match=r"empty\.sqlite: is empty"):
        SqliteJournalReader(path)


@pytest.mark.parametrize("content", [b"x", b"seq,kind\n" * 1000, b"SQLite format 3\0"])
def test_file_that_is_not_sqlite_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.sqlite"
    path.write_bytes(content)
    with pytest.raises(JournalFormatError, match=r"other\.sqlite: not a journal"):
        SqliteJournalReader(path)


def test_somebody_elses_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    _alter(path, "CREATE TABLE records (position INTEGER PRIMARY KEY)")
    with pytest.raises(JournalFormatError, match=r"other\.sqlite: not a journal"):
        SqliteJournalReader(path)


def test_newer_format_is_refused_with_both_versions(path: Path) -> None:
    newer = FORMAT_VERSION + 1
    _alter(path, f"PRAGMA user_version={newer}", "DROP TABLE header")
    with pytest.raises(
        JournalFormatError, match=f"format {newer}, .*format {FORMAT_VERSION}; use a"
    ):
        SqliteJournalReader(path)


def test_format_before_snapshots_is_still_read(path: Path) -> None:
    _alter(path, "PRAGMA user_version=1")
    assert len(list(SqliteJournalReader(path).records())) == 5


def test_format_before_the_first_is_refused(path: Path) -> None:
    _alter(path, "PRAGMA user_version=0")
    with pytest.raises(JournalFormatError, match=r"format 0, .*does not read"):
        SqliteJournalReader(path)


def test_path_is_absolute(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    assert SqliteJournalReader(path.name).path == path


def test_file_that_the_system_does_not_give_is_no_damage() -> None:
    """Damage is for a person to look into; what the system refuses may come right by itself."""
    refusal = sqlite3.OperationalError("unable to open database file")
    refusal.sqlite_errorcode = sqlite3.SQLITE_CANTOPEN
    found = _translated(refusal, Path("run.sqlite"))
    assert type(found) is JournalError
    assert str(found) == "run.sqlite: the journal cannot be read: unable to open database file"


# ------------------------------------------------------------------------------- altered records

ALTERED = [
    "position = 1003",
    "seq = seq + 1",
    "seq = seq + 0.5",
    "seq = NULL",
    "seq = 'x'",
    "kind = 'event'",
    "kind = 'nonsense'",
    "kind = NULL",
    "name = name || ' '",
    "name = CAST(x'ff' AS TEXT)",
    "name = NULL",
    "ts = ts - 1",
    "ts = 'x'",
    "ts = NULL",
    "body = replace(body, 'trend', 'carry')",
    "body = CAST(x'ff' AS TEXT)",
    "body = NULL",
    "chain = zeroblob(32)",
    "chain = NULL",
]


@pytest.mark.parametrize("change", ALTERED)
def test_altered_column_is_named_by_position_and_records_before_it_are_given(
    path: Path, change: str
) -> None:
    _alter(path, f"UPDATE records SET {change} WHERE position = 3")
    given: list[Record] = []
    with pytest.raises(JournalDamagedError, match=r"run\.sqlite: position 3\b") as caught:
        given.extend(SqliteJournalReader(path).records())  # list.extend keeps what came before
    assert caught.value.position == 3
    assert given == [record_of(11), record_of(12)]


def test_altered_record_is_named_by_seq(path: Path) -> None:
    _alter(path, "UPDATE records SET body = '{}' WHERE position = 4")
    with pytest.raises(JournalDamagedError, match=r"position 4, seq 14 \(ApprovedCommand\)"):
        list(SqliteJournalReader(path).records())


def test_altered_body_is_readable_without_verification(path: Path) -> None:
    _alter(path, "UPDATE records SET body = '{}' WHERE position = 3")
    records = list(SqliteJournalReader(path).records(verify=False))
    assert records[2] == record_of(13, body=b"{}")
    assert records[3:] == [record_of(14), record_of(15)]


def test_row_that_is_no_record_is_refused_without_verification_too(path: Path) -> None:
    _alter(path, "UPDATE records SET kind = 'nonsense' WHERE position = 3")
    with pytest.raises(JournalDamagedError, match=r"position 3 is not a record.*nonsense"):
        list(SqliteJournalReader(path).records(verify=False))


@pytest.mark.parametrize("position", [1, 2, 5])
def test_missing_record_is_named_by_position(path: Path, position: int) -> None:
    _alter(path, f"DELETE FROM records WHERE position = {position}")
    with pytest.raises(JournalDamagedError, match=f"position {position}") as caught:
        list(SqliteJournalReader(path).records())
    assert caught.value.position == position


def test_missing_record_whose_place_was_closed_up_is_found(path: Path) -> None:
    _alter(
        path,
        "DELETE FROM records WHERE position = 2",
        "UPDATE records SET position = position - 1 WHERE position > 2",
    )
    with pytest.raises(JournalDamagedError, match="position 2, seq 13"):
        list(SqliteJournalReader(path).records())


def test_all_records_missing_is_found(path: Path) -> None:
    _alter(path, "DELETE FROM records")
    with pytest.raises(JournalDamagedError, match="position 1: the trailer does not follow"):
        list(SqliteJournalReader(path).records())


@pytest.mark.parametrize(("source", "position"), [(5, 6), (1, 6)])
def test_duplicated_record_is_found(path: Path, source: int, position: int) -> None:
    columns = "seq, kind, name, ts, body, chain"
    _alter(
        path,
        f"INSERT INTO records ({columns}) SELECT {columns} FROM records WHERE position = {source}",
    )
    with pytest.raises(JournalDamagedError, match=f"position {position}, seq") as caught:
        list(SqliteJournalReader(path).records())
    assert caught.value.position == position


def test_swapped_records_are_found_at_the_first(path: Path) -> None:
    _alter(
        path,
        "UPDATE records SET position = 99 WHERE position = 2",
        "UPDATE records SET position = 2 WHERE position = 4",
        "UPDATE records SET position = 4 WHERE position = 99",
    )
    with pytest.raises(JournalDamagedError, match="position 2, seq 14"):
        list(SqliteJournalReader(path).records())


def test_record_of_another_run_is_found(path: Path, tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    journal = SqliteJournal(other, durability=Durability.FULL)
    journal.begin(header_of(seed=8))
    journal.append(record_of(11))
    journal.close()
    _alter(
        path,
        f"ATTACH '{other}' AS other",
        "UPDATE main.records SET chain = (SELECT chain FROM other.records) WHERE position = 1",
    )
    with pytest.raises(JournalDamagedError, match="position 1"):
        list(SqliteJournalReader(path).records())


# ---------------------------------------------------------------------------- header and trailer


@pytest.mark.parametrize(
    "change",
    [
        "format_version = 0",
        "run_id = 'run-2'",
        "environment = 'live'",
        "seed = 8",
        "configuration_sha256 = ''",
        "data_name = 'other'",
        "data_sha256 = ''",
        "body = replace(body, '\"seed\":7', '\"seed\":8')",
        'body = replace(body, \'"seed":7\', \'"seed":"x"\')',
        "body = 'x'",
        "chain = zeroblob(32)",
    ],
)
def test_altered_header_is_refused_at_once(path: Path, change: str) -> None:
    _alter(path, f"UPDATE header SET {change}")
    with pytest.raises(JournalDamagedError, match=r"run\.sqlite: the header was altered"):
        SqliteJournalReader(path)


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM header", "the header is missing"),
        ("DROP TABLE header", "the file is damaged: no such table: header"),
        ("ALTER TABLE header RENAME seed TO seeds", "the file is damaged: no such column: seed"),
        ("DROP TABLE trailer", "the file is damaged: no such table: trailer"),
    ],
)
def test_missing_part_is_refused_at_once(path: Path, statement: str, message: str) -> None:
    _alter(path, statement)
    with pytest.raises(JournalDamagedError, match=message):
        SqliteJournalReader(path)


@pytest.mark.parametrize(
    "change",
    [
        "last_seq = 10",
        "decisions = 3",
        "decision_hash = ''",
        "state_hash = ''",
        "body = replace(body, '\"decisions\":2', '\"decisions\":3')",
        "chain = zeroblob(32)",
    ],
)
def test_altered_trailer_is_found_after_the_last_record(path: Path, change: str) -> None:
    _alter(path, f"UPDATE trailer SET {change}")
    given: list[Record] = []
    with pytest.raises(JournalDamagedError, match="position 6: the trailer"):
        given.extend(SqliteJournalReader(path).records())
    assert len(given) == 5


def test_unreadable_trailer_is_refused_at_once(path: Path) -> None:
    _alter(path, "UPDATE trailer SET body = 'x'")
    with pytest.raises(JournalDamagedError, match="the trailer was altered"):
        SqliteJournalReader(path)


def test_last_records_missing_from_a_cut_off_journal_leave_no_trace(unfinished_path: Path) -> None:
    """Not a wish but a limit of the chain, stated in docs/journal.md."""
    _alter(unfinished_path, "DELETE FROM records WHERE position > 3")
    assert list(SqliteJournalReader(unfinished_path).records()) == records_of(3)


# ------------------------------------------------------------------------------------ damaged files


def _content(path: Path) -> tuple[object, ...]:
    reader = SqliteJournalReader(path)
    return reader.header, list(reader.records()), reader.trailer


def test_truncated_file_is_refused_at_every_length(path: Path) -> None:
    content = path.read_bytes()
    for length in range(0, len(content), 509):  # a prime, so that the cuts fall everywhere
        path.write_bytes(content[:length])
        with pytest.raises((JournalFormatError, JournalDamagedError)):
            _content(path)


@pytest.mark.slow
def test_flipped_bit_is_refused_or_harmless(path: Path) -> None:
    content, expected = path.read_bytes(), _content(path)
    refused = 0
    for index in range(0, len(content), 23):
        damaged = bytearray(content)
        damaged[index] ^= 1 << (index % 8)
        path.write_bytes(damaged)
        try:
            assert _content(path) == expected, f"bit {index % 8} of byte {index}"
        except JournalError:
            refused += 1
    assert refused > 20  # most bytes of five records are unused space in their pages


@pytest.fixture
def live_files(tmp_path: Path) -> tuple[Path, Path]:
    """Copies of a journal and its -wal, taken after five syncs, as a crash would leave them."""
    (tmp_path / "live").mkdir()
    journal = SqliteJournal(tmp_path / "live" / "run.sqlite", durability=Durability.FULL)
    journal.begin(header_of())
    for record in records_of(5):
        journal.append(record)
        journal.sync()
    copies = tmp_path / "crashed.sqlite", tmp_path / "crashed.sqlite-wal"
    shutil.copy(journal.path, copies[0])
    shutil.copy(f"{journal.path}-wal", copies[1])
    journal.close()
    return copies


def test_cut_off_journal_is_read_with_its_wal(live_files: tuple[Path, Path]) -> None:
    reader = SqliteJournalReader(live_files[0])
    assert list(reader.records()) == records_of(5)
    assert reader.trailer is None


def test_reading_a_cut_off_journal_leaves_its_files_as_they_are(
    live_files: tuple[Path, Path],
) -> None:
    before = [file.read_bytes() for file in live_files]
    assert list(SqliteJournalReader(live_files[0]).records()) == records_of(5)
    assert [file.read_bytes() for file in live_files] == before


@pytest.mark.slow
def test_torn_wal_gives_a_prefix_or_is_refused(live_files: tuple[Path, Path]) -> None:
    path, wal = live_files
    content = wal.read_bytes()
    lengths_seen: set[int] = set()
    for length in range(len(content), 0, -251):
        wal.write_bytes(content[:length])
        Path(f"{path}-shm").unlink(missing_ok=True)
        try:
            records = list(SqliteJournalReader(path).records())
        except (JournalFormatError, JournalDamagedError):  # the header itself was in the torn part
            continue
        assert records == records_of(len(records))
        lengths_seen.add(len(records))
    assert lengths_seen == {0, 1, 2, 3, 4, 5}


# ------------------------------------------------------------------- the chain at one position


def test_last_chain_of_a_journal_without_records_is_that_of_its_header(tmp_path: Path) -> None:
    path = tmp_path / "empty.sqlite"
    write(SqliteJournal(path, durability=Durability.FULL), [], trailer=None)
    assert SqliteJournalReader(path).last_chain() == header_row(header_of())[1]


@pytest.mark.parametrize(
    "damage",
    [
        "DELETE FROM records WHERE position = 3",
        "UPDATE records SET chain = NULL WHERE position = 3",
        "UPDATE records SET chain = 'text' WHERE position = 3",
    ],
)
def test_record_before_the_first_one_that_is_asked_for_must_be_there(
    unfinished_path: Path, damage: str
) -> None:
    _alter(unfinished_path, damage)
    with pytest.raises(JournalDamagedError, match="position 3 is missing") as found:
        list(SqliteJournalReader(unfinished_path).records(after=3))
    assert found.value.position == 3


def test_page_that_cannot_be_read_is_no_end_of_the_journal(tmp_path: Path) -> None:
    """Without a trailer, and with an anchor that is gone, nothing else would tell."""
    path = tmp_path / "long.sqlite"
    write(SqliteJournal(path, durability=Durability.RELAXED), records_of(3_000), trailer=None)
    content = bytearray(path.read_bytes())
    middle = len(content) // 2 // 16_384 * 16_384
    content[middle : middle + 16_384] = bytes(16_384)
    path.write_bytes(content)
    given: list[Record] = []
    with pytest.raises(JournalDamagedError, match="the file is damaged"):
        given.extend(SqliteJournalReader(path).records())
