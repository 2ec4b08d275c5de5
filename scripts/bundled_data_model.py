"""The models behind the bundled quotes: expiry calendar, option values, strikes, futures' carry.

Pure functions of the real index, the real VIX and the constants below. They run when the set is
made, never in the program: a float model on the user's machine could round the other way and pick
another strike. None of the constants is fitted to option prices, for the set has none; all are of
the size that 2014 to 2018 showed, and flat, so that a reader can recompute every quote.

Read next: bundled_data_sources.md, the same in words; make_bundled_data.py, which calls this.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import NamedTuple

DAYS_PER_YEAR = 365

RATE = 0.01
DIVIDEND_YIELD = 0.02
SPX_CARRY = RATE - DIVIDEND_YIELD
WTI_CARRY = 0.03

VIX_DAYS = 30
# The VIX is the price of the whole smile, not of its middle. With this factor and the skew below
# a 30-day strip of modelled options gives the real VIX back within 1 %; with a factor of 1 every
# option would be about 8 % too dear, which flatters whoever sells them.
AT_THE_MONEY_FACTOR = 0.93
LONG_RUN_VOLATILITY = 0.16
REVERSION_PER_YEAR = 4.0
VOLATILITY_MIN = 0.05
SKEW_PER_DEVIATION = 0.2
SMILE_MIN, SMILE_MAX = 0.75, 1.8
HALF_SPREAD_FRACTION = 0.01

# Option prices are rounded in ten-thousandths and stored in units of TICK.
TEN_THOUSAND = 10_000
TICK, COARSE_TICK, COARSE_FROM = 500, 1000, 30_000

MONTHLY_EXPIRIES_LISTED, FRIDAYS_LISTED = 3, 5
STRIKE_FLOOR_FRACTION, STRIKE_CEILING_FRACTION = 0.6, 1.3

SPX_FUTURE_MONTHS = (3, 6, 9, 12)


class Grid(NamedTuple):
    """Which strikes are listed: out to ``delta``, at least ``width_fraction`` of the index away."""

    style: str
    step: int
    delta: float
    width_fraction: float


MONTHLY = Grid("monthly", 25, 0.015, 0.05)
# Ten points, for in the calm of 2017 the index moved some 25 points a week: a wider grid would
# have had nothing between the money and the 5-delta option.
WEEKLY = Grid("weekly", 10, 0.02, 0.03)


def years_until(expiry: date, day: date) -> float:
    return (expiry - day).days / DAYS_PER_YEAR


def trading_day_until(day: date, days: Sequence[date], known: frozenset[date]) -> date:
    """``day``, or the day of the set before it; after the set's end every weekday counts."""
    while day not in known if day <= days[-1] else day.weekday() > 4:
        day -= timedelta(days=1)
    return day


def third_friday(year: int, month: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(4 - first.weekday()) % 7 + 14)


def option_expiries(days: Sequence[date]) -> tuple[list[date], list[date]]:
    """The expiries of all third Fridays, and those of all Fridays, from the first day on."""
    known = frozenset(days)
    friday = days[0] + timedelta(days=4 - days[0].weekday())
    weeks = (days[-1] - friday).days // 7 + 20
    fridays = [friday + timedelta(weeks=count) for count in range(weeks)]
    third = [day for day in fridays if day == third_friday(day.year, day.month)]
    return (
        [trading_day_until(day, days, known) for day in third],
        [trading_day_until(day, days, known) for day in fridays],
    )


def spx_future_expiry(year: int, month: int) -> date | None:
    """The third Friday of March, June, September and December."""
    return third_friday(year, month) if month in SPX_FUTURE_MONTHS else None


def wti_future_expiry(year: int, month: int) -> date | None:
    """Before the 21st of the month before delivery."""
    return date(year, month - 1, 20) if month > 1 else date(year - 1, 12, 20)


def future_expiries(
    days: Sequence[date], rule: Callable[[int, int], date | None]
) -> dict[str, date]:
    """Expiries by delivery month (like 201403), from the first day until a year after the last."""
    known, expiries = frozenset(days), dict[str, date]()
    for year in range(days[0].year, days[-1].year + 2):
        for month in range(1, 13):
            wanted = rule(year, month)
            if wanted and wanted >= days[0]:
                expiries[f"{year}{month:02}"] = trading_day_until(wanted, days, known)
    return expiries


