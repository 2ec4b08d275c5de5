"""``FeedGuard``: what of a feed's data may reach the strategies, and why the rest may not.

Pure and synchronous: a slice in, the part of it that can be used out, with a refusal for everything
that was left out. It stands at the edge, before anything is journaled or marked, because one NaN, a
price of 0 or a crossed book poisons marks, margins and every strategy that reads them.

    refused item by item     unknown instrument, no number, price not above 0, too large for
                             the books, high below low, crossed book, a jump out of the band, the
                             same item again
    refused as a whole       time that goes back, data older than allowed, a sequence number seen
    let through and told     a gap in the feed's sequence numbers; whether trading has to pause then
                             is the policy's word and the caller's act

A bid of 0 is valid (a worthless option), a locked book (bid = ask) too. Which instruments may have
negative prices is a setting. A jump is believed once several items in a row confirm the new level:
else one wrong price, or a real crash, would silence an instrument for ever.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from enum import StrEnum
from math import isfinite

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.market import (
    Bar,
    MarketData,
    MarketSlice,
    OptionChain,
    OptionQuote,
    QuoteTick,
    TradeTick,
)

PRICE_E9_MAX = 10**27
"""``money.MAGNITUDE_MAX`` in billionths: the books take nothing at or above it."""
TS_MAX = 2**63
"""Nanoseconds UTC until the year 2262; a journal's times have 64 bits."""


class DataFault(StrEnum):
    """Why data were refused. The set grows with the rules; names never change."""

    MALFORMED = "MALFORMED"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    NOT_A_NUMBER = "NOT_A_NUMBER"
    NOT_POSITIVE = "NOT_POSITIVE"
    TOO_LARGE = "TOO_LARGE"
    INCONSISTENT = "INCONSISTENT"
    CROSSED = "CROSSED"
    JUMP = "JUMP"
    DUPLICATE = "DUPLICATE"
    OUT_OF_ORDER = "OUT_OF_ORDER"
    STALE = "STALE"


class GapPolicy(StrEnum):
    """What a gap in a feed's sequence numbers means for trading."""

    CONTINUE = "continue"
    PAUSE = "pause"


class FeedPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """What is let through.

    Attributes:
        jump_max_fraction: greatest move from the last price that was let through, as a fraction of
            it; None lets every move pass.
        jump_confirmations: so many items in a row at a new level (within the band of each other)
            make it the level.
        stale_after_ns: data older than this at their arrival are refused; None refuses none.
        negative_prices: ids of instruments whose prices may be 0 and below.
        on_gap: whether trading pauses at a gap.
    """

    jump_max_fraction: Decimal | None = Decimal("0.5")
    jump_confirmations: int = 3
    stale_after_ns: int | None = None
    negative_prices: tuple[str, ...] = ()
    on_gap: GapPolicy = GapPolicy.CONTINUE

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: a value that makes no sense; the message names it.
        """
        most = self.jump_max_fraction
        if most is not None and not (most.is_finite() and most > 0):
            raise ConfigurationError(f"jump_max_fraction must be finite and above 0, got {most}")
        if self.jump_confirmations < 1:
            raise ConfigurationError(
                f"jump_confirmations must be at least 1, got {self.jump_confirmations}"
            )
        if self.stale_after_ns is not None and self.stale_after_ns < 1:
            raise ConfigurationError(f"stale_after_ns must be above 0, got {self.stale_after_ns}")


class DataRefusal(msgspec.Struct, frozen=True, kw_only=True):
    """An item, or a whole slice (``instrument_id`` is empty then), that no strategy will see."""

    instrument_id: str
    fault: DataFault
    detail: str


class FeedGap(msgspec.Struct, frozen=True):
    """Sequence numbers that never came: those between the two."""

    last_sequence: int
    sequence: int


class GuardedSlice(msgspec.Struct, frozen=True, kw_only=True):
    """What the guard made of a slice.

    Attributes:
        market_slice: what is left of it; None when nothing is.
        refusals: in the order of the items.
        gap: numbers that are missing before this slice.
        has_to_pause: trading has to pause because of the gap.
    """

    market_slice: MarketSlice | None
    refusals: tuple[DataRefusal, ...] = ()
    gap: FeedGap | None = None
    has_to_pause: bool = False


class _RefusedError(Exception):
    """Internal: the first thing that is wrong with an item."""

    def __init__(self, fault: DataFault, detail: str) -> None:
        super().__init__(detail)
        self.fault = fault


class _Level:
    """Last price that was let through, and those that were refused since as jumps."""

    __slots__ = ("count", "price_e9", "rival_e9")

    def __init__(self, price_e9: int) -> None:
        self.price_e9 = price_e9
        self.rival_e9 = 0
        self.count = 0


class FeedGuard:
    """State of one feed: last time, last sequence number, last prices. See the module's text."""

    def __init__(self, catalog: InstrumentCatalog, policy: FeedPolicy | None = None) -> None:
        self._catalog = catalog
        self._policy = policy or FeedPolicy()
        self._last_ts = -1
        self._last_sequence: int | None = None
        self._levels: dict[str, _Level] = {}
        self._seen: dict[tuple[str, type], MarketData] = {}

    def check(
        self, market_slice: MarketSlice, *, sequence: int | None = None, now_ns: int | None = None
    ) -> GuardedSlice:
        """Takes a slice apart. What is refused changes nothing in the guard, but for its sequence
        number and the count that confirms a jump.

        Args:
            sequence: the feed's own number of the message, where it gives one.
            now_ns: time of arrival, for the age.
        """
        gap: FeedGap | None = None
        try:
            gap = self._take_sequence(sequence)
            self._check_time(market_slice.ts_event, now_ns)
        except _RefusedError as refused:
            refusal = DataRefusal(instrument_id="", fault=refused.fault, detail=str(refused))
            return self._guarded([], [refusal], gap)
        refusals: list[DataRefusal] = []
        kept: list[MarketData] = []
        for item in market_slice.items:
            one = self._let_through(item, market_slice.ts_event, refusals)
            if one is not None:
                kept.append(one)
        if kept:
            self._last_ts = market_slice.ts_event
        return self._guarded(kept, refusals, gap)

    def _guarded(
        self, kept: list[MarketData], refusals: list[DataRefusal], gap: FeedGap | None
    ) -> GuardedSlice:
        return GuardedSlice(
            market_slice=MarketSlice.of(kept) if kept else None,
            refusals=tuple(refusals),
            gap=gap,
            has_to_pause=gap is not None and self._policy.on_gap is GapPolicy.PAUSE,
        )

    def _take_sequence(self, sequence: int | None) -> FeedGap | None:
        """Counts a message that came, whatever it says."""
        last = self._last_sequence
        if sequence is None:
            return None
        if last is not None and sequence <= last:
            raise _RefusedError(DataFault.DUPLICATE, f"message {sequence} came after {last}")
        self._last_sequence = sequence
        return FeedGap(last, sequence) if last is not None and sequence > last + 1 else None

    def _check_time(self, ts: object, now_ns: int | None) -> None:
        if type(ts) is not int or not 0 <= ts < TS_MAX:
            raise _RefusedError(
                DataFault.MALFORMED, f"ts_event is {_shown(ts)}, no nanoseconds UTC"
            )
        if ts < self._last_ts:
            raise _RefusedError(DataFault.OUT_OF_ORDER, f"ts_event {ts} came after {self._last_ts}")
        oldest = self._policy.stale_after_ns
        if oldest is not None and now_ns is not None and now_ns - ts > oldest:
            raise _RefusedError(
                DataFault.STALE, f"{now_ns - ts} ns old, at most {oldest} are taken"
            )

    def _let_through(
        self, item: MarketData, ts: int, refusals: list[DataRefusal]
    ) -> MarketData | None:
        try:
            if type(item) not in (Bar, QuoteTick, TradeTick, OptionChain):
                raise _RefusedError(
                    DataFault.MALFORMED, f"a {type(item).__name__} is no market data"
                )
            if type(item.instrument_id) is not str or item.instrument_id not in self._catalog:
                raise _RefusedError(
                    DataFault.UNKNOWN_INSTRUMENT, "the configuration does not name this instrument"
                )
            if item.ts_event != ts:
                raise _RefusedError(
                    DataFault.MALFORMED, f"ts_event {item.ts_event} in a slice of {ts}"
                )
            if isinstance(item, OptionChain):
                item = self._sound_chain(item, refusals)
            price_e9 = self._sound_price_e9(item)
            self._require_new(item)
            self._require_in_band(item.instrument_id, price_e9)
        except _RefusedError as refused:
            refusals.append(_refusal(item, refused))
            return None
        self._seen[item.instrument_id, type(item)] = item
        return item

    # -- one item -------------------------------------------------------------------------------

    def _sound_price_e9(self, item: MarketData) -> int:
        """The price that an item would mark its instrument with, once all of it is sound."""
        key = item.instrument_id
        match item:
            case Bar():
                low, high = item.low_e9, item.high_e9
                for name in ("open_e9", "high_e9", "low_e9", "close_e9"):
                    self._require_price(key, name, getattr(item, name))
                _require_size("volume_e9", item.volume_e9)
                if not (low <= item.open_e9 <= high and low <= item.close_e9 <= high):
                    raise _RefusedError(
                        DataFault.INCONSISTENT, "open or close outside of low to high"
                    )
                if type(item.ts_open) is not int or item.ts_open > item.ts_event:
                    raise _RefusedError(DataFault.INCONSISTENT, "it opens after it closes")
                return item.close_e9
            case QuoteTick():
                self._require_book(key, item.bid_e9, item.ask_e9)
                _require_size("bid_size_e9", item.bid_size_e9)
                _require_size("ask_size_e9", item.ask_size_e9)
                return (item.bid_e9 + item.ask_e9) // 2
            case TradeTick():
                self._require_price(key, "price_e9", item.price_e9)
                _require_size("size_e9", item.size_e9)
                return item.price_e9
            case OptionChain():
                self._require_price(key, "underlying_price_e9", item.underlying_price_e9)
                return item.underlying_price_e9

    def _sound_chain(self, chain: OptionChain, refusals: list[DataRefusal]) -> OptionChain:
        """The chain without the lines that cannot be used."""
        kept: list[OptionQuote] = []
        for line in chain.quotes:
            try:
                self._require_line(line)
            except _RefusedError as refused:
                refusals.append(_refusal(line, refused))
            else:
                kept.append(line)
        if len(kept) == len(chain.quotes):
            return chain
        return msgspec.structs.replace(chain, quotes=tuple(kept))

    def _require_line(self, line: OptionQuote) -> None:
        self._require_book(line.instrument_id, line.bid_e9, line.ask_e9)
        self._require_price(line.instrument_id, "strike_e9", line.strike_e9)
        for name in ("delta", "implied_volatility"):
            value = getattr(line, name)
            if type(value) not in (float, int) or not isfinite(value):
                raise _RefusedError(DataFault.NOT_A_NUMBER, f"{name} is {_shown(value)}")

    def _require_book(self, key: str, bid_e9: object, ask_e9: object) -> None:
        bid, ask = _number("bid_e9", bid_e9), _number("ask_e9", ask_e9)
        if bid > ask:
            raise _RefusedError(DataFault.CROSSED, f"bid {bid} above ask {ask}, in billionths")
        # Nothing bid is a price, nothing asked is none: it would be free to buy.
        if key not in self._policy.negative_prices and (bid < 0 or ask <= 0):
            raise _RefusedError(DataFault.NOT_POSITIVE, f"bid {bid}, ask {ask}, in billionths")

    def _require_price(self, key: str, name: str, value: object) -> None:
        number = _number(name, value)
        if number <= 0 and key not in self._policy.negative_prices:
            raise _RefusedError(DataFault.NOT_POSITIVE, f"{name} is {number}")

    def _require_new(self, item: MarketData) -> None:
        seen = self._seen.get((item.instrument_id, type(item)))
        if seen is None or seen.ts_event != item.ts_event:
            return
        # An interval and a chain come once; of ticks only the very same one is a repetition.
        if isinstance(item, (Bar, OptionChain)) or seen == item:
            raise _RefusedError(DataFault.DUPLICATE, f"there was one at {item.ts_event} already")

    def _require_in_band(self, key: str, price_e9: int) -> None:
        most = self._policy.jump_max_fraction
        level = self._levels.get(key)
        if level is None or most is None:
            self._levels[key] = _Level(price_e9)
            return
        if not _is_jump(level.price_e9, price_e9, most):
            level.price_e9, level.count = price_e9, 0
            return
        is_confirmed = level.count and not _is_jump(level.rival_e9, price_e9, most)
        level.count = level.count + 1 if is_confirmed else 1
        level.rival_e9 = price_e9
        if level.count >= self._policy.jump_confirmations:
            self._levels[key] = _Level(price_e9)
            return
        raise _RefusedError(
            DataFault.JUMP,
            f"from {level.price_e9} to {price_e9} billionths, more than {most} of it "
            f"({level.count} of {self._policy.jump_confirmations} that confirm it)",
        )


