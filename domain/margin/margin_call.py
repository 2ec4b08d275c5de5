"""Is there enough? The larger of our margin and the venue's, and what is missing.

Live, our model is an estimate of the broker's rules and the broker's figure is what counts; but a
broker that asks for less than our model must not loosen it. So each figure is the larger one.
"""

from __future__ import annotations

from decimal import Decimal

from orchestrion.domain.margin.requirement import Margin
from orchestrion.domain.models.money import subtract


def larger_of(ours: Margin, venue: Margin | None) -> Margin:
    """The larger initial and the larger maintenance margin.

    Args:
        venue: of the same positions as the venue reports it; None when it reports none.
    """
    if venue is None:
        return ours
    return Margin(
        max(ours.initial, venue.initial),
        max(ours.maintenance, venue.maintenance),
    )


def margin_call(equity: Decimal, margin: Margin) -> Decimal | None:
    """What is missing to the maintenance margin, > 0, or None.

    Only strictly below is a call: equity that equals the maintenance margin meets it. A margin that
    is ``UNLIMITED`` is always missing, without limit.
    """
    if equity >= margin.maintenance:
        return None
    return subtract(margin.maintenance, equity)
