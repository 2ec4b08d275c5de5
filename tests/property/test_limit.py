"""The worst case is never below what any set of fills really makes of a book.

The recomputation here shares nothing with the rule: it fills every subset of the orders, each in
part or in whole, and adds up plain rationals.
"""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction
from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain.capital.limit import Limits, limit_fault
from orchestrion.domain.capital.worst_case import (
    OptionNotional,
    SignedQuantities,
    Usage,
    combined,
    worst_case,
)
from orchestrion.domain.models.instrument import (
    Equity,
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.market import MarketSlice, TradeTick
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.portfolio import Marks

ORDERS_MAX = 10
IDS = ("ABC", "XYZ", "CALL", "PUT")
PRICES = {"ABC": 7, "XYZ": 31, "CALL": 3, "PUT": 2, "SPX": 100}
UNITS = {
    OptionNotional.PREMIUM: {"ABC": 7, "XYZ": 31, "CALL": 300, "PUT": 200},
    OptionNotional.UNDERLYING: {"ABC": 7, "XYZ": 31, "CALL": 10_000, "PUT": -10_000},
}
CATALOG = InstrumentCatalog(
    [
        Equity(instrument_id="ABC"),
        Equity(instrument_id="XYZ"),
        *(
            OptionContract(
                instrument_id=kind.value,
                underlying_id="SPX",
                expiry_ts=9,
                strike=Decimal(100),
                option_kind=kind,
            )
            for kind in OptionKind
        ),
        Index(instrument_id="SPX"),
    ]
)
MARKS = Marks()
MARKS.update(
    MarketSlice(
        ts_event=1,
        items=tuple(
            TradeTick(instrument_id=one, ts_event=1, price_e9=to_e9(price), size_e9=to_e9(1))
            for one, price in PRICES.items()
        ),
    )
)

signed = st.integers(-20, 20).filter(bool).map(Decimal)
books = st.dictionaries(st.sampled_from(IDS), signed)
legs = st.lists(st.tuples(st.sampled_from(IDS), signed), min_size=1, max_size=4).map(tuple)
bases = st.sampled_from(OptionNotional)


def figures(
    held: dict[str, Fraction], basis: OptionNotional
) -> tuple[dict[str, Fraction], Fraction, Fraction]:
    """(quantities, gross notional, net notional) of a book as it is."""
    units = UNITS[basis]
    gross = sum((abs(size * units[one]) for one, size in held.items()), Fraction(0))
    net = sum((size * units[one] for one, size in held.items()), Fraction(0))
    return held, gross, net


def filled(
    held: dict[str, Decimal], orders: list[SignedQuantities], parts: tuple[Fraction, ...]
) -> dict[str, Fraction]:
    result = {one: Fraction(size) for one, size in held.items()}
    for order, part in zip(orders, parts, strict=True):
        for instrument_id, size in order:
            result[instrument_id] = result.get(instrument_id, Fraction(0)) + part * Fraction(size)
    return result


def usage(held: dict[str, Decimal], orders: list[SignedQuantities], basis: OptionNotional) -> Usage:
    return worst_case(held, orders, catalog=CATALOG, marks=MARKS, option_notional=basis)


def assert_bounds(bound: Usage, held: dict[str, Fraction], basis: OptionNotional) -> None:
    quantities, gross, net = figures(held, basis)
    for instrument_id, size in quantities.items():
        limits = bound.quantities[instrument_id]
        assert limits.low <= size <= limits.high
        assert abs(size) <= limits.largest
    assert gross <= Fraction(bound.gross_notional)
    assert Fraction(bound.net_notional_low) <= net <= Fraction(bound.net_notional_high)
    assert abs(net) <= Fraction(bound.net_notional)


@settings(max_examples=40, deadline=None)
@given(books, st.lists(legs, max_size=ORDERS_MAX), bases)
def test_bound_holds_for_every_subset_of_fills(
    held: dict[str, Decimal], orders: list[SignedQuantities], basis: OptionNotional
) -> None:
    bound = usage(held, orders, basis)
    for parts in product((Fraction(0), Fraction(1)), repeat=len(orders)):
        assert_bounds(bound, filled(held, orders, parts), basis)


@given(books, st.lists(legs, max_size=3), bases, st.data())
def test_bound_holds_for_fills_in_part(
    held: dict[str, Decimal],
    orders: list[SignedQuantities],
    basis: OptionNotional,
    data: st.DataObject,
) -> None:
    parts = tuple(data.draw(st.fractions(0, 1, max_denominator=8)) for _ in orders)
    assert_bounds(usage(held, orders, basis), filled(held, orders, parts), basis)


@given(books, st.lists(legs, max_size=4), bases)
def test_bounds_of_net_notional_are_reached(
    held: dict[str, Decimal], orders: list[SignedQuantities], basis: OptionNotional
) -> None:
    """An upper bound of infinity would pass the tests above."""
    bound = usage(held, orders, basis)
    nets = [
        figures(filled(held, orders, parts), basis)[2]
        for parts in product((Fraction(0), Fraction(1)), repeat=len(orders))
    ]
    assert min(nets) == Fraction(bound.net_notional_low)
    assert max(nets) == Fraction(bound.net_notional_high)


@given(books, st.lists(legs.filter(lambda one: len(one) == 1), max_size=5), bases)
def test_bound_of_gross_notional_is_reached_by_single_leg_orders(
    held: dict[str, Decimal], orders: list[SignedQuantities], basis: OptionNotional
) -> None:
    bound = usage(held, orders, basis)
    gross = max(
        figures(filled(held, orders, parts), basis)[1]
        for parts in product((Fraction(0), Fraction(1)), repeat=len(orders))
    )
    assert gross == Fraction(bound.gross_notional)


@given(books, books, st.lists(legs, max_size=3), st.lists(legs, max_size=3), bases, st.data())
def test_bound_of_the_account_holds_for_its_books(
    held: dict[str, Decimal],
    other_held: dict[str, Decimal],
    orders: list[SignedQuantities],
    other_orders: list[SignedQuantities],
    basis: OptionNotional,
    data: st.DataObject,
) -> None:
    account = combined((usage(held, orders, basis), usage(other_held, other_orders, basis)))
    part = st.sampled_from((Fraction(0), Fraction(1, 2), Fraction(1)))
    one = filled(held, orders, tuple(data.draw(part) for _ in orders))
    other = filled(other_held, other_orders, tuple(data.draw(part) for _ in other_orders))
    net = {key: one.get(key, Fraction(0)) + other.get(key, Fraction(0)) for key in {**one, **other}}
    assert_bounds(account, net, basis)


@given(books, st.lists(legs, max_size=4), legs, bases, st.integers(1, 5_000), st.integers(1, 50))
def test_what_a_limit_lets_pass_never_breaks_it(
    held: dict[str, Decimal],
    working: list[SignedQuantities],
    command: SignedQuantities,
    basis: OptionNotional,
    gross_max: int,
    quantity_max: int,
) -> None:
    limits = Limits(gross_notional_max=Decimal(gross_max), quantity_max=Decimal(quantity_max))
    before, after = usage(held, working, basis), usage(held, [*working, command], basis)
    fault = limit_fault(limits, before, after, equity=Decimal(1), whose="s")
    orders = [*working, command]
    reached = [
        figures(filled(held, orders, parts), basis)
        for parts in product((Fraction(0), Fraction(1)), repeat=len(orders))
    ]
    if fault is None:
        for quantities, gross, _ in reached:
            assert gross <= max(Fraction(gross_max), Fraction(before.gross_notional))
            for instrument_id, _ in command:
                was = before.quantities.get(instrument_id)
                most = max(Decimal(quantity_max), was.largest if was is not None else Decimal(0))
                assert abs(quantities[instrument_id]) <= Fraction(most)
    else:
        assert after.gross_notional > gross_max or any(
            one.largest > quantity_max for one in after.quantities.values()
        )
