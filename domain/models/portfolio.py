"""Positions and books: who owns what, exactly.

A ``Book`` is one owner's double-entry account: every fill moves cash against a position. A book is
a value: the functions below derive the next one and never change the old, so that whoever holds a
book holds a consistent snapshot. The sum of all books must equal the account ledger, which is kept
by separate code (``orchestration.account_ledger``) on purpose.

Accounting: shares and options move cash by their full price. A future moves no cash when it is
traded, as on an exchange: its cost is remembered, what a closed part gained waits in ``unsettled``,
and both become cash at the daily settlement. So every figure is linear in the fills, and the books'
cash sums to the account's even when two books hold opposite sides of one instrument; only realised
P&L is per level. Equity = cash + unsettled + Σ market value, where a future's market value is what
it gained since its cost. Realised P&L is by average cost; the rounding of an average stays in the
open position, so realised plus unrealised is always exact.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from types import MappingProxyType
from typing import Any, ClassVar, TypeVar

import msgspec

from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.instrument import Future, InstrumentCatalog, Tradable
from orchestrion.domain.models.market import Bar, MarketSlice, OptionChain, QuoteTick, TradeTick
from orchestrion.domain.models.money import (
    ZERO,
    add,
    divide,
    from_e9,
    multiply,
    subtract,
    to_e9,
)

_T = TypeVar("_T")

RESERVE = "RESERVE"
"""The book of the capital that no strategy was given."""
EXTERNAL = "EXTERNAL"
"""The book of manual trades and whatever cannot be attributed."""
RESERVED_BOOK_IDS = frozenset({RESERVE, EXTERNAL})

AVERAGE_STEP = Decimal("0.000000001")
"""Average costs are rounded to a billionth when a part of a position is closed."""


class Position(msgspec.Struct, frozen=True, gc=False):
    """A holding of one instrument in one book.

    ``quantity`` is signed (negative is short). ``cost`` is the signed money that the open
    quantity cost: quantity x average price x multiplier, exact.
    """

    instrument_id: str
    quantity: Decimal
    cost: Decimal

    def avg_px_open(self, multiplier: Decimal) -> Decimal:
        """Average opening price per unit, rounded to a billionth, for display."""
        units = multiply(self.quantity, multiplier)
        return divide(self.cost, units, step=AVERAGE_STEP, rounding=ROUND_HALF_EVEN)


class Book(msgspec.Struct, frozen=True):
    """One owner's cash and positions. Amounts in the account currency.

    Attributes:
        cash: may be negative after short settlement; limits prevent it from being spent.
        positions: instrument id -> open position, in the order of opening; never a zero quantity.
        realized_pnl: gains and losses of closed quantities and settlements, before fees.
        fees: commissions paid, >= 0 unless rebates exceed them; already taken out of ``cash``.
        unsettled: future id -> gain of closed quantity that the next settlement will pay.
    """

    book_id: str
    cash: Decimal
    positions: Mapping[str, Position] = MappingProxyType({})
    realized_pnl: Decimal = ZERO
    fees: Decimal = ZERO
    unsettled: Mapping[str, Decimal] = MappingProxyType({})

    def quantity(self, instrument_id: str) -> Decimal:
        """Signed quantity, zero when nothing is held."""
        position = self.positions.get(instrument_id)
        return position.quantity if position is not None else ZERO


class Marks:
    """The last known price of every instrument, in billionths.

    One writer (the capital manager), read by everybody between writes: a table and not a copied
    value, because it changes with every market event.
    """

    __slots__ = ("_prices_e9",)

    STATE: ClassVar[Mapping[str, Any]] = {"_prices_e9": dict[str, int]}

    def __init__(self) -> None:
        self._prices_e9: dict[str, int] = {}

    def update(self, market_slice: MarketSlice) -> None:
        """Takes the prices of a slice: a bar's close, the mid of a quote, the last trade.

        A chain also says its underlying's price, which counts when the slice has no data of the
        underlying's own.
        """
        prices_e9 = self._prices_e9
        for item in market_slice.items:
            if type(item) is Bar:
                prices_e9[item.instrument_id] = item.close_e9
            elif isinstance(item, OptionChain):
                for quote in item.quotes:
                    prices_e9[quote.instrument_id] = _mid_e9(quote.bid_e9, quote.ask_e9)
                if not _has_own_data(item.instrument_id, market_slice):
                    prices_e9[item.instrument_id] = item.underlying_price_e9
            else:
                prices_e9[item.instrument_id] = _price_e9(item)

    def start_at(self, instrument_id: str, price: Decimal) -> None:
        """A fill's price stands in for an instrument that no data has priced yet."""
        if instrument_id not in self._prices_e9:
            self._prices_e9[instrument_id] = to_e9(price)

    def price_e9(self, instrument_id: str) -> int | None:
        return self._prices_e9.get(instrument_id)

    def price(self, instrument_id: str) -> Decimal | None:
        """Price per unit, or None when nothing was seen yet."""
        value_e9 = self._prices_e9.get(instrument_id)
        return None if value_e9 is None else from_e9(value_e9)

    def items(self) -> Iterator[tuple[str, int]]:
        """(instrument id, price in billionths) in order of first sight."""
        return iter(self._prices_e9.items())


