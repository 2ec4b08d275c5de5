"""The machine without any trading: order, inputs, effects, failures, and the end."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable
from types import MappingProxyType
from typing import TypeAlias

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.runtime.actor import ActorQuarantined, ActorRestarted, Answer, Question
from orchestrion.runtime.errors import ActorError, ActorFailedError, MailboxFullError
from orchestrion.runtime.journal import JournalHeader, JournalTrailer, Record, RecordKind
from orchestrion.runtime.lifecycle import ActorState
from orchestrion.runtime.machine import DEAD_LETTERS_KEPT, Hop, Machine
from orchestrion.runtime.mailbox import Mailbox, Overflow
from orchestrion.runtime.supervision import SupervisionPolicy

# --- actors made of functions -------------------------------------------------------------------


class Tick(msgspec.Struct, frozen=True):
    number: int = 0


class Ask(Question, frozen=True, kw_only=True):
    pass


class Kept:
    """A journal that keeps records; it can be told to fail."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.failure: Exception | None = None

    def begin(self, header: JournalHeader) -> None: ...

    def append(self, record: Record) -> None:
        if self.failure is not None:
            raise self.failure
        self.records.append(record)

    def sync(self) -> None: ...

    def finish(self, trailer: JournalTrailer) -> None: ...

    def close(self) -> None: ...


Handler: TypeAlias = Callable[[object], None]


class Plain:
    """Keeps what it was told and then does what its function says."""

    def __init__(self, handler: Handler | None = None) -> None:
        self.handler = handler
        self.seen: list[object] = []

    def receive(self, message: object) -> None:
        self.seen.append(message)
        if self.handler is not None:
            self.handler(message)


class Child(Plain):
    """A supervised one."""

    def __init__(self, handler: Handler | None = None) -> None:
        super().__init__(handler)
        self.rebuilds = 0
        self.rebuild_failure: BaseException | None = None

    @property
    def turns(self) -> int:
        return len(self.seen)

    def rebuild(self) -> None:
        self.rebuilds += 1
        if self.rebuild_failure is not None:
            raise self.rebuild_failure


def raising(failure: BaseException) -> Handler:
    def handler(_: object) -> None:
        raise failure

    return handler


class Bench:
    """A machine with a parent that takes ticks and questions, and whatever a test adds."""

    def __init__(self, parent: Handler | None = None, *, is_traced: bool = False) -> None:
        self.journal = Kept()
        self.trace: list[Hop] = []
        self.machine = Machine(self.journal, trace=self.trace.append if is_traced else None)
        self.parent = Plain(parent)
        self.to_parent = self.machine.spawn("parent", self.parent)
        self.machine.route(Tick, self.to_parent)
        self.machine.route(Ask, self.to_parent)

    def child(
        self,
        handler: Handler | None = None,
        *,
        policy: SupervisionPolicy | None = None,
        capacity: int = 100,
    ) -> tuple[Child, Mailbox]:
        actor = Child(handler)
        mailbox = self.machine.spawn("child", actor, capacity_messages=capacity)
        self.machine.supervise("child", policy or SupervisionPolicy(), parent=self.to_parent)
        return actor, mailbox

    def told(self, kind: type) -> list[object]:
        return [one for one in self.parent.seen if isinstance(one, kind)]


def telling(target: Mailbox, *messages: object) -> Handler:
    """Tells all of it at every message."""

    def handler(_: object) -> None:
        for message in messages:
            target.tell(message)

    return handler


def forwarding(target: Mailbox) -> Handler:
    """Passes ticks on and keeps the rest."""

    def handler(message: object) -> None:
        if isinstance(message, Tick):
            target.tell(message)

    return handler


# --- order --------------------------------------------------------------------------------------


class Letter(msgspec.Struct, frozen=True):
    """Who reads it, a number, and what the reader then tells."""

    receiver: int
    number: int
    children: tuple[Letter, ...] = ()


leaves = st.builds(Letter, st.integers(0, 3), st.integers(0, 9))
letters = st.recursive(
    leaves,
    lambda inner: st.builds(
        Letter, st.integers(0, 3), st.integers(0, 9), st.lists(inner, max_size=4).map(tuple)
    ),
    max_leaves=25,
)


