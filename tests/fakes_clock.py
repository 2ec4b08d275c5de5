"""Event loops whose time jumps: a test that waits for an hour takes no time.

    from tests.fakes_clock import virtual_backend  # noqa: F401 - a fixture

makes every ``anyio`` test of a module run on asyncio and trio in virtual time. Time stands while
anything can run and jumps to the next deadline when nothing can. A test in which nobody will ever
run again fails on asyncio instead of hanging.
"""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Mapping
from typing import Any

import pytest
import trio.testing

STUCK_AFTER_S = 10.0
"""Real seconds without an event, a deadline or a runnable task; only a mistake gets there."""


class JumpingSelector(selectors.BaseSelector):
    """Never waits: when no file is ready, the loop's clock jumps to its next deadline."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._inner = selectors.DefaultSelector()

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        ready = self._inner.select(0)
        if ready or timeout == 0:
            return ready
        if timeout is None:
            ready = self._inner.select(STUCK_AFTER_S)
            if not ready:
                raise RuntimeError("nothing will ever happen in this event loop again")
            return ready
        self.now_s += max(timeout, 0.0)
        return ready

    def register(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.register(fileobj, events, data)

    def unregister(self, fileobj: Any) -> selectors.SelectorKey:
        return self._inner.unregister(fileobj)

    def modify(self, fileobj: Any, events: int, data: Any = None) -> selectors.SelectorKey:
        return self._inner.modify(fileobj, events, data)

    def close(self) -> None:
        self._inner.close()

    def get_map(self) -> Mapping[Any, selectors.SelectorKey]:
        return self._inner.get_map()


class VirtualLoop(asyncio.SelectorEventLoop):
    """asyncio in virtual time, from second 0."""

    def __init__(self) -> None:
        self._jumping = JumpingSelector()
        super().__init__(self._jumping)

    def time(self) -> float:
        return self._jumping.now_s


def virtual_options(backend: str) -> dict[str, Any]:
    """``backend_options`` for ``anyio.run``."""
    if backend == "asyncio":
        return {"loop_factory": VirtualLoop}
    return {"clock": trio.testing.MockClock(autojump_threshold=0)}


@pytest.fixture(name="anyio_backend", params=["asyncio", "trio"])
def virtual_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, Any]]:
    """Both event loops, in virtual time."""
    backend: str = request.param
    return backend, virtual_options(backend)
