"""Snapshot and tail come to what the whole run came to: at every position, in every record."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.actors.system import SystemSettings, TradingSystem, build_system
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.order import OrderType, TimeInForce
from orchestrion.runtime.journal import Journal
from tests.fakes import (
    INSTRUMENTS,
    AsyncRemembering,
    AsyncScripted,
    Remembering,
    Script,
    Scripted,
    buy,
    following,
    header,
    minutes,
    orchestrator_of,
    play,
    sell,
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


def test_run_with_commands_that_wait_for_a_cancel_goes_on_from_everywhere() -> None:
    def waiting() -> dict[str, Script]:
        rests = {"order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC}
        return {
            "alpha": Script(on_event={0: buy(5), 3: sell(2)}),
            "beta": Script(on_event={1: buy(1, limit_price=Decimal(1), **rests)}),
        }

    policies = ConflictPolicies(opposing_sides=ConflictPolicy.CANCEL_RESTING)
    stage = play(following(waiting()), minutes(6), is_data_recorded=True, policies=policies)
    assert "HELD" in [one.verdict for one in stage.decisions]
    genesis = sweep(builder(waiting, Scripted, policies=policies), stage.records())
    held = [body for body in genesis.snapshots.values() if b'"waits_for":["' in body]
    assert held


def test_late_and_repeated_fills_find_their_order_after_a_snapshot() -> None:
    def once() -> dict[str, Script]:
        return {"alpha": Script(on_event={0: buy(5)})}

    stage = play(following(once()), minutes(3), is_data_recorded=True, is_ended=False)
    genesis = sweep(builder(once, Scripted), stage.records())
    (fill,) = stage.fills
    for seq in (0, genesis.system.machine.seq):
        system = genesis.go_on_from(seq)
        journal = MemoryJournal()
        journal.begin(header())
        system.machine.write_to(journal)
        for again in (fill, msgspec.structs.replace(fill, trade_id="late")):
            system.machine.post(again, system.machine.now)
        assert system.books["alpha"].quantity("AAA") == Decimal(10)
        assert not system.books["EXTERNAL"].positions


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
