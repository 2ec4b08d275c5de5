"""One simulated run: the real core under one seed, everything around it a model.

A run has a stretch with faults and one without. In the first, each step is an event of some model:
data, a report, something the venue does, an operator's act. In the second everything must drain:
what is unknown is asked for, what is under way arrives, and then the books equal what the venue
holds to be true. Afterwards the journal is replayed, and must come out the same byte for byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, List, cast  # noqa: UP035 - the port's own spelling

from orchestrion.actors.inputs import decode_input
from orchestrion.actors.restart_messages import Reconciled
from orchestrion.actors.system import TradingSystem
from orchestrion.adapters import recovery as recovery_module
from orchestrion.adapters import session as session_module
from orchestrion.adapters.data.feed_guard import FeedGuard, FeedPolicy, GapPolicy
from orchestrion.adapters.recovery import Resumed
from orchestrion.adapters.session import NoVenueModel, TradingSession
from orchestrion.adapters.venue.report_guard import report_fault
from orchestrion.domain.capital.cash_flow import CashFlowReport
from orchestrion.domain.models.command import ApprovedCommand, StrategyCommand
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.orchestration.lifecycle import TradingState
from orchestrion.runtime.actor import Question
from orchestrion.runtime.errors import ActorError, DivergenceError, JournalError, describe
from orchestrion.runtime.journal import Journal, JournalHeader, Record
from orchestrion.runtime.replay import ABSENT, ComparingJournal
from orchestrion.runtime.shell import AsyncHost
from tests.simulation.chance import Chance
from tests.simulation.checkers import Checkers
from tests.simulation.clock_model import ClockModel
from tests.simulation.delivery_check import watched_mailboxes
from tests.simulation.faults import Fault, FaultPlan
from tests.simulation.feed_model import STALE_AFTER_NS, FeedModel, Message
from tests.simulation.market import DAY_NS, E9, START_NS, catalog
from tests.simulation.operator_model import OperatorModel
from tests.simulation.perturbation import perturbed
from tests.simulation.restart import Restarts
from tests.simulation.scheduler import FreeTurn, SimulatedHost, drive
from tests.simulation.storage import (
    Disk,
    DiskJournal,
    DiskStore,
    StorageFaultError,
    records_of,
)
from tests.simulation.strategy_models import CallLog
from tests.simulation.venue_model import VenueModel
from tests.simulation.world import World, build_world, draw_world, header_of

EVENTS_MIN, EVENTS_MAX = 300, 420
QUIET_ROUNDS_MAX = 50
QUICK_ORDERS = 2
STOP_ALL_RATE = 0.2
ORDERLY_SHARE = 0.2
"""Of the runs of which a process is stopped in order once, and not killed. Arbitrary."""
SNAPSHOT_RATE = 0.01


@dataclass
class Outcome:
    """What came of a run.

    Attributes:
        digest: over every byte that was written and everything that was found.
        counts: injected faults by fault.
        points: where crashes struck: how often.
        records: written ones, by processes that were killed too.
        is_replay_equal: whether the journal, replayed, came out the same byte for byte.
    """

    seed: int
    violations: list[str]
    counts: dict[Fault, int] = field(default_factory=lambda: dict.fromkeys(Fault, 0))
    points: dict[str, int] = field(default_factory=dict[str, int])
    digest: str = ""
    records: int = 0
    decisions: int = 0
    inputs: int = 0
    fills: int = 0
    restarts: int = 0
    is_replay_equal: bool = False


class _Port:
    """The venue as the session's port; what passes is checked first."""

    def __init__(self, run: Simulation) -> None:
        self._run = run

    def execute_commands(self, commands: List[StrategyCommand]) -> None:  # noqa: UP006
        self._run.submit([cast("ApprovedCommand", one) for one in commands])

    def get_portfolio_state(self) -> PortfolioState:
        raise NotImplementedError("nobody asks here")


