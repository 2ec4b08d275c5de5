"""IRON_CONDOR: sells a strangle and buys a wider one, for limited risk."""

from __future__ import annotations

from pydantic import BaseModel, model_validator

from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.option_structure import OptionStructure, iron_condor
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.strategy_metadata import Horizon
from orchestrion.domain.strategies.option_market import StrikePicker
from orchestrion.domain.strategies.option_structure_strategy import OptionStructureStrategy
from orchestrion.domain.strategies.parameter import typed
from orchestrion.domain.strategies.strike_rule import (
    StrikeRuleParameters,
    delta_parameter,
    distance_parameter,
    is_worth_it,
    reward_parameter,
)

_PUT, _CALL = OptionKind.PUT, OptionKind.CALL


class IronCondorParameters(StrikeRuleParameters):
    """Where the four legs lie and what they must pay at least."""

    short_delta: float = delta_parameter(0.16, "absolute delta of the options that are sold")
    wing_delta: float = delta_parameter(0.05, "absolute delta of the options that are bought")
    short_distance_pct: float = distance_parameter(4.0, "distance of the options that are sold")
    wing_distance_pct: float = distance_parameter(7.0, "distance of the options that are bought")
    reward_to_risk_min: float = reward_parameter(0.1)

    @model_validator(mode="after")
    def _wings_outside(self) -> IronCondorParameters:
        short = (self.short_delta, self.short_distance_pct)
        if not self.are_ordered(short, (self.wing_delta, self.wing_distance_pct)):
            raise ValueError("the wings must lie further out of the money than the sold options")
        return self


class IronCondorStrategy(OptionStructureStrategy):
    """Sells an iron condor: a put spread below and a call spread above the market.

    Idea: most months end inside a range that option prices overstate; the wings limit what a month
    outside of it can cost.

    Entry: the expiry nearest to the middle of the days-to-expiry window; puts and calls sold at
    ``short_delta`` and bought at ``wing_delta`` (or by distance); only if maximum profit over
    maximum loss at the quotes' far sides is at least ``reward_to_risk_min``.

    Exit: days to expiry used up, a fraction of the credit earned, or a multiple of the credit lost.

    Sizing: ``num_lots`` per leg, at most ``max_positions``; margin is one side's width.

    Needs: a chain with bid and ask, and deltas unless strikes go by distance.

    Weaknesses: many small gains against few large losses; four legs pay four spreads; no view on
    the trend, so a steady climb or fall runs through one side again and again.
    """

    Parameters = IronCondorParameters
    library_name = "IRON_CONDOR"
    horizon = Horizon.WEEKS
    description = "sells iron condors: premium for a quiet market, with limited risk"

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self._terms = typed(self.parameters, IronCondorParameters)

    def choose(self, picker: StrikePicker) -> OptionStructure | None:
        terms = self._terms
        short = terms.strike(terms.short_delta, terms.short_distance_pct)
        wing = terms.strike(terms.wing_delta, terms.wing_distance_pct)
        put = picker.pick(_PUT, OrderSide.SELL, short)
        call = picker.pick(_CALL, OrderSide.SELL, short)
        if put is None or call is None or put.strike_e9 >= call.strike_e9:
            return None
        low = picker.pick(_PUT, OrderSide.BUY, wing, beyond=put)
        high = picker.pick(_CALL, OrderSide.BUY, wing, beyond=call)
        if low is None or high is None:
            return None
        structure = iron_condor(long_put=low, short_put=put, short_call=call, long_call=high)
        return structure if is_worth_it(structure, terms.reward_to_risk_min) else None
