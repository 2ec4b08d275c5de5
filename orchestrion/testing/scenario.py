"""``Scenario``: a short market, one or several strategies, and what came of it.

    played = Scenario({"dip": Dip}).bars({"AAPL": [100, 97, 98]}).play()

    assert [order.legs[0].quantity for order in played.commands_of("dip")] == [10]
    assert played.verdicts() == ["APPROVED"]
    assert played.books["dip"].quantity("AAPL") == 10

The strategies run through the real actors, rules, simulated venue and ledger audit, so what holds
here holds in a backtest: an order decided on one bar fills at the open of the next.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

from orchestrion.domain.models.instrument import Equity, Instrument
from orchestrion.domain.models.market import Bar, MarketEvent, MarketSlice, as_slice
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.strategy import Strategy
from orchestrion.testing.clock import NS_PER_SECOND, VirtualClock
from orchestrion.testing.stage import CAPITAL, Stage, play_on

Price: TypeAlias = Decimal | int | str
"""Exact: a float is refused."""
BarPrices: TypeAlias = Price | tuple[Price, Price, Price, Price] | None
"""A close (the bar then opens at the close before it), or open, high, low, close; None: no bar."""


class Scenario:
    """A market that is written down, and the strategies that meet it.

    Attributes:
        clock: the time of the last bar; moving it on makes a gap in the data.
        slices: the market so far.
    """

    def __init__(
        self,
        strategies: Mapping[str, Callable[[], Strategy]],
        *,
        instruments: Iterable[Instrument] = (),
        capital: Price = CAPITAL,
        interval_s: int = 60,
        clock: VirtualClock | None = None,
        **options: Any,
    ) -> None:
        """
        Args:
            strategies: strategy id -> its class, or a function that builds it anew.
            instruments: those that are no plain shares; every other id of a bar is a share.
            capital: of the account, shared equally unless ``allocation_pct`` says how.
            interval_s: length of a bar, seconds.
            options: as for ``Stage``: metadata, allocation_pct, fees, paused, port...
        """
        self.clock = clock or VirtualClock()
        self.slices: list[MarketSlice] = []
        self._strategies = dict(strategies)
        self._instruments = {one.instrument_id: one for one in instruments}
        self._capital = Decimal(capital)
        self._interval_ns = interval_s * NS_PER_SECOND
        self._options = options
        self._last_e9: dict[str, int] = {}

    def bars(self, prices: Mapping[str, Sequence[BarPrices]]) -> Scenario:
        """Adds bars, one per interval: those of one place in the lists are one slice.

        Raises:
            ValueError: lists of different lengths, a float, or a high below a low; nothing was
                added.
        """
        lengths = {len(one) for one in prices.values()}
        if len(lengths) > 1:
            raise ValueError(f"bars: as many for each instrument, got {sorted(lengths)}")
        last_e9, ts, made = dict(self._last_e9), self.clock.now, list[MarketSlice]()
        for row in zip(*prices.values(), strict=True):
            ts += self._interval_ns
            bars = [
                self._bar(instrument_id, ts, one, last_e9)
                for instrument_id, one in zip(prices, row, strict=True)
                if one is not None
            ]
            if bars:
                made.append(MarketSlice.of(bars))
        self.slices += made
        self._last_e9 = last_e9
        self.clock.advance_to(ts)
        return self

    def then(self, event: MarketEvent) -> Scenario:
        """Adds any market data: a slice, a quote, a trade, a chain; the clock moves to its time.

        Raises:
            ValueError: its time is before the clock's; nothing was added.
        """
        self.clock.advance_to(event.ts_event)
        self.slices.append(as_slice(event))
        return self

    def play(self, *, backend: str = "asyncio", is_ended: bool = True) -> Stage:
        """Plays everything on new strategies and returns the stage to look at; see ``Stage``.

        May be called again: nothing is left over from the time before.

        Args:
            backend: the event loop, asyncio or trio.
            is_ended: whether the strategies are stopped after the last slice.
        """
        return play_on(self._stage(), self.slices, backend=backend, is_ended=is_ended)

    def _stage(self) -> Stage:
        return Stage(
            self._strategies,
            instruments=self._instruments.values(),
            capital=self._capital,
            **self._options,
        )

    def _bar(self, instrument_id: str, ts: int, prices: BarPrices, last_e9: dict[str, int]) -> Bar:
        self._instruments.setdefault(instrument_id, Equity(instrument_id=instrument_id))
        if isinstance(prices, tuple):
            first, high, low, last = (_exact_e9(instrument_id, one) for one in prices)
        else:
            last = _exact_e9(instrument_id, prices)
            first = last_e9.get(instrument_id, last)
            high, low = max(first, last), min(first, last)
        if not low <= min(first, last) <= max(first, last) <= high:
            raise ValueError(f"{instrument_id}: open and close lie outside low to high: {prices}")
        last_e9[instrument_id] = last
        return Bar(instrument_id, ts - self._interval_ns, ts, first, high, low, last)


def _exact_e9(instrument_id: str, price: object) -> int:
    if not isinstance(price, (Decimal, int, str)):
        raise ValueError(f"{instrument_id}: a price is a Decimal, an int or a text, not {price!r}")
    return to_e9(price)
