"""Ends the process at every failpoint of canonical runs, with every fate of what was not synced.

    python -m tests.simulation.crash_sweep                      all of it
    python -m tests.simulation.crash_sweep --every 4 --part 0 --keep sweep.jsonl     a quarter of it
    python -m tests.simulation.crash_sweep --scenario 3 --at 17 --outcome lost       one case again

A failpoint is any call of the storage (before a record is written, in its middle, behind it, before
and behind a sync, at a new file's header) and any command that the venue takes (before and behind),
also while a recovery and its reconciliation are under way. Each case plays a run up to one of them,
has the disk keep, lose, cut, zero or reorder the unsynced bytes, recovers with the real recovery,
says again what the feed and the venue know to be missing, and goes on to the run's end. All the
simulator's checkers look on; at the end books and venue agree and the journal replays the same.
Where the venue came to the same as in the run that was not ended, so must every book.
"""

from __future__ import annotations

import json
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from orchestrion.domain.capital.cash_flow import CashFlowReport
from orchestrion.runtime.errors import JournalError
from orchestrion.runtime.journal import Record, RecordKind
from tests.simulation.chance import Chance
from tests.simulation.clock_model import ClockModel
from tests.simulation.delivery_check import watched_mailboxes
from tests.simulation.faults import Fault, FaultPlan
from tests.simulation.feed_model import FeedModel, Message
from tests.simulation.market import DAY_NS
from tests.simulation.operator_model import Act
from tests.simulation.restart import Restarts
from tests.simulation.simulation import Outcome, Simulation, silent_log
from tests.simulation.storage import DiskJournal, TornOutcome, records_of
from tests.simulation.world import World

SLICES = 10
SNAPSHOT_AT = (3, 7)
RATE = 0.3
"""Of every fault of a scenario; arbitrary, so that each happens a few times."""
BEGIN, END = "<!-- crash sweep: begin -->", "<!-- crash sweep: end -->"
FIRST_CRASHES = 3
"""Of a scenario, spread evenly, after which every failpoint of the recovery is crashed at too."""


class Scenario(NamedTuple):
    """A canonical run.

    Attributes:
        faults: of the models, besides crashes.
        is_new_day_at: slices that begin a new day.
    """

    name: str
    seed: int
    faults: tuple[Fault, ...] = ()
    is_new_day_at: tuple[int, ...] = ()
    is_async: bool = False
    has_operator: bool = False


SCENARIOS = (
    Scenario("orders that fill", 1000),
    Scenario("fills in parts", 2011, (Fault.FILL_PARTIAL,)),
    Scenario(
        "fills that come twice, early and late",
        3009,
        (Fault.FILL_DUPLICATE, Fault.FILL_EARLY, Fault.FILL_LATE, Fault.REPORT_DUPLICATE),
    ),
    Scenario("reports in another order", 4008, (Fault.REPORT_OUT_OF_ORDER, Fault.FILL_PARTIAL)),
    Scenario(
        "rejected orders and cancels",
        5006,
        (Fault.ORDER_REJECTED, Fault.CANCEL_REJECTED, Fault.VENUE_BUSY),
    ),
    Scenario(
        "time-outs and lost connections",
        6014,
        (
            Fault.TIMEOUT_ACCEPTED,
            Fault.TIMEOUT_NOT_ACCEPTED,
            Fault.DISCONNECT,
            Fault.REPORTS_REPLAYED,
        ),
    ),
    Scenario("trades by hand", 7008, (Fault.EXTERNAL_ORDER, Fault.FILL_UNKNOWN_ORDER)),
    Scenario("overfills and the wrong side", 8006, (Fault.FILL_OVER, Fault.FILL_WRONG_SIDE)),
    Scenario(
        "strategies that fail",
        9009,
        (Fault.STRATEGY_RAISES, Fault.STRATEGY_RAISES_BASE, Fault.STRATEGY_GARBAGE),
    ),
    Scenario(
        "asynchronous strategies", 10059, (Fault.STRATEGY_SLOW, Fault.STRATEGY_HANGS), is_async=True
    ),
    Scenario("an operator at work", 11004, (Fault.OPERATOR_ACT,), has_operator=True),
    Scenario("settlements of futures", 12002, is_new_day_at=(2, 5, 8)),
)