def normal_cumulative(x: float) -> float:
    return 0.5 * math.erfc(-x / math.sqrt(2))


def at_the_money_volatility(vix: float, years: float) -> float:
    """The VIX carried from 30 days to another term: variance reverts to its long-run level."""
    long_run = LONG_RUN_VOLATILITY**2
    now = long_run + (vix**2 - long_run) / mean_reversion(VIX_DAYS / DAYS_PER_YEAR)
    variance = long_run + (now - long_run) * mean_reversion(years)
    return max(VOLATILITY_MIN, AT_THE_MONEY_FACTOR * math.sqrt(max(variance, 0.0)))


def mean_reversion(years: float) -> float:
    """How much of today's distance to the long-run variance the mean over the term still has."""
    return (1 - math.exp(-REVERSION_PER_YEAR * years)) / (REVERSION_PER_YEAR * years)


def implied_volatility(spot: float, strike: float, vix: float, years: float) -> float:
    """At-the-money volatility times a smile that is linear in deviations of the log strike."""
    middle = at_the_money_volatility(vix, years)
    forward = spot * math.exp((RATE - DIVIDEND_YIELD) * years)
    deviations = math.log(strike / forward) / (middle * math.sqrt(years))
    return middle * min(max(1 - SKEW_PER_DEVIATION * deviations, SMILE_MIN), SMILE_MAX)


def dividend_discount(years: float) -> float:
    return math.exp(-DIVIDEND_YIELD * years)


class Model(NamedTuple):
    """Model values of one strike, before any rounding."""

    call: float
    put: float
    call_delta: float
    volatility: float


def black_scholes(spot: float, strike: float, vix: float, years: float) -> Model:
    volatility = implied_volatility(spot, strike, vix, years)
    deviation = volatility * math.sqrt(years)
    d1 = (math.log(spot / strike) + (RATE - DIVIDEND_YIELD) * years) / deviation + deviation / 2
    spot_now, strike_now = spot * dividend_discount(years), strike * math.exp(-RATE * years)
    call = spot_now * normal_cumulative(d1) - strike_now * normal_cumulative(d1 - deviation)
    put = call - spot_now + strike_now
    return Model(call, put, dividend_discount(years) * normal_cumulative(d1), volatility)


def quote(value: float) -> tuple[int, int]:
    """Bid and spread around a model value, rounded outward to the tick, in units of 0.05."""
    half = max(TICK / TEN_THOUSAND, HALF_SPREAD_FRACTION * value)
    bid, ask = max(0, round((value - half) * TEN_THOUSAND)), round((value + half) * TEN_THOUSAND)
    bid_tick = TICK if bid < COARSE_FROM else COARSE_TICK
    ask_tick = TICK if ask <= COARSE_FROM else COARSE_TICK
    bid, ask = bid // bid_tick * bid_tick, -(-ask // ask_tick) * ask_tick
    return bid // TICK, (ask - bid) // TICK


def listed_strikes(grid: Grid, spot: float, vix: float, years: float) -> tuple[int, int]:
    """First and last strike that one day's market asks for."""
    low = math.floor(spot / grid.step) * grid.step
    high = low + grid.step
    narrow, wide = spot * (1 - grid.width_fraction), spot * (1 + grid.width_fraction)

    def call_delta(strike: int) -> float:
        return black_scholes(spot, strike, vix, years).call_delta

    while low > spot * STRIKE_FLOOR_FRACTION and (
        low > narrow or dividend_discount(years) - call_delta(low) > grid.delta
    ):
        low -= grid.step
    while high < spot * STRIKE_CEILING_FRACTION and (high < wide or call_delta(high) > grid.delta):
        high += grid.step
    return low, high


def carried_ticks(price: float, carry: float, years: float, tick: float) -> int:
    """A future's price in ticks: the underlying's price, carried to expiry."""
    return math.floor(price * math.exp(carry * years) / tick + 0.5)
