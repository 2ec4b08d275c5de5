"""Feeds: the pace of recorded data, and slices that close by time. Time is virtual."""

from __future__ import annotations

import math

import anyio
import pytest

from orchestrion.adapters.data.in_memory_data import InMemoryData
from orchestrion.adapters.venue import live_feed
from orchestrion.adapters.venue.live_feed import (
    DrivenClock,
    FeedClock,
    ItemFeed,
    PacedClock,
    RecordedFeed,
    SliceCloser,
    UnpacedClock,
)
from orchestrion.domain.errors import ConfigurationError, MarketDataError
from orchestrion.domain.models.market import MarketData, MarketSlice, QuoteTick
from tests.fakes import INSTRUMENTS, at, minutes, quote
from tests.fakes_clock import virtual_backend  # noqa: F401 - a fixture

pytestmark = pytest.mark.anyio

SLICES = minutes(4)


def feed_of(clock: FeedClock, *, after_ts: int | None = None) -> RecordedFeed:
    return RecordedFeed(InMemoryData("four", INSTRUMENTS, SLICES), clock, after_ts=after_ts)


async def arrivals(feed: RecordedFeed) -> list[tuple[float, MarketSlice]]:
    started = anyio.current_time()
    return [(anyio.current_time() - started, one) async for one in feed]


# -- recorded -------------------------------------------------------------------------------------


@pytest.mark.parametrize(("speed", "apart_s"), [(1.0, 60.0), (60.0, 1.0), (0.5, 120.0)])
async def test_slices_come_at_their_pace(speed: float, apart_s: float) -> None:
    came = await arrivals(feed_of(PacedClock(speed=speed)))

    assert [one for _, one in came] == SLICES
    assert [when for when, _ in came] == pytest.approx([number * apart_s for number in range(4)])


async def test_without_a_pace_they_come_at_once() -> None:
    clock = UnpacedClock()
    came = await arrivals(feed_of(clock))

    assert [one for _, one in came] == SLICES
    assert came[-1][0] == 0
    assert clock.now_ns == at(3)


async def test_long_gaps_are_cut_short() -> None:
    came = await arrivals(feed_of(PacedClock(gap_max_s=10.0)))

    assert [when for when, _ in came] == pytest.approx([0, 10, 20, 30])


async def test_feed_that_was_held_up_catches_up() -> None:
    feed = feed_of(PacedClock())
    started = anyio.current_time()
    came: list[float] = []
    async for _ in feed:
        came.append(anyio.current_time() - started)
        if len(came) == 1:
            await anyio.sleep(150)  # a slow round

    assert came == pytest.approx([0, 150, 150, 180])


async def test_market_time_runs_between_slices() -> None:
    clock = PacedClock(speed=60.0)
    assert clock.now_ns == 0
    feed = feed_of(clock)
    await anext(feed)
    await anyio.sleep(0.5)

    assert clock.now_ns == pytest.approx(at(0) + 30_000_000_000)


async def test_feed_goes_on_after_a_time() -> None:
    came = await arrivals(feed_of(UnpacedClock(), after_ts=at(1)))

    assert [one for _, one in came] == SLICES[2:]


async def test_driven_clock_lets_pass_what_is_due() -> None:
    clock, came = DrivenClock(), list[MarketSlice]()

    async def read() -> None:
        async for one in feed_of(clock):
            came.append(one)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        await anyio.wait_all_tasks_blocked()
        assert came == []
        clock.advance_to(at(1))
        await anyio.wait_all_tasks_blocked()
        assert came == SLICES[:2]
        with pytest.raises(ValueError, match="back"):
            clock.advance_to(at(0))
        clock.advance_to(at(9))
    assert came == SLICES


@pytest.mark.parametrize("speed", [0.0, -1.0, math.inf, math.nan])
async def test_impossible_speed_is_refused(speed: float) -> None:
    with pytest.raises(ConfigurationError, match="speed"):
        PacedClock(speed=speed)


@pytest.mark.parametrize("seconds", [0.0, -1.0, math.nan])
async def test_impossible_gap_or_closing_time_is_refused(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="gap_max_s"):
        PacedClock(gap_max_s=seconds)
    outbox, items = anyio.create_memory_object_stream[MarketData](1)
    with outbox, items, pytest.raises(ConfigurationError, match="close_after_s"):
        ItemFeed(items, close_after_s=seconds)


# -- single items ---------------------------------------------------------------------------------


async def test_slice_closes_when_a_later_item_comes() -> None:
    closer = SliceCloser()

    assert closer.add(quote(0, "BBB")) is None
    assert closer.add(quote(0, "AAA")) is None
    assert closer.add(quote(1, "AAA")) == MarketSlice.of([quote(0, "AAA"), quote(0, "BBB")])
    assert closer.close() == MarketSlice.of([quote(1, "AAA")])
    assert closer.close() is None


async def test_item_of_a_closed_slice_is_late_and_counted() -> None:
    closer = SliceCloser(last_ts=at(0))

    assert closer.add(quote(0)) is None
    assert not closer.is_open
    closer.add(quote(2))
    assert closer.add(quote(1)) is None
    closer.close()
    assert closer.add(quote(2)) is None
    assert closer.late_items == 3
    assert not closer.is_open


async def test_endless_moment_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_feed, "SLICE_ITEMS_MAX", 2)
    closer = SliceCloser()
    closer.add(quote(0, "AAA"))
    closer.add(quote(0, "BBB"))

    with pytest.raises(MarketDataError, match="CCC"):
        closer.add(quote(0, "CCC"))
    assert closer.close() == MarketSlice.of([quote(0, "AAA"), quote(0, "BBB")])


async def test_slice_closes_by_time_when_nothing_more_comes() -> None:
    outbox, inbox = anyio.create_memory_object_stream[QuoteTick](10)
    feed = ItemFeed(inbox, close_after_s=0.25)
    came: list[tuple[float, MarketSlice]] = []

    async def read() -> None:
        with inbox:
            async for one in feed:
                came.append((anyio.current_time() - started, one))  # noqa: PERF401

    started = anyio.current_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(read)
        with outbox:
            await outbox.send(quote(0, "BBB"))
            await anyio.sleep(0.2)
            await outbox.send(quote(0, "AAA"))  # does not put the closing off
            await anyio.sleep(1)
            await outbox.send(quote(0, "CCC"))  # too late
            await outbox.send(quote(1))
            await anyio.sleep(0.1)
            await outbox.send(quote(2))
    closed_s = [round(when, 2) for when, _ in came]

    assert [one for _, one in came] == [
        MarketSlice.of([quote(0, "AAA"), quote(0, "BBB")]),
        MarketSlice.of([quote(1)]),
        MarketSlice.of([quote(2)]),
    ]
    assert closed_s == [0.25, 1.3, 1.3]
    assert feed.late_items == 1
