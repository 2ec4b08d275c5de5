"""What the two debit spreads share: buy one option, sell another further out, follow the trend."""

from __future__ import annotations

from typing import Any, ClassVar

from pydantic import BaseModel, model_validator

from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.option_structure import OptionStructure, vertical
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.strategies.option_market import OptionMarket, StrikePicker
from orchestrion.domain.strategies.option_structure_strategy import OptionStructureStrategy
from orchestrion.domain.strategies.parameter import parameter, typed
from orchestrion.domain.strategies.session import DailyCloses
from orchestrion.domain.strategies.state import decode_state, encode_state
from orchestrion.domain.strategies.strike_rule import (
    StrikeRuleParameters,
    delta_parameter,
    distance_parameter,
    is_worth_it,
    reward_parameter,
)


class VerticalSpreadParameters(StrikeRuleParameters):
    """Where the two legs lie, what they must pay, and which trend is asked for."""

    long_delta: float = delta_parameter(0.5, "absolute delta of the option that is bought")
    short_delta: float = delta_parameter(0.25, "absolute delta of the option that is sold")
    long_distance_pct: float = distance_parameter(0.0, "distance of the option that is bought")
    short_distance_pct: float = distance_parameter(3.0, "distance of the option that is sold")
    reward_to_risk_min: float = reward_parameter(0.5)
    trend_days: int = parameter(
        50,
        unit="daily closes",
        ge=0,
        le=1000,
        description="enter only on the right side of the average of so many closes; 0 always",
    )
    stop_multiple: float = parameter(
        0.5,
        unit="multiple of the premium",
        gt=0,
        le=1,
        description="closed when the loss reaches this part of the premium paid",
    )

    @model_validator(mode="after")
    def _sold_leg_outside(self) -> VerticalSpreadParameters:
        bought = (self.long_delta, self.long_distance_pct)
        if not self.are_ordered(bought, (self.short_delta, self.short_distance_pct)):
            raise ValueError(
                "the sold option must lie further out of the money than the bought one"
            )
        return self


class VerticalSpreadStrategy(OptionStructureStrategy):
    """Base of the debit spreads; a subclass names the option kind."""

    Parameters = VerticalSpreadParameters
    option_kind: ClassVar[OptionKind]

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self._terms = typed(self.parameters, VerticalSpreadParameters)
        self._closes = DailyCloses()

    def observe(self, market: OptionMarket) -> None:
        keep = self._terms.trend_days
        if keep:
            price_e9 = market.chain.underlying_price_e9
            self._closes = self._closes.observe(market.now, price_e9, keep=keep)

    def wants_entry(self, market: OptionMarket) -> bool:
        days, closes_e9 = self._terms.trend_days, self._closes.closes_e9
        if not days:
            return True
        # Compared as whole numbers, so no rounding can decide: price x n against the sum.
        excess = market.chain.underlying_price_e9 * days - sum(closes_e9)
        is_with_trend = excess > 0 if self.option_kind is OptionKind.CALL else excess < 0
        return len(closes_e9) == days and is_with_trend

    def choose(self, picker: StrikePicker) -> OptionStructure | None:
        terms, kind = self._terms, self.option_kind
        near = terms.strike(terms.long_delta, terms.long_distance_pct)
        far = terms.strike(terms.short_delta, terms.short_distance_pct)
        bought = picker.pick(kind, OrderSide.BUY, near)
        if bought is None:
            return None
        sold = picker.pick(kind, OrderSide.SELL, far, beyond=bought)
        if sold is None:
            return None
        structure = vertical(bought, sold)
        return structure if is_worth_it(structure, terms.reward_to_risk_min) else None

    def snapshot(self) -> dict[str, Any]:
        return {**super().snapshot(), **encode_state(self.state_version, closes=self._closes)}

    def restore(self, state: object) -> None:
        closes = decode_state(state, self.state_version, "closes", DailyCloses)
        super().restore(state)
        self._closes = closes
