"""Who is told of a slice: subscriptions, indexed.

A slice of one instrument looks its stages up by that instrument, a larger one by the tuple of its
instruments; both answers are kept until somebody's state changes. So an event costs the strategies
that want it, however many others there are.
"""

from __future__ import annotations

from typing import TypeAlias

import msgspec

from orchestrion.domain.models.market import MarketSlice
from orchestrion.runtime.mailbox import Mailbox

PLANS_KEPT_MAX = 4096
"""Different instrument combinations that are remembered before starting over. Arbitrary; a feed
has few."""


class Seat(msgspec.Struct, frozen=True, gc=False):
    """A strategy's place in the order. ``subscriptions`` empty means every slice."""

    strategy_id: str
    mailbox: Mailbox
    subscriptions: tuple[str, ...]
    wants_fills: bool


Stages: TypeAlias = tuple[tuple[Seat, ...], ...]


class RoundPlans:
    """Stages of active seats, for a slice, for one strategy, for everybody."""

    def __init__(self) -> None:
        self._seats: Stages = ()
        self._by_id: dict[str, Seat] = {}
        self._active: dict[str, bool] = {}
        self._plans: dict[str | tuple[str, ...], Stages] = {}
        self._everybody: Stages | None = None
        self._everything_only = False

    def seat(self, seats: Stages) -> None:
        """Takes the seats, by stage and in rank order. All start inactive."""
        self._seats = seats
        self._by_id = {seat.strategy_id: seat for stage in seats for seat in stage}
        self._active = dict.fromkeys(self._by_id, False)
        self._everything_only = not any(seat.subscriptions for seat in self._by_id.values())

    def activate(self, strategy_id: str, *, is_active: bool) -> None:
        self._active[strategy_id] = is_active
        self._plans.clear()
        self._everybody = None

    def seat_of(self, strategy_id: str) -> Seat | None:
        return self._by_id.get(strategy_id)

    def active_seat(self, strategy_id: str) -> Seat | None:
        return self._by_id.get(strategy_id) if self._active.get(strategy_id) else None

    def for_everybody(self) -> Stages:
        """All active seats."""
        if self._everybody is None:
            self._everybody = self._select(None)
        return self._everybody

    def for_slice(self, market_slice: MarketSlice) -> Stages:
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
            plan = self._plans[key] = self._select((key,) if isinstance(key, str) else key)
        return plan

    def _select(self, instrument_ids: tuple[str, ...] | None) -> Stages:
        stages = tuple(
            tuple(
                seat
                for seat in stage
                if self._active[seat.strategy_id]
                and (
                    instrument_ids is None
                    or not seat.subscriptions
                    or any(one in seat.subscriptions for one in instrument_ids)
                )
            )
            for stage in self._seats
        )
        return tuple(stage for stage in stages if stage)
