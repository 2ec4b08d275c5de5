"""One failing strategy harms only itself: the others decide as if it had said nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain.models.strategy import Signal, Strategy, StrategyView
from orchestrion.domain.orchestration.events import (
    StrategyQuarantinedEvent,
    StrategyRestartedEvent,
)
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.journal import RecordKind
from tests.fakes import (
    Action,
    Actions,
    AsyncScripted,
    Remembering,
    Script,
    Scripted,
    Stage,
    buy,
    fail,
    following,
    minutes,
    play,
    play_on,
    sell,
)


class RudeError(Exception):
    """Its text is code that fails."""

    def __str__(self) -> str:
        raise ValueError("not even my text")

    __repr__ = __str__


class VeryRudeError(Exception):
    def __str__(self) -> str:
        raise SystemExit("nobody asks me")


FAILURES: dict[str, Callable[[], BaseException]] = {
    "exception": lambda: ValueError("no"),
    "base exception": lambda: BaseException("no"),
    "exit": lambda: SystemExit(1),
    "generator exit": GeneratorExit,
    "stop iteration": StopIteration,
    "cancelled": asyncio.CancelledError,
    "recursion": RecursionError,
    "memory": MemoryError,
    "assertion": AssertionError,
    "actor error": lambda: ActorError("as if I were one of you"),
    "group": lambda: BaseExceptionGroup("several", [ValueError("a"), SystemExit()]),
    "rude": RudeError,
    "very rude": VeryRudeError,
    "no text": lambda: ValueError("\ud800"),
    "long": lambda: ValueError("x" * 10**6),
    "lines": lambda: ValueError("first\nsecond"),
}


def others() -> dict[str, Script]:
    """Two strategies that trade and answer their fills."""

    def flip(view: StrategyView) -> object:
        return [view.close("BBB")] if view.quantity("BBB") else [view.buy("BBB", 2)]

    return {
        "y": Script(always=flip),
        "z": Script(always=buy(1, "CCC"), on_fill=lambda _, view: [view.sell("CCC", 1)]),
    }


def decided_by_others(stage: Stage) -> list[tuple[int, str, Any, str, str]]:
    return [
        (one.round, one.strategy_id, one.command, one.verdict, one.reason)
        for one in stage.decisions
        if one.strategy_id != "x"
    ]


def played(
    failing: Script, kind: Callable[[Script], Strategy] = Scripted, backend: str = "asyncio"
) -> Stage:
    return play(
        following({"x": failing}, kind) | following(others()),
        minutes(12, "AAA", "BBB", "CCC"),
        backend=backend,
        metadata={"x": {"priority": 10}},
    )


# --- failures of every kind ---------------------------------------------------------------------


@pytest.mark.parametrize("kind", [Scripted, Remembering])
@pytest.mark.parametrize("failure", list(FAILURES))
def test_failure_of_any_kind_leaves_the_others_as_they_are(
    failure: str, kind: Callable[[Script], Strategy]
) -> None:
    actions: Actions = {number: fail(FAILURES[failure]) for number in (2, 5, 8)}
    stage, silent = played(Script(on_event=actions), kind), played(Script(), kind)
    assert len(stage.events_of(StrategyRestartedEvent)) == 2
    assert len(stage.events_of(StrategyQuarantinedEvent)) == 1
    assert decided_by_others(stage) == decided_by_others(silent)
    for strategy_id in ("y", "z"):
        assert stage.system.books[strategy_id] == silent.system.books[strategy_id]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_failure_is_journaled_in_words(backend: str) -> None:
    actions: Actions = {2: fail(FAILURES["no text"]), 4: fail(FAILURES["rude"])}
    stage = played(Script(on_event=actions), backend=backend)
    bodies = [one.body for one in stage.records(RecordKind.EVENT, "StrategyRestartedEvent")]
    shown = [msgspec.json.decode(one)["failure"] for one in bodies]
    assert shown == ["ValueError: \\ud800", "RudeError: (its text cannot be read)"]


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_interrupt_of_the_person_at_the_keyboard_passes_through(backend: str) -> None:
    stage = Stage(following({"x": Script(on_event={2: fail(KeyboardInterrupt())})}))
    with pytest.raises(KeyboardInterrupt):
        play_on(stage, minutes(5), backend=backend)
    assert stage.events_of(StrategyRestartedEvent) == []
    with pytest.raises(ActorError, match="the machine has "):
        stage.machine.post(minutes(9)[8], minutes(9)[8].ts_event)


@pytest.mark.parametrize("failure", ["exit", "generator exit", "cancelled", "rude"])
def test_factory_that_fails_in_any_way_quarantines(failure: str) -> None:
    script = Script(on_event={2: fail(ValueError("no"))})
    built: list[Strategy] = []

    make = FAILURES[failure]

    def factory() -> Strategy:
        if len(built) == 2:
            raise make()
        built.append(Scripted(script))
        return built[-1]

    stage = play({"x": factory} | following(others()), minutes(6, "AAA", "BBB", "CCC"))
    (event,) = stage.events_of(StrategyQuarantinedEvent)
    assert event.failure.startswith("ValueError: no; it could not be rebuilt: ")
    assert len(decided_by_others(stage)) > 10


@pytest.mark.parametrize("failure", ["exception", "exit", "cancelled", "rude"])
def test_restore_that_fails_in_any_way_quarantines(failure: str) -> None:
    make = FAILURES[failure]

    class Unrestorable(Remembering):
        def restore(self, state: Any) -> None:
            raise make()

    script = Script(on_event={270: fail(ValueError("no"))})
    stage = play(following({"x": script}, Unrestorable), minutes(275))
    assert len(stage.events_of(StrategyQuarantinedEvent)) == 1


# --- at any moment ------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=40)
@given(
    failing_at=st.sets(st.integers(0, 11), max_size=6),
    failure=st.sampled_from(list(FAILURES)),
    has_snapshots=st.booleans(),
)
def test_others_never_notice_when_it_fails(
    failing_at: set[int], failure: str, has_snapshots: bool
) -> None:
    actions: Actions = {number: fail(FAILURES[failure]) for number in failing_at}
    kind = Remembering if has_snapshots else Scripted
    stage = played(Script(on_event=actions), kind)
    assert decided_by_others(stage) == decided_by_others(played(Script(), kind))


def test_others_never_notice_when_it_fails_with_positions() -> None:
    """It trades an instrument of its own; from its failure on it would have said nothing."""
    trading: Actions = {0: buy(5), 2: sell(2)}
    failing = Script(on_event={**trading, **dict.fromkeys((4, 5, 6), fail(ValueError("no")))})
    stage, silent = played(failing), played(Script(on_event=trading))
    assert len(stage.events_of(StrategyQuarantinedEvent)) == 1
    assert decided_by_others(stage) == decided_by_others(silent)
    assert stage.system.books["x"] == silent.system.books["x"], "custodian: hold"


@pytest.mark.parametrize("first_stage_fails", [True, False])
def test_later_stage_is_told_although_the_earlier_one_failed(first_stage_fails: bool) -> None:
    action: Action = fail(ValueError("no")) if first_stage_fails else lambda _: None
    later = Script(always=buy(1, "BBB"))
    stage = play(
        following({"x": Script(always=action), "y": later}),
        minutes(5, "AAA", "BBB"),
        metadata={"y": {"depends_on": ("x",)}},
    )
    assert later.numbers() == [0, 1, 2, 3, 4]
    assert len(stage.decisions_of("y")) == 5


# --- what it says -------------------------------------------------------------------------------

NOT_A_NUMBER: Any = float("nan")
SURROGATE = "\ud800"
SPEECHES: dict[str, Action] = {
    "text": lambda _: "buy everything",
    "number": lambda _: 7,
    "object": lambda _: object(),
    "generator": lambda view: (view.buy("AAA", 1) for _ in range(3)),
    "nested": lambda view: [[view.buy("AAA", 1)]],
    "classes": lambda _: [Signal, Strategy],
    "a hundred thousand": lambda view: [view.buy("AAA", 1)] * 100_000,
    "as many as are allowed": lambda view: [view.buy("NOPE", 1)] * 1000,
    "no instrument": lambda view: [view.buy(SURROGATE, 1)],
    "no number": lambda view: [view.buy("AAA", Decimal("NaN"))],
    "endless number": lambda view: [view.buy("AAA", Decimal("Infinity"))],
    "huge number": lambda view: [view.buy("AAA", Decimal("1e400"))],
    "tiny number": lambda view: [view.buy("AAA", Decimal("1e-2000000"))],
    "long number": lambda view: [view.buy("AAA", Decimal("1." + "3" * 200))],
    "nothing of it": lambda view: [view.buy("AAA", 0)],
    "less than nothing": lambda view: [view.buy("AAA", -5)],
    "label of its own": lambda view: [with_(view.buy("AAA", 1), label=object())],
    "label without text": lambda view: [with_(view.buy("AAA", 1), label=SURROGATE)],
    "no legs": lambda view: [with_(view.buy("AAA", 1), legs=())],
    "strange legs": lambda view: [with_(view.buy("AAA", 1), legs=(1, 2))],
    "endless time": lambda view: [with_(view.buy("AAA", 1), expire_ts=object())],
    "long time": lambda view: [
        with_(view.buy("AAA", 1), time_in_force="GTD", expire_ts=2**200),
    ],
    "somebody else": lambda view: [with_(view.buy("AAA", 1), strategy_id="y")],
    "somebody strange": lambda view: [with_(view.buy("AAA", 1), strategy_id=object())],
    "somebody else strangely": lambda view: [
        with_(view.buy("AAA", 1), strategy_id="y", legs=object(), label=object())
    ],
    "unknown order": lambda view: [view.cancel("nobody's")],
    "strange order": lambda view: [with_(view.cancel("a"), client_order_id=7)],
    "order without text": lambda view: [view.cancel(SURROGATE)],
    "cancel with a strange label": lambda view: [with_(view.cancel("a"), label=object())],
    "cancel without text": lambda view: [with_(view.cancel("a"), label=SURROGATE)],
    "signal of somebody else": lambda _: [Signal(strategy_id="y", name="n", value=1.0)],
    "signal of no number": lambda _: [Signal(strategy_id="x", name="n", value=NOT_A_NUMBER)],
    "signal of nothing": lambda _: [
        with_(Signal(strategy_id="x", name="n", value=1.0), value=object())
    ],
}


def with_(one: Any, **fields: Any) -> Any:
    return msgspec.structs.replace(one, **fields)


@pytest.mark.parametrize("kind", ["sync", "async"])
@pytest.mark.parametrize("speech", list(SPEECHES))
def test_rubbish_is_refused_and_the_others_are_as_they_were(speech: str, kind: str) -> None:
    chosen: Callable[[Script], Strategy] = Scripted if kind == "sync" else AsyncScripted
    stage = played(Script(on_event={3: SPEECHES[speech]}), chosen)
    assert decided_by_others(stage) == decided_by_others(played(Script(), chosen))
    for one in stage.decisions_of("x"):
        assert one.verdict == "REFUSED"
        assert one.detail
    assert not stage.system.books["x"].positions


@pytest.mark.parametrize("speech", list(SPEECHES))
def test_rubbish_reaches_nobody_as_a_signal(speech: str) -> None:
    """Whoever depends on it is told finite numbers or nothing."""
    heard: list[Signal] = []
    listener = Script(always=lambda view: heard.extend(view.signals))
    play(
        following({"x": Script(on_event={1: SPEECHES[speech]}), "y": listener}),
        minutes(3),
        metadata={"y": {"depends_on": ("x",)}},
    )
    assert all(isinstance(one.value, float) and abs(one.value) < 1e300 for one in heard)
