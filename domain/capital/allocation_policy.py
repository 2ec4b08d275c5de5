"""From a method's answer to weights: reserve, bounds, rounding, and too little history.

    AllocationRequest --a method--> MethodWeights --this file--> ComputedWeights --> amounts

What a method cannot estimate is refused, or the configured fallback stands in and the result says
so; it is never replaced in silence. Methods are found by name in an ``AllocationMethods``, an
ordinary object with the built-in ones in it: there is no global registry.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from types import MappingProxyType

import msgspec

from orchestrion.domain.capital.allocation_method import (
    BUILT_IN,
    CUSTOM,
    AllocationMethod,
    AllocationRequest,
    MethodWeights,
)
from orchestrion.domain.capital.computed_weights import (
    EXACT_STEP,
    ComputedWeights,
)
from orchestrion.domain.capital.return_history import (
    COMPUTED_STEP,
    EquityPoint,
    EstimateError,
)
from orchestrion.domain.capital.rounded_share import round_to_total
from orchestrion.domain.capital.weight_bound import (
    UNBOUNDED,
    WeightBound,
    bounded_weights,
    check_bounds,
)
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import EXACT, ONE, ZERO, is_multiple, subtract

RETURNS_MIN = 60
"""Common daily returns below which nothing is estimated: about three months; arbitrary."""
RETURNS_MAX = 252
"""The latest returns that an estimate uses: about a year of trading days."""

_NO_BOUNDS: Mapping[str, WeightBound] = MappingProxyType({})


class AllocationPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What the configuration says about dividing the capital. Fractions of the whole capital, with
    at most six decimals.

    Attributes:
        method: name of a method.
        fallback: method that stands in when the first cannot estimate what it needs; None refuses.
        reserve_fraction: kept back, 0 to below 1; ``custom`` keeps back what it leaves over, which
            must not be less.
        default_bound: bound of every strategy that has none of its own.
        bounds: strategy id -> bound. ``custom`` is never clipped: outside its bound it is refused.
        returns_min, returns_max: see ``return_history.align_returns``.
        shrinkage: how far correlations are pulled to zero before ``risk_parity``, 0 to 1.
    """

    method: str = CUSTOM
    fallback: str | None = None
    reserve_fraction: Decimal = ZERO
    default_bound: WeightBound = UNBOUNDED
    bounds: Mapping[str, WeightBound] = _NO_BOUNDS
    returns_min: int = RETURNS_MIN
    returns_max: int | None = RETURNS_MAX
    shrinkage: float = 0.0

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a setting that cannot be used by itself; the message names it.
        """
        if self.fallback == self.method:
            raise ConfigurationError(f"fallback: {self.fallback!r} cannot stand in for itself")
        _check_fraction("reserve_fraction", self.reserve_fraction)
        if self.reserve_fraction == ONE:
            raise ConfigurationError("reserve_fraction must be below 1, or nothing is given out")
        for name, bound in (("default_bound", self.default_bound), *self.bounds.items()):
            _check_fraction(f"minimum_fraction of {name}", bound.minimum_fraction)
            _check_fraction(f"maximum_fraction of {name}", bound.maximum_fraction)
        if not 0.0 <= self.shrinkage <= 1.0:  # also false for NaN
            raise ConfigurationError(f"shrinkage must be in [0, 1], got {self.shrinkage}")


class AllocationMethods:
    """Methods by name: the built-in ones, and what a user registers on this instance."""

    __slots__ = ("_methods",)

    def __init__(self) -> None:
        self._methods = dict(BUILT_IN)

    def __iter__(self) -> Iterator[str]:
        """Names, in order of registration."""
        return iter(self._methods)

    def register(self, name: str, method: AllocationMethod) -> None:
        """Adds a method.

        Raises:
            ConfigurationError: an empty name, one that is taken, or something that is no function.
        """
        if not name or name in self._methods:
            raise ConfigurationError(
                f"an allocation method cannot be called {name!r}: the name is empty or taken"
            )
        if not callable(method):
            raise ConfigurationError(f"allocation method {name!r} is not a function: {method!r}")
        self._methods[name] = method

    def compute(
        self,
        policy: AllocationPolicy,
        strategy_ids: Sequence[str],
        *,
        target_fractions: Mapping[str, Decimal] | None = None,
        equity_curves: Mapping[str, Sequence[EquityPoint]] | None = None,
    ) -> ComputedWeights:
        """Weights by the policy's method, or by its fallback, which the result then says.

        Args:
            strategy_ids: in rank order.

        Raises:
            EstimateError: the method cannot estimate what it needs and there is no fallback (or it
                cannot either).
            ConfigurationError: anything in the policy or in a method's answer that cannot be used.
        """
        ids = tuple(strategy_ids)
        bounds = self._bounds(policy, ids)
        request = AllocationRequest(
            strategy_ids=ids,
            target_fractions=target_fractions or {},
            equity_curves=equity_curves or {},
            returns_min=policy.returns_min,
            returns_max=policy.returns_max,
            shrinkage=policy.shrinkage,
        )
        try:
            return self._weights(policy.method, request, policy, bounds)
        except EstimateError as error:
            if policy.fallback is None:
                raise
            reason = str(error)
        try:
            weights = self._weights(policy.fallback, request, policy, bounds)
        except EstimateError as error:
            raise EstimateError(f"{reason}; and fallback {policy.fallback}: {error}") from error
        return msgspec.structs.replace(weights, fallback_from=policy.method, fallback_reason=reason)

    def _weights(
        self,
        name: str,
        request: AllocationRequest,
        policy: AllocationPolicy,
        bounds: Mapping[str, WeightBound],
    ) -> ComputedWeights:
        answer = _checked(name, self._methods[name](request), request.strategy_ids)
        if answer.is_final:
            return _final_weights(name, answer, policy.reserve_fraction, bounds)
        return _scaled_weights(name, answer, policy.reserve_fraction, bounds)

    def _bounds(self, policy: AllocationPolicy, ids: tuple[str, ...]) -> dict[str, WeightBound]:
        """The bound of every strategy, once the policy has been found to fit them."""
        if not ids or len(frozenset(ids)) != len(ids):
            raise ConfigurationError(f"weights need distinct strategies, got {list(ids)}")
        for key, name in (("method", policy.method), ("fallback", policy.fallback)):
            if name is not None and name not in self._methods:
                raise ConfigurationError(
                    f"{key}: no allocation method is called {name!r}, there are "
                    f"{', '.join(self._methods)}"
                )
        unknown = [one for one in policy.bounds if one not in ids]
        if unknown:
            raise ConfigurationError(f"bounds: there is no strategy {', '.join(unknown)}")
        return {one: policy.bounds.get(one, policy.default_bound) for one in ids}


def _scaled_weights(
    name: str, answer: MethodWeights, reserve: Decimal, bounds: Mapping[str, WeightBound]
) -> ComputedWeights:
    budget = subtract(ONE, reserve)
    check_bounds(bounds, budget)
    exact = bounded_weights([Fraction(one) for one in answer.weights], bounds, budget)
    # Bounds are multiples of either step, so a weight at its bound stays and none passes one.
    step = COMPUTED_STEP if answer.is_estimate else EXACT_STEP
    return ComputedWeights(
        strategy_ids=tuple(bounds),
        fractions=round_to_total(exact, budget, step=step),
        reserve_fraction=reserve,
        method=name,
        sample_count=answer.sample_count,
        is_estimate=answer.is_estimate,
        clipped_ids=_clipped(exact, answer, bounds, budget),
    )


def _clipped(
    exact: Sequence[Fraction],
    answer: MethodWeights,
    bounds: Mapping[str, WeightBound],
    budget: Decimal,
) -> tuple[str, ...]:
    """Who stands at a bound and would stand elsewhere without bounds."""
    shares = [Fraction(one) for one in answer.weights]
    total = sum(shares)
    return tuple(
        strategy_id
        for (strategy_id, bound), weight, share in zip(bounds.items(), exact, shares, strict=True)
        if weight in (Fraction(bound.minimum_fraction), Fraction(bound.maximum_fraction))
        and weight != Fraction(budget) * share / total
    )


def _final_weights(
    name: str, answer: MethodWeights, reserve: Decimal, bounds: Mapping[str, WeightBound]
) -> ComputedWeights:
    fractions = tuple(Decimal(one) for one in answer.weights)
    rest = ONE
    for fraction in fractions:
        rest = subtract(rest, fraction)
    if rest < reserve:
        given = _percent(subtract(ONE, rest))
        most = _percent(subtract(ONE, reserve))
        raise ConfigurationError(f"allocation_pct sums to {given}, at most {most} can be given")
    for (strategy_id, bound), fraction in zip(bounds.items(), fractions, strict=True):
        if not bound.minimum_fraction <= fraction <= bound.maximum_fraction:
            raise ConfigurationError(
                f"allocation_pct of {strategy_id!r} is {_percent(fraction)}, outside its bounds "
                f"{_percent(bound.minimum_fraction)} to {_percent(bound.maximum_fraction)}; "
                f"{name} is taken as written and never clipped"
            )
    return ComputedWeights(
        strategy_ids=tuple(bounds),
        fractions=fractions,
        reserve_fraction=rest,
        method=name,
        sample_count=answer.sample_count,
        is_estimate=answer.is_estimate,
    )


def _checked(name: str, answer: object, strategy_ids: tuple[str, ...]) -> MethodWeights:
    """The answer, once it has been found usable: users' methods promise nothing."""
    if not isinstance(answer, MethodWeights):
        raise ConfigurationError(f"allocation method {name!r} gave {answer!r}, not MethodWeights")
    if len(answer.weights) != len(strategy_ids):
        raise ConfigurationError(
            f"allocation method {name!r} gave {len(answer.weights)} weights for "
            f"{len(strategy_ids)} strategies"
        )
    for strategy_id, weight in zip(strategy_ids, answer.weights, strict=True):
        if not _is_weight(weight):
            raise ConfigurationError(
                f"allocation method {name!r} gave {strategy_id!r} the weight {weight!r}; "
                "weights are finite numbers and not negative"
            )
    if not any(answer.weights):
        raise ConfigurationError(f"allocation method {name!r} gave no strategy any weight")
    is_decimal = all(isinstance(weight, Decimal) for weight in answer.weights)
    if not is_decimal and (answer.is_final or not answer.is_estimate):
        raise ConfigurationError(
            f"allocation method {name!r} gave floats; final weights, and weights that are not "
            "recorded, are decimals"
        )
    return answer


def _is_weight(value: object) -> bool:
    return isinstance(value, (int, float, Decimal)) and math.isfinite(value) and value >= 0


def _check_fraction(key: str, value: Decimal) -> None:
    if not (value.is_finite() and ZERO <= value <= ONE and is_multiple(value, COMPUTED_STEP)):
        raise ConfigurationError(
            f"{key} must be from 0 to 1 with at most six decimals, got {value}"
        )


def _percent(fraction: Decimal) -> str:
    return f"{EXACT.scaleb(fraction, 2).normalize(EXACT):f}"
