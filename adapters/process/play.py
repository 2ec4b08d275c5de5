"""Plays a feed through a session until it ends or somebody asks for the end."""

from __future__ import annotations

from collections.abc import AsyncIterator

import structlog

from orchestrion.adapters.process.stop_request import StopRequest
from orchestrion.adapters.session import TradingSession
from orchestrion.domain.models.market import Bar, MarketSlice

_log = structlog.get_logger("orchestrion.process")


async def play(
    session: TradingSession,
    feed: AsyncIterator[MarketSlice],
    stop: StopRequest,
    *,
    is_started: bool,
    snapshot_every_inputs: int,
) -> None:
    """Every slice of a feed, until it ends or the end is asked for; a round is always finished.

    When the feed ends, the run does, and strategies are told so. A run that is stopped is only
    interrupted: the next start goes on with it, and strategies do not notice.

    Args:
        is_started: whether an earlier process has started the strategies.
        snapshot_every_inputs: the state is written down after so many, also inside a session.
    """
    machine = session.system.machine
    snapshot_seq = machine.seq
    while not stop.is_made:
        market_slice: MarketSlice | None = None
        with stop.interrupting() as waiting:
            market_slice = await anext(feed, None)
        if waiting.cancelled_caught:
            break
        if market_slice is None:
            if is_started:
                await session.end()
            return
        if not is_started:
            await session.start(_first_moment(market_slice))
            is_started = True
        await session.publish(market_slice)
        if machine.seq - snapshot_seq >= snapshot_every_inputs:
            snapshot_seq = machine.seq
            await session.take_snapshot()
    # Strategies may still answer fills; what they ask for now is refused, see ``shutdown``.
    _log.info("RunStopping", reason=stop.reason, seq=machine.seq)


def _first_moment(market_slice: MarketSlice) -> int:
    """When the first prices were made: the capital stands at the open, not at the first close."""
    return min(
        item.ts_open if isinstance(item, Bar) else item.ts_event for item in market_slice.items
    )
