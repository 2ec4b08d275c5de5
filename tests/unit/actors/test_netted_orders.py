"""What becomes, at the gateway, of orders that were crossed in part or left for several owners."""

from __future__ import annotations

from decimal import Decimal
from functools import partial
from typing import Any

import pytest

from orchestrion.actors.messages import OrdersChanged
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.command import CancelOrder
from orchestrion.domain.models.order import OrderStatus
from orchestrion.domain.models.report import (
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderRejectedReport,
)
from orchestrion.domain.netting.internal_cross import CrossPolicy
from tests.fakes import (
    MINUTE_NS,
    Script,
    Scripted,
    SilentPort,
    Stage,
    at,
    buy,
    fill_report,
    minute,
    sell,
)

pytestmark = pytest.mark.anyio
NET = ConflictPolicies(opposing_sides=ConflictPolicy.NET)
FRESH = CrossPolicy(quote_age_max_ns=MINUTE_NS, last_price_age_max_ns=MINUTE_NS)


def stage_of(port: SilentPort, scripts: dict[str, Script]) -> Stage:
    return Stage(
        {name: partial(Scripted, script) for name, script in scripts.items()},
        port=port,
        policies=NET,
        capital_rules={"cross_policy": FRESH},
    )


def last_order(stage: Stage, owner: str) -> Any:
    """As its owner was told of it."""
    message = stage.hops_to(owner, OrdersChanged)[-1].message
    assert isinstance(message, OrdersChanged)
    return message.orders[-1]


def cancel_all(view: Any) -> list[CancelOrder]:
    return [view.cancel(one) for one in view.working_orders]


def doing_nothing(_: Any) -> None:
    return None


@pytest.mark.parametrize("is_cancelled_first", [False, True])
async def test_rest_of_a_crossed_order_can_still_be_rejected(is_cancelled_first: bool) -> None:
    """A fill inside says nothing of the venue, which may never have taken the rest."""
    port = SilentPort()
    scripts = {
        "x": Script(on_event={0: buy(8), 1: cancel_all if is_cancelled_first else doing_nothing}),
        "y": Script(on_event={0: sell(5)}),
    }
    async with stage_of(port, scripts) as stage:
        await stage.publish([minute(0)])
        order = last_order(stage, "x")
        assert (order.status, order.filled) == (OrderStatus.SUBMITTED, (Decimal(5),))
        sent = port.taken[0]
        await stage.publish([minute(1)])
        if is_cancelled_first:
            too_late = OrderCancelRejectedReport(
                client_order_id=sent.client_order_id, reason="not known", ts_event=at(1)
            )
            await stage.session.report(too_late, at(1))
        rejected = OrderRejectedReport(
            client_order_id=sent.client_order_id, reason="no", ts_event=at(1)
        )
        await stage.session.report(rejected, at(1))
        assert last_order(stage, "x").status is OrderStatus.REJECTED
        assert stage.orchestrator.capital_manager.reserved("x") == 0
        assert stage.system.books["x"].quantity("AAA") == 5


async def test_rest_that_has_traded_at_the_venue_cannot_be_rejected() -> None:
    port = SilentPort()
    scripts = {"x": Script(on_event={0: buy(8)}), "y": Script(on_event={0: sell(5)})}
    async with stage_of(port, scripts) as stage:
        await stage.publish([minute(0)])
        told = port.taken[0].client_order_id
        part = fill_report(client_order_id=told, last_qty=Decimal(1))
        rejected = OrderRejectedReport(client_order_id=told, reason="no", ts_event=at(0))
        for report in (part, rejected):
            await stage.session.report(report, at(0))
        order = last_order(stage, "x")
        assert (order.status, order.filled) == (OrderStatus.PARTIALLY_FILLED, (Decimal(6),))


async def test_order_for_several_is_withdrawn_under_its_own_id_when_all_ask() -> None:
    port = SilentPort()
    scripts = {
        "x": Script(on_event={0: buy(10), 1: cancel_all}),
        "y": Script(on_event={0: sell(6)}),
        "z": Script(on_event={0: buy(20), 2: cancel_all}),
    }
    async with stage_of(port, scripts) as stage:
        await stage.publish([minute(0)])
        (sent,) = port.taken
        assert len(sent.owners) == 2
        await stage.publish([minute(1)])
        assert port.taken == [sent], "one owner alone cannot withdraw it"
        await stage.publish([minute(2)])
        cancel = port.taken[1].command
        assert isinstance(cancel, CancelOrder)
        assert cancel.client_order_id == sent.client_order_id
        states = [last_order(stage, owner).status for owner in ("x", "z")]
        assert states == [OrderStatus.PENDING_CANCEL, OrderStatus.PENDING_CANCEL]
        canceled = OrderCanceledReport(client_order_id=sent.client_order_id, ts_event=at(2))
        await stage.session.report(canceled, at(2))
        states = [last_order(stage, owner).status for owner in ("x", "z")]
        assert states == [OrderStatus.CANCELED, OrderStatus.CANCELED]
