"""Reconciliation: what the venue says, against our orders and books.

After a restart nobody knows what happened meanwhile. The venue is asked about every open order, and
for what the account holds; then, in this order:

1. Orders. Reports that were missed are posted, fills before the end of their order. An order that
   the venue definitely does not know, and never confirmed, expires: it is not sent again, its
   prices are old. One that it had confirmed and does not know any more is for a person.
2. Positions. An expiry or an assignment that happened meanwhile explains a difference first.
3. What stays is a mismatch, in words a person can act on. Nothing leaves while there is one.

The venue shows only the net of what the strategies hold, so nothing here moves a position from one
book to another: what is the same in sum stays with its owners.

Pure functions: who asks the venue and posts is ``adapters.reconciliation``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Protocol

import msgspec

from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.money import ZERO, add, is_amount, multiply, negate, subtract
from orchestrion.domain.models.order import Order, OrderStatus
from orchestrion.domain.models.portfolio import EXTERNAL, Book, Marks
from orchestrion.domain.models.report import (
    InstrumentExpiredReport,
    OrderAcceptedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderReport,
)
from orchestrion.domain.orchestration.account_books import AccountBooks

CASH = "cash"
"""The subject of a mismatch of money."""


class Mismatch(msgspec.Struct, frozen=True):
    """Something that the venue and we do not agree on, and that nothing explains.

    Attributes:
        subject: an instrument id, a client_order_id, or ``CASH``.
        ours, theirs: as text, so that quantities and words both fit.
    """

    subject: str
    ours: str
    theirs: str

    def __str__(self) -> str:
        return f"{self.subject}: ours {self.ours}, the venue's {self.theirs}"


class Difference(msgspec.Struct, frozen=True):
    """A trade that was not ours to make and has to be booked for one book.

    Attributes:
        quantity: signed, what the book gets.
        price: per unit.
    """

    instrument_id: str
    quantity: Decimal
    price: Decimal
    book_id: str
    reason: str


# -- orders ---------------------------------------------------------------------------------------


class OrderWord(msgspec.Struct, frozen=True):
    """What the venue says about one of our orders.

    Attributes:
        reports: accepted, every fill so far, and its end, in that order; None: it definitely knows
            no such order.
    """

    client_order_id: str
    reports: tuple[OrderReport, ...] | None


class OrdersCompared(msgspec.Struct, frozen=True):
    """Reports to be posted, in order; and orders that are for a person."""

    reports: tuple[OrderReport, ...]
    mismatches: tuple[Mismatch, ...] = ()


def compare_orders(
    orders: Iterable[Order],
    words: Mapping[str, OrderWord],
    *,
    was_seen: Callable[[str, str], bool],
    ts: int,
) -> OrdersCompared:
    """What of the venue's word is news.

    Args:
        orders: our open orders, as the venue knows them.
        words: by client_order_id, for each of them.
        was_seen: whether a fill (client_order_id, trade_id) is booked.
        ts: when the venue was asked; the time of an expiry, nanoseconds UTC.
    """
    reports: list[OrderReport] = []
    mismatches: list[Mismatch] = []
    for order in orders:
        if order.status is OrderStatus.INITIALIZED:
            continue  # it was never to leave
        word = words[order.client_order_id]
        if word.reports is not None:
            reports += [one for one in word.reports if _is_news(order, one, was_seen)]
        elif order.venue_order_id or any(order.filled):
            mismatches.append(Mismatch(order.client_order_id, str(order.status), "not known"))
        else:
            reports.append(OrderExpiredReport(client_order_id=order.client_order_id, ts_event=ts))
    return OrdersCompared(tuple(reports), tuple(mismatches))


def _is_news(order: Order, report: OrderReport, was_seen: Callable[[str, str], bool]) -> bool:
    if isinstance(report, OrderFilledReport):
        return not was_seen(report.client_order_id, report.trade_id)
    if isinstance(report, OrderAcceptedReport):
        return order.status in (OrderStatus.UNKNOWN, OrderStatus.SUBMITTED)
    return True


# -- positions ------------------------------------------------------------------------------------


class Explanation(msgspec.Struct, frozen=True):
    """What happened to holdings while nobody listened.

    Attributes:
        expiries: to be posted first.
        differences: to be booked then.
        words: the same for people.
    """

    expiries: tuple[InstrumentExpiredReport, ...] = ()
    differences: tuple[Difference, ...] = ()
    words: tuple[str, ...] = ()


def net_of(books: Iterable[Book]) -> dict[str, Decimal]:
    """Net quantity of every instrument that anybody holds; zeros too, where books hold opposite
    sides."""
    net: dict[str, Decimal] = {}
    for book in books:
        for key, position in book.positions.items():
            net[key] = add(net.get(key, ZERO), position.quantity)
    return net


def explain(
    books: Mapping[str, Book],
    theirs: Mapping[str, Decimal],
    catalog: InstrumentCatalog,
    marks: Marks,
    *,
    now: int,
) -> Explanation:
    """Assignments and expiries that account for differences exactly; nothing is half explained.

    Args:
        theirs: net quantity by instrument id, as the venue shows it; zeros may be missing.
        now: nanoseconds UTC.
    """
    assigned = _assignments(books, theirs, catalog)
    taken = dict.fromkeys(one.instrument_id for one in assigned)
    expiries: list[InstrumentExpiredReport] = []
    words = [f"{one.book_id}: {one.reason}" for one in assigned]
    for key in sorted(net_of(books.values())):
        instrument = catalog.get(key)
        if key in taken or not isinstance(instrument, (Future, OptionContract)):
            continue
        price = marks.price(instrument.underlying_id)
        if instrument.expiry_ts > now or theirs.get(key, ZERO) or price is None:
            continue
        if isinstance(instrument, OptionContract):
            price = instrument.intrinsic_value(price)
        expiries.append(
            InstrumentExpiredReport(instrument_id=key, settlement_price=price, ts_event=now)
        )
        words.append(f"{key} has expired, settled at {price:f} by the last price that was seen")
    return Explanation(tuple(expiries), tuple(assigned), tuple(words))


def _assignments(
    books: Mapping[str, Book], theirs: Mapping[str, Decimal], catalog: InstrumentCatalog
) -> list[Difference]:
    """Options that are gone, and the shares that were delivered for them, share by share."""
    ours = net_of(books.values())
    gone: dict[str, list[tuple[OptionContract, Decimal]]] = {}
    for key in sorted(ours):
        instrument = catalog.get(key)
        change = subtract(theirs.get(key, ZERO), ours[key])
        if not isinstance(instrument, OptionContract) or not _is_less(ours[key], change):
            continue
        if isinstance(catalog.get(instrument.underlying_id), Equity):
            gone.setdefault(instrument.underlying_id, []).append((instrument, change))
    found: list[Difference] = []
    for underlying_id, options in gone.items():
        moved = subtract(theirs.get(underlying_id, ZERO), ours.get(underlying_id, ZERO))
        delivered = ZERO
        for option, change in options:
            delivered = add(delivered, _delivery(option, change))
        parts = [_divided(option, change, books) for option, change in options]
        if moved and delivered == moved and all(parts):
            found += [difference for part in parts for difference in part]
    return found


def _is_less(held: Decimal, change: Decimal) -> bool:
    """Whether a change takes from what is held, at most all of it."""
    return bool(change) and (change > 0) != (held > 0) and change.copy_abs() <= held.copy_abs()


def _delivery(option: OptionContract, change: Decimal) -> Decimal:
    """Shares that come (negative: go) with a change of contracts: who was short a put and is
    assigned buys, who was short a call sells; exercising is the other side of it."""
    shares = multiply(change, option.multiplier)
    return negate(shares) if option.option_kind is OptionKind.CALL else shares


def _divided(
    option: OptionContract, change: Decimal, books: Mapping[str, Book]
) -> list[Difference]:
    """Whose contracts they were. Empty when only a person can say: several hold some, and not all
    are gone, or they hold opposite sides."""
    key = option.instrument_id
    held = {one: quantity for one, book in books.items() if (quantity := book.quantity(key))}
    total = ZERO
    for quantity in held.values():
        total = add(total, quantity)
    if len(held) == 1:
        parts = dict.fromkeys(held, change)
    elif change == negate(total) and len({quantity > 0 for quantity in held.values()}) == 1:
        parts = {one: negate(quantity) for one, quantity in held.items()}
    else:
        return []
    word = "assigned" if change > 0 else "exercised"
    found: list[Difference] = []
    for book_id, part in parts.items():
        reason = f"{part.copy_abs():f} {key} {word}"
        shares = _delivery(option, part)
        found.append(Difference(key, part, ZERO, book_id, reason))
        found.append(Difference(option.underlying_id, shares, option.strike, book_id, reason))
    return found


# -- what stays -----------------------------------------------------------------------------------


def mismatches_of(
    account: AccountBooks,
    theirs: Mapping[str, Decimal],
    *,
    cash: Decimal | None,
    cash_tolerance: Decimal = ZERO,
) -> tuple[Mismatch, ...]:
    """Everything that is not the same, instruments in id order, cash last.

    Args:
        cash: the account's at the venue; None is not compared.
        cash_tolerance: a difference of money up to it is left alone.
    """
    books: Sequence[Book] = tuple(account.books.values())
    ours = net_of(books)
    found = [
        Mismatch(key, f"{ours.get(key, ZERO):f}", f"{theirs.get(key, ZERO):f}")
        for key in sorted({**ours, **theirs})
        if ours.get(key, ZERO) != theirs.get(key, ZERO)
    ]
    if cash is not None:
        own = ZERO
        for book in books:
            own = add(own, book.cash)
        if subtract(own, cash).copy_abs() > cash_tolerance:
            found.append(Mismatch(CASH, f"{own:f}", f"{cash:f}"))
    return tuple(found)


class Assignment(Protocol):
    """A trade that is to be booked for one book."""

    @property
    def instrument_id(self) -> str: ...

    @property
    def quantity(self) -> Decimal: ...

    @property
    def price(self) -> Decimal: ...

    @property
    def book_id(self) -> str: ...


def assignment_fault(account: AccountBooks, wanted: Assignment) -> str:
    """Why a difference cannot be booked that way; empty when it can."""
    instrument = account.catalog.get(wanted.instrument_id)
    if instrument is None or isinstance(instrument, Index):
        return f"{wanted.instrument_id!r} is no instrument that can be held"
    if not is_amount(wanted.quantity) or not wanted.quantity:
        return f"the quantity must be a number other than 0, got {wanted.quantity}"
    if not is_amount(wanted.price):
        return f"the price must be a number, got {wanted.price}"
    if wanted.book_id != EXTERNAL and not account.is_on_account(wanted.book_id):
        return f"there is no book {wanted.book_id!r} of a strategy on the account"
    return ""
