"""Simulated runs: what they injected and found. A seed that fails prints what repeats it.

    python -m tests.simulation --seeds 0:300 --jobs 2
    python -m tests.simulation --seeds 0:10000 --out build/seeds.jsonl
    python -m tests.simulation --report build/seeds.jsonl --page docs/reliability.md
    python -m tests.simulation --seed 17 --verbose

With ``--out`` a line per seed is appended to a file, and seeds that are there already are not
played again, so that a long run can be ended at any time and gone on with. ``--digest`` prints
nothing but a hash of everything that a run wrote.
"""

from __future__ import annotations

import argparse
import gc
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager, closing, nullcontext
from pathlib import Path

from orchestrion.runtime.errors import describe
from tests.page import write_page
from tests.simulation.seed_line import LineFile, SeedLine, line_of
from tests.simulation.seed_report import SeedReport
from tests.simulation.simulation import Outcome, Simulation

ROOT = Path(__file__).resolve().parents[2]
TABLE = "seeds"
YOUNG_OBJECTS_MAX = 100_000
"""Before the garbage collector looks; a run makes hardly a cycle. Arbitrary."""


def play(seed: int) -> Outcome:
    """One run. What breaks the simulator itself is told like a violation, so that the others are
    still played."""
    try:
        return Simulation(seed).run()
    except Exception as broken:
        return Outcome(seed, [f"the simulator broke: {describe(broken)}"])


def play_all(seeds: Sequence[int], jobs: int) -> Iterator[Outcome]:
    """Runs, in the order of their seeds."""
    if jobs == 1:
        yield from map(play, seeds)
        return
    with ProcessPoolExecutor(jobs, initializer=_become_worker) as pool:
        try:
            yield from pool.map(play, seeds)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _become_worker() -> None:
    """Ctrl-C is for the process that writes; it ends the workers."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    spare_garbage_collections()


def spare_garbage_collections() -> None:
    """Makes this process an eighth faster, at the price of some memory."""
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS_MAX)


def command_of(seed: int) -> str:
    """What repeats a run."""
    return f"python -m tests.simulation --seed {seed} --verbose"


def commit() -> str:
    """Of the code that is running; with a plus sign when it was changed since."""
    described = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return described.stdout.strip() or "unknown"


def seeds_of(text: str) -> range:
    """``300`` is 0:300; the end of ``A:B`` is not played.

    Raises:
        ValueError: it is neither.
    """
    first, colon, end = text.partition(":")
    return range(int(first), int(end)) if colon else range(int(first))


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--seeds", type=seeds_of, default="300", help="A:B, or how many")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--out", type=Path, help="append a line per seed; skip those it has")
    parser.add_argument(
        "--again", action="store_true", help="play those that had violations in --out again"
    )
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--verbose", action="store_true", help="everything that was found")
    parser.add_argument("--digest", action="store_true", help="only a hash of what was written")
    parser.add_argument("--mutant", help="plant this fault of tests.simulation.mutants first")
    parser.add_argument("--report", type=Path, help="play nothing: the table of a file of --out")
    parser.add_argument("--page", type=Path, help="put the table of --report into this page")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None, say: Callable[[str], object] = print) -> int:
    """Runs seeds; 0 when nothing was violated."""
    arguments = _arguments(given)
    if arguments.report is not None:
        return _tell(arguments.report, arguments.page, say)
    with _planted(arguments.mutant):
        if arguments.digest:
            for outcome in play_all(_wanted(arguments), arguments.jobs):
                say(outcome.digest)
            return 0
        return _run(arguments, say)


def _planted(mutant: str | None) -> AbstractContextManager[None]:
    if mutant is None:
        return nullcontext()
    from tests.simulation.mutants import planted

    return planted(mutant)


def _wanted(arguments: argparse.Namespace) -> Sequence[int]:
    return arguments.seeds if arguments.seed is None else (arguments.seed,)


def _tell(file: Path, page: Path | None, say: Callable[[str], object]) -> int:
    report = SeedReport(LineFile(file, SeedLine).lines)
    table = report.page("python -m tests.simulation --seeds 0:10000 --out FILE")
    say(table)
    if page is not None:
        write_page(page, TABLE, table)
    return 1 if report.failed else 0


def _run(arguments: argparse.Namespace, say: Callable[[str], object]) -> int:
    started = time.perf_counter()
    file = LineFile(arguments.out, SeedLine)
    last = {line.seed: line for line in file.lines}
    done = {one for one, line in last.items() if not (arguments.again and line.violations)}
    known = len(file.lines)
    missing = [one for one in _wanted(arguments) if one not in done]
    with closing(_lines(missing, arguments, say)) as lines:
        try:
            file.add(lines)
        except KeyboardInterrupt:
            say("interrupted")
    report = SeedReport(file.lines[known:])
    say(report.faults())
    say(report.summary())
    say(f"{time.perf_counter() - started:.1f} s")
    return 1 if report.failed else 0


def _lines(
    seeds: Sequence[int], arguments: argparse.Namespace, say: Callable[[str], object]
) -> Generator[SeedLine]:
    """Plays, and tells of every violation."""
    code = commit()
    for outcome in play_all(seeds, arguments.jobs):
        line = line_of(outcome, code)
        if line.violations:
            say(f"seed {line.seed}: {line.violations[0]}")
            say(f"    {command_of(line.seed)}")
        if arguments.verbose:
            for violation in line.violations[1:]:
                say(f"    {violation}")
        yield line