class Crash(NamedTuple):
    """At which failpoint, counted over a whole run from 0, and what the disk makes of it."""

    at: int
    outcome: TornOutcome


class Point(NamedTuple):
    """A failpoint that a run came by.

    Attributes:
        unsynced: frames that a crash here may damage.
        is_torn: the last of them is only half written.
        is_new: anything has happened since the failpoint before it.
    """

    words: str
    unsynced: int
    is_torn: bool
    is_new: bool

    @property
    def outcomes(self) -> tuple[TornOutcome, ...]:
        """Those that differ here from each other, and from those at the failpoint before."""
        if not self.is_new:
            return ()
        if self.is_torn or not self.unsynced:
            return (TornOutcome.KEPT,)
        some = (TornOutcome.KEPT, TornOutcome.LOST, TornOutcome.CUT, TornOutcome.ZEROED)
        return some if self.unsynced == 1 else (*some, TornOutcome.REORDERED)


class PlannedCrashes(Restarts):
    """Crashes where it is told to, and notes every place where it could.

    Attributes:
        passed: failpoints so far.
        recoveries: of each restart the first failpoint of its recovery and the one behind it.
    """

    def __init__(self, run: CanonicalRun, seed: int, crashes: Sequence[Crash]) -> None:
        super().__init__(run, seed)
        self.passed: list[Point] = []
        self.recoveries: list[tuple[int, int]] = []
        self._simulation = run
        self._seed = seed
        self._planned = list(crashes)
        self._record: Record | None = None
        self._is_recovering = False

    def watch(self, journal: DiskJournal) -> None:
        """See ``Restarts.watch``."""
        journal.watchers.append(self._note)
        journal.on_call = lambda name: self._come_by(journal, name)

    def _note(self, record: Record) -> None:
        self._record = record

    def _come_by(self, journal: DiskJournal, name: str) -> None:
        if name == "append":
            self._pass(f"before a record is written: {self._kind}")
            self._pass("in the middle of a record", tear=journal)
            return
        if name == "synced":
            self._told_durable = self._simulation.venue.told_count
        words = {
            "appended": f"behind a record: {self._kind}",
            "sync": "before a sync",
            "synced": "behind a sync",
        }
        self._pass(words.get(name, "before a file's header"))

    @property
    def _kind(self) -> str:
        return "none" if self._record is None else str(self._record.kind)

    def at_submit(self, point: str) -> None:
        """See ``Restarts.at_submit``."""
        self._pass(point)

    def between_inputs(self) -> None:
        """Nothing is under way."""
        self._pass("between two inputs")

    def _pass(self, words: str, tear: DiskJournal | None = None) -> None:
        files = self._simulation.disk.files.values()
        unsynced = sum(len(one.pending) for one in files) + (tear is not None)
        number = len(self.passed)
        where = "recovery, " if self._is_recovering else ""
        # While an input is worked off nothing happens outside, from one record to the next.
        is_new = not words.startswith("before a record") or words.endswith(RecordKind.INPUT)
        self.passed.append(Point(where + words, unsynced, tear is not None, is_new))
        if not self._planned or self._planned[0].at != number:
            return
        planned = self._planned.pop(0)
        if tear is not None:
            tear.tear(Chance(self._seed, f"torn {number}").part())
        self._simulation.disk.crash(planned.outcome, Chance(self._seed, f"disk {number}"))
        self.crash(where + words)

    def come_back(self) -> None:
        """See ``Restarts.come_back``."""
        first, self._is_recovering = len(self.passed), True
        try:
            super().come_back()
        finally:
            self._is_recovering = False
            self.recoveries.append((first, len(self.passed)))


