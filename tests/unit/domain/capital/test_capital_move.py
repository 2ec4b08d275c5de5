"""Moving capital: what is free goes, in proportion, and the books take it."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.capital.book_capital import BookCapital
from orchestrion.domain.capital.capital_move import (
    CapitalMove,
    apply_transfers,
    as_moves,
    payable_now,
    remaining_moves,
)
from orchestrion.domain.models.portfolio import RESERVE, Book

CENT = Decimal("0.01")


def _amounts(**amounts: str) -> dict[str, Decimal]:
    return {one: Decimal(amount) for one, amount in amounts.items()}


def _books(**free: str) -> list[BookCapital]:
    return [BookCapital(one, Decimal(1000), Decimal(amount)) for one, amount in free.items()]


@pytest.mark.parametrize(
    ("wants", "free", "paid"),
    [
        pytest.param(
            {"a": "-100", "b": "100"}, {"a": "100", "b": "0"}, {"a": "-100", "b": "100"}, id="all"
        ),
        pytest.param(
            {"a": "-100", "b": "100"}, {"a": "40.005"}, {"a": "-40", "b": "40"}, id="what-is-free"
        ),
        pytest.param(
            {"a": "-100", "b": "100"}, {"a": "-5"}, {"a": "0", "b": "0"}, id="overdrawn-gives-none"
        ),
        pytest.param(
            {"a": "-100", "b": "100"}, {}, {"a": "0", "b": "0"}, id="who-is-not-there-gives-none"
        ),
        pytest.param(
            {"a": "-9", "b": "6", "c": "3"},
            {"a": "4.01"},
            {"a": "-4.01", "b": "2.67", "c": "1.34"},
            id="in-proportion",
        ),
    ],
)
def test_what_can_be_paid_now(
    wants: dict[str, str], free: dict[str, str], paid: dict[str, str]
) -> None:
    assert payable_now(_amounts(**wants), _books(**free), minimum=CENT) == _amounts(**paid)


def test_part_payment_below_the_minimum_waits_but_the_last_part_does_not() -> None:
    wants = _amounts(a="-100", b="100")
    minimum = Decimal(50)
    assert payable_now(wants, _books(a="49.99"), minimum=minimum)["a"] == 0
    assert payable_now(wants, _books(a="50"), minimum=minimum)["a"] == -50
    last = _amounts(a="-3", b="3")
    assert payable_now(last, _books(a="9"), minimum=minimum)["a"] == -3


def test_remaining_moves_leave_out_what_is_done() -> None:
    moves = as_moves(_amounts(a="-5", b="0", c="5"))
    assert moves == (CapitalMove("a", Decimal(-5)), CapitalMove("c", Decimal(5)))
    done = as_moves(_amounts(a="-5", c="2"))
    assert remaining_moves(moves, done) == (CapitalMove("c", Decimal(3)),)


def test_transfer_changes_cash_and_nothing_else() -> None:
    books = {"a": Book("a", Decimal(10), fees=Decimal(1)), RESERVE: Book(RESERVE, Decimal(0))}
    moves = as_moves({"a": Decimal(-4), RESERVE: Decimal(4)})
    assert apply_transfers(books, moves) == (
        Book("a", Decimal(6), fees=Decimal(1)),
        Book(RESERVE, Decimal(4)),
    )
