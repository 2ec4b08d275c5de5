"""What an operator asks of states, and is answered: the coordinator's part for questions.

A collaborator of the coordinator, which owns the states. A pulled switch comes before an operator:
what would loosen it is refused (``stop_keeper``). Joining and leaving is ``membership``.
"""

from __future__ import annotations

from collections.abc import Callable

from orchestrion.actors.departures import Departures
from orchestrion.actors.membership import Rounds
from orchestrion.actors.messages import (
    CancelEntriesRequest,
    PauseStrategy,
    ResumeStrategy,
    SetTradingState,
    TradingStateChanged,
)
from orchestrion.actors.standings import Standings
from orchestrion.actors.stop_keeper import StopKeeper
from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.orchestration.events import DomainEvent, TradingStateChangedEvent
from orchestrion.domain.orchestration.lifecycle import (
    PauseMode,
    StrategyStanding,
    StrategyStep,
    TradingState,
)
from orchestrion.runtime.actor import ActorContext, Answer, Question
from orchestrion.runtime.mailbox import Mailbox


class OperatorDesk:
    """See the module's text."""

    def __init__(
        self,
        *,
        rounds: Rounds,
        context: ActorContext,
        standings: Standings,
        stops: StopKeeper,
        departures: Departures,
        publish: Callable[[DomainEvent], None],
    ) -> None:
        self._rounds = rounds
        self._context = context
        self._standings = standings
        self._stops = stops
        self._departures = departures
        self._publish = publish

    def connect(self, *, capital_manager: Mailbox, gateway: Mailbox) -> None:
        """Called once, by the coordinator's wiring."""
        self._capital_manager = capital_manager
        self._gateway = gateway

    @property
    def handlers(self) -> dict[type, Callable[..., None]]:
        """What it answers to."""
        return {
            PauseStrategy: self._stops.guarded(self._on_pause),
            ResumeStrategy: self._stops.guarded(self._on_resume),
            SetTradingState: self._stops.guarded(self._on_trading_state),
        }

    def _on_pause(self, question: PauseStrategy) -> None:
        is_taken = self._step_for(question, question.strategy_id, StrategyStep.PAUSE, question.mode)
        if is_taken and question.mode is PauseMode.REDUCE_ONLY:
            self._gateway.tell(CancelEntriesRequest(question.strategy_id))

    def _on_resume(self, question: ResumeStrategy) -> None:
        standing = self._standings.by_id.get(question.strategy_id, StrategyStanding())
        self._step_for(question, question.strategy_id, standing.resuming)

    def _on_trading_state(self, question: SetTradingState) -> None:
        self._capital_manager.tell(TradingStateChanged(question.state))
        self._publish(TradingStateChangedEvent(state=question.state, reason=question.reason))
        self._answer(question, question.state)
        if question.state is TradingState.ACTIVE:
            self._departures.advance_all(self._rounds.round_number, is_retry=True)

    def _step_for(
        self,
        question: Question,
        strategy_id: str,
        step: StrategyStep,
        mode: PauseMode | None = None,
    ) -> bool:
        """Takes a step for an operator and answers him; whether it was possible."""
        try:
            self._standings.take(strategy_id, step, mode=mode)
        except LifecycleError as refusal:
            self._context.emit(Answer(question_id=question.question_id, error=str(refusal)))
            return False
        self._answer(question, self._standings.of(strategy_id).status)
        return True

    def _answer(self, question: Question, value: object) -> None:
        self._context.emit(Answer(question_id=question.question_id, value=value))
