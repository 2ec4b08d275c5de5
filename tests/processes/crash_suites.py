"""The suites over real processes: what is done to a live run, and what is found out afterwards.

Each suite takes a folder of its own, a number of cycles and a seed, and returns its figures; a
fault is told with what repeats it. Whatever is done, the venue's log is the truth.

A process killed with SIGKILL leaves what it wrote in the system's cache. So these suites say
nothing about fsync: that is the simulator's business, whose storage forgets unsynced bytes.
"""

from __future__ import annotations

import random
import resource
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.processes.failpoints import PLANT, POINTS
from tests.processes.live_process import LiveProcess
from tests.processes.run_checker import differences, faults_of
from tests.processes.venue_checker import VenueTruth
from tests.processes.venue_client import VenueProcess

KILLS_PER_RUN = 40
"""Then a run is ended in order, compared with the venue in full, and a new one is begun."""
SETTLE_S = 0.5
MISHAPS = (
    '{"duplicate": 0.1, "swap": 0.05, "drop_after": 0.01, "drop_before": 0.01, "partial": 0.1}'
)
REPORTS_REPEATED = 100
"""A new process is told so many of the latest reports again."""
EXIT_MAX_S = 5.0
PLANTS = ("no-sync", "twice")


@dataclass
class Figures:
    """Of one suite.

    Attributes:
        cycles: how often it was done; starts: how many of them had to reach RUNNING, reached: did.
        faults: each in one line.
        slowest_s: of whatever the suite times.
        notes: what else is worth a cell of the table.
    """

    name: str
    cycles: int = 0
    starts: int = 0
    reached: int = 0
    accepted: int = 0
    faults: list[str] = field(default_factory=list)
    times_s: list[float] = field(default_factory=list)
    notes: dict[str, int] = field(default_factory=dict)

    @property
    def slowest_s(self) -> float:
        return max(self.times_s, default=0.0)

    def count(self, note: str) -> None:
        self.notes[note] = self.notes.get(note, 0) + 1

    def add(self, other: Figures) -> None:
        """The same suite, done elsewhere."""
        self.cycles += other.cycles
        self.starts += other.starts
        self.reached += other.reached
        self.accepted += other.accepted
        self.faults += other.faults
        self.times_s += other.times_s
        for note, count in other.notes.items():
            self.notes[note] = self.notes.get(note, 0) + count

    def require(self, is_so: bool, fault: str) -> None:
        if not is_so:
            self.faults.append(fault)


@dataclass
class Arena:
    """A venue and a run on it."""

    venue: VenueProcess
    run: LiveProcess

    def check(self, figures: Figures, where: str) -> None:
        found = faults_of(self.run.journals, self.venue.log, self.run.sync_log)
        figures.faults += [f"{where}: {fault}" for fault in found]

    def start(self, figures: Figures, where: str, **options: Any) -> bool:
        """Starts and waits for RUNNING, which it must reach."""
        figures.starts += 1
        begun_s = time.monotonic()
        self.run.start(**options)
        is_up = self.run.wait_running()
        figures.times_s.append(time.monotonic() - begun_s)
        figures.reached += is_up
        if not is_up:
            figures.faults.append(f"{where}: did not reach RUNNING: {_last_words(self.run)}")
        return is_up

    def finish(self, figures: Figures, where: str) -> None:
        """A start without market data: what was under way comes to its end, and both sides must
        agree then."""
        self.venue.tell("plan", rates={})
        if self.start(figures, where, is_quiet=True):
            time.sleep(SETTLE_S)
            code = self.run.stop()
            figures.require(code == 0, f"{where}: SIGTERM gave {code}: {_last_words(self.run)}")
            self.check(figures, where)
            found = differences(self.run.journals, self.venue.log)
            figures.faults += [f"{where}: {fault}" for fault in found]
        figures.accepted += len(VenueTruth.read(self.venue.log).accepted)


