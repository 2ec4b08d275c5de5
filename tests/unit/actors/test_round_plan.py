"""Who is told of a slice: subscriptions, stages, and who is active."""

from __future__ import annotations

from collections import deque

import pytest

from orchestrion.actors import round_plan
from orchestrion.actors.round_plan import Plan, RoundPlans, Seat
from orchestrion.domain.models.market import MarketSlice
from orchestrion.runtime.mailbox import Mailbox
from tests.fakes import bar


def seat(strategy_id: str, *subscriptions: str) -> Seat:
    mailbox = Mailbox(strategy_id, lambda _: None, deque())
    return Seat(strategy_id, mailbox, subscriptions, wants_fills=True)


def plans(*stages: tuple[Seat, ...]) -> RoundPlans:
    """All active."""
    made = RoundPlans()
    made.seat(stages)
    for stage in stages:
        for one in stage:
            made.activate(one.strategy_id, is_active=True)
    return made


def ids(plan: Plan) -> list[list[str]]:
    return [[one.strategy_id for one in stage] for stage in plan.stages]


def slice_of(*instrument_ids: str) -> MarketSlice:
    return MarketSlice.of(bar(0, one) for one in instrument_ids)


@pytest.mark.parametrize(
    ("instrument_ids", "expected"),
    [
        (("AAA",), [["all", "a"], ["ab"]]),
        (("BBB",), [["all"], ["ab"]]),
        (("CCC",), [["all"]]),
        (("AAA", "BBB"), [["all", "a"], ["ab"]]),
        (("BBB", "CCC"), [["all"], ["ab"]]),
    ],
)
def test_slice_goes_to_whom_it_concerns_in_order(
    instrument_ids: tuple[str, ...], expected: list[list[str]]
) -> None:
    made = plans((seat("all"), seat("a", "AAA")), (seat("ab", "AAA", "BBB"),))
    assert ids(made.for_slice(slice_of(*instrument_ids))) == expected
    assert ids(made.for_slice(slice_of(*instrument_ids))) == expected, "also when remembered"


def test_slice_that_concerns_nobody_has_no_stages() -> None:
    assert plans((seat("a", "AAA"),)).for_slice(slice_of("BBB")).stages == ()


def test_nobody_is_active_at_first() -> None:
    made = RoundPlans()
    made.seat(((seat("a"),),))
    assert made.for_everybody().stages == ()
    assert made.active_seats(["a"]) == []
    assert made.seat_of("a") is not None


@pytest.mark.parametrize("subscriptions", [(), ("AAA",)])
def test_plans_follow_a_change_of_state_at_once(subscriptions: tuple[str, ...]) -> None:
    made = plans((seat("a", *subscriptions),), (seat("b"),))
    assert ids(made.for_slice(slice_of("AAA"))) == [["a"], ["b"]]
    made.activate("a", is_active=False)
    assert ids(made.for_slice(slice_of("AAA"))) == [["b"]]
    assert ids(made.for_everybody()) == [["b"]]
    assert made.active_seats(["a"]) == []
    made.activate("a", is_active=True)
    assert ids(made.for_slice(slice_of("AAA"))) == [["a"], ["b"]]
    assert [one.strategy_id for one in made.active_seats(["b", "a"])] == ["a", "b"]


def test_unknown_strategy_has_no_seat() -> None:
    made = plans((seat("a"),))
    assert made.seat_of("b") is None
    assert made.active_seats(["b"]) == []


def test_plans_stay_right_beyond_what_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(round_plan, "PLANS_KEPT_MAX", 2)
    made = plans((seat("a", "AAA"), seat("b", "BBB")))
    for _ in range(3):
        for one, expected in (("AAA", [["a"]]), ("BBB", [["b"]]), ("CCC", [])):
            assert ids(made.for_slice(slice_of(one))) == expected
