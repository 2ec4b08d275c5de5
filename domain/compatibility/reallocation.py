"""New percentages: exact, in steps of a hundredth of a percent, never more than 100 together.

Pure arithmetic on whole steps: ``STEPS`` of them are the account's capital. Floats only say in
which proportion; from there on everything is integer, so no sum can pass what was there.

Size: strategies, and for ``decrowded`` pairs of strategies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import ROUND_DOWN, ROUND_UP, Decimal

from orchestrion.domain.compatibility.association import Standard, correlation
from orchestrion.domain.compatibility.lineup import Lineup, cents_up
from orchestrion.domain.compatibility.recommendation import SetAllocations
from orchestrion.domain.models.money import ONE, ZERO, divide, multiply

STEP_PCT = Decimal("0.01")
STEPS = 10_000


def present_steps(lineup: Lineup) -> dict[str, int]:
    """What every strategy has, rounded down; the account's capital must be above zero."""
    return {
        one.strategy_id: _steps(one.capital or ZERO, lineup.capital, ROUND_DOWN)
        for one in lineup.candidates
    }


def minimum_steps(lineup: Lineup) -> dict[str, int]:
    """The least that every strategy must keep: its minimum capital, and one step at least."""
    # The minimum to the cent first: what a percentage gives is rounded down to it.
    return {
        one.strategy_id: max(1, _steps(cents_up(one.minimum_capital), lineup.capital, ROUND_UP))
        for one in lineup.candidates
    }


def in_proportion(weights: Sequence[float], steps: int) -> list[int]:
    """Whole steps in proportion to weights >= 0 with a positive sum, each rounded down."""
    whole = math.fsum(weights)
    return [int(steps * (weight / whole)) for weight in weights]


def with_minimums(
    steps: Mapping[str, int], minimums: Mapping[str, int], *, at_most: int = STEPS
) -> dict[str, int] | None:
    """Nobody below its minimum: first from what nobody has, then from those with more, in
    proportion to what they have above theirs. None when ``at_most`` does not suffice."""
    if sum(minimums[one] for one in steps) > at_most:
        return None
    raised = {one: max(count, minimums[one]) for one, count in steps.items()}
    excess = sum(raised.values()) - at_most
    if excess <= 0:
        return raised
    surplus = {one: count - minimums[one] for one, count in raised.items()}
    available = sum(surplus.values())
    # Rounded up, so that the cuts cover the excess; each is at most the surplus.
    cut = {one: -(-excess * count // available) for one, count in surplus.items()}
    return {one: count - cut[one] for one, count in raised.items()}


def decrowded(moves: Sequence[Standard], steps: int) -> list[int]:
    """Inverse volatility, divided by how many others a strategy moves with.

    The divisor is the sum of its positive correlations, the 1 with itself included, so that two
    copies of one strategy get together what one of them would get alone. Unlike risk parity it
    needs no covariance that can be inverted, which is what crowded strategies do not have.
    """
    crowds = [
        math.fsum(max(0.0, correlation(one, other) or 0.0) for other in moves) for one in moves
    ]
    return in_proportion(
        [1 / (one.norm * crowd) for one, crowd in zip(moves, crowds, strict=True)], steps
    )


def percentages_of(steps: Mapping[str, int]) -> SetAllocations:
    """As a recommendation's action; everybody has a step at least."""
    return SetAllocations(
        tuple((one, multiply(Decimal(count), STEP_PCT)) for one, count in steps.items())
    )


def _steps(amount: Decimal, whole: Decimal, rounding: str) -> int:
    return int(divide(multiply(amount, Decimal(STEPS)), whole, step=ONE, rounding=rounding))
