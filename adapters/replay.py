"""Replay of a journal: its inputs through the code as it is now, every record compared.

Inputs that the journal holds are posted from it; market data that its header names by hash is read
from the source again, after its content was checked. Nothing is sent anywhere: the effects of the
replayed core are dropped, because what came of them is in the journal as inputs.
"""

from __future__ import annotations

import json
from pathlib import Path

import msgspec

from orchestrion.actors.inputs import decode_input
from orchestrion.adapters import assembly
from orchestrion.adapters.backtest import build_run
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.adapters.settings import load_settings
from orchestrion.adapters.weight_check import WeightCheck
from orchestrion.runtime.errors import ActorFailedError, DivergenceError, JournalDamagedError
from orchestrion.runtime.journal import JournalHeader
from orchestrion.runtime.machine import Machine
from orchestrion.runtime.replay import ABSENT, ComparingJournal


class Divergence(msgspec.Struct, frozen=True):
    """The first record that came out differently."""

    seq: int
    name: str
    field: str
    then: str
    now: str


class ReplayOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What a replay found.

    Attributes:
        decisions: how many were recomputed until the end or the divergence.
        records: records of any kind that were equal.
        is_complete: whether the journal has its trailer; without one the run was cut off.
        weights_checked: recorded estimates that were computed again. Replay reads them, because
            floats may differ in their last bit; this is the separate check, within a tolerance.
        weight_faults: which of them do not agree, in words.
    """

    identical: bool
    decisions: int
    records: int
    decision_hash: str
    is_complete: bool
    divergence: Divergence | None = None
    weights_checked: int = 0
    weight_faults: tuple[str, ...] = ()


def replay_journal(path: Path) -> ReplayOutcome:
    """Replays a journal file.

    Raises:
        JournalError: the file is no journal, or is damaged where nothing was decided.
        JournalDamagedError: the data are not those that the header names.
        ConfigurationError: the configuration in the header cannot be used any more.
    """
    reader = SqliteJournalReader(path)
    header = reader.header
    settings = load_settings(json.loads(header.configuration))
    source = assembly.data_source(settings)
    _require_same_data(header, source)
    last_seq = _last_seq(reader)
    # Unverified on purpose: an altered decision is to be named by what it should be.
    comparing = ComparingJournal(reader.records(verify=False))
    system = build_run(settings, source, comparing, header)
    check = WeightCheck(system.orchestrator.capital_manager.methods)
    divergence: Divergence | None = None
    try:
        _play(system.machine, comparing, source, last_seq, check)
    except DivergenceError as found:
        divergence = _described(found)
    except ActorFailedError as failure:
        if not isinstance(failure.__cause__, DivergenceError):
            raise
        divergence = _described(failure.__cause__)
    trailer = reader.trailer
    if divergence is None:
        for _ in reader.records():  # what replay cannot see: the running hash over every record
            pass
        if trailer is not None and trailer.decision_hash != system.machine.decision_hash:
            divergence = Divergence(
                last_seq,
                "JournalTrailer",
                "decision_hash",
                trailer.decision_hash,
                system.machine.decision_hash,
            )
    return ReplayOutcome(
        identical=divergence is None,
        decisions=system.machine.decisions,
        records=comparing.compared,
        decision_hash=system.machine.decision_hash,
        is_complete=trailer is not None,
        divergence=divergence,
        weights_checked=check.checked,
        weight_faults=tuple(check.found),
    )


def _play(
    machine: Machine,
    comparing: ComparingJournal,
    source: DataSource,
    last_seq: int,
    check: WeightCheck,
) -> None:
    slices = source.slices()
    while machine.seq < last_seq:
        seq = machine.seq + 1
        comparing.expect_nothing_before(seq)
        recorded = comparing.next_input()
        if recorded is not None and recorded.seq == seq:
            payload = decode_input(recorded)
            check.see_input(payload)
            machine.post(payload, recorded.ts)
        else:
            market_slice = next(slices, None)
            if market_slice is None:
                raise DivergenceError(
                    seq=seq, name="MarketSlice", field="record", then="a slice", now=ABSENT
                )
            machine.post(market_slice, market_slice.ts_event, is_recorded=False)
        for _, effect in machine.take_effects():
            check.see_effect(effect)
    comparing.expect_nothing_before(last_seq + 1)


def _last_seq(reader: SqliteJournalReader) -> int:
    """Where to stop: the trailer says; a journal that was cut off ends with its last record."""
    if reader.trailer is not None:
        return reader.trailer.last_seq
    last = 0
    for record in reader.records(verify=False):
        last = record.seq
    return last


def _require_same_data(header: JournalHeader, source: DataSource) -> None:
    fingerprint = source.fingerprint()
    if fingerprint != header.data_sha256:
        raise JournalDamagedError(
            f"the journal was written over data {header.data_name!r} with sha256 "
            f"{header.data_sha256[:12]}…, the data now have {fingerprint[:12]}…"
        )


def _described(found: DivergenceError) -> Divergence:
    return Divergence(found.seq, found.name, found.field, str(found.then), str(found.now))
