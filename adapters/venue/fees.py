"""What the simulated venue charges: per share or contract, on notional, with a minimum."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.instrument import Equity, Future, Tradable
from orchestrion.domain.models.money import (
    MAGNITUDE_MAX,
    ZERO,
    add,
    multiply,
    round_to_cent,
    subtract,
)

NO_FEE = Decimal("0.00")
"""To the cent like every fee."""


class Commission(msgspec.Struct, frozen=True, kw_only=True):
    """The price list of one asset class.

    Attributes:
        per_unit: account currency per share or contract.
        notional_fraction: part of |quantity x price x multiplier|, 0.0005 is five basis points.
        minimum_per_order: account currency; the least that one order pays for all its legs of
            this asset class together.
    """

    per_unit: Decimal = ZERO
    notional_fraction: Decimal = ZERO
    minimum_per_order: Decimal = ZERO

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value: Decimal = getattr(self, name)
            if not value.is_finite() or not 0 <= value < MAGNITUDE_MAX:
                raise ConfigurationError(f"commission: {name} must be finite and >= 0, got {value}")


class LegTrade(msgspec.Struct, frozen=True, gc=False):
    """What a fee is computed from: one leg that filled."""

    instrument: Tradable
    quantity: Decimal
    price: Decimal


class FeeSchedule(msgspec.Struct, frozen=True, kw_only=True):
    """The price lists of all asset classes. The default charges nothing."""

    equity: Commission = Commission()
    future: Commission = Commission()
    option: Commission = Commission()

    @property
    def is_free(self) -> bool:
        """Whether no order of any asset class ever pays."""
        return self == FeeSchedule()

    def commissions(self, legs: Iterable[LegTrade]) -> tuple[Decimal, ...]:
        """The commission of each leg of one order, to the cent (half-even).

        What an asset class lacks to its minimum is added to the first leg of that class.
        """
        fees: list[Decimal] = []
        of_class: dict[str, list[int]] = {}
        for i, leg in enumerate(legs):
            asset_class = _asset_class(leg.instrument)
            commission = self._of(asset_class)
            fees.append(_commission(commission, leg))
            if commission.minimum_per_order:
                of_class.setdefault(asset_class, []).append(i)
        for asset_class, indices in of_class.items():
            paid = ZERO
            for i in indices:
                paid = add(paid, fees[i])
            missing = subtract(round_to_cent(self._of(asset_class).minimum_per_order), paid)
            if missing > 0:
                fees[indices[0]] = add(fees[indices[0]], missing)
        return tuple(fees)

    def _of(self, asset_class: str) -> Commission:
        commission: Commission = getattr(self, asset_class)
        return commission


def _asset_class(instrument: Tradable) -> str:
    if isinstance(instrument, Equity):
        return "equity"
    return "future" if isinstance(instrument, Future) else "option"


def _commission(commission: Commission, leg: LegTrade) -> Decimal:
    if not commission.per_unit and not commission.notional_fraction:
        return NO_FEE
    fee = multiply(leg.quantity, commission.per_unit)
    if commission.notional_fraction:
        notional = multiply(multiply(leg.quantity, leg.price), leg.instrument.multiplier)
        fee = add(fee, multiply(notional.copy_abs(), commission.notional_fraction))
    return round_to_cent(fee)
