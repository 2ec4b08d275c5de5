"""``coordinate_execution`` and the actors decide alike, command for command.

Random scripts are played twice over random slices: by the orchestrator alone, and by the actors
with a port that takes everything and fills nothing. Only the ids of orders differ, so orders are
compared by the place at which they were approved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from functools import partial
from typing import Any, TypeAlias

import anyio
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, StrategyCommand
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import OrderType, TimeInForce
from orchestrion.domain.models.strategy import Signal, Strategy, StrategyView
from orchestrion.domain.orchestration.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.orchestration.lifecycle import PauseMode
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
    plan: Plan, slices: list[MarketSlice], kind: Callable[[Script], Strategy], **options: Any
) -> list[list[object]]:
    """Approved commands of each slice."""
    port = SilentPort()
    stage = Stage(following(scripts_of(plan), kind), port=port, **options)
    taken: list[list[ApprovedCommand]] = []

    async def run() -> None:
        async with stage:
            await stage.session.start(slices[0].ts_event)
            for market_slice in slices:
                before = len(port.taken)
                await stage.session.publish(market_slice)
                taken.append(port.taken[before:])

    anyio.run(run)
    return without_ids(taken)


def by_orchestrator(
    plan: Plan, slices: list[MarketSlice], *, paused: dict[str, PauseMode], **options: Any
) -> list[list[object]]:
    orchestrator = orchestrator_of(
        {one: Scripted(script) for one, script in scripts_of(plan).items()}, **options
    )
    for strategy_id, mode in paused.items():
        orchestrator.pause_strategy(strategy_id, mode)
    orchestrator.start(InstrumentCatalog(INSTRUMENTS))
    return without_ids([orchestrator.coordinate_execution(one) for one in slices])


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
    policies = ConflictPolicies(opposing_sides=data.draw(st.sampled_from(ConflictPolicy)))
    paused = data.draw(
        st.dictionaries(st.sampled_from(IDS), st.sampled_from(PauseMode), max_size=1)
    )
    kind = data.draw(st.sampled_from([Scripted, AsyncScripted]))
    slices = slices_of(ticked)
    options: dict[str, Any] = {"metadata": METADATA, "policies": policies, "paused": paused}
    assert by_actors(plan, slices, kind, **options) == by_orchestrator(plan, slices, **options)


@settings(max_examples=25)
@given(data=st.data(), ticked=ticks)
def test_the_same_holds_for_a_strategy_alone(data: st.DataObject, ticked: list[set[str]]) -> None:
    plan = {"a": [data.draw(answers) for _ in ticked]}
    slices = slices_of(ticked)
    alone = by_orchestrator(plan, slices, paused={})
    assert by_actors(plan, slices, Scripted) == alone


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
