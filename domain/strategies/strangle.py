"""STRANGLE: buys (or sells) a put and a call on both sides of the market."""

from __future__ import annotations

from decimal import Decimal
from typing import Literal

from pydantic import BaseModel, model_validator

from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.option_structure import OptionStructure, strangle
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.strategy_metadata import Horizon
from orchestrion.domain.strategies.option_market import StrikePicker
from orchestrion.domain.strategies.option_structure_strategy import OptionStructureStrategy
from orchestrion.domain.strategies.parameter import parameter, typed
from orchestrion.domain.strategies.strike_rule import (
    StrikeRuleParameters,
    delta_parameter,
    distance_parameter,
)


class StrangleParameters(StrikeRuleParameters):
    """Bought or sold, and where the two legs lie."""

    side: Literal["long", "short"] = parameter(
        "long", unit="choice", description="buy the strangle, or sell it (unlimited risk)"
    )
    option_delta: float = delta_parameter(0.25, "absolute delta of the put and the call")
    option_distance_pct: float = distance_parameter(3.0, "distance of the put and the call")
    stop_multiple: float = parameter(
        0.8,
        unit="multiple of the premium",
        gt=0,
        le=100,
        description="closed when the loss reaches this multiple of the premium paid or received",
    )

    @model_validator(mode="after")
    def _out_of_the_money(self) -> StrangleParameters:
        if self.strike_rule == "percent" and self.option_distance_pct <= 0:
            raise ValueError("option_distance_pct must be above 0: a put below a call")
        if self.strike_rule == "delta" and self.option_delta >= 0.5:
            raise ValueError("option_delta must be below 0.5: a put below a call")
        return self


class StrangleStrategy(OptionStructureStrategy):
    """Buys an out-of-the-money put and call: gains from a large move either way.

    Idea: a strangle is the plainest bet on movement, and a counterweight to strategies that sell
    premium. With ``side: short`` it is the bet against movement, with unlimited risk.

    Entry: the expiry nearest to the middle of the days-to-expiry window; put and call at
    ``option_delta`` (or by distance).

    Exit: days to expiry used up, profit of a fraction of the premium (sold: of the credit, which
    is its maximum profit), or a multiple of the premium lost.

    Sizing: ``num_lots`` per leg, at most ``max_positions``; bought, the risk is the premium.

    Needs: a chain with bid and ask, and deltas unless strikes go by distance.

    Weaknesses: bought, it pays time value every day and on average options cost more than they
    return; sold, one jump can cost more than years of premium, and the stop fills only at the
    next slice's prices.
    """

    Parameters = StrangleParameters
    library_name = "STRANGLE"
    horizon = Horizon.WEEKS
    description = "buys (or sells) strangles: a bet on (or against) a large move"

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self._terms = typed(self.parameters, StrangleParameters)

    def choose(self, picker: StrikePicker) -> OptionStructure | None:
        terms = self._terms
        where = terms.strike(terms.option_delta, terms.option_distance_pct)
        side = OrderSide.BUY if terms.side == "long" else OrderSide.SELL
        put = picker.pick(OptionKind.PUT, side, where)
        call = picker.pick(OptionKind.CALL, side, where)
        if put is None or call is None or put.strike_e9 >= call.strike_e9:
            return None
        return strangle(put, call, quantity=Decimal(side.sign))
