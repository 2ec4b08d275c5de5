"""The session as its callers see it: turns, times, sessions of the day, and the end."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import anyio
import pytest
from structlog.testing import capture_logs

from orchestrion.actors.messages import PauseStrategy
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import OrderType
from orchestrion.domain.orchestration.events import (
    DomainEvent,
    StrategyConflictDetectedEvent,
    StrategyPausedEvent,
)
from orchestrion.domain.orchestration.lifecycle import PauseMode
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.journal import RecordKind
from tests.fakes import (
    CAPITAL,
    DAY_NS,
    MINUTE_NS,
    AsyncScripted,
    Script,
    SilentPort,
    Stage,
    at,
    bar,
    buy,
    closing,
    fill_report,
    following,
    idle,
    minute,
    minutes,
    play,
    sell,
)

pytestmark = pytest.mark.anyio


def on_day(day: int, number: int = 0) -> MarketSlice:
    """Bar ``number`` some days later."""
    one = bar(number)
    shifted = [one.ts_open + day * DAY_NS, one.ts_event + day * DAY_NS]
    return MarketSlice.of([type(one)(one.instrument_id, *shifted, *[one.close_e9] * 4)])


# --- time -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("earlier", [on_day(1, 3), on_day(0, 9)], ids=["same day", "day before"])
async def test_slice_that_goes_back_is_refused_and_changes_nothing(earlier: MarketSlice) -> None:
    async with Stage(following({"a": Script(always=buy(1))})) as stage:
        await stage.publish([on_day(1, number) for number in range(5)])
        records, books = len(stage.records()), dict(stage.system.books)
        state = stage.venue.portfolio_state(0)
        with pytest.raises(ActorError, match=f"time went back: a slice of {earlier.ts_event}"):
            await stage.session.publish(earlier)
        assert len(stage.records()) == records, "no session was closed, nothing was taken"
        assert dict(stage.system.books) == books
        assert stage.venue.portfolio_state(0) == state
        await stage.session.publish(on_day(1, 5))


async def test_report_that_came_in_later_does_not_keep_the_next_bar_out() -> None:
    """Bars arrive after their time; a report in between carries the time of its arrival."""
    port = SilentPort()
    script = Script(on_event={0: buy(1)})
    async with Stage(following({"a": script}), port=port) as stage:
        await stage.publish(minutes(1))
        order_id = port.taken[0].client_order_id
        late = at(1) + 1
        await stage.session.report(fill_report(client_order_id=order_id), late)
        await stage.session.publish(minute(1))
        assert script.numbers() == [0, 1]
        assert stage.machine.now == late
        await stage.session.publish(minute(2))
        assert stage.machine.now == at(2)
        await stage.session.report(fill_report(trade_id="T9"), at(0))
        assert stage.machine.now == at(2), "a venue's word is never refused for being late"


async def test_run_can_end_after_a_late_report() -> None:
    port = SilentPort()
    async with Stage(following({"a": Script(on_event={0: buy(1)})}), port=port) as stage:
        await stage.publish(minutes(1))
        order_id = port.taken[0].client_order_id
        await stage.session.report(fill_report(client_order_id=order_id), at(0) + MINUTE_NS // 2)
        await stage.session.end()
        assert stage.session.account_curve[-1].equity == CAPITAL + closing(0) - Decimal(100)


# --- turns ----------------------------------------------------------------------------------------


async def test_slices_from_two_tasks_are_played_one_after_the_other() -> None:
    inside: list[int] = []
    most: list[int] = []

    async def gate(number: int) -> None:
        inside.append(number)
        most.append(len(inside))
        await anyio.lowlevel.checkpoint()
        inside.remove(number)

    script = Script(gate=gate)
    async with Stage(following({"a": script}, AsyncScripted)) as stage:
        await stage.publish(minutes(1))
        async with anyio.create_task_group() as tasks:
            for number in (1, 1, 1):
                tasks.start_soon(stage.session.publish, minute(number))
    assert set(most) == {1}
    assert script.numbers() == [0, 1, 1, 1]


async def test_slice_waits_while_strategies_are_still_starting() -> None:
    starting = anyio.Event()

    async def gate(_: int) -> None:
        starting.set()
        await anyio.wait_all_tasks_blocked()

    script = Script(gate=gate)
    async with (
        Stage(following({"a": script}, AsyncScripted)) as stage,
        anyio.create_task_group() as tasks,
    ):
        tasks.start_soon(stage.session.start, at(0))
        await starting.wait()
        await stage.session.publish(minute(0))
    assert script.calls == [("on_start", 0), ("on_event", 0)]


# --- sessions of the day --------------------------------------------------------------------------


async def test_session_is_closed_with_the_first_slice_of_another_day_and_at_the_end() -> None:
    slices = [on_day(0, 0), on_day(0, 1), on_day(1), on_day(4)]
    async with Stage({"a": idle}) as stage:
        await stage.publish(slices)
        await stage.session.end()
    closes = [one.ts for one in stage.records(RecordKind.INPUT, "SessionClosed")]
    assert closes == [slices[1].ts_event, slices[2].ts_event, slices[3].ts_event]
    curve = stage.session.account_curve
    assert [one.ts_event for one in curve] == [slices[0].ts_event, *closes]
    assert {one.equity for one in curve} == {CAPITAL}
    assert {len(one) for one in stage.session.equity_curves.values()} == {len(curve)}


async def test_day_order_that_had_its_chance_ends_with_the_session() -> None:
    resting: dict[str, Any] = {"order_type": OrderType.LIMIT, "limit_price": Decimal(1)}
    script = Script(on_event={0: buy(1, **resting)})
    async with Stage(following({"a": script})) as stage:
        await stage.publish([on_day(0, 0), on_day(0, 1)])
        assert len(stage.orchestrator.capital_manager.working_orders("a")) == 1
        await stage.publish([on_day(1)])
        assert len(stage.orchestrator.capital_manager.working_orders("a")) == 0
        assert stage.orchestrator.capital_manager.reserved("a") == 0


# --- events ---------------------------------------------------------------------------------------


async def test_event_is_journaled_before_anybody_is_told_and_logged_with_its_place() -> None:
    journaled: list[bool] = []

    def watch(event: DomainEvent) -> None:
        names = [one.name for one in stage.records(RecordKind.EVENT)]
        journaled.append(type(event).__name__ in names)

    stage = Stage({"a": idle})
    async with stage:
        await stage.publish(minutes(1))
        stage.listeners.append(watch)
        with capture_logs() as lines:
            question = PauseStrategy(question_id=1, strategy_id="a", mode=PauseMode.FROZEN)
            await stage.session.ask(question, 1)
    assert journaled == [True]
    (event,) = stage.events_of(StrategyPausedEvent)
    (line,) = lines
    assert line["event"] == "StrategyPausedEvent"
    assert (line["strategy_id"], line["mode"], line["seq"]) == ("a", "frozen", event.seq)
    assert line["at"] == "2024-01-08T14:30:00+00:00"
    assert event.seq == stage.machine.seq
    assert event.event_id == "E4", "three told of the start"


async def test_listener_that_fails_ends_the_run_before_an_order_is_lost() -> None:
    """A conflict is told before the order leaves; a lost order would keep its reservation."""

    def listen(event: DomainEvent) -> None:
        if isinstance(event, StrategyConflictDetectedEvent):
            raise ValueError("no such channel")

    scripts = {"a": Script(always=buy(1)), "b": Script(always=sell(1))}
    stage = Stage(following(scripts))
    stage.listeners.append(listen)
    async with stage:
        with pytest.raises(ValueError, match="no such channel"):
            await stage.publish(minutes(1))
        assert len(stage.intents) == 1
        assert stage.venue.take_reports() == (), "it has not left"
        with pytest.raises(ActorError, match="the machine has stopped"):
            await stage.session.publish(minute(1))


class FullDisk(MemoryJournal):
    """Takes records and fails to make them durable."""

    def sync(self) -> None:
        raise OSError("no space left on device")

    def close(self) -> None: ...


async def test_order_does_not_leave_when_its_intent_cannot_be_made_durable() -> None:
    port = SilentPort()
    stage = Stage(following({"a": Script(always=buy(1))}), port=port, journal=FullDisk())
    async with stage:
        with pytest.raises(OSError, match="no space left"):
            await stage.publish(minutes(1))
        assert port.taken == []
        with pytest.raises(ActorError, match="the machine has stopped"):
            await stage.session.publish(minute(1))
    assert port.taken == []


async def test_effect_that_nobody_can_carry_out_ends_the_run() -> None:
    async with Stage({"a": idle}) as stage:
        await stage.publish(minutes(1))
        stage.machine.emit("dance")
        with pytest.raises(TypeError, match="no way to carry out a str"):
            await stage.session.publish(minute(1))


# --- the end --------------------------------------------------------------------------------------


async def test_nothing_is_taken_after_the_end() -> None:
    async with Stage(following({"a": Script(always=buy(1))})) as stage:
        await stage.publish(minutes(2))
        await stage.session.end()
        stopped, state = len(stage.records()), stage.venue.portfolio_state(0)
        with pytest.raises(ActorError, match="the machine has stopped"):
            await stage.session.publish(minute(2))
        with pytest.raises(ActorError, match="the machine has stopped"):
            await stage.session.end()
        with pytest.raises(ActorError, match="the machine has stopped"):
            await stage.session.report(fill_report(), at(5))
        assert len(stage.records()) == stopped
        assert stage.venue.portfolio_state(0) == state, "the venue model stood still as well"


async def test_finished_journal_says_how_far_it_got() -> None:
    async with Stage(following({"a": Script(always=buy(1))})) as stage:
        await stage.publish(minutes(3))
        await stage.session.end()
        stage.session.finish_journal()
    trailer = stage.journal.trailer
    assert trailer is not None
    assert (trailer.last_seq, trailer.decisions) == (stage.machine.seq, 3)
    assert trailer.decision_hash == stage.machine.decision_hash


async def test_run_without_a_slice_can_end() -> None:
    async with Stage({"a": idle}) as stage:
        await stage.session.start(at(0))
        await stage.session.end()
    assert [one.name for one in stage.records(RecordKind.INPUT)] == [
        "RunStarted",
        "SessionClosed",
        "RunEnded",
    ]


def test_same_run_twice_writes_the_same_journal() -> None:
    first, second = (
        play(
            following({"a": Script(always=buy(1)), "b": Script(always=buy(2))}),
            minutes(10),
            backend=backend,
        )
        for backend in ("asyncio", "trio")
    )
    assert first.records() == second.records()
