"""``CoordinatorActor``: opens a round, collects the answers, resolves conflicts, hands over.

    slice / fill / start ──► stage 0 ──► stage 1 ──► … ──► conflict rules ──► capital manager
                              each stage waits for all its answers before the next one is told

It owns the strategies' states (running, paused, in quarantine) and the round numbers. Strategies
are told in rank order and their commands are put in rank order, so neither mailboxes nor the moment
at which an answer comes have any influence. Every input opens at most one round.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from orchestrion.actors.messages import (
    AuthoriseRequest,
    CancelEntriesRequest,
    Delivery,
    FillDelivered,
    FlattenRequest,
    NothingAnswered,
    OverfillFound,
    OwnerFilled,
    PauseStrategy,
    ResumeStrategy,
    RunEnded,
    RunStarted,
    SessionClosed,
    SetTradingState,
    SliceDelivered,
    StandingChanged,
    StartDelivered,
    StopDelivered,
    StrategyAnswered,
    StrategyRaised,
    StrategyReplied,
    TradingStateChanged,
)
from orchestrion.actors.round_plan import RoundPlans, Seat
from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.strategy import Signal
from orchestrion.domain.orchestration.events import (
    DomainEvent,
    StrategyPausedEvent,
    StrategyQuarantinedEvent,
    StrategyRestartedEvent,
    StrategyResumedEvent,
    TradingStateChangedEvent,
)
from orchestrion.domain.orchestration.lifecycle import (
    PauseMode,
    StrategyStatus,
    StrategyStep,
    next_strategy_status,
)
from orchestrion.domain.orchestration.proposal import Checked
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.runtime.actor import (
    ActorContext,
    ActorQuarantined,
    ActorRestarted,
    Answer,
    Question,
)
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.mailbox import Mailbox

CUSTODIAN_FLATTEN = "flatten"
CUSTODIAN_HOLD = "hold"


class _Round:
    """The round that is open: what was delivered, who still owes an answer, what came in."""

    __slots__ = ("answers", "deliver", "number", "outstanding", "signals", "stage", "stages")

    def __init__(
        self,
        number: int,
        stages: tuple[tuple[Seat, ...], ...],
        deliver: Callable[[tuple[Signal, ...]], Delivery],
    ) -> None:
        self.number = number
        self.stages = stages
        self.stage = 0
        self.deliver = deliver
        self.outstanding = 0
        self.answers: dict[str, StrategyAnswered] = {}
        self.signals: tuple[Signal, ...] = ()


class CoordinatorActor:
    """See the module's text.

    Attributes:
        round_number: of the round that is, or was last, open; 0 before the first.
    """

    def __init__(
        self,
        *,
        context: ActorContext,
        coordinator: StrategyCoordinator,
        working_orders: Mapping[str, Order],
        priorities: Mapping[str, int],
        publish: Callable[[DomainEvent], None],
        custodian: str,
        is_single: bool,
    ) -> None:
        """
        Args:
            working_orders: the gateway's open orders by client_order_id, read between its writes.
            priorities: by strategy id; the higher one wins a conflict.
            publish: where domain events go.
            custodian: what becomes of a quarantined strategy's positions: hold or flatten.
            is_single: one strategy alone needs no coordination.
        """
        self.round_number = 0
        self._context = context
        self._rules = coordinator
        self._working_orders = working_orders
        self._priorities = priorities
        self._publish = publish
        self._custodian = custodian
        self._is_single = is_single
        self._plans = RoundPlans()
        self._round: _Round | None = None
        self._status: dict[str, tuple[StrategyStatus, PauseMode | None]] = {}
        self._handlers: dict[type, Callable[..., None]] = {
            NothingAnswered: self._on_nothing,
            StrategyAnswered: self._on_answered,
            MarketSlice: self._on_slice,
            OwnerFilled: self._on_owner_filled,
            RunStarted: self._on_started,
            RunEnded: self._on_ended,
            SessionClosed: self._on_session_closed,
            StrategyReplied: self._on_reply,
            StrategyRaised: self._on_reply,
            ActorRestarted: self._on_restarted,
            ActorQuarantined: self._on_actor_quarantined,
            OverfillFound: self._on_overfill,
            PauseStrategy: self._on_pause,
            ResumeStrategy: self._on_resume,
            SetTradingState: self._on_trading_state,
        }

    def connect(
        self,
        *,
        seats: tuple[tuple[Seat, ...], ...],
        standings: Mapping[str, tuple[StrategyStatus, PauseMode | None]],
        capital_manager: Mailbox,
        gateway: Mailbox,
    ) -> None:
        """Tells it whom it coordinates: seats by stage, in rank order. Called once, by wiring.

        Args:
            standings: status and pause mode by strategy id; one may be paused before it starts.
        """
        self._plans.seat(seats)
        self._capital_manager = capital_manager
        self._gateway = gateway
        self._status = {
            seat.strategy_id: standings[seat.strategy_id] for stage in seats for seat in stage
        }

    @property
    def statuses(self) -> Mapping[str, tuple[StrategyStatus, PauseMode | None]]:
        """Status and pause mode by strategy id, in rank order."""
        return self._status

    def receive(self, message: object) -> None:
        handler = self._handlers.get(type(message))
        if handler is None:
            raise ActorError(f"the coordinator cannot be told a {type(message).__name__}")
        handler(message)

    # -- rounds ---------------------------------------------------------------------------------

    def _on_slice(self, market_slice: MarketSlice) -> None:
        self._capital_manager.tell(market_slice)  # the marks come first, for everybody the same
        stages = self._plans.for_slice(market_slice)
        if not stages:
            return
        number = self.round_number + 1
        self._open(stages, lambda signals: SliceDelivered(number, market_slice, signals))

    def _on_owner_filled(self, message: OwnerFilled) -> None:
        seat = self._plans.active_seat(message.strategy_id)
        if seat is None or not seat.wants_fills:
            return
        number = self.round_number + 1
        self._open(((seat,),), lambda _: FillDelivered(number, message.fill))

    def _on_started(self, message: RunStarted) -> None:
        for strategy_id, (status, mode) in list(self._status.items()):
            if status is StrategyStatus.READY:
                self._take_step(strategy_id, StrategyStep.START, mode)
            else:
                self._announce(strategy_id)
        number = self.round_number + 1
        self._open(self._plans.for_everybody(), lambda _: StartDelivered(number, message.ts_event))

    def _on_ended(self, message: RunEnded) -> None:
        stages = self._plans.for_everybody()
        number = self.round_number + 1
        if stages:
            self._open(stages, lambda _: StopDelivered(number, message.ts_event))

    def _open(
        self,
        stages: tuple[tuple[Seat, ...], ...],
        deliver: Callable[[tuple[Signal, ...]], Delivery],
    ) -> None:
        if self._round is not None:
            raise ActorError(f"round {self._round.number} is still open")
        if not stages:
            return
        self.round_number += 1
        self._round = _Round(self.round_number, stages, deliver)
        self._tell_stage(self._round)

    def _tell_stage(self, current: _Round) -> None:
        seats = current.stages[current.stage]
        current.outstanding = len(seats)
        message = current.deliver(current.signals)
        for seat in seats:
            seat.mailbox.tell(message)

    def _on_nothing(self, _: NothingAnswered) -> None:
        current = self._round
        if current is None:
            raise ActorError("an answer came while no round is open")
        current.outstanding -= 1
        if not current.outstanding:
            self._finish_stage(current)

    def _on_answered(self, message: StrategyAnswered) -> None:
        current = self._round
        if current is None:
            raise ActorError("an answer came while no round is open")
        current.answers[message.strategy_id] = message
        current.outstanding -= 1
        if not current.outstanding:
            self._finish_stage(current)

    def _finish_stage(self, current: _Round) -> None:
        current.stage += 1
        if current.stage == len(current.stages):
            self._close(current)
            return
        if current.answers:
            current.signals = tuple(
                signal
                for stage in current.stages[: current.stage]
                for seat in stage
                if seat.strategy_id in current.answers
                for signal in current.answers[seat.strategy_id].signals
            )
        self._tell_stage(current)

    def _close(self, current: _Round) -> None:
        self._round = None
        if not current.answers:
            return
        checked: tuple[Checked, ...] = tuple(
            one
            for stage in current.stages
            for seat in stage
            if seat.strategy_id in current.answers
            for one in current.answers[seat.strategy_id].checked
        )
        if not checked:
            return
        if not self._is_single:
            resolution = self._rules.resolve(checked, self._working_orders, self._priorities)
            for event in resolution.events:
                self._publish(event)
            checked = resolution.checked
        self._capital_manager.tell(AuthoriseRequest(current.number, checked))

    def _on_reply(self, message: StrategyReplied | StrategyRaised) -> None:
        """An asynchronous strategy's answer goes through its own mailbox like everything else."""
        seat = self._plans.seat_of(message.strategy_id)
        if seat is not None:
            seat.mailbox.tell(message)

    def _on_session_closed(self, message: SessionClosed) -> None:
        for strategy_id, (status, _) in self._status.items():
            if status is StrategyStatus.QUARANTINED and self._custodian == CUSTODIAN_FLATTEN:
                self._flatten(strategy_id)
        self._capital_manager.tell(message)

    # -- states ---------------------------------------------------------------------------------

    def _take_step(self, strategy_id: str, step: StrategyStep, mode: PauseMode | None) -> None:
        status = next_strategy_status(strategy_id, self._status[strategy_id][0], step)
        self._status[strategy_id] = (status, mode)
        self._announce(strategy_id)

    def _announce(self, strategy_id: str) -> None:
        """Whoever acts on a strategy's standing learns it."""
        status, mode = self._status[strategy_id]
        is_called = mode is not PauseMode.FROZEN and status in (
            StrategyStatus.RUNNING,
            StrategyStatus.PAUSED,
        )
        self._plans.activate(strategy_id, is_active=is_called)
        self._capital_manager.tell(StandingChanged(strategy_id, status, mode))

    def _on_restarted(self, message: ActorRestarted) -> None:
        self._publish(
            StrategyRestartedEvent(
                strategy_id=message.actor,
                failure=message.failure,
                failures_in_window=message.failures_in_window,
            )
        )
        self._answer_for(message.actor, message.message)

    def _on_actor_quarantined(self, message: ActorQuarantined) -> None:
        self._quarantine(message.actor, message.failure)
        self._answer_for(message.actor, message.message)

    def _on_overfill(self, message: OverfillFound) -> None:
        self._quarantine(message.strategy_id, message.detail)

    def _quarantine(self, strategy_id: str, failure: str) -> None:
        """Once; a strategy can fail again at what it was told before it was out."""
        if self._status[strategy_id][0] is StrategyStatus.QUARANTINED:
            return
        if self._custodian == CUSTODIAN_FLATTEN:
            self._flatten(strategy_id)
        self._take_step(strategy_id, StrategyStep.QUARANTINE, None)
        self._gateway.tell(CancelEntriesRequest(strategy_id))
        self._publish(
            StrategyQuarantinedEvent(
                strategy_id=strategy_id, failure=failure, custodian=self._custodian
            )
        )

    def _flatten(self, strategy_id: str) -> None:
        self._capital_manager.tell(FlattenRequest(self.round_number, strategy_id))

    def _answer_for(self, strategy_id: str, message: object) -> None:
        """A strategy that failed at a delivery of the open round has answered nothing."""
        is_delivery = isinstance(
            message,
            (
                SliceDelivered,
                FillDelivered,
                StartDelivered,
                StopDelivered,
                StrategyRaised,
                StrategyReplied,
            ),
        )
        if is_delivery and self._round is not None:
            self._on_nothing(NothingAnswered(strategy_id))

    # -- operator ---------------------------------------------------------------------------------

    def _on_pause(self, question: PauseStrategy) -> None:
        if self._step_for(question, question.strategy_id, StrategyStep.PAUSE, question.mode):
            if question.mode is PauseMode.REDUCE_ONLY:
                self._gateway.tell(CancelEntriesRequest(question.strategy_id))
            self._publish(StrategyPausedEvent(strategy_id=question.strategy_id, mode=question.mode))

    def _on_resume(self, question: ResumeStrategy) -> None:
        if self._step_for(question, question.strategy_id, StrategyStep.RESUME, None):
            self._publish(StrategyResumedEvent(strategy_id=question.strategy_id))

    def _on_trading_state(self, question: SetTradingState) -> None:
        self._capital_manager.tell(TradingStateChanged(question.state))
        self._publish(TradingStateChangedEvent(state=question.state, reason=question.reason))
        self._context.emit(Answer(question_id=question.question_id, value=question.state))

    def _step_for(
        self, question: Question, strategy_id: str, step: StrategyStep, mode: PauseMode | None
    ) -> bool:
        """Takes a step for an operator and answers him; whether it was possible."""
        try:
            if strategy_id not in self._status:
                raise LifecycleError(f"there is no strategy {strategy_id!r}")
            self._take_step(strategy_id, step, mode)
        except LifecycleError as refusal:
            self._context.emit(Answer(question_id=question.question_id, error=str(refusal)))
            return False
        status = self._status[strategy_id][0]
        self._context.emit(Answer(question_id=question.question_id, value=status))
        return True
