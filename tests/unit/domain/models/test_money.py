"""Exact arithmetic: what is refused, what rounds how, and that no ambient context matters."""

from __future__ import annotations

from decimal import ROUND_DOWN, ROUND_HALF_EVEN, Decimal, DivisionByZero, Inexact, localcontext
from fractions import Fraction

import pytest

from orchestrion.domain.models.money import (
    BILLION,
    MAGNITUDE_MAX,
    add,
    divide,
    from_e9,
    is_amount,
    is_multiple,
    largest_remainder,
    multiply,
    negate,
    round_down_to_step,
    round_to_cent,
    subtract,
    to_e9,
)
from tests.fakes_rules import hostile_context

LARGEST = Decimal("999999999999999999.999999999")


def test_arithmetic_keeps_digits_that_python_would_round() -> None:
    one, other = Decimal("12345678901234567.123456789"), Decimal("0.000000001")
    assert add(one, other) == Decimal("12345678901234567.123456790")
    assert subtract(one, other) == Decimal("12345678901234567.123456788")
    assert str(multiply(one, other)) == "12345678.901234567123456789"
    assert negate(one) == one.copy_negate()


def test_product_of_four_largest_inputs_is_exact() -> None:
    product = multiply(multiply(LARGEST, LARGEST), multiply(LARGEST, LARGEST))
    assert Fraction(product) == Fraction(LARGEST) ** 4


def test_result_that_would_lose_a_digit_raises() -> None:
    with pytest.raises(Inexact):
        add(Decimal("1e200"), Decimal("1e-9"))


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounding", "expected"),
    [
        ("2", "3", ROUND_HALF_EVEN, "0.67"),
        ("2", "3", ROUND_DOWN, "0.66"),
        ("-2", "3", ROUND_HALF_EVEN, "-0.67"),
        ("0.125", "1", ROUND_HALF_EVEN, "0.12"),
        ("0.135", "1", ROUND_HALF_EVEN, "0.14"),
    ],
)
def test_divide_rounds_to_the_step(
    numerator: str, denominator: str, rounding: str, expected: str
) -> None:
    quotient = divide(
        Decimal(numerator), Decimal(denominator), step=Decimal("0.01"), rounding=rounding
    )
    assert str(quotient) == expected


def test_division_by_zero_raises() -> None:
    with pytest.raises(DivisionByZero):
        divide(Decimal(1), Decimal(0), step=Decimal(1), rounding=ROUND_DOWN)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("0.005", "0.00"), ("0.015", "0.02"), ("-0.015", "-0.02"), ("1", "1.00")],
)
def test_cents_are_rounded_half_even(value: str, expected: str) -> None:
    assert str(round_to_cent(Decimal(value))) == expected


@pytest.mark.parametrize(
    ("value", "step", "expected"),
    [("7", "3", "6"), ("6", "3", "6"), ("0.99", "0.25", "0.75"), ("0", "5", "0")],
)
def test_round_down_gives_the_largest_multiple_below(value: str, step: str, expected: str) -> None:
    assert round_down_to_step(Decimal(value), Decimal(step)) == Decimal(expected)


@pytest.mark.parametrize(
    ("value", "step", "expected"),
    [("0.3", "0.1", True), ("0.35", "0.1", False), ("-10", "5", True), ("0", "7", True)],
)
def test_multiple_is_told_exactly(value: str, step: str, expected: bool) -> None:
    assert is_multiple(Decimal(value), Decimal(step)) is expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (LARGEST, True),
        (LARGEST.copy_negate(), True),
        (Decimal("0.000000001"), True),
        (Decimal("1.0000000000000"), True),
        (MAGNITUDE_MAX, False),
        (Decimal("0.0000000001"), False),
        (Decimal("1E-2000000"), False),
        (Decimal("1." + "3" * 150), False),
        (Decimal("NaN"), False),
        (Decimal("sNaN"), False),
        (Decimal("-Infinity"), False),
    ],
)
def test_amount_is_finite_bounded_and_has_nine_decimals(value: Decimal, expected: bool) -> None:
    assert is_amount(value) is expected


