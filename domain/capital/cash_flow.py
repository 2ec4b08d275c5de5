"""Money that no trade moves: deposits, withdrawals, dividends, interest, fees, and whose they are.

A flow says what happened to the account and to whom it belongs: one book, or several by a named
rule. Everything is split exactly, to the cent where the amount is in cents, ties by rank.

    deposit, withdrawal      capital: no gain; stops and returns must leave it out
    dividend, interest       income: a gain of the book
    fee                      a cost of the book; negative is a rebate

A withdrawal is the only one that can be refused for lack of money: it may take only what is free.
Income and fees are facts. What cannot be attributed by the rule (a dividend of something that
nobody holds any more) goes to EXTERNAL rather than to somebody who has nothing to do with it.

The account ledger takes the same ``CashFlowReport``: ``account_cash`` and ``account_fee`` say what
it means there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from typing import TypeAlias, assert_never

import msgspec

from orchestrion.domain.capital.book_capital import BookCapital
from orchestrion.domain.capital.rounded_share import (
    exact_sum,
    round_to_total,
    split_by_weight,
)
from orchestrion.domain.models.money import (
    CENT,
    ONE,
    ZERO,
    add,
    is_amount,
    is_multiple,
    negate,
    round_to_cent,
    subtract,
)
from orchestrion.domain.models.portfolio import (
    EXTERNAL,
    RESERVE,
    RESERVED_BOOK_IDS,
    Book,
    transfer_cash,
)


class CashFlowKind(StrEnum):
    DEPOSIT = "DEPOSIT"
    WITHDRAWAL = "WITHDRAWAL"
    DIVIDEND = "DIVIDEND"
    INTEREST = "INTEREST"
    FEE = "FEE"


class SplitRule(StrEnum):
    """By what a flow is divided; ties go to the better rank."""

    EQUALLY = "equally"
    """The same for every strategy."""
    BY_EQUITY = "by_equity"
    """In proportion to the strategies' equity; who has none gets none."""
    BY_CASH = "by_cash"
    """In proportion to positive cash, RESERVE included: interest on credit balances."""
    BY_QUANTITY = "by_quantity"
    """In proportion to the signed quantity of the flow's instrument, in every book: who is long
    receives, who is short pays, and both net to what the account gets."""


class ToBook(msgspec.Struct, frozen=True, tag="ToBook"):
    """All of it to one book: RESERVE, EXTERNAL, or a strategy."""

    book_id: str = RESERVE


class BySplit(msgspec.Struct, frozen=True, tag="BySplit"):
    """Divided by a rule."""

    rule: SplitRule


Attribution: TypeAlias = ToBook | BySplit


class CashFlowReport(msgspec.Struct, frozen=True, kw_only=True, tag="CashFlowReport"):
    """An input: money came in, went out, or is asked for.

    Attributes:
        flow_id: unique; a second flow with the same id is a duplicate, the caller's business.
        amount: account currency. Above 0 for a deposit and a withdrawal; not 0 for the others: a
            dividend or interest below 0 is paid by the account, a fee below 0 is a rebate.
        instrument_id: of a dividend, and of whatever is split by quantity.
        amount_per_unit: of a dividend that nets to nothing on the account because books hold
            opposite sides: the books still owe it to each other. Not needed otherwise.
    """

    flow_id: str
    kind: CashFlowKind
    amount: Decimal
    ts_event: int
    attribution: Attribution = ToBook()
    instrument_id: str = ""
    amount_per_unit: Decimal = ZERO

    @property
    def account_cash(self) -> Decimal:
        """What the flow adds to the account's cash."""
        takes = self.kind in (CashFlowKind.WITHDRAWAL, CashFlowKind.FEE)
        return negate(self.amount) if takes else self.amount

    @property
    def account_fee(self) -> Decimal:
        """What the flow adds to the account's fees."""
        return self.amount if self.kind is CashFlowKind.FEE else ZERO

    @property
    def is_capital(self) -> bool:
        """Capital and not a gain or a cost."""
        return self.kind in (CashFlowKind.DEPOSIT, CashFlowKind.WITHDRAWAL)


