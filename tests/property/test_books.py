"""Laws of the books, against a linear model in fractions that knows no averages."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.models.instrument import Future
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import from_e9
from orchestrion.domain.models.portfolio import (
    Book,
    Marks,
    equity,
    expire,
    settle_future,
    trade,
)
from tests.fakes_rules import AAA, CATALOG, FUT, close_bar, hostile_context, tradable

pytestmark = pytest.mark.slow

START = Decimal(10_000)
INSTRUMENTS = (AAA, tradable("C100"), FUT)

prices = st.integers(1, 10**15).map(from_e9)
quantities = st.one_of(
    st.integers(-20, 20).map(Decimal),
    st.integers(-(10**13), 10**13).map(from_e9),
).filter(bool)
fees = st.integers(-100, 1000).map(lambda cents: Decimal(cents).scaleb(-2))

Step: TypeAlias = tuple[str, int, Decimal, Decimal, Decimal]
"""(kind, which instrument, quantity, price, fee); a kind takes what it needs."""
steps = st.lists(
    st.tuples(
        st.sampled_from(["trade", "trade", "trade", "trade", "mark", "settle", "expire"]),
        st.integers(0, 2),
        quantities,
        prices,
        fees,
    ),
    max_size=12,
)


@dataclass
class Model:
    """Cash, fees, quantities, and what was paid for futures since they were last settled."""

    cash: Fraction = Fraction(START)
    fees: Fraction = Fraction(0)
    held: dict[str, Fraction] = field(default_factory=dict[str, Fraction])
    unpaid: dict[str, Fraction] = field(default_factory=dict[str, Fraction])
    marks: dict[str, Fraction] = field(default_factory=dict[str, Fraction])

    def trade(self, number: int, quantity: Decimal, price: Decimal, fee: Decimal) -> None:
        what = INSTRUMENTS[number]
        name = what.instrument_id
        money = Fraction(quantity) * Fraction(price) * Fraction(what.multiplier)
        self.held[name] = self.held.get(name, Fraction(0)) + Fraction(quantity)
        self.cash -= Fraction(fee)
        self.fees += Fraction(fee)
        if isinstance(what, Future):
            self.unpaid[name] = self.unpaid.get(name, Fraction(0)) + money
        else:
            self.cash -= money

    def settle(self, number: int, price: Decimal) -> None:
        what = INSTRUMENTS[number]
        name = what.instrument_id
        value = self.held.get(name, Fraction(0)) * Fraction(price) * Fraction(what.multiplier)
        self.cash += value - self.unpaid.get(name, Fraction(0))
        self.unpaid[name] = value

    def expire(self, number: int, price: Decimal) -> None:
        self.settle(number, price)
        name = INSTRUMENTS[number].instrument_id
        self.held[name] = Fraction(0)
        self.unpaid[name] = Fraction(0)

    def equity(self) -> Fraction:
        total = self.cash - sum(self.unpaid.values())
        for what in INSTRUMENTS:
            quantity = self.held.get(what.instrument_id, Fraction(0))
            total += (
                quantity
                * self.marks.get(what.instrument_id, Fraction(0))
                * Fraction(what.multiplier)
            )
        return total


class Bench:
    """A book and the model, taken through the same steps."""

    def __init__(self) -> None:
        self.book = Book("alpha", START)
        self.marks = Marks()
        self.model = Model()

    def mark(self, number: int, price: Decimal) -> None:
        name = INSTRUMENTS[number].instrument_id
        self.marks.update(MarketSlice.of([close_bar(name, price)]))
        self.model.marks[name] = Fraction(price)

    def take(self, step: Step) -> None:
        kind, number, quantity, price, fee = step
        what = INSTRUMENTS[number]
        if self.marks.price(what.instrument_id) is None:
            self.mark(number, price)
        if kind == "trade":
            self.book = trade(self.book, what, signed_quantity=quantity, price=price, fee=fee)
            self.model.trade(number, quantity, price, fee)
        elif kind == "mark":
            self.mark(number, price)
        elif kind == "settle" and isinstance(what, Future):
            self.book = settle_future(self.book, what, price)
            self.model.settle(number, price)
        elif kind == "expire":
            self.book = expire(self.book, what, price)
            self.model.expire(number, price)

    def equity(self) -> Fraction:
        return Fraction(equity(self.book, CATALOG, self.marks))


def check(bench: Bench) -> None:
    """Everything that must hold after every step."""
    book, model = bench.book, bench.model
    assert Fraction(book.cash) == model.cash
    assert Fraction(book.fees) == model.fees
    for what in INSTRUMENTS:
        name = what.instrument_id
        assert Fraction(book.quantity(name)) == model.held.get(name, Fraction(0))
        position = book.positions.get(name)
        if position is not None:
            assert position.quantity != 0
            assert position.instrument_id == name
        if isinstance(what, Future):
            cost = Fraction(position.cost) if position is not None else Fraction(0)
            pending = Fraction(book.unsettled.get(name, Decimal(0)))
            assert cost - pending == model.unpaid.get(name, Fraction(0))
    assert bench.equity() == model.equity()
    costs = sum(
        Fraction(position.cost)
        for name, position in book.positions.items()
        if not isinstance(tradable(name), Future)
    )
    unsettled = sum(Fraction(gain) for gain in book.unsettled.values())
    realized = Fraction(book.realized_pnl)
    assert Fraction(book.cash) + costs + unsettled == Fraction(START) + realized - Fraction(
        book.fees
    )


@given(steps)
def test_book_follows_the_linear_model(run: list[Step]) -> None:
    bench = Bench()
    for step in run:
        bench.take(step)
        check(bench)


@given(steps)
def test_equity_moves_only_by_prices_and_fees(run: list[Step]) -> None:
    bench = Bench()
    for step in run:
        kind, number, quantity, price, fee = step
        what = INSTRUMENTS[number]
        name, multiplier = what.instrument_id, Fraction(what.multiplier)
        if bench.marks.price(name) is None:
            bench.mark(number, price)
        before, held, mark = (
            bench.equity(),
            bench.model.held.get(name, Fraction(0)),
            bench.model.marks[name],
        )
        bench.take(step)
        gained = {
            "trade": Fraction(quantity) * (mark - Fraction(price)) * multiplier - Fraction(fee),
            "mark": held * (Fraction(price) - mark) * multiplier,
            "settle": Fraction(0),
            "expire": held * (Fraction(price) - mark) * multiplier,
        }[kind]
        assert bench.equity() - before == gained


@given(steps)
def test_closing_everything_turns_all_gains_into_cash(run: list[Step]) -> None:
    bench = Bench()
    for step in run:
        bench.take(step)
    for number, what in enumerate(INSTRUMENTS):
        held = bench.book.quantity(what.instrument_id)
        if held:
            bench.take(("trade", number, held.copy_negate(), Decimal(7), Decimal(0)))
        bench.take(("settle", number, Decimal(1), Decimal(9), Decimal(0)))
    book = bench.book
    assert dict(book.positions) == {}
    assert sum(Fraction(gain) for gain in book.unsettled.values()) == 0
    gained = Fraction(book.cash) - Fraction(START)
    assert gained == Fraction(book.realized_pnl) - Fraction(book.fees)


@given(steps)
def test_ambient_context_plays_no_part(run: list[Step]) -> None:
    ours, theirs = Bench(), Bench()
    for step in run:
        ours.take(step)
        with localcontext(hostile_context()):
            theirs.take(step)
            value = equity(theirs.book, CATALOG, theirs.marks)
        assert theirs.book == ours.book
        assert Fraction(value) == ours.equity()
