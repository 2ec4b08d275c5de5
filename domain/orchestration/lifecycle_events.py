"""Which event tells of which step in a strategy's life."""

from __future__ import annotations

from typing import assert_never

from orchestrion.domain.orchestration.events import (
    DomainEvent,
    StrategyPausedEvent,
    StrategyQuarantinedEvent,
    StrategyRecoveredEvent,
    StrategyReducingEvent,
    StrategyResumedEvent,
    StrategyStartedEvent,
    StrategyStartingEvent,
    StrategyStoppedEvent,
    StrategyStoppingEvent,
)
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStep


def event_of_step(
    strategy_id: str,
    step: StrategyStep,
    *,
    mode: PauseMode | None = None,
    reason: str = "",
    custodian: str = "",
) -> DomainEvent:
    """The event of a step that was taken.

    Args:
        mode: of a PAUSE.
        reason: of REDUCE and STOP; the failure of a QUARANTINE.
        custodian: of a QUARANTINE.
    """
    match step:
        case StrategyStep.START:
            return StrategyStartingEvent(strategy_id=strategy_id)
        case StrategyStep.RUN:
            return StrategyStartedEvent(strategy_id=strategy_id)
        case StrategyStep.PAUSE:
            return StrategyPausedEvent(strategy_id=strategy_id, mode=str(mode))
        case StrategyStep.RESUME | StrategyStep.WAIT:
            return StrategyResumedEvent(strategy_id=strategy_id)
        case StrategyStep.REDUCE:
            return StrategyReducingEvent(strategy_id=strategy_id, reason=reason)
        case StrategyStep.RECOVER:
            return StrategyRecoveredEvent(strategy_id=strategy_id)
        case StrategyStep.QUARANTINE:
            return StrategyQuarantinedEvent(
                strategy_id=strategy_id, failure=reason, custodian=custodian
            )
        case StrategyStep.STOP:
            return StrategyStoppingEvent(strategy_id=strategy_id, reason=reason)
        case StrategyStep.END:
            return StrategyStoppedEvent(strategy_id=strategy_id)
        case _:
            assert_never(step)
