"""``python -m tests.simulation.run --seeds 300``: simulated runs, what they injected and found.

A seed that fails prints the one command that repeats it. ``--seed K --verbose`` plays one and shows
all that was found; ``--digest`` prints nothing but a hash of everything that the run wrote.
"""

from __future__ import annotations

import argparse
import itertools
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.faults import Fault
from tests.simulation.simulation import Outcome, Simulation

CHUNK = 5


def play(seed: int) -> Outcome:
    """One run."""
    return Simulation(seed).run()


def play_all(seeds: Sequence[int], jobs: int) -> Iterator[Outcome]:
    """Runs, in the order of their seeds."""
    if jobs == 1:
        yield from map(play, seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(play, seeds, chunksize=CHUNK)


def command_of(seed: int) -> str:
    """What repeats a run."""
    return f"python -m tests.simulation.run --seed {seed} --verbose"


class Totals:
    """Sums over runs, and the table that is printed."""

    def __init__(self) -> None:
        self.runs = self.inputs = self.decisions = self.fills = self.restarts = 0
        self.counts = dict.fromkeys(Fault, 0)
        self.failed: list[Outcome] = []

    def add(self, outcome: Outcome) -> None:
        self.runs += 1
        self.inputs += outcome.inputs
        self.decisions += outcome.decisions
        self.fills += outcome.fills
        self.restarts += outcome.restarts
        for fault, count in outcome.counts.items():
            self.counts[fault] += count
        if outcome.violations:
            self.failed.append(outcome)

    def lines(self) -> Iterator[str]:
        yield "| class | fault | injected |"
        yield "|---|---|---|"
        for fault, count in self.counts.items():
            yield f"| {fault.group} | {fault.words} | {count} |"
        for group, faults in itertools.groupby(self.counts, lambda one: one.group):
            total = sum(self.counts[one] for one in faults)
            yield f"| {group} | all | {total} |"
        yield (
            f"{self.runs} seeds, {self.inputs} inputs, {self.decisions} decisions, "
            f"{self.fills} fills, {self.restarts} restarts, {sum(self.counts.values())} faults, "
            f"{len(self.failed)} seeds with violations"
        )


def _arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=300, help="how many")
    parser.add_argument("--from", type=int, default=0, dest="first", help="the first one")
    parser.add_argument("--seed", type=int, help="only this one")
    parser.add_argument("--jobs", type=int, default=1, help="processes")
    parser.add_argument("--verbose", action="store_true", help="everything that was found")
    parser.add_argument("--digest", action="store_true", help="only a hash of what was written")
    parser.add_argument("--mutant", help="plant this fault of tests.simulation.mutants first")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None, say: Callable[[str], object] = print) -> int:
    """Runs seeds; 0 when nothing was violated."""
    arguments = _arguments(given)
    if arguments.mutant is not None:
        from tests.simulation.mutants import planted

        with planted(arguments.mutant):
            return _run(arguments, say)
    return _run(arguments, say)


def _run(arguments: argparse.Namespace, say: Callable[[str], object]) -> int:
    seeds = range(arguments.first, arguments.first + arguments.seeds)
    if arguments.seed is not None:
        seeds = range(arguments.seed, arguments.seed + 1)
    totals, started = Totals(), time.perf_counter()
    for outcome in play_all(seeds, arguments.jobs):
        totals.add(outcome)
        if arguments.digest:
            say(outcome.digest)
            continue
        if outcome.violations:
            say(f"seed {outcome.seed}: {outcome.violations[0]}")
            say(f"    {command_of(outcome.seed)}")
            if arguments.verbose:
                for violation in outcome.violations[1:]:
                    say(f"    {violation}")
    if not arguments.digest:
        for line in totals.lines():
            say(line)
        say(f"{time.perf_counter() - started:.1f} s")
    return 1 if totals.failed else 0


if __name__ == "__main__":
    sys.exit(main())
