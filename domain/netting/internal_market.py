"""``InternalMarket``: last quotes and trades, as far as netting needs them for a fair price.

Marks are one price per instrument without its age or its spread; a cross needs to know both.
Nothing is kept for an account that does not net.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from orchestrion.domain.models.market import Bar, MarketSlice, OptionChain, QuoteTick, TradeTick
from orchestrion.domain.models.money import from_e9
from orchestrion.domain.netting.internal_cross import (
    CrossPolicy,
    CrossPrice,
    CrossRefusal,
    LastPrice,
    cross_price,
)


class InternalMarket:
    """Who may be crossed at which price. Single writer: whoever folds market data."""

    STATE: ClassVar[Mapping[str, Any]] = {
        "_quotes": dict[str, QuoteTick],
        "_lasts": dict[str, LastPrice],
    }

    def __init__(self, policy: CrossPolicy) -> None:
        self._policy = policy
        self._quotes: dict[str, QuoteTick] = {}
        self._lasts: dict[str, LastPrice] = {}

    def observe(self, market_slice: MarketSlice) -> None:
        """Takes the slice's quotes, trades and closes. A chain's quotes count as quotes."""
        for item in market_slice.items:
            match item:
                case QuoteTick():
                    self._quotes[item.instrument_id] = item
                case TradeTick():
                    self._keep(item.instrument_id, item.price_e9, item.ts_event)
                case Bar():
                    # A bar's close is known once the bar is over; it is delivered at that time.
                    self._keep(item.instrument_id, item.close_e9, market_slice.ts_event)
                case OptionChain():
                    for quote in item.quotes:
                        self._quotes[quote.instrument_id] = QuoteTick(
                            quote.instrument_id, item.ts_event, quote.bid_e9, quote.ask_e9
                        )

    def price(self, instrument_id: str, *, now: int) -> CrossPrice | CrossRefusal:
        """At which price orders of an instrument may be crossed now."""
        return cross_price(
            self._quotes.get(instrument_id),
            self._lasts.get(instrument_id),
            now=now,
            policy=self._policy,
        )

    def _keep(self, instrument_id: str, price_e9: int, ts_event: int) -> None:
        self._lasts[instrument_id] = LastPrice(from_e9(price_e9), ts_event)
