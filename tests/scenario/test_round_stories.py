"""Rounds in which rules meet: what everybody wanted, and what became of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.order import Leg, OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.strategy import Signal, StrategyView
from orchestrion.domain.orchestration.events import StrategyConflictDetectedEvent
from orchestrion.domain.orchestration.lifecycle import PauseMode
from tests.fakes import (
    Script,
    Stage,
    buy,
    close,
    closing,
    following,
    minutes,
    opening,
    play,
    sell,
)

STRONG_X: dict[str, dict[str, Any]] = {"x": {"priority": 1}}
RESTING: dict[str, Any] = {
    "order_type": OrderType.LIMIT,
    "limit_price": Decimal(1),
    "time_in_force": TimeInForce.GTC,
}


def verdicts(stage: Stage, number: int) -> list[tuple[str, str]]:
    """Who got what at a bar."""
    rounds = {stage.rounds_of(one)[number] for one in stage.system.books if stage.rounds_of(one)}
    (round_number,) = rounds
    return [
        (one.strategy_id, one.reason or one.verdict)
        for one in stage.decisions
        if one.round == round_number
    ]


# --- conflicts ------------------------------------------------------------------------------------


def test_exit_never_loses_to_an_entry_however_strong() -> None:
    scripts = {"x": Script(on_event={2: buy(1)}), "y": Script(on_event={0: buy(3), 2: close()})}
    stage = play(following(scripts), minutes(4), metadata=STRONG_X)
    assert verdicts(stage, 2) == [("x", "CONFLICT"), ("y", "APPROVED")]
    assert not stage.system.books["y"].positions


def test_two_entries_against_each_other_go_by_rank() -> None:
    scripts = {"y": Script(on_event={0: buy(1)}), "x": Script(on_event={0: sell(1)})}
    stage = play(following(scripts), minutes(2), metadata=STRONG_X)
    assert verdicts(stage, 0) == [("x", "APPROVED"), ("y", "CONFLICT")]


def test_same_side_is_no_conflict() -> None:
    scripts = {"x": Script(on_event={0: buy(1)}), "y": Script(on_event={0: buy(2)})}
    stage = play(following(scripts), minutes(2))
    assert verdicts(stage, 0) == [("x", "APPROVED"), ("y", "APPROVED")]
    assert stage.events_of(StrategyConflictDetectedEvent) == []


def test_entry_meets_what_another_one_has_working() -> None:
    scripts = {
        "x": Script(on_event={0: buy(1, **RESTING)}),
        "y": Script(on_event={2: sell(1), 3: sell(1, "BBB")}),
    }
    stage = play(following(scripts), minutes(5, "AAA", "BBB"))
    assert verdicts(stage, 2) == [("y", "CONFLICT")]
    assert verdicts(stage, 3) == [("y", "APPROVED")]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        (ConflictPolicy.PRIORITY, ["APPROVED", "CONFLICT"]),
        (ConflictPolicy.REJECT_ALL, ["CONFLICT", "CONFLICT"]),
        (ConflictPolicy.ALLOW, ["APPROVED", "APPROVED"]),
    ],
)
def test_policy_decides(policy: ConflictPolicy, expected: list[str]) -> None:
    scripts = {"x": Script(on_event={0: buy(1)}), "y": Script(on_event={0: sell(1)})}
    policies = ConflictPolicies(opposing_sides=policy)
    stage = play(following(scripts), minutes(2), policies=policies)
    assert [reason for _, reason in verdicts(stage, 0)] == expected
    (event,) = stage.events_of(StrategyConflictDetectedEvent)
    assert event.policy == policy


def test_answer_to_a_fill_meets_the_others_working_orders_too() -> None:
    scripts = {
        "x": Script(on_event={0: sell(1, order_type=OrderType.LIMIT, limit_price=Decimal(900))}),
        "y": Script(
            on_event={1: buy(1, "BBB")},
            on_fill=lambda _, view: [view.buy("AAA", 1)],
        ),
    }
    stage = play(following(scripts), minutes(4, "AAA", "BBB"))
    assert [one.reason or one.verdict for one in stage.decisions_of("y")] == [
        "APPROVED",
        "CONFLICT",
    ]


@pytest.mark.parametrize(
    ("quantity", "paused"), [(10**6, {}), (1, {"x": PauseMode.ENTRIES_BLOCKED})]
)
def test_command_that_cannot_leave_anyway_beats_nobody(
    quantity: int, paused: dict[str, PauseMode]
) -> None:
    scripts = {"x": Script(on_event={0: buy(quantity)}), "y": Script(on_event={0: sell(1)})}
    stage = play(following(scripts), minutes(2), metadata=STRONG_X, paused=paused)
    assert verdicts(stage, 0)[1] == ("y", "APPROVED")


def test_stop_far_away_does_not_keep_others_out() -> None:
    far: dict[str, Any] = {
        "order_type": OrderType.STOP_MARKET,
        "stop_price": Decimal(50),
        "time_in_force": TimeInForce.GTC,
    }
    scripts = {
        "x": Script(on_event={0: buy(5), 2: sell(5, **far)}),
        "y": Script(on_event={4: buy(1)}),
    }
    stage = play(following(scripts), minutes(6))
    assert verdicts(stage, 4) == [("y", "APPROVED")]


# --- capital --------------------------------------------------------------------------------------


def test_commands_of_one_round_share_one_budget_in_order() -> None:
    """Half of 100,000 buys 497 at 100.50; the third order is what breaks it."""

    def three(view: StrategyView) -> object:
        return [view.buy("AAA", 300), view.buy("AAA", 190), view.buy("AAA", 8)]

    scripts = {"x": Script(on_event={0: three}), "y": Script(on_event={0: buy(490)})}
    stage = play(following(scripts), minutes(2))
    assert verdicts(stage, 0) == [
        ("x", "APPROVED"),
        ("x", "APPROVED"),
        ("x", "BUDGET_EXCEEDED"),
        ("y", "APPROVED"),
    ]
    assert stage.decisions[2].detail == "needs 804.00, 755.00 of 50000.00 is free"


def test_reservation_of_an_order_that_ended_can_be_used_again() -> None:
    def cancel(view: StrategyView) -> object:
        return [view.cancel(one) for one in view.working_orders]

    big = buy(490, "AAA", order_type=OrderType.LIMIT, limit_price=Decimal(100))
    scripts = {"x": Script(on_event={1: big, 2: buy(490), 3: cancel, 4: buy(470)})}
    stage = play(following(scripts), minutes(6), capital=Decimal(50_000))
    reasons = [one.reason or one.verdict for one in stage.decisions]
    assert reasons == ["APPROVED", "BUDGET_EXCEEDED", "APPROVED", "APPROVED"]


def test_budget_is_allocation_plus_own_gains() -> None:
    budgets: dict[str, Decimal] = {}

    def look(view: StrategyView) -> object:
        budgets[view.strategy_id] = view.budget
        return None

    scripts = {
        "x": Script(on_event={0: buy(100), 4: look, 5: close()}),
        "y": Script(on_event={4: look}),
    }
    stage = play(following(scripts), minutes(8))
    assert budgets == {"x": 50_000 + 100 * (closing(4) - opening(1)), "y": 50_000}
    assert stage.system.books["x"].cash == 50_000 + 100 * (opening(6) - opening(1))


def test_exit_is_not_judged_by_a_budget_that_is_used_up() -> None:
    scripts = {"x": Script(on_event={0: buy(497), 2: close()})}
    stage = play(following(scripts | {"y": Script()}), minutes(4))
    assert [one.reason or one.verdict for one in stage.decisions] == ["APPROVED", "APPROVED"]
    assert not stage.system.books["x"].positions


# --- structures -----------------------------------------------------------------------------------


def test_structure_is_approved_and_filled_as_a_whole() -> None:
    def pair(view: StrategyView) -> object:
        legs = (Leg("AAA", OrderSide.BUY, Decimal(2)), Leg("BBB", OrderSide.SELL, Decimal(2)))
        return [view.structure(*legs)]

    slices = minutes(2, "AAA") + minutes(1, "BBB", first=2) + minutes(1, "AAA", "BBB", first=3)
    scripts = {"x": Script(on_event={3: pair})}
    stage = play(
        following(scripts),
        [*slices, *minutes(1, "AAA", first=4), *minutes(1, "AAA", "BBB", first=5)],
    )
    assert stage.verdicts() == ["APPROVED"]
    assert [(one.leg_index, one.last_px) for one in stage.fills] == [
        (0, opening(5)),
        (1, opening(5)),
    ]
    assert len({one.client_order_id for one in stage.fills}) == 1
    assert len(scripts["x"].numbers("on_fill")) == 2, "a round for each fill"


# --- signals --------------------------------------------------------------------------------------


def test_regime_of_one_strategy_decides_what_the_others_do() -> None:
    def regime(view: StrategyView) -> object:
        price = view.price("AAA")
        assert price is not None
        calm = price < 103
        return [Signal(strategy_id=view.strategy_id, name="regime", value=float(calm))]

    def follow(view: StrategyView) -> object:
        (calm,) = (one.value for one in view.signals if one.name == "regime")
        return [view.buy("AAA", 1)] if calm else [view.close("AAA")]

    scripts = {"follower": Script(always=follow), "regime": Script(always=regime)}
    stage = play(following(scripts), minutes(6), metadata={"follower": {"depends_on": ("regime",)}})
    sides = [one.side for one in stage.fills]
    assert sides == [OrderSide.BUY] * 3 + [OrderSide.SELL]
    assert not stage.system.books["follower"].positions


# --- priority before rank ----------------------------------------------------------------------


def test_higher_priority_of_a_later_stage_wins_against_an_earlier_stage() -> None:
    scripts = {"x": Script(on_event={0: buy(1)}), "y": Script(on_event={0: sell(1)})}
    late_but_strong: dict[str, dict[str, Any]] = {"y": {"priority": 5, "depends_on": ("x",)}}
    stage = play(following(scripts), minutes(2), metadata=late_but_strong)
    assert verdicts(stage, 0) == [("x", "CONFLICT"), ("y", "APPROVED")]
