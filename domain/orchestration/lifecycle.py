"""The life of a strategy on the account, as a table.

    ready ─start─► starting ─run─► running ◄─resume─ paused (in one of three modes)
                                     │ ▲               ▲
                               reduce│ │recover        └─pause─ ready, running, reducing
                                     ▼ │
                                   reducing        any of them ─quarantine─► quarantined
                                                   any of them ─stop─► stopping ─end─► stopped

READY until the run starts; STARTING while it is told of the start; PAUSED by an operator; REDUCING
by a rule of the account (its book fell below its margin, a stop was reached); QUARANTINED after it
failed too often; STOPPING while the run ends, or while its orders and positions are wound up;
STOPPED at the end. Capital stays with a strategy in every state; positions are always marked, fills
always booked. It is started once and stopped once, whatever it was paused for in between.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from orchestrion.domain.errors import LifecycleError


class StrategyStatus(StrEnum):
    READY = "ready"
    STARTING = "starting"
    RUNNING = "running"
    PAUSED = "paused"
    REDUCING = "reducing"
    QUARANTINED = "quarantined"
    STOPPING = "stopping"
    STOPPED = "stopped"


class PauseMode(StrEnum):
    """What a paused strategy may still do. It is told of the start and of the end in each."""

    ENTRIES_BLOCKED = "entries_blocked"
    """It is called and its exits, stops and cancels go on; entries are refused."""
    REDUCE_ONLY = "reduce_only"
    """As above, and its working entry orders are cancelled."""
    FROZEN = "frozen"
    """It hears of no events and no fills; its working orders stay as they are."""


class TradingState(StrEnum):
    """The whole account: everything, only reducing commands, or nothing."""

    ACTIVE = "ACTIVE"
    REDUCING = "REDUCING"
    HALTED = "HALTED"


class RemovalPolicy(StrEnum):
    """What becomes of orders and positions of a strategy that is removed."""

    REFUSE = "refuse"
    """It is not removed while anything of it is open."""
    FLATTEN = "flatten"
    """Its orders are withdrawn, its positions are closed at the market, then it goes."""
    HAND_OVER = "hand_over"
    """Its orders are withdrawn, its positions move to a named strategy at the marks."""


class Custodian(StrEnum):
    """What becomes of the positions of a strategy in quarantine."""

    HOLD = "hold"
    """They stay, with their protective orders."""
    FLATTEN = "flatten"
    """They are closed at the market."""
    HAND_OVER = "hand_over"
    """They move to a named strategy at the marks; all orders are withdrawn before."""


class StrategyStep(StrEnum):
    START = "start"
    RUN = "run"
    PAUSE = "pause"
    RESUME = "resume"
    WAIT = "wait"
    """Taken back is a pause that was given before the start."""
    REDUCE = "reduce"
    RECOVER = "recover"
    QUARANTINE = "quarantine"
    STOP = "stop"
    END = "end"


_S, _T = StrategyStatus, StrategyStep
_ALIVE = (_S.STARTING, _S.RUNNING, _S.PAUSED, _S.REDUCING)

STEPS: dict[tuple[StrategyStatus, StrategyStep], StrategyStatus] = {
    (_S.READY, _T.START): _S.STARTING,
    (_S.READY, _T.PAUSE): _S.PAUSED,
    (_S.STARTING, _T.RUN): _S.RUNNING,
    (_S.RUNNING, _T.PAUSE): _S.PAUSED,
    (_S.RUNNING, _T.REDUCE): _S.REDUCING,
    (_S.REDUCING, _T.RECOVER): _S.RUNNING,
    (_S.REDUCING, _T.PAUSE): _S.PAUSED,
    # A strategy that was paused before the start is started and stays paused.
    (_S.PAUSED, _T.START): _S.PAUSED,
    (_S.PAUSED, _T.PAUSE): _S.PAUSED,  # in another mode
    (_S.PAUSED, _T.RESUME): _S.RUNNING,
    (_S.PAUSED, _T.WAIT): _S.READY,
    **{(status, _T.QUARANTINE): _S.QUARANTINED for status in _ALIVE},
    **{(status, _T.STOP): _S.STOPPING for status in (_S.READY, *_ALIVE, _S.QUARANTINED)},
    (_S.STOPPING, _T.END): _S.STOPPED,
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


class StrategyStanding(msgspec.Struct, frozen=True):
    """Where a strategy stands in its life.

    Attributes:
        pause_mode: while it is paused.
        has_started: whether it was told of the start; that happens once.
    """

    status: StrategyStatus = StrategyStatus.READY
    pause_mode: PauseMode | None = None
    has_started: bool = False

    @property
    def is_called(self) -> bool:
        """Whether it hears of events and fills."""
        if self.status is StrategyStatus.PAUSED:
            return self.has_started and self.pause_mode is not PauseMode.FROZEN
        return self.status in (StrategyStatus.RUNNING, StrategyStatus.REDUCING)

    @property
    def is_over(self) -> bool:
        """Whether it is on its way out, or out."""
        return self.status in (StrategyStatus.STOPPING, StrategyStatus.STOPPED)

    @property
    def words(self) -> str:
        """For people: ``running``, ``paused (frozen)``."""
        mode = self.pause_mode
        return f"{self.status} ({mode})" if mode is not None else str(self.status)

    @property
    def resuming(self) -> StrategyStep:
        """The step that takes a pause back."""
        return StrategyStep.RESUME if self.has_started else StrategyStep.WAIT

    def after(
        self, strategy_id: str, step: StrategyStep, mode: PauseMode | None = None
    ) -> StrategyStanding:
        """The standing after a step.

        Args:
            mode: of a PAUSE.

        Raises:
            LifecycleError: the table does not allow it, or it has been started before.
        """
        status = next_strategy_status(strategy_id, self.status, step)
        if step is StrategyStep.START and self.has_started:
            raise LifecycleError(f"strategy {strategy_id!r} has been started already")
        if status is not StrategyStatus.PAUSED:
            pause_mode = None
        else:
            pause_mode = mode if step is StrategyStep.PAUSE else self.pause_mode
        return StrategyStanding(status, pause_mode, self.has_started or step is StrategyStep.START)
