"""How many units to trade: from a budget and a rule to a quantity in whole lots.

Every rule rounds down to the lot and never gives less than zero, so it never asks for more than was
meant. Amounts are decimals, and quotients are exact rationals until the one rounding at the end.
Figures that come from statistics (a volatility, a probability) enter as decimals too, because what
sizes an order is recorded before it acts (``return_history.recordable`` makes one of a float).

A budget of zero or below gives zero: books fall below zero at run time, and that is a reason to
stand aside, not an error. Everything else that makes no sense is refused by name. Rules do not look
at limits or at margin; the capital manager judges the command.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.instrument import Tradable
from orchestrion.domain.models.money import MAGNITUDE_MAX, ONE, ZERO, multiply, subtract


class SizingError(ConfigurationError):
    """A figure that no quantity can be computed from; the message names it."""


def fixed_lots(lots: int, instrument: Tradable) -> Decimal:
    """A fixed number of lots, whatever the budget; capital and margin rules judge it.

    Args:
        lots: whole and above 0.

    Raises:
        SizingError: lots is not a whole number above 0.
    """
    if isinstance(lots, bool) or not isinstance(lots, int) or lots <= 0:  # pyright: ignore[reportUnnecessaryIsInstance]
        raise SizingError(f"lots must be a whole number above 0, got {lots!r}")
    return multiply(Decimal(lots), instrument.lot_size)


def percent_of_budget(
    budget: Decimal, fraction: Decimal, *, price: Decimal, instrument: Tradable
) -> Decimal:
    """As many units as a part of the budget carries at full notional.

    Args:
        budget: account currency.
        fraction: part of the budget, above 0; above 1 is leverage. (Percent divided by 100.)
        price: per unit.

    Raises:
        SizingError: a figure that is not finite, or not above 0.
    """
    _check(fraction=fraction, price=price)
    return _lots_within(budget, Fraction(fraction), price, instrument)


def target_volatility(
    budget: Decimal,
    target: Decimal,
    *,
    volatility: Decimal,
    price: Decimal,
    instrument: Tradable,
    leverage_max: Decimal = ONE,
) -> Decimal:
    """As many units as make the position's volatility the target's part of the budget.

    Notional = budget x target / volatility, but at most budget x ``leverage_max``: a quiet market
    must not size a position without bound.

    Args:
        target: volatility wanted, as a fraction of the budget, e.g. 0.10 a year.
        volatility: of the instrument's returns over the same period, as a fraction.

    Raises:
        SizingError: a figure that is not finite, or not above 0.
    """
    _check(target=target, volatility=volatility, price=price, leverage_max=leverage_max)
    leverage = min(Fraction(target) / Fraction(volatility), Fraction(leverage_max))
    return _lots_within(budget, leverage, price, instrument)


def risk_per_trade(
    budget: Decimal,
    risk_fraction: Decimal,
    *,
    entry_price: Decimal,
    stop_price: Decimal,
    instrument: Tradable,
) -> Decimal:
    """As many units as lose at most a part of the budget when the stop fills at its price.

    A gap through the stop loses more; a near stop gives a large position, which limits bound.

    Args:
        risk_fraction: part of the budget that may be lost, above 0 to 1.
        stop_price: on either side of the entry (a long's is below, a short's above).

    Raises:
        SizingError: a figure that is not finite or out of range, or a stop at the entry.
    """
    _check(risk_fraction=risk_fraction, entry_price=entry_price, stop_price=stop_price)
    _check_at_most_one(risk_fraction=risk_fraction)
    distance = subtract(entry_price, stop_price).copy_abs()
    if not distance:
        raise SizingError(f"stop_price {stop_price} is the entry_price: there is no distance")
    return _lots_within(budget, Fraction(risk_fraction), distance, instrument)


def kelly_fraction(win_probability: Decimal, payoff_ratio: Decimal) -> Fraction:
    """Part of the capital to risk for the fastest growth, 0 without an edge.

    p - (1 - p) / b for a bet that wins b times its stake with probability p and loses the stake
    otherwise.

    Args:
        win_probability: above 0, below 1.
        payoff_ratio: average win over average loss, above 0.

    Raises:
        SizingError: a figure that is not finite or out of range.

    Source: J. L. Kelly, A New Interpretation of Information Rate (1956).
    """
    _check(win_probability=win_probability, payoff_ratio=payoff_ratio)
    if win_probability >= ONE:
        raise SizingError(f"win_probability must be below 1, got {win_probability}")
    chance = Fraction(win_probability)
    return max(chance - (1 - chance) / Fraction(payoff_ratio), Fraction(0))


def fractional_kelly(
    budget: Decimal,
    kelly_part: Decimal,
    *,
    win_probability: Decimal,
    payoff_ratio: Decimal,
    loss_per_unit: Decimal,
    instrument: Tradable,
) -> Decimal:
    """As many units as risk a part of what Kelly's criterion would; 0 without an edge.

    Args:
        kelly_part: part of the Kelly fraction, above 0 to 1; a half is common, because the
            probabilities are only estimates and full Kelly swings wildly.
        loss_per_unit: price distance that a losing trade loses, above 0.

    Raises:
        SizingError: a figure that is not finite or out of range.
    """
    _check(kelly_part=kelly_part, loss_per_unit=loss_per_unit)
    _check_at_most_one(kelly_part=kelly_part)
    risked = Fraction(kelly_part) * kelly_fraction(win_probability, payoff_ratio)
    return _lots_within(budget, risked, loss_per_unit, instrument)


def _lots_within(
    budget: Decimal, fraction: Fraction, price_per_unit: Decimal, instrument: Tradable
) -> Decimal:
    """The most whole lots whose amount is at most ``fraction`` of the budget."""
    _check_decimal("budget", budget)
    if budget <= 0:
        return ZERO
    lot = multiply(multiply(price_per_unit, instrument.multiplier), instrument.lot_size)
    lots = Fraction(budget) * fraction // Fraction(lot)
    return multiply(Decimal(lots), instrument.lot_size)


def _check(**figures: Decimal) -> None:
    for name, value in figures.items():
        _check_decimal(name, value)
        if value <= 0:
            raise SizingError(f"{name} must be above 0, got {value}")


def _check_at_most_one(**fractions: Decimal) -> None:
    for name, value in fractions.items():
        if value > ONE:
            raise SizingError(f"{name} must be at most 1 (a fraction, not percent), got {value}")


def _check_decimal(name: str, value: object) -> None:
    if not isinstance(value, Decimal):
        raise SizingError(f"{name} must be a Decimal, got {value!r}: round and record floats first")
    if not value.is_finite() or value.copy_abs() >= MAGNITUDE_MAX:
        raise SizingError(f"{name} must be a finite number below {MAGNITUDE_MAX}, got {value}")
