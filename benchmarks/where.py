"""Which part of the runtime the time of a callback and of an order goes to.

    python -m benchmarks.where [--bars 100000] [--strategies 10] [--page docs/performance.md]

The workload is played twice, with strategies that do nothing and with those that trade, while a
timer of the operating system (CPU time, a sample per millisecond) notes which function runs. A
sample belongs to the area of the innermost function that has one: a sum of decimals counts for
whoever asked for it. What is left of the trading run after the idle one, divided by the orders, is
an order's.

A profiler that looks at every call (``--profile`` of the drivers) doubles the time of small
functions and would blame whatever has many; a timer does not.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import NamedTuple

from benchmarks import our_run
from benchmarks.page import machine, machine_line, markdown_table, write_table
from benchmarks.workload import series_of
from orchestrion import load_settings

SAMPLE_S = 0.001
COUNTED_BARS = 2_000
REST = "everything else"
AREAS: Mapping[str, tuple[str, ...]] = {
    "the strategies' own arithmetic": ("benchmarks/",),
    "journal: records, hashes, SQLite": (
        "runtime/machine.py:Machine.record",
        "actors/decision_writer",
        "runtime/journal",
        "adapters/journal",
    ),
    "shell, run queue and mailboxes": (
        "adapters/session",
        "adapters/backtest.py",
        "runtime/machine",
        "runtime/mailbox",
    ),
    "strategies: hosted, their answers checked": (
        "actors/strategy_actor",
        "domain/models/strategy",
        "domain/models/market",
        "domain/orchestration/proposal",
    ),
    "rounds and conflicts": (
        "actors/coordinator",
        "actors/open_round",
        "actors/round_plan",
        "actors/adjudication",
        "domain/conflict",
        "domain/orchestration/strategy_coordinator",
    ),
    "verdicts: form, margin, budget, limits, reservation": (
        "actors/capital_manager",
        "actors/book_keeper",
        "actors/capital_desk",
        "domain/desk",
        "domain/orchestration/portfolio_capital_manager",
        "domain/orchestration/authorisation",
        "domain/orchestration/screening",
        "domain/orchestration/margin",
        "domain/margin",
    ),
    "orders and their states": (
        "actors/execution_gateway",
        "actors/shared_orders",
        "actors/seen_trades",
        "domain/orchestration/order_progress",
    ),
    "books and account sums": (
        "domain/orchestration/account_books",
        "domain/orchestration/account_exposure",
        "domain/models/portfolio",
        "actors/tally",
    ),
    "audit of the books": ("actors/auditor", "domain/orchestration/account_ledger"),
    "the simulated venue": ("adapters/venue",),
}


class Sampled(NamedTuple):
    """A run: samples by area, CPU seconds, orders."""

    by_area: Counter[str]
    cpu_s: float
    orders: int

    def seconds(self, area: str) -> float:
        return self.by_area[area] / max(self.by_area.total(), 1) * self.cpu_s


class Sampler:
    """Counts where the main thread is. The run must be in the main thread."""

    def __init__(self) -> None:
        self.by_area: Counter[str] = Counter()
        self._areas: dict[CodeType, str] = {}

    @contextmanager
    def running(self) -> Iterator[None]:
        before = signal.signal(signal.SIGPROF, self._take)
        signal.setitimer(signal.ITIMER_PROF, SAMPLE_S, SAMPLE_S)
        try:
            yield
        finally:
            signal.setitimer(signal.ITIMER_PROF, 0)
            signal.signal(signal.SIGPROF, before)

    def _take(self, _: int, frame: FrameType | None) -> None:
        while frame is not None:
            code = frame.f_code
            area = self._areas.get(code)
            if area is None:
                area = self._areas[code] = area_of(code)
            if area:
                self.by_area[area] += 1
                return
            frame = frame.f_back
        self.by_area[REST] += 1


def area_of(code: CodeType) -> str:
    """The area of a function, the first that names it; empty for one that works for others."""
    path = code.co_filename.replace("\\", "/")
    if path.endswith("benchmarks/where.py"):
        return ""
    name = f"{path}:{code.co_qualname}"
    for area, parts in AREAS.items():
        if any(f"/{part}" in name for part in parts):
            return area
    return ""


class Calls(NamedTuple):
    """How many functions of Python and of C were called."""

    python: int
    c: int


def calls_of_an_order() -> tuple[float, float]:
    """Calls of Python and of C functions that a lone order takes, from the command to the booked
    fill: those of a strategy that orders with every bar, less those of one that does nothing."""
    trading, orders = _counted("Alternating")
    idle, _ = _counted("Noop")
    return (trading.python - idle.python) / orders, (trading.c - idle.c) / orders


def _counted(kind: str) -> tuple[Calls, int]:
    source = our_run.memory_source(series_of("sma", COUNTED_BARS))
    settings = load_settings(our_run.configuration(kind, "sma", 1))
    counts: Counter[str] = Counter()

    def note(_: FrameType, event: str, __: object) -> None:
        counts[event] += 1

    with our_run.scratch_folder() as folder:
        sys.setprofile(note)
        try:
            result = our_run.play(settings, source, folder / "journal.sqlite")
        finally:
            sys.setprofile(None)
    return Calls(counts["call"], counts["c_call"]), result.total.orders


def sample(variant: str, strategies: int, bars: int) -> Sampled:
    """Plays the workload once."""
    kind = "SmaCross" if variant == "sma" else "Noop"
    source = our_run.memory_source(series_of(variant, bars))
    settings = load_settings(our_run.configuration(kind, variant, strategies))
    sampler = Sampler()
    with our_run.scratch_folder() as folder:
        started = time.process_time()
        with sampler.running():
            result = our_run.play(settings, source, folder / "journal.sqlite")
        cpu_s = time.process_time() - started
    return Sampled(sampler.by_area, cpu_s, result.total.orders)


def table(idle: Sampled, trading: Sampled, *, bars: int) -> str:
    """Rows by what an order costs."""
    areas = [*AREAS, REST]
    per_order = {
        area: (trading.seconds(area) - idle.seconds(area)) / max(trading.orders, 1) * 1e6
        for area in areas
    }
    rows = [
        [area, f"{idle.seconds(area) / bars * 1e6:.2f}", f"{per_order[area]:.1f}"]
        for area in sorted(areas, key=lambda one: -per_order[one])
    ]
    total = [
        "together",
        f"{sum(idle.seconds(one) for one in areas) / bars * 1e6:.2f}",
        f"{sum(per_order.values()):.1f}",
    ]
    return markdown_table(("area", "us per event", "us per order"), [*rows, total])


def main() -> None:
    parser = argparse.ArgumentParser(description="Shows where the time goes, by area.")
    parser.add_argument("--bars", type=int, default=100_000)
    parser.add_argument("--strategies", type=int, default=10)
    parser.add_argument("--page", type=Path, help="put the table into this page")
    given = parser.parse_args()
    if not hasattr(signal, "setitimer"):
        sys.exit("this system has no timer of CPU time")
    our_run.quiet_logs()
    about = machine()
    idle = sample("noop", given.strategies, given.bars)
    trading = sample("sma", given.strategies, given.bars)
    words = (
        f"{given.bars:,} bars, {given.strategies} strategies, {trading.orders:,} orders. An event: "
        "with strategies that do nothing. An order: what trading adds to that, the strategies' own "
        "arithmetic over all bars too."
    )
    python, c = calls_of_an_order()
    words += (
        f" A lone order takes {python:.0f} calls of Python functions and {c:.0f} of C functions "
        "from the command to the booked fill."
    )
    content = f"{machine_line(about)}\n\n{words}\n\n{table(idle, trading, bars=given.bars)}"
    print(content)
    if given.page is not None:
        write_table(given.page, "where", content)


if __name__ == "__main__":
    main()
