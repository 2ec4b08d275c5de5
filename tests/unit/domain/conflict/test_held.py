"""What becomes of commands that wait for others' orders to be withdrawn."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrion.domain.conflict import release_held
from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.orchestration.proposal import HeldProposal, Proposal
from tests.fakes_conflict import proposal


def held(word: str, *waits_for: str, index: int = 0) -> HeldProposal:
    one = proposal(word)
    assert isinstance(one.command, SubmitOrder)
    return HeldProposal(one.strategy_id, index, one.command, one.is_exit, waits_for)


WAITING = (held("a+X", "W0"), held("b-Y!", "W0", "W1"), held("c+X", "W2", index=3))


def shown(*, waiting: bool = False, **happened: Any) -> str:
    """Who is released (and, with ``waiting``, who still waits for what)."""
    outcome = release_held(WAITING, **happened)
    words = [f"{one.strategy_id} released" for one in outcome.released]
    words += [f"{one.strategy_id} refused" for one in outcome.refused]
    if waiting:
        words += [f"{one.strategy_id}:{','.join(one.waits_for)}" for one in outcome.waiting]
    return " ".join(words)


@pytest.mark.parametrize(
    ("happened", "becomes"),
    [
        ({}, "a:W0 b:W0,W1 c:W2"),
        ({"ended": ["W9"]}, "a:W0 b:W0,W1 c:W2"),
        ({"ended": ["W0"]}, "a released b:W1 c:W2"),
        ({"ended": ["W1"]}, "a:W0 b:W0 c:W2"),
        ({"ended": ["W0", "W1"]}, "a released b released c:W2"),
        # An entry loses to an order that stays; an exit does not wait for it any longer.
        ({"not_withdrawn": ["W0"]}, "b released a refused c:W2"),
        ({"not_withdrawn": ["W2"]}, "c refused a:W0 b:W0,W1"),
        ({"not_withdrawn": ["W0"], "ended": ["W0"]}, "a released b:W1 c:W2"),
        ({"gone": ["b"]}, "b refused a:W0 c:W2"),
        ({"gone": ["a"], "ended": ["W0"]}, "a refused b:W1 c:W2"),
        ({"is_session_closed": True}, "a refused b refused c refused"),
        ({"is_session_closed": True, "ended": ["W0"]}, "a refused b refused c refused"),
    ],
)
def test_held_commands_go_on_when_nothing_is_left_to_wait_for(
    happened: dict[str, Any], becomes: str
) -> None:
    assert shown(waiting=True, **happened) == becomes


def test_released_command_is_as_it_was() -> None:
    outcome = release_held(WAITING, ended=["W0", "W1", "W2"])
    assert outcome.released == (
        proposal("a+X"),
        proposal("b-Y!"),
        proposal("c+X", 3),
    )


def test_exit_that_waits_in_vain_is_marked_so_that_it_is_not_held_again() -> None:
    (released,) = release_held(WAITING, not_withdrawn=["W1"]).released
    assert released == Proposal("b", 0, WAITING[1].command, is_exit=True, has_waited=True)


@pytest.mark.parametrize(
    ("happened", "detail"),
    [
        ({"not_withdrawn": ["W0"]}, "cancel_resting: the venue did not withdraw 1 resting order"),
        ({"gone": ["a"]}, "cancel_resting: its strategy has stopped while it waited"),
        (
            {"is_session_closed": True},
            "cancel_resting: the session closed while it waited for 1 resting order",
        ),
    ],
)
def test_refusal_says_why(happened: dict[str, Any], detail: str) -> None:
    first = release_held(WAITING, **happened).refused[0]
    assert (first.strategy_id, first.index) == ("a", 0)
    assert first.refusal.code is RefusalCode.CONFLICT
    assert first.refusal.detail == detail
    assert first.refusal.command == WAITING[0].command
