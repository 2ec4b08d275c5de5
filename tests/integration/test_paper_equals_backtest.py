"""Paper trading over recorded data, under ideal conditions, decides exactly as a backtest does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import anyio
import pytest

from orchestrion.adapters import assembly
from orchestrion.adapters.backtest import build_run, run_backtest
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.adapters.session import TradingSession
from orchestrion.adapters.settings import RunSettings, load_settings
from orchestrion.adapters.venue.live_feed import RecordedFeed, UnpacedClock
from orchestrion.adapters.venue.paper_adapter import PaperOrchestrationAdapter
from orchestrion.adapters.venue.paper_conditions import PaperConditions
from orchestrion.domain.models.market import Bar, MarketSlice
from orchestrion.runtime.shell import AsyncHost

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "three_strategies.yaml"


async def play_paper(
    settings: RunSettings, conditions: PaperConditions, slices_max: int | None = None
) -> tuple[str, int]:
    """Decision hash and number of fills of a paper run over the settings' data, or its start."""
    source = assembly.data_source(settings)
    journal = MemoryJournal()
    header = assembly.journal_header(settings, source, "paper")
    journal.begin(header)
    async with AsyncHost(deadline_s=30.0) as host:
        system = build_run(settings, source, journal, header)
        paper = PaperOrchestrationAdapter(
            assembly.build_venue(settings, source.catalog()),
            source.catalog(),
            conditions=conditions,
            seed=header.seed,
        )
        session = TradingSession(system, paper, paper, journal, host, is_data_recorded=True)
        count = 0
        async for market_slice in RecordedFeed(source, UnpacedClock()):
            if not count:
                await session.start(min(_first_moments(market_slice)))
            await session.publish(market_slice)
            count += 1
            if count == slices_max:
                break
        await session.end()
        names = [one.name for one in journal.records()]
        return system.machine.decision_hash, names.count("OrderFilledReport")


def _first_moments(market_slice: MarketSlice) -> Iterable[int]:
    for item in market_slice.items:
        yield item.ts_open if isinstance(item, Bar) else item.ts_event


@pytest.mark.slow
def test_ideal_paper_decides_as_the_backtest_over_the_example() -> None:
    settings = load_settings(EXAMPLE)
    backtest = run_backtest(settings, journal_path=None)

    decision_hash, fills = anyio.run(play_paper, settings, PaperConditions())

    assert decision_hash == backtest.decision_hash
    assert fills == backtest.total.fills > 0


@pytest.mark.slow
def test_mishaps_change_the_run_and_the_seed_repeats_them() -> None:
    settings = load_settings(EXAMPLE)
    conditions = PaperConditions(
        latency_max_ns=2_000_000_000, reject_fraction=0.1, partial_fill_fraction=0.3
    )
    ideal, _ = anyio.run(play_paper, settings, PaperConditions(), 200)
    first = anyio.run(play_paper, settings, conditions, 200)

    assert first == anyio.run(play_paper, settings, conditions, 200, backend="trio")
    assert first[0] != ideal
