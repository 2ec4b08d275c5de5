"""The live adapter over the venue process: mishaps by lot, then calm; the venue's log is the truth.

Real sockets and real processes, so real time: nothing here asserts how long something takes.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from orchestrion.actors.messages import SubmissionLost
from orchestrion.adapters.venue.delivery_policy import DeliveryPolicy
from orchestrion.adapters.venue.live_adapter import LiveOrchestrationAdapter
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.report import OrderFilledReport
from tests.fakes_venue_client import accepted_ids
from tests.processes.venue_checker import VenueTruth
from tests.processes.venue_client import ProcessVenueClient, VenueProcess

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

PATIENCE_S = 60.0
POLICY = DeliveryPolicy(
    call_timeout_s=0.3,
    submit_age_max_s=30.0,
    calls_per_s=10_000.0,
    burst_calls=1_000,
    back_off_first_s=0.005,
    back_off_max_s=0.02,
)
MISHAPS = {
    "busy": 0.1,
    "refuse": 0.1,
    "drop_before": 0.1,
    "drop_after": 0.1,
    "silent_before": 0.03,
    "silent_after": 0.03,
    "slow": 0.05,
    "duplicate": 0.2,
    "swap": 0.1,
    "partial": 0.3,
}


def order(client_order_id: str) -> ApprovedCommand:
    return ApprovedCommand(
        strategy_id="alpha",
        command=SubmitOrder.single("alpha", "ABC", OrderSide.BUY, 10),
        client_order_id=client_order_id,
        reservation=Decimal(0),
        is_reducing=False,
        ts_decided=0,
    )


@asynccontextmanager
async def running(venue: VenueProcess) -> AsyncIterator[tuple[LiveOrchestrationAdapter, list[Any]]]:
    client = ProcessVenueClient(venue.port, visibility_delay_s=0.1)
    adapter = LiveOrchestrationAdapter(client, policy=POLICY)
    told: list[Any] = []

    async def read() -> None:
        async for outcome in adapter.outcomes:
            told.append(outcome)  # noqa: PERF401 - others look while it grows

    with adapter.outcomes:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(read)
            await tasks.start(adapter.run)
            yield adapter, told
            await adapter.shutdown()


async def until(condition: Callable[[], bool]) -> None:
    """Looks now and then; nobody rings a bell when another process has done something."""
    while not condition():  # noqa: ASYNC110
        await anyio.sleep(0.001)


def story(told: list[Any], client_order_id: str) -> list[str]:
    return [
        type(one).__name__
        for one in told
        if client_order_id in (getattr(one, "client_order_id", ""), *_lost(one))
    ]


def _lost(outcome: Any) -> tuple[str, ...]:
    return outcome.client_order_ids if isinstance(outcome, SubmissionLost) else ()


@pytest.mark.parametrize("seed", [1, 2])
async def test_whatever_happens_nothing_is_sent_twice_and_nothing_is_lost(
    tmp_path: Path, seed: int
) -> None:
    names = [f"o-{number}" for number in range(30)]
    plan = msgspec.json.encode(MISHAPS).decode()
    log = tmp_path / "venue.log"
    with VenueProcess(log, seed=seed, plan=plan, fill="at_once") as venue:
        async with running(venue) as (adapter, told):
            with anyio.fail_after(PATIENCE_S):
                for name in names:
                    adapter.execute_commands([order(name)])
                await adapter.settled()
                venue.tell("plan", rates={})  # faults off: all that is left comes out
                venue.tell("price", instrument_id="ABC", price="101")
                venue.tell("repeat")
                truth = VenueTruth.read(log)
                # A report that was held back may come after the fill that ended its order.
                await until(lambda: _fills(told) == _truth(truth) and _hears_all(told, truth))
                (held,) = (await adapter.snapshot()).positions

    assert truth.repeated_client_ids() == []
    assert truth.repeated_trade_ids() == []
    assert {"ABC": held.quantity} == truth.positions()
    assert adapter.get_portfolio_state().cash == truth.cash(Decimal(1_000_000))
    for name in names:
        told_of = story(told, name)
        is_taken = name in truth.accepted
        assert is_taken == ("OrderAcceptedReport" in told_of), told_of
        ends = {"OrderRejectedReport", "OrderExpiredReport"} & set(told_of)
        assert bool(ends) != is_taken, f"{name}: {told_of}"
        if is_taken:
            assert truth.filled(name) == 10
    assert any("SubmissionLost" in story(told, name) for name in names)


def _fills(told: list[Any]) -> dict[str, Decimal]:
    return {one.trade_id: one.last_qty for one in told if isinstance(one, OrderFilledReport)}


def _hears_all(told: list[Any], truth: VenueTruth) -> bool:
    return set(truth.accepted) <= set(accepted_ids(told))


def _truth(truth: VenueTruth) -> dict[str, Decimal]:
    return {one.trade_id: abs(one.signed_quantity) for one in truth.fills}


SPAMMER = """
import json, socket, sys
calls = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
answers = calls.makefile("rb")
number = 0
while True:
    number += 1
    order = {"client_order_id": f"{sys.argv[2]}-{number}", "order_type": "MARKET",
             "legs": [{"instrument_id": "ABC", "side": "BUY", "quantity": "1"}],
             "time_in_force": "GTC", "limit_price": None, "stop_price": None, "expire_ts": None}
    calls.sendall(json.dumps({"id": number, "op": "submit", "order": order}).encode() + b"\\n")
    if number % 3:
        answers.readline()
"""


async def test_venue_outlives_clients_that_are_killed_at_any_instant(tmp_path: Path) -> None:
    log = tmp_path / "venue.log"
    with VenueProcess(log, fill="at_once") as venue:
        for kill in range(6):
            before = len(VenueTruth.read(log).accepted) if log.exists() else 0
            command = [sys.executable, "-S", "-c", SPAMMER, str(venue.port), f"k{kill}"]
            client = subprocess.Popen(command)  # noqa: ASYNC220 - it is killed below
            with anyio.fail_after(PATIENCE_S):
                wanted = before + 1 + 7 * kill
                await until(lambda wanted=wanted: len(VenueTruth.read(log).accepted) >= wanted)  # type: ignore[misc]
            client.kill()
            client.wait()
        venue.tell("price", instrument_id="ABC", price="1")  # it still listens
        truth = VenueTruth.read(log)

    assert truth.repeated_client_ids() == []
    assert truth.open_client_ids() == []
    assert len({one.partition("-")[0] for one in truth.accepted}) == 6
