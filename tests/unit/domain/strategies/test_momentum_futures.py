"""Trend following: breakouts, sizes, leverage, rolls, bands, refusals."""

from __future__ import annotations

import statistics
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest

from orchestrion.domain.models.instrument import Index
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import BILLION
from orchestrion.domain.models.order import Order
from orchestrion.domain.strategies.momentum_futures import (
    MomentumFuturesStrategy,
    breakout,
    lots_within,
    volatility,
    within_band,
)
from tests.fakes_strategy_host import StrategyHost, bar, future, slice_of, ts_of, weekdays

FIRST = date(2014, 1, 6)
SHORT_WINDOWS = {"entry_days": 3, "exit_days": 2, "volatility_days": 3, "weighting": "equal"}
ONE_MARKET = {**SHORT_WINDOWS, "underlying_ids": ["SPX"], "leverage": 2.0}

SPX_CONTRACTS = [
    future("SPXF-201401", "SPX", date(2014, 1, 31), 50),
    future("SPXF-201402", "SPX", date(2014, 2, 28), 50),
    future("SPXF-201412", "SPX", date(2014, 12, 19), 50),
]
LONG_SPX = [SPX_CONTRACTS[-1]]
LONG_WTI = [future("WTIF-201412", "WTI", date(2014, 12, 19), 1000)]
INDICES = [Index(instrument_id="SPX"), Index(instrument_id="WTI")]


def day_slice(day: date, prices: dict[str, float], contracts: list[Any]) -> MarketSlice:
    items = [bar(name, day, price) for name, price in prices.items()]
    items += [
        bar(one.instrument_id, day, prices[one.underlying_id])
        for one in contracts
        if one.underlying_id in prices and one.expiry_ts >= ts_of(day)
    ]
    return slice_of(*items)


def spx(closes: list[float], contracts: list[Any], first: date = FIRST) -> list[MarketSlice]:
    days = weekdays(first, len(closes))
    return [day_slice(day, {"SPX": x}, contracts) for day, x in zip(days, closes, strict=True)]


def host(config: dict[str, Any], contracts: list[Any], **options: Any) -> StrategyHost:
    strategy = MomentumFuturesStrategy.configured(config)
    return StrategyHost(strategy, [*INDICES, *contracts], **options)


def legs_of(found: StrategyHost) -> list[tuple[int, list[tuple[str, int]]]]:
    return [
        (number, [(leg.instrument_id, int(leg.signed_quantity)) for leg in order.legs])
        for number, order in found.sent
    ]


@pytest.mark.parametrize(
    ("closes", "days", "direction"),
    [
        ((10, 11, 12, 13), 3, 1),
        ((10, 11, 12, 12), 3, 0),
        ((12, 11, 10, 9), 3, -1),
        ((12, 11, 10, 10), 3, 0),
        ((99, 11, 12, 13), 2, 1),
        ((5, 5), 1, 0),
    ],
)
def test_breakout_is_beyond_all_closes_before(
    closes: tuple[int, ...], days: int, direction: int
) -> None:
    assert breakout(closes, days) == direction


def test_volatility_is_the_sample_deviation_of_daily_returns() -> None:
    closes = (100, 110, 99, 105, 103)
    returns = [b / a - 1 for a, b in pairwise(closes)]
    assert volatility(closes, 4) == pytest.approx(statistics.stdev(returns), rel=1e-12)
    assert volatility(closes, 2) == pytest.approx(statistics.stdev(returns[-2:]), rel=1e-12)


@pytest.mark.parametrize(
    "closes", [(100, 101), (100, 100, 100, 100), (100, -5, 100, 90), (0, 1, 2, 3)]
)
def test_volatility_is_unknown_with_little_flat_or_negative_data(closes: tuple[int, ...]) -> None:
    assert volatility(closes, 3) is None


