"""Splits, lot-size and symbol changes: what happens to holdings when nobody trades.

The venue applies an action to the account's net position; the books must sum to that, to the last
digit. So the account's result is computed first, and divided exactly:

- A split multiplies a quantity. The account keeps whole ``quantity_step``s, rounded towards zero,
  and is paid for the fraction at a stated price, to the cent. The books get whole steps too, by
  largest remainder; a book that was rounded down sells its fraction at that price, one that was
  rounded up buys it. What they pay and receive sums to what the account was paid.
- A lot-size change moves nothing; holdings that are no multiple of the new lot are named.
- A symbol change renames holdings, and the instrument with everything that is derived from it.

Working orders of the instrument, and marks, are the caller's business: cancel the orders before,
set the mark to ``price_after_split`` with it. Futures settle and options expire elsewhere
(``models.portfolio``). Size: one pass over the books.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from types import MappingProxyType
from typing import TypeAlias

import msgspec

from orchestrion.domain.capital.rounded_share import round_to_total
from orchestrion.domain.errors import DomainError
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    Instrument,
    InstrumentCatalog,
    OptionContract,
)
from orchestrion.domain.models.money import (
    BILLIONTH,
    CENT,
    ONE,
    ZERO,
    add,
    divide,
    is_amount,
    is_multiple,
    multiply,
    subtract,
)
from orchestrion.domain.models.portfolio import AVERAGE_STEP, Book, Position


class CorporateActionError(DomainError, ValueError):
    """An action that cannot be applied to what it names; nothing has changed."""


class SplitReport(msgspec.Struct, frozen=True, kw_only=True, tag="SplitReport"):
    """``denominator`` old shares become ``numerator`` new ones: 2 and 1 for a two-for-one, 1 and 10
    for a reverse split of ten.

    Attributes:
        cash_price: paid per new share for fractions, account currency.
        quantity_step: what can be held; 1, or less where fractional shares exist.
    """

    instrument_id: str
    numerator: int
    denominator: int
    cash_price: Decimal
    ts_event: int
    quantity_step: Decimal = ONE


class LotSizeChangedReport(msgspec.Struct, frozen=True, kw_only=True, tag="LotSizeChangedReport"):
    """From now on the instrument trades in multiples of ``lot_size``."""

    instrument_id: str
    lot_size: Decimal
    ts_event: int


class SymbolChangedReport(msgspec.Struct, frozen=True, kw_only=True, tag="SymbolChangedReport"):
    """The instrument has a new id; nothing else about it changes."""

    instrument_id: str
    new_instrument_id: str
    ts_event: int


CorporateActionReport: TypeAlias = SplitReport | LotSizeChangedReport | SymbolChangedReport


class SplitApplied(msgspec.Struct, frozen=True):
    """What a split did.

    Attributes:
        books: those that changed, in the given order.
        cash_in_lieu: book id -> what it was paid for its fraction (negative: it paid). Sums to
            ``account_cash``.
        account_quantity, account_cash: what the account as a whole holds and was paid.
    """

    books: tuple[Book, ...]
    cash_in_lieu: Mapping[str, Decimal]
    account_quantity: Decimal
    account_cash: Decimal


class OddLot(msgspec.Struct, frozen=True):
    """A holding that is no multiple of its lot. ``odd_quantity``: what is above whole lots."""

    book_id: str
    quantity: Decimal
    odd_quantity: Decimal


class LotSizeApplied(msgspec.Struct, frozen=True):
    """What a lot-size change did: another catalogue, and holdings that no longer fit."""

    catalog: InstrumentCatalog
    odd_lots: tuple[OddLot, ...]


class SymbolApplied(msgspec.Struct, frozen=True):
    """What a symbol change did. ``books``: those that changed, in the given order."""

    catalog: InstrumentCatalog
    books: tuple[Book, ...]


# -- splits ----------------------------------------------------------------------------------------


def apply_split(
    report: SplitReport, books: Mapping[str, Book], catalog: InstrumentCatalog
) -> SplitApplied:
    """Splits a holding in every book.

    Args:
        books: all books, strategies in rank order, then RESERVE and EXTERNAL.

    Raises:
        UnknownInstrumentError: nobody can hold it.
        CorporateActionError: it is no share, a figure of the report cannot be used, or a book holds
            options or futures on it: their contracts change too, by rules of the exchange.
    """
    share = _share_of(report, catalog)
    _check_derivatives(share, books, catalog)
    holders = [book for book in books.values() if book.quantity(share.instrument_id)]
    ratio = Fraction(report.numerator, report.denominator)
    exact = [Fraction(book.quantity(share.instrument_id)) * ratio for book in holders]
    account_quantity = _towards_zero(sum(exact, Fraction(0)), report.quantity_step)
    quantities = round_to_total(exact, account_quantity, step=report.quantity_step)
    unit_price = Fraction(multiply(report.cash_price, share.multiplier))
    fractions = [
        (before - Fraction(after)) * unit_price
        for before, after in zip(exact, quantities, strict=True)
    ]
    account_cash = _nearest_cent(sum(fractions, Fraction(0)))
    paid = round_to_total(fractions, account_cash, step=CENT)
    changed = tuple(
        _split_book(book, report, before, quantity, cash)
        for book, before, quantity, cash in zip(holders, exact, quantities, paid, strict=True)
    )
    in_lieu = {book.book_id: cash for book, cash in zip(holders, paid, strict=True) if cash}
    return SplitApplied(changed, in_lieu, account_quantity, account_cash)


def price_after_split(report: SplitReport, price: Decimal) -> Decimal:
    """What a price from before the split is worth after it, to a billionth."""
    return divide(
        multiply(price, Decimal(report.denominator)),
        Decimal(report.numerator),
        step=BILLIONTH,
        rounding=ROUND_HALF_EVEN,
    )


def _share_of(report: SplitReport, catalog: InstrumentCatalog) -> Equity:
    instrument = catalog.tradable(report.instrument_id)
    where = f"split of {report.instrument_id}"
    if not isinstance(instrument, Equity):
        raise CorporateActionError(
            f"{where}: only shares split, it is a {type(instrument).__name__}"
        )
    if report.numerator < 1 or report.denominator < 1:
        raise CorporateActionError(
            f"{where}: {report.numerator} for {report.denominator} is no ratio of whole numbers"
        )
    if not is_amount(report.cash_price) or report.cash_price < 0:
        raise CorporateActionError(
            f"{where}: cash_price must be an amount of at least 0, got {report.cash_price}"
        )
    if not is_amount(report.quantity_step) or report.quantity_step <= 0:
        raise CorporateActionError(
            f"{where}: quantity_step must be a Decimal above 0, got {report.quantity_step}"
        )
    return instrument


def _check_derivatives(
    share: Equity, books: Mapping[str, Book], catalog: InstrumentCatalog
) -> None:
    for book in books.values():
        for held in book.positions:
            one = catalog[held]
            if not isinstance(one, (Equity, Index)) and one.underlying_id == share.instrument_id:
                raise CorporateActionError(
                    f"split of {share.instrument_id}: {book.book_id} holds {held} on it, whose "
                    "contract changes too; close it before the split"
                )


def _split_book(
    book: Book, report: SplitReport, exact: Fraction, quantity: Decimal, cash: Decimal
) -> Book:
    """One book with its new quantity, paid for its fraction.

    Who is rounded down sells a part of his holding, with its part of the cost; who is rounded up
    adds to it.
    """
    cost = book.positions[report.instrument_id].cost
    if abs(exact) > abs(Fraction(quantity)):
        kept = _part_of(cost, Fraction(quantity) / exact)
        realized = subtract(cash, subtract(cost, kept))
    else:
        kept, realized = subtract(cost, cash), ZERO
    positions = dict(book.positions)
    positions[report.instrument_id] = Position(report.instrument_id, quantity, kept)
    if not quantity:
        del positions[report.instrument_id]
    return msgspec.structs.replace(
        book,
        cash=add(book.cash, cash),
        positions=MappingProxyType(positions),
        realized_pnl=add(book.realized_pnl, realized),
    )


def _part_of(cost: Decimal, part: Fraction) -> Decimal:
    """Rounded like an average cost; the rounding stays in what is realised, so the sum is exact."""
    return divide(
        multiply(cost, Decimal(part.numerator)),
        Decimal(part.denominator),
        step=AVERAGE_STEP,
        rounding=ROUND_HALF_EVEN,
    )


def _towards_zero(quantity: Fraction, step: Decimal) -> Decimal:
    return multiply(Decimal(int(quantity / Fraction(step))), step)


def _nearest_cent(amount: Fraction) -> Decimal:
    """Half-even, like a fee."""
    return multiply(Decimal(round(amount * 100)), CENT)


# -- lot sizes -------------------------------------------------------------------------------------


def apply_lot_size(
    report: LotSizeChangedReport, books: Mapping[str, Book], catalog: InstrumentCatalog
) -> LotSizeApplied:
    """Changes the lot of an instrument. Holdings stay as they are, so the books' sums do too.

    Raises:
        UnknownInstrumentError: nobody can hold it.
        CorporateActionError: no usable lot size.
    """
    instrument = catalog.tradable(report.instrument_id)
    if not is_amount(report.lot_size) or report.lot_size <= 0:
        raise CorporateActionError(
            f"lot size of {report.instrument_id} must be a Decimal above 0, got {report.lot_size}"
        )
    changed = msgspec.structs.replace(instrument, lot_size=report.lot_size)
    odd_lots = tuple(
        OddLot(book.book_id, quantity, subtract(quantity, _whole_lots(quantity, report.lot_size)))
        for book in books.values()
        if not is_multiple(quantity := book.quantity(report.instrument_id), report.lot_size)
    )
    return LotSizeApplied(_with_instruments(catalog, {report.instrument_id: changed}), odd_lots)


def _whole_lots(quantity: Decimal, lot_size: Decimal) -> Decimal:
    return _towards_zero(Fraction(quantity), lot_size)


# -- symbols ---------------------------------------------------------------------------------------


def apply_symbol_change(
    report: SymbolChangedReport, books: Mapping[str, Book], catalog: InstrumentCatalog
) -> SymbolApplied:
    """Renames an instrument in the catalogue, in what is derived from it, and in every book.

    Raises:
        UnknownInstrumentError: the catalogue does not name it.
        CorporateActionError: the new id is empty or taken.
    """
    old, new = report.instrument_id, report.new_instrument_id
    instrument = catalog[old]
    if not new or new in catalog:
        raise CorporateActionError(f"{old} cannot be renamed {new!r}: empty, or another has it")
    renamed: dict[str, Instrument] = {old: msgspec.structs.replace(instrument, instrument_id=new)}
    for one in catalog:
        if isinstance(one, (Future, OptionContract)) and one.underlying_id == old:
            kept = renamed.get(one.instrument_id, one)
            renamed[one.instrument_id] = msgspec.structs.replace(kept, underlying_id=new)
    changed = tuple(
        _renamed_book(book, old, new)
        for book in books.values()
        if old in book.positions or old in book.unsettled
    )
    return SymbolApplied(_with_instruments(catalog, renamed), changed)


def _renamed_book(book: Book, old: str, new: str) -> Book:
    """The order of positions stays, so that nothing that follows it changes."""
    return msgspec.structs.replace(
        book,
        positions=MappingProxyType(
            {
                new if key == old else key: (
                    Position(new, held.quantity, held.cost) if key == old else held
                )
                for key, held in book.positions.items()
            }
        ),
        unsettled=MappingProxyType(
            {new if key == old else key: gain for key, gain in book.unsettled.items()}
        ),
    )


def _with_instruments(
    catalog: InstrumentCatalog, changed: Mapping[str, Instrument]
) -> InstrumentCatalog:
    return InstrumentCatalog(
        (changed.get(one.instrument_id, one) for one in catalog), currency=catalog.currency
    )
