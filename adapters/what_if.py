"""What if: the inputs of a recorded run through changed code or another configuration.

Two questions, two answers:

- where would it first have decided otherwise? Its own inputs are played, fills included, until a
  decision differs. Behind that point the recorded fills belong to orders that were never sent, so
  it stops there.
- what would have come of it? The market data of the run are played from the beginning, with
  simulated fills. Everything that rests on them is labelled so.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from pathlib import Path

import msgspec

from orchestrion.actors.messages import DecisionRecord
from orchestrion.adapters import assembly
from orchestrion.adapters.backtest import build_run, run_backtest
from orchestrion.adapters.data.journal_data import JournalData
from orchestrion.adapters.data.source import DataSource
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.adapters.recorded_run import DecisionJournal, last_seq_of, play_recorded
from orchestrion.adapters.settings import RunSettings, load_settings
from orchestrion.runtime.errors import ActorFailedError, DivergenceError, JournalDamagedError
from orchestrion.runtime.journal import RecordKind


class FirstDifference(msgspec.Struct, frozen=True, kw_only=True):
    """The first decision that would have been another one.

    Attributes:
        seq: of the input that led to it; ts: its time, nanoseconds UTC.
        field: of the record; then, now: what it says.
    """

    seq: int
    name: str
    field: str
    then: str
    now: str


class DecisionCount(msgspec.Struct, frozen=True, kw_only=True):
    """Decisions of one strategy: in the recorded run, and with simulated fills now."""

    strategy_id: str
    approved_then: int
    approved_now: int
    refused_then: int
    refused_now: int


class SimulatedOutcome(msgspec.Struct, frozen=True, kw_only=True):
    """What would have come of it, with simulated fills.

    Attributes:
        same: decisions at the same round and place that are equal.
        counts: by strategy, in id order.
        equity_now: equity of every book at the end, account currency.
    """

    same: int
    counts: tuple[DecisionCount, ...]
    equity_now: dict[str, Decimal]


class WhatIf(msgspec.Struct, frozen=True, kw_only=True):
    """Answer to both questions; ``simulated`` only when it was asked for."""

    journal: str
    decisions_equal: int
    first_difference: FirstDifference | None
    simulated: SimulatedOutcome | None = None


def what_if(path: Path, settings: RunSettings | None = None, *, goes_on: bool = False) -> WhatIf:
    """Plays a recorded run through the code as it is and, if given, another configuration.

    Args:
        settings: None takes those of the journal: then only the code may have changed. Its data
            section is not used: the data are those of the run.
        goes_on: also play on with simulated fills.

    Raises:
        JournalError: the file is no journal, or is damaged.
        JournalDamagedError: the data that its header names are not there any more.
        ConfigurationError: a configuration that cannot be used.
    """
    reader = SqliteJournalReader(path)
    recorded = load_settings(json.loads(reader.header.configuration))
    chosen = recorded if settings is None else settings
    origin = assembly.data_source(recorded)
    if origin.fingerprint() != reader.header.data_sha256:
        raise JournalDamagedError(
            f"{path}: the data {reader.header.data_name!r} of the run are not the ones there now"
        )
    journal = DecisionJournal(reader.records())
    system = build_run(chosen, origin, journal, reader.header)
    difference: FirstDifference | None = None
    try:
        play_recorded(system.machine, journal, origin, last_seq_of(reader))
    except DivergenceError as found:
        difference = _told(found)
    except ActorFailedError as failure:
        if not isinstance(failure.__cause__, DivergenceError):
            raise
        difference = _told(failure.__cause__)
    return WhatIf(
        journal=str(path),
        decisions_equal=system.machine.decisions - (difference is not None),
        first_difference=difference,
        simulated=_simulated(reader, chosen, JournalData(path, origin)) if goes_on else None,
    )


def _told(found: DivergenceError) -> FirstDifference:
    return FirstDifference(
        seq=found.seq,
        name=found.name,
        field=found.field,
        then=str(found.then),
        now=str(found.now),
    )


def _simulated(
    reader: SqliteJournalReader, settings: RunSettings, source: DataSource
) -> SimulatedOutcome:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "what-if.sqlite"
        result = run_backtest(settings, journal_path=path, source=source)
        now = _decisions(SqliteJournalReader(path))
    then = _decisions(reader)
    before = {(one.round, one.index, one.strategy_id): one for one in then}
    same = sum(before.get((one.round, one.index, one.strategy_id)) == one for one in now)
    counts = (_tally(then), _tally(now))
    ids = sorted({strategy_id for one in counts for strategy_id, _ in one})
    return SimulatedOutcome(
        same=same,
        counts=tuple(
            DecisionCount(
                strategy_id=one,
                approved_then=counts[0][one, "APPROVED"],
                approved_now=counts[1][one, "APPROVED"],
                refused_then=counts[0][one, "REFUSED"],
                refused_now=counts[1][one, "REFUSED"],
            )
            for one in ids
        ),
        equity_now={book.book_id: book.equity_curve[-1].equity for book in result.books},
    )


def _decisions(reader: SqliteJournalReader) -> list[DecisionRecord]:
    decode = msgspec.json.Decoder(DecisionRecord).decode
    return [decode(one.body) for one in reader.records() if one.kind is RecordKind.DECISION]


def _tally(decisions: Iterable[DecisionRecord]) -> Counter[tuple[str, str]]:
    return Counter((one.strategy_id, one.verdict) for one in decisions)
