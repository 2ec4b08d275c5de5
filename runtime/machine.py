"""The machine: a single-threaded, run-to-completion actor system that does no I/O.

    post(input) -> seq, time, journal -> routed mailbox -> pump until nothing is queued -> effects

Everything that happens is caused by one input and is finished before the next is taken. The shell
around it (``orchestrion.runtime.shell``, a backtest loop, a simulator) decides when inputs come and
carries out the effects. The journal is appended to before anyone reacts; an effect may be carried
out only when the journal is durable through its seq, which is the shell's duty.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, NoReturn, cast

import msgspec

from orchestrion.runtime.actor import (
    SILENT,
    Actor,
    ActorQuarantined,
    ActorRestarted,
    Answer,
    DeadLetter,
    Question,
    Silence,
)
from orchestrion.runtime.cell import Cell, restore_cells, snapshot_of_cells
from orchestrion.runtime.errors import (
    ActorError,
    ActorFailedError,
    MailboxFullError,
    describe,
)
from orchestrion.runtime.journal import Journal, Record, RecordKind
from orchestrion.runtime.lifecycle import ActorState, ActorStep
from orchestrion.runtime.mailbox import CAPACITY_MESSAGES, Mailbox, Overflow
from orchestrion.runtime.state import require_fields, restore_state, state_of
from orchestrion.runtime.supervision import FailureWindow, SupervisionPolicy, SupervisionVerdict

DEAD_LETTERS_KEPT = 1000
"""The newest dead letters are kept for people to read; the count goes on. Arbitrary bound."""


def _encode_hook(value: object) -> object:
    if isinstance(value, MappingProxyType):
        return dict(cast("Mapping[object, object]", value))
    raise NotImplementedError(f"a journal cannot hold a {type(value).__name__}")


encode: Callable[[object], bytes] = msgspec.json.Encoder(enc_hook=_encode_hook).encode
"""Values to journal bytes: JSON in field order, decimals as strings."""


_SILENCES = tuple(Silence(count) for count in range(64))
"""Told over and over: once per stage and event."""


class Hop(msgspec.Struct, frozen=True, gc=False):
    """One delivered message, for whoever wants to see the machine at work."""

    seq: int
    actor: str
    message: object


class Machine:
    """Actors, their mailboxes, and the pump. See the module's text.

    Attributes:
        seq: number of the input that is being, or was last, worked off; 0 before the first.
        now: its time, nanoseconds UTC.
        decisions: number of recorded decisions.
        dead_letter_count: messages that nobody handled.
        effects: (seq, effect) pairs that wait for ``take_effects``; to be looked at only.
    """

    STATE: ClassVar[Mapping[str, Any]] = {
        "seq": int,
        "now": int,
        "decisions": int,
        "dead_letter_count": int,
        "_decision_chain": bytes,
    }

    def __init__(self, journal: Journal, *, trace: Callable[[Hop], None] | None = None) -> None:
        self.seq = 0
        self.now = 0
        self.decisions = 0
        self.dead_letter_count = 0
        self.dead_letters: deque[DeadLetter] = deque(maxlen=DEAD_LETTERS_KEPT)
        self._trace = trace
        self._append = journal.append
        # A chain and not one running sha256: a run that goes on after a restart has to go on here.
        self._decision_chain = hashlib.sha256().digest()
        self._cells: dict[str, Cell] = {}
        self._routes: dict[type, Mailbox] = {}
        self._ready: deque[Mailbox] = deque()
        self.effects: deque[tuple[int, object]] = deque()
        self._failure: ActorFailedError | None = None
        self._is_stopped = False

    # -- building ---------------------------------------------------------------------------

    def spawn(
        self,
        name: str,
        actor: Actor,
        *,
        capacity_messages: int = CAPACITY_MESSAGES,
        overflow: Overflow = Overflow.REFUSE,
    ) -> Mailbox:
        """Adds an actor whose failure stops the machine, and returns its mailbox."""
        if name in self._cells:
            raise ActorError(f"there is an actor {name!r} already")
        mailbox = Mailbox(
            name,
            actor.receive,
            self._ready,
            capacity_messages=capacity_messages,
            overflow=overflow,
            on_drop=self._dead_letter,
        )
        cell = self._cells[name] = Cell(actor, mailbox)
        cell.step(ActorStep.START)
        return mailbox

    def supervise(self, name: str, policy: SupervisionPolicy, *, parent: Mailbox) -> None:
        """Failures of this actor become messages to the parent instead of stopping the machine."""
        cell = self._cells[name]
        cell.supervised = cell.actor  # type: ignore[assignment]  # checked by the wiring's types
        cell.failures = FailureWindow(policy)
        cell.parent = parent

    def group(self, members: Iterable[Mailbox], *, parent: Mailbox) -> Mailbox:
        """A mailbox that gives each message to all members, in their order, as one entry of the run
        queue.

        It is the same as telling one after the other: whatever was told to a member before is
        handled before, whatever is told later comes later, and a member that fails is supervised
        as ever. It saves a queue entry per member, and one answer for each that is silent.

        Args:
            members: of supervised actors.
            parent: is told once how many of them were silent.
        """
        mailbox = Mailbox("group", self._group_receiver(tuple(members), parent), self._ready)
        mailbox.is_group = True
        return mailbox

    def _group_receiver(
        self, members: tuple[Mailbox, ...], parent: Mailbox
    ) -> Callable[[object], None]:
        handle_failure, trace = self._handle_failure, self._trace

        def receive(message: object) -> None:
            silent = 0
            for member in members:
                if trace is not None:
                    trace(Hop(self.seq, member.name, message))
                try:
                    if member.receive(message) is SILENT:
                        silent += 1
                except KeyboardInterrupt:  # the person at the keyboard, not the actor
                    raise
                except BaseException as failure:
                    handle_failure(member, message, failure)
            if silent:
                self._tell_parent(
                    parent, _SILENCES[silent] if silent < len(_SILENCES) else Silence(silent)
                )

        return receive

    def route(self, payload_type: type, mailbox: Mailbox) -> None:
        """Inputs of this exact type go to this mailbox."""
        self._routes[payload_type] = mailbox

    def route_all(self, payload_types: Iterable[type], mailbox: Mailbox) -> None:
        """Inputs of these exact types go to this mailbox."""
        for payload_type in payload_types:
            self.route(payload_type, mailbox)

    # -- running ----------------------------------------------------------------------------

    def post(self, payload: object, ts: int, *, is_recorded: bool = True) -> int:
        """Takes an input, works it off completely, and returns its seq.

        Args:
            payload: a value of a routed type.
            ts: time of the input, nanoseconds UTC, not before the last one's.
            is_recorded: False for data that the journal's header names by hash.

        Raises:
            ActorError: the type has no route, time went back, or the machine has stopped;
                nothing was taken.
            ActorFailedError: an actor without a supervisor failed; the machine has stopped.
            Exception: the journal could not take it; nothing was taken.
        """
        mailbox = self._routes.get(type(payload))
        if mailbox is None or ts < self.now or self._failure is not None or self._is_stopped:
            self._refuse(payload, ts)
        seq = self.seq + 1
        if is_recorded:
            self._append(Record(seq, RecordKind.INPUT, type(payload).__name__, ts, encode(payload)))
        self.seq = seq
        self.now = ts
        try:
            mailbox.tell(payload)
            self._pump()
        except BaseException as failure:
            # Whatever comes out here, Ctrl-C too, left the input half worked off: no further one.
            if self._failure is None:
                self._failure = ActorFailedError(mailbox.name, seq, failure)
            raise
        return seq

    def require_running(self) -> None:
        """For a shell that moves something of its own before it posts.

        Raises:
            ActorError: the machine has failed or stopped; nothing can be posted any more.
        """
        if self._failure is not None:
            raise ActorError("the machine has failed") from self._failure
        if self._is_stopped:
            raise ActorError("the machine has stopped")

    def skip(self, count: int = 1) -> None:
        """Passes over sequence numbers of inputs that a continued run does not see again."""
        self.seq += count

    def record(self, kind: RecordKind, value: object) -> None:
        """See ``ActorContext.record``. Decisions also enter the decision hash."""
        body = encode(value)
        if kind is RecordKind.DECISION:
            self.decisions += 1
            self._decision_chain = hashlib.sha256(self._decision_chain + body).digest()
        self._append(Record(self.seq, kind, type(value).__name__, self.now, body))

    def emit(self, effect: object) -> None:
        """See ``ActorContext.emit``."""
        self.effects.append((self.seq, effect))

    def take_effects(self) -> list[tuple[int, object]]:
        """All (seq, effect) pairs emitted since the last call, in order."""
        if not self.effects:
            return []
        effects = list(self.effects)
        self.effects.clear()
        return effects

    def take_effects_of(self, kinds: tuple[type, ...]) -> list[object]:
        """The effects of these types; all others stay, in their order, for ``take_effects``.

        For a recovery, which answers some of them itself and hands over the rest.
        """
        waiting = tuple(self.effects)
        self.effects.clear()
        self.effects.extend(pair for pair in waiting if not isinstance(pair[1], kinds))
        return [effect for _, effect in waiting if isinstance(effect, kinds)]

    @property
    def has_effects(self) -> bool:
        """Whether the shell has anything to carry out."""
        return bool(self.effects)

    @property
    def decision_hash(self) -> str:
        """Running sha256 over all decisions so far, hex: each over the one before and its body."""
        return self._decision_chain.hex()

    def state_of(self, name: str) -> ActorState:
        return self._cells[name].state

    # -- going on after a restart -------------------------------------------------------------

    def write_to(self, journal: Journal) -> None:
        """From now on records go to this journal: a new segment, or the one behind a recovery."""
        self._append = journal.append

    def record_snapshot(self, body: bytes) -> None:
        """Writes the state behind the last input. No input: a replay compares it and goes on."""
        self._append(self.snapshot_record(body))

    def snapshot_record(self, body: bytes) -> Record:
        """The state behind the last input as a record."""
        return Record(self.seq, RecordKind.SNAPSHOT, "Snapshot", self.now, body)

    @property
    def is_at_rest(self) -> bool:
        """Whether nothing is queued and no effect waits."""
        return not self._ready and not self.effects

    def is_quarantined(self, name: str) -> bool:
        """Whether an actor is out for good; also when the machine has stopped since."""
        return self._cells[name].is_quarantined

    def retire(self, name: str) -> None:
        """A supervised actor that nobody tells anything any more: it leaves the snapshots."""
        self._cells[name].is_retired = True

    def snapshot(self) -> dict[str, object]:
        """Its own state, and what it keeps about the supervised actors."""
        return {"machine": state_of(self), "supervised": snapshot_of_cells(self._cells)}

    def restore(self, snapshot: object) -> None:
        """Takes back what ``snapshot`` gave; before the first input, with the same actors.

        Raises:
            JournalFormatError: it is no such state, or of other actors.
        """
        parts = require_fields(snapshot, ("machine", "supervised"), "Machine")
        for name in restore_cells(self._cells, parts["supervised"]):
            self.quarantine(name, "quarantined")
        restore_state(self, parts["machine"])

    def _pump(self) -> None:
        if self._trace is not None:
            self._pump_traced(self._trace)
            return
        ready = self._ready
        while ready:
            mailbox = ready.popleft()
            message = mailbox.queue.popleft()
            try:
                if mailbox.receive(message) is SILENT:
                    self._tell_silence(mailbox)
            except KeyboardInterrupt:  # the person at the keyboard, not the actor
                raise
            except BaseException as failure:  # an actor may raise anything, and only harms itself
                self._handle_failure(mailbox, message, failure)

    def _pump_traced(self, trace: Callable[[Hop], None]) -> None:
        """The same loop with a look at every hop; apart, so that the usual one pays nothing."""
        ready = self._ready
        while ready:
            mailbox = ready.popleft()
            message = mailbox.queue.popleft()
            if not mailbox.is_group:
                trace(Hop(self.seq, mailbox.name, message))
            try:
                if mailbox.receive(message) is SILENT:
                    self._tell_silence(mailbox)
            except KeyboardInterrupt:
                raise
            except BaseException as failure:
                self._handle_failure(mailbox, message, failure)

    # -- failing and stopping ----------------------------------------------------------------

    def _handle_failure(self, mailbox: Mailbox, message: object, failure: BaseException) -> None:
        if failure is self._failure:  # inside a group somebody was aborted already
            raise failure
        cell = self._cells[mailbox.name]
        if cell.supervised is None or cell.failures is None or cell.parent is None:
            self._abort(cell, failure)
        cell.step(ActorStep.FAIL)
        text = describe(failure)
        verdict, count = cell.failures.record(now_ns=self.now, turn=cell.supervised.turns)
        if verdict is SupervisionVerdict.RESTART:
            try:
                cell.supervised.rebuild()
            except KeyboardInterrupt:
                raise
            except BaseException as problem:
                text = f"{text}; it could not be rebuilt: {describe(problem)}"
            else:
                cell.step(ActorStep.RECOVER)
                self._tell_parent(cell.parent, ActorRestarted(mailbox.name, message, text, count))
                return
        cell.step(ActorStep.GIVE_UP)
        mailbox.receive = self._refuser(mailbox.name, "quarantined")
        self._tell_parent(cell.parent, ActorQuarantined(mailbox.name, message, text))

    def _tell_silence(self, mailbox: Mailbox) -> None:
        parent = self._cells[mailbox.name].parent
        if parent is None:
            raise ActorError(f"{mailbox.name} was silent and has no parent to know of it")
        self._tell_parent(parent, _SILENCES[1])

    def _tell_parent(
        self, parent: Mailbox, message: ActorRestarted | ActorQuarantined | Silence
    ) -> None:
        try:
            parent.tell(message)
        except MailboxFullError as full:  # a failure that nobody hears of must not pass
            self._abort(self._cells[parent.name], full)

    def _abort(self, cell: Cell, failure: BaseException) -> NoReturn:
        cell.step(ActorStep.ABORT)
        self._failure = ActorFailedError(cell.mailbox.name, self.seq, failure)
        raise self._failure from failure

    def quarantine(self, name: str, reason: str) -> None:
        """Takes a supervised actor out without a failure of its own handler, e.g. a restart that
        found it in quarantine. Its messages become dead letters."""
        cell = self._cells[name]
        cell.step(ActorStep.FAIL)
        cell.step(ActorStep.GIVE_UP)
        cell.mailbox.receive = self._refuser(name, reason)

    def stop(self) -> None:
        """Ends the machine: what is still queued is answered with an error, nothing is handled.

        Safe to call twice, and after a failure.
        """
        if self._is_stopped:
            return
        self._is_stopped = True
        while self._ready:
            mailbox = self._ready.popleft()
            self._dead_letter(mailbox.name, mailbox.queue.popleft(), "the machine stopped")
        for cell in self._cells.values():
            if cell.state in (ActorState.READY, ActorState.RUNNING, ActorState.QUARANTINED):
                cell.step(ActorStep.STOP)

    def _refuser(self, name: str, reason: str) -> Callable[[object], None]:
        return lambda message: self._dead_letter(name, message, reason)

    def _dead_letter(self, name: str, message: object, reason: str) -> None:
        self.dead_letter_count += 1
        self.dead_letters.append(DeadLetter(name, message, reason, self.seq))
        if isinstance(message, Question):
            self.emit(Answer(question_id=message.question_id, error=f"{name}: {reason}"))

    def _refuse(self, payload: object, ts: int) -> NoReturn:
        self.require_running()
        if type(payload) not in self._routes:
            raise ActorError(f"no actor takes inputs of type {type(payload).__name__}")
        raise ActorError(f"time went back: input at {ts} after {self.now}")
