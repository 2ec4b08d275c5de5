"""Capital that moves is no gain: returns after deposits and rebalancings."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.adapters.report.figures import run_figures
from orchestrion.adapters.result import EquityPoint
from orchestrion.adapters.settings.run_settings import StatisticsSettings
from tests.fakes_run_result import book, run_result

DAY_NS = 86_400_000_000_000


def total_return(*points: tuple[str, str]) -> float | None:
    curve = tuple(
        EquityPoint(day * DAY_NS, Decimal(equity), Decimal(flow))
        for day, (equity, flow) in enumerate(points)
    )
    result = run_result(books=(book("trend", "1", equity_curve=curve),))
    return run_figures(result, StatisticsSettings()).books[0].performance.total_return


@pytest.mark.parametrize(
    ("points", "expected"),
    [
        # Nothing moved: the curve itself.
        ((("100", "0"), ("110", "0")), 0.10),
        # A deposit alone is no return.
        ((("100", "0"), ("150", "50")), 0.0),
        # 10 % on 100, then 10 % on 200 after a deposit of 90.
        ((("100", "0"), ("110", "0"), ("200", "90"), ("220", "0")), 0.21),
        # Capital that leaves is no loss.
        ((("100", "0"), ("50", "-50"), ("55", "0")), 0.10),
        # A book that begins empty earns nothing by being filled.
        ((("0", "0"), ("100", "100"), ("100", "0")), 0.0),
    ],
)
def test_return_is_time_weighted(points: tuple[tuple[str, str], ...], expected: float) -> None:
    found = total_return(*points)
    assert (found or 0.0) == pytest.approx(expected)
