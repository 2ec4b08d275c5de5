"""The wiring: who is built, how much room a mailbox has, and what is asynchronous."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from pydantic import ValidationError

from orchestrion.actors.system import MAILBOX_ROOM_MIN, is_async
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.lifecycle import PauseMode
from orchestrion.runtime.actor import Actor
from orchestrion.runtime.machine import Machine
from orchestrion.runtime.mailbox import Mailbox
from tests.fakes import AsyncScripted, Script, Scripted, Stage, buy, idle, minutes, play


def test_more_strategies_than_a_mailbox_was_given_room_for() -> None:
    scripts = {f"s{i:03}": Script(on_event={0: buy(1)}) for i in range(100)}
    stage = play(
        {one: partial(Scripted, script) for one, script in scripts.items()},
        minutes(3),
        mailbox_messages_max=1,
        capital=Decimal(10**6),
    )
    assert stage.verdicts() == ["APPROVED"] * 100
    assert all(script.numbers() == [0, 1, 2] for script in scripts.values())
    assert stage.machine.dead_letter_count == 0


def test_room_beside_one_message_per_strategy_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs everything that tells much, and looks how deep the mailboxes got."""
    deepest: dict[str, int] = {}
    usual = Mailbox.tell

    def watched(self: Mailbox, message: object) -> None:
        usual(self, message)
        deepest[self.name] = max(deepest.get(self.name, 0), len(self))

    monkeypatch.setattr(Mailbox, "tell", watched)
    script = Script(
        always=lambda view: [view.buy(one, 1) for one in ("AAA", "BBB", "CCC")] * 5,
        on_fill=lambda _, view: [view.sell("AAA", 1)],
    )
    stage = play(
        {one: lambda: Scripted(script) for one in "abc"},
        minutes(20, "AAA", "BBB", "CCC"),
        custodian="flatten",
    )
    assert len(stage.fills) > 100
    assert max(deepest.values()) - len("abc") <= MAILBOX_ROOM_MIN // 2


def test_mailbox_is_as_large_as_the_settings_say(monkeypatch: pytest.MonkeyPatch) -> None:
    rooms: dict[str, int] = {}
    usual = Machine.spawn

    def watched(self: Machine, name: str, actor: Actor, **options: Any) -> Mailbox:
        rooms[name] = options["capacity_messages"]
        return usual(self, name, actor, **options)

    monkeypatch.setattr(Machine, "spawn", watched)
    Stage({"a": idle}, mailbox_messages_max=500)
    assert set(rooms.values()) == {500}
    Stage({"a": idle, "b": idle}, mailbox_messages_max=5)
    assert set(rooms.values()) == {2 + MAILBOX_ROOM_MIN}


def test_strategy_cannot_be_named_like_an_actor_of_the_core() -> None:
    with pytest.raises(ValidationError):
        StrategyMetadata(id="core:auditor")


def test_status_says_in_words_what_a_strategy_may_do() -> None:
    assert Stage({"a": idle}).system.status("a") == "ready"
    assert play({"a": idle}, minutes(1), is_ended=False).system.status("a") == "running"
    assert play({"a": idle}, minutes(1)).system.status("a") == "stopped"
    paused = Stage({"a": idle}, paused={"a": PauseMode.FROZEN})
    assert paused.system.status("a") == "paused (frozen)"


@pytest.mark.parametrize("mode", list(PauseMode))
def test_strategy_paused_before_the_run_does_not_enter(mode: PauseMode) -> None:
    script = Script(always=buy(1))
    stage = play({"a": lambda: Scripted(script)}, minutes(3), paused={"a": mode}, is_ended=False)
    assert stage.system.status("a") == f"paused ({mode})"
    assert script.calls[0] == ("on_start", 0), "once, whatever it is paused for"
    assert set(stage.verdicts()) <= {"STRATEGY_PAUSED"}
    assert bool(script.numbers()) == (mode is not PauseMode.FROZEN)


class OneAsync(Strategy):
    async def on_fill(self, fill: object, view: StrategyView) -> None: ...


class InheritsAsync(AsyncScripted):
    pass


@pytest.mark.parametrize(
    ("strategy", "expected"),
    [
        (Strategy(), False),
        (Scripted(Script()), False),
        (AsyncScripted(Script()), True),
        (InheritsAsync(Script()), True),
        (OneAsync(), True),
    ],
)
def test_strategy_with_any_async_handler_is_asynchronous(
    strategy: Strategy, expected: bool
) -> None:
    assert is_async(strategy) is expected


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"a": {"depends_on": ("ghost",)}}, "a depends on ghost"),
        ({"a": {"depends_on": ("b",)}, "b": {"depends_on": ("a",)}}, "dependency cycle"),
    ],
)
def test_strategies_that_cannot_be_ranked_are_refused(
    metadata: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigurationError, match=message):
        Stage({"a": idle, "b": idle}, metadata=metadata)


def test_strategy_that_cannot_be_built_is_refused_before_the_run() -> None:
    built: list[int] = []

    def factory() -> Strategy:
        built.append(1)
        if len(built) > 1:
            raise ValueError("no file")
        return idle()

    with pytest.raises(ValueError, match="no file"):
        Stage({"a": factory})