class CanonicalRun(Simulation):
    """A scenario, played with crashes. Whoever tells it things tells them again where they may be
    lost: a recorded feed what lies behind the last slice, an operator what was not answered."""

    def __init__(self, scenario: Scenario, crashes: Sequence[Crash] = ()) -> None:
        super().__init__(
            scenario.seed,
            only=scenario.faults,
            changed=_all_async if scenario.is_async else None,
            is_killed=False,
        )
        self.scenario = scenario
        self.restarts: PlannedCrashes = PlannedCrashes(self, scenario.seed, crashes)
        self.venue.at_submit = self.restarts.at_submit
        for fault in scenario.faults:
            if fault.group != "F9":  # those are in the strategies already
                self.plan._rates[fault] = RATE
        self._tape = self._record_tape()
        self._asked: dict[int, Act] = {}
        self._fed = 0

    def run(self) -> Outcome:
        """See ``Simulation.run``."""
        with watched_mailboxes(self.checkers.delivery), silent_log():
            for step in self._steps():
                self._until_done(step)
                if self._has_stopped:
                    break
            if not self._has_stopped:
                self._end_for_good()
            if self._is_ended:
                self.checkers.close_input()
        self._judge_replay()
        return self._outcome()

    def _steps(self) -> Iterator[Callable[[], None]]:
        yield self.open
        yield self.start
        for number in range(SLICES):
            yield partial(self._feed_to, number + 1)
            yield self._work
            yield partial(self._operate, number)
            yield partial(self._trade_by_hand, number)
            yield partial(self._rest, number)
        self.plan.is_quiet = True
        yield self._drain

    def _until_done(self, step: Callable[[], None]) -> None:
        """A step in which the process ended is done again by the next one."""
        while not self._has_stopped:
            count = self.restarts.count
            if count and step == self.open:
                return
            self._guarded_step(step)
            if self.restarts.count == count:
                return
            self._until_done(lambda: self._feed_to(self._fed))

    def _feed_to(self, count: int) -> None:
        """Shows all slices that the run has not got yet."""
        self._fed = count
        for message, prices_e9 in self._tape[:count]:
            last = self.system.last_slice_ts
            if last is not None and message.market_slice.ts_event <= last:
                continue
            self.clock.market_ns = self.venue.now = message.market_slice.ts_event
            self.venue.prices_e9 = dict(prices_e9)
            self._publish(message)

    def _work(self) -> None:
        if not self.venue.is_connected:
            self.venue.reconnect()
        self._ask_about_lost()
        self.venue.work()
        self._deliver(1_000)

    def _operate(self, number: int) -> None:
        if not self.scenario.has_operator:
            return
        if number not in self._asked:
            act = self.operator.next_act(self.clock.machine_ns)
            if act is None:
                return
            self._asked[number] = act
        for place, act in self._asked.items():
            # A flow has an id of its own, and is told again; a question was answered.
            if place == number or isinstance(act, CashFlowReport):
                self._ask(act)

    def _trade_by_hand(self, number: int) -> None:
        if self.plan.strikes(Fault.EXTERNAL_ORDER, Chance(self.seed, f"hand {number}")):
            self.venue.trade_by_hand()
        self._deliver(1_000)

    def _rest(self, number: int) -> None:
        if number in SNAPSHOT_AT:
            self.system.machine.record_snapshot(self.system.snapshot())
        self.restarts.between_inputs()

    def _end_for_good(self) -> None:
        """A crash in the end leaves a run that has ended, or one that is ended again."""
        while not (self._is_ended or self._has_stopped):
            try:
                self._end()
            except KeyboardInterrupt:
                raise
            except BaseException as failure:
                if not self.restarts.is_down:
                    self._give_up(failure)
                elif self._is_end_written():
                    return
                else:
                    self._guarded_return()
                    self._until_done(self._settle_again)

    def _settle_again(self) -> None:
        """A settlement is no answer of a query: what was told of it may be lost."""
        for report in self.venue.settle():
            self.report(report)

    def _is_end_written(self) -> bool:
        try:
            records = records_of(self.disk)
        except JournalError:
            return False
        return any(one.kind is RecordKind.INPUT and one.name == "RunEnded" for one in records)

    def _record_tape(self) -> list[tuple[Message, dict[str, int]]]:
        """The slices of the scenario, and the market behind each; the run's end goes on from it."""
        quiet = FaultPlan.draw(Chance(self.seed, "tape"), only=())
        self.clock = ClockModel(Chance(self.seed, "tape clock"), quiet)
        self.feed = FeedModel(Chance(self.seed, "tape feed"), quiet, self.clock)
        begun_ns, tape = self.clock.market_ns, list[tuple[Message, dict[str, int]]]()
        for number in range(SLICES):
            if number in self.scenario.is_new_day_at:
                self.clock.market_ns += DAY_NS
            (message,) = self.feed.next_messages()
            tape.append((message, dict(self.feed.prices_e9)))
        self.clock.market_ns = begun_ns
        return tape

    # -- what came of it --------------------------------------------------------------------------

    @property
    def has_ended(self) -> bool:
        """Whether its end is in the journal; then there is nothing to go on with."""
        return self._is_ended or self._is_end_written()

    def truth(self) -> object:
        """What the venue holds, without the names of orders: they carry the restarts."""
        venue = self.venue
        held = {key: quantity for key, quantity in sorted(venue.positions.items()) if quantity}
        return held, venue.cash_e9, venue.fees_e9, len(venue.orders)

    def ledger(self) -> object:
        """What every book holds."""
        return {
            book_id: (
                book.cash,
                book.fees,
                {key: one.quantity for key, one in sorted(book.positions.items())},
            )
            for book_id, book in sorted(self.system.books.items())
        }


