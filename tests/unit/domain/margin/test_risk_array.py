"""Risk arrays: a published pair, and the rounding of computed ones."""

from __future__ import annotations

from decimal import Decimal
from math import log, sqrt
from statistics import NormalDist

import msgspec
import pytest

from orchestrion.domain.margin.requirement import DAY_NS
from orchestrion.domain.margin.risk_array import (
    RiskArray,
    future_risk_array,
    option_risk_array,
    scan_risk,
)
from orchestrion.domain.margin.span_parameters import (
    STANDARD_SCENARIOS,
    SpanParameters,
    SpanScenario,
)
from orchestrion.domain.models.instrument import OptionContract
from tests.fakes_margin import NOW, call, put

ONE = Decimal(1)
PARAMETERS = SpanParameters(price_scan_fraction=Decimal("0.05"), volatility_scan=Decimal("0.04"))


def array_of_profits(*profits: int) -> RiskArray:
    cents = [Decimal(profit * 100) for profit in profits]
    return RiskArray(tuple(-one for one in cents), tuple(cents))


# L. McMillan, Options as a Strategic Investment, chapter 34: an S&P 500 future at 500 dollars a
# point with a range of 20 points, and a December 410 call; profit of one bought, by scenario in
# the order of STANDARD_SCENARIOS. (The book rounds thirds of 10,000 to tens.)
FUTURE = array_of_profits(
    0, 0, 3330, 3330, -3330, -3330, 6670, 6670, -6670, -6670, 10000, 10000, -10000, -10000,
    7000, -7000,
)  # fmt: skip
CALL_410 = array_of_profits(
    460, -610, 2640, 1730, -1270, -2340, 5210, 4540, -2540, -3430, 8060, 7640, -3380, -3990,
    3130, -1500,
)  # fmt: skip


@pytest.mark.parametrize(
    ("futures", "calls", "requirement"),
    [
        pytest.param(1, 0, 10_000, id="long future"),
        pytest.param(-1, 0, 10_000, id="short future"),
        pytest.param(0, 1, 3_990, id="long call: down three thirds, volatility down"),
        pytest.param(1, -1, 6_620, id="covered write: down three thirds, volatility up"),
        pytest.param(2, -2, 13_240, id="twice as much"),
    ],
)
def test_worst_scenario_agrees_with_the_textbook(
    futures: int, calls: int, requirement: int
) -> None:
    held = [(Decimal(futures), FUTURE), (Decimal(calls), CALL_410)]
    assert scan_risk(held) == requirement


def test_nothing_held_and_nothing_to_lose_bind_nothing() -> None:
    assert scan_risk([]) == 0
    assert scan_risk([(ONE, array_of_profits(1, 2))]) == 0


def test_computed_array_of_a_future_is_the_published_one() -> None:
    """A range of 20 points at a price of 400; an extreme move of 40, of which 35 % count."""
    found = future_risk_array(Decimal(400), Decimal(500), PARAMETERS)
    dollars = [round(cents / -100, -1) for cents in found.bought]
    assert dollars == [round(cents / -100, -1) for cents in FUTURE.bought]
    assert found.bought[10:] == tuple(
        Decimal(cents) for cents in (-1000000, -1000000, 1000000, 1000000, -700000, 700000)
    )


def test_thirds_of_a_cent_are_rounded_against_the_holder() -> None:
    found = future_risk_array(Decimal("0.20"), ONE, PARAMETERS)  # a range of one cent
    assert [int(cents) for cents in found.bought[2:6]] == [0, 0, 1, 1]
    assert [int(cents) for cents in found.sold[2:6]] == [1, 1, 0, 0]


def test_option_is_revalued_at_the_volatility_of_its_mark() -> None:
    """One scenario by hand, over another implementation of the normal distribution."""
    up = SpanScenario(3, 1)
    parameters = msgspec.structs.replace(PARAMETERS, scenarios=(up,))
    years, normal = 30 / 365, NormalDist()

    def value(price: float, volatility: float) -> float:
        deviation = volatility * sqrt(years)
        above = log(price / 100) / deviation + deviation / 2
        return price * normal.cdf(above) - 100 * normal.cdf(above - deviation)

    mark = round(value(100, 0.2), 9)
    found = option_risk_array(
        call("IDX", 100),
        mark=Decimal(str(mark)),
        underlying=Decimal(100),
        now=NOW,
        parameters=parameters,
    )
    gain = value(105, 0.24) - value(100, 0.2)
    assert float(found.sold[0]) == pytest.approx(gain * 100 * 100, abs=1)
    assert found.sold[0] >= gain * 100 * 100
    assert found.bought[0] == 1 - found.sold[0]


@pytest.mark.parametrize("mark", ["0", "0.05", "1.2345", "7", "30"])
@pytest.mark.parametrize("option", [call("IDX", 104), put("IDX", 104), call("IDX", 104, days=0)])
def test_bought_option_loses_no_more_than_its_mark(option: OptionContract, mark: str) -> None:
    found = option_risk_array(
        option, mark=Decimal(mark), underlying=Decimal(100), now=NOW, parameters=PARAMETERS
    )
    assert max(found.bought) <= Decimal(mark) * 100 * 100
    # What one side loses the other one gains, but for the cent that rounding takes.
    assert all(0 <= one + other <= 1 for one, other in zip(found.bought, found.sold, strict=True))


def test_mark_below_the_model_means_no_loss_where_nothing_moves() -> None:
    """A stale mark far below the intrinsic value of 20."""
    still = SpanScenario(0, 0)
    parameters = msgspec.structs.replace(PARAMETERS, scenarios=(still, *STANDARD_SCENARIOS))
    found = option_risk_array(
        call("IDX", 80),
        mark=Decimal(2),
        underlying=Decimal(100),
        now=NOW,
        parameters=parameters,
    )
    assert not found.bought[0]
    assert not found.sold[0]


def test_interest_moves_the_forward() -> None:
    parameters = msgspec.structs.replace(PARAMETERS, interest_rate=Decimal("0.10"))
    option = call("IDX", 100, days=365)
    flat, carried = (
        option_risk_array(
            option, mark=Decimal(12), underlying=Decimal(100), now=NOW, parameters=one
        )
        for one in (PARAMETERS, parameters)
    )
    assert flat != carried


def test_option_after_its_expiry_moves_with_its_intrinsic_value() -> None:
    found = option_risk_array(
        put("IDX", 100, days=0),
        mark=Decimal(1),
        underlying=Decimal(100),
        now=NOW + DAY_NS,
        parameters=PARAMETERS,
    )
    assert found.sold[12] == 500 * 100  # down three thirds of 5 points, a hundred units
    assert found.bought[10] == 0  # up: it had no intrinsic value to lose
