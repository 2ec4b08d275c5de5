"""Exact numbers: the only place that decides how money and quantities are computed.

Money, quantities and prices are ``Decimal``. Python's operators on decimals round to the ambient
context (28 digits, or whatever an embedding program has set), so the books never use them: they
call ``add``, ``subtract`` and ``multiply`` below, which run in a context of their own and raise
when a result would not be exact. Market data on the path of every event carries prices as integers
in billionths (``…_e9``): cheap to build and to turn into floats for statistics (``value_e9 / 1e9``
is correctly rounded), exact to turn into decimals.
"""

from __future__ import annotations

from decimal import (
    ROUND_DOWN,
    ROUND_HALF_EVEN,
    Clamped,
    Context,
    Decimal,
    DivisionByZero,
    Inexact,
    InvalidOperation,
    Overflow,
)
from functools import lru_cache

ZERO = Decimal(0)
ONE = Decimal(1)
CENT = Decimal("0.01")
BILLIONTH = Decimal("0.000000001")
BILLION = 1_000_000_000

# Inputs are checked against 9 decimals and 1e18, so they have at most 27 digits. The largest
# product has four of them (the cost of a position times a quantity: 108 digits); 128 leave room for
# sums. A rounding here is a bug and raises instead of losing money.
_TRAPS = [InvalidOperation, DivisionByZero, Overflow, Clamped]
EXACT = Context(prec=128, rounding=ROUND_HALF_EVEN, traps=[*_TRAPS, Inexact])
# For the few operations that must round; each names its rounding where it is used.
_ROUNDING = Context(prec=128, rounding=ROUND_HALF_EVEN, traps=_TRAPS)

add = EXACT.add
subtract = EXACT.subtract
multiply = EXACT.multiply
negate = EXACT.minus

MAGNITUDE_MAX = Decimal("1e18")
"""Prices, quantities and amounts at or above this are refused where they enter."""


def is_amount(value: Decimal) -> bool:
    """Whether a number can be booked: finite, below ``MAGNITUDE_MAX``, at most nine decimals."""
    if not value.is_finite() or value.copy_abs() >= MAGNITUDE_MAX:
        return False
    return _ROUNDING.quantize(value, BILLIONTH) == value


def divide(numerator: Decimal, denominator: Decimal, *, step: Decimal, rounding: str) -> Decimal:
    """``numerator / denominator`` rounded to a multiple of ``step`` (a power of ten).

    Raises:
        decimal.DivisionByZero: the denominator is zero.
    """
    return _ROUNDING.divide(numerator, denominator).quantize(
        step, rounding=rounding, context=_ROUNDING
    )


def round_to_cent(amount: Decimal) -> Decimal:
    """Half-even to 0.01, the rounding of fees."""
    return _ROUNDING.quantize(amount, CENT)


def round_down_to_step(value: Decimal, step: Decimal) -> Decimal:
    """The largest multiple of ``step`` that is not larger than ``value`` (for value >= 0)."""
    steps = _ROUNDING.divide(value, step).to_integral_value(rounding=ROUND_DOWN)
    return multiply(steps, step)


def is_multiple(value: Decimal, step: Decimal) -> bool:
    """Whether ``value`` is a whole number of ``step``; step > 0."""
    return not EXACT.remainder(value, step)


@lru_cache(maxsize=65_536)  # prices repeat on a tick grid; arbitrary bound, about 10 MB when full
def from_e9(value_e9: int) -> Decimal:
    """An integer in billionths as a decimal without trailing zeros."""
    if not value_e9 % BILLION:
        return Decimal(value_e9 // BILLION)
    return EXACT.scaleb(Decimal(value_e9), -9).normalize(EXACT)


def to_e9(value: Decimal | int | str) -> int:
    """A decimal as an integer in billionths.

    Raises:
        ValueError: not a number, not finite, more than nine decimals, or 1e18 and larger.
    """
    try:
        number = value if isinstance(value, Decimal) else Decimal(value)
    except InvalidOperation:
        raise ValueError(f"{value!r} is not a number") from None
    if not number.is_finite() or number.copy_abs() >= MAGNITUDE_MAX:
        raise ValueError(f"{value} is not a finite number below {MAGNITUDE_MAX}")
    value_e9 = _billionths(number)
    if value_e9 is None:
        raise ValueError(f"{value} has more than nine decimals")
    return value_e9


@lru_cache(maxsize=8_192)  # ticks, lots and prices repeat; arbitrary bound, about 2 MB when full
def _billionths(number: Decimal) -> int | None:
    """In billionths, or None when that is no whole number."""
    if _ROUNDING.quantize(number, BILLIONTH) != number:
        return None
    return int(EXACT.scaleb(number, 9))


def largest_remainder(
    total: Decimal, weights: tuple[Decimal, ...], *, step: Decimal = CENT
) -> tuple[Decimal, ...]:
    """Splits ``total`` by ``weights`` into multiples of ``step`` that sum to it exactly.

    Each part is rounded down first; the steps left over go to the largest remainders, ties to the
    earlier position (callers pass weights in rank order).

    Args:
        total: amount to split, >= 0, a multiple of ``step``.
        weights: non-negative, in rank order, with a positive sum.
        step: the smallest unit, > 0.

    Raises:
        ValueError: no weights, a negative one, or all zero; total negative or not a multiple; a
            number that is not finite.
    """
    if not all(one.is_finite() and one >= 0 for one in weights) or not any(weights):
        raise ValueError("weights must be finite and non-negative with a positive sum")
    if not total.is_finite() or total < 0 or not is_multiple(total, step):
        raise ValueError(f"{total} is not a non-negative multiple of {step}")
    # In whole steps and integers over a common denominator, so that no quotient is ever rounded.
    exponent = min(0, *(int(weight.as_tuple().exponent) for weight in weights))
    units = [int(EXACT.scaleb(weight, -exponent)) for weight in weights]
    whole, denominator = int(EXACT.divide_int(total, step)), sum(units)
    floors = [whole * unit // denominator for unit in units]
    remainders = [whole * unit % denominator for unit in units]
    order = sorted(range(len(units)), key=lambda i: (-remainders[i], i))
    for i in order[: whole - sum(floors)]:
        floors[i] += 1
    return tuple(multiply(Decimal(count), step) for count in floors)
