"""Shares on margin: Regulation T for the purchase, FINRA rule 4210 for holding them.

    published form                                        in terms of equity
    long   50 % of the cost at purchase                   50 % of the market value
           25 % of the market value afterwards            25 %
    short  150 % of the value when sold: proceeds + 50 %  50 %: the proceeds are in the cash
           130 % afterwards: value + 30 %                 30 %, at least 5 dollars a share
           below 5 dollars: value + 100 %                 100 %, at least 2.50 dollars a share

The initial figure is asked of the whole book whenever something is added to it. Regulation T asks
it of the purchase only (an account that fell under it is "restricted", not called); being stricter
is what lets one rule serve all models. The account minimum of 2,000 dollars is not here: it is no
figure per position. Both are fractions of what is held, so they are subadditive and proportional.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.requirement import Margin, notional_of
from orchestrion.domain.models.instrument import Equity
from orchestrion.domain.models.money import ONE, multiply


class StockRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Fractions of the market value, and amounts per share. The defaults are the US rules.

    Attributes:
        short_minimum: least maintenance of a short share at or above ``low_price``.
        low_price: below it the two ``low_price_`` figures are the maintenance of a short share.
    """

    long_initial_fraction: Decimal = Decimal("0.50")
    long_maintenance_fraction: Decimal = Decimal("0.25")
    short_initial_fraction: Decimal = Decimal("0.50")
    short_maintenance_fraction: Decimal = Decimal("0.30")
    short_minimum: Decimal = Decimal(5)
    low_price: Decimal = Decimal(5)
    low_price_short_fraction: Decimal = ONE
    low_price_short_minimum: Decimal = Decimal("2.50")

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a negative figure, or maintenance above initial.
        """
        for name in self.__struct_fields__:
            value: Decimal = getattr(self, name)
            if not value.is_finite() or value < 0:
                raise ConfigurationError(f"{name} must be a finite Decimal >= 0, got {value}")
        for side in ("long", "short"):
            initial: Decimal = getattr(self, f"{side}_initial_fraction")
            maintenance: Decimal = getattr(self, f"{side}_maintenance_fraction")
            if maintenance > initial:
                raise ConfigurationError(
                    f"{side}_maintenance_fraction {maintenance} is above "
                    f"{side}_initial_fraction {initial}"
                )

    def long_share(self, price: Decimal) -> Margin:
        """What one share held binds."""
        value = price.copy_abs()
        return Margin(
            multiply(value, self.long_initial_fraction),
            multiply(value, self.long_maintenance_fraction),
        )

    def short_share(self, price: Decimal) -> Margin:
        """What one share sold short binds."""
        value = price.copy_abs()
        if value < self.low_price:
            fraction, minimum = self.low_price_short_fraction, self.low_price_short_minimum
        else:
            fraction, minimum = self.short_maintenance_fraction, self.short_minimum
        maintenance = max(multiply(value, fraction), minimum)
        return Margin(max(multiply(value, self.short_initial_fraction), maintenance), maintenance)

    def margin_of(self, shares: Decimal, price: Decimal) -> Margin:
        """Margin of a signed number of shares."""
        share = self.long_share(price) if shares > 0 else self.short_share(price)
        count = shares.copy_abs()
        return Margin(multiply(count, share.initial), multiply(count, share.maintenance))


def stock_margin(
    rule: StockRule | None, equity: Equity, quantity: Decimal, price: Decimal
) -> Margin:
    """Margin of a position by a rule; without one, by the fractions that the catalogue gives."""
    if rule is not None:
        return rule.margin_of(multiply(quantity, equity.multiplier), price)
    is_long = quantity > 0
    fraction = equity.long_margin_fraction if is_long else equity.short_margin_fraction
    bound = multiply(notional_of(equity, quantity, price), fraction)
    return Margin(bound, bound)
