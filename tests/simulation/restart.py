"""F1 to F4, F15: the process ends anywhere, its disk keeps what a disk keeps, and it comes back.

A crash strikes at a call of the storage or in the middle of a submission. What was not synced is
lost or torn. Then the real recovery goes on from what is left, the venue is asked about every open
order and says again what may have been lost, and trading goes on once both agree. A crash may
strike in all of this too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from orchestrion.actors.restart_messages import Reconciled
from orchestrion.actors.system import TradingSystem
from orchestrion.adapters.recovery import Resumed, resume_run
from orchestrion.runtime.errors import ActorError, JournalError, describe
from orchestrion.runtime.journal import Journal, JournalHeader, Record, RecordKind
from tests.simulation.chance import Chance
from tests.simulation.faults import Fault
from tests.simulation.storage import (
    Disk,
    DiskJournal,
    DiskStore,
    SimulatedCrash,
    StorageFaultError,
    TornOutcome,
    records_of,
)
from tests.simulation.strategy_models import CallLog
from tests.simulation.world import build_world, header_of

if TYPE_CHECKING:
    from tests.simulation.simulation import Simulation

CRASHES_MAX = 12
"""Of one run; arbitrary, so that no seed takes for ever."""
IN_ORDER = "(not at all: stopped in order)"
_LOSSES = (TornOutcome.LOST, TornOutcome.CUT, TornOutcome.ZEROED, TornOutcome.REORDERED)
_TRIALS_SHARE = 0.2


class Restarts:
    """Ends the process of a run and brings it back.

    Attributes:
        count: how often it came back.
        points: where crashes struck: how often.
        is_down: the process has ended and nothing of it may go on.
        has_disk_failed: the disk has refused something, which ends the process too.
    """

    def __init__(self, run: Simulation, seed: int) -> None:
        self.count = 0
        self.points: dict[str, int] = {}
        self.is_down = False
        self.has_disk_failed = False
        self._run = run
        self._chance = Chance(seed, "crashes")
        self._left = CRASHES_MAX
        self._has_ended_in_order = False
        self._told_durable = 0

    # -- the end of a process ---------------------------------------------------------------------

    def watch(self, journal: DiskJournal) -> None:
        """From now on calls of this journal may fail, or be the last of the process."""
        journal.on_call = lambda name: self._on_call(journal, name)

    def _on_call(self, journal: DiskJournal, name: str) -> None:
        plan = self._run.plan
        if name == "append" and self._strikes():
            if self._chance.happens(0.5):
                journal.tear(self._chance.part())
                self.crash("mid-write")
            self.crash("before append")
        if name != "append" and self._strikes():
            self.crash({"appended": "after write", "synced": "after sync"}.get(name, f"in {name}"))
        # There are far fewer syncs than records, and what fails there matters most.
        rate = plan.rate(Fault.STORAGE_ERROR) * {"append": 1, "sync": 20}.get(name, 0)
        if self._left > 0 and self._chance.happens(rate):
            plan.count(Fault.STORAGE_ERROR)
            self._left -= 1
            self.has_disk_failed = True
            raise StorageFaultError(f"{name}: no space left on device")
        if name == "synced":
            self._told_durable = self._run.venue.told_count

    def at_submit(self, point: str) -> None:
        """A command is about to be accepted, or has just been."""
        if self._strikes():
            self.crash(point)

    def _strikes(self) -> bool:
        return self._left > 0 and self._chance.happens(self._run.plan.rate(Fault.CRASH))

    def end_in_order(self) -> None:
        """The journal has its trailer, and the process ends.

        Raises:
            SimulatedCrash: always.
        """
        self.points[IN_ORDER] = 1
        self.is_down = self._has_ended_in_order = True
        raise SimulatedCrash("in order")

    def crash(self, point: str) -> None:
        """
        Raises:
            SimulatedCrash: always.
        """
        self._run.plan.count(Fault.CRASH)
        self.points[point] = self.points.get(point, 0) + 1
        self._left -= 1
        self.is_down = True
        raise SimulatedCrash(point)

    # -- and its return ---------------------------------------------------------------------------

    def come_back(self) -> None:
        """Until the run goes on, whatever strikes on the way."""
        while True:
            self.is_down = self.has_disk_failed = False
            try:
                self._come_back()
            except KeyboardInterrupt:
                raise
            except BaseException:
                if not self.is_down and not self.has_disk_failed:
                    raise
                self._run.checkers.delivery.forget_untold()
                continue
            self.count += 1
            return

    def _come_back(self) -> None:
        run = self._run
        plan, checkers = run.plan, run.checkers
        was_in_order, self._has_ended_in_order = self._has_ended_in_order, False
        outcome = TornOutcome.KEPT
        if plan.strikes(Fault.STORAGE_TORN, self._chance):
            outcome = self._chance.pick(_LOSSES)
        run.disk.crash(outcome, self._chance)
        run.venue.come_back(self._told_durable)
        checkers.forget_process(records_of(run.disk))
        if plan.rate(Fault.STORAGE_FLIP) and self._chance.happens(_TRIALS_SHARE):
            self._try_flipped()
        if plan.rate(Fault.CONFIG_EDIT) and self._chance.happens(_TRIALS_SHARE):
            self._try_other_configuration()
        checkers.delivery.is_muted = True
        try:
            resumed = resume_run(
                DiskStore(run.disk, run.take_journal),
                header_of(run.world),
                run.build,
                ts=run.clock.machine_ns,
            )
        finally:
            checkers.delivery.is_muted = False
            checkers.delivery.forget_untold()
        if was_in_order and resumed.replayed:
            checkers.add(f"I36: after a stop in order {resumed.replayed} inputs are run again")
        run.go_on_with(resumed)
        run.feed.forget()
        run.start()
        self._reconcile(resumed)

    def _reconcile(self, resumed: Resumed) -> None:
        """I11, I13: nothing is sent before the venue has said what it knows of every open order."""
        run = self._run
        run.checkers.is_held = not resumed.is_first_start
        for order in resumed.orders_to_ask:
            for report in run.venue.answer_inquiry(order.client_order_id):
                run.report(report)
        while run.venue.has_news:
            run.report(run.venue.next_report())
        run.venue.lost.clear()
        run.judge_against_venue("I13: after a restart")
        if resumed.is_first_start:
            return
        run.checkers.is_held = False
        run.report(Reconciled(ts_event=run.clock.machine_ns))

    # -- trials on a copy of the disk -------------------------------------------------------------

    def _try_flipped(self) -> None:
        """F3: with one bit flipped the run is refused, or goes on as if it were not."""
        run = self._run
        sound, damaged = run.disk.clone(), run.disk.clone()
        if not damaged.files:
            return  # it ended before the first header was written
        name = self._chance.pick(list(damaged.files))
        place = damaged.flip(name, self._chance)
        run.plan.count(Fault.STORAGE_FLIP)
        is_tail = place >= len(damaged.files[name].content) - 4_000
        then, now = self._state_of(sound), self._state_of(damaged)
        # A flipped bit of the last record cannot be told from a torn write.
        if not now.startswith("refused") and now != then and not is_tail:
            run.checkers.add(
                f"I23: a flipped bit at {place} of {name} leads to another state: {now}"
            )

    def _try_other_configuration(self) -> None:
        """F15: old inputs are never run through another configuration."""
        run = self._run
        run.plan.count(Fault.CONFIG_EDIT)
        found = self._state_of(run.disk.clone(), configuration_sha256="another")
        has_old_inputs = _has_inputs_behind_snapshot(records_of(run.disk))
        if has_old_inputs and not found.startswith("refused"):
            run.checkers.add("I14: old inputs were run through another configuration")

    def _state_of(self, disk: Disk, **changes: str) -> str:
        """What a recovery from a disk comes to: a hash of the state, or why it was refused."""
        run = self._run
        header = msgspec.structs.replace(header_of(run.world), **changes)

        def build(journal: Journal, _: JournalHeader) -> TradingSystem:
            return build_world(run.world, journal, CallLog())

        run.checkers.delivery.is_deaf = True
        try:
            return resume_run(DiskStore(disk), header, build).system.state_hash()
        except JournalError as refused:
            return f"refused: {refused}"
        except ActorError as refused:
            return f"refused by an actor: {describe(refused)}"
        finally:
            run.checkers.delivery.is_deaf = False


def _has_inputs_behind_snapshot(records: list[Record]) -> bool:
    """Whether a recovery has to run inputs again."""
    for record in reversed(records):
        if record.kind is RecordKind.SNAPSHOT:
            return False
        if record.kind is RecordKind.INPUT:
            return True
    return False