@pytest.mark.parametrize("is_traced", [False, True])
@settings(max_examples=50)
@given(posted=st.lists(letters, min_size=1, max_size=4))
def test_messages_are_handled_in_the_order_in_which_they_were_told(
    is_traced: bool, posted: list[Letter]
) -> None:
    bench = Bench(is_traced=is_traced)
    handled: list[tuple[int, int]] = []
    mailboxes: list[Mailbox] = []

    def read(message: object) -> None:
        assert isinstance(message, Letter)
        handled.append((message.receiver, message.number))
        for child in message.children:
            mailboxes[child.receiver].tell(child)

    def deliver(message: object) -> None:
        assert isinstance(message, Letter)
        mailboxes[message.receiver].tell(message)

    mailboxes += [bench.machine.spawn(name, Plain(read)) for name in "abcd"]
    bench.parent.handler = deliver
    bench.machine.route(Letter, bench.to_parent)

    expected: list[tuple[int, int]] = []
    for ts, letter in enumerate(posted):
        waiting = deque([letter])  # the naive model: one queue for everybody
        while waiting:
            first = waiting.popleft()
            expected.append((first.receiver, first.number))
            waiting.extend(first.children)
        bench.machine.post(letter, ts, is_recorded=False)
    assert handled == expected


def test_two_senders_each_keep_their_order() -> None:
    bench = Bench()
    receiver = Plain()
    to_receiver = bench.machine.spawn("receiver", receiver)

    first = bench.machine.spawn("first", Plain(telling(to_receiver, "a", "b", "c")))
    second = bench.machine.spawn("second", Plain(telling(to_receiver, 1, 2, 3)))

    def wake(message: object) -> None:
        first.tell(message)
        second.tell(message)

    bench.parent.handler = wake
    bench.machine.post(Tick(), 1)
    assert receiver.seen == ["a", "b", "c", 1, 2, 3]


# --- inputs -------------------------------------------------------------------------------------


def test_input_gets_the_next_seq_and_is_journaled_before_it_is_delivered() -> None:
    bench = Bench()
    journaled: list[int] = []

    def handler(_: object) -> None:
        journaled.append(len(bench.journal.records))

    bench.parent.handler = handler
    assert bench.machine.post(Tick(5), 10) == 1
    assert bench.machine.post(Tick(6), 10) == 2
    assert journaled == [1, 2]
    assert bench.journal.records == [
        Record(1, RecordKind.INPUT, "Tick", 10, b'{"number":5}'),
        Record(2, RecordKind.INPUT, "Tick", 10, b'{"number":6}'),
    ]
    assert (bench.machine.seq, bench.machine.now) == (2, 10)


def test_unrecorded_input_takes_a_seq_and_leaves_no_record() -> None:
    bench = Bench()
    assert bench.machine.post(Tick(), 1, is_recorded=False) == 1
    assert bench.machine.post(Tick(), 1) == 2
    assert [record.seq for record in bench.journal.records] == [2]


def test_skipped_numbers_are_not_used_again() -> None:
    bench = Bench()
    bench.machine.skip(3)
    assert bench.machine.post(Tick(), 1) == 4


class Unrouted(msgspec.Struct, frozen=True):
    pass


@pytest.mark.parametrize(
    ("payload", "ts", "message"),
    [
        (Tick(), 9, "time went back: input at 9 after 10"),
        (Unrouted(), 10, "no actor takes inputs of type Unrouted"),
        (None, 10, "no actor takes inputs of type NoneType"),
    ],
)
def test_refused_input_changes_nothing(payload: object, ts: int, message: str) -> None:
    bench = Bench()
    bench.machine.post(Tick(), 10)
    with pytest.raises(ActorError, match=message):
        bench.machine.post(payload, ts)
    assert (bench.machine.seq, bench.machine.now) == (1, 10)
    assert len(bench.journal.records) == 1
    assert bench.machine.post(Tick(), 10) == 2


class Opaque:
    """Nothing that a journal could hold."""


def test_input_that_the_journal_cannot_hold_is_not_taken() -> None:
    bench = Bench()
    bench.machine.route(Opaque, bench.to_parent)
    with pytest.raises(NotImplementedError, match="a journal cannot hold a Opaque"):
        bench.machine.post(Opaque(), 5)
    assert (bench.machine.seq, bench.machine.now, bench.parent.seen) == (0, 0, [])