@pytest.mark.parametrize(
    ("amount", "unit", "lot", "expected"),
    [
        (100, 30, 1, 3),
        (90, 30, 1, 3),
        (100, 30, 2, 2),
        (29, 30, 1, 0),
        (0, 30, 1, 0),
        (-90, 30, 1, 0),
    ],
)
def test_lots_are_whole_and_rounded_down(amount: int, unit: int, lot: int, expected: int) -> None:
    assert lots_within(Decimal(amount), Decimal(unit), Decimal(lot)) == expected


@pytest.mark.parametrize(
    ("current", "target", "wanted"),
    [
        (4, 5, 4),  # a fifth away, the band is a quarter
        (3, 4, 3),  # exactly a quarter: inside
        (2, 3, 3),
        (-4, -5, -4),
        (5, 4, 5),
        (6, 4, 4),
        (4, -4, -4),
        (4, 0, 0),
        (0, 4, 4),
        (0, 0, 0),
    ],
)
def test_band_keeps_what_is_near_enough(current: int, target: int, wanted: int) -> None:
    assert within_band(Decimal(current), Decimal(target), Decimal("0.25")) == wanted


UP = [2000.0, 2001.0, 2000.0, 2001.0, 2010.0, 2010.0]
DOWN = [2000.0, 1999.0, 2000.0, 1999.0, 1990.0, 1990.0]


@pytest.mark.parametrize(("closes", "quantity"), [(UP, 19), (DOWN, -20)])
def test_breakout_enters_with_leverage_times_budget_rounded_down(
    closes: list[float], quantity: int
) -> None:
    # 2 x 1,000,000 / (2010 x 50) = 19.9; / (1990 x 50) = 20.1
    found = host(ONE_MARKET, LONG_SPX).run(spx(closes, LONG_SPX))
    assert legs_of(found) == [(4, [("SPXF-201412", quantity)])]
    assert found.held() == {"SPXF-201412": quantity}


def test_falling_market_is_left_alone_when_short_sales_are_not_allowed() -> None:
    found = host({**ONE_MARKET, "allow_short": False}, LONG_SPX).run(spx(DOWN, LONG_SPX))
    assert not found.sent


def test_long_position_without_short_sales_exits_on_a_deep_fall() -> None:
    closes = [*UP, 1900.0, 1900.0]
    found = host({**ONE_MARKET, "allow_short": False}, LONG_SPX).run(spx(closes, LONG_SPX))
    assert legs_of(found)[1:] == [(6, [("SPXF-201412", -19)])]


def test_trend_ends_with_a_close_beyond_the_exit_window() -> None:
    # 2005 is below the two closes before it, but not below the three before: out, not short.
    closes = [*UP[:4], 2004.0, 2010.0, 2012.0, 2005.0, 2006.0]
    found = host(ONE_MARKET, LONG_SPX).run(spx(closes, LONG_SPX))
    assert [number for number, _ in found.sent] == [4, 7]
    assert found.sent[1][1].reduce_only
    assert found.sent[1][1].label == "SPX trend none, to 0"
    assert not found.held()


def test_opposite_breakout_turns_the_position_in_one_order() -> None:
    closes = [*UP, 1900.0, 1900.0]
    found = host(ONE_MARKET, LONG_SPX).run(spx(closes, LONG_SPX))
    (_, legs) = legs_of(found)[1]
    assert len(legs) == 1
    assert legs[0][1] < -19
    assert found.quantity("SPXF-201412") < 0


def test_no_trade_before_the_longest_window_is_full() -> None:
    config = {**ONE_MARKET, "volatility_days": 5}
    found = host(config, LONG_SPX).run(spx([*UP, 2011.0, 2012.0], LONG_SPX))
    assert [number for number, _ in found.sent] == [5]


def rising(days: int) -> list[float]:
    return [2000.0 + i + (i % 2) * 0.5 for i in range(days)]


