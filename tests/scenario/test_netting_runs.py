"""Opposite orders that meet inside the account: what each strategy gets, and what goes out.

Everything runs through the real actors; the account ledger compares after every change.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.actors.messages import FillAttributed, FillsAttributed
from orchestrion.adapters.venue.fees import Commission, FeeSchedule
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder
from orchestrion.domain.models.order import OrderType, TimeInForce
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.netting.internal_cross import CrossPolicy
from orchestrion.domain.orchestration.crossing_event import OrdersCrossedEvent
from orchestrion.domain.orchestration.events import OrderDeniedEvent
from orchestrion.domain.orchestration.portfolio_capital_manager import CROSSINGS_PER_MOMENT_MAX
from tests.fakes import (
    MINUTE_NS,
    Script,
    Stage,
    buy,
    close,
    closing,
    following,
    minutes,
    opening,
    play,
    quote,
    sell,
    slices_of,
)

BACKENDS = ("asyncio", "trio")
NET = ConflictPolicies(opposing_sides=ConflictPolicy.NET)
FRESH = CrossPolicy(quote_age_max_ns=MINUTE_NS, last_price_age_max_ns=MINUTE_NS)


def netted(scripts: dict[str, Script], slices: Any, **options: Any) -> Stage:
    rules = {"cross_policy": options.pop("cross_policy", FRESH), **options.pop("rules", {})}
    return play(following(scripts), slices, policies=NET, capital_rules=rules, **options)


def sent(stage: Stage) -> list[tuple[str, str, int]]:
    """What left: (first owner, side, quantity)."""
    return [
        (one.strategy_id, str(one.command.legs[0].side), int(one.command.legs[0].quantity))
        for one in stage.intents
        if isinstance(one, ApprovedCommand) and isinstance(one.command, SubmitOrder)
    ]


def fills(stage: Stage) -> list[OrderFilledReport]:
    """What was booked to strategies, inside and outside, in order."""
    found: list[OrderFilledReport] = []
    for hop in stage.trace:
        if isinstance(hop.message, FillsAttributed):
            found += [
                part.fill for part in hop.message.fills if isinstance(part.fill, OrderFilledReport)
            ]
        elif isinstance(hop.message, FillAttributed):
            fill = hop.message.fill
            assert isinstance(fill, OrderFilledReport)
            found.append(fill)
    return found


def held(stage: Stage, owner: str) -> int:
    return int(stage.system.books[owner].quantity("AAA"))


def crossings(stage: Stage) -> list[OrdersCrossedEvent]:
    return stage.events_of(OrdersCrossedEvent)


@pytest.mark.parametrize("backend", BACKENDS)
def test_equal_opposites_never_leave_and_both_books_show_the_trade(backend: str) -> None:
    # Given one that buys what the other sells
    scripts = {"x": Script(on_event={1: buy(5)}), "y": Script(on_event={1: sell(5)})}
    # When both want it at one bar
    stage = netted(scripts, minutes(3), backend=backend)
    # Then nothing leaves, both have traded at the bar's close, without fees
    assert sent(stage) == []
    assert (held(stage, "x"), held(stage, "y")) == (5, -5)
    prices = {fill.last_px for fill in fills(stage)}
    assert (len(fills(stage)), prices) == (2, {closing(1)})
    (crossing,) = crossings(stage)
    assert (crossing.quantity, crossing.price) == (Decimal(5), closing(1))
    assert crossing.basis == "LAST"
    # And each strategy was told of its own fill
    assert scripts["x"].numbers("on_fill") == scripts["y"].numbers("on_fill") == [1]


def test_only_the_rest_leaves_under_its_owners_name() -> None:
    scripts = {"x": Script(on_event={1: buy(8)}), "y": Script(on_event={1: sell(5)})}
    stage = netted(scripts, minutes(4))
    assert sent(stage) == [("x", "BUY", 3)]
    assert (held(stage, "x"), held(stage, "y")) == (8, -5)
    assert sorted(fill.last_px for fill in fills(stage)) == [closing(1), closing(1), opening(2)]


def test_rest_of_several_leaves_as_one_order_whose_fill_and_fee_are_divided() -> None:
    # Given two that buy, in different sizes, one that sells, and a fee with a minimum per order
    scripts = {
        "x": Script(on_event={1: buy(10)}),
        "y": Script(on_event={1: sell(6)}),
        "z": Script(on_event={1: buy(20)}),
    }
    fees = FeeSchedule(
        equity=Commission(minimum_per_order=Decimal(3)), future=Commission(), option=Commission()
    )
    # When they meet
    stage = netted(scripts, minutes(4), fees=fees)
    # Then one order goes out for both buyers
    assert sent(stage) == [("x", "BUY", 24)]
    assert (held(stage, "x"), held(stage, "y"), held(stage, "z")) == (10, -6, 20)
    # And one minimum fee is paid, by what each had outside
    paid = {one: stage.system.books[one].fees for one in ("x", "y", "z")}
    assert paid == {"x": Decimal(1), "y": Decimal(0), "z": Decimal(2)}
    # And each buyer was told twice: of the cross, and of what filled outside at the next open
    assert scripts["x"].numbers("on_fill") == [1, 1]
    assert scripts["z"].numbers("on_fill") == [1, 1]
    assert not stage.system.orchestrator.capital_manager.working_orders("x")


def test_no_profit_appears_by_netting() -> None:
    scripts = {"x": Script(on_event={1: buy(5), 2: close()}), "y": Script(on_event={1: sell(5)})}
    apart = play(
        following(scripts),
        minutes(2),
        policies=ConflictPolicies(opposing_sides=ConflictPolicy.ALLOW),
    )
    stage = netted(
        {"x": Script(on_event={1: buy(5)}), "y": Script(on_event={1: sell(5)})}, minutes(2)
    )
    for one in (apart, stage):
        manager = one.system.orchestrator.capital_manager
        assert manager.account_equity() == 100_000


def test_quote_is_crossed_at_its_mid() -> None:
    scripts = {"x": Script(on_event={1: buy(5)}), "y": Script(on_event={1: sell(5)})}
    stage = netted(scripts, slices_of(quote, 3))
    (crossing,) = crossings(stage)
    assert (crossing.price, crossing.basis) == (opening(1), "MID")


def test_without_a_fair_price_rank_decides_and_the_other_is_denied() -> None:
    # Given an account whose prices are too old the moment they are there
    scripts = {"x": Script(on_event={1: buy(5)}), "y": Script(on_event={1: sell(5)})}
    stage = netted(scripts, minutes(4), cross_policy=None)
    # Then the better rank goes out alone
    assert sent(stage) == [("x", "BUY", 5)]
    (denied,) = stage.events_of(OrderDeniedEvent)
    assert (denied.strategy_id, denied.code) == ("y", "CONFLICT")
    assert "AAA against x, not crossed" in denied.detail
    # And nothing of the loser works or is reserved any more
    manager = stage.system.orchestrator.capital_manager
    assert manager.reserved("y") == 0
    assert not manager.working_orders("y")
    assert (held(stage, "x"), held(stage, "y")) == (5, 0)


def test_exit_is_crossed_with_an_entry_and_frees_its_owner() -> None:
    scripts = {
        "x": Script(on_event={0: buy(5), 2: close()}),
        "y": Script(on_event={2: buy(5)}),
    }
    stage = netted(scripts, minutes(4))
    assert sent(stage) == [("x", "BUY", 5)]
    assert (held(stage, "x"), held(stage, "y")) == (0, 5)


def test_limit_that_the_price_does_not_meet_stays_out_of_the_cross() -> None:
    low: dict[str, Any] = {
        "order_type": OrderType.LIMIT,
        "limit_price": Decimal(50),
        "time_in_force": TimeInForce.GTC,
    }
    high = {**low, "limit_price": Decimal(500)}
    scripts = {
        "x": Script(on_event={1: buy(5, **low)}),
        "y": Script(on_event={1: sell(5, **high)}),
    }
    stage = netted(scripts, minutes(4))
    assert sent(stage) == [("x", "BUY", 5), ("y", "SELL", 5)]
    assert fills(stage) == []


def test_command_that_capital_refuses_leaves_nobody_to_cross_with() -> None:
    # Given a seller that cannot pay for his margin
    scripts = {"x": Script(on_event={1: buy(5)}), "y": Script(on_event={1: sell(100_000)})}
    stage = netted(scripts, minutes(4))
    assert sent(stage) == [("x", "BUY", 5)]
    assert crossings(stage) == []


def test_strategies_that_answer_each_others_crosses_come_to_an_end() -> None:
    # Given two that trade with each other at every fill, which would never end by itself
    scripts = {
        "x": Script(on_event={1: buy(5)}, on_fill=lambda _fill, view: [view.sell("AAA", 1)]),
        "y": Script(on_event={1: sell(5)}, on_fill=lambda _fill, view: [view.buy("AAA", 1)]),
    }
    stage = netted(scripts, minutes(2))
    # Then they are stopped after a stated number of times at one moment
    assert [one.quantity for one in crossings(stage)].count(Decimal(0)) == 1
    assert len(crossings(stage)) == CROSSINGS_PER_MOMENT_MAX + 1
    assert "times at this moment" in crossings(stage)[-1].refusals[0]
    assert held(stage, "x") + held(stage, "y") == 0
