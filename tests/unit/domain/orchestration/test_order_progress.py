"""Orders and the reports about them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.models.order import OrderSide, OrderStatus, OrderTrigger
from orchestrion.domain.orchestration.order_progress import (
    as_external,
    crossed_by,
    filled_by,
    fits,
    moved_by,
)
from tests.fakes import fill_report
from tests.fakes_rules import Number, leg, order_for, working_order

SPREAD = order_for(leg("AAA", 2), leg("BBB", -2))


@pytest.mark.parametrize(
    ("filled", "status"), [((0, 0), OrderStatus.ACCEPTED), ((1, 0), OrderStatus.PARTIALLY_FILLED)]
)
def test_order_whose_cancel_was_refused_works_as_before(
    filled: tuple[int, int], status: OrderStatus
) -> None:
    order = working_order(SPREAD, status=OrderStatus.PENDING_CANCEL, filled=filled)
    assert moved_by(order, OrderTrigger.REJECT_CANCEL).status is status


@pytest.mark.parametrize(
    ("before", "index", "quantity", "after", "status"),
    [
        ((0, 0), 0, 1, (1, 0), OrderStatus.PARTIALLY_FILLED),
        ((2, 0), 1, 1, (2, 1), OrderStatus.PARTIALLY_FILLED),
        ((2, 1), 1, 1, (2, 2), OrderStatus.FILLED),
        ((2, 1), 1, 3, (2, 4), OrderStatus.FILLED),
    ],
)
def test_order_is_filled_when_all_its_legs_are(
    before: tuple[Number, ...],
    index: int,
    quantity: int,
    after: tuple[int, ...],
    status: OrderStatus,
) -> None:
    fill = fill_report(leg_index=index, last_qty=Decimal(quantity))
    order = filled_by(working_order(SPREAD, filled=before), fill)
    assert (order.filled, order.status) == (tuple(Decimal(one) for one in after), status)


@pytest.mark.parametrize(
    "status", [OrderStatus.INITIALIZED, OrderStatus.SUBMITTED, OrderStatus.UNKNOWN]
)
def test_fill_inside_says_nothing_of_how_an_order_stands_with_the_venue(
    status: OrderStatus,
) -> None:
    order = working_order(order_for(leg("AAA", 2)), status=status)
    part = crossed_by(order, fill_report(last_qty=Decimal(1)))
    assert (part.filled, part.status) == ((Decimal(1),), status)
    whole = crossed_by(part, fill_report(last_qty=Decimal(1)))
    assert (whole.filled, whole.status) == ((Decimal(2),), OrderStatus.FILLED)


def test_overfill_of_a_filled_order_shows_in_its_quantity_alone() -> None:
    full = working_order(SPREAD, status=OrderStatus.FILLED, filled=(2, 2))
    order = filled_by(full, fill_report(last_qty=Decimal(1)))
    assert (order.status, order.remaining(0)) == (OrderStatus.FILLED, Decimal(-1))


@pytest.mark.parametrize(
    ("index", "instrument_id", "side", "expected"),
    [
        (0, "AAA", OrderSide.BUY, True),
        (1, "BBB", OrderSide.SELL, True),
        (0, "AAA", OrderSide.SELL, False),
        (0, "BBB", OrderSide.BUY, False),
        (1, "AAA", OrderSide.BUY, False),
        (2, "AAA", OrderSide.BUY, False),
        (-1, "BBB", OrderSide.SELL, False),
    ],
)
def test_fill_fits_one_leg_in_all_it_says(
    index: int, instrument_id: str, side: OrderSide, *, expected: bool
) -> None:
    fill = fill_report(leg_index=index, instrument_id=instrument_id, side=side)
    assert fits(working_order(SPREAD), fill) is expected


def test_foreign_fill_keeps_everything_but_the_order() -> None:
    fill = fill_report(commission=Decimal("1.25"), side=OrderSide.SELL)
    external = as_external(fill)
    for name in ("trade_id", "instrument_id", "side", "last_qty", "last_px", "commission"):
        assert getattr(external, name) == getattr(fill, name)
    assert external.ts_event == fill.ts_event
