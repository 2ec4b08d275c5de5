"""The life of an actor: every pair of state and step, allowed or refused."""

from __future__ import annotations

from itertools import product

import pytest

from orchestrion.runtime.errors import LifecycleStepError
from orchestrion.runtime.lifecycle import STEPS, ActorState, ActorStep, next_state

ALLOWED = {
    ("ready", "start"): "running",
    ("ready", "stop"): "stopped",
    ("running", "fail"): "restarting",
    ("running", "abort"): "failed",
    ("running", "stop"): "stopped",
    ("restarting", "recover"): "running",
    ("restarting", "give_up"): "quarantined",
    ("quarantined", "stop"): "stopped",
}


@pytest.mark.parametrize(("state", "step"), list(product(ActorState, ActorStep)))
def test_step_is_as_the_table_says(state: ActorState, step: ActorStep) -> None:
    expected = ALLOWED.get((state, step))
    if expected is None:
        with pytest.raises(LifecycleStepError, match=f"'alpha' is {state} and cannot {step}"):
            next_state("alpha", state, step)
    else:
        assert next_state("alpha", state, step) == expected


def test_ended_actor_never_runs_again() -> None:
    for end in (ActorState.STOPPED, ActorState.FAILED):
        assert not [state for state, _ in STEPS if state is end]
