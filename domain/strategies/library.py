"""The strategies that a configuration can choose by name."""

from __future__ import annotations

from typing import ClassVar

from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.strategies.bear_put_spread import BearPutSpreadStrategy
from orchestrion.domain.strategies.bull_call_spread import BullCallSpreadStrategy
from orchestrion.domain.strategies.iron_condor import IronCondorStrategy
from orchestrion.domain.strategies.library_strategy import LibraryStrategy
from orchestrion.domain.strategies.mean_reversion_equity import MeanReversionEquityStrategy
from orchestrion.domain.strategies.momentum_futures import MomentumFuturesStrategy
from orchestrion.domain.strategies.options_monthly_weekly_hedge import (
    OptionsMonthlyWeeklyHedgeStrategy,
)
from orchestrion.domain.strategies.parameter import ParameterDescription, describe
from orchestrion.domain.strategies.strangle import StrangleStrategy


class StrategyLibrary:
    """Pre-defined strategies available for selection."""

    STRATEGIES: ClassVar[dict[str, type[LibraryStrategy]]] = {
        "OPTIONS_MONTHLY_WEEKLY_HEDGE": OptionsMonthlyWeeklyHedgeStrategy,
        "IRON_CONDOR": IronCondorStrategy,
        "BULL_CALL_SPREAD": BullCallSpreadStrategy,
        "BEAR_PUT_SPREAD": BearPutSpreadStrategy,
        "STRANGLE": StrangleStrategy,
        "MOMENTUM_FUTURES": MomentumFuturesStrategy,
        "MEAN_REVERSION_EQUITY": MeanReversionEquityStrategy,
    }

    @classmethod
    def get_strategy(cls, name: str) -> Strategy:
        """A new instance with default parameters; each call gives another one.

        Raises:
            ValueError: the library has no such name.
        """
        if name not in cls.STRATEGIES:
            raise ValueError(f"Unknown strategy: {name}")
        return cls.STRATEGIES[name]()


strategy_library = StrategyLibrary()
"""The library as the specification's example uses it."""


def describe_parameters(name: str) -> tuple[ParameterDescription, ...]:
    """The parameters of a library strategy, in the order of their declaration.

    Raises:
        ValueError: the library has no such name.
    """
    if name not in StrategyLibrary.STRATEGIES:
        raise ValueError(f"Unknown strategy: {name}")
    return describe(StrategyLibrary.STRATEGIES[name].Parameters)
