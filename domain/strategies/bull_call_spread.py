"""BULL_CALL_SPREAD: buys a call and sells a higher one, in a rising market."""

from __future__ import annotations

from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.strategy_metadata import Horizon
from orchestrion.domain.strategies.vertical_spread import VerticalSpreadStrategy


class BullCallSpreadStrategy(VerticalSpreadStrategy):
    """Buys a call spread while the underlying trades above its average.

    Idea: a rising market tends to go on for weeks; the spread gains from it with a loss that is
    limited to the premium, and the sold call pays for part of the bought one.

    Entry: price above the average of the last ``trend_days`` closes (0: always); the call at
    ``long_delta`` bought and the one at ``short_delta`` sold (or by distance) at one expiry; only
    if maximum profit over maximum loss is at least ``reward_to_risk_min``.

    Exit: days to expiry used up, a fraction of the maximum profit, or a part of the premium lost.

    Sizing: ``num_lots`` per leg, at most ``max_positions``; the risk is the premium.

    Needs: a chain with bid and ask (deltas unless strikes go by distance), daily, for
    ``trend_days`` days before the first entry.

    Weaknesses: pays time value when the market stands still; the trend filter is late at turns and
    buys into sharp reversals; the upside beyond the sold strike is given away.
    """

    library_name = "BULL_CALL_SPREAD"
    horizon = Horizon.WEEKS
    description = "buys call spreads in a rising market"
    option_kind = OptionKind.CALL
