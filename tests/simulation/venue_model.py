"""A venue that owns the truth and tells it badly.

Its own order book of client ids, its own positions and cash in integers; nothing of ours computes
here. Orders fill when the venue works them off, at prices of its own making. What it says is put
into an outbox, from where reports come late, twice, in another order or again after a reconnect;
nothing that it did is ever lost for good. It can time out before or after it accepted, be busy,
disconnect in the middle of a batch, fill too much, and trade for orders that nobody sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeAlias

import msgspec

from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, SubmitOrder
from orchestrion.domain.models.order import OrderSide, OrderType
from orchestrion.domain.models.report import (
    ExternalFillReport,
    FutureSettledReport,
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
    VenueReport,
)
from tests.simulation.chance import Chance
from tests.simulation.faults import Fault, FaultPlan
from tests.simulation.market import BY_ID, E9, TRADED, to_decimal, to_e9

Outgoing: TypeAlias = VenueReport
FEE_E9 = E9 // 4
"""Per fill."""
REPLAY_MAX = 40


class VenueError(Exception):
    """What a client sees of a time-out, a lost connection, a venue that is busy."""


@dataclass
class VenueLeg:
    instrument_id: str
    sign: int
    quantity: int
    filled: int = 0


@dataclass
class VenueOrder:
    """An order as the venue keeps it. ``accepts`` counts how often it was let in."""

    client_order_id: str
    venue_order_id: str
    legs: list[VenueLeg]
    limit_e9: int | None
    is_open: bool = True
    accepts: int = 1
    cancel_asked: bool = False
    said: list[Outgoing] = field(default_factory=list[Outgoing])


class VenueModel:
    """See the module's text. It is the port, too.

    Attributes:
        orders: by client id; the truth.
        positions: signed quantity by instrument.
        cash_e9, fees_e9: of the account.
        future_cost_e9: what futures cost and was not settled, by instrument.
        not_known: client ids that were sent and never accepted.
        lost: client ids whose call raised, to be asked about.
        submitted: every submit that was let in or turned down, by client id: how often.
        violations: what no venue should ever see.
        at_submit: called around every command that is taken; may end the caller's process.
    """

    def __init__(self, chance: Chance, plan: FaultPlan, capital_e9: int) -> None:
        self.orders: dict[str, VenueOrder] = {}
        self.positions: dict[str, int] = {}
        self.cash_e9 = capital_e9
        self.fees_e9 = 0
        self.future_cost_e9: dict[str, int] = {}
        self.lost: dict[str, None] = {}
        self.submitted: dict[str, int] = {}
        self.violations: list[str] = []
        self.prices_e9 = {one.instrument_id: one.start_e9 for one in TRADED}
        self.now = 0
        self.is_connected = True
        self.at_submit: Callable[[str], None] = lambda _: None
        self._chance = chance
        self._plan = plan
        self._outbox: list[Outgoing] = []
        self._told: list[Outgoing] = []
        self._trades = 0

    # -- the port ---------------------------------------------------------------------------------

    def take(self, commands: list[ApprovedCommand]) -> None:
        """
        Raises:
            VenueError: the caller cannot know what of the batch was taken.
        """
        if not self.is_connected:
            self._remember_lost(commands)
            raise VenueError("not connected")
        for place, approved in enumerate(commands):
            self.at_submit("during submit, before accept")
            fault = self._call_fault()
            if fault is Fault.TIMEOUT_NOT_ACCEPTED:
                self._remember_lost(commands[place:])
                raise VenueError("time-out")
            self._take_one(approved)
            self.at_submit("during submit, after accept")
            if fault is Fault.TIMEOUT_ACCEPTED:
                self._remember_lost(commands[place:])
                raise VenueError("time-out")
            if fault is Fault.DISCONNECT:
                self.is_connected = False
                self._remember_lost(commands[place:])
                raise VenueError("connection lost")

    def _call_fault(self) -> Fault | None:
        for fault in (Fault.TIMEOUT_NOT_ACCEPTED, Fault.TIMEOUT_ACCEPTED, Fault.DISCONNECT):
            if self._plan.strikes(fault, self._chance):
                return fault
        return None

    def _remember_lost(self, commands: list[ApprovedCommand]) -> None:
        for one in commands:
            command = one.command
            told = command.client_order_id if isinstance(command, CancelOrder) else ""
            self.lost[told or one.client_order_id] = None

    def _take_one(self, approved: ApprovedCommand) -> None:
        command = approved.command
        if isinstance(command, SubmitOrder):
            self._submit(approved.client_order_id, command)
        else:
            self._cancel(command.client_order_id)

    def _submit(self, client_order_id: str, command: SubmitOrder) -> None:
        seen = self.submitted.get(client_order_id, 0)
        self.submitted[client_order_id] = seen + 1
        if seen:
            self.violations.append(f"I9: {client_order_id} was submitted {seen + 1} times")
        if self._plan.strikes(Fault.ORDER_REJECTED, self._chance):
            self._say(self._rejected(client_order_id, "not today"))
            return
        if self._plan.strikes(Fault.VENUE_BUSY, self._chance):
            self._say(self._rejected(client_order_id, "rate limit"))
            return
        known = self.orders.get(client_order_id)
        if known is not None:
            known.accepts += 1
            return
        limit = command.limit_price
        order = VenueOrder(
            client_order_id,
            f"V{len(self.orders) + 1}",
            [
                VenueLeg(
                    leg.instrument_id,
                    1 if leg.side is OrderSide.BUY else -1,
                    to_e9(leg.quantity) // E9,
                )
                for leg in command.legs
            ],
            to_e9(limit) if limit is not None and command.order_type is OrderType.LIMIT else None,
        )
        self.orders[client_order_id] = order
        accepted = OrderAcceptedReport(
            client_order_id=client_order_id,
            venue_order_id=order.venue_order_id,
            ts_event=self.now,
        )
        if self._plan.strikes(Fault.FILL_EARLY, self._chance):
            self._trade(order)
        self._say(accepted, order)

    def _rejected(self, client_order_id: str, reason: str) -> OrderRejectedReport:
        return OrderRejectedReport(
            client_order_id=client_order_id, reason=reason, ts_event=self.now
        )

    def _cancel(self, client_order_id: str) -> None:
        order = self.orders.get(client_order_id)
        refused = OrderCancelRejectedReport(
            client_order_id=client_order_id, reason="too late", ts_event=self.now
        )
        if (
            order is None
            or not order.is_open
            or self._plan.strikes(Fault.CANCEL_REJECTED, self._chance)
        ):
            self._say(refused, order)
        else:
            order.cancel_asked = True

    # -- what it does by itself -------------------------------------------------------------------

    def work(self) -> None:
        """One step of the venue's own life: something open trades, or a cancel is carried out."""
        working = [one for one in self.orders.values() if one.is_open]
        if not working:
            return
        order = self._chance.pick(working)
        if order.cancel_asked:
            # The cancel wins on the wire; a fill that was made before it is told after it.
            is_late = self._plan.strikes(Fault.FILL_LATE, self._chance)
            self._close(
                order,
                OrderCanceledReport(client_order_id=order.client_order_id, ts_event=self.now),
            )
            if is_late:
                self._trade(order)
        else:
            self._trade(order)

    def _trade(self, order: VenueOrder) -> None:
        for index, leg in enumerate(order.legs):
            left = leg.quantity - leg.filled
            if left <= 0:
                continue
            lot = BY_ID[leg.instrument_id].lot
            count = left
            if self._plan.strikes(Fault.FILL_PARTIAL, self._chance):
                count = max(lot, self._chance.between(1, left) // lot * lot)
            elif self._plan.strikes(Fault.FILL_OVER, self._chance):
                count = left + lot * self._chance.between(1, 3)
            self._fill(order, index, leg, min(count, left) if count < left else count)
        if all(leg.filled >= leg.quantity for leg in order.legs):
            order.is_open = False

    def _fill(self, order: VenueOrder, index: int, leg: VenueLeg, quantity: int) -> None:
        leg.filled += quantity
        price_e9 = self._price_for(leg.instrument_id, leg.sign, order.limit_e9)
        sign = leg.sign
        if self._plan.strikes(Fault.FILL_WRONG_SIDE, self._chance):
            sign = -sign  # the venue traded the wrong way, and says so
            leg.filled -= quantity
        fee_e9 = self._book(leg.instrument_id, sign * quantity, price_e9)
        self._say(
            OrderFilledReport(
                client_order_id=order.client_order_id,
                venue_order_id=order.venue_order_id,
                trade_id=self._next_trade(),
                leg_index=index,
                instrument_id=leg.instrument_id,
                side=OrderSide.BUY if sign > 0 else OrderSide.SELL,
                last_qty=Decimal(quantity),
                last_px=to_decimal(price_e9),
                commission=to_decimal(fee_e9),
                ts_event=self.now,
            ),
            order,
        )

    def _price_for(self, instrument_id: str, sign: int, limit_e9: int | None) -> int:
        tick = BY_ID[instrument_id].tick_e9
        price = self.prices_e9[instrument_id] + self._chance.between(-3, 3) * tick
        if limit_e9 is not None:
            price = min(price, limit_e9) if sign > 0 else max(price, limit_e9)
        return max(price, tick)

    def _book(self, instrument_id: str, signed: int, price_e9: int) -> int:
        """Moves position and cash; returns the fee."""
        traded = BY_ID[instrument_id]
        amount = signed * price_e9 * traded.multiplier
        self.positions[instrument_id] = self.positions.get(instrument_id, 0) + signed
        if traded.is_future:
            cost = self.future_cost_e9.get(instrument_id, 0)
            self.future_cost_e9[instrument_id] = cost + amount
        else:
            self.cash_e9 -= amount
        self.cash_e9 -= FEE_E9
        self.fees_e9 += FEE_E9
        return FEE_E9

    def _next_trade(self) -> str:
        self._trades += 1
        return f"T{self._trades}"

    def _close(self, order: VenueOrder, report: Outgoing) -> None:
        order.is_open = False
        self._say(report, order)

    def trade_by_hand(self) -> None:
        """F8: somebody trades on the account with another program, or under a foreign id."""
        traded = self._chance.pick(TRADED)
        signed = traded.lot * self._chance.between(1, 4) * self._chance.pick((1, -1))
        price_e9 = self._price_for(traded.instrument_id, signed, None)
        side = OrderSide.BUY if signed > 0 else OrderSide.SELL
        fee = to_decimal(self._book(traded.instrument_id, signed, price_e9))
        if self._plan.strikes(Fault.FILL_UNKNOWN_ORDER, self._chance):
            self._say(
                OrderFilledReport(
                    client_order_id=f"other-{self._trades}",
                    venue_order_id="",
                    trade_id=self._next_trade(),
                    leg_index=0,
                    instrument_id=traded.instrument_id,
                    side=side,
                    last_qty=Decimal(abs(signed)),
                    last_px=to_decimal(price_e9),
                    commission=fee,
                    ts_event=self.now,
                )
            )
            return
        self._say(
            ExternalFillReport(
                trade_id=self._next_trade(),
                instrument_id=traded.instrument_id,
                side=side,
                last_qty=Decimal(abs(signed)),
                last_px=to_decimal(price_e9),
                commission=fee,
                ts_event=self.now,
            )
        )

    def settle(self) -> list[FutureSettledReport]:
        """The daily settlement: only when nothing is under way, as at a session's end."""
        reports: list[FutureSettledReport] = []
        for traded in TRADED:
            key = traded.instrument_id
            if not traded.is_future:
                continue
            price = self.prices_e9[key]
            value = self.positions.get(key, 0) * price * traded.multiplier
            self.cash_e9 += value - self.future_cost_e9.get(key, 0)
            self.future_cost_e9[key] = value
            reports.append(
                FutureSettledReport(
                    instrument_id=key, settlement_price=to_decimal(price), ts_event=self.now
                )
            )
        return reports

    # -- what it says -----------------------------------------------------------------------------

    def _say(self, report: Outgoing, order: VenueOrder | None = None) -> None:
        if order is not None:
            order.said.append(report)
        self._outbox.append(report)
        is_fill = isinstance(report, (OrderFilledReport, ExternalFillReport))
        if isinstance(report, OrderFilledReport) and self._plan.strikes(
            Fault.FILL_MALFORMED, self._chance
        ):
            self._outbox.append(malformed(report, self._chance))
        fault = Fault.FILL_DUPLICATE if is_fill else Fault.REPORT_DUPLICATE
        if self._plan.strikes(fault, self._chance):
            self._outbox.append(report)

    @property
    def told_count(self) -> int:
        """How many reports were handed over so far."""
        return len(self._told)

    def come_back(self, durable: int) -> None:
        """The client was started anew: what it may not have kept is said again."""
        self.is_connected = True
        self._outbox = [*self._told[durable:], *self._outbox]
        del self._told[durable:]

    @property
    def has_news(self) -> bool:
        return bool(self._outbox) and self.is_connected

    @property
    def has_anything_unsaid(self) -> bool:
        return bool(self._outbox)

    def next_report(self) -> Outgoing:
        """The oldest report, or with a fault any of them."""
        place = 0
        if len(self._outbox) > 1 and self._plan.strikes(Fault.REPORT_OUT_OF_ORDER, self._chance):
            place = self._chance.between(1, len(self._outbox) - 1)
        report = self._outbox.pop(place)
        self._told.append(report)
        return report

    def reconnect(self) -> None:
        """Everything that was said lately may be said again."""
        self.is_connected = True
        if self._told and self._plan.strikes(Fault.REPORTS_REPLAYED, self._chance):
            count = min(len(self._told), self._chance.between(1, REPLAY_MAX))
            self._outbox.extend(self._told[-count:])

    def answer_inquiry(self, client_order_id: str) -> list[Outgoing]:
        """What a query by client id brings: all that is known of the order, in order."""
        self.lost.pop(client_order_id, None)
        order = self.orders.get(client_order_id)
        if order is not None:
            said: list[Outgoing] = [
                OrderAcceptedReport(
                    client_order_id=client_order_id,
                    venue_order_id=order.venue_order_id,
                    ts_event=self.now,
                ),
                *order.said,
            ]
            return said
        if client_order_id in self.submitted:
            return [self._rejected(client_order_id, "was rejected")]
        return [OrderExpiredReport(client_order_id=client_order_id, ts_event=self.now)]

    def end_all(self) -> None:
        """The venue closes: what works is expired."""
        for order in self.orders.values():
            if order.is_open:
                self._close(
                    order,
                    OrderExpiredReport(client_order_id=order.client_order_id, ts_event=self.now),
                )


def malformed(report: OrderFilledReport, chance: Chance) -> OrderFilledReport:
    """A fill as a broken client library would hand it over."""
    name = chance.pick(("last_qty", "last_px", "commission"))
    bad = [Decimal("NaN"), Decimal("Infinity"), Decimal("1e30"), None, 1.5]
    if name == "last_qty":
        bad += [Decimal(0), Decimal(-1)]
    return msgspec.structs.replace(report, **{name: chance.pick(bad)})
