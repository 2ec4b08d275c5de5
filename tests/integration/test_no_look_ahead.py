"""Strategies that try to trade at a price that they have seen already, and what they get."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from orchestrion.domain.models.market import MarketData
from orchestrion.domain.models.order import OrderSide, OrderType, TimeInForce
from tests.fakes import (
    Action,
    Script,
    at,
    bar,
    buy,
    close_only,
    closing,
    following,
    minutes,
    number_of,
    opening,
    play,
    quote,
    scripted,
    sell,
    slices_of,
)

HALF = Decimal("0.5")


@pytest.mark.parametrize(
    ("kind", "buys_at", "sells_at"),
    [
        # A bar that has been seen is over: the next one's open.
        (bar, opening(3), opening(3)),
        # A series of closes has no other price than the next close.
        (close_only, closing(3), closing(3)),
        # The far side of the next quote: half a dollar above or below the middle.
        (quote, opening(3) + HALF, opening(3) - HALF),
    ],
)
@pytest.mark.parametrize("action", [buy(1), sell(1)])
def test_order_on_what_was_just_seen_fills_at_the_next_price(
    kind: Callable[[int], MarketData], buys_at: Decimal, sells_at: Decimal, action: Action
) -> None:
    stage = play({"cheat": scripted({2: action})}, slices_of(kind, 5))
    (fill,) = stage.fills
    assert fill.last_px == (buys_at if fill.side is OrderSide.BUY else sells_at)
    (intent,) = stage.intents
    assert intent.ts_decided == at(2)
    assert fill.ts_event >= intent.ts_decided
    (delivered,) = stage.records(name="OrderFilledReport")
    assert delivered.ts == at(3)


def test_limit_at_the_price_just_seen_does_not_fill_when_the_market_has_left() -> None:
    """It asks for the low of the bar that it was shown; the next bar is all above it."""
    at_the_low = buy(
        1, order_type=OrderType.LIMIT, limit_price=opening(2), time_in_force=TimeInForce.GTC
    )
    stage = play({"cheat": scripted({2: at_the_low})}, minutes(6))
    assert stage.verdicts() == ["APPROVED"]
    assert stage.fills == []


def test_order_from_a_fill_does_not_fill_in_the_bar_of_that_fill() -> None:
    """It learns of its purchase at bar 1's open; selling at bar 1's close would be cheating."""
    script = Script(
        on_event={0: buy(1)},
        on_fill=lambda fill, view: [view.sell("AAA", 1)] if fill.side == "BUY" else None,
    )
    stage = play(following({"cheat": script}), minutes(4))
    assert [one.last_px for one in stage.fills] == [opening(1), opening(2)]


def test_strategy_never_sees_a_bar_before_its_orders_did() -> None:
    """Always wrong in hindsight: whatever it does about bar k is done at a price after bar k."""
    script = Script(always=buy(1))
    stage = play(following({"cheat": script}), minutes(30))
    filled = [(number_of(one.ts_event), one.last_px) for one in stage.fills]
    assert filled == [(number, opening(number + 1)) for number in range(29)]


def test_order_of_the_last_bar_never_fills() -> None:
    stage = play({"cheat": scripted({4: buy(1)})}, minutes(5))
    assert stage.verdicts() == ["APPROVED"]
    assert stage.fills == []
