"""The order life cycle, pair by pair: the legal steps by hand, all others refused."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import pytest

from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.order import (
    OPEN_STATUSES,
    TRANSITIONS,
    Leg,
    OrderSide,
    OrderStatus,
    OrderTrigger,
    decision_place,
    next_status,
)
from tests.fakes_rules import buy, leg, order_for, working_order

LEGAL_STEPS = """
INITIALIZED       SUBMIT          SUBMITTED
INITIALIZED       LOSE            UNKNOWN
INITIALIZED       DENY            DENIED
INITIALIZED       CANCEL          CANCELED
INITIALIZED       FILL_PART       PARTIALLY_FILLED
INITIALIZED       FILL_REST       FILLED

SUBMITTED         ACCEPT          ACCEPTED
SUBMITTED         REJECT          REJECTED
SUBMITTED         REQUEST_CANCEL  PENDING_CANCEL
SUBMITTED         CANCEL          CANCELED
SUBMITTED         EXPIRE          EXPIRED
SUBMITTED         FILL_PART       PARTIALLY_FILLED
SUBMITTED         FILL_REST       FILLED
SUBMITTED         LOSE            UNKNOWN

ACCEPTED          REJECT          REJECTED
ACCEPTED          REQUEST_CANCEL  PENDING_CANCEL
ACCEPTED          CANCEL          CANCELED
ACCEPTED          EXPIRE          EXPIRED
ACCEPTED          FILL_PART       PARTIALLY_FILLED
ACCEPTED          FILL_REST       FILLED
ACCEPTED          LOSE            UNKNOWN

PARTIALLY_FILLED  ACCEPT          PARTIALLY_FILLED
PARTIALLY_FILLED  REQUEST_CANCEL  PENDING_CANCEL
PARTIALLY_FILLED  CANCEL          CANCELED
PARTIALLY_FILLED  EXPIRE          EXPIRED
PARTIALLY_FILLED  FILL_PART       PARTIALLY_FILLED
PARTIALLY_FILLED  FILL_REST       FILLED
PARTIALLY_FILLED  LOSE            UNKNOWN

PENDING_CANCEL    ACCEPT          PENDING_CANCEL
PENDING_CANCEL    REJECT          REJECTED
PENDING_CANCEL    REJECT_CANCEL   ACCEPTED
PENDING_CANCEL    CANCEL          CANCELED
PENDING_CANCEL    EXPIRE          EXPIRED
PENDING_CANCEL    FILL_PART       PENDING_CANCEL
PENDING_CANCEL    FILL_REST       FILLED
PENDING_CANCEL    LOSE            UNKNOWN

UNKNOWN           ACCEPT          ACCEPTED
UNKNOWN           REJECT          REJECTED
UNKNOWN           REQUEST_CANCEL  PENDING_CANCEL
UNKNOWN           CANCEL          CANCELED
UNKNOWN           EXPIRE          EXPIRED
UNKNOWN           FILL_PART       PARTIALLY_FILLED
UNKNOWN           FILL_REST       FILLED
UNKNOWN           LOSE            UNKNOWN

FILLED            ACCEPT          FILLED
FILLED            FILL_PART       FILLED
FILLED            FILL_REST       FILLED
CANCELED          FILL_PART       CANCELED
CANCELED          FILL_REST       FILLED
EXPIRED           FILL_PART       EXPIRED
EXPIRED           FILL_REST       FILLED
REJECTED          FILL_PART       REJECTED
REJECTED          FILL_REST       FILLED
"""
EXPECTED = {
    (OrderStatus(state), OrderTrigger(trigger)): OrderStatus(after)
    for state, trigger, after in (line.split() for line in LEGAL_STEPS.splitlines() if line)
}


@pytest.mark.parametrize(("state", "trigger"), list(product(OrderStatus, OrderTrigger)), ids=str)
def test_step_is_legal_or_refused(state: OrderStatus, trigger: OrderTrigger) -> None:
    before = dict(TRANSITIONS)
    if (state, trigger) in EXPECTED:
        assert next_status(state, trigger) is EXPECTED[state, trigger]
    else:
        with pytest.raises(InvariantBrokenError, match=f"in {state} cannot take {trigger}"):
            next_status(state, trigger)
    assert before == TRANSITIONS


@pytest.mark.parametrize(
    "end", [OrderStatus.FILLED, OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED]
)
@pytest.mark.parametrize("fill", [OrderTrigger.FILL_PART, OrderTrigger.FILL_REST])
def test_late_fill_is_taken_after_every_end_and_reopens_nothing(
    end: OrderStatus, fill: OrderTrigger
) -> None:
    assert next_status(end, fill) not in OPEN_STATUSES


def test_every_open_order_can_end_and_nothing_leaves_an_end_but_a_fill() -> None:
    ends = {OrderStatus.CANCELED, OrderStatus.EXPIRED, OrderStatus.REJECTED, OrderStatus.FILLED}
    for state in OPEN_STATUSES - {OrderStatus.INITIALIZED}:
        assert next_status(state, OrderTrigger.CANCEL) in ends
        assert next_status(state, OrderTrigger.EXPIRE) in ends
    for (state, trigger), after in TRANSITIONS.items():
        if state in ends:
            assert after in ends
            assert after is state or trigger is OrderTrigger.FILL_REST


def test_denied_order_never_moves() -> None:
    assert not any(state is OrderStatus.DENIED for state, _ in TRANSITIONS)
    denying = [pair for pair, after in TRANSITIONS.items() if after is OrderStatus.DENIED]
    assert denying == [(OrderStatus.INITIALIZED, OrderTrigger.DENY)]


@pytest.mark.parametrize("status", OrderStatus)
def test_order_is_open_while_it_can_trade(status: OrderStatus) -> None:
    order = working_order(buy("AAA", 1), status=status)
    can_trade = {
        OrderStatus.INITIALIZED,
        OrderStatus.SUBMITTED,
        OrderStatus.ACCEPTED,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.PENDING_CANCEL,
        OrderStatus.UNKNOWN,
    }
    assert order.is_open is (status in can_trade)


def test_sides_mirror_each_other() -> None:
    assert OrderSide.BUY.opposite is OrderSide.SELL
    assert OrderSide.SELL.opposite is OrderSide.BUY
    assert (OrderSide.BUY.sign, OrderSide.SELL.sign) == (1, -1)
    assert Leg("AAA", OrderSide.BUY, Decimal(2)).signed_quantity == 2
    assert Leg("AAA", OrderSide.SELL, Decimal(2)).signed_quantity == -2


def test_remaining_counts_each_leg_and_shows_an_overfill() -> None:
    order = working_order(order_for(leg("AAA", 5), leg("FUT", -2)), filled=(2, 3))
    assert order.remaining(0) == Decimal(3)
    assert order.remaining(1) == Decimal(-1)


@pytest.mark.parametrize(
    ("client_order_id", "place"),
    [
        ("T-9-0", (9, 0)),
        ("T-10-0", (10, 0)),
        ("a run of 2024-05-01-7-12", (7, 12)),
        ("R3-1", (3, 1)),
        ("O9", (-1, -1)),
        ("T-9-0-N", (-1, -1)),
        ("T-9-x", (-1, -1)),
        ("T-9-0\n", (-1, -1)),
        ("", (-1, -1)),
        (f"T-{'9' * 5000}-0", (10**18 - 1, 0)),
    ],
)
def test_id_says_where_in_the_run_an_order_was_decided(
    client_order_id: str, place: tuple[int, int]
) -> None:
    assert decision_place(client_order_id) == place
