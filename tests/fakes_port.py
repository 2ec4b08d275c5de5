"""A broker in memory that can do everything that brokers do, and a sound adapter to it.

The broker is the truth of the contract's own tests: adapters with planted faults
(``contract/test_contract_finds_faults.py``) are compared with what it did. ``BrokerDesk`` writes
every hook of the contract for it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from decimal import Decimal
from math import inf
from typing import Any

import anyio

from orchestrion.adapters.venue.order_entry import entry_fault
from orchestrion.domain.errors import PortUnavailableError
from orchestrion.domain.models.command import (
    ApprovedCommand,
    CancelOrder,
    StrategyCommand,
    SubmitOrder,
)
from orchestrion.domain.models.instrument import Equity, InstrumentCatalog
from orchestrion.domain.models.money import ZERO, add, multiply, subtract
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import NetPosition, PortfolioState
from orchestrion.domain.models.report import (
    ExternalFillReport,
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
    VenueReport,
)
from orchestrion.testing import OrchestrationPortContract
from orchestrion.testing.port_desk import PortSource

CATALOG = InstrumentCatalog([Equity(instrument_id="ABC"), Equity(instrument_id="XYZ")])
PRICE = Decimal("99.5")
COMMISSION = Decimal("0.25")


class MemoryBroker:
    """One account. It outlives its adapters.

    Attributes:
        history: everything it ever said, in order.
        unread: what no adapter has read yet.
    """

    def __init__(self) -> None:
        self.now = 0
        self.cash = Decimal(1_000_000)
        self.holdings: dict[str, Decimal] = {}
        self.open: dict[str, SubmitOrder] = {}
        self.filled: dict[str, list[Decimal]] = {}
        self.known: dict[str, SubmitOrder] = {}
        self.cancels: set[str] = set()
        self.venue_ids: dict[str, str] = {}
        self.history: list[VenueReport] = []
        self.unread: list[VenueReport] = []
        self.will_reject = False
        self.is_connected = True
        self.lets_arrive = True
        self._entered = 0
        self._trades = 0

    def say(self, report: VenueReport) -> None:
        self.history.append(report)
        self.unread.append(report)

    def take(self, approved: ApprovedCommand) -> None:
        self.now = max(self.now, approved.ts_decided)
        if isinstance(approved.command, CancelOrder):
            if approved.client_order_id not in self.cancels:
                self.cancels.add(approved.client_order_id)
                self._cancel(approved.command.client_order_id)
        elif approved.client_order_id not in self.known:
            self._enter(approved.client_order_id, approved.command)

    def _enter(self, client_order_id: str, order: SubmitOrder) -> None:
        fault = "not today" if self.will_reject else entry_fault(order, CATALOG, self.now)
        self.will_reject = False
        self.known[client_order_id] = order
        if fault is not None:
            self.say(
                OrderRejectedReport(
                    client_order_id=client_order_id, reason=fault, ts_event=self.now
                )
            )
            return
        self.open[client_order_id] = order
        self.filled[client_order_id] = [ZERO] * len(order.legs)
        self._entered += 1
        self.venue_ids[client_order_id] = f"B{self._entered}"
        self.say(
            OrderAcceptedReport(
                client_order_id=client_order_id,
                venue_order_id=self.venue_ids[client_order_id],
                ts_event=self.now,
            )
        )

    def _cancel(self, client_order_id: str) -> None:
        if self.open.pop(client_order_id, None) is not None:
            self.say(OrderCanceledReport(client_order_id=client_order_id, ts_event=self.now))
            return
        self.say(
            OrderCancelRejectedReport(
                client_order_id=client_order_id, reason="not open", ts_event=self.now
            )
        )

    def fill(self, client_order_id: str, quantity: Decimal | None = None) -> None:
        order = self.known[client_order_id]
        filled = self.filled[client_order_id]
        for index, leg in enumerate(order.legs):
            left = subtract(leg.quantity, filled[index])
            traded = left if quantity is None else quantity
            filled[index] = add(filled[index], traded)
            self._book(leg.instrument_id, leg.side, traded)
            self.say(
                OrderFilledReport(
                    client_order_id=client_order_id,
                    venue_order_id=self.venue_ids[client_order_id],
                    trade_id=self._trade_id(),
                    leg_index=index,
                    instrument_id=leg.instrument_id,
                    side=leg.side,
                    last_qty=traded,
                    last_px=PRICE,
                    commission=COMMISSION,
                    ts_event=self.now,
                )
            )
        if all(done == leg.quantity for done, leg in zip(filled, order.legs, strict=True)):
            self.open.pop(client_order_id, None)

    def expire(self, client_order_id: str) -> None:
        del self.open[client_order_id]
        self.say(OrderExpiredReport(client_order_id=client_order_id, ts_event=self.now))

    def trade_elsewhere(self, side: OrderSide, quantity: Decimal) -> None:
        self._book("ABC", side, quantity)
        self.say(
            ExternalFillReport(
                trade_id=self._trade_id(),
                instrument_id="ABC",
                side=side,
                last_qty=quantity,
                last_px=PRICE,
                commission=COMMISSION,
                ts_event=self.now,
            )
        )

    def state(self) -> PortfolioState:
        positions = tuple(
            NetPosition(one, quantity)
            for one, quantity in sorted(self.holdings.items())
            if quantity
        )
        return PortfolioState(self.now, self.cash, positions)

    def _book(self, instrument_id: str, side: OrderSide, quantity: Decimal) -> None:
        is_buy = side is OrderSide.BUY
        signed = quantity if is_buy else quantity.copy_negate()
        self.holdings[instrument_id] = add(self.holdings.get(instrument_id, ZERO), signed)
        self.cash = subtract(subtract(self.cash, multiply(signed, PRICE)), COMMISSION)

    def _trade_id(self) -> str:
        self._trades += 1
        return f"T{self._trades}"


class SoundPort:
    """Keeps every duty. Reports wait in it until they are asked for, or a listener is told them."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker
        self.listeners: list[Callable[[VenueReport], None]] = []

    def execute_commands(self, commands: list[StrategyCommand]) -> None:
        for approved in self.checked(commands):
            self.send(approved)

    def checked(self, commands: Sequence[StrategyCommand]) -> list[ApprovedCommand]:
        approved = [one for one in commands if isinstance(one, ApprovedCommand)]
        if len(approved) < len(commands):
            raise TypeError("only ApprovedCommand may leave")
        return approved

    def send(self, approved: ApprovedCommand) -> None:
        if self.broker.is_connected or self.broker.lets_arrive:
            self.broker.take(approved)
        if not self.broker.is_connected:
            raise PortUnavailableError("no answer from the broker")

    def get_portfolio_state(self) -> PortfolioState:
        if not self.broker.is_connected:
            raise PortUnavailableError("no answer from the broker")
        return self.broker.state()

    def take_reports(self) -> Sequence[VenueReport]:
        if not self.broker.is_connected:
            return ()
        taken = tuple(self.broker.unread)
        self.broker.unread.clear()
        for report in taken:
            for listener in self.listeners:
                listener(report)
        return taken


