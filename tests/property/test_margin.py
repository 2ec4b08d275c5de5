"""Laws of margins, against a search through all assignments.

The search is written from the rule's text, in fractions, and shares no code with the rule.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from fractions import Fraction
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain.models.instrument import OptionContract, OptionKind
from orchestrion.domain.models.portfolio import Marks
from orchestrion.domain.orchestration.margin import margin_of
from tests.fakes_rules import CATALOG, OPTIONS, Number, marks_of

pytestmark = pytest.mark.slow

NAMES = ["AAA", "FUT", *[one.instrument_id for one in OPTIONS]]
holdings = st.dictionaries(
    st.sampled_from(NAMES), st.integers(-3, 3).filter(bool).map(Decimal), max_size=5
)


@st.composite
def marks(draw: st.DrawFn) -> Marks:
    prices: dict[str, Number] = {"AAA": 40, "FUT": 100, "IDX": draw(st.integers(80, 120))}
    for option in OPTIONS:
        prices[option.instrument_id] = Decimal(draw(st.integers(0, 80))) / 4
    return marks_of(**prices)


def searched(held: Mapping[str, Decimal], at: Marks) -> Fraction:
    """Initial margin of shares, futures and options, by trying every way to cover."""

    def price(name: str) -> Fraction:
        found = at.price(name)
        assert found is not None
        return Fraction(found)

    total = Fraction(0)
    shares = Fraction(held.get("AAA", Decimal(0)))
    total += abs(shares) * price("AAA") * (Fraction(1) if shares > 0 else Fraction(1, 2))
    total += abs(Fraction(held.get("FUT", Decimal(0)))) * 1000
    for option in OPTIONS:
        quantity = Fraction(held.get(option.instrument_id, Decimal(0)))
        total += max(quantity, Fraction(0)) * price(option.instrument_id) * 10
    return total + max(_side(held, kind, price("IDX")) for kind in OptionKind) * 10


def _side(held: Mapping[str, Decimal], kind: OptionKind, index: Fraction) -> Fraction:
    units: dict[bool, list[OptionContract]] = {True: [], False: []}
    for option in OPTIONS:
        quantity = int(held.get(option.instrument_id, Decimal(0)))
        if option.option_kind is kind:
            units[quantity > 0].extend([option] * abs(quantity))
    longs, shorts = units[True], units[False]

    @cache
    def least(number: int, used: int) -> Fraction:
        if number == len(shorts):
            return Fraction(0)
        short = shorts[number]
        best = _naked(short, index) + least(number + 1, used)
        for place, long in enumerate(longs):
            if not used >> place & 1 and long.expiry_ts >= short.expiry_ts:
                covered = _width(long, short) + least(number + 1, used | 1 << place)
                best = min(best, covered)
        return best

    return least(0, 0)


def _naked(short: OptionContract, index: Fraction) -> Fraction:
    strike = Fraction(short.strike)
    is_call = short.option_kind is OptionKind.CALL
    out_of_the_money = max(strike - index if is_call else index - strike, Fraction(0))
    return max(index * 15 / 100 - out_of_the_money, (index if is_call else strike) / 10)


def _width(long: OptionContract, short: OptionContract) -> Fraction:
    difference = Fraction(long.strike) - Fraction(short.strike)
    return max(difference if short.option_kind is OptionKind.CALL else -difference, Fraction(0))


def margin(held: Mapping[str, Decimal], at: Marks) -> Fraction:
    return Fraction(margin_of(held, CATALOG, at).initial)


def together(*parts: Mapping[str, Decimal]) -> dict[str, Decimal]:
    total: dict[str, Decimal] = {}
    for part in parts:
        for name, quantity in part.items():
            total[name] = total.get(name, Decimal(0)) + quantity
    return {name: quantity for name, quantity in total.items() if quantity}


@given(holdings, marks())
@settings(max_examples=300)
def test_requirement_is_the_least_of_all_assignments(held: dict[str, Decimal], at: Marks) -> None:
    assert margin(held, at) == searched(held, at)


@given(holdings, holdings, marks())
@settings(max_examples=300)
def test_together_binds_no_more_than_apart(
    one: dict[str, Decimal], other: dict[str, Decimal], at: Marks
) -> None:
    assert margin(together(one, other), at) <= margin(one, at) + margin(other, at)


@given(holdings, marks(), st.integers(2, 5))
def test_margin_grows_in_proportion(held: dict[str, Decimal], at: Marks, times: int) -> None:
    more = {name: quantity * times for name, quantity in held.items()}
    assert margin(more, at) == times * margin(held, at)


@given(holdings, marks(), st.data())
def test_order_of_trades_plays_no_part(
    held: dict[str, Decimal], at: Marks, data: st.DataObject
) -> None:
    shuffled = {name: held[name] for name in data.draw(st.permutations(list(held)))}
    assert margin_of(shuffled, CATALOG, at) == margin_of(held, CATALOG, at)


@given(holdings, marks(), st.sampled_from(OPTIONS))
def test_bought_option_costs_at_most_its_price_and_never_its_relief(
    held: dict[str, Decimal], at: Marks, option: OptionContract
) -> None:
    price = at.price(option.instrument_id)
    assert price is not None
    more = together(held, {option.instrument_id: Decimal(1)})
    assert margin(more, at) <= margin(held, at) + Fraction(price) * 10


@given(holdings, marks())
def test_maintenance_is_never_above_initial_and_nothing_is_lent(
    held: dict[str, Decimal], at: Marks
) -> None:
    found = margin_of(held, CATALOG, at)
    assert 0 <= found.maintenance <= found.initial
