"""What a kill switch does to states, and what an operator may not undo while it is pulled.

The coordinator owns the states; this is the part of it that answers the capital desk's stops. While
a switch is pulled, questions that would loosen what it set are refused: only a reset lets go. Then
every state goes back to what it was before the stop.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar, TypeVar

from orchestrion.actors.messages import (
    CancelEntriesRequest,
    PauseStrategy,
    ResumeStrategy,
    SetTradingState,
    StopReleased,
    StopTripped,
    TradingStateChanged,
)
from orchestrion.actors.standings import Standings
from orchestrion.domain.capital.drawdown_stop import ACCOUNT_SCOPE
from orchestrion.domain.capital.kill_switch import STOP_EFFECTS, StopEffect
from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.orchestration.events import DomainEvent, TradingStateChangedEvent
from orchestrion.domain.orchestration.lifecycle import (
    PauseMode,
    StrategyStanding,
    StrategyStatus,
    StrategyStep,
    TradingState,
)
from orchestrion.runtime.actor import ActorContext, Answer
from orchestrion.runtime.mailbox import Mailbox

_STRICTNESS = {state: place for place, state in enumerate(TradingState)}
_MODE_STRICTNESS = {mode: place for place, mode in enumerate(PauseMode)}
_Guarded = TypeVar("_Guarded", PauseStrategy, ResumeStrategy, SetTradingState)


class StopKeeper:
    """Pulled switches by scope, and what was there before them."""

    STATE: ClassVar[Mapping[str, Any]] = {
        "_effects": dict[str, StopEffect],
        "_before": dict[str, StrategyStanding],
        "_asked_state": TradingState,
    }

    def __init__(
        self,
        context: ActorContext,
        standings: Standings,
        publish: Callable[[DomainEvent], None],
    ) -> None:
        self._context = context
        self._standings = standings
        self._publish = publish
        self._effects: dict[str, StopEffect] = {}
        self._before: dict[str, StrategyStanding] = {}
        self._asked_state = TradingState.ACTIVE

    def connect(self, *, capital_manager: Mailbox, gateway: Mailbox) -> None:
        """Called once, by the coordinator's wiring."""
        self._capital_manager = capital_manager
        self._gateway = gateway

    def guarded(self, handler: Callable[[_Guarded], None]) -> Callable[[_Guarded], None]:
        """The operator's handler, for questions that no pulled switch forbids."""

        def guard(question: _Guarded) -> None:
            refusal = self._refusal(question)
            if refusal:
                self._context.emit(Answer(question_id=question.question_id, error=refusal))
                return
            if isinstance(question, SetTradingState):
                self._asked_state = question.state
            handler(question)

        return guard

    def on_tripped(self, message: StopTripped) -> None:
        """Takes the steps of a stop that is new, or stricter than before."""
        effect = self._effects[message.scope_id] = STOP_EFFECTS[message.action]
        if message.scope_id == ACCOUNT_SCOPE:
            self._set_state(self._state(), f"stop: {message.action}")
            concerned = tuple(self._standings.by_id)
        else:
            self._pause(message.scope_id, effect.pause_mode)
            concerned = (message.scope_id,)
        if effect.cancels_entries:
            for strategy_id in concerned:
                self._gateway.tell(CancelEntriesRequest(strategy_id))

    def on_released(self, message: StopReleased) -> None:
        """Gives back what was there before the stop."""
        self._effects.pop(message.scope_id, None)
        if message.scope_id == ACCOUNT_SCOPE:
            self._set_state(self._state(), "stop was reset")
            return
        before = self._before.pop(message.scope_id, None)
        if before is None or not self._standings.is_in(message.scope_id, StrategyStatus.PAUSED):
            return
        standing = self._standings.of(message.scope_id)
        if before.status is not StrategyStatus.PAUSED:
            self._standings.take(message.scope_id, standing.resuming)
        elif before.pause_mode is not standing.pause_mode:
            self._standings.take(message.scope_id, StrategyStep.PAUSE, mode=before.pause_mode)

    def _pause(self, strategy_id: str, mode: PauseMode) -> None:
        """A pause that is as strict already stays; who is out, or on the way out, stays there."""
        standing = self._standings.by_id.get(strategy_id)
        if standing is None:
            return
        self._before.setdefault(strategy_id, standing)
        present = standing.pause_mode
        if present is not None and _MODE_STRICTNESS[present] >= _MODE_STRICTNESS[mode]:
            return
        try:
            self._standings.take(strategy_id, StrategyStep.PAUSE, mode=mode)
        except LifecycleError:
            self._before.pop(strategy_id, None)

    def _state(self) -> TradingState:
        """The stricter of what an operator asked for and what the account's stop wants."""
        effect = self._effects.get(ACCOUNT_SCOPE)
        if effect is None:
            return self._asked_state
        return max(self._asked_state, effect.trading_state, key=_STRICTNESS.__getitem__)

    def _set_state(self, state: TradingState, reason: str) -> None:
        self._capital_manager.tell(TradingStateChanged(state))
        self._publish(TradingStateChangedEvent(state=state, reason=reason))

    def _refusal(self, question: PauseStrategy | ResumeStrategy | SetTradingState) -> str:
        """Why a question would undo a stop; empty when it would not."""
        if isinstance(question, SetTradingState):
            effect = self._effects.get(ACCOUNT_SCOPE)
            loosens = (
                effect is not None
                and _STRICTNESS[question.state] < _STRICTNESS[effect.trading_state]
            )
            return f"the account is stopped: reset {ACCOUNT_SCOPE} first" if loosens else ""
        if question.strategy_id not in self._effects:
            return ""
        return f"strategy {question.strategy_id!r} is stopped: reset it first"
