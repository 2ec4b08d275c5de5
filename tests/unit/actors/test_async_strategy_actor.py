"""The host of an asynchronous strategy: calls as effects, replies as inputs."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.actors.async_strategy_actor import (
    AsyncStrategyActor,
    StrategyFailedError,
    seal_reply,
)
from orchestrion.actors.messages import (
    BookChanged,
    NothingAnswered,
    SliceDelivered,
    StopDelivered,
    StrategyAnswered,
    StrategyRaised,
    StrategyReplied,
)
from orchestrion.domain.models.command import CancelOrder, SubmitOrder
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.order import Leg, OrderSide
from orchestrion.domain.models.portfolio import Book, Marks
from orchestrion.domain.models.strategy import Signal, Strategy, StrategyView
from orchestrion.domain.orchestration.proposal import COMMANDS_PER_ANSWER_MAX, Proposal, Rejection
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.mailbox import Mailbox
from orchestrion.runtime.shell import AwaitCall
from tests.fakes import INSTRUMENTS, AsyncRemembering, AsyncScripted, Script, at, minute

BOOK = Book("alpha", Decimal(1000))
BUY = SubmitOrder.single("alpha", "AAA", OrderSide.BUY, 1)
CANCEL = CancelOrder(strategy_id="alpha", client_order_id="T-1-0")
SIGNAL = Signal(strategy_id="alpha", name="trend", value=0.5)


class Context:
    """Stands for the machine; keeps the effects."""

    seq = 1
    now = 1

    def __init__(self) -> None:
        self.effects: list[AwaitCall] = []

    def record(self, kind: RecordKind, value: object) -> None:
        raise AssertionError("a strategy's host records nothing")

    def emit(self, effect: object) -> None:
        assert isinstance(effect, AwaitCall)
        self.effects.append(effect)


class Hosted:
    def __init__(self, factory: Callable[[], Strategy]) -> None:
        self.context = Context()
        self.view = StrategyView("alpha", InstrumentCatalog(INSTRUMENTS), Marks(), BOOK)
        self.coordinator = Mailbox("coordinator", lambda _: None, deque())
        self.actor = AsyncStrategyActor(
            context=self.context,
            strategy_id="alpha",
            factory=factory,
            view=self.view,
            coordinator=self.coordinator,
        )

    @property
    def answers(self) -> list[object]:
        return list(self.coordinator.queue)

    async def play(self, number: int) -> None:
        """Delivers a bar, awaits the call and hands the reply back."""
        self.actor.receive(sliced(number))
        call = self.context.effects[-1]
        self.actor.receive(call.reply(await call.start()))


def sliced(number: int) -> SliceDelivered:
    return SliceDelivered(number, minute(number), ())


def replied(number: int, **fields: Any) -> StrategyReplied:
    return StrategyReplied(strategy_id="alpha", round=number, **fields)


def raised(number: int) -> StrategyRaised:
    return StrategyRaised(strategy_id="alpha", round=number, failure="ValueError: no")


# --- calls ----------------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_delivery_becomes_a_call_and_nothing_runs_before_it_is_started() -> None:
    script = Script(always=lambda view: [view.buy("AAA", 1), SIGNAL])
    hosted = Hosted(lambda: AsyncScripted(script))
    hosted.actor.receive(sliced(3))
    assert script.calls == []
    assert hosted.answers == []
    (call,) = hosted.context.effects
    assert call.reply(await call.start()) == replied(3, commands=(BUY,), signals=(SIGNAL,))
    assert script.calls == [("on_event", 3)]
    assert call.failed(ValueError("no")) == raised(3)
    late = call.late()
    assert isinstance(late, StrategyRaised)
    assert (late.strategy_id, late.round, late.failure) == ("alpha", 3, "no answer in time")


@pytest.mark.anyio
async def test_answer_on_stop_is_thrown_away() -> None:
    script = Script(on_stop=lambda view: [view.buy("AAA", 1)])
    hosted = Hosted(lambda: AsyncScripted(script))
    hosted.actor.receive(StopDelivered(1, at(1)))
    (call,) = hosted.context.effects
    assert call.reply(await call.start()) == replied(1)
    assert script.calls == [("on_stop", 1)], "it was awaited"


@pytest.mark.anyio
async def test_handler_that_is_not_async_may_stand_beside_others_that_are() -> None:
    class Mixed(AsyncScripted):
        def on_event(self, event: object, view: StrategyView) -> Any:
            return [view.buy("AAA", 1)]

    hosted = Hosted(lambda: Mixed(Script()))
    await hosted.play(1)
    (answer,) = hosted.answers
    assert isinstance(answer, StrategyAnswered)


def test_message_that_is_no_delivery_is_refused() -> None:
    with pytest.raises(ActorError, match="a strategy cannot be told a str"):
        Hosted(lambda: AsyncScripted(Script())).actor.receive("hello")


# --- replies --------------------------------------------------------------------------------------


def test_reply_is_checked_and_passed_on() -> None:
    hosted = Hosted(lambda: AsyncScripted(Script()))
    hosted.actor.receive(sliced(1))
    foreign = SubmitOrder.single("beta", "AAA", OrderSide.BUY, 1)
    hosted.actor.receive(
        replied(1, commands=(BUY, foreign), signals=(SIGNAL,), malformed="item 3 is rubbish")
    )
    (answer,) = hosted.answers
    assert isinstance(answer, StrategyAnswered)
    assert [type(one) for one in answer.checked] == [Proposal, Rejection, Rejection]
    last = answer.checked[-1]
    assert isinstance(last, Rejection)
    assert last.refusal.detail == "item 3 is rubbish"
    assert answer.signals == (SIGNAL,)


def test_empty_reply_is_nothing() -> None:
    hosted = Hosted(lambda: AsyncScripted(Script()))
    hosted.actor.receive(sliced(1))
    hosted.actor.receive(replied(1))
    assert hosted.answers == [NothingAnswered("alpha")]


def test_reply_to_a_round_that_it_was_given_up_in_changes_nothing() -> None:
    hosted = Hosted(lambda: AsyncRemembering(Script()))
    hosted.actor.receive(sliced(1))
    with pytest.raises(StrategyFailedError, match="ValueError: no"):
        hosted.actor.receive(raised(1))
    hosted.actor.rebuild()
    hosted.actor.receive(replied(1, commands=(BUY,)))
    hosted.actor.receive(raised(1))
    assert hosted.answers == []
    hosted.actor.receive(sliced(2))
    hosted.actor.receive(replied(1, commands=(BUY,)))
    assert hosted.answers == [], "still the old round's"
    hosted.actor.receive(replied(2))
    hosted.actor.receive(replied(2, commands=(BUY,)))
    assert hosted.answers == [NothingAnswered("alpha")], "one answer a round"


# --- rebuilding -----------------------------------------------------------------------------------


@pytest.mark.anyio
async def test_restart_restores_the_state_after_the_last_good_reply() -> None:
    script = Script()
    hosted = Hosted(lambda: AsyncRemembering(script))
    await hosted.play(1)
    await hosted.play(2)
    book = Book("alpha", Decimal(5))
    hosted.actor.receive(sliced(3))
    await hosted.context.effects[-1].start()  # it got as far as changing its state
    hosted.actor.receive(BookChanged(book))
    with pytest.raises(StrategyFailedError):
        hosted.actor.receive(raised(3))
    hosted.actor.rebuild()
    (*_, last) = script.instances
    assert isinstance(last, AsyncRemembering)
    assert last.seen == [1, 2]
    assert hosted.view.book is book, "only its own state goes back"


def test_strategy_without_snapshots_cannot_be_restarted() -> None:
    hosted = Hosted(lambda: AsyncScripted(Script()))
    hosted.actor.receive(sliced(1))
    with pytest.raises(ActorError, match=r"needs snapshot\(\) to be restarted"):
        hosted.actor.rebuild()


@pytest.mark.anyio
async def test_strategy_that_gave_no_snapshot_after_its_last_reply_cannot_be_restarted() -> None:
    class Sometimes(AsyncRemembering):
        def snapshot(self) -> object:
            return super().snapshot() if len(self.seen) < 2 else None

    hosted = Hosted(lambda: Sometimes(Script()))
    await hosted.play(1)
    hosted.actor.rebuild()
    await hosted.play(2)
    with pytest.raises(ActorError, match=r"needs snapshot\(\)"):
        hosted.actor.rebuild()


# --- sealing --------------------------------------------------------------------------------------


class Own(SubmitOrder, frozen=True, kw_only=True, tag="SubmitOrder"):
    """A user's own kind of order; the journal would give a plain one back."""

    note: str = "mine"


