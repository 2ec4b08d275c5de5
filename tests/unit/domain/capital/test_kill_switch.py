"""The kill switch: latched, only ever stricter, and what each action means."""

from __future__ import annotations

import pytest

from orchestrion.domain.capital.kill_switch import (
    STOP_EFFECTS,
    KillSwitch,
    StopAction,
    StopEffect,
    pull,
    release,
)
from orchestrion.domain.orchestration.lifecycle import PauseMode, TradingState

SWITCH = KillSwitch(scope_id="a")


def test_switch_is_not_pulled_at_first() -> None:
    assert not SWITCH.is_pulled
    assert SWITCH.effect is None


def test_pull_says_what_why_and_when() -> None:
    pulled = pull(SWITCH, StopAction.REDUCE_ONLY, reason="too much", ts=7)

    assert pulled.is_pulled
    assert (pulled.action, pulled.reason, pulled.ts) == (StopAction.REDUCE_ONLY, "too much", 7)
    assert pulled.effect == STOP_EFFECTS[StopAction.REDUCE_ONLY]


@pytest.mark.parametrize("second", [StopAction.BLOCK_ENTRIES, StopAction.FLATTEN])
def test_second_pull_that_is_no_stricter_changes_nothing(second: StopAction) -> None:
    pulled = pull(SWITCH, StopAction.FLATTEN, reason="first", ts=1)
    assert pull(pulled, second, reason="second", ts=2) == pulled


def test_stricter_pull_takes_over() -> None:
    pulled = pull(SWITCH, StopAction.FLATTEN, reason="first", ts=1)
    assert pull(pulled, StopAction.HALT, reason="second", ts=2).reason == "second"


def test_release_makes_it_as_new() -> None:
    assert release(pull(SWITCH, StopAction.HALT, reason="", ts=1)) == SWITCH


@pytest.mark.parametrize(
    ("action", "pause_mode", "trading_state", "cancels_entries", "flattens"),
    [
        ("block_entries", PauseMode.ENTRIES_BLOCKED, TradingState.REDUCING, False, False),
        ("reduce_only", PauseMode.REDUCE_ONLY, TradingState.REDUCING, True, False),
        ("flatten", PauseMode.REDUCE_ONLY, TradingState.REDUCING, True, True),
        ("halt", PauseMode.FROZEN, TradingState.HALTED, True, False),
    ],
)
def test_effects_of_each_action(
    action: str,
    pause_mode: PauseMode,
    trading_state: TradingState,
    cancels_entries: bool,
    flattens: bool,
) -> None:
    assert STOP_EFFECTS[StopAction(action)] == StopEffect(
        pause_mode=pause_mode,
        trading_state=trading_state,
        cancels_entries=cancels_entries,
        flattens=flattens,
    )


def test_every_action_has_an_effect() -> None:
    assert list(STOP_EFFECTS) == list(StopAction)
