"""How CPU and memory grow with events, strategies and instruments.

    python -m benchmarks.growth [--events 10000,100000,1000000] [--strategies 1,10,100,1000]

Every point is a process of its own over bars that are made while they are read, so that peak memory
is the run's. The slope is that of log CPU over log size: 1 is linear. Two kinds of runs: strategies
that do nothing, and the SMA cross with its orders. Starting (reading the configuration, whether the
strategies fit together, building the actors) is measured apart from playing.
"""

from __future__ import annotations

import argparse
import json
import math
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import our_run
from benchmarks.meter import Meter
from benchmarks.page import machine, machine_line, markdown_table, median, write_table
from benchmarks.setup_peers import ROOT
from benchmarks.streams import StreamedBars
from orchestrion import load_settings

KINDS = {"noop": "Noop", "sma": "SmaCross"}
INDEXED = 100
"""Instruments, and strategies with one of them each, against one of each."""
INDEXED_LIMIT = 1.3
MEMORY_LIMIT = 1.1
POINT_TIMEOUT_S = 7200


class Size(NamedTuple):
    """One point. With several instruments strategy i has instrument i."""

    kind: str
    events: int
    strategies: int
    instruments: int = 1


class Point(NamedTuple):
    """Medians of one size. ``start_s`` and ``play_s`` are CPU seconds before and from the first
    slice on."""

    size: Size
    start_s: float
    play_s: float
    peak_mb: float
    orders: int

    @property
    def per_event_us(self) -> float:
        return self.play_s / self.size.events * 1e6


def main() -> None:
    given = _arguments()
    if given.point is not None:
        _play_point(Size(*json.loads(given.point)))
        return
    about = machine()
    print(machine_line(about), flush=True)
    by_events = [
        _point(Size(kind, events, given.fixed_strategies), given.repeats)
        for kind in given.kinds
        for events in given.events
    ]
    by_strategies = [
        _point(Size(kind, given.fixed_events, strategies), given.repeats)
        for kind in given.kinds
        for strategies in given.strategies
    ]
    indexed = [
        _point(Size("noop", given.fixed_events, count, count), given.repeats)
        for count in (1, given.indexed)
    ]
    content = "\n\n".join(
        [machine_line(about), *_sections(by_events, by_strategies, indexed, given.picture)]
    )
    print(f"\n{content}")
    if given.picture is not None:
        _draw(by_events, by_strategies, given.picture)
    if given.page is not None:
        write_table(given.page, "growth", content)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures growth.")
    parser.add_argument("--events", type=_numbers, default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--strategies", type=_numbers, default=[1, 10, 100, 1_000])
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--fixed-events", type=int, default=10_000, help="where strategies grow")
    parser.add_argument("--fixed-strategies", type=int, default=10, help="where events grow")
    parser.add_argument("--indexed", type=int, default=INDEXED, help="instruments and strategies")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--picture", type=Path, help="write a PNG there; needs matplotlib")
    parser.add_argument("--page", type=Path, help="put the tables into this page")
    parser.add_argument("--point", help=argparse.SUPPRESS)
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


# -- one point ------------------------------------------------------------------------------------


def _point(size: Size, repeats: int) -> Point:
    """Medians of several processes."""
    lines = [_run_point(size) for _ in range(repeats)]
    point = Point(
        size,
        start_s=median([line["start_s"] for line in lines]),
        play_s=median([line["play_s"] for line in lines]),
        peak_mb=median([line["peak_mb"] for line in lines]),
        orders=lines[0]["orders"],
    )
    print(f"{size}: {point.play_s:.2f} s CPU, {point.peak_mb:.0f} MB", flush=True)
    return point


def _run_point(size: Size) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.growth", "--point", json.dumps(size)]
    run = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=POINT_TIMEOUT_S, check=False
    )
    if run.returncode:
        sys.exit(f"{size} failed:\n{run.stderr[-3000:]}")
    line: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return line


def _play_point(size: Size) -> None:
    our_run.quiet_logs()
    given = our_run.configuration(
        KINDS[size.kind], size.kind, size.strategies, instruments=size.instruments
    )
    start, play = Meter(), Meter()

    def on_playing() -> None:
        start.stop()
        play.restart()

    source = StreamedBars(size.events, instruments=size.instruments, on_playing=on_playing)
    with our_run.scratch_folder() as folder, start, play:
        result = our_run.play(load_settings(given), source, folder / "journal.sqlite")
    print(
        json.dumps(
            {
                "start_s": start.cpu_s,
                "play_s": play.cpu_s,
                "peak_mb": play.peak_mb,
                "orders": result.total.orders,
            }
        )
    )


# -- tables and picture ---------------------------------------------------------------------------


