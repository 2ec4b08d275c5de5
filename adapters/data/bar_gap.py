"""Holes in bars: where one is missing although the rest of the data says that it was due.

Without the exchange's calendar a missing bar cannot always be told from a closed exchange, so the
rule is narrow and certain rather than wide and noisy.

Interval below a day:
    Two bars of an instrument on the same UTC date belong to one session; the later one must not
    come more than one interval after the earlier one. Nights and weekends are no holes.
Interval of a day:
    Between an instrument's first and last bar it must have one on every weekday (UTC date of
    ``ts_event``, Monday to Friday) on which another instrument of the set has one. Where there is
    nothing to compare with, more than ten weekdays in a row without a bar are a hole too: the
    longest holidays of large exchanges are shorter.

A pause within the day (a lunch break) breaks the first rule: allow gaps for such a set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from typing import Protocol

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.market import Bar

DAY_NS = 86_400 * 1_000_000_000
CLOSED_WEEKDAYS_MAX = 10
_THURSDAY = 3  # 1970-01-01
_SATURDAY = 5


class GapRule(Protocol):
    """Sees every bar once, in time order; says which of them come after a hole."""

    def holes(self, bars: Iterable[Bar]) -> Iterator[tuple[Bar, str]]:
        """For the bars of one ``ts_event``: those with a hole before them, and what is missing."""
        ...


def gap_rule(interval_ns: int | None) -> GapRule | None:
    """The rule for an interval; None is no rule.

    Raises:
        ConfigurationError: the interval is not positive, or longer than a day.
    """
    if interval_ns is None:
        return None
    if not 0 < interval_ns <= DAY_NS:
        raise ConfigurationError(
            f"interval_ns {interval_ns}: must be above 0 and at most a day ({DAY_NS}); "
            "there is no rule for holes in longer bars, leave it out"
        )
    return DailyGap() if interval_ns == DAY_NS else SessionGap(interval_ns)


class SessionGap:
    """The rule for bars shorter than a day."""

    def __init__(self, interval_ns: int) -> None:
        self._interval_ns = interval_ns
        self._last_ts: dict[str, int] = {}

    def holes(self, bars: Iterable[Bar]) -> Iterator[tuple[Bar, str]]:
        for bar in bars:
            last_ts = self._last_ts.get(bar.instrument_id)
            self._last_ts[bar.instrument_id] = bar.ts_event
            if last_ts is None or last_ts // DAY_NS != bar.ts_event // DAY_NS:
                continue
            gap_ns = bar.ts_event - last_ts
            if gap_ns > self._interval_ns:
                interval_s = f"{self._interval_ns / 1e9:g} s"
                yield bar, f"{gap_ns / 1e9:g} s since the bar before, the interval is {interval_s}"


class DailyGap:
    """The rule for bars of one day."""

    def __init__(self) -> None:
        self._last_day: dict[str, int] = {}
        self._witness: dict[int, str] = {}
        """Day -> the first instrument that had a bar on it."""

    def holes(self, bars: Iterable[Bar]) -> Iterator[tuple[Bar, str]]:
        for bar in bars:
            day = bar.ts_event // DAY_NS
            last_day = self._last_day.get(bar.instrument_id, day)
            self._last_day[bar.instrument_id] = day
            self._witness.setdefault(day, bar.instrument_id)
            missing = self._missing(last_day, day)
            if missing:
                yield bar, missing

    def _missing(self, last_day: int, day: int) -> str | None:
        weekdays = [each for each in range(last_day + 1, day) if _is_weekday(each)]
        for each in weekdays:
            if each in self._witness:
                return f"no bar on {_date(each)}, a weekday on which {self._witness[each]} has one"
        if len(weekdays) > CLOSED_WEEKDAYS_MAX:
            return f"no bar from {_date(weekdays[0])} to {_date(weekdays[-1])}"
        return None


def _is_weekday(day: int) -> bool:
    return (day + _THURSDAY) % 7 < _SATURDAY


def _date(day: int) -> date:
    return datetime.fromtimestamp(day * 86_400, tz=UTC).date()
