"""The account's own ledger: what the sum of all books must equal, to the last digit.

It is kept from the same reports as the books but shares no arithmetic with them: plain Python
integers, on a scale fine enough that nothing is ever rounded. One mistake would have to be made
twice, in two ways, to stay unseen.

It is linear on purpose: it knows net quantities and the money that moved, no averages and no
realised gains, since those depend on how an account is cut into books. Shares and options move cash
when they trade. A future moves none: ``future_cost`` remembers the sum of what was paid less what
was received, so quantity x price less ``future_cost`` is everything that is not paid yet, on open
and on closed contracts alike, and the settlement turns it into cash.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import TypeVar

import msgspec

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

_T = TypeVar("_T")

_E9 = 10**9
_E18 = 10**18
# Quantity, price and multiplier have at most nine decimals each, so a product has at most 27.
_PLACES = 27
_E27 = 10**_PLACES


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


class LedgerDifference(msgspec.Struct, frozen=True):
    """One figure on which the ledger and the given totals do not agree."""

    figure: str
    ledger: Decimal
    given: Decimal

    def __str__(self) -> str:
        return f"{self.figure}: the account ledger says {self.ledger}, the books {self.given}"


def total_of_books(
    books: Iterable[Book], catalog: InstrumentCatalog, *, instrument_id: str | None = None
) -> AccountTotals:
    """Sums the books, in the books' own arithmetic, into what the ledger can be compared with.

    Args:
        instrument_id: only this one's quantity and cost are summed (cash and fees always are);
            None for all. After a change of one instrument that is enough.
    """
    cash, fees = ZERO, ZERO
    quantities: dict[str, Decimal] = {}
    future_costs: dict[str, Decimal] = {}
    for book in books:
        cash, fees = add(cash, book.cash), add(fees, book.fees)
        for key, position in _chosen(book.positions, instrument_id):
            quantities[key] = add(quantities.get(key, ZERO), position.quantity)
            if isinstance(catalog.get(key), Future):
                future_costs[key] = add(future_costs.get(key, ZERO), position.cost)
        for key, gain in _chosen(book.unsettled, instrument_id):
            future_costs[key] = subtract(future_costs.get(key, ZERO), gain)
    return AccountTotals(cash, fees, quantities, future_costs)


class AccountLedger:
    """Cash, fees, net quantities and unsettled futures of the account as a whole.

    Single writer: whoever folds the reports. A report that raises changes nothing. Duplicates are
    the caller's business, here every report counts.
    """

    __slots__ = ("_cash_e27", "_catalog", "_fees_e27", "_future_costs_e27", "_quantities_e9")

    def __init__(self, catalog: InstrumentCatalog, *, starting_cash: Decimal) -> None:
        self._catalog = catalog
        self._cash_e27 = _scaled(starting_cash, "starting_cash") * _E18
        self._fees_e27 = 0
        self._quantities_e9: dict[str, int] = {}
        self._future_costs_e27: dict[str, int] = {}

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
                total += quantity_e9 * price_e9 * self._multiplier_e9(instrument_id)
        return _decimal(total)

    # -- folding ----------------------------------------------------------------------------

    def apply_fill(self, fill: OrderFilledReport | ExternalFillReport) -> None:
        """Books an execution.

        Raises:
            UnknownInstrumentError: nobody can trade it.
            InvariantBrokenError: a figure with more than nine decimals cannot be kept exactly.
        """
        instrument_id = fill.instrument_id
        is_future = isinstance(self._catalog.tradable(instrument_id), Future)
        quantity_e9 = _scaled(fill.last_qty, f"{fill.trade_id}: last_qty")
        if fill.side is OrderSide.SELL:
            quantity_e9 = -quantity_e9
        price_e9 = _scaled(fill.last_px, f"{fill.trade_id}: last_px")
        fee_e27 = _scaled(fill.commission, f"{fill.trade_id}: commission") * _E18
        amount_e27 = quantity_e9 * price_e9 * self._multiplier_e9(instrument_id)

        self._quantities_e9[instrument_id] = self._quantities_e9.get(instrument_id, 0) + quantity_e9
        self._fees_e27 += fee_e27
        self._cash_e27 -= fee_e27
        if is_future:
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
        if not isinstance(self._catalog.tradable(instrument_id), Future):
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
        pairs = [("cash", self.cash, totals.cash), ("fees", self.fees, totals.fees)]
        ids = self._ids(totals) if instrument_id is None else (instrument_id,)
        for key in ids:
            given = totals.quantities.get(key, ZERO)
            pairs.append((f"quantity of {key}", self.quantity(key), given))
            cost = totals.future_costs.get(key, ZERO)
            pairs.append((f"cost of future {key}", self.future_cost(key), cost))
        if marks is not None and totals.equity is not None:
            pairs.append(("equity", self.equity(marks), totals.equity))
        return tuple(
            LedgerDifference(figure, ours, theirs)
            for figure, ours, theirs in pairs
            if ours != theirs
        )

    def _ids(self, totals: AccountTotals) -> list[str]:
        ids = {**self._quantities_e9, **self._future_costs_e27}
        return sorted({**ids, **totals.quantities, **totals.future_costs})

    def _multiplier_e9(self, instrument_id: str) -> int:
        multiplier = self._catalog.tradable(instrument_id).multiplier
        return _scaled(multiplier, f"{instrument_id}: multiplier")

    def _value_e27(self, instrument_id: str, price: Decimal) -> int:
        price_e9 = _scaled(price, f"{instrument_id}: settlement_price")
        quantity_e9 = self._quantities_e9.get(instrument_id, 0)
        return quantity_e9 * price_e9 * self._multiplier_e9(instrument_id)


def _chosen(values: Mapping[str, _T], key: str | None) -> Iterable[tuple[str, _T]]:
    """All entries, or the one that is asked for."""
    if key is None:
        return values.items()
    return ((key, values[key]),) if key in values else ()


def _scaled(value: Decimal, name: str) -> int:
    """A decimal in billionths. Ratios of integers, so that no decimal context plays a part."""
    if not value.is_finite():
        raise InvariantBrokenError(f"{name} is {value}: no amount to be booked")
    numerator, denominator = value.as_integer_ratio()
    scaled, rest = divmod(numerator * _E9, denominator)
    if rest:
        raise InvariantBrokenError(f"{name} is {value}: more than nine decimals cannot be booked")
    return scaled


def _decimal(value_e27: int) -> Decimal:
    """The exact decimal without trailing zeros, built from text: reading one never rounds."""
    whole, fraction = divmod(abs(value_e27), _E27)
    sign = "-" if value_e27 < 0 else ""
    return Decimal(f"{sign}{whole}.{fraction:0{_PLACES}d}".rstrip("0").rstrip("."))
