"""Plays a feed through a session until it ends or somebody asks for the end."""

from __future__ import annotations

from collections.abc import AsyncIterator

from orchestrion.adapters.process.stop_request import StopRequest
from orchestrion.adapters.session import TradingSession
from orchestrion.domain.models.market import Bar, MarketSlice


async def play(
    session: TradingSession,
    feed: AsyncIterator[MarketSlice],
    stop: StopRequest,
    *,
    is_started: bool,
) -> None:
    """Every slice of a feed, until it ends or the end is asked for; a round is always finished.

    When the feed ends, the run does, and strategies are told so. A run that is stopped is only
    interrupted: the next start goes on with it, and strategies do not notice.

    Args:
        is_started: whether an earlier process has started the strategies.
    """
    while not stop.is_made:
        market_slice: MarketSlice | None = None
        with stop.interrupting() as waiting:
            market_slice = await anext(feed, None)
        if waiting.cancelled_caught:
            return
        if market_slice is None:
            break
        if not is_started:
            await session.start(_first_moment(market_slice))
            is_started = True
        await session.publish(market_slice)
    if not stop.is_made and is_started:
        await session.end()


def _first_moment(market_slice: MarketSlice) -> int:
    """When the first prices were made: the capital stands at the open, not at the first close."""
    return min(
        item.ts_open if isinstance(item, Bar) else item.ts_event for item in market_slice.items
    )
