"""A day of paper trading at full speed, in a process of its own, with a look at its memory.

    python -m tests.processes.long_run                  10^6 events, 24 hours of market time
    python -m tests.processes.long_run --events 100000
    python -m tests.processes.long_run --events 2000000 --every 50 --from 1000000

Warnings are errors there, so a coroutine that nobody awaited or a file that nobody closed ends the
run. Memory after all events must be at most a tenth above that after a tenth of them, or after as
many as are given: what is remembered up to a bound (10,000 ended orders) grows until it is full.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from tests.processes.live_process import MAIN
from tests.processes.venue_client import ROOT

DAY_NS = 86_400 * 10**9
GROWTH_MAX = 1.10
STATUS_S = 0.05


@dataclass(frozen=True)
class LongRun:
    """What was seen.

    Attributes:
        early_kib, late_kib: resident memory after the early events, and at the end: the median over
            the tenth behind and before them, so that a snapshot that is just being written does
            not count.
        peak_kib: the most that was seen.
    """

    events: int
    seconds: float
    early_kib: int
    late_kib: int
    peak_kib: int
    exit_code: int
    errors: str

    @property
    def growth(self) -> float:
        return self.late_kib / self.early_kib


def long_run(
    folder: Path, events: int, *, every: int = 500, early_events: int | None = None
) -> LongRun:
    """Plays so many bars of one instrument over 24 hours.

    Args:
        every: one order with so many of them.
        early_events: after which memory is first looked at; a tenth of them unless given.
    """
    early_events = early_events or events // 10
    data = folder / "day.csv"
    _write_day(data, events)
    config = folder / "day.json"
    config.write_text(json.dumps(_configuration(data, every)))
    command = [sys.executable, "-W", "error", "-c", MAIN, "paper", str(config), "--json"]
    command += ["--journal", str(folder / "journals"), "--status-every", str(STATUS_S)]
    begun_s = time.monotonic()
    with (
        (folder / "stderr.log").open("wb") as errors,
        (folder / "stdout.log").open("wb") as output,
        subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=errors) as process,
    ):
        samples = _watch(process, folder / "stderr.log")
    return LongRun(
        events=events,
        seconds=time.monotonic() - begun_s,
        early_kib=_middle(samples, early_events, early_events + events // 10),
        late_kib=_middle(samples, events - events // 10, events),
        peak_kib=max(kib for _, kib in samples),
        exit_code=process.returncode,
        errors=(folder / "stderr.log").read_text()[-2_000:],
    )


def _watch(process: subprocess.Popen[bytes], log: Path) -> list[tuple[int, int]]:
    """(seq, resident KiB) at every status line."""
    samples: list[tuple[int, int]] = []
    with log.open() as lines:
        while True:
            is_over = process.poll() is not None
            for line in lines:
                if '"RunStatus"' in line and not is_over:
                    resident = _resident_kib(process.pid)
                    if resident:
                        samples.append((json.loads(line)["seq"], resident))
            if is_over:
                return samples or [(0, 1)]
            time.sleep(STATUS_S / 2)


def _middle(samples: Sequence[tuple[int, int]], first_seq: int, last_seq: int) -> int:
    """The median; of everything where nothing was seen between the two."""
    own = [kib for seq, kib in samples if first_seq <= seq <= last_seq]
    return statistics.median_low(own or [kib for _, kib in samples])


def _resident_kib(pid: int) -> int:
    try:
        pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    except (OSError, IndexError):
        return 0
    return pages * os.sysconf("SC_PAGE_SIZE") // 1024


def _write_day(path: Path, events: int) -> None:
    step_ns = DAY_NS // events
    start_ns = 1_700_006_400 * 10**9
    with path.open("w") as file:
        file.write("ts_event,close\n")
        for number in range(1, events + 1):
            # Whole microseconds, as text that every reader of times takes.
            moment = start_ns + number * step_ns // 1_000 * 1_000
            file.write(f"{moment},{100 + number * 7919 % 13}\n")


def _configuration(data: Path, every: int) -> dict[str, Any]:
    name = "tests.processes.trading:Restless"
    return {
        "account": {"capital": 1_000_000},
        "strategy": name,
        "config": {"every": every, "resting_max": 0},
        "data": {
            "source": "files",
            "files": [{"path": str(data), "instrument_id": "AAA", "bar_length": "1s"}],
            "instruments": [{"kind": "equity", "instrument_id": "AAA"}],
        },
    }


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--every", type=int, default=500, help="an order with so many events")
    parser.add_argument("--from", type=int, dest="early", help="memory after so many is the first")
    options = parser.parse_args()
    early = options.early or options.events // 10
    with tempfile.TemporaryDirectory(prefix="orchestrion-day-") as folder:
        found = long_run(Path(folder), options.events, every=options.every, early_events=early)
    click.echo()
    click.echo("|---|---|---|---|---|---|---|---|")
    click.echo(
        f"| {found.events:,} | {options.every} events | {found.seconds:.0f} "
        f"| {early:,}: {found.early_kib / 1024:.1f} MiB | {found.late_kib / 1024:.1f} MiB "
        f"| {found.peak_kib / 1024:.1f} MiB "
        f"| {found.growth:.3f} | {found.exit_code} |"
    )
    if found.exit_code:
        click.echo(found.errors, err=True)
    return 0 if found.exit_code == 0 and found.growth <= GROWTH_MAX else 1


if __name__ == "__main__":
    sys.exit(main())
