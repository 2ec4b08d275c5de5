"""What every journal promises, whatever it is stored in. A storage subclasses it in three lines:

    class TestMyJournal(JournalContract):
        def new_journal(self, directory: Path) -> Journal: ...
        def reader_of(self, journal: Journal) -> JournalReader: ...

A journal that was never begun needs no reader.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from orchestrion.runtime.errors import JournalError, JournalFormatError
from orchestrion.runtime.journal import (
    FORMAT_VERSION,
    Journal,
    JournalHeader,
    JournalReader,
    JournalTrailer,
    Record,
    RecordKind,
)

TRAILER = JournalTrailer(last_seq=9, decisions=2, decision_hash="d" * 64, state_hash="5" * 64)
SEED_MAX = 2**63 - 1


def header_of(*, seed: int = 7, format_version: int = FORMAT_VERSION) -> JournalHeader:
    return JournalHeader(
        run_id="run-1",
        environment="backtest",
        seed=seed,
        configuration='{"name": "Grüße", "quote": "\\""}',
        configuration_sha256="c" * 64,
        data_name="bundled",
        data_sha256="e" * 64,
        versions={"python": "3.11", "orchestrion": "0.1.0"},
        flags=(1, 3),
        format_version=format_version,
    )


def record_of(
    seq: int,
    *,
    kind: RecordKind = RecordKind.DECISION,
    name: str = "ApprovedCommand",
    ts: int | None = None,
    body: bytes | None = None,
) -> Record:
    return Record(
        seq=seq,
        kind=kind,
        name=name,
        ts=1_500_000_000_000_000_000 + seq if ts is None else ts,
        body=b'{"index":%d,"strategy_id":"trend"}' % seq if body is None else body,
    )


def records_of(count: int) -> list[Record]:
    return [record_of(seq) for seq in range(1, count + 1)]


def write(journal: Journal, records: list[Record], *, trailer: JournalTrailer | None) -> None:
    journal.begin(header_of())
    for record in records:
        journal.append(record)
    if trailer is not None:
        journal.finish(trailer)
    journal.close()


def _begin(journal: Journal) -> None:
    journal.begin(header_of())


def _append(journal: Journal) -> None:
    journal.append(record_of(1))


def _finish(journal: Journal) -> None:
    journal.finish(TRAILER)


def _sync(journal: Journal) -> None:
    journal.sync()


def _close(journal: Journal) -> None:
    journal.close()


Step = Callable[[Journal], None]

OUT_OF_TURN = [
    pytest.param([], _append, "begin", id="append before begin"),
    pytest.param([], _sync, "begin", id="sync before begin"),
    pytest.param([], _finish, "begin", id="finish before begin"),
    pytest.param([_begin], _begin, "begun", id="begin twice"),
    pytest.param([_begin, _finish], _begin, "finished", id="begin after finish"),
    pytest.param([_begin, _finish], _append, "finished", id="append after finish"),
    pytest.param([_begin, _finish], _finish, "finished", id="finish twice"),
    pytest.param([_begin, _close], _begin, "closed", id="begin after close"),
    pytest.param([_begin, _close], _append, "closed", id="append after close"),
    pytest.param([_begin, _close], _sync, "closed", id="sync after close"),
    pytest.param([_begin, _close], _finish, "closed", id="finish after close"),
    pytest.param([_begin, _finish, _close], _sync, "closed", id="sync after finish and close"),
]

UNUSUAL_RECORDS = [
    *(pytest.param(record_of(1, kind=kind), id=f"kind {kind}") for kind in RecordKind),
    pytest.param(record_of(0, ts=-1), id="before 1970"),
    pytest.param(record_of(2**63 - 1, ts=-(2**63)), id="ends of 64 bits"),
    pytest.param(record_of(1, name="Größe|1", body='{"a":"ü|🎵"}'.encode()), id="not ASCII"),
    pytest.param(record_of(1, name="", body=b""), id="empty"),
    pytest.param(record_of(1, body=b'{"a":"\x00"}'), id="a zero byte"),
    pytest.param(record_of(1, body=b'"%b"' % (b"x" * 1_000_000)), id="a million bytes"),
]

UNSTORABLE_RECORDS = [
    pytest.param(record_of(2, body=b"\xff"), "UTF-8", id="body is not UTF-8"),
    pytest.param(record_of(2, name="\ud800"), "UTF-8", id="name is not UTF-8"),
    pytest.param(record_of(2, ts=2**63), "64 bits", id="time beyond 64 bits"),
]


class JournalContract:
    """The suite; see the module's docstring."""

    def new_journal(self, directory: Path) -> Journal:
        raise NotImplementedError

    def reader_of(self, journal: Journal) -> JournalReader:
        raise NotImplementedError

    @pytest.fixture
    def journal(self, tmp_path: Path) -> Iterator[Journal]:
        journal = self.new_journal(tmp_path)
        yield journal
        journal.close()

    def test_header_comes_back_as_written(self, journal: Journal) -> None:
        write(journal, [], trailer=None)
        assert self.reader_of(journal).header == header_of()

    @pytest.mark.parametrize("count", [0, 1, 63, 64, 65, 1023, 1024, 1025])
    def test_records_come_back_in_order(self, journal: Journal, count: int) -> None:
        write(journal, records_of(count), trailer=TRAILER)
        assert list(self.reader_of(journal).records()) == records_of(count)

    @pytest.mark.parametrize("record", UNUSUAL_RECORDS)
    def test_unusual_record_comes_back_as_written(self, journal: Journal, record: Record) -> None:
        write(journal, [record_of(1), record, record_of(1)], trailer=TRAILER)
        assert list(self.reader_of(journal).records()) == [record_of(1), record, record_of(1)]

    def test_reader_gives_the_same_records_each_time(self, journal: Journal) -> None:
        write(journal, records_of(5), trailer=TRAILER)
        reader = self.reader_of(journal)
        next(reader.records())
        assert list(reader.records()) == list(reader.records()) == records_of(5)

    def test_unverified_records_of_a_sound_journal_are_the_verified_ones(
        self, journal: Journal
    ) -> None:
        write(journal, records_of(5), trailer=TRAILER)
        assert list(self.reader_of(journal).records(verify=False)) == records_of(5)

    def test_trailer_comes_back_as_written(self, journal: Journal) -> None:
        write(journal, records_of(1), trailer=TRAILER)
        assert self.reader_of(journal).trailer == TRAILER

    def test_journal_closed_without_finish_has_its_records_and_no_trailer(
        self, journal: Journal
    ) -> None:
        write(journal, records_of(3), trailer=None)
        reader = self.reader_of(journal)
        assert reader.trailer is None
        assert list(reader.records()) == records_of(3)

    def test_several_syncs_keep_the_order(self, journal: Journal) -> None:
        journal.begin(header_of())
        for record in records_of(10):
            journal.append(record)
            if record.seq % 3 == 0:
                journal.sync()
        journal.finish(TRAILER)
        assert list(self.reader_of(journal).records()) == records_of(10)

    @pytest.mark.parametrize(("before", "step", "reason"), OUT_OF_TURN)
    def test_step_out_of_turn_is_refused(
        self, journal: Journal, before: list[Step], step: Step, reason: str
    ) -> None:
        for earlier in before:
            earlier(journal)
        with pytest.raises(JournalError, match=reason):
            step(journal)

    def test_refused_step_changes_nothing(self, journal: Journal) -> None:
        journal.begin(header_of())
        journal.append(record_of(1))
        with pytest.raises(JournalError, match="begun"):
            journal.begin(header_of(seed=8))
        journal.append(record_of(2))
        journal.finish(TRAILER)
        with pytest.raises(JournalError, match="finished"):
            journal.append(record_of(3))
        reader = self.reader_of(journal)
        assert reader.header == header_of()
        assert reader.trailer == TRAILER
        assert list(reader.records()) == records_of(2)

    def test_sync_after_finish_has_nothing_to_do(self, journal: Journal) -> None:
        journal.begin(header_of())
        journal.finish(TRAILER)
        journal.sync()
        assert self.reader_of(journal).trailer == TRAILER

    def test_close_twice_is_safe(self, journal: Journal) -> None:
        write(journal, records_of(1), trailer=TRAILER)
        journal.close()
        assert list(self.reader_of(journal).records()) == records_of(1)

    def test_header_of_a_newer_format_is_refused_and_a_right_one_still_taken(
        self, journal: Journal
    ) -> None:
        with pytest.raises(JournalFormatError, match=rf"{FORMAT_VERSION + 1}.*{FORMAT_VERSION}"):
            journal.begin(header_of(format_version=FORMAT_VERSION + 1))
        journal.begin(header_of())
        assert self.reader_of(journal).header.format_version == FORMAT_VERSION

    def test_seed_of_64_bits_is_taken_and_a_larger_one_refused(self, journal: Journal) -> None:
        with pytest.raises(JournalError, match=str(SEED_MAX + 1)):
            journal.begin(header_of(seed=SEED_MAX + 1))
        journal.begin(header_of(seed=SEED_MAX))
        assert self.reader_of(journal).header.seed == SEED_MAX

    @pytest.mark.parametrize(("record", "reason"), UNSTORABLE_RECORDS)
    def test_record_that_cannot_be_stored_ends_the_journal_and_is_named(
        self, journal: Journal, record: Record, reason: str
    ) -> None:
        journal.begin(header_of())
        with pytest.raises(JournalError, match=rf"seq 2.*{reason}"):
            self._append_and_finish(journal, record)
        for step in (_append, _sync, _finish):
            with pytest.raises(JournalError, match="an earlier write failed"):
                step(journal)
        journal.close()
        reader = self.reader_of(journal)
        assert reader.trailer is None
        assert record not in list(reader.records())

    @staticmethod
    def _append_and_finish(journal: Journal, record: Record) -> None:
        journal.append(record)
        journal.finish(TRAILER)
