"""Asking a process to stop: the first signal ends the run in order, the second one at once.

The handlers are installed before anything is loaded, so a signal during the start counts too. They
are plain signal handlers and not tasks of the event loop: a strategy that never returns blocks the
loop, and the second signal must get through all the same. Ending at once is safe at any instant:
what has to last is in the journal before it is acted on.

Only the standard library is imported with this module; a library takes longer than a signal may be
lost.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator
from contextlib import contextmanager
from types import FrameType
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import anyio
    from anyio.abc import TaskStatus

STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT)
_SIGNAL_EXIT = 128
"""Shells show a death by signal N as 128 + N."""


class StopRequest:
    """Whether the run is to end, and who waits and need not any more.

    Attributes:
        reason: what asked for it; empty while nothing has.
    """

    def __init__(self) -> None:
        self.reason = ""
        self._scopes: list[anyio.CancelScope] = []

    @property
    def is_made(self) -> bool:
        return bool(self.reason)

    def make(self, reason: str) -> None:
        """Asks for the end. To be called inside the event loop; a second call changes nothing."""
        if not self.reason:
            self.reason = reason
        for scope in self._scopes:
            scope.cancel()

    def note(self, reason: str) -> None:
        """The same from a signal handler, which may not touch the event loop: whoever waits is
        woken by ``watch``."""
        self.reason = self.reason or reason

    @contextmanager
    def interrupting(self) -> Generator[anyio.CancelScope]:
        """What waits inside is given up when the end is asked for."""
        import anyio

        with anyio.CancelScope() as scope:
            self._scopes.append(scope)
            if self.is_made:
                scope.cancel()
            try:
                yield scope
            finally:
                self._scopes.remove(scope)

    async def watch(self, *, task_status: TaskStatus[None]) -> None:
        """Brings what ``note`` heard into the event loop; a task of the run, to be started."""
        import anyio
        import structlog

        log = structlog.get_logger("orchestrion.process")
        with (
            anyio.open_signal_receiver(*STOP_SIGNALS) as received,
            _both_handlers(self),
        ):
            if self.is_made:
                self.make(self.reason)
            task_status.started()
            async for number in received:
                self.make(signal.Signals(number).name)
                log.info("StopRequested", reason=self.reason)


@contextmanager
def stop_signals() -> Generator[StopRequest]:
    """Handlers for SIGTERM and SIGINT around everything that a process does. Main thread only."""
    request = StopRequest()
    before = {one: signal.signal(one, _handler(request)) for one in STOP_SIGNALS}
    try:
        yield request
    finally:
        for one, handler in before.items():
            signal.signal(one, handler)


def _handler(
    request: StopRequest, then: Callable[[int, FrameType | None], Any] | None = None
) -> Callable[[int, FrameType | None], None]:
    def on_signal(number: int, frame: FrameType | None) -> None:
        if request.is_made:
            os._exit(_SIGNAL_EXIT + number)
        request.note(signal.Signals(number).name)
        if then is not None:
            then(number, frame)

    return on_signal


@contextmanager
def _both_handlers(request: StopRequest) -> Generator[None]:
    """The event loop has put its own handlers in place: ours go before them."""
    theirs = {one: signal.getsignal(one) for one in STOP_SIGNALS}
    for one, handler in theirs.items():
        signal.signal(one, _handler(request, handler if callable(handler) else None))
    try:
        yield
    finally:
        for one, handler in theirs.items():
            signal.signal(one, handler)
