"""Market data made while it is read, for runs that are too long to be held in memory.

A short stretch of the workload's bars is played again and again with the time moving on, so that
making a bar costs little and memory stays flat whatever the length.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.our_run import bar_of, equities, symbol
from benchmarks.workload import MINUTE_NS, PriceBar, price_bars
from orchestrion import MarketSlice
from orchestrion.adapters.data.source import content_fingerprint
from orchestrion.domain.models.instrument import InstrumentCatalog

STRETCH_BARS = 5_000


class StreamedBars:
    """A data source of so many slices, each with one bar; the instruments take turns."""

    def __init__(
        self,
        events: int,
        *,
        instruments: int = 1,
        on_playing: Callable[[], None] | None = None,
    ) -> None:
        """
        Args:
            on_playing: called once, when everything is started and the first slice was played.
        """
        self._events = events
        self._on_playing = on_playing
        self._symbols = [symbol(number) for number in range(instruments)]
        self._stretch = price_bars(min(STRETCH_BARS, events))

    @property
    def name(self) -> str:
        return "stream"

    @property
    def notes(self) -> tuple[str, ...]:
        return ()

    def catalog(self) -> InstrumentCatalog:
        return InstrumentCatalog(equities(len(self._symbols)), currency="USD")

    def slices(self) -> Iterator[MarketSlice]:
        stretch, symbols = self._stretch, self._symbols
        first = stretch[0].ts_event
        for number in range(self._events):
            if number == 1 and self._on_playing is not None:
                self._on_playing()
            bar = stretch[number % len(stretch)]
            moved = PriceBar(first + number * MINUTE_NS, *bar[1:])
            one = bar_of(symbols[number % len(symbols)], moved)
            yield MarketSlice(one.ts_event, (one,))

    def slice_count(self) -> int | None:
        return self._events

    def fingerprint(self) -> str:
        return content_fingerprint((f"{self._events} {len(self._symbols)}".encode(),))