def with_leg(**fields: Any) -> SubmitOrder:
    leg = msgspec.structs.replace(Leg("AAA", OrderSide.BUY, Decimal(1)), **fields)
    return SubmitOrder(strategy_id="alpha", legs=(leg,))


NOT_A_NUMBER: Any = float("nan")
ANY: Any = object()
UNUSABLE: list[object] = [
    7,
    None,
    "buy",
    [BUY],
    SubmitOrder,
    Own(strategy_id="alpha", legs=BUY.legs),
    with_leg(quantity=Decimal("NaN")),
    with_leg(quantity="many"),
    with_leg(side="UP"),
    with_leg(instrument_id=ANY),
    with_leg(instrument_id="\ud800"),
    msgspec.structs.replace(BUY, legs=None),
    msgspec.structs.replace(BUY, label=ANY),
    msgspec.structs.replace(BUY, strategy_id=ANY),
    msgspec.structs.replace(CANCEL, client_order_id=ANY),
    msgspec.structs.replace(CANCEL, label="\udcff"),
    msgspec.structs.replace(SIGNAL, value=NOT_A_NUMBER),
    msgspec.structs.replace(SIGNAL, value=float("inf")),
    msgspec.structs.replace(SIGNAL, value="high"),
    msgspec.structs.replace(SIGNAL, value=ANY),
    msgspec.structs.replace(SIGNAL, name="\ud800"),
]


