"""Mean reversion: z-scores, entries, the three exits, places, re-arming, refusals."""

from __future__ import annotations

import statistics
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import BILLION
from orchestrion.domain.models.order import Order
from orchestrion.domain.strategies.mean_reversion_equity import (
    MeanReversionEquityParameters,
    MeanReversionEquityStrategy,
    z_score,
)
from tests.fakes_strategy_host import StrategyHost, bar, equity, slice_of, weekdays

FIRST = date(2014, 1, 6)
CONFIG: dict[str, Any] = {
    "instrument_ids": ["AAA"],
    "lookback_days": 5,
    "entry_z": 1.5,
    "exit_z": 0.5,
    "stop_loss_pct": 50.0,
    "max_holding_days": 100,
}
CALM = [100.0, 101.0, 100.0, 101.0]


def slices(**closes: list[float]) -> list[MarketSlice]:
    days = weekdays(FIRST, max(len(one) for one in closes.values()))
    return [
        slice_of(*(bar(name, day, one[i]) for name, one in closes.items() if i < len(one)))
        for i, day in enumerate(days)
    ]


def host(config: dict[str, Any], **options: Any) -> StrategyHost:
    strategy = MeanReversionEquityStrategy.configured({**CONFIG, **config})
    names = strategy.subscriptions()
    return StrategyHost(strategy, [equity(name) for name in names], cash=100_000, **options)


def trades(found: StrategyHost) -> list[tuple[int, str, int]]:
    return [
        (number, order.legs[0].instrument_id, int(order.legs[0].signed_quantity))
        for number, order in found.sent
    ]


def reasons(found: StrategyHost) -> list[str]:
    return [label for label in found.labels if label.startswith("exit")]


@pytest.mark.parametrize(
    "closes",
    [(100, 101, 100, 101, 95), (3, 1, 2), (7, 7, 8), (10**6 + 1, 10**6, 10**6), (1, 5, 5, 5, 1)],
)
def test_z_score_agrees_with_the_textbook(closes: tuple[int, ...]) -> None:
    expected = (closes[-1] - statistics.fmean(closes)) / statistics.stdev(closes)
    assert z_score(closes) == pytest.approx(expected, rel=1e-9)


def test_z_score_of_equal_closes_is_unknown() -> None:
    assert z_score((5, 5, 5)) is None


def test_fall_is_bought_with_its_share_of_the_budget_rounded_down() -> None:
    found = host({}).run(slices(AAA=[*CALM, 95.0, 95.0]))
    # 5 % of 100,000 at 95 is 52.6 shares.
    assert trades(found) == [(4, "AAA", 52)]
    assert found.held() == {"AAA": 52}
    assert found.labels == ["enter at z -1.75"]


def test_rise_is_sold_short() -> None:
    found = host({}).run(slices(AAA=[*CALM, 106.0, 106.0]))
    assert trades(found) == [(4, "AAA", -47)]


def test_rise_is_left_alone_when_short_sales_are_not_allowed() -> None:
    assert not host({"allow_short": False}).run(slices(AAA=[*CALM, 106.0, 106.0])).sent


def test_move_below_the_threshold_is_left_alone() -> None:
    assert not host({"entry_z": 1.76}).run(slices(AAA=[*CALM, 95.0, 95.0])).sent


def test_position_size_and_lot_size_are_respected() -> None:
    strategy = MeanReversionEquityStrategy.configured({**CONFIG, "position_size_pct": 3.0})
    found = StrategyHost(strategy, [equity("AAA", lot_size=Decimal(10))], cash=100_000)
    found.run(slices(AAA=[*CALM, 95.0, 95.0]))
    assert trades(found) == [(4, "AAA", 30)]  # 3 % is 31.5 shares


def test_share_that_is_dearer_than_a_position_is_not_bought() -> None:
    closes = [10_000.0, 10_100.0, 10_000.0, 10_100.0, 9_500.0, 9_500.0]
    assert not host({}).run(slices(AAA=closes)).sent


