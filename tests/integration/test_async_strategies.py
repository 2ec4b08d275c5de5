"""Asynchronous strategies: the same decisions as their synchronous twins, whatever the event loop
and whatever the time they take; and what becomes of one that never answers."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.actors.messages import StrategyRaised
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.domain.orchestration.events import (
    StrategyQuarantinedEvent,
    StrategyRestartedEvent,
)
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.supervision import SupervisionPolicy
from tests.fakes import (
    AsyncRemembering,
    AsyncScripted,
    Script,
    Scripted,
    Stage,
    buy,
    fail,
    following,
    minute,
    minutes,
    play,
    sell,
)

BACKENDS = ["asyncio", "trio"]
SOON_S = 0.01
"""A deadline that a call which never ends has to miss."""


def busy(gate: Callable[[int], Any] | None = None) -> dict[str, Script]:
    """Three strategies that trade, disagree and answer their fills."""

    def flip(view: StrategyView) -> object:
        return [view.close("AAA")] if view.quantity("AAA") else [view.buy("AAA", 2)]

    return {
        "a": Script(always=flip, gate=gate),
        "b": Script(on_event={1: buy(3), 4: sell(3), 6: sell(1)}, gate=gate),
        "c": Script(always=buy(1), on_fill=lambda _, view: [view.sell("AAA", 1)], gate=gate),
    }


def decisions(stage: Stage) -> tuple[str, list[bytes]]:
    return stage.machine.decision_hash, [
        record.body for record in stage.records(RecordKind.DECISION)
    ]


def played(kind: Callable[[Script], Strategy], backend: str, gate: Any = None) -> Stage:
    return play(
        following(busy(gate), kind),
        minutes(12),
        backend=backend,
        metadata={"c": {"depends_on": ("a",)}},
    )


# --- the same decisions -------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
def test_decisions_are_those_of_the_synchronous_twin_byte_for_byte(backend: str) -> None:
    twin = played(Scripted, "asyncio")
    assert len(twin.decisions) > 20
    assert decisions(played(AsyncScripted, backend)) == decisions(twin)


@pytest.mark.slow
@pytest.mark.parametrize("backend", BACKENDS)
@settings(max_examples=15)
@given(latencies=st.lists(st.integers(0, 5), min_size=3, max_size=3))
def test_order_in_which_strategies_finish_changes_nothing(
    backend: str, latencies: list[int]
) -> None:
    """Each gives up its turn a different number of times before it answers."""
    waits = iter(latencies * 1000)

    async def gate(_: int) -> None:
        for _ in range(next(waits)):
            await anyio.lowlevel.checkpoint()

    assert decisions(played(AsyncScripted, backend, gate)) == decisions(played(Scripted, backend))


@pytest.mark.anyio
async def test_last_to_answer_may_be_the_first_in_rank() -> None:
    """``a`` answers only after ``b`` did; its command still comes first."""
    b_answered = {number: anyio.Event() for number in range(3)}

    async def wait_for_b(number: int) -> None:
        await b_answered[number].wait()

    async def tell_a(number: int) -> None:
        b_answered[number].set()

    scripts = {
        "a": Script(always=buy(1), gate=wait_for_b),
        "b": Script(always=buy(2), gate=tell_a),
    }
    async with Stage(following(scripts, AsyncScripted)) as stage:
        await stage.publish(minutes(3))
        assert [one.strategy_id for one in stage.decisions] == ["a", "b"] * 3


@pytest.mark.parametrize("backend", BACKENDS)
def test_synchronous_and_asynchronous_strategies_play_together(backend: str) -> None:
    scripts = busy()
    factories = following(scripts)
    factories |= following({"b": scripts["b"]}, AsyncScripted)
    metadata = {"c": {"depends_on": ("a",)}}
    mixed = play(factories, minutes(12), backend=backend, metadata=metadata)
    assert decisions(mixed) == decisions(played(Scripted, backend))


@pytest.mark.parametrize("backend", BACKENDS)
def test_every_handler_may_be_asynchronous(backend: str) -> None:
    async def gate(_: int) -> None:
        await anyio.lowlevel.checkpoint()

    script = Script(on_event={0: buy(1)}, gate=gate)
    stage = play(following({"a": script}, AsyncScripted), minutes(2), backend=backend)
    assert [name for name, _ in script.calls] == [
        "on_start",
        "on_event",
        "on_fill",
        "on_event",
        "on_stop",
    ]
    replies = stage.records(RecordKind.INPUT, "StrategyReplied")
    assert len(replies) == 5, "each answer is an input of its own"


# --- one that hangs -----------------------------------------------------------------------------


async def hang(number: int) -> None:
    if number == 2:
        await anyio.Event().wait()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("kind", [AsyncScripted, AsyncRemembering])
def test_hanging_strategy_is_late_at_the_deadline_and_the_others_go_on(
    backend: str, kind: Callable[[Script], Strategy]
) -> None:
    scripts = {"a": Script(always=buy(1), gate=hang), "b": Script(always=buy(1))}
    factories = following(scripts, kind)
    stage = play(factories, minutes(5), backend=backend, deadline_s=SOON_S)
    (late,) = stage.records(RecordKind.INPUT, "StrategyRaised")
    assert b'"failure":"no answer in time"' in late.body
    assert scripts["b"].numbers() == [0, 1, 2, 3, 4]
    assert len(stage.decisions_of("b")) == 5
    can_restart = kind is AsyncRemembering
    assert scripts["a"].numbers() == ([0, 1, 2, 3, 4] if can_restart else [0, 1, 2])
    assert len(stage.events_of(StrategyRestartedEvent)) == int(can_restart)
    assert len(stage.events_of(StrategyQuarantinedEvent)) == int(not can_restart)


@pytest.mark.parametrize("backend", BACKENDS)
def test_others_decide_as_if_the_hanging_one_had_said_nothing(backend: str) -> None:
    hanging = {"a": Script(on_event={2: buy(5)}, gate=hang), **busy()}
    silent = {"a": Script(), **busy()}
    stages = [
        play(following(one, AsyncRemembering), minutes(8), backend=backend, deadline_s=SOON_S)
        for one in (hanging, silent)
    ]
    shown = [
        [(one.round, one.strategy_id, one.command, one.verdict) for one in stage.decisions]
        for stage in stages
    ]
    assert shown[0] == shown[1]


@pytest.mark.anyio
async def test_late_reply_changes_nothing() -> None:
    """It answers on being given up; by then its round is closed."""

    async def stubborn(number: int) -> None:
        if number == 1:
            try:
                await anyio.sleep_forever()
            except anyio.get_cancelled_exc_class():
                answered.append(number)  # and goes on to answer as if nothing had happened

    answered: list[int] = []
    scripts = {"a": Script(always=buy(1), gate=stubborn), "b": Script(always=buy(1))}
    stage = Stage(following(scripts, AsyncRemembering), deadline_s=SOON_S)
    async with stage:
        await stage.publish(minutes(4))
    assert answered == [1]
    rounds = stage.rounds_of("a")
    assert [one.round for one in stage.decisions_of("a")] == [rounds[0], rounds[2], rounds[3]]
    assert len(stage.decisions_of("b")) == 4


# --- one that fails -----------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "failure",
    [ValueError("no"), SystemExit(1), GeneratorExit(), BaseException("what"), StopIteration()],
    ids=repr,
)
def test_failure_of_any_kind_is_its_own(backend: str, failure: BaseException) -> None:
    scripts = {"a": Script(on_event={1: fail(failure)}), "b": Script(always=buy(1))}
    stage = play(following(scripts, AsyncRemembering), minutes(4), backend=backend)
    (event,) = stage.events_of(StrategyRestartedEvent)
    assert event.strategy_id == "a"
    assert len(stage.decisions_of("b")) == 4
    assert scripts["a"].numbers() == [0, 1, 2, 3]


@pytest.mark.anyio
async def test_cancellation_that_a_strategy_raises_itself_is_its_own_failure() -> None:
    def made_up() -> BaseException:
        return kept[0]

    kept: list[BaseException] = []
    with anyio.CancelScope() as scope:
        scope.cancel()
        try:
            await anyio.lowlevel.checkpoint()
        except anyio.get_cancelled_exc_class() as cancelled:
            kept.append(cancelled)
            raise
    scripts = {"a": Script(on_event={1: fail(made_up)}), "b": Script(always=buy(1))}
    async with Stage(following(scripts, AsyncRemembering)) as stage:
        await stage.publish(minutes(4))
        await stage.session.end()
    (event,) = stage.events_of(StrategyRestartedEvent)
    assert anyio.get_cancelled_exc_class().__name__ in event.failure
    assert len(stage.decisions_of("b")) == 4


@pytest.mark.parametrize("backend", BACKENDS)
def test_restart_intensity_holds_for_asynchronous_strategies(backend: str) -> None:
    script = Script(on_event={number: fail(ValueError("no")) for number in (1, 3, 5, 7)})
    stage = play(
        following({"a": script, "b": Script()}, AsyncRemembering),
        minutes(9),
        backend=backend,
        supervision=SupervisionPolicy(failures_max=3, window_ns=1, window_turns=20),
    )
    assert script.numbers() == [0, 1, 2, 3, 4, 5]
    assert [one.failures_in_window for one in stage.events_of(StrategyRestartedEvent)] == [1, 2]
    assert len(stage.events_of(StrategyQuarantinedEvent)) == 1


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("answer", [7, ["rubbish", None], [object()], {"a": 1}, ["x"] * 5000])
def test_rubbish_is_refused_with_a_reason(backend: str, answer: object) -> None:
    scripts = {"a": Script(on_event={0: lambda _: answer}), "b": Script(always=buy(1))}
    stage = play(following(scripts, AsyncScripted), minutes(2), backend=backend)
    (refused,) = stage.decisions_of("a")
    assert (refused.verdict, refused.reason) == ("REFUSED", "INVALID_COMMAND")
    assert refused.detail
    assert stage.system.status("a") == "stopped"
    assert len(stage.decisions_of("b")) == 2


# --- cancellation from outside ------------------------------------------------------------------


@pytest.mark.anyio
async def test_cancellation_in_the_middle_of_a_round_ends_the_run_and_nothing_else() -> None:
    started = anyio.Event()

    async def gate(number: int) -> None:
        if number == 1:
            started.set()
            await anyio.sleep_forever()

    scripts = {"a": Script(always=buy(1), gate=gate), "b": Script(always=buy(1))}
    stage = Stage(following(scripts, AsyncScripted))
    async with stage, anyio.create_task_group() as tasks:
        await stage.publish(minutes(1))
        books, intents = dict(stage.system.books), len(stage.intents)
        with anyio.CancelScope() as scope:

            async def cancel() -> None:
                await started.wait()
                scope.cancel()

            tasks.start_soon(cancel)
            await stage.session.publish(minute(1))
        assert scope.cancelled_caught
        assert len(stage.intents) == intents, "the round did not close: nothing was decided"
        held = {one: book.quantity("AAA") for one, book in stage.system.books.items()}
        assert held["a"] == held["b"] == 1, "what the venue had said before is booked"
        assert sum(one.cash for one in stage.system.books.values()) == (
            stage.system.auditor.ledger.cash
        )
        assert stage.records(RecordKind.INPUT, StrategyRaised.__name__) == []
        with pytest.raises(ActorError, match="the machine has stopped"):
            await stage.session.publish(minute(2))
        with pytest.raises(ActorError, match="the machine has stopped"):
            await stage.session.end()
        assert set(books) == set(stage.system.books)


@pytest.mark.anyio
async def test_cancellation_while_waiting_for_its_turn_takes_nothing() -> None:
    started, go_on = anyio.Event(), anyio.Event()

    async def gate(number: int) -> None:
        if number == 1:
            started.set()
            await go_on.wait()

    script = Script(always=buy(1), gate=gate)
    stage = Stage(following({"a": script}, AsyncScripted))

    async def impatient() -> None:
        await started.wait()
        with anyio.CancelScope() as scope:
            scope.cancel()
            await stage.session.publish(minute(2))
        assert scope.cancelled_caught
        go_on.set()

    async with stage, anyio.create_task_group() as tasks:
        await stage.publish(minutes(1))
        tasks.start_soon(impatient)
        await stage.session.publish(minute(1))
        await stage.session.publish(minute(3))
    assert script.numbers() == [0, 1, 3]
    assert stage.system.books["a"].quantity("AAA") == Decimal(2)


def test_native_cancellation_of_asyncio_ends_the_run_as_well() -> None:
    """Bots that know nothing of anyio cancel tasks in asyncio's own way."""

    async def run() -> None:
        started = asyncio.Event()

        async def gate(number: int) -> None:
            if number == 1:
                started.set()
                await asyncio.Event().wait()

        script = Script(always=buy(1), gate=gate)
        async with Stage(following({"a": script}, AsyncScripted)) as stage:
            await stage.publish(minutes(1))
            task = asyncio.create_task(stage.session.publish(minute(1)))
            await started.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with pytest.raises(ActorError, match="the machine has stopped"):
                await stage.session.publish(minute(2))

    asyncio.run(run())
