"""Real processes that write a journal and end badly: killed, out of space, one too many.

Each child does its part, says so on its standard output and waits to be killed. What it had synced
must be in the file, in order and verified; the next process must get the lock. A kill does not
lose what the system holds in memory, so these say nothing about power failures.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from orchestrion.adapters.journal.sqlite_journal import (
    RELAXED_COMMIT_RECORDS,
    Durability,
    SqliteJournal,
)
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.runtime.errors import JournalError

pytestmark = pytest.mark.slow

_PREAMBLE = """\
import sys
from orchestrion.adapters.journal.sqlite_journal import Durability, SqliteJournal
from orchestrion.runtime.errors import JournalError
from orchestrion.runtime.journal import JournalHeader, JournalTrailer, Record, RecordKind

header = JournalHeader(run_id="r", environment="paper", seed=1, configuration="{}",
    configuration_sha256="", data_name="", data_sha256="", versions={})

def append(first, last, body=b"{}"):
    for seq in range(first, last + 1):
        journal.append(Record(seq=seq, kind=RecordKind.INTENT, name="Order", ts=seq, body=body))

def ready(what=""):
    print("ready", what, flush=True)
    sys.stdin.read()

journal = SqliteJournal(sys.argv[1], durability=Durability[sys.argv[2]])
journal.begin(header)
"""


@contextmanager
def _child(path: Path, durability: Durability, script: str) -> Iterator[str]:
    """Runs the script up to its ``ready``, gives what it said there, and kills it at the end."""
    process = subprocess.Popen(
        [sys.executable, "-c", _PREAMBLE + script, str(path), durability.name],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    with process:
        try:
            said = process.stdout.readline()
            assert said.startswith("ready")
            yield said.removeprefix("ready").strip()
        finally:
            process.kill()
            process.stdin.close()


def _seqs(path: Path) -> list[int]:
    return [record.seq for record in SqliteJournalReader(path).records()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "run.sqlite"


def test_killed_between_append_and_sync_keeps_what_was_synced(path: Path) -> None:
    script = "append(1, 10); journal.sync(); append(11, 15); ready()"
    with _child(path, Durability.FULL, script):
        pass
    assert _seqs(path) == list(range(1, 11))
    assert SqliteJournalReader(path).trailer is None


def test_killed_in_an_open_transaction_keeps_what_was_synced(path: Path) -> None:
    script = "append(1, 3); journal.sync(); append(4, 9000); ready()"
    with _child(path, Durability.FULL, script):
        pass
    assert _seqs(path) == [1, 2, 3]


def test_killed_right_after_begin_leaves_a_readable_journal(path: Path) -> None:
    with _child(path, Durability.FULL, "ready()"):
        pass
    assert SqliteJournalReader(path).header.run_id == "r"
    assert _seqs(path) == []


def test_killed_relaxed_writer_keeps_what_was_committed(path: Path) -> None:
    script = f"append(1, {RELAXED_COMMIT_RECORDS + 5}); journal.sync(); ready()"
    with _child(path, Durability.RELAXED, script):
        pass
    assert _seqs(path) == list(range(1, RELAXED_COMMIT_RECORDS + 1))


def test_killed_after_finish_keeps_the_trailer(path: Path) -> None:
    script = """
append(1, 2)
journal.finish(JournalTrailer(last_seq=2, decisions=0, decision_hash="h"))
ready()"""
    with _child(path, Durability.RELAXED, script):
        pass
    trailer = SqliteJournalReader(path).trailer
    assert trailer is not None
    assert trailer.decision_hash == "h"
    assert _seqs(path) == [1, 2]


def test_killed_at_any_instant_leaves_a_prefix_with_everything_synced(path: Path) -> None:
    """The child tells each sync that returned; the kill falls wherever it is then."""
    script = """
print("ready", flush=True)
for seq in range(1, 100_000):
    append(seq, seq); journal.sync(); print(seq, flush=True)"""
    process = subprocess.Popen(
        [sys.executable, "-c", _PREAMBLE + script, str(path), Durability.FULL.name],
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    with process:
        process.stdout.readline()
        for _ in range(50):
            process.stdout.readline()
        process.kill()
        rest = process.stdout.read().split()
    synced = int(rest[-1]) if rest else 50
    seqs = _seqs(path)
    assert seqs == list(range(1, len(seqs) + 1))
    assert len(seqs) >= synced


def test_live_journal_of_another_process_is_refused_to_write_and_can_be_read(path: Path) -> None:
    with _child(path, Durability.FULL, "append(1, 2); journal.sync(); ready()"):
        with pytest.raises(JournalError, match=r"run\.sqlite: another writer"):
            SqliteJournal(path, durability=Durability.FULL)
        assert _seqs(path) == [1, 2]


def test_killed_writer_leaves_no_lock_behind_but_its_journal_is_not_overwritten(
    path: Path,
) -> None:
    with _child(path, Durability.FULL, "append(1, 2); journal.sync(); ready()"):
        pass
    with pytest.raises(JournalError, match="exists already"):
        SqliteJournal(path, durability=Durability.FULL)
    assert _seqs(path) == [1, 2]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limit on file sizes")
def test_commit_that_hits_the_end_of_space_ends_the_journal(path: Path) -> None:
    """A real write error inside COMMIT: the system lets no file grow beyond 200,000 bytes."""
    script = """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))
synced, refused = 0, []
try:
    for seq in range(1, 1000):
        append(seq, seq, b'"' + b"x" * 1000 + b'"'); journal.sync(); synced = seq
except JournalError as error:
    refused.append(str(error))
for step in (journal.sync, lambda: append(1, 1)):
    try:
        step()
    except JournalError as error:
        refused.append(str(error))
journal.close()
ready(f"{synced} {len(refused)} {refused[0]}")"""
    with _child(path, Durability.FULL, script) as said:
        synced, refused, message = said.split(maxsplit=2)
    assert int(synced) > 10
    assert refused == "3"
    assert message.startswith(f"{path}: the journal cannot be written: ")
    assert _seqs(path) == list(range(1, int(synced) + 1))
