"""Rounds without actors: what is crossed inside, what waits, and what becomes of it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, SubmitOrder
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.order import OrderStatus, OrderType, TimeInForce
from orchestrion.domain.netting.internal_cross import CrossPolicy
from orchestrion.domain.orchestration.crossing_event import OrdersCrossedEvent
from orchestrion.domain.orchestration.events import OrderDeniedEvent, RemovalDelayedEvent
from orchestrion.domain.orchestration.lifecycle import RemovalPolicy
from tests.fakes import (
    INSTRUMENTS,
    MINUTE_NS,
    Action,
    Script,
    Scripted,
    at,
    buy,
    close,
    closing,
    fill_report,
    following,
    minute,
    minutes,
    orchestrator_of,
    play,
    sell,
)

NET = ConflictPolicies(opposing_sides=ConflictPolicy.NET)
CANCEL_RESTING = ConflictPolicies(opposing_sides=ConflictPolicy.CANCEL_RESTING)
FRESH = CrossPolicy(quote_age_max_ns=MINUTE_NS, last_price_age_max_ns=MINUTE_NS)
RESTING: dict[str, Any] = {
    "order_type": OrderType.LIMIT,
    "limit_price": Decimal(120),
    "time_in_force": TimeInForce.GTC,
}


class Alone:
    """Three strategies with equal shares and no actors; the venue is played by hand."""

    def __init__(self, policies: ConflictPolicies, **rules: Any) -> None:
        self.scripts = {one: Script() for one in ("x", "y", "z")}
        self.orchestrator = orchestrator_of(
            {one: Scripted(script) for one, script in self.scripts.items()},
            policies=policies,
            capital_rules={"cross_policy": FRESH, **rules},
        )
        self.capital = self.orchestrator.capital_manager
        self.orchestrator.start(InstrumentCatalog(INSTRUMENTS), at(0))
        self.orchestrator.drain_events()

    def bar(self, number: int, **actions: Action) -> list[ApprovedCommand]:
        for strategy_id, script in self.scripts.items():
            script.on_event = {number: actions[strategy_id]} if strategy_id in actions else {}
        return self.taken(self.orchestrator.coordinate_execution(minute(number)))

    def proceed(self) -> list[ApprovedCommand]:
        return self.taken(self.orchestrator.proceed())

    def taken(self, commands: Any) -> list[ApprovedCommand]:
        """The venue says of every order that it works."""
        for one in commands:
            order = self.capital.working_orders(one.strategy_id).get(one.client_order_id)
            if order is not None and order.status is OrderStatus.INITIALIZED:
                self.end(one.strategy_id, one.client_order_id, OrderStatus.ACCEPTED)
        return list(commands)

    def end(self, owner: str, client_order_id: str, status: OrderStatus) -> None:
        order = self.capital.working_orders(owner)[client_order_id]
        self.capital.track(msgspec.structs.replace(order, status=status))

    def held(self, owner: str) -> int:
        return int(self.capital.books[owner].quantity("AAA"))

    def denied(self) -> list[str]:
        events = self.orchestrator.drain_events()
        return [one.detail for one in events if isinstance(one, OrderDeniedEvent)]


def said(commands: list[ApprovedCommand]) -> list[tuple[str, str]]:
    """(owner, words) of each command."""
    return [(one.strategy_id, words_of(one.command)) for one in commands]


def words_of(command: SubmitOrder | CancelOrder) -> str:
    if isinstance(command, CancelOrder):
        return f"cancel {command.client_order_id}"
    (leg,) = command.legs
    return f"{leg.side} {leg.quantity}"


# -- netting ---------------------------------------------------------------------------------------


def test_equal_opposites_never_leave_and_are_booked_at_once() -> None:
    alone = Alone(NET)
    before = alone.capital.account_equity()
    assert alone.bar(1, x=buy(5), y=sell(5)) == []
    assert (alone.held("x"), alone.held("y")) == (5, -5)
    assert not alone.capital.working_orders("x")
    assert alone.capital.account_equity() == before
    (crossing,) = (
        one for one in alone.orchestrator.drain_events() if isinstance(one, OrdersCrossedEvent)
    )
    assert (crossing.quantity, crossing.price) == (Decimal(5), closing(1))


def test_only_the_rest_leaves_and_goes_on_working() -> None:
    alone = Alone(NET)
    (rest,) = alone.bar(1, x=buy(8), y=sell(5))
    assert said([rest]) == [("x", "BUY 3")]
    assert (alone.held("x"), alone.held("y")) == (5, -5)
    (order,) = alone.capital.working_orders("x").values()
    assert order.remaining(0) == 3


def test_rest_of_several_leaves_once_and_each_owner_has_his_own_order() -> None:
    alone = Alone(NET)
    (rest,) = alone.bar(1, x=buy(10), y=sell(6), z=buy(20))
    assert said([rest]) == [("x", "BUY 24")]
    assert [(one.strategy_id, int(one.quantity)) for one in rest.owners] == [("x", 8), ("z", 16)]
    assert [alone.held(one) for one in "xyz"] == [2, -6, 4]
    left = [alone.capital.working_orders(one) for one in "xyz"]
    assert [[int(order.remaining(0)) for order in one.values()] for one in left] == [[8], [], [16]]


def test_without_a_fair_price_rank_decides_and_nothing_of_the_other_is_left() -> None:
    stale = CrossPolicy(quote_age_max_ns=0, last_price_age_max_ns=MINUTE_NS)
    alone = Alone(NET, cross_policy=stale)
    alone.bar(1)
    slices = minute(4, "BBB")  # nothing of AAA for three minutes
    for one, action in (("x", buy(5)), ("y", sell(5))):
        alone.scripts[one].on_event = {4: action}
    commands = alone.taken(alone.orchestrator.coordinate_execution(slices))
    assert said(commands) == [("x", "BUY 5")]
    assert not alone.capital.working_orders("y")
    assert alone.capital.reserved("y") == 0


@pytest.mark.parametrize(
    "wishes",
    [
        {"x": buy(5), "y": sell(5)},
        {"x": buy(8), "y": sell(5)},
        {"x": buy(10), "y": sell(6), "z": buy(20)},
        {"x": buy(3, **RESTING), "y": sell(6), "z": buy(20)},
        {"x": sell(7), "y": buy(900), "z": buy(2)},
    ],
)
def test_what_leaves_and_who_trades_inside_is_the_same_as_with_actors(
    wishes: dict[str, Action],
) -> None:
    alone = Alone(NET)
    sent = said(alone.bar(1, **wishes))
    scripts = {one: Script(on_event={1: wishes[one]} if one in wishes else {}) for one in "xyz"}
    stage = play(
        following(scripts),
        minutes(1, first=1),
        policies=NET,
        capital_rules={"cross_policy": FRESH},
        is_ended=False,
    )
    assert said(stage.intents) == sent
    assert [alone.held(one) for one in "xyz"] == [
        int(stage.books[one].quantity("AAA")) for one in "xyz"
    ]


# -- commands that wait ----------------------------------------------------------------------------


def waiting() -> tuple[Alone, str]:
    """Y's entry waits until x's resting one is withdrawn."""
    alone = Alone(CANCEL_RESTING)
    (resting,) = alone.bar(1, x=buy(5, **RESTING))
    commands = alone.bar(2, y=sell(5))
    assert said(commands) == [("x", f"cancel {resting.client_order_id}")]
    return alone, resting.client_order_id


def test_entry_leaves_when_the_resting_order_is_withdrawn() -> None:
    alone, resting = waiting()
    assert alone.proceed() == []
    alone.end("x", resting, OrderStatus.CANCELED)
    assert said(alone.proceed()) == [("y", "SELL 5")]


def test_entry_is_refused_when_the_venue_does_not_withdraw() -> None:
    alone, resting = waiting()
    alone.end("x", resting, OrderStatus.ACCEPTED)
    alone.orchestrator.cancel_refused(resting)
    assert alone.proceed() == []
    assert alone.denied() == ["cancel_resting: the venue did not withdraw 1 resting order"]
    # Once is enough: it was said of that order at that time.
    assert alone.proceed() == []
    assert alone.denied() == []


def test_exit_goes_on_although_the_venue_does_not_withdraw() -> None:
    alone = Alone(CANCEL_RESTING)
    (bought,) = alone.bar(1, y=buy(5))
    fill = fill_report(client_order_id=bought.client_order_id, last_qty=Decimal(5))
    alone.capital.apply_fill("y", fill)
    alone.end("y", bought.client_order_id, OrderStatus.CANCELED)
    (resting,) = alone.bar(2, x=buy(5, **RESTING))
    assert said(alone.bar(3, y=close())) == [("x", f"cancel {resting.client_order_id}")]
    alone.end("x", resting.client_order_id, OrderStatus.ACCEPTED)
    alone.orchestrator.cancel_refused(resting.client_order_id)
    assert said(alone.proceed()) == [("y", "SELL 5")]


def test_what_waits_goes_with_its_strategy() -> None:
    alone, _ = waiting()
    alone.orchestrator.remove_strategy("y", RemovalPolicy.FLATTEN)
    assert alone.proceed() == []
    assert alone.denied() == ["cancel_resting: its strategy has stopped while it waited"]
    assert "y" not in alone.orchestrator.strategies


def test_strategy_withdraws_its_own_order() -> None:
    alone = Alone(CANCEL_RESTING)
    (resting,) = alone.bar(1, x=buy(5, **RESTING))
    cancel = alone.bar(2, x=lambda view: [view.cancel(one) for one in view.working_orders])
    assert said(cancel) == [("x", f"cancel {resting.client_order_id}")]
    (order,) = alone.capital.working_orders("x").values()
    assert order.status is OrderStatus.PENDING_CANCEL


# -- handing over ----------------------------------------------------------------------------------


def holding() -> Alone:
    alone = Alone(ConflictPolicies())
    (bought,) = alone.bar(1, x=buy(200))
    alone.capital.apply_fill(
        "x", fill_report(client_order_id=bought.client_order_id, last_qty=Decimal(200))
    )
    alone.end("x", bought.client_order_id, OrderStatus.FILLED)
    return alone


def test_heir_without_room_delays_the_hand_over_until_there_is_some() -> None:
    alone = holding()
    (bought,) = alone.bar(2, y=buy(300))  # binds what y would need to take over
    alone.orchestrator.remove_strategy("x", RemovalPolicy.HAND_OVER, heir_id="y")
    alone.proceed()
    delays = [
        one for one in alone.orchestrator.drain_events() if isinstance(one, RemovalDelayedEvent)
    ]
    assert [(one.strategy_id, one.policy) for one in delays] == [("x", RemovalPolicy.HAND_OVER)]
    assert (alone.held("x"), alone.held("y")) == (200, 0)
    alone.end("y", bought.client_order_id, OrderStatus.CANCELED)
    alone.proceed()
    assert alone.held("y") == 200
    assert "x" not in alone.orchestrator.strategies


def test_heir_that_leaves_meanwhile_delays_the_hand_over() -> None:
    alone = holding()
    (bought,) = alone.bar(2, y=buy(300))
    alone.orchestrator.remove_strategy("x", RemovalPolicy.HAND_OVER, heir_id="y")
    alone.proceed()
    alone.end("y", bought.client_order_id, OrderStatus.CANCELED)
    alone.orchestrator.remove_strategy("y", RemovalPolicy.FLATTEN)
    alone.orchestrator.drain_events()
    alone.proceed()
    assert alone.held("x") == 200
    delays = [
        one for one in alone.orchestrator.drain_events() if isinstance(one, RemovalDelayedEvent)
    ]
    assert len(delays) == 1
    assert "y" in delays[0].detail