def _all_async(world: World) -> World:
    traits = tuple(
        msgspec.structs.replace(one, is_async=True, has_snapshot=place % 2 == 0)
        for place, one in enumerate(world.traits)
    )
    return msgspec.structs.replace(world, traits=traits)


@dataclass
class Sweep:
    """Of one scenario.

    Attributes:
        points: failpoints of the run that is not ended.
        cases: crashes, by words of the failpoint.
        total: how many cases there are, those of other parts included.
        same: cases in which the venue came to the same as without the crash.
        faults: each in one line, with what repeats it.
    """

    number: int
    points: int = 0
    cases: Counter[str] = field(default_factory=Counter[str])
    total: int = 0
    second: int = 0
    same: int = 0
    faults: list[str] = field(default_factory=list[str])
    took_s: float = 0.0


def sweep(number: int, *, every: int = 1, second_every: int = 1, part: int = 0) -> Sweep:
    """All cases of a scenario.

    Args:
        every: of the cases, only each so many-th; for a share that runs with the other tests.
        second_every: the same for crashes in a recovery; 0: none.
        part: which of them, from 0; all parts together are all cases.
    """
    begun_s = time.perf_counter()
    scenario, found = SCENARIOS[number], Sweep(number)
    whole = CanonicalRun(scenario)
    _judge(found, whole, whole, ())
    points = whole.restarts.passed
    found.points = len(points)
    cases = [Crash(at, outcome) for at, point in enumerate(points) for outcome in point.outcomes]
    found.total = len(cases)
    for crash in cases[part::every]:
        _judge(found, CanonicalRun(scenario, (crash,)), whole, (crash,))
    if second_every:
        step = max(1, len(points) // FIRST_CRASHES)
        for at in range(step // 2, len(points), step):
            first = Crash(at, (points[at].outcomes or (TornOutcome.KEPT,))[-1])
            seconds = _in_recovery(scenario, first)
            found.total += len(seconds)
            for second in seconds[part::second_every]:
                crashes = (first, second)
                _judge(found, CanonicalRun(scenario, crashes), whole, crashes)
    found.took_s = time.perf_counter() - begun_s
    return found


def _in_recovery(scenario: Scenario, first: Crash) -> list[Crash]:
    """Every crash in the recovery after a first one."""
    run = CanonicalRun(scenario, (first,))
    run.run()
    return [
        Crash(at, outcome)
        for begin, end in run.restarts.recoveries
        for at in range(begin, end)
        for outcome in run.restarts.passed[at].outcomes
    ]


def _judge(found: Sweep, run: CanonicalRun, whole: CanonicalRun, crashes: Sequence[Crash]) -> None:
    violations = run.run().violations
    if run is not whole:
        found.second += len(crashes) > 1
        found.cases[run.restarts.passed[crashes[-1].at].words] += 1
        if run.truth() == whole.truth():
            found.same += 1
            if run.ledger() != whole.ledger():
                violations.append("the venue came to the same, and the books did not")
        if run.restarts.count < len(crashes) and not run.has_ended:
            violations.append(f"{len(crashes)} crashes, {run.restarts.count} returns")
    if violations:
        found.faults.append(f"{violations[0]}\n    {command_of(found.number, crashes)}")


def command_of(number: int, crashes: Sequence[Crash]) -> str:
    """What repeats a case."""
    words = " ".join(f"--at {one.at} --outcome {one.outcome.value}" for one in crashes)
    return f"python -m tests.simulation.crash_sweep --scenario {number} {words}"


def table(sweeps: Sequence[Sweep]) -> list[str]:
    """For the page, and for the screen."""
    lines = [
        "| scenario | failpoints | cases | tried | in a recovery | venue as uncrashed | faults |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in sweeps:
        figures = (one.points, one.total, sum(one.cases.values()), one.second, one.same)
        words = " | ".join(str(figure) for figure in (*figures, len(one.faults)))
        lines.append(f"| {SCENARIOS[one.number].name} | {words} |")
    cases = sum(sum(one.cases.values()) for one in sweeps)
    sums = (
        sum(one.points for one in sweeps),
        sum(one.total for one in sweeps),
        cases,
        sum(one.second for one in sweeps),
        sum(one.same for one in sweeps),
        sum(len(one.faults) for one in sweeps),
    )
    lines.append("| all | " + " | ".join(str(one) for one in sums) + " |")
    lines += ["", "| the process ends | cases |", "|---|---|"]
    by_words: Counter[str] = Counter()
    for one in sweeps:
        by_words.update(one.cases)
    lines += [f"| {words} | {count} |" for words, count in sorted(by_words.items())]
    return lines


@click.command()
@click.option("--scenario", "numbers", type=int, multiple=True, help="Only these; 0 to 11.")
@click.option("--at", "places", type=int, multiple=True, help="Only a crash at this failpoint.")
@click.option(
    "--outcome",
    "outcomes",
    type=click.Choice([one.value for one in TornOutcome]),
    multiple=True,
    help="What becomes of unsynced bytes, one per --at.",
)
@click.option("--every", type=int, default=1, help="Only each so many-th case.")
@click.option("--part", type=int, default=0, help="Which of them, from 0.")
@click.option("--keep", type=click.Path(path_type=Path), help="Adds up parts in this file.")
@click.option("--page", type=click.Path(path_type=Path), help="Puts the table into this page.")
def main(
    numbers: tuple[int, ...],
    places: tuple[int, ...],
    outcomes: tuple[str, ...],
    every: int,
    part: int,
    keep: Path | None,
    page: Path | None,
) -> None:
    """Crashes canonical runs at every failpoint; exit code 1 when a case fails."""
    chosen = numbers or tuple(range(len(SCENARIOS)))
    if places:
        crashes = [Crash(at, TornOutcome(one)) for at, one in zip(places, outcomes, strict=True)]
        run = CanonicalRun(SCENARIOS[chosen[0]], crashes)
        violations = run.run().violations
        click.echo("\n".join(violations or ["no violation"]))
        sys.exit(bool(violations))
    sweeps: list[Sweep] = []
    for number in chosen:
        one = sweep(number, every=every, second_every=every, part=part)
        sweeps.append(one)
        if keep is not None:
            with keep.open("a") as lines:
                lines.write(json.dumps(vars(one)) + "\n")
        click.echo(
            f"{SCENARIOS[number].name}: {sum(one.cases.values())} cases, {len(one.faults)} faults, "
            f"{one.took_s:.0f} s"
        )
        for fault in one.faults:
            click.echo(f"FAULT {fault}", err=True)
    if keep is not None:
        sweeps = kept_in(keep)
    shown = table(sweeps)
    click.echo("\n".join(shown))
    if page is not None:
        _put_into(page, shown)
    sys.exit(any(one.faults for one in sweeps))


def kept_in(file: Path) -> list[Sweep]:
    """All parts that were kept, one sum per scenario."""
    found: dict[int, Sweep] = {}
    for line in file.read_text().splitlines():
        one = Sweep(**json.loads(line))
        known = found.setdefault(one.number, Sweep(one.number, one.points, total=one.total))
        known.cases.update(one.cases)
        known.second += one.second
        known.same += one.same
        known.faults += one.faults
        known.took_s += one.took_s
    return [one for _, one in sorted(found.items())]


def _put_into(page: Path, lines: Sequence[str]) -> None:
    before, _, rest = page.read_text().partition(BEGIN)
    _, _, after = rest.partition(END)
    page.write_text("\n".join((before + BEGIN, "", *lines, "", END + after)))


if __name__ == "__main__":
    main()
