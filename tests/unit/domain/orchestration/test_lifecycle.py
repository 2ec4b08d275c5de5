"""The strategy life cycle, pair by pair: the legal steps by hand, all others refused."""

from __future__ import annotations

from dataclasses import fields
from itertools import product
from typing import Any

import pytest

from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.orchestration.lifecycle import (
    STEPS,
    PauseMode,
    StrategyStanding,
    StrategyStatus,
    StrategyStep,
    TradingState,
    next_strategy_status,
)
from orchestrion.domain.orchestration.lifecycle_events import event_of_step

LEGAL_STEPS = """
ready        start       starting
ready        pause       paused
ready        stop        stopping
starting     run         running
starting     quarantine  quarantined
starting     stop        stopping
running      pause       paused
running      reduce      reducing
running      quarantine  quarantined
running      stop        stopping
paused       start       paused
paused       pause       paused
paused       resume      running
paused       wait        ready
paused       quarantine  quarantined
paused       stop        stopping
reducing     pause       paused
reducing     recover     running
reducing     quarantine  quarantined
reducing     stop        stopping
quarantined  stop        stopping
stopping     end         stopped
"""
EXPECTED = {
    (StrategyStatus(status), StrategyStep(step)): StrategyStatus(after)
    for status, step, after in (line.split() for line in LEGAL_STEPS.splitlines() if line)
}


@pytest.mark.parametrize(("status", "step"), list(product(StrategyStatus, StrategyStep)), ids=str)
def test_step_is_legal_or_refused(status: StrategyStatus, step: StrategyStep) -> None:
    before = dict(STEPS)
    if (status, step) in EXPECTED:
        assert next_strategy_status("alpha", status, step) is EXPECTED[status, step]
    else:
        with pytest.raises(LifecycleError, match=f"'alpha' is {status} and cannot {step}"):
            next_strategy_status("alpha", status, step)
    assert before == STEPS


def test_stopped_is_the_end() -> None:
    assert not any(status is StrategyStatus.STOPPED for status, _ in STEPS)


def test_words_of_configuration_and_field() -> None:
    assert [mode.value for mode in PauseMode] == ["entries_blocked", "reduce_only", "frozen"]
    assert [state.value for state in TradingState] == ["ACTIVE", "REDUCING", "HALTED"]


def test_strategy_is_started_once_also_when_it_is_paused() -> None:
    paused = StrategyStanding().after("a", StrategyStep.PAUSE, PauseMode.FROZEN)
    assert not paused.is_called
    started = paused.after("a", StrategyStep.START)
    assert (started.words, started.has_started) == ("paused (frozen)", True)
    with pytest.raises(LifecycleError, match="'a' has been started already"):
        started.after("a", StrategyStep.START)
    assert started.after("a", started.resuming).status is StrategyStatus.RUNNING


def test_pause_taken_back_before_the_start_leaves_it_ready() -> None:
    paused = StrategyStanding().after("a", StrategyStep.PAUSE, PauseMode.REDUCE_ONLY)
    assert paused.after("a", paused.resuming) == StrategyStanding()


@pytest.mark.parametrize("step", list(StrategyStep))
def test_every_step_has_an_event_with_the_strategys_id(step: StrategyStep) -> None:
    event = event_of_step("a", step, mode=PauseMode.FROZEN, reason="why", custodian="hold")
    assert event.strategy_id == "a"  # type: ignore[attr-defined]
    written = [one.name for one in fields(event) if not one.kw_only]
    kind: Any = type(event)
    assert kind(**dict.fromkeys(written, "x")).strategy_id == "x"


@pytest.mark.parametrize(
    ("status", "mode", "expected"),
    [
        (StrategyStatus.READY, None, False),
        (StrategyStatus.STARTING, None, False),
        (StrategyStatus.RUNNING, None, True),
        (StrategyStatus.REDUCING, None, True),
        (StrategyStatus.PAUSED, PauseMode.ENTRIES_BLOCKED, True),
        (StrategyStatus.PAUSED, PauseMode.REDUCE_ONLY, True),
        (StrategyStatus.PAUSED, PauseMode.FROZEN, False),
        (StrategyStatus.QUARANTINED, None, False),
        (StrategyStatus.STOPPING, None, False),
        (StrategyStatus.STOPPED, None, False),
    ],
)
def test_who_hears_of_events(
    status: StrategyStatus, mode: PauseMode | None, expected: bool
) -> None:
    assert StrategyStanding(status, mode, has_started=True).is_called is expected
