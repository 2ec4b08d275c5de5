"""The engine: entry, exits, limits, refusals, torn structures; on hand-made chains."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.instrument import OptionKind
from orchestrion.domain.models.market import MarketSlice, OptionQuote
from orchestrion.domain.models.order import Leg, Order, OrderSide
from orchestrion.domain.strategies.strangle import StrangleStrategy
from tests.fakes_strategy_host import (
    StrategyHost,
    bar,
    contracts_in,
    hand_made_slice,
    option_id,
    quote,
    slice_of,
)

CALL, PUT = OptionKind.CALL, OptionKind.PUT
MONDAY = date(2014, 1, 6)
EXPIRY = date(2014, 2, 21)
PUT_ID, CALL_ID = option_id(PUT, 1900, EXPIRY), option_id(CALL, 2100, EXPIRY)


def day(i: int) -> date:
    return MONDAY + timedelta(i)


def pair(put: float, call: float, *, spread: float = 0.2, shift: int = 0) -> list[OptionQuote]:
    """A put and a call with these mids, the only ones near the target delta."""
    half = spread / 2
    return [
        quote(PUT, 1900 - shift, EXPIRY, bid=put - half, ask=put + half, delta=-0.25),
        quote(CALL, 2100 + shift, EXPIRY, bid=call - half, ask=call + half, delta=0.25),
    ]


def slices(*mids: tuple[float, float]) -> list[MarketSlice]:
    return [hand_made_slice(day(i), 2000, *pair(*mid)) for i, mid in enumerate(mids)]


def host(events: list[MarketSlice], config: dict[str, Any], **options: Any) -> StrategyHost:
    strategy = StrangleStrategy.configured({"entry_interval_days": 365, **config})
    return StrategyHost(strategy, contracts_in(events), **options)


def kinds(found: StrategyHost) -> list[tuple[int, str]]:
    return [
        (number, order.label.split(":")[0].split(" strangle")[0]) for number, order in found.sent
    ]


SHORT = {"side": "short", "profit_target_fraction": 0.5, "stop_multiple": 2.0}
LONG = {"side": "long", "profit_target_fraction": 0.5, "stop_multiple": 0.5}


def test_entry_is_one_order_with_all_legs() -> None:
    events = slices((10, 10), (10, 10))
    found = host(events, {**SHORT, "num_lots": 3}).run(events)
    ((number, order),) = found.sent
    assert number == 0
    assert not order.reduce_only
    assert order.legs == (
        Leg(PUT_ID, OrderSide.SELL, Decimal(3)),
        Leg(CALL_ID, OrderSide.SELL, Decimal(3)),
    )
    assert order.label == "enter short strangle 2014-02-21 -3P1900 -3C2100 credit 5940"
    assert found.held() == {PUT_ID: -3, CALL_ID: -3}


def test_lots_are_times_the_lot_size_and_money_times_the_multiplier() -> None:
    events = slices((10, 10), (10, 10))
    strategy = StrangleStrategy.configured({"num_lots": 2})
    contracts = contracts_in(events, lot_size=Decimal(75), multiplier=Decimal(1))
    found = StrategyHost(strategy, contracts).run(events)
    assert found.held() == {PUT_ID: 150, CALL_ID: 150}
    assert isinstance(strategy, StrangleStrategy)
    (one,) = strategy.structures
    assert one.structure.multiplier == 1
    assert one.structure.cost == Decimal("20.2") * 150


# Sold for 9.9 + 9.9 at the bids, i.e. a credit of 1980; closing costs the asks, 0.1 above the mids.
@pytest.mark.parametrize(
    ("config", "mids", "exits"),
    [
        (SHORT, (4.85, 4.85), "exit profit target"),  # costs 990, half of the credit is earned
        (SHORT, (4.9, 4.85), None),
        (SHORT, (29.6, 29.6), "exit stop"),  # costs 5940, twice the credit is lost
        (SHORT, (29.5, 29.6), None),
        # Bought for 10.1 + 10.1, a debit of 2020; closing brings the bids.
        (LONG, (15.25, 15.25), "exit profit target"),  # brings 3030
        (LONG, (15.2, 15.25), None),
        (LONG, (5.15, 5.15), "exit stop"),  # brings 1010
        (LONG, (5.15, 5.2), None),
    ],
)
def test_exit_fires_exactly_at_its_level(
    config: dict[str, Any], mids: tuple[float, float], exits: str | None
) -> None:
    events = slices((10, 10), (10, 10), mids, (10, 10), (10, 10))
    found = host(events, config).run(events)
    assert kinds(found)[1:] == ([(2, exits)] if exits else [])
    assert bool(found.held()) is (exits is None)
    if exits:
        assert found.sent[1][1].reduce_only


def test_exit_fires_when_days_to_expiry_are_used_up() -> None:
    days = [
        date(2014, 1, 6),
        date(2014, 1, 7),
        date(2014, 2, 13),
        date(2014, 2, 14),
        date(2014, 2, 17),
    ]
    events = [hand_made_slice(one, 2000, *pair(10, 10)) for one in days]
    found = host(events, SHORT).run(events)
    assert kinds(found)[1:] == [(3, "exit days to expiry")]
    assert not found.held()


def test_zero_exit_days_hold_to_expiry_and_the_structure_is_forgotten() -> None:
    days = [MONDAY, day(1), date(2014, 2, 20), date(2014, 2, 21), date(2014, 2, 24)]
    events = [hand_made_slice(one, 2000, *pair(10, 10)) for one in days]
    found = host(events, {**SHORT, "exit_days_to_expiry": 0}).run(events)
    assert kinds(found)[1:] == []
    assert not found.held()
    assert isinstance(found.strategy, StrangleStrategy)
    assert found.strategy.structures == ()


def test_profit_is_measured_against_the_fill_and_not_the_quote_that_was_seen() -> None:
    # Seen at 10, filled at 20: at 14.9 half of the seen credit would not be earned, but 5 a leg is.
    events = slices((10, 10), (20, 20), (9.8, 9.8), (9.8, 9.8))
    found = host(events, SHORT).run(events)
    assert kinds(found)[1:] == [(2, "exit profit target")]


def chain_of_pairs(i: int, *shifts: int) -> MarketSlice:
    lines = [line for shift in shifts for line in pair(10, 10, shift=shift)]
    return hand_made_slice(day(i), 2000, *lines)


def test_no_more_structures_than_max_positions() -> None:
    events = [chain_of_pairs(i, 0, 25, 50) for i in range(8)]
    found = host(events, {**SHORT, "max_positions": 2, "entry_interval_days": 1}).run(events)
    assert kinds(found) == [(0, "enter short"), (1, "enter short")]
    # Each structure has its own instruments, so the book tells them apart.
    assert len(found.held()) == 4


def test_place_of_a_closed_structure_is_used_again_after_the_interval() -> None:
    mids = [(10, 10), (10, 10), (4, 4), (4, 4), (4, 4), (4, 4), (4, 4)]
    events = slices(*mids)
    found = host(events, {**SHORT, "max_positions": 1, "entry_interval_days": 5}).run(events)
    assert kinds(found) == [(0, "enter short"), (2, "exit profit target"), (5, "enter short")]


def test_instrument_in_use_is_not_taken_again() -> None:
    events = slices(*[(10.0, 10.0)] * 4)
    found = host(events, {**SHORT, "entry_interval_days": 1, "max_positions": 5}).run(events)
    assert kinds(found) == [(0, "enter short")]


def test_refused_entry_is_tried_again_only_after_the_interval() -> None:
    events = slices(*[(10.0, 10.0)] * 7)
    found = host(events, {**SHORT, "entry_interval_days": 3}, refuse=lambda _: True).run(events)
    assert [number for number, _ in found.refused] == [0, 3, 6]
    assert not found.held()


def test_refused_exit_is_tried_again_with_every_event_once() -> None:
    events = slices((10, 10), (10, 10), (4, 4), (4, 4), (4, 4), (4, 4))
    tries: list[SubmitOrder] = []

    def refuse(order: SubmitOrder) -> bool:
        if order.reduce_only:
            tries.append(order)
        return order.reduce_only and len(tries) <= 2

    found = host(events, SHORT, refuse=refuse).run(events)
    assert [number for number, _ in found.refused] == [2, 3]
    assert kinds(found)[1:] == [(4, "exit profit target")]
    assert not found.held()


def test_exit_is_not_repeated_while_its_order_works() -> None:
    events = slices((10, 10), (10, 10), (4, 4), (4, 4), (4, 4), (4, 4))

    def fills(order: Order, _: int) -> bool:
        return not order.is_reducing

    found = host(events, SHORT, fills=fills, is_patient=True).run(events)
    assert kinds(found)[1:] == [(2, "exit profit target")]
    assert len(found.working) == 1


def test_entry_that_fills_by_half_is_closed_again() -> None:
    events = slices(*[(10.0, 10.0)] * 5)

    def fills(order: Order, i: int) -> bool:
        return order.is_reducing or i == 0

    found = host(events, SHORT, fills=fills).run(events)
    assert kinds(found) == [(0, "enter short"), (1, "exit incomplete")]
    assert found.sent[1][1].legs[0].instrument_id == PUT_ID
    assert not found.held()


def test_half_filled_entry_that_still_works_is_waited_for() -> None:
    events = slices(*[(10.0, 10.0)] * 5)
    seen: list[str] = []

    def fills(order: Order, i: int) -> bool:
        seen.append(order.client_order_id)
        return i == 0 or len(seen) > 4

    found = host(events, SHORT, fills=fills, is_patient=True).run(events)
    assert kinds(found) == [(0, "enter short")]
    assert found.held() == {PUT_ID: -1, CALL_ID: -1}


def test_leg_that_vanishes_from_the_book_closes_the_rest() -> None:
    events = slices(*[(10.0, 10.0)] * 5)
    found = host(events, SHORT).run(events[:2])
    found.book = type(found.book)(
        "S",
        found.book.cash,
        {PUT_ID: found.book.positions[PUT_ID]},
    )
    found.run(events[2:])
    assert kinds(found)[1:] == [(2, "exit incomplete")]
    assert not found.held()


def test_bought_leg_without_a_bid_is_left_to_expire() -> None:
    no_bid = quote(CALL, 2100, EXPIRY, bid=0, ask=0.05, delta=0.0)
    put = quote(PUT, 1900, EXPIRY, bid=60, ask=61, delta=-0.9)
    events = [
        *slices((10, 10), (10, 10)),
        *(hand_made_slice(day(i), 1850, put, no_bid) for i in (2, 3, 4)),
    ]
    found = host(events, LONG).run(events)
    assert kinds(found)[1:] == [(2, "exit profit target")]
    assert [leg.instrument_id for leg in found.sent[1][1].legs] == [PUT_ID]
    assert found.held() == {CALL_ID: 1}
    assert isinstance(found.strategy, StrangleStrategy)
    assert found.strategy.structures == ()


def test_bought_leg_without_a_quote_is_waited_for() -> None:
    put = quote(PUT, 1900, EXPIRY, bid=60, ask=61, delta=-0.9)
    call = quote(CALL, 2100, EXPIRY, bid=1, ask=2, delta=0.01)
    torn = [hand_made_slice(day(i), 1850, put) for i in (3, 4)]
    events = [
        *slices((10, 10), (10, 10)),
        hand_made_slice(day(2), 1850, put, call),
        *torn,
        *(hand_made_slice(day(i), 1850, put, call) for i in (5, 6)),
    ]

    def fills(order: Order, i: int) -> bool:
        return (
            not order.is_reducing
            or order.legs[i].instrument_id == PUT_ID
            or order.ts_decided > torn[1].ts_event
        )

    found = host(events, LONG, fills=fills).run(events)
    exits = [
        (number, [leg.instrument_id for leg in order.legs]) for number, order in found.sent[1:]
    ]
    assert exits == [(2, [PUT_ID, CALL_ID]), (5, [CALL_ID])]
    assert not found.held()


def test_sold_leg_without_a_quote_is_still_asked_for() -> None:
    put, _ = pair(4, 4)
    events = [*slices((10, 10), (10, 10), (4, 4)), hand_made_slice(day(3), 2000, put)]
    found = host(events, SHORT)
    found.refuse = lambda order: order.reduce_only and found.slice_number == 2
    found.run(events)
    number, order = found.sent[1]
    assert number == 3
    assert [leg.instrument_id for leg in order.legs] == [PUT_ID, CALL_ID]


def test_without_quotes_nothing_is_judged_but_time_still_counts() -> None:
    events = [
        *slices((10, 10), (10, 10)),
        hand_made_slice(day(2), 2000, quote(PUT, 1500, EXPIRY, bid=1, ask=2)),
        hand_made_slice(date(2014, 2, 14), 2000, quote(PUT, 1500, EXPIRY, bid=1, ask=2)),
    ]
    found = host(events, SHORT).run(events)
    assert kinds(found)[1:] == [(3, "exit days to expiry")]


def test_slice_without_the_chain_is_ignored() -> None:
    events = slices((10, 10))
    found = host(events, SHORT)
    assert found.step(slice_of(bar("SPX", MONDAY, 2000))) == []
    assert found.step(events[0])


@pytest.mark.parametrize("days_to_expiry_min", [47, 60])
def test_no_expiry_in_the_window_gives_no_entry(days_to_expiry_min: int) -> None:
    events = slices((10, 10))
    config = {**SHORT, "days_to_expiry_min": days_to_expiry_min, "days_to_expiry_max": 90}
    assert not host(events, config).run(events).sent


def test_expired_legs_that_the_book_still_shows_are_left_alone() -> None:
    days = [MONDAY, day(1), date(2014, 2, 21), date(2014, 2, 24)]
    events = [hand_made_slice(one, 2000, *pair(10, 10)) for one in days]
    found = host(events, SHORT)
    found.is_settling = False
    found.run(events)
    assert [number for number, _ in found.sent] == [0]
    assert found.held()
