"""The async host: outcomes in the order of the calls, deadlines, and whose cancellation it is."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import anyio
import pytest

from orchestrion.runtime.errors import ActorError, describe
from orchestrion.runtime.shell import AsyncHost, AwaitCall

pytestmark = pytest.mark.anyio

SOON_S = 0.01
"""A deadline that a call which never ends has to miss."""


def call(name: str, start: Callable[[], Awaitable[object]]) -> AwaitCall:
    return AwaitCall(
        name,
        start=start,
        reply=lambda value: (name, "replied", value),
        failed=lambda failure: (name, "failed", describe(failure)),
        late=lambda: (name, "late"),
    )


async def at_once() -> object:
    return 1


async def never() -> object:
    await anyio.sleep_forever()
    return None


async def test_outcomes_come_in_the_order_of_the_calls_not_of_their_ends() -> None:
    second_ended = anyio.Event()

    async def first() -> object:
        await second_ended.wait()
        return "a"

    async def second() -> object:
        second_ended.set()
        return "b"

    async with AsyncHost(deadline_s=30) as host:
        outcomes = await host.gather([call("first", first), call("second", second)])
    assert outcomes == [("first", "replied", "a"), ("second", "replied", "b")]


async def test_hanging_call_is_late_and_the_others_are_not() -> None:
    async with AsyncHost(deadline_s=SOON_S) as host:
        outcomes = await host.gather([call("hangs", never), call("quick", at_once)])
        assert outcomes == [("hangs", "late"), ("quick", "replied", 1)]
        assert await host.gather([call("next", at_once)]) == [("next", "replied", 1)]


async def test_reply_after_the_deadline_changes_nothing() -> None:
    replies: list[str] = []

    async def stubborn() -> object:
        try:
            await anyio.sleep_forever()
        finally:
            replies.append("late reply")
        return None

    async with AsyncHost(deadline_s=SOON_S) as host:
        outcomes = await host.gather([call("stubborn", stubborn)])
        assert outcomes == [("stubborn", "late")]
    assert replies == ["late reply"]


@pytest.mark.parametrize(
    "failure",
    [ValueError("no"), SystemExit(1), GeneratorExit(), BaseException("what"), StopAsyncIteration()],
    ids=repr,
)
async def test_failure_of_a_call_is_an_outcome(failure: BaseException) -> None:
    async def fails() -> object:
        raise failure

    async with AsyncHost(deadline_s=30) as host:
        outcomes = await host.gather([call("fails", fails), call("quick", at_once)])
    assert outcomes == [("fails", "failed", describe(failure)), ("quick", "replied", 1)]


async def test_cancellation_that_a_call_makes_up_is_its_failure() -> None:
    async def makes_it_up() -> object:
        kept: BaseException = AssertionError("it was not cancelled")
        with anyio.CancelScope() as scope:
            scope.cancel()
            try:
                await anyio.lowlevel.checkpoint()
            except anyio.get_cancelled_exc_class() as cancelled:
                kept = cancelled
        raise kept

    async with AsyncHost(deadline_s=30) as host:
        outcomes = await host.gather([call("cheat", makes_it_up), call("quick", at_once)])
    cancelled = anyio.get_cancelled_exc_class().__name__
    assert str(outcomes[0]).startswith("('cheat', 'failed', ")
    assert f"{cancelled}: " in str(outcomes[0])
    assert outcomes[1] == ("quick", "replied", 1)


async def test_failure_on_being_given_up_does_not_reach_the_host() -> None:
    async def fails_when_cancelled() -> object:
        try:
            await anyio.sleep_forever()
        finally:
            raise ValueError("in the cleaning up")

    async with AsyncHost(deadline_s=SOON_S) as host:
        assert await host.gather([call("messy", fails_when_cancelled)]) == [("messy", "late")]
        assert await host.gather([call("next", at_once)]) == [("next", "replied", 1)]


async def test_cancellation_from_outside_passes_and_ends_the_calls() -> None:
    started, ended = anyio.Event(), list[str]()

    async def waits() -> object:
        started.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("ended")
        return None

    async with AsyncHost(deadline_s=30) as host, anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:

            async def cancel() -> None:
                await started.wait()
                scope.cancel()

            tasks.start_soon(cancel)
            await host.gather([call("waits", waits)])
        assert scope.cancelled_caught
        assert await host.gather([call("next", at_once)]) == [("next", "replied", 1)]
        assert ended == ["ended"]


async def test_host_in_a_cancelled_scope_leaves_no_call_behind() -> None:
    started, ended = anyio.Event(), list[str]()

    async def waits() -> object:
        started.set()
        try:
            await anyio.sleep_forever()
        finally:
            ended.append("ended")
        return None

    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:

            async def cancel() -> None:
                await started.wait()
                scope.cancel()

            tasks.start_soon(cancel)
            async with AsyncHost(deadline_s=30) as host:
                await host.gather([call("waits", waits)])
        assert scope.cancelled_caught
        assert ended == ["ended"]


async def test_exception_of_the_body_comes_out_as_it_is() -> None:
    async def body() -> None:
        async with AsyncHost(deadline_s=SOON_S) as host:
            await host.gather([call("hangs", never)])
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await body()


async def test_host_that_is_not_open_refuses() -> None:
    host = AsyncHost(deadline_s=30)
    with pytest.raises(ActorError, match="not open"):
        await host.gather([call("quick", at_once)])
