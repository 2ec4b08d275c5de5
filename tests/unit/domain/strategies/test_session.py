"""Days, monthly expiries, daily closes, prices of a slice."""

from __future__ import annotations

from datetime import date

import pytest

from orchestrion.domain.models.market import MarketSlice, QuoteTick, TradeTick
from orchestrion.domain.strategies.session import (
    DAY_NS,
    DailyCloses,
    day_number,
    days_between,
    monthly_expiries,
    price_e9,
)
from tests.fakes_strategy_host import bar, ts_of


def test_days_are_calendar_days_whatever_the_hour() -> None:
    late, early = 2 * DAY_NS - 1, 2 * DAY_NS
    assert (day_number(late), day_number(early)) == (1, 2)
    assert days_between(late, early) == 1
    assert days_between(early, late) == -1


@pytest.mark.parametrize(
    ("days", "monthly"),
    [
        ([date(2014, 1, 10), date(2014, 1, 17), date(2014, 1, 24)], [date(2014, 1, 17)]),
        # Good Friday is the third Friday of April 2014: the month ends on Thursday.
        ([date(2014, 4, 11), date(2014, 4, 17), date(2014, 4, 25)], [date(2014, 4, 17)]),
        # A Thursday beside a Friday is only a daily expiry.
        ([date(2014, 4, 17), date(2014, 4, 18)], [date(2014, 4, 18)]),
        ([date(2014, 4, 14), date(2014, 4, 16)], []),
        ([date(2014, 8, 14), date(2014, 8, 21)], [date(2014, 8, 14)]),
        ([date(2014, 8, 15)], [date(2014, 8, 15)]),
        ([], []),
    ],
)
def test_monthly_expiry_is_the_third_friday_or_the_thursday_before(
    days: list[date], monthly: list[date]
) -> None:
    expiries = tuple(ts_of(day) for day in days)
    assert monthly_expiries(expiries) == tuple(ts_of(day) for day in monthly)


def test_closes_keep_the_newest_and_replace_the_same_day() -> None:
    closes = DailyCloses()
    for day, close in ((1, 10), (1, 11), (2, 12), (3, 13)):
        closes = closes.observe(day * DAY_NS + 5, close, keep=2)
    assert closes.closes_e9 == (12, 13)
    assert len(closes) == 2
    assert closes.observe(3 * DAY_NS, 14, keep=2).closes_e9 == (12, 14)


def test_price_comes_from_bar_then_quote_then_trade() -> None:
    day = date(2014, 1, 3)
    ts = ts_of(day)
    event = MarketSlice.of(
        [
            bar("A", day, 10),
            QuoteTick("A", ts, 1, 3),
            QuoteTick("B", ts, 1, 3),
            TradeTick("C", ts, 7),
        ]
    )
    assert [price_e9(event, one) for one in "ABCD"] == [10_000_000_000, 2, 7, None]
