"""Strikes by delta or by distance: what the single-structure strategies can be told."""

from __future__ import annotations

from typing import Literal

from orchestrion.domain.models.money import multiply
from orchestrion.domain.models.option_structure import OptionStructure
from orchestrion.domain.strategies.option_market import StrikeTarget
from orchestrion.domain.strategies.option_structure_strategy import OptionStructureParameters
from orchestrion.domain.strategies.parameter import exact, parameter


class StrikeRuleParameters(OptionStructureParameters):
    """Adds the rule by which strikes are chosen; each leg has a delta and a distance."""

    strike_rule: Literal["delta", "percent"] = parameter(
        "delta",
        unit="choice",
        description="choose strikes by delta, or by distance from the underlying's price",
    )
    distance_tolerance_pct: float = parameter(
        2.0,
        unit="percent of the underlying",
        gt=0,
        le=100,
        description="how far a strike may be from its distance",
    )

    def strike(self, delta: float, distance_pct: float) -> StrikeTarget:
        """Where a leg should lie by the chosen rule."""
        if self.strike_rule == "delta":
            return self.delta(delta)
        return StrikeTarget(False, distance_pct / 100, self.distance_tolerance_pct / 100)

    def are_ordered(self, near: tuple[float, float], far: tuple[float, float]) -> bool:
        """Whether ``far`` (delta, distance) lies further out of the money by the chosen rule."""
        return near[0] > far[0] if self.strike_rule == "delta" else near[1] < far[1]


def distance_parameter(default: float, description: str) -> float:
    """A distance out of the money; negative is in the money."""
    distance: float = parameter(
        default, unit="percent of the underlying", gt=-50, lt=50, description=description
    )
    return distance


def delta_parameter(default: float, description: str) -> float:
    """An absolute delta."""
    delta: float = parameter(default, unit="delta", gt=0, lt=1, description=description)
    return delta


def reward_parameter(default: float) -> float:
    """The least reward for the risk of a structure whose profit and loss are limited."""
    ratio: float = parameter(
        default,
        unit="maximum profit per maximum loss",
        ge=0,
        le=100,
        description="entered only if the structure can earn so much for what it can lose",
    )
    return ratio


def is_worth_it(structure: OptionStructure, reward_to_risk_min: float) -> bool:
    """Whether a structure can gain, and enough for what it can lose."""
    profit, loss = structure.maximum_profit(), structure.maximum_loss()
    if profit is None or loss is None or profit <= 0:
        return False
    return profit >= multiply(exact(reward_to_risk_min), loss)
