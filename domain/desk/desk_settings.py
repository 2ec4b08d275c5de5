"""What the capital desk of a run is told to do; everything is off unless it is set."""

from __future__ import annotations

import msgspec

from orchestrion.domain.capital.drawdown_stop import DrawdownRule
from orchestrion.domain.capital.rebalance_trigger import TriggerRules
from orchestrion.domain.capital.rebalancing import RebalancePolicy


class CapitalDeskSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Rules for capital that moves. Value types of the rules themselves; no percent.

    Attributes:
        triggers: when a rebalance starts by itself, looked at at each session's close.
        rebalance: how every rebalance, also an operator's, is carried out.
        stops: drawdown stops, any number per scope (a strategy id or ``ACCOUNT_SCOPE``), observed
            at each session's close and whenever capital moves.
        stops_at_every_slice: also with every slice; costs one equity per stop and slice.
        deleverages: on a margin call the deleverage plan is ordered; without it the call is only
            told, and entries are refused as always.
        day_offset_ns: when the day of the equity history begins, see ``capital.session_day``.
    """

    triggers: TriggerRules = TriggerRules()
    rebalance: RebalancePolicy = RebalancePolicy()
    stops: tuple[DrawdownRule, ...] = ()
    stops_at_every_slice: bool = False
    deleverages: bool = False
    day_offset_ns: int = 0


NO_DESK_RULES = CapitalDeskSettings()
"""Nothing happens by itself; inputs and operators' questions are answered all the same."""
