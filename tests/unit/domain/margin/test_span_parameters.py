"""Parameters of a scenario grid."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.requirement import DAY_NS
from orchestrion.domain.margin.span_parameters import (
    NIFTY_EXAMPLE,
    STANDARD_SCENARIOS,
    SpanParameters,
    SpanScenario,
)

PARAMETERS = SpanParameters(
    price_scan_fraction=Decimal("0.10"),
    volatility_scan=Decimal("0.04"),
    calendar_charge_fraction=Decimal("0.02"),
    utc_offset_minutes=330,
)


def test_grid_has_sixteen_scenarios_of_which_two_are_extreme() -> None:
    assert len(STANDARD_SCENARIOS) == 16
    assert len(frozenset(STANDARD_SCENARIOS)) == 16
    extreme = [one for one in STANDARD_SCENARIOS if one.weight < 1]
    assert extreme == [SpanScenario(6, 0, Decimal("0.35")), SpanScenario(-6, 0, Decimal("0.35"))]


def test_part_kept_apart_makes_two_outrights_the_calendar_charge() -> None:
    assert PARAMETERS.apart_fraction == Decimal("0.1")
    # 0.0175 / 0.186, rounded up
    assert NIFTY_EXAMPLE.apart_fraction == Decimal("0.094086022")


def test_day_begins_where_the_exchange_is() -> None:
    evening_in_london = 1_000 * DAY_NS - 330 * 60_000_000_000
    assert PARAMETERS.day_of(evening_in_london - 1) == 999
    assert PARAMETERS.day_of(evening_in_london) == 1000


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"price_scan_fraction": Decimal(0)}, "price_scan_fraction must be above 0"),
        ({"exposure_fraction": Decimal(2)}, "exposure_fraction"),
        ({"deep_exposure_fraction": Decimal(-1)}, "deep_exposure_fraction"),
        ({"volatility_scan": Decimal(-1)}, "volatility_scan"),
        ({"interest_rate": Decimal("Infinity")}, "interest_rate"),
        ({"volatility_min": Decimal(0)}, "volatility_min 0"),
        ({"volatility_max": Decimal("0.005")}, "volatility_max 0.005"),
        ({"scenarios": ()}, "scenarios"),
        ({"calendar_charge_fraction": Decimal("0.3")}, "calendar_charge_fraction 0.3"),
    ],
)
def test_parameters_that_cannot_be_used_are_refused_by_name(
    fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(ConfigurationError, match=named):
        msgspec.structs.replace(PARAMETERS, **fields)


@pytest.mark.parametrize(
    "fields", [{"weight": Decimal(0)}, {"weight": Decimal("1.5")}, {"volatility_sign": 2}]
)
def test_scenario_that_cannot_be_used_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError, match="weight"):
        SpanScenario(price_thirds=1, **fields)


def test_falling_interest_is_an_interest() -> None:
    assert msgspec.structs.replace(PARAMETERS, interest_rate=Decimal("-0.01")).interest_rate < 0
