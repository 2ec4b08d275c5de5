"""Days and periods, checked against the calendar of the standard library."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest

from orchestrion.domain.capital.session_day import DAY_NS, Period, day_of, period_of


def _ts(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("period", "last", "first_of_next"),
    [
        (Period.DAILY, "2024-02-28T23:59:59", "2024-02-29T00:00:00"),
        (Period.WEEKLY, "2024-03-03T23:59:59", "2024-03-04T00:00:00"),
        (Period.WEEKLY, "2023-12-31T23:59:59", "2024-01-01T00:00:00"),
        (Period.MONTHLY, "2024-02-29T23:59:59", "2024-03-01T00:00:00"),
        (Period.MONTHLY, "2023-12-31T23:59:59", "2024-01-01T00:00:00"),
        (Period.QUARTERLY, "2024-03-31T23:59:59", "2024-04-01T00:00:00"),
        (Period.QUARTERLY, "2023-12-31T23:59:59", "2024-01-01T00:00:00"),
        (Period.DAILY, "1969-12-31T23:59:59", "1970-01-01T00:00:00"),
    ],
)
def test_period_ends_at_midnight(period: Period, last: str, first_of_next: str) -> None:
    assert period_of(period, _ts(last)) + 1 == period_of(period, _ts(first_of_next))


@pytest.mark.parametrize(
    ("period", "first", "last"),
    [
        (Period.WEEKLY, "2024-03-04T00:00:00", "2024-03-10T23:59:59"),
        (Period.MONTHLY, "2024-03-01T00:00:00", "2024-03-31T23:59:59"),
        (Period.QUARTERLY, "2024-01-01T00:00:00", "2024-03-31T23:59:59"),
    ],
)
def test_period_is_one_until_it_ends(period: Period, first: str, last: str) -> None:
    assert period_of(period, _ts(first)) == period_of(period, _ts(last))


def test_weeks_change_exactly_on_mondays() -> None:
    day = date(2019, 12, 30)
    while day < date(2021, 1, 10):
        after = day + timedelta(days=1)
        changes = period_of(Period.WEEKLY, _ts(f"{day}T12:00:00")) != period_of(
            Period.WEEKLY, _ts(f"{after}T12:00:00")
        )
        assert changes is (after.weekday() == 0)
        day = after


def test_offset_starts_the_day_in_the_evening_before() -> None:
    six_hours_ns = DAY_NS // 4
    assert day_of(_ts("2024-01-01T17:59:59"), six_hours_ns) == day_of(_ts("2024-01-01T12:00:00"))
    assert day_of(_ts("2024-01-01T18:00:00"), six_hours_ns) == day_of(_ts("2024-01-02T12:00:00"))
