"""BEAR_PUT_SPREAD: buys a put and sells a lower one, in a falling market."""

from __future__ import annotations

from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.strategy_metadata import Horizon
from orchestrion.domain.strategies.vertical_spread import VerticalSpreadStrategy


class BearPutSpreadStrategy(VerticalSpreadStrategy):
    """Buys a put spread while the underlying trades below its average.

    Idea: falls are faster than rises; a put spread gains from one with a loss that is limited to
    the premium, and the sold put takes back part of the price that fear adds.

    Entry: price below the average of the last ``trend_days`` closes (0: always); the put at
    ``long_delta`` bought and the one at ``short_delta`` sold (or by distance) at one expiry; only
    if maximum profit over maximum loss is at least ``reward_to_risk_min``.

    Exit: days to expiry used up, a fraction of the maximum profit, or a part of the premium lost.

    Sizing: ``num_lots`` per leg, at most ``max_positions``; the risk is the premium.

    Needs: a chain with bid and ask (deltas unless strikes go by distance), daily, for
    ``trend_days`` days before the first entry.

    Weaknesses: index puts are dear once the market has begun to fall; most dips recover before the
    spread pays; useful rather as a counterweight to strategies that suffer from falls.
    """

    library_name = "BEAR_PUT_SPREAD"
    horizon = Horizon.WEEKS
    description = "buys put spreads in a falling market"
    option_kind = OptionKind.PUT
