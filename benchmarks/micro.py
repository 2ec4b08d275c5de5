"""What the parts cost alone: a hop, a round, an order, a journal record.

    python -m benchmarks.micro [--only order] [--count 20000] [--repeats 5] [--profile]

Each is the CPU time of many, divided, the smallest of several repeats: what disturbs a measurement
only adds. ``--profile`` prints where the time goes instead; its own cost per call makes small
functions look dearer than they are.
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from benchmarks import our_run
from benchmarks.page import machine, machine_line, markdown_table, write_table
from benchmarks.workload import price_bars
from orchestrion import load_settings
from orchestrion.actors.messages import RunStarted
from orchestrion.adapters.backtest import build_run
from orchestrion.adapters.data.in_memory_data import InMemoryData
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.adapters.journal.sqlite_journal import Durability, SqliteJournal
from orchestrion.runtime.journal import JournalHeader, Record, RecordKind
from orchestrion.runtime.machine import Machine
from orchestrion.runtime.mailbox import Mailbox

PROFILE_LINES = 50
RECORD_BODY_BYTES = 300
"""About the size of a decision with one leg."""
ROUND_SIZES = (1, 10, 50)
ORDERING_STRATEGIES = 10

Timed = Callable[[], None]


class Part(NamedTuple):
    """One measurement.

    Attributes:
        prepare: count -> the function that is timed, and how many of the parts it does.
        share: the counts are divided by it, for what takes long.
        is_wall: waiting counts too, e.g. for a disk.
    """

    name: str
    what: str
    prepare: Callable[[int, Path], tuple[Timed, int]]
    share: int = 1
    is_wall: bool = False


class _Forwarder:
    """An actor that tells itself again until a message has been handed on often enough."""

    def __init__(self) -> None:
        self.left = 0
        self.mailbox: Mailbox | None = None

    def receive(self, message: object) -> None:
        self.left -= 1
        if self.left > 0 and self.mailbox is not None:
            self.mailbox.tell(message)


class _Ping:
    """A message without content."""


def _hop(count: int, _: Path) -> tuple[Timed, int]:
    machine = Machine(_begun(MemoryJournal()))
    actor = _Forwarder()
    actor.mailbox = machine.spawn("forwarder", actor)
    machine.route(_Ping, actor.mailbox)

    def run() -> None:
        actor.left = count
        machine.post(_Ping(), machine.now, is_recorded=False)

    return run, count


def _round_of(strategies: int) -> Callable[[int, Path], tuple[Timed, int]]:
    def prepare(count: int, _: Path) -> tuple[Timed, int]:
        source = _source(count)
        settings = load_settings(our_run.configuration("Noop", "noop", strategies))
        journal = MemoryJournal()
        header = _header()
        journal.begin(header)
        machine = build_run(settings, source, journal, header).machine
        first = next(source.slices())
        machine.post(RunStarted(first.ts_event - 1), first.ts_event - 1)
        machine.take_effects()
        slices = iter(tuple(source.slices()))

        def run() -> None:
            for one in slices:
                machine.post(one, one.ts_event, is_recorded=False)

        return run, count

    return prepare


def _orders(count: int, folder: Path) -> tuple[Timed, int]:
    """A whole run with an order from every strategy and bar; building it is spread over them."""
    bars = max(count // ORDERING_STRATEGIES, 2)
    source = _source(bars)
    settings = load_settings(our_run.configuration("Alternating", "sma", ORDERING_STRATEGIES))

    def run() -> None:
        path = folder / f"orders-{time.perf_counter_ns()}.sqlite"
        our_run.play(settings, source, path)
        path.unlink()

    return run, bars * ORDERING_STRATEGIES


def _append(count: int, folder: Path) -> tuple[Timed, int]:
    records = [_record(number) for number in range(1, count + 1)]

    def run() -> None:
        path = folder / f"append-{time.perf_counter_ns()}.sqlite"
        journal = SqliteJournal(path, durability=Durability.RELAXED)
        journal.begin(_header())
        for record in records:
            journal.append(record)
        journal.close()
        path.unlink()

    return run, count


def _sync(count: int, folder: Path) -> tuple[Timed, int]:
    records = [_record(number) for number in range(1, count + 1)]

    def run() -> None:
        path = folder / f"sync-{time.perf_counter_ns()}.sqlite"
        journal = SqliteJournal(path, durability=Durability.FULL)
        journal.begin(_header())
        for record in records:
            journal.append(record)
            journal.sync()
        journal.close()
        path.unlink()

    return run, count


def _fsync(count: int, folder: Path) -> tuple[Timed, int]:
    """What the disk alone takes for a page, to hold the sync against."""
    page = bytes(4096)

    def run() -> None:
        path = folder / "fsync"
        with path.open("wb", buffering=0) as file:
            for _ in range(count):
                file.write(page)
                os.fsync(file.fileno())
        path.unlink()

    return run, count


def _record(number: int) -> Record:
    body = b'{"label":"%b"}' % (b"x" * (RECORD_BODY_BYTES - 12))
    return Record(number, RecordKind.DECISION, "DecisionRecord", number, body)


def _source(bars: int) -> InMemoryData:
    return our_run.memory_source([price_bars(bars)])


def _header() -> JournalHeader:
    return JournalHeader(
        run_id="benchmark",
        environment="backtest",
        seed=0,
        configuration="{}",
        configuration_sha256="",
        data_name="benchmark",
        data_sha256="",
        versions={},
    )


def _begun(journal: MemoryJournal) -> MemoryJournal:
    journal.begin(_header())
    return journal


PARTS = (
    Part("hop", "a message told and handled, one actor to itself", _hop),
    *(
        Part(
            f"round-{count}",
            f"a slice through coordinator and {count} no-op strategies, per slice",
            _round_of(count),
            share=count,
        )
        for count in ROUND_SIZES
    ),
    Part(
        "order",
        f"command to booked fill, a run of {ORDERING_STRATEGIES} strategies that order every bar",
        _orders,
        share=4,
    ),
    Part("append", "a record of 300 bytes into SQLite, relaxed", _append),
    Part("sync", "append and sync of one record, full durability", _sync, share=50, is_wall=True),
    Part("fsync", "a page written and synced without SQLite", _fsync, share=50, is_wall=True),
)


def measure(part: Part, *, count: int, repeats: int, folder: Path) -> float:
    """Microseconds each: the smallest of the repeats."""
    clock = time.perf_counter if part.is_wall else time.process_time
    best = float("inf")
    for _ in range(repeats):
        run, done = part.prepare(max(count // part.share, 4), folder)
        started = clock()
        run()
        best = min(best, (clock() - started) / done * 1e6)
    return best


def _profile(part: Part, count: int, folder: Path) -> None:
    run, done = part.prepare(max(count // part.share, 4), folder)
    profile = cProfile.Profile()
    profile.runcall(run)
    print(f"{part.name}: {done:,} times")
    pstats.Stats(profile).sort_stats("tottime").print_stats(PROFILE_LINES)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measures the parts of a run.")
    parser.add_argument("--only", choices=[part.name for part in PARTS])
    parser.add_argument("--count", type=int, default=20_000)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--profile", action="store_true", help="print cProfile, sorted")
    parser.add_argument("--page", type=Path, help="put the table into this page")
    given = parser.parse_args()
    our_run.quiet_logs()
    parts = [part for part in PARTS if given.only in (None, part.name)]
    about = machine()
    rows: list[tuple[str, str, str]] = []
    with our_run.scratch_folder() as folder:
        for part in parts:
            if given.profile:
                _profile(part, given.count, folder)
                continue
            cost = measure(part, count=given.count, repeats=given.repeats, folder=folder)
            rows.append((part.what, f"{cost:.2f}", "wall" if part.is_wall else "CPU"))
            print(f"{part.name}: {cost:.2f} us", flush=True)
    if rows:
        content = f"{machine_line(about)}\n\n{markdown_table(('part', 'us', 'time'), rows)}"
        print(f"\n{content}")
        if given.page is not None:
            write_table(given.page, "micro", content)


if __name__ == "__main__":
    main()
