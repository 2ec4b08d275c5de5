"""Returns without moved capital, and what is kept of them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.compatibility.history import Alignment
from orchestrion.domain.compatibility.series import (
    cushion_of,
    deepest_drawdown,
    fault_of,
    growth_index,
    series_of,
    sum_of_curves,
)
from tests.unit.domain.compatibility.lineup_builders import MONDAY, curve


def test_moved_capital_is_no_return() -> None:
    points = (
        EquityPoint(1, Decimal(100)),
        EquityPoint(2, Decimal(150), Decimal(40)),
        EquityPoint(3, Decimal(66), Decimal(-99)),
    )
    assert list(growth_index(points, Alignment.DAILY).values()) == pytest.approx([1, 1.1, 1.21])


def test_weekly_index_takes_the_last_point_of_a_week() -> None:
    points = curve([0.1, 0.1, 0.1], first_day=MONDAY + 4)
    index = growth_index(points, Alignment.WEEKLY)
    week = Alignment.WEEKLY.period(MONDAY)
    assert index == pytest.approx({week: 1.21, week + 1: 1.331})


def test_no_points_give_no_index() -> None:
    assert growth_index((), Alignment.DAILY) == {}


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ((EquityPoint(1, Decimal(0)), EquityPoint(2, Decimal(1))), "from 0001-01-01 to 0001-01-02"),
        ((EquityPoint(1, Decimal(5)), EquityPoint(2, Decimal(-1))), "from 5 to -1 with 0 moved in"),
        ((EquityPoint(1, Decimal(5)), EquityPoint(2, Decimal(9), Decimal(9))), "with 9 moved in"),
    ],
)
def test_lost_capital_gives_no_return_and_says_where(
    points: tuple[EquityPoint, ...], words: str
) -> None:
    assert words in fault_of(points)


def test_sound_curve_has_no_fault() -> None:
    assert fault_of(curve([0.1, -0.5])) == ""
    assert fault_of(()) == ""


def test_series_by_hand() -> None:
    series = series_of((2.0, 1.0, 1.5, 3.0))
    assert series.levels == (1.0, 0.5, 0.75, 1.5)
    assert series.returns == (-0.5, 0.5, 1.0)
    assert series.losses == 1
    assert series.largest_fall == 0.5
    assert series.worst == ()  # a tenth of three


def test_worst_tenth_is_in_order_of_loss_then_time() -> None:
    levels = [1.0]
    for place in range(20):
        levels.append(levels[-1] * (0.5 if place in {7, 13} else 1.0))
    assert series_of(levels).worst == (7, 13)


def test_series_of_nothing_is_empty() -> None:
    empty = series_of(())
    assert empty.returns == ()
    assert empty.moves is None
    assert empty.largest_fall == 0.0


def index_of(returns: list[float]) -> list[float]:
    levels = [1.0]
    for one in returns:
        levels.append(levels[-1] * (1 + one))
    return levels


def test_cushion_by_hand() -> None:
    hurt = series_of(index_of([-0.5, -0.25, *[0.01] * 18]))
    helper = series_of(index_of([0.3, 0.1, *[0.0] * 18]))
    found = cushion_of(hurt, helper)
    # Mean of 0.3 and 0.1; deviations ±0.1, so variance 0.02 and standard error √(0.02 / 2).
    assert (found.samples, found.mean, found.standard_error) == pytest.approx((2, 0.2, 0.1))


@pytest.mark.parametrize(("losses", "samples"), [([], 0), ([-0.5], 1)])
def test_cushion_counts_losses_only(losses: list[float], samples: int) -> None:
    hurt = series_of(index_of([*losses, *[0.01] * (20 - len(losses))]))
    found = cushion_of(hurt, series_of(index_of([0.1] * 20)))
    assert (found.samples, found.standard_error) == (samples, 0.0)
    assert found.mean == pytest.approx(0.1 * samples)


def test_deepest_drawdown_is_a_fraction_of_the_high() -> None:
    assert deepest_drawdown((1.0, 2.0, 1.5, 4.0, 2.0)) == 0.5
    assert deepest_drawdown((0.0, 0.0)) == 0.0


def test_curves_are_added_day_by_day() -> None:
    assert sum_of_curves([(1.0, 2.0), (0.5, 0.25)]) == (1.5, 2.25)
