"""The live adapter, over a client in memory, keeps the contract of the port; so does the client its
own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import anyio
import anyio.lowlevel
import pytest

from orchestrion.actors.messages import SubmissionLost
from orchestrion.adapters.venue.delivery_policy import DeliveryPolicy
from orchestrion.adapters.venue.live_adapter import LiveOrchestrationAdapter
from orchestrion.adapters.venue.venue_client import VenueTraits
from orchestrion.domain.models.report import OrderAcceptedReport, VenueReport
from orchestrion.testing.port_desk import (
    ACCEPTED,
    CANCEL_REJECTED,
    CANCELED,
    EXPIRED,
    PortSource,
    without_time,
)
from tests.fakes_port import BrokerDesk
from tests.fakes_venue_client import FakeVenue, FakeVenueClient, Fate

POLICY = DeliveryPolicy(
    calls_per_s=1e6,
    burst_calls=100_000,
    back_off_first_s=0.0005,
    back_off_max_s=0.001,
    grace_s=0.05,
)
TRAITS = VenueTraits(
    name="fake", refuses_repeated_ids=True, visibility_delay_s=0.001, takes_several_legs=True
)


class TestLiveOrchestrationAdapter(BrokerDesk):
    """The hooks are the broker's; what is lost is lost between client and broker."""

    event_loops = ("asyncio", "trio")

    def make_port(self) -> PortSource:
        self.broker = self.venue = FakeVenue(self.clock)
        self.listeners: list[Callable[[VenueReport], None]] = []
        return self.running()

    def make_port_again(self) -> PortSource:
        self.venue.unread.clear()
        return self.running()

    @asynccontextmanager
    async def running(self) -> AsyncIterator[LiveOrchestrationAdapter]:
        self.client = FakeVenueClient(self.venue, TRAITS)
        adapter = LiveOrchestrationAdapter(self.client, policy=POLICY, now_ns=self.clock)
        with adapter.outcomes:
            async with anyio.create_task_group() as tasks:
                await tasks.start(adapter.run)
                yield adapter
                self.venue.is_reachable = True
                await adapter.shutdown()

    def take_reports(self) -> tuple[VenueReport, ...]:
        taken: list[VenueReport] = []
        adapter = self._adapter()
        while adapter.outcomes.statistics().current_buffer_used:
            outcome = adapter.outcomes.receive_nowait()
            if not isinstance(outcome, SubmissionLost):  # that is no report, but their absence
                taken.append(outcome)
        for report in taken:
            for listener in self.listeners:
                listener(report)
        return tuple(taken)

    def listen(self, listener: Callable[[VenueReport], None]) -> None:
        """There are no listeners, but a shell that reads the outcomes may have one."""
        self.listeners.append(listener)

    async def settle(self) -> None:
        await anyio.wait_all_tasks_blocked()
        while self.venue.is_reachable and not self._is_at_rest():
            await anyio.lowlevel.checkpoint()
        await anyio.wait_all_tasks_blocked()

    def lose_connection(self, *, has_arrived: bool) -> None:
        self.venue.is_reachable = False
        lost = Fate.ARRIVE_AND_LOSE if has_arrived else Fate.LOSE
        self.client.will("submit", lost)
        self.client.will("cancel", lost)

    async def restore_connection(self) -> None:
        self.venue.is_reachable = True
        self.client.forget_fates()
        await self.settle()

    def repeat_reports(self) -> None:
        self.venue.say_again()

    @pytest.mark.parametrize("has_arrived", [True, False], ids=["arrived", "never arrived"])
    def test_resend_after_a_lost_answer_gives_one_order(self, has_arrived: bool) -> None:
        """Replaces the general test: here an order that never arrived is not sent later.

        Its decision is as old as the outage, and so are its prices. It expires, and a resend
        under its id changes nothing: the strategy decides anew.
        """
        self.hook(self.lose_connection, has_arrived=has_arrived)
        self.hand_over(self.submit("1"))
        assert self.story("1") == []
        self.hook(self.restore_connection)
        self.hand_over(self.submit("1"))

        accepted = [without_time(one) for one in self.only(OrderAcceptedReport, "1")]
        assert len(dict.fromkeys(accepted)) == int(has_arrived)
        assert self.story("1")[0] == (ACCEPTED if has_arrived else EXPIRED)
        assert self.venue.entered(self.order_id("1")) == int(has_arrived)
        self.hand_over(self.cancel("1"))
        assert self.story("1")[-1] == (CANCELED if has_arrived else CANCEL_REJECTED)

    def _adapter(self) -> LiveOrchestrationAdapter:
        assert isinstance(self.port, LiveOrchestrationAdapter)
        return self.port

    def _is_at_rest(self) -> bool:
        return self._adapter().is_settled and self.client.is_connected and not self.venue.unread