class Simulation:
    """See the module's text."""

    def __init__(
        self,
        seed: int,
        *,
        only: Iterable[Fault] | None = None,
        changed: Callable[[World], World] | None = None,
        schedule: int = 0,
        is_killed: bool = True,
        events: int | None = None,
    ) -> None:
        """
        Args:
            only: faults that may happen at all; None for every one.
            changed: makes another world of the seed's, for comparisons.
            schedule: another order of tasks, with everything else the same.
            is_killed: whether the process ends at least once.
            events: steps of the stretch with faults; None draws them.
        """
        self.seed = seed
        self.plan = FaultPlan.draw(Chance(seed, "faults"), only=only)
        world = draw_world(seed, self.plan)
        self.world = world if changed is None else changed(world)
        self.checkers = Checkers(self.world)
        self.log = CallLog(self.checkers.on_call)
        self.disk = Disk()
        self.clock = ClockModel(Chance(seed, "clock"), self.plan)
        self.feed = FeedModel(Chance(seed, "feed"), self.plan, self.clock)
        self.venue = VenueModel(Chance(seed, "venue"), self.plan, self.world.capital * E9)
        self.operator = OperatorModel(
            Chance(seed, "operator"),
            self.plan,
            tuple(one.strategy_id for one in self.world.traits),
            tuple(one.strategy_id for one in self.world.newcomers),
        )
        self._chance = Chance(seed, "driver")
        self.restarts = Restarts(self, seed)
        self.venue.at_submit = self.restarts.at_submit
        self._snapshot_chance = Chance(seed, "snapshots")
        self._host_chance = Chance(seed, f"scheduler {schedule}")
        self._gap_policy = self._chance.pick(tuple(GapPolicy))
        self._catalog = catalog()
        self._is_killed = is_killed
        self._events = events
        self._has_stopped = self._has_session = False
        self._is_ended = False
        self._is_replay_equal = False
        self._paused_for_gap = 0
        self._question_ids: list[int] = []

    # -- building ---------------------------------------------------------------------------------

    def open(self) -> None:
        """Builds the real system over the first file."""
        journal = DiskStore(self.disk, self.take_journal).begin(header_of(self.world))
        system = self.build(journal, header_of(self.world))
        self.go_on_with(Resumed(system, journal, header_of(self.world)))

    def take_journal(self, journal: DiskJournal) -> None:
        """A file was opened to be written."""
        self.journal = journal
        self.checkers.take_journal(journal)
        self.restarts.watch(journal)

    def build(self, journal: Journal, _: JournalHeader) -> TradingSystem:
        """The real actors of this world."""
        system = build_world(self.world, journal, self.log, trace=self.checkers.on_hop)
        self.checkers.attach(system)
        return system

    def go_on_with(self, resumed: Resumed) -> None:
        """A process has begun, or has come back."""
        self.system = resumed.system
        self._has_session = True
        self.session = TradingSession(
            self.system,
            _Port(self),
            NoVenueModel(),
            resumed.journal,
            cast("AsyncHost", SimulatedHost(self._host_chance, self.plan)),
            is_data_recorded=True,
        )
        self.session._turn = cast("Any", FreeTurn())
        self.session._last_slice_ts = resumed.last_slice_ts
        self.guard = FeedGuard(
            self._catalog, FeedPolicy(stale_after_ns=STALE_AFTER_NS, on_gap=self._gap_policy)
        )

    # -- running ----------------------------------------------------------------------------------

    def run(self) -> Outcome:
        """Plays the run and judges it."""
        with watched_mailboxes(self.checkers.delivery), silent_log():
            self._guarded_step(self.open)
            if not self._has_stopped:
                self._guarded_step(self.start)
            drawn = self._chance.between(EVENTS_MIN, EVENTS_MAX)
            steps = self._events or drawn
            killed_at = self._chance.between(1, steps - 1)
            for number in range(steps):
                if self._has_stopped:
                    break
                self._guarded_step(
                    self._be_ended if number == killed_at and self._is_killed else self._step
                )
            if not self._has_stopped:
                self.plan.is_quiet = True
                self._guarded_step(self._drain)
            if not self._has_stopped:
                self._guarded_step(self._end)
            if self._is_ended:
                self.checkers.close_input()
        self._judge_replay()
        return self._outcome()

    def _guarded_step(self, step: Callable[[], None]) -> None:
        try:
            step()
        except KeyboardInterrupt:
            raise
        except BaseException as failure:
            if not self.restarts.is_down and not self.restarts.has_disk_failed:
                self._give_up(failure)
                return
            if not self.restarts.is_down and self._has_session:
                self._judge_storage_failure()
            self._guarded_return()

    def _guarded_return(self) -> None:
        try:
            self.restarts.come_back()
        except KeyboardInterrupt:
            raise
        except BaseException as failure:
            self._give_up(failure)

    def _give_up(self, failure: BaseException) -> None:
        self._has_stopped = True
        cause = failure.__cause__
        text = describe(failure) + (f" <- {describe(cause)}" if cause else "")
        self.checkers.add(f"I32: the run stopped: {text}")

    def _be_ended(self) -> None:
        """At least once a process ends between two inputs, whatever the faults are."""
        if not Chance(self.seed, "orderly").happens(ORDERLY_SHARE):
            self.restarts.crash("between inputs")
        drive(self.session.take_snapshot())
        self.session.finish_journal()
        self.restarts.end_in_order()

    def start(self) -> None:
        """Tells the strategies of the start, once."""
        if not self.system.is_started:
            drive(self.session.start(START_NS))

    def _step(self) -> None:
        self.venue.now = self.clock.market_ns
        self.venue.prices_e9 = dict(self.feed.prices_e9)
        if self._snapshot_chance.happens(SNAPSHOT_RATE):
            self.system.machine.record_snapshot(self.system.snapshot())
        if self.world.cross_policy is not None:
            self._clear_the_way()
        kind = self._chance.between(0, 99)
        if kind < 45:
            for message in self.feed.next_messages():
                self._publish(message)
        elif kind < 65:
            self.venue.work()
        elif kind < 88:
            self._deliver(self._chance.between(1, 4))
        elif kind < 91:
            self._ask_about_lost()
        else:
            self._act()
        if not self.venue.is_connected and self._chance.happens(0.2):
            self.venue.reconnect()
        if self.plan.strikes(Fault.EXTERNAL_ORDER, self._chance):
            self.venue.trade_by_hand()

    def _clear_the_way(self) -> None:
        """Orders that rest keep others from meeting in a round, so the venue is quicker here."""
        for _ in range(QUICK_ORDERS):
            self.venue.work()
        self._deliver(2 * QUICK_ORDERS)
        is_stopped = self._chance.happens(STOP_ALL_RATE)
        if is_stopped and self.checkers.account.has_open_shared:
            self.plan.count(Fault.OPERATOR_ACT)
            self._ask(self.operator.stop_all())

    def _publish(self, message: Message) -> None:
        guarded = self.guard.check(
            message.market_slice, sequence=message.sequence, now_ns=message.arrival_ns
        )
        self._judge_guard(message, guarded)
        if guarded.has_to_pause:
            self._ask(self.operator.state(TradingState.REDUCING))
            self._paused_for_gap = 5
        elif self._paused_for_gap:
            self._paused_for_gap -= 1
            if not self._paused_for_gap:
                self._ask(self.operator.state(TradingState.ACTIVE))
        market_slice = guarded.market_slice
        if market_slice is None:
            return
        last = self.session._last_slice_ts
        if last is not None and market_slice.ts_event // DAY_NS != last // DAY_NS:
            for report in self.venue.settle():
                self.report(report)
        drive(self.session.publish(market_slice))

    def _judge_guard(self, message: Message, guarded: Any) -> None:
        """I34, I35: what is bad is refused with a reason, what is good passes."""
        kept = guarded.market_slice.items if guarded.market_slice is not None else ()
        ids = [item.instrument_id for item in kept]
        sent = [item.instrument_id for item in message.market_slice.items]
        wanted = [] if message.is_bad else [one for one in sent if one not in message.bad_ids]
        if ids != wanted:
            self.checkers.add(
                f"I34: of {sent} (bad: {message.is_bad or message.bad_ids}) {ids} passed: "
                f"{guarded.refusals}"
            )
        if len(ids) < len(sent) and not all(one.detail for one in guarded.refusals):
            self.checkers.add("I34: data were refused without a reason")
        if message.gap and guarded.gap is None:
            self.checkers.add(f"I35: nobody was told of the gap before {message.sequence}")

    def _deliver(self, count: int) -> None:
        for _ in range(count):
            if not self.venue.has_news:
                return
            self.report(self.venue.next_report())

    def report(self, report: Any) -> None:
        """Hands over what came from outside, if the edge takes it."""
        if not isinstance(report, (CashFlowReport, Reconciled)) and report_fault(
            report, self._catalog
        ):
            return
        drive(self.session.report(report, self.clock.machine_ns))

    def _ask_about_lost(self) -> None:
        if not self.venue.is_connected:
            return
        for client_order_id in list(self.venue.lost):
            for report in self.venue.answer_inquiry(client_order_id):
                self.report(report)

    def _act(self) -> None:
        act = self.operator.next_act(self.clock.machine_ns)
        if act is not None:
            self._ask(act)

    def _ask(self, act: Any) -> None:
        if isinstance(act, Question):
            drive(self.session.ask(act, act.question_id))
        else:
            self.report(act)

    def submit(self, commands: list[ApprovedCommand]) -> None:
        """What the port is handed."""
        if self.journal.has_failed:
            self.checkers.add("I25: commands leave after the journal has failed")
        self.checkers.on_submitted(commands)
        self.venue.now = self.clock.market_ns
        self.venue.take(commands)

    # -- the end ----------------------------------------------------------------------------------

    def _drain(self) -> None:
        """I37: with faults off everything comes to rest."""
        self.venue.reconnect()
        ids = tuple(self.checkers.account.standings)
        for act in self.operator.letting_go(ids):
            self._ask(act)
        for _ in range(QUIET_ROUNDS_MAX):
            for message in self.feed.next_messages():
                self._publish(message)
            self.venue.work()
            self._deliver(1_000)
            self._ask_about_lost()
            if not self._unknown():
                break
        self.venue.end_all()
        self._deliver(1_000_000)
        self._ask_about_lost()
        self._deliver(1_000_000)
        for report in self.venue.settle():
            self.report(report)
        self.checkers.close_input()
        self._judge_rest()

    def _unknown(self) -> list[str]:
        return [
            one.client_order_id
            for one in self.checkers.account.open_orders()
            if one.status == "UNKNOWN"
        ]

    def _judge_rest(self) -> None:
        """I3, I37: what the books say is what the venue holds to be true."""
        account, venue = self.checkers.account, self.venue
        self.judge_against_venue("I37: at the end")
        if account.cash != venue.cash_e9 * E9 + account.flow_cash:
            self.checkers.add(f"I3: cash {account.cash}, the venue says {venue.cash_e9 * E9}")
        for cell in self.system.machine._cells.values():
            if len(cell.mailbox):
                self.checkers.add(f"I37: {cell.mailbox.name} is not empty")

    def judge_against_venue(self, when: str) -> None:
        """I3: nothing is under way, so the account is what the venue holds to be true."""
        account, venue = self.checkers.account, self.venue
        self.checkers.violations += venue.violations
        venue.violations.clear()
        truth = {key: held * E9 for key, held in venue.positions.items() if held}
        if account.net() != truth:
            self.checkers.add(f"{when}: the account holds {account.net()}, the venue says {truth}")
        if account.fees != venue.fees_e9 * E9 + account.flow_fees:
            self.checkers.add(f"{when}: fees {account.fees}, the venue says {venue.fees_e9 * E9}")
        for order in account.open_orders():
            told = account.venue_ids.get(order.client_order_id, order.client_order_id)
            known = venue.orders.get(told)
            if order.status == "UNKNOWN" or known is None or not known.is_open:
                self.checkers.add(f"{when}: {order.client_order_id} is {order.status} and not open")

    def _end(self) -> None:
        drive(self.session.end())
        self._judge_state_hash()
        self.session.finish_journal()
        self._is_ended = True

    def _judge_state_hash(self) -> None:
        """I14: the hash that stands for the state is over all of it."""
        state = json.loads(self.system.snapshot())["state"]
        whole = json.dumps(state, separators=(",", ":")).encode()
        if hashlib.sha256(whole).hexdigest() != self.system.state_hash():
            self.checkers.add("I14: the hash of the state is not that of all of it")

    def _judge_storage_failure(self) -> None:
        """I25: the journal has failed, so nothing more may be taken or sent."""
        attempts: tuple[Callable[[], object], ...] = (
            lambda: drive(self.session.publish(self.feed.next_messages()[0].market_slice)),
            lambda: drive(self.session.report(self.venue.settle()[0], self.clock.market_ns)),
        )
        for attempt in attempts:
            try:
                attempt()
            except (ActorError, StorageFaultError):
                continue
            self.checkers.add("I25: an input was taken after the journal has failed")

    def _judge_replay(self) -> None:
        """I14, I22."""
        try:
            records = records_of(self.disk)
        except JournalError as damaged:
            self.checkers.add(f"I21: the journal cannot be read any more: {damaged}")
            return
        divergence = replay(self.world, records, is_cut=not self._is_ended)
        self._is_replay_equal = divergence is None
        if divergence is not None:
            self.checkers.add(f"I14: the replay decides otherwise: {divergence}")

    def _outcome(self) -> Outcome:
        for name, count in self.log.faults.items():
            self.plan.count(Fault[name], count)
        digest = hashlib.sha256()
        for file in self.disk.files.values():
            digest.update(bytes(file.content))
        digest.update("\n".join(self.checkers.violations).encode())
        digest.update(repr(list(self.plan.counts.values())).encode())
        return Outcome(
            seed=self.seed,
            violations=list(self.checkers.violations),
            counts=dict(self.plan.counts),
            points=dict(self.restarts.points),
            digest=digest.hexdigest(),
            records=self.checkers.records,
            decisions=self.system.machine.decisions if self._has_session else 0,
            inputs=self.system.machine.seq if self._has_session else 0,
            fills=sum(len(one.trade_ids) for one in self.checkers.account.orders.values()),
            restarts=self.restarts.count,
            is_replay_equal=self._is_replay_equal,
        )


