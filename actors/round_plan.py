"""Who is told of a slice: subscriptions, indexed.

A slice of one instrument looks its stages up by that instrument, a larger one by the tuple of its
instruments; both answers are kept until somebody's state changes. So an event costs the strategies
that want it, however many others there are.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeAlias

import msgspec

from orchestrion.domain.models.market import MarketSlice
from orchestrion.runtime.mailbox import Mailbox

PLANS_KEPT_MAX = 4096
"""Different instrument combinations that are remembered before starting over. Arbitrary; a feed
has few."""


class Seat(msgspec.Struct, frozen=True):
    """A strategy's place in the order. ``subscriptions`` empty means every slice.

    Tracked by the garbage collector, as everything that leads to an actor has to be: a run that is
    over is a circle.
    """

    strategy_id: str
    mailbox: Mailbox
    subscriptions: tuple[str, ...]
    wants_fills: bool
    is_async: bool = False


Stages: TypeAlias = tuple[tuple[Seat, ...], ...]
Grouping: TypeAlias = Callable[[Iterable[Mailbox]], Mailbox]
"""Makes one mailbox of several, see ``Machine.group``."""


class Plan(msgspec.Struct, frozen=True):
    """Who is told, stage by stage.

    Attributes:
        mailboxes: one per stage, for all of its seats together; empty where there is no grouping.
    """

    stages: Stages
    mailboxes: tuple[Mailbox, ...] = ()


class RoundPlans:
    """Stages of active seats, for a slice, for one strategy, for everybody."""

    def __init__(self) -> None:
        self._group: Grouping | None = None
        self._seats: Stages = ()
        self._by_id: dict[str, Seat] = {}
        self._active: dict[str, bool] = {}
        self._plans: dict[str | tuple[str, ...], Plan] = {}
        self._everybody: Plan | None = None
        self._everything_only = False

    def group_by(self, group: Grouping | None) -> None:
        """How the mailboxes of a stage become one. Called before anybody is seated."""
        self._group = group

    def seat(self, seats: Stages) -> None:
        """Takes the seats, by stage and in rank order. Who was active stays so, all others are
        inactive."""
        self._seats = seats
        self._by_id = {seat.strategy_id: seat for stage in seats for seat in stage}
        self._active = {one: self._active.get(one, False) for one in self._by_id}
        self._everything_only = not any(seat.subscriptions for seat in self._by_id.values())
        self._forget_plans()

    def activate(self, strategy_id: str, *, is_active: bool) -> None:
        self._active[strategy_id] = is_active
        self._forget_plans()

    def _forget_plans(self) -> None:
        self._plans.clear()
        self._everybody = None

    def is_active(self, strategy_id: str) -> bool:
        """Whether it is told of anything."""
        return self._active.get(strategy_id, False)

    @property
    def ids(self) -> tuple[str, ...]:
        """Everybody who has a seat, active or not, in rank order."""
        return tuple(self._by_id)

    @property
    def all_seats(self) -> tuple[Seat, ...]:
        """Active or not, in rank order."""
        return tuple(self._by_id.values())

    def seat_of(self, strategy_id: str) -> Seat | None:
        return self._by_id.get(strategy_id)

    def active_seats(self, strategy_ids: Collection[str]) -> list[Seat]:
        """Those of these who are active, in rank order."""
        if len(strategy_ids) > 1:
            strategy_ids = [one for one in self._by_id if one in strategy_ids]
        return [self._by_id[one] for one in strategy_ids if self._active.get(one)]

    def for_everybody(self) -> Plan:
        """All active seats."""
        if self._everybody is None:
            self._everybody = self._select(lambda seat: self._active[seat.strategy_id])
        return self._everybody

    def for_these(self, strategy_ids: Collection[str]) -> Plan:
        """The seats of these, active or not, whatever they subscribed to."""
        return self._select(lambda seat: seat.strategy_id in strategy_ids)

    def for_slice(self, market_slice: MarketSlice) -> Plan:
        """Active seats that subscribed to something in the slice. Empty stages are left out."""
        if self._everything_only:
            return self.for_everybody()
        items = market_slice.items
        key: str | tuple[str, ...]
        if len(items) == 1:
            key = items[0].instrument_id
        else:
            key = tuple([item.instrument_id for item in items])
        plan = self._plans.get(key)
        if plan is None:
            if len(self._plans) >= PLANS_KEPT_MAX:
                self._plans.clear()
            plan = self._plans[key] = self._subscribed((key,) if isinstance(key, str) else key)
        return plan

    def _subscribed(self, instrument_ids: tuple[str, ...]) -> Plan:
        return self._select(
            lambda seat: (
                self._active[seat.strategy_id]
                and (
                    not seat.subscriptions
                    or any(one in seat.subscriptions for one in instrument_ids)
                )
            )
        )

    def _select(self, is_chosen: Callable[[Seat], bool]) -> Plan:
        chosen = (tuple(seat for seat in stage if is_chosen(seat)) for stage in self._seats)
        stages = tuple(stage for stage in chosen if stage)
        if self._group is None:
            return Plan(stages)
        return Plan(stages, tuple(self._group(seat.mailbox for seat in one) for one in stages))
