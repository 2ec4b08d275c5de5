"""Feeds: market data that comes by itself, slice by slice, for paper and live runs.

``RecordedFeed`` plays a data source in real time, faster, or as fast as it goes; what it gives are
the source's own slices, so the pace changes no decision. ``ItemFeed`` makes slices of single items
that arrive one by one: a slice holds what one ``ts_event`` brought, and closes when a later item
comes or when nothing more came for a while. When that was is part of what the run saw, which is why
a live journal holds its slices.

Clocks say how long to wait. ``PacedClock`` runs on the event loop's time, ``UnpacedClock`` never
waits, and a test drives a ``DrivenClock`` by hand.
"""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from typing import Protocol

import anyio
import anyio.lowlevel

from orchestrion.adapters.data.source import DataSource
from orchestrion.domain.errors import ConfigurationError, MarketDataError
from orchestrion.domain.models.market import MarketData, MarketSlice
from orchestrion.domain.models.money import BILLION

UNPACED_SLICES = 64
"""Without a pace, other tasks get their turn every so many slices; arbitrary, cheap enough."""
SLICE_ITEMS_MAX = 100_000
"""More items of one moment are a fault of the feed; ten times the options of an index."""


class FeedClock(Protocol):
    """The time of the market, as far as a feed has got."""

    @property
    def now_ns(self) -> int:
        """Nanoseconds UTC of market time; 0 before the first slice."""
        ...

    async def wait_until(self, ts: int) -> None:
        """Returns when market time has come to ``ts``; the first call starts the clock there."""
        ...


class PacedClock:
    """Market time runs at ``speed`` times the event loop's time."""

    def __init__(self, *, speed: float = 1.0, gap_max_s: float = math.inf) -> None:
        """
        Args:
            speed: 1 is real time, 60 plays an hour in a minute.
            gap_max_s: no wait is longer, in real seconds: nights and holidays are cut short.

        Raises:
            ConfigurationError: a speed or gap that is not above 0.
        """
        if not (math.isfinite(speed) and speed > 0):
            raise ConfigurationError(f"feed: speed must be above 0 and finite, got {speed}")
        if not gap_max_s > 0:
            raise ConfigurationError(f"feed: gap_max_s must be above 0, got {gap_max_s}")
        self._speed = speed
        self._gap_max_s = gap_max_s
        self._start_ts = 0
        self._start_s: float | None = None

    @property
    def now_ns(self) -> int:
        if self._start_s is None:
            return 0
        elapsed_s = anyio.current_time() - self._start_s
        return self._start_ts + int(elapsed_s * self._speed * BILLION)

    async def wait_until(self, ts: int) -> None:
        now_s = anyio.current_time()
        if self._start_s is None:
            self._start_s, self._start_ts = now_s, ts
        due_s = self._start_s + (ts - self._start_ts) / BILLION / self._speed
        too_long_s = due_s - now_s - self._gap_max_s
        if too_long_s > 0:
            self._start_s -= too_long_s
            due_s -= too_long_s
        # Late already: the next ones are not put off, the feed catches up.
        await anyio.sleep(max(0.0, due_s - now_s))


