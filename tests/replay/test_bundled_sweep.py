"""The shipped example goes on from snapshots: every 500 inputs of it, to the same decisions."""

from __future__ import annotations

from itertools import islice, pairwise
from pathlib import Path

import anyio
import pytest

from orchestrion.actors.system import TradingSystem
from orchestrion.adapters import assembly
from orchestrion.adapters.backtest import build_run
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.adapters.session import TradingSession
from orchestrion.adapters.settings import load_settings
from orchestrion.adapters.venue.backtest_adapter import BacktestOrchestrationAdapter
from orchestrion.runtime.journal import Journal
from orchestrion.runtime.shell import AsyncHost
from tests.fakes_sweep import Genesis

EXAMPLE = Path(__file__).parents[2] / "examples" / "three_strategies.yaml"
EVERY, SLICES = 500, 400
pytestmark = pytest.mark.slow


def test_example_goes_on_from_every_five_hundredth_input() -> None:
    settings = load_settings(EXAMPLE)
    source = assembly.data_source(settings)
    header = assembly.journal_header(settings, source, "paper")

    def build(journal: Journal) -> TradingSystem:
        return build_run(settings, source, journal, header)

    journal = MemoryJournal()
    journal.begin(header)
    slices = list(islice(source.slices(), SLICES))

    async def run() -> None:
        venue = assembly.build_venue(settings, source.catalog())
        async with AsyncHost(deadline_s=30.0) as host:
            session = TradingSession(
                build(journal),
                BacktestOrchestrationAdapter(venue),
                venue,
                journal,
                host,
                is_data_recorded=True,
            )
            await session.start(slices[0].ts_event)
            await session.publish_many(slices)

    anyio.run(run)
    genesis = Genesis(build, list(journal.records()), every=EVERY)
    assert len(genesis.snapshots) > 5
    assert genesis.system.machine.decisions > 50
    for seq, until in pairwise(genesis.snapshots):
        genesis.go_on_from(seq, until=until)
