"""What a driver measures, and the one JSON line that it prints. Standard library only.

CPU is ``time.process_time``: user and system time of the whole process, all threads, including what
a storage thread or a garbage collection costs. It is steadier than wall time on a busy machine, and
blind to waiting, so wall time stands beside it. Only the run is inside: building the bars, loading
libraries, handing data to an engine and its statistics afterwards are not. Memory is the largest
resident set of the process so far; ``before`` is that of the loaded data and libraries.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import sys
import time
from typing import Any, NamedTuple

from benchmarks.workload import VARIANTS, callbacks_of


class Meter:
    """Measures what runs in its ``with`` block.

    Attributes:
        cpu_s, wall_s: of the block, seconds.
        before_mb, peak_mb: largest resident set up to its start and up to its end.
    """

    def __enter__(self) -> Meter:
        self.cpu_s = self.wall_s = self.peak_mb = 0.0
        self.before_mb = resident_peak_mb()
        self._stopped = False
        self._wall, self._cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, *_: object) -> None:
        if not self._stopped:
            self.stop()

    def restart(self) -> None:
        """Starts anew, for an engine that prepares its data inside the call that also runs it."""
        self._wall, self._cpu = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Ends the measurement before the block ends; for statistics that cannot be left out."""
        self.cpu_s = time.process_time() - self._cpu
        self.wall_s = time.perf_counter() - self._wall
        self.peak_mb = resident_peak_mb()
        self._stopped = True


def resident_peak_mb() -> float:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 * 1024 if sys.platform == "darwin" else 1024)


class Task(NamedTuple):
    """What a driver is asked for on its command line."""

    strategies: int
    bars: int
    variant: str


def task(description: str, *, variants: tuple[str, ...] = VARIANTS) -> Task:
    """Reads ``STRATEGIES BARS VARIANT`` from the command line."""
    parser = argparse.ArgumentParser(description=description)
    add_task(parser, variants=variants)
    given = parser.parse_args()
    return Task(given.strategies, given.bars, given.variant)


def add_task(parser: argparse.ArgumentParser, *, variants: tuple[str, ...] = VARIANTS) -> None:
    parser.add_argument("strategies", type=int, help="how many")
    parser.add_argument("bars", type=int, help="over all instruments")
    parser.add_argument("variant", choices=variants)


def report(
    engine: str,
    version: str,
    asked: Task,
    meter: Meter,
    *,
    orders: int,
    fills: int,
    equity: str,
    **more: Any,
) -> None:
    """Prints the measurement as one JSON line.

    Args:
        equity: of the account at the end, as plain decimal text; empty where an engine has none.
        more: whatever else the driver knows.
    """
    line = {
        "engine": engine,
        "version": version,
        "python": platform.python_version(),
        "variant": asked.variant,
        "strategies": asked.strategies,
        "bars": asked.bars,
        "callbacks": callbacks_of(asked.variant, asked.strategies, asked.bars),
        "cpu_s": round(meter.cpu_s, 6),
        "wall_s": round(meter.wall_s, 6),
        "before_mb": round(meter.before_mb, 1),
        "peak_mb": round(meter.peak_mb, 1),
        "orders": orders,
        "fills": fills,
        "equity": equity,
        **more,
    }
    print(json.dumps(line), flush=True)


def to_the_cent(amount: float) -> str:
    """A float balance as text, to the cent: peers that keep money in floats are off by less."""
    return f"{amount:.2f}"
