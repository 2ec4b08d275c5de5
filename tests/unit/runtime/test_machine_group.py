"""A group is the same as telling its members one after the other, only cheaper."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.runtime.actor import SILENT, ActorQuarantined, ActorRestarted, Silence, Silent
from orchestrion.runtime.errors import ActorError, ActorFailedError
from orchestrion.runtime.journal import JournalHeader
from orchestrion.runtime.machine import Hop, Machine
from orchestrion.runtime.mailbox import Mailbox
from orchestrion.runtime.supervision import SupervisionPolicy


class Tick(msgspec.Struct, frozen=True):
    number: int = 0


class Spoken(msgspec.Struct, frozen=True):
    name: str
    number: int


class Child:
    """Is silent, speaks or fails, as its rule says."""

    def __init__(self, name: str, parent: Mailbox, log: list[tuple[str, object]]) -> None:
        self.name, self.parent, self.log = name, parent, log
        self.rule: Callable[[object], str] = lambda _: "silent"
        self.turns = 0

    def receive(self, message: object) -> Silent | None:
        self.turns += 1
        self.log.append((self.name, message))
        rule = self.rule(message)
        if rule == "fail":
            raise RuntimeError("as told")
        if rule == "stop":
            raise KeyboardInterrupt
        if rule == "silent":
            return SILENT
        self.parent.tell(Spoken(self.name, self.turns))
        return None

    def rebuild(self) -> None: ...


def always(verdict: str) -> Callable[[object], str]:
    return lambda _: verdict


class Family:
    """A parent with supervised children; a tick goes to all, by a group or one by one."""

    def __init__(self, names: str, *, is_grouped: bool, is_traced: bool = False) -> None:
        journal = MemoryJournal()
        journal.begin(
            JournalHeader(
                run_id="R",
                environment="test",
                seed=0,
                configuration="{}",
                configuration_sha256="",
                data_name="",
                data_sha256="",
                versions={},
            )
        )
        self.trace: list[Hop] = []
        self.machine = Machine(journal, trace=self.trace.append if is_traced else None)
        self.log: list[tuple[str, object]] = []
        self.answers: list[object] = []
        self.mailbox = self.machine.spawn("parent", self)
        self.children = {name: Child(name, self.mailbox, self.log) for name in names}
        self.mailboxes = [self.machine.spawn(name, one) for name, one in self.children.items()]
        for name in names:
            policy = SupervisionPolicy(failures_max=2)
            self.machine.supervise(name, policy, parent=self.mailbox)
        self.group = self.machine.group(self.mailboxes, parent=self.mailbox)
        self.is_grouped = is_grouped
        self.machine.route(Tick, self.mailbox)

    def receive(self, message: object) -> None:
        if not isinstance(message, Tick):
            self.answers.append(message)
        elif self.is_grouped:
            self.group.tell(message)
        else:
            for mailbox in self.mailboxes:
                mailbox.tell(message)

    @property
    def silent(self) -> int:
        return sum(one.count for one in self.answers if isinstance(one, Silence))


def test_silent_members_cost_one_answer_for_all() -> None:
    family = Family("abc", is_grouped=True)
    family.machine.post(Tick(), 1)
    assert family.answers == [Silence(3)]


def test_silent_actor_outside_a_group_is_told_too() -> None:
    family = Family("abc", is_grouped=False)
    family.machine.post(Tick(), 1)
    assert family.answers == [Silence(1)] * 3


def test_members_are_told_in_their_order_and_after_what_came_before() -> None:
    family = Family("ba", is_grouped=True)
    family.mailboxes[1].tell("earlier")
    family.machine.post(Tick(7), 1)
    assert family.log == [("a", "earlier"), ("b", Tick(7)), ("a", Tick(7))]


def test_member_that_fails_is_rebuilt_and_the_others_go_on() -> None:
    family = Family("abc", is_grouped=True)
    family.children["b"].rule = lambda _: "fail"
    family.machine.post(Tick(), 1)
    (restarted, silence) = family.answers
    assert isinstance(restarted, ActorRestarted)
    assert (restarted.actor, silence) == ("b", Silence(2))
    family.machine.post(Tick(), 2)
    assert isinstance(family.answers[2], ActorQuarantined)
    family.machine.post(Tick(), 3)
    assert [one.actor for one in family.machine.dead_letters] == ["b"]
    assert family.answers[-1] == Silence(2)


def test_member_of_a_group_cannot_stop_the_machine_but_the_keyboard_can() -> None:
    family = Family("ab", is_grouped=True)
    family.children["a"].rule = lambda _: "stop"
    with pytest.raises(KeyboardInterrupt):
        family.machine.post(Tick(), 1)
    with pytest.raises(ActorError, match="the machine has failed"):
        family.machine.post(Tick(), 2)


def test_parent_without_room_for_a_failure_stops_the_machine() -> None:
    family = Family("ab", is_grouped=True)
    family.mailbox.capacity_messages = 1
    for child in family.children.values():
        child.rule = lambda _: "fail"
    with pytest.raises(ActorFailedError):
        family.machine.post(Tick(), 1)


def test_trace_shows_each_member_and_not_the_group() -> None:
    family = Family("ab", is_grouped=True, is_traced=True)
    family.machine.post(Tick(), 1)
    assert [hop.actor for hop in family.trace] == ["parent", "a", "b", "parent"]


def test_silence_without_a_parent_is_a_mistake() -> None:
    family = Family("", is_grouped=True)
    orphan = family.machine.spawn("orphan", Child("orphan", family.mailbox, []))
    orphan.tell("hello")
    with pytest.raises(ActorFailedError, match="no parent"):
        family.machine.post(Tick(), 1)


rules = st.dictionaries(
    st.sampled_from("abcd"), st.sampled_from(["silent", "speak", "fail"]), max_size=4
)


@given(st.lists(rules, max_size=5))
def test_group_equals_telling_one_by_one(run: list[dict[str, str]]) -> None:
    one, other = Family("abcd", is_grouped=True), Family("abcd", is_grouped=False)
    for number, rule in enumerate(run):
        for family in (one, other):
            for name, child in family.children.items():
                child.rule = always(rule.get(name, "silent"))
            family.machine.post(Tick(number), number)
    assert one.log == other.log
    assert one.silent == other.silent
    told = [[x for x in each.answers if not isinstance(x, Silence)] for each in (one, other)]
    assert told[0] == told[1]
    assert one.machine.dead_letter_count == other.machine.dead_letter_count
