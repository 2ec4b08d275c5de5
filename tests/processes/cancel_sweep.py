"""Cancels the N-th await of a paper run, for N = 1, 2, ... until there is none; then goes on.

    python -m tests.processes.cancel_sweep                    12 scenarios on both event loops

Whatever is cancelled, the next start must recover, find books and venue equal, and come to the
run's end; the journals must hold every order id once. A run without asynchronous strategies decides
then exactly as one that was never cancelled. (With them the answer that was waited for is late.)
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Coroutine, Generator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import click
from pydantic import BaseModel

from orchestrion.adapters import assembly
from orchestrion.adapters.journal.journal_directory import JournalDirectory
from orchestrion.adapters.process.paper import PaperRun, run_paper
from orchestrion.adapters.process.stop_request import StopRequest
from orchestrion.adapters.result import RunResult
from orchestrion.adapters.settings import RunSettings, load_settings
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.strategy import Strategy, StrategyOutput, StrategyView
from orchestrion.runtime.errors import JournalError
from tests.processes.run_checker import RunRecords

SCENARIOS = 12


class Thoughtful(Strategy):
    """Asynchronous; what it answers depends on nothing but the event and its own book."""

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)

    def subscriptions(self) -> tuple[str, ...]:
        return ("AAPL",)

    async def on_event(self, event: MarketSlice, view: StrategyView) -> list[StrategyOutput]:
        await anyio.lowlevel.checkpoint()
        closing = view.close("AAPL")
        return [view.buy("AAPL", 5) if closing is None else closing]

    def snapshot(self) -> object:
        return {}

    def restore(self, state: object) -> None:
        """It has none."""


@dataclass
class Sweep:
    """Of one scenario on one event loop."""

    scenario: int
    backend: str
    cancelled: int = 0
    faults: list[str] = field(default_factory=list)


class Counted:
    """A coroutine whose ``n``-th suspension cancels a scope."""

    def __init__(
        self, coroutine: Coroutine[Any, Any, RunResult], n: int, scope: anyio.CancelScope
    ) -> None:
        self._coroutine = coroutine
        self._left = n
        self._scope = scope

    def __await__(self) -> Generator[Any, Any, RunResult]:
        inner = self._coroutine.__await__()
        step, value = inner.send, None
        while True:
            try:
                wanted = step(value)
            except StopIteration as end:
                result: RunResult = end.value
                return result
            self._left -= 1
            if self._left == 0:
                self._scope.cancel()
            try:
                value = yield wanted
                step = inner.send
            except BaseException as failure:
                step, value = inner.throw, failure


def sweep(folder: Path, scenario: int, backend: str, *, last_day: int = 14) -> Sweep:
    """All awaits of one scenario."""
    found = Sweep(scenario, backend)
    settings = settings_of(scenario, last_day)
    undisturbed = run_paper(
        settings, directory=folder / "whole", stop=StopRequest(), backend=backend
    )
    if not undisturbed.total.fills:
        found.faults.append(f"scenario {scenario}: nothing was traded, so it shows nothing")
    n = 0
    while True:
        n += 1
        directory = folder / f"cancel-{n}"
        if not _cancel_at(settings, directory, n, backend):
            return found
        found.cancelled += 1
        where = f"scenario {scenario}, {backend}, await {n}"
        try:
            result = run_paper(settings, directory=directory, stop=StopRequest(), backend=backend)
        except JournalError as failure:
            if "has ended" not in str(failure):  # cancelled behind its end
                found.faults.append(f"{where}: {failure}")
            continue
        except Exception as failure:
            found.faults.append(f"{where}: {type(failure).__name__}: {failure}")
            continue
        ids = [one for one, _ in RunRecords.read(directory).intents]
        if len(ids) != len(dict.fromkeys(ids)):
            found.faults.append(f"{where}: an order id stands twice in the journal")
        if not _is_async(scenario) and result.decision_hash != undisturbed.decision_hash:
            found.faults.append(f"{where}: it decided otherwise")


def _cancel_at(settings: RunSettings, directory: Path, n: int, backend: str) -> bool:
    """Whether there was an n-th await."""

    async def run() -> bool:
        store = JournalDirectory(directory)
        try:
            source = assembly.data_source(settings)
            process = PaperRun(settings, source, store, StopRequest(), 1e9)
            with anyio.CancelScope() as scope:
                await Counted(process.run(), n, scope)
            return scope.cancelled_caught
        finally:
            store.close()

    return anyio.run(run, backend=backend)


def _is_async(scenario: int) -> bool:
    return scenario % 2 == 0


def settings_of(scenario: int, last_day: int) -> RunSettings:
    """Mishaps, snapshots and strategies differ from scenario to scenario."""
    strategies: dict[str, Any] = {
        "MEAN_REVERSION_EQUITY": {"allocation_pct": 30},
        "MOMENTUM_FUTURES": {"allocation_pct": 30},
        # These few days are nothing to the two of the library: one that always trades.
        "RESTLESS": {
            "strategy": "tests.processes.trading:Restless",
            "allocation_pct": 20,
            "config": {"instrument_id": "MSFT", "every": 2, "quantity_max": 2},
        },
    }
    if _is_async(scenario):
        thoughtful = "tests.processes.cancel_sweep:Thoughtful"
        strategies["THOUGHTFUL"] = {"strategy": thoughtful, "allocation_pct": 20}
    return load_settings(
        {
            "account": {"capital": 500_000},
            "strategies": strategies,
            "seed": scenario,
            "data": {
                "source": "bundled",
                "series": ["stocks", "futures", "index"],
                "start": f"2014-{1 + scenario % 12:02}-06",
                "end": f"2014-{1 + scenario % 12:02}-{last_day}",
            },
            "paper": {
                "latency_max_ms": 20_000 * (scenario % 3),
                "partial_fill_pct": 15 * (scenario % 4),
                "reject_pct": 5 * (scenario % 2),
                # Every wait of a pace is an await of its own.
                "speed": 1e10,
            },
            "journal": {"snapshot_every_inputs": 10 + 40 * (scenario % 5)},
        }
    )


def main() -> int:
    sweeps: list[Sweep] = []
    for scenario in range(SCENARIOS):
        for backend in ("asyncio", "trio"):
            with tempfile.TemporaryDirectory(prefix="orchestrion-sweep-") as folder:
                sweeps.append(sweep(Path(folder), scenario, backend))
    click.echo("| scenario | event loop | awaits cancelled | faults |\n|---|---|---|---|")
    for one in sweeps:
        click.echo(f"| {one.scenario} | {one.backend} | {one.cancelled} | {len(one.faults)} |")
    for one in sweeps:
        for fault in one.faults:
            click.echo(f"FAULT {fault}", err=True)
    return 1 if any(one.faults for one in sweeps) else 0


if __name__ == "__main__":
    sys.exit(main())
