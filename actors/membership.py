"""Who joins a run and who leaves it: the coordinator's answer to two of an operator's questions.

A newcomer is built and checked before anything changes; then it gets its seat, its book (from
RESERVE) and a start in a round of its own. Who leaves is told of the end in a round of its own and
then wound up (``departures``); when its book is closed its seat goes too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from orchestrion.actors.adjudication import Adjudication
from orchestrion.actors.departures import Departures
from orchestrion.actors.line_up import LineUp, Recruiter
from orchestrion.actors.membership_messages import (
    AddStrategy,
    BookClosed,
    BookOpened,
    HandOverReply,
    OpenBookRequest,
    RemoveStrategy,
)
from orchestrion.actors.standings import Standings
from orchestrion.domain.errors import DomainError, LifecycleError
from orchestrion.domain.orchestration.events import DomainEvent, StrategyRemovedEvent
from orchestrion.domain.orchestration.lifecycle import StrategyStatus, StrategyStep
from orchestrion.domain.orchestration.removal import WindingUp, check_removal
from orchestrion.runtime.actor import ActorContext, Answer, Question
from orchestrion.runtime.mailbox import Mailbox


class Rounds(Protocol):
    """What of the coordinator it needs."""

    round_number: int
    is_started: bool
    line_up: LineUp

    def require_quiet(self) -> None: ...

    def next_number(self) -> int: ...

    def take_line_up(self, line_up: LineUp) -> None: ...

    def publish_collected(self) -> None: ...

    def start(self, strategy_ids: tuple[str, ...], ts: int) -> None: ...

    def stop(self, strategy_ids: tuple[str, ...], ts: int, then: Callable[[], None]) -> None: ...


class Membership:
    """See the module's text."""

    def __init__(
        self,
        *,
        rounds: Rounds,
        context: ActorContext,
        standings: Standings,
        departures: Departures,
        adjudication: Adjudication,
        recruiter: Recruiter,
        publish: Callable[[DomainEvent], None],
    ) -> None:
        self._rounds = rounds
        self._context = context
        self._standings = standings
        self._departures = departures
        self._adjudication = adjudication
        self._recruiter = recruiter
        self._publish = publish

    def connect(self, capital_manager: Mailbox) -> None:
        """Called once, by the coordinator's wiring."""
        self._capital_manager = capital_manager

    @property
    def handlers(self) -> dict[type, Callable[..., None]]:
        """What it answers to."""
        return {
            AddStrategy: self._on_add,
            BookOpened: self._on_book_opened,
            RemoveStrategy: self._on_remove,
            HandOverReply: self._on_hand_over,
            BookClosed: self._on_book_closed,
        }

    # -- joining --------------------------------------------------------------------------------

    def _on_add(self, question: AddStrategy) -> None:
        strategy_id = question.strategy_id
        try:
            self._rounds.require_quiet()
            self._standings.require_new(strategy_id)
            for one in question.depends_on:
                if self._standings.of(one).is_over:
                    raise LifecycleError(f"{one}, which it depends on, is on its way out")
            line_up = self._recruiter.recruit(question)
        except DomainError as refusal:
            self._refuse(question, refusal)
            return
        self._rounds.take_line_up(line_up)
        self._standings.join(strategy_id)
        amount = self._recruiter.capital_of(strategy_id)
        self._capital_manager.tell(OpenBookRequest(strategy_id, amount))
        self._context.emit(Answer(question_id=question.question_id, value=amount))

    def _on_book_opened(self, message: BookOpened) -> None:
        self._rounds.publish_collected()
        if self._rounds.is_started:
            self._standings.take(message.strategy_id, StrategyStep.START)
            self._rounds.start((message.strategy_id,), self._context.now)

    # -- leaving --------------------------------------------------------------------------------

    def _on_remove(self, question: RemoveStrategy) -> None:
        strategy_id = question.strategy_id
        winding = WindingUp(strategy_id, question.policy, question.heir_id)
        is_leaving = self._is_leaving(strategy_id)
        held = self._adjudication.held_of(strategy_id)
        try:
            self._rounds.require_quiet()
            open_things = self._departures.open_things(strategy_id, held)
            check_removal(
                winding,
                self._standings.by_id,
                self._rounds.line_up.metadata,
                open_things=open_things,
            )
            before = self._standings.of(strategy_id)
            if not is_leaving:
                reason = f"removed: {question.policy}"
                self._standings.take(strategy_id, StrategyStep.STOP, reason=reason)
        except LifecycleError as refusal:
            self._refuse(question, refusal)
            return
        value = "stopping" if open_things else "removed"
        self._context.emit(Answer(question_id=question.question_id, value=value))
        self._adjudication.release(self._rounds.next_number, gone=(strategy_id,))
        self._departures.begin(winding)
        # Who is in quarantine cannot be told; who is asked to leave again has been.
        is_told = before.status not in (StrategyStatus.QUARANTINED, StrategyStatus.STOPPING)
        self._rounds.stop(
            (strategy_id,) if is_told and before.has_started else (),
            self._context.now,
            lambda: self._departures.advance(strategy_id, self._rounds.round_number),
        )

    def _is_leaving(self, strategy_id: str) -> bool:
        winding = self._departures.of(strategy_id)
        return winding is not None and winding.is_leaving

    def _on_hand_over(self, message: HandOverReply) -> None:
        self._departures.on_hand_over(message, self._rounds.round_number)

    def _on_book_closed(self, message: BookClosed) -> None:
        strategy_id = message.strategy_id
        winding = self._departures.forget(strategy_id)
        self._rounds.take_line_up(self._recruiter.dismiss(strategy_id))
        self._standings.leave(strategy_id)
        self._publish(StrategyRemovedEvent(strategy_id=strategy_id, policy=winding.policy))

    def _refuse(self, question: Question, refusal: DomainError) -> None:
        self._context.emit(Answer(question_id=question.question_id, error=str(refusal)))
