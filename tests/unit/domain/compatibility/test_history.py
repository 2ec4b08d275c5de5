"""Days, weeks, horizons, and what no history may hold."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.compatibility.history import (
    RUNS_MIN,
    Alignment,
    InstrumentDay,
    MarginPeak,
    StrategyHistory,
    check_history,
    day_of,
    equity_by_day,
    horizon_of,
)
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.strategy_metadata import Horizon
from tests.unit.domain.compatibility.lineup_builders import MONDAY, curve, past

NS = 1_000_000_000


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00", "2014-01-06T23:59:59", "1969-12-31T12:00"])
def test_day_of_a_timestamp_is_the_ordinal_of_its_utc_date(text: str) -> None:
    moment = datetime.fromisoformat(text).replace(tzinfo=UTC)
    assert day_of(int(moment.timestamp()) * NS) == moment.toordinal()


def test_week_runs_from_monday_to_sunday() -> None:
    periods = [Alignment.WEEKLY.period(MONDAY + day) for day in range(-1, 8)]
    assert periods == [periods[0]] + [periods[0] + 1] * 7 + [periods[0] + 2]


def test_daily_period_is_the_day() -> None:
    assert Alignment.DAILY.period(MONDAY) == MONDAY


def test_last_point_of_each_day_counts() -> None:
    day_ns = 86_400 * NS
    points = [(0, Decimal(10)), (NS, Decimal(11)), (day_ns, Decimal(12)), (day_ns, Decimal(13))]
    assert equity_by_day(points) == (
        EquityPoint(day_of(0), Decimal(11)),
        EquityPoint(day_of(day_ns), Decimal(13)),
    )


def test_times_that_go_back_are_refused_by_place() -> None:
    with pytest.raises(ConfigurationError, match="equity point 1: time 4 lies before 5"):
        equity_by_day([(5, Decimal(1)), (4, Decimal(1))])


@pytest.mark.parametrize(
    ("history", "words"),
    [
        (
            StrategyHistory(equity=(EquityPoint(5, Decimal(1)), EquityPoint(5, Decimal(1)))),
            "equity, entry 1: day 5 does not follow day 5",
        ),
        (
            StrategyHistory(margin_peaks=(MarginPeak(6, Decimal(1)), MarginPeak(5, Decimal(1)))),
            "margin_peaks, entry 1: day 5 does not follow day 6",
        ),
        (StrategyHistory(equity=(EquityPoint(5, Decimal("NaN")),)), "equity of day 5 cannot be"),
        (
            StrategyHistory(equity=(EquityPoint(5, Decimal(1), Decimal("Infinity")),)),
            "flow of day 5 cannot be",
        ),
        (StrategyHistory(margin_peaks=(MarginPeak(5, Decimal(-1)),)), "margin of day 5 cannot be"),
        (
            StrategyHistory(instrument_days=(InstrumentDay(5, "SPX"), InstrumentDay(5, "SPX"))),
            "SPX on day 5 stands there twice",
        ),
        (
            StrategyHistory(instrument_days=(InstrumentDay(5, "SPX", bought=Decimal(-1)),)),
            "SPX on day 5, bought cannot be -1",
        ),
        (
            StrategyHistory(instrument_days=(InstrumentDay(5, "SPX", sold=Decimal(-1)),)),
            "SPX on day 5, sold cannot be -1",
        ),
        (
            StrategyHistory(instrument_days=(InstrumentDay(5, "SPX", held=Decimal("sNaN")),)),
            "SPX on day 5, held cannot be",
        ),
    ],
)
def test_bad_history_is_refused_by_place(history: StrategyHistory, words: str) -> None:
    with pytest.raises(ConfigurationError, match=words) as caught:
        check_history("ONE", history)
    assert "'ONE'" in str(caught.value)


def runs(length: int, *, count: int = RUNS_MIN) -> StrategyHistory:
    """Holdings over ``length`` closes with a day in between."""
    held = [
        (start * (length + 1) + day, "SPX", 1) for start in range(count) for day in range(length)
    ]
    return StrategyHistory(
        equity=curve([0.0] * (count * (length + 1))),
        instrument_days=past(held=held).instrument_days,
    )


@pytest.mark.parametrize(
    ("closes", "expected"),
    [(1, Horizon.DAYS), (4, Horizon.DAYS), (5, Horizon.WEEKS), (20, Horizon.WEEKS),
     (21, Horizon.MONTHS)],
)  # fmt: skip
def test_horizon_follows_from_the_closes_of_a_holding(closes: int, expected: Horizon) -> None:
    assert horizon_of(runs(closes)) is expected


def test_flat_at_the_close_is_intraday() -> None:
    days = tuple(
        InstrumentDay(MONDAY + day, "SPX", bought=Decimal(1), sold=Decimal(1)) for day in range(5)
    )
    assert horizon_of(StrategyHistory(instrument_days=days)) is Horizon.INTRADAY


def test_too_few_holdings_give_no_horizon() -> None:
    assert horizon_of(runs(3, count=RUNS_MIN - 1)) is None
    assert horizon_of(StrategyHistory()) is None


def test_turn_of_sides_and_the_sale_of_a_holding_end_it_once() -> None:
    days = (
        InstrumentDay(MONDAY, "SPX", Decimal(1), bought=Decimal(1)),
        InstrumentDay(MONDAY + 1, "SPX", Decimal(-1), sold=Decimal(2)),
        InstrumentDay(MONDAY + 2, "SPX", bought=Decimal(1)),
        *past(held=[(3, "SPX", 1), (4, "SPX", -1), (5, "SPX", 1)]).instrument_days,
    )
    assert horizon_of(StrategyHistory(instrument_days=days)) is Horizon.DAYS
    assert horizon_of(StrategyHistory(instrument_days=days[:-1])) is None
