"""A ``VenueClient`` to the venue in a process of its own, and the handle that starts that process.

The client holds two connections: one for calls, one after the other, and one for the stream of
reports, which goes on after the last report that was read. An import path for ``live.client``:
``tests.processes.venue_client:ProcessVenueClient``, with host, port and the venue's traits.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from contextlib import suppress
from decimal import Decimal
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio
import anyio.abc
import msgspec

from orchestrion.adapters.venue.venue_client import (
    AmendRequest,
    Balance,
    OrderNotKnownError,
    OrderRequest,
    RepeatedOrderIdError,
    VenueBusyError,
    VenueConnectionLostError,
    VenueOrder,
    VenueRefusedError,
    VenueTraits,
)
from orchestrion.domain.models.portfolio import NetPosition
from orchestrion.domain.models.report import VenueReport

ROOT = Path(__file__).resolve().parents[2]
_BROKEN = (anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError)
_ERRORS = {
    "refused": VenueRefusedError,
    "repeated": RepeatedOrderIdError,
    "not_known": OrderNotKnownError,
    "busy": VenueBusyError,
}


class _Line(msgspec.Struct):
    """One message of the venue: an answer, or a report with its number."""

    id: int | None = None
    ok: msgspec.Raw = msgspec.Raw()
    error: str = ""
    reason: str = ""
    no: int = 0
    report: VenueReport | None = None


class _Connection:
    """Lines over TCP. A cancelled ``receive`` loses nothing, a cancelled ``send`` ends it."""

    def __init__(self, stream: anyio.abc.SocketStream) -> None:
        self._stream = stream
        self._buffer = b""

    async def send(self, message: dict[str, Any]) -> None:
        is_sent = False
        try:
            await self._stream.send(msgspec.json.encode(message) + b"\n")
            is_sent = True
        finally:
            if not is_sent:  # half a line would spoil the next one
                await anyio.aclose_forcefully(self._stream)

    async def receive(self) -> _Line:
        while b"\n" not in self._buffer:
            self._buffer += await self._stream.receive()
        line, _, self._buffer = self._buffer.partition(b"\n")
        return msgspec.json.decode(line, type=_Line)

    async def close(self) -> None:
        with anyio.CancelScope(shield=True), suppress(*_BROKEN):
            await anyio.aclose_forcefully(self._stream)


class ProcessVenueClient:
    """See the module's text."""

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        refuses_repeated_ids: bool = True,
        visibility_delay_s: float = 0.2,
        after_report: int = 0,
    ) -> None:
        """
        Args:
            after_report: number of the last report that is known; 0 has all of them told again.
        """
        self._address = (host, port)
        self._traits = VenueTraits(
            name="venue process",
            refuses_repeated_ids=refuses_repeated_ids,
            visibility_delay_s=visibility_delay_s,
            can_amend=True,
            takes_several_legs=True,
        )
        self._last_report = after_report
        self._number = 0
        self._calls: _Connection | None = None
        self._reports: _Connection | None = None
        self._turn: anyio.Lock | None = None

    @property
    def traits(self) -> VenueTraits:
        return self._traits

    async def connect(self) -> None:
        await self.close()
        made: list[_Connection] = []
        try:
            made.append(_Connection(await anyio.connect_tcp(*self._address)))
            made.append(_Connection(await anyio.connect_tcp(*self._address)))
            await made[1].send({"op": "subscribe", "after": self._last_report})
        except BaseException as failure:
            for one in made:
                await one.close()
            if isinstance(failure, _BROKEN):
                where = f"no venue at {self._address}"
                raise VenueConnectionLostError(f"{where}: {failure}") from failure
            raise
        self._calls, self._reports = made
        self._turn = anyio.Lock()

    async def submit(self, order: OrderRequest) -> tuple[VenueReport, ...]:
        await self._call("submit", order=order)
        return ()

    async def cancel(self, client_order_id: str) -> tuple[VenueReport, ...]:
        await self._call("cancel", client_order_id=client_order_id)
        return ()

    async def amend(self, request: AmendRequest) -> tuple[VenueReport, ...]:
        terms = msgspec.to_builtins(request)
        client_order_id = terms.pop("client_order_id")
        given = {key: value for key, value in terms.items() if value is not None}
        await self._call("amend", client_order_id=client_order_id, terms=given)
        return ()

    async def query(self, client_order_id: str) -> VenueOrder:
        answer = await self._call("query", client_order_id=client_order_id)
        return msgspec.json.decode(answer, type=VenueOrder)

    async def open_orders(self) -> tuple[VenueOrder, ...]:
        answer = await self._call("open_orders")
        return msgspec.json.decode(answer, type=tuple[VenueOrder, ...])

    async def positions(self) -> tuple[NetPosition, ...]:
        answer = await self._call("positions")
        return tuple(NetPosition(one, quantity) for one, quantity in _pairs(answer))

    async def balances(self) -> tuple[Balance, ...]:
        answer = await self._call("balances")
        return tuple(Balance(currency, total) for currency, total in _pairs(answer))

    async def next_report(self) -> VenueReport:
        while True:
            if self._reports is None:
                raise VenueConnectionLostError("not connected")
            try:
                line = await self._reports.receive()
            except _BROKEN as failure:
                await self.close()
                raise VenueConnectionLostError("the stream of reports ended") from failure
            if line.report is not None:
                self._last_report = max(self._last_report, line.no)
                return line.report

    async def close(self) -> None:
        calls, reports = self._calls, self._reports
        self._calls = self._reports = None
        for one in (calls, reports):
            if one is not None:
                await one.close()

    async def _call(self, op: str, **fields: object) -> bytes:
        if self._turn is None:
            raise VenueConnectionLostError("not connected")
        async with self._turn:
            connection = self._calls
            if connection is None:
                raise VenueConnectionLostError("not connected")
            self._number += 1
            number = self._number
            try:
                await connection.send({"id": number, "op": op, **fields})
                line = await connection.receive()
                while line.id != number:  # of a call that gave up waiting
                    line = await connection.receive()
            except _BROKEN as failure:
                await self.close()
                raise VenueConnectionLostError(f"{op}: the connection broke") from failure
        if line.error:
            raise _ERRORS[line.error](line.reason)
        return bytes(line.ok)


