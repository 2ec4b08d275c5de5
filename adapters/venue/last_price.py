"""The last seen price of what the simulated venue settles with, at almost no cost per slice.

Prices are needed at settlements and expiries, some hundred times a run, while slices come by the
hundred thousand. So a slice is only put on a short list, and read backwards when somebody asks.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable

from orchestrion.domain.models.market import (
    Bar,
    MarketData,
    MarketSlice,
    OptionChain,
    QuoteTick,
    TradeTick,
)

UNREAD_SLICES_MAX = 256
"""Slices kept before they are read; arbitrary: bounds memory, makes the reading rare."""


class LastPrices:
    """Last seen price, in billionths, of each followed instrument.

    A bar's close, a quote's mid, a trade; or the underlying's price that a chain carries, when its
    slice has nothing else of the underlying.
    """

    __slots__ = ("_followed", "_prices_e9", "_underlying_ids", "_unread")

    def __init__(self, underlying_ids: Iterable[str]) -> None:
        """
        Args:
            underlying_ids: always followed, whatever ends.
        """
        self._underlying_ids = frozenset(underlying_ids)
        self._followed: dict[str, None] = dict.fromkeys(sorted(self._underlying_ids))
        self._prices_e9: dict[str, int] = {}
        self._unread: list[MarketSlice] = []

    def follow(self, instrument_id: str) -> None:
        """From now on its price is known (the last slices are looked through as well)."""
        self._followed[instrument_id] = None

    def forget(self, instrument_id: str) -> None:
        """It has ended; an underlying stays."""
        if instrument_id in self._underlying_ids:
            return
        self._followed.pop(instrument_id, None)
        self._prices_e9.pop(instrument_id, None)

    def rename(self, old: str, new: str) -> None:
        """An instrument has another id from now on."""
        self._read()
        if old not in self._followed:
            return
        self._underlying_ids = frozenset(
            new if one == old else one for one in sorted(self._underlying_ids)
        )
        self._followed = {new if one == old else one: None for one in self._followed}
        if old in self._prices_e9:
            self._prices_e9[new] = self._prices_e9.pop(old)

    def see(self, market_slice: MarketSlice) -> None:
        """Takes a slice; times never go back."""
        unread = self._unread
        unread.append(market_slice)
        if len(unread) >= UNREAD_SLICES_MAX:
            self._read()

    def price_e9(self, instrument_id: str) -> int | None:
        """The last seen price, or None when there was none."""
        self._read()
        return self._prices_e9.get(instrument_id)

    def _read(self) -> None:
        for instrument_id in self._followed:
            for market_slice in reversed(self._unread):
                price_e9 = _price_in_slice(market_slice, instrument_id)
                if price_e9 is not None:
                    self._prices_e9[instrument_id] = price_e9
                    break
        self._unread.clear()


def items_of(market_slice: MarketSlice, instrument_id: str) -> tuple[MarketData, ...]:
    """All items of one instrument in a slice, in the feed's order."""
    items = market_slice.items
    # Most questions are about what a slice does not have: answer those without a search.
    if not items or not items[0].instrument_id <= instrument_id <= items[-1].instrument_id:
        return ()
    if len(items) == 1:
        return items
    first = bisect_left(items, instrument_id, key=_instrument_id)
    after = first
    while after < len(items) and items[after].instrument_id == instrument_id:
        after += 1
    return items[first:after]


def _price_in_slice(market_slice: MarketSlice, instrument_id: str) -> int | None:
    """The instrument's last price of a slice; a chain's word counts only when there is no other."""
    price_e9: int | None = None
    chain_price_e9: int | None = None
    for item in items_of(market_slice, instrument_id):
        if isinstance(item, OptionChain):
            chain_price_e9 = item.underlying_price_e9
        else:
            price_e9 = _price_e9(item)
    return chain_price_e9 if price_e9 is None else price_e9


def _price_e9(item: Bar | QuoteTick | TradeTick) -> int:
    if isinstance(item, Bar):
        return item.close_e9
    if isinstance(item, QuoteTick):
        return (item.bid_e9 + item.ask_e9) // 2
    return item.price_e9


def _instrument_id(item: MarketData) -> str:
    return item.instrument_id
