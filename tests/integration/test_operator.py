"""What an operator can do while a run goes on: pause, resume, and the account's trading state."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import anyio
import pytest

from orchestrion.actors.messages import PauseStrategy, ResumeStrategy, SetTradingState
from orchestrion.domain.models.command import CancelOrder
from orchestrion.domain.models.order import OrderType, TimeInForce
from orchestrion.domain.models.strategy import StrategyView
from orchestrion.domain.orchestration.events import (
    StrategyPausedEvent,
    StrategyResumedEvent,
    TradingStateChangedEvent,
)
from orchestrion.domain.orchestration.lifecycle import PauseMode, TradingState
from orchestrion.runtime.actor import Answer
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.supervision import SupervisionPolicy
from tests.fakes import (
    Action,
    AsyncScripted,
    Script,
    Stage,
    buy,
    fail,
    following,
    minute,
    minutes,
    sell,
)

pytestmark = pytest.mark.anyio
RESTING: dict[str, Any] = {
    "order_type": OrderType.LIMIT,
    "limit_price": Decimal(1),
    "time_in_force": TimeInForce.GTC,
}
STOP: dict[str, Any] = {
    "order_type": OrderType.STOP_MARKET,
    "stop_price": Decimal(50),
    "time_in_force": TimeInForce.GTC,
}


class Operated:
    """Two strategies and an operator's questions."""

    def __init__(self, **options: Any) -> None:
        self.scripts = {"alpha": Script(), "beta": Script()}
        self.stage = Stage(following(self.scripts), **options)
        self.questions = 0

    async def __aenter__(self) -> Operated:
        await self.stage.__aenter__()
        return self

    async def __aexit__(self, *exc_info: Any) -> None:
        await self.stage.__aexit__(*exc_info)

    async def bar(self, number: int, **actions: Action) -> list[str]:
        """Plays a bar at which some strategies act; what became of their commands."""
        for strategy_id, script in self.scripts.items():
            action = actions.get(strategy_id)
            script.on_event = {number: action} if action is not None else {}
        before = len(self.stage.decisions)
        await self.stage.publish([minute(number)])
        return self.stage.verdicts()[before:]

    async def pause(self, mode: PauseMode, strategy_id: str = "alpha") -> Answer:
        self.questions += 1
        question = PauseStrategy(question_id=self.questions, strategy_id=strategy_id, mode=mode)
        return await self.stage.session.ask(question, self.questions)

    async def resume(self, strategy_id: str = "alpha") -> Answer:
        self.questions += 1
        question = ResumeStrategy(question_id=self.questions, strategy_id=strategy_id)
        return await self.stage.session.ask(question, self.questions)

    async def trading_state(self, state: TradingState) -> Answer:
        self.questions += 1
        question = SetTradingState(question_id=self.questions, state=state, reason="test")
        return await self.stage.session.ask(question, self.questions)

    def calls(self, strategy_id: str = "alpha") -> list[int]:
        return self.scripts[strategy_id].numbers()

    @property
    def working(self) -> list[OrderType]:
        orders = self.stage.orchestrator.capital_manager.working_orders("alpha")
        return [one.order_type for one in orders.values()]


def cancel_all(view: StrategyView) -> object:
    return [view.cancel(one) for one in view.working_orders]


def both(*actions: Action) -> Action:
    """Several things at one bar."""

    def action(view: StrategyView) -> object:
        answers: list[Any] = [one(view) for one in actions]
        return [command for answer in answers for command in answer]

    return action


# --- pause --------------------------------------------------------------------------------------


