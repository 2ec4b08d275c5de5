"""``AuditorActor``: compares what the books say with what the account ledger says.

Both learn the same facts on different ways: the ledger from the venue's reports as they are, the
books after attribution. Every change is compared at once for cash, fees and the quantity that
moved; every session's close in full, with equity at common marks. A difference of any size stops
the run with both ledgers as evidence: going on would trade on wrong books.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from orchestrion.actors.messages import AccountMoved, BooksClosed, BooksMoved
from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.money import ZERO, add, subtract
from orchestrion.domain.models.portfolio import Book, Marks
from orchestrion.domain.models.report import FutureSettledReport, InstrumentExpiredReport
from orchestrion.domain.orchestration.account_ledger import AccountLedger
from orchestrion.runtime.errors import ActorError


class AuditorActor:
    """Keeps the account ledger and the running totals of the books.

    Attributes:
        checks: comparisons made so far.
    """

    def __init__(self, ledger: AccountLedger, books: Iterable[Book], marks: Marks) -> None:
        self.checks = 0
        self.ledger = ledger
        self._marks = marks
        self._cash, self._fees, self._quantities = _totals(books)

    def receive(self, message: object) -> None:
        match message:
            case AccountMoved():
                self._move_account(message)
            case BooksMoved():
                self._move_books(message)
            case BooksClosed():
                self._check_in_full(message)
            case _:
                raise ActorError(f"the auditor cannot be told a {type(message).__name__}")

    def _move_account(self, message: AccountMoved) -> None:
        report = message.report
        if isinstance(report, FutureSettledReport):
            self.ledger.settle(report)
        elif isinstance(report, InstrumentExpiredReport):
            self.ledger.expire(report)
        else:
            self.ledger.apply_fill(report)

    def _move_books(self, message: BooksMoved) -> None:
        instrument_id = message.instrument_id
        moved = ZERO
        for before, after in message.changes:
            self._cash = add(self._cash, subtract(after.cash, before.cash))
            self._fees = add(self._fees, subtract(after.fees, before.fees))
            moved = add(
                moved, subtract(after.quantity(instrument_id), before.quantity(instrument_id))
            )
        quantity = add(self._quantities.get(instrument_id, ZERO), moved)
        if quantity:
            self._quantities[instrument_id] = quantity
        else:
            self._quantities.pop(instrument_id, None)
        self.checks += 1
        self._compare("cash", self._cash, self.ledger.cash)
        self._compare("fees", self._fees, self.ledger.fees)
        self._compare(f"quantity of {instrument_id}", quantity, self.ledger.quantity(instrument_id))

    def _check_in_full(self, message: BooksClosed) -> None:
        cash, fees, quantities = _totals(message.books)
        equity = ZERO
        for one in message.equities:
            equity = add(equity, one)
        self.checks += 1
        self._compare("cash", cash, self.ledger.cash)
        self._compare("fees", fees, self.ledger.fees)
        for instrument_id in dict.fromkeys((*quantities, *self.ledger.quantities)):
            self._compare(
                f"quantity of {instrument_id}",
                quantities.get(instrument_id, ZERO),
                self.ledger.quantity(instrument_id),
            )
        self._compare("equity", equity, self.ledger.equity(self._marks))

    def _compare(self, what: str, books: Decimal, account: Decimal) -> None:
        if books == account:
            return
        raise InvariantBrokenError(
            f"{what}: the books sum to {books}, the account ledger says {account} "
            f"(difference {subtract(books, account)})",
            evidence={
                "what": what,
                "books": {"cash": self._cash, "fees": self._fees, "quantities": self._quantities},
                "account": {
                    "cash": self.ledger.cash,
                    "fees": self.ledger.fees,
                    "quantities": self.ledger.quantities,
                },
            },
        )


def _totals(books: Iterable[Book]) -> tuple[Decimal, Decimal, dict[str, Decimal]]:
    cash = fees = ZERO
    quantities: dict[str, Decimal] = {}
    for book in books:
        cash, fees = add(cash, book.cash), add(fees, book.fees)
        for position in book.positions.values():
            instrument_id = position.instrument_id
            quantities[instrument_id] = add(quantities.get(instrument_id, ZERO), position.quantity)
    return cash, fees, {key: quantity for key, quantity in quantities.items() if quantity}
