"""``SynchronousRun``: strategies played without actors, one call after the other.

It calls strategies directly, which is what an embedding that wants no runtime asks for; the runtime
itself never does. What they answer goes through the same pure functions in the same order as with
actors (``round_desk``), so it gives the same commands.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine

from orchestrion.domain.errors import ConfigurationError, LifecycleError
from orchestrion.domain.margin.leverage_claim import LeverageClaim
from orchestrion.domain.models.command import StrategyCommand
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.strategy import (
    HandlerAnswer,
    Signal,
    StrategyOutputs,
    StrategyView,
)
from orchestrion.domain.orchestration.events import (
    DomainEvent,
    RemovalDelayedEvent,
    StrategyRemovedEvent,
)
from orchestrion.domain.orchestration.hand_over import HandOver, hand_over_within
from orchestrion.domain.orchestration.lifecycle import StrategyStatus, StrategyStep
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.proposal import Checked, CheckedAnswer, check_answer
from orchestrion.domain.orchestration.ranking import group_by_stage
from orchestrion.domain.orchestration.removal import (
    WindingStep,
    WindingUp,
    closing_proposals,
    next_winding_step,
    orders_to_withdraw,
    require_heir,
)
from orchestrion.domain.orchestration.round_desk import RoundDesk
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.strategy_entry import StrategyEntry


class SynchronousRun:
    """A run of the orchestrator's strategies; it takes their steps by the orchestrator's table.

    Attributes:
        now: time of the last thing that happened, nanoseconds UTC.
    """

    def __init__(
        self,
        strategies: dict[str, StrategyEntry],
        capital_manager: PortfolioCapitalManager,
        coordinator: StrategyCoordinator,
        *,
        step: Callable[[str, StrategyStep, str], None],
        tell: Callable[[DomainEvent], None],
        leverage_claims: tuple[LeverageClaim, ...] = (),
    ) -> None:
        """
        Args:
            strategies: the orchestrator's own table; who is gone is taken out of it.
            step: takes a step in a strategy's life, with the reason for it.
        """
        self.now = 0
        self._strategies = strategies
        self._capital = capital_manager
        self._coordinator = coordinator
        self._step = step
        self._tell = tell
        self._leverage_claims = leverage_claims
        self._desk = RoundDesk(capital_manager, coordinator, tell)
        self._views: dict[str, StrategyView] = {}
        self._windings: dict[str, WindingUp] = {}
        self._to_withdraw: list[str] = []
        self._newcomers: list[str] = []
        self._stages: tuple[tuple[str, ...], ...] = ()

    # -- start and end ----------------------------------------------------------------------------

    def start(self, ts_event: int) -> list[StrategyCommand]:
        """Starts everybody, books open."""
        self.now = ts_event
        for strategy_id in self._strategies:
            self._give_view(strategy_id)
        self._rank()
        return self._start_these([one for stage in self._stages for one in stage])

    def _give_view(self, strategy_id: str) -> None:
        capital = self._capital
        self._views[strategy_id] = StrategyView(
            strategy_id, capital.catalog, capital.marks, capital.books[strategy_id]
        )

    def _rank(self) -> None:
        ranks = self._coordinator.rank(one.metadata for one in self._strategies.values())
        self._stages = group_by_stage(ranks)
        ranked = [self._strategies[one.strategy_id].metadata for one in ranks]
        self._desk.take_line_up(ranked, self._leverage_claims)

    def _start_these(self, strategy_ids: list[str]) -> list[StrategyCommand]:
        for strategy_id in strategy_ids:
            self._step(strategy_id, StrategyStep.START, "")
        checked: list[Checked] = []
        for strategy_id in strategy_ids:
            view = self._moved_view(strategy_id, ())
            answer = self._strategies[strategy_id].strategy.on_start(view)
            checked.extend(_check(view, answer).checked)
        for strategy_id in strategy_ids:
            if self._strategies[strategy_id].status is StrategyStatus.STARTING:
                self._step(strategy_id, StrategyStep.RUN, "")
        return self._desk.decide(tuple(checked), self.now)

    def stop(self, ts_event: int | None) -> None:
        """Tells everybody of the end who was not told yet."""
        if ts_event is not None:
            self.now = ts_event
        ranked = [one for stage in self._stages for one in stage]
        ids = [one for one in ranked if one not in self._windings]
        for strategy_id in ids:
            self._step(strategy_id, StrategyStep.STOP, "the run ends")
        for strategy_id in ids:
            self._call_stop(strategy_id)
        for strategy_id in ranked:
            self._step(strategy_id, StrategyStep.END, "")

    def _call_stop(self, strategy_id: str) -> None:
        """What it answers is thrown away: it is too late to send anything."""
        view = self._moved_view(strategy_id, ())
        answer = self._strategies[strategy_id].strategy.on_stop(view)
        _answered_now(strategy_id, answer)

    # -- rounds ----------------------------------------------------------------------------------

    def play(self, market_slice: MarketSlice) -> list[StrategyCommand]:
        """One round."""
        before = self.proceed()
        self._capital.mark(market_slice)
        self.now = market_slice.ts_event
        self._desk.next_round()
        checked = self._ask_strategies(market_slice)
        return [*before, *self._desk.decide(tuple(checked), self.now)]

    def _ask_strategies(self, market_slice: MarketSlice) -> list[Checked]:
        checked: list[Checked] = []
        signals: tuple[Signal, ...] = ()
        for stage in self._stages:
            stage_signals: list[Signal] = []
            for strategy_id in stage:
                entry = self._strategies[strategy_id]
                if not entry.standing.is_called or not is_subscribed(
                    entry.strategy.subscriptions(), market_slice
                ):
                    continue
                view = self._moved_view(strategy_id, signals)
                answer = _check(view, entry.strategy.on_event(market_slice, view))
                checked.extend(answer.checked)
                stage_signals.extend(answer.signals)
            signals = (*signals, *stage_signals)
        return checked

    def _moved_view(self, strategy_id: str, signals: tuple[Signal, ...]) -> StrategyView:
        view = self._views[strategy_id]
        view.move(
            now=self.now,
            signals=signals,
            book=self._capital.books[strategy_id],
            orders=self._capital.working_orders(strategy_id),
        )
        return view

    # -- what waits for the next call -------------------------------------------------------------

    def withdraw_entries(self, strategy_id: str) -> None:
        """At the next ``proceed``."""
        self._to_withdraw.append(strategy_id)

    def not_withdrawn(self, client_order_id: str) -> None:
        """The venue refused to withdraw an order."""
        self._desk.not_withdrawn(client_order_id)

    def held_of(self, strategy_id: str) -> int:
        """How many commands of a strategy wait for others' orders to be withdrawn."""
        return self._desk.held_of(strategy_id)

    def join(self, strategy_id: str) -> None:
        """A strategy whose book is open; it starts at the next ``proceed``."""
        self._give_view(strategy_id)
        self._rank()
        self._newcomers.append(strategy_id)

    def remove(self, winding: WindingUp) -> None:
        """Winds a strategy up from now on; asked again, in another way."""
        strategy_id = winding.strategy_id
        is_asked_again = strategy_id in self._windings
        is_told = self._strategies[strategy_id].standing.has_started
        if not is_asked_again:
            self._step(strategy_id, StrategyStep.STOP, f"removed: {winding.policy}")
        self._windings[strategy_id] = winding
        if is_told and not is_asked_again:
            self._call_stop(strategy_id)

    def proceed(self) -> list[StrategyCommand]:
        """Takes up what waited."""
        commands: list[StrategyCommand] = []
        waiting, self._to_withdraw = self._to_withdraw, []
        for strategy_id in waiting:
            commands += self._desk.withdraw_entries(strategy_id, self.now)
        commands += self._desk.release(self.now, gone=tuple(self._windings))
        newcomers = [one for one in self._newcomers if one not in self._windings]
        self._newcomers = []
        if newcomers:
            self._desk.next_round()
            commands += self._start_these(newcomers)
        for winding in tuple(self._windings.values()):
            commands += self._wind_up(winding)
        return commands

    def _wind_up(self, winding: WindingUp) -> list[StrategyCommand]:
        """The next step that is possible now. Each call is a new chance."""
        strategy_id, capital = winding.strategy_id, self._capital
        working, book = capital.working_orders(strategy_id), capital.books[strategy_id]
        step = next_winding_step(winding, book, working, is_retry=True)
        if step is WindingStep.WITHDRAW:
            ids = orders_to_withdraw(winding, working)
            return self._desk.withdraw(ids, self.now, winding.label)
        if step is WindingStep.FLATTEN:
            exits = closing_proposals(strategy_id, book, working, winding.label)
            self._desk.next_round()
            return self._desk.approve_for(strategy_id, exits, self.now)
        if step is WindingStep.HAND_OVER:
            self._hand_over(winding)
        elif step is WindingStep.CLOSE:
            self._close(winding)
        return []

    def _hand_over(self, winding: WindingUp) -> None:
        handed = self._handed(winding)
        if isinstance(handed, str):
            self._tell(
                RemovalDelayedEvent(
                    strategy_id=winding.strategy_id, policy=winding.policy, detail=handed
                )
            )
            return
        self._capital.replace_books((handed.giver, handed.heir))
        self._tell(handed.event)
        self._close(winding)

    def _handed(self, winding: WindingUp) -> HandOver | str:
        standings = {one: entry.standing for one, entry in self._strategies.items()}
        try:
            require_heir(winding, standings)
        except LifecycleError as fault:
            return str(fault)
        return hand_over_within(self._capital, winding.strategy_id, winding.heir_id)

    def _close(self, winding: WindingUp) -> None:
        strategy_id = winding.strategy_id
        self._step(strategy_id, StrategyStep.END, "")
        self._capital.close_book(strategy_id)
        del self._strategies[strategy_id], self._views[strategy_id], self._windings[strategy_id]
        self._rank()
        self._tell(StrategyRemovedEvent(strategy_id=strategy_id, policy=winding.policy))


def _check(view: StrategyView, answer: HandlerAnswer) -> CheckedAnswer:
    return check_answer(
        view.strategy_id, _answered_now(view.strategy_id, answer), view.book, view.working_orders
    )


def _answered_now(
    strategy_id: str, answer: HandlerAnswer | Awaitable[None] | None
) -> StrategyOutputs:
    """
    Raises:
        ConfigurationError: the strategy is asynchronous; only the runtime can await it.
    """
    if isinstance(answer, Awaitable):
        if isinstance(answer, Coroutine):
            answer.close()
        raise ConfigurationError(
            f"{strategy_id} is asynchronous: run it with Orchestrion or run_backtest"
        )
    return answer


def is_subscribed(subscriptions: tuple[str, ...], market_slice: MarketSlice) -> bool:
    """Whether a slice holds anything that was subscribed to; no subscriptions mean everything."""
    return not subscriptions or any(
        item.instrument_id in subscriptions for item in market_slice.items
    )