def replay(world: World, records: list[Record], *, is_cut: bool = False) -> str | None:
    """Plays a journal's inputs through the world built anew; the first difference, or None.

    Args:
        is_cut: the run ended in the middle of its last input, so the replay may write more there.
    """
    comparing = ComparingJournal(records)
    try:
        with perturbed():
            _post_again(world, comparing)
    except DivergenceError as found:
        return None if is_cut and _is_behind(found, records) else str(found)
    except Exception as failure:
        cause = failure.__cause__
        if is_cut and isinstance(cause, DivergenceError) and _is_behind(cause, records):
            return None
        return describe(cause or failure)
    return None


def _post_again(world: World, comparing: ComparingJournal) -> None:
    system = build_world(world, comparing, CallLog())
    machine = system.machine
    while True:
        snapshot = comparing.take_snapshot()
        if snapshot is not None:
            system.compare(snapshot.seq, snapshot.body)
            continue
        record = comparing.next_input()
        if record is None:
            break
        machine.post(decode_input(record), record.ts)
        machine.take_effects()
    comparing.expect_nothing_before(machine.seq + 1)


def _is_behind(found: DivergenceError, records: list[Record]) -> bool:
    """Whether a replay only goes on where the run had been cut off."""
    return found.then == ABSENT and found.seq == records[-1].seq


class _NoLog:
    """Takes log lines and drops them."""

    def info(self, *_: object, **__: object) -> None:
        """Dropped."""

    warning = error = info


@contextmanager
def silent_log() -> Generator[None]:
    """A run writes thousands of lines that nobody reads."""
    loggers = [(one, vars(one)["_log"]) for one in (session_module, recovery_module)]
    for module, _ in loggers:
        vars(module)["_log"] = _NoLog()
    try:
        yield
    finally:
        for module, logger in loggers:
            vars(module)["_log"] = logger
