"""Winding a strategy up: the next step from what it still has, as a table; what is refused."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.order import (
    Leg,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from orchestrion.domain.models.portfolio import Book, Position
from orchestrion.domain.orchestration.lifecycle import RemovalPolicy
from orchestrion.domain.orchestration.removal import (
    WindingStep,
    WindingUp,
    closing_proposals,
    next_winding_step,
    open_things_of,
    orders_to_withdraw,
)

REFUSE, FLATTEN, HAND_OVER = RemovalPolicy


def book(*, aaa: int = 0, unsettled: bool = False) -> Book:
    held = {"AAA": Position("AAA", Decimal(aaa), Decimal(aaa * 10))} if aaa else {}
    waiting = {"FUT": Decimal(5)} if unsettled else {}
    return Book("a", Decimal(100), MappingProxyType(held), unsettled=MappingProxyType(waiting))


def order(
    kind: OrderType = OrderType.LIMIT,
    *,
    exits: bool = False,
    status: OrderStatus = OrderStatus.ACCEPTED,
    quantity: int = 4,
) -> Order:
    side = OrderSide.SELL if exits else OrderSide.BUY
    return Order(
        client_order_id="O1",
        strategy_id="a",
        legs=(Leg("AAA", side, Decimal(quantity)),),
        filled=(Decimal(0),),
        status=status,
        order_type=kind,
        time_in_force=TimeInForce.GTC,
        limit_price=Decimal(1) if kind is OrderType.LIMIT else None,
        stop_price=Decimal(1) if kind is OrderType.STOP_MARKET else None,
        is_reducing=exits,
        ts_decided=0,
    )


ENTRY = order()
PROTECTIVE = order(OrderType.STOP_MARKET, exits=True)
LEAVING = order(OrderType.MARKET, exits=True)
CANCELLING = order(status=OrderStatus.PENDING_CANCEL)
HELD = {"AAA": Decimal(4)}


@pytest.mark.parametrize(
    ("policy", "owned", "working", "tried", "expected"),
    [
        (REFUSE, book(), None, None, WindingStep.CLOSE),
        (FLATTEN, book(), None, None, WindingStep.CLOSE),
        (HAND_OVER, book(), None, None, WindingStep.CLOSE),
        (FLATTEN, book(aaa=4), ENTRY, None, WindingStep.WITHDRAW),
        (FLATTEN, book(aaa=4), PROTECTIVE, None, WindingStep.WITHDRAW),
        (FLATTEN, book(aaa=4), LEAVING, None, WindingStep.WAIT),
        (FLATTEN, book(aaa=4), CANCELLING, None, WindingStep.WAIT),
        (FLATTEN, book(aaa=4), None, None, WindingStep.FLATTEN),
        (FLATTEN, book(aaa=4), None, HELD, WindingStep.WAIT),
        (FLATTEN, book(aaa=3), None, HELD, WindingStep.FLATTEN),
        (FLATTEN, book(unsettled=True), None, None, WindingStep.WAIT),
        (HAND_OVER, book(aaa=4), LEAVING, None, WindingStep.WITHDRAW),
        (HAND_OVER, book(aaa=4), CANCELLING, None, WindingStep.WAIT),
        (HAND_OVER, book(aaa=4), None, None, WindingStep.HAND_OVER),
        (HAND_OVER, book(unsettled=True), None, None, WindingStep.HAND_OVER),
        (HAND_OVER, book(aaa=4), None, HELD, WindingStep.WAIT),
    ],
)
def test_next_step_follows_from_what_is_left(
    policy: RemovalPolicy,
    owned: Book,
    working: Order | None,
    tried: Mapping[str, Decimal] | None,
    expected: WindingStep,
) -> None:
    winding = WindingUp("a", policy, "b" if policy is HAND_OVER else "", tried=tried)
    orders = {"O1": working} if working is not None else {}
    assert next_winding_step(winding, owned, orders) is expected
    if expected is WindingStep.WAIT and tried is not None:
        again = next_winding_step(winding, owned, orders, is_retry=True)
        assert again in (WindingStep.FLATTEN, WindingStep.HAND_OVER), "at a later chance"


def test_market_exit_is_left_alone_only_where_positions_are_closed() -> None:
    orders = {"O1": LEAVING}
    assert orders_to_withdraw(WindingUp("a", FLATTEN), orders) == ()
    assert orders_to_withdraw(WindingUp("a", HAND_OVER, "b"), orders) == ("O1",)


def test_only_what_nobody_closes_yet_is_closed() -> None:
    (proposal,) = closing_proposals("a", book(aaa=10), {"O1": LEAVING}, "why")
    assert isinstance(proposal.command, SubmitOrder)
    assert [leg.quantity for leg in proposal.command.legs] == [6]
    assert (proposal.command.label, proposal.command.reduce_only) == ("why", True)
    assert closing_proposals("a", book(aaa=4), {"O1": LEAVING}, "why") == ()


@pytest.mark.parametrize(
    ("owned", "working", "held", "expected"),
    [
        (book(), {}, 0, ""),
        (book(aaa=4), {}, 0, "4 AAA"),
        (book(), {"O1": ENTRY}, 2, "working orders O1, 2 commands that wait"),
        (book(unsettled=True), {}, 0, "unsettled gains in FUT"),
    ],
)
def test_what_is_open_is_said_in_words(
    owned: Book, working: dict[str, Any], held: int, expected: str
) -> None:
    assert open_things_of(owned, working, held) == expected
