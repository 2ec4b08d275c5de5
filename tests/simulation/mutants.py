"""Planted faults: a simulator that finds none of these proves nothing.

Each mutant patches the real code for as long as its context is open. ``BUGS`` break a promise that
a checker must notice; ``NONDETERMINISMS`` let into a decision what no journal holds, which a
replay in other surroundings, or a second process with another hash seed, must notice.

    python -m tests.simulation.mutants --page docs/reliability.md  # the table, seeds to detect
    python -m tests.simulation.mutants --only halt_not_checked
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import AbstractContextManager
from pathlib import Path
from statistics import median
from typing import NamedTuple

from tests.page import machine, table, write_page
from tests.simulation.mutant_bugs import BUGS
from tests.simulation.mutant_nondeterminism import NEEDS_PROCESSES, NONDETERMINISMS
from tests.simulation.mutant_restarts import RESTART_BUGS
from tests.simulation.run import ROOT, commit, spare_garbage_collections
from tests.simulation.simulation import Simulation

SEEDS_MAX = 1_000
TABLE = "planted faults"
HASH_SEEDS = ("1", "2")

ALL: dict[str, Callable[[], AbstractContextManager[None]]] = {
    **BUGS,
    **RESTART_BUGS,
    **NONDETERMINISMS,
}

KINDS: dict[str, Collection[str]] = {
    "bug": BUGS,
    "bug of a restart": RESTART_BUGS,
    "nondeterminism": NONDETERMINISMS,
}


class Detection(NamedTuple):
    """How a mutant was found; ``seeds`` is 0 when it was not."""

    name: str
    seeds: int
    by: str


def planted(name: str) -> AbstractContextManager[None]:
    """A mutant by its name.

    Raises:
        KeyError: there is none of this name.
    """
    return ALL[name]()


def detect(name: str, seeds_max: int = SEEDS_MAX) -> Detection:
    """Plays seeds with a mutant until something is found that the real code does not do."""
    if name in NEEDS_PROCESSES:
        return _detect_with_processes(name, seeds_max)
    for seed in range(seeds_max):
        with planted(name):
            found = Simulation(seed).run().violations
        if found and not Simulation(seed).run().violations:
            return Detection(name, seed + 1, found[0])
    return Detection(name, 0, "")


def _detect_with_processes(name: str, seeds_max: int) -> Detection:
    """Two processes with different hash seeds must write the same bytes."""
    for seed in range(min(seeds_max, 50)):
        digests = [digest_of(seed, hash_seed=one, mutant=name) for one in HASH_SEEDS]
        if len(dict.fromkeys(digests)) > 1:
            return Detection(name, seed + 1, "I14, I16: two processes write different journals")
    return Detection(name, 0, "")


def digest_of(seed: int, *, hash_seed: str, mutant: str | None = None) -> str:
    """The digest of a run in a process of its own."""
    command = [sys.executable, "-m", "tests.simulation", "--seed", str(seed), "--digest"]
    if mutant is not None:
        command += ["--mutant", mutant]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    return done.stdout or done.stderr


def render(found: Sequence[Detection], seeds_max: int, command: str) -> str:
    """The table, and what it comes to."""
    rows = [
        (f"`{one.name}`", _kind(one.name), one.seeds or "not found", one.by.replace("|", "/")[:110])
        for one in found
    ]
    counts = [
        f"{words} {sum(1 for one in found if one.name in names and one.seeds)} of {len(names)}"
        for words, names in KINDS.items()
    ]
    needed = [one.seeds for one in found if one.seeds]
    return (
        f"Found: {', '.join(counts)}; the slowest within {max(needed, default=0)} seeds, half of "
        f"them within {round(median(needed)) if needed else 0}; at most {seeds_max} are tried.\n\n"
        f"{table(('planted fault', 'kind', 'seeds to detect', 'first told as'), rows)}\n\n"
        f"`{command}`, code of {commit()}, on {machine()}."
    )


def _kind(name: str) -> str:
    return next(words for words, names in KINDS.items() if name in names)


def main(given: Sequence[str] | None = None) -> int:
    """Prints the table; 0 when every mutant was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", help="this one; may be repeated")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--seeds", type=int, default=SEEDS_MAX)
    parser.add_argument("--page", type=Path, help="put the table into this page")
    arguments = parser.parse_args(given)
    names = arguments.only or list(ALL)
    found: list[Detection] = []
    with ProcessPoolExecutor(arguments.jobs, initializer=spare_garbage_collections) as pool:
        for one in pool.map(detect, names, [arguments.seeds] * len(names)):
            found.append(one)
            sys.stderr.write(f"{one.name}: {one.seeds or 'not found'}\n")
    text = render(found, arguments.seeds, "python -m tests.simulation.mutants")
    sys.stdout.write(text + "\n")
    if arguments.page is not None:
        write_page(arguments.page, TABLE, text)
    return 0 if all(one.seeds for one in found) else 1


if __name__ == "__main__":
    sys.exit(main())