@contextmanager
def arena(
    folder: Path, *, seed: int, plan: str = MISHAPS, accept_repeats: bool = False
) -> Iterator[Arena]:
    folder.mkdir(parents=True)
    options: dict[str, Any] = {"accept_repeats": True} if accept_repeats else {}
    log = folder / "venue.log"
    with VenueProcess(log, seed=seed, plan=plan, fill="at_once", **options) as venue:
        run = LiveProcess(folder, venue.port, backend=("asyncio", "trio")[seed % 2])
        content = run.content
        content["live"]["client_config"]["after_report"] = -REPORTS_REPEATED
        run.configure(content)
        try:
            yield Arena(venue, run)
        finally:
            with suppress(AssertionError, ProcessLookupError):
                if run.is_alive:
                    run.kill()


def kill_at_random(folder: Path, cycles: int, seed: int) -> Figures:
    """SIGKILL at any instant: a third of them before the run is up."""
    figures = Figures("SIGKILL at a random instant")
    draws = random.Random(seed)  # noqa: S311
    number = 0
    while figures.cycles < cycles:
        number += 1
        with arena(folder / f"run-{number}", seed=seed * 1000 + number) as one:
            for _ in range(min(KILLS_PER_RUN, cycles - figures.cycles)):
                where = f"seed {seed}, run {number}, kill {figures.cycles + 1}"
                figures.cycles += 1
                if draws.random() < 1 / 3:
                    one.run.start()
                    time.sleep(draws.uniform(0.0, 1.5))
                    figures.count("before RUNNING" if not one.run.is_running_told else "running")
                    if not one.run.is_alive:
                        figures.faults.append(f"{where}: ended by itself: {_last_words(one.run)}")
                elif one.start(figures, where):
                    time.sleep(draws.uniform(0.0, 0.5))
                    figures.count("running")
                one.run.kill()
                one.check(figures, where)
            one.finish(figures, f"seed {seed}, run {number}, end")
    return figures


def kill_at_points(
    folder: Path,
    per_point: int,
    seed: int,
    *,
    points: Sequence[str] = POINTS,
    is_one_run: bool = False,
) -> Figures:
    """SIGKILL when a named point is passed for the n-th time.

    Args:
        is_one_run: one run for all points instead of one for each.
    """
    figures = Figures("SIGKILL at each failpoint")
    draws = random.Random(seed)  # noqa: S311
    groups = [tuple(points)] if is_one_run else [(one,) for one in points]
    for number, group in enumerate(groups, start=1):
        with arena(folder / group[0], seed=seed * 1000 + number) as one:
            if one.start(figures, group[0]):
                time.sleep(0.2)
            one.run.kill()
            for point in group:
                for cycle in range(per_point):
                    where = f"seed {seed}, {point}, cycle {cycle + 1}"
                    figures.cycles += 1
                    _reach_point(one, point, _count_of(point, draws), figures, where)
                    one.check(figures, where)
            one.finish(figures, f"seed {seed}, {group[0]}, end")
    return figures


def _count_of(point: str, draws: random.Random) -> int:
    """How often a point is passed before: those of a start come once or a few times."""
    room, _, place = point.partition(".")
    if room in ("segment", "finish", "close", "snapshot") or place == "snapshot":
        return 1
    if room == "query":
        return draws.randint(1, 2)
    return draws.randint(1, 60)


def _reach_point(one: Arena, point: str, count: int, figures: Figures, where: str) -> None:
    one.run.start(failpoint=f"{point}:{count}")
    is_up = one.run.wait_running()
    if is_up and point.startswith(("finish", "close")):
        time.sleep(0.1)
        one.run.signal(signal.SIGTERM)
    try:
        code = one.run.wait(10.0)
    except subprocess.TimeoutExpired:
        figures.count(f"{point} not reached")
        one.run.kill()
        return
    if code == 0:
        figures.count(f"{point} not reached")
    elif code != -signal.SIGKILL:
        figures.faults.append(f"{where}: exit {code}: {_last_words(one.run)}")


