"""Days, weeks, months and quarters from a time in integer nanoseconds, without a clock.

A trading day need not be a day in UTC: ``offset_ns`` is added before days are counted, so an offset
of +6 hours starts the day at 18:00 UTC of the evening before. Weeks start on Monday.
"""

from __future__ import annotations

from datetime import date
from enum import StrEnum

DAY_NS = 86_400_000_000_000
_EPOCH_ORDINAL = date(1970, 1, 1).toordinal()
# 1970-01-01 was a Thursday: three days later than the Monday that a week is counted from.
_DAYS_INTO_EPOCH_WEEK = 3


class Period(StrEnum):
    DAILY = "daily"
    WEEKLY = "weekly"
    MONTHLY = "monthly"
    QUARTERLY = "quarterly"


def day_of(ts: int, offset_ns: int = 0) -> int:
    """Days since 1970-01-01."""
    return (ts + offset_ns) // DAY_NS


def period_of(period: Period, ts: int, offset_ns: int = 0) -> int:
    """The number of the day, week, month or quarter that a time lies in; later ones are greater."""
    day = day_of(ts, offset_ns)
    if period is Period.DAILY:
        return day
    if period is Period.WEEKLY:
        return (day + _DAYS_INTO_EPOCH_WEEK) // 7
    calendar_day = date.fromordinal(day + _EPOCH_ORDINAL)
    month = calendar_day.year * 12 + calendar_day.month - 1
    return month if period is Period.MONTHLY else month // 3