@pytest.mark.parametrize("item", UNUSABLE, ids=lambda one: repr(one)[:60])
def test_item_that_no_journal_gives_back_is_left_out_and_named(item: object) -> None:
    reply = seal_reply("alpha", 1, [BUY, item, CANCEL, SIGNAL])
    assert reply.commands == (BUY, CANCEL)
    assert reply.signals == (SIGNAL,)
    assert reply.malformed == f"item 1 is an unusable {type(item).__name__}"


@pytest.mark.parametrize("answer", [None, [], (), [BUY, CANCEL, SIGNAL], (SIGNAL,)])
def test_sealed_reply_comes_back_from_the_journal(answer: object) -> None:
    reply = seal_reply("alpha", 1, answer)
    assert msgspec.json.decode(msgspec.json.encode(reply), type=StrategyReplied) == reply
    assert reply.malformed == ""


@pytest.mark.parametrize(
    ("answer", "malformed"),
    [
        (7, "a handler returns a list, a tuple or None, not int"),
        ({"a": 1}, "a handler returns a list, a tuple or None, not dict"),
        (
            [BUY] * (COMMANDS_PER_ANSWER_MAX + 1),
            "1001 commands in one answer, at most 1000 are taken",
        ),
    ],
)
def test_answer_that_is_no_list_of_commands_is_named_as_a_whole(
    answer: object, malformed: str
) -> None:
    assert seal_reply("alpha", 1, answer) == replied(1, malformed=malformed)


def test_many_unusable_items_are_named_up_to_ten() -> None:
    reply = seal_reply("alpha", 1, [None] * 50)
    assert reply.malformed.count("unusable") == 10
