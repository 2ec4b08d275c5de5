"""The ``allocation`` section: how the capital is divided, and how far from it a part may be."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from pydantic import Field, model_validator

from orchestrion.adapters.settings.section import Section, Weight, fraction_of
from orchestrion.domain.capital.allocation_method import CUSTOM
from orchestrion.domain.capital.allocation_policy import (
    RETURNS_MAX,
    RETURNS_MIN,
    AllocationPolicy,
)
from orchestrion.domain.capital.weight_bound import WeightBound
from orchestrion.domain.models.money import ZERO

ALL_PCT = Decimal(100)


class AllocationSettings(Section):
    method: str = Field(default=CUSTOM, min_length=1)
    """custom: by allocation_pct, what they leave is reserve. equal_weight: the same for each.
    inverse_volatility, risk_parity: from the books' daily returns. skfolio_...: its optimisers,
    with the extra skfolio. package.module:function: a method of your own."""
    fallback: str | None = Field(default=None, min_length=1)
    """The method that stands in while the first one has too little history, as at the start of
    every run; without one the run is refused then."""
    reserve_pct: Weight = Field(default=ZERO, lt=100)
    """Percent of the capital that is given to nobody; with custom, at least."""
    min_pct: Weight = ZERO
    """The least that a strategy is given, percent of the capital, unless its entry says
    otherwise."""
    max_pct: Weight = ALL_PCT
    """The most that a strategy is given, percent of the capital, unless its entry says
    otherwise."""
    returns_min: int = Field(default=RETURNS_MIN, ge=2, le=1_000_000)
    """Daily returns that all strategies must have in common before a method estimates from
    them."""
    returns_max: int = Field(default=RETURNS_MAX, ge=2, le=1_000_000)
    """Only so many of the latest returns are used."""
    shrinkage: float = Field(default=0.0, ge=0, le=1)
    """How far risk_parity pulls correlations to zero, from 0 (as measured) to 1 (ignored)."""

    @model_validator(mode="after")
    def _returns_in_order(self) -> AllocationSettings:
        if self.returns_max < self.returns_min:
            raise ValueError("returns_max must be at least returns_min")
        return self

    @property
    def reserve_fraction(self) -> Decimal:
        return fraction_of(self.reserve_pct)

    @property
    def uses_percentages(self) -> bool:
        """Whether ``allocation_pct`` plays a part."""
        return CUSTOM in (self.method, self.fallback)

    def bound(self, min_pct: Decimal | None, max_pct: Decimal | None) -> WeightBound:
        """The bound of a strategy whose entry says this; None is the section's own."""
        return WeightBound(
            fraction_of(self.min_pct if min_pct is None else min_pct),
            fraction_of(self.max_pct if max_pct is None else max_pct),
        )

    def policy(self, bounds: Mapping[str, WeightBound]) -> AllocationPolicy:
        """
        Args:
            bounds: strategy id -> bound, of those that run and have one of their own.
        """
        return AllocationPolicy(
            method=self.method,
            fallback=self.fallback,
            reserve_fraction=self.reserve_fraction,
            default_bound=self.bound(None, None),
            bounds=bounds,
            returns_min=self.returns_min,
            returns_max=self.returns_max,
            shrinkage=self.shrinkage,
        )
