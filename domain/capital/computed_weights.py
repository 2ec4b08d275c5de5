"""Weights as a value: what a method gave, how it was made, and what it means in money.

Computing weights and giving out capital are two steps on purpose. Weights that rest on statistics
are recorded in the journal as an input; replay reads them, and a check recomputes them within a
tolerance (``disagreement``). From the recorded weights on everything is exact: ``amounts_of`` gives
out every cent once.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import (
    CENT,
    ONE,
    add,
    largest_remainder,
    round_down_to_step,
    subtract,
)

EXACT_STEP = Decimal("1e-18")
"""Grid of weights that are not estimates: finer than a cent of the largest amount by a factor of a
hundred, so that a third of any capital is right to the cent."""

AGREEMENT_TOLERANCE = Decimal("0.000002")
"""Two steps of a recorded weight: another last bit before the rounding can move a fraction by one
step, and the leftover step of largest remainder to somebody else by another."""


class ComputedWeights(msgspec.Struct, frozen=True, kw_only=True):
    """Fractions of the whole capital, one per strategy.

    Attributes:
        strategy_ids: in rank order.
        fractions: in the same order, not negative; with the reserve they sum to exactly 1.
        reserve_fraction: what no strategy gets.
        method: the method that made them.
        sample_count: returns per strategy that the estimate rests on; 0 without one.
        is_estimate: made from statistics, so they have to be recorded before they act.
        clipped_ids: strategies at their minimum or maximum, in rank order.
        fallback_from: the configured method when another one stood in for it, else empty.
        fallback_reason: why, in words.
    """

    strategy_ids: tuple[str, ...]
    fractions: tuple[Decimal, ...]
    reserve_fraction: Decimal
    method: str
    sample_count: int = 0
    is_estimate: bool = False
    clipped_ids: tuple[str, ...] = ()
    fallback_from: str = ""
    fallback_reason: str = ""

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: they do not fit together; also when a record was tampered with.
        """
        if len(self.strategy_ids) != len(self.fractions) or not self.strategy_ids:
            raise ConfigurationError(
                f"weights need one fraction per strategy, got {len(self.fractions)} for "
                f"{len(self.strategy_ids)}"
            )
        total = self.reserve_fraction
        for strategy_id, fraction in zip(
            (*self.strategy_ids, "the reserve"),
            (*self.fractions, self.reserve_fraction),
            strict=True,
        ):
            if not (fraction.is_finite() and fraction >= 0):
                raise ConfigurationError(f"the weight of {strategy_id} must be >= 0: {fraction}")
        for fraction in self.fractions:
            total = add(total, fraction)
        if total != ONE:
            raise ConfigurationError(f"weights and reserve must sum to 1, they sum to {total}")

    @property
    def as_dict(self) -> dict[str, Decimal]:
        """Strategy id -> fraction, in rank order."""
        return dict(zip(self.strategy_ids, self.fractions, strict=True))


def amounts_of(weights: ComputedWeights, total_capital: Decimal) -> dict[str, Decimal]:
    """Capital per strategy id in rank order, to the cent; what they leave of it is the reserve's.

    By largest remainder with ties by rank, the reserve last. Part of a cent in the capital itself
    stays in the reserve.

    Args:
        total_capital: account currency, >= 0; with 0 everybody gets 0.00.

    Raises:
        ConfigurationError: the capital is negative or not finite.
    """
    if not total_capital.is_finite() or total_capital < 0:
        raise ConfigurationError(f"total_capital must be finite and >= 0, got {total_capital}")
    whole = round_down_to_step(total_capital, CENT)
    parts = largest_remainder(whole, (*weights.fractions, weights.reserve_fraction))
    return dict(zip(weights.strategy_ids, parts, strict=False))


def disagreement(
    recorded: ComputedWeights,
    recomputed: ComputedWeights,
    *,
    tolerance: Decimal = AGREEMENT_TOLERANCE,
) -> str:
    """In words, how a recomputation differs from the record; empty when it does not.

    Args:
        tolerance: largest difference of a fraction that counts as the same.
    """
    for name in ("strategy_ids", "method", "sample_count", "fallback_from", "reserve_fraction"):
        before, after = getattr(recorded, name), getattr(recomputed, name)
        if before != after:
            return f"{name} was recorded as {before}, recomputed as {after}"
    for strategy_id, before in recorded.as_dict.items():
        after = recomputed.as_dict[strategy_id]
        if subtract(before, after).copy_abs() > tolerance:
            return f"the weight of {strategy_id} was recorded as {before}, recomputed as {after}"
    return ""
