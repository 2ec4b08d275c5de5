"""The account's own ledger: what the sum of all books must equal, to the last digit.

It is kept from the same reports as the books but shares no arithmetic with them: plain Python
integers, on a scale fine enough that nothing is ever rounded. One mistake would have to be made
twice, in two ways, to stay unseen.

It is linear on purpose: it knows net quantities and the money that moved, no averages and no
realised gains, since those depend on how an account is cut into books. Shares and options move cash
when they trade. A future moves none: ``future_cost`` remembers the sum of what was paid less what
was received, so quantity x price less ``future_cost`` is everything that is not paid yet, on open
and on closed contracts alike, and the settlement turns it into cash.

A split is the account's too: whole steps of the net quantity, rounded towards zero, and the rest
paid for to the nearest cent. Money that no trade moves is added as reported; whose it is, it does
not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec

from orchestrion.domain.capital.cash_flow import CashFlowKind, CashFlowReport
from orchestrion.domain.capital.corporate_action import SplitReport, SymbolChangedReport
from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.instrument import Future, InstrumentCatalog
from orchestrion.domain.models.money import ZERO, add, subtract
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import Book, Marks
from orchestrion.domain.models.report import (
    ExternalFillReport,
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderFilledReport,
)

_SELL = OrderSide.SELL

_E9 = 10**9
_E18 = 10**18
# Quantity, price and multiplier have at most nine decimals each, so a product has at most 27.
_PLACES = 27
_E27: int = 10**_PLACES
_CENT_E27 = _E27 // 100


class AccountTotals(msgspec.Struct, frozen=True):
    """Figures to compare with the ledger, usually the sums over all books.

    Attributes:
        quantities: instrument id -> net quantity; a missing id means zero.
        future_costs: future id -> cost of the open quantity less gains that wait for settlement.
        equity: at some marks; None when it is not to be compared.
    """

    cash: Decimal
    fees: Decimal
    quantities: Mapping[str, Decimal] = MappingProxyType({})
    future_costs: Mapping[str, Decimal] = MappingProxyType({})
    equity: Decimal | None = None


class _Terms(msgspec.Struct, frozen=True, gc=False):
    """What a fill's money depends on besides the fill."""

    multiplier_e9: int
    is_future: bool


class LedgerDifference(msgspec.Struct, frozen=True):
    """One figure on which the ledger and the given totals do not agree."""

    figure: str
    ledger: Decimal
    given: Decimal

    def __str__(self) -> str:
        return f"{self.figure}: the account ledger says {self.ledger}, the books {self.given}"


def total_of_books(books: Iterable[Book], catalog: InstrumentCatalog) -> AccountTotals:
    """Sums the books, in the books' own arithmetic, into what the ledger can be compared with."""
    cash, fees = ZERO, ZERO
    quantities: dict[str, Decimal] = {}
    future_costs: dict[str, Decimal] = {}
    for book in books:
        cash, fees = add(cash, book.cash), add(fees, book.fees)
        for key, position in book.positions.items():
            quantities[key] = add(quantities.get(key, ZERO), position.quantity)
            if isinstance(catalog.get(key), Future):
                future_costs[key] = add(future_costs.get(key, ZERO), position.cost)
        for key, gain in book.unsettled.items():
            future_costs[key] = subtract(future_costs.get(key, ZERO), gain)
    return AccountTotals(cash, fees, quantities, future_costs)


def held_in_book(book: Book, instrument_id: str, *, is_future: bool) -> tuple[Decimal, Decimal]:
    """(quantity, future cost) of one instrument in one book, as ``total_of_books`` sums them."""
    position = book.positions.get(instrument_id)
    quantity, cost = ZERO, ZERO
    if position is not None:
        quantity = position.quantity
        if is_future:
            cost = position.cost
    if book.unsettled:
        cost = subtract(cost, book.unsettled.get(instrument_id, ZERO))
    return quantity, cost


