"""``coordinate_execution`` and the actors decide alike, command for command.

Random scripts are played twice over random slices: by the orchestrator alone, and by the actors
with a port that takes everything and fills nothing, but accepts and withdraws what it is told to.
In between an operator pauses, resumes and removes. Only the ids of orders differ, so orders are
compared by the place at which they were approved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias, cast

import anyio
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.actors.membership_messages import RemoveStrategy
from orchestrion.actors.messages import PauseStrategy, ResumeStrategy
from orchestrion.domain.conflict import (
    POLICIES_OF_TYPE,
    ConflictPolicies,
    ConflictPolicy,
    ConflictType,
)
from orchestrion.domain.errors import DomainError
from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, StrategyCommand
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import OrderStatus, OrderType, TimeInForce
from orchestrion.domain.models.report import (
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderReport,
)
from orchestrion.domain.models.strategy import Signal, Strategy, StrategyView
from orchestrion.domain.orchestration.lifecycle import PauseMode, RemovalPolicy
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from orchestrion.runtime.actor import Question
from tests.fakes import (
    INSTRUMENTS,
    SHARES,
    AsyncScripted,
    Script,
    Scripted,
    SilentPort,
    Stage,
    bar,
    following,
    orchestrator_of,
)

Wish: TypeAlias = tuple[str, str, int]
"""What to do, with which instrument, and how much."""
Plan: TypeAlias = dict[str, list[list[Wish]]]
"""By strategy id, for each bar."""
Act: TypeAlias = tuple[str, str, PauseMode]
"""What an operator does, to whom, and the mode of a pause."""
Acts: TypeAlias = dict[int, list[Act]]
"""By the number of the slice after which it is done."""

IDS = ("a", "b", "c")
METADATA = {"b": {"priority": 3}, "c": {"depends_on": ("a",)}}
wishes = st.tuples(
    st.sampled_from(
        ["buy", "sell", "limit", "close", "cancel", "signal", "echo", "rubbish", "foreign"]
    ),
    st.sampled_from([*SHARES, "FUT", "NOPE"]),
    st.sampled_from([1, 2, 50, 900, 0, -1]),
)
answers = st.lists(wishes, max_size=3)
operator = st.tuples(
    st.sampled_from(["pause", "resume", "flatten", "refuse"]),
    st.sampled_from(IDS),
    st.sampled_from(PauseMode),
)
OPPOSING = [
    one for one in POLICIES_OF_TYPE[ConflictType.OPPOSING_SIDES] if one is not ConflictPolicy.NET
]
"""Without netting: it merges orders under other ids, see tests/integration/test_netting*."""
ticks = st.lists(st.sets(st.sampled_from([*SHARES, "FUT"]), min_size=1), min_size=1, max_size=5)


def act(wish: Wish, view: StrategyView) -> list[Any]:
    kind, instrument_id, quantity = wish
    match kind:
        case "buy":
            return [view.buy(instrument_id, quantity)]
        case "sell":
            return [view.sell(instrument_id, quantity)]
        case "limit":
            price = {"order_type": OrderType.LIMIT, "limit_price": Decimal(90 + quantity)}
            return [view.buy(instrument_id, 1, time_in_force=TimeInForce.GTC, **price)]
        case "close":
            return [view.close(instrument_id)]
        case "cancel":
            return [view.cancel(one) for one in list(view.working_orders)[: max(quantity, 0)]]
        case "signal":
            return [Signal(strategy_id=view.strategy_id, name="n", value=float(quantity))]
        case "echo":  # decides by what others said in this round
            return [view.buy("AAA", int(abs(one.value)) + 1) for one in view.signals]
        case "foreign":
            return [msgspec.structs.replace(view.buy("AAA", 1), strategy_id="b")]
        case _:
            return ["rubbish"]


def say(plan: list[list[Wish]], number: int, view: StrategyView) -> object:
    return [command for wish in plan[number] for command in act(wish, view)]


def scripts_of(plan: Plan) -> dict[str, Script]:
    return {
        one: Script(on_event={i: partial(say, answers, i) for i in range(len(answers))})
        for one, answers in plan.items()
    }


def slices_of(ticked: Sequence[set[str]]) -> list[MarketSlice]:
    return [
        MarketSlice.of(bar(number, one) for one in sorted(ids)) for number, ids in enumerate(ticked)
    ]


# --- both ways ------------------------------------------------------------------------------------


def by_actors(
    plan: Plan,
    slices: list[MarketSlice],
    kind: Callable[[Script], Strategy],
    *,
    acts: Acts | None = None,
    **options: Any,
) -> list[list[object]]:
    """Approved commands of each slice."""
    port = SilentPort()
    stage = Stage(following(scripts_of(plan), kind), port=port, **options)
    taken: list[list[ApprovedCommand]] = []

    async def answer(start: int) -> None:
        """Says of every order that it was accepted, of every cancel that it was done."""
        place, now = start, stage.machine.now
        while place < len(port.taken):
            one = port.taken[place]
            report: OrderReport = (
                OrderCanceledReport(client_order_id=one.command.client_order_id, ts_event=now)
                if isinstance(one.command, CancelOrder)
                else OrderAcceptedReport(
                    client_order_id=one.client_order_id, venue_order_id="V", ts_event=now
                )
            )
            await stage.session.report(report, now)
            place += 1

    async def run() -> None:
        async with stage:
            await stage.session.start(slices[0].ts_event)
            for number, market_slice in enumerate(slices):
                before = len(port.taken)
                await stage.session.publish(market_slice)
                await answer(before)
                for act in (acts or {}).get(number, ()):
                    await stage.session.ask(as_question(act), 1)
                    await answer(before)
                taken.append(port.taken[before:])

    anyio.run(run)
    return without_ids(taken)


def by_orchestrator(
    plan: Plan,
    slices: list[MarketSlice],
    *,
    paused: dict[str, PauseMode],
    acts: Acts | None = None,
    **options: Any,
) -> list[list[object]]:
    orchestrator = orchestrator_of(
        {one: Scripted(script) for one, script in scripts_of(plan).items()}, **options
    )
    for strategy_id, mode in paused.items():
        orchestrator.pause_strategy(strategy_id, mode)
    orchestrator.start(InstrumentCatalog(INSTRUMENTS), slices[0].ts_event)
    rounds: list[list[StrategyCommand]] = []
    for number, market_slice in enumerate(slices):
        commands = orchestrator.coordinate_execution(market_slice)
        answer_for_venue(orchestrator, commands)
        for act in (acts or {}).get(number, ()):
            start = len(commands)
            do_now(orchestrator, act)
            commands += orchestrator.proceed()
            answer_for_venue(orchestrator, commands, start)
        rounds.append(commands)
    return without_ids(rounds)


def answer_for_venue(
    orchestrator: UnifiedStrategyOrchestrator, commands: list[StrategyCommand], start: int = 0
) -> None:
    """Says of every order that it was accepted, of every cancel that it was done, and adds what
    comes of it."""
    capital = orchestrator.capital_manager
    place = start
    while place < len(commands):
        approved = commands[place]
        assert isinstance(approved, ApprovedCommand)
        place += 1
        command, key = approved.command, approved.client_order_id
        if isinstance(command, CancelOrder):
            key = command.client_order_id
        order = capital.working_orders(approved.strategy_id).get(key)
        if order is None:
            continue
        if isinstance(command, CancelOrder):
            capital.track(msgspec.structs.replace(order, status=OrderStatus.CANCELED))
            commands += orchestrator.proceed()
        elif order.status is OrderStatus.INITIALIZED:
            capital.track(msgspec.structs.replace(order, status=OrderStatus.ACCEPTED))


def do_now(orchestrator: UnifiedStrategyOrchestrator, act: Act) -> None:
    """What is refused changes nothing, here and there."""
    kind, strategy_id, mode = act
    with suppress(DomainError):
        if kind == "pause":
            orchestrator.pause_strategy(strategy_id, mode)
        elif kind == "resume":
            orchestrator.resume_strategy(strategy_id)
        else:
            policy = RemovalPolicy.FLATTEN if kind == "flatten" else RemovalPolicy.REFUSE
            orchestrator.remove_strategy(strategy_id, policy)


def as_question(act: Act) -> Question:
    kind, strategy_id, mode = act
    if kind == "pause":
        return PauseStrategy(question_id=1, strategy_id=strategy_id, mode=mode)
    if kind == "resume":
        return ResumeStrategy(question_id=1, strategy_id=strategy_id)
    policy = RemovalPolicy.FLATTEN if kind == "flatten" else RemovalPolicy.REFUSE
    return RemoveStrategy(question_id=1, strategy_id=strategy_id, policy=policy)


def without_ids(rounds: Sequence[Sequence[StrategyCommand]]) -> list[list[object]]:
    """Ids by the place at which they were given, so that two runs can be compared."""
    places: dict[str, int] = {}
    shown: list[list[object]] = []
    for commands in rounds:
        shown.append([])
        for approved in commands:
            assert isinstance(approved, ApprovedCommand)
            places[approved.client_order_id] = len(places)
            command = approved.command
            if isinstance(command, CancelOrder):
                place = f"order {places[command.client_order_id]}"
                command = msgspec.structs.replace(command, client_order_id=place)
            shown[-1].append(msgspec.structs.replace(approved, command=command, client_order_id=""))
    return shown


# --- the law --------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=150)
@given(data=st.data(), ticked=ticks)
def test_orchestrator_and_actors_approve_the_same_commands(
    data: st.DataObject, ticked: list[set[str]]
) -> None:
    plan = {one: [data.draw(answers) for _ in ticked] for one in IDS}
    policies = ConflictPolicies(
        opposing_sides=data.draw(st.sampled_from(OPPOSING)),
        capital=data.draw(st.sampled_from(POLICIES_OF_TYPE[ConflictType.CAPITAL])),
        duplicate_order=data.draw(st.sampled_from(POLICIES_OF_TYPE[ConflictType.DUPLICATE_ORDER])),
    )
    acts = data.draw(st.dictionaries(st.integers(0, 4), st.lists(operator, max_size=2), max_size=3))
    paused = data.draw(
        st.dictionaries(st.sampled_from(IDS), st.sampled_from(PauseMode), max_size=1)
    )
    kind = data.draw(st.sampled_from([Scripted, AsyncScripted]))
    slices = slices_of(ticked)
    options: dict[str, Any] = {
        "metadata": METADATA,
        "policies": policies,
        "paused": paused,
        "acts": acts,
    }
    assert by_actors(plan, slices, kind, **options) == by_orchestrator(plan, slices, **options)


@settings(max_examples=25)
@given(data=st.data(), ticked=ticks)
def test_the_same_holds_for_a_strategy_alone(data: st.DataObject, ticked: list[set[str]]) -> None:
    plan = {"a": [data.draw(answers) for _ in ticked]}
    slices = slices_of(ticked)
    alone = by_orchestrator(plan, slices, paused={})
    assert by_actors(plan, slices, Scripted) == alone


def test_both_ways_hold_a_command_until_the_resting_order_is_withdrawn() -> None:
    plan: Plan = {
        "a": [[("limit", "AAA", 2)], []],
        "b": [[], [("sell", "AAA", 2)]],
        "c": [[], []],
    }
    slices = slices_of([{"AAA"}] * 2)
    options: dict[str, Any] = {
        "policies": ConflictPolicies(opposing_sides=ConflictPolicy.CANCEL_RESTING),
        "paused": {},
    }
    told = by_orchestrator(plan, slices, **options)
    kinds = [[type(cast("ApprovedCommand", one).command).__name__ for one in row] for row in told]
    assert kinds == [["SubmitOrder"], ["CancelOrder", "SubmitOrder"]]
    assert by_actors(plan, slices, Scripted, **options) == told


def test_comparison_sees_what_it_has_to_see() -> None:
    """The law would hold for two ways that approve nothing, too."""
    plan: Plan = {
        "a": [[("buy", "AAA", 2)], [("limit", "AAA", 1)], [("cancel", "AAA", 1)]],
        "b": [[], [("sell", "AAA", 2)], [("buy", "FUT", 1)]],
        "c": [[("signal", "AAA", 1)], [], [("buy", "NOPE", 1)]],
    }
    slices = slices_of([{"AAA", "FUT"}] * 3)
    approved = by_orchestrator(plan, slices, paused={}, metadata=METADATA)
    assert [len(one) for one in approved] == [1, 1, 2]
    assert by_actors(plan, slices, Scripted, metadata=METADATA) == approved
