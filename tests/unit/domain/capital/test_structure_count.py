"""Open structures from entry orders and the book."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from orchestrion.domain.capital.structure_count import (
    held_structures,
    structure_key,
    structures_at_most,
)
from orchestrion.domain.capital.worst_case import of_legs
from orchestrion.domain.models.order import (
    Leg,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)

D = Decimal


def entry(order_id: str, *legs: tuple[str, int], filled: bool = True) -> Order:
    quantities = tuple(D(abs(size)) for _, size in legs)
    return Order(
        client_order_id=order_id,
        strategy_id="s",
        legs=tuple(
            Leg(one, OrderSide.BUY if size > 0 else OrderSide.SELL, D(abs(size)))
            for one, size in legs
        ),
        filled=quantities if filled else (D(0),) * len(legs),
        status=OrderStatus.FILLED if filled else OrderStatus.ACCEPTED,
        order_type=OrderType.MARKET,
        time_in_force=TimeInForce.DAY,
        limit_price=None,
        stop_price=None,
        is_reducing=False,
        ts_decided=0,
    )


def keys(entries: list[Order], held: dict[str, int]) -> list[str]:
    quantities = {one: D(size) for one, size in held.items()}
    return [one.key for one in held_structures(entries, quantities)]


CONDOR = (("P1", 1), ("P2", -1), ("C1", -1), ("C2", 1))
HELD_CONDOR = {"P1": 1, "P2": -1, "C1": -1, "C2": 1}


@pytest.mark.parametrize(
    ("entries", "held", "expected"),
    [
        ([], {}, []),
        ([entry("1", *CONDOR)], HELD_CONDOR, ["1"]),
        # Twice the same strikes are two structures.
        (
            [entry("1", *CONDOR), entry("2", *CONDOR)],
            {one: 2 * size for one, size in HELD_CONDOR.items()},
            ["2", "1"],
        ),
        # Closed again: the oldest went first.
        ([entry("1", *CONDOR), entry("2", *CONDOR)], HELD_CONDOR, ["2"]),
        # A structure with a leg left is still open.
        ([entry("1", *CONDOR)], {"P1": 1}, ["1"]),
        ([entry("1", *CONDOR)], {}, []),
        # Adding to a position opens no other one.
        ([entry("1", ("ABC", 5)), entry("2", ("ABC", 5))], {"ABC": 10}, ["ABC"]),
        # Turned round by one order.
        ([entry("1", ("ABC", 5)), entry("2", ("ABC", -8))], {"ABC": -3}, ["ABC"]),
        # An order that has not filled holds nothing.
        ([entry("1", *CONDOR, filled=False)], {}, []),
        # Handed over: one per instrument.
        ([], {"ABC": 1, "XYZ": -1}, ["ABC", "XYZ"]),
        ([entry("1", ("C1", 1), ("C2", -1))], {"C1": 3, "C2": -1}, ["1", "C1"]),
    ],
)
def test_held_structures(entries: list[Order], held: dict[str, int], expected: list[str]) -> None:
    assert keys(entries, held) == expected


def test_position_of_several_entries_is_held_as_one() -> None:
    entries = [entry("1", ("ABC", 5)), entry("2", ("ABC", 3))]
    (structure,) = held_structures(entries, {"ABC": D(7)})
    assert structure.quantities == {"ABC": D(7)}


def at_most(held: list[Order], entering: list[Order]) -> int:
    quantities: dict[str, Decimal] = {}
    for order in held:
        for leg in order.legs:
            quantities[leg.instrument_id] = (
                quantities.get(leg.instrument_id, D(0)) + leg.signed_quantity
            )
    asked = [(structure_key(one.legs, one.client_order_id), of_legs(one.legs)) for one in entering]
    return structures_at_most(held_structures(held, quantities), asked)


OLD, NEW = ("ESH", 2), ("ESM", 2)
ROLL = (("ESH", -2), ("ESM", 2))


@pytest.mark.parametrize(
    ("held", "entering", "expected"),
    [
        ([], [], 0),
        ([], [entry("1", *CONDOR)], 1),
        ([entry("1", *CONDOR)], [entry("2", *CONDOR)], 2),
        ([], [entry("1", ("ABC", 5)), entry("2", ("ABC", 5))], 1),
        ([entry("1", ("ABC", 5))], [entry("2", ("ABC", 5))], 1),
        ([entry("1", ("ABC", 5))], [entry("2", ("ABC", -9))], 1),
        # The rest of an order that has begun to fill is the structure that is held already.
        ([entry("1", *CONDOR)], [entry("1", *CONDOR)], 1),
        # A roll takes the place of what it closes,
        ([entry("1", OLD)], [entry("2", *ROLL)], 1),
        # but not when it closes a part,
        ([entry("1", ("ESH", 3))], [entry("2", *ROLL)], 2),
        # and not when another one does so already.
        ([entry("1", OLD)], [entry("2", *ROLL), entry("3", *ROLL)], 2),
    ],
)
def test_most_structures_that_can_be_open(
    held: list[Order], entering: list[Order], expected: int
) -> None:
    assert at_most(held, entering) == expected


def test_count_does_not_depend_on_how_an_entry_ended() -> None:
    canceled = msgspec.structs.replace(entry("1", *CONDOR), status=OrderStatus.CANCELED)
    assert keys([canceled], HELD_CONDOR) == ["1"]
