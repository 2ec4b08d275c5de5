"""Commissions: per unit, on notional, minimum per order, to the cent."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.adapters.venue.fees import Commission, FeeSchedule, LegTrade
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.instrument import Tradable
from tests.unit.adapters.venue.venue_builders import CALL, FUTURE, OTHER, PUT, SHARE

SCHEDULE = FeeSchedule(
    equity=Commission(per_unit=Decimal("0.005"), minimum_per_order=Decimal(1)),
    future=Commission(per_unit=Decimal("2.25")),
    option=Commission(
        per_unit=Decimal("0.65"),
        notional_fraction=Decimal("0.0001"),
        minimum_per_order=Decimal("1.50"),
    ),
)


def _leg(instrument: Tradable, quantity: int | str, price: int | str) -> LegTrade:
    return LegTrade(instrument, Decimal(quantity), Decimal(price))


@pytest.mark.parametrize(
    ("legs", "expected"),
    [
        pytest.param([_leg(SHARE, 1_000, 50)], ["5.00"], id="per-share"),
        pytest.param([_leg(SHARE, 10, 50)], ["1.00"], id="minimum"),
        pytest.param([_leg(SHARE, 200, 50)], ["1.00"], id="exactly-the-minimum"),
        pytest.param([_leg(FUTURE, 3, -20)], ["6.75"], id="per-contract"),
        pytest.param([_leg(PUT, 10, "5.5")], ["7.05"], id="contract-and-notional"),
        pytest.param([_leg(SHARE, 201, 1)], ["1.00"], id="half-a-cent-goes-to-even-below"),
        pytest.param([_leg(SHARE, 203, 1)], ["1.02"], id="half-a-cent-goes-to-even-above"),
        pytest.param(
            [_leg(SHARE, 10, 5), _leg(OTHER, 20, 5)], ["0.90", "0.10"], id="one-minimum-for-both"
        ),
        pytest.param(
            [_leg(PUT, 1, 0), _leg(SHARE, 10, 5), _leg(CALL, 1, 0)],
            ["0.85", "1.00", "0.65"],
            id="a-minimum-per-asset-class",
        ),
        pytest.param([], [], id="nothing"),
    ],
)
def test_commissions(legs: list[LegTrade], expected: list[str]) -> None:
    assert SCHEDULE.commissions(legs) == tuple(Decimal(one) for one in expected)


def test_default_schedule_charges_nothing() -> None:
    assert FeeSchedule().commissions([_leg(SHARE, 10, 5)]) == (Decimal(0),)


@pytest.mark.parametrize("name", ["per_unit", "notional_fraction", "minimum_per_order"])
@pytest.mark.parametrize("value", ["-0.01", "NaN", "Infinity", "1e18"])
def test_unusable_commission_is_refused(name: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=name):
        Commission(**{name: Decimal(value)})
