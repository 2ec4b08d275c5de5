"""Sound adapters pass the contract of the port: in one thread, and in an event loop."""

from __future__ import annotations

import anyio
import anyio.lowlevel
import trio

from orchestrion.testing.port_desk import PortSource
from tests.fakes_port import BrokerDesk, MemoryBroker, TaskPort


class TestSoundPort(BrokerDesk):
    """Every hook is written, so no test is skipped."""


class TestTaskPort(BrokerDesk):
    event_loops: tuple[str, ...] = ("asyncio", "trio")

    def make_port_to(self, broker: MemoryBroker) -> PortSource:
        return TaskPort(broker).running()

    async def fill(self, client_order_id: str) -> None:
        """Hooks may be coroutines: they run where the adapter does."""
        await anyio.lowlevel.checkpoint()
        super().fill(client_order_id)


class TestTaskPortOnOneLoop(TestTaskPort):
    event_loops = ("trio",)

    def test_adapter_is_in_the_loop_that_was_asked_for(self) -> None:
        assert self._call(trio.lowlevel.in_trio_run)