async def test_blocked_entries_let_exits_stops_and_cancels_through() -> None:
    async with Operated() as run:
        await run.bar(0, alpha=buy(10))
        await run.bar(1, alpha=buy(1, **RESTING))
        answer = await run.pause(PauseMode.ENTRIES_BLOCKED)
        assert (answer.value, answer.error) == ("paused", "")
        assert run.working == [OrderType.LIMIT], "what works goes on working"
        assert await run.bar(2, alpha=buy(1)) == ["STRATEGY_PAUSED"]
        assert await run.bar(3, alpha=sell(4)) == ["APPROVED"]
        assert await run.bar(4, alpha=sell(1, **STOP)) == ["APPROVED"]
        assert await run.bar(5, alpha=sell(99)) == ["STRATEGY_PAUSED"], "more than it holds"
        assert await run.bar(6, alpha=cancel_all) == ["APPROVED"] * 2
        assert run.working == []
        assert run.stage.system.books["alpha"].quantity("AAA") == 6
        assert await run.bar(7, beta=buy(1)) == ["APPROVED"], "the others do not notice"


async def test_reduce_only_also_cancels_working_entries_and_keeps_protection() -> None:
    async with Operated() as run:
        await run.bar(0, alpha=buy(10))
        await run.bar(1, alpha=both(buy(1, **RESTING), sell(5, **STOP)))
        await run.pause(PauseMode.REDUCE_ONLY)
        assert run.working == [OrderType.STOP_MARKET]
        cancel = run.stage.intents[-1]
        assert isinstance(cancel.command, CancelOrder)
        assert cancel.command.label == "entries withdrawn"
        assert await run.bar(2, alpha=buy(1)) == ["STRATEGY_PAUSED"]
        assert await run.bar(3, alpha=sell(5)) == ["APPROVED"]
        assert run.calls() == [0, 1, 2, 3]


async def test_frozen_strategy_is_not_called_and_its_fills_are_booked() -> None:
    async with Operated() as run:
        await run.bar(0, alpha=buy(10))
        await run.pause(PauseMode.FROZEN)
        await run.bar(1)
        await run.bar(2, alpha=buy(1))
        assert run.calls() == [0]
        assert run.calls("beta") == [0, 1, 2]
        assert run.scripts["alpha"].numbers("on_fill") == []
        assert run.stage.system.books["alpha"].quantity("AAA") == 10
        assert run.stage.system.status("alpha") == "paused (frozen)"
        assert run.stage.orchestrator.capital_manager.reserved("alpha") == 0


@pytest.mark.parametrize("mode", list(PauseMode))
async def test_resumed_strategy_goes_on_as_before(mode: PauseMode) -> None:
    async with Operated() as run:
        await run.bar(0)
        await run.pause(mode)
        await run.bar(1)
        answer = await run.resume()
        assert (answer.value, answer.error) == ("running", "")
        assert await run.bar(2, alpha=buy(1)) == ["APPROVED"]
        assert run.stage.system.status("alpha") == "running"
        paused, resumed = (
            run.stage.events_of(StrategyPausedEvent),
            run.stage.events_of(StrategyResumedEvent),
        )
        assert [(one.strategy_id, one.mode) for one in paused] == [("alpha", mode)]
        assert [one.strategy_id for one in resumed] == ["alpha"]


async def test_paused_strategy_may_change_its_mode() -> None:
    async with Operated() as run:
        await run.bar(0)
        for mode in (PauseMode.FROZEN, PauseMode.ENTRIES_BLOCKED, PauseMode.FROZEN):
            assert (await run.pause(mode)).error == ""
            assert run.stage.system.status("alpha") == f"paused ({mode})"
        await run.bar(1)
        assert run.calls() == [0]


async def test_capital_stays_with_a_paused_strategy() -> None:
    async with Operated() as run:
        await run.bar(0)
        before = dict(run.stage.system.books)
        for mode in PauseMode:
            await run.pause(mode)
            await run.bar(1 + list(PauseMode).index(mode))
        assert dict(run.stage.system.books) == before


# --- steps that are not possible ----------------------------------------------------------------


async def test_resuming_what_runs_is_answered_with_an_error_and_changes_nothing() -> None:
    async with Operated() as run:
        await run.bar(0)
        hops, events = len(run.stage.trace), list(run.stage.events)
        answer = await run.resume()
        assert answer.error == "strategy 'alpha' is running and cannot resume"
        assert answer.value is None
        assert run.stage.system.status("alpha") == "running"
        assert run.stage.events == events
        assert len(run.stage.trace) == hops + 1, "nobody else was told"


