"""The inputs of a journal, posted to new actors, write the same journal again.

Nothing is awaited and no venue is asked: what asynchronous strategies answered, or that they did
not, is among the inputs. Failures, quarantines and operators' acts come out at the same places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.actors.inputs import decode_input
from orchestrion.actors.messages import PauseStrategy, SetTradingState
from orchestrion.actors.system import SystemSettings, build_system
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.domain.orchestration.lifecycle import PauseMode, TradingState
from orchestrion.runtime.errors import DivergenceError
from orchestrion.runtime.journal import Record, RecordKind
from orchestrion.runtime.machine import Machine
from orchestrion.runtime.replay import ComparingJournal
from tests.fakes import (
    INSTRUMENTS,
    Action,
    AsyncRemembering,
    AsyncScripted,
    Remembering,
    Script,
    Scripted,
    Stage,
    buy,
    fail,
    following,
    minutes,
    orchestrator_of,
    play,
    sell,
)

Kind = Callable[[Script], Strategy]
KINDS: list[Kind] = [Scripted, Remembering, AsyncScripted, AsyncRemembering]


def replay(
    records: list[Record], factories: Mapping[str, Callable[[], Strategy]]
) -> tuple[Machine, int]:
    """Posts the recorded inputs; the machine and how many records were equal."""
    comparing = ComparingJournal(records)
    machine = build_system(
        orchestrator_of({one: factory() for one, factory in factories.items()}),
        factories,
        InstrumentCatalog(INSTRUMENTS),
        comparing,
        SystemSettings(order_id_prefix="T"),
    ).machine
    for record in records:
        if record.kind is RecordKind.INPUT:
            machine.post(decode_input(record), record.ts)
            machine.take_effects()
    return machine, comparing.compared


def assert_replays(stage: Stage, factories: Mapping[str, Callable[[], Strategy]]) -> None:
    records = stage.records()
    machine, compared = replay(records, factories)
    assert compared == len(records)
    assert machine.decision_hash == stage.machine.decision_hash
    assert machine.seq == stage.machine.seq


def flip(view: StrategyView) -> object:
    return [view.close("AAA")] if view.quantity("AAA") else [view.buy("AAA", 2)]


def cast_of(*numbers: int) -> dict[str, Script]:
    """Three strategies; the first fails at the given bars."""
    failing: dict[int, Action] = {number: fail(ValueError("no")) for number in numbers}
    return {
        "a": Script(on_event={0: buy(1), **failing}, always=flip),
        "b": Script(on_event={1: buy(3), 4: sell(3)}),
        "c": Script(always=buy(1), on_fill=lambda _, view: [view.sell("AAA", 1)]),
    }


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("failures", [(), (2,), (2, 5, 7)])
def test_run_replays_with_its_failures(kind: Kind, failures: tuple[int, ...]) -> None:
    stage = play(following(cast_of(*failures), kind), minutes(12), is_data_recorded=True)
    assert len(stage.decisions) > 15
    assert_replays(stage, following(cast_of(*failures), kind))


@pytest.mark.slow
@settings(max_examples=40)
@given(
    failures=st.sets(st.integers(0, 11), max_size=5),
    kinds=st.lists(st.sampled_from(KINDS), min_size=3, max_size=3),
)
def test_any_run_replays(failures: set[int], kinds: list[Kind]) -> None:
    def factories() -> dict[str, Callable[[], Strategy]]:
        made: dict[str, Callable[[], Strategy]] = {}
        for kind, (strategy_id, script) in zip(kinds, cast_of(*failures).items(), strict=True):
            made |= following({strategy_id: script}, kind)
        return made

    assert_replays(play(factories(), minutes(12), is_data_recorded=True), factories())


@pytest.mark.parametrize("kind", [AsyncScripted, AsyncRemembering])
def test_absence_at_the_deadline_is_replayed_without_waiting(kind: Kind) -> None:
    async def hang(number: int) -> None:
        if number == 3:
            await anyio.sleep_forever()

    def scripts(gate: Any) -> dict[str, Script]:
        return {"a": Script(always=flip, gate=gate), "b": Script(always=buy(1))}

    stage = play(following(scripts(hang), kind), minutes(6), is_data_recorded=True, deadline_s=0.01)
    assert len(stage.records(name="StrategyRaised")) == 1
    assert_replays(stage, following(scripts(None), kind))


def test_acts_of_an_operator_are_replayed() -> None:
    stage = Stage(following(cast_of()), is_data_recorded=True)
    questions = [
        PauseStrategy(question_id=1, strategy_id="a", mode=PauseMode.REDUCE_ONLY),
        PauseStrategy(question_id=2, strategy_id="nobody", mode=PauseMode.FROZEN),
        SetTradingState(question_id=3, state=TradingState.REDUCING),
    ]

    async def run() -> None:
        async with stage:
            for number, question in enumerate(questions):
                await stage.publish(minutes(2, first=2 * number))
                await stage.session.ask(question, question.question_id)
            await stage.publish(minutes(2, first=6))
            await stage.session.end()

    anyio.run(run)
    assert_replays(stage, following(cast_of()))


def test_changed_strategy_is_found_out_at_the_right_input() -> None:
    stage = play(following(cast_of()), minutes(8), is_data_recorded=True)
    changed = cast_of()
    changed["b"].on_event = {1: buy(3), 4: sell(2)}
    with pytest.raises(Exception, match="core:capital_manager") as failure:
        replay(stage.records(), following(changed))
    cause = failure.value.__cause__
    assert isinstance(cause, DivergenceError)
    (decided,) = [
        record.seq
        for record, one in zip(stage.records(RecordKind.DECISION), stage.decisions, strict=True)
        if one.strategy_id == "b" and one.command is not None and "SELL" in str(one.command)
    ]
    assert (cause.seq, cause.name, cause.field) == (
        decided,
        "DecisionRecord",
        "command.legs[0].quantity",
    )
    assert (cause.then, cause.now) == ("3", "2")
