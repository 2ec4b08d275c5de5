"""Netting neither makes nor loses a cent, and nobody trades more, or worse, than he asked."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.models.instrument import Equity, Future, InstrumentCatalog
from orchestrion.domain.models.market import MarketSlice, TradeTick
from orchestrion.domain.models.money import ZERO, add, from_e9, subtract
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import Book, Marks, equity, trade
from orchestrion.domain.netting.internal_cross import (
    CrossBasis,
    CrossOrder,
    CrossPrice,
    CrossResult,
    net_orders,
)
from orchestrion.domain.orchestration.account_ledger import total_of_books

pytestmark = pytest.mark.slow

LOT = Decimal("0.25")
SHARE = Equity(instrument_id="ABC", lot_size=LOT)
FUTURE = Future(
    instrument_id="ES",
    underlying_id="SPX",
    expiry_ts=9,
    multiplier=Decimal("12.5"),
    initial_margin=Decimal(1),
    maintenance_margin=Decimal(1),
    lot_size=LOT,
)
CATALOG = InstrumentCatalog([SHARE, FUTURE])
OWNERS = ("a", "b", "c", "d")
prices_e9 = st.integers(1, 10**12)
instruments = st.sampled_from((SHARE, FUTURE))
holdings = st.lists(st.tuples(st.integers(-9, 9), prices_e9), min_size=4, max_size=4)


@st.composite
def order_lists(draw: st.DrawFn) -> list[CrossOrder]:
    return [
        CrossOrder(
            strategy_id=draw(st.sampled_from(OWNERS)),
            client_order_id=f"o-{number}",
            side=draw(st.sampled_from(OrderSide)),
            quantity=draw(st.integers(1, 20)) * LOT,
            limit_price=draw(st.none() | prices_e9.map(from_e9)),
        )
        for number in range(draw(st.integers(1, 6)))
    ]


def _net(orders: list[CrossOrder], price: Decimal, instrument: Equity | Future) -> CrossResult:
    stated = CrossPrice(price, CrossBasis.LAST, 1)
    return net_orders(orders, stated, instrument=instrument, cross_id="x", now=1)


@given(order_lists(), prices_e9, prices_e9, holdings, instruments)
def test_equity_of_all_books_stays_as_it_was(
    orders: list[CrossOrder],
    price_e9: int,
    mark_e9: int,
    held: list[tuple[int, int]],
    instrument: Equity | Future,
) -> None:
    instrument_id = instrument.instrument_id
    books = {one: Book(one, Decimal(100)) for one in OWNERS}
    for owner, (count, cost_e9) in zip(OWNERS, held, strict=True):
        if count:
            books[owner] = trade(
                books[owner], instrument, signed_quantity=count * LOT, price=from_e9(cost_e9)
            )
    before = dict(books)
    result = _net(orders, from_e9(price_e9), instrument)
    for fill in result.fills:
        order = next(one for one in orders if one.client_order_id == fill.client_order_id)
        signed = fill.last_qty if fill.side is OrderSide.BUY else -fill.last_qty
        books[order.strategy_id] = trade(
            books[order.strategy_id], instrument, signed_quantity=signed, price=fill.last_px
        )

    moved = ZERO
    for owner in OWNERS:
        moved = add(moved, subtract(books[owner].cash, before[owner].cash))
    assert moved == 0
    # What the account ledger knows has not moved, and neither has equity, at whatever mark.
    assert _net_totals(books) == _net_totals(before)
    for one_e9 in (price_e9, mark_e9):
        marks = Marks()
        marks.update(MarketSlice.of([TradeTick(instrument_id, 1, one_e9)]))
        assert _equity(books, marks) == _equity(before, marks)


def _net_totals(books: dict[str, Book]) -> tuple[object, ...]:
    totals = total_of_books(books.values(), CATALOG)
    held = {key: quantity for key, quantity in totals.quantities.items() if quantity}
    costs = {key: cost for key, cost in totals.future_costs.items() if cost}
    return totals.cash, totals.fees, held, costs


def _equity(books: dict[str, Book], marks: Marks) -> Decimal:
    total = ZERO
    for book in books.values():
        total = add(total, equity(book, CATALOG, marks))
    return total


@given(order_lists(), prices_e9)
def test_inside_and_outside_make_up_every_order(orders: list[CrossOrder], price_e9: int) -> None:
    result = _net(orders, from_e9(price_e9), SHARE)
    done = {fill.client_order_id: fill.last_qty for fill in result.fills}
    for residual in result.residuals:
        assert residual.quantity == sum(owner.quantity for owner in residual.owners)
        for owner in residual.owners:
            done[owner.client_order_id] = done.get(owner.client_order_id, ZERO) + owner.quantity
    assert done == {order.client_order_id: order.quantity for order in orders}


@given(order_lists(), prices_e9)
def test_nobody_trades_beyond_his_limit(orders: list[CrossOrder], price_e9: int) -> None:
    result = _net(orders, from_e9(price_e9), SHARE)
    limits = {order.client_order_id: order.limit_price for order in orders}
    for fill in result.fills:
        limit = limits[fill.client_order_id]
        if limit is not None and fill.side is OrderSide.BUY:
            assert fill.last_px <= limit
        elif limit is not None:
            assert fill.last_px >= limit


@given(order_lists(), prices_e9)
def test_both_sides_are_left_only_beside_a_refusal(orders: list[CrossOrder], price_e9: int) -> None:
    result = _net(orders, from_e9(price_e9), SHARE)
    assert result.refusals or not result.has_both_sides_left
