"""The simulated disk loses what a real one may lose, and its reader never makes something up."""

from __future__ import annotations

import pytest

from orchestrion.runtime.errors import JournalDamagedError, JournalFormatError
from orchestrion.runtime.journal import JournalHeader, JournalTrailer, Record, RecordKind
from tests.simulation.chance import Chance
from tests.simulation.storage import Disk, DiskJournal, DiskReader, File, TornOutcome

HEADER = JournalHeader(
    run_id="T",
    environment="simulation",
    seed=0,
    configuration="",
    configuration_sha256="",
    data_name="",
    data_sha256="",
    versions={},
)


def record(number: int) -> Record:
    return Record(number, RecordKind.INPUT, "Thing", number, b'{"n":%d}' % number)


def written(*, synced: int, unsynced: int) -> File:
    """A journal of records 1 to ``synced + unsynced``, the last ones not durable."""
    file = File()
    journal = DiskJournal(file)
    journal.begin(HEADER)
    for number in range(1, synced + 1):
        journal.append(record(number))
    journal.sync()
    for number in range(synced + 1, synced + unsynced + 1):
        journal.append(record(number))
    return file


@pytest.mark.parametrize("outcome", list(TornOutcome))
@pytest.mark.parametrize("seed", range(40))
def test_a_crash_leaves_a_prefix_that_holds_everything_that_was_synced(
    outcome: TornOutcome, seed: int
) -> None:
    file = written(synced=3, unsynced=4)
    file.crash(outcome, Chance(seed, "crash"))
    try:
        found = list(DiskReader(file).records())
    except JournalDamagedError:
        # Frames that were written in another order, or a hole: refused, never a wrong state.
        assert outcome is TornOutcome.ZEROED
        return
    assert found == [record(number) for number in range(1, len(found) + 1)]
    assert len(found) >= 3


def test_a_file_cut_at_any_byte_gives_a_prefix() -> None:
    whole = bytes(written(synced=5, unsynced=0).content)
    for length in range(len(whole)):
        file = File()
        file.content += whole[:length]
        try:
            found = list(DiskReader(file).records())
        except JournalFormatError:
            continue  # not even the header is whole
        assert found == [record(number) for number in range(1, len(found) + 1)]


def test_no_flipped_bit_gives_a_wrong_record() -> None:
    for seed in range(300):
        disk = Disk()
        file = disk.create("one")
        file.content += written(synced=5, unsynced=0).content
        disk.flip("one", Chance(seed, "flip"))
        try:
            found = list(DiskReader(file).records())
        except (JournalDamagedError, JournalFormatError):
            continue
        assert found == [record(number) for number in range(1, len(found) + 1)]


def test_a_reader_reads_what_was_written() -> None:
    reader = DiskReader(written(synced=2, unsynced=1))
    assert reader.header == HEADER
    assert [one.seq for one in reader.records(after=1)] == [2, 3]
    assert reader.cut_bytes == 0
    assert reader.snapshot() is None


def test_trailer_that_stands_before_a_record_ends_the_journal() -> None:
    """Found by the crash sweep: scenario 3, the last two writes of a run in another order."""
    file = written(synced=2, unsynced=1)
    journal = DiskJournal(other := File())
    journal.begin(HEADER)
    begun = len(other.content)
    journal.finish(JournalTrailer(last_seq=3, decisions=0, decision_hash=""))
    last = bytes(file.content[file.durable :])
    del file.content[file.durable :]
    file.content += other.content[begun:] + last
    reader = DiskReader(file)
    assert [one.seq for one in reader.records()] == [1, 2]
    assert reader.trailer is None
    assert reader.cut_bytes == len(other.content) - begun + len(last)
