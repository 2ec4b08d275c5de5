"""Laws of option structures: the payoff is linear between strikes, so brute force must agree."""

from __future__ import annotations

from decimal import Decimal
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.market import OptionQuote
from orchestrion.domain.models.money import BILLION
from orchestrion.domain.models.option_structure import (
    OptionLeg,
    OptionStructure,
    iron_condor,
    straddle,
    strangle,
    vertical,
)

EXPIRY_TS = 1_400_000_000_000_000_000
STRIKES = st.integers(1, 60)
GRID = [Decimal(x) / 4 for x in range(61 * 4 * 2)]
"""Quarters from zero to far above every strike; strikes are whole, so every corner is on it."""


@st.composite
def legs(draw: st.DrawFn) -> OptionLeg:
    quantity = draw(st.integers(-5, 5).filter(bool))
    return OptionLeg(
        option_kind=draw(st.sampled_from(OptionKind)),
        strike=Decimal(draw(STRIKES)),
        expiry_ts=EXPIRY_TS,
        quantity=Decimal(quantity),
        premium=Decimal(draw(st.integers(0, 400))) / 20,
    )


structures = st.builds(
    OptionStructure,
    legs=st.lists(legs(), min_size=1, max_size=6).map(tuple),
    multiplier=st.sampled_from([Decimal(1), Decimal(50), Decimal(100)]),
)


def quote(kind: OptionKind, strike: int, bid: int, spread: int) -> OptionQuote:
    tick = BILLION // 20
    return OptionQuote(
        f"{kind}{strike}",
        EXPIRY_TS,
        strike * BILLION,
        kind,
        bid * tick,
        (bid + spread) * tick,
        0.1,
        0.2,
    )


@st.composite
def built(draw: st.DrawFn) -> OptionStructure:
    """What the builders make of ordered strikes and any quotes."""
    strikes = sorted(draw(st.lists(STRIKES, min_size=4, max_size=4, unique=True)))
    sides = [OptionKind.PUT, OptionKind.PUT, OptionKind.CALL, OptionKind.CALL]
    low, put, call, high = (
        quote(kind, strike, draw(st.integers(0, 200)), draw(st.integers(0, 20)))
        for kind, strike in zip(sides, strikes, strict=True)
    )
    size = Decimal(draw(st.integers(1, 4)))
    short = -size
    at_call = quote(OptionKind.PUT, strikes[2], 10, 1)
    return draw(
        st.sampled_from(
            [
                iron_condor(
                    long_put=low, short_put=put, short_call=call, long_call=high, quantity=size
                ),
                vertical(call, high, quantity=size),
                vertical(high, call, quantity=size),
                vertical(low, put, quantity=size),
                vertical(put, low, quantity=size),
                strangle(put, call, quantity=size),
                strangle(put, call, quantity=short),
                straddle(at_call, call, quantity=size),
                straddle(at_call, call, quantity=short),
            ]
        )
    )


any_structure = st.one_of(structures, built())


@given(any_structure)
def test_extremes_agree_with_brute_force(structure: OptionStructure) -> None:
    profits = [structure.profit_at_expiry(price) for price in GRID]
    best, worst = structure.maximum_profit(), structure.maximum_loss()
    slope = profits[-1] - profits[-2]
    assert (best is None) is (slope > 0)
    assert (worst is None) is (slope < 0)
    if best is not None:
        assert best == max(profits)
    if worst is not None:
        assert worst == -min(profits)


@given(any_structure)
def test_break_evens_are_zeros_in_order(structure: OptionStructure) -> None:
    zeros = structure.break_evens()
    assert list(zeros) == sorted(set(zeros))
    steepest = sum(abs(leg.quantity) for leg in structure.legs) * structure.multiplier
    for zero in zeros:
        # A zero is rounded to a billionth, so the profit there is off by that times the slope.
        assert abs(structure.profit_at_expiry(zero)) <= steepest / BILLION


@given(any_structure)
def test_every_change_of_sign_has_a_break_even(structure: OptionStructure) -> None:
    zeros = structure.break_evens()
    profits = [(price, structure.profit_at_expiry(price)) for price in GRID]
    for (low, before), (high, after) in pairwise(profits):
        if before * after < 0:
            assert any(low < zero < high for zero in zeros)


@given(any_structure, st.sampled_from(GRID), st.sampled_from(GRID))
def test_payoff_is_linear_where_no_strike_lies_between(
    structure: OptionStructure, one: Decimal, other: Decimal
) -> None:
    low, high = sorted((one, other))
    if any(low < leg.strike < high for leg in structure.legs):
        return
    middle = (low + high) / 2
    ends = structure.payoff_at_expiry(low) + structure.payoff_at_expiry(high)
    assert structure.payoff_at_expiry(middle) * 2 == ends


@given(structures, st.integers(1, 7))
def test_size_scales_money_and_moves_no_break_even(structure: OptionStructure, factor: int) -> None:
    scaled = structure.scaled(Decimal(factor), multiplier=structure.multiplier)
    assert scaled.cost == structure.cost * factor
    best, scaled_best = structure.maximum_profit(), scaled.maximum_profit()
    assert scaled_best == (None if best is None else best * factor)
    assert scaled.break_evens() == structure.break_evens()


@given(structures)
def test_other_side_has_the_opposite_result(structure: OptionStructure) -> None:
    other = structure.scaled(Decimal(-1), multiplier=structure.multiplier)
    assert other.maximum_loss() == structure.maximum_profit()
    assert other.maximum_profit() == structure.maximum_loss()


@given(built())
def test_condors_and_verticals_never_lose_more_than_their_width(structure: OptionStructure) -> None:
    worst = structure.maximum_loss()
    if worst is None or structure.kind in ("STRANGLE", "STRADDLE"):
        return
    strikes = [leg.strike for leg in structure.legs]
    width = max(b - a for a, b in zip(strikes[::2], strikes[1::2], strict=True))
    width = max(width, max(a - b for a, b in zip(strikes[::2], strikes[1::2], strict=True)))
    quantity = abs(structure.legs[0].quantity)
    assert worst <= width * quantity * structure.multiplier + structure.cost.max(Decimal(0))