def _pairs(answer: bytes) -> Any:
    return msgspec.json.decode(answer, type=tuple[tuple[str, Decimal], ...])


class VenueProcess:
    """Starts the venue and tells it what to do; a context manager. Blocking, from outside."""

    def __init__(self, log: Path, **options: object) -> None:
        """
        Args:
            options: of the command line, e.g. ``fill="at_once"``; True for a flag.
        """
        self.log = log
        self.port = 0
        self._control_port = 0
        self._options = options
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._answers: Any = None

    def __enter__(self) -> VenueProcess:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> None:
        """On the ports of the last time, if there was one."""
        # -S: the venue needs nothing that is installed, and starts in half the time without.
        command = [sys.executable, "-S", "-m", "tests.processes.venue_process", str(self.log)]
        options = {**self._options, "port": self.port, "control_port": self._control_port}
        for name, value in options.items():
            command.append(f"--{name.replace('_', '-')}")
            if value is not True:
                command.append(str(value))
        self._process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
        assert self._process.stdout is not None
        ports = json.loads(self._process.stdout.readline())
        self.port, self._control_port = ports["port"], ports["control"]
        self._control = socket.create_connection(("127.0.0.1", self._control_port))
        self._answers = self._control.makefile("rb")

    def stop(self, *, is_killed: bool = False) -> None:
        """Ends it in order, or with SIGKILL."""
        process, self._process = self._process, None
        control, self._control = self._control, None
        if control is not None:
            self._answers.close()
            control.close()
        if process is not None:
            process.kill() if is_killed else process.terminate()
            process.wait()
            assert process.stdout is not None
            process.stdout.close()

    def tell(self, op: str, **fields: object) -> None:
        """One order of the controller; returns when it was carried out.

        Raises:
            ValueError: the venue does not do that.
        """
        assert self._control is not None, "the venue is not running"
        self._control.sendall(msgspec.json.encode({"id": 0, "op": op, **fields}) + b"\n")
        answer = json.loads(self._answers.readline())
        if "error" in answer:
            raise ValueError(answer["reason"])
