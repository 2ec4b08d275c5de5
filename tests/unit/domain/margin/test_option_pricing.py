"""Black's formula and the volatility that a price implies."""

from __future__ import annotations

from itertools import product
from math import exp, log, sqrt
from statistics import NormalDist

import pytest

from orchestrion.domain.margin.option_pricing import implied_volatility, option_value
from orchestrion.domain.models.instrument import OptionKind

CALL, PUT = OptionKind.CALL, OptionKind.PUT


@pytest.mark.parametrize(
    ("kind", "spot", "strike", "rate", "volatility", "years", "value"),
    [
        # J. Hull, Options, Futures, and Other Derivatives: 4.76 and 0.81.
        (CALL, 42, 40, 0.10, 0.20, 0.5, 4.76),
        (PUT, 42, 40, 0.10, 0.20, 0.5, 0.81),
    ],
)
def test_value_agrees_with_the_textbook(
    kind: OptionKind,
    spot: float,
    strike: float,
    rate: float,
    volatility: float,
    years: float,
    value: float,
) -> None:
    found = option_value(
        kind,
        forward=spot * exp(rate * years),
        strike=strike,
        years=years,
        volatility=volatility,
        discount=exp(-rate * years),
    )
    assert found == pytest.approx(value, abs=0.005)


def test_value_on_a_future_agrees_with_the_textbook() -> None:
    """The same book, Black's model: a put on a future at 20, strike 20, worth 1.12."""
    found = option_value(
        PUT, forward=20, strike=20, years=4 / 12, volatility=0.25, discount=exp(-0.09 * 4 / 12)
    )
    assert found == pytest.approx(1.12, abs=0.005)


@pytest.mark.parametrize(("strike", "years"), [*product((60, 95, 100, 140), (0.01, 0.5, 2.0))])
def test_value_agrees_with_the_formula_over_another_normal_distribution(
    strike: float, years: float
) -> None:
    forward, volatility, normal = 100.0, 0.3, NormalDist()
    deviation = volatility * sqrt(years)
    above = log(forward / strike) / deviation + deviation / 2
    below = above - deviation
    for kind, sign in ((CALL, 1), (PUT, -1)):
        expected = sign * (forward * normal.cdf(sign * above) - strike * normal.cdf(sign * below))
        found = option_value(
            kind, forward=forward, strike=strike, years=years, volatility=volatility
        )
        assert found == pytest.approx(expected, abs=1e-10)


@pytest.mark.parametrize(
    ("forward", "years", "volatility", "call", "put"),
    [
        pytest.param(105.0, 0.0, 0.3, 5.0, 0.0, id="at expiry"),
        pytest.param(105.0, -1.0, 0.3, 5.0, 0.0, id="after it"),
        pytest.param(95.0, 1.0, 0.0, 0.0, 5.0, id="nothing moves"),
        pytest.param(-7.0, 1.0, 0.3, 0.0, 107.0, id="oil below zero"),
    ],
)
def test_without_chance_the_intrinsic_value_is_left(
    forward: float, years: float, volatility: float, call: float, put: float
) -> None:
    for kind, value in ((CALL, call), (PUT, put)):
        found = option_value(
            kind, forward=forward, strike=100, years=years, volatility=volatility, discount=0.5
        )
        assert found == value / 2


@pytest.mark.parametrize(
    ("kind", "strike", "days", "volatility"),
    [
        (kind, strike, days, volatility)
        for kind in OptionKind
        for strike in (21_000, 23_500, 24_000, 24_100, 27_000)
        for days in (1, 7, 30, 400)
        for volatility in (0.08, 0.14, 0.60, 2.0)
    ],
)
def test_implied_volatility_gives_the_price_back(
    kind: OptionKind, strike: float, days: float, volatility: float
) -> None:
    def value(at: float) -> float:
        return option_value(kind, forward=24_000, strike=strike, years=days / 365, volatility=at)

    price = value(volatility)
    found = implied_volatility(
        kind, price, forward=24_000, strike=strike, years=days / 365, low=0.01, high=5.0
    )
    assert value(found) == pytest.approx(price, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize(
    ("price", "found"),
    [
        pytest.param(0.0, 0.01, id="worthless"),
        pytest.param(3.0, 0.01, id="below the intrinsic value of 5"),
        pytest.param(104.99, 5.0, id="nearly the underlying"),
        pytest.param(200.0, 5.0, id="above the underlying"),
    ],
)
def test_price_that_no_volatility_explains_gives_the_bound(price: float, found: float) -> None:
    assert (
        implied_volatility(CALL, price, forward=105, strike=100, years=0.5, low=0.01, high=5.0)
        == found
    )


@pytest.mark.parametrize(("forward", "years"), [(105.0, 0.0), (-5.0, 1.0)])
def test_nothing_is_implied_where_nothing_can_move(forward: float, years: float) -> None:
    assert (
        implied_volatility(CALL, 9.0, forward=forward, strike=100, years=years, low=0.02, high=5)
        == 0.02
    )
