"""What the process suites trade with: an endless feed, and a strategy that is never quiet.

Named by import path in the configurations of these suites. The strategy has a state that counts, so
that a restart which loses or repeats an event decides otherwise from there on.
"""

from __future__ import annotations

import os
import re
import threading
import time
from decimal import Decimal
from typing import Any

import anyio
import anyio.lowlevel
from pydantic import BaseModel, ConfigDict

from orchestrion.domain.models.market import MarketData, MarketSlice, TradeTick
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.order import OrderType, TimeInForce
from orchestrion.domain.models.strategy import Strategy, StrategyOutput, StrategyView

INSTRUMENTS = ("AAA", "BBB")


QUIET = "ORCHESTRION_TEST_QUIET"
"""Set: the feed gives nothing, so nobody trades, and what is under way comes to its end."""


class EndlessFeed:
    """Trades of two instruments at the time of now; an asynchronous iterator.

    What it gives next is decided before it waits, so a cancelled wait loses nothing.
    """

    def __init__(self, *, interval_s: float = 0.004) -> None:
        self._interval_s = interval_s
        self._items: list[MarketData] = []
        self._due_s = 0.0
        self._ticks = 0

    def __aiter__(self) -> EndlessFeed:
        return self

    async def __anext__(self) -> MarketData:
        if os.environ.get(QUIET):
            await anyio.sleep_forever()
        if not self._items:
            await anyio.sleep(max(0.0, self._due_s - anyio.current_time()))
            self._due_s = anyio.current_time() + self._interval_s
            self._ticks += 1
            ts = time.time_ns()
            price = to_e9(100 + self._ticks % 5)
            self._items = [TradeTick(one, ts, price, to_e9(1)) for one in INSTRUMENTS]
        return self._items.pop(0)


class RestlessParameters(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    instrument_id: str = "AAA"
    every: int = 3
    """Trades with every so many events."""
    quantity_max: int = 8
    """Sells all it has when it holds so much."""
    resting_max: int = 2
    """Limit orders far from the price that it leaves lying; 0: none."""


class Restless(Strategy):
    """Buys one, sells all, leaves limit orders lying and withdraws them."""

    Parameters = RestlessParameters

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self.events = 0

    def subscriptions(self) -> tuple[str, ...]:
        return (self._own.instrument_id,)

    def on_event(self, event: MarketSlice, view: StrategyView) -> list[StrategyOutput]:
        self.events += 1
        own, answer = self._own, list[StrategyOutput]()
        working = view.working_orders
        market = [one for one in working.values() if one.order_type is OrderType.MARKET]
        if self.events % own.every == 0 and not market:
            held = view.quantity(own.instrument_id)
            closing = view.close(own.instrument_id) if held >= own.quantity_max else None
            answer.append(closing or view.buy(own.instrument_id, 1))
        if own.resting_max and self.events % 7 == 0:
            resting = [key for key, one in working.items() if one.order_type is OrderType.LIMIT]
            if len(resting) >= own.resting_max:
                answer.append(view.cancel(resting[0]))
            else:
                answer.append(self._resting(view))
        return answer

    def _resting(self, view: StrategyView) -> StrategyOutput:
        return view.buy(
            self._own.instrument_id,
            1,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTC,
            limit_price=Decimal(50),
        )

    def snapshot(self) -> object:
        return {"events": self.events}

    def restore(self, state: Any) -> None:
        self.events = state["events"]

    @property
    def _own(self) -> RestlessParameters:
        assert isinstance(self.parameters, RestlessParameters)
        return self.parameters


class StuckParameters(RestlessParameters):
    stuck_at: int = 9
    """The event from which it does not come back."""


class Stuck(Restless):
    """Blocks its process at one of its events, and at the same one whenever it is told again."""

    Parameters = StuckParameters

    def on_event(self, event: MarketSlice, view: StrategyView) -> list[StrategyOutput]:
        answer = super().on_event(event, view)
        own = self._own
        assert isinstance(own, StuckParameters)
        if self.events >= own.stuck_at:
            threading.Event().wait()
        return answer


class StuckInC(Stuck):
    """Does not let go of the interpreter's lock meanwhile."""

    def on_event(self, event: MarketSlice, view: StrategyView) -> list[StrategyOutput]:
        own = self._own
        assert isinstance(own, StuckParameters)
        if self.events + 1 >= own.stuck_at:
            re.match("(a+)+$", "a" * 64 + "b")
        return super().on_event(event, view)


class AsyncStuck(Strategy):
    """The same behind an await: nobody waits for it any more, and yet the loop stands still."""

    Parameters = StuckParameters

    def __init__(self, parameters: BaseModel | None = None) -> None:
        super().__init__(parameters)
        self.events = 0

    async def on_event(self, event: MarketSlice, view: StrategyView) -> None:
        self.events += 1
        await anyio.lowlevel.checkpoint()
        assert isinstance(self.parameters, StuckParameters)
        if self.events >= self.parameters.stuck_at:
            threading.Event().wait()

    def snapshot(self) -> object:
        return {"events": self.events}

    def restore(self, state: Any) -> None:
        self.events = state["events"]
