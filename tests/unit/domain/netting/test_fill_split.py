"""One outside order, several owners: who gets which part of which fill."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from orchestrion.domain.models.money import largest_remainder
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.netting.fill_split import (
    FeeShare,
    OwnerShare,
    SharedOrder,
    split_cumulative,
    split_fill,
)


def _decimals(*values: str | int) -> tuple[Decimal, ...]:
    return tuple(Decimal(value) for value in values)


def _order(*quantities: int, step: str = "1") -> SharedOrder:
    return SharedOrder(
        client_order_id="net-1",
        instrument_id="ABC",
        side=OrderSide.BUY,
        owners=tuple(
            OwnerShare(f"s{place}", f"own-{place}", Decimal(quantity))
            for place, quantity in enumerate(quantities)
        ),
        quantity_step=Decimal(step),
    )


def _fill(quantity: int, fee: str = "0", trade_id: str = "T1") -> OrderFilledReport:
    return OrderFilledReport(
        client_order_id="net-1",
        venue_order_id="V1",
        trade_id=trade_id,
        leg_index=0,
        instrument_id="ABC",
        side=OrderSide.BUY,
        last_qty=Decimal(quantity),
        last_px=Decimal(10),
        commission=Decimal(fee),
        ts_event=5,
    )


@pytest.mark.parametrize(
    ("total", "shares", "parts"),
    [
        pytest.param(0, (3, 2), (0, 0), id="nothing-yet"),
        pytest.param(1, (2, 2), (1, 0), id="tie-goes-to-rank"),
        pytest.param(2, (2, 2), (1, 1), id="then-to-the-next"),
        pytest.param(1, (2, 3), (0, 1), id="larger-order-first"),
        pytest.param(5, (2, 3), (2, 3), id="all-filled"),
        pytest.param(3, (100, 10, 1), (3, 0, 0), id="small-ones-wait"),
        pytest.param(7, (2, 3), (3, 4), id="overfill-goes-on"),
        pytest.param("2.5", (2, 2), ("1.5", 1), id="part-of-a-step-to-the-next-owner"),
        pytest.param(-3, (2, 2), (-2, -1), id="rebate"),
        pytest.param(5, ("0.5", "2.5"), (1, 4), id="only-the-ratio-counts"),
    ],
)
def test_parts_of_what_is_filled_so_far(
    total: str | int, shares: tuple[str | int, ...], parts: tuple[str | int, ...]
) -> None:
    split = split_cumulative(Decimal(total), _decimals(*shares), step=Decimal(1))
    assert split == _decimals(*parts)


def test_part_does_not_shrink_where_largest_remainder_would_take_it_back() -> None:
    shares = _decimals(6, 6, 2)
    ten, eleven = (largest_remainder(Decimal(n), shares, step=Decimal(1)) for n in (10, 11))
    assert [ten[2], eleven[2]] == [2, 1]

    thirds = [split_cumulative(Decimal(n), shares, step=Decimal(1))[2] for n in range(15)]
    assert thirds == sorted(thirds)


@pytest.mark.parametrize("shares", [(), (1, 0), (1, -1), (1, "NaN")])
def test_shares_must_be_positive(shares: tuple[str | int, ...]) -> None:
    with pytest.raises(ValueError, match=r"above 0|without owners"):
        split_cumulative(Decimal(1), _decimals(*shares), step=Decimal(1))


def test_fill_is_divided_into_the_owners_own_fills() -> None:
    split = split_fill(_order(30, 10), _fill(20, "1.00"))

    first, second = split.fills
    assert (first.client_order_id, first.trade_id) == ("own-0", "T1/0")
    assert (second.client_order_id, second.trade_id) == ("own-1", "T1/1")
    assert [first.last_qty, second.last_qty] == [15, 5]
    assert (first.commission, second.commission) == _decimals("0.75", "0.25")
    assert first.last_px == second.last_px == Decimal(10)
    assert split.order.filled == 20
    assert split.order.filled_by_owner() == _decimals(15, 5)
    assert split.order.fees_by_owner() == _decimals("0.75", "0.25")
    assert split.order.quantity == 40


def test_owner_without_a_lot_yet_bears_its_part_of_a_minimum_fee() -> None:
    split = split_fill(_order(2, 2), _fill(1, "1.00"))

    assert [(one.client_order_id, one.commission) for one in split.fills] == [
        ("own-0", Decimal("0.50"))
    ]
    assert split.fee_shares == (FeeShare("s1", Decimal("0.50")),)


def test_second_fill_brings_the_difference() -> None:
    after_first = split_fill(_order(2, 2), _fill(1, "1.00")).order
    split = split_fill(after_first, _fill(3, "0", trade_id="T2"))

    assert [one.trade_id for one in split.fills] == ["T2/0", "T2/1"]
    assert [one.last_qty for one in split.fills] == [1, 2]
    assert [one.commission for one in split.fills] == [0, 0]
    assert split.fee_shares == ()


@pytest.mark.parametrize(
    "changed",
    [{"client_order_id": "net-2"}, {"instrument_id": "XYZ"}, {"side": OrderSide.SELL}],
)
def test_fill_of_another_order_is_refused(changed: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="shared order 'net-1'"):
        split_fill(_order(1), msgspec.structs.replace(_fill(1), **changed))


@pytest.mark.parametrize(
    ("quantities", "step"), [((), "1"), ((0,), "1"), ((3,), "2")], ids=["none", "zero", "odd"]
)
def test_owners_must_be_able_to_get_what_they_ordered(
    quantities: tuple[int, ...], step: str
) -> None:
    with pytest.raises(ValueError, match=r"no owners|no positive multiple"):
        _order(*quantities, step=step)
