"""What can still be closed: working exits are taken off the oldest structures."""

from __future__ import annotations

from decimal import Decimal

from orchestrion.domain.desk.closable_structure import (
    closable_structures,
    open_quantities,
    reducible_structures,
)
from orchestrion.domain.models.order import (
    Leg,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from tests.fakes_desk_account import DeskAccount


def _order(name: str, filled: str, *legs: Leg, is_reducing: bool) -> Order:
    quantity = Decimal(filled)
    return Order(
        client_order_id=name,
        strategy_id="trend",
        legs=legs,
        filled=tuple(quantity for _ in legs),
        status=OrderStatus.ACCEPTED if quantity < legs[0].quantity else OrderStatus.FILLED,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        limit_price=None,
        stop_price=None,
        is_reducing=is_reducing,
        ts_decided=0,
    )


def _leg(instrument_id: str, side: OrderSide, quantity: int) -> Leg:
    return Leg(instrument_id, side, Decimal(quantity))


def _two_pairs() -> DeskAccount:
    """Trend has entered long ABC against short XYZ twice, by 10 and then by 6."""
    account = DeskAccount()
    for one in ("ABC", "XYZ"):
        account.price(one, 100)
    for name, quantity in (("old", 10), ("new", 6)):
        legs = (
            _leg("ABC", OrderSide.BUY, quantity),
            _leg("XYZ", OrderSide.SELL, quantity),
        )
        account.capital.track(_order(name, str(quantity), *legs, is_reducing=False))
        account.trade("trend", "ABC", quantity)
        account.trade("trend", "XYZ", -quantity)
    return account


def _exit(account: DeskAccount, quantity: int) -> None:
    legs = (_leg("ABC", OrderSide.SELL, quantity), _leg("XYZ", OrderSide.BUY, quantity))
    account.capital.track(_order("exit", "0", *legs, is_reducing=True))


def test_everything_can_be_closed_while_nothing_works() -> None:
    account = _two_pairs()
    assert closable_structures(account.capital, "trend") == {
        "new": {"ABC": 6, "XYZ": -6},
        "old": {"ABC": 10, "XYZ": -10},
    }


def test_working_exit_is_taken_off_the_oldest_structure_leg_by_leg() -> None:
    account = _two_pairs()
    _exit(account, 4)
    assert closable_structures(account.capital, "trend") == {
        "new": {"ABC": 6, "XYZ": -6},
        "old": {"ABC": 6, "XYZ": -6},
    }
    assert open_quantities(account.capital, "trend") == {"ABC": 12, "XYZ": -12}


def test_structure_that_is_being_closed_is_not_offered_again() -> None:
    account = _two_pairs()
    _exit(account, 12)
    assert closable_structures(account.capital, "trend") == {"new": {"ABC": 4, "XYZ": -4}}
    (one,) = reducible_structures(account.capital, "trend")
    assert (one.structure_id, one.units, one.margin, one.notional) == (
        "new",
        4,
        Decimal(600),
        Decimal(800),
    )


def test_entry_that_works_closes_nothing() -> None:
    account = _two_pairs()
    legs = (_leg("ABC", OrderSide.SELL, 16),)
    account.capital.track(_order("flip", "0", *legs, is_reducing=False))
    assert open_quantities(account.capital, "trend") == {"ABC": 16, "XYZ": -16}