def terminate(folder: Path, cycles: int, seed: int, *, after_max_s: float = 3.0) -> Figures:
    """SIGTERM at any instant, the start and the reconciliation included."""
    figures = Figures("SIGTERM at a random instant")
    draws = random.Random(seed)  # noqa: S311
    number = 0
    while figures.cycles < cycles:
        number += 1
        with arena(folder / f"run-{number}", seed=seed * 1000 + number) as one:
            for _ in range(min(KILLS_PER_RUN, cycles - figures.cycles)):
                where = f"seed {seed}, run {number}, signal {figures.cycles + 1}"
                figures.cycles += 1
                one.run.start()
                time.sleep(draws.uniform(0.0, after_max_s))
                _terminate_once(one, figures, where)
                one.check(figures, where)
            times_s, figures.times_s = figures.times_s, []
            one.finish(figures, f"seed {seed}, run {number}, end")
            figures.times_s = times_s
    return figures


def _terminate_once(one: Arena, figures: Figures, where: str) -> None:
    was_listening = one.run.is_listening
    sent_s = time.monotonic()
    code = one.run.stop()
    taken_s = time.monotonic() - sent_s
    if code == -signal.SIGTERM and not was_listening:
        # The interpreter was still loading: nothing was opened, nothing can have been lost.
        figures.count("before the program's first line")
        return
    figures.times_s.append(taken_s)
    figures.require(code == 0, f"{where}: exit {code}: {_last_words(one.run)}")
    figures.require(taken_s <= EXIT_MAX_S, f"{where}: took {taken_s:.1f} s")
    sent = [one_ for one_ in one.run.events() if one_["event"] == "StopRequested"]
    figures.count("running" if one.run.is_running_told else "starting")
    if sent:
        late = one.run.accepted_after_stop(one.venue.log)
        figures.require(not late, f"{where}: orders after the signal's round: {late}")


def terminate_twice(folder: Path, cycles: int, seed: int) -> Figures:
    """A second SIGTERM ends the process at once, whatever it is doing."""
    figures = Figures("SIGTERM twice")
    draws = random.Random(seed)  # noqa: S311
    with arena(folder / "run", seed=seed) as one:
        for cycle in range(cycles):
            where = f"seed {seed}, cycle {cycle + 1}"
            figures.cycles += 1
            times_s, figures.times_s = figures.times_s, []
            if not one.start(figures, where):
                return figures
            figures.times_s = times_s
            # A venue that answers nothing any more keeps the first signal waiting for its grace.
            one.venue.tell("plan", rates={"silent_after": 1.0})
            time.sleep(draws.uniform(0.0, 0.2))
            one.run.signal(signal.SIGTERM)
            time.sleep(draws.uniform(0.0, 0.3))
            sent_s = time.monotonic()
            one.run.signal(signal.SIGTERM)
            code = one.run.wait()
            figures.times_s.append(time.monotonic() - sent_s)
            figures.count("at once" if code else "had ended already")
            expected = (0, 128 + signal.SIGTERM)
            figures.require(code in expected, f"{where}: exit {code}: {_last_words(one.run)}")
            figures.require(
                figures.times_s[-1] <= 1.0, f"{where}: took {figures.times_s[-1]:.1f} s"
            )
            one.venue.tell("plan", rates={})
            one.check(figures, where)
        times_s, figures.times_s = figures.times_s, []
        one.finish(figures, f"seed {seed}, end")
        figures.times_s = times_s
    return figures


