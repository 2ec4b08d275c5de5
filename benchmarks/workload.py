"""The work that every engine is given: seeded minute bars, and a cross of two moving averages.

Standard library only, because it is imported inside the peers' own environments too. What the work
is and is not stands in ``README.md`` beside this file; ``reference_run`` is the arithmetic that
every engine's orders, fills and money are held against.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Sequence
from typing import NamedTuple

SEED = 20251120
FIRST_NS = 1_704_067_200_000_000_000
"""2024-01-01T00:00Z, when the first bar opens."""
MINUTE_NS = 60_000_000_000
START_CENTS = 100_00
REVERSION = 0.0005
"""How far, as a fraction, prices are drawn back to the start in a bar; without it they would walk
off and the number of crosses would depend on the direction."""
CAPITAL = 10_000_000
"""Of the account, in its currency: so much that no engine ever refuses an order."""
INSTRUMENTS_OF_MULTI = 10
VARIANTS = ("noop", "sma", "multi-noop", "multi-sma")


class PriceBar(NamedTuple):
    """One minute of one instrument; prices in whole cents. ``ts_event`` is the bar's close."""

    ts_event: int
    open_cents: int
    high_cents: int
    low_cents: int
    close_cents: int
    volume: int


def price_bars(count: int, seed: int = SEED) -> list[PriceBar]:
    """A mean-reverting random walk around 100.00, the same for the same seed on every machine."""
    draw = random.Random(seed)
    price = START_CENTS
    bars: list[PriceBar] = []
    # The order of the draws is part of the workload: another order gives other bars.
    for number in range(count):
        opening = price + int(draw.gauss(0, 1))
        drift = (START_CENTS - opening) * REVERSION
        close = opening + round(draw.gauss(drift, 6))
        high = max(opening, close) + abs(int(draw.gauss(0, 2)))
        low = min(opening, close) - abs(int(draw.gauss(0, 2)))
        volume = 1000 + draw.randrange(500)
        bars.append(
            PriceBar(FIRST_NS + (number + 1) * MINUTE_NS, opening, high, low, close, volume)
        )
        price = close
    return bars


def is_multi(variant: str) -> bool:
    return variant.startswith("multi")


def is_trading(variant: str) -> bool:
    return variant.endswith("sma")


def instrument_count(variant: str) -> int:
    return INSTRUMENTS_OF_MULTI if is_multi(variant) else 1


def series_of(variant: str, bars: int) -> list[list[PriceBar]]:
    """The bars of each instrument; ``bars`` is their number over all instruments."""
    count = instrument_count(variant)
    return [price_bars(bars // count, SEED + number) for number in range(count)]


def callbacks_of(variant: str, strategies: int, bars: int) -> int:
    """How often strategies are called with a bar of theirs."""
    return bars // instrument_count(variant) * strategies


def instrument_of(strategy: int, variant: str) -> int:
    """Which instrument a strategy trades, counted from 0."""
    return strategy % instrument_count(variant)


def periods(strategy: int) -> tuple[int, int]:
    """Bars of the fast and of the slow average."""
    fast = 8 + strategy
    return fast, 3 * fast


class Cross:
    """Two moving averages, kept as running sums. ``update`` returns 1 where the fast one crosses
    above the slow one, -1 where it crosses below, 0 otherwise and until both are filled."""

    __slots__ = ("fast", "fast_sum", "fast_window", "side", "slow", "slow_sum", "slow_window")

    def __init__(self, fast: int, slow: int) -> None:
        self.fast, self.slow = fast, slow
        self.fast_window: deque[float] = deque()
        self.slow_window: deque[float] = deque()
        self.fast_sum = self.slow_sum = 0.0
        self.side = 0

    def update(self, close: float) -> int:
        fast_window, slow_window = self.fast_window, self.slow_window
        fast_window.append(close)
        self.fast_sum += close
        if len(fast_window) > self.fast:
            self.fast_sum -= fast_window.popleft()
        slow_window.append(close)
        self.slow_sum += close
        # One bar more than the average needs: the first side that is known is no cross.
        if len(slow_window) <= self.slow:
            return 0
        self.slow_sum -= slow_window.popleft()
        side = 1 if self.fast_sum * self.slow > self.slow_sum * self.fast else -1
        if side == self.side:
            return 0
        before, self.side = self.side, side
        return side if before else 0


class LongOrFlat:
    """The strategy without an engine: what ``Cross`` says, as +1 (buy one), -1 (sell it) or 0."""

    __slots__ = ("cross", "is_long")

    def __init__(self, strategy: int) -> None:
        self.cross = Cross(*periods(strategy))
        self.is_long = False

    def trade(self, close: float) -> int:
        side = self.cross.update(close)
        if side > 0 and not self.is_long:
            self.is_long = True
            return 1
        if side < 0 and self.is_long:
            self.is_long = False
            return -1
        return 0


class Outcome(NamedTuple):
    """What a run of the workload must come to.

    Attributes:
        orders, fills: of all strategies; an order of the last bar finds no next open.
        profit_cents: of each strategy, its last holding at the last close.
    """

    orders: int
    fills: int
    profit_cents: tuple[int, ...]

    @property
    def equity_cents(self) -> int:
        return CAPITAL * 100 + sum(self.profit_cents)


def reference_run(
    variant: str, strategies: int, series: Sequence[Sequence[PriceBar]], *, fills_at_close: bool
) -> Outcome:
    """The workload in whole cents and nothing else, without costs.

    Args:
        fills_at_close: an order fills at the close that it was decided on; otherwise at the open
            of its instrument's next bar.
    """
    if not is_trading(variant):
        return Outcome(0, 0, (0,) * strategies)
    orders = fills = 0
    profits: list[int] = []
    for number in range(strategies):
        bars = series[instrument_of(number, variant)]
        strategy = LongOrFlat(number)
        cash = held = 0
        for position, bar in enumerate(bars):
            trade = strategy.trade(bar.close_cents / 100)
            if not trade:
                continue
            orders += 1
            if not fills_at_close and position + 1 == len(bars):
                continue
            price = bar.close_cents if fills_at_close else bars[position + 1].open_cents
            fills += 1
            held += trade
            cash -= trade * price
        profits.append(cash + held * bars[-1].close_cents if bars else 0)
    return Outcome(orders, fills, tuple(profits))
