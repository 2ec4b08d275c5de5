"""Risk arrays: what one contract loses in each scenario, and the worst sum over a portfolio.

An array holds the loss of one contract bought and that of one contract sold, per scenario, both
rounded outward to the cent: up for a loss, down for a gain. So each is at least the computed value,
and the worst sum over a portfolio is subadditive also after rounding.

Options are revalued by ``option_pricing`` at the volatility that their mark implies. The change is
taken between two model values and set on the mark, so that an unchanged market means no loss even
where the model does not meet the mark; no bought option loses more than its mark.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from math import ceil, exp

import msgspec

from orchestrion.domain.margin.option_pricing import implied_volatility, option_value
from orchestrion.domain.margin.requirement import DAY_NS
from orchestrion.domain.margin.span_parameters import SpanParameters
from orchestrion.domain.models.instrument import OptionContract
from orchestrion.domain.models.money import CENT, ZERO, add, multiply

YEAR_NS = 365 * DAY_NS
_HUNDRED = Decimal(100)
_NOISE_DIGITS = 6
"""Computed cents are first rounded to a millionth: the noise of floats is no cent."""


class RiskArray(msgspec.Struct, frozen=True, gc=False):
    """Loss per scenario of one contract, in cents; negative is a gain.

    Whole cents, but for the most that a bought option can lose: its premium.
    """

    bought: tuple[Decimal, ...]
    sold: tuple[Decimal, ...]


def scan_risk(positions: Iterable[tuple[Decimal, RiskArray]]) -> Decimal:
    """The worst sum over all scenarios, account currency, >= 0.

    Args:
        positions: (signed number of contracts, array); all arrays of one grid.
    """
    totals: list[Decimal] = []
    for quantity, array in positions:
        losses = array.bought if quantity > 0 else array.sold
        contracts = quantity.copy_abs()
        if not totals:
            totals = [ZERO] * len(losses)
        totals = [
            add(total, multiply(contracts, loss))
            for total, loss in zip(totals, losses, strict=True)
        ]
    return multiply(max(totals), CENT) if totals and max(totals) > 0 else ZERO


def future_risk_array(
    underlying: Decimal, multiplier: Decimal, parameters: SpanParameters
) -> RiskArray:
    """A future follows its underlying one to one; volatility does not touch it."""
    scan_range = multiply(underlying.copy_abs(), parameters.price_scan_fraction)
    range_cents = multiply(multiply(scan_range, multiplier), _HUNDRED)
    bought: list[Decimal] = []
    sold: list[Decimal] = []
    for scenario in parameters.scenarios:
        move = multiply(range_cents, multiply(Decimal(scenario.price_thirds), scenario.weight))
        numerator, denominator = move.as_integer_ratio()
        bought.append(Decimal(-(numerator // (3 * denominator))))
        sold.append(Decimal(-(-numerator // (3 * denominator))))
    return RiskArray(tuple(bought), tuple(sold))


def option_risk_array(
    option: OptionContract,
    *,
    mark: Decimal,
    underlying: Decimal,
    now: int,
    parameters: SpanParameters,
) -> RiskArray:
    """Revalued at every scenario's price and volatility."""
    changes = _value_changes(option, mark, underlying, now, parameters)
    most = multiply(multiply(mark, option.multiplier), _HUNDRED)
    # Its price cannot fall below zero, wherever the model stands.
    lowest = -float(mark)
    cents = 100.0 * float(option.multiplier)
    bought: list[Decimal] = []
    sold: list[Decimal] = []
    for scenario, change in zip(parameters.scenarios, changes, strict=True):
        gain = round(max(change, lowest) * cents * float(scenario.weight), _NOISE_DIGITS)
        bought.append(min(Decimal(ceil(-gain)), most))
        sold.append(Decimal(ceil(gain)))
    return RiskArray(tuple(bought), tuple(sold))


def _value_changes(
    option: OptionContract,
    mark: Decimal,
    underlying: Decimal,
    now: int,
    parameters: SpanParameters,
) -> list[float]:
    """Change of the model value per unit, by scenario."""
    kind, strike, price = option.option_kind, float(option.strike), float(underlying)
    years = (option.expiry_ts - now) / YEAR_NS
    growth = exp(float(parameters.interest_rate) * max(years, 0.0))
    low, high = float(parameters.volatility_min), float(parameters.volatility_max)
    volatility = implied_volatility(
        kind,
        float(mark),
        forward=price * growth,
        strike=strike,
        years=years,
        low=low,
        high=high,
        discount=1.0 / growth,
    )
    volatility_scan = float(parameters.volatility_scan)
    third = abs(price) * float(parameters.price_scan_fraction) / 3.0

    def value(thirds: int, sign: int) -> float:
        return option_value(
            kind,
            forward=(price + thirds * third) * growth,
            strike=strike,
            years=years,
            volatility=max(volatility + sign * volatility_scan, low),
            discount=1.0 / growth,
        )

    base = value(0, 0)
    return [
        value(scenario.price_thirds, scenario.volatility_sign) - base
        for scenario in parameters.scenarios
    ]
