"""``AccountExposure``: what the account as a whole is worth and binds, without visiting every book.

An order is judged with the account's equity and margin. Added up book by book that would cost the
more the more strategies there are, so sums are kept per instrument instead and follow each change
of a book:

- equity = the money of all books + net quantity x price x multiplier of everything held;
- what uncoupled instruments bind = the margin of all long quantities together, plus that of all
  short ones. Long and short are kept apart, so a long position in one book never lowers what the
  short one of another binds: no netting between strategies is lent out.

Coupled instruments (options, see ``MarginModel.is_coupled``) bind what the rest of their own book
makes of them; books that hold such are listed and asked one by one. All sums are exact, so they
equal the sums over the books to the last digit (tests/property/test_account_exposure.py).

Size: a change costs the positions of the changed books, a figure costs the instruments held.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any, ClassVar

from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.margin.requirement import MarginModel
from orchestrion.domain.models.instrument import Future, InstrumentCatalog
from orchestrion.domain.models.money import ZERO, add, multiply, negate, subtract
from orchestrion.domain.models.portfolio import Book, Marks, Position


class AccountExposure:
    """Sums over all books. Single writer: ``AccountBooks``."""

    __slots__ = ("_catalog", "_coupled", "_is_coupled", "_long", "_model", "_money", "_short")

    # Sums of the books, and yet state: the digits of a sum, and the order in which instruments are
    # asked for their price, come from how it was added up.
    STATE: ClassVar[Mapping[str, Any]] = {
        "_money": Decimal,
        "_long": dict[str, Decimal],
        "_short": dict[str, Decimal],
        "_coupled": dict[str, int],
    }

    def __init__(
        self, books: Iterable[Book], catalog: InstrumentCatalog, model: MarginModel
    ) -> None:
        self._catalog = catalog
        self._model = model
        self._money = ZERO
        self._long: dict[str, Decimal] = {}
        self._short: dict[str, Decimal] = {}
        self._coupled: dict[str, int] = {}
        self._is_coupled: dict[str, bool] = {}
        for book in books:
            self._money = add(self._money, _money_of(book, catalog))
            for position in book.positions.values():
                self._count(book.book_id, position, 1)

    def replace(self, before: Book, after: Book) -> None:
        """Follows one book's change."""
        self._money = add(
            self._money,
            subtract(_money_of(after, self._catalog), _money_of(before, self._catalog)),
        )
        if after.positions is before.positions:
            return
        for key, position in before.positions.items():
            if after.positions.get(key) is not position:
                self._count(before.book_id, position, -1)
        for key, position in after.positions.items():
            if before.positions.get(key) is not position:
                self._count(after.book_id, position, 1)

    def is_coupled(self, instrument_id: str) -> bool:
        """Whether what it binds depends on what else its book holds."""
        found = self._is_coupled.get(instrument_id)
        if found is None:
            found = self._model.is_coupled(self._catalog.tradable(instrument_id))
            self._is_coupled[instrument_id] = found
        return found

    @property
    def coupled_books(self) -> Iterable[str]:
        """Ids of the books whose margin has to be asked for one by one."""
        return self._coupled

    def equity(self, marks: Marks) -> Decimal:
        """Equity of all books at the marks.

        Raises:
            InvariantBrokenError: something is held that has no mark; a fill always brings one.
        """
        total = self._money
        for quantities in (self._long, self._short):
            for instrument_id, quantity in quantities.items():
                price = marks.price(instrument_id)
                if price is None:
                    raise InvariantBrokenError(f"the books hold {instrument_id} without a mark")
                value = multiply(multiply(quantity, price), self._multiplier(instrument_id))
                total = add(total, value)
        return total

    def uncoupled_margin(self, marks: Marks, *, now: int) -> Decimal:
        """Initial margin of everything uncoupled, sides apart.

        Raises:
            UnpricedError: an instrument has no mark.
        """
        return add(
            self._side_margin(self._long, marks, now), self._side_margin(self._short, marks, now)
        )

    def _side_margin(self, side: Mapping[str, Decimal], marks: Marks, now: int) -> Decimal:
        held = side
        if self._coupled:
            held = {key: quantity for key, quantity in side.items() if not self.is_coupled(key)}
        if not held:
            return ZERO
        return self._model.margin_of(held, self._catalog, marks, now=now).initial

    def _count(self, book_id: str, position: Position, sign: int) -> None:
        """Adds a position to the sums, or takes it out of them."""
        key, quantity = position.instrument_id, position.quantity
        side = self._long if quantity > 0 else self._short
        total = add(side.get(key, ZERO), quantity if sign > 0 else negate(quantity))
        if total:
            side[key] = total
        else:
            del side[key]
        if self.is_coupled(key):
            count = self._coupled.get(book_id, 0) + sign
            if count:
                self._coupled[book_id] = count
            else:
                del self._coupled[book_id]

    def _multiplier(self, instrument_id: str) -> Decimal:
        return self._catalog.tradable(instrument_id).multiplier


def _money_of(book: Book, catalog: InstrumentCatalog) -> Decimal:
    """What a book is worth besides quantity x price x multiplier: cash, gains that wait for
    settlement, less what its futures cost (they are not paid for)."""
    money = book.cash
    for gain in book.unsettled.values():
        money = add(money, gain)
    for key, position in book.positions.items():
        if isinstance(catalog.get(key), Future):
            money = subtract(money, position.cost)
    return money