def suspend(folder: Path, cycles: int, seed: int, *, pause_s: float = 3.0) -> Figures:
    """SIGSTOP, and SIGCONT three seconds later: the run goes on."""
    figures = Figures("SIGSTOP and SIGCONT")
    draws = random.Random(seed)  # noqa: S311
    with arena(folder / "run", seed=seed) as one:
        for cycle in range(cycles):
            where = f"seed {seed}, cycle {cycle + 1}"
            figures.cycles += 1
            if not one.start(figures, where):
                return figures
            time.sleep(draws.uniform(0.0, 0.3))
            one.run.signal(signal.SIGSTOP)
            time.sleep(pause_s)
            before = len(VenueTruth.read(one.venue.log).accepted)
            one.run.signal(signal.SIGCONT)
            is_back = _has_more_than(before, one.venue.log)
            figures.require(is_back, f"{where}: no order after it went on: {_last_words(one.run)}")
            code = one.run.stop()
            figures.require(code == 0, f"{where}: exit {code}: {_last_words(one.run)}")
            one.check(figures, where)
        one.finish(figures, f"seed {seed}, end")
    return figures


def fill_disk(folder: Path, cycles: int, seed: int, *, tmpfs: Path | None = None) -> Figures:
    """No room for the journal: a limit on file sizes, or a file system of two megabytes."""
    name = "file system full (tmpfs)" if tmpfs else "file size limit (RLIMIT_FSIZE)"
    figures = Figures(name)
    draws = random.Random(seed)  # noqa: S311
    for cycle in range(cycles):
        where = f"seed {seed}, {name}, cycle {cycle + 1}"
        with arena(folder / f"run-{cycle + 1}", seed=seed * 1000 + cycle) as one:
            figures.cycles += 1
            if tmpfs is None:
                limit = draws.randint(100_000, 1_500_000)
                one.run.start(preexec_fn=limit_files(limit))
            else:
                one.run.journals = tmpfs / f"run-{cycle + 1}"
                one.run.start()
            code = _wait_or_kill(one)
            figures.count(f"exit {code}")
            figures.require(code not in (0, None), f"{where}: exit {code} on a full disk")
            clear = any(one_.startswith("orchestrion: ") for one_ in one.run.errors.splitlines())
            figures.require(clear, f"{where}: no clear line: {_last_words(one.run)}")
            one.check(figures, where)
            if tmpfs is not None:
                _move_out(one, folder / f"run-{cycle + 1}" / "journals")
            one.finish(figures, where)
    return figures


def _wait_or_kill(one: Arena) -> int | None:
    try:
        return one.run.wait(30.0)
    except subprocess.TimeoutExpired:
        one.run.kill()
        return None


def planted(folder: Path, cycles: int, seed: int) -> Figures:
    """Faults planted in the program: a suite that does not find them proves nothing."""
    figures = Figures("planted faults")
    for name in PLANTS:
        figures.cycles += 1
        found = _find_planted(folder / name, name, cycles, seed)
        figures.count(f"{name} found" if found else f"{name} NOT FOUND")
        figures.require(bool(found), f"seed {seed}: {name} was not found")
    return figures


def _find_planted(folder: Path, name: str, cycles: int, seed: int) -> list[str]:
    found = Figures(name)
    with arena(folder, seed=seed, plan="{}", accept_repeats=name == "twice") as one:
        one.run.environ[PLANT] = name
        for cycle in range(cycles):
            one.run.start()
            if one.run.wait_running():
                time.sleep(0.5)
            one.run.kill()
            one.check(found, f"cycle {cycle + 1}")
        del one.run.environ[PLANT]
        if not found.faults:
            one.finish(found, "end")
    return found.faults


def limit_files(size: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def _move_out(one: Arena, target: Path) -> None:
    """Space is made: the journals go to a disk that has room."""
    target.mkdir()
    for path in one.run.journals.iterdir():
        (target / path.name).write_bytes(path.read_bytes())
        path.unlink()
    one.run.journals.rmdir()
    one.run.journals = target


def _has_more_than(orders: int, venue_log: Path, patience_s: float = 20.0) -> bool:
    deadline_s = time.monotonic() + patience_s
    while time.monotonic() < deadline_s:
        if len(VenueTruth.read(venue_log).accepted) > orders:
            return True
        time.sleep(0.02)
    return False


def _last_words(run: LiveProcess) -> str:
    lines = run.errors.splitlines()
    words = [one for one in lines if not one.startswith("{")][-3:] or lines[-1:]
    return " | ".join(words)
