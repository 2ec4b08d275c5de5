"""The live adapter: the port's contract, and every way in which a call to a venue can go wrong.

Time is virtual, on asyncio and trio; see ``tests/fakes_clock.py``.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import pairwise
from typing import Any

import anyio
import msgspec
import pytest

from orchestrion.actors.messages import SubmissionLost
from orchestrion.adapters.venue.delivery_policy import DeliveryPolicy
from orchestrion.adapters.venue.live_adapter import LiveOrchestrationAdapter
from orchestrion.adapters.venue.venue_client import VenueRefusedError
from orchestrion.domain.errors import LifecycleError, PortUnavailableError
from orchestrion.domain.models.command import (
    ApprovedCommand,
    CancelOrder,
    SubmitOrder,
    initialized_order,
)
from orchestrion.domain.models.order import Leg, Order, OrderSide, OrderStatus
from orchestrion.domain.models.portfolio import NetPosition
from orchestrion.domain.models.report import OrderRejectedReport
from tests.fakes_clock import virtual_backend  # noqa: F401 - a fixture
from tests.fakes_venue_client import DEFAULT_TRAITS, FakeVenue, FakeVenueClient, Fate

pytestmark = pytest.mark.anyio

DELAY_S = DEFAULT_TRAITS.visibility_delay_s
POLICY = DeliveryPolicy(call_timeout_s=5.0, submit_age_max_s=10.0, grace_s=3.0)
WORDS = {
    "OrderAcceptedReport": "accepted",
    "OrderRejectedReport": "rejected",
    "OrderCanceledReport": "canceled",
    "OrderCancelRejectedReport": "cancel rejected",
    "OrderExpiredReport": "expired",
    "OrderFilledReport": "filled",
    "SubmissionLost": "lost",
}


def submit(client_order_id: str = "o-1", **changes: Any) -> ApprovedCommand:
    order = SubmitOrder.single("alpha", "ABC", OrderSide.BUY, 10)
    return approved(msgspec.structs.replace(order, **changes), client_order_id)


def cancel(target: str = "o-1", again: str = "") -> ApprovedCommand:
    return approved(CancelOrder(strategy_id="alpha", client_order_id=target), f"c-{target}{again}")


def approved(command: SubmitOrder | CancelOrder, client_order_id: str) -> ApprovedCommand:
    return ApprovedCommand(
        strategy_id="alpha",
        command=command,
        client_order_id=client_order_id,
        reservation=Decimal(0),
        is_reducing=False,
        ts_decided=0,
    )


def order_of_earlier_process(status: OrderStatus, client_order_id: str = "o-1") -> Order:
    command = submit(client_order_id)
    assert isinstance(command.command, SubmitOrder)
    return msgspec.structs.replace(initialized_order(command, command.command), status=status)


@dataclass
class Desk:
    """An adapter that runs, and all that it has told."""

    venue: FakeVenue
    client: FakeVenueClient
    adapter: LiveOrchestrationAdapter
    told: list[Any] = field(default_factory=list[Any])

    def execute(self, *commands: ApprovedCommand) -> None:
        self.adapter.execute_commands(list(commands))

    async def settle(self) -> None:
        """Until nothing is under way, however long that takes."""
        await anyio.wait_all_tasks_blocked()
        await self.adapter.settled()
        await anyio.wait_all_tasks_blocked()

    async def after(self, seconds: float) -> None:
        await anyio.sleep(seconds)
        await anyio.wait_all_tasks_blocked()

    def story(self, client_order_id: str = "o-1") -> list[str]:
        return [WORDS[type(one).__name__] for one in self.told if client_order_id in _ids(one)]


def _ids(outcome: Any) -> tuple[str, ...]:
    if isinstance(outcome, SubmissionLost):
        return outcome.client_order_ids
    return (getattr(outcome, "client_order_id", ""),)


def new_desk(policy: DeliveryPolicy = POLICY, **traits: Any) -> Desk:
    venue = FakeVenue()
    client = FakeVenueClient(venue, msgspec.structs.replace(DEFAULT_TRAITS, **traits))
    adapter = LiveOrchestrationAdapter(client, policy=policy, now_ns=lambda: 7)
    return Desk(venue, client, adapter)


async def _read(desk: Desk) -> None:
    async for outcome in desk.adapter.outcomes:
        desk.told.append(outcome)


@asynccontextmanager
async def open_desk(
    policy: DeliveryPolicy = POLICY, *, inquire: Iterable[Order] = (), **traits: Any
) -> AsyncIterator[Desk]:
    desk = new_desk(policy, **traits)
    desk.adapter.inquire(inquire)
    with desk.adapter.outcomes:
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(_read, desk)
            await tasks.start(desk.adapter.run)
            yield desk
            await desk.adapter.shutdown()


# -- answers --------------------------------------------------------------------------------------


async def test_answer_of_the_venue_is_told() -> None:
    async with open_desk() as desk:
        desk.execute(submit())
        await desk.settle()
        desk.venue.fill("o-1")
        await desk.settle()

        assert desk.story() == ["accepted", "filled"]


async def test_acknowledgement_may_come_by_the_stream() -> None:
    async with open_desk() as desk:
        desk.client.is_acknowledged_by_report = True
        desk.execute(submit(), cancel())
        await desk.settle()

        assert desk.story() == ["accepted", "canceled"]


async def test_nothing_is_sent_inside_the_call() -> None:
    async with open_desk() as desk:
        desk.execute(submit())

        assert "submit" not in desk.client.calls
        assert desk.told == []
        await desk.settle()


async def test_orders_go_out_in_the_order_of_the_commands() -> None:
    async with open_desk() as desk:
        desk.client.answer_s = 0.5
        desk.execute(submit("o-2"), submit("o-1"))
        desk.execute(submit("o-3"))
        await desk.settle()

        assert desk.venue.taken == ["o-2", "o-1", "o-3"]


async def test_refusal_is_a_rejection_with_the_venues_words() -> None:
    async with open_desk() as desk:
        desk.client.will("submit", Fate.REFUSE)
        desk.execute(submit(), submit("o-2"))
        await desk.settle()

        assert (desk.story("o-1"), desk.story("o-2")) == (["rejected"], ["accepted"])
        (rejected,) = [one for one in desk.told if isinstance(one, OrderRejectedReport)]
        assert (rejected.reason, rejected.ts_event) == (str(Fate.REFUSE), 7)


async def test_duplicates_late_and_unordered_reports_pass_as_they_are() -> None:
    async with open_desk() as desk:
        desk.execute(submit(), cancel())
        await desk.settle()
        desk.venue.fill("o-1")  # late, after the cancel
        desk.venue.say_again()
        await desk.settle()

        assert desk.story() == ["accepted", "canceled", "filled", "accepted", "canceled", "filled"]


async def test_structure_is_rejected_where_the_venue_takes_single_legs_only() -> None:
    async with open_desk(takes_several_legs=False) as desk:
        legs = (Leg("ABC", OrderSide.BUY, Decimal(1)), Leg("XYZ", OrderSide.SELL, Decimal(1)))
        desk.execute(submit(legs=legs), submit("o-2"))
        await desk.settle()

        assert (desk.story("o-1"), desk.story("o-2")) == (["rejected"], ["accepted"])
        assert desk.venue.taken == ["o-2"]


async def test_portfolio_follows_every_fill() -> None:
    async with open_desk() as desk:
        before = desk.adapter.get_portfolio_state()
        desk.execute(submit())
        await desk.settle()
        assert desk.adapter.get_portfolio_state() == before
        desk.venue.fill("o-1")
        await desk.settle()

        assert desk.adapter.get_portfolio_state().positions == (NetPosition("ABC", Decimal(10)),)


async def test_portfolio_that_was_never_shown_is_an_error() -> None:
    desk = new_desk()
    with pytest.raises(PortUnavailableError, match="never reached"):
        desk.adapter.get_portfolio_state()
    await desk.adapter.shutdown()
    await desk.adapter.outcomes.aclose()


# -- nobody knows ---------------------------------------------------------------------------------

UNKNOWN_BUT_THERE = [Fate.ARRIVE_AND_LOSE, Fate.ARRIVE_AND_CRASH]
UNKNOWN_AND_NOT_THERE = [Fate.LOSE, Fate.SILENCE, Fate.CRASH]


@pytest.mark.parametrize("fate", UNKNOWN_BUT_THERE)
async def test_order_that_arrived_without_an_answer_is_found_and_not_sent_again(
    fate: Fate,
) -> None:
    async with open_desk() as desk:
        desk.venue.visible_after_s = 1.5
        desk.client.will("submit", fate)
        desk.execute(submit())
        await desk.settle()

        assert desk.story()[:2] == ["lost", "accepted"]
        assert not {"rejected", "expired"} & set(desk.story())
        assert desk.venue.entered("o-1") == 1


async def test_stream_that_is_faster_than_the_answer_says_what_became_of_the_order() -> None:
    async with open_desk() as desk:
        desk.client.will("submit", Fate.ARRIVE_AND_SILENCE)
        desk.client.will("cancel", Fate.ARRIVE_AND_SILENCE)
        desk.execute(submit(), cancel())
        await desk.settle()

        assert desk.story() == ["accepted", "canceled"]
        assert desk.client.calls.count("query") == 0


async def test_order_that_arrived_silently_is_found_by_asking() -> None:
    async with open_desk() as desk:
        desk.venue.is_mute = True
        desk.client.will("submit", Fate.ARRIVE_AND_SILENCE)
        desk.execute(submit())
        await desk.settle()

        assert desk.story() == ["lost", "accepted"]
        assert desk.venue.entered("o-1") == 1


@pytest.mark.parametrize("fate", UNKNOWN_AND_NOT_THERE)
async def test_order_that_never_arrived_expires_and_is_not_sent_later(fate: Fate) -> None:
    async with open_desk() as desk:
        desk.client.will("submit", fate)
        desk.execute(submit())
        await desk.settle()

        assert desk.story() == ["lost", "expired"]
        assert desk.client.calls.count("submit") == 1
        assert desk.venue.entered("o-1") == 0


async def test_not_known_means_nothing_before_the_visibility_delay() -> None:
    async with open_desk() as desk:
        desk.client.will("submit", Fate.CRASH)
        lost_s = anyio.current_time()
        desk.execute(submit())
        await anyio.wait_all_tasks_blocked()
        assert desk.story() == ["lost"]
        await desk.after(DELAY_S / 2)
        assert desk.story() == ["lost"]
        assert "query" in desk.client.calls
        await desk.settle()

        assert desk.story() == ["lost", "expired"]
        asked = [when for call, when in desk.client.call_times_s if call == "query"]
        assert asked[-1] >= lost_s + DELAY_S


async def test_question_that_began_before_the_delay_is_asked_again_after_it() -> None:
    async with open_desk() as desk:
        desk.client.will("submit", Fate.CRASH)
        desk.client.answer_s = DELAY_S + 1  # the first answer comes after the delay
        desk.execute(submit())
        await desk.settle()

        assert desk.story() == ["lost", "expired"]
        assert desk.client.calls.count("query") == 2


async def test_late_arrival_is_found_and_its_fill_is_told() -> None:
    async with open_desk() as desk:
        desk.client.will("submit", Fate.HOLD)
        desk.execute(submit())
        await desk.after(POLICY.call_timeout_s + DELAY_S / 2)
        assert desk.story() == ["lost"]
        desk.client.deliver_held()
        desk.venue.fill("o-1")
        await desk.settle()

        assert desk.story() == ["lost", "accepted", "filled"]


async def test_arrival_after_it_expired_is_passed_on_all_the_same() -> None:
    async with open_desk() as desk:
        desk.client.will("submit", Fate.HOLD)
        desk.execute(submit())
        await desk.settle()
        assert desk.story() == ["lost", "expired"]
        desk.client.deliver_held()
        desk.venue.fill("o-1")
        await desk.settle()

        assert desk.story() == ["lost", "expired", "accepted", "filled"]


async def test_fills_made_before_the_answer_was_known_are_told_once() -> None:
    async with open_desk() as desk:
        desk.venue.visible_after_s = 1.0
        desk.client.will("submit", Fate.ARRIVE_AND_CRASH)
        desk.venue.is_mute = True
        desk.execute(submit())
        await desk.after(0.5)
        desk.venue.is_mute = False
        desk.venue.fill("o-1", Decimal(4))  # the stream is faster than the answer to the question
        await desk.settle()

        assert desk.story() == ["lost", "filled", "accepted"]


async def test_repeated_id_is_asked_about_and_never_called_rejected() -> None:
    async with open_desk() as first:
        first.execute(submit())
        await first.settle()
        first.venue.fill("o-1")
    desk = new_desk()
    desk.client.venue = first.venue
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, desk)
        await tasks.start(desk.adapter.run)
        desk.execute(submit())
        await desk.settle()
        await desk.adapter.shutdown()
    await desk.adapter.outcomes.aclose()

    assert [word for word in desk.story() if word != "filled"] == ["lost", "accepted"]
    assert first.venue.entered("o-1") == 1


async def test_query_without_an_answer_is_repeated_until_there_is_one() -> None:
    async with open_desk() as desk:
        desk.client.will("submit", Fate.ARRIVE_AND_LOSE)
        desk.client.will("query", Fate.SILENCE, Fate.BUSY, Fate.LOSE, Fate.CRASH, Fate.REFUSE)
        desk.execute(submit())
        await desk.settle()

        assert desk.client.calls.count("query") == 6
        assert desk.story()[0] == "lost"
        assert desk.story()[-1] == "accepted"


async def test_other_orders_do_not_wait_for_one_that_is_unknown() -> None:
    async with open_desk() as desk:
        desk.client.will("submit", Fate.CRASH)
        desk.execute(submit("o-1"), submit("o-2"))
        await desk.after(0.1)

        assert (desk.story("o-1"), desk.story("o-2")) == (["lost"], ["accepted"])


# -- cancels --------------------------------------------------------------------------------------


@pytest.mark.parametrize("fate", [Fate.LOSE, Fate.SILENCE, Fate.CRASH])
async def test_cancel_that_never_arrived_is_sent_again_once_the_order_is_seen_open(
    fate: Fate,
) -> None:
    async with open_desk() as desk:
        desk.client.will("cancel", fate)
        desk.execute(submit(), cancel())
        await desk.settle()

        assert desk.story() == ["accepted", "lost", "accepted", "canceled"]
        assert desk.client.calls.count("cancel") == 2


@pytest.mark.parametrize("fate", UNKNOWN_BUT_THERE)
async def test_cancel_that_arrived_without_an_answer_is_not_sent_again(fate: Fate) -> None:
    async with open_desk() as desk:
        desk.client.will("cancel", fate)
        desk.execute(submit(), cancel())
        await desk.settle()

        assert desk.story()[-1] == "canceled"
        assert desk.client.calls.count("cancel") == 1


async def test_cancel_of_an_unknown_order_waits_until_it_is_known() -> None:
    async with open_desk() as desk:
        desk.venue.visible_after_s = 1.0
        desk.venue.is_mute = True
        desk.client.will("submit", Fate.ARRIVE_AND_SILENCE)
        desk.execute(submit(), cancel())
        await desk.settle()

        assert desk.story() == ["lost", "accepted", "canceled"]


async def test_refused_cancel_is_told_with_the_venues_words() -> None:
    async with open_desk() as desk:
        desk.execute(submit())
        await desk.settle()
        desk.venue.fill("o-1")
        desk.execute(cancel())
        await desk.settle()

        assert desk.story() == ["accepted", "filled", "cancel rejected"]


# -- busy, slow, gone -----------------------------------------------------------------------------


async def test_busy_venue_gets_the_order_once_when_it_is_free() -> None:
    async with open_desk() as desk:
        desk.client.will("submit", Fate.BUSY, Fate.BUSY)
        desk.execute(submit(), submit("o-2"))
        await desk.settle()

        assert (desk.story("o-1"), desk.story("o-2")) == (["accepted"], ["accepted"])
        assert desk.venue.taken == ["o-1", "o-2"]


async def test_order_expires_unsent_when_the_venue_stays_busy() -> None:
    async with open_desk() as desk:
        desk.client.will("submit", *[Fate.BUSY] * 200)
        desk.execute(submit())
        await desk.settle()

        assert desk.story() == ["expired"]
        assert anyio.current_time() >= POLICY.submit_age_max_s


async def test_order_waits_for_the_connection_and_expires_when_it_gets_stale() -> None:
    async with open_desk(msgspec.structs.replace(POLICY, back_off_max_s=1.0)) as desk:
        desk.venue.is_reachable = False
        desk.client.break_connection()
        await desk.after(1)
        desk.execute(submit("stale"))
        await desk.after(POLICY.submit_age_max_s - 2)
        desk.execute(submit("fresh"))
        await desk.after(3)
        desk.venue.is_reachable = True
        await desk.settle()

        assert (desk.story("stale"), desk.story("fresh")) == (["expired"], ["accepted"])
        assert desk.venue.taken == ["fresh"]


async def test_calls_keep_to_the_rate_limit() -> None:
    policy = msgspec.structs.replace(POLICY, calls_per_s=2.0, burst_calls=3, submit_age_max_s=60.0)
    async with open_desk(policy) as desk:
        await desk.after(10)
        started = anyio.current_time()
        desk.execute(*(submit(f"o-{number}") for number in range(9)))
        await desk.settle()

        times = [when - started for call, when in desk.client.call_times_s if call == "submit"]
        assert [when < 0.1 for when in times] == [True] * 3 + [False] * 6
        assert times[-1] == pytest.approx(3.0)


async def test_full_queue_rejects_what_does_not_fit() -> None:
    policy = msgspec.structs.replace(POLICY, queue_commands_max=2)
    async with open_desk(policy) as desk:
        desk.execute(submit("o-1"), submit("o-2"), submit("o-3"), cancel("o-1"))
        await desk.settle()

        assert desk.story("o-3") == ["rejected"]
        assert desk.story("o-1") == ["accepted", "cancel rejected"]
        assert desk.venue.taken == ["o-1", "o-2"]


async def test_reconnect_asks_about_every_open_order() -> None:
    async with open_desk() as desk:
        desk.execute(submit("o-1"), submit("o-2"))
        await desk.settle()
        desk.client.break_connection()
        desk.venue.fill("o-1")
        desk.venue.unread.clear()  # nobody heard it
        await desk.after(5)

        assert desk.story("o-1") == ["accepted", "filled"]
        assert desk.story("o-2") == ["accepted"]


async def test_order_that_the_venue_confirmed_and_forgot_stays_unknown() -> None:
    async with open_desk() as desk:
        desk.execute(submit())
        await desk.settle()
        desk.venue.forget("o-1")
        desk.client.break_connection()
        await desk.after(5)
        await desk.settle()

        assert desk.story() == ["accepted", "lost"]


async def test_reconnect_storm_is_met_with_longer_and_longer_waits() -> None:
    async with open_desk() as desk:
        desk.client.breaks_after_s = 0.5  # lets everybody in and throws everybody out
        desk.client.break_connection()
        await anyio.sleep(300)
        times = [when for call, when in desk.client.call_times_s if call == "connect"]
        waits = [later - earlier for earlier, later in pairwise(times[1:])]

        assert waits[0] < 3 * POLICY.back_off_first_s + 0.5
        assert waits[-1] >= POLICY.back_off_max_s / 2
        assert max(waits) <= POLICY.back_off_max_s + 1
        assert len(times) < 30


async def test_connection_that_held_starts_the_waits_anew() -> None:
    async with open_desk() as desk:
        waits: list[float] = []
        for _ in range(8):
            await desk.after(POLICY.stable_after_s + 5)
            broken_s = anyio.current_time()
            desk.client.break_connection()
            await desk.after(5)
            times = [when for call, when in desk.client.call_times_s if call == "connect"]
            waits.append(times[-1] - broken_s)

        assert max(waits) <= POLICY.back_off_first_s


async def test_several_calls_in_a_row_without_an_answer_end_the_connection() -> None:
    async with open_desk() as desk:
        fates = [Fate.SILENCE] * POLICY.timeouts_before_reconnect
        desk.client.will("submit", *fates)
        for number in range(len(fates)):
            desk.execute(submit(f"o-{number}"))
            desk.client.will("query", Fate.SILENCE, Fate.SILENCE)
        await desk.settle()

        assert desk.client.calls.count("connect") > 1


async def test_venue_that_lets_nobody_in_ends_the_run_with_its_words() -> None:
    desk = new_desk()
    desk.client.will("connect", Fate.REFUSE)

    with pytest.raises(VenueRefusedError):
        await desk.adapter.run()
    await desk.adapter.outcomes.aclose()


async def test_first_connection_is_tried_until_it_is_made() -> None:
    desk = new_desk()
    desk.client.will("connect", Fate.LOSE, Fate.SILENCE, Fate.BUSY)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, desk)
        await tasks.start(desk.adapter.run)
        assert desk.client.calls.count("connect") == 4
        await desk.adapter.shutdown()
    await desk.adapter.outcomes.aclose()


async def test_account_is_asked_again_when_the_venue_does_not_answer() -> None:
    desk = new_desk()
    desk.client.will("positions", Fate.CRASH, Fate.SILENCE)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, desk)
        await tasks.start(desk.adapter.run)
        assert desk.client.calls.count("positions") == 3
        await desk.adapter.shutdown()
    await desk.adapter.outcomes.aclose()


# -- after a crash --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "story"),
    [
        (OrderStatus.INITIALIZED, ["expired"]),
        (OrderStatus.SUBMITTED, ["expired"]),
        (OrderStatus.UNKNOWN, ["expired"]),
        (OrderStatus.ACCEPTED, ["lost"]),
        (OrderStatus.PARTIALLY_FILLED, ["lost"]),
    ],
)
async def test_order_of_an_earlier_process_that_the_venue_does_not_know(
    status: OrderStatus, story: list[str]
) -> None:
    async with open_desk(inquire=[order_of_earlier_process(status)]) as desk:
        await desk.after(DELAY_S / 2)
        assert desk.story() == []
        await desk.settle()

        assert desk.story() == story
        assert desk.venue.taken == []


async def test_order_of_an_earlier_process_is_found_and_not_sent_again() -> None:
    desk = new_desk()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_read, desk)
        desk.client.is_connected = True
        await desk.client.submit_quietly(submit())
        desk.venue.fill("o-1", Decimal(3))
        desk.venue.unread.clear()
        desk.adapter.inquire([order_of_earlier_process(OrderStatus.UNKNOWN)])
        await tasks.start(desk.adapter.run)
        desk.execute(submit())  # a resend is the same order
        await desk.settle()
        await desk.adapter.shutdown()
    await desk.adapter.outcomes.aclose()

    assert desk.story() == ["accepted", "filled"]
    assert desk.venue.entered("o-1") == 1


async def test_snapshot_shows_what_the_venue_has() -> None:
    async with open_desk() as desk:
        desk.execute(submit("o-1"), submit("o-2"))
        await desk.settle()
        desk.venue.fill("o-1")
        shown = await desk.adapter.snapshot()

        assert [one.client_order_id for one in shown.open_orders] == ["o-2"]
        assert shown.positions == (NetPosition("ABC", Decimal(10)),)
        assert [(one.currency, one.total) for one in shown.balances] == [("USD", desk.venue.cash)]
        assert shown.ts_event == 7


# -- shutting down --------------------------------------------------------------------------------


async def test_shutdown_sends_what_was_accepted_and_takes_nothing_new() -> None:
    async with open_desk() as desk:
        desk.client.answer_s = 0.5
        desk.execute(submit("o-1"), submit("o-2"))
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(desk.adapter.shutdown)
            await anyio.sleep(0.1)
            desk.execute(submit("o-3"), cancel("o-1"))
        await anyio.wait_all_tasks_blocked()

        assert desk.venue.taken == ["o-1", "o-2"]
        assert desk.story("o-3") == ["rejected"]
        assert desk.story("o-1") == ["accepted", "cancel rejected"]
        assert desk.client.is_closed


async def test_shutdown_reports_what_is_under_way_as_lost_and_the_rest_as_expired() -> None:
    async with open_desk() as desk:
        desk.venue.is_mute = True
        desk.client.will("submit", Fate.ARRIVE_AND_SILENCE)
        desk.execute(submit("o-1"), submit("o-2"), cancel("o-9"))
        await desk.after(0.1)
        started = anyio.current_time()
        await desk.adapter.shutdown()
        await anyio.wait_all_tasks_blocked()

        assert anyio.current_time() - started <= POLICY.grace_s + POLICY.close_timeout_s
        assert desk.story("o-1") == ["lost"]
        assert desk.story("o-2") == ["expired"]
        assert desk.story("o-9") == ["cancel rejected"]
        assert desk.venue.taken == ["o-1"]


async def test_nothing_is_taken_after_the_end() -> None:
    async with open_desk() as desk:
        await desk.adapter.shutdown()

        with pytest.raises(PortUnavailableError, match="ended"):
            desk.execute(submit())
        with pytest.raises(LifecycleError, match="once"):
            await desk.adapter.run()


async def test_shutdown_twice_and_before_the_run_does_nothing() -> None:
    desk = new_desk()
    await desk.adapter.shutdown()
    await desk.adapter.shutdown()
    with pytest.raises(PortUnavailableError):
        desk.execute(submit())
    await desk.adapter.outcomes.aclose()


async def test_cancelled_run_says_what_is_lost_and_ends_its_stream() -> None:
    desk = new_desk()
    async with anyio.create_task_group() as reading:
        reading.start_soon(_read, desk)
        async with anyio.create_task_group() as tasks:
            await tasks.start(desk.adapter.run)
            desk.client.will("submit", Fate.SILENCE)
            desk.execute(submit("o-1"), submit("o-2"))
            await anyio.sleep(1)
            tasks.cancel_scope.cancel()
    await desk.adapter.outcomes.aclose()

    assert (desk.story("o-1"), desk.story("o-2")) == (["lost"], ["expired"])
