"""One option chain as a strategy looks at it: find a leg's quote, choose an expiry and a strike.

The chain is sorted by (expiry, strike, kind), so every look-up is a bisection and nothing is
indexed that is not asked for. Floats are compared (deltas are recorded data), never computed.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable
from decimal import Decimal

import msgspec

from orchestrion.domain.models.instrument import OptionContract, OptionKind
from orchestrion.domain.models.market import OptionChain, OptionQuote
from orchestrion.domain.models.money import ZERO, add, multiply, to_e9
from orchestrion.domain.models.option_structure import OptionLeg, OptionStructure
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.strategy import StrategyView
from orchestrion.domain.strategies.session import days_between, monthly_expiries


class StrikeTarget(msgspec.Struct, frozen=True):
    """Where a strike should lie: by delta, or out of the money by a share of the underlying.

    Attributes:
        target: absolute delta, or the distance as a fraction of the underlying's price (negative
            is in the money).
        tolerance: how far the nearest quote may be off, in the same unit. A sparse chain must not
            turn a far wing into a near one without a word.
    """

    is_delta: bool
    target: float
    tolerance: float


class OptionMarket:
    """The chain of one event together with what the strategy owns and has under way."""

    __slots__ = ("busy", "chain", "now", "view")

    def __init__(self, chain: OptionChain, view: StrategyView) -> None:
        self.chain = chain
        self.view = view
        self.now = chain.ts_event
        self.busy = frozenset(
            leg.instrument_id for order in view.working_orders.values() for leg in order.legs
        )

    def days_to(self, expiry_ts: int) -> int:
        return days_between(self.now, expiry_ts)

    def quote_of(self, leg: OptionLeg) -> OptionQuote | None:
        """The quote of a leg, or None when the chain does not hold it now."""
        key = (leg.expiry_ts, to_e9(leg.strike), leg.option_kind)
        quotes = self.chain.quotes
        for i in range(bisect_left(quotes, key, key=_sort_key), len(quotes)):
            quote = quotes[i]
            if _sort_key(quote) != key:
                return None
            if quote.instrument_id == leg.instrument_id:
                return quote
        return None

    def closing_value(self, structure: OptionStructure) -> Decimal | None:
        """What closing the own quantity of its legs would bring now, at the far side of the quotes.

        Negative when it costs money. None when a held leg has no quote.
        """
        total = ZERO
        for leg in structure.legs:
            held = self.view.quantity(leg.instrument_id)
            if not held:
                continue
            quote = self.quote_of(leg)
            if quote is None:
                return None
            total = add(total, multiply(held, quote.bid if held > 0 else quote.ask))
        return multiply(total, structure.multiplier)

    def choose_expiry(self, days_min: int, days_max: int, *, monthly: bool = False) -> int | None:
        """The expiry nearest to the middle of a window of calendar days, ties to the earlier."""
        expiries = self._expiries()
        if monthly:
            expiries = monthly_expiries(expiries)
        fitting = [one for one in expiries if days_min <= self.days_to(one) <= days_max]
        middle_twice = days_min + days_max
        return min(
            fitting, key=lambda one: (abs(2 * self.days_to(one) - middle_twice), one), default=None
        )

    def _expiries(self) -> tuple[int, ...]:
        quotes, found, i = self.chain.quotes, list[int](), 0
        while i < len(quotes):
            found.append(quotes[i].expiry_ts)
            i = bisect_right(quotes, found[-1], lo=i, key=_expiry_ts)
        return tuple(found)

    def quotes_at(self, expiry_ts: int) -> tuple[OptionQuote, ...]:
        quotes = self.chain.quotes
        first = bisect_left(quotes, expiry_ts, key=_expiry_ts)
        return quotes[first : bisect_right(quotes, expiry_ts, lo=first, key=_expiry_ts)]


class StrikePicker:
    """Chooses the legs of one structure among the quotes of one expiry.

    An instrument that the strategy holds, has under way or has promised to another structure is
    not free: each instrument belongs to one structure at most, so that the book alone says what
    every structure holds, also after a restart or a lost report.
    """

    __slots__ = ("_is_taken", "_market", "_quotes")

    def __init__(
        self, market: OptionMarket, expiry_ts: int, is_taken: Callable[[str], bool]
    ) -> None:
        self._market = market
        self._quotes = market.quotes_at(expiry_ts)
        self._is_taken = is_taken

    def pick(
        self,
        option_kind: OptionKind,
        side: OrderSide,
        where: StrikeTarget,
        *,
        beyond: OptionQuote | None = None,
    ) -> OptionQuote | None:
        """The free, tradable quote nearest to the target, ties to the lower strike.

        Args:
            side: to sell, somebody must bid; to buy, somebody must offer.
            beyond: only strikes further out of the money than this one's.
        """
        underlying_e9 = self._market.chain.underlying_price_e9
        candidates = [
            (offset, quote.strike_e9, quote)
            for quote in self._quotes
            if quote.option_kind is option_kind
            and (quote.bid_e9 if side is OrderSide.SELL else quote.ask_e9) > 0
            and (beyond is None or _is_further_out(quote, beyond))
            and (offset := abs(_offset(quote, where, underlying_e9))) <= where.tolerance
        ]
        candidates.sort(key=lambda one: one[:2])
        return next((quote for _, _, quote in candidates if self._is_free(quote)), None)

    def _is_free(self, quote: OptionQuote) -> bool:
        instrument_id = quote.instrument_id
        view = self._market.view
        return (
            instrument_id not in self._market.busy
            and not self._is_taken(instrument_id)
            and not view.quantity(instrument_id)
            and isinstance(view.instruments.get(instrument_id), OptionContract)
        )


def _sort_key(quote: OptionQuote) -> tuple[int, int, OptionKind]:
    return quote.expiry_ts, quote.strike_e9, quote.option_kind


def _expiry_ts(quote: OptionQuote) -> int:
    return quote.expiry_ts


def _offset(quote: OptionQuote, where: StrikeTarget, underlying_e9: int) -> float:
    """How far a quote is from the target, in the target's unit."""
    if where.is_delta:
        return abs(quote.delta) - where.target
    distance_e9 = quote.strike_e9 - underlying_e9
    if quote.option_kind is OptionKind.PUT:
        distance_e9 = -distance_e9
    return distance_e9 / underlying_e9 - where.target


def _is_further_out(quote: OptionQuote, other: OptionQuote) -> bool:
    if quote.option_kind is OptionKind.CALL:
        return quote.strike_e9 > other.strike_e9
    return quote.strike_e9 < other.strike_e9