def test_roll_is_one_order_with_two_legs_before_expiry() -> None:
    days = weekdays(FIRST, 38)
    found = host(ONE_MARKET, SPX_CONTRACTS).run(spx(rising(38), SPX_CONTRACTS))
    rolls = [(number, legs) for number, legs in legs_of(found) if len(legs) == 2]
    (first, (sold, bought)), (second, _) = rolls
    assert days[first] == date(2014, 1, 27)  # 4 days before the 31st; the 26th is a Sunday
    assert days[second] == date(2014, 2, 24)
    assert sold[0] == "SPXF-201401"
    assert bought == ("SPXF-201402", -sold[1])
    assert list(found.held()) == ["SPXF-201412"]


def test_refused_roll_is_tried_with_every_event_once_and_then_expiry_settles() -> None:
    contracts = SPX_CONTRACTS[:2]
    found = host(ONE_MARKET, contracts)
    found.refuse = lambda order: len(order.legs) == 2
    found.run(spx(rising(22), contracts))
    assert [number for number, _ in found.refused] == [15, 16, 17, 18]
    # The old contract was settled on the 31st; the trend still holds, so the next one is bought.
    assert list(found.held()) == ["SPXF-201402"]
    assert found.sent[-1][0] == 19


def test_roll_that_fills_by_half_is_completed() -> None:
    def fills(order: Order, i: int) -> bool:
        return len(order.legs) == 1 or i == 1

    found = host(ONE_MARKET, SPX_CONTRACTS[:2], fills=fills).run(spx(rising(20), SPX_CONTRACTS[:2]))
    assert list(found.held()) == ["SPXF-201402"]
    assert [len(legs) for _, legs in legs_of(found)] == [1, 2, 1]


def test_without_a_next_contract_the_old_one_can_still_be_left() -> None:
    contracts = SPX_CONTRACTS[:1]
    closes = [*rising(16), 2016.0, 1900.0, 1900.0]
    found = host({**ONE_MARKET, "allow_short": False}, contracts).run(spx(closes, contracts))
    assert legs_of(found)[-1][1] == [("SPXF-201401", -19)]
    assert not found.held()


@pytest.mark.parametrize("leverage", [0.5, 1.0, 3.0])
def test_markets_share_the_notional_and_never_pass_the_leverage(leverage: float) -> None:
    contracts = [*LONG_SPX, *LONG_WTI]
    config = {**SHORT_WINDOWS, "weighting": "inverse_volatility", "leverage": leverage}
    spx_closes, wti_closes = UP, [95.0, 97.0, 95.0, 97.0, 99.0, 99.0]
    events = [
        day_slice(day, {"SPX": a, "WTI": b}, contracts)
        for day, a, b in zip(weekdays(FIRST, 6), spx_closes, wti_closes, strict=True)
    ]
    found = host(config, contracts, cash=10_000_000).run(events)
    spx_notional = found.quantity("SPXF-201412") * 50 * 2010
    wti_notional = found.quantity("WTIF-201412") * 1000 * 99
    limit = Decimal(leverage) * 10_000_000
    assert limit * Decimal("0.95") < spx_notional + wti_notional <= limit
    # The calmer market carries more.
    assert spx_notional > 5 * wti_notional > 0


def test_market_without_enough_data_leaves_its_share_unused() -> None:
    contracts = [*LONG_SPX, *LONG_WTI]
    for weighting in ("equal", "inverse_volatility"):
        config = {**SHORT_WINDOWS, "weighting": weighting, "leverage": 2.0}
        found = host(config, contracts).run(spx(UP, contracts))
        assert found.held() == {"SPXF-201412": 9}


def test_small_budget_trades_nothing() -> None:
    found = host(ONE_MARKET, LONG_SPX, cash=50_000).run(spx(UP, LONG_SPX))
    assert not found.sent
    assert not found.refused


def test_position_is_resized_only_outside_the_band() -> None:
    config = {**ONE_MARKET, "leverage": 10.0, "rebalance_band_pct": 5.0}
    steady = [*UP, 2010.0, 2011.0, 2012.0, 2013.0]
    assert len(host(config, LONG_SPX).run(spx(steady, LONG_SPX)).sent) == 1
    jump = [*UP, 2040.0, 2041.0]
    resized = host(config, LONG_SPX).run(spx(jump, LONG_SPX))
    assert [number for number, _ in resized.sent] == [4, 6]


