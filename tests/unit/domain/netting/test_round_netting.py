"""What a round's approved commands come to when a conflict rule wants some of them crossed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, SubmitOrder
from orchestrion.domain.models.order import OrderSide, OrderType, TimeInForce
from orchestrion.domain.netting.internal_cross import (
    CrossBasis,
    CrossPrice,
    CrossRefusal,
    CrossRefusalCode,
)
from orchestrion.domain.netting.round_netting import NettedRound, net_round
from tests.fakes_rules import CATALOG, buy, leg, limit, order_for, sell

PRICE = CrossPrice(Decimal(40), CrossBasis.LAST, 7)
STALE = CrossRefusal(CrossRefusalCode.NO_FRESH_PRICE, "no quote, no last price")


def given(command: SubmitOrder | CancelOrder, *, exits: bool = False) -> ApprovedCommand:
    """An approval whose order is called like its owner."""
    return ApprovedCommand(
        strategy_id=command.strategy_id,
        command=command,
        client_order_id=f"O-{command.strategy_id}",
        reservation=Decimal(0),
        is_reducing=exits,
        ts_decided=9,
    )


def net(*approved: ApprovedCommand, price: CrossPrice | CrossRefusal = PRICE) -> NettedRound:
    ids = [one.client_order_id for one in approved]
    return net_round(approved, [("AAA", ids)], lambda _: price, CATALOG, cross_id="X9", now=9)


def inside(found: NettedRound) -> list[tuple[str, str, int]]:
    return [(one.strategy_id, str(one.fill.side), int(one.fill.last_qty)) for one in found.fills]


def outside(found: NettedRound) -> list[tuple[str, str, int, list[tuple[str, int]]]]:
    lines: list[tuple[str, str, int, list[tuple[str, int]]]] = []
    for one in found.leaving:
        assert isinstance(one.command, SubmitOrder)
        (only,) = one.command.legs
        owners = [(owner.strategy_id, int(owner.quantity)) for owner in one.owners]
        lines.append((one.client_order_id, str(only.side), int(only.quantity), owners))
    return lines


def test_equal_sides_trade_inside_and_nothing_leaves() -> None:
    found = net(given(buy("AAA", 10, owner="a")), given(sell("AAA", 10, owner="b")))
    assert inside(found) == [("a", "BUY", 10), ("b", "SELL", 10)]
    assert found.leaving == ()
    assert [(one.fill.last_px, one.fill.commission) for one in found.fills] == [
        (Decimal(40), Decimal(0))
    ] * 2
    assert len({one.fill.trade_id for one in found.fills}) == 2


def test_rest_leaves_under_its_owners_own_id() -> None:
    found = net(given(buy("AAA", 10, owner="a")), given(sell("AAA", 4, owner="b")))
    assert inside(found) == [("a", "BUY", 4), ("b", "SELL", 4)]
    assert outside(found) == [("O-a", "BUY", 6, [])]


def test_rest_of_several_owners_leaves_as_one_shared_order() -> None:
    found = net(
        given(buy("AAA", 10, owner="a")),
        given(sell("AAA", 6, owner="b")),
        given(buy("AAA", 20, owner="c")),
    )
    assert inside(found) == [("a", "BUY", 2), ("b", "SELL", 6), ("c", "BUY", 4)]
    assert outside(found) == [("O-a-N", "BUY", 24, [("a", 8), ("c", 16)])]


def test_orders_that_may_rest_leave_one_by_one() -> None:
    terms: dict[str, Any] = {**limit(41), "time_in_force": TimeInForce.GTC}
    found = net(
        given(buy("AAA", 10, owner="a", **terms)),
        given(sell("AAA", 6, owner="b")),
        given(buy("AAA", 20, owner="c", **terms)),
    )
    assert outside(found) == [("O-a", "BUY", 8, []), ("O-c", "BUY", 16, [])]


def test_commands_of_no_group_leave_as_they_are_and_in_their_place() -> None:
    other = given(buy("BBB", 10, owner="z"))
    cancel = given(CancelOrder(strategy_id="y", client_order_id="W"))
    crossing = given(buy("AAA", 10, owner="a")), given(sell("AAA", 4, owner="b"))
    found = net_round(
        [cancel, *crossing, other],
        [("AAA", ["O-a", "O-b"])],
        lambda _: PRICE,
        CATALOG,
        cross_id="X9",
        now=9,
    )
    assert [one.client_order_id for one in found.leaving] == ["O-y", "O-a", "O-z"]
    assert (found.leaving[0], found.leaving[-1]) == (cancel, other)


def test_refused_opponent_leaves_nothing_to_cross() -> None:
    alone = given(buy("AAA", 10, owner="a"))
    found = net_round(
        [alone], [("AAA", ["O-a", "O-b"])], lambda _: PRICE, CATALOG, cross_id="X9", now=9
    )
    assert found == NettedRound((alone,))


@pytest.mark.parametrize(
    ("first", "second", "gone", "denied"),
    [
        # By rank between two entries.
        (False, False, ["O-a"], ["O-b"]),
        # An exit never loses to an entry.
        (False, True, ["O-b"], ["O-a"]),
        (True, False, ["O-a"], ["O-b"]),
        # Who wants out gets out.
        (True, True, ["O-a", "O-b"], []),
    ],
)
def test_without_a_fresh_price_opposite_sides_do_not_meet_outside(
    first: bool, second: bool, gone: list[str], denied: list[str]
) -> None:
    found = net(
        given(buy("AAA", 10, owner="a"), exits=first),
        given(sell("AAA", 10, owner="b"), exits=second),
        price=STALE,
    )
    assert found.fills == ()
    assert [one.client_order_id for one in found.leaving] == gone
    assert [one.client_order_id for one in found.denied] == denied
    for one in found.denied:
        winner = "a" if one.strategy_id == "b" else "b"
        assert one.reason == f"AAA against {winner}, not crossed: no quote, no last price"


def test_limit_beyond_the_price_rests_outside_when_nobody_would_meet_it() -> None:
    found = net(
        given(buy("AAA", 10, owner="a", **limit(39))),
        given(sell("AAA", 10, owner="b", **limit(41))),
    )
    assert [one.client_order_id for one in found.leaving] == ["O-a", "O-b"]
    assert (found.fills, found.denied) == ((), ())
    assert [one.code for one in found.crosses[0].refusals] == ["OUTSIDE_LIMIT"] * 2


@pytest.mark.parametrize(
    "whole",
    [
        order_for(leg("AAA", 10), leg("BBB", 10), owner="a"),
        buy("AAA", 10, owner="a", order_type=OrderType.STOP_MARKET, stop_price=Decimal(42)),
        buy("AAA", 10, owner="a", time_in_force=TimeInForce.FOK),
    ],
)
def test_structures_stops_and_fill_or_kill_are_never_crossed(whole: SubmitOrder) -> None:
    approved = given(whole), given(sell("AAA", 10, owner="b"))
    assert net(*approved) == NettedRound(approved)


def test_trade_ids_of_two_groups_differ() -> None:
    approved = [
        given(buy("AAA", 10, owner="a")),
        given(sell("AAA", 10, owner="b")),
        given(buy("BBB", 10, owner="c")),
        given(sell("BBB", 10, owner="d")),
    ]
    found = net_round(
        approved,
        [("AAA", ["O-a", "O-b"]), ("BBB", ["O-c", "O-d"])],
        lambda _: PRICE,
        CATALOG,
        cross_id="X9",
        now=9,
    )
    assert len({one.fill.trade_id for one in found.fills}) == 4
    assert [one.fill.side for one in found.fills] == [OrderSide.BUY, OrderSide.SELL] * 2
