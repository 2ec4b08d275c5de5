"""Rebalancing during a run: who asked, what is planned, how far it has come.

    trigger or operator --> weights --> plan --> transfers at once, exits ordered
                              |                    fills set capital free --> more transfers
                              `- an estimate is asked for and comes back as an input

One rebalance at a time: a new one of the operator's replaces it, triggers wait for its end.
Weights are fractions of everything that strategies and RESERVE hold; EXTERNAL is never in it.
Strategies whose capital is frozen keep what they have, the others move among themselves. A weight
that was set stays the target that drift is measured from until another one is set.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import ROUND_DOWN, Decimal
from typing import Any, ClassVar

from orchestrion.domain.capital.book_capital import BookCapital, whole_cents
from orchestrion.domain.capital.capital_move import CapitalMove, apply_transfers, scaled
from orchestrion.domain.capital.rebalance_progress import (
    RebalanceProgress,
    RebalanceStatus,
    RebalanceStep,
    abandon,
    begin_rebalance,
    on_fill,
    on_session,
    without_book,
)
from orchestrion.domain.capital.rebalance_trigger import (
    TriggerObservation,
    TriggerRules,
    TriggerState,
    observe_triggers,
    rebalanced,
    start_triggers,
)
from orchestrion.domain.capital.rebalancing import (
    BookOutcome,
    RebalancePlan,
    RebalancePolicy,
    plan_rebalance,
    target_budgets,
)
from orchestrion.domain.capital.rounded_share import exact_sum
from orchestrion.domain.desk.closable_structure import reducible_structures
from orchestrion.domain.desk.desk_act import Act, Acts, CashMoved, CloseOut
from orchestrion.domain.desk.desk_event import (
    CapitalTransferredEvent,
    RebalanceEndedEvent,
    RebalanceNotNeededEvent,
    RebalanceRefusedEvent,
    RebalanceRepeatedEvent,
    RebalanceStartedEvent,
)
from orchestrion.domain.desk.standing_table import StandingTable
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import EXACT, ZERO, add, divide
from orchestrion.domain.models.portfolio import RESERVE
from orchestrion.domain.orchestration.events import CapitalRebalancedEvent
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager

_FRACTION_STEP = Decimal("1e-18")
_ENDED_EARLY = (RebalanceStatus.EXPIRED, RebalanceStatus.ABANDONED)


class RebalanceDesk:
    """Targets, triggers, and the rebalance that is under way."""

    STATE: ClassVar[Mapping[str, Any]] = {
        "_targets": dict[str, Decimal],
        "_triggers": TriggerState | None,
        "_progress": RebalanceProgress | None,
        "_came_in": Decimal,
        "_count": int,
    }

    def __init__(
        self,
        capital: PortfolioCapitalManager,
        standings: StandingTable,
        *,
        rules: TriggerRules,
        policy: RebalancePolicy,
    ) -> None:
        self._capital = capital
        self._standings = standings
        self._rules = rules
        self._policy = policy
        self._targets: dict[str, Decimal] = {}
        self._triggers: TriggerState | None = None
        self._progress: RebalanceProgress | None = None
        self._came_in = ZERO
        self._count = 0

    # -- what it knows ---------------------------------------------------------------------------

    @property
    def progress(self) -> RebalanceProgress | None:
        """The rebalance that is, or was last, under way."""
        return self._progress

    @property
    def is_moving(self) -> bool:
        return self._progress is not None and self._progress.status is RebalanceStatus.MOVING

    @property
    def targets(self) -> Mapping[str, Decimal]:
        """Strategy id -> fraction of the whole that it should have."""
        return self._targets

    def next_id(self) -> str:
        """An id for a rebalance, the same in every replay."""
        self._count += 1
        return f"rebalance-{self._count}"

    # -- starting --------------------------------------------------------------------------------

    def start(self, ts: int) -> None:
        """Takes the capital as it was given out for the targets, and starts the triggers."""
        for strategy_id in self._standings.open_ids():
            self.join(strategy_id)
        self._triggers = start_triggers(self._rules, self._total(), ts)

    def join(self, strategy_id: str) -> None:
        """A strategy that has no target yet: what it has is what it should have."""
        total = self._total()
        if strategy_id not in self._targets:
            equity = max(self._capital.equity(strategy_id), ZERO)
            self._targets[strategy_id] = _share(equity, total) if total > 0 else ZERO

    def leave(self, strategy_id: str) -> Acts:
        """A strategy whose capital may not be moved any more; the rebalance goes on without it."""
        if not self._standings.is_open(strategy_id):
            self._targets.pop(strategy_id, None)
        progress = self._progress
        if not self.is_moving or progress is None or strategy_id not in progress.targets:
            return ()
        if not self._standings.participants():
            return ()  # the run ends: what is pending stays pending
        self._progress = without_book(progress, strategy_id)
        return self._ending()

    def note_flow(self, amount: Decimal) -> None:
        """Capital that came into the account, or left it: no gain for the drawdown trigger."""
        self._came_in = add(self._came_in, amount)

    def due(self, ts: int) -> str:
        """Whether a trigger is up at a session's close: why, in words; empty when none is, or
        while a rebalance is under way."""
        if self._triggers is None:
            return ""
        ids = [one for one in self._standings.participants() if one in self._targets]
        seen = TriggerObservation(
            ts=ts,
            target_fractions={one: self._targets[one] for one in ids},
            equities={one: self._capital.equity(one) for one in ids},
            total=self._total(),
            capital_moved=self._came_in,
        )
        self._triggers, found = observe_triggers(self._triggers, seen)
        self._came_in = ZERO
        if self.is_moving:
            return ""
        return "; ".join(f"{one.kind}: {one.detail}" for one in found)

    # -- moving ----------------------------------------------------------------------------------

    def rebalance(
        self,
        rebalance_id: str,
        fractions: Mapping[str, Decimal],
        *,
        reason: str,
        ts: int,
        of_participants: bool = False,
    ) -> Acts:
        """Plans a rebalance and takes its first step; what cannot be planned is refused.

        Args:
            fractions: strategy id -> weight; strategies whose capital is frozen are left out.
            of_participants: of what those who take part hold together with RESERVE, not of the
                whole.
        """
        ids = self._standings.participants()
        figures = [self._capital.book_capital(one) for one in (*ids, RESERVE)]
        try:
            targets = self._budgets(fractions, ids, figures, of_participants=of_participants)
            structures = {one: reducible_structures(self._capital, one) for one in ids}
            plan = plan_rebalance(targets, figures, self._policy, structures)
        except ConfigurationError as fault:
            refused = RebalanceRefusedEvent(
                rebalance_id=rebalance_id, reason=reason, detail=str(fault)
            )
            return (refused,)
        replaced = self._replaced_by(rebalance_id)
        self._set_targets(fractions, targets, of_participants=of_participants)
        if self._triggers is not None:
            self._triggers = rebalanced(self._triggers, self._total(), ts)
        if not plan.moves:
            idle = RebalanceNotNeededEvent(
                rebalance_id=rebalance_id, reason=reason, outcomes=_words(plan.outcomes)
            )
            return (*replaced, idle)
        return (*replaced, *self._begin(rebalance_id, plan, reason))

    def on_change(self) -> Acts:
        """After fills, ended orders, settlements: moves what has come free."""
        if not self.is_moving or self._progress is None:
            return ()
        return self._take(on_fill(self._progress, self._figures(self._progress)))

    def on_close(self) -> Acts:
        """At a session's close: also orders what is still missing, or gives up in time."""
        progress = self._progress
        if not self.is_moving or progress is None:
            return ()
        figures = self._figures(progress)
        structures = {
            one.book_id: reducible_structures(self._capital, one.book_id)
            for one in figures
            if one.book_id != RESERVE
        }
        step = on_session(progress, figures, structures)
        acts = self._take(step)
        if not step.outcomes:
            return acts
        repeated = RebalanceRepeatedEvent(
            rebalance_id=progress.rebalance_id,
            pending=_amounts(step.progress.pending),
            outcomes=_words(step.outcomes),
        )
        return (repeated, *acts)

    def _begin(self, rebalance_id: str, plan: RebalancePlan, reason: str) -> Acts:
        started = RebalanceStartedEvent(
            rebalance_id=rebalance_id,
            reason=reason,
            targets=plan.targets,
            outcomes=_words(plan.outcomes),
        )
        step = begin_rebalance(plan, self._policy, rebalance_id=rebalance_id)
        return (started, *self._take(step))

    def _take(self, step: RebalanceStep) -> Acts:
        """Carries out a step: transfers first, then exits; and says when it is over."""
        self._progress = step.progress
        acts: list[Act] = []
        if step.transfers:
            before = dict(self._capital.books)
            changed = self._capital.replace_books(apply_transfers(before, step.transfers))
            acts.append(CashMoved(tuple((before[one.book_id], one) for one in changed)))
            acts.append(
                CapitalTransferredEvent(
                    rebalance_id=step.progress.rebalance_id, transfers=_amounts(step.transfers)
                )
            )
        if step.commands:
            acts.append(CloseOut(step.commands))
        return (*acts, *self._ending())

    def _ending(self) -> Acts:
        """The event of a rebalance that has just ended."""
        progress = self._progress
        if progress is None:
            return ()
        if progress.is_complete:
            allocations = {one: self._capital.equity(one) for one in self._standings.open_ids()}
            return (CapitalRebalancedEvent(allocations=allocations),)
        if progress.status in _ENDED_EARLY:
            return (
                RebalanceEndedEvent(
                    rebalance_id=progress.rebalance_id,
                    status=progress.status,
                    detail=progress.reason,
                ),
            )
        return ()

    def _replaced_by(self, rebalance_id: str) -> Acts:
        if not self.is_moving or self._progress is None:
            return ()
        self._progress = abandon(self._progress, f"replaced by {rebalance_id}")
        return self._ending()

    # -- figures ---------------------------------------------------------------------------------

    def _figures(self, progress: RebalanceProgress) -> list[BookCapital]:
        """Who still takes part, as they are now; RESERVE last."""
        ids = [one for one in self._standings.participants() if one in progress.targets]
        return [self._capital.book_capital(one) for one in (*ids, RESERVE)]

    def _total(self) -> Decimal:
        """What strategies and RESERVE hold together."""
        ids = (*self._standings.open_ids(), RESERVE)
        return exact_sum(self._capital.equity(one) for one in ids)

    def _budgets(
        self,
        fractions: Mapping[str, Decimal],
        ids: Sequence[str],
        figures: Sequence[BookCapital],
        *,
        of_participants: bool,
    ) -> dict[str, Decimal]:
        """Targets of those who take part, never more than they hold together.

        A strategy whose capital is frozen may have grown past its share; then the others get the
        same part less each.
        """
        open_ids = self._standings.open_ids()
        unknown = [one for one in fractions if one not in open_ids]
        missing = [one for one in ids if one not in fractions]
        if unknown or missing:
            raise ConfigurationError(
                "weights must name every strategy that takes part and no other: "
                f"unknown {unknown}, missing {missing}"
            )
        in_order = {one: fractions[one] for one in open_ids if one in fractions}
        if of_participants:
            budgets = target_budgets(in_order, figures)
        else:
            # Only equity counts here; a book whose capital is frozen has nothing free.
            every = [
                BookCapital(one, self._capital.equity(one), ZERO) for one in (*open_ids, RESERVE)
            ]
            budgets = target_budgets(in_order, every)
        targets = {one: budgets[one] for one in ids}
        held = whole_cents(exact_sum(one.equity for one in figures))
        return scaled(targets, held) if exact_sum(targets.values()) > held else targets

    def _set_targets(
        self,
        fractions: Mapping[str, Decimal],
        budgets: Mapping[str, Decimal],
        *,
        of_participants: bool,
    ) -> None:
        total = self._total()
        if not of_participants:
            self._targets |= fractions
        elif total > 0:
            self._targets |= {one: _share(amount, total) for one, amount in budgets.items()}


def _share(part: Decimal, whole: Decimal) -> Decimal:
    """Rounded down, so that shares never sum to more than the whole."""
    fraction = divide(part, whole, step=_FRACTION_STEP, rounding=ROUND_DOWN)
    return fraction.normalize(EXACT)


def _words(outcomes: Iterable[BookOutcome]) -> dict[str, str]:
    return {
        one.book_id: f"{one.code}: {one.detail}" if one.detail else str(one.code)
        for one in outcomes
    }


def _amounts(moves: Iterable[CapitalMove]) -> dict[str, Decimal]:
    return {one.book_id: one.amount for one in moves}
