"""Replay of a journal: its inputs through the code as it is now, every record compared.

Inputs that the journal holds are posted from it; market data that its header names by hash is read
from the source again, after its content was checked. Nothing is sent anywhere: the effects of the
replayed core are dropped, because what came of them is in the journal as inputs.

A chain of journals is replayed part by part. A part begins with a snapshot (the first one with the
run) and goes on to the next journal that begins with one, so identity is claimed for the code and
configuration that each was written with. Every snapshot on the way is compared with the state that
the replay has come to.

    000001: inputs ............ | 000002: snapshot, inputs ... | 000003: snapshot, ...
    part 1 ───────────────────► | part 2 ────────────────────► | part 3
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, takewhile
from pathlib import Path

import msgspec

from orchestrion.actors.inputs import decode_input
from orchestrion.actors.system import TradingSystem
from orchestrion.adapters import assembly
from orchestrion.adapters.backtest import build_run
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.journal.journal_directory import segment_paths
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.adapters.recovery import Build, require_linked, stalls_of
from orchestrion.adapters.settings import load_settings
from orchestrion.adapters.weight_check import WeightCheck
from orchestrion.runtime.errors import (
    ActorFailedError,
    DivergenceError,
    JournalDamagedError,
    JournalFormatError,
)
from orchestrion.runtime.journal import (
    Journal,
    JournalHeader,
    JournalReader,
    Record,
    RecordKind,
    Stall,
)
from orchestrion.runtime.journal_store import Segment
from orchestrion.runtime.replay import ABSENT, ComparingJournal


class Divergence(msgspec.Struct, frozen=True):
    """The first record that came out differently. ``segment``: of a chain, the journal."""

    seq: int
    name: str
    field: str
    then: str
    now: str
    segment: str = ""


class ReplayOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found.

    Attributes:
        decisions: how many were recomputed until the end or the divergence.
        records: records of any kind that were equal.
        decision_hash: over all decisions of the run, those before a first snapshot included.
        is_complete: whether the (last) journal has its trailer; without one the run was cut off.
        weights_checked: recorded estimates that were computed again. Replay reads them, because
            floats may differ in their last bit; this is the separate check, within a tolerance.
        weight_faults: which of them do not agree, in words.
        segments: journals that were replayed.
        snapshots: states that were compared.
    """

    identical: bool
    decisions: int
    records: int
    decision_hash: str
    is_complete: bool
    divergence: Divergence | None = None
    weights_checked: int = 0
    weight_faults: tuple[str, ...] = ()
    segments: int = 1
    snapshots: int = 0


def replay_journal(path: Path) -> ReplayOutcome:
    """Replays a journal file, or all journals of a directory.

    Raises:
        JournalError: there is no journal, or one is damaged where nothing was decided.
        JournalDamagedError: the data are not those that the header names, or a journal of the chain
            is missing.
        ConfigurationError: the configuration in a header cannot be used any more.
    """
    paths = segment_paths(path) if path.is_dir() else [path]
    if not paths:
        raise JournalFormatError(f"{path}: there is no journal in this directory")
    segments = [Segment(one.name, SqliteJournalReader(one)) for one in paths]
    require_linked(segments)
    return replay_segments(segments)


def replay_segments(segments: Sequence[Segment], build: Build | None = None) -> ReplayOutcome:
    """Replays journals that follow each other.

    Args:
        build: makes the actors of a journal; without it they are made from the configuration in its
            header. A run that is built by hand holds its market data.

    Raises:
        JournalError, ConfigurationError: as ``replay_journal``.
    """
    found: list[ReplayOutcome] = []
    stalls = stalls_of(segments)
    for part in _parts_of(segments):
        found.append(_replay(part, build, stalls))
        if not found[-1].identical:
            break
    return _together(found)