class CashShare(msgspec.Struct, frozen=True):
    """What a flow adds to one book's cash."""

    book_id: str
    cash: Decimal


class CashFlowBooked(msgspec.Struct, frozen=True):
    """A flow and what it did.

    Attributes:
        shares: in the order of the books; they sum to the flow's ``account_cash``.
        books: those that changed.
        capital_moved: book id -> capital that came in (negative: went out); for stops and returns.
            Empty for income and fees.
    """

    flow: CashFlowReport
    shares: tuple[CashShare, ...]
    books: tuple[Book, ...]
    capital_moved: Mapping[str, Decimal]


class CashFlowRefusalCode(StrEnum):
    INVALID_AMOUNT = "INVALID_AMOUNT"
    UNKNOWN_BOOK = "UNKNOWN_BOOK"
    INVALID_RULE = "INVALID_RULE"
    NOTHING_TO_SPLIT_BY = "NOTHING_TO_SPLIT_BY"
    NOT_FREE = "NOT_FREE"


class CashFlowRefused(msgspec.Struct, frozen=True):
    """A flow that was not booked; nothing has changed."""

    flow: CashFlowReport
    code: CashFlowRefusalCode
    detail: str


class _RefusedError(Exception):
    """Internal: ends the booking of a flow."""

    def __init__(self, code: CashFlowRefusalCode, detail: str) -> None:
        super().__init__(detail)
        self.code = code


def book_cash_flow(
    flow: CashFlowReport, books: Mapping[str, Book], capital: Sequence[BookCapital]
) -> CashFlowBooked | CashFlowRefused:
    """Divides a flow and books it, or refuses it as a whole.

    Args:
        books: all books, strategies in rank order, then RESERVE and EXTERNAL.
        capital: equity and free capital of every book at this moment.
    """
    try:
        _check(flow, books)
        cash = _cash_by_book(flow, books, capital)
        if flow.kind is CashFlowKind.WITHDRAWAL:
            _check_free(flow, cash, capital)
    except _RefusedError as refusal:
        return CashFlowRefused(flow, refusal.code, str(refusal))
    changed = {one: _booked(books[one], flow.kind, amount) for one, amount in cash.items()}
    return CashFlowBooked(
        flow,
        tuple(CashShare(one, amount) for one, amount in cash.items()),
        tuple(changed.values()),
        cash if flow.is_capital else {},
    )


def charge_fee(book: Book, amount: Decimal) -> Book:
    """The book after a fee that came without a fill (negative: a rebate)."""
    return msgspec.structs.replace(
        book, cash=subtract(book.cash, amount), fees=add(book.fees, amount)
    )


def receive_income(book: Book, amount: Decimal) -> Book:
    """The book after a dividend or interest: cash that is a gain (negative: it pays)."""
    return msgspec.structs.replace(
        book, cash=add(book.cash, amount), realized_pnl=add(book.realized_pnl, amount)
    )


def _booked(book: Book, kind: CashFlowKind, cash: Decimal) -> Book:
    if kind is CashFlowKind.FEE:
        return charge_fee(book, negate(cash))
    if kind in (CashFlowKind.DIVIDEND, CashFlowKind.INTEREST):
        return receive_income(book, cash)
    return transfer_cash(book, cash)


# -- checking --------------------------------------------------------------------------------------


def _check(flow: CashFlowReport, books: Mapping[str, Book]) -> None:
    amount, per_unit = flow.amount, flow.amount_per_unit
    is_cross_dividend = flow.kind is CashFlowKind.DIVIDEND and per_unit.is_finite() and per_unit
    if not is_amount(amount) or not is_amount(per_unit) or not (amount or is_cross_dividend):
        raise _RefusedError(
            CashFlowRefusalCode.INVALID_AMOUNT,
            f"{flow.flow_id}: {flow.kind} of {amount}, {per_unit} per unit: amounts must be "
            "finite, not zero, below 1e18, with at most nine decimals",
        )
    if flow.is_capital and (amount < 0 or not is_multiple(amount, CENT)):
        raise _RefusedError(
            CashFlowRefusalCode.INVALID_AMOUNT,
            f"{flow.flow_id}: {flow.kind} of {amount}: whole cents above 0 are needed",
        )
    match flow.attribution:
        case ToBook(book_id) if book_id not in books:
            raise _RefusedError(
                CashFlowRefusalCode.UNKNOWN_BOOK,
                f"{flow.flow_id}: there is no book {book_id!r}, only {', '.join(books)}",
            )
        case BySplit(SplitRule.BY_QUANTITY) if flow.is_capital or not flow.instrument_id:
            raise _RefusedError(
                CashFlowRefusalCode.INVALID_RULE,
                f"{flow.flow_id}: {SplitRule.BY_QUANTITY} needs an instrument_id and is not for "
                "capital",
            )
        case _:
            pass


