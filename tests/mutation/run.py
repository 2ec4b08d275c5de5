"""Mutation tests of books, limits and journal: which small changes does no test notice?

    python -m tests.mutation.run --page docs/mutation.md     all areas, an hour
    python -m tests.mutation.run --areas limits --verbose
    python -m tests.mutation.run --areas books --only AccountBooks.track

``operators`` says what is changed, ``areas`` where, ``probe`` how. A mutant is run against the
tests that run its statement, the quick ones first, until one fails. What survives is either a test
that is missing, or it changes nothing that anybody could see: then ``survivors.toml`` says why. A
survivor without a reason ends the command with 1.

The properties draw the same examples as ever (they are derandomised), so a verdict repeats. POSIX
only: it forks.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
import tomllib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import click
import pytest

from tests.mutation.areas import AREAS, Area
from tests.mutation.operators import Mutant, mutants_of
from tests.mutation.probe import Reach, Target, Verdict, judge, measure

ROOT = Path(__file__).resolve().parents[2]
REASONS = Path(__file__).with_name("survivors.toml")
ALIVE = (Verdict.SURVIVED, Verdict.UNREACHED, Verdict.UNMAKEABLE)
"""What was not killed, and so needs a reason."""


@dataclass(frozen=True)
class Found:
    """One mutant and what became of it."""

    module: str
    mutant: Mutant
    verdict: Verdict

    @property
    def where(self) -> str:
        return f"{self.module}: {self.mutant.function or self.mutant.constant}"

    @property
    def key(self) -> tuple[str, str]:
        return self.where, self.mutant.change


class MutationPlugin:
    """Takes the place of pytest's own loop over the collected tests."""

    def __init__(self, area: Area, *, only: str, is_verbose: bool) -> None:
        self.found: list[Found] = []
        self._area = area
        self._only = only
        self._is_verbose = is_verbose

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        targets = [Target(name) for name in self._area.modules]
        reaches = measure(session.items, targets)
        for target in targets:
            for mutant in mutants_of(target.source):
                if self._only in (mutant.function or mutant.constant):
                    self._try(session.items, reaches, target, mutant)
        return True

    def _try(
        self,
        items: Sequence[pytest.Item],
        reaches: Sequence[Reach],
        target: Target,
        mutant: Mutant,
    ) -> None:
        places = _concerned(reaches, target.name, mutant)
        verdict = Verdict.UNREACHED
        if places:
            known_s = sum(reaches[one].seconds for one in places)
            verdict = judge(target, mutant, [items[one] for one in places], known_s)
        found = Found(target.name, mutant, verdict)
        self.found.append(found)
        if self._is_verbose or verdict in ALIVE:
            click.echo(f"{verdict:12} {found.where}:{mutant.line}: {mutant.change}", err=True)


def _concerned(reaches: Sequence[Reach], module: str, mutant: Mutant) -> list[int]:
    """Tests that run the mutated statement, quick ones first. A constant concerns everybody."""
    lines = {(module, one) for one in range(mutant.first_line, mutant.last_line + 1)}
    places = [
        place
        for place, reach in enumerate(reaches)
        if mutant.constant or not lines.isdisjoint(reach.lines)
    ]
    return sorted(places, key=lambda one: reaches[one].seconds)


def run_area(area: Area, *, only: str = "", is_verbose: bool = False) -> list[Found]:
    """Every mutant of an area.

    Raises:
        RuntimeError: the tests cannot be collected, or fail without a mutant.
    """
    plugin = MutationPlugin(area, only=only, is_verbose=is_verbose)
    with tempfile.TemporaryDirectory(prefix="orchestrion-mutation-") as folder:
        options = ["-qq", "-s", "--no-summary", "-p", "no:cacheprovider", "-p", "no:faulthandler"]
        options += ["-o", "tmp_path_retention_policy=none", f"--basetemp={folder}/tests"]
        code = pytest.main([*options, *(str(ROOT / one) for one in area.tests)], plugins=[plugin])
    if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
        raise RuntimeError(f"pytest ended with {code!r}")
    return plugin.found


def reasons() -> dict[tuple[str, str], str]:
    """(where, change) -> why it cannot be seen."""
    content = tomllib.loads(REASONS.read_text())
    return {
        (one["where"], change): one["reason"]
        for one in content.get("survivor", ())
        for change in one["changes"]
    }


# -- what is printed ------------------------------------------------------------------------------


def count_lines(found_by_area: dict[str, list[Found]]) -> Iterator[str]:
    yield "| area | module | mutants | killed | timed out | survived | not reached | not made |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|"
    for area, found in found_by_area.items():
        for module in dict.fromkeys(one.module for one in found):
            own = [one for one in found if one.module == module]
            yield _count_line(area, module.removeprefix("orchestrion."), own)
        yield _count_line(f"**{area}**", "all", found)


def _count_line(area: str, module: str, found: Sequence[Found]) -> str:
    counts = Counter(one.verdict for one in found)
    figures = " | ".join(str(counts[one]) for one in Verdict)
    return f"| {area} | {module} | {len(found)} | {figures} |"


def survivor_lines(found: Sequence[Found], known: dict[tuple[str, str], str]) -> Iterator[str]:
    yield "| where | change | why it stays |"
    yield "|---|---|---|"
    for one in found:
        if one.verdict in ALIVE:
            change = one.mutant.change.replace("|", "\\|")
            where = one.where.removeprefix("orchestrion.")
            yield f"| {where} | `{change}` | {known.get(one.key, 'no reason given')} |"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Mutation tests.")
    parser.add_argument("--areas", nargs="+", choices=AREAS, default=list(AREAS))
    parser.add_argument("--only", default="", help="functions whose name holds this")
    parser.add_argument("--verbose", action="store_true", help="every mutant, not survivors alone")
    parser.add_argument("--page", type=Path, help="put the tables into this page")
    return parser.parse_args()


def main() -> int:
    # Not at the top: pytest imports this module too, and does not see the folder of benchmarks.
    from benchmarks.page import machine, machine_line, write_table

    given = _arguments()
    about, known = machine_line(machine()), reasons()
    begun_s = time.monotonic()
    found_by_area = {
        one: run_area(AREAS[one], only=given.only, is_verbose=given.verbose) for one in given.areas
    }
    found = [one for area in found_by_area.values() for one in area]
    content = "\n".join(
        (
            f"{about[:-1]}; {time.monotonic() - begun_s:.0f} s.",
            "",
            *count_lines(found_by_area),
            "",
            *survivor_lines(found, known),
        )
    )
    click.echo(content)
    if given.page is not None:
        write_table(given.page, "mutation", content)
    alive = {one.key for one in found if one.verdict in ALIVE}
    unexplained = [one for one in alive if one not in known]
    is_all = not given.only and given.areas == list(AREAS)
    stale = [one for one in known if is_all and one not in alive]
    for where, change in unexplained:
        click.echo(f"no reason given: {where}: {change}", err=True)
    for where, change in stale:
        click.echo(f"no survivor any more: {where}: {change}", err=True)
    return 1 if unexplained or stale else 0


if __name__ == "__main__":
    sys.exit(main())
