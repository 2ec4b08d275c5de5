"""Is there enough, and whose figure counts."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.margin.margin_call import larger_of, margin_call
from orchestrion.domain.margin.requirement import REFUSED, UNLIMITED
from tests.fakes_margin import margin


@pytest.mark.parametrize(
    ("equity", "deficit"),
    [("1000.01", None), ("1000", None), ("999.99", "0.01"), ("-50", "1050")],
)
def test_call_comes_strictly_below_maintenance(equity: str, deficit: str | None) -> None:
    found = margin_call(Decimal(equity), margin(2000, 1000))
    assert found == (None if deficit is None else Decimal(deficit))


def test_refused_position_lacks_without_limit() -> None:
    assert margin_call(Decimal("1e17"), REFUSED) == UNLIMITED


def test_each_figure_is_the_larger_one() -> None:
    assert larger_of(margin(10, 5), margin(8, 7)) == margin(10, 7)
    assert larger_of(margin(10, 5), margin(12, 3)) == margin(12, 5)


def test_venue_that_reports_none_leaves_ours() -> None:
    assert larger_of(margin(10, 5), None) == margin(10, 5)
