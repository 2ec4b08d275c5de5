"""The worst case, tried: whichever working orders fill, the book can carry what it then holds.

Random runs of approvals, fills in whole or in part, cancels and price moves. After every step all
subsets of the working orders (up to ``ORDERS_MAX`` of them) are filled at the marks, in fractions,
and equity is compared with a margin that comes from the search in ``test_margin``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from itertools import combinations
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from orchestrion.domain.models.command import ApprovedCommand, RefusedCommand, SubmitOrder
from orchestrion.domain.models.order import Leg, Order, OrderStatus
from orchestrion.domain.orchestration.proposal import is_exit
from tests.fakes_rules import CATALOG, OPTIONS, Desk, buy, leg, order_for, sell, tradable
from tests.property.test_margin import searched

pytestmark = pytest.mark.slow

ORDERS_MAX = 6
PRICES: dict[str, Any] = {"AAA": 40, "FUT": 100, "IDX": 100} | {
    one.instrument_id: 2 for one in OPTIONS
}
LINEAR = ("AAA", "FUT")
PUTS = ("P90", "P95", "P100", "P95F")
CALLS = ("C100", "C105", "C100F")
SIZES = {"AAA": st.sampled_from([-120, -50, -10, 10, 50, 120])}
contracts = st.sampled_from([-3, -2, -1, 1, 2, 3])


def leg_of(name: str) -> st.SearchStrategy[Leg]:
    return SIZES.get(name, contracts).map(lambda quantity: leg(name, quantity))


names = st.sampled_from([*LINEAR, *PUTS, *CALLS])
commands = st.one_of(
    st.lists(names.flatmap(leg_of), min_size=1, max_size=1),
    st.lists(names.flatmap(leg_of), min_size=2, max_size=3),
    st.lists(st.sampled_from(PUTS).flatmap(leg_of), min_size=1, max_size=2),
).map(lambda legs: order_for(*legs))


@dataclass(frozen=True)
class Move:
    """One step of a run; ``number`` chooses among the working orders or positions."""

    kind: str
    number: int = 0
    command: SubmitOrder = field(default_factory=lambda: buy("AAA", 10))
    prices: Mapping[str, int] = field(default_factory=dict[str, int])


small = st.integers(0, 5)
asks = st.builds(Move, st.just("ask"), small, commands)
moves = st.one_of(
    asks,
    asks,
    st.builds(Move, st.sampled_from(["fill", "fill", "part", "cancel", "close", "close"]), small),
)


class Run:
    """A desk with one strategy of little capital, and the orders that work."""

    def __init__(self, capital: int) -> None:
        self.desk = Desk(alpha=capital, beta=10**9, **PRICES)
        self.approved: dict[str, ApprovedCommand] = {}

    @property
    def working(self) -> Mapping[str, Order]:
        return self.desk.manager.working_orders("alpha")

    def take(self, move: Move) -> None:
        names = list(self.working)
        if move.kind == "ask":
            if len(names) < ORDERS_MAX:
                self.ask(move.command)
        elif move.kind == "close":
            command = self.closing(move.number)
            if command is not None and len(names) < ORDERS_MAX:
                self.ask(command)
        elif names:
            one = self.approved[names[move.number % len(names)]]
            if move.kind == "cancel":
                self.desk.end(one)
            else:
                self.fill(one, is_part=move.kind == "part")

    def ask(self, command: SubmitOrder) -> ApprovedCommand | RefusedCommand:
        verdict = self.desk.ask(command)
        if isinstance(verdict, ApprovedCommand):
            self.approved[verdict.client_order_id] = verdict
        return verdict

    def closing(self, number: int) -> SubmitOrder | None:
        """Closes one position, in whole or in part."""
        positions = list(self.desk.manager.books["alpha"].positions.values())
        if not positions:
            return None
        one = positions[number % len(positions)]
        quantity = one.quantity if number % 2 else one.quantity / abs(one.quantity)
        return order_for(leg(one.instrument_id, -quantity))

    def fill(self, one: ApprovedCommand, *, is_part: bool) -> None:
        order = self.working[one.client_order_id]
        if is_part and len(order.legs) == 1 and order.remaining(0) > 1:
            self.desk.fill(one, part=1)
        else:
            self.desk.fill(one)

    # -- what must hold ---------------------------------------------------------------------

    def outcomes(self) -> Iterator[tuple[list[str], dict[str, Decimal]]]:
        """What would be held, for every subset of the working orders."""
        book = self.desk.manager.books["alpha"]
        orders = list(self.working.values())
        for count in range(len(orders) + 1):
            for chosen in combinations(orders, count):
                held = {name: position.quantity for name, position in book.positions.items()}
                for order in chosen:
                    for i, one in enumerate(order.legs):
                        left = order.remaining(i) * one.side.sign
                        held[one.instrument_id] = held.get(one.instrument_id, Decimal(0)) + left
                names = [order.client_order_id for order in chosen]
                yield names, {name: quantity for name, quantity in held.items() if quantity}

    def equity(self) -> Fraction:
        """A fill at the mark changes no equity, so this is the equity of every outcome."""
        manager = self.desk.manager
        book = manager.books["alpha"]
        total = Fraction(book.cash) + sum(Fraction(gain) for gain in book.unsettled.values())
        for name, position in book.positions.items():
            price = manager.marks.price(name)
            assert price is not None
            value = (
                Fraction(position.quantity) * Fraction(price) * Fraction(tradable(name).multiplier)
            )
            total += value - (Fraction(position.cost) if name == "FUT" else 0)
        return total

    def check(self) -> None:
        equity = self.equity()
        for names, held in self.outcomes():
            needed = searched(held, self.desk.manager.marks)
            assert needed <= equity, f"{names}: {held} binds {needed} of {equity}"


@given(st.integers(200, 6000), st.lists(moves, max_size=9))
@settings(max_examples=400)
# Six sales of what is held once: each alone is an exit, together they would be short by more than
# the book can carry.
@example(
    2000,
    [Move("ask", 0, buy("AAA", 50)), Move("fill"), *[Move("ask", 0, sell("AAA", 50))] * 6],
)
# The same hidden in one order, whose other leg makes it an entry.
@example(
    2020,
    [
        Move("ask", 0, buy("AAA", 50)),
        Move("fill"),
        Move("ask", 0, order_for(leg("C100", 1), *[leg("AAA", -50)] * 6)),
    ],
)
# The sale of both long puts that cover one short.
@example(
    100,
    [
        Move("ask", 0, order_for(leg("P100", -1), leg("P95", 2))),
        Move("fill"),
        *[Move("ask", 0, sell("P95", 1))] * 2,
    ],
)
# A wing that is free to go while another short binds more, which then goes first.
@example(
    320,
    [
        Move("ask", 0, order_for(leg("P95", -1), leg("P90", 1), leg("C100", -1))),
        Move("fill"),
        Move("ask", 0, sell("P90", 1)),
        Move("ask", 0, buy("C100", 1)),
        Move("fill", 1),
        Move("ask", 0, buy("AAA", 5)),
        Move("ask", 0, buy("AAA", 1)),
    ],
)
def test_whichever_orders_fill_equity_covers_the_margin(capital: int, run: list[Move]) -> None:
    book = Run(capital)
    for move in run:
        book.take(move)
        book.check()


@given(st.integers(200, 6000), st.lists(moves, max_size=9))
def test_refusal_and_approval_change_only_what_they_say(capital: int, run: list[Move]) -> None:
    book = Run(capital)
    for move in run:
        before = book.desk.picture()
        free = book.desk.manager.free_capital()
        verdict = book.ask(move.command) if move.kind == "ask" else None
        if isinstance(verdict, RefusedCommand):
            assert book.desk.picture() == before
        elif isinstance(verdict, ApprovedCommand):
            after = book.desk.picture()
            assert (after["books"], after["marks"]) == (before["books"], before["marks"])
            assert book.desk.manager.free_capital() == free - verdict.reservation
            assert verdict.reservation >= 0
            assert book.desk.manager.free_capital() >= 0
        else:
            book.take(move)


@given(st.integers(200, 6000), st.lists(moves, max_size=9))
def test_reservations_are_those_of_the_orders_that_work(capital: int, run: list[Move]) -> None:
    book = Run(capital)
    for move in run:
        book.take(move)
        expected = sum((book.approved[name].reservation for name in book.working), Decimal(0))
        assert book.desk.manager.reserved("alpha") == expected
    for name in list(book.working):
        order = book.working[name]
        book.desk.end(book.approved[name])
        book.desk.track(order, OrderStatus.CANCELED)  # a second word releases nothing more
    assert book.desk.manager.reserved("alpha") == 0


prices_after = st.fixed_dictionaries(
    {"AAA": st.integers(1, 400), "FUT": st.integers(50, 150), "IDX": st.integers(60, 140)}
)


@given(st.integers(200, 6000), st.lists(moves, max_size=9), prices_after)
def test_way_out_is_never_blocked_by_the_budget(
    capital: int, run: list[Move], prices: dict[str, int]
) -> None:
    book = Run(capital)
    for move in run:
        book.take(move)
    for name in list(book.working):
        book.desk.end(book.approved[name])
    book.desk.mark(**prices)
    positions = list(book.desk.manager.books["alpha"].positions.values())
    if not positions:
        return
    everything = order_for(*[leg(one.instrument_id, -one.quantity) for one in positions])
    for reduce_only in (False, True):
        command = order_for(*everything.legs, reduce_only=reduce_only)
        verdict = book.ask(command)
        assert isinstance(verdict, ApprovedCommand), verdict
        assert (verdict.is_reducing, verdict.reservation == 0) == (True, True)
        book.desk.end(verdict)
    for one in positions:
        if one.instrument_id in LINEAR:
            verdict = book.ask(order_for(leg(one.instrument_id, -one.quantity)))
            assert isinstance(verdict, ApprovedCommand), verdict
            assert verdict.is_reducing


@given(st.integers(200, 6000), st.lists(moves, max_size=9), prices_after)
def test_approval_needs_budget_or_does_not_raise_the_margin(
    capital: int, run: list[Move], prices: dict[str, int]
) -> None:
    """After prices moved the book may be short of equity: only what relieves it may pass."""
    book = Run(capital)
    for move in run:
        book.take(move)
    for name in list(book.working):
        book.desk.end(book.approved[name])
    book.desk.mark(**prices)
    equity, marks = book.equity(), book.desk.manager.marks
    for move in run:
        if move.kind != "ask":
            continue
        verdict = book.ask(move.command)
        if not isinstance(verdict, ApprovedCommand):
            continue
        (_, before), (_, after) = book.outcomes()
        if verdict.is_reducing:
            assert searched(after, marks) <= searched(before, marks)
            assert is_exit(move.command, book.desk.manager.books["alpha"], {})
        else:
            assert searched(after, marks) <= equity
        book.desk.end(verdict)


def test_examples_are_about_something() -> None:
    """The runs above would prove little if nearly everything were refused."""
    assert CATALOG.get("P95F") is not None
    run = Run(3000)
    verdicts = [
        run.ask(command)
        for command in (
            buy("AAA", 50),
            order_for(leg("P95", -1), leg("P90", 1)),
            sell("C105", 2),
            buy("FUT", 1),
        )
    ]
    kinds = [type(verdict) for verdict in verdicts]
    assert kinds == [ApprovedCommand, ApprovedCommand, ApprovedCommand, RefusedCommand]