# -- billionths -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value_e9", "text"),
    [
        (0, "0"),
        (BILLION, "1"),
        (1_500_000_000, "1.5"),
        (-1, "-1E-9"),
        (123 * BILLION * 1000, "123000"),
    ],
)
def test_billionths_become_decimals_without_trailing_zeros(value_e9: int, text: str) -> None:
    assert str(from_e9(value_e9)) == text


@pytest.mark.parametrize(
    ("value", "value_e9"),
    [
        (Decimal("1.5"), 1_500_000_000),
        (2, 2 * BILLION),
        ("-0.000000001", -1),
        ("1E+3", 1000 * BILLION),
    ],
)
def test_decimals_become_billionths(value: Decimal | int | str, value_e9: int) -> None:
    assert to_e9(value) == value_e9


@pytest.mark.parametrize(
    "value",
    [
        "abc",
        "",
        "NaN",
        "Infinity",
        "1e18",
        "-1e18",
        "0.0000000001",
        Decimal("1E-2000000"),
        Decimal("0." + "1" * 100),
    ],
)
def test_number_that_billionths_cannot_hold_is_a_value_error(value: Decimal | str) -> None:
    with pytest.raises(ValueError, match=r"number|decimals"):
        to_e9(value)


@pytest.mark.parametrize("value", ["0.00000000010", "1E-10", Decimal("0.0000000001"), "1e18"])
def test_value_error_shows_the_number_as_it_was_given(value: Decimal | str) -> None:
    with pytest.raises(ValueError, match=f"^{value} (has more|is not a finite)"):
        to_e9(value)


# -- splitting ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("total", "weights", "expected"),
    [
        ("100.00", ("1", "1", "1"), ("33.34", "33.33", "33.33")),
        ("0.01", ("1", "1"), ("0.01", "0")),
        ("0.02", ("1", "3"), ("0.01", "0.01")),  # remainders .5 and .5: the earlier one gets it
        ("100", ("60", "30", "10"), ("60", "30", "10")),
        ("100", ("0", "1"), ("0", "100")),
        ("0", ("1", "2"), ("0", "0")),
        ("1000", ("1E+2", "1"), ("990.10", "9.90")),
        ("100", ("33.333333333333336", "66.666666666666664"), ("33.33", "66.67")),
        ("100", ("5E-324", "100"), ("0", "100")),
    ],
)
def test_split_gives_left_over_cents_to_the_largest_remainders(
    total: str, weights: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    parts = largest_remainder(Decimal(total), tuple(Decimal(one) for one in weights))
    assert parts == tuple(Decimal(one) for one in expected)


def test_split_into_lots_uses_the_step() -> None:
    parts = largest_remainder(Decimal(50), (Decimal(1), Decimal(1)), step=Decimal(10))
    assert parts == (Decimal(30), Decimal(20))


@pytest.mark.parametrize(
    ("total", "weights", "words"),
    [
        ("1", (), "weights must be"),
        ("1", ("0", "0"), "positive sum"),
        ("1", ("1", "-1"), "non-negative"),
        ("1", ("NaN", "1"), "finite"),
        ("1", ("Infinity", "1"), "finite"),
        ("-1", ("1",), "non-negative multiple"),
        ("0.001", ("1",), "multiple of 0.01"),
        ("NaN", ("1",), "NaN is not"),
    ],
)
def test_split_of_something_impossible_is_refused(
    total: str, weights: tuple[str, ...], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        largest_remainder(Decimal(total), tuple(Decimal(one) for one in weights))


# -- the ambient context --------------------------------------------------------------------------


def _everything() -> list[object]:
    price, quantity = Decimal("1234567.891234567"), Decimal("98765.4321")
    return [
        add(price, quantity),
        subtract(price, quantity),
        multiply(price, quantity),
        divide(price, quantity, step=Decimal("0.000000001"), rounding=ROUND_HALF_EVEN),
        round_to_cent(price),
        round_down_to_step(price, Decimal("0.07")),
        is_multiple(price, Decimal("0.000000001")),
        is_amount(price),
        from_e9(123_456_789_012_345_678),
        to_e9(price),
        largest_remainder(Decimal("1234567.89"), (Decimal(1), Decimal("33.333333"), Decimal(2))),
    ]


def test_ambient_context_plays_no_part() -> None:
    from_e9.cache_clear()
    ours = _everything()
    from_e9.cache_clear()
    with localcontext(hostile_context()):
        theirs = _everything()
    assert theirs == ours
