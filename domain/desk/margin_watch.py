"""Margin calls during a run: who has too little, and what is closed when the desk may.

Every strategy is held against the margin of its own book. The account as a whole is held against
the sum of them, without netting, or the venue's figure where that is larger: a venue states margin
for the account only. A call is told when it begins; with ``deleverages`` its plan is ordered, and
what is still missing is ordered again at the next look, beside the exits that work by then.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from orchestrion.domain.capital.drawdown_stop import ACCOUNT_SCOPE
from orchestrion.domain.desk.closable_structure import closable_structures, open_quantities
from orchestrion.domain.desk.desk_act import Act, Acts, CloseOut, EntriesBarred
from orchestrion.domain.desk.desk_event import MarginCallEvent, VenueMarginRefusedEvent
from orchestrion.domain.desk.standing_table import StandingTable
from orchestrion.domain.margin.deleverage import DeleveragePlan, deleverage_plan
from orchestrion.domain.margin.margin_call import larger_of, margin_call
from orchestrion.domain.margin.requirement import NO_MARGIN, Margin, UnpricedError, total_of
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.money import ZERO, add, is_amount, subtract
from orchestrion.domain.orchestration.events import BookReducingEvent
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager

DELEVERAGE_LABEL = "margin call: deleverage"
"""What orders of a margin call are called in the journal."""
_SEPARATOR = "\x1f"
"""Between strategy id and structure key in an account's plan; ids cannot hold it."""


class VenueMarginReport(msgspec.Struct, frozen=True, kw_only=True, tag="VenueMarginReport"):
    """An input: the venue's margin of the account's positions, account currency."""

    initial: Decimal
    maintenance: Decimal
    ts_event: int


