"""Netting inside the account: which price, who takes part, what goes out."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, SubmitOrder
from orchestrion.domain.models.instrument import Equity
from orchestrion.domain.models.market import QuoteTick
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.order import Leg, OrderSide, OrderType, TimeInForce
from orchestrion.domain.netting.internal_cross import (
    CrossBasis,
    CrossOrder,
    CrossPolicy,
    CrossPrice,
    CrossRefusal,
    CrossRefusalCode,
    CrossResult,
    LastPrice,
    cross_order_of,
    cross_price,
    net_orders,
)

SHARE = Equity(instrument_id="ABC")
POLICY = CrossPolicy(quote_age_max_ns=10, last_price_age_max_ns=100)
PRICE = CrossPrice(Decimal("100.05"), CrossBasis.MID, 50)
BUY, SELL = OrderSide.BUY, OrderSide.SELL
NOW = 60


def _quote(bid: str, ask: str, ts_event: int) -> QuoteTick:
    return QuoteTick("ABC", ts_event, to_e9(bid), to_e9(ask))


def _order(name: str, side: OrderSide, quantity: int, limit: str | None = None) -> CrossOrder:
    return CrossOrder(
        strategy_id=name.rstrip("0123456789"),
        client_order_id=name,
        side=side,
        quantity=Decimal(quantity),
        limit_price=None if limit is None else Decimal(limit),
    )


def _net(*orders: CrossOrder, price: CrossPrice | CrossRefusal = PRICE) -> CrossResult:
    return net_orders(orders, price, instrument=SHARE, cross_id="x-7", now=NOW)


def _inside(result: CrossResult) -> list[tuple[str, str, int]]:
    return [(one.client_order_id, one.side.value, int(one.last_qty)) for one in result.fills]


def _outside(result: CrossResult) -> list[tuple[str, int, list[tuple[str, int]]]]:
    return [
        (
            one.side.value,
            int(one.quantity),
            [(owner.client_order_id, int(owner.quantity)) for owner in one.owners],
        )
        for one in result.residuals
    ]


@pytest.mark.parametrize(
    ("quote", "last", "expected"),
    [
        pytest.param(
            _quote("100", "100.1", 50),
            LastPrice(Decimal(90), 60),
            CrossPrice(Decimal("100.05"), CrossBasis.MID, 50),
            id="mid-of-a-quote-at-the-age-limit",
        ),
        pytest.param(
            _quote("100", "100.1", 49),
            LastPrice(Decimal(90), -41),
            None,
            id="both-too-old",
        ),
        pytest.param(
            _quote("100", "100.1", 49),
            LastPrice(Decimal(90), 10),
            CrossPrice(Decimal(90), CrossBasis.LAST, 10),
            id="last-price-when-the-quote-is-old",
        ),
        pytest.param(
            None,
            LastPrice(Decimal(90), 10),
            CrossPrice(Decimal(90), CrossBasis.LAST, 10),
            id="last-price-without-a-quote",
        ),
        pytest.param(_quote("101", "100", 60), None, None, id="crossed-quote"),
        pytest.param(_quote("100", "101", 61), None, None, id="quote-from-the-future"),
        pytest.param(None, None, None, id="nothing"),
        pytest.param(
            QuoteTick("ABC", 60, 0, 1),
            None,
            CrossPrice(Decimal(0), CrossBasis.MID, 60),
            id="half-a-billionth-is-rounded-down",
        ),
    ],
)
def test_cross_price(
    quote: QuoteTick | None, last: LastPrice | None, expected: CrossPrice | None
) -> None:
    price = cross_price(quote, last, now=NOW, policy=POLICY)
    if expected is None:
        assert isinstance(price, CrossRefusal)
        assert price.code is CrossRefusalCode.NO_FRESH_PRICE
    else:
        assert price == expected


@pytest.mark.parametrize(
    ("quote", "last", "words"),
    [
        (None, None, "no quote, no last price"),
        (_quote("101", "100", 60), None, "a crossed quote (101 over 100), no last price"),
        (
            _quote("100", "101", 40),
            LastPrice(Decimal(1), -41),
            "a quote 20 ns old (at most 10), a last price 101 ns old (at most 100)",
        ),
    ],
)
def test_refusal_says_how_old_the_prices_are(
    quote: QuoteTick | None, last: LastPrice | None, words: str
) -> None:
    price = cross_price(quote, last, now=NOW, policy=POLICY)
    assert isinstance(price, CrossRefusal)
    assert price.detail == words


def test_smaller_side_is_filled_inside_and_the_rest_goes_out() -> None:
    result = _net(_order("a", BUY, 10), _order("b", SELL, 4))

    assert _inside(result) == [("a", "BUY", 4), ("b", "SELL", 4)]
    assert _outside(result) == [("BUY", 6, [("a", 6)])]
    assert result.refusals == ()
    assert not result.has_both_sides_left


def test_internal_fill_has_the_stated_price_and_no_fee() -> None:
    result = _net(_order("a", BUY, 1), _order("b", SELL, 1))
    fill = result.fills[0]

    assert (fill.last_px, fill.ts_event) == (PRICE.price, NOW)
    assert fill.commission == 0
    assert (fill.trade_id, fill.venue_order_id, fill.instrument_id) == ("x-7-0", "INTERNAL", "ABC")
    assert result.price == PRICE
    assert result.residuals == ()


def test_owners_of_the_heavier_side_share_inside_and_outside_in_proportion() -> None:
    result = _net(_order("a", BUY, 6), _order("b", SELL, 4), _order("c", BUY, 2))

    assert _inside(result) == [("a", "BUY", 3), ("b", "SELL", 4), ("c", "BUY", 1)]
    assert _outside(result) == [("BUY", 4, [("a", 3), ("c", 1)])]


def test_rest_with_other_terms_goes_out_as_another_order() -> None:
    result = _net(
        _order("a", BUY, 4), _order("b", SELL, 2), _order("c", BUY, 4, "101"), _order("d", BUY, 4)
    )
    assert _outside(result) == [("BUY", 7, [("a", 3), ("d", 4)]), ("BUY", 3, [("c", 3)])]


def test_one_side_alone_is_not_crossed() -> None:
    result = _net(_order("a", BUY, 4), _order("b", BUY, 2))

    assert result.fills == ()
    assert result.price is None
    assert _outside(result) == [("BUY", 6, [("a", 4), ("b", 2)])]


def test_nothing_is_crossed_without_a_price() -> None:
    refusal = CrossRefusal(CrossRefusalCode.NO_FRESH_PRICE, "no quote, no last price")
    result = _net(_order("a", BUY, 4), _order("b", SELL, 2), price=refusal)

    assert result.fills == ()
    assert result.refusals == (refusal,)
    assert result.has_both_sides_left
    assert _outside(result) == [("BUY", 4, [("a", 4)]), ("SELL", 2, [("b", 2)])]


@pytest.mark.parametrize(
    ("side", "limit", "crosses"),
    [
        (BUY, "100.05", True),
        (BUY, "100.04", False),
        (SELL, "100.05", True),
        (SELL, "100.06", False),
    ],
)
def test_nobody_crosses_beyond_his_limit(side: OrderSide, limit: str, crosses: bool) -> None:
    result = _net(_order("a", side, 4, limit), _order("b", side.opposite, 4))

    assert bool(result.fills) is crosses
    assert result.has_both_sides_left is not crosses
    if not crosses:
        (refusal,) = result.refusals
        assert refusal.code is CrossRefusalCode.OUTSIDE_LIMIT
        assert refusal.client_order_ids == ("a",)
        assert refusal.detail == f"a: {side} at {limit}, the MID is 100.05"


def test_others_cross_when_one_stands_outside_its_limit() -> None:
    result = _net(_order("a", BUY, 4, "99"), _order("b", SELL, 3), _order("c", BUY, 2))

    assert _inside(result) == [("b", "SELL", 2), ("c", "BUY", 2)]
    # Both sides are left, so that each order is the caller's to decide by itself.
    assert _outside(result) == [("BUY", 4, [("a", 4)]), ("SELL", 1, [("b", 1)])]


def test_strategy_does_not_trade_with_itself() -> None:
    result = _net(_order("a1", BUY, 4), _order("a2", SELL, 3), _order("b", SELL, 1))

    assert result.fills == ()
    assert [(one.code, one.client_order_ids) for one in result.refusals] == [
        (CrossRefusalCode.SAME_STRATEGY, ("a1", "a2"))
    ]


def test_residual_becomes_a_shared_order() -> None:
    result = _net(_order("a", BUY, 6), _order("b", SELL, 4), _order("c", BUY, 2))
    shared = result.residuals[0].shared("net-9", SHARE.lot_size)

    assert (shared.client_order_id, shared.side) == ("net-9", BUY)
    assert shared.quantity == 4


def _approved(command: SubmitOrder | CancelOrder) -> ApprovedCommand:
    return ApprovedCommand(
        strategy_id="a",
        command=command,
        client_order_id="o-1",
        reservation=Decimal(0),
        is_reducing=False,
        ts_decided=1,
    )


@pytest.mark.parametrize(
    "command",
    [
        pytest.param(CancelOrder(strategy_id="a", client_order_id="o-0"), id="cancel"),
        pytest.param(
            SubmitOrder(
                strategy_id="a",
                legs=(Leg("C90", BUY, Decimal(1)), Leg("C95", SELL, Decimal(1))),
            ),
            id="structure",
        ),
        pytest.param(
            SubmitOrder.single(
                "a", "ABC", SELL, 1, order_type=OrderType.STOP_MARKET, stop_price=Decimal(9)
            ),
            id="stop",
        ),
        pytest.param(
            SubmitOrder.single("a", "ABC", SELL, 1, time_in_force=TimeInForce.FOK),
            id="fill-or-kill",
        ),
    ],
)
def test_command_that_must_go_out_as_it_is(command: SubmitOrder | CancelOrder) -> None:
    assert cross_order_of(_approved(command)) is None


def test_order_of_one_leg_may_be_crossed() -> None:
    command = SubmitOrder.single(
        "a", "ABC", SELL, 3, order_type=OrderType.LIMIT, limit_price=Decimal(9)
    )
    assert cross_order_of(_approved(command)) == CrossOrder(
        strategy_id="a",
        client_order_id="o-1",
        side=SELL,
        quantity=Decimal(3),
        limit_price=Decimal(9),
    )
