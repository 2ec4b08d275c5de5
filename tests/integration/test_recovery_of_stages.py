"""A process that dies while strategies of several stages still owe their answers: the next one ends
the round from the journal alone, stage by stage, before it asks or sends anything."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any, List  # noqa: UP035 - the port's own spelling

import anyio
import pytest

from orchestrion.actors.messages import StrategyRaised
from orchestrion.actors.system import SystemSettings, TradingSystem, build_system
from orchestrion.adapters.journal.memory_store import MemoryStore
from orchestrion.adapters.reconciliation import reconcile
from orchestrion.adapters.recovery import Resumed, resume_run
from orchestrion.adapters.session import NoVenueModel, TradingSession
from orchestrion.domain.models.command import ApprovedCommand, StrategyCommand
from orchestrion.domain.models.market import Bar, MarketSlice
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.models.strategy import StrategyView
from orchestrion.runtime.journal import Journal, JournalHeader, RecordKind
from orchestrion.runtime.shell import AsyncHost, AwaitCall
from tests.fakes import (
    MINUTE_NS,
    START,
    AsyncRemembering,
    AsyncScripted,
    Script,
    following,
    header,
    orchestrator_of,
)
from tests.fakes_clock import virtual_backend as anyio_backend
from tests.fakes_port import CATALOG
from tests.fakes_venue_client import FakeVenue, FakeVenueClient

__all__ = ["anyio_backend"]
pytestmark = pytest.mark.anyio
IDS = ("first", "second", "third")
DEPENDS_ON = {"second": {"depends_on": ("first",)}, "third": {"depends_on": ("second",)}}
CRASH_AT = 2
SLICES = 6


def slice_at(number: int) -> MarketSlice:
    price, ts = to_e9(Decimal(100)), START + number * MINUTE_NS
    return MarketSlice.of([Bar("ABC", ts, ts, price, price, price, price)])


class Port:
    """Hands commands to the venue at once."""

    def __init__(self, venue: FakeVenue) -> None:
        self.venue = venue

    def execute_commands(self, commands: List[StrategyCommand]) -> None:  # noqa: UP006
        for one in commands:
            assert isinstance(one, ApprovedCommand)
            self.venue.take(one)
            self.venue._arrived_s.setdefault(one.client_order_id, 0.0)
            self.venue.fill(one.client_order_id)

    def get_portfolio_state(self) -> PortfolioState:
        return self.venue.state()


class Account:
    """A run of three strategies, each in a stage of its own, over several processes."""

    def __init__(self, kind: Callable[[Script], Any]) -> None:
        self.kind = kind
        self.venue = FakeVenue()
        self.store = MemoryStore()
        self.is_waited_for = anyio.Event()

    def scripts(self, hanging: str) -> dict[str, Script]:
        """``hanging`` never answers bar ``CRASH_AT``."""

        async def gate(number: int) -> None:
            if number == CRASH_AT:
                self.is_waited_for.set()
                await anyio.sleep_forever()

        def trade(view: StrategyView) -> object:
            return [view.buy("ABC", 1)]

        return {one: Script(always=trade, gate=gate if one == hanging else None) for one in IDS}

    def resume(self, hanging: str = "") -> Resumed:
        scripts = self.scripts(hanging)

        def build(journal: Journal, _: JournalHeader) -> TradingSystem:
            factories = following(scripts, self.kind)
            return build_system(
                orchestrator_of(
                    {one: make() for one, make in factories.items()},
                    capital=Decimal(1_000_000),
                    metadata=DEPENDS_ON,
                ),
                factories,
                CATALOG,
                journal,
                SystemSettings(order_id_prefix="T"),
            )

        return resume_run(self.store, header(), build)

    def session(self, resumed: Resumed, host: AsyncHost) -> TradingSession:
        return TradingSession(
            resumed.system,
            Port(self.venue),
            NoVenueModel(),
            resumed.journal,
            host,
            is_data_recorded=True,
        )

    async def crash(self, hanging: str) -> None:
        """A process that trades, and ends while it waits for an answer."""
        resumed = self.resume(hanging)
        async with AsyncHost(deadline_s=1_000.0) as host, anyio.create_task_group() as tasks:
            session = self.session(resumed, host)

            async def trade() -> None:
                await session.start(START)
                for number in range(SLICES):
                    await session.publish(slice_at(number))
                    await self.hear(session)

            tasks.start_soon(trade)
            await self.is_waited_for.wait()
            tasks.cancel_scope.cancel()

    async def hear(self, session: TradingSession) -> None:
        while self.venue.unread:
            await session.report(self.venue.unread.pop(0), session.system.machine.now)

    def late(self) -> list[str]:
        """Whose answers the last process has given up."""
        names: list[str] = []
        for record in self.store.segments()[-1].reader.records():
            if record.kind is RecordKind.INPUT and record.name == StrategyRaised.__name__:
                names += [one for one in IDS if f'"{one}"'.encode() in record.body]
        return names


@pytest.mark.parametrize("kind", [AsyncRemembering, AsyncScripted])
@pytest.mark.parametrize("hanging", IDS)
async def test_round_of_several_stages_is_ended_by_the_recovery(kind: Any, hanging: str) -> None:
    account = Account(kind)
    await account.crash(hanging)

    resumed = account.resume()
    system = resumed.system
    left = [effect for _, effect in system.machine.take_effects()]
    assert [one for one in left if isinstance(one, AwaitCall)] == [], "nobody is asked any more"
    system.snapshot()  # raises while a round is open
    gives_snapshots = kind is AsyncRemembering
    still_due = IDS[IDS.index(hanging) :]
    # Who gives no snapshots is out at the restart, and is not told of the next stage.
    assert account.late() == list(still_due if gives_snapshots else still_due[:1])
    expected = "running" if gives_snapshots else "quarantined"
    assert [system.status(one) for one in IDS] == [expected] * 3


@pytest.mark.parametrize("hanging", IDS)
async def test_run_goes_on_behind_such_a_round_and_the_books_are_the_venues(hanging: str) -> None:
    account = Account(AsyncRemembering)
    await account.crash(hanging)
    resumed = account.resume()
    client = FakeVenueClient(account.venue)
    client.is_connected = True
    async with AsyncHost(deadline_s=1_000.0) as host:
        session = account.session(resumed, host)
        await session.go_on()
        now = resumed.system.machine.now
        found = await reconcile(session, client, now_ns=lambda: now)
        assert found.mismatches == ()
        for number in range(CRASH_AT + 1, SLICES):
            await session.publish(slice_at(number))
            await account.hear(session)
        await session.end()
    held = {one: resumed.system.books[one].quantity("ABC") for one in IDS}
    assert held == dict.fromkeys(IDS, Decimal(SLICES - 1)), "bar 2 was decided by nobody"
    assert sum(held.values()) == account.venue.holdings["ABC"]
    cash = sum((book.cash for book in resumed.system.books.values()), Decimal(0))
    assert cash == account.venue.cash


async def test_crash_in_the_middle_of_the_recovery_only_means_another_one() -> None:
    """Whatever of the recovery was written: the rest is done by the next one."""
    account = Account(AsyncRemembering)
    await account.crash("first")
    account.resume()
    whole = list(account.store.segments()[-1].reader.records())
    for cut in range(len(whole) + 1):
        other = Account(AsyncRemembering)
        await other.crash("first")
        other.resume()
        journal: Any = other.store._journals[-1]
        del journal._records[cut:]
        system = other.resume().system
        system.machine.take_effects()
        system.snapshot()
        assert [system.status(one) for one in IDS] == ["running"] * 3, f"cut at {cut}"
