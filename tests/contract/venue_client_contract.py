"""What every ``VenueClient`` must do. Subclass it and write the hooks:

    class TestMyClient(VenueClientContract):
        @asynccontextmanager
        async def opened(self) -> AsyncIterator[VenueClient]:
            ...                     # a client on an account without positions, not connected yet

Every test runs on asyncio and trio. The market stands still unless a hook moves it.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import TypeVar

import anyio
import pytest

from orchestrion.adapters.venue.venue_client import (
    AmendRequest,
    OrderNotKnownError,
    OrderRequest,
    RepeatedOrderIdError,
    VenueClient,
    VenueConnectionLostError,
    VenueRefusedError,
)
from orchestrion.domain.models.order import Leg, OrderSide, OrderStatus, OrderType, TimeInForce
from orchestrion.domain.models.report import (
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderFilledReport,
    VenueReport,
)

PATIENCE_S = 10.0
"""Longest wait for a report; only a broken client needs it."""
_Kind = TypeVar("_Kind", OrderAcceptedReport, OrderFilledReport, OrderCanceledReport)


class Told:
    """Everything that a client has told, in answers and by the stream."""

    def __init__(self, client: VenueClient) -> None:
        self._client = client
        self.reports: list[VenueReport] = []

    def take(self, answered: Sequence[VenueReport]) -> None:
        self.reports += answered

    async def until(self, kind: type[_Kind], client_order_id: str, *, count: int = 1) -> _Kind:
        """Reads the stream until there are so many reports of the kind; returns the last."""
        with anyio.fail_after(PATIENCE_S):
            while len(found := self.of(kind, client_order_id)) < count:
                self.reports.append(await self._client.next_report())
        return found[-1]

    def of(self, kind: type[_Kind], client_order_id: str) -> list[_Kind]:
        return [
            one
            for one in self.reports
            if isinstance(one, kind) and one.client_order_id == client_order_id
        ]


@pytest.mark.anyio
class VenueClientContract(ABC):
    """One test per duty; see ``VenueClient``."""

    instrument_id = "ABC"
    quantity = Decimal(10)
    part_quantity = Decimal(4)

    # -- hooks ----------------------------------------------------------------------------------

    @abstractmethod
    def opened(self) -> AbstractAsyncContextManager[VenueClient]:
        """A client that is not connected yet, on an account without positions."""

    @abstractmethod
    async def fill(self, client_order_id: str, quantity: Decimal | None = None) -> None:
        """The market fills an order, or a part of it."""

    @abstractmethod
    async def lose_connection(self) -> None:
        """The connection breaks; a new one can be made."""

    # -- what the tests use -----------------------------------------------------------------------

    def order(self, client_order_id: str = "o-1", **changes: object) -> OrderRequest:
        fields: dict[str, object] = {
            "legs": (Leg(self.instrument_id, OrderSide.BUY, self.quantity),),
            "order_type": OrderType.LIMIT,
            "limit_price": Decimal(1),
            "time_in_force": TimeInForce.GTC,
        }
        return OrderRequest(client_order_id=client_order_id, **(fields | changes))  # type: ignore[arg-type]

    @asynccontextmanager
    async def connected(self) -> AsyncIterator[VenueClient]:
        async with self.opened() as client:
            await client.connect()
            yield client
            await client.close()

    async def accepted(self, client: VenueClient, *client_order_ids: str) -> Told:
        """Sends orders and sees each accepted."""
        told = Told(client)
        for client_order_id in client_order_ids:
            told.take(await client.submit(self.order(client_order_id)))
            await told.until(OrderAcceptedReport, client_order_id)
        return told

    async def visible(self, client: VenueClient) -> None:
        """Waits until queries see what was sent."""
        await anyio.sleep(client.traits.visibility_delay_s)

    # -- orders -----------------------------------------------------------------------------------

    async def test_traits_are_known_before_the_connection(self) -> None:
        async with self.opened() as client:
            assert client.traits.name
            assert client.traits.visibility_delay_s >= 0

    async def test_order_is_accepted_under_its_id(self) -> None:
        async with self.connected() as client:
            told = await self.accepted(client, "o-1")
            report = await told.until(OrderAcceptedReport, "o-1")

            assert report.venue_order_id.strip()
            assert type(report.ts_event) is int

    async def test_accepted_order_is_visible_after_the_delay(self) -> None:
        async with self.connected() as client:
            await self.accepted(client, "o-1")
            await self.visible(client)
            found = await client.query("o-1")

            assert (found.client_order_id, found.status) == ("o-1", OrderStatus.ACCEPTED)
            assert found.is_open
            assert found.fills == ()

    async def test_order_that_the_venue_does_not_take_is_refused(self) -> None:
        legs = (Leg("NO-SUCH-THING", OrderSide.BUY, self.quantity),)
        async with self.connected() as client:
            with pytest.raises(VenueRefusedError) as refused:
                await client.submit(self.order(legs=legs))

            assert not isinstance(refused.value, RepeatedOrderIdError | OrderNotKnownError)
            assert str(refused.value).strip()
            await self.accepted(client, "o-2")

    async def test_repeated_id_is_refused_where_the_traits_say_so(self) -> None:
        async with self.connected() as client:
            if not client.traits.refuses_repeated_ids:
                pytest.skip("the venue takes an id twice")
            await self.accepted(client, "o-1")
            with pytest.raises(RepeatedOrderIdError):
                await client.submit(self.order("o-1"))
            await self.visible(client)

            assert len(await client.open_orders()) == 1

    async def test_unknown_order_is_not_known(self) -> None:
        async with self.connected() as client:
            with pytest.raises(OrderNotKnownError):
                await client.query("nobody")
            with pytest.raises(OrderNotKnownError):
                await client.cancel("nobody")

    async def test_open_orders_are_all_of_them_by_id(self) -> None:
        async with self.connected() as client:
            await self.accepted(client, "o-2", "o-1", "o-3")
            await client.cancel("o-3")
            await self.visible(client)

            shown = await client.open_orders()
            assert [one.client_order_id for one in shown] == ["o-1", "o-2"]

    async def test_cancel_ends_the_order(self) -> None:
        async with self.connected() as client:
            told = await self.accepted(client, "o-1")
            told.take(await client.cancel("o-1"))
            await told.until(OrderCanceledReport, "o-1")
            await self.visible(client)

            assert (await client.query("o-1")).status is OrderStatus.CANCELED
            with pytest.raises(VenueRefusedError):
                await client.cancel("o-1")

    async def test_amend_changes_the_order_where_the_traits_say_so(self) -> None:
        more = AmendRequest(client_order_id="o-1", quantity=self.quantity * 2)
        async with self.connected() as client:
            told = await self.accepted(client, "o-1")
            if not client.traits.can_amend:
                with pytest.raises(VenueRefusedError):
                    await client.amend(more)
                return
            await client.amend(more)
            await self.fill("o-1", self.quantity * 2)
            fill = await told.until(OrderFilledReport, "o-1")

            assert fill.last_qty == self.quantity * 2

    # -- fills and the account ------------------------------------------------------------------

    async def test_fill_is_reported_and_moves_the_account(self) -> None:
        async with self.connected() as client:
            (before,) = await client.balances()
            assert await client.positions() == ()
            told = await self.accepted(client, "o-1")
            await self.fill("o-1")
            fill = await told.until(OrderFilledReport, "o-1")
            (held,) = await client.positions()
            (after,) = await client.balances()

            assert (fill.instrument_id, fill.side) == (self.instrument_id, OrderSide.BUY)
            assert fill.last_qty == held.quantity == self.quantity
            assert fill.leg_index == 0
            assert after.currency == before.currency
            assert after.total == before.total - fill.last_qty * fill.last_px - fill.commission

    async def test_query_tells_every_fill_as_the_stream_did(self) -> None:
        async with self.connected() as client:
            told = await self.accepted(client, "o-1")
            await self.fill("o-1", self.part_quantity)
            await told.until(OrderFilledReport, "o-1")
            await self.visible(client)
            assert (await client.query("o-1")).status is OrderStatus.PARTIALLY_FILLED
            await self.fill("o-1")
            await told.until(OrderFilledReport, "o-1", count=2)
            found = await client.query("o-1")

            assert found.status is OrderStatus.FILLED
            assert not found.is_open
            assert list(found.fills) == told.of(OrderFilledReport, "o-1")
            assert len({one.trade_id for one in found.fills}) == 2

    async def test_cancel_after_a_part_keeps_the_part(self) -> None:
        async with self.connected() as client:
            told = await self.accepted(client, "o-1")
            await self.fill("o-1", self.part_quantity)
            await told.until(OrderFilledReport, "o-1")
            told.take(await client.cancel("o-1"))
            await told.until(OrderCanceledReport, "o-1")
            await self.visible(client)
            found = await client.query("o-1")

            assert found.status is OrderStatus.CANCELED
            assert [one.last_qty for one in found.fills] == [self.part_quantity]

    # -- the connection -------------------------------------------------------------------------

    async def test_calls_without_a_connection_say_so(self) -> None:
        async with self.opened() as client:
            with pytest.raises(VenueConnectionLostError):
                await client.submit(self.order())
            with pytest.raises(VenueConnectionLostError):
                await client.next_report()

    async def test_lost_connection_is_told_and_a_new_one_finds_everything(self) -> None:
        async with self.connected() as client:
            told = await self.accepted(client, "o-1")
            await self.lose_connection()
            with pytest.raises(VenueConnectionLostError):
                await told.until(OrderFilledReport, "nobody")
            with pytest.raises(VenueConnectionLostError):
                await client.query("o-1")
            await client.connect()
            await self.visible(client)
            assert (await client.query("o-1")).is_open
            await self.fill("o-1")
            await told.until(OrderFilledReport, "o-1")

    async def test_calls_and_the_stream_overlap(self) -> None:
        async with self.connected() as client:
            told = Told(client)

            async def listen() -> None:
                await told.until(OrderFilledReport, "o-9")

            async def send(number: int) -> None:
                told.take(await client.submit(self.order(f"o-{number}")))

            async with anyio.create_task_group() as tasks:
                tasks.start_soon(listen)
                async with anyio.create_task_group() as sending:
                    for number in range(10):
                        sending.start_soon(send, number)
                await self.fill("o-9")

            assert len(await client.open_orders()) == 9

    async def test_cancelled_wait_for_a_report_loses_none(self) -> None:
        async with self.connected() as client:
            told = await self.accepted(client, "o-1")
            for _ in range(3):
                with anyio.move_on_after(0.001):
                    told.take([await client.next_report()])
            await self.fill("o-1")
            with anyio.move_on_after(0):
                told.take([await client.next_report()])

            await told.until(OrderFilledReport, "o-1")

    async def test_closing_twice_does_nothing_and_calls_say_that_it_is_closed(self) -> None:
        async with self.connected() as client:
            await client.close()
            await client.close()
            with pytest.raises(VenueConnectionLostError):
                await client.positions()
