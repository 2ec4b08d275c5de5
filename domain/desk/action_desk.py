"""Corporate actions during a run: withdraw what works, wait for its end, then apply.

A venue cancels the orders on an instrument itself when its shares split, and what filled until then
was in old shares. So an action waits until nothing of ours works on the instrument any more: its
orders are withdrawn at once, fills that were under way are booked in old shares, and no new order
is approved meanwhile. In a backtest the withdrawal is confirmed before the next input, so the
action takes effect in the moment in which it came. An order that stays UNKNOWN holds the action up
until the venue's word about it is handed in; the waiting event names it.

Refusing late fills after an action that is applied at once was rejected: the venue's word about
money always wins, and a fill in old shares after the split would have to be guessed at.

Not covered: a fill that is reported after the venue reported its order's end (it is booked as
reported), and what a strategy knows under an old symbol: its subscriptions and parameters are its
own, so one that names the old id has to be configured anew.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any, ClassVar, assert_never

from orchestrion.domain.capital.corporate_action import (
    CorporateActionError,
    CorporateActionReport,
    LotSizeApplied,
    LotSizeChangedReport,
    SplitApplied,
    SplitReport,
    SymbolApplied,
    SymbolChangedReport,
    apply_lot_size,
    apply_split,
    apply_symbol_change,
    price_after_split,
)
from orchestrion.domain.desk.desk_act import Act, Acts, HoldingsRestated, WithdrawOrders
from orchestrion.domain.desk.desk_event import (
    CorporateActionAppliedEvent,
    CorporateActionRefusedEvent,
    CorporateActionWaitingEvent,
)
from orchestrion.domain.errors import UnknownInstrumentError
from orchestrion.domain.models.instrument import Future, OptionContract
from orchestrion.domain.models.market import MarketSlice, TradeTick
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.order import Leg, Order, OrderStatus
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager

WITHDRAWN_LABEL = "corporate action: withdrawn"

_NO_AMOUNTS: Mapping[str, Decimal] = MappingProxyType({})
_Applied = SplitApplied | LotSizeApplied | SymbolApplied


class ActionDesk:
    """Applies corporate actions, each when its instrument is at rest, in the order they came."""

    STATE: ClassVar[Mapping[str, Any]] = {"_waiting": tuple[CorporateActionReport, ...]}

    def __init__(self, capital: PortfolioCapitalManager) -> None:
        self._capital = capital
        self._waiting: tuple[CorporateActionReport, ...] = ()

    @property
    def is_waiting(self) -> bool:
        """Whether an action waits, so that quantities and prices may not fit each other."""
        return bool(self._waiting)

    def suspends(self, legs: Iterable[Leg]) -> str:
        """Why an order of these legs cannot be approved now; empty when it can."""
        for report in self._waiting:
            for leg in legs:
                if self._concerns(report, leg.instrument_id):
                    return f"{leg.instrument_id}: a {_name(report)} waits for working orders to end"
        return ""

    def take(self, report: CorporateActionReport, now: int) -> Acts:
        """Applies an action, or withdraws what works on its instrument and keeps it waiting."""
        try:
            self._outcome(report)
        except (CorporateActionError, UnknownInstrumentError) as fault:
            return (_refused(report, fault),)
        working = self._working_on(report)
        if not working and not self._is_behind(report, self._waiting):
            return self._apply(report, now)
        self._waiting = (*self._waiting, report)
        asked = tuple(one for one in working if one.status is not OrderStatus.PENDING_CANCEL)
        waits = CorporateActionWaitingEvent(
            instrument_id=report.instrument_id,
            action=_name(report),
            client_order_ids=tuple(one.client_order_id for one in working),
        )
        return (WithdrawOrders(asked, WITHDRAWN_LABEL), waits) if asked else (waits,)

    def resume(self, now: int) -> Acts:
        """Applies what waited for orders that have ended by now."""
        acts: list[Act] = []
        still: tuple[CorporateActionReport, ...] = ()
        for report in self._waiting:
            if self._working_on(report) or self._is_behind(report, still):
                still = (*still, report)
            else:
                acts += self._apply(report, now)
        self._waiting = still
        return tuple(acts)

    def _is_behind(
        self, report: CorporateActionReport, earlier: tuple[CorporateActionReport, ...]
    ) -> bool:
        return any(self._concerns(one, report.instrument_id) for one in earlier)

    def _concerns(self, report: CorporateActionReport, instrument_id: str) -> bool:
        """A split changes the contracts on a share too; a new symbol, what they are quoted by."""
        if instrument_id == report.instrument_id:
            return True
        instrument = self._capital.catalog.get(instrument_id)
        return (
            not isinstance(report, LotSizeChangedReport)
            and isinstance(instrument, (Future, OptionContract))
            and instrument.underlying_id == report.instrument_id
        )

    def _working_on(self, report: CorporateActionReport) -> list[Order]:
        return [
            order
            for book_id in self._capital.books
            for order in self._capital.working_orders(book_id).values()
            if any(self._concerns(report, leg.instrument_id) for leg in order.legs)
        ]

    def _outcome(self, report: CorporateActionReport) -> _Applied:
        books, catalog = self._capital.books, self._capital.catalog
        match report:
            case SplitReport():
                return apply_split(report, books, catalog)
            case LotSizeChangedReport():
                return apply_lot_size(report, books, catalog)
            case SymbolChangedReport():
                return apply_symbol_change(report, books, catalog)
            case _:
                assert_never(report)

    def _apply(self, report: CorporateActionReport, now: int) -> Acts:
        try:
            applied = self._outcome(report)
        except (CorporateActionError, UnknownInstrumentError) as fault:
            return (_refused(report, fault),)
        before = dict(self._capital.books)
        detail, changed = self._book(report, applied, now)
        odd_lots = applied.odd_lots if isinstance(applied, LotSizeApplied) else ()
        event = CorporateActionAppliedEvent(
            instrument_id=report.instrument_id,
            action=_name(report),
            detail=detail,
            cash_in_lieu=applied.cash_in_lieu if isinstance(applied, SplitApplied) else _NO_AMOUNTS,
            odd_lots={one.book_id: one.quantity for one in odd_lots},
        )
        changes = tuple((before[one.book_id], one) for one in changed)
        return (HoldingsRestated(report, changes), event)

    def _book(
        self, report: CorporateActionReport, applied: _Applied, now: int
    ) -> tuple[str, tuple[Book, ...]]:
        """(what was done, in words; the changed books)."""
        capital = self._capital
        if isinstance(report, SplitReport) and isinstance(applied, SplitApplied):
            price = capital.marks.price(report.instrument_id)
            if price is not None:
                self._mark(report.instrument_id, price_after_split(report, price), now)
            words = f"{report.numerator} for {report.denominator}"
            return words, capital.replace_books(applied.books)
        if isinstance(report, SymbolChangedReport) and isinstance(applied, SymbolApplied):
            price = capital.marks.price(report.instrument_id)
            if price is not None:
                self._mark(report.new_instrument_id, price, now)
            words = f"renamed {report.new_instrument_id}"
            return words, capital.change(applied.books, applied.catalog)
        if isinstance(report, LotSizeChangedReport) and isinstance(applied, LotSizeApplied):
            capital.replace_catalog(applied.catalog)
            return f"trades in multiples of {report.lot_size:f}", ()
        raise TypeError(f"{_name(report)} has no such outcome")

    def _mark(self, instrument_id: str, price: Decimal, now: int) -> None:
        """Until the next price comes, the last one says what it is worth under the new terms."""
        self._capital.mark(MarketSlice.of((TradeTick(instrument_id, now, to_e9(price)),)))


def _refused(report: CorporateActionReport, fault: Exception) -> CorporateActionRefusedEvent:
    return CorporateActionRefusedEvent(
        instrument_id=report.instrument_id, action=_name(report), reason=str(fault)
    )


def _name(report: CorporateActionReport) -> str:
    return type(report).__name__


__all__ = ["WITHDRAWN_LABEL", "ActionDesk"]