def test_input_is_not_delivered_when_the_journal_fails() -> None:
    bench = Bench()
    bench.journal.failure = OSError("disk full")
    with pytest.raises(OSError, match="disk full"):
        bench.machine.post(Tick(), 5)
    assert (bench.machine.seq, bench.machine.now, bench.parent.seen) == (0, 0, [])


# --- what a handler gives -----------------------------------------------------------------------


def test_effects_carry_the_seq_that_caused_them_and_are_taken_once() -> None:
    bench = Bench()

    def handler(message: object) -> None:
        bench.machine.emit(("one", message))
        bench.machine.emit("two")

    bench.parent.handler = handler
    bench.machine.post(Tick(1), 1)
    bench.machine.post(Tick(2), 2)
    assert bench.machine.has_effects
    assert bench.machine.take_effects() == [
        (1, ("one", Tick(1))),
        (1, "two"),
        (2, ("one", Tick(2))),
        (2, "two"),
    ]
    assert not bench.machine.has_effects
    assert bench.machine.take_effects() == []


def test_decision_hash_is_a_chain_over_the_bodies() -> None:
    bench = Bench()
    assert bench.machine.decision_hash == hashlib.sha256().hexdigest()

    def handler(message: object) -> None:
        bench.machine.record(RecordKind.DECISION, message)
        bench.machine.record(RecordKind.EVENT, Tick(99))

    bench.parent.handler = handler
    bench.machine.post(Tick(1), 1)
    bench.machine.post(Tick(2), 2)
    first = hashlib.sha256(hashlib.sha256().digest() + b'{"number":1}').digest()
    expected = hashlib.sha256(first + b'{"number":2}').hexdigest()
    assert bench.machine.decision_hash == expected
    assert bench.machine.decisions == 2


def test_record_is_stamped_with_the_input_it_belongs_to() -> None:
    bench = Bench()

    def handler(_: object) -> None:
        bench.machine.record(RecordKind.EVENT, MappingProxyType({"a": 1}))

    bench.parent.handler = handler
    bench.machine.post(Tick(), 7)
    assert bench.journal.records[-1] == Record(1, RecordKind.EVENT, "mappingproxy", 7, b'{"a":1}')


def test_trace_shows_every_hop_in_order() -> None:
    bench = Bench(is_traced=True)
    _, to_child = bench.child()
    bench.parent.handler = forwarding(to_child)
    bench.machine.post(Tick(3), 1)
    assert bench.trace == [Hop(1, "parent", Tick(3)), Hop(1, "child", Tick(3))]


# --- mailboxes that are full --------------------------------------------------------------------


def test_overflow_is_the_tellers_failure_and_loses_nothing() -> None:
    bench = Bench()
    receiver = Plain()
    to_receiver = bench.machine.spawn("receiver", receiver, capacity_messages=2)
    bench.parent.handler = telling(to_receiver, 0, 1, 2)
    with pytest.raises(ActorFailedError, match="'parent' failed at input 1") as failure:
        bench.machine.post(Tick(), 1)
    assert isinstance(failure.value.__cause__, MailboxFullError)
    assert bench.machine.state_of("parent") is ActorState.FAILED
    assert list(to_receiver.queue) == [0, 1], "what was told before stands"


def test_dropped_messages_are_dead_letters() -> None:
    bench = Bench()
    receiver = Plain()
    to_receiver = bench.machine.spawn(
        "receiver", receiver, capacity_messages=2, overflow=Overflow.DROP_OLDEST
    )
    bench.parent.handler = telling(to_receiver, 0, 1, 2, 3, 4)
    bench.machine.post(Tick(), 1)
    assert receiver.seen == [3, 4]
    assert to_receiver.dropped == bench.machine.dead_letter_count == 3
    assert [(one.actor, one.message, one.reason) for one in bench.machine.dead_letters] == [
        ("receiver", i, "mailbox full") for i in range(3)
    ]


