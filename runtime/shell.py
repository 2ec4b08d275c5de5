"""The async side: calls that the core must not wait for, awaited in tasks of their own.

The core emits an ``AwaitCall``; the host starts it, waits for it up to a deadline, and gives back
the input that stands for its outcome: a reply, a failure, or lateness. Outcomes come back in the
order of the calls, whatever the order in which they arrived, so the scheduler of the event loop has
no influence. A call that ignores its cancellation is left behind; its task ends with the host.
"""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable, Sequence
from types import TracebackType

import anyio
import msgspec
from anyio.abc import TaskGroup

from orchestrion.runtime.errors import ActorError


class AwaitCall(msgspec.Struct, frozen=True):
    """Effect: await ``start()``, then post what ``reply(value)`` or ``failed(exception)`` gives.

    ``late`` gives the input for a call without an outcome at the deadline.
    """

    name: str
    start: Callable[[], Awaitable[object]]
    reply: Callable[[object], object]
    failed: Callable[[BaseException], object]
    late: Callable[[], object]


class _Outcome:
    """Of one call; ``payload`` stays None until it is known."""

    __slots__ = ("call", "done", "payload", "scope")

    def __init__(self, call: AwaitCall) -> None:
        self.call = call
        self.payload: object | None = None
        self.done = anyio.Event()
        self.scope = anyio.CancelScope()


class AsyncHost:
    """Runs calls in a task group of its own; an async context manager.

    Leaving it cancels what still runs. An exception of the body comes out as it is, not wrapped in
    a group, because to the caller there is no group.
    """

    def __init__(self, *, deadline_s: float) -> None:
        """
        Args:
            deadline_s: longest wait for one group of calls, seconds.
        """
        self._deadline_s = deadline_s
        self._tasks: TaskGroup | None = None

    async def __aenter__(self) -> AsyncHost:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        failure: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        tasks, self._tasks = self._tasks, None
        if tasks is not None:
            tasks.cancel_scope.cancel()
            await tasks.__aexit__(None, None, None)

    async def gather(self, calls: Sequence[AwaitCall]) -> list[object]:
        """Starts all calls at once and returns one input per call, in their order."""
        if self._tasks is None:
            raise ActorError("the host of asynchronous calls is not open")
        outcomes = [_Outcome(call) for call in calls]
        for outcome in outcomes:
            self._tasks.start_soon(_run, outcome, name=outcome.call.name)
        try:
            with anyio.move_on_after(self._deadline_s):
                for outcome in outcomes:
                    await outcome.done.wait()
        finally:
            for outcome in outcomes:
                if outcome.payload is None:
                    outcome.scope.cancel()
        return [
            outcome.call.late() if outcome.payload is None else outcome.payload
            for outcome in outcomes
        ]


async def _run(outcome: _Outcome) -> None:
    call = outcome.call
    with outcome.scope:
        try:
            outcome.payload = call.reply(await call.start())
        except KeyboardInterrupt:
            raise
        except BaseException as failure:
            # A cancellation from outside must pass. One that the called code made up is its
            # failure, and so is whatever else it raises on being cancelled.
            if _is_cancellation(failure) and anyio.current_effective_deadline() == -math.inf:
                raise
            outcome.payload = call.failed(failure)
        finally:
            outcome.done.set()


def _is_cancellation(failure: BaseException) -> bool:
    return isinstance(failure, anyio.get_cancelled_exc_class())
