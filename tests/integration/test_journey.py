"""The journey of one market event, stop by stop, read from the trace and the journal.

The stops are those of ``README.md`` and of the actors' module texts; here they are asserted on what
was really delivered, in which order, because totals at the end cannot prove an order.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrion.actors.messages import (
    AuthoriseRequest,
    BookChanged,
    ExecuteRequest,
    FillDelivered,
    OwnersFilled,
    SliceDelivered,
    StrategyAnswered,
)
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.command import ApprovedCommand
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.strategy import Signal, Strategy, StrategyView
from orchestrion.domain.orchestration.events import StrategyConflictDetectedEvent
from orchestrion.runtime.actor import Silence
from orchestrion.runtime.journal import Record, RecordKind
from orchestrion.runtime.machine import Hop
from tests.fakes import (
    Actions,
    AsyncScripted,
    Script,
    Scripted,
    Stage,
    at,
    buy,
    closing,
    following,
    idle,
    minute,
    minutes,
    opening,
    play,
    play_on,
    scripted,
    sell,
)

ROOT = Path(__file__).resolve().parents[2]


def names(hops: Sequence[Hop]) -> list[str]:
    return [f"{type(hop.message).__name__} -> {hop.actor}" for hop in hops]


def of_input(stage: Stage, seq: int) -> list[Hop]:
    return [hop for hop in stage.trace if hop.seq == seq]


def seq_of(stage: Stage, kind: type, number: int) -> int:
    """Seq of the input of a type that carries the time of a bar."""
    return next(
        hop.seq
        for hop in stage.trace
        if isinstance(hop.message, kind) and getattr(hop.message, "ts_event", None) == at(number)
    )


# --- the whole of it ----------------------------------------------------------------------------


def test_every_stop_in_order() -> None:
    """One strategy buys at bar 0; its order fills in bar 1 and its answer to the fill sells."""
    script = Script(on_event={0: buy(2)}, on_fill=sell_after_buy)
    stage = play(
        {"alpha": lambda: Scripted(script), "beta": idle}, minutes(2), is_data_recorded=True
    )
    decided = seq_of(stage, MarketSlice, 0)
    assert names(of_input(stage, decided)) == [
        "MarketSlice -> core:coordinator",
        "MarketSlice -> core:capital_manager",  # marks first
        "SliceDelivered -> alpha",
        "SliceDelivered -> beta",
        "StrategyAnswered -> core:coordinator",
        "Silence -> core:coordinator",
        "AuthoriseRequest -> core:capital_manager",
        "ExecuteRequest -> core:execution_gateway",
        "OrdersChanged -> core:capital_manager",
        "OrdersChanged -> alpha",
    ]
    assert names(of_input(stage, decided + 1))[0] == "OrderAcceptedReport -> core:execution_gateway"
    assert names(of_input(stage, decided + 2)) == [
        "OrderFilledReport -> core:execution_gateway",
        "AccountMoved -> core:auditor",
        "FillAttributed -> core:capital_manager",
        "OrdersChanged -> core:capital_manager",
        "OrdersChanged -> alpha",
        "OrdersEnded -> core:coordinator",
        "OwnersFilled -> core:coordinator",
        "BooksMoved -> core:auditor",
        "BookChanged -> alpha",
        "FillDelivered -> alpha",  # with the book already changed
        "StrategyAnswered -> core:coordinator",
        "AuthoriseRequest -> core:capital_manager",
        "ExecuteRequest -> core:execution_gateway",
        "OrdersChanged -> core:capital_manager",
        "OrdersChanged -> alpha",
    ]
    next_slice = seq_of(stage, MarketSlice, 1)
    assert next_slice == decided + 4, "the fill, then the acceptance of its answer, then the slice"
    journal = [f"{one.seq - decided} {one.kind} {one.name}" for one in stage.records()]
    start = journal.index("0 input MarketSlice")
    assert journal[start : start + 8] == [
        "0 input MarketSlice",
        "0 decision DecisionRecord",
        "0 intent ApprovedCommand",
        "1 input OrderAcceptedReport",
        "2 input OrderFilledReport",
        "2 decision DecisionRecord",
        "2 intent ApprovedCommand",
        "3 input OrderAcceptedReport",
    ]


def sell_after_buy(fill: Any, view: StrategyView) -> object:
    return [view.sell("AAA", 1)] if fill.side == "BUY" else None


# --- stop 1 and 2: a slice becomes an input -----------------------------------------------------


@pytest.mark.parametrize("is_data_recorded", [False, True])
def test_slice_takes_the_next_seq_and_is_journaled_when_it_is_to_be(
    is_data_recorded: bool,
) -> None:
    stage = play({"alpha": idle}, minutes(3), is_data_recorded=is_data_recorded)
    seqs = [hop.seq for hop in stage.trace if hop.actor == "core:coordinator"]
    assert seqs == sorted(seqs)
    assert [seq_of(stage, MarketSlice, number) for number in range(3)] == [2, 3, 4]
    recorded = [one.seq for one in stage.records(RecordKind.INPUT, "MarketSlice")]
    assert recorded == ([2, 3, 4] if is_data_recorded else [])


def test_input_is_journaled_before_anybody_hears_of_it() -> None:
    stage = Stage({"alpha": scripted({0: buy(1)})}, is_data_recorded=True)
    journal = stage.journal
    unjournaled: list[Hop] = []

    def watch(hop: Hop) -> None:
        last = [one.seq for one in journal.records() if one.kind is RecordKind.INPUT][-1:]
        if last != [hop.seq]:
            unjournaled.append(hop)

    stage.watchers.append(watch)
    play_on(stage, minutes(3))
    assert stage.fills
    assert unjournaled == []


# --- stop 3: the venue sees it first ------------------------------------------------------------


def test_fills_of_a_slice_are_inputs_before_it() -> None:
    stage = play({"alpha": scripted({0: buy(1), 1: sell(1)})}, minutes(4), is_data_recorded=True)
    order = [one.name for one in stage.records(RecordKind.INPUT)]
    first, second = (i for i, name in enumerate(order) if name == "OrderFilledReport")
    assert order[first - 2 : first + 2] == [
        "MarketSlice",
        "OrderAcceptedReport",
        "OrderFilledReport",
        "MarketSlice",
    ]
    assert second > first
    assert [one.ts for one in stage.records(name="OrderFilledReport")] == [at(1), at(2)]


# --- stop 4: the round --------------------------------------------------------------------------

METADATA: dict[str, dict[str, Any]] = {
    "late": {"depends_on": ("first",), "priority": 100},
    "low": {"priority": -5},
    "high": {"priority": 5},
    "third": {},
    "first": {},
    "later": {"depends_on": ("late",)},
}
RANKED = [["high", "third", "first", "low"], ["late"], ["later"]]
"""Priority first, then registration; a dependency goes before any priority."""


def test_fan_out_is_in_the_declared_order_at_every_event() -> None:
    stage = play(dict.fromkeys(METADATA, idle), minutes(5), metadata=METADATA)
    order = [one for one_stage in RANKED for one in one_stage]
    for number in range(5):
        hops = of_input(stage, seq_of(stage, MarketSlice, number))
        assert [one.actor for one in hops if isinstance(one.message, SliceDelivered)] == order


def test_later_stage_is_told_when_the_earlier_one_has_answered() -> None:
    stage = play(dict.fromkeys(METADATA, idle), minutes(1), metadata=METADATA)
    hops = of_input(stage, seq_of(stage, MarketSlice, 0))
    answers = [i for i, hop in enumerate(hops) if isinstance(hop.message, Silence)]
    told = {hop.actor: i for i, hop in enumerate(hops) if isinstance(hop.message, SliceDelivered)}
    # One silence for each stage, however many are silent in it.
    assert told["low"] < answers[0] < told["late"] < answers[1] < told["later"] < answers[2]


def test_later_stage_sees_the_signals_of_the_earlier_ones_in_rank_order() -> None:
    shown: dict[str, list[str]] = {}

    def speak(view: StrategyView) -> object:
        shown[view.strategy_id] = [f"{one.strategy_id}:{one.name}" for one in view.signals]
        return [Signal(strategy_id=view.strategy_id, name=name, value=1.0) for name in "xy"]

    play(
        {one: lambda: Scripted(Script(on_event={1: speak})) for one in METADATA},
        minutes(3),
        metadata=METADATA,
    )
    first_stage = [f"{one}:{name}" for one in RANKED[0] for name in "xy"]
    assert [shown[one] for one in RANKED[0]] == [[]] * 4
    assert shown["late"] == first_stage
    assert shown["later"] == [*first_stage, "late:x", "late:y"]


def test_signals_end_with_their_round() -> None:
    shown: list[int] = []
    speak: Actions = {0: lambda _: [Signal(strategy_id="a", name="x", value=1.0)]}
    script = Script(always=lambda view: shown.append(len(view.signals)))
    play(
        {"a": scripted(speak), "b": lambda: Scripted(script)},
        minutes(3),
        metadata={"b": {"depends_on": ("a",)}},
    )
    assert shown == [1, 0, 0]


def test_all_stages_see_the_same_slice_and_the_same_books() -> None:
    """The first stage decides to buy; the second sees neither the order nor a reservation."""
    seen: dict[str, list[tuple[int, Book, Decimal, Decimal | None, int]]] = {}

    def look(view: StrategyView) -> object:
        what = (view.now, view.book, view.budget, view.price("AAA"), len(view.working_orders))
        seen.setdefault(view.strategy_id, []).append(what)
        return [view.buy("AAA", 1)] if view.strategy_id == "first" else None

    script = Script(on_event={0: look, 1: look})
    stage = play({one: lambda: Scripted(script) for one in METADATA}, minutes(2), metadata=METADATA)
    for number in (0, 1):
        (price,) = {one[number][3] for one in seen.values()}
        assert price == closing(number), "the marks are those of the slice, for everybody"
        assert {one[number][0] for one in seen.values()} == {at(number)}
    assert [one[4] for one in seen["first"]] == [0, 0], "filled before bar 1 was delivered"
    assert seen["first"][1][1].quantity("AAA") == 1
    assert seen["later"][0][1].quantity("AAA") == seen["later"][1][1].quantity("AAA") == 0
    assert stage.system.books["later"].cash == seen["later"][0][1].cash


def test_each_round_is_closed_before_the_next_is_opened() -> None:
    script = Script(always=buy(1), on_fill=lambda _, view: [view.sell("AAA", 1)])
    stage = play({one: lambda: Scripted(script) for one in METADATA}, minutes(6), metadata=METADATA)
    deliveries = (SliceDelivered, FillDelivered)
    rounds: list[int] = []
    for hop in stage.trace:
        if isinstance(hop.message, deliveries):
            rounds.append(hop.message.round)
        elif isinstance(hop.message, AuthoriseRequest):
            assert hop.message.round == rounds[-1], "no approval of a round after the next began"
    assert rounds == sorted(rounds)
    assert stage.decisions


def test_input_opens_at_most_one_round() -> None:
    script = Script(always=buy(1), on_fill=lambda _, view: [view.sell("AAA", 1)])
    stage = play({one: lambda: Scripted(script) for one in "abc"}, minutes(6))
    for seq in {hop.seq for hop in stage.trace}:
        rounds = {
            hop.message.round
            for hop in of_input(stage, seq)
            if isinstance(hop.message, (SliceDelivered, FillDelivered))
        }
        assert len(rounds) <= 1


def test_subscription_keeps_a_strategy_out_of_other_rounds() -> None:
    scripts = {"aaa": Script(subscriptions=("AAA",)), "bbb": Script(subscriptions=("BBB",))}
    slices = [minute(0, "AAA"), minute(1, "BBB"), minute(2, "AAA", "BBB"), minute(3, "CCC")]
    stage = play(following(scripts), slices)
    assert scripts["aaa"].numbers() == [0, 2]
    assert scripts["bbb"].numbers() == [1, 2]
    assert stage.rounds_of("aaa") == [2, 4]
    assert stage.system.rounds == 5, "start, three slices, stop; a slice for nobody opens no round"


# --- stop 5: a strategy is called only through its mailbox --------------------------------------


def handler_of(message: object) -> str:
    return {
        "StartDelivered": "on_start",
        "SliceDelivered": "on_event",
        "FillDelivered": "on_fill",
        "StopDelivered": "on_stop",
    }.get(type(message).__name__, "")


@pytest.mark.parametrize("kind", [Scripted, AsyncScripted])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_every_call_of_a_strategy_is_one_message_to_its_mailbox(
    kind: Callable[[Script], Strategy], backend: str
) -> None:
    scripts = {one: Script(always=buy(1)) for one in "abc"}
    stage = play(
        following(scripts, kind),
        minutes(4),
        backend=backend,
    )
    for one, script in scripts.items():
        told = [handler_of(hop.message) for hop in stage.hops_to(one)]
        assert [name for name in told if name] == [name for name, _ in script.calls]
        assert len(script.numbers("on_fill")) == 3


def test_strategy_is_called_while_its_own_message_is_the_last_that_was_delivered() -> None:
    """Seen from inside: whoever called it past its mailbox would be found out here."""
    wrong: list[Hop] = []
    calls: list[str] = []

    def look(view: StrategyView, *_: object) -> object:
        last = stage.trace[-1]
        calls.append(handler_of(last.message))
        if last.actor != view.strategy_id or not handler_of(last.message):
            wrong.append(last)
        return [view.buy("AAA", 1)] if calls[-1] == "on_event" else None

    script = Script(
        on_start=look, always=look, on_fill=lambda fill, view: look(view, fill), on_stop=look
    )
    stage = Stage({one: lambda: Scripted(script) for one in "abc"})
    play_on(stage, minutes(3))
    assert wrong == []
    assert calls.count("on_event") == 9
    assert calls.count("on_fill") == 6
    assert calls.count("on_start") == 3


def test_no_module_calls_a_handler_but_the_one_behind_the_mailbox() -> None:
    """The synchronous orchestrator is for those who want no actors; the runtime never uses it."""
    allowed = {
        "actors/strategy_actor.py",
        "domain/orchestration/synchronous_run.py",
    }
    handlers = {"on_start", "on_event", "on_fill", "on_stop"}
    callers = {
        str(path.relative_to(ROOT))
        for room in ("domain", "runtime", "actors", "adapters")
        for path in sorted((ROOT / room).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in handlers
        and not _is_super(node.func.value)
    }
    assert callers == allowed


def _is_super(node: ast.expr) -> bool:
    return isinstance(node, ast.Call) and getattr(node.func, "id", "") == "super"


# --- stop 6: the round closes -------------------------------------------------------------------


def test_commands_are_ordered_by_rank_and_then_by_index() -> None:
    actions: Actions = {
        0: lambda view: [view.buy("AAA", number, label=view.strategy_id) for number in (1, 2, 3)]
    }
    stage = play({one: scripted(actions) for one in METADATA}, minutes(1), metadata=METADATA)
    decided = [(one.index, one.strategy_id, int(one.size[0])) for one in stage.decisions]
    order = [one for one_stage in RANKED for one in one_stage]
    expected = [(one, quantity) for one in order for quantity in (1, 2, 3)]
    assert decided == [(i, *one) for i, one in enumerate(expected)]
    assert [one.command.label for one in stage.intents if hasattr(one.command, "label")] == [
        one for one in order for _ in range(3)
    ]


def test_conflict_is_decided_by_priority_and_told_in_full() -> None:
    stage = play(
        {"weak": scripted({0: buy(1)}), "strong": scripted({0: sell(2)})},
        minutes(2),
        metadata={"strong": {"priority": 1}},
    )
    (event,) = stage.events_of(StrategyConflictDetectedEvent)
    assert (event.conflict_type, event.instrument_id) == ("OPPOSING_SIDES", "AAA")
    assert event.strategy_ids == ["strong", "weak"]
    assert event.policy == "priority"
    assert "weak" in event.resolution
    assert event.seq == seq_of(stage, MarketSlice, 0)
    (recorded,) = stage.records(RecordKind.EVENT, "StrategyConflictDetectedEvent")
    assert recorded.seq == event.seq
    assert [(one.strategy_id, one.verdict, one.reason) for one in stage.decisions] == [
        ("strong", "APPROVED", ""),
        ("weak", "REFUSED", "CONFLICT"),
    ]
    assert "strong" in stage.decisions[1].detail
    assert stage.session.conflicts == {"OPPOSING_SIDES": 1}


def test_conflict_by_another_policy_is_told_too() -> None:
    stage = play(
        {"a": scripted({0: buy(1)}), "b": scripted({0: sell(2)})},
        minutes(2),
        policies=ConflictPolicies(opposing_sides=ConflictPolicy.ALLOW),
    )
    (event,) = stage.events_of(StrategyConflictDetectedEvent)
    assert event.policy == "allow"
    assert stage.verdicts() == ["APPROVED", "APPROVED"]


def test_strategy_alone_is_not_coordinated_and_is_limited_all_the_same() -> None:
    both: Actions = {
        0: lambda view: [view.buy("AAA", 1), view.sell("AAA", 1), view.buy("AAA", 10**9)]
    }
    stage = play({"alone": scripted(both)}, minutes(1))
    assert stage.events_of(StrategyConflictDetectedEvent) == []
    assert stage.verdicts() == ["APPROVED", "APPROVED", "BUDGET_EXCEEDED"]


# --- stop 7: the verdict ------------------------------------------------------------------------


def test_each_command_is_approved_or_refused_with_a_reason() -> None:
    def ask(view: StrategyView) -> object:
        return [view.buy("AAA", 1), view.buy("NOPE", 1), view.buy("IDX", 1), view.buy("BBB", 1), 7]

    stage = play({"a": scripted({0: ask})}, minutes(1))
    assert stage.verdicts() == [
        "APPROVED",
        "UNKNOWN_INSTRUMENT",
        "UNKNOWN_INSTRUMENT",
        "NO_PRICE",
        "INVALID_COMMAND",
    ]
    for one in stage.decisions:
        assert bool(one.detail) == (one.verdict == "REFUSED")
    (request,) = stage.hops_to("core:execution_gateway", ExecuteRequest)
    assert isinstance(request.message, ExecuteRequest)
    assert [type(one) for one in request.message.approved] == [ApprovedCommand]


@pytest.mark.parametrize("answer", [None, [], ["rubbish"]])
def test_round_without_a_usable_command_never_leaves(answer: object) -> None:
    stage = play({"a": scripted({0: lambda _: answer}), "b": idle}, minutes(2))
    assert stage.hops_to("core:execution_gateway") == []
    if not answer:
        assert stage.hops_to("core:capital_manager", AuthoriseRequest) == []
        assert stage.decisions == []


def test_round_with_signals_alone_never_reaches_authorisation() -> None:
    speak: Actions = {0: lambda _: [Signal(strategy_id="a", name="x", value=1.0)]}
    stage = play({"a": scripted(speak), "b": idle}, minutes(2))
    assert len(stage.hops_to("core:coordinator", StrategyAnswered)) == 1
    assert stage.hops_to("core:capital_manager", AuthoriseRequest) == []


# --- stop 8: out and back -----------------------------------------------------------------------


def test_intent_stands_in_the_journal_before_anything_leaves() -> None:
    calls: list[tuple[list[Record], int]] = []
    stage = Stage({"a": scripted({0: buy(1), 2: sell(1)}), "b": scripted({2: buy(3)})})
    submit = stage.venue.submit

    def watched(command: ApprovedCommand) -> None:
        calls.append((list(stage.journal.records()), stage.journal.synced_records))
        submit(command)

    stage.venue.submit = watched  # type: ignore[method-assign]
    play_on(stage, minutes(4))
    assert len(calls) == len(stage.intents) == 2
    for count, (records, synced) in enumerate(calls, start=1):
        assert len([one for one in records if one.kind is RecordKind.INTENT]) == count
        assert synced == len(records), "and it is durable"


def test_fill_opens_one_round_for_its_owner_with_its_book_changed() -> None:
    held: list[Decimal] = []
    script = Script(
        on_event={0: buy(3)},
        on_fill=lambda _, view: held.append(view.quantity("AAA")),
    )
    other = Script()
    stage = play({"a": lambda: Scripted(script), "b": lambda: Scripted(other)}, minutes(3))
    assert held == [3]
    assert other.numbers("on_fill") == []
    (filled,) = stage.hops_to("core:coordinator", OwnersFilled)
    hops = of_input(stage, filled.seq)
    order = [type(hop.message) for hop in hops if hop.actor == "a"]
    assert order.index(BookChanged) < order.index(FillDelivered)
    assert [hop for hop in hops if hop.actor == "b"] == []


def test_strategy_that_does_not_care_for_fills_costs_no_round() -> None:
    class Deaf(Strategy):
        def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
            return [view.buy("AAA", 1)] if event.ts_event == at(0) else None

    stage = play({"a": Deaf}, minutes(3), is_ended=False)
    assert len(stage.fills) == 1
    assert stage.hops_to("a", FillDelivered) == []
    assert stage.system.rounds == 1 + 3
    assert stage.system.books["a"].quantity("AAA") == 1


def test_commands_from_a_fill_go_the_same_way() -> None:
    script = Script(on_event={0: buy(1)}, on_fill=sell_after_buy)
    stage = play({"a": lambda: Scripted(script)}, minutes(4))
    assert stage.verdicts() == ["APPROVED", "APPROVED"]
    assert [(one.side, one.last_px) for one in stage.fills] == [
        ("BUY", opening(1)),
        ("SELL", opening(2)),
    ]
    assert not stage.system.books["a"].positions


def test_books_equal_the_account_and_the_venue_at_the_end() -> None:
    script = Script(always=buy(1), on_fill=lambda _, view: [view.sell("AAA", 1)])
    stage = play({one: lambda: Scripted(script) for one in "abc"}, minutes(20))
    assert stage.system.auditor.checks > 40
    state = stage.venue.portfolio_state(0)
    assert sum(one.cash for one in stage.system.books.values()) == state.cash
    assert stage.system.auditor.ledger.cash == state.cash
    assert stage.system.auditor.ledger.quantities == {
        one.instrument_id: one.quantity for one in state.positions
    }