def test_question_that_is_dropped_is_answered_with_an_error() -> None:
    bench = Bench()
    to_receiver = bench.machine.spawn(
        "receiver", Plain(), capacity_messages=1, overflow=Overflow.DROP_OLDEST
    )
    bench.parent.handler = telling(to_receiver, Ask(question_id=4), 0)
    bench.machine.post(Tick(), 1)
    assert bench.machine.take_effects() == [
        (1, Answer(question_id=4, error="receiver: mailbox full"))
    ]


def test_dead_letters_are_bounded_and_the_count_goes_on() -> None:
    bench = Bench()
    to_receiver = bench.machine.spawn(
        "receiver", Plain(), capacity_messages=1, overflow=Overflow.DROP_OLDEST
    )
    count = DEAD_LETTERS_KEPT + 50
    bench.parent.handler = telling(to_receiver, *range(count + 1))
    bench.machine.post(Tick(), 1)
    assert bench.machine.dead_letter_count == count
    assert len(bench.machine.dead_letters) == DEAD_LETTERS_KEPT
    assert bench.machine.dead_letters[-1].message == count - 1, "the newest are kept"


# --- failures -----------------------------------------------------------------------------------

FAILURES = [ValueError("a"), SystemExit(1), GeneratorExit(), BaseException("b"), RecursionError()]


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
@pytest.mark.parametrize("is_traced", [False, True])
def test_failure_of_an_unsupervised_actor_stops_the_machine(
    failure: BaseException, is_traced: bool
) -> None:
    bench = Bench(raising(failure), is_traced=is_traced)
    with pytest.raises(ActorFailedError, match="'parent' failed at input 1") as raised:
        bench.machine.post(Tick(), 1)
    assert raised.value.__cause__ is failure
    assert bench.machine.state_of("parent") is ActorState.FAILED
    with pytest.raises(ActorError, match="the machine has failed") as refused:
        bench.machine.post(Tick(), 2)
    assert refused.value.__cause__ is raised.value
    assert (bench.machine.seq, len(bench.journal.records)) == (1, 1)


@pytest.mark.parametrize("failure", FAILURES, ids=repr)
@pytest.mark.parametrize("is_traced", [False, True])
def test_failure_of_a_supervised_actor_is_told_to_its_parent(
    failure: BaseException, is_traced: bool
) -> None:
    bench = Bench(is_traced=is_traced)
    child, to_child = bench.child(raising(failure))
    bench.parent.handler = forwarding(to_child)
    bench.machine.post(Tick(8), 1)
    (told,) = bench.told(ActorRestarted)
    assert isinstance(told, ActorRestarted)
    assert (told.actor, told.message, told.failures_in_window) == ("child", Tick(8), 1)
    assert told.failure.startswith(type(failure).__name__)
    assert child.rebuilds == 1
    assert bench.machine.state_of("child") is ActorState.RUNNING


def test_third_failure_in_the_window_quarantines_and_the_rest_are_dead_letters() -> None:
    bench = Bench()
    child, to_child = bench.child(raising(ValueError("no")))
    bench.parent.handler = forwarding(to_child)
    for ts in range(5):
        bench.machine.post(Tick(ts), ts)
    assert bench.told(ActorRestarted) != []
    assert bench.told(ActorQuarantined) == [ActorQuarantined("child", Tick(2), "ValueError: no")]
    assert child.seen == [Tick(0), Tick(1), Tick(2)], "nothing is handled by a dead incarnation"
    assert bench.machine.state_of("child") is ActorState.QUARANTINED
    assert [(one.message, one.reason) for one in bench.machine.dead_letters] == [
        (Tick(3), "quarantined"),
        (Tick(4), "quarantined"),
    ]


@pytest.mark.parametrize("problem", [OSError("gone"), SystemExit(2), GeneratorExit()], ids=repr)
def test_actor_that_cannot_be_rebuilt_is_quarantined_at_once(problem: BaseException) -> None:
    bench = Bench()
    child, to_child = bench.child(raising(ValueError("no")))
    child.rebuild_failure = problem
    bench.parent.handler = forwarding(to_child)
    bench.machine.post(Tick(), 1)
    (told,) = bench.told(ActorQuarantined)
    assert isinstance(told, ActorQuarantined)
    assert told.failure.startswith("ValueError: no; it could not be rebuilt: ")
    assert bench.machine.state_of("child") is ActorState.QUARANTINED