class AccountLedger:
    """Cash, fees, net quantities and unsettled futures of the account as a whole.

    Single writer: whoever folds the reports. A report that raises changes nothing. Duplicates are
    the caller's business, here every report counts.
    """

    __slots__ = (
        "_cash_e27",
        "_catalog",
        "_fees_e27",
        "_future_costs_e27",
        "_quantities_e9",
        "_terms",
    )

    STATE: ClassVar[Mapping[str, Any]] = {
        "_cash_e27": int,
        "_fees_e27": int,
        "_quantities_e9": dict[str, int],
        "_future_costs_e27": dict[str, int],
    }

    def __init__(self, catalog: InstrumentCatalog, *, starting_cash: Decimal) -> None:
        self._catalog = catalog
        self._cash_e27 = _scaled(starting_cash, "starting_cash") * _E18
        self._fees_e27 = 0
        self._quantities_e9: dict[str, int] = {}
        self._future_costs_e27: dict[str, int] = {}
        # Of this catalogue, by instrument id; another catalogue empties it.
        self._terms: dict[str, _Terms] = {}

    # -- reading ----------------------------------------------------------------------------

    @property
    def cash(self) -> Decimal:
        return _decimal(self._cash_e27)

    @property
    def fees(self) -> Decimal:
        """Commissions paid so far; already taken out of ``cash``."""
        return _decimal(self._fees_e27)

    @property
    def quantities(self) -> dict[str, Decimal]:
        """Net quantity of everything held, in instrument order; no zeros."""
        held = sorted(self._quantities_e9.items())
        return {key: _decimal(value * _E18) for key, value in held if value}

    def quantity(self, instrument_id: str) -> Decimal:
        """Net signed quantity, zero when nothing is held."""
        return _decimal(self._quantities_e9.get(instrument_id, 0) * _E18)

    def future_cost(self, instrument_id: str) -> Decimal:
        """What a future's open quantity cost since the last settlement, less what closed
        quantity gained since; zero when nothing waits for settlement."""
        return _decimal(self._future_costs_e27.get(instrument_id, 0))

    def equity(self, marks: Marks) -> Decimal:
        """Cash, unsettled gains and market value at the marks.

        Raises:
            InvariantBrokenError: something is held that has no mark; a fill always brings one.
        """
        total = self._cash_e27 - sum(self._future_costs_e27.values())
        for instrument_id, quantity_e9 in self._quantities_e9.items():
            if quantity_e9:
                price_e9 = marks.price_e9(instrument_id)
                if price_e9 is None:
                    raise InvariantBrokenError(f"the account holds {instrument_id} without a mark")
                total += quantity_e9 * price_e9 * self._terms_of(instrument_id).multiplier_e9
        return _decimal(total)

    # -- folding ----------------------------------------------------------------------------

    def apply_fill(self, fill: OrderFilledReport | ExternalFillReport) -> None:
        """Books an execution.

        Raises:
            UnknownInstrumentError: nobody can trade it.
            InvariantBrokenError: a figure with more than nine decimals cannot be kept exactly.
        """
        instrument_id = fill.instrument_id
        terms = self._terms_of(instrument_id)
        quantity_e9 = _scaled(fill.last_qty, fill.trade_id, "last_qty")
        if fill.side is _SELL:
            quantity_e9 = -quantity_e9
        price_e9 = _scaled(fill.last_px, fill.trade_id, "last_px")
        fee_e27 = _scaled(fill.commission, fill.trade_id, "commission") * _E18
        amount_e27 = quantity_e9 * price_e9 * terms.multiplier_e9

        self._quantities_e9[instrument_id] = self._quantities_e9.get(instrument_id, 0) + quantity_e9
        self._fees_e27 += fee_e27
        self._cash_e27 -= fee_e27
        if terms.is_future:
            self._future_costs_e27[instrument_id] = (
                self._future_costs_e27.get(instrument_id, 0) + amount_e27
            )
        else:
            self._cash_e27 -= amount_e27

    def settle(self, report: FutureSettledReport) -> None:
        """Turns what a future gained since the last settlement into cash.

        Raises:
            InvariantBrokenError: it is no future, or the price cannot be kept exactly.
        """
        instrument_id = report.instrument_id
        if not self._terms_of(instrument_id).is_future:
            raise InvariantBrokenError(f"{instrument_id} is no future, it cannot be settled")
        value_e27 = self._value_e27(instrument_id, report.settlement_price)
        self._cash_e27 += value_e27 - self._future_costs_e27.get(instrument_id, 0)
        self._future_costs_e27[instrument_id] = value_e27

    def expire(self, report: InstrumentExpiredReport) -> None:
        """Closes what is held of an ended instrument, in cash, at its settlement price.

        Raises:
            InvariantBrokenError: the price cannot be kept exactly.
        """
        value_e27 = self._value_e27(report.instrument_id, report.settlement_price)
        self._cash_e27 += value_e27 - self._future_costs_e27.pop(report.instrument_id, 0)
        self._quantities_e9.pop(report.instrument_id, None)

    def transfer_cash(self, amount: Decimal) -> None:
        """Books capital that comes in (positive) or leaves the account."""
        self._cash_e27 += _scaled(amount, "transferred cash") * _E18

    def move_cash(self, flow: CashFlowReport) -> None:
        """Books money that no trade moved; a fee also counts among the fees.

        Raises:
            InvariantBrokenError: an amount that cannot be kept exactly.
        """
        amount_e27 = _scaled(flow.amount, flow.flow_id, "amount") * _E18
        if flow.kind is CashFlowKind.FEE:
            self._fees_e27 += amount_e27
        takes = flow.kind is CashFlowKind.FEE or flow.kind is CashFlowKind.WITHDRAWAL
        self._cash_e27 += -amount_e27 if takes else amount_e27

    def split(self, report: SplitReport) -> None:
        """Splits what is held net, and takes the cash that is paid for a fraction of a step.

        Raises:
            InvariantBrokenError: a figure with more than nine decimals cannot be kept exactly.
        """
        instrument_id = report.instrument_id
        where = f"split of {instrument_id}"
        step_e9 = _scaled(report.quantity_step, where, "quantity_step")
        price_e9 = _scaled(report.cash_price, where, "cash_price")
        # In parts of a billionth, ``denominator`` of them each, so that nothing is divided early.
        exact = self._quantities_e9.get(instrument_id, 0) * report.numerator
        steps = abs(exact) // (step_e9 * report.denominator)
        whole_e9 = steps * step_e9 if exact > 0 else -steps * step_e9
        rest = exact - whole_e9 * report.denominator
        paid = rest * price_e9 * self._terms_of(instrument_id).multiplier_e9
        cents = _nearest(paid, report.denominator * _CENT_E27)
        self._quantities_e9[instrument_id] = whole_e9
        self._cash_e27 += cents * _CENT_E27

    def rename(self, report: SymbolChangedReport) -> None:
        """Moves what is held of an instrument to its new id. Give the new catalogue after it."""
        for table in (self._quantities_e9, self._future_costs_e27):
            if report.instrument_id in table:
                table[report.new_instrument_id] = table.pop(report.instrument_id)

    def replace_catalog(self, catalog: InstrumentCatalog) -> None:
        """From now on this catalogue says what instruments are."""
        self._catalog = catalog
        self._terms.clear()

    # -- comparing --------------------------------------------------------------------------

    def differences(
        self,
        totals: AccountTotals,
        *,
        marks: Marks | None = None,
        instrument_id: str | None = None,
    ) -> tuple[LedgerDifference, ...]:
        """Every figure on which the totals do not equal the ledger; empty when all agree.

        Args:
            marks: at which ``totals.equity`` was taken; without them it is not compared.
            instrument_id: compare only this instrument (cash and fees always); None for all.
        """
        found: list[LedgerDifference] = []
        if not _is_equal(totals.cash, self._cash_e27):
            found.append(LedgerDifference("cash", self.cash, totals.cash))
        if not _is_equal(totals.fees, self._fees_e27):
            found.append(LedgerDifference("fees", self.fees, totals.fees))
        for key in self._ids(totals) if instrument_id is None else (instrument_id,):
            given = totals.quantities.get(key, ZERO)
            if not _is_equal(given, self._quantities_e9.get(key, 0) * _E18):
                found.append(LedgerDifference(f"quantity of {key}", self.quantity(key), given))
            cost = totals.future_costs.get(key, ZERO)
            if not _is_equal(cost, self._future_costs_e27.get(key, 0)):
                ours = self.future_cost(key)
                found.append(LedgerDifference(f"cost of future {key}", ours, cost))
        if marks is not None and totals.equity is not None:
            equity = self.equity(marks)
            if equity != totals.equity:
                found.append(LedgerDifference("equity", equity, totals.equity))
        return tuple(found)

    def _ids(self, totals: AccountTotals) -> list[str]:
        ids = {**self._quantities_e9, **self._future_costs_e27}
        return sorted({**ids, **totals.quantities, **totals.future_costs})

    def _terms_of(self, instrument_id: str) -> _Terms:
        terms = self._terms.get(instrument_id)
        if terms is None:
            instrument = self._catalog.tradable(instrument_id)
            multiplier_e9 = _scaled(instrument.multiplier, instrument_id, "multiplier")
            terms = _Terms(multiplier_e9, isinstance(instrument, Future))
            self._terms[instrument_id] = terms
        return terms

    def _value_e27(self, instrument_id: str, price: Decimal) -> int:
        price_e9 = _scaled(price, instrument_id, "settlement_price")
        quantity_e9 = self._quantities_e9.get(instrument_id, 0)
        return quantity_e9 * price_e9 * self._terms_of(instrument_id).multiplier_e9


