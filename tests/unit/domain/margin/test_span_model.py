"""The scenario grid, with a NIFTY-like contract derived by hand.

NIFTY at 24,000, 75 to the lot: a notional of 1,800,000. A price scan range of 10 % is 180,000, an
exposure margin of 2 % is 36,000, a calendar charge of 1.75 % is 31,500. Options are looked at in
their last moment, where they move by their intrinsic value and no model is needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import msgspec
import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.requirement import DAY_NS, UnpricedError
from orchestrion.domain.margin.span_model import SpanModel
from orchestrion.domain.margin.span_parameters import NIFTY_EXAMPLE
from orchestrion.domain.margin.stock_rule import StockRule
from tests.fakes_margin import NOW, Market, call, future, index, margin, put, stock

PARAMETERS = msgspec.structs.replace(NIFTY_EXAMPLE, price_scan_fraction=Decimal("0.10"))
MODEL = SpanModel(parameters={"NIFTY": PARAMETERS})
EXPIRY = NOW + 30 * DAY_NS
THE_DAY_BEFORE = EXPIRY - DAY_NS
STRIKES = (21_500, 23_600, 23_800, 24_000, 24_200, 24_400, 26_500)
PREMIUMS: dict[str, str] = {
    "C21500": "2500",
    "C23600": "410",
    "C23800": "215",
    "C24000": "40",
    "C24200": "12",
    "C24400": "4",
    "C26500": "0.05",
    "P21500": "0.05",
    "P23600": "3",
    "P23800": "10",
    "P24000": "45",
    "P24200": "205",
    "P24400": "400",
    "P26500": "2500",
}
MARKET = Market(
    index("NIFTY"),
    stock(),
    future("NEAR", underlying="NIFTY", multiplier=75),
    future("FAR", underlying="NIFTY", multiplier=75, days=60),
    *(build("NIFTY", strike, multiplier=75) for build in (call, put) for strike in STRIKES),
    put("NIFTY", 24_000, multiplier=75, days=60),
    marks={
        "NIFTY": 24_000,
        "AAA": 100,
        "NIFTY P24000 60d": 300,
        **{f"NIFTY {name}": premium for name, premium in PREMIUMS.items()},
    },
)


@pytest.mark.parametrize(
    ("held", "requirement"),
    [
        pytest.param({"NEAR": -1}, 180_000 + 36_000, id="short future"),
        pytest.param({"NEAR": 2}, 360_000 + 72_000, id="two long futures"),
        pytest.param({"NEAR": 1, "FAR": -1}, 31_500 + 72_000, id="calendar spread"),
        pytest.param({"NEAR": 3, "FAR": -1}, 360_000 + 31_500 + 144_000, id="spread and the rest"),
    ],
)
def test_futures_bind_scan_range_charge_and_exposure(
    held: Mapping[str, int], requirement: int
) -> None:
    assert MARKET.margin(MODEL, held, now=THE_DAY_BEFORE) == margin(requirement)


@pytest.mark.parametrize(
    ("held", "requirement"),
    [
        # 2,400 points against the call; 2 % exposure and 2 % for the last day.
        pytest.param({"NIFTY C24000": -1}, 180_000 + 36_000 + 36_000, id="short call"),
        pytest.param(
            {"NIFTY C24000": -1, "NIFTY P24000": -1}, 180_000 + 72_000 + 72_000, id="short straddle"
        ),
        # Nothing at three thirds (26,400); 2,300 points at the extreme (28,800), of which 35 %.
        pytest.param({"NIFTY C26500": -1}, 0 + 54_000 + 36_000 + 60_375, id="deep short call"),
        pytest.param(
            {"NIFTY P23600": 1, "NIFTY P23800": -1, "NIFTY C24200": -1, "NIFTY C24400": 1},
            200 * 75 + 72_000 + 72_000,
            id="iron condor: one side",
        ),
        # Paid in full, at the mark: nothing on top.
        pytest.param({"NIFTY C24000": 2}, 2 * 40 * 75, id="long call"),
        # What expires today stands alone: the future covers nothing.
        pytest.param(
            {"FAR": 1, "NIFTY C24000": -1},
            180_000 + 180_000 + 36_000 + 72_000,
            id="covered call on its last day",
        ),
    ],
)
def test_options_in_their_last_moment_bind_their_intrinsic_loss(
    held: Mapping[str, int], requirement: int
) -> None:
    assert MARKET.margin(MODEL, held, now=EXPIRY) == margin(requirement)


def test_calendar_spread_is_two_outrights_on_the_last_day() -> None:
    held = {"NEAR": 1, "FAR": -1}
    assert MARKET.margin(MODEL, held, now=EXPIRY) == margin(360_000 + 72_000)
    lasting = msgspec.structs.replace(PARAMETERS, offsets_on_expiry_day=True)
    model = SpanModel(default=lasting)
    assert MARKET.margin(model, held, now=EXPIRY) == margin(31_500 + 72_000)


def test_expiry_day_margin_begins_with_the_exchanges_day() -> None:
    begin = (PARAMETERS.day_of(EXPIRY)) * DAY_NS - 330 * 60_000_000_000
    held = {"NIFTY C26500": -1}
    before = MARKET.margin(MODEL, held, now=begin - 1).initial
    after = MARKET.margin(MODEL, held, now=begin).initial
    assert 36_000 - 100 < after - before <= 36_000


def test_deep_option_binds_the_greater_exposure() -> None:
    same = msgspec.structs.replace(PARAMETERS, deep_exposure_fraction=None)
    held = {"NIFTY C26500": -1}
    deep = MARKET.margin(MODEL, held, now=EXPIRY).initial
    assert deep - MARKET.margin(SpanModel(default=same), held, now=EXPIRY).initial == 18_000


def test_short_option_minimum_holds_where_the_grid_sees_little() -> None:
    least = msgspec.structs.replace(
        PARAMETERS,
        short_option_minimum_fraction=Decimal("0.05"),
        scenarios=PARAMETERS.scenarios[:2],
    )
    held = {"NIFTY P21500": -2, "NIFTY C26500": -1}
    found = MARKET.margin(SpanModel(default=least), held, now=EXPIRY)
    exposure_and_last_day = 3 * (54_000 + 36_000)
    assert found == margin(3 * 90_000 + exposure_and_last_day)


def test_net_premium_is_paid_in_full_where_it_is_more_than_the_risk() -> None:
    """A bought put spread: 2,500 - 400 points, of which the grid can take only a part."""
    held = {"NIFTY P26500": 1, "NIFTY P24400": -1}
    found = MARKET.margin(MODEL, held, now=EXPIRY)
    # In the money by 400, the short put counts as any other for exposure and the last day.
    assert found == margin(2_100 * 75 + 72_000)


def test_longer_hedge_offsets_but_for_the_calendar_charge() -> None:
    """A short put now and a long one later: less than the short one alone and its premium."""
    alone = MARKET.margin(MODEL, {"NIFTY P24000": -1}, now=NOW).initial
    hedged = MARKET.margin(MODEL, {"NIFTY P24000": -1, "NIFTY P24000 60d": 1}, now=NOW).initial
    assert hedged < alone - 100_000


def test_result_is_in_whole_cents_for_whole_contracts_of_one_expiry() -> None:
    found = MARKET.margin(MODEL, {"NIFTY C24200": -3, "NIFTY P23800": -2}, now=NOW)
    assert found.initial == found.initial.quantize(Decimal("0.01"))


def test_future_stands_in_for_an_underlying_without_a_price() -> None:
    market = Market(future("NEAR", underlying="NIFTY", multiplier=75), marks={"NEAR": 24_000})
    assert market.margin(MODEL, {"NEAR": 1}) == margin(216_000)


@pytest.mark.parametrize(
    ("marks", "missing"),
    [({}, "NIFTY"), ({"NIFTY": 24_000}, "NIFTY C24000"), ({"NIFTY C24000": 40}, "NIFTY")],
)
def test_option_without_prices_is_unpriced(marks: Mapping[str, int], missing: str) -> None:
    market = Market(index("NIFTY"), call("NIFTY", 24_000), marks=marks)
    with pytest.raises(UnpricedError) as caught:
        market.margin(MODEL, {"NIFTY C24000": -1})
    assert caught.value.instrument_id == missing


def test_shares_go_by_the_catalogue_or_by_a_rule() -> None:
    assert MARKET.margin(MODEL, {"AAA": 10}) == margin(1000)
    with_rule = msgspec.structs.replace(MODEL, stock=StockRule())
    assert MARKET.margin(with_rule, {"AAA": 10}) == margin(500, 250)


def test_underlying_without_parameters_is_refused_when_loaded() -> None:
    with pytest.raises(ConfigurationError, match="'NIFTY'"):
        SpanModel().check_catalog(MARKET.catalog)
    MODEL.check_catalog(MARKET.catalog)


def test_everything_in_the_grid_is_coupled() -> None:
    assert MODEL.is_coupled(future())
    assert MODEL.is_coupled(call("NIFTY", 24_000))
    assert not MODEL.is_coupled(stock())
