"""HHI of capital by hand, in every dimension."""

from __future__ import annotations

import pytest

from orchestrion.domain.compatibility.concentration import Dimension, concentration
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.models.strategy_metadata import Horizon
from tests.unit.domain.compatibility.lineup_builders import SHORT, candidate, lineup

LINEUP = lineup(
    candidate(
        "A",
        "6000",
        instruments=("SPX",),
        underlyings=("SPX",),
        asset_classes=("option",),
        horizon=Horizon.WEEKS,
    ),
    candidate(
        "B",
        "3000",
        instruments=("ES", "CL", "ES"),
        underlyings=("SPX", "WTI"),
        asset_classes=("future",),
        horizon=Horizon.WEEKS,
    ),
    candidate("C", "1000", instruments=("AAPL",)),
)


@pytest.mark.parametrize(
    ("dimension", "expected", "largest", "strategies"),
    [
        # 0.6 SPX, 0.15 ES, 0.15 CL, 0.1 AAPL
        (Dimension.INSTRUMENT, 0.36 + 0.0225 + 0.0225 + 0.01, ("SPX", 0.6), 3),
        # of 9000: 7500 SPX, 1500 WTI
        (Dimension.UNDERLYING, 25 / 36 + 1 / 36, ("SPX", 5 / 6), 2),
        (Dimension.ASSET_CLASS, 4 / 9 + 1 / 9, ("option", 2 / 3), 2),
        (Dimension.HORIZON, 1.0, ("weeks", 1.0), 2),
    ],
)
def test_herfindahl_by_hand(
    dimension: Dimension, expected: float, largest: tuple[str, float], strategies: int
) -> None:
    found = concentration(Evidence(LINEUP, SHORT), dimension)
    assert found.herfindahl == pytest.approx(expected)
    assert found.shares[0][0] == largest[0]
    assert found.shares[0][1] == pytest.approx(largest[1])
    assert found.strategies == strategies
    assert found.effective_number == pytest.approx(1 / expected)


def test_equal_shares_stand_in_order_of_their_names() -> None:
    shares = concentration(Evidence(LINEUP, SHORT), Dimension.INSTRUMENT).shares
    assert [name for name, _ in shares] == ["SPX", "CL", "ES", "AAPL"]


def test_nobody_says_anything() -> None:
    found = concentration(Evidence(lineup(candidate("A")), SHORT), Dimension.UNDERLYING)
    assert (found.herfindahl, found.effective_number, found.strategies) == (None, None, 0)


def test_other_weights_can_be_asked_about() -> None:
    weights = {"A": 1.0, "B": 2.0, "C": 5.0}
    found = concentration(Evidence(LINEUP, SHORT), Dimension.UNDERLYING, weights)
    assert dict(found.shares) == pytest.approx({"SPX": 2 / 3, "WTI": 1 / 3})


def test_words_of_a_dimension() -> None:
    assert [one.plural for one in Dimension] == [
        "instruments", "underlyings", "asset classes", "horizons",
    ]  # fmt: skip
