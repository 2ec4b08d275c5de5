"""What an operator of an embedding can do about capital, through the public methods."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion import Strategy
from orchestrion.adapters.capital_operations import CapitalOperations
from orchestrion.adapters.embedding import Orchestrion
from orchestrion.domain.capital.cash_flow import CashFlowKind, CashFlowReport
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.models.portfolio import RESERVE
from orchestrion.domain.orchestration.events import DomainEvent
from tests.fakes import at, bar

pytestmark = pytest.mark.anyio


class Idle(Strategy):
    """Does nothing."""


class Operated(Orchestrion, CapitalOperations):
    """The embedding with the methods under test, whether it has them itself or not."""


def _config() -> dict[str, Any]:
    entry = {"strategy": f"{__name__}:Idle", "allocation_pct": 40.0}
    return {
        "data": {
            "source": "feed",
            "instruments": [{"kind": "equity", "instrument_id": "AAA"}],
        },
        "account": {"capital": 100_000},
        "strategies": {"TREND": entry, "CARRY": entry},
    }


def _deposit(amount: int) -> CashFlowReport:
    return CashFlowReport(
        flow_id="f-1", kind=CashFlowKind.DEPOSIT, amount=Decimal(amount), ts_event=at(1)
    )


async def test_deposit_is_given_out_by_a_rebalance() -> None:
    events: list[DomainEvent] = []
    async with Operated.from_config(_config(), on_event=events.append) as orchestrion:
        assert isinstance(orchestrion, Operated)
        await orchestrion.publish(bar(0))
        await orchestrion.report_capital(_deposit(10_000))
        await orchestrion.report_capital(_deposit(10_000))
        assert orchestrion.equity(RESERVE) == 30_000
        weights = {"TREND": Decimal("0.5"), "CARRY": Decimal("0.4")}
        assert await orchestrion.rebalance(weights) == "rebalance-1"
        assert orchestrion.equity("TREND") == 55_000
        assert orchestrion.equity(RESERVE) == 11_000
    names = [type(one).__name__ for one in events]
    assert "DuplicateCashFlowEvent" in names
    assert "CapitalRebalancedEvent" in names


async def test_stop_and_reset_of_a_strategy_and_of_the_account() -> None:
    async with Operated.from_config(_config()) as orchestrion:
        assert isinstance(orchestrion, Operated)
        await orchestrion.publish(bar(0))
        await orchestrion.stop_strategy("TREND", StopAction.HALT)
        assert orchestrion.status("TREND") == "paused (frozen)"
        with pytest.raises(LifecycleError, match="is stopped: reset it first"):
            await orchestrion.resume("TREND")
        await orchestrion.reset_stop("TREND")
        assert orchestrion.status("TREND") == "running"
        await orchestrion.stop_account(StopAction.REDUCE_ONLY)
        await orchestrion.reset_stop()
        with pytest.raises(LifecycleError, match="nothing has stopped 'ACCOUNT'"):
            await orchestrion.reset_stop()


async def test_question_that_cannot_be_answered_raises() -> None:
    async with Operated.from_config(_config()) as orchestrion:
        assert isinstance(orchestrion, Operated)
        await orchestrion.publish(bar(0))
        with pytest.raises(LifecycleError, match="no allocation method is called 'magic'"):
            await orchestrion.rebalance(method="magic")
        with pytest.raises(LifecycleError, match="no strategy 'GHOST'"):
            await orchestrion.stop_strategy("GHOST", StopAction.HALT)
