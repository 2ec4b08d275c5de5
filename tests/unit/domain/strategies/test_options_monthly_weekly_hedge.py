"""Monthly structures with a weekly hedge: entry, roll, exits, repairs; in a modelled market."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.instrument import OptionContract, OptionKind
from orchestrion.domain.models.market import MarketSlice, OptionChain
from orchestrion.domain.models.order import Order, OrderSide
from orchestrion.domain.strategies.options_monthly_weekly_hedge import (
    OptionsMonthlyWeeklyHedgeStrategy,
)
from tests.fakes_strategy_host import OptionWorld, StrategyHost, chain_of, slice_of, third_friday

FIRST = date(2014, 1, 6)


def flat(days: int, volatility: float = 0.15) -> OptionWorld:
    return OptionWorld(FIRST, [2000.0] * days, [volatility] * days)


def host(world: OptionWorld, config: dict[str, Any] | None = None, **options: Any) -> StrategyHost:
    strategy = OptionsMonthlyWeeklyHedgeStrategy.configured(config or {})
    return StrategyHost(strategy, world.instruments, **options)


def strategy_of(found: StrategyHost) -> OptionsMonthlyWeeklyHedgeStrategy:
    assert isinstance(found.strategy, OptionsMonthlyWeeklyHedgeStrategy)
    return found.strategy


def contract(found: StrategyHost, instrument_id: str) -> OptionContract:
    instrument = found.catalog.tradable(instrument_id)
    assert isinstance(instrument, OptionContract)
    return instrument


def expiry_day(found: StrategyHost, instrument_id: str) -> date:
    return date.fromordinal(
        719_163 + contract(found, instrument_id).expiry_ts // 86_400_000_000_000
    )


def by_sign(found: StrategyHost) -> tuple[dict[str, Decimal], dict[str, Decimal]]:
    """(sold, bought) instruments of the book."""
    held = found.held()
    return (
        {key: quantity for key, quantity in held.items() if quantity < 0},
        {key: quantity for key, quantity in held.items() if quantity > 0},
    )


def test_entry_sells_a_monthly_strangle_and_buys_the_weekly_hedge_in_one_order() -> None:
    world = flat(2)
    found = host(world, {"num_lots": 4}).run(world.slices)
    ((_, order),) = found.sent
    sold = [leg for leg in order.legs if leg.side is OrderSide.SELL]
    bought = [leg for leg in order.legs if leg.side is OrderSide.BUY]
    assert [leg.quantity for leg in order.legs] == [4, 4, 4, 4]
    assert [contract(found, leg.instrument_id).option_kind for leg in sold] == ["PUT", "CALL"]
    assert [contract(found, leg.instrument_id).option_kind for leg in bought] == ["PUT", "CALL"]
    assert all(third_friday(expiry_day(found, leg.instrument_id)) for leg in sold)
    assert {expiry_day(found, leg.instrument_id) for leg in bought} == {date(2014, 1, 17)}
    put, call = (contract(found, leg.instrument_id).strike for leg in bought)
    assert put < 2000 < call
    assert found.held() == {leg.instrument_id: leg.signed_quantity for leg in order.legs}


def test_sold_and_hedge_deltas_are_near_their_targets() -> None:
    world = flat(1)
    found = host(world).run(world.slices)
    chain = world.slices[0].chain("SPX")
    assert chain is not None
    delta = {line.instrument_id: abs(line.delta) for line in chain.quotes}
    for leg in found.sent[0][1].legs:
        target, tolerance = (0.16, 0.08) if leg.side is OrderSide.SELL else (0.05, 0.06)
        assert delta[leg.instrument_id] == pytest.approx(target, abs=tolerance)


def test_iron_condor_has_wings_and_hedge() -> None:
    world = flat(2)
    config = {"structure": "iron_condor", "hedge_side": "put"}
    found = host(world, config).run(world.slices)
    ((_, order),) = found.sent
    assert order.label.startswith("enter iron condor 2014-02-21")
    assert [leg.side for leg in order.legs] == ["BUY", "SELL", "SELL", "BUY", "BUY"]
    assert contract(found, order.legs[-1].instrument_id).option_kind is OptionKind.PUT


@pytest.mark.parametrize(("ratio", "contracts"), [(1.0, 3), (2.0, 6), (0.5, 2), (0.1, 1)])
def test_hedge_ratio_is_rounded_up_to_whole_contracts(ratio: float, contracts: int) -> None:
    world = flat(2)
    found = host(world, {"num_lots": 3, "hedge_ratio": ratio}).run(world.slices)
    assert set(by_sign(found)[1].values()) == {contracts}


def test_hedge_is_rolled_each_week_and_never_expires_unreplaced() -> None:
    # Days to expiry only, so that the structure stays; options keep a bid by high volatility.
    world = OptionWorld(FIRST, [2000.0] * 24, [0.4] * 24)
    config = {"profit_target_fraction": 100.0, "stop_multiple": 100.0, "max_positions": 1}
    found = host(world, {**config, "hedge_delta": 0.1, "short_delta": 0.3, "hedge_roll_days": 4})
    for i, event in enumerate(world.slices):
        found.step(event)
        if i:
            sold, bought = by_sign(found)
            assert len(sold) == 2
            assert sum(bought.values()) >= 2, f"unhedged on {world.days[i]}"
    rolls = [order for _, order in found.sent if order.label == "hedge roll"]
    assert len(rolls) == 4
    for order in rolls:
        sides = [leg.side for leg in order.legs]
        assert sides == [OrderSide.SELL, OrderSide.SELL, OrderSide.BUY, OrderSide.BUY]
        assert not order.reduce_only


def test_profit_target_closes_the_structure_and_then_the_hedge() -> None:
    world = OptionWorld(FIRST, [2000.0] * 8, [0.4] * 3 + [0.25] * 5)
    config = {"entry_interval_days": 365, "profit_target_fraction": 0.4}
    config |= {"short_delta": 0.3, "hedge_delta": 0.2}
    found = host(world, config).run(world.slices)
    labels = [label.split(":")[0] for label in found.labels]
    assert labels[1:] == ["exit profit target", "hedge reduce"]
    (exit_number, exit_order), (hedge_number, hedge_order) = found.sent[1], found.sent[2]
    # The hedge goes only when the structure is really gone: one slice later.
    assert hedge_number == exit_number + 1
    assert exit_order.reduce_only
    assert hedge_order.reduce_only
    assert not found.held()
    assert strategy_of(found).hedge.instrument_ids == ()


def test_stop_closes_the_structure_after_a_crash() -> None:
    prices = [2000.0] * 3 + [1860.0] * 4
    world = OptionWorld(FIRST, prices, [0.15] * 3 + [0.35] * 4)
    found = host(world, {"entry_interval_days": 365}).run(world.slices)
    assert [label.split(":")[0] for label in found.labels][1:3] == ["exit stop", "hedge reduce"]
    assert not by_sign(found)[0]


def test_time_exit_comes_before_expiry() -> None:
    world = flat(40)
    config = {"profit_target_fraction": 100.0, "stop_multiple": 100.0, "entry_interval_days": 365}
    found = host(world, config).run(world.slices)
    exits = [(number, order) for number, order in found.sent if order.label.startswith("exit")]
    ((number, order),) = exits
    assert order.label.startswith("exit days to expiry")
    assert world.days[number] == date(2014, 2, 14)
    assert not by_sign(found)[0]


def test_second_structure_adds_to_the_hedge() -> None:
    world = flat(9, 0.3)
    config = {"max_positions": 2, "profit_target_fraction": 100.0, "stop_multiple": 100.0}
    found = host(world, config).run(world.slices)
    sold, _ = by_sign(found)
    assert len(sold) == 4
    targets = strategy_of(found).hedge.targets
    assert [found.quantity(leg.instrument_id) for leg in targets] == [2, 2]


def without_weeklies(event: MarketSlice) -> MarketSlice:
    chain = event.chain("SPX")
    assert chain is not None
    lines = [
        one for one in chain.quotes if one.expiry_ts - event.ts_event > 20 * 86_400_000_000_000
    ]
    thin = chain_of(date.fromordinal(719_163 + event.ts_event // 86_400_000_000_000), 2000.0, lines)
    return slice_of(*(thin if isinstance(one, OptionChain) else one for one in event.items))


def test_no_hedge_to_be_had_means_no_entry() -> None:
    world = flat(3)
    found = host(world).run([without_weeklies(one) for one in world.slices])
    assert not found.sent
    assert not found.refused


def test_hedge_without_a_successor_is_kept_and_rolled_later() -> None:
    world = OptionWorld(FIRST, [2000.0] * 12, [0.3] * 12)
    config = {"max_positions": 1, "profit_target_fraction": 100.0, "stop_multiple": 100.0}
    # The weekly of 17 January is due on the 15th; there is no successor until the 17th.
    events = [without_weeklies(one) if i in (7, 8) else one for i, one in enumerate(world.slices)]
    found = host(world, config).run(events)
    rolls = [number for number, order in found.sent if order.label.startswith("hedge")]
    assert world.days[rolls[0]] == date(2014, 1, 17)
    assert sum(by_sign(found)[1].values()) >= 2


def test_refused_entry_leaves_nothing_behind() -> None:
    world = flat(3)
    found = host(world, refuse=lambda _: True).run(world.slices)
    assert [number for number, _ in found.refused] == [0]
    assert strategy_of(found).structures == ()
    assert strategy_of(found).hedge.instrument_ids == ()


def test_refused_roll_is_tried_again_with_every_event_once() -> None:
    world = OptionWorld(FIRST, [2000.0] * 12, [0.3] * 12)
    config = {"max_positions": 1, "profit_target_fraction": 100.0, "stop_multiple": 100.0}
    found = host(world, {**config, "short_delta": 0.3, "hedge_delta": 0.25})
    found.refuse = lambda order: order.label.startswith("hedge") and found.slice_number < 8
    found.run(world.slices)
    assert [number for number, _ in found.refused] == [7]
    assert [(number, order.label) for number, order in found.sent[1:2]] == [(8, "hedge roll")]
    assert sum(by_sign(found)[1].values()) >= 2


def test_hedge_that_fills_by_half_is_repaired() -> None:
    world = OptionWorld(FIRST, [2000.0] * 6, [0.3] * 6)
    config = {"max_positions": 1, "profit_target_fraction": 100.0, "stop_multiple": 100.0}

    def fills(order: Order, i: int) -> bool:
        is_first = order.client_order_id == "O-1"
        return not is_first or order.legs[i].side is OrderSide.SELL or i == 2

    found = host(world, config, fills=fills).run(world.slices)
    assert found.labels[1].startswith("hedge")
    targets = strategy_of(found).hedge.targets
    assert [found.quantity(leg.instrument_id) for leg in targets] == [1, 1]


def test_torn_structure_is_closed_and_its_hedge_follows() -> None:
    world = OptionWorld(FIRST, [2000.0] * 6, [0.3] * 6)

    def fills(order: Order, i: int) -> bool:
        return order.client_order_id != "O-1" or i != 0

    found = host(world, {"entry_interval_days": 365}, fills=fills).run(world.slices)
    assert [label.split(":")[0] for label in found.labels[1:]] == [
        "exit incomplete",
        "hedge reduce",
    ]
    assert not found.held()


def test_no_two_orders_of_one_event_touch_one_instrument() -> None:
    prices = [2000 + 12 * (i % 7) - 25 * (i % 3) for i in range(60)]
    volatilities = [0.12 + 0.02 * (i % 9) for i in range(60)]
    world = OptionWorld(FIRST, [float(price) for price in prices], volatilities)
    found = host(world, {"max_positions": 3, "entry_interval_days": 2})
    for event in world.slices:
        orders: list[SubmitOrder] = found.step(event)
        ids = [leg.instrument_id for order in orders for leg in order.legs]
        assert len(ids) == len(set(ids))
        assert len(strategy_of(found).structures) <= 3


@pytest.mark.parametrize(
    "config",
    [
        {"delta_tolerance": 0.0001},
        # The next strike beyond the sold one is already too far out for this wing.
        {"structure": "iron_condor", "wing_delta": 0.159, "delta_tolerance": 0.05},
    ],
)
def test_structure_that_cannot_be_built_is_not_entered(config: dict[str, Any]) -> None:
    world = flat(1)
    assert not host(world, config).run(world.slices).sent


def test_hedge_takes_no_option_of_the_structure_that_enters_with_it() -> None:
    world = flat(2)
    # Eleven days to the third Friday: structure and hedge look for the same expiry and delta.
    config = {"days_to_expiry_min": 8, "days_to_expiry_max": 12, "exit_days_to_expiry": 1}
    found = host(world, {**config, "hedge_delta": 0.15}).run(world.slices)
    assert len({leg.instrument_id for leg in found.sent[0][1].legs}) == 4
    assert all(strategy_of(found).is_taken(leg.instrument_id) for leg in found.sent[0][1].legs)


def test_hedge_option_without_a_bid_is_not_sold_but_left_to_expire() -> None:
    world = flat(10, 0.1)
    config = {"max_positions": 1, "profit_target_fraction": 100.0, "stop_multiple": 100.0}
    found = host(world, config)
    for event in world.slices[:9]:
        found.step(event)
    assert found.labels[1:] == ["hedge add"]
    old = {leg.instrument_id for leg in found.sent[0][1].legs if leg.side is OrderSide.BUY}
    assert {leg.instrument_id for leg in strategy_of(found).hedge.retired} == old
    found.step(world.slices[9])
    assert strategy_of(found).hedge.retired == ()
    assert not old & set(found.held())


def test_hedge_order_under_way_is_waited_for_and_holds_back_entries() -> None:
    world = OptionWorld(FIRST, [2000.0] * 12, [0.3] * 12)
    config = {"max_positions": 2, "profit_target_fraction": 100.0, "stop_multiple": 100.0}

    def fills(order: Order, _: int) -> bool:
        return order.client_order_id == "O-1"

    found = host(world, {**config, "entry_interval_days": 10}, fills=fills, is_patient=True)
    found.run(world.slices)
    # The roll of the 15th never fills; the entry that is due on the 16th stays away.
    assert [
        (number, label[:5]) for (number, _), label in zip(found.sent, found.labels, strict=True)
    ] == [
        (0, "enter"),
        (7, "hedge"),
    ]


def test_expired_hedge_that_the_book_still_shows_is_not_sold() -> None:
    # On its last day the put is in the money, so somebody still bids for it.
    world = OptionWorld(FIRST, [2000.0] * 8 + [1800.0] * 4, [0.3] * 12)
    config = {"max_positions": 1, "profit_target_fraction": 100.0, "stop_multiple": 100.0}
    found = host(world, config)
    found.refuse = lambda order: order.label.startswith("hedge") and found.slice_number < 10
    found.is_settling = False
    found.run(world.slices)
    # The hedge of the 17th was never sold; from the 20th on only new options are bought.
    assert found.labels[1] == "hedge add"
    assert all(leg.side is OrderSide.BUY for leg in found.sent[1][1].legs)
