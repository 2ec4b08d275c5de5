"""Drawdown stops and kill switches in a run, as stories: what trips, what stops, what is reset."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.actors.messages import PauseStrategy, ResumeStrategy, SetTradingState
from orchestrion.domain.capital.cash_flow import CashFlowKind, ToBook
from orchestrion.domain.capital.drawdown_stop import ACCOUNT_SCOPE, Baseline, DrawdownRule
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.desk.desk_event import StopResetEvent, StopTrippedEvent
from orchestrion.domain.desk.desk_settings import CapitalDeskSettings
from orchestrion.domain.orchestration.lifecycle import PauseMode, TradingState
from tests.fakes import buy
from tests.fakes_capital_desk import DeskStage, Plan

pytestmark = pytest.mark.anyio

BUYS: Plan = {0: buy(400)}


def _rule(
    scope_id: str, action: StopAction, fraction: str = "0.1", baseline: Baseline = Baseline.PEAK
) -> DrawdownRule:
    return DrawdownRule(
        scope_id=scope_id, baseline=baseline, action=action, limit_fraction=Decimal(fraction)
    )


def _stage(*rules: DrawdownRule, slices: bool = False, **plans: Plan) -> DeskStage:
    """Two strategies with 50,000 each; trend holds 400 AAA from the second day."""
    desk = CapitalDeskSettings(stops=rules, stops_at_every_slice=slices)
    return DeskStage({"trend": BUYS, "carry": {}, **plans}, desk)


def _tripped(stage: DeskStage) -> list[tuple[str, str]]:
    return [(one.scope_id, one.action) for one in stage.events_of(StopTrippedEvent)]


def _state(stage: DeskStage) -> TradingState:
    return stage.orchestrator.capital_manager.trading_state


async def test_stop_that_flattens_closes_its_own_quantity_and_nobody_elses() -> None:
    rules = (_rule("trend", StopAction.FLATTEN),)
    async with _stage(*rules, carry={0: buy(100)}) as stage:
        # Given both hold AAA
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # When trend has lost more than a tenth at a session's close
        await stage.day(AAA=85)
        assert _tripped(stage) == []
        await stage.day(AAA=85)
        # Then its stop trips and its position is ordered closed
        assert _tripped(stage) == [("trend", "flatten")]
        assert stage.system.status("trend") == "paused (reduce_only)"
        await stage.day(AAA=85)
        assert stage.books["trend"].positions == {}
        # And carry, who lost less, is untouched
        assert stage.books["carry"].quantity("AAA") == 100
        assert stage.system.status("carry") == "running"
        await stage.session.end()
        stage.assert_replays()


async def test_stop_that_blocks_entries_keeps_position_and_exits() -> None:
    plan: Plan = {0: buy(400), 4: buy(1), 5: lambda view: [view.close("AAA")]}
    async with _stage(_rule("trend", StopAction.BLOCK_ENTRIES), trend=plan) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        await stage.day(AAA=85)
        await stage.day(AAA=85)
        assert _tripped(stage) == [("trend", "block_entries")]
        # When it wants to enter, it is refused; when it wants out, it goes out
        await stage.day(AAA=85)
        await stage.day(AAA=85)
        await stage.day(AAA=85)
        assert stage.verdicts() == ["APPROVED", "STRATEGY_PAUSED", "APPROVED"]
        assert stage.books["trend"].positions == {}


async def test_reduce_only_withdraws_working_entries_at_the_venue() -> None:
    # Given a resting purchase far below the market
    plan: Plan = {0: buy(400), 1: buy(1, limit_price=Decimal(10), **_limit())}
    async with _stage(_rule("trend", StopAction.REDUCE_ONLY), trend=plan) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        assert len(stage.orchestrator.capital_manager.working_orders("trend")) == 1
        # When the stop trips
        await stage.day(AAA=85)
        await stage.day(AAA=85)
        # Then the venue has cancelled it, and the position stays
        assert stage.labels()[-1] == "entries withdrawn"
        assert stage.orchestrator.capital_manager.working_orders("trend") == {}
        assert stage.books["trend"].quantity("AAA") == 400
        await stage.session.end()
        stage.assert_replays()


def _limit() -> dict[str, Any]:
    from orchestrion.domain.models.order import OrderType, TimeInForce

    return {"order_type": OrderType.LIMIT, "time_in_force": TimeInForce.GTC}


async def test_halt_of_the_account_still_lets_cancels_pass() -> None:
    plan: Plan = {0: buy(400), 1: buy(1, limit_price=Decimal(10), **_limit())}
    async with _stage(_rule(ACCOUNT_SCOPE, StopAction.HALT, "0.05"), trend=plan) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # When the account has lost a twentieth
        await stage.day(AAA=85)
        await stage.day(AAA=85)
        # Then nothing leaves any more, but the working entry was withdrawn
        assert _tripped(stage) == [(ACCOUNT_SCOPE, "halt")]
        assert _state(stage) is TradingState.HALTED
        assert stage.orchestrator.capital_manager.working_orders("trend") == {}
        assert stage.books["trend"].quantity("AAA") == 400
        await stage.session.end()
        stage.assert_replays()


async def test_account_stop_flattens_everybody() -> None:
    rules = (_rule(ACCOUNT_SCOPE, StopAction.FLATTEN, "0.05"),)
    async with _stage(*rules, carry={0: buy(100)}) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        await stage.day(AAA=85)
        await stage.day(AAA=85)
        assert _state(stage) is TradingState.REDUCING
        await stage.day(AAA=85)
        assert stage.books["trend"].positions == stage.books["carry"].positions == {}
        stage.assert_replays()


async def test_stop_stays_tripped_through_recovery_until_it_is_reset() -> None:
    async with _stage(_rule("trend", StopAction.BLOCK_ENTRIES)) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        await stage.day(AAA=85)
        await stage.day(AAA=120)
        await stage.day(AAA=120)
        # Given it tripped at 85 and prices have recovered
        assert stage.system.status("trend") == "paused (entries_blocked)"
        # When the operator wants to resume it, he is told to reset it first
        answer = await stage.ask(
            ResumeStrategy(question_id=stage.next_question(), strategy_id="trend")
        )
        assert answer.error == "strategy 'trend' is stopped: reset it first"
        # When he resets it, it runs, and its stop counts from here
        answer = await stage.reset("trend")
        assert answer.error == ""
        assert stage.system.status("trend") == "running"
        (told,) = stage.events_of(StopResetEvent)
        assert told.equity == stage.equity("trend") == 58_000
        # 6,000 of 58,000 trip it again
        await stage.day(AAA=105)
        await stage.day(AAA=105)
        assert len(_tripped(stage)) == 2
        await stage.session.end()
        stage.assert_replays()


async def test_reset_gives_back_the_pause_that_was_there_before() -> None:
    async with _stage(_rule("trend", StopAction.REDUCE_ONLY)) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # Given an operator had blocked trend's entries before its stop tripped
        await stage.ask(
            PauseStrategy(
                question_id=stage.next_question(),
                strategy_id="trend",
                mode=PauseMode.ENTRIES_BLOCKED,
            )
        )
        await stage.day(AAA=85)
        await stage.day(AAA=85)
        assert stage.system.status("trend") == "paused (reduce_only)"
        # When the stop is reset
        await stage.reset("trend")
        # Then the operator's pause is what is left
        assert stage.system.status("trend") == "paused (entries_blocked)"


async def test_reset_of_what_has_not_stopped_is_refused() -> None:
    async with _stage(_rule("trend", StopAction.HALT)) as stage:
        await stage.day(AAA=100)
        assert "nothing has stopped 'trend'" in (await stage.reset("trend")).error
        assert "no strategy 'ghost'" in (await stage.reset("ghost")).error
        assert "no strategy 'ghost'" in (await stage.pull("ghost", StopAction.HALT)).error


async def test_operator_pulls_the_switch_and_can_only_make_it_stricter() -> None:
    async with _stage() as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # When he pulls it to flatten, then to halt, and a milder pull comes last
        await stage.pull("trend", StopAction.FLATTEN)
        await stage.pull("trend", StopAction.HALT)
        await stage.pull("trend", StopAction.BLOCK_ENTRIES)
        # Then it is frozen; the sale that was under way is done by the venue
        assert stage.system.status("trend") == "paused (frozen)"
        await stage.day(AAA=100)
        assert stage.books["trend"].positions == {}
        await stage.session.end()
        stage.assert_replays()


async def test_trading_state_cannot_be_loosened_while_the_account_is_stopped() -> None:
    async with _stage() as stage:
        await stage.day(AAA=100)
        await stage.pull(ACCOUNT_SCOPE, StopAction.BLOCK_ENTRIES)
        question = SetTradingState(question_id=stage.next_question(), state=TradingState.ACTIVE)
        assert "reset ACCOUNT first" in (await stage.ask(question)).error
        assert _state(stage) is TradingState.REDUCING
        # Stricter is fine, and stays when the stop is reset
        question = SetTradingState(question_id=stage.next_question(), state=TradingState.HALTED)
        assert (await stage.ask(question)).error == ""
        await stage.reset(ACCOUNT_SCOPE)
        assert _state(stage) is TradingState.HALTED


async def test_deposit_does_not_hide_a_loss() -> None:
    async with _stage(_rule("trend", StopAction.BLOCK_ENTRIES)) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # Given trend has lost 8 of the 10 percent that it may, and then gets as much again
        await stage.day(AAA=90)
        await stage.flow("f-1", CashFlowKind.DEPOSIT, 46_000, ToBook("trend"))
        assert _tripped(stage) == []
        # When it loses 2 percent more of what is now 92,000 of 100,000
        await stage.day(AAA=85)
        await stage.day(AAA=85)
        # Then it trips
        assert _tripped(stage) == [("trend", "block_entries")]
        stage.assert_replays()


async def test_rebalance_is_not_taken_for_a_loss() -> None:
    rules = (_rule("trend", StopAction.HALT), _rule(ACCOUNT_SCOPE, StopAction.HALT))
    async with _stage(*rules, trend={}) as stage:
        await stage.day(AAA=100)
        # When half of trend's capital goes to carry
        await stage.rebalance(trend="0.25", carry="0.75")
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # Then nobody has lost anything
        assert stage.equity("trend") == 25_000
        assert _tripped(stage) == []


async def test_stop_is_looked_at_with_every_slice_when_it_is_told_to() -> None:
    async with _stage(_rule("trend", StopAction.FLATTEN), slices=True) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # When the loss appears, the stop trips before the session has closed
        await stage.day(AAA=85)
        assert _tripped(stage) == [("trend", "flatten")]
        await stage.session.end()
        stage.assert_replays()


async def test_daily_stop_and_peak_stop_of_one_strategy_both_watch() -> None:
    rules = (
        _rule("trend", StopAction.BLOCK_ENTRIES, "0.05", Baseline.DAY_START),
        _rule("trend", StopAction.FLATTEN, "0.1"),
    )
    async with _stage(*rules) as stage:
        # Given days that each lose less than a twentieth
        for price in (100, 100, 96, 92, 88, 84, 84):
            await stage.day(AAA=price)
        # Then the daily stop is quiet and the peak's trips
        assert _tripped(stage) == [("trend", "flatten")]
        # And only then closes: 400 shares are sold at the next close
        await stage.day(AAA=84)
        assert stage.books["trend"].positions == {}
