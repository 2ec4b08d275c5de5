"""Snapshot and tail come to what the whole run came to: at every position, in every record."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrion.actors.system import SystemSettings, TradingSystem, build_system
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.runtime.journal import Journal
from tests.fakes import (
    INSTRUMENTS,
    AsyncRemembering,
    AsyncScripted,
    Remembering,
    Scripted,
    following,
    minutes,
    orchestrator_of,
    play,
)
from tests.fakes_sweep import Build, sweep
from tests.integration.test_replayed_inputs import Kind, cast_of
from tests.replay.test_lifecycle_replay import ACTS, SETTINGS, SHARES, build, played, scripts

KINDS: list[Kind] = [Scripted, Remembering, AsyncScripted, AsyncRemembering]


def builder(make_scripts: Any, kind: Kind, **options: Any) -> Build:
    settings = options.pop("settings", {})

    def make(journal: Journal) -> TradingSystem:
        factories = following(make_scripts(), kind)
        return build_system(
            orchestrator_of({one: factory() for one, factory in factories.items()}, **options),
            factories,
            InstrumentCatalog(INSTRUMENTS),
            journal,
            SystemSettings(order_id_prefix="T", **settings),
        )

    return make


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failures", [(), (2,), (2, 5, 7)])
def test_run_with_failures_goes_on_from_everywhere(kind: Kind, failures: tuple[int, ...]) -> None:
    stage = play(following(cast_of(*failures), kind), minutes(12), is_data_recorded=True)
    sweep(builder(lambda: cast_of(*failures), kind), stage.records())


@pytest.mark.parametrize("kind", [Scripted, Remembering, AsyncRemembering])
@pytest.mark.parametrize("story", list(ACTS))
def test_run_with_comings_and_goings_goes_on_from_everywhere(story: str, kind: Kind) -> None:
    stage = played(ACTS[story], "asyncio", kind)
    policies = ConflictPolicies(opposing_sides=ConflictPolicy.CANCEL_RESTING)
    sweep(
        builder(
            scripts,
            kind,
            policies=policies,
            allocation_pct=SHARES,
            settings={"build": build, **SETTINGS},
        ),
        stage.records(),
    )
