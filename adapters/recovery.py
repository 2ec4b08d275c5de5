"""Going on with a run after its process has ended, in order or not.

    last snapshot ─► inputs behind it, every record compared ─► a new segment of the journal:
                                                                its snapshot, ``Restarted``
    ─► held until the account is reconciled with the venue (``adapters.reconciliation``)

Nothing leaves here. What the ended process had decided but not carried out is settled from the
journal alone, so that a crash in the middle of a recovery only means another one: trades inside the
account are booked, weights are computed again, answers that were waited for are late. Orders that
were on their way are UNKNOWN.

Old inputs are never run through other code or another configuration. A run that ended in order has
nothing behind its last snapshot, so then both may change.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeAlias

import msgspec
import structlog

from orchestrion.actors.inputs import decode_input
from orchestrion.actors.restart_messages import Restarted
from orchestrion.actors.system import TradingSystem
from orchestrion.adapters import assembly
from orchestrion.adapters.backtest import build_run
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.journal.rotating_journal import RotatingJournal
from orchestrion.adapters.settings import RunSettings
from orchestrion.adapters.unanswered import ANSWERABLE, Unanswered
from orchestrion.domain.models.order import Order
from orchestrion.runtime.errors import (
    ActorError,
    ActorFailedError,
    DivergenceError,
    JournalDamagedError,
    JournalError,
)
from orchestrion.runtime.journal import (
    Journal,
    JournalHeader,
    Record,
    RecordKind,
    Snapshot,
    Stall,
)
from orchestrion.runtime.journal_store import JournalStore, Segment
from orchestrion.runtime.machine import Hop
from orchestrion.runtime.replay import ComparingJournal, missing

Build: TypeAlias = Callable[[Journal, JournalHeader], TradingSystem]
"""Makes the actors of a run over a journal; the same ones for the same configuration."""

_log = structlog.get_logger("orchestrion.recovery")


@dataclass(frozen=True)
class Resumed:
    """A run that can go on.

    Attributes:
        journal: the new segment, open.
        epoch: how many times the run was started before; 0 at the first start.
        orders_to_ask: open orders that the venue has to be asked about, as it knows them, in order
            of submission.
        replayed: inputs behind the last snapshot.
    """

    system: TradingSystem
    journal: Journal
    header: JournalHeader
    epoch: int = 0
    orders_to_ask: tuple[Order, ...] = ()
    replayed: int = 0

    @property
    def is_first_start(self) -> bool:
        return not self.epoch

    @property
    def last_slice_ts(self) -> int | None:
        """Time of the last market data that was played; None before the first."""
        return self.system.last_slice_ts

    @property
    def is_started(self) -> bool:
        """Whether an earlier process has started the strategies."""
        return self.system.is_started


def resume(
    store: JournalStore,
    settings: RunSettings,
    source: DataSource,
    environment: str,
    *,
    ts: int = 0,
    records_max: int | None = None,
    stalled: Stall | None = None,
    trace: Callable[[Hop], None] | None = None,
) -> Resumed:
    """Begins a run, or goes on with the one in the store, with the actors of a configuration.

    Args:
        ts: the present, nanoseconds UTC; a run never goes back behind its last input.
        records_max: a segment of the journal that has more records is left at the next session's
            close; None never.
        stalled: who blocked the last process, see ``blocked_note``; it is quarantined.

    Raises:
        JournalDamagedError: a record that is needed is missing or altered; names file, position and
            seq.
        DivergenceError: the journal's inputs come to something else now; names seq, field, then
            and now.
        JournalError: whatever else keeps the run from going on, in words.
        ConfigurationError: from building the run, or the strategies are not those of the run.
    """

    def build(journal: Journal, header: JournalHeader) -> TradingSystem:
        return build_run(settings, source, journal, header, trace=trace)

    header = assembly.journal_header(settings, source, environment)
    return resume_run(store, header, build, ts=ts, records_max=records_max, stalled=stalled)


def resume_run(
    store: JournalStore,
    header: JournalHeader,
    build: Build,
    *,
    ts: int = 0,
    records_max: int | None = None,
    stalled: Stall | None = None,
) -> Resumed:
    """The same for a run that is built by hand; arguments and errors as for ``resume``.

    Args:
        header: of the present code and configuration; the place in the chain is filled in.
    """
    segments = tuple(store.segments())
    if not segments:
        return _first_start(store, header, build, records_max, stalled)
    last = segments[-1]
    header = msgspec.structs.replace(
        header,
        epoch=1 + max(one.reader.header.epoch for one in segments),
        segment=last.reader.header.segment + 1,
        previous=last.name,
        previous_chain=last.reader.last_chain().hex(),
    )
    tail = _Tail(segments, header)
    comparing = ComparingJournal(tail.records(), is_cut=True)
    system = build(comparing, header)
    stalled = _resolved(stalled, segments)
    stalls = (*stalls_of(segments), *(() if stalled is None else (stalled,)))
    pending = _restored(system, comparing, tail, stalls)
    if system.has_ended:
        raise JournalError(
            f"{last.name}: the run has ended and its strategies were told so; begin a new one in "
            "another directory"
        )
    if stalled is not None:
        header = _noted(header, stalled, system)
    journal = _new_segment(store, header, records_max)
    with ExitStack() as taken:  # nobody else can close it before this returns
        taken.callback(journal.close)
        _begin_segment(system, journal, comparing.beyond, pending)
        _restart(system, header.epoch, max(ts, system.machine.now), pending)
        journal.sync()
        taken.pop_all()
    return Resumed(
        system,
        journal,
        header,
        header.epoch,
        system.orders_at_venue,
        tail.inputs,
    )


def _new_segment(store: JournalStore, header: JournalHeader, records_max: int | None) -> Journal:
    if records_max is None:
        return store.begin(header)
    return RotatingJournal(store, header, records_max=records_max)


def _first_start(
    store: JournalStore,
    header: JournalHeader,
    build: Build,
    records_max: int | None,
    stalled: Stall | None,
) -> Resumed:
    if stalled is not None:  # what it was called for was never written
        header = msgspec.structs.replace(header, stalls=(Stall(stalled.actor, 1),))
    journal = _new_segment(store, header, records_max)
    system = build(journal, header)
    system.take_out(header.stalls, 1)
    return Resumed(system, journal, header)


def _resolved(stalled: Stall | None, segments: Sequence[Segment]) -> Stall | None:
    """A stall whose input is known."""
    if stalled is None or stalled.seq >= 0:
        return stalled
    last: Record | None = None
    for segment in segments:
        for record in segment.reader.records(verify=False):
            last = record
    is_open = last is not None and last.kind is RecordKind.INPUT
    return Stall(stalled.actor, last.seq if last is not None and is_open else 0)


def _noted(header: JournalHeader, stalled: Stall, system: TradingSystem) -> JournalHeader:
    """The header of a journal after a process that was blocked."""
    # The restart is one as well: the input may be lost with the process, or have called nobody.
    restart = Stall(stalled.actor, system.machine.seq + 1)
    system.take_out((restart,), restart.seq)
    is_left = 0 < stalled.seq <= system.machine.seq
    return msgspec.structs.replace(header, stalls=(stalled, restart) if is_left else (restart,))


def stalls_of(segments: Sequence[Segment]) -> tuple[Stall, ...]:
    """Who is taken out before which input, over a chain of journals."""
    return tuple(one for segment in segments for one in segment.reader.header.stalls)


class _Tail:
    """What is behind the latest snapshot, over all segments.

    Attributes:
        snapshot: None when there is none, and the tail is everything.
        inputs: how many have been read.
    """

    def __init__(self, segments: Sequence[Segment], present: JournalHeader) -> None:
        """
        Raises:
            JournalDamagedError: the snapshot was altered, or a segment does not belong behind the
                one before it.
            JournalError: there is no snapshot, and the first segment is not there any more.
        """
        self.inputs = 0
        self.snapshot: Snapshot | None = None
        self._present = present
        start = len(segments)
        while start and self.snapshot is None:
            start -= 1
            self.snapshot = segments[start].reader.snapshot()
        self._segments = segments[start:]
        first = self._segments[0]
        if self.snapshot is None and first.reader.header.previous:
            raise JournalError(
                f"{first.name}: the journals before it are missing, and none that is there holds a "
                "snapshot to go on from; put them back"
            )
        require_linked(self._segments)

    def records(self) -> Iterator[Record]:
        """Verified; of another program or configuration none that is an input."""
        after = self.snapshot.position if self.snapshot is not None else 0
        for segment in self._segments:
            is_known = False
            for record in segment.reader.records(after=after):
                if record.kind is RecordKind.INPUT:
                    is_known = is_known or self._require_same(segment)
                    self.inputs += 1
                yield record
            after = 0

    def _require_same(self, segment: Segment) -> bool:
        then, now = segment.reader.header, self._present
        changed = [
            words
            for words, before, after in (
                ("configuration", then.configuration_sha256, now.configuration_sha256),
                ("version", then.versions.get("orchestrion"), now.versions.get("orchestrion")),
                ("flags", then.flags, now.flags),
            )
            if before != after
        ]
        if changed:
            raise JournalError(
                f"{segment.name}: there are inputs behind its last snapshot, and the "
                f"{' and the '.join(changed)} of the program changed since: old inputs are never "
                "run through new code. Start it once more as it was, end it in order, then change "
                "it"
            )
        return True


def require_linked(segments: Sequence[Segment]) -> None:
    """
    Raises:
        JournalDamagedError: a segment is missing between two others, or was replaced.
    """
    for before, segment in pairwise(segments):
        header = segment.reader.header
        if header.previous != before.name:
            raise JournalDamagedError(
                f"{segment.name}: follows {header.previous}, but {before.name} stands before it"
            )
        if header.previous_chain != before.reader.last_chain().hex():
            raise JournalDamagedError(
                f"{before.name}: its records are not those that {segment.name} went on from"
            )


def _restored(
    system: TradingSystem, comparing: ComparingJournal, tail: _Tail, stalls: Sequence[Stall]
) -> Unanswered:
    """The system as it was behind the last recorded input, and what it waits for."""
    if tail.snapshot is not None:
        system.restore(tail.snapshot.record.body)
    pending = Unanswered()
    try:
        _play(system, comparing, pending, stalls)
    except ActorFailedError as failure:
        if isinstance(failure.__cause__, DivergenceError):
            raise failure.__cause__ from None
        raise
    return pending


def _play(
    system: TradingSystem,
    comparing: ComparingJournal,
    pending: Unanswered,
    stalls: Sequence[Stall],
) -> None:
    machine = system.machine
    while True:
        snapshot = comparing.take_snapshot()
        if snapshot is not None:
            system.compare(snapshot.seq, snapshot.body)
            continue
        record = comparing.next_input()
        if record is None:
            break
        _require_next(machine.seq, record)
        payload = decode_input(record)
        system.take_out(stalls, record.seq)
        machine.post(payload, record.ts)
        pending.note_input(payload)
        for _, effect in machine.take_effects():
            pending.note_effect(effect)
    left = comparing.next_record
    if left is not None:
        if left.seq > machine.seq:
            _require_next(machine.seq, left)
        raise missing(left)


def _require_next(seq: int, record: Record) -> None:
    if record.kind is not RecordKind.INPUT or record.seq != seq + 1:
        raise JournalError(
            f"seq {seq + 1}: the journal does not hold this input. A run whose market data are "
            "named and not recorded is made again, not gone on with"
        )


def _begin_segment(
    system: TradingSystem, journal: Journal, beyond: Sequence[Record], pending: Unanswered
) -> None:
    """What the ended process had no time to write comes first, then the state to go on from."""
    for record in beyond:
        journal.append(record)
    system.machine.write_to(journal)
    try:
        # What was asked for is no part of a state: whoever went on from here, should this process
        # end before its answers are durable, would not know that anything is to be answered.
        pending.require_none()
        system.machine.record_snapshot(system.snapshot())
    except ActorError as reason:
        # The next start goes back to an earlier snapshot, and reads on through this segment.
        _log.warning("SnapshotNotTaken", reason=str(reason))
    journal.sync()


def _restart(system: TradingSystem, epoch: int, ts: int, pending: Unanswered) -> None:
    """Posts the restart, then whatever answers the open effects, until none is left.

    An answer can lead to new ones: a strategy whose lateness ends its stage opens the next one.
    Those belong to the same moment of the market, which has passed for them as well.
    """
    machine = system.machine
    machine.post(Restarted(epoch=epoch, ts_event=ts), ts)
    methods = system.orchestrator.capital_manager.methods
    while True:
        for effect in machine.take_effects_of(ANSWERABLE):
            pending.note_effect(effect)
        answer = pending.next_answer(methods)
        if answer is None:
            return
        machine.post(answer, ts)
