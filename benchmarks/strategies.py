"""The workload's strategies as a user of Orchestrion would write them.

Configured by import path, e.g. ``benchmarks.strategies:SmaCross``. They give snapshots, so that
supervision can rebuild them at any time of a long run and is paid for in every measurement.
"""

from __future__ import annotations

from collections import deque
from typing import Any, cast

from pydantic import BaseModel, ConfigDict

from benchmarks.workload import LongOrFlat
from orchestrion import MarketSlice, Strategy, StrategyView
from orchestrion.domain.models.command import StrategyCommand


class WorkloadParameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    index: int = 0
    """Which of the workload's strategies it is."""
    instrument_id: str = "SYM0"


class _OneInstrument(Strategy):
    Parameters = WorkloadParameters

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self.instrument_id = cast("WorkloadParameters", self.parameters).instrument_id

    def subscriptions(self) -> tuple[str, ...]:
        return (self.instrument_id,)


class Noop(_OneInstrument):
    """Is called and does nothing: what is left is the engine."""

    def on_event(self, event: MarketSlice, view: StrategyView) -> None:
        pass

    def snapshot(self) -> object:
        return {}

    def restore(self, state: object) -> None:
        pass


class SmaCross(_OneInstrument):
    """Long one unit or flat, by the cross of two moving averages, with market orders."""

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self.rule = LongOrFlat(cast("WorkloadParameters", self.parameters).index)

    def on_event(self, event: MarketSlice, view: StrategyView) -> list[StrategyCommand] | None:
        bar = event.bar(self.instrument_id)
        if bar is None:
            return None
        trade = self.rule.trade(bar.close_e9 / 1_000_000_000)
        if not trade:
            return None
        if trade > 0:
            return [view.buy(self.instrument_id, 1)]
        return [view.sell(self.instrument_id, 1)]

    def snapshot(self) -> object:
        cross = self.rule.cross
        return {
            "is_long": self.rule.is_long,
            "fast": list(cross.fast_window),
            "slow": list(cross.slow_window),
            "fast_sum": cross.fast_sum,
            "slow_sum": cross.slow_sum,
            "side": cross.side,
        }

    def restore(self, state: object) -> None:
        kept = cast("dict[str, Any]", state)
        cross = self.rule.cross
        self.rule.is_long = kept["is_long"]
        cross.fast_window, cross.slow_window = deque(kept["fast"]), deque(kept["slow"])
        cross.fast_sum, cross.slow_sum = kept["fast_sum"], kept["slow_sum"]
        cross.side = kept["side"]


class Alternating(_OneInstrument):
    """An order with every bar, buy and sell in turn: the dearest strategy that makes sense, for
    the cost of an order alone."""

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self.is_long = False

    def on_event(self, event: MarketSlice, view: StrategyView) -> list[StrategyCommand]:  # noqa: ARG002
        self.is_long = not self.is_long
        if self.is_long:
            return [view.buy(self.instrument_id, 1)]
        return [view.sell(self.instrument_id, 1)]

    def snapshot(self) -> object:
        return self.is_long

    def restore(self, state: object) -> None:
        self.is_long = bool(state)