def test_failure_that_the_parent_has_no_room_for_stops_the_machine() -> None:
    machine = Machine(Kept())
    parent = Plain()
    to_parent = machine.spawn("parent", parent, capacity_messages=1)
    to_children: list[Mailbox] = []
    for name in ("one", "two"):
        to_children.append(machine.spawn(name, Child(raising(ValueError("no")))))
        machine.supervise(name, SupervisionPolicy(), parent=to_parent)

    def wake(message: object) -> None:
        for to_child in to_children:
            to_child.tell(message)

    machine.route(Tick, machine.spawn("root", Plain(wake)))
    with pytest.raises(ActorFailedError, match="'parent' failed at input 1: MailboxFullError"):
        machine.post(Tick(), 1)
    with pytest.raises(ActorError, match="the machine has failed"):
        machine.post(Tick(), 2)


def test_quarantine_from_outside_takes_an_actor_out() -> None:
    bench = Bench()
    child, to_child = bench.child()
    bench.machine.quarantine("child", "it was in quarantine before the restart")
    bench.parent.handler = forwarding(to_child)
    bench.machine.post(Tick(), 1)
    assert child.seen == []
    assert [one.reason for one in bench.machine.dead_letters] == [
        "it was in quarantine before the restart"
    ]


@pytest.mark.parametrize("place", ["plain", "supervised", "rebuild"])
@pytest.mark.parametrize("is_traced", [False, True])
def test_interrupt_passes_through_and_no_further_input_is_taken(
    place: str, is_traced: bool
) -> None:
    bench = Bench(is_traced=is_traced)
    if place == "plain":
        bench.parent.handler = raising(KeyboardInterrupt())
    else:
        failure = KeyboardInterrupt() if place == "supervised" else ValueError("no")
        child, to_child = bench.child(raising(failure))
        child.rebuild_failure = KeyboardInterrupt()
        bench.parent.handler = forwarding(to_child)
    with pytest.raises(KeyboardInterrupt):
        bench.machine.post(Tick(), 1)
    with pytest.raises(ActorError, match="the machine has failed"):
        bench.machine.post(Tick(), 2)
    bench.machine.stop()


# --- building and ending ------------------------------------------------------------------------


def test_name_is_taken_once() -> None:
    bench = Bench()
    with pytest.raises(ActorError, match="there is an actor 'parent' already"):
        bench.machine.spawn("parent", Plain())


def test_stop_refuses_inputs_and_ends_every_actor() -> None:
    bench = Bench()
    _, to_child = bench.child()
    bench.machine.quarantine("child", "test")
    bench.machine.stop()
    bench.machine.stop()
    assert bench.machine.state_of("parent") is ActorState.STOPPED
    assert bench.machine.state_of("child") is ActorState.STOPPED
    with pytest.raises(ActorError, match="the machine has stopped"):
        bench.machine.post(Tick(), 1)
    assert len(to_child) == 0


def test_stop_answers_every_queued_question_once_with_an_error() -> None:
    bench = Bench()
    to_other = bench.machine.spawn("other", Plain())

    def flood(_: object) -> None:
        for question_id in (1, 2):
            to_other.tell(Ask(question_id=question_id))
            to_other.tell("no question")
        raise ValueError("now it is over")

    bench.parent.handler = flood
    with pytest.raises(ActorFailedError):
        bench.machine.post(Tick(), 1)
    bench.machine.stop()
    bench.machine.stop()
    assert bench.machine.take_effects() == [
        (1, Answer(question_id=1, error="other: the machine stopped")),
        (1, Answer(question_id=2, error="other: the machine stopped")),
    ]
    assert bench.machine.dead_letter_count == 4
    assert bench.machine.state_of("parent") is ActorState.FAILED
    assert bench.machine.state_of("other") is ActorState.STOPPED


def test_question_to_a_quarantined_actor_is_answered_with_an_error() -> None:
    bench = Bench()
    _, to_child = bench.child()
    bench.machine.quarantine("child", "quarantined")
    bench.machine.route(Ask, to_child)
    bench.machine.post(Ask(question_id=9), 1)
    assert bench.machine.take_effects() == [(1, Answer(question_id=9, error="child: quarantined"))]
