"""From an event handed in to its commands at the port, through the embedding API.

    python -m benchmarks.live_path [--loops asyncio,uvloop,trio] [--events 2000]

Ten strategies, a port of our own, the journal in a SQLite file with full durability: what leaves
was written and synced before. Rounds without orders are timed until ``publish`` returns, the others
until the port is called, so their one sync is inside. The port's word (accepted, filled) comes back
between the events and is not timed. Wall time, one event after the other, each loop in a process
of its own.

A disk's sync takes what it takes, and another time every minute. So a page is written and synced
without SQLite after every event, not timed with it, and its time stands beside; and the same rounds
are played with the journal in memory, where nothing is synced.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from decimal import Decimal
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any, List, NamedTuple  # noqa: UP035 - the specification's own spelling

import anyio

from benchmarks import our_run
from benchmarks.page import machine, machine_line, markdown_table, percentile, write_table
from benchmarks.setup_peers import ROOT
from benchmarks.workload import price_bars
from orchestrion import (
    OrchestrationPort,
    Orchestrion,
    OrderFilledReport,
    PortfolioState,
    SubmitOrder,
)
from orchestrion.domain.models.command import ApprovedCommand, StrategyCommand
from orchestrion.domain.models.report import OrderAcceptedReport

STRATEGIES = 10
LOOPS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "asyncio": ("asyncio", {}),
    "uvloop": ("asyncio", {"use_uvloop": True}),
    "trio": ("trio", {}),
}
CASES: Mapping[str, int] = {"no orders": 0, "1 order": 1, "10 orders": STRATEGIES}
"""What happens in a round -> how many of the ten strategies order with every event."""
WARM_UP_EVENTS = 50
QUIET_BUDGET_US = 50
ORDER_BUDGET_US = 250


class TimedPort(OrchestrationPort):
    """Notes when commands arrive, and keeps them for whoever answers."""

    def __init__(self) -> None:
        self.called_ns = 0
        self.commands: list[ApprovedCommand] = []

    def execute_commands(self, commands: List[StrategyCommand]) -> None:  # noqa: UP006
        if not self.called_ns:
            self.called_ns = time.perf_counter_ns()
        self.commands += [one for one in commands if isinstance(one, ApprovedCommand)]

    def get_portfolio_state(self) -> PortfolioState:
        raise NotImplementedError("nobody asks in this benchmark")


def configuration(ordering: int) -> dict[str, Any]:
    """The first so many strategies order with every event, the others do nothing."""
    given = our_run.configuration("Noop", "noop", STRATEGIES)
    for number, entry in enumerate(given["strategies"].values()):
        if number < ordering:
            entry["strategy"] = "benchmarks.strategies:Alternating"
    return given


class Times(NamedTuple):
    """Microseconds after the warm-up: of each event, and of a synced page after each."""

    events: list[float]
    pages: list[float]


async def play(ordering: int, events: int, folder: Path, *, in_memory: bool) -> Times:
    """Hands so many bars to ten strategies, some of which order."""
    port = TimedPort()
    times = Times([], [])
    journal = None if in_memory else folder / f"{ordering}.sqlite"
    with (folder / "page").open("wb", buffering=0) as page:
        async with Orchestrion.from_config(
            configuration(ordering), port=port, journal=journal
        ) as orchestrion:
            for number, one in enumerate(price_bars(events + WARM_UP_EVENTS)):
                bar = our_run.bar_of(our_run.symbol(0), one)
                port.called_ns = 0
                started = time.perf_counter_ns()
                await orchestrion.publish(bar)
                ended = port.called_ns if ordering else time.perf_counter_ns()
                await _answer(orchestrion, port, one.ts_event)
                if number >= WARM_UP_EVENTS:
                    times.events.append((ended - started) / 1000)
                    times.pages.append(0.0 if in_memory else _sync_us(page))
    return times


def _sync_us(file: FileIO) -> float:
    started = time.perf_counter_ns()
    file.write(bytes(4096))
    os.fsync(file.fileno())
    return (time.perf_counter_ns() - started) / 1000


async def _answer(orchestrion: Orchestrion, port: TimedPort, ts: int) -> None:
    """Accepts and fills everything, as the bot's venue would."""
    commands, port.commands = port.commands, []
    for approved in commands:
        order, order_id = approved.command, approved.client_order_id
        if not isinstance(order, SubmitOrder):
            continue
        venue_id = f"V-{order_id}"
        await orchestrion.report(
            OrderAcceptedReport(client_order_id=order_id, venue_order_id=venue_id, ts_event=ts)
        )
        (leg,) = order.legs
        await orchestrion.report(
            OrderFilledReport(
                client_order_id=order_id,
                venue_order_id=venue_id,
                trade_id=f"T-{order_id}",
                leg_index=0,
                instrument_id=leg.instrument_id,
                side=leg.side,
                last_qty=leg.quantity,
                last_px=Decimal(100),
                commission=Decimal(0),
                ts_event=ts,
            )
        )


def _play_loop(loop: str, events: int) -> None:
    """The child: one JSON line, a row per kind of round."""
    our_run.quiet_logs()
    backend, options = LOOPS[loop]
    rows: list[list[str]] = []
    with our_run.scratch_folder() as folder:
        for case, ordering in CASES.items():
            for in_memory in (True, False):
                played = partial(play, ordering, events, folder, in_memory=in_memory)
                times = anyio.run(played, backend=backend, backend_options=dict(options))
                place = "memory" if in_memory else "file"
                rows.append([loop, case, place, *_figures(times, is_ordering=bool(ordering))])
    print(json.dumps(rows))


def _figures(times: Times, *, is_ordering: bool) -> list[str]:
    """The last five columns of the table."""
    middle, page = percentile(times.events, 50), percentile(times.pages, 50)
    limit = page + ORDER_BUDGET_US if is_ordering else QUIET_BUDGET_US
    return [
        f"{middle:.0f}",
        f"{percentile(times.events, 99):.0f}",
        f"{page:.0f}" if page else "",
        f"{limit:.0f}",
        "met" if middle <= limit else "not met",
    ]


def _run_loop(loop: str, events: int) -> list[list[str]]:
    command = [sys.executable, "-m", "benchmarks.live_path", "--loop", loop]
    command += ["--events", str(events)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        last = run.stderr.strip().splitlines()[-1:]
        print(f"{loop}: left out: {' '.join(last)}", flush=True)
        return []
    rows: list[list[str]] = json.loads(run.stdout.splitlines()[-1])
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the live path.")
    parser.add_argument("--loops", default=",".join(LOOPS), help="asyncio,uvloop,trio")
    parser.add_argument("--events", type=int, default=2_000)
    parser.add_argument("--page", type=Path, help="put the table into this page")
    parser.add_argument("--loop", choices=LOOPS, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.loop is not None:
        _play_loop(given.loop, given.events)
        return
    about = machine()
    rows = [row for loop in given.loops.split(",") for row in _run_loop(loop, given.events)]
    if not rows:
        sys.exit("no loop could be measured")
    head = ("loop", "round", "journal", "p50 us", "p99 us", "page p50 us", "p50 at most", "")
    content = f"{machine_line(about)}\n\n{markdown_table(head, rows)}"
    print(content)
    if given.page is not None:
        write_table(given.page, "live_path", content)


if __name__ == "__main__":
    main()