@dataclass(frozen=True)
class _Part:
    """Journals from one starting snapshot to the next.

    Attributes:
        start: the snapshot; None where the run begins.
        epilogue: what the last input of the part made and the process had no time to write: it
            stands at the beginning of the next journal.
    """

    segments: tuple[Segment, ...]
    start: Record | None
    epilogue: tuple[Record, ...] = ()
    is_last: bool = True

    @property
    def last(self) -> JournalReader:
        return self.segments[-1].reader

    def records(self, *, verify: bool) -> Iterator[Record]:
        for number, segment in enumerate(self.segments):
            records = segment.reader.records(verify=verify)
            if number == 0 and self.start is not None:
                for record in records:
                    if record.kind is RecordKind.SNAPSHOT:
                        break
            yield from records
        yield from self.epilogue


def _parts_of(segments: Sequence[Segment]) -> Iterator[_Part]:
    """A journal that does not begin with a snapshot goes on with the one before it."""
    starts: list[tuple[int, Record | None, tuple[Record, ...]]] = []
    for place, segment in enumerate(segments):
        prologue, snapshot = _opening(segment.reader)
        if snapshot is not None or not starts:
            starts.append((place, snapshot, prologue if snapshot is not None else ()))
    first = segments[0].reader.header
    if starts[0][1] is None and first.previous:
        raise JournalDamagedError(
            f"{segments[0].name}: does not begin with a snapshot; give the directory with the "
            "journals before it"
        )
    ends = [*(place for place, _, _ in starts[1:]), len(segments)]
    prologues = [*(prologue for _, _, prologue in starts[1:]), ()]
    for (place, snapshot, _), end, epilogue in zip(starts, ends, prologues, strict=True):
        is_last = end == len(segments)
        yield _Part(tuple(segments[place:end]), snapshot, epilogue, is_last)


def _opening(reader: JournalReader) -> tuple[tuple[Record, ...], Record | None]:
    """What stands before the first input: records of an earlier one, and the snapshot."""
    prologue: list[Record] = []
    for record in takewhile(
        lambda one: one.kind is not RecordKind.INPUT, reader.records(verify=False)
    ):
        if record.kind is RecordKind.SNAPSHOT:
            return tuple(prologue), record
        prologue.append(record)
    return (), None


def _replay(part: _Part, build: Build | None, stalls: Sequence[Stall]) -> ReplayOutcome:
    header, trailer = part.segments[0].reader.header, part.last.trailer
    last_seq = _last_seq(part)
    # Unverified on purpose: an altered decision is to be named by what it should be.
    comparing = ComparingJournal(
        part.records(verify=False), is_cut=trailer is None and part.is_last
    )
    system, source = _built(header, comparing, build)
    if part.start is not None:
        system.restore(part.start.body)
    begun = system.machine.decisions
    methods = system.orchestrator.capital_manager.methods
    check = WeightCheck(methods, is_from_start=part.start is None)
    play = _Play(system, comparing, source, check, stalls)
    divergence: Divergence | None = None
    try:
        play.until(last_seq)
    except DivergenceError as found:
        divergence = _described(found, part)
    except ActorFailedError as failure:
        if not isinstance(failure.__cause__, DivergenceError):
            raise
        divergence = _described(failure.__cause__, part)
    if divergence is None:
        for _ in part.records(verify=True):  # what replay cannot see: the hash over every record
            pass
        divergence = _trailer_difference(part, system, last_seq)
    return ReplayOutcome(
        identical=divergence is None,
        decisions=system.machine.decisions - begun,
        records=comparing.compared,
        decision_hash=system.machine.decision_hash,
        is_complete=trailer is not None,
        divergence=divergence,
        weights_checked=check.checked,
        weight_faults=tuple(check.found),
        segments=len(part.segments),
        snapshots=play.snapshots,
    )


def _built(
    header: JournalHeader, journal: Journal, build: Build | None
) -> tuple[TradingSystem, DataSource | None]:
    if build is not None:
        return build(journal, header), None
    settings = load_settings(json.loads(header.configuration))
    source = assembly.data_source(settings)
    _require_same_data(header, source)
    return build_run(settings, source, journal, header), source