@pytest.mark.parametrize("is_pause", [True, False])
async def test_question_about_an_unknown_strategy_is_answered_with_an_error(
    is_pause: bool,
) -> None:
    async with Operated() as run:
        await run.bar(0)
        answer = (
            await run.pause(PauseMode.FROZEN, "gamma") if is_pause else await run.resume("gamma")
        )
        assert answer.error == "there is no strategy 'gamma'"


@pytest.mark.parametrize("is_pause", [True, False])
async def test_quarantined_strategy_can_neither_be_paused_nor_resumed(is_pause: bool) -> None:
    async with Operated(supervision=SupervisionPolicy(failures_max=1)) as run:
        await run.bar(0, alpha=fail(ValueError("no")))
        answer = await (run.pause(PauseMode.FROZEN) if is_pause else run.resume())
        assert answer.error.startswith("strategy 'alpha' is quarantined and cannot ")
        assert run.stage.system.status("alpha") == "quarantined"


async def test_question_is_journaled_and_can_come_before_the_first_bar() -> None:
    async with Operated() as run:
        await run.pause(PauseMode.FROZEN)
        (record,) = run.stage.records(RecordKind.INPUT, "PauseStrategy")
        assert (record.seq, record.ts) == (1, 0)


# --- the account --------------------------------------------------------------------------------


async def test_reducing_account_lets_only_exits_leave() -> None:
    async with Operated() as run:
        await run.bar(0, alpha=buy(10))
        answer = await run.trading_state(TradingState.REDUCING)
        assert (answer.value, answer.error) == ("REDUCING", "")
        assert await run.bar(1, alpha=buy(1), beta=buy(1)) == ["TRADING_REDUCING"] * 2
        assert await run.bar(2, alpha=sell(10)) == ["APPROVED"]
        await run.trading_state(TradingState.ACTIVE)
        assert await run.bar(3, beta=buy(1)) == ["APPROVED"]
        states = [one.state for one in run.stage.events_of(TradingStateChangedEvent)]
        assert states == ["REDUCING", "ACTIVE"]


async def test_halted_account_lets_nothing_leave_and_books_what_comes() -> None:
    async with Operated() as run:
        await run.bar(0, alpha=buy(10))
        await run.trading_state(TradingState.HALTED)
        intents = len(run.stage.intents)
        assert await run.bar(1, alpha=sell(10), beta=sell(1)) == ["TRADING_HALTED"] * 2
        assert len(run.stage.intents) == intents
        assert run.stage.system.books["alpha"].quantity("AAA") == 10
        assert run.calls() == [0, 1], "strategies are still called: they may know better soon"


# --- in the middle of something -----------------------------------------------------------------


async def test_question_waits_for_the_round_that_is_open() -> None:
    reached, go_on = anyio.Event(), anyio.Event()

    async def gate(number: int) -> None:
        if number == 1:
            reached.set()
            await go_on.wait()

    script = Script(always=buy(1), gate=gate)
    stage = Stage(following({"alpha": script}, AsyncScripted))
    answers: list[Answer] = []

    async def ask() -> None:
        await reached.wait()
        question = PauseStrategy(question_id=1, strategy_id="alpha", mode=PauseMode.FROZEN)
        answers.append(await stage.session.ask(question, 1))

    async def let_go() -> None:
        await reached.wait()
        await anyio.wait_all_tasks_blocked()
        assert answers == [], "it waits for its turn"
        go_on.set()

    async with stage, anyio.create_task_group() as tasks:
        await stage.publish(minutes(1))
        tasks.start_soon(ask)
        tasks.start_soon(let_go)
        await stage.publish(minutes(2, first=1))
    assert [one.error for one in answers] == [""]
    assert stage.verdicts() == ["APPROVED", "APPROVED"], "bar 1 was decided before the pause"
    assert script.numbers() == [0, 1]