class UnpacedClock:
    """As fast as it goes: market time is wherever the feed is."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._count = 0

    async def wait_until(self, ts: int) -> None:
        self.now_ns = ts
        self._count += 1
        if not self._count % UNPACED_SLICES:
            await anyio.lowlevel.checkpoint()


class DrivenClock:
    """Market time that somebody moves: a simulator, a test, a person who steps through a day."""

    def __init__(self) -> None:
        self.now_ns = 0
        self._moved: anyio.Event | None = None

    def advance_to(self, ts: int) -> None:
        """Lets pass whatever waits for a time up to ``ts``.

        Raises:
            ValueError: before the present; nothing has changed.
        """
        if ts < self.now_ns:
            raise ValueError(f"time does not go back: it is {self.now_ns}, asked for {ts}")
        self.now_ns = ts
        moved, self._moved = self._moved, None
        if moved is not None:
            moved.set()

    async def wait_until(self, ts: int) -> None:
        while self.now_ns < ts:
            if self._moved is None:
                self._moved = anyio.Event()
            await self._moved.wait()


class RecordedFeed:
    """A data source that comes by itself; an async iterator over its slices, once."""

    def __init__(
        self, source: DataSource, clock: FeedClock, *, after_ts: int | None = None
    ) -> None:
        """
        Args:
            after_ts: slices up to and including this time are left out: a run that goes on.
        """
        self.clock = clock
        self._slices = source.slices()
        self._after_ts = after_ts

    def __aiter__(self) -> AsyncIterator[MarketSlice]:
        return self

    async def __anext__(self) -> MarketSlice:
        """
        Raises:
            MarketDataError: as the source's.
        """
        for market_slice in self._slices:
            if self._after_ts is not None and market_slice.ts_event <= self._after_ts:
                continue
            await self.clock.wait_until(market_slice.ts_event)
            return market_slice
        raise StopAsyncIteration


class SliceCloser:
    """Collects the items of one ``ts_event`` until their slice is closed. No clock of its own.

    Attributes:
        late_items: items that came after their slice was closed; they are left out, for time must
            not go back.
    """

    def __init__(self, *, last_ts: int = -1) -> None:
        """
        Args:
            last_ts: time of the slice before; items up to it are late.
        """
        self.late_items = 0
        self._last_ts = last_ts
        self._items: list[MarketData] = []

    @property
    def is_open(self) -> bool:
        """Whether there is a slice to close."""
        return bool(self._items)

    def add(self, item: MarketData) -> MarketSlice | None:
        """Takes an item; returns the slice that it closes by being later.

        Raises:
            MarketDataError: more items of one moment than there can be; the item was not taken.
        """
        open_ts = self._items[0].ts_event if self._items else self._last_ts
        if item.ts_event < open_ts or (item.ts_event == open_ts and not self._items):
            self.late_items += 1
            return None
        if len(self._items) >= SLICE_ITEMS_MAX and item.ts_event == open_ts:
            raise MarketDataError(
                f"{item.instrument_id}: more than {SLICE_ITEMS_MAX} items at {open_ts}"
            )
        closed = self.close() if item.ts_event > open_ts else None
        self._items.append(item)
        return closed

    def close(self) -> MarketSlice | None:
        """The slice that is open, which ends it; None when there is none."""
        if not self._items:
            return None
        closed = MarketSlice.of(self._items)
        self._last_ts = closed.ts_event
        self._items = []
        return closed


class ItemFeed:
    """Slices out of single items; an async iterator, once."""

    def __init__(
        self, items: AsyncIterator[MarketData], *, close_after_s: float, last_ts: int = -1
    ) -> None:
        """
        Args:
            items: quotes, trades, bars and chains as they arrive. Its ``__anext__`` is awaited in
                short spells, so a cancelled one must lose nothing; anyio's streams fit.
            close_after_s: a slice closes so long after its first item, seconds.
            last_ts: see ``SliceCloser``.

        Raises:
            ConfigurationError: a time that is not above 0.
        """
        if not (math.isfinite(close_after_s) and close_after_s > 0):
            raise ConfigurationError(
                f"feed: close_after_s must be above 0 and finite, got {close_after_s}"
            )
        self._items = items
        self._close_after_s = close_after_s
        self._closer = SliceCloser(last_ts=last_ts)
        self._due_s = math.inf
        self._is_over = False

    @property
    def late_items(self) -> int:
        """Items that came after their slice was closed, and were left out."""
        return self._closer.late_items

    def __aiter__(self) -> AsyncIterator[MarketSlice]:
        return self

    async def __anext__(self) -> MarketSlice:
        while not self._is_over:
            with anyio.CancelScope(deadline=self._due_s) as waiting:
                try:
                    item = await anext(self._items)
                except StopAsyncIteration:
                    self._is_over = True
                    break
                was_open = self._closer.is_open
                closed = self._closer.add(item)
                if self._closer.is_open and (closed is not None or not was_open):
                    self._due_s = anyio.current_time() + self._close_after_s
                if closed is not None:
                    return closed
            if waiting.cancelled_caught:
                self._due_s = math.inf
                closed = self._closer.close()
                if closed is not None:
                    return closed
        last = self._closer.close()
        if last is None:
            raise StopAsyncIteration
        return last
