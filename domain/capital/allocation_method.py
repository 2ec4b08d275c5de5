"""How the capital is divided: the methods.

A method is a pure function: it sees an ``AllocationRequest`` and answers in proportions. What is
the same for all methods (reserve, bounds, rounding, the answer to too little history) is not its
business, see ``allocation_policy``, where users add methods of their own.

    custom              the percentages of the configuration as they are; the rest is reserve
    equal_weight        the same for everybody
    inverse_volatility  inverse to the volatility of each book; correlations are ignored on purpose
    risk_parity         equal risk contribution, from the covariance of the books
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from orchestrion.domain.capital.return_history import (
    AlignedReturns,
    EquityPoint,
    align_returns,
    sample_covariance,
    shrink_to_diagonal,
    volatilities,
)
from orchestrion.domain.capital.risk_parity import risk_parity_weights
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import ONE

CUSTOM = "custom"
EQUAL_WEIGHT = "equal_weight"
INVERSE_VOLATILITY = "inverse_volatility"
RISK_PARITY = "risk_parity"


class AllocationRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a method may look at.

    Attributes:
        strategy_ids: whom to give weights, in rank order.
        target_fractions: strategy id -> configured share of the capital.
        equity_curves: strategy id -> its book's equity, day by day.
    """

    strategy_ids: tuple[str, ...]
    target_fractions: Mapping[str, Decimal]
    equity_curves: Mapping[str, Sequence[EquityPoint]]
    returns_min: int
    returns_max: int | None
    shrinkage: float

    def aligned_returns(self) -> AlignedReturns:
        """Returns of all strategies on their common days, in id order.

        Raises:
            EstimateError: too little history.
        """
        curves = {one: self.equity_curves.get(one, ()) for one in self.strategy_ids}
        return align_returns(curves, returns_min=self.returns_min, returns_max=self.returns_max)


class MethodWeights(msgspec.Struct, frozen=True, kw_only=True):
    """A method's answer.

    Attributes:
        weights: one per ``strategy_ids``, not negative, with a positive sum; only their
            ratio counts.
        sample_count: returns per strategy that they rest on, 0 without an estimate.
        is_estimate: made from statistics. Then they are rounded to millionths and recorded.
        is_final: the weights are decimals and fractions of the capital as they stand, never scaled
            or clipped; what they leave is reserve.
    """

    weights: tuple[Decimal | float, ...]
    sample_count: int = 0
    is_estimate: bool = True
    is_final: bool = False


AllocationMethod: TypeAlias = Callable[[AllocationRequest], MethodWeights]


def custom(request: AllocationRequest) -> MethodWeights:
    """The configured fractions as they are.

    Raises:
        ConfigurationError: a strategy without one, or more than everything in sum.
    """
    missing = [one for one in request.strategy_ids if one not in request.target_fractions]
    if missing:
        raise ConfigurationError(f"no allocation_pct for {', '.join(map(repr, missing))}")
    fractions = tuple(request.target_fractions[one] for one in request.strategy_ids)
    return MethodWeights(weights=fractions, is_estimate=False, is_final=True)


def equal_weight(request: AllocationRequest) -> MethodWeights:
    """The same for everybody."""
    return MethodWeights(weights=(ONE,) * len(request.strategy_ids), is_estimate=False)


def inverse_volatility(request: AllocationRequest) -> MethodWeights:
    """Inverse to the volatility of each strategy's daily returns.

    Raises:
        EstimateError: too little history, or a book that never moved.
    """
    aligned = request.aligned_returns()
    inverse = [1.0 / deviation for deviation in volatilities(sample_covariance(aligned))]
    return in_rank_order(request, aligned, inverse)


def risk_parity(request: AllocationRequest) -> MethodWeights:
    """Equal risk contributions, from the covariance of daily returns.

    Raises:
        EstimateError: too little history, or a covariance that is not positive definite.
    """
    aligned = request.aligned_returns()
    covariance = shrink_to_diagonal(sample_covariance(aligned), request.shrinkage)
    weights = risk_parity_weights(covariance, names=aligned.strategy_ids)
    return in_rank_order(request, aligned, weights)


def in_rank_order(
    request: AllocationRequest, aligned: AlignedReturns, weights: Sequence[Decimal | float]
) -> MethodWeights:
    """Estimates are made in id order, so that ranks cannot move their last digit."""
    by_id = dict(zip(aligned.strategy_ids, weights, strict=True))
    ordered = tuple(by_id[one] for one in request.strategy_ids)
    return MethodWeights(weights=ordered, sample_count=aligned.sample_count)


BUILT_IN: Mapping[str, AllocationMethod] = MappingProxyType(
    {
        CUSTOM: custom,
        EQUAL_WEIGHT: equal_weight,
        INVERSE_VOLATILITY: inverse_volatility,
        RISK_PARITY: risk_parity,
    }
)