class _Play:
    """Posts inputs and compares snapshots.

    Attributes:
        snapshots: states that were equal.
    """

    def __init__(
        self,
        system: TradingSystem,
        comparing: ComparingJournal,
        source: DataSource | None,
        check: WeightCheck,
        stalls: Sequence[Stall],
    ) -> None:
        self.snapshots = 0
        self._stalls = stalls
        self._system = system
        self._comparing = comparing
        self._slices = iter(()) if source is None else source.slices()
        self._check = check

    def until(self, last_seq: int) -> None:
        machine, comparing = self._system.machine, self._comparing
        self._compare_snapshots()
        while machine.seq < last_seq:
            comparing.expect_nothing_before(machine.seq + 1)
            self._system.take_out(self._stalls, machine.seq + 1)
            self._post_next(machine.seq + 1)
            for _, effect in machine.take_effects():
                self._check.see_effect(effect)
            self._compare_snapshots()
        comparing.expect_nothing_before(last_seq + 1)

    def _post_next(self, seq: int) -> None:
        machine, recorded = self._system.machine, self._comparing.next_input()
        if recorded is not None and recorded.seq == seq:
            payload = decode_input(recorded)
            self._check.see_input(payload)
            machine.post(payload, recorded.ts)
            return
        market_slice = next(self._slices, None)
        if market_slice is None:
            raise DivergenceError(
                seq=seq, name="MarketSlice", field="record", then="a slice", now=ABSENT
            )
        machine.post(market_slice, market_slice.ts_event, is_recorded=False)

    def _compare_snapshots(self) -> None:
        while (snapshot := self._comparing.take_snapshot()) is not None:
            self._system.compare(snapshot.seq, snapshot.body)
            self.snapshots += 1


def _last_seq(part: _Part) -> int:
    """Where to stop: the trailer says; a journal that was cut off ends with its last record."""
    if part.last.trailer is not None:
        return part.last.trailer.last_seq
    last = part.start.seq if part.start is not None else 0
    for record in part.records(verify=False):
        last = record.seq
    return last


def _trailer_difference(part: _Part, system: TradingSystem, last_seq: int) -> Divergence | None:
    trailer = part.last.trailer
    if trailer is None:
        return None
    # Format 1 hashed all decisions as one text; each of them has been compared already.
    if part.last.header.format_version > 1 and trailer.decision_hash != (
        now := system.machine.decision_hash
    ):
        return _in_trailer(part, last_seq, "decision_hash", trailer.decision_hash, now)
    if trailer.state_hash and trailer.state_hash != (now := system.state_hash()):
        return _in_trailer(part, last_seq, "state_hash", trailer.state_hash, now)
    return None


def _in_trailer(part: _Part, seq: int, field: str, then: str, now: str) -> Divergence:
    return Divergence(seq, "JournalTrailer", field, then, now, part.segments[-1].name)


def _together(found: Sequence[ReplayOutcome]) -> ReplayOutcome:
    last = found[-1]
    return msgspec.structs.replace(
        last,
        decisions=sum(one.decisions for one in found),
        records=sum(one.records for one in found),
        weights_checked=sum(one.weights_checked for one in found),
        weight_faults=tuple(chain.from_iterable(one.weight_faults for one in found)),
        segments=sum(one.segments for one in found),
        snapshots=sum(one.snapshots for one in found),
    )


def _require_same_data(header: JournalHeader, source: DataSource) -> None:
    fingerprint = source.fingerprint()
    if fingerprint != header.data_sha256:
        raise JournalDamagedError(
            f"the journal was written over data {header.data_name!r} with sha256 "
            f"{header.data_sha256[:12]}…, the data now have {fingerprint[:12]}…"
        )


def _described(found: DivergenceError, part: _Part) -> Divergence:
    """``segment`` is that of the part's journals which holds the seq."""
    name = part.segments[0].name
    for segment in part.segments:
        first = next(iter(segment.reader.records(verify=False)), None)
        if first is not None and first.seq <= found.seq:
            name = segment.name
    return Divergence(found.seq, found.name, found.field, str(found.then), str(found.now), name)
