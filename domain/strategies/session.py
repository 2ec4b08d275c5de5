"""Days, as strategies count them: UTC calendar days from the event's time, and daily closes.

The library is made for daily data. On finer data the price of a day is the last one seen, and it
is replaced until the day is over.
"""

from __future__ import annotations

from datetime import UTC, datetime

import msgspec

from orchestrion.domain.models.market import MarketSlice

DAY_NS = 86_400_000_000_000
_THURSDAY, _FRIDAY = 3, 4


def day_number(ts: int) -> int:
    """Days since 1970-01-01, UTC."""
    return ts // DAY_NS


def days_between(ts: int, later_ts: int) -> int:
    """Calendar days from one moment's day to another's."""
    return day_number(later_ts) - day_number(ts)


def monthly_expiries(expiries: tuple[int, ...]) -> tuple[int, ...]:
    """Those that end on the third Friday of a month, or on the Thursday before a closed one."""
    days = frozenset(day_number(expiry_ts) for expiry_ts in expiries)
    return tuple(expiry_ts for expiry_ts in expiries if _is_monthly(expiry_ts, days))


def _is_monthly(expiry_ts: int, days: frozenset[int]) -> bool:
    date = datetime.fromtimestamp(expiry_ts // 1_000_000_000, UTC).date()
    if date.weekday() == _FRIDAY:
        return 15 <= date.day <= 21
    # Good Friday can be the third Friday: the month's options then end a day early.
    is_day_before = date.weekday() == _THURSDAY and 14 <= date.day <= 20
    return is_day_before and day_number(expiry_ts) + 1 not in days


class DailyCloses(msgspec.Struct, frozen=True):
    """The last closes of one instrument, oldest first, in billionths."""

    closes_e9: tuple[int, ...] = ()
    day: int = -1

    def observe(self, ts_event: int, close_e9: int, *, keep: int) -> DailyCloses:
        """With one more price: today's replaces an earlier one of today; ``keep`` are kept."""
        day = day_number(ts_event)
        earlier = self.closes_e9[:-1] if day == self.day else self.closes_e9
        return DailyCloses((*earlier, close_e9)[-keep:], day)

    def __len__(self) -> int:
        return len(self.closes_e9)


def price_e9(event: MarketSlice, instrument_id: str) -> int | None:
    """The price of an instrument in this slice: a bar's close, a quote's mid or a trade."""
    bar = event.bar(instrument_id)
    if bar is not None:
        return bar.close_e9
    quote = event.quote(instrument_id)
    if quote is not None:
        return (quote.bid_e9 + quote.ask_e9) // 2
    trade = event.trade(instrument_id)
    return None if trade is None else trade.price_e9
