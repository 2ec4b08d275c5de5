"""``CoordinatorActor``: opens a round, collects the answers, resolves conflicts, hands over.

    slice / fill / start ──► stage 0 ──► stage 1 ──► … ──► conflict rules ──► capital manager
                              each stage waits for all its answers before the next one is told

It owns the strategies' standings and the round numbers. Strategies are told in rank order and their
commands are put in rank order, so neither mailboxes nor the moment at which an answer comes have
any influence. Every input opens at most one round; commands that had waited for an order to be
withdrawn get a round number of their own, but nobody is called for it.

Its collaborators: ``open_round``, ``round_plan`` (who is told), ``standings``, ``adjudication``
(conflicts), ``membership`` (who joins and leaves), ``custody`` (quarantine),
``departures`` (who is wound up), ``operator_desk``, ``stop_keeper``, ``restart_keeper``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from orchestrion.actors.adjudication import Adjudication
from orchestrion.actors.custody import Custody
from orchestrion.actors.departures import Departures
from orchestrion.actors.line_up import LineUp, Recruiter
from orchestrion.actors.membership import Membership
from orchestrion.actors.messages import (
    CancelsRefused,
    FillDelivered,
    NothingAnswered,
    OrdersEnded,
    OverfillFound,
    OwnersFilled,
    ReducingChanged,
    RunEnded,
    RunStarted,
    Screened,
    SessionClosed,
    SliceDelivered,
    StartDelivered,
    StopDelivered,
    StopReleased,
    StopTripped,
    StrategyAnswered,
    StrategyRaised,
    StrategyReplied,
)
from orchestrion.actors.open_round import FillRound, OpenRound
from orchestrion.actors.operator_desk import OperatorDesk
from orchestrion.actors.restart_keeper import RestartKeeper
from orchestrion.actors.round_plan import Grouping, RoundPlans
from orchestrion.actors.standings import Standings
from orchestrion.actors.stop_keeper import StopKeeper
from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.orchestration.events import (
    DomainEvent,
    StrategyRestartedEvent,
)
from orchestrion.domain.orchestration.lifecycle import (
    Custodian,
    StrategyStanding,
    StrategyStatus,
    StrategyStep,
)
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.runtime.actor import (
    ActorContext,
    ActorQuarantined,
    ActorRestarted,
    Silence,
)
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.mailbox import Mailbox

_DELIVERIES = (
    SliceDelivered,
    FillDelivered,
    StartDelivered,
    StopDelivered,
    StrategyRaised,
    StrategyReplied,
)


ONE_SILENT = Silence(1)


class CoordinatorActor:
    """See the module's text.

    Attributes:
        round_number: of the round that is, or was last, open; 0 before the first.
        standings: where every strategy stands.
        line_up: who has a seat.
        is_started, has_ended: whether the run has started, and ended.
        last_slice_ts, closed_ts: of the last market data, and of the last session's close; None
            before the first.
    """

    STATE: ClassVar[Mapping[str, Any]] = {
        "round_number": int,
        "is_started": bool,
        "has_ended": bool,
        "last_slice_ts": int | None,
        "closed_ts": int | None,
    }
    PARTS: ClassVar[tuple[str, ...]] = (
        "standings",
        "_stops",
        "_adjudication",
        "_departures",
        "_restarts",
    )

    def __init__(
        self,
        *,
        context: ActorContext,
        coordinator: StrategyCoordinator,
        working_orders: Mapping[str, Order],
        books: Callable[[], Mapping[str, Book]],
        publish: Callable[[DomainEvent], None],
        recruiter: Recruiter,
        drain_events: Callable[[], tuple[DomainEvent, ...]] = tuple,
        custodian: Custodian = Custodian.HOLD,
        custodian_heir: str = "",
    ) -> None:
        """
        Args:
            working_orders: the gateway's open orders by client_order_id, books: the capital
                manager's; both are read between their writes.
            publish: where domain events go.
            recruiter: who gives newcomers their seats.
            drain_events: what the domain has collected since the last call.
            custodian: what becomes of a quarantined strategy's positions.
            custodian_heir: who gets them with hand_over.
        """
        self.round_number = 0
        self._context = context
        self._publish = publish
        self._drain_events = drain_events
        self._plans = RoundPlans()
        self.standings = Standings(self._plans, publish)
        self._stops = StopKeeper(context, self.standings, publish)
        self._adjudication = Adjudication(
            context=context, rules=coordinator, working_orders=working_orders, publish=publish
        )
        self._departures = Departures(
            standings=self.standings, working_orders=working_orders, books=books, publish=publish
        )
        self._custody = Custody(
            rounds=self,
            standings=self.standings,
            departures=self._departures,
            adjudication=self._adjudication,
            custodian=custodian,
            heir_id=custodian_heir,
        )
        self._membership = Membership(
            rounds=self,
            context=context,
            standings=self.standings,
            departures=self._departures,
            adjudication=self._adjudication,
            recruiter=recruiter,
            publish=publish,
        )
        self._operator = OperatorDesk(
            rounds=self,
            context=context,
            standings=self.standings,
            stops=self._stops,
            departures=self._departures,
            publish=publish,
        )
        self._restarts = self._restart_keeper(recruiter)
        self._round: OpenRound | None = None
        self.is_started = self.has_ended = False
        self.last_slice_ts: int | None = None
        self.closed_ts: int | None = None
        self._handlers = self._own_handlers()

    def _restart_keeper(self, recruiter: Recruiter) -> RestartKeeper:
        return RestartKeeper(
            seats=lambda: self._plans.all_seats,
            unrestored=recruiter.unrestored,
            quarantine=self._custody.quarantine,
            resume=self._on_resumed,
            publish=self._publish,
        )

    def _own_handlers(self) -> dict[type, Callable[..., None]]:
        return {
            Silence: self._on_silence,
            NothingAnswered: self._on_nothing,
            StrategyAnswered: self._on_answered,
            MarketSlice: self._on_slice,
            OwnersFilled: self._on_owners_filled,
            Screened: self._adjudication.on_screened,
            OrdersEnded: self._on_orders_ended,
            CancelsRefused: self._on_cancels_refused,
            RunStarted: self._on_started,
            RunEnded: self._on_ended,
            SessionClosed: self._on_session_closed,
            StrategyReplied: self._on_reply,
            StrategyRaised: self._on_reply,
            ActorRestarted: self._on_restarted,
            ActorQuarantined: self._on_actor_quarantined,
            OverfillFound: self._on_overfill,
            ReducingChanged: self._custody.on_reducing,
            StopTripped: self._stops.on_tripped,
            StopReleased: self._stops.on_released,
            **self._operator.handlers,
            **self._membership.handlers,
            **self._restarts.handlers,
        }

    def connect(
        self,
        *,
        line_up: LineUp,
        standings: Mapping[str, StrategyStanding],
        capital_manager: Mailbox,
        gateway: Mailbox,
        group: Grouping | None = None,
    ) -> None:
        """Tells it whom it coordinates. Called once, by wiring.

        Args:
            standings: by strategy id; one may be paused before it starts.
            group: makes one mailbox of those of a stage; without it each is told by itself.
        """
        self._plans.group_by(group)
        self._capital_manager = capital_manager
        self._gateway = gateway
        self.take_line_up(line_up)
        self.standings.connect(capital_manager, {one: standings[one] for one in self._plans.ids})
        for part in (
            self._stops,
            self._adjudication,
            self._departures,
            self._custody,
            self._operator,
            self._restarts,
        ):
            part.connect(capital_manager=capital_manager, gateway=gateway)
        self._membership.connect(capital_manager)

    def take_line_up(self, line_up: LineUp) -> None:
        """Who has a seat from now on."""
        self.line_up = line_up
        self._plans.seat(line_up.seats)
        self._adjudication.take_line_up(line_up)

    def receive(self, message: object) -> None:
        handler = self._handlers.get(type(message))
        if handler is None:
            raise ActorError(f"the coordinator cannot be told a {type(message).__name__}")
        handler(message)

    # -- rounds ---------------------------------------------------------------------------------

    def _on_slice(self, market_slice: MarketSlice) -> None:
        self.last_slice_ts = market_slice.ts_event
        self._capital_manager.tell(market_slice)  # the marks come first, for everybody the same
        plan = self._plans.for_slice(market_slice)
        if plan.stages:
            self._open(OpenRound(self.round_number + 1, plan, market_slice))

    def require_quiet(self) -> None:
        """
        Raises:
            LifecycleError: strategies are at work; who joins or leaves would change their round.
        """
        if self._round is not None:
            raise LifecycleError(f"round {self._round.number} is still open: ask again")

    def publish_collected(self) -> None:
        """Tells what the domain has collected."""
        for event in self._drain_events():
            self._publish(event)

    def _on_owners_filled(self, message: OwnersFilled) -> None:
        if self._restarts.is_held:
            self._restarts.keep_fills(message)
            return
        fills: dict[str, list[OrderFilledReport]] = {}
        for strategy_id, fill in message.fills:
            fills.setdefault(strategy_id, []).append(fill)
        owners = tuple(
            (seat, tuple(fills[seat.strategy_id]))
            for seat in self._plans.active_seats(fills)
            if seat.wants_fills
        )
        if owners:
            self._open(FillRound(self.round_number + 1, owners, self._plans.is_active))

    def _on_started(self, message: RunStarted) -> None:
        """Everybody is told, also who was paused before: a start happens once."""
        self.is_started = True
        self.publish_collected()
        ids = self._plans.ids
        for strategy_id in ids:
            self.standings.take(strategy_id, StrategyStep.START)
        self.start(ids, message.ts_event)

    def start(self, strategy_ids: tuple[str, ...], ts: int) -> None:
        """Tells these, who are starting, of the start: a round of their own."""

        def then() -> None:
            for strategy_id in strategy_ids:
                if self.standings.is_in(strategy_id, StrategyStatus.STARTING):
                    self.standings.take(strategy_id, StrategyStep.RUN)

        number = self.round_number + 1
        plan = self._plans.for_these(strategy_ids)
        if plan.stages:
            self._open(OpenRound(number, plan, StartDelivered(number, ts), then))

    def _on_ended(self, message: RunEnded) -> None:
        """Who is in quarantine stays there: it was not stopped, it is out."""
        self.has_ended = True
        ids = tuple(
            one
            for one, standing in self.standings.by_id.items()
            if not standing.is_over and standing.status is not StrategyStatus.QUARANTINED
        )
        for strategy_id in ids:
            self.standings.take(strategy_id, StrategyStep.STOP, reason="the run ends")
        self.stop(ids, message.ts_event, self._end_everybody)

    def stop(self, strategy_ids: tuple[str, ...], ts: int, then: Callable[[], None]) -> None:
        """Tells these, who are stopping, of the end: a round of their own.

        Args:
            then: what follows; at once when there is nobody to be told.
        """
        number = self.round_number + 1
        plan = self._plans.for_these(strategy_ids)
        if plan.stages:
            self._open(OpenRound(number, plan, StopDelivered(number, ts), then))
        else:
            then()

    def _end_everybody(self) -> None:
        for strategy_id in tuple(self.standings.by_id):
            if self.standings.is_in(strategy_id, StrategyStatus.STOPPING):
                self.standings.take(strategy_id, StrategyStep.END)

    def _open(self, opened: OpenRound) -> None:
        if self._round is not None:
            raise ActorError(f"round {self._round.number} is still open")
        self.round_number = opened.number
        self._round = opened
        opened.tell_stage()

    def _on_nothing(self, _: NothingAnswered) -> None:
        self._on_silence(ONE_SILENT)

    def _on_silence(self, message: Silence) -> None:
        current = self._round
        if current is None:
            raise ActorError("an answer came while no round is open")
        current.outstanding -= message.count
        if not current.outstanding and not current.next_stage():
            self._close(current)

    def _on_answered(self, message: StrategyAnswered) -> None:
        current = self._round
        if current is None:
            raise ActorError("an answer came while no round is open")
        current.keep(message)
        current.outstanding -= 1
        if not current.outstanding and not current.next_stage():
            self._close(current)

    def _close(self, current: OpenRound) -> None:
        self._round = None
        if current.then is not None:
            current.then()
        if current.answers:
            checked = current.checked
            if checked:
                self._adjudication.decide(current.number, checked)

    def _on_reply(self, message: StrategyReplied | StrategyRaised) -> None:
        """An asynchronous strategy's answer goes through its own mailbox like everything else."""
        seat = self._plans.seat_of(message.strategy_id)
        if seat is not None:
            seat.mailbox.tell(message)

    def _on_session_closed(self, message: SessionClosed) -> None:
        self.closed_ts = message.ts_event
        self._adjudication.release(self.next_number, is_session_closed=True)
        self._custody.on_session_closed()
        self._departures.advance_all(self.round_number, is_retry=True)
        self._capital_manager.tell(message)

    def next_number(self) -> int:
        """For commands that had waited: a round of which nobody is told."""
        self.round_number += 1
        return self.round_number

    def _on_resumed(self, ended: tuple[str, ...], fills: OwnersFilled) -> None:
        """Trading goes on after a restart."""
        self._adjudication.release(self.next_number, ended=ended)
        self._departures.advance_all(self.round_number, is_retry=True)
        self._on_owners_filled(fills)

    def _on_orders_ended(self, message: OrdersEnded) -> None:
        if self._restarts.is_held:
            self._restarts.keep_ended(message.client_order_ids)
            return
        self._adjudication.release(self.next_number, ended=message.client_order_ids)
        self._departures.advance_all(self.round_number)

    def _on_cancels_refused(self, message: CancelsRefused) -> None:
        self._adjudication.release(self.next_number, not_withdrawn=message.client_order_ids)

    # -- failures ---------------------------------------------------------------------------------

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
        self._custody.quarantine(message.actor, message.failure)
        if self._round is not None:  # a restart found it without its state, before its stage came
            self._round.leave(message.actor)
        self._answer_for(message.actor, message.message)

    def _on_overfill(self, message: OverfillFound) -> None:
        self._custody.quarantine(message.strategy_id, message.detail)

    def _answer_for(self, strategy_id: str, message: object) -> None:
        """A strategy that failed at a delivery of the open round has answered nothing."""
        if isinstance(message, _DELIVERIES) and self._round is not None:
            self._on_nothing(NothingAnswered(strategy_id))