def _price_e9(item: Bar | QuoteTick | TradeTick) -> int:
    if isinstance(item, QuoteTick):
        return _mid_e9(item.bid_e9, item.ask_e9)
    return item.close_e9 if isinstance(item, Bar) else item.price_e9


def _mid_e9(bid_e9: int, ask_e9: int) -> int:
    """Half a billionth is rounded down; it cannot appear with ticks of two billionths and more."""
    return (bid_e9 + ask_e9) // 2


def _has_own_data(instrument_id: str, market_slice: MarketSlice) -> bool:
    return any(
        item.instrument_id == instrument_id and not isinstance(item, OptionChain)
        for item in market_slice.items
    )


def trade(
    book: Book,
    instrument: Tradable,
    *,
    signed_quantity: Decimal,
    price: Decimal,
    fee: Decimal = ZERO,
) -> Book:
    """The book after buying (positive) or selling (negative) a quantity at a price.

    Args:
        signed_quantity: not zero.
        price: per unit, account currency.
        fee: taken out of cash.
    """
    instrument_id = instrument.instrument_id
    position = book.positions.get(instrument_id)
    held, held_cost = (ZERO, ZERO) if position is None else (position.quantity, position.cost)
    amount = multiply(multiply(signed_quantity, price), instrument.multiplier)

    if held and (held > 0) != (signed_quantity > 0):
        quantity, cost, realized = _reduce(held, held_cost, signed_quantity, amount)
    else:
        quantity, cost, realized = add(held, signed_quantity), add(held_cost, amount), ZERO

    cash, unsettled = book.cash, book.unsettled
    if isinstance(instrument, Future):
        if realized:
            unsettled = _with_unsettled(unsettled, instrument_id, realized)
    else:
        cash = subtract(cash, amount)
    return Book(
        book.book_id,
        subtract(cash, fee),
        _with_position(book.positions, instrument_id, quantity, cost),
        add(book.realized_pnl, realized),
        add(book.fees, fee),
        unsettled,
    )


def _reduce(
    held: Decimal, held_cost: Decimal, signed_quantity: Decimal, amount: Decimal
) -> tuple[Decimal, Decimal, Decimal]:
    """(quantity, cost, realised) after a trade against the held side, also through zero."""
    quantity = add(held, signed_quantity)
    if not quantity:
        return ZERO, ZERO, add(held_cost, amount).copy_negate()
    if (quantity > 0) == (held > 0):
        released = divide(
            multiply(held_cost, signed_quantity), held, step=AVERAGE_STEP, rounding=ROUND_HALF_EVEN
        )
        # ``released`` has the sign of the trade: minus the cost of what was closed.
        return quantity, add(held_cost, released), subtract(released, amount)
    closing_amount = divide(
        multiply(amount, held), signed_quantity, step=AVERAGE_STEP, rounding=ROUND_HALF_EVEN
    ).copy_negate()
    return quantity, subtract(amount, closing_amount), add(held_cost, closing_amount).copy_negate()


