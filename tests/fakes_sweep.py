"""The law of snapshots over a run: at every position a snapshot and the tail come to the same.

    sweep(build, records)       # every record and every state hash equal, from every position

``build`` makes a fresh system over a journal. The first pass posts the recorded inputs to one
system and takes a snapshot behind each; the others begin at a snapshot each.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from orchestrion.actors.inputs import decode_input
from orchestrion.actors.system import TradingSystem
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.journal import Journal, Record, RecordKind
from orchestrion.runtime.replay import ComparingJournal

Build = Callable[[Journal], TradingSystem]


def inputs_of(records: Sequence[Record]) -> list[Record]:
    return [record for record in records if record.kind is RecordKind.INPUT]


class Genesis:
    """A run posted again from its first input.

    Attributes:
        hashes: state hash behind every so many-th input, by seq; missing in the middle of a round.
        snapshots: likewise.
    """

    def __init__(self, build: Build, records: Sequence[Record], *, every: int = 1) -> None:
        self._every = every
        self.build = build
        self.records = records
        self.hashes: dict[int, str] = {}
        self.snapshots: dict[int, bytes] = {}
        journal = ComparingJournal(records)
        self.system = build(journal)
        self._note()
        for record in inputs_of(records):
            self.system.machine.post(decode_input(record), record.ts)
            self.system.machine.take_effects()
            self._note()
        assert journal.compared == len(records)

    def _note(self) -> None:
        seq = self.system.machine.seq
        if seq % self._every:
            return
        try:
            self.snapshots[seq] = self.system.snapshot()
        except ActorError as not_now:
            assert "is still open" in str(not_now)  # noqa: PT017 - a round waits for an answer
            return
        self.hashes[seq] = self.system.state_hash()

    def go_on_from(self, seq: int, *, until: int | None = None) -> TradingSystem:
        """A new system at a snapshot, with the tail posted and everything compared.

        Args:
            until: the last input of the tail; to the next snapshot is enough where all of them are
                gone on from.
        """
        last = until or self.system.machine.seq
        tail = [record for record in self.records if seq < record.seq <= last]
        journal = ComparingJournal(tail)
        system = self.build(journal)
        system.restore(self.snapshots[seq])
        assert system.snapshot() == self.snapshots[seq], f"at {seq}"
        machine = system.machine
        for record in inputs_of(tail):
            machine.post(decode_input(record), record.ts)
            machine.take_effects()
            if machine.seq in self.hashes:
                assert system.state_hash() == self.hashes[machine.seq], f"{seq} to {machine.seq}"
        assert journal.compared == len(tail)
        if until is None:
            assert machine.decision_hash == self.system.machine.decision_hash
        return system


def sweep(build: Build, records: Sequence[Record]) -> Genesis:
    """Goes on from every position."""
    genesis = Genesis(build, records)
    assert len(genesis.snapshots) > len(inputs_of(records)) // 6
    for seq in genesis.snapshots:
        genesis.go_on_from(seq)
    return genesis
