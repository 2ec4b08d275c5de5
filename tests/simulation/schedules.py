"""Schedule exploration: no order of tasks, event loop or hash seed changes a byte of a journal.

    python -m tests.simulation.schedules --out build/schedules.jsonl   # 200 x 25 x 2 loops x 3
    python -m tests.simulation.schedules --scenarios 17:18 --permutations 5

Every hash seed is a process of its own, and draws its scenarios itself; their digests must agree.
With ``--out`` a scenario that is in the file already is not played again, and ``--page`` puts the
table into a page.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from tests.page import machine, table, write_page
from tests.simulation.run import ROOT, commit, seeds_of, spare_garbage_collections
from tests.simulation.scheduled_run import LOOPS, play, scenario_of
from tests.simulation.seed_line import LineFile

SCENARIOS, PERMUTATIONS = 200, 25
HASH_SEEDS = ("0", "1", "2")
TABLE = "schedules"


class ScenarioLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One scenario with one hash seed.

    Attributes:
        digest: of its journal, see ``Scenario``.
        meetings: how often several calls were awaited at once, over all its runs.
        differences: what was not as in the scenario, and how to see it again.
    """

    scenario: int
    hash_seed: str
    permutations: int
    commit: str
    digest: str = ""
    decisions: int = 0
    answers: int = 0
    runs: int = 0
    meetings: int = 0
    differences: tuple[str, ...] = ()


def explore(seed: int, permutations: int, *, hash_seed: str, code: str = "") -> ScenarioLine:
    """All orders of tasks of one scenario, on both event loops, with the hash seed of now."""
    line = ScenarioLine(seed, hash_seed, permutations, code)
    try:
        scenario = scenario_of(seed)
    except AssertionError as violation:
        return msgspec.structs.replace(line, differences=(f"no scenario: {violation}",))
    runs = meetings = 0
    differences: list[str] = []
    for permutation in range(permutations):
        for loop in LOOPS:
            played = play(scenario, permutation, loop)
            runs, meetings = runs + 1, meetings + played.meetings
            if played.difference:
                differences.append(f"{loop}, permutation {permutation}: {played.difference}")
    return msgspec.structs.replace(
        line,
        digest=scenario.digest,
        decisions=scenario.decisions,
        answers=scenario.answers,
        runs=runs,
        meetings=meetings,
        differences=tuple(differences),
    )


def explore_in_process(
    scenarios: Sequence[int], permutations: int, hash_seed: str
) -> Iterator[ScenarioLine]:
    """The same in a process with another hash seed.

    Raises:
        RuntimeError: the process has failed.
    """
    command = [sys.executable, "-m", "tests.simulation.schedules", "--lines"]
    command += ["--permutations", str(permutations), *map(str, scenarios)]
    environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
    with subprocess.Popen(command, cwd=ROOT, env=environment, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        for text in process.stdout:
            yield msgspec.json.decode(text, type=ScenarioLine)
    if process.returncode:
        raise RuntimeError(f"hash seed {hash_seed}: ended with {process.returncode}")


def faults_of(lines: Iterable[ScenarioLine]) -> list[str]:
    """Every difference; also scenarios that are not the same with every hash seed."""
    faults: list[str] = []
    digests: dict[int, dict[str, str]] = {}
    for line in lines:
        command = f"python -m tests.simulation.schedules --scenarios {line.scenario}:"
        command += f"{line.scenario + 1} --permutations {line.permutations}"
        words = f"PYTHONHASHSEED {line.hash_seed}, "
        faults += [f"{words}{difference}\n    {command}" for difference in line.differences]
        digests.setdefault(line.scenario, {})[line.hash_seed] = line.digest
    for scenario, by_hash_seed in digests.items():
        if len(dict.fromkeys(by_hash_seed.values())) > 1:
            faults.append(f"scenario {scenario}: other bytes by hash seed: {by_hash_seed}")
    return faults


def render(lines: Sequence[ScenarioLine], command: str) -> str:
    """The table."""
    scenarios = dict.fromkeys(line.scenario for line in lines)
    hash_seeds = dict.fromkeys(line.hash_seed for line in lines)
    rows = (
        ("scenarios", len(scenarios)),
        ("permutations of each", min((line.permutations for line in lines), default=0)),
        ("event loops", ", ".join(LOOPS)),
        ("hash seeds", ", ".join(hash_seeds)),
        ("runs", f"{sum(line.runs for line in lines):,} of {_goal():,}"),
        ("decisions of a scenario, on average", _mean(line.decisions for line in lines)),
        ("answers of asynchronous strategies, on average", _mean(line.answers for line in lines)),
        ("times that several were awaited at once", f"{sum(line.meetings for line in lines):,}"),
        ("runs whose journal differs in any byte", len(faults_of(lines))),
    )
    code = ", ".join(dict.fromkeys(line.commit for line in lines))
    return f"{table(('', ''), rows)}\n\n`{command}`, code of {code}, on {machine()}."


def _goal() -> int:
    return SCENARIOS * PERMUTATIONS * len(LOOPS) * len(HASH_SEEDS)


def _mean(values: Iterable[int]) -> int:
    given = list(values)
    return round(sum(given) / len(given)) if given else 0


def main(given: Sequence[str] | None = None, say: Callable[[str], object] = print) -> int:
    """Explores; 0 when nothing differed."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.simulation.schedules",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--scenarios", type=seeds_of, default=str(SCENARIOS), help="A:B, or count")
    parser.add_argument("--permutations", type=int, default=PERMUTATIONS)
    parser.add_argument("--out", type=Path, help="append a line per scenario; skip those it has")
    parser.add_argument("--page", type=Path, help="put the table into this page")
    parser.add_argument("--lines", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("only", type=int, nargs="*", help=argparse.SUPPRESS)
    arguments = parser.parse_args(given)
    if arguments.lines:
        _print_lines(arguments.only, arguments.permutations)
        return 0
    file = LineFile(arguments.out, ScenarioLine)
    done = {(one.hash_seed, one.scenario, one.permutations) for one in file.lines}
    for hash_seed in HASH_SEEDS:
        wanted = [
            one
            for one in arguments.scenarios
            if (hash_seed, one, arguments.permutations) not in done
        ]
        if wanted:
            file.add(explore_in_process(wanted, arguments.permutations, hash_seed))
    for fault in faults_of(file.lines):
        say(fault)
    text = render(file.lines, "python -m tests.simulation.schedules")
    say(text)
    if arguments.page is not None:
        write_page(arguments.page, TABLE, text)
    return 1 if faults_of(file.lines) else 0


def _print_lines(scenarios: Sequence[int], permutations: int) -> None:
    spare_garbage_collections()
    code, hash_seed = commit(), os.environ.get("PYTHONHASHSEED", "")
    for seed in scenarios:
        line = explore(seed, permutations, hash_seed=hash_seed, code=code)
        sys.stdout.write(msgspec.json.encode(line).decode() + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