def test_share_that_the_catalogue_does_not_name_is_not_bought() -> None:
    strategy = MeanReversionEquityStrategy.configured(CONFIG)
    found = StrategyHost(strategy, [equity("OTHER")]).run(slices(AAA=[*CALM, 95.0, 95.0]))
    assert not found.sent


def test_return_to_the_average_exits() -> None:
    found = host({}).run(slices(AAA=[*CALM, 95.0, 95.0, 100.0, 100.0]))
    assert trades(found)[1:] == [(6, "AAA", -52)]
    assert reasons(found) == ["exit back at the average"]
    assert found.sent[1][1].reduce_only
    assert not found.held()


def test_loss_beyond_the_stop_exits() -> None:
    closes = [*CALM, 95.0, 95.0, 91.0, 90.0, 90.0]
    found = host({"stop_loss_pct": 5.0}).run(slices(AAA=closes))
    # Bought at 95: 91 is 4.2 % below, 90 is 5.3 %.
    assert trades(found)[1:] == [(7, "AAA", -52)]
    assert reasons(found) == ["exit stop"]


def test_short_position_is_stopped_by_a_rise() -> None:
    closes = [*CALM, 106.0, 106.0, 112.0, 112.0]
    found = host({"stop_loss_pct": 5.0}).run(slices(AAA=closes))
    assert trades(found)[1:] == [(6, "AAA", 47)]


def test_patience_ends_after_max_holding_days() -> None:
    closes = [*CALM, 95.0, 94.0, 93.0, 92.0, 91.0, 90.0]
    found = host({"max_holding_days": 3}).run(slices(AAA=closes))
    # Held since the slice after the entry, number 5.
    assert trades(found)[1:] == [(8, "AAA", -52)]
    assert reasons(found) == ["exit held long enough"]


def test_after_a_stop_the_same_side_waits_for_the_average() -> None:
    # z at slice 9 is -1.57 again, but the price has not been back; at 10 it has (-0.16), and 13
    # is the first fall after that.
    closes = [*CALM, 95.0, 95.0, 89.0, 89.0, 82.0, 70.0, 80.0, 84.0, 83.0, 60.0, 60.0]
    found = host({"stop_loss_pct": 5.0}).run(slices(AAA=closes))
    assert [number for number, order in found.sent if not order.reduce_only] == [4, 13]
    assert reasons(found)[0] == "exit stop"


def test_after_a_stop_the_other_side_is_free() -> None:
    # z goes from -1.46 straight to +1.78, never within 0.5 of the average.
    closes = [*CALM, 95.0, 95.0, 89.0, 130.0, 130.0]
    found = host({"stop_loss_pct": 5.0}).run(slices(AAA=closes))
    assert [(number, quantity > 0) for number, _, quantity in trades(found)] == [
        (4, True),
        (6, False),
        (7, False),
    ]


def test_furthest_shares_take_the_free_places() -> None:
    falls = {"AAA": 98.5, "BBB": 95.0, "CCC": 97.0}
    config = {"instrument_ids": list(falls), "max_positions": 2, "entry_z": 1.0}
    found = host(config).run(slices(**{name: [*CALM, fall, fall] for name, fall in falls.items()}))
    assert [name for _, name, _ in trades(found)] == ["BBB", "CCC"]


def test_equal_z_scores_go_by_instrument_id() -> None:
    names = ["CCC", "AAA", "BBB"]
    found = host({"instrument_ids": names, "max_positions": 2}).run(
        slices(**{name: [*CALM, 95.0, 95.0] for name in names})
    )
    assert [name for _, name, _ in trades(found)] == ["AAA", "BBB"]


