"""The venue of a backtest, and of paper trading: orders in, reports out, the same every time.

No clock, no randomness, no thread: time is the slices' and the sessions', ids are counted (``V1``,
``T1``). The venue sees each slice before any strategy does; how and at what price orders fill is
``matching``'s theory. Here lives the life of an order:

    DAY       until the close of the first session that could have filled it: one in which a slice
              had a usable price for every leg, or which it saw from the start. An order decided at
              the close of one day lives through the next day's close.
    GTC       until it fills, is cancelled or its instrument ends
    IOC, FOK  the first slice with a usable price for every leg fills it or ends it; at the latest
              it ends with its session, as DAY
    GTD       prices up to and including ``expire_ts``; it ends with the slice or close that gets
              there

A future or option ends with the first slice whose ``ts_event`` is at or after its ``expiry_ts``; in
that slice prices up to ``expiry_ts`` still trade. Then it settles at the underlying's price of that
slice, or the last seen one: an option at intrinsic value. Only the net position is known here, and
two strategies may hold opposite sides of it, so settlements and expiries are reported for whatever
was ever traded, not just for what is net held.

Reports of one slice come in this order: fills by submission then leg; orders that ended, by
submission; ended instruments by id. At a session's close: orders that ended, by submission;
settlements by id.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from orchestrion.adapters.venue.account import VenueAccount
from orchestrion.adapters.venue.fees import NO_FEE, FeeSchedule, LegTrade
from orchestrion.adapters.venue.last_price import LastPrices
from orchestrion.adapters.venue.matching import Execution, SlicePrices, match_order
from orchestrion.adapters.venue.order_entry import entry_fault, expiry_of, working_order
from orchestrion.adapters.venue.seen_ids import SeenIds
from orchestrion.adapters.venue.slippage import SlippageModel
from orchestrion.adapters.venue.working_order import (
    FOREVER,
    Deadlines,
    OpenOrders,
    WorkingLeg,
    WorkingOrder,
)
from orchestrion.domain.capital.corporate_action import (
    CorporateActionReport,
    LotSizeChangedReport,
    SplitReport,
    SymbolChangedReport,
    apply_lot_size,
    apply_symbol_change,
)
from orchestrion.domain.errors import ConfigurationError, InvariantBrokenError, MarketDataError
from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, SubmitOrder
from orchestrion.domain.models.instrument import Future, Index, InstrumentCatalog, OptionContract
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.money import MAGNITUDE_MAX, from_e9
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.models.report import (
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
    VenueReport,
)


class SimulatedVenue:
    """One account at one simulated venue. Synchronous; its caller is its only writer.

    Attributes:
        now: the latest time it was shown, nanoseconds UTC.
        duplicates_ignored: commands that came again under a ``client_order_id`` already seen.
    """

    def __init__(
        self,
        catalog: InstrumentCatalog,
        *,
        fees: FeeSchedule,
        slippage: SlippageModel,
        starting_cash: Decimal,
    ) -> None:
        """
        Raises:
            ConfigurationError: starting cash that is negative or no number.
        """
        if not starting_cash.is_finite() or not 0 <= starting_cash < MAGNITUDE_MAX:
            raise ConfigurationError(f"starting_cash must be finite and >= 0, got {starting_cash}")
        self.now = 0
        self.duplicates_ignored = 0
        self._catalog = catalog
        self._fees = fees
        self._is_free = fees.is_free
        self._slippage = slippage
        self._account = VenueAccount(starting_cash)
        self._orders = OpenOrders()
        self._last_prices = LastPrices(_underlying_ids(catalog))
        self._expiries = Deadlines()
        self._order_ends = Deadlines()
        self._submitted = SeenIds()
        self._cancels = SeenIds()
        self._listed: set[str] = set()
        self._acknowledgements: list[VenueReport] = []
        self._accepted_count = 0
        self._trade_count = 0

    # -- commands ---------------------------------------------------------------------------

    def submit(self, command: ApprovedCommand) -> None:
        """Takes an order or a cancel; what became of it comes with ``take_reports``.

        Raises:
            TypeError: no approved command, or one that holds neither an order nor a cancel.
        """
        _require_kind(command, ApprovedCommand, "ApprovedCommand")
        _require_kind(command.command, (SubmitOrder, CancelOrder), "SubmitOrder or CancelOrder")
        match command.command:
            case SubmitOrder() as order:
                if self._is_new(command.client_order_id, self._submitted):
                    self._enter(order, command)
            case CancelOrder() as cancel:
                if self._is_new(command.client_order_id, self._cancels):
                    self._cancel(cancel.client_order_id, max(self.now, command.ts_decided))

    def take_reports(self) -> tuple[VenueReport, ...]:
        """Acknowledgements made since the last call, in the order of the commands."""
        reports = tuple(self._acknowledgements)
        self._acknowledgements.clear()
        return reports

    def _is_new(self, client_order_id: str, seen: SeenIds) -> bool:
        # What still works is known however long ago it came.
        if seen.is_new(client_order_id) and self._orders.get(client_order_id) is None:
            return True
        self.duplicates_ignored += 1
        return False

    def _enter(self, order: SubmitOrder, command: ApprovedCommand) -> None:
        client_order_id, ts = command.client_order_id, max(self.now, command.ts_decided)
        fault = entry_fault(order, self._catalog, ts)
        if fault is not None:
            self._acknowledgements.append(
                OrderRejectedReport(client_order_id=client_order_id, reason=fault, ts_event=ts)
            )
            return
        self._accepted_count += 1
        accepted = working_order(
            order,
            self._catalog,
            client_order_id=client_order_id,
            sequence=self._accepted_count,
            earliest=command.ts_decided,
        )
        self._orders.add(accepted)
        self._watch(accepted)
        self._acknowledgements.append(
            OrderAcceptedReport(
                client_order_id=client_order_id,
                venue_order_id=accepted.venue_order_id,
                ts_event=ts,
            )
        )

    def _watch(self, order: WorkingOrder) -> None:
        """Notes when the order and its instruments end, and whose prices settlements will need."""
        if order.expire_ts != FOREVER:
            self._order_ends.add(order.expire_ts, order.client_order_id)
        for leg in order.legs:
            instrument = leg.instrument
            expiry_ts = expiry_of(instrument)
            if expiry_ts == FOREVER or instrument.instrument_id in self._listed:
                continue
            self._listed.add(instrument.instrument_id)
            self._expiries.add(expiry_ts, instrument.instrument_id)
            if isinstance(instrument, Future):
                self._last_prices.follow(instrument.instrument_id)

    def _cancel(self, client_order_id: str, ts: int) -> None:
        order = self._orders.get(client_order_id)
        if order is not None:
            self._orders.remove(order)
            self._acknowledgements.append(
                OrderCanceledReport(client_order_id=client_order_id, ts_event=ts)
            )
            return
        known = client_order_id in self._submitted
        self._acknowledgements.append(
            OrderCancelRejectedReport(
                client_order_id=client_order_id,
                reason="the order has ended" if known else "no such order",
                ts_event=ts,
            )
        )

    # -- market data ------------------------------------------------------------------------

    def on_slice(self, market_slice: MarketSlice) -> tuple[VenueReport, ...]:
        """Fills and ends what this slice fills and ends. Call it before a strategy sees the slice.

        Raises:
            MarketDataError: time goes back, or something expires whose underlying never had a
                price; no order, position or cash has changed then.
        """
        ts = market_slice.ts_event
        if ts < self.now:
            raise MarketDataError(f"slice of {ts} after time {self.now}: time must not go back")
        self.now = ts
        self._last_prices.see(market_slice)
        is_expiry = ts >= self._expiries.next_ts
        # The quiet path: most slices of a long run end here.
        if not is_expiry and not self._orders.count:
            return ()
        expired = self._due_expiries(ts) if is_expiry else []
        fills, lapsed = self._match(market_slice)
        lapsed += self._ended_orders(ts)
        for report in expired:
            lapsed += self._orders.on_instrument(report.instrument_id)
        if not is_expiry and not lapsed:
            return tuple(fills)
        ended = self._end(lapsed, ts)
        self._close_out(expired, ts)
        return (*fills, *ended, *expired)

    def on_session_close(self, ts: int) -> tuple[VenueReport, ...]:
        """Ends what lives for a session and settles every future that was traded.

        Raises:
            MarketDataError: time goes back.
        """
        if ts < self.now:
            raise MarketDataError(
                f"session close {ts} after time {self.now}: time must not go back"
            )
        self.now = ts
        lapsed = self._ended_orders(ts)
        for order in self._orders:
            if order.ends_with_session and (order.had_chance or order.survived_close):
                lapsed.append(order)
            order.survived_close = True
        return (*self._end(lapsed, ts), *self._settle_futures(ts))

    def portfolio_state(self, ts: int) -> PortfolioState:
        """Cash and net quantities by instrument id, stamped with ``ts``."""
        return self._account.state(ts)

    def _match(
        self, market_slice: MarketSlice
    ) -> tuple[list[OrderFilledReport], list[WorkingOrder]]:
        """Fills what fills; returns the fills and the immediate orders that missed their chance."""
        fills: list[OrderFilledReport] = []
        missed: list[WorkingOrder] = []
        touched = self._orders.touched_by(market_slice)
        if not touched:
            return fills, missed
        prices = SlicePrices(market_slice)
        for order in touched:
            executions = match_order(order, prices, self._slippage)
            if executions is None:
                continue
            order.had_chance = True
            if executions:
                self._orders.remove(order)
                fills += self._book(order, executions)
            elif order.is_immediate:
                missed.append(order)
        return fills, missed

    def _book(
        self, order: WorkingOrder, executions: tuple[Execution, ...]
    ) -> list[OrderFilledReport]:
        legs = order.legs
        prices = [from_e9(execution.price_e9) for execution in executions]
        fees = self._fees_of(legs, prices)
        reports: list[OrderFilledReport] = []
        for i, leg in enumerate(legs):
            price, fee, execution = prices[i], fees[i], executions[i]
            signed = leg.quantity if leg.side.sign > 0 else leg.quantity.copy_negate()
            self._account.trade(leg.instrument, signed_quantity=signed, price=price, fee=fee)
            self._trade_count += 1
            reports.append(
                OrderFilledReport(
                    client_order_id=order.client_order_id,
                    venue_order_id=order.venue_order_id,
                    trade_id=f"T{self._trade_count}",
                    leg_index=i,
                    instrument_id=leg.instrument.instrument_id,
                    side=leg.side,
                    last_qty=leg.quantity,
                    last_px=price,
                    commission=fee,
                    ts_event=execution.ts_event,
                    liquidity_side=execution.liquidity_side,
                )
            )
        return reports

    def _fees_of(self, legs: tuple[WorkingLeg, ...], prices: list[Decimal]) -> tuple[Decimal, ...]:
        if self._is_free:
            return (NO_FEE,) * len(legs)
        trades = zip(legs, prices, strict=True)
        return self._fees.commissions(
            [LegTrade(leg.instrument, leg.quantity, price) for leg, price in trades]
        )

    def on_corporate_action(self, report: CorporateActionReport) -> None:
        """Follows an action that was applied to the books: holdings and instruments change. Nothing
        works on the instrument then, its orders were withdrawn before."""
        match report:
            case SplitReport():
                self._account.split(report)
            case LotSizeChangedReport():
                self._catalog = apply_lot_size(report, {}, self._catalog).catalog
            case SymbolChangedReport(instrument_id=old, new_instrument_id=new):
                self._catalog = apply_symbol_change(report, {}, self._catalog).catalog
                instrument = self._catalog[new]
                self._last_prices.rename(old, new)
                if not isinstance(instrument, Index):
                    self._account.rename(old, instrument)
                    if old in self._listed:
                        self._listed.add(new)
                        self._expiries.add(expiry_of(instrument), new)

    # -- endings ----------------------------------------------------------------------------

    def _ended_orders(self, ts: int) -> list[WorkingOrder]:
        """Open GTD orders whose time is over."""
        if ts < self._order_ends.next_ts:
            return []
        due = self._order_ends.due(ts)
        self._order_ends.drop_due(ts)
        # An order that filled or was cancelled meanwhile is still on the list, not in the book.
        return [order for one in due if (order := self._orders.get(one)) is not None]

    def _end(self, lapsed: Iterable[WorkingOrder], ts: int) -> list[OrderExpiredReport]:
        """Takes orders out, each once however many reasons it has, in order of submission."""
        by_sequence = {order.sequence: order for order in lapsed}
        for order in by_sequence.values():
            self._orders.remove(order)
        return [
            OrderExpiredReport(client_order_id=order.client_order_id, ts_event=ts)
            for _, order in sorted(by_sequence.items())
        ]

    def _due_expiries(self, ts: int) -> list[InstrumentExpiredReport]:
        """Reports of what ends now and was traded or has an order; changes nothing."""
        return [
            InstrumentExpiredReport(
                instrument_id=instrument_id,
                settlement_price=self._final_price(instrument_id),
                ts_event=ts,
            )
            for instrument_id in self._expiries.due(ts)
            if self._account.has_traded(instrument_id) or self._orders.on_instrument(instrument_id)
        ]

    def _final_price(self, instrument_id: str) -> Decimal:
        instrument = self._catalog[instrument_id]
        if not isinstance(instrument, (Future, OptionContract)):
            raise InvariantBrokenError(f"{instrument_id} cannot expire")
        price_e9 = self._last_prices.price_e9(instrument.underlying_id)
        if price_e9 is None:
            raise MarketDataError(
                f"{instrument_id} expires, but its underlying {instrument.underlying_id} never had "
                "a price: add the underlying's series to the data"
            )
        price = from_e9(price_e9)
        return (
            instrument.intrinsic_value(price) if isinstance(instrument, OptionContract) else price
        )

    def _close_out(self, expired: Iterable[InstrumentExpiredReport], ts: int) -> None:
        for report in expired:
            self._account.close_out(report.instrument_id, report.settlement_price)
        for instrument_id in self._expiries.due(ts):
            self._last_prices.forget(instrument_id)
        self._expiries.drop_due(ts)

    def _settle_futures(self, ts: int) -> list[FutureSettledReport]:
        reports: list[FutureSettledReport] = []
        for instrument_id in self._account.traded_futures():
            price_e9 = self._last_prices.price_e9(instrument_id)
            if price_e9 is None:
                raise InvariantBrokenError(f"{instrument_id} was traded and never had a price")
            price = from_e9(price_e9)
            self._account.settle(instrument_id, price)
            reports.append(
                FutureSettledReport(
                    instrument_id=instrument_id, settlement_price=price, ts_event=ts
                )
            )
        return reports


def _require_kind(value: object, kind: type | tuple[type, ...], name: str) -> None:
    if not isinstance(value, kind):
        raise TypeError(f"a venue takes {name}, not {type(value).__name__}")


def _underlying_ids(catalog: InstrumentCatalog) -> list[str]:
    return [
        instrument.underlying_id
        for instrument in catalog
        if isinstance(instrument, (Future, OptionContract))
    ]