class MarketDesk(OrchestrationPortContract):
    """What the broker in memory does, for any adapter behind which it stands.

    Hooks answer Any, so that a desk in an event loop may write them as coroutines.
    """

    second_instrument_id = "XYZ"

    def make_port(self) -> PortSource:
        self.broker = MemoryBroker()
        return self.make_port_to(self.broker)

    def make_port_again(self) -> PortSource:
        return self.make_port_to(self.broker)

    def make_port_to(self, broker: MemoryBroker) -> PortSource:
        return SoundPort(broker)

    def fill(self, client_order_id: str) -> Any:
        self._at_now().fill(client_order_id)

    def fill_part(self, client_order_id: str, quantity: Decimal) -> Any:
        self._at_now().fill(client_order_id, quantity)

    def fill_late(self, client_order_id: str) -> Any:
        self._at_now().fill(client_order_id)

    def reject_next(self) -> Any:
        self.broker.will_reject = True

    def expire(self, client_order_id: str) -> Any:
        self._at_now().expire(client_order_id)

    def trade_elsewhere(self, side: OrderSide, quantity: Decimal) -> Any:
        self._at_now().trade_elsewhere(side, quantity)

    def repeat_reports(self) -> Any:
        self.broker.unread.extend(self.broker.history)

    def _at_now(self) -> MemoryBroker:
        self.broker.now = max(self.broker.now, self.now)
        return self.broker


class BrokerDesk(MarketDesk):
    """Every hook there is, for adapters that talk to the broker itself."""

    def listen(self, listener: Callable[[VenueReport], None]) -> Any:
        assert isinstance(self.port, SoundPort)
        self.port.listeners.append(listener)

    def lose_connection(self, *, has_arrived: bool) -> Any:
        self.broker.is_connected, self.broker.lets_arrive = False, has_arrived

    def restore_connection(self) -> Any:
        self.broker.is_connected = True


class TaskPort(SoundPort):
    """The same in an event loop: a task of its own talks to the broker."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self._outbox, self._inbox = anyio.create_memory_object_stream[ApprovedCommand](inf)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[TaskPort]:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(self._talk)
            yield self
            tasks.cancel_scope.cancel()

    def execute_commands(self, commands: list[StrategyCommand]) -> None:
        for approved in self.checked(commands):
            self._outbox.send_nowait(approved)

    async def _talk(self) -> None:
        with self._outbox, self._inbox:
            async for approved in self._inbox:
                await anyio.lowlevel.checkpoint()  # stands for the network
                if self.broker.is_connected or self.broker.lets_arrive:
                    self.broker.take(approved)
