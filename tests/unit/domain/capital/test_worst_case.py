"""Worst case of a book: which fills count, what notional is, how books add up."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.capital.worst_case import (
    OptionNotional,
    QuantityRange,
    Usage,
    combined,
    of_legs,
    unfilled,
    worst_case,
)
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.market import MarketSlice, TradeTick
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.order import (
    Leg,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    TimeInForce,
)
from orchestrion.domain.models.portfolio import Marks
from orchestrion.domain.orchestration.margin import UnpricedError

BUY, SELL = OrderSide.BUY, OrderSide.SELL
D = Decimal
CATALOG = InstrumentCatalog(
    [
        Equity(instrument_id="ABC"),
        Equity(instrument_id="XYZ"),
        Future(
            instrument_id="ES",
            underlying_id="SPX",
            expiry_ts=9,
            multiplier=D(50),
            initial_margin=D(1),
            maintenance_margin=D(1),
        ),
        *(
            OptionContract(
                instrument_id=name,
                underlying_id="SPX",
                expiry_ts=9,
                strike=D(5_000),
                option_kind=kind,
            )
            for name, kind in (("C", OptionKind.CALL), ("P", OptionKind.PUT))
        ),
        Index(instrument_id="SPX"),
    ]
)
PRICES = {"ABC": 10, "XYZ": 20, "ES": 5_000, "C": 30, "P": 40, "SPX": 5_000}


def marks(*without: str) -> Marks:
    known = Marks()
    known.update(
        MarketSlice(
            ts_event=1,
            items=tuple(
                TradeTick(instrument_id=one, ts_event=1, price_e9=to_e9(price), size_e9=to_e9(1))
                for one, price in PRICES.items()
                if one not in without
            ),
        )
    )
    return known


def order(*legs: tuple[str, int], filled: tuple[int, ...] = (), status: str = "ACCEPTED") -> Order:
    return Order(
        client_order_id="1",
        strategy_id="s",
        legs=tuple(Leg(one, BUY if size > 0 else SELL, D(abs(size))) for one, size in legs),
        filled=tuple(map(D, filled or (0,) * len(legs))),
        status=OrderStatus(status),
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        limit_price=None,
        stop_price=None,
        is_reducing=False,
        ts_decided=0,
    )


def usage(
    held: dict[str, int], *orders: Order, option_notional: OptionNotional = OptionNotional.PREMIUM
) -> Usage:
    return worst_case(
        {one: D(quantity) for one, quantity in held.items()},
        [unfilled(one) for one in orders],
        catalog=CATALOG,
        marks=marks(),
        option_notional=option_notional,
    )


def test_nothing_held_and_nothing_working_uses_nothing() -> None:
    assert usage({}) == Usage()


def test_opposite_orders_are_never_netted() -> None:
    result = usage({"ABC": 5}, order(("ABC", 10)), order(("ABC", -20)))
    assert result.quantities["ABC"] == QuantityRange(D(-15), D(15))
    assert result.gross_notional == 150
    assert usage({"ABC": 5}, order(("ABC", 1))).net_notional == 60
    assert usage({"ABC": -5}, order(("ABC", 1))).net_notional == 50
    assert usage({"ABC": -5}, order(("ABC", -1))).gross_notional == 60
    assert (result.net_notional_low, result.net_notional_high) == (D(-150), D(150))


@pytest.mark.parametrize(
    "status", ["INITIALIZED", "SUBMITTED", "UNKNOWN", "PENDING_CANCEL", "PARTIALLY_FILLED"]
)
def test_order_that_can_still_trade_counts_whatever_is_known_of_it(status: str) -> None:
    assert usage({}, order(("ABC", 10), status=status)).gross_notional == 100


def test_only_what_is_left_of_an_order_counts() -> None:
    assert unfilled(order(("ABC", 10), ("XYZ", -10), filled=(4, 10))) == (("ABC", D(6)),)


def test_overfilled_leg_has_nothing_left() -> None:
    assert unfilled(order(("ABC", 10), filled=(11,))) == ()


def test_command_counts_like_an_order() -> None:
    one = order(("ABC", 10), ("XYZ", -5))
    assert of_legs(one.legs) == unfilled(one)


def test_legs_of_one_structure_net_with_each_other() -> None:
    pair = usage({}, order(("ABC", 20), ("XYZ", -10)))
    assert (pair.net_notional, pair.gross_notional) == (D(0), D(400))


def test_legs_of_two_orders_do_not() -> None:
    pair = usage({}, order(("ABC", 20)), order(("XYZ", -10)))
    assert (pair.net_notional, pair.gross_notional) == (D(200), D(400))


@pytest.mark.parametrize(
    ("basis", "instrument_id", "quantity", "gross", "net"),
    [
        ("premium", "ES", -1, 250_000, -250_000),
        ("premium", "C", -2, 6_000, -6_000),
        ("premium", "P", 1, 4_000, 4_000),
        ("underlying", "ES", -1, 250_000, -250_000),
        ("underlying", "C", -2, 1_000_000, -1_000_000),
        ("underlying", "P", 1, 500_000, -500_000),
    ],
)
def test_notional_by_basis(
    basis: str, instrument_id: str, quantity: int, gross: int, net: int
) -> None:
    result = usage({instrument_id: quantity}, option_notional=OptionNotional(basis))
    assert result.gross_notional == gross
    assert result.net_notional_low == result.net_notional_high == net


@pytest.mark.parametrize(
    ("missing", "basis"), [("C", OptionNotional.PREMIUM), ("SPX", OptionNotional.UNDERLYING)]
)
def test_notional_without_a_price_is_not_guessed(missing: str, basis: OptionNotional) -> None:
    with pytest.raises(UnpricedError, match=missing):
        worst_case({"C": D(1)}, (), catalog=CATALOG, marks=marks(missing), option_notional=basis)


def test_account_nets_quantities_but_lends_no_gross() -> None:
    one = usage({"ABC": 30, "XYZ": 1}, order(("ABC", 10)))
    other = usage({"ABC": -30})
    account = combined((one, other))
    assert account.quantities["ABC"] == QuantityRange(D(0), D(10))
    assert account.gross_notional == 400 + 20 + 300
    assert (account.net_notional_low, account.net_notional_high) == (D(20), D(120))


def test_account_adds_structures_and_margin() -> None:
    books = [Usage(open_structures=2, margin=D(10)), Usage(open_structures=1, margin=D(5))]
    account = combined(books)
    assert (account.open_structures, account.margin) == (3, D(15))
