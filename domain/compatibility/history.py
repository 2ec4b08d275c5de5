"""What is known of a strategy's past: its equity, holdings, margin and expiries, day by day.

Everything is from the strategy's own book, so the account's netting plays no part. Days are
ordinals of dates in UTC (``date.toordinal()``), as in ``capital.return_history``; ``day_of``
makes them from timestamps. Nothing here judges: see ``evidence`` for the figures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import pairwise

import msgspec

from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import ZERO
from orchestrion.domain.models.strategy_metadata import Horizon

DAY_OF_EPOCH = 719_163
"""Ordinal of 1970-01-01."""
NS_PER_DAY = 86_400 * 1_000_000_000
RUNS_MIN = 5
"""Holdings below which no horizon is read out of a history; arbitrary."""


class Alignment(StrEnum):
    """Which points of two equity curves are put side by side."""

    DAILY = "daily"
    """Days that both have."""
    WEEKLY = "weekly"
    """The last points of the weeks (Monday to Sunday) that both have: for strategies that seldom
    have a day in common."""

    def period(self, day: int) -> int:
        """The period that a day belongs to."""
        return day if self is Alignment.DAILY else week_of(day)


class InstrumentDay(msgspec.Struct, frozen=True, gc=False):
    """What a strategy did in one instrument on one day.

    Attributes:
        held: signed quantity at the close.
        bought, sold: quantities traded during the day, >= 0.
    """

    day: int
    instrument_id: str
    held: Decimal = ZERO
    bought: Decimal = ZERO
    sold: Decimal = ZERO


class MarginPeak(msgspec.Struct, frozen=True, gc=False):
    """The most margin that a strategy's own book bound on one day, account currency."""

    day: int
    amount: Decimal


class OptionExpiry(msgspec.Struct, frozen=True, gc=False):
    """The day on which options that a strategy holds or held expire."""

    underlying_id: str
    day: int


class StrategyHistory(msgspec.Struct, frozen=True, kw_only=True):
    """The past of one strategy. Any part may be empty; a figure that needs it is then not given.

    Attributes:
        equity: days ascending; capital moved in or out stands in ``flow`` and is no gain.
        instrument_days: at most one entry per day and instrument, any order.
        margin_peaks: days ascending; a day without margin is an entry with amount 0.
        option_expiries: any order, repetitions allowed.
    """

    equity: tuple[EquityPoint, ...] = ()
    instrument_days: tuple[InstrumentDay, ...] = ()
    margin_peaks: tuple[MarginPeak, ...] = ()
    option_expiries: tuple[OptionExpiry, ...] = ()


def day_of(ts: int) -> int:
    """The UTC day of a timestamp in nanoseconds."""
    return DAY_OF_EPOCH + ts // NS_PER_DAY


def week_of(day: int) -> int:
    """Number of the week, Monday to Sunday, that a day belongs to."""
    return (day - 1) // 7


def equity_by_day(points: Iterable[tuple[int, Decimal]]) -> tuple[EquityPoint, ...]:
    """A curve of (ts in nanoseconds UTC, equity) with the last point of every UTC day.

    For curves without capital movements; where capital moved, build ``EquityPoint`` with its flow.

    Raises:
        ConfigurationError: the times go back.
    """
    by_day: dict[int, Decimal] = {}
    before: int | None = None
    for place, (ts, equity) in enumerate(points):
        if before is not None and ts < before:
            raise ConfigurationError(f"equity point {place}: time {ts} lies before {before}")
        by_day[day_of(ts)] = equity
        before = ts
    return tuple(EquityPoint(day, equity) for day, equity in by_day.items())


def check_history(strategy_id: str, history: StrategyHistory) -> None:
    """
    Raises:
        ConfigurationError: days that do not ascend, one instrument twice on a day, a number that
            is not finite or not in its range; the message names the place.
    """
    where = f"history of {strategy_id!r}"
    _check_ascending(f"{where}, equity", [point.day for point in history.equity])
    _check_ascending(f"{where}, margin_peaks", [peak.day for peak in history.margin_peaks])
    for point in history.equity:
        _check(f"{where}, equity of day {point.day}", point.equity, _is_any)
        _check(f"{where}, flow of day {point.day}", point.flow, _is_any)
    for peak in history.margin_peaks:
        _check(f"{where}, margin of day {peak.day}", peak.amount, _is_at_least_zero)
    seen: dict[tuple[int, str], None] = {}
    for one in history.instrument_days:
        place = f"{where}, {one.instrument_id} on day {one.day}"
        if (one.day, one.instrument_id) in seen:
            raise ConfigurationError(f"{place} stands there twice: add the two up")
        seen[one.day, one.instrument_id] = None
        _check(f"{place}, held", one.held, _is_any)
        _check(f"{place}, bought", one.bought, _is_at_least_zero)
        _check(f"{place}, sold", one.sold, _is_at_least_zero)


def horizon_of(history: StrategyHistory) -> Horizon | None:
    """How long positions were held, by the (upper) median; None below ``RUNS_MIN`` holdings.

    A holding is a run of closes with one sign; an instrument that was traded and is flat at the
    close counts as a holding over no close. Runs that are still open count with what they have.
    Five trading days are a week, twenty-one a month.
    """
    lengths = _run_lengths(history)
    if len(lengths) < RUNS_MIN:
        return None
    typical = sorted(lengths)[len(lengths) // 2]
    if typical < 1:
        return Horizon.INTRADAY
    if typical < 5:
        return Horizon.DAYS
    return Horizon.WEEKS if typical < 21 else Horizon.MONTHS


def _run_lengths(history: StrategyHistory) -> list[int]:
    """Closes per holding. Size: one pass over the instrument days, sorted."""
    days = [point.day for point in history.equity]
    days += [one.day for one in history.instrument_days]
    place_of = {day: place for place, day in enumerate(sorted(dict.fromkeys(days)))}
    entries = sorted(history.instrument_days, key=lambda one: (one.instrument_id, one.day))
    lengths: list[int] = []
    last: tuple[str, int, bool] | None = None  # instrument, place of the day, whether long
    for one in entries:
        if not one.held:
            # Flat after an overnight holding is that holding's end, not one more.
            if one.bought and one.sold:
                lengths.append(0)
            last = None
            continue
        here = (one.instrument_id, place_of[one.day], one.held > 0)
        if last is not None and here == (last[0], last[1] + 1, last[2]):
            lengths[-1] += 1
        else:
            lengths.append(1)
        last = here
    return lengths


def _check_ascending(where: str, days: Sequence[int]) -> None:
    for place, (before, after) in enumerate(pairwise(days), start=1):
        if after <= before:
            raise ConfigurationError(
                f"{where}, entry {place}: day {after} does not follow day {before}"
            )


def _check(where: str, value: Decimal, is_in_range: Callable[[Decimal], bool]) -> None:
    if not value.is_finite() or not is_in_range(value):
        raise ConfigurationError(f"{where} cannot be {value}")


def _is_any(_value: Decimal) -> bool:
    return True


def _is_at_least_zero(value: Decimal) -> bool:
    return value >= 0
