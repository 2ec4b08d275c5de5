"""What every order and every fill asks for is answered in quick ways: they say what the plain ones
say. The plain ones are written here, from the meaning."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.adapters.venue.fees import Commission, FeeSchedule, LegTrade
from orchestrion.adapters.venue.order_entry import working_order as entered
from orchestrion.adapters.venue.working_order import OpenOrders
from orchestrion.domain.models.instrument import Equity, Future
from orchestrion.domain.models.market import MarketSlice, OptionChain
from orchestrion.domain.models.money import ZERO, from_e9
from orchestrion.domain.models.order import Leg, Order, OrderSide, OrderStatus
from orchestrion.domain.models.portfolio import Book, Position, trade
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.orchestration.account_ledger import (
    AccountLedger,
    AccountTotals,
    held_in_book,
    total_of_books,
)
from orchestrion.domain.orchestration.order_progress import filled_by
from orchestrion.domain.orchestration.proposal import is_exit
from tests.fakes_rules import AAA, CATALOG, FUT, close_bar, order_for, tradable, working_order

TRADABLES = (AAA, FUT, tradable("C100"))
IDS = [one.instrument_id for one in TRADABLES]

ids = st.sampled_from(IDS)
sides = st.sampled_from(OrderSide)
counts = st.integers(1, 6).map(Decimal)
signed = st.integers(-6, 6).map(Decimal)
prices = st.integers(1, 10**12).map(from_e9)
cents = st.integers(-300, 300).map(lambda value: Decimal(value).scaleb(-2))


# -- the ledger -----------------------------------------------------------------------------------

trades = st.lists(st.tuples(ids, signed.filter(bool), prices, cents), max_size=5)
errors = st.sampled_from(
    [
        ZERO,
        ZERO,
        *(Decimal(one) for one in ("0.01", "-1", "1E-27", "1E-40", "3E+20", "NaN", "-Infinity")),
    ]
)


def fill_of(instrument_id: str, quantity: Decimal, price: Decimal, fee: Decimal) -> Any:
    return OrderFilledReport(
        client_order_id="W1",
        venue_order_id="V1",
        trade_id="T1",
        leg_index=0,
        instrument_id=instrument_id,
        side=OrderSide.BUY if quantity > 0 else OrderSide.SELL,
        last_qty=quantity.copy_abs(),
        last_px=price,
        commission=fee,
        ts_event=1,
    )


def with_error(table: Mapping[str, Decimal], key: str, error: Decimal) -> dict[str, Decimal]:
    return {**table, key: table.get(key, ZERO) + error}


@given(trades, ids, st.tuples(errors, errors, errors, errors))
def test_ledger_names_exactly_the_figures_that_differ(
    given_trades: list[Any], key: str, wrong: tuple[Decimal, ...]
) -> None:
    book, ledger = Book("a", Decimal(1000)), AccountLedger(CATALOG, starting_cash=Decimal(1000))
    for instrument_id, quantity, price, fee in given_trades:
        ledger.apply_fill(fill_of(instrument_id, quantity, price, fee))
        what = tradable(instrument_id)
        book = trade(book, what, signed_quantity=quantity, price=price, fee=fee)
    true = total_of_books([book], CATALOG)
    totals = AccountTotals(
        true.cash + wrong[0],
        true.fees + wrong[1],
        with_error(true.quantities, key, wrong[2]),
        with_error(true.future_costs, key, wrong[3]),
    )

    found = ledger.differences(totals, instrument_id=key)

    figures = {
        "cash": (ledger.cash, totals.cash),
        "fees": (ledger.fees, totals.fees),
        f"quantity of {key}": (ledger.quantity(key), totals.quantities[key]),
        f"cost of future {key}": (ledger.future_cost(key), totals.future_costs[key]),
    }
    expected = [name for name, (ours, theirs) in figures.items() if ours != theirs]
    assert [one.figure for one in found] == expected
    assert [one.ledger for one in found] == [figures[name][0] for name in expected]
    in_full = [one.figure for one in ledger.differences(totals)]
    assert [figure for figure in in_full if figure in figures] == expected


positions = st.dictionaries(ids, st.tuples(signed.filter(bool), cents), max_size=3)


@given(positions, st.dictionaries(ids, cents, max_size=2), ids)
def test_one_instrument_of_a_book_is_what_the_sum_of_books_says(
    held: dict[str, Any], unsettled: dict[str, Decimal], key: str
) -> None:
    table = {one: Position(one, quantity, cost) for one, (quantity, cost) in held.items()}
    book = Book("a", ZERO, table, unsettled=unsettled)
    totals = total_of_books([book], CATALOG)

    is_future = isinstance(tradable(key), Future)

    assert held_in_book(book, key, is_future=is_future) == (
        totals.quantities.get(key, ZERO),
        totals.future_costs.get(key, ZERO),
    )


# -- orders ---------------------------------------------------------------------------------------

legs = st.lists(st.builds(Leg, ids, sides, counts), min_size=1, max_size=3).map(tuple)
statuses = st.sampled_from(
    [OrderStatus.SUBMITTED, OrderStatus.PARTIALLY_FILLED, OrderStatus.FILLED, OrderStatus.CANCELED]
)


@given(
    legs, st.lists(st.integers(0, 6), min_size=3, max_size=3), statuses, st.integers(-1, 3), counts
)
def test_fill_adds_to_its_leg_and_completes_an_order_when_no_leg_lacks_anything(
    given_legs: tuple[Leg, ...], done: list[int], status: OrderStatus, leg_index: int, last: Decimal
) -> None:
    command = order_for(*given_legs)
    order = working_order(command, status=status, filled=done[: len(given_legs)])
    fill = msgspec.structs.replace(fill_of("AAA", last, Decimal(1), ZERO), leg_index=leg_index)

    after = filled_by(order, fill)

    for i, one in enumerate(after.filled):
        assert one == order.filled[i] + (last if i == leg_index else 0)
    is_complete = all(after.remaining(i) <= 0 for i in range(len(given_legs)))
    if is_complete or status is OrderStatus.FILLED:
        assert after.status is OrderStatus.FILLED
    else:
        partly = OrderStatus.PARTIALLY_FILLED
        assert after.status is (status if status is OrderStatus.CANCELED else partly)
    unchanged = {"filled": order.filled, "status": order.status}
    assert msgspec.structs.replace(after, **unchanged) == order


open_orders = st.lists(
    st.tuples(legs, st.lists(st.integers(0, 6), min_size=3, max_size=3)), max_size=2
)


@given(legs, st.dictionaries(ids, signed.filter(bool), max_size=3), open_orders)
def test_exit_is_what_cannot_pass_through_zero_whatever_fills(
    given_legs: tuple[Leg, ...], held: dict[str, Decimal], resting: list[Any]
) -> None:
    book = Book("a", ZERO, {key: Position(key, one, ZERO) for key, one in held.items()})
    working: dict[str, Order] = {}
    for number, (other_legs, done) in enumerate(resting):
        name, filled = f"W{number}", done[: len(other_legs)]
        working[name] = working_order(order_for(*other_legs), name, filled=filled)

    def is_inside(key: str) -> bool:
        """All that may still trade against the held side, together, is at most what is held."""
        quantity = held.get(key, ZERO)
        own = [one.signed_quantity for one in given_legs if one.instrument_id == key]
        left = [
            max(order.remaining(i), ZERO) * one.side.sign
            for order in working.values()
            for i, one in enumerate(order.legs)
            if one.instrument_id == key
        ]
        closing = [one for one in (*own, *left) if one and (one > 0) != (quantity > 0)]
        opening = [one for one in own if (one > 0) == (quantity > 0)]
        return bool(quantity) and not opening and abs(sum(closing, ZERO)) <= abs(quantity)

    expected = all(is_inside(one.instrument_id) for one in given_legs)

    assert is_exit(order_for(*given_legs), book, working) is expected


# -- the simulated venue --------------------------------------------------------------------------


@given(st.lists(legs, max_size=6), st.sets(st.sampled_from([*IDS, "IDX", "BBB"]), min_size=1))
def test_slice_touches_every_order_that_its_prices_may_fill_in_order_of_submission(
    structures: list[tuple[Leg, ...]], named: set[str]
) -> None:
    opened, expected = OpenOrders(), list[int]()
    for sequence, structure in enumerate(structures, start=1):
        order = entered(
            order_for(*structure),
            CATALOG,
            client_order_id=f"o-{sequence}",
            sequence=sequence,
            earliest=0,
        )
        opened.add(order)
        data_ids = {one.instrument_id for one in structure}
        if "C100" in data_ids:
            data_ids.add("IDX")
        if data_ids & named:
            expected.append(sequence)
    items = [
        OptionChain(one, 1, 10**11, ()) if one == "IDX" else close_bar(one, 100, 1)
        for one in sorted(named)
    ]

    touched = opened.touched_by(MarketSlice.of(items))

    assert [order.sequence for order in touched] == expected


rates = st.integers(5, 3000).map(lambda value: Decimal(value).scaleb(-4))
dollars = st.integers(-500, 500).map(lambda value: Decimal(value).scaleb(-1))
commissions = st.one_of(
    st.just(Commission()),
    st.builds(Commission, per_unit=rates, notional_fraction=rates, minimum_per_order=rates),
    st.builds(Commission, per_unit=rates),
    st.builds(Commission, notional_fraction=rates),
    st.builds(Commission, minimum_per_order=rates),
)
leg_trades = st.lists(
    st.builds(LegTrade, st.sampled_from(TRADABLES), counts, dollars), min_size=1, max_size=4
)


def to_cent(amount: Fraction) -> Fraction:
    return Fraction(round(amount * 100), 100)  # fractions round half to even, too


@given(
    st.builds(FeeSchedule, equity=commissions, future=commissions, option=commissions), leg_trades
)
def test_fees_are_the_price_list_in_fractions_and_always_in_cents(
    schedule: FeeSchedule, given_trades: list[LegTrade]
) -> None:
    def list_of(one: LegTrade) -> Commission:
        if isinstance(one.instrument, Equity):
            return schedule.equity
        return schedule.future if isinstance(one.instrument, Future) else schedule.option

    expected: list[Fraction] = []
    for one in given_trades:
        commission, quantity = list_of(one), Fraction(one.quantity)
        notional = abs(quantity * Fraction(one.price) * Fraction(one.instrument.multiplier))
        rate = Fraction(commission.notional_fraction)
        expected.append(to_cent(quantity * Fraction(commission.per_unit) + notional * rate))
    for commission in (schedule.equity, schedule.future, schedule.option):
        places = [i for i, one in enumerate(given_trades) if list_of(one) is commission]
        if places:
            lacking = to_cent(Fraction(commission.minimum_per_order)) - sum(
                expected[i] for i in places
            )
            expected[places[0]] += max(lacking, Fraction(0))

    fees = schedule.commissions(given_trades)

    assert [Fraction(one) for one in fees] == expected
    assert {one.as_tuple().exponent for one in fees} == {-2}
    assert not (schedule.is_free and any(fees))
