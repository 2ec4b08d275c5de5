"""The table of played seeds, for a person and for the page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tests.page import machine, table
from tests.simulation.faults import CLASSES, Fault
from tests.simulation.seed_line import SeedLine

CLASS_GOAL = 500
FAULTS_GOAL = 1_000_000
SEEDS_GOAL = 10_000


class SeedReport:
    """Sums over seeds. Of a seed that was played again the last line counts; that an earlier one
    had violations is told all the same.

    Attributes:
        lines: the last of each seed.
        failed: those with violations.
        mended: seeds that had violations when they were played before.
    """

    def __init__(self, lines: Iterable[SeedLine]) -> None:
        last: dict[int, SeedLine] = {}
        once: dict[int, None] = {}
        for line in lines:
            last[line.seed] = line
            if line.violations:
                once[line.seed] = None
        self.lines = [last[seed] for seed in sorted(last)]
        self.failed = [line for line in self.lines if line.violations]
        self.mended = sorted(seed for seed in once if not last[seed].violations)
        self.counts = {
            fault: sum(line.counts[fault.name] for line in self.lines) for fault in Fault
        }

    def total(self, name: str) -> int:
        return sum(int(getattr(line, name)) for line in self.lines)

    def page(self, command: str) -> str:
        """All of it in Markdown."""
        parts = [
            table(("seeds", self._seeds_words()), self._rows()),
            table(
                ("class", "what is injected", "times", f"goal {CLASS_GOAL}", "in seeds"),
                self._class_rows(),
            ),
            table(("a crash strikes", "times"), self._points().items()),
            f"`{command}`, code of {self._commits()}, on {machine()}.",
        ]
        return "\n\n".join(parts)

    def summary(self) -> str:
        """One line."""
        return (
            f"{len(self.lines)} seeds, {self.total('inputs')} inputs, "
            f"{self.total('decisions')} decisions, {self.total('fills')} fills, "
            f"{self.total('restarts')} restarts, {sum(self.counts.values())} faults, "
            f"{len(self.failed)} seeds with violations"
        )

    def faults(self) -> str:
        """Every single fault, and how often it was injected."""
        rows = [(one.group, one.words, count) for one, count in self.counts.items()]
        return table(("class", "fault", "injected"), rows)

    def _seeds_words(self) -> str:
        if not self.lines:
            return "none"
        first, last = self.lines[0].seed, self.lines[-1].seed
        holes = last - first + 1 - len(self.lines)
        return f"{first} to {last}" + (f", without {holes} of them" if holes else "")

    def _rows(self) -> Iterator[tuple[str, str]]:
        seeds, faults = len(self.lines), sum(self.counts.values())
        yield f"played, of {SEEDS_GOAL:,}", f"{seeds:,}"
        yield "with a violation", _with_seeds([line.seed for line in self.failed])
        yield "that had one, and have none since it was mended", _with_seeds(self.mended)
        yield f"injected faults, of {FAULTS_GOAL:,}", f"{faults:,}"
        for name in ("records", "inputs", "decisions", "fills", "restarts"):
            yield name, f"{self.total(name):,}"
        equal = self.total("is_replay_equal")
        yield "journals whose replay is equal byte for byte", f"{equal:,} of {seeds:,}"
        if seeds and not self.failed and not self.mended:
            yield "violations a seed, below (95 %)", f"{3 / seeds:.1e}"

    def _class_rows(self) -> Iterator[tuple[str, str, str, str, str]]:
        for group, words in CLASSES.items():
            faults = [one for one in Fault if one.group == group]
            count = sum(self.counts[one] for one in faults)
            seeds = sum(any(line.counts[one.name] for one in faults) for line in self.lines)
            is_reached = "reached" if count >= CLASS_GOAL else "not reached"
            yield group, words, f"{count:,}", is_reached, f"{seeds:,}"

    def _points(self) -> dict[str, str]:
        totals: dict[str, int] = {}
        for line in self.lines:
            for point, count in line.points.items():
                totals[point] = totals.get(point, 0) + count
        return {point: f"{totals[point]:,}" for point in sorted(totals)}

    def _commits(self) -> str:
        return ", ".join(dict.fromkeys(line.commit for line in self.lines))


def _with_seeds(seeds: list[int]) -> str:
    if not seeds:
        return "0"
    return f"{len(seeds)}: {', '.join(str(one) for one in seeds)}"
