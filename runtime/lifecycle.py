"""The life of an actor, as a table.

READY until the machine starts it; RUNNING while it takes messages; RESTARTING while its supervisor
rebuilds it after a failure; QUARANTINED when it failed too often, for ever; STOPPED at the end.
Messages to an actor that does not run any more are dead letters, never lost silently.
"""

from __future__ import annotations

from enum import StrEnum

from orchestrion.runtime.errors import LifecycleStepError


class ActorState(StrEnum):
    READY = "ready"
    RUNNING = "running"
    RESTARTING = "restarting"
    QUARANTINED = "quarantined"
    FAILED = "failed"
    STOPPED = "stopped"


class ActorStep(StrEnum):
    START = "start"
    FAIL = "fail"
    RECOVER = "recover"
    GIVE_UP = "give_up"
    ABORT = "abort"
    STOP = "stop"


STEPS: dict[tuple[ActorState, ActorStep], ActorState] = {
    (ActorState.READY, ActorStep.START): ActorState.RUNNING,
    (ActorState.RUNNING, ActorStep.FAIL): ActorState.RESTARTING,
    (ActorState.RESTARTING, ActorStep.RECOVER): ActorState.RUNNING,
    (ActorState.RESTARTING, ActorStep.GIVE_UP): ActorState.QUARANTINED,
    (ActorState.RUNNING, ActorStep.ABORT): ActorState.FAILED,
    (ActorState.READY, ActorStep.STOP): ActorState.STOPPED,
    (ActorState.RUNNING, ActorStep.STOP): ActorState.STOPPED,
    (ActorState.QUARANTINED, ActorStep.STOP): ActorState.STOPPED,
}
"""(state, step) -> state. What is not here is refused and changes nothing."""


def next_state(actor: str, state: ActorState, step: ActorStep) -> ActorState:
    """The state after a step.

    Raises:
        LifecycleStepError: the table does not allow it.
    """
    try:
        return STEPS[state, step]
    except KeyError:
        raise LifecycleStepError(f"{actor!r} is {state} and cannot {step}") from None
