"""A run goes on at a venue that did not wait for it: nothing is lost, nothing is sent twice.

The first process sends orders and ends. Meanwhile things happen at the venue. The second process
recovers, asks, posts what it missed, and only then may send.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, List  # noqa: UP035 - the port's own spelling

import pytest

from orchestrion.actors.restart_messages import Reconciled
from orchestrion.actors.system import SystemSettings, TradingSystem, build_system
from orchestrion.adapters.journal.memory_store import MemoryStore
from orchestrion.adapters.reconciliation import assign_difference, reconcile
from orchestrion.adapters.recovery import Resumed, resume_run
from orchestrion.adapters.session import NoVenueModel, TradingSession
from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.models.command import ApprovedCommand, StrategyCommand
from orchestrion.domain.models.market import Bar, MarketSlice
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.order import OrderSide, OrderStatus
from orchestrion.domain.models.portfolio import EXTERNAL, PortfolioState
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.models.strategy import StrategyView
from orchestrion.domain.orchestration.reconciliation import Mismatch
from orchestrion.runtime.journal import Journal, JournalHeader, RecordKind
from orchestrion.runtime.shell import AsyncHost
from tests.fakes import MINUTE_NS, START, Remembering, Script, following, header, orchestrator_of
from tests.fakes_clock import virtual_backend as anyio_backend
from tests.fakes_port import CATALOG
from tests.fakes_venue_client import FakeVenue, FakeVenueClient, Fate

__all__ = ["anyio_backend"]
pytestmark = pytest.mark.anyio
CAPITAL = Decimal(1_000_000)


def slice_at(number: int) -> MarketSlice:
    price, ts = to_e9(Decimal(100)), START + number * MINUTE_NS
    return MarketSlice.of([Bar("ABC", ts, ts, price, price, price, price)])


class DirectPort:
    """Hands commands to the venue at once; ``is_cut``: they do not arrive any more."""

    def __init__(self, venue: FakeVenue) -> None:
        self.venue = venue
        self.is_cut = False
        self.handed: list[ApprovedCommand] = []

    def execute_commands(self, commands: List[StrategyCommand]) -> None:  # noqa: UP006
        for one in commands:
            assert isinstance(one, ApprovedCommand)
            self.handed.append(one)
            if not self.is_cut:
                self.venue.take(one)
                self.venue._arrived_s.setdefault(one.client_order_id, 0.0)

    def get_portfolio_state(self) -> PortfolioState:
        return self.venue.state()


class Process:
    """One process of the run."""

    def __init__(self, resumed: Resumed, venue: FakeVenue) -> None:
        self.resumed = resumed
        self.port = DirectPort(venue)
        self.host = AsyncHost(deadline_s=1.0)
        self.session = TradingSession(
            resumed.system,
            self.port,
            NoVenueModel(),
            resumed.journal,
            self.host,
            is_data_recorded=True,
        )

    async def hear(self) -> None:
        """Everything that the venue has said."""
        while self.port.venue.unread:
            report = self.port.venue.unread.pop(0)
            await self.session.report(report, self.resumed.system.machine.now)


class Account:
    """A run, its journal and its venue, over several processes."""

    def __init__(self, script: Callable[[], Script]) -> None:
        self.venue = FakeVenue()
        self.store = MemoryStore()
        self.script = script

    def build(self, journal: Journal, _: JournalHeader) -> TradingSystem:
        factories = following({"alpha": self.script(), "beta": Script()}, Remembering)
        return build_system(
            orchestrator_of({one: make() for one, make in factories.items()}, capital=CAPITAL),
            factories,
            CATALOG,
            journal,
            SystemSettings(order_id_prefix="T"),
        )

    async def first(self, count: int = 2, **changes: Any) -> Process:
        process = Process(resume_run(self.store, header(), self.build), self.venue)
        for name, value in changes.items():
            setattr(process.port, name, value)
        async with process.host:
            await process.session.start(START)
            for number in range(count):
                await process.session.publish(slice_at(number))
        return process

    def second(self) -> Process:
        return Process(resume_run(self.store, header(), self.build), self.venue)

    def client(self) -> FakeVenueClient:
        client = FakeVenueClient(self.venue)
        client.is_connected = True
        return client


async def settled(process: Process, client: FakeVenueClient, **options: Any) -> Reconciled:
    await process.session.go_on()
    now = process.resumed.system.machine.now
    return await reconcile(process.session, client, now_ns=lambda: now, **options)


def entering() -> Script:
    return Script(on_event={0: lambda view: [view.buy("ABC", 10)]})


async def test_fill_while_nobody_listened_is_booked_and_told_once() -> None:
    told: list[OrderFilledReport] = []

    def protecting() -> Script:
        def protect(fill: OrderFilledReport, view: StrategyView) -> object:
            told.append(fill)
            return [view.sell("ABC", fill.last_qty)]

        return Script(on_event={0: lambda view: [view.buy("ABC", 10)]}, on_fill=protect)

    account = Account(protecting)
    await account.first()
    (sent,) = account.venue.open
    account.venue.fill(sent)

    process = account.second()
    assert [one.status for one in process.resumed.orders_to_ask] == [OrderStatus.UNKNOWN]
    async with process.host:
        found = await settled(process, account.client())
    assert found.mismatches == ()
    assert process.resumed.system.books["alpha"].quantity("ABC") == Decimal(10)
    assert [one.last_qty for one in told] == [Decimal(10)]
    (protection,) = process.port.handed  # what it answers leaves: trading goes on
    assert protection.client_order_id.startswith("T.1-")
    assert account.venue.entered(sent) == 0  # the first one was not sent a second time
    assert not process.resumed.system.is_held


async def test_order_that_never_arrived_expires_and_is_not_sent_again() -> None:
    account = Account(entering)
    await account.first(is_cut=True)
    process, client = account.second(), account.client()
    async with process.host:
        found = await settled(process, client)
    assert found.mismatches == ()
    assert process.resumed.system.open_orders == {}
    assert process.resumed.system.orchestrator.capital_manager.reserved("alpha") == 0
    assert process.port.handed == []
    # Asked before the visibility delay is over, "not known" means nothing.
    asked = [when for name, when in client.call_times_s if name == "query"]
    assert asked[-1] - asked[0] >= client.traits.visibility_delay_s


async def test_answer_is_asked_for_until_it_is_definite() -> None:
    account = Account(entering)
    await account.first()
    process, client = account.second(), account.client()
    client.will("query", Fate.BUSY, Fate.BUSY)
    async with process.host:
        found = await settled(process, client)
    assert found.mismatches == ()
    assert [one.status for one in process.resumed.system.open_orders.values()] == [
        OrderStatus.ACCEPTED
    ]


async def test_foreign_trade_keeps_everything_held_until_somebody_assigns_it() -> None:
    account = Account(entering)
    await account.first()
    account.venue.trade_elsewhere(OrderSide.BUY, Decimal(3))
    account.venue.unread.clear()
    process = account.second()
    system = process.resumed.system
    async with process.host:
        found = await settled(process, account.client(), cash_tolerance=None)
        assert found.mismatches == (Mismatch("ABC", "0", "3"),)
        assert system.is_held
        await process.session.publish(slice_at(2))
        assert process.port.handed == []

        with pytest.raises(LifecycleError, match="there is no book 'nobody'"):
            await assign_difference(
                process.session,
                instrument_id="ABC",
                quantity=Decimal(3),
                price=Decimal("99.5"),
                book_id="nobody",
            )
        await assign_difference(
            process.session,
            instrument_id="ABC",
            quantity=Decimal(3),
            price=Decimal("99.5"),
            book_id=EXTERNAL,
        )
        now = system.machine.now
        again = await reconcile(
            process.session, account.client(), now_ns=lambda: now, cash_tolerance=Decimal("0.25")
        )
    assert again.mismatches == ()
    assert not system.is_held
    assert system.books[EXTERNAL].quantity("ABC") == Decimal(3)
    assert system.books["alpha"].quantity("ABC") == Decimal(0)


async def test_cancel_that_was_on_its_way_is_asked_for_again() -> None:
    account = Account(
        lambda: Script(
            on_event={
                0: lambda view: [view.buy("ABC", 10)],
                1: lambda view: [view.cancel(one) for one in view.working_orders],
            }
        )
    )
    process = account.second()  # a first start
    async with process.host:
        await process.session.start(START)
        await process.session.publish(slice_at(0))
        await process.hear()
        process.port.is_cut = True
        await process.session.publish(slice_at(1))
    (order,) = process.resumed.system.open_orders.values()
    assert order.status is OrderStatus.PENDING_CANCEL

    process = account.second()
    async with process.host:
        await settled(process, account.client())
        await process.hear()
    assert account.venue.open == {}
    assert process.resumed.system.open_orders == {}


async def test_inputs_of_a_reconciliation_are_in_the_journal() -> None:
    account = Account(entering)
    await account.first()
    account.venue.fill(next(iter(account.venue.open)))
    process = account.second()
    async with process.host:
        await settled(process, account.client())
    names = [
        record.name
        for record in account.store.segments()[-1].reader.records()
        if record.kind is RecordKind.INPUT
    ]
    assert names == ["Restarted", "OrderAcceptedReport", "OrderFilledReport", "Reconciled"]
