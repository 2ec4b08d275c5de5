"""The host of a synchronous strategy: calls, answers, and rebuilding without the poison."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.actors import strategy_actor
from orchestrion.actors.messages import (
    BookChanged,
    FillDelivered,
    OrdersChanged,
    SliceDelivered,
    StartDelivered,
    StopDelivered,
    StrategyAnswered,
)
from orchestrion.actors.strategy_actor import SNAPSHOT_TURNS, StrategyActor
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.order import (
    Leg,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from orchestrion.domain.models.portfolio import Book, Marks, trade
from orchestrion.domain.models.strategy import Signal, Strategy, StrategyView
from orchestrion.domain.orchestration.proposal import Proposal, Rejection
from orchestrion.runtime.actor import SILENT
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.mailbox import Mailbox
from tests.fakes import INSTRUMENTS, Remembering, Script, Scripted, at, fail, fill_report, minute

BOOK = Book("alpha", Decimal(1000))


class Hosted:
    """An actor, its view, and what it told the coordinator."""

    def __init__(self, factory: Callable[[], Strategy]) -> None:
        self.silences = 0
        self.marks = Marks()
        self.view = StrategyView("alpha", InstrumentCatalog(INSTRUMENTS), self.marks, BOOK)
        self.coordinator = Mailbox("coordinator", lambda _: None, deque(), capacity_messages=10**6)
        self.actor = StrategyActor(
            strategy_id="alpha", factory=factory, view=self.view, coordinator=self.coordinator
        )

    def tell(self, *messages: object) -> object:
        """Hands messages over and returns the last answer."""
        answer: object = None
        for message in messages:
            answer = self.actor.receive(message)
            self.silences += answer is SILENT
        return self.coordinator.queue[-1] if self.coordinator.queue else answer

    def tell_supervised(self, *messages: object) -> int:
        """The same under a supervisor that rebuilds after each failure; how many there were."""
        failures = 0
        for message in messages:
            try:
                self.silences += self.actor.receive(message) is SILENT
            except Exception:
                failures += 1
                self.actor.rebuild()
        return failures

    def seen(self) -> dict[str, object]:
        """All that the strategy can see now."""
        view = self.view
        return {
            "now": view.now,
            "book": view.book,
            "orders": dict(view.working_orders),
        }


def sliced(number: int, *signals: Signal) -> SliceDelivered:
    return SliceDelivered(number, minute(number), signals)


def filled(number: int) -> FillDelivered:
    return FillDelivered(number, fill_report(number))


def order(client_order_id: str, status: OrderStatus = OrderStatus.ACCEPTED) -> Order:
    return Order(
        client_order_id=client_order_id,
        strategy_id="alpha",
        legs=(Leg("AAA", OrderSide.BUY, Decimal(1)),),
        filled=(Decimal(0),),
        status=status,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        limit_price=None,
        stop_price=None,
        is_reducing=False,
        ts_decided=0,
    )


# --- calls and answers ----------------------------------------------------------------------------


def test_each_delivery_calls_its_handler_once() -> None:
    script = Script()
    hosted = Hosted(lambda: Scripted(script))
    hosted.tell(StartDelivered(1, at(0)), sliced(1), filled(2), StopDelivered(3, at(3)))
    assert script.calls == [("on_start", 0), ("on_event", 1), ("on_fill", 2), ("on_stop", 3)]
    assert (hosted.silences, len(hosted.coordinator)) == (4, 0)
    assert hosted.actor.turns == 4


def test_changes_of_book_and_orders_are_seen_and_are_no_turns() -> None:
    hosted = Hosted(lambda: Scripted(Script()))
    book = Book("alpha", Decimal(5))
    hosted.tell(BookChanged(book), OrdersChanged((order("a"), order("b"))))
    hosted.tell(OrdersChanged((order("a", OrderStatus.CANCELED), order("c"))))
    assert hosted.view.book is book
    assert list(hosted.view.working_orders) == ["b", "c"]
    assert hosted.actor.turns == 0
    assert not hosted.coordinator.queue, "nobody waits for an answer to these"


def test_view_shows_the_time_and_signals_of_the_event() -> None:
    shown: list[tuple[int, tuple[Signal, ...]]] = []
    signal = Signal(strategy_id="beta", name="trend", value=1.0)
    script = Script(
        always=lambda view: shown.append((view.now, view.signals)),
        on_fill=lambda _, view: shown.append((view.now, view.signals)),
    )
    hosted = Hosted(lambda: Scripted(script))
    hosted.tell(sliced(1, signal), filled(0), filled(2), sliced(3))
    assert shown == [
        (at(1), (signal,)),
        (at(1), ()),  # the fill was made earlier than the last event: time does not go back
        (at(2), ()),
        (at(3), ()),
    ]


def test_commands_and_signals_are_checked_and_passed_on() -> None:
    signal = Signal(strategy_id="alpha", name="trend", value=1.0)
    script = Script(always=lambda view: [view.buy("AAA", 1), signal, "rubbish"])
    answer = Hosted(lambda: Scripted(script)).tell(sliced(1))
    assert isinstance(answer, StrategyAnswered)
    assert [type(one) for one in answer.checked] == [Proposal, Rejection]
    assert answer.signals == (signal,)


@pytest.mark.parametrize(
    "answer", [7, "buy", {"a": 1}, object(), [None], (1, 2), float("nan"), [[]], ["x"] * 2000]
)
def test_rubbish_becomes_rejections_with_a_reason(answer: object) -> None:
    told = Hosted(lambda: Scripted(Script(always=lambda _: answer))).tell(sliced(1))
    assert isinstance(told, StrategyAnswered)
    assert told.checked
    for one in told.checked:
        assert isinstance(one, Rejection)
        assert one.refusal.detail


@pytest.mark.parametrize("answer", [None, [], (), 0, False])
def test_nothing_is_nothing(answer: object) -> None:
    script = Script(always=lambda _: answer)
    assert Hosted(lambda: Scripted(script)).tell(sliced(1)) is SILENT


def test_answer_on_stop_is_thrown_away() -> None:
    script = Script(on_stop=lambda view: [view.buy("AAA", 1)])
    told = Hosted(lambda: Scripted(script)).tell(StopDelivered(1, at(1)))
    assert told is SILENT


def test_message_that_is_no_delivery_is_refused() -> None:
    with pytest.raises(ActorError, match="a strategy cannot be told a str"):
        Hosted(lambda: Scripted(Script())).tell("hello")


ATTEMPTS: list[Callable[[Any, Any], object]] = [
    lambda view, _: view.working_orders.clear(),
    lambda view, _: view.working_orders.update(x=None),
    lambda view, _: view.book.positions.clear(),
    lambda view, _: view.book.unsettled.update(x=1),
    lambda view, _: setattr(view.book, "cash", Decimal(10**9)),
    lambda view, _: setattr(view, "budget", Decimal(10**9)),
    lambda view, _: setattr(view, "now", 0),
    lambda _, event: setattr(event, "ts_event", 0),
    lambda _, event: event.items.append(None),
    lambda _, event: setattr(event.items[0], "close_e9", 1),
]


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_strategy_cannot_change_what_it_is_shown(attempt: Callable[[Any, Any], object]) -> None:
    class Meddler(Strategy):
        def on_event(self, event: Any, view: StrategyView) -> None:
            attempt(view, event)

    hosted = Hosted(Meddler)
    share = hosted.view.instruments.tradable("AAA")
    book = trade(BOOK, share, signed_quantity=Decimal(1), price=Decimal(100))
    hosted.tell(BookChanged(book))
    hosted.tell(OrdersChanged((order("a"),)))
    before = hosted.seen()
    delivered = sliced(1)
    with pytest.raises((AttributeError, TypeError)):
        hosted.tell(delivered)
    assert hosted.seen() == {**before, "now": at(1)}
    assert delivered == sliced(1)


def test_first_view_of_orders_cannot_be_changed_either() -> None:
    hosted = Hosted(lambda: Scripted(Script()))
    orders: Any = hosted.view.working_orders
    with pytest.raises(TypeError):
        orders["x"] = None


# --- rebuilding -----------------------------------------------------------------------------------

POISON = 999


class Pair:
    """A strategy that meets poison, and its twin that never does."""

    def __init__(self, kind: type[Scripted]) -> None:
        def poisoned() -> Script:
            return Script(on_event={POISON: fail(lambda: ValueError("poison"))})

        first, second = poisoned(), poisoned()
        self.failing = Hosted(lambda: kind(first))
        self.twin = Hosted(lambda: kind(second))
        self._scripts = (first, second)

    def tell_both(self, one: object) -> None:
        assert self.failing.tell_supervised(one) == 0
        self.twin.tell(one)

    def poison(self) -> None:
        assert self.failing.tell_supervised(sliced(POISON)) == 1

    def state(self, place: int) -> list[int]:
        strategy = self._scripts[place].instances[-1]
        assert isinstance(strategy, Scripted)
        return strategy.seen

    def assert_same(self) -> None:
        assert self.failing.seen() == self.twin.seen()
        assert self.state(0) == self.state(1)


def message(kind: int, number: int) -> object:
    """Some message; ``number`` makes it different from the others."""
    match kind:
        case 0:
            return BookChanged(Book("alpha", Decimal(number)))
        case 1:
            return OrdersChanged((order(f"o{number}"),))
        case 2:
            return OrdersChanged((order(f"o{number - 2}", OrderStatus.FILLED),))
        case 3:
            return filled(number)
        case _:
            return sliced(number, Signal(strategy_id="beta", name="n", value=float(number)))


@pytest.mark.parametrize("kind", [Scripted, Remembering])
@given(
    kinds=st.lists(st.integers(0, 5), max_size=40),
    poison_before=st.lists(st.integers(0, 40), max_size=4),
    every=st.integers(1, 6),
)
def test_state_after_a_restart_is_that_of_a_run_without_the_poison(
    kind: type[Scripted], kinds: list[int], poison_before: list[int], every: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strategy_actor, "SNAPSHOT_TURNS", every)
        pair = Pair(kind)
        for number, one in enumerate(kinds):
            if number in poison_before:
                pair.poison()
                pair.assert_same()
            pair.tell_both(message(one, number))
        pair.poison()
        pair.assert_same()


@pytest.mark.parametrize("kind", [Scripted, Remembering])
@pytest.mark.parametrize("turns", [SNAPSHOT_TURNS + one for one in (-2, -1, 0, 1, SNAPSHOT_TURNS)])
def test_restart_around_a_snapshot_restores_the_same_state(
    kind: type[Scripted], turns: int
) -> None:
    pair = Pair(kind)
    for number in range(turns):
        pair.tell_both(sliced(number))
    pair.poison()
    pair.assert_same()
    pair.tell_both(sliced(turns))
    pair.poison()
    pair.assert_same()


def test_restart_folds_only_what_came_after_the_snapshot() -> None:
    script = Script(on_event={POISON: fail(lambda: ValueError("poison"))})
    hosted = Hosted(lambda: Remembering(script))
    hosted.tell(*(sliced(number) for number in range(SNAPSHOT_TURNS + 3)))
    script.calls.clear()
    hosted.tell_supervised(sliced(POISON))
    assert script.numbers() == [POISON, *range(SNAPSHOT_TURNS, SNAPSHOT_TURNS + 3)]


def test_answers_given_while_it_is_rebuilt_are_thrown_away() -> None:
    script = Script(
        always=lambda view: [view.buy("AAA", 1)],
        on_event={POISON: fail(lambda: ValueError("poison"))},
    )
    hosted = Hosted(lambda: Scripted(script))
    hosted.tell(sliced(1), sliced(2))
    told = len(hosted.coordinator.queue)
    hosted.tell_supervised(sliced(POISON))
    assert len(hosted.coordinator.queue) == told == 2


def test_strategy_without_snapshots_is_rebuilt_up_to_the_stated_number(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(strategy_actor, "SNAPSHOT_TURNS", 3)
    monkeypatch.setattr(strategy_actor, "REBUILD_MESSAGES_MAX", 10)
    hosted = Hosted(lambda: Scripted(Script()))
    hosted.tell(*(sliced(number) for number in range(10)))
    hosted.actor.rebuild()
    hosted.tell(sliced(10), sliced(11))
    with pytest.raises(ActorError, match="gives no snapshots and has had more than 10 messages"):
        hosted.actor.rebuild()


def test_strategy_with_snapshots_is_rebuilt_however_long_it_ran(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(strategy_actor, "SNAPSHOT_TURNS", 3)
    monkeypatch.setattr(strategy_actor, "REBUILD_MESSAGES_MAX", 10)
    script = Script()
    hosted = Hosted(lambda: Remembering(script))
    hosted.tell(*(sliced(number) for number in range(100)))
    hosted.actor.rebuild()
    (*_, last) = script.instances
    assert isinstance(last, Remembering)
    assert last.seen == list(range(100))


class Stating(Strategy):
    """Gives any state as its snapshot and keeps what it is given back."""

    def __init__(self, give: Callable[[int], object]) -> None:
        super().__init__()
        self.give = give
        self.turns = 0
        self.restored: list[object] = []

    def on_event(self, event: Any, view: StrategyView) -> None:
        self.turns += 1
        if event == minute(POISON):
            raise ValueError("poison")

    def snapshot(self) -> object:
        return self.give(self.turns)

    def restore(self, state: object) -> None:
        self.restored.append(state)


def rebuilt(give: Callable[[int], object], turns: int = 3) -> Stating:
    """A strategy after ``turns`` events, a snapshot after each third of them, and a restart."""
    made: list[Stating] = []

    def factory() -> Stating:
        made.append(Stating(give))
        return made[-1]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(strategy_actor, "SNAPSHOT_TURNS", 3)
        hosted = Hosted(factory)
        hosted.tell_supervised(*(sliced(number) for number in range(turns)))
        hosted.tell_supervised(sliced(POISON))
    return made[-1]


STATES: list[object] = [
    {"a": [1, 2.5, "x", None, True, {"b": []}]},
    {"lowest": -math.inf, "highest": math.inf},
    {"sum of squares": 4 * 10**24, "other": [1.5]},
    "text",
    0,
    False,
    [],
]


@pytest.mark.parametrize("state", STATES, ids=repr)
def test_snapshot_comes_back_as_it_was(state: object) -> None:
    (restored,) = rebuilt(lambda _: state).restored
    assert restored == state
    assert type(restored) is type(state)


def test_not_a_number_comes_back_as_such() -> None:
    (restored,) = rebuilt(lambda _: math.nan).restored
    assert isinstance(restored, float)
    assert math.isnan(restored)


def test_state_that_changes_later_does_not_change_the_snapshot() -> None:
    state = {"closes": [1]}

    def give(turns: int) -> object:
        state["closes"].append(turns)
        return state

    strategy = rebuilt(give, turns=3)
    state["closes"].clear()
    assert strategy.restored == [{"closes": [1, 3]}]


def test_strategy_that_gives_no_snapshot_now_is_rebuilt_from_its_inputs() -> None:
    strategy = rebuilt(lambda turns: None if turns < 5 else {"turns": turns}, turns=4)
    assert (strategy.restored, strategy.turns) == ([], 4)
    strategy = rebuilt(lambda turns: None if turns < 5 else {"turns": turns}, turns=7)
    assert (strategy.restored, strategy.turns) == ([{"turns": 6}], 1)


def test_snapshot_that_fails_is_a_failure_and_loses_no_state() -> None:
    def give(turns: int) -> object:
        raise RuntimeError(f"no snapshot after {turns}")

    strategy = rebuilt(give, turns=5)
    assert (strategy.restored, strategy.turns) == ([], 5)


def test_answer_that_cannot_be_read_is_poison_too() -> None:
    class Unreadable(list[object]):
        def __bool__(self) -> bool:
            raise ValueError("is there anything?")

    script = Script(on_event={1: lambda _: Unreadable()})
    hosted = Hosted(lambda: Scripted(script))
    assert hosted.tell_supervised(sliced(0), sliced(1), sliced(2)) == 1
    (*_, last) = script.instances
    assert isinstance(last, Scripted)
    assert last.seen == [0, 2]
    assert hosted.silences == 2, "the parent answers for the failed one"


def test_strategy_that_is_rebuilt_sees_the_prices_of_then() -> None:
    shown: list[Decimal | None] = []
    script = Script(always=lambda view: shown.append(view.price("AAA")))
    hosted = Hosted(lambda: Scripted(script))
    for number in range(3):
        delivered = sliced(number)
        hosted.marks.update(delivered.market_slice)
        hosted.tell(delivered)
    first_time = list(shown)
    shown.clear()
    hosted.actor.rebuild()
    assert shown == first_time
