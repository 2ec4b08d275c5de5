"""The equity history: one point a day, with what was moved since."""

from __future__ import annotations

from decimal import Decimal

from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.capital.session_day import DAY_NS
from orchestrion.domain.desk import equity_history
from orchestrion.domain.desk.equity_history import EquityHistory

ONE = {"trend": Decimal(100)}


def test_point_carries_the_capital_that_moved_since_the_last_one() -> None:
    history = EquityHistory()
    history.close(ONE, DAY_NS)
    history.move({"trend": Decimal(30)})
    history.move({"trend": Decimal(-10)})
    history.close({"trend": Decimal(120)}, 2 * DAY_NS)
    history.close({"trend": Decimal(121)}, 3 * DAY_NS)
    assert history.curves(["trend"])["trend"] == (
        EquityPoint(1, Decimal(100)),
        EquityPoint(2, Decimal(120), Decimal(20)),
        EquityPoint(3, Decimal(121)),
    )


def test_second_close_of_a_day_replaces_the_first_and_keeps_its_flow() -> None:
    history = EquityHistory()
    history.move({"trend": Decimal(5)})
    history.close(ONE, DAY_NS)
    history.move({"trend": Decimal(7)})
    history.close({"trend": Decimal(112)}, DAY_NS + 1)
    assert history.curves(["trend"])["trend"] == (EquityPoint(1, Decimal(112), Decimal(12)),)


def test_day_begins_when_it_is_told_to() -> None:
    history = EquityHistory(day_offset_ns=DAY_NS // 4)
    history.close(ONE, 2 * DAY_NS - DAY_NS // 4)
    assert history.curves(["trend"])["trend"][0].day == 2


def test_book_without_a_close_has_no_points() -> None:
    assert EquityHistory().curves(["ghost"]) == {"ghost": ()}


def test_oldest_points_are_forgotten() -> None:
    history = EquityHistory()
    for day in range(equity_history.POINTS_MAX + 2):
        history.close(ONE, day * DAY_NS)
    points = history.curves(["trend"])["trend"]
    assert (len(points), points[0].day) == (equity_history.POINTS_MAX, 2)
