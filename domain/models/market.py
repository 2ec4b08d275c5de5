"""Market data as strategies see it. The data of one moment travel as one ``MarketSlice``.

Prices and sizes are integers in billionths (``…_e9``) with decimals on access, see ``money``.
Times are integer nanoseconds UTC. ``ts_event`` is when the fact was complete and could be known:
the close of a bar. A bar also carries ``ts_open``, the time of its open, because an order may fill
only at a price that is later than its decision. A series that has closes only gives bars whose
open, high, low and close are one price and whose ``ts_open`` equals ``ts_event``.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from decimal import Decimal
from typing import TypeAlias, TypeVar

import msgspec

from orchestrion.domain.errors import MarketDataError
from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.money import from_e9


class Bar(msgspec.Struct, frozen=True, gc=False, tag="Bar"):
    """Open, high, low, close and volume of one interval of one instrument."""

    instrument_id: str
    ts_open: int
    ts_event: int
    open_e9: int
    high_e9: int
    low_e9: int
    close_e9: int
    volume_e9: int = 0

    @property
    def open(self) -> Decimal:
        return from_e9(self.open_e9)

    @property
    def high(self) -> Decimal:
        return from_e9(self.high_e9)

    @property
    def low(self) -> Decimal:
        return from_e9(self.low_e9)

    @property
    def close(self) -> Decimal:
        return from_e9(self.close_e9)

    @property
    def volume(self) -> Decimal:
        return from_e9(self.volume_e9)

    @property
    def is_close_only(self) -> bool:
        return self.ts_open == self.ts_event


class QuoteTick(msgspec.Struct, frozen=True, gc=False, tag="QuoteTick"):
    """Best bid and ask. A bid of zero is valid (a worthless option), a crossed quote is not."""

    instrument_id: str
    ts_event: int
    bid_e9: int
    ask_e9: int
    bid_size_e9: int = 0
    ask_size_e9: int = 0

    @property
    def bid(self) -> Decimal:
        return from_e9(self.bid_e9)

    @property
    def ask(self) -> Decimal:
        return from_e9(self.ask_e9)


class TradeTick(msgspec.Struct, frozen=True, gc=False, tag="TradeTick"):
    """One print on the tape."""

    instrument_id: str
    ts_event: int
    price_e9: int
    size_e9: int = 0

    @property
    def price(self) -> Decimal:
        return from_e9(self.price_e9)


class OptionQuote(msgspec.Struct, frozen=True, gc=False, tag="OptionQuote"):
    """One line of an option chain.

    ``delta`` and ``implied_volatility`` are recorded data, never computed on the way: a float
    that picks a strike must be the same on every machine.
    """

    instrument_id: str
    expiry_ts: int
    strike_e9: int
    option_kind: OptionKind
    bid_e9: int
    ask_e9: int
    delta: float
    implied_volatility: float

    @property
    def strike(self) -> Decimal:
        return from_e9(self.strike_e9)

    @property
    def bid(self) -> Decimal:
        return from_e9(self.bid_e9)

    @property
    def ask(self) -> Decimal:
        return from_e9(self.ask_e9)


class OptionChain(msgspec.Struct, frozen=True, tag="OptionChain"):
    """All quoted options of one underlying, sorted by (expiry, strike, kind).

    ``instrument_id`` is the underlying's. ``modelled``: the quotes come from a model, not from a
    market; whatever rests on them must say so.
    """

    instrument_id: str
    ts_event: int
    underlying_price_e9: int
    quotes: tuple[OptionQuote, ...]
    modelled: bool = False

    @property
    def underlying_price(self) -> Decimal:
        return from_e9(self.underlying_price_e9)


MarketData: TypeAlias = Bar | QuoteTick | TradeTick | OptionChain

_Kind = TypeVar("_Kind", Bar, QuoteTick, TradeTick, OptionChain)


class MarketSlice(msgspec.Struct, frozen=True, gc=False, tag="MarketSlice"):
    """The market data of one ``ts_event``, in instrument order (ties: the order of the feed)."""

    ts_event: int
    items: tuple[MarketData, ...]

    @classmethod
    def of(cls, items: Iterable[MarketData]) -> MarketSlice:
        """Sorts the items into a slice.

        Raises:
            MarketDataError: no items, or items of different times.
        """
        ordered = tuple(sorted(items, key=_instrument_id))
        if not ordered:
            raise MarketDataError("a market slice needs at least one item")
        ts_event = ordered[0].ts_event
        for item in ordered:
            if item.ts_event != ts_event:
                raise MarketDataError(
                    f"{item.instrument_id}: ts_event {item.ts_event} in a slice of {ts_event}"
                )
        return cls(ts_event, ordered)

    def bar(self, instrument_id: str) -> Bar | None:
        """The bar of an instrument, or None when this slice has none."""
        return self._find(instrument_id, Bar)

    def quote(self, instrument_id: str) -> QuoteTick | None:
        return self._find(instrument_id, QuoteTick)

    def trade(self, instrument_id: str) -> TradeTick | None:
        return self._find(instrument_id, TradeTick)

    def chain(self, underlying_id: str) -> OptionChain | None:
        return self._find(underlying_id, OptionChain)

    def _find(self, instrument_id: str, kind: type[_Kind]) -> _Kind | None:
        items = self.items
        if len(items) == 1:  # most slices are of one instrument, and every strategy asks
            only = items[0]
            if only.instrument_id == instrument_id and isinstance(only, kind):
                return only
            return None
        first = bisect_left(items, instrument_id, key=_instrument_id)
        for i in range(first, len(items)):
            item = items[i]
            if item.instrument_id != instrument_id:
                return None
            if isinstance(item, kind):
                return item
        return None


MarketEvent: TypeAlias = MarketSlice | MarketData
"""What `coordinate_execution` takes: a slice, or one item, which is a slice of one."""


def as_slice(event: MarketEvent) -> MarketSlice:
    """Any market event as the slice that it stands for."""
    return event if isinstance(event, MarketSlice) else MarketSlice(event.ts_event, (event,))


def _instrument_id(item: MarketData) -> str:
    return item.instrument_id