def test_gross_notional_above_the_limit_overrules_the_band() -> None:
    windows = {"entry_days": 10, "exit_days": 9, "volatility_days": 3, "rebalance_band_pct": 100.0}
    # Short at 1990; 2080 does not end the trend, but the loss shrinks the budget to 910,000, and
    # 2 x 910,000 / (2080 x 50) = 17.5 contracts.
    closes = [2100.0, 2101.0] * 6 + [1990.0, 1990.0, 2080.0, 2080.0]
    found = host({**ONE_MARKET, **windows}, LONG_SPX).run(spx(closes, LONG_SPX))
    assert legs_of(found) == [(12, [("SPXF-201412", -20)]), (14, [("SPXF-201412", 3)])]
    assert found.sent[1][1].reduce_only


def test_ruined_budget_closes_the_position() -> None:
    config = {**ONE_MARKET, "leverage": 10.0, "entry_days": 50, "exit_days": 49}
    closes = [2000.0 + i for i in range(52)] + [1990.0 + 60, 1500.0, 1500.0]
    found = host(config, LONG_SPX).run(spx(closes, LONG_SPX))
    assert found.view.budget < 0
    assert not found.held()


def test_refused_entry_is_tried_again_with_the_next_event_once() -> None:
    found = host(ONE_MARKET, LONG_SPX)
    found.refuse = lambda _: found.slice_number < 6
    found.run(spx([*UP, 2010.0, 2011.0, 2012.0], LONG_SPX))
    assert [number for number, _ in found.refused] == [4, 5]
    assert [number for number, _ in found.sent] == [6]


def test_market_with_an_order_under_way_is_left_alone() -> None:
    found = host(ONE_MARKET, LONG_SPX, fills=lambda _, __: False, is_patient=True)
    found.run(spx([*UP, 2010.0, 2011.0], LONG_SPX))
    assert len(found.sent) == 1


def test_slice_without_the_market_changes_nothing() -> None:
    found = host(ONE_MARKET, LONG_SPX).run(spx(UP, LONG_SPX))
    before = found.strategy.snapshot()
    later = FIRST + timedelta(20)
    assert found.step(slice_of(bar("XYZ", later, 5))) == []
    assert found.strategy.snapshot() == before
    # The underlying without the contract: the close is noted, nothing is traded.
    assert found.step(slice_of(bar("SPX", later, 1000))) == []
    assert found.strategy.snapshot() != before


def test_negative_prices_close_the_market_for_new_trades() -> None:
    closes = [20.0, 21.0, 20.0, 21.0, 22.0, -37.0, -30.0, -20.0]
    days = weekdays(FIRST, len(closes))
    events = [day_slice(day, {"WTI": x}, LONG_WTI) for day, x in zip(days, closes, strict=True)]
    config = {**SHORT_WINDOWS, "underlying_ids": ["WTI"], "leverage": 0.1}
    found = host(config, LONG_WTI).run(events)
    assert [number for number, _ in found.sent] == [4]


def test_restore_with_other_markets_keeps_those_it_knows() -> None:
    strategy = MomentumFuturesStrategy.configured(SHORT_WINDOWS)
    found = StrategyHost(strategy, [*INDICES, *LONG_SPX]).run(spx(UP, LONG_SPX))
    other = MomentumFuturesStrategy.configured({**SHORT_WINDOWS, "underlying_ids": ["VIX", "SPX"]})
    other.restore(found.strategy.snapshot())
    snapshot: Any = other.snapshot()
    state = snapshot["momentum"]["trends"]
    assert list(state) == ["VIX", "SPX"]
    assert state["SPX"]["direction"] == 1
    assert not state["VIX"]["closes"]["closes_e9"]
    assert state["SPX"]["closes"]["closes_e9"][-1] == 2010 * BILLION
