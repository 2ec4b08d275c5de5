"""Signals: what they interrupt, and that the second one needs no event loop."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import anyio
import anyio.lowlevel
import pytest

from orchestrion.adapters.process.stop_request import STOP_SIGNALS, StopRequest, stop_signals

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("number", STOP_SIGNALS)
async def test_signal_gives_up_what_waits_and_nothing_else(number: signal.Signals) -> None:
    done: list[str] = []
    with stop_signals() as stop:
        async with anyio.create_task_group() as tasks:
            await tasks.start(stop.watch)
            with stop.interrupting() as waiting:
                signal.raise_signal(number)
                await anyio.sleep_forever()
            assert waiting.cancelled_caught
            await anyio.lowlevel.checkpoint()  # outside nothing is cancelled
            done.append("after")
            tasks.cancel_scope.cancel()
        assert stop.reason == number.name
    assert done == ["after"]


async def test_signal_before_the_event_loop_listens_is_kept() -> None:
    with stop_signals() as stop:
        signal.raise_signal(signal.SIGTERM)
        assert stop.is_made
        async with anyio.create_task_group() as tasks:
            await tasks.start(stop.watch)
            with stop.interrupting() as waiting:
                await anyio.sleep_forever()
            assert waiting.cancelled_caught
            tasks.cancel_scope.cancel()


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(one) for one in STOP_SIGNALS]
    with stop_signals():
        assert [signal.getsignal(one) for one in STOP_SIGNALS] != before
    assert [signal.getsignal(one) for one in STOP_SIGNALS] == before


def test_first_reason_counts() -> None:
    stop = StopRequest()
    stop.make("SIGTERM")
    stop.make("SIGINT")
    assert stop.reason == "SIGTERM"


STUCK = """
import os, signal, sys, anyio
from orchestrion.adapters.process.stop_request import stop_signals

async def main(stop):
    async with anyio.create_task_group() as tasks:
        await tasks.start(stop.watch)
        print("ready", flush=True)
        while True:  # a strategy that never gives the loop back
            if stop.is_made and not told:
                told.append(1)
                print("heard", flush=True)

told = []
with stop_signals() as stop:
    anyio.run(main, stop, backend=sys.argv[1])
"""


@pytest.mark.slow
def test_second_signal_ends_a_process_whose_loop_is_stuck(anyio_backend: str) -> None:
    command = [sys.executable, "-c", STUCK, anyio_backend]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        os.kill(process.pid, signal.SIGTERM)
        assert process.stdout.readline() == "heard\n"
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 128 + signal.SIGTERM