def _is_jump(before_e9: int, after_e9: int, most: Decimal) -> bool:
    numerator, denominator = most.as_integer_ratio()
    return abs(after_e9 - before_e9) * denominator > abs(before_e9) * numerator


def _number(name: str, value: object) -> int:
    if type(value) is not int:
        raise _RefusedError(
            DataFault.NOT_A_NUMBER, f"{name} is {_shown(value)}, no whole billionths"
        )
    if not -PRICE_E9_MAX < value < PRICE_E9_MAX:
        raise _RefusedError(DataFault.TOO_LARGE, f"{name} is 1e18 units or more")
    return value


def _require_size(name: str, value: object) -> None:
    if _number(name, value) < 0:
        raise _RefusedError(DataFault.NOT_POSITIVE, f"{name} is {value}")


def _refusal(item: MarketData | OptionQuote, refused: _RefusedError) -> DataRefusal:
    named: object = getattr(item, "instrument_id", "")
    return DataRefusal(
        instrument_id=named if isinstance(named, str) else "",
        fault=refused.fault,
        detail=str(refused),
    )


def iter_faults(guarded: GuardedSlice) -> Iterator[str]:
    """Refusals and gap in words, for a log."""
    for one in guarded.refusals:
        yield f"{one.instrument_id or 'slice'}: {one.fault}: {one.detail}"
    if guarded.gap is not None:
        yield f"messages {guarded.gap.last_sequence + 1} to {guarded.gap.sequence - 1} are missing"


def _shown(value: object) -> str:
    return repr(value) if type(value) in (int, float, bool, str) else f"a {type(value).__name__}"
