"""A recorded run, played again through a core: what `compat` and `what-if` have in common.

Unlike ``replay_journal``, which compares every record, this compares inputs and decisions alone:
events may have got other words since, and are no reason to know nothing of a run.
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrion.actors.inputs import decode_input
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.runtime.errors import DivergenceError
from orchestrion.runtime.journal import Record, RecordKind
from orchestrion.runtime.machine import Machine
from orchestrion.runtime.replay import ABSENT, ComparingJournal

_COMPARED = frozenset({RecordKind.INPUT, RecordKind.DECISION})


class DecisionJournal(ComparingJournal):
    """Compares inputs and decisions."""

    def __init__(self, recorded: Iterable[Record]) -> None:
        super().__init__(one for one in recorded if one.kind in _COMPARED)

    def append(self, record: Record) -> None:
        if record.kind in _COMPARED:
            super().append(record)


def play_recorded(
    machine: Machine, recorded: ComparingJournal, source: DataSource, last_seq: int
) -> None:
    """Posts every input again; market data that the journal only names are read from the source.

    Raises:
        DivergenceError: something was recorded that does not come out now, or the data end early.
        ActorFailedError: with a DivergenceError as its cause: a record came out otherwise.
    """
    slices = source.slices()
    while machine.seq < last_seq:
        seq = machine.seq + 1
        recorded.expect_nothing_before(seq)
        record = recorded.next_input()
        if record is not None and record.seq == seq:
            machine.post(decode_input(record), record.ts)
        else:
            market_slice = next(slices, None)
            if market_slice is None:
                raise DivergenceError(
                    seq=seq, name="MarketSlice", field="record", then="a slice", now=ABSENT
                )
            machine.post(market_slice, market_slice.ts_event, is_recorded=False)
        machine.take_effects()
    recorded.expect_nothing_before(last_seq + 1)


def last_seq_of(reader: SqliteJournalReader) -> int:
    """The last input of a journal; of one that was cut off, that of its last record."""
    if reader.trailer is not None:
        return reader.trailer.last_seq
    return max((record.seq for record in reader.records(verify=False)), default=0)
