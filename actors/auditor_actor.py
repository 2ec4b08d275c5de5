"""``AuditorActor``: compares what the books say with what the account ledger says.

Both learn the same facts on different ways: the ledger from the venue's reports as they are, the
books after attribution. Every change is compared at once for cash, fees and the quantity that
moved; every session's close in full, with equity at common marks. A difference of any size stops
the run with both ledgers as evidence: going on would trade on wrong books.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

import msgspec

from orchestrion.actors.messages import (
    AccountMoved,
    BooksClosed,
    BooksMoved,
    FlowBooked,
    HoldingsChanged,
)
from orchestrion.domain.capital.corporate_action import SplitReport, SymbolChangedReport
from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.instrument import Future, InstrumentCatalog
from orchestrion.domain.models.money import ZERO, add, subtract
from orchestrion.domain.models.portfolio import Book, Marks
from orchestrion.domain.models.report import (
    ExternalFillReport,
    FutureSettledReport,
    OrderFilledReport,
)
from orchestrion.domain.orchestration.account_ledger import (
    AccountLedger,
    AccountTotals,
    held_in_book,
    total_of_books,
)
from orchestrion.runtime.errors import ActorError


class AuditorActor:
    """Keeps the account ledger and the running totals of the books.

    Attributes:
        checks: comparisons made so far.
    """

    STATE: ClassVar[Mapping[str, Any]] = {
        "checks": int,
        "_cash": Decimal,
        "_fees": Decimal,
        "_quantities": dict[str, Decimal],
        "_future_costs": dict[str, Decimal],
    }
    PARTS: ClassVar[tuple[str, ...]] = ("ledger",)

    def __init__(
        self,
        ledger: AccountLedger,
        books: Iterable[Book],
        catalog: InstrumentCatalog,
        marks: Marks,
    ) -> None:
        self.checks = 0
        self.ledger = ledger
        self._catalog = catalog
        self._marks = marks
        totals = total_of_books(books, catalog)
        self._cash, self._fees = totals.cash, totals.fees
        self._quantities = dict(totals.quantities)
        self._future_costs = dict(totals.future_costs)

    def receive(self, message: object) -> None:
        match message:
            case AccountMoved():
                self._move_account(message)
            case BooksMoved():
                self._move_books(message)
            case FlowBooked():
                self.ledger.move_cash(message.flow)
            case HoldingsChanged():
                self._restate(message)
            case BooksClosed():
                self._check_in_full(message)
            case _:
                raise ActorError(f"the auditor cannot be told a {type(message).__name__}")

    def _move_account(self, message: AccountMoved) -> None:
        report = message.report
        if isinstance(report, (OrderFilledReport, ExternalFillReport)):
            self.ledger.apply_fill(report)
        elif isinstance(report, FutureSettledReport):
            self.ledger.settle(report)
        else:
            self.ledger.expire(report)

    def _move_books(self, message: BooksMoved) -> None:
        """Moves the running totals by what changed, so that a check costs the same however many
        books there are."""
        instrument_id = message.instrument_id
        quantity = self._quantities.get(instrument_id, ZERO)
        future_cost = self._future_costs.get(instrument_id, ZERO)
        is_future = isinstance(self._catalog.get(instrument_id), Future)
        for before, after in message.changes:
            self._cash = add(self._cash, subtract(after.cash, before.cash))
            self._fees = add(self._fees, subtract(after.fees, before.fees))
            had, had_cost = held_in_book(before, instrument_id, is_future=is_future)
            held, held_cost = held_in_book(after, instrument_id, is_future=is_future)
            quantity = add(quantity, subtract(held, had))
            if held_cost or had_cost:
                future_cost = add(future_cost, subtract(held_cost, had_cost))
        _keep(self._quantities, instrument_id, quantity)
        _keep(self._future_costs, instrument_id, future_cost)
        self._compare(self._totals(), instrument_id=instrument_id)

    def _restate(self, message: HoldingsChanged) -> None:
        """A corporate action touches every holder at once, so everything is summed anew."""
        report = message.report
        if isinstance(report, SplitReport):
            self.ledger.split(report)
        elif isinstance(report, SymbolChangedReport):
            self.ledger.rename(report)
        self.take_catalog(message.catalog)
        totals = total_of_books(message.books, self._catalog)
        self._cash, self._fees = totals.cash, totals.fees
        self._quantities = {key: held for key, held in totals.quantities.items() if held}
        self._future_costs = {key: cost for key, cost in totals.future_costs.items() if cost}
        self._compare(totals)

    def take_catalog(self, catalog: InstrumentCatalog) -> None:
        """What instruments are from now on; also after a restart."""
        self.ledger.replace_catalog(catalog)
        self._catalog = catalog

    def _check_in_full(self, message: BooksClosed) -> None:
        """Sums everything anew, from the books as they are."""
        equity = ZERO
        for one in message.equities:
            equity = add(equity, one)
        totals = total_of_books(message.books, self._catalog)
        self._compare(msgspec.structs.replace(totals, equity=equity), marks=self._marks)

    def _totals(self) -> AccountTotals:
        return AccountTotals(self._cash, self._fees, self._quantities, self._future_costs)

    def _compare(
        self, totals: AccountTotals, *, marks: Marks | None = None, instrument_id: str | None = None
    ) -> None:
        self.checks += 1
        found = self.ledger.differences(totals, marks=marks, instrument_id=instrument_id)
        if not found:
            return
        account = AccountTotals(
            self.ledger.cash,
            self.ledger.fees,
            self.ledger.quantities,
            {key: self.ledger.future_cost(key) for key in totals.future_costs},
            None if marks is None else self.ledger.equity(marks),
        )
        raise InvariantBrokenError(
            "; ".join(
                f"{one.figure}: the books sum to {one.given}, the account ledger says {one.ledger} "
                f"(difference {subtract(one.given, one.ledger)})"
                for one in found
            ),
            evidence={"books": totals, "account": account},
        )


def _keep(totals: dict[str, Decimal], key: str, value: Decimal) -> None:
    """Zeros are left out, so that the tables stay as small as what is held."""
    if value:
        totals[key] = value
    else:
        totals.pop(key, None)
