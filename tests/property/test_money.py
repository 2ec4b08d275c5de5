"""Laws of exact arithmetic, against fractions."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction
from math import floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrion.domain.models.money import (
    CENT,
    add,
    from_e9,
    is_amount,
    is_multiple,
    largest_remainder,
    multiply,
    round_down_to_step,
    round_to_cent,
    subtract,
    to_e9,
)
from tests.fakes_rules import hostile_context

amounts = st.integers(-(10**27) + 1, 10**27 - 1).map(lambda value: Decimal(value).scaleb(-9))
steps = st.sampled_from([Decimal(one) for one in ("0.01", "0.25", "1", "3", "100", "0.000000001")])
weights = st.lists(
    st.one_of(
        st.decimals(0, 100, places=4),
        st.floats(0, 100).map(lambda value: Decimal(str(value))),
        st.just(Decimal(1)),
    ),
    min_size=1,
    max_size=12,
).map(tuple)
totals = st.integers(0, 10**14).map(lambda cents: Decimal(cents).scaleb(-2))


def exactly(value: Decimal) -> Fraction:
    return Fraction(value)


@given(amounts, amounts)
def test_sums_and_products_are_exact(one: Decimal, other: Decimal) -> None:
    assert exactly(add(one, other)) == exactly(one) + exactly(other)
    assert exactly(subtract(one, other)) == exactly(one) - exactly(other)
    assert exactly(multiply(one, other)) == exactly(one) * exactly(other)


@given(amounts, amounts, amounts, amounts)
def test_product_of_four_inputs_is_exact(
    one: Decimal, two: Decimal, three: Decimal, four: Decimal
) -> None:
    product = multiply(multiply(one, two), multiply(three, four))
    assert exactly(product) == exactly(one) * exactly(two) * exactly(three) * exactly(four)


@given(st.integers(-(10**27) + 1, 10**27 - 1))
def test_billionths_come_back(value_e9: int) -> None:
    value = from_e9(value_e9)
    assert exactly(value) == Fraction(value_e9, 10**9)
    assert to_e9(value) == value_e9
    assert is_amount(value)


@given(st.decimals(allow_nan=True, allow_infinity=True))
def test_every_decimal_is_an_amount_or_a_value_error(value: Decimal) -> None:
    if is_amount(value):
        assert to_e9(value) == exactly(value) * 10**9
        assert abs(exactly(value)) < 10**18
    else:
        with pytest.raises(ValueError, match=r"finite|decimals"):
            to_e9(value)


@given(amounts)
def test_cent_is_the_nearest(value: Decimal) -> None:
    rounded = exactly(round_to_cent(value))
    assert (rounded * 100).denominator == 1
    assert rounded == round(exactly(value), 2)  # fractions round half to even, too


@given(amounts.filter(lambda value: value >= 0), steps)
def test_round_down_is_the_largest_multiple_below(value: Decimal, step: Decimal) -> None:
    rounded = exactly(round_down_to_step(value, step))
    assert rounded == floor(exactly(value) / exactly(step)) * exactly(step)


@given(amounts, steps)
def test_multiple_is_told_exactly(value: Decimal, step: Decimal) -> None:
    is_whole = (exactly(value) / exactly(step)).denominator == 1
    assert is_multiple(value, step) is is_whole


@given(totals, weights)
def test_split_sums_exactly_and_each_part_is_within_a_step(
    total: Decimal, shares: tuple[Decimal, ...]
) -> None:
    assume(any(shares))
    parts = largest_remainder(total, shares)
    assert sum(map(exactly, parts)) == exactly(total)
    whole = sum(map(exactly, shares))
    for part, share in zip(parts, shares, strict=True):
        exact = exactly(total) * exactly(share) / whole
        assert abs(exactly(part) - exact) < exactly(CENT)
        assert part >= 0
        assert is_multiple(part, CENT)


@given(totals, weights)
def test_split_favours_no_smaller_remainder_and_no_later_place(
    total: Decimal, shares: tuple[Decimal, ...]
) -> None:
    assume(any(shares))
    parts = largest_remainder(total, shares)
    whole = sum(map(exactly, shares))
    quotas = [exactly(total) * 100 * exactly(share) / whole for share in shares]
    got_more = [
        part * 100 > floor(quota) for part, quota in zip(map(exactly, parts), quotas, strict=True)
    ]
    remainders = [(-(quota - floor(quota)), place) for place, quota in enumerate(quotas)]
    by_claim = sorted(range(len(parts)), key=lambda place: remainders[place])
    assert [got_more[place] for place in by_claim] == sorted(got_more, reverse=True)


@given(totals, weights, st.integers(1, 1000))
def test_split_depends_on_the_ratio_of_weights_only(
    total: Decimal, shares: tuple[Decimal, ...], factor: int
) -> None:
    assume(any(shares))
    scaled = tuple(multiply(share, Decimal(factor)) for share in shares)
    assert largest_remainder(total, scaled) == largest_remainder(total, shares)


@given(amounts, amounts, steps, totals, weights)
def test_ambient_context_plays_no_part(
    one: Decimal, other: Decimal, step: Decimal, total: Decimal, shares: tuple[Decimal, ...]
) -> None:
    assume(any(shares))

    def run() -> list[object]:
        return [
            add(one, other),
            multiply(one, other),
            round_to_cent(one),
            round_down_to_step(one.copy_abs(), step),
            is_multiple(other, step),
            to_e9(one),
            largest_remainder(total, shares),
        ]

    ours = run()
    with localcontext(hostile_context()):
        theirs = run()
    assert theirs == ours