class MarginWatch:
    """Remembers who is in a call, and the venue's last figure."""

    STATE: ClassVar[Mapping[str, Any]] = {"_in_call": dict[str, bool], "_venue": Margin | None}

    def __init__(
        self, capital: PortfolioCapitalManager, standings: StandingTable, *, deleverages: bool
    ) -> None:
        self._capital = capital
        self._standings = standings
        self._deleverages = deleverages
        self._in_call: dict[str, bool] = {}
        self._venue: Margin | None = None

    def take(self, report: VenueMarginReport, now: int) -> Acts:
        """Takes the venue's figure and holds the account against it at once; one that is no amount
        is refused, and the last one stays."""
        if not all(is_amount(one) and one >= 0 for one in (report.initial, report.maintenance)):
            detail = f"initial {report.initial}, maintenance {report.maintenance}"
            return (VenueMarginRefusedEvent(detail=f"{detail}: amounts of at least 0 are needed"),)
        self._venue = Margin(report.initial, report.maintenance)
        return self._look_at_account(now)

    def look(self, now: int) -> Acts:
        """Looks at every strategy, then at the account."""
        acts: list[Act] = []
        for strategy_id in self._standings.open_ids():
            acts += self._look_at_book(strategy_id, now)
        # What strategies close already changes the account's margin; it is looked at next time.
        if not any(isinstance(one, CloseOut) for one in acts):
            acts += self._look_at_account(now)
        return tuple(acts)

    def _look_at_book(self, strategy_id: str, now: int) -> Acts:
        equity = self._capital.equity(strategy_id)
        margin = self._capital.margin(strategy_id)
        was_in_call = self._in_call.get(strategy_id, False)
        if not self._notes(strategy_id, equity, margin):
            return (EntriesBarred(strategy_id, is_barred=False),) if was_in_call else ()
        acts: list[Act] = []
        if not was_in_call:
            acts.append(
                BookReducingEvent(strategy_id=strategy_id, equity=equity, margin=margin.maintenance)
            )
            acts.append(EntriesBarred(strategy_id, is_barred=True))
        self._in_call[strategy_id] = True
        if self._deleverages:
            structures = {
                f"{strategy_id}{_SEPARATOR}{key}": legs
                for key, legs in closable_structures(self._capital, strategy_id).items()
            }
            held = open_quantities(self._capital, strategy_id)
            plan = self._plan(held, structures, equity, now, None)
            acts += self._ordered(strategy_id, equity, margin.maintenance, plan)
        return tuple(acts)

    def _look_at_account(self, now: int) -> Acts:
        equity = self._capital.account_equity()
        ours = total_of(self._capital.margin(one) for one in self._capital.books)
        margin = larger_of(ours, self._venue)
        if not self._notes(ACCOUNT_SCOPE, equity, margin):
            return ()
        is_new, self._in_call[ACCOUNT_SCOPE] = not self._in_call[ACCOUNT_SCOPE], True
        if self._deleverages:
            held, structures = self._held_by_all()
            plan = self._plan(held, structures, equity, now, self._venue_after_exits(held, now))
            acts = self._ordered(ACCOUNT_SCOPE, equity, margin.maintenance, plan)
            if acts:
                return acts
        if not is_new:
            return ()
        return (_told(ACCOUNT_SCOPE, equity, margin.maintenance, None),)

    def _notes(self, scope_id: str, equity: Decimal, margin: Margin) -> bool:
        """Whether there is a call; one that is over is forgotten."""
        self._in_call.setdefault(scope_id, False)
        if margin_call(equity, margin) is None:
            self._in_call[scope_id] = False
            return False
        return True

    def _held_by_all(self) -> tuple[dict[str, Decimal], dict[str, dict[str, Decimal]]]:
        """Net quantities and structures of all strategies.

        A structure with an instrument that others hold on the other side is left out: the account
        holds less of it than the structure, so nobody can say what closing it relieves.
        """
        parts = {one: open_quantities(self._capital, one) for one in self._standings.open_ids()}
        sides: dict[str, list[bool]] = {}
        held: dict[str, Decimal] = {}
        for quantities in parts.values():
            for key, quantity in quantities.items():
                held[key] = add(held.get(key, ZERO), quantity)
                sides.setdefault(key, []).append(quantity > 0)
        structures = {
            f"{strategy_id}{_SEPARATOR}{key}": legs
            for strategy_id in parts
            for key, legs in closable_structures(self._capital, strategy_id).items()
            if all(all(sides[one]) or not any(sides[one]) for one in legs)
        }
        return {key: quantity for key, quantity in held.items() if quantity}, structures

    def _venue_after_exits(self, left: Mapping[str, Decimal], now: int) -> Margin | None:
        """The venue's figure less what working exits relieve by our model; it knows nothing of
        them yet, and what they close must not be closed twice."""
        venue = self._venue
        if venue is None:
            return None
        held: dict[str, Decimal] = {}
        for strategy_id in self._standings.open_ids():
            for key, position in self._capital.books[strategy_id].positions.items():
                held[key] = add(held.get(key, ZERO), position.quantity)
        try:
            before, after = self._modelled(held, now), self._modelled(left, now)
        except UnpricedError:
            return venue
        if not before.maintenance.is_finite() or not after.maintenance.is_finite():
            return venue
        return Margin(
            max(ZERO, subtract(add(venue.initial, after.initial), before.initial)),
            max(ZERO, subtract(add(venue.maintenance, after.maintenance), before.maintenance)),
        )

    def _modelled(self, quantities: Mapping[str, Decimal], now: int) -> Margin:
        if not any(quantities.values()):
            return NO_MARGIN
        capital = self._capital
        return capital.margin_model.margin_of(quantities, capital.catalog, capital.marks, now=now)

    def _plan(
        self,
        held: Mapping[str, Decimal],
        structures: Mapping[str, Mapping[str, Decimal]],
        equity: Decimal,
        now: int,
        venue: Margin | None,
    ) -> DeleveragePlan | None:
        """None while something has no price."""
        try:
            return deleverage_plan(
                held,
                structures,
                equity=equity,
                model=self._capital.margin_model,
                catalog=self._capital.catalog,
                marks=self._capital.marks,
                now=now,
                venue=venue,
            )
        except UnpricedError:
            return None

    def _ordered(
        self, scope_id: str, equity: Decimal, margin: Decimal, plan: DeleveragePlan | None
    ) -> Acts:
        if plan is None or not plan.steps:
            return ()
        commands = tuple(
            SubmitOrder(
                strategy_id=step.structure_id.partition(_SEPARATOR)[0],
                legs=step.legs,
                reduce_only=True,
                label=DELEVERAGE_LABEL,
            )
            for step in plan.steps
        )
        return _told(scope_id, equity, margin, plan), CloseOut(commands)


def _told(
    scope_id: str, equity: Decimal, margin: Decimal, plan: DeleveragePlan | None
) -> MarginCallEvent:
    steps = () if plan is None else plan.steps
    return MarginCallEvent(
        scope_id=scope_id,
        equity=equity,
        margin=margin,
        closes={one.structure_id.replace(_SEPARATOR, ":"): one.units for one in steps},
        deficit=None if plan is None else plan.deficit,
    )
