"""Option values by Black (1976), and the volatility that a price implies: for margin only.

Plain Python floats in a fixed order, no arrays and no BLAS. The functions of ``math`` come from the
platform's C library, so another platform can differ in the last bits: what is computed here is a
computed value in the sense of the journal, and whoever uses it rounds it outward to the cent.

Options are taken as European, the forward as the underlying's price carried at one rate without
dividends. That is what clearing houses' scenario grids do with index options. Source: F. Black, The
pricing of commodity contracts (1976); worked numbers in the tests from J. Hull's textbook.
"""

from __future__ import annotations

from math import erfc, exp, log, pi, sqrt

from orchestrion.domain.models.instrument import OptionKind

_SQRT_2 = sqrt(2.0)
_SQRT_2_PI = sqrt(2.0 * pi)
STEPS_MAX = 100
"""Of the search for a volatility; halving alone needs 47 to get from 5 to 1e-13."""


def option_value(
    kind: OptionKind,
    *,
    forward: float,
    strike: float,
    years: float,
    volatility: float,
    discount: float = 1.0,
) -> float:
    """Value per unit, >= 0.

    Args:
        forward: the underlying's price at expiry as the market sees it; at or below zero (oil has
            been) the option is worth its intrinsic value.
        strike: > 0.
        years: to expiry; at or below zero the intrinsic value is left.
        volatility: annual standard deviation of the logarithm, as a fraction.
        discount: value today of one paid at expiry.
    """
    deviation = volatility * sqrt(years) if years > 0.0 else 0.0
    if deviation <= 0.0 or forward <= 0.0:
        difference = forward - strike if kind is OptionKind.CALL else strike - forward
        return discount * max(difference, 0.0)
    above = log(forward / strike) / deviation + 0.5 * deviation
    below = above - deviation
    if kind is OptionKind.CALL:
        value = forward * _cumulative(above) - strike * _cumulative(below)
    else:
        value = strike * _cumulative(-below) - forward * _cumulative(-above)
    return discount * max(value, 0.0)


def implied_volatility(
    kind: OptionKind,
    price: float,
    *,
    forward: float,
    strike: float,
    years: float,
    low: float,
    high: float,
    discount: float = 1.0,
) -> float:
    """The volatility at which the option is worth ``price``, between ``low`` and ``high``.

    A price below the value at ``low`` (also one below the intrinsic value) gives ``low``, one above
    the value at ``high`` gives ``high``. Newton's method, held inside a shrinking interval.

    Args:
        low, high: 0 < low < high.
    """
    if years <= 0.0 or forward <= 0.0:
        return low

    def value(volatility: float) -> float:
        return option_value(
            kind,
            forward=forward,
            strike=strike,
            years=years,
            volatility=volatility,
            discount=discount,
        )

    if price <= value(low):
        return low
    if price >= value(high):
        return high
    guess = min(max(_first_guess(price, forward, strike, years, discount), low), high)
    for _ in range(STEPS_MAX):
        excess = value(guess) - price
        low, high = (low, guess) if excess > 0.0 else (guess, high)
        slope = _vega(forward, strike, years, guess, discount)
        following = guess - excess / slope if slope > 0.0 else high
        if not low < following < high:
            following = 0.5 * (low + high)
        if abs(following - guess) <= 1e-13 * guess:
            break
        guess = following
    return guess


def _first_guess(
    price: float, forward: float, strike: float, years: float, discount: float
) -> float:
    """From the value at the money, which is nearly linear in the volatility (Brenner and
    Subrahmanyam); never below the point of inflection, from where Newton's method converges."""
    at_the_money = price / (discount * forward) * sqrt(2.0 * pi / years)
    return max(at_the_money, sqrt(2.0 * abs(log(forward / strike)) / years))


def _vega(forward: float, strike: float, years: float, volatility: float, discount: float) -> float:
    deviation = volatility * sqrt(years)
    above = log(forward / strike) / deviation + 0.5 * deviation
    return discount * forward * sqrt(years) * exp(-0.5 * above * above) / _SQRT_2_PI


def _cumulative(x: float) -> float:
    """The standard normal distribution; ``erfc`` keeps its tails exact."""
    return 0.5 * erfc(-x / _SQRT_2)
