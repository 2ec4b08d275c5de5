"""How long a start takes over a long journal, and how fast a journal is replayed.

    python -m benchmarks.recovery                          # 10^5 and 10^6 records, 100 starts each
    python -m benchmarks.recovery --records 100000 --starts 20 --workloads SmaCross

A live run is recorded and left as a kill would, with a snapshot so many records before its end.
Then ``orchestrion live`` is started over it again and again, each time in a process of its own and
over the same files, up to the moment at which it asks for market data: state restored, tail played,
account reconciled, the result durable. The venue answers at once. Beside the whole stands the
journal's share, as the program logs it; the rest is the start of Python, the imports and the
configuration. Bytecode is there, as it is of an installed package.

Cold replay is ``orchestrion.replay_journal`` over the same journal from its first record, in a
process of its own, imports not counted: every record read, recomputed, compared and verified.

Wall time is what somebody waits for, so it is judged; CPU time stands beside it, because other work
on the machine makes the one longer and not the other. The files are in the system's page cache; a
disk that has to be read first adds its own time.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple

import anyio

from benchmarks import our_run
from benchmarks.live_journal import HOLDINGS, Recorded, configuration, record
from benchmarks.page import machine, machine_line, markdown_table, percentile, write_table
from benchmarks.quiet_venue import RUNNING
from benchmarks.setup_peers import ROOT
from orchestrion import load_settings, replay_journal
from orchestrion.adapters.cli.main import COLLECT_AFTER_OBJECTS

WORKLOADS = ("Noop", "SmaCross")
"""The two ends: records that are market data alone, and one order for every third bar."""
RUNNING_BUDGET_S = 1.0
REPLAY_BUDGET_PER_S = 20_000
HEAD = ("workload", "records", "orders", "file", "tail", "starts")
START_HEAD = (
    *HEAD,
    "median s",
    "p99 s",
    "CPU median s",
    "of it journal: median s",
    "p99 s",
    "at most 1.0 s",
)
REPLAY_HEAD = ("workload", "records", "orders", "s", "CPU s", "records/s", "at least 20,000")
RESUMED = '"event": "RunResumed"'
"""Marks the line in which a start says what its journal took."""


class Start(NamedTuple):
    """One process, from its exec to the first wish for market data.

    Attributes:
        cpu_s: of the process, user and system.
        journal_s: opening, restoring and playing the tail, within ``whole_s``.
        inputs: of the tail.
    """

    whole_s: float
    cpu_s: float
    journal_s: float
    inputs: int


def main() -> None:
    given = _arguments()
    if given.replay is not None:
        _replay(given.replay)
        return
    about = machine()
    starts: list[tuple[object, ...]] = []
    replays: list[tuple[object, ...]] = []
    for workload in given.workloads:
        for records in given.records:
            with our_run.scratch_folder() as folder:
                _measure(folder, workload, records, given, starts, replays)
    content = "\n\n".join(
        (
            machine_line(about),
            markdown_table(START_HEAD, starts),
            markdown_table(REPLAY_HEAD, replays),
        )
    )
    print(f"\n{content}")
    if given.page is not None:
        write_table(given.page, "recovery", content)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Measures recovery and replay.")
    parser.add_argument("--records", type=_numbers, default=[100_000, 1_000_000])
    parser.add_argument("--tail", type=int, default=10_000, help="records behind the snapshot")
    parser.add_argument("--starts", type=int, default=100, help="per journal")
    parser.add_argument("--workloads", nargs="+", choices=WORKLOADS, default=list(WORKLOADS))
    parser.add_argument("--page", type=Path, help="put the tables into this page")
    parser.add_argument("--replay", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _numbers(text: str) -> list[int]:
    return [int(one) for one in text.split(",")]


def _measure(
    folder: Path,
    workload: str,
    records: int,
    given: argparse.Namespace,
    starts: list[tuple[object, ...]],
    replays: list[tuple[object, ...]],
) -> None:
    """Adds a row to both tables."""
    file, journals = folder / "live.json", folder / "journals"
    file.write_text(json.dumps(configuration(workload)))
    our_run.quiet_logs()
    settings = load_settings(file)
    recorded = anyio.run(lambda: record(settings, journals, records=records, tail=given.tail))
    print(f"{workload}: {recorded.records:,} records, {recorded.orders:,} orders", flush=True)
    _start(file, journals, recorded)  # compiles the program
    seen = [_start(file, journals, recorded) for _ in range(given.starts)]
    starts.append(_start_row(workload, recorded, given.tail, _mib(journals), seen))
    replays.append(_replay_row(workload, recorded, journals))


# -- starts ---------------------------------------------------------------------------------------


def _start(file: Path, journals: Path, recorded: Recorded) -> Start:
    command = [sys.executable, "-m", "orchestrion", "live", str(file), "--i-accept-live-orders"]
    command += ["--journal", str(journals)]
    # Installed packages have their bytecode; a checkout gets it with the first start.
    compiled = {"PYTHONPYCACHEPREFIX": str(file.parent / "bytecode"), "PYTHONDONTWRITEBYTECODE": ""}
    environment = {**os.environ, **compiled, HOLDINGS: recorded.holdings}
    cpu_s, begun_s = _cpu_of_children_s(), time.perf_counter()
    run = subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    whole_s, cpu_s = time.perf_counter() - begun_s, _cpu_of_children_s() - cpu_s
    log = run.stderr
    resumed = next((line for line in log.splitlines() if RESUMED in line), None)
    if RUNNING not in run.stdout or resumed is None:
        sys.exit(f"the start failed:\n{log[-3000:]}")
    for left in journals.glob("000002.*"):  # what this start wrote: the next one finds the same
        left.unlink()
    told: dict[str, Any] = json.loads(resumed)
    return Start(whole_s, cpu_s, told["took_s"], told["inputs_replayed"])


def _cpu_of_children_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _start_row(
    workload: str, recorded: Recorded, tail: int, file: str, seen: list[Start]
) -> tuple[object, ...]:
    whole = [one.whole_s for one in seen]
    late_s = percentile(whole, 99)
    return (
        workload,
        f"{recorded.records:,}",
        f"{recorded.orders:,}",
        file,
        f"{tail:,}, {seen[0].inputs:,} inputs",
        len(seen),
        f"{percentile(whole, 50):.2f}",
        f"{late_s:.2f}",
        f"{percentile([one.cpu_s for one in seen], 50):.2f}",
        f"{percentile([one.journal_s for one in seen], 50):.2f}",
        f"{percentile([one.journal_s for one in seen], 99):.2f}",
        "met" if late_s <= RUNNING_BUDGET_S else "not met",
    )


def _mib(journals: Path) -> str:
    return f"{sum(one.stat().st_size for one in journals.glob('*.sqlite')) / 2**20:.0f} MiB"


# -- replay ---------------------------------------------------------------------------------------


def _replay(journals: Path) -> None:
    """The child: one JSON line."""
    our_run.quiet_logs()
    gc.set_threshold(COLLECT_AFTER_OBJECTS)  # as ``orchestrion replay`` does
    begun_s, cpu_s = time.perf_counter(), time.process_time()
    outcome = replay_journal(journals)
    seconds, cpu_s = time.perf_counter() - begun_s, time.process_time() - cpu_s
    if not outcome.identical:
        sys.exit(f"the replay differs: {outcome.divergence}")
    print(json.dumps({"records": outcome.records, "seconds": seconds, "cpu_s": cpu_s}))


def _replay_row(workload: str, recorded: Recorded, journals: Path) -> tuple[object, ...]:
    command = [sys.executable, "-m", "benchmarks.recovery", "--replay", str(journals)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode:
        sys.exit(f"the replay failed:\n{run.stderr[-3000:]}")
    line: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    per_s = line["records"] / line["seconds"]
    return (
        workload,
        f"{line['records']:,}",
        f"{recorded.orders:,}",
        f"{line['seconds']:.1f}",
        f"{line['cpu_s']:.1f}",
        f"{per_s:,.0f}",
        "met" if per_s >= REPLAY_BUDGET_PER_S else "not met",
    )


if __name__ == "__main__":
    main()
