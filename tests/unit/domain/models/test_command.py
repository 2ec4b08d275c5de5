"""Commands as values, and the words of the field that must never change."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.models.command import (
    ApprovedCommand,
    CancelOrder,
    RefusalCode,
    SubmitOrder,
    initialized_order,
)
from orchestrion.domain.models.order import Leg, OrderSide, OrderStatus, OrderType, TimeInForce
from tests.fakes_rules import leg, limit, order_for


def test_single_order_takes_whole_numbers() -> None:
    command = SubmitOrder.single("alpha", "AAA", OrderSide.SELL, 5, reduce_only=True, label="out")
    assert command == SubmitOrder(
        strategy_id="alpha",
        legs=(Leg("AAA", OrderSide.SELL, Decimal(5)),),
        reduce_only=True,
        label="out",
    )
    assert (command.order_type, command.time_in_force) == (OrderType.MARKET, TimeInForce.DAY)


def test_single_order_passes_prices_on() -> None:
    command = SubmitOrder.single(
        "alpha",
        "AAA",
        OrderSide.BUY,
        Decimal("1.5"),
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        limit_price=Decimal(9),
    )
    assert (command.limit_price, command.stop_price) == (Decimal(9), None)
    assert command.time_in_force is TimeInForce.GTC


@pytest.mark.parametrize("code", RefusalCode)
def test_refusal_code_is_its_own_name(code: RefusalCode) -> None:
    assert code == code.name == code.value


def test_approved_command_becomes_an_order_that_has_not_left() -> None:
    command = order_for(leg("AAA", 5), leg("FUT", -1), **limit("3.25"))
    approved = ApprovedCommand(
        strategy_id="alpha",
        command=command,
        client_order_id="O1",
        reservation=Decimal(7),
        is_reducing=True,
        ts_decided=9,
    )
    order = initialized_order(approved, command)
    assert order.status is OrderStatus.INITIALIZED
    assert order.legs == command.legs
    assert order.filled == (Decimal(0), Decimal(0))
    assert (order.client_order_id, order.strategy_id, order.ts_decided) == ("O1", "alpha", 9)
    assert (order.is_reducing, order.limit_price, order.order_type) == (
        True,
        Decimal("3.25"),
        OrderType.LIMIT,
    )


def test_commands_are_frozen() -> None:
    with pytest.raises(AttributeError):
        CancelOrder(strategy_id="alpha", client_order_id="O1").label = "x"  # type: ignore[misc]
