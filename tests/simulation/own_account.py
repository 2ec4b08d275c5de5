"""The account as an outsider reads it out of the journal: prices, ledger, holdings, standings.

It folds the text of the records, in integers, and imports nothing of the actors or of the rules.
Money is in 1e-18 of the account currency.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.simulation.market import BY_ID, E9
from tests.simulation.own_netting import OwnShared, cross_faults
from tests.simulation.own_order import OwnOrder, billionths, legs_of

EXTERNAL = "EXTERNAL"
ORDER_REPORTS = (
    "OrderAcceptedReport",
    "OrderRejectedReport",
    "OrderCanceledReport",
    "OrderCancelRejectedReport",
    "OrderExpiredReport",
)
_BEFORE_A_CROSS = ("SubmissionLost", "InternalCrossed", "Restarted")
"""Inputs that may come between a round and what it crosses inside."""
_STATUS_EVENTS = {
    "StrategyStartingEvent": "starting",
    "StrategyStartedEvent": "running",
    "StrategyResumedEvent": "running",
    "StrategyReducingEvent": "reducing",
    "StrategyRecoveredEvent": "running",
    "StrategyQuarantinedEvent": "quarantined",
    "StrategyStoppingEvent": "stopping",
    "StrategyStoppedEvent": "stopped",
    "StrategyRemovedEvent": "removed",
}


@dataclass(frozen=True)
class OwnStanding:
    status: str = "ready"
    mode: str = ""
    has_started: bool = False

    @property
    def hears(self) -> bool:
        """Whether it is told of market data."""
        if self.status == "paused":
            return self.has_started and self.mode != "frozen"
        return self.status in ("running", "reducing")

    def may_send(self, *, is_reducing: bool) -> bool:
        """Whether its own commands may leave."""
        if self.status in ("quarantined", "stopping", "stopped", "removed"):
            return False
        if self.status == "paused":
            return self.mode != "frozen" and is_reducing
        return is_reducing or self.status != "reducing"


class OwnAccount:
    """See the module's text.

    Attributes:
        marks: last price by instrument, billionths.
        held: book id -> instrument -> signed quantity, billionths.
        cash, fees: of the account.
        future_cost: what futures cost and was not settled.
        orders: by client id, from approval on.
        shared: orders for several owners, by the id that the venue knows.
        standings, before: now, and before the present input.
        faults: what is wrong with the inputs themselves; the reader takes them.
    """

    def __init__(self, capital: int, ids: tuple[str, ...]) -> None:
        self.marks: dict[str, int] = {}
        self.held: dict[str, dict[str, int]] = {}
        self.cash = capital * E9 * E9
        self.fees = 0
        self.future_cost: dict[str, int] = {}
        self.orders: dict[str, OwnOrder] = {}
        self.shared: dict[str, OwnShared] = {}
        self.venue_ids: dict[str, str] = {}
        self.faults: list[str] = []
        self._denied: dict[str, OwnOrder] = {}
        self._crosses: dict[str, None] = {}
        self._live: dict[str, OwnOrder] = {}
        self.standings = {one: OwnStanding() for one in ids}
        self.before = dict(self.standings)
        self.trading_state = self.trading_state_before = "ACTIVE"
        self.overfilled: list[str] = []
        self._external_trades: set[str] = set()
        self.flow_cash = self.flow_fees = 0
        self._flow: dict[str, Any] = {}
        self._folds: dict[str, Callable[[dict[str, Any]], None]] = {
            "MarketSlice": self._mark,
            "OrderFilledReport": self._fill,
            "InternalCrossed": self._cross,
            "ExternalFillReport": self._external,
            "SubmissionLost": self._lose,
            "Restarted": self._lose_under_way,
            "FutureSettledReport": self._settle,
            "CashFlowReport": self._remember_flow,
        }

    # -- inputs -----------------------------------------------------------------------------------

    def take_input(self, name: str, body: dict[str, Any]) -> None:
        """What an input means, before anybody has reacted."""
        self.before = dict(self.standings)
        self.trading_state_before = self.trading_state
        self.overfilled = []
        if self._denied and name not in _BEFORE_A_CROSS:
            self._end_denied()
        if name in ORDER_REPORTS:
            for order in self._orders_of(body["client_order_id"]):
                if order.is_open:
                    order.report(name)
        elif name in self._folds:
            self._folds[name](body)

    def _end_denied(self) -> None:
        """What was to be crossed of orders that may not leave is crossed by now."""
        for order in self._denied.values():
            if order.status == "INITIALIZED":
                order.status = "DENIED"
        self._denied.clear()

    def _lose(self, body: dict[str, Any]) -> None:
        for one in body["client_order_ids"]:
            for order in self._orders_of(one):
                order.lose()

    def _orders_of(self, client_order_id: str) -> list[OwnOrder]:
        """The orders that the venue means by an id."""
        if client_order_id in self.shared:
            return self.shared[client_order_id].owners
        order = self.orders.get(client_order_id)
        return [] if order is None else [order]

    def _lose_under_way(self, _: dict[str, Any]) -> None:
        """A process has ended: what it had under way is not known."""
        for order in self.open_orders():
            if order.status in ("SUBMITTED", "PENDING_CANCEL"):
                order.lose()

    def _remember_flow(self, body: dict[str, Any]) -> None:
        self._flow = body

    def _mark(self, body: dict[str, Any]) -> None:
        for item in body["items"]:
            kind = item["type"]
            if kind == "Bar":
                price = item["close_e9"]
            elif kind == "QuoteTick":
                price = (item["bid_e9"] + item["ask_e9"]) // 2
            else:
                price = item["price_e9"]
            self.marks[item["instrument_id"]] = price

    def _fill(self, fill: dict[str, Any]) -> None:
        if fill["client_order_id"] in self.shared:
            self._fill_shared(self.shared[fill["client_order_id"]], fill)
            return
        order = self.orders.get(fill["client_order_id"])
        if order is None or not order.fits(fill):
            self._external(fill)
            return
        if fill["trade_id"] in order.trade_ids:
            return
        order.trade_ids.add(fill["trade_id"])
        self._book(order.strategy_id, fill)
        order.fill(int(fill["leg_index"]), billionths(fill["last_qty"]))
        if order.is_overfilled:
            self.overfilled.append(order.strategy_id)

    def _fill_shared(self, shared: OwnShared, fill: dict[str, Any]) -> None:
        if not shared.fits(fill):
            self._external(fill)
            return
        if fill["trade_id"] in shared.trade_ids:
            return
        shared.trade_ids.add(fill["trade_id"])
        self._pay(fill)
        for owner in shared.owners:
            owner.has_traded = True
        for order, quantity in shared.divide(fill):
            self._move(order.strategy_id, shared.instrument_id, shared.sign * quantity)
            order.fill(0, quantity)
            if order.is_overfilled:
                self.overfilled.append(order.strategy_id)

    def _cross(self, body: dict[str, Any]) -> None:
        """Orders of the account have traded with each other."""
        if body["cross_id"] in self._crosses:
            return
        self._crosses[body["cross_id"]] = None
        self.faults += cross_faults(body, self.orders)
        for fill in body["fills"]:
            order = self.orders[fill["client_order_id"]]
            self._book(order.strategy_id, fill)
            order.cross(billionths(fill["last_qty"]))
        for one in body["ended"]:
            if self.orders[one].is_open:
                self.orders[one].status = "CANCELED"

    def _external(self, fill: dict[str, Any]) -> None:
        if fill["trade_id"] not in self._external_trades:
            self._external_trades.add(fill["trade_id"])
            self._book(EXTERNAL, fill)

    def _book(self, book_id: str, fill: dict[str, Any]) -> None:
        self._move(book_id, fill["instrument_id"], self._pay(fill))

    def _pay(self, fill: dict[str, Any]) -> int:
        """What a fill costs the account; returns its signed quantity."""
        key = fill["instrument_id"]
        quantity, price = billionths(fill["last_qty"]), billionths(fill["last_px"])
        signed = quantity if fill["side"] == "BUY" else -quantity
        one = BY_ID[key]
        amount = signed * price * one.multiplier
        if one.is_future:
            self.future_cost[key] = self.future_cost.get(key, 0) + amount
        else:
            self.cash -= amount
        fee = billionths(fill["commission"]) * E9
        self.cash -= fee
        self.fees += fee
        self.marks.setdefault(key, price)
        return signed

    def _move(self, book_id: str, key: str, signed: int) -> None:
        held = self.held.setdefault(book_id, {})
        held[key] = held.get(key, 0) + signed
        if not held[key]:
            del held[key]

    def _settle(self, body: dict[str, Any]) -> None:
        key = body["instrument_id"]
        price = billionths(body["settlement_price"])
        net = sum(held.get(key, 0) for held in self.held.values())
        value = net * price * BY_ID[key].multiplier
        self.cash += value - self.future_cost.get(key, 0)
        self.future_cost[key] = value

    # -- what was computed ------------------------------------------------------------------------

    def take_event(self, name: str, body: dict[str, Any]) -> None:
        """Events that say where somebody stands, or that money and holdings moved."""
        one = body.get("strategy_id", "")
        if name in _STATUS_EVENTS:
            self._move_standing(one, name)
        elif name == "StrategyPausedEvent":
            started = self.standings[one].has_started
            self.standings[one] = OwnStanding("paused", body["mode"], started)
        elif name == "StrategyAddedEvent":
            self.standings.setdefault(one, OwnStanding())
        elif name == "TradingStateChangedEvent":
            self.trading_state = body["state"]
        elif name == "PositionsHandedOverEvent":
            for key, quantity in body["quantities"].items():
                self._move(one, key, -billionths(quantity))
                self._move(body["heir_id"], key, billionths(quantity))
        elif name == "CashFlowBookedEvent":
            self._book_flow(body)
        elif name == "OrderStatusChangedEvent" and body["status"] == "DENIED":
            order = self._denied[body["client_order_id"]] = self.orders[body["client_order_id"]]
            order.is_denied = True

    def _move_standing(self, strategy_id: str, name: str) -> None:
        now = self.standings.get(strategy_id, OwnStanding())
        status, mode, started = _STATUS_EVENTS[name], "", now.has_started
        if name == "StrategyStartingEvent":
            started = True
            if now.status == "paused":
                status, mode = now.status, now.mode
        if name == "StrategyResumedEvent" and not started:
            status = "ready"
        self.standings[strategy_id] = OwnStanding(status, mode, started)

    def _book_flow(self, body: dict[str, Any]) -> None:
        amount = billionths(self._flow["amount"]) * E9
        kind = self._flow["kind"]
        if kind == "FEE":
            self.fees += amount
            self.flow_fees += amount
        cash = -amount if kind in ("FEE", "WITHDRAWAL") else amount
        self.cash += cash
        self.flow_cash += cash

    def take_approval(
        self, client_order_id: str, body: dict[str, Any], *, is_reducing: bool
    ) -> OwnOrder:
        """A decision that approves an order."""
        command = body["command"]
        order = OwnOrder(
            client_order_id,
            body["strategy_id"],
            legs_of(command),
            command["label"],
            is_reducing,
        )
        if command["order_type"] == "LIMIT":
            order.limit_e9 = billionths(command["limit_price"])
        self.orders[client_order_id] = self._live[client_order_id] = order
        return order

    def take_intent(self, body: dict[str, Any]) -> None:
        """An intent: an order leaves, or a cancel is asked for."""
        command = body["command"]
        if command["type"] == "SubmitOrder":
            for order in self._orders_of(body["client_order_id"]):
                order.submit()
            return
        for order in self._orders_of(command["client_order_id"]):
            if order.is_open:
                order.ask_cancel()

    def share(self, shared: OwnShared) -> None:
        """An order is about to leave for several owners."""
        self.shared[shared.client_order_id] = shared
        for owner in shared.owners:
            self.venue_ids[owner.client_order_id] = shared.client_order_id

    # -- figures ----------------------------------------------------------------------------------

    def open_orders(self, strategy_id: str | None = None) -> list[OwnOrder]:
        self._live = {key: one for key, one in self._live.items() if one.is_open}
        return [one for one in self._live.values() if strategy_id in (None, one.strategy_id)]

    @property
    def has_open_shared(self) -> bool:
        """Whether an order for several owners can still trade."""
        return any(order.client_order_id in self.venue_ids for order in self.open_orders())

    def net(self) -> dict[str, int]:
        total: dict[str, int] = {}
        for held in self.held.values():
            for key, quantity in held.items():
                total[key] = total.get(key, 0) + quantity
        return {key: quantity for key, quantity in total.items() if quantity}

    def equity(self) -> int:
        """Cash plus what is held at the marks; a future's gain since its cost."""
        total = self.cash
        for key, quantity in self.net().items():
            total += quantity * self.marks[key] * BY_ID[key].multiplier
        return total - sum(self.future_cost.values())
