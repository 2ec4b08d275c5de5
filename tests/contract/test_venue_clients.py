"""The fake client and the client of the venue process keep the contract of venue clients."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path

import anyio
import pytest

from orchestrion.adapters.venue.venue_client import OrderRequest, VenueClient
from tests.contract.venue_client_contract import VenueClientContract
from tests.fakes_venue_client import FakeVenue, FakeVenueClient
from tests.processes.venue_checker import VenueTruth
from tests.processes.venue_client import ProcessVenueClient, VenueProcess


class TestFakeVenueClient(VenueClientContract):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[VenueClient]:
        self.venue = FakeVenue()
        self.client = FakeVenueClient(self.venue)
        yield self.client

    async def fill(self, client_order_id: str, quantity: Decimal | None = None) -> None:
        self.venue.fill(client_order_id, quantity)

    async def lose_connection(self) -> None:
        self.client.break_connection()

    async def visible(self, client: VenueClient) -> None:
        """Nothing is hidden unless a test says so."""


class TestFakeVenueClientAcknowledgingByReport(TestFakeVenueClient):
    @asynccontextmanager
    async def opened(self) -> AsyncIterator[VenueClient]:
        async with super().opened() as client:
            self.client.is_acknowledged_by_report = True
            yield client


@pytest.mark.slow
class TestProcessVenueClient(VenueClientContract):
    @pytest.fixture(autouse=True)
    def _folder(self, tmp_path: Path) -> None:
        self.log = tmp_path / "venue.log"

    @asynccontextmanager
    async def opened(self) -> AsyncIterator[VenueClient]:
        with VenueProcess(self.log, instruments="ABC,XYZ") as self.process:
            yield ProcessVenueClient(self.process.port, visibility_delay_s=0.0)
        truth = VenueTruth.read(self.log)
        assert truth.repeated_client_ids() == []
        assert truth.repeated_trade_ids() == []

    async def fill(self, client_order_id: str, quantity: Decimal | None = None) -> None:
        fields = {} if quantity is None else {"quantity": str(quantity)}
        self.process.tell("fill", client_order_id=client_order_id, **fields)

    async def lose_connection(self) -> None:
        self.process.tell("disconnect")

    @pytest.mark.anyio
    async def test_venue_that_was_killed_remembers_everything(self) -> None:
        async with self.connected() as client:
            told = await self.accepted(client, "o-1", "o-2")
            await self.fill("o-1", self.part_quantity)
            before = await client.query("o-1")
            self.process.stop(is_killed=True)
            with self.log.open("ab") as log:
                log.write(b'{"no": 99, "ki')  # it was writing
            self.process.start()
            await client.connect()

            after = await client.query("o-1")
            assert after == before
            assert [one.client_order_id for one in await client.open_orders()] == ["o-1", "o-2"]
            await self.fill("o-1")
            assert (await client.query("o-1")).fills[-1].trade_id == "T2"
            assert told.reports

    @pytest.mark.anyio
    async def test_checker_finds_an_order_that_was_taken_twice(self, tmp_path: Path) -> None:
        log = tmp_path / "twice.log"
        with VenueProcess(log, accept_repeats=True) as process:
            client = ProcessVenueClient(process.port, refuses_repeated_ids=False)
            await client.connect()
            for _ in range(2):
                await client.submit(self.order("o-1"))
            await client.submit(self.order("o-2"))
            process.tell("fill", client_order_id="o-2", quantity="3")
            process.tell("external", instrument_id="ABC", side="SELL", quantity="1", price="90")
            process.tell("expire", client_order_id="o-2")
            await client.close()
        truth = VenueTruth.read(log)

        assert truth.repeated_client_ids() == ["o-1"]
        assert truth.filled("o-2") == 3
        assert truth.open_client_ids() == ["o-1"]
        assert truth.positions() == {"ABC": Decimal(2)}
        assert truth.cash(Decimal(1000)) == Decimal(1000) - 300 - Decimal("0.25") + 90

    @pytest.mark.anyio
    async def test_client_that_dies_inside_a_line_has_said_nothing(self) -> None:
        async with self.connected() as client:
            async with await anyio.connect_tcp("127.0.0.1", self.process.port) as dying:
                await dying.send(b'{"id": 1, "op": "submit", "order": {"client_or')
            await self.accepted(client, "o-1")

            assert len(await client.open_orders()) == 1

    @pytest.mark.anyio
    async def test_same_seed_has_the_same_mishaps(self, tmp_path: Path) -> None:
        rates = '{"busy": 0.3, "refuse": 0.3}'
        outcomes: list[list[str]] = []
        for run in range(2):
            log = tmp_path / f"{run}.log"
            with VenueProcess(log, seed=1, plan=rates) as process:
                client = ProcessVenueClient(process.port)
                await client.connect()
                outcomes.append([await _outcome(client, self.order(f"o-{n}")) for n in range(40)])
                await client.close()

        assert outcomes[0] == outcomes[1]
        assert len(set(outcomes[0])) == 3


async def _outcome(client: VenueClient, order: OrderRequest) -> str:
    try:
        await client.submit(order)
    except Exception as failure:
        return type(failure).__name__
    return "taken"
