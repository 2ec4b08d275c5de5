"""The gateway: orders on their way out, and whatever a venue can say about them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.actors import execution_gateway_actor
from orchestrion.actors.execution_gateway_actor import ExecutionGatewayActor
from orchestrion.actors.messages import OrdersChanged, PauseStrategy, SubmissionLost
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.command import CancelOrder
from orchestrion.domain.models.order import OrderSide, OrderStatus
from orchestrion.domain.models.portfolio import EXTERNAL
from orchestrion.domain.models.report import (
    ExternalFillReport,
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
)
from orchestrion.domain.orchestration.events import (
    DuplicateReportEvent,
    OrderStatusChangedEvent,
    StrategyQuarantinedEvent,
)
from orchestrion.domain.orchestration.lifecycle import PauseMode
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.machine import Machine
from orchestrion.runtime.supervision import SupervisionPolicy
from tests.fakes import (
    Action,
    Script,
    Scripted,
    SilentPort,
    Stage,
    at,
    buy,
    fail,
    fill_report,
    idle,
    minute,
    opening,
    sell,
)

pytestmark = pytest.mark.anyio  # also where there is nothing to await, which it leaves alone


class Played:
    """One strategy, a port that says nothing, and reports made by hand. It bought 10 at bar 0."""

    def __init__(
        self, first: Action | None = None, *, port: SilentPort | None = None, **options: Any
    ) -> None:
        self.script = Script(on_event={0: first or buy(10)})
        self.port = port or SilentPort()
        self.stage = Stage(
            {"alpha": lambda: Scripted(self.script), "beta": idle}, port=self.port, **options
        )

    async def __aenter__(self) -> Played:
        await self.stage.__aenter__()
        await self.stage.publish([minute(0)])
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        await self.stage.__aexit__(*exc_info)

    @property
    def order_id(self) -> str:
        return self.port.taken[0].client_order_id

    async def say(self, *reports: Any) -> None:
        for report in reports:
            await self.stage.session.report(report, at(0))

    async def bar(self, number: int, action: Action | None = None) -> None:
        """Plays a bar at which the strategy does something."""
        self.script.on_event = {number: action} if action is not None else {}
        await self.stage.publish([minute(number)])

    def status(self, client_order_id: str = "") -> OrderStatus | None:
        """Last state that the owner was told of."""
        wanted, found = client_order_id or self.order_id, None
        for hop in self.stage.hops_to("alpha", OrdersChanged):
            assert isinstance(hop.message, OrdersChanged)
            for order in hop.message.orders:
                if order.client_order_id == wanted:
                    found = order.status
        return found

    @property
    def held(self) -> Decimal | int:
        return self.stage.system.books["alpha"].quantity("AAA")

    @property
    def external(self) -> Decimal | int:
        return self.stage.system.books[EXTERNAL].quantity("AAA")

    @property
    def reserved(self) -> Decimal | int:
        return self.stage.orchestrator.capital_manager.reserved("alpha")

    def statuses(self) -> list[tuple[str, str]]:
        return [(one.status, one.reason) for one in self.stage.events_of(OrderStatusChangedEvent)]


def accepted(client_order_id: str) -> OrderAcceptedReport:
    return OrderAcceptedReport(client_order_id=client_order_id, venue_order_id="V1", ts_event=at(0))


def filled(client_order_id: str, quantity: int = 10, **changes: Any) -> OrderFilledReport:
    report = fill_report(
        client_order_id=client_order_id,
        trade_id="T1",
        last_qty=Decimal(quantity),
        commission=Decimal("0.35"),
    )
    return msgspec.structs.replace(report, **changes)


# --- out ----------------------------------------------------------------------------------------


async def test_intent_is_journaled_and_durable_before_the_port_is_called() -> None:
    seen: list[tuple[list[str], bool]] = []

    class Watching(SilentPort):
        def execute_commands(self, commands: Any) -> None:
            journal = played.stage.journal
            intents = played.stage.records(RecordKind.INTENT)
            is_durable = journal.synced_records == len(list(journal.records()))
            seen.append(([one.name for one in intents], is_durable))
            super().execute_commands(commands)

    played = Played(port=Watching())
    async with played:
        assert seen == [(["ApprovedCommand"], True)]
        assert played.stage.intents == played.port.taken


async def test_order_goes_through_its_states_and_its_reservation_ends_with_it() -> None:
    async with Played() as played:
        assert played.status() is OrderStatus.SUBMITTED
        reserved = played.reserved
        assert reserved > 0
        await played.say(accepted(played.order_id))
        assert played.status() is OrderStatus.ACCEPTED
        await played.say(filled(played.order_id, 4))
        assert played.status() is OrderStatus.PARTIALLY_FILLED
        assert (played.held, played.reserved) == (4, reserved)
        await played.say(filled(played.order_id, 6, trade_id="T2"))
        assert played.status() is OrderStatus.FILLED
        assert (played.held, played.reserved) == (10, 0)


@pytest.mark.parametrize(
    ("report", "status"),
    [
        (
            OrderRejectedReport(client_order_id="", reason="closed", ts_event=at(0)),
            OrderStatus.REJECTED,
        ),
        (OrderCanceledReport(client_order_id="", ts_event=at(0)), OrderStatus.CANCELED),
        (OrderExpiredReport(client_order_id="", ts_event=at(0)), OrderStatus.EXPIRED),
    ],
)
async def test_end_without_a_fill_releases_and_a_late_fill_is_booked_to_its_owner(
    report: Any, status: OrderStatus
) -> None:
    async with Played() as played:
        await played.say(msgspec.structs.replace(report, client_order_id=played.order_id))
        assert (played.status(), played.reserved) == (status, 0)
        await played.say(filled(played.order_id, 4))
        assert (played.held, played.external) == (4, 0)
        assert played.status() is status, "a part of it filled, it has ended all the same"
        await played.say(filled(played.order_id, 6, trade_id="T2"))
        assert (played.held, played.status()) == (10, OrderStatus.FILLED)
        assert played.reserved == 0
        assert played.script.numbers("on_fill") == [0, 0], "the owner hears of late fills too"


# --- fills --------------------------------------------------------------------------------------


async def test_fill_that_was_booked_is_dropped_the_second_time() -> None:
    async with Played() as played:
        await played.say(filled(played.order_id, 4), filled(played.order_id, 4))
        assert played.held == 4
        assert played.stage.system.books["alpha"].fees == Decimal("0.35")
        (event,) = played.stage.events_of(DuplicateReportEvent)
        assert (event.client_order_id, event.trade_id) == (played.order_id, "T1")
        await played.say(filled(played.order_id, 6, trade_id="T2"), filled(played.order_id, 4))
        assert played.held == 10, "also when the order has ended"


async def test_trade_id_of_another_order_is_no_duplicate() -> None:
    async with Played() as played:
        await played.say(filled(played.order_id))
        await played.bar(1, buy(10))
        await played.say(filled(played.port.taken[1].client_order_id))
        assert played.held == 20


async def test_fill_of_an_unknown_order_goes_to_external_once() -> None:
    async with Played() as played:
        await played.say(filled("stranger", 3), filled("stranger", 3))
        assert (played.held, played.external) == (0, 3)
        assert len(played.stage.events_of(DuplicateReportEvent)) == 1
        assert played.script.numbers("on_fill") == []


@pytest.mark.parametrize(
    "changes",
    [{"side": OrderSide.SELL}, {"instrument_id": "BBB"}, {"leg_index": 7}, {"leg_index": -1}],
)
async def test_fill_that_cannot_be_of_the_order_goes_to_external(changes: dict[str, Any]) -> None:
    async with Played() as played:
        await played.stage.publish([minute(1, "AAA", "BBB")])
        await played.say(filled(played.order_id, 3, **changes))
        books = played.stage.system.books
        assert not books["alpha"].positions
        assert len(books[EXTERNAL].positions) == 1
        assert played.status() is OrderStatus.SUBMITTED


async def test_external_fill_is_booked_apart() -> None:
    report = ExternalFillReport(
        trade_id="M1",
        instrument_id="AAA",
        side=OrderSide.SELL,
        last_qty=Decimal(2),
        last_px=opening(0),
        commission=Decimal("1.00"),
        ts_event=at(0),
    )
    async with Played() as played:
        await played.say(report, report)
        assert played.external == -2
        assert len(played.stage.events_of(DuplicateReportEvent)) == 1


async def test_overfill_is_booked_flagged_and_stops_the_strategy() -> None:
    async with Played() as played:
        await played.say(filled(played.order_id, 12))
        assert played.held == 12
        assert played.stage.system.status("alpha") == "quarantined"
        (event,) = played.stage.events_of(StrategyQuarantinedEvent)
        assert event.failure == f"{played.order_id} was filled beyond its quantity"
        await played.say(filled(played.order_id, 1, trade_id="T2"))
        assert played.held == 13
        assert len(played.stage.events_of(StrategyQuarantinedEvent)) == 1, "one event"
        calls = len(played.script.calls)
        await played.bar(1)
        assert len(played.script.calls) == calls, "it is not called any more"


@pytest.mark.parametrize("failures_max", [1, 3])
async def test_strategy_that_also_fails_at_its_overfill_is_stopped_once(failures_max: int) -> None:
    policy = SupervisionPolicy(failures_max=failures_max)
    async with Played(supervision=policy) as played:
        played.script.on_fill = lambda _, view: fail(ValueError("what?"))(view)
        await played.say(filled(played.order_id, 12))
        assert played.stage.system.status("alpha") == "quarantined"
        assert len(played.stage.events_of(StrategyQuarantinedEvent)) == 1
        await played.bar(1)


async def test_fill_after_too_many_ended_orders_goes_to_external(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(execution_gateway_actor, "ENDED_ORDERS_KEPT", 1)
    monkeypatch.setattr(execution_gateway_actor, "ENDED_ORDERS_FORGOTTEN", 1)
    async with Played(lambda view: [view.buy("AAA", 1), view.buy("AAA", 2)]) as played:
        first, second = (one.client_order_id for one in played.port.taken)
        for one in (first, second):
            await played.say(OrderCanceledReport(client_order_id=one, ts_event=at(0)))
        await played.say(filled(first, 1), filled(second, 2, trade_id="T2"))
        assert (played.held, played.external) == (2, 1)


# --- other reports ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "report",
    [
        accepted("stranger"),
        OrderRejectedReport(client_order_id="stranger", reason="who?", ts_event=at(0)),
        OrderCanceledReport(client_order_id="stranger", ts_event=at(0)),
        OrderCancelRejectedReport(client_order_id="stranger", reason="who?", ts_event=at(0)),
        OrderExpiredReport(client_order_id="stranger", ts_event=at(0)),
    ],
    ids=lambda one: type(one).__name__,
)
async def test_report_on_an_unknown_order_is_ignored_with_an_event(report: Any) -> None:
    async with Played() as played:
        await played.say(report)
        (event,) = played.stage.events_of(OrderStatusChangedEvent)
        assert (event.strategy_id, event.client_order_id) == (EXTERNAL, "stranger")
        assert event.status == "IGNORED"
        assert type(report).__name__ in event.reason
        assert played.status() is OrderStatus.SUBMITTED


async def test_report_on_an_ended_order_is_ignored_with_its_owner_named() -> None:
    async with Played() as played:
        await played.say(filled(played.order_id), accepted(played.order_id))
        (event,) = played.stage.events_of(OrderStatusChangedEvent)
        assert (event.strategy_id, event.status) == ("alpha", "IGNORED")
        assert played.status() is OrderStatus.FILLED


async def test_report_that_the_table_does_not_allow_is_ignored_with_an_event() -> None:
    async with Played() as played:
        await played.say(accepted(played.order_id), accepted(played.order_id))
        assert played.statuses() == [("IGNORED", "an order in ACCEPTED cannot take ACCEPT")]
        assert played.status() is OrderStatus.ACCEPTED


async def test_venues_reason_for_a_rejection_is_told() -> None:
    async with Played() as played:
        await played.say(
            OrderRejectedReport(client_order_id=played.order_id, reason="closed", ts_event=at(0))
        )
        assert played.statuses() == [("REJECTED", "closed")]


# --- cancels ------------------------------------------------------------------------------------


def cancel_all(view: Any) -> list[CancelOrder]:
    return [view.cancel(one) for one in view.working_orders]


async def test_cancel_waits_for_the_venues_word() -> None:
    async with Played() as played:
        await played.say(accepted(played.order_id))
        await played.bar(1, cancel_all)
        assert played.status() is OrderStatus.PENDING_CANCEL
        assert played.reserved > 0
        await played.say(
            OrderCancelRejectedReport(
                client_order_id=played.order_id, reason="too late", ts_event=at(1)
            )
        )
        assert played.status() is OrderStatus.ACCEPTED
        assert played.statuses() == [("ACCEPTED", "too late")]


async def test_order_that_is_being_cancelled_already_stays_as_it_is() -> None:
    async with Played() as played:
        await played.bar(1, cancel_all)
        hops = len(played.stage.hops_to("alpha", OrdersChanged))
        await played.bar(2, cancel_all)
        assert played.status() is OrderStatus.PENDING_CANCEL
        assert len(played.stage.hops_to("alpha", OrdersChanged)) == hops
        assert len(played.port.taken) == 3, "the venue hears of it again all the same"


async def test_lost_report_on_orders_that_have_ended_changes_nothing() -> None:
    async with Played() as played:
        await played.say(filled(played.order_id))
        lost = SubmissionLost(client_order_ids=(played.order_id, "stranger"), failure="no")
        played.stage.machine.post(lost, at(0))
        assert played.status() is OrderStatus.FILLED
        assert played.statuses() == []


async def test_each_cancel_has_an_id_of_its_own() -> None:
    """A venue drops what comes twice under one id, so a second cancel must not look like it."""
    async with Played() as played:
        rejected = OrderCancelRejectedReport(
            client_order_id=played.order_id, reason="not now", ts_event=at(0)
        )
        for question_id in (1, 2):
            await played.stage.session.ask(pause(question_id), question_id)
            await played.say(rejected)
        ids = [one.client_order_id for one in played.port.taken]
        assert len(ids) == len(set(ids)) == 3
        assert [type(one.command) for one in played.port.taken[1:]] == [CancelOrder, CancelOrder]


def pause(question_id: int) -> Any:
    return PauseStrategy(question_id=question_id, strategy_id="alpha", mode=PauseMode.REDUCE_ONLY)


# --- a port that raises -------------------------------------------------------------------------


async def test_port_that_raises_leaves_the_order_unknown_with_its_reservation() -> None:
    played = Played()
    played.port.failure = TimeoutError("no answer")
    async with played:
        (intent,) = played.stage.intents
        order_id = intent.client_order_id
        assert played.status(order_id) is OrderStatus.UNKNOWN
        assert played.reserved > 0
        assert played.statuses() == [("UNKNOWN", "TimeoutError: no answer")]
        (lost,) = played.stage.records(RecordKind.INPUT, "SubmissionLost")
        assert order_id.encode() in lost.body
        await played.say(accepted(order_id))
        assert played.status(order_id) is OrderStatus.ACCEPTED
        await played.say(filled(order_id))
        assert (played.held, played.reserved) == (10, 0)


@pytest.mark.parametrize("quantity", [4, 10])
async def test_unknown_order_can_fill_at_once(quantity: int) -> None:
    played = Played()
    played.port.failure = TimeoutError()
    async with played:
        order_id = played.stage.intents[0].client_order_id
        await played.say(filled(order_id, quantity))
        assert played.held == quantity
        assert (played.reserved == 0) == (quantity == 10)


async def test_lost_cancel_leaves_the_order_unknown_so_that_it_is_cancelled_again() -> None:
    async with Played() as played:
        await played.say(accepted(played.order_id))
        played.port.failure = TimeoutError()
        await played.bar(1, cancel_all)
        assert played.status() is OrderStatus.UNKNOWN
        played.port.failure = None
        await played.stage.session.ask(pause(1), 1)
        assert [type(one.command) for one in played.port.taken] == [
            type(played.port.taken[0].command),
            CancelOrder,
        ]
        assert played.status() is OrderStatus.PENDING_CANCEL


# --- size ---------------------------------------------------------------------------------------


async def test_more_orders_than_a_mailbox_has_room_for() -> None:
    """Orders that change together travel together, whatever the bound of a mailbox."""
    policies = ConflictPolicies(duplicate_order=ConflictPolicy.ALLOW)
    async with Played(
        lambda view: [view.buy("AAA", 1)] * 300, mailbox_messages_max=20, policies=policies
    ) as played:
        assert len(played.port.taken) == 300
        await played.stage.session.ask(pause(1), 1)
        assert len(played.port.taken) == 600
        assert played.status() is OrderStatus.PENDING_CANCEL


async def test_two_strategies_hear_only_of_their_own_orders() -> None:
    script = Script(on_event={0: sell(1)})
    port = SilentPort()
    stage = Stage({"a": lambda: Scripted(script), "b": lambda: Scripted(script)}, port=port)
    async with stage:
        await stage.publish([minute(0)])
        for one in ("a", "b"):
            (hop,) = stage.hops_to(one, OrdersChanged)
            assert isinstance(hop.message, OrdersChanged)
            assert [order.strategy_id for order in hop.message.orders] == [one]


def test_message_that_it_cannot_use_is_refused() -> None:
    machine = Machine(MemoryJournal())
    gateway = ExecutionGatewayActor(context=machine, publish=lambda _: None)
    with pytest.raises(ActorError, match="the execution gateway cannot be told a str"):
        gateway.receive("hello")
