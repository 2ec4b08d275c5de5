"""Orders that the simulated venue holds, and the index that finds them by market data."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator
from decimal import Decimal

import msgspec

from orchestrion.domain.models.instrument import OptionContract, Tradable
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import OrderSide, OrderType, TimeInForce

FOREVER = 2**63 - 1
"""Later than every time in nanoseconds that fits 64 bits."""


class WorkingLeg(msgspec.Struct, frozen=True, gc=False):
    """One leg. ``ratio``: its quantity per unit of the structure. ``latest``: no price later than
    this time may fill it, nanoseconds UTC."""

    instrument: Tradable
    side: OrderSide
    quantity: Decimal
    ratio: int
    latest: int


class WorkingOrder(msgspec.Struct, kw_only=True, eq=False):
    """An accepted order. All but the last three attributes stay as they were entered.

    Attributes:
        sequence: order of submission, from 1.
        data_ids: under which its legs' prices come, each once.
        earliest: no price earlier than this time (the decision) may fill it.
        is_triggered: a stop that was reached and waits for a counterparty.
        had_chance: a slice came that had a usable price for every leg.
        survived_close: it was open at a session's close.
    """

    client_order_id: str
    venue_order_id: str
    sequence: int
    legs: tuple[WorkingLeg, ...]
    data_ids: tuple[str, ...]
    order_type: OrderType
    time_in_force: TimeInForce
    limit_e9: int
    stop_e9: int
    earliest: int
    expire_ts: int
    is_triggered: bool = False
    had_chance: bool = False
    survived_close: bool = False

    @property
    def is_immediate(self) -> bool:
        """Fill at the first chance or not at all; without partial fills IOC and FOK are one."""
        return self.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)

    @property
    def ends_with_session(self) -> bool:
        """An immediate order does not outlive a DAY order."""
        return self.time_in_force is TimeInForce.DAY or self.is_immediate

    def needs(self, instrument_id: str) -> bool:
        """Whether one of its legs trades the instrument."""
        return any(leg.instrument.instrument_id == instrument_id for leg in self.legs)


class OpenOrders:
    """Working orders in order of submission, indexed by the ids under which their prices come.

    Add them in that order.
    """

    __slots__ = ("_by_data_id", "_by_id")

    def __init__(self) -> None:
        self._by_id: dict[str, WorkingOrder] = {}
        self._by_data_id: dict[str, dict[int, WorkingOrder]] = {}

    @property
    def count(self) -> int:
        return len(self._by_id)

    def __iter__(self) -> Iterator[WorkingOrder]:
        return iter(tuple(self._by_id.values()))

    def get(self, client_order_id: str) -> WorkingOrder | None:
        return self._by_id.get(client_order_id)

    def add(self, order: WorkingOrder) -> None:
        self._by_id[order.client_order_id] = order
        for data_id in order.data_ids:
            self._by_data_id.setdefault(data_id, {})[order.sequence] = order

    def remove(self, order: WorkingOrder) -> None:
        del self._by_id[order.client_order_id]
        for data_id in order.data_ids:
            orders = self._by_data_id[data_id]
            del orders[order.sequence]
            if not orders:
                del self._by_data_id[data_id]

    def touched_by(self, market_slice: MarketSlice) -> list[WorkingOrder]:
        """Orders that a slice may have a price for, in order of submission."""
        by_data_id, items = self._by_data_id, market_slice.items
        if len(items) == 1:
            orders = by_data_id.get(items[0].instrument_id)
            return [] if orders is None else list(orders.values())
        touched: dict[int, WorkingOrder] = {}
        for item in items:
            orders = by_data_id.get(item.instrument_id)
            if orders is not None:
                touched.update(orders)
        return [touched[sequence] for sequence in sorted(touched)]

    def on_instrument(self, instrument_id: str) -> list[WorkingOrder]:
        """Orders with a leg in the instrument, in order of submission."""
        orders = self._by_data_id.get(instrument_id, {})
        return [order for order in orders.values() if order.needs(instrument_id)]


def data_ids_of(legs: tuple[WorkingLeg, ...]) -> tuple[str, ...]:
    """The ids under which prices of the legs come, in order of the legs, each once.

    An option's price comes under its own id or, in a chain, under its underlying's.
    """
    ids: list[str] = []
    for leg in legs:
        instrument = leg.instrument
        if instrument.instrument_id not in ids:
            ids.append(instrument.instrument_id)
        if isinstance(instrument, OptionContract) and instrument.underlying_id not in ids:
            ids.append(instrument.underlying_id)
    return tuple(ids)


class Deadlines:
    """Times at which something named by a text ends, sorted; ``next_ts`` is the first of them."""

    __slots__ = ("_entries", "next_ts")

    def __init__(self) -> None:
        self._entries: list[tuple[int, str]] = []
        self.next_ts = FOREVER

    def add(self, ts: int, name: str) -> None:
        insort(self._entries, (ts, name))
        self.next_ts = self._entries[0][0]

    def due(self, ts: int) -> list[str]:
        """What ends at or before ``ts``, by name."""
        if ts < self.next_ts:
            return []
        return sorted(name for _, name in self._entries[: self._count_due(ts)])

    def drop_due(self, ts: int) -> None:
        """Forgets what ``due`` gave."""
        if ts < self.next_ts:
            return
        del self._entries[: self._count_due(ts)]
        self.next_ts = self._entries[0][0] if self._entries else FOREVER

    def _count_due(self, ts: int) -> int:
        return bisect_right(self._entries, ts, key=_time)


def _time(entry: tuple[int, str]) -> int:
    return entry[0]
