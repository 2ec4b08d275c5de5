"""``VenueLink``: one client, kept connected, called with a time-out and within the rate limit.

It knows nothing of orders. A connection ends when the client says so, or when several calls in a
row got no answer; then it is made again, with back-off that only a connection which held for a
while starts anew: a venue that lets everybody in and throws everybody out is not hammered.
"""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio
import structlog

from orchestrion.adapters.venue.delivery_policy import BackOff, DeliveryPolicy, RateLimit
from orchestrion.adapters.venue.venue_client import (
    OutcomeUnknownError,
    VenueBusyError,
    VenueClient,
    VenueConnectionLostError,
    VenueTimeoutError,
)
from orchestrion.domain.errors import PortError
from orchestrion.domain.models.report import VenueReport
from orchestrion.runtime.errors import describe

_log = structlog.get_logger("orchestrion.venue")
_Answer = TypeVar("_Answer")
_PASSING = (OutcomeUnknownError, VenueBusyError, OSError)
"""Failures of a connection that another try may cure; everything else is a fault of the client or
a definite no, and ends the run."""


class VenueLink:
    """See the module's text. Everything but construction happens inside an event loop."""

    def __init__(self, client: VenueClient, policy: DeliveryPolicy, draws: random.Random) -> None:
        self.client = client
        self._policy = policy
        self._draws = draws
        self._rate = RateLimit(policy)
        self._up: anyio.Event | None = None
        self._is_up = False
        self._waiting: anyio.CancelScope | None = None
        self._timeouts = 0
        self._connection = 0

    @property
    def is_up(self) -> bool:
        """Whether there is a connection, as far as is known."""
        return self._is_up

    def new_back_off(self) -> BackOff:
        return BackOff(self._policy, self._draws)

    async def ready(self) -> None:
        """Returns when a call may start: connected, and within the rate limit."""
        while True:
            while not self._is_up:
                if self._up is None:
                    self._up = anyio.Event()
                await self._up.wait()
            await self._rate.take()
            if self._is_up:
                return

    async def call(self, what: str, start: Callable[[], Awaitable[_Answer]]) -> _Answer:
        """One call after ``ready``, never repeated.

        Raises:
            VenueTimeoutError: no answer in time; whether it arrived is unknown.
            VenueConnectionLostError: the same, and the connection is made again.
            Exception: whatever else the client raised.
        """
        connection = self._connection
        try:
            with anyio.move_on_after(self._policy.call_timeout_s):
                answer = await start()
                self._timeouts = 0
                return answer
        except VenueTimeoutError:
            self._count_timeout(connection)
            raise
        except (VenueConnectionLostError, OSError):
            self._drop(connection)
            raise
        except PortError:
            self._timeouts = 0  # a no is an answer
            raise
        self._count_timeout(connection)
        raise VenueTimeoutError(f"{what}: no answer within {self._policy.call_timeout_s:g} s")

    async def keep(
        self,
        *,
        on_connected: Callable[[], None],
        on_report: Callable[[VenueReport], Awaitable[None]],
    ) -> None:
        """Keeps the connection, for ever; hands on every report in the order of arrival.

        Raises:
            VenueRefusedError: the venue does not let us in.
            Exception: a fault of the client.
        """
        back_off = self.new_back_off()
        while True:
            try:
                await self._connect()
            except _PASSING as failure:
                wait_s = max(back_off.next_s(), getattr(failure, "retry_after_s", 0.0))
                _log.warning("VenueNotReached", failure=describe(failure), retry_in_s=wait_s)
                await anyio.sleep(wait_s)
                continue
            since_s = anyio.current_time()
            _log.info("VenueConnected", venue=self.client.traits.name)
            on_connected()
            try:
                failure_text = await self._listen(on_report)
            finally:
                self._mark_down()
            if anyio.current_time() - since_s >= self._policy.stable_after_s:
                back_off.reset()
            wait_s = back_off.next_s()
            _log.warning("VenueConnectionLost", failure=failure_text, retry_in_s=wait_s)
            await self.close()
            await anyio.sleep(wait_s)

    async def close(self) -> None:
        """Closes the connection; gives up waiting for that after the policy's time."""
        self._mark_down()
        with anyio.move_on_after(self._policy.close_timeout_s, shield=True):
            await self.client.close()

    async def _connect(self) -> None:
        with anyio.move_on_after(self._policy.connect_timeout_s):
            await self.client.connect()
            self._connection += 1
            self._timeouts = 0
            self._is_up = True
            if self._up is not None:
                self._up.set()
            return
        raise VenueTimeoutError(f"no connection within {self._policy.connect_timeout_s:g} s")

    async def _listen(self, on_report: Callable[[VenueReport], Awaitable[None]]) -> str:
        """Until the connection ends; returns why."""
        while self._is_up:
            # Only the waiting is given up when a call finds the connection dead: a report that has
            # come is always handed on. A list, because a client may take None for a report.
            heard: list[VenueReport] = []
            with anyio.CancelScope() as self._waiting:
                try:
                    heard.append(await self.client.next_report())
                except _PASSING as failure:
                    return describe(failure)
            self._waiting = None
            for report in heard:
                await on_report(report)
        return "a call found it dead"

    def _count_timeout(self, connection: int) -> None:
        self._timeouts += 1
        if self._timeouts >= self._policy.timeouts_before_reconnect:
            self._drop(connection)

    def _drop(self, connection: int) -> None:
        """Gives a connection up; a late word about an earlier one does not harm the present."""
        if connection != self._connection:
            return
        self._mark_down()
        if self._waiting is not None:
            self._waiting.cancel()

    def _mark_down(self) -> None:
        self._is_up = False
        if self._up is not None and self._up.is_set():
            self._up = None