def settle_future(book: Book, instrument: Future, settlement_price: Decimal) -> Book:
    """Daily settlement: what the future gained, open and closed, becomes cash."""
    instrument_id = instrument.instrument_id
    position = book.positions.get(instrument_id)
    pending = book.unsettled.get(instrument_id, ZERO)
    if position is None and not pending:
        return book
    positions, variation = book.positions, ZERO
    if position is not None:
        value = multiply(multiply(position.quantity, settlement_price), instrument.multiplier)
        variation = subtract(value, position.cost)
        positions = _with_position(positions, instrument_id, position.quantity, value)
    return msgspec.structs.replace(
        book,
        cash=add(add(book.cash, variation), pending),
        positions=positions,
        realized_pnl=add(book.realized_pnl, variation),
        unsettled=MappingProxyType(
            {key: gain for key, gain in book.unsettled.items() if key != instrument_id}
        ),
    )


def expire(book: Book, instrument: Tradable, settlement_price: Decimal) -> Book:
    """The book after an instrument ended: closed at the settlement price and paid out."""
    position = book.positions.get(instrument.instrument_id)
    if position is not None:
        book = trade(
            book,
            instrument,
            signed_quantity=position.quantity.copy_negate(),
            price=settlement_price,
        )
    if isinstance(instrument, Future):
        return settle_future(book, instrument, settlement_price)
    return book


def transfer_cash(book: Book, amount: Decimal) -> Book:
    """The book after a capital movement that is not a gain (positive comes in)."""
    return msgspec.structs.replace(book, cash=add(book.cash, amount))


def market_value(position: Position, instrument: Tradable, price: Decimal) -> Decimal:
    """What a position adds to equity: its value, or a future's gain since its cost."""
    value = multiply(multiply(position.quantity, price), instrument.multiplier)
    return subtract(value, position.cost) if isinstance(instrument, Future) else value


def equity(book: Book, catalog: InstrumentCatalog, marks: Marks) -> Decimal:
    """Cash, unsettled gains and the market value of every position at the marks.

    Raises:
        InvariantBrokenError: a position has no mark; a fill always brings one.
    """
    total = book.cash
    for gain in book.unsettled.values():
        total = add(total, gain)
    for position in book.positions.values():
        price = marks.price(position.instrument_id)
        if price is None:
            raise InvariantBrokenError(
                f"{book.book_id} holds {position.instrument_id} without a mark"
            )
        total = add(total, market_value(position, catalog.tradable(position.instrument_id), price))
    return total


def _with_position(
    positions: Mapping[str, Position], instrument_id: str, quantity: Decimal, cost: Decimal
) -> Mapping[str, Position]:
    changed = _copied(positions)
    if quantity:
        changed[instrument_id] = Position(instrument_id, quantity, cost)
    else:
        del changed[instrument_id]
    return MappingProxyType(changed)


def _with_unsettled(
    unsettled: Mapping[str, Decimal], instrument_id: str, gain: Decimal
) -> Mapping[str, Decimal]:
    changed = _copied(unsettled)
    changed[instrument_id] = add(changed.get(instrument_id, ZERO), gain)
    return MappingProxyType(changed)


def _copied(table: Mapping[str, _T]) -> dict[str, _T]:
    """A view's own copy is many times quicker than ``dict`` of it."""
    return table.copy() if isinstance(table, MappingProxyType) else dict(table)


def sealed(book: Book) -> Book:
    """A book whose tables nobody can change, as books are; for one that was read from a file."""
    return msgspec.structs.replace(
        book,
        positions=MappingProxyType(dict(book.positions)),
        unsettled=MappingProxyType(dict(book.unsettled)),
    )


class NetPosition(msgspec.Struct, frozen=True, gc=False):
    """What the venue shows: one net quantity per instrument, owners unknown to it."""

    instrument_id: str
    quantity: Decimal


class PortfolioState(msgspec.Struct, frozen=True):
    """The account as the environment reports it. ``positions`` sorted by instrument id."""

    ts_event: int
    cash: Decimal
    positions: tuple[NetPosition, ...] = ()
