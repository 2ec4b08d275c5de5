"""Figures of single options: what a naked short one binds, and what a long one lends.

Source: Cboe margin manual and Cboe rule 10.3 (FINRA 4210 says the same). Published, a naked short
option binds 100 % of its value plus 20 % of the underlying (15 % for a broad-based index) less the
amount out of the money, at least its value plus 10 % of the underlying (call) or of the strike
(put). In terms of equity its value is already taken off, so the rest is what counts here.

A long option is paid in full; one that lives longer than nine months lends a quarter of its value.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.requirement import DAY_NS, check_fraction
from orchestrion.domain.models.instrument import (
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.money import ONE, ZERO, multiply, subtract


class NakedRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Fractions for a naked short option, each 0 to 1.

    Attributes:
        fraction: of the underlying, before the amount out of the money is taken off.
        floor_fraction: the least; of the underlying for a call, of the strike for a put.
    """

    fraction: Decimal
    floor_fraction: Decimal

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a fraction outside 0 to 1.
        """
        check_fraction("fraction", self.fraction)
        check_fraction("floor_fraction", self.floor_fraction)

    def requirement(self, option: OptionContract, underlying: Decimal) -> Decimal:
        """Per unit of the underlying, >= 0.

        Between two strikes it moves by no more than their distance. That a short option never binds
        more than another one and the width between them is what makes requirements subadditive.
        """
        if option.option_kind is OptionKind.CALL:
            out_of_the_money = max(subtract(option.strike, underlying), ZERO)
            floor = multiply(self.floor_fraction, underlying)
        else:
            out_of_the_money = max(subtract(underlying, option.strike), ZERO)
            floor = multiply(self.floor_fraction, option.strike)
        # An underlying below zero (oil has been) must not turn a requirement into a loan.
        return max(subtract(multiply(self.fraction, underlying), out_of_the_money), floor, ZERO)


BROAD_INDEX = NakedRule(Decimal("0.15"), Decimal("0.10"))
SINGLE_STOCK = NakedRule(Decimal("0.20"), Decimal("0.10"))
"""Also for narrow indices and for underlyings that no catalogue names."""


class OptionRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the margin manual leaves open per product. The defaults are the published figures.

    Attributes:
        broad_index: for options whose underlying is an ``Index``.
        other: for all other underlyings.
        by_underlying: underlying id -> its own rule: a narrow index (20 %), a fund on a broad index
            (15 %), a leveraged fund.
        long_dated_after_days: options that live longer lend; nine months.
        long_dated_fraction: what such a long option binds of its value.
    """

    broad_index: NakedRule = BROAD_INDEX
    other: NakedRule = SINGLE_STOCK
    by_underlying: Mapping[str, NakedRule] = MappingProxyType({})
    long_dated_after_days: int = 274
    long_dated_fraction: Decimal = Decimal("0.75")

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: days below 0 or a fraction outside 0 to 1.
        """
        check_fraction("long_dated_fraction", self.long_dated_fraction)
        if self.long_dated_after_days < 0:
            raise ConfigurationError(
                f"long_dated_after_days must be >= 0, got {self.long_dated_after_days}"
            )

    def naked_rule(self, underlying_id: str, catalog: InstrumentCatalog) -> NakedRule:
        """The rule of short options on an underlying."""
        own = self.by_underlying.get(underlying_id)
        if own is not None:
            return own
        is_index = isinstance(catalog.get(underlying_id), Index)
        return self.broad_index if is_index else self.other

    def long_fraction(self, option: OptionContract, now: int) -> Decimal:
        """What a long option binds by itself, as a fraction of its value."""
        is_long_dated = option.expiry_ts - now > self.long_dated_after_days * DAY_NS
        return self.long_dated_fraction if is_long_dated else ONE
