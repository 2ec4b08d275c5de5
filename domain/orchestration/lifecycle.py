"""The life of a strategy on the account, as a table.

READY until the run starts; RUNNING; PAUSED in one of three modes that say what it may still do;
QUARANTINED after it failed too often; STOPPED at the end. Capital stays with a strategy in every
state; positions are always marked, fills always booked.
"""

from __future__ import annotations

from enum import StrEnum

from orchestrion.domain.errors import LifecycleError


class StrategyStatus(StrEnum):
    READY = "ready"
    RUNNING = "running"
    PAUSED = "paused"
    QUARANTINED = "quarantined"
    STOPPED = "stopped"


class PauseMode(StrEnum):
    """What a paused strategy may still do."""

    ENTRIES_BLOCKED = "entries_blocked"
    """It is called and its exits, stops and cancels go on; entries are refused."""
    REDUCE_ONLY = "reduce_only"
    """As above, and its working entry orders are cancelled."""
    FROZEN = "frozen"
    """It is not called at all; its working orders stay as they are."""


class TradingState(StrEnum):
    """The whole account: everything, only reducing commands, or nothing."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class StrategyStep(StrEnum):
    START = "start"
    PAUSE = "pause"
    RESUME = "resume"
    QUARANTINE = "quarantine"
    STOP = "stop"


STEPS: dict[tuple[StrategyStatus, StrategyStep], StrategyStatus] = {
    (StrategyStatus.READY, StrategyStep.START): StrategyStatus.RUNNING,
    (StrategyStatus.READY, StrategyStep.PAUSE): StrategyStatus.PAUSED,
    (StrategyStatus.READY, StrategyStep.STOP): StrategyStatus.STOPPED,
    (StrategyStatus.RUNNING, StrategyStep.PAUSE): StrategyStatus.PAUSED,
    (StrategyStatus.RUNNING, StrategyStep.QUARANTINE): StrategyStatus.QUARANTINED,
    (StrategyStatus.RUNNING, StrategyStep.STOP): StrategyStatus.STOPPED,
    # A paused strategy may change its mode, and may fail while it manages its exits.
    (StrategyStatus.PAUSED, StrategyStep.PAUSE): StrategyStatus.PAUSED,
    (StrategyStatus.PAUSED, StrategyStep.RESUME): StrategyStatus.RUNNING,
    (StrategyStatus.PAUSED, StrategyStep.QUARANTINE): StrategyStatus.QUARANTINED,
    (StrategyStatus.PAUSED, StrategyStep.STOP): StrategyStatus.STOPPED,
    (StrategyStatus.QUARANTINED, StrategyStep.STOP): StrategyStatus.STOPPED,
}
"""(status, step) -> status. What is not here is refused and changes nothing."""


def next_strategy_status(
    strategy_id: str, status: StrategyStatus, step: StrategyStep
) -> StrategyStatus:
    """The status after a step.

    Raises:
        LifecycleError: the table does not allow it.
    """
    try:
        return STEPS[status, step]
    except KeyError:
        raise LifecycleError(f"strategy {strategy_id!r} is {status} and cannot {step}") from None
