"""Laws of dividing fills: exact, never backwards, nobody above his order."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.netting.fill_split import (
    OwnerShare,
    SharedOrder,
    split_cumulative,
    split_fill,
)

pytestmark = pytest.mark.slow

LOT = Decimal("0.5")
lots = st.lists(st.integers(1, 40), min_size=1, max_size=7)
quantities = st.decimals("0", "60", places=2, allow_nan=False)
commissions = st.decimals("0", "5", places=4, allow_nan=False)


def _shares(counts: list[int]) -> tuple[Decimal, ...]:
    return tuple(count * LOT for count in counts)


def _line_up(counts: list[int], length: int) -> list[int]:
    """The first steps of the row as the module's text has it, one by one: whose each step is."""
    row = [
        (-Fraction(count, 2 * k - 1), owner)
        for owner, count in enumerate(counts)
        for k in range(1, length + 1)
    ]
    return [owner for _, owner in sorted(row)[:length]]


@given(lots, st.integers(0, 120))
def test_split_is_the_beginning_of_the_row(counts: list[int], steps: int) -> None:
    row = _line_up(counts, steps)
    expected = tuple(row.count(owner) * LOT for owner in range(len(counts)))
    assert split_cumulative(steps * LOT, _shares(counts), step=LOT) == expected


@given(lots, quantities)
def test_parts_sum_to_the_total(counts: list[int], total: Decimal) -> None:
    assert sum(split_cumulative(total, _shares(counts), step=LOT)) == total


@given(lots, quantities, quantities)
def test_no_part_shrinks_when_more_is_filled(
    counts: list[int], one: Decimal, other: Decimal
) -> None:
    early, late = (
        split_cumulative(total, _shares(counts), step=LOT) for total in sorted((one, other))
    )
    assert all(before <= after for before, after in zip(early, late, strict=True))


@given(lots, quantities)
def test_nobody_gets_more_than_he_ordered(counts: list[int], total: Decimal) -> None:
    shares = _shares(counts)
    assume(total <= sum(shares))
    parts = split_cumulative(total, shares, step=LOT)
    assert all(part <= share for part, share in zip(parts, shares, strict=True))
    assert split_cumulative(sum(shares, Decimal(0)), shares, step=LOT) == shares


@given(lots, st.integers(0, 120), st.data())
def test_order_of_owners_counts_only_for_ties(
    counts: list[int], steps: int, data: st.DataObject
) -> None:
    row = sorted(-Fraction(count, 2 * k - 1) for count in counts for k in range(1, steps + 2))
    assume(steps == 0 or row[steps - 1] != row[steps])
    places = data.draw(st.permutations(range(len(counts))))
    straight = split_cumulative(steps * LOT, _shares(counts), step=LOT)
    shuffled = split_cumulative(steps * LOT, _shares([counts[i] for i in places]), step=LOT)
    assert shuffled == tuple(straight[i] for i in places)


@given(lots, st.integers(10**15, 10**18))
def test_huge_totals_need_no_loop(counts: list[int], steps: int) -> None:
    total = Decimal(steps)
    parts = split_cumulative(total, _shares(counts), step=Decimal(1))
    assert sum(parts) == total
    for part, count in zip(parts, counts, strict=True):
        assert abs(Fraction(part) - Fraction(steps * count, sum(counts))) < len(counts)


@given(lots, st.lists(st.tuples(st.integers(1, 30), commissions), min_size=1, max_size=8))
def test_fills_of_owners_sum_to_the_fills(
    counts: list[int], fills: list[tuple[int, Decimal]]
) -> None:
    order = SharedOrder(
        client_order_id="net",
        instrument_id="ABC",
        side=OrderSide.SELL,
        owners=tuple(
            OwnerShare(f"s{i}", f"own-{i}", share) for i, share in enumerate(_shares(counts))
        ),
        quantity_step=LOT,
    )
    for number, (steps, commission) in enumerate(fills):
        fill = OrderFilledReport(
            client_order_id="net",
            venue_order_id="V",
            trade_id=f"T{number}",
            leg_index=0,
            instrument_id="ABC",
            side=OrderSide.SELL,
            last_qty=steps * LOT,
            last_px=Decimal(1),
            commission=commission,
            ts_event=number,
        )
        split = split_fill(order, fill)
        fees = [one.commission for one in split.fills] + [one.amount for one in split.fee_shares]
        assert sum(one.last_qty for one in split.fills) == fill.last_qty
        assert sum(fees) == commission
        assert all(one.last_qty > 0 for one in split.fills)
        assert all(fee >= 0 for fee in fees)
        order = split.order