def _scaled(value: Decimal, owner: str, field: str = "") -> int:
    """A decimal in billionths. Ratios of integers, so that no decimal context plays a part.

    Args:
        owner: whose number it is, and ``field`` which; for the words of an error only.
    """
    if not value.is_finite():
        raise _unbookable(value, owner, field, "no amount to be booked")
    numerator, denominator = value.as_integer_ratio()
    if denominator == 1:
        return numerator * _E9
    scaled, rest = divmod(numerator * _E9, denominator)
    if rest:
        raise _unbookable(value, owner, field, "more than nine decimals cannot be booked")
    return scaled


def _unbookable(value: Decimal, owner: str, field: str, reason: str) -> InvariantBrokenError:
    name = f"{owner}: {field}" if field else owner
    return InvariantBrokenError(f"{name} is {value}: {reason}")


def _is_equal(value: Decimal, value_e27: int) -> bool:
    """Whether a decimal is exactly so many parts; nothing that is not finite is.

    Ratios are compared by cross-multiplication: turning the parts into a decimal costs ten times
    as much, and agreement is what every fill asks for.
    """
    if not value:
        return not value_e27
    if not value.is_finite():
        return False
    numerator, denominator = value.as_integer_ratio()
    return numerator * _E27 == value_e27 * denominator


def _nearest(numerator: int, denominator: int) -> int:
    """The nearest whole number of a ratio; of two the even one."""
    whole, rest = divmod(numerator, denominator)
    is_above = 2 * rest > denominator or (2 * rest == denominator and whole % 2 == 1)
    return whole + 1 if is_above else whole


def _decimal(value_e27: int) -> Decimal:
    """The exact decimal without trailing zeros, built from text: reading one never rounds."""
    whole, fraction = divmod(abs(value_e27), _E27)
    sign = "-" if value_e27 < 0 else ""
    return Decimal(f"{sign}{whole}.{fraction:0{_PLACES}d}".rstrip("0").rstrip("."))