def slope(sizes: Sequence[float], costs: Sequence[float]) -> float:
    """Of log cost over log size, least squares; 1 is linear, 2 quadratic.

    Raises:
        ValueError: fewer than two different sizes.
    """
    xs, ys = [math.log(one) for one in sizes], [math.log(one) for one in costs]
    mean_x, mean_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - mean_x) ** 2 for x in xs)
    if not spread:
        raise ValueError("a slope needs two different sizes")
    return sum((x - mean_x) * (y - mean_y) for x, y in zip(xs, ys, strict=True)) / spread


def _sections(
    by_events: list[Point],
    by_strategies: list[Point],
    indexed: list[Point],
    picture: Path | None,
) -> list[str]:
    sections = ["### Events", _table(by_events), _memory_line(by_events)]
    sections += [_slopes(by_events, "events"), "### Strategies", _table(by_strategies)]
    sections += [_slopes(by_strategies, "strategies"), "### Indexed subscriptions"]
    sections += [_table(indexed), _indexed_line(indexed)]
    if picture is not None:
        sections.append(f"![CPU and memory over events and strategies]({picture.name})")
    return [one for one in sections if one]


def _table(points: list[Point]) -> str:
    head = (
        "run",
        "events",
        "strategies",
        "instruments",
        "orders",
        "start s",
        "play s",
        "us/event",
        "MB",
    )
    rows = [
        (
            one.size.kind,
            f"{one.size.events:,}",
            f"{one.size.strategies:,}",
            one.size.instruments,
            f"{one.orders:,}",
            f"{one.start_s:.2f}",
            f"{one.play_s:.2f}",
            f"{one.per_event_us:.2f}",
            f"{one.peak_mb:.0f}",
        )
        for one in points
    ]
    return markdown_table(head, rows)


def _by_kind(points: list[Point]) -> Iterator[tuple[str, list[Point]]]:
    for kind in KINDS:
        own = [one for one in points if one.size.kind == kind]
        if own:
            yield kind, own


def _slopes(points: list[Point], what: str) -> str:
    words: list[str] = []
    for kind, own in _by_kind(points):
        sizes = [float(getattr(one.size, what)) for one in own]
        if len(set(sizes)) > 1:
            words.append(f"{kind} {slope(sizes, [one.play_s for one in own]):.2f}")
    return (
        f"Slope of the CPU of playing over {what}: {', '.join(words)} (1 is linear)."
        if words
        else ""
    )


def _memory_line(points: list[Point]) -> str:
    """The largest run's peak against that of the one before it."""
    words: list[str] = []
    for kind, own in _by_kind(points):
        if len(own) > 1:
            times = own[-1].peak_mb / own[-2].peak_mb
            verdict = "met" if times <= MEMORY_LIMIT else "not met"
            words.append(f"{kind} {times:.2f} times ({verdict}, at most {MEMORY_LIMIT})")
    if not words:
        return ""
    return f"Peak memory of the longest run against the one before: {', '.join(words)}."


def _indexed_line(points: list[Point]) -> str:
    one, many = points
    times = many.per_event_us / one.per_event_us
    verdict = "met" if times <= INDEXED_LIMIT else "not met"
    return (
        f"{many.size.instruments} instruments x {many.size.strategies} strategies, each on one of "
        f"them, cost {times:.2f} times as much per event as 1 x 1 ({verdict}, at most "
        f"{INDEXED_LIMIT})."
    )


def _draw(by_events: list[Point], by_strategies: list[Point], path: Path) -> None:
    import matplotlib as mpl  # heavy, and only the picture needs it

    mpl.use("Agg")
    from matplotlib import pyplot  # after the choice of how to draw

    figure, axes = pyplot.subplots(2, 2, figsize=(10, 7), layout="constrained")
    for column, (points, what) in enumerate(((by_events, "events"), (by_strategies, "strategies"))):
        _draw_lines(axes[0][column], points, what, "play_s")
        axes[0][column].set(yscale="log", ylabel="CPU of playing, s")
        _draw_lines(axes[1][column], points, what, "peak_mb")
        axes[1][column].margins(y=0.2)
        axes[1][column].set(ylabel="peak memory, MB", ylim=(0, None))
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=120)


def _draw_lines(axis: Any, points: list[Point], what: str, figure_name: str) -> None:
    for kind, own in _by_kind(points):
        sizes = [getattr(one.size, what) for one in own]
        axis.plot(sizes, [getattr(one, figure_name) for one in own], marker="o", label=kind)
    axis.set(xscale="log", xlabel=what)
    axis.grid(visible=True, alpha=0.3)
    axis.legend()


if __name__ == "__main__":
    main()
