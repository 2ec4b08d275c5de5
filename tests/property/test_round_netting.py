"""Laws of netting a round: nothing appears, nothing is lost, the account never meets itself."""

from __future__ import annotations

from decimal import Decimal
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder
from orchestrion.domain.models.order import TimeInForce
from orchestrion.domain.netting.internal_cross import (
    CrossBasis,
    CrossPrice,
    CrossRefusal,
    CrossRefusalCode,
)
from orchestrion.domain.netting.round_netting import NettedRound, net_round
from tests.fakes_rules import CATALOG, leg, limit, order_for

prices = st.one_of(
    st.integers(95, 105).map(lambda one: CrossPrice(Decimal(one), CrossBasis.LAST, 1)),
    st.just(CrossRefusal(CrossRefusalCode.NO_FRESH_PRICE, "no price")),
)
wishes = st.tuples(
    st.integers(1, 30),
    st.sampled_from([-1, 1]),
    st.one_of(st.none(), st.integers(97, 103)),
    st.sampled_from([TimeInForce.DAY, TimeInForce.IOC, TimeInForce.FOK]),
    st.booleans(),
)


def approvals(rows: list[tuple[int, int, int | None, TimeInForce, bool]]) -> list[ApprovedCommand]:
    found: list[ApprovedCommand] = []
    for place, (size, sign, price, force, exits) in enumerate(rows):
        terms = {} if price is None else limit(price)
        command = order_for(
            leg("AAA", sign * size), owner=f"s{place}", time_in_force=force, **terms
        )
        found.append(
            ApprovedCommand(
                strategy_id=f"s{place}",
                command=command,
                client_order_id=f"O{place}",
                reservation=Decimal(0),
                is_reducing=exits,
                ts_decided=5,
            )
        )
    return found


def netted(approved: list[ApprovedCommand], price: CrossPrice | CrossRefusal) -> NettedRound:
    ids = [one.client_order_id for one in approved]
    return net_round(approved, [("AAA", ids)], lambda _: price, CATALOG, cross_id="X", now=5)


def signed(one: ApprovedCommand) -> Decimal:
    assert isinstance(one.command, SubmitOrder)
    return one.command.legs[0].signed_quantity


@given(st.lists(wishes, max_size=8), prices)
def test_every_quantity_trades_inside_leaves_or_is_denied(
    rows: list[tuple[int, int, int | None, TimeInForce, bool]], price: CrossPrice | CrossRefusal
) -> None:
    approved = approvals(rows)
    found = netted(approved, price)
    left: dict[str, Decimal] = {one.client_order_id: abs(signed(one)) for one in approved}
    for part in found.fills:
        left[part.fill.client_order_id] -= part.fill.last_qty
    for one in found.leaving:
        if one.owners:
            assert sum(owner.quantity for owner in one.owners) == abs(signed(one))
            for owner in one.owners:
                left[owner.client_order_id] -= owner.quantity
        else:
            left[one.client_order_id] -= abs(signed(one))
    for denied in found.denied:
        left[denied.client_order_id] = Decimal(0)
    assert set(left.values()) <= {Decimal(0)}


@given(st.lists(wishes, max_size=8), prices)
def test_inside_both_sides_are_equal_and_no_money_appears(
    rows: list[tuple[int, int, int | None, TimeInForce, bool]], price: CrossPrice | CrossRefusal
) -> None:
    found = netted(approvals(rows), price)
    assert sum(part.fill.last_qty * part.fill.side.sign for part in found.fills) == 0
    money = sum(
        part.fill.last_qty * part.fill.side.sign * part.fill.last_px for part in found.fills
    )
    assert money == 0
    assert all(part.fill.commission == 0 for part in found.fills)


@given(st.lists(wishes, max_size=8), prices)
def test_account_never_meets_itself_outside_but_for_two_exits(
    rows: list[tuple[int, int, int | None, TimeInForce, bool]], price: CrossPrice | CrossRefusal
) -> None:
    approved = approvals(rows)
    by_id = {one.client_order_id: one for one in approved}
    found = netted(approved, price)
    crossable = [
        one
        for one in found.leaving
        if isinstance(one.command, SubmitOrder) and one.command.time_in_force is not TimeInForce.FOK
    ]
    for one, other in combinations(crossable, 2):
        first, second = one.command, other.command
        assert isinstance(first, SubmitOrder)
        assert isinstance(second, SubmitOrder)
        if signed(one) * signed(other) > 0:
            continue
        bid, ask = (first, second) if signed(one) > 0 else (second, first)
        limits = (bid.limit_price, ask.limit_price)
        if limits[0] is not None and limits[1] is not None and limits[0] < limits[1]:
            continue
        firsts = [by_id[each.client_order_id.removesuffix("-N")] for each in (one, other)]
        assert all(each.is_reducing for each in firsts)


@given(st.lists(wishes, max_size=8), prices)
def test_exits_are_never_denied(
    rows: list[tuple[int, int, int | None, TimeInForce, bool]], price: CrossPrice | CrossRefusal
) -> None:
    approved = approvals(rows)
    exits = {one.client_order_id for one in approved if one.is_reducing}
    found = netted(approved, price)
    assert not exits & {one.client_order_id for one in found.denied}