def _check_free(
    flow: CashFlowReport, cash: Mapping[str, Decimal], capital: Sequence[BookCapital]
) -> None:
    free = {one.book_id: one.free for one in capital}
    for book_id, amount in cash.items():
        if negate(amount) > free[book_id]:
            raise _RefusedError(
                CashFlowRefusalCode.NOT_FREE,
                f"{flow.flow_id}: {negate(amount):f} is asked of {book_id}, "
                f"{_money(free[book_id])} is free",
            )
    whole = exact_sum(free.values())
    if flow.amount > whole:
        # A book that is overdrawn binds what another one has free.
        raise _RefusedError(
            CashFlowRefusalCode.NOT_FREE,
            f"{flow.flow_id}: {flow.amount:f} is asked, the account as a whole has "
            f"{_money(whole)} free",
        )


# -- dividing --------------------------------------------------------------------------------------


def _cash_by_book(
    flow: CashFlowReport, books: Mapping[str, Book], capital: Sequence[BookCapital]
) -> dict[str, Decimal]:
    """Book id -> what the flow adds to its cash; without zeros."""
    if isinstance(flow.attribution, ToBook):
        return {flow.attribution.book_id: flow.account_cash}
    weights = _weights(flow.attribution.rule, flow.instrument_id, books, capital)
    if exact_sum(weights.values()):
        parts = split_by_weight(flow.account_cash, tuple(weights.values()))
        shares = dict(zip(weights, parts, strict=True))
    elif flow.is_capital:
        raise _RefusedError(
            CashFlowRefusalCode.NOTHING_TO_SPLIT_BY,
            f"{flow.flow_id}: no strategy has anything to split {flow.attribution.rule}",
        )
    else:
        shares = _owed_among_books(flow, weights)
        shares[EXTERNAL] = add(shares.get(EXTERNAL, ZERO), flow.account_cash)
    return {one: amount for one, amount in shares.items() if amount}


def _weights(
    rule: SplitRule,
    instrument_id: str,
    books: Mapping[str, Book],
    capital: Sequence[BookCapital],
) -> dict[str, Decimal]:
    strategy_ids = [one for one in books if one not in RESERVED_BOOK_IDS]
    match rule:
        case SplitRule.EQUALLY:
            return dict.fromkeys(strategy_ids, ONE)
        case SplitRule.BY_EQUITY:
            equities = {one.book_id: one.equity for one in capital}
            return {one: max(equities[one], ZERO) for one in strategy_ids}
        case SplitRule.BY_CASH:
            ids = [one for one in books if one != EXTERNAL]
            return {one: max(books[one].cash, ZERO) for one in ids}
        case SplitRule.BY_QUANTITY:
            return {one: book.quantity(instrument_id) for one, book in books.items()}
        case _:
            assert_never(rule)


def _owed_among_books(
    flow: CashFlowReport, quantities: Mapping[str, Decimal]
) -> dict[str, Decimal]:
    """What books with opposite quantities owe each other per unit; sums to zero."""
    if flow.kind is not CashFlowKind.DIVIDEND or not flow.amount_per_unit:
        return {}
    exact = [Fraction(one) * Fraction(flow.amount_per_unit) for one in quantities.values()]
    return dict(zip(quantities, round_to_total(exact, ZERO, step=CENT), strict=True))


def _money(amount: Decimal) -> str:
    return f"{round_to_cent(amount):f}"
