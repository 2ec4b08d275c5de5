"""Every story is also one about snapshots: whatever a story plays goes on from a snapshot as well.

After a story has ended, the inputs of its runs are posted to new systems: one from the beginning,
others from snapshots on the way, and all must write the same records and come to the same state.
Runs that cannot be repeated from their inputs (a script that remembers outside of its strategy, a
machine that failed) are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from orchestrion.actors.system import SystemSettings, TradingSystem, build_system
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.strategy import Strategy
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.journal import Journal
from orchestrion.testing.stage import Stage, orchestrator_of
from tests.fakes_sweep import Build, Genesis, inputs_of

POSITIONS = 3
"""So many places of each run are gone on from; ``tests/replay`` takes all of some runs."""
RUNS_MAX, INPUTS_MAX = 2, 200
"""So many runs of a story, up to that length; longer ones prove no more. Arbitrary."""
_OF_ORCHESTRATOR = ("capital", "metadata", "allocation_pct", "capital_rules", "coordinator")
_OF_STAGE = (*_OF_ORCHESTRATOR, "instruments", "paused", "fees", "port", "deadline_s", "journal")

Factories = Mapping[str, Callable[[], Strategy]]


_LEFT_OUT = "test_supervision_isolation"
"""Hundreds of ways to fail, whose scripts and factories fail here again."""


@pytest.fixture(autouse=True)
def stories_go_on_from_snapshots(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> Iterator[None]:
    if request.path.stem == _LEFT_OUT:
        yield
        return
    played: list[tuple[Stage, Build]] = []
    build_stage = Stage.__init__

    def remember(stage: Stage, factories: Factories, **options: Any) -> None:
        build_stage(stage, factories, **{**options, "is_data_recorded": True})
        played.append((stage, _builder(factories, options)))

    monkeypatch.setattr(Stage, "__init__", remember)
    yield
    monkeypatch.undo()
    for stage, build in played[:RUNS_MAX]:
        _go_on(stage, build)


def _go_on(stage: Stage, build: Build) -> None:
    if stage.machine._failure is not None or not isinstance(stage.journal, MemoryJournal):
        return
    records = stage.records()
    count = len(inputs_of(records))
    if not 0 < count <= INPUTS_MAX:
        return
    try:
        genesis = Genesis(build, records, every=max(1, count // POSITIONS))
    except (ActorError, OSError):  # a divergence already here: it cannot be repeated at all
        return
    for seq in genesis.snapshots:
        genesis.go_on_from(seq)


def _builder(factories: Factories, options: Mapping[str, Any]) -> Build:
    def build(journal: Journal) -> TradingSystem:
        given = {one: options[one] for one in _OF_ORCHESTRATOR if one in options}
        orchestrator = orchestrator_of({one: make() for one, make in factories.items()}, **given)
        for strategy_id, mode in (options.get("paused") or {}).items():
            orchestrator.pause_strategy(strategy_id, mode)
        rest = {one: options[one] for one in options if one not in _OF_STAGE}
        rest.pop("is_data_recorded", None)
        return build_system(
            orchestrator,
            factories,
            InstrumentCatalog(options["instruments"]),
            journal,
            SystemSettings(order_id_prefix="T", **rest),
        )

    return build
