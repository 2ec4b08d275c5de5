"""Recovery after a process that a strategy had blocked: it is not called again, and quarantined."""

from __future__ import annotations

from typing import Any, NoReturn

import pytest

from orchestrion.actors.messages import RunStarted
from orchestrion.actors.restart_messages import Reconciled
from orchestrion.actors.system import SystemSettings, TradingSystem, build_system
from orchestrion.adapters.journal.memory_store import MemoryStore
from orchestrion.adapters.recovery import Build, resume_run
from orchestrion.adapters.replay import replay_segments
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.runtime.journal import Journal, JournalHeader, Record, RecordKind, Stall
from tests.fakes import (
    INSTRUMENTS,
    Remembering,
    Script,
    Scripted,
    at,
    buy,
    following,
    header,
    minute,
    minutes,
    orchestrator_of,
    play,
)

STUCK_AT = 3


def stuck(_: Any) -> NoReturn:
    # Nothing catches it: a test in which the strategy is called at all ends here.
    raise KeyboardInterrupt("it would not have come back")


def scripts(*, is_stuck: bool) -> dict[str, Script]:
    return {
        "alpha": Script(on_event={0: buy(10)} | ({STUCK_AT: stuck} if is_stuck else {})),
        "beta": Script(always=lambda view: [view.buy("AAA", 1)] if view.price("AAA") else None),
    }


def build_of(kind: type[Scripted]) -> Build:
    def build(journal: Journal, _: JournalHeader) -> TradingSystem:
        factories = following(scripts(is_stuck=True), kind)
        return build_system(
            orchestrator_of({one: factory() for one, factory in factories.items()}),
            factories,
            InstrumentCatalog(INSTRUMENTS),
            journal,
            SystemSettings(order_id_prefix="T"),
        )

    return build


def recorded(kind: type[Scripted]) -> list[Record]:
    """Up to the bar at which alpha blocks, which is there as an input and no more."""
    records = play(
        following(scripts(is_stuck=False), kind),
        minutes(STUCK_AT + 1),
        is_data_recorded=True,
        is_ended=False,
    ).records()
    slices = [place for place, one in enumerate(records) if one.name == "MarketSlice"]
    return records[: slices[STUCK_AT] + 1]


def beta_decisions(store: MemoryStore) -> list[bytes]:
    return [
        record.body
        for segment in store.segments()
        for record in segment.reader.records()
        if record.kind is RecordKind.DECISION and b'"strategy_id":"beta"' in record.body
    ]


@pytest.mark.parametrize("kind", [Remembering, Scripted])
@pytest.mark.parametrize(
    ("is_lost", "named"),
    [(False, 1), (True, 1), (True, 0), (False, -1), (True, -1)],
    ids=[
        "input in the journal",
        "input lost with the process",
        "called for no input",
        "not known, the last one",
        "not known, and lost",
    ],
)
def test_strategy_that_blocked_is_quarantined_without_being_called(
    kind: type[Scripted], is_lost: bool, named: int
) -> None:
    records, build = recorded(kind), build_of(kind)
    store = MemoryStore()
    journal = store.begin(header())
    for record in records[:-1] if is_lost else records:
        journal.append(record)
    stalled = Stall("alpha", records[-1].seq if named > 0 else named)
    system = resume_run(store, header(), build, stalled=stalled).system
    assert (system.status("alpha") == "quarantined") is not is_lost
    system.machine.post(Reconciled(ts_event=at(STUCK_AT)), at(STUCK_AT))
    for number in (STUCK_AT, STUCK_AT + 1):
        system.machine.post(minute(number), at(number))
        system.machine.take_effects()
    assert system.status("alpha") == "quarantined"
    assert system.status("beta") == "running"
    assert len(beta_decisions(store)) >= STUCK_AT
    assert replay_segments(store.segments(), build).divergence is None

    again = resume_run(store, header(), build)
    assert again.system.status("alpha") == "quarantined"
    assert again.header.stalls == ()
    assert replay_segments(store.segments(), build).divergence is None


def test_run_that_was_blocked_before_anything_was_written_begins_without_the_strategy() -> None:
    build, store = build_of(Remembering), MemoryStore()
    system = resume_run(store, header(), build, stalled=Stall("alpha", 1)).system
    system.machine.post(RunStarted(at(0)), at(0))
    assert system.status("alpha") == "quarantined"
    assert replay_segments(store.segments(), build).divergence is None


def test_strategy_that_is_not_there_any_more_is_none_to_take_out() -> None:
    build, store = build_of(Remembering), MemoryStore()
    system = resume_run(store, header(), build, stalled=Stall("gamma", 0)).system
    system.machine.post(RunStarted(at(0)), at(0))
    assert system.status("alpha") == "running"
