"""Drawdown stops and kill switches during a run: what is watched, what is latched.

A scope (a strategy, or the account) has one kill switch and any number of stops. A stop that trips
pulls the switch; an operator can pull it too. Only ``reset`` lets go, and arms all stops of the
scope anew. What a pulled switch means for the states is carried out by whoever owns them; closing
positions is asked for here, at once and again at every session's close, because day orders end
unfilled and an entry may have filled while it was being cancelled.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from orchestrion.domain.capital.drawdown_stop import (
    ACCOUNT_SCOPE,
    DrawdownRule,
    StopState,
    arm,
    observe,
    reset,
)
from orchestrion.domain.capital.kill_switch import (
    KillSwitch,
    StopAction,
    pull,
    release,
)
from orchestrion.domain.capital.rounded_share import exact_sum
from orchestrion.domain.desk.desk_act import Act, Acts, FlattenBook, SwitchPulled, SwitchReleased
from orchestrion.domain.desk.desk_event import StopResetEvent, StopTrippedEvent
from orchestrion.domain.desk.standing_table import StandingTable
from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.models.money import ZERO
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager


class StopDesk:
    """Stops in the order of their rules, switches by scope."""

    STATE: ClassVar[Mapping[str, Any]] = {
        "_stops": dict[int, StopState],
        "_switches": dict[str, KillSwitch],
    }

    def __init__(
        self,
        capital: PortfolioCapitalManager,
        standings: StandingTable,
        rules: tuple[DrawdownRule, ...],
    ) -> None:
        self._capital = capital
        self._standings = standings
        self._rules = rules
        self._stops: dict[int, StopState] = {}
        self._switches: dict[str, KillSwitch] = {}

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to watch."""
        return not self._rules

    def switch(self, scope_id: str) -> KillSwitch:
        """The switch of a strategy or of ``ACCOUNT_SCOPE``."""
        return self._switches.get(scope_id, KillSwitch(scope_id=scope_id))

    def stops(self, scope_id: str) -> tuple[StopState, ...]:
        """The stops of a scope, in the order of their rules."""
        return tuple(one for one in self._stops.values() if one.rule.scope_id == scope_id)

    def arm(self, scope_id: str, ts: int) -> None:
        """Starts the stops of a scope that do not watch yet."""
        for place, rule in enumerate(self._rules):
            if rule.scope_id == scope_id and place not in self._stops:
                self._stops[place] = arm(rule, self._equity(scope_id), ts)
        self._stops = dict(sorted(self._stops.items()))

    def disarm(self, scope_id: str) -> None:
        """Forgets a strategy that has left: capital that went to RESERVE is no loss."""
        self._stops = {
            place: one for place, one in self._stops.items() if one.rule.scope_id != scope_id
        }
        self._switches.pop(scope_id, None)

    def observe(self, ts: int, capital_moved: Mapping[str, Decimal] | None = None) -> Acts:
        """Looks at every stop, or after capital has moved at those that it concerns.

        Args:
            capital_moved: book id -> what has come in just now (negative: gone out).
        """
        if capital_moved is None:
            chosen = list(self._stops)
            moved: dict[str, Decimal] = {}
        else:
            moved = {**capital_moved, ACCOUNT_SCOPE: exact_sum(capital_moved.values())}
            chosen = [place for place, one in self._stops.items() if one.rule.scope_id in moved]
        acts: list[Act] = []
        for place in chosen:
            rule = self._stops[place].rule
            equity, flow = self._equity(rule.scope_id), moved.get(rule.scope_id, ZERO)
            self._stops[place], breach = observe(self._stops[place], equity, ts, flow)
            if breach is not None:
                acts += self._pull(rule.scope_id, rule.action, str(breach), ts)
        return tuple(acts)

    def pull(self, scope_id: str, action: StopAction, *, reason: str, ts: int) -> Acts:
        """An operator's pull.

        Raises:
            LifecycleError: there is no such scope; nothing has changed.
        """
        self._require_scope(scope_id)
        return self._pull(scope_id, action, reason, ts)

    def reset(self, scope_id: str, ts: int) -> Acts:
        """Lets a scope go and arms its stops from the equity of this moment.

        Raises:
            LifecycleError: there is no such scope, or nothing of it has tripped; nothing has
                changed.
        """
        self._require_scope(scope_id)
        switch = self.switch(scope_id)
        if not switch.is_pulled:
            raise LifecycleError(f"nothing has stopped {scope_id!r}, there is nothing to reset")
        equity = self._equity(scope_id)
        for place, one in self._stops.items():
            if one.rule.scope_id == scope_id:
                self._stops[place] = reset(one, equity, ts)
        self._switches[scope_id] = release(switch)
        return SwitchReleased(scope_id), StopResetEvent(scope_id=scope_id, equity=equity)

    def keep_closing(self) -> Acts:
        """Asks again for what pulled switches want closed; at each session's close."""
        return tuple(
            act
            for scope_id, switch in self._switches.items()
            if switch.effect is not None and switch.effect.flattens
            for act in self._flatten(scope_id)
        )

    def _pull(self, scope_id: str, action: StopAction, reason: str, ts: int) -> Acts:
        switch = self.switch(scope_id)
        after = pull(switch, action, reason=reason, ts=ts)
        tripped = StopTrippedEvent(scope_id=scope_id, action=action, reason=reason)
        if after is switch:
            return (tripped,)
        self._switches[scope_id] = after
        closes = self._flatten(scope_id) if after.effect and after.effect.flattens else ()
        return (tripped, *closes, SwitchPulled(scope_id, action))

    def _flatten(self, scope_id: str) -> Acts:
        ids = self._standings.open_ids() if scope_id == ACCOUNT_SCOPE else (scope_id,)
        return tuple(FlattenBook(one) for one in ids if self._capital.books[one].positions)

    def _equity(self, scope_id: str) -> Decimal:
        if scope_id == ACCOUNT_SCOPE:
            return self._capital.account_equity()
        return self._capital.equity(scope_id)

    def _require_scope(self, scope_id: str) -> None:
        if scope_id != ACCOUNT_SCOPE and scope_id not in self._standings.open_ids():
            raise LifecycleError(
                f"there is no strategy {scope_id!r}; the account's scope is {ACCOUNT_SCOPE!r}"
            )
