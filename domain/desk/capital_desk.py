"""``CapitalDesk``: capital that moves during a run, behind one face.

It holds what has to be remembered between inputs (the rebalance under way, triggers, stops, kill
switches, waiting corporate actions, the equity history) and works on the run's capital manager.
Every method is one turn: it changes books and state and returns the acts, in order. What comes from
outside and cannot be done is an event with its reason; what an operator asks for and cannot be done
raises, and nothing has changed.

Order of one session's close: history, margin, stops, closing that is still missing, the rebalance
under way, triggers. So a stop is judged before capital moves, and a rebalance starts from books
that are known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from orchestrion.domain.capital.allocation_method import CUSTOM, EQUAL_WEIGHT
from orchestrion.domain.capital.allocation_policy import AllocationMethods, AllocationPolicy
from orchestrion.domain.capital.cash_flow import CashFlowReport
from orchestrion.domain.capital.computed_weights import ComputedWeights
from orchestrion.domain.capital.corporate_action import CorporateActionReport
from orchestrion.domain.capital.drawdown_stop import ACCOUNT_SCOPE
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.capital.rounded_share import exact_sum
from orchestrion.domain.desk.action_desk import ActionDesk
from orchestrion.domain.desk.cash_desk import CashDesk
from orchestrion.domain.desk.desk_act import Act, Acts, CashMoved, ComputeWeights
from orchestrion.domain.desk.desk_event import RebalanceRefusedEvent
from orchestrion.domain.desk.desk_settings import NO_DESK_RULES, CapitalDeskSettings
from orchestrion.domain.desk.equity_history import EquityHistory
from orchestrion.domain.desk.margin_watch import MarginWatch, VenueMarginReport
from orchestrion.domain.desk.rebalance_desk import RebalanceDesk
from orchestrion.domain.desk.standing_table import StandingTable
from orchestrion.domain.desk.stop_desk import StopDesk
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import is_amount, subtract
from orchestrion.domain.models.order import Leg
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStatus
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager


class WeightsComputed(msgspec.Struct, frozen=True, kw_only=True, tag="WeightsComputed"):
    """An input: the answer to ``ComputeWeights``.

    Attributes:
        weights: None when they could not be computed; ``failure`` says why.
    """

    request_id: str
    weights: ComputedWeights | None = None
    failure: str = ""


class CapitalDesk:
    """See the module's text.

    Attributes:
        history: equity of every book at each session's close.
        stops, rebalancing: to look at.
    """

    STATE: ClassVar[Mapping[str, Any]] = {
        "_asked": tuple[str, str] | None,
        "_is_started": bool,
    }
    PARTS: ClassVar[tuple[str, ...]] = (
        "history",
        "_standings",
        "_cash",
        "_actions",
        "stops",
        "_margin",
        "rebalancing",
    )

    def __init__(
        self, capital: PortfolioCapitalManager, settings: CapitalDeskSettings = NO_DESK_RULES
    ) -> None:
        self.history = EquityHistory(day_offset_ns=settings.day_offset_ns)
        self._capital = capital
        self._settings = settings
        self._standings = StandingTable(capital)
        self._cash = CashDesk(capital, self._standings)
        self._actions = ActionDesk(capital)
        self.stops = StopDesk(capital, self._standings, settings.stops)
        self._margin = MarginWatch(capital, self._standings, deleverages=settings.deleverages)
        self.rebalancing = RebalanceDesk(
            capital, self._standings, rules=settings.triggers, policy=settings.rebalance
        )
        self._asked: tuple[str, str] | None = None
        self._is_started = False

    @property
    def watches_slices(self) -> bool:
        """Whether ``on_slice`` has to be called with every slice."""
        return self._settings.stops_at_every_slice and not self.stops.is_empty

    # -- who is there -----------------------------------------------------------------------------

    def on_standing(
        self, strategy_id: str, status: StrategyStatus, mode: PauseMode | None, *, now: int
    ) -> Acts:
        """Takes what a strategy may do from now on; one that is new gets its place."""
        self._standings.take(strategy_id, status, mode)
        self._ensure_started(now)
        if not self._standings.is_open(strategy_id):
            self.stops.disarm(strategy_id)
        else:
            self.rebalancing.join(strategy_id)
            self.stops.arm(strategy_id, now)
        if self._standings.takes_part(strategy_id) or status is StrategyStatus.STOPPING:
            return ()  # what is being wound up neither gives nor receives, and is not out yet
        return self.rebalancing.leave(strategy_id)

    def _ensure_started(self, now: int) -> None:
        if self._is_started:
            return
        self._is_started = True
        self.stops.arm(ACCOUNT_SCOPE, now)
        for strategy_id in self._standings.open_ids():
            self.stops.arm(strategy_id, now)
        self.rebalancing.start(now)

    # -- from outside -----------------------------------------------------------------------------

    def book_cash_flow(self, flow: CashFlowReport, *, now: int) -> Acts:
        """Books a flow once, or says why not."""
        self._ensure_started(now)
        acts, moved = self._cash.book(flow)
        self.rebalancing.note_flow(exact_sum(moved.values()))
        # Income and fees are gains and costs: the stops see them at their next look.
        return (*acts, *self._moved(moved, now)) if moved else acts

    def take_corporate_action(self, report: CorporateActionReport, *, now: int) -> Acts:
        """Applies an action, or makes it wait for its instrument's orders to end."""
        self._ensure_started(now)
        return self._actions.take(report, now)

    def suspends(self, legs: Iterable[Leg]) -> str:
        """Why an order of these legs cannot be approved at the moment; empty when it can."""
        return self._actions.suspends(legs)

    def take_venue_margin(self, report: VenueMarginReport, *, now: int) -> Acts:
        """Takes the venue's margin of the account and looks at once."""
        self._ensure_started(now)
        return self._margin.take(report, now)

    # -- what happens on the way ------------------------------------------------------------------

    def on_slice(self, *, now: int) -> Acts:
        """Looks at the stops; not while quantities and prices may not fit each other."""
        self._ensure_started(now)
        return () if self._actions.is_waiting else self.stops.observe(now)

    def on_change(self, *, now: int) -> Acts:
        """After orders changed, a settlement or an expiry: what waited for that goes on."""
        if not self._actions.is_waiting and not self.rebalancing.is_moving:
            return ()
        applied = self._actions.resume(now) if self._actions.is_waiting else ()
        return (*applied, *self._followed(self.rebalancing.on_change(), now))

    def on_session_closed(self, equities: Mapping[str, Decimal], *, now: int) -> Acts:
        """The order of a session's close; see the module's text."""
        self._ensure_started(now)
        self.history.close(equities, now)
        acts: list[Act] = [*self._margin.look(now)]
        if not self._actions.is_waiting:
            acts += self.stops.observe(now)
        acts += self.stops.keep_closing()
        was_moving = self.rebalancing.is_moving
        acts += self._followed(self.rebalancing.on_close(), now)
        reason = self.rebalancing.due(now)
        if reason and not was_moving and self._asked is None:
            acts += self._ask(self.rebalancing.next_id(), "", reason, now)
        return tuple(acts)

    # -- rebalancing ------------------------------------------------------------------------------

    def rebalance(
        self,
        *,
        weights: Mapping[str, Decimal],
        method: str = "",
        reason: str = "operator",
        now: int,
    ) -> tuple[str, Acts]:
        """Starts a rebalance for an operator.

        Args:
            weights: strategy id -> fraction of the whole; or
            method: name of an allocation method; or neither, for the weights that are set.

        Returns:
            The rebalance's id, and the acts.

        Raises:
            ConfigurationError: weights and a method, a weight that is none, or a method that nobody
                knows; nothing has changed.
        """
        self._ensure_started(now)
        for strategy_id, share in weights.items():
            if not is_amount(share) or share < 0:
                raise ConfigurationError(
                    f"the weight of {strategy_id!r} must be a fraction of at least 0, got {share}"
                )
        if weights and method:
            raise ConfigurationError("a rebalance has weights or a method, not both")
        if method and method not in self._capital.methods:
            raise ConfigurationError(
                f"no allocation method is called {method!r}, there are "
                f"{', '.join(self._capital.methods)}"
            )
        rebalance_id = self.rebalancing.next_id()
        self._asked = None  # whatever was to be computed is not wanted any more
        if not weights:
            return rebalance_id, self._ask(rebalance_id, method, reason, now)
        acts = self.rebalancing.rebalance(rebalance_id, weights, reason=reason, ts=now)
        return rebalance_id, self._followed(acts, now)

    def _ask(self, rebalance_id: str, method: str, reason: str, now: int) -> Acts:
        """Rebalances to the weights that are set, or by a method; an estimate has to be computed
        outside and comes back as an input."""
        policy = self._capital.allocation
        name = method or policy.method
        ids = self._standings.participants()
        targets = self.rebalancing.targets
        if not ids or name == CUSTOM or (name == EQUAL_WEIGHT and not method):
            acts = self.rebalancing.rebalance(rebalance_id, targets, reason=reason, ts=now)
            return self._followed(acts, now)
        wanted = ComputeWeights(
            request_id=rebalance_id,
            policy=_by_method(policy, name, ids),
            strategy_ids=ids,
            target_fractions={one: targets[one] for one in ids},
            equity_curves=self.history.curves(ids),
        )
        if name == EQUAL_WEIGHT:  # exact decimals: nothing to record
            return self._weigh(
                rebalance_id, computed_weights(wanted, AllocationMethods()), reason, now
            )
        self._asked = (rebalance_id, reason)
        return (wanted,)

    def take_weights(self, answer: WeightsComputed, *, now: int) -> Acts:
        """Goes on with a rebalance whose weights were computed; an answer that nobody waits for
        any more changes nothing and says so."""
        if self._asked is None or self._asked[0] != answer.request_id:
            return (_refused(answer.request_id, "late", "nobody waits for these weights any more"),)
        reason = self._asked[1]
        self._asked = None
        return self._weigh(answer.request_id, answer, reason, now)

    def _weigh(self, rebalance_id: str, answer: WeightsComputed, reason: str, now: int) -> Acts:
        if answer.weights is None:
            return (_refused(rebalance_id, reason, answer.failure),)
        ids = self._standings.participants()
        fractions = {one: share for one, share in answer.weights.as_dict.items() if one in ids}
        acts = self.rebalancing.rebalance(
            rebalance_id, fractions, reason=reason, ts=now, of_participants=True
        )
        return self._followed(acts, now)

    # -- stops ------------------------------------------------------------------------------------

    def pull(self, scope_id: str, action: StopAction, *, reason: str, now: int) -> Acts:
        """An operator's pull of a kill switch.

        Raises:
            LifecycleError: there is no such scope.
        """
        self._ensure_started(now)
        return self.stops.pull(scope_id, action, reason=reason, ts=now)

    def reset(self, scope_id: str, *, now: int) -> Acts:
        """An operator's reset of a scope's switch and stops.

        Raises:
            LifecycleError: there is no such scope, or nothing has stopped it.
        """
        self._ensure_started(now)
        return self.stops.reset(scope_id, now)

    # -- capital that moved -----------------------------------------------------------------------

    def _followed(self, acts: Acts, now: int) -> Acts:
        """The acts, and what their transfers mean for history and stops."""
        found: list[Act] = []
        for act in acts:
            found.append(act)
            if isinstance(act, CashMoved) and act.flow is None:
                moved = {
                    after.book_id: subtract(after.cash, before.cash)
                    for before, after in act.changes
                }
                found += self._moved(moved, now)
        return tuple(found)

    def _moved(self, moved: Mapping[str, Decimal], now: int) -> Acts:
        self.history.move(moved)
        return self.stops.observe(now, moved)


def computed_weights(wanted: ComputeWeights, methods: AllocationMethods) -> WeightsComputed:
    """What the shell answers to ``ComputeWeights``; also what a check computes again.

    What cannot be computed is an answer too.
    """
    try:
        weights = methods.compute(
            wanted.policy,
            wanted.strategy_ids,
            target_fractions=wanted.target_fractions,
            equity_curves=wanted.equity_curves,
        )
    except ConfigurationError as fault:
        return WeightsComputed(request_id=wanted.request_id, failure=str(fault))
    return WeightsComputed(request_id=wanted.request_id, weights=weights)


def _by_method(policy: AllocationPolicy, name: str, ids: tuple[str, ...]) -> AllocationPolicy:
    """The account's policy with another method, for those who take part."""
    return msgspec.structs.replace(
        policy,
        method=name,
        fallback=None if policy.fallback == name else policy.fallback,
        bounds={one: bound for one, bound in policy.bounds.items() if one in ids},
    )


def _refused(rebalance_id: str, reason: str, detail: str) -> RebalanceRefusedEvent:
    return RebalanceRefusedEvent(rebalance_id=rebalance_id, reason=reason, detail=detail)