@pytest.mark.parametrize(
    ("size_pct", "max_positions", "places"),
    [(3.0, 10, 10), (20.0, 10, 5), (60.0, 10, 1), (100.0, 9, 1)],
)
def test_no_more_places_than_the_budget_pays_for(
    size_pct: float, max_positions: int, places: int
) -> None:
    parameters = MeanReversionEquityParameters(
        position_size_pct=size_pct, max_positions=max_positions
    )
    assert parameters.positions_max == places


def test_working_entry_is_not_repeated() -> None:
    found = host({}, fills=lambda _, __: False, is_patient=True)
    found.run(slices(AAA=[*CALM, 95.0, 85.0, 85.0]))
    assert [number for number, _ in found.sent] == [4]


def test_working_entry_takes_a_place() -> None:
    config = {"instrument_ids": ["AAA", "BBB"], "max_positions": 1}
    found = host(config, fills=lambda _, __: False, is_patient=True)
    found.run(slices(AAA=[*CALM, 95.0, 95.0], BBB=[*CALM, 101.0, 94.0]))
    assert trades(found) == [(4, "AAA", 52)]


def test_refused_entry_is_tried_again_while_the_price_is_far_once_per_event() -> None:
    found = host({})
    found.refuse = lambda _: found.slice_number == 4
    found.run(slices(AAA=[*CALM, 95.0, 85.0, 85.0]))
    assert [number for number, _ in found.refused] == [4]
    assert [number for number, _ in found.sent] == [5]


def test_refused_exit_is_tried_again() -> None:
    found = host({})
    found.refuse = lambda order: order.reduce_only and found.slice_number < 8
    found.run(slices(AAA=[*CALM, 95.0, 95.0, 100.0, 100.0, 100.0, 100.0]))
    assert [number for number, _ in found.refused] == [6, 7]
    assert not found.held()


def test_exit_under_way_is_not_repeated() -> None:
    def fills(order: Order, _: int) -> bool:
        return not order.is_reducing

    found = host({}, fills=fills, is_patient=True)
    found.run(slices(AAA=[*CALM, 95.0, 95.0, 100.0, 100.0, 100.0]))
    assert [number for number, _ in found.sent] == [4, 6]


def test_share_without_a_price_is_left_alone_and_loses_no_time() -> None:
    aaa = [*CALM, 95.0, 94.0]
    events = slices(AAA=aaa, BBB=[50.0] * 12)
    found = host({"instrument_ids": ["AAA", "BBB"], "max_holding_days": 2}).run(events)
    # After slice 5 AAA has no price: held, but not judged.
    assert trades(found) == [(4, "AAA", 52)]
    assert found.held() == {"AAA": 52}


def test_holding_that_came_from_outside_is_taken_care_of() -> None:
    found = host({"max_holding_days": 2}).run(slices(AAA=CALM))
    found.book = StrategyHost.bought(found.book, found.catalog, "AAA", 7, 100)
    found.run(slices(AAA=[*CALM, 100.5, 100.4, 100.6, 100.5, 100.5])[4:])
    assert reasons(found)
    assert not found.held()


def test_slice_without_any_share_changes_nothing() -> None:
    found = host({}).run(slices(AAA=CALM))
    before = found.strategy.snapshot()
    assert found.step(slice_of(bar("XYZ", date(2014, 3, 3), 1))) == []
    assert found.strategy.snapshot() == before


def test_two_slices_of_one_day_are_one_close() -> None:
    day = weekdays(FIRST, 5)[4]
    twice = [slice_of(bar("AAA", day, 94.0)), slice_of(bar("AAA", day, 95.0))]
    events = [*slices(AAA=CALM), *twice]
    found = host({"entry_z": 1.71}, fills=lambda _, __: False).run(events)
    snapshot: Any = found.strategy.snapshot()
    state = snapshot["mean_reversion"]
    assert state["trading_day"] == 5
    closes = [close // BILLION for close in state["stocks"]["AAA"]["closes"]["closes_e9"]]
    assert closes == [100, 101, 100, 101, 95]
