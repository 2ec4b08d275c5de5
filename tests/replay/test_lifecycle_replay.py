"""Runs in which strategies join, leave, pause and fail replay to the same journal.

The operator's questions are inputs, so a replay takes the same steps by itself; nothing but the
recorded inputs is posted, and every record that comes out is compared.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import pytest

from orchestrion import Orchestrion, replay_journal
from orchestrion.actors.inputs import decode_input
from orchestrion.actors.membership_messages import AddStrategy, RemoveStrategy
from orchestrion.actors.messages import PauseStrategy, ResumeStrategy
from orchestrion.actors.system import SystemSettings, build_system
from orchestrion.adapters.data.source import DataSource
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.order import OrderType, TimeInForce
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.domain.orchestration.lifecycle import PauseMode, RemovalPolicy
from orchestrion.runtime.errors import ActorFailedError, DivergenceError
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.machine import Machine
from orchestrion.runtime.replay import ComparingJournal
from orchestrion.runtime.supervision import SupervisionPolicy
from tests.fakes import (
    INSTRUMENTS,
    AsyncRemembering,
    Script,
    Scripted,
    Stage,
    buy,
    fail,
    following,
    minute,
    orchestrator_of,
    sell,
)

BACKENDS = ["asyncio", "trio"]
SHARES: dict[str, float] = {"alpha": 30, "beta": 30}
SETTINGS: dict[str, Any] = {
    "supervision": SupervisionPolicy(failures_max=1),
    "custodian": "hand_over",
    "custodian_heir": "beta",
}
RESTING: dict[str, Any] = {
    "order_type": OrderType.LIMIT,
    "limit_price": Decimal(1),
    "time_in_force": TimeInForce.GTC,
}


def flip(view: StrategyView) -> object:
    return [view.close("AAA")] if view.quantity("AAA") else [view.buy("AAA", 3)]


def scripts() -> dict[str, Script]:
    return {
        "alpha": Script(on_event={0: buy(10), 1: buy(1, **RESTING), 4: sell(2)}),
        "beta": Script(on_event={2: buy(7), 5: sell(1)}),
    }


def build(name: str, config: Mapping[str, Any]) -> Strategy:
    if name == "broken":
        return Scripted(Script(on_event={6: buy(3), 8: fail(ValueError("broken"))}))
    return Scripted(Script(always=flip, **config))


ACTS: dict[str, dict[int, list[Any]]] = {
    "pause": {
        1: [PauseStrategy(question_id=1, strategy_id="alpha", mode=PauseMode.REDUCE_ONLY)],
        3: [ResumeStrategy(question_id=2, strategy_id="alpha")],
        6: [PauseStrategy(question_id=3, strategy_id="beta", mode=PauseMode.FROZEN)],
    },
    "refuse": {
        2: [RemoveStrategy(question_id=1, strategy_id="alpha")],
        9: [RemoveStrategy(question_id=2, strategy_id="beta")],
    },
    "flatten": {
        3: [
            RemoveStrategy(question_id=1, strategy_id="alpha", policy=RemovalPolicy.FLATTEN),
            RemoveStrategy(question_id=2, strategy_id="nobody"),
        ],
    },
    "hand_over": {
        3: [
            RemoveStrategy(
                question_id=1,
                strategy_id="alpha",
                policy=RemovalPolicy.HAND_OVER,
                heir_id="beta",
            )
        ],
    },
    "add": {
        2: [
            AddStrategy(
                question_id=1,
                strategy_id="gamma",
                strategy_name="good",
                config={"subscriptions": ["AAA"]},
                amount=Decimal("5000.00"),
                priority=3,
            )
        ],
        5: [RemoveStrategy(question_id=2, strategy_id="gamma", policy=RemovalPolicy.FLATTEN)],
        7: [
            AddStrategy(
                question_id=3,
                strategy_id="delta",
                strategy_name="good",
                reserve_fraction=Decimal("0.5"),
                depends_on=("alpha",),
            )
        ],
    },
    "quarantine": {
        2: [
            AddStrategy(
                question_id=1,
                strategy_id="gamma",
                strategy_name="broken",
                amount=Decimal("5000.00"),
            )
        ],
    },
}


def played(acts: dict[int, list[Any]], backend: str, kind: Any = Scripted) -> Stage:
    stage = Stage(
        following(scripts(), kind),
        allocation_pct=SHARES,
        is_data_recorded=True,
        build=build,
        policies=ConflictPolicies(opposing_sides=ConflictPolicy.CANCEL_RESTING),
        **SETTINGS,
    )

    async def run() -> None:
        async with stage:
            for number in range(11):
                await stage.publish([minute(number)])
                for question in acts.get(number, ()):
                    await stage.session.ask(question, question.question_id)
            await stage.session.end()

    anyio.run(run, backend=backend)
    return stage


def replayed(
    stage: Stage, factories: Mapping[str, Callable[[], Strategy]], **changes: Any
) -> tuple[Machine, int]:
    """Posts the recorded inputs alone; the machine, and how many records were equal."""
    records = stage.records()
    comparing = ComparingJournal(records)
    machine = build_system(
        orchestrator_of(
            {one: factory() for one, factory in factories.items()},
            allocation_pct=SHARES,
            policies=ConflictPolicies(opposing_sides=ConflictPolicy.CANCEL_RESTING),
        ),
        factories,
        InstrumentCatalog(INSTRUMENTS),
        comparing,
        SystemSettings(order_id_prefix="T", **({"build": build} | SETTINGS | changes)),
    ).machine
    for record in records:
        if record.kind is RecordKind.INPUT:
            machine.post(decode_input(record), record.ts)
            machine.take_effects()
    return machine, comparing.compared


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", [Scripted, AsyncRemembering])
@pytest.mark.parametrize("story", list(ACTS))
def test_run_with_comings_and_goings_replays_identically(
    story: str, kind: Any, backend: str
) -> None:
    stage = played(ACTS[story], backend, kind)
    machine, compared = replayed(stage, following(scripts(), kind))
    assert compared == len(stage.records())
    assert machine.decision_hash == stage.machine.decision_hash


def test_stories_are_what_they_are_called() -> None:
    """A replay of a run in which nothing happened would be identical too."""
    told = {
        story: {type(one).__name__ for one in played(acts, "asyncio").events}
        for story, acts in ACTS.items()
    }
    assert {"StrategyPausedEvent", "StrategyResumedEvent"} <= told["pause"]
    assert "StrategyRemovedEvent" not in told["refuse"]
    assert "StrategyRemovedEvent" in told["flatten"]
    assert {"PositionsHandedOverEvent", "StrategyRemovedEvent"} <= told["hand_over"]
    assert {"StrategyAddedEvent", "StrategyRemovedEvent"} <= told["add"]
    assert {"StrategyQuarantinedEvent", "PositionsHandedOverEvent"} <= told["quarantine"]


def test_replay_without_the_builder_diverges_where_the_strategy_joined() -> None:
    stage = played(ACTS["add"], "asyncio")
    with pytest.raises((DivergenceError, ActorFailedError)) as found:
        replayed(stage, following(scripts()), build=None)
    cause = found.value if isinstance(found.value, DivergenceError) else found.value.__cause__
    assert isinstance(cause, DivergenceError)


CONFIG: dict[str, Any] = {
    "data": {"source": "bundled", "series": ["index", "stocks"], "end": "2014-02-03"},
    "account": {"capital": 100_000},
    "strategies": {
        "ONE": {"strategy": f"{__name__}:Alternating", "allocation_pct": 30},
        "TWO": {"strategy": f"{__name__}:Alternating", "allocation_pct": 30},
    },
}


class Alternating(Strategy):
    """Buys and sells in turn, every third day."""

    count = 0

    def on_event(self, event: Any, view: StrategyView) -> Any:
        self.count += 1
        if self.count % 3:
            return None
        if exit_order := view.close("AAPL"):
            return [exit_order]
        return [view.buy("AAPL", 10)]


@pytest.mark.parametrize("backend", BACKENDS)
def test_journal_file_of_an_embedded_run_replays_with_the_newcomer_and_without_who_left(
    backend: str, tmp_path: Path
) -> None:
    path = tmp_path / "run.sqlite"

    async def run() -> None:
        async with Orchestrion.from_config(CONFIG, journal=path) as orchestrion:
            source: DataSource | None = orchestrion._source
            assert source is not None
            for number, market_slice in enumerate(source.slices()):
                await orchestrion.publish(market_slice)
                if number == 4:
                    name = f"{__name__}:Alternating"
                    given = await orchestrion.add("THREE", name, reserve_pct=50)
                    assert given == Decimal("20000.00")
                if number == 8:
                    assert await orchestrion.remove("ONE", RemovalPolicy.FLATTEN) == "stopping"
                if number == 12:
                    assert orchestrion.status("ONE") == "removed"
                    assert orchestrion.status("THREE") == "running"
                    heir = "TWO"
                    await orchestrion.remove("THREE", RemovalPolicy.HAND_OVER, heir_id=heir)
            assert orchestrion.strategy_ids == ("TWO",)

    anyio.run(run, backend=backend)
    outcome = replay_journal(path)
    assert outcome.divergence is None
    assert outcome.identical
    assert outcome.is_complete
