"""Rebalancing in a run, as stories: one per trigger, and what an operator can ask for.

Three strategies on 100,000: trend has half, carry three tenths, hedge a tenth, and a tenth is in
reserve. Prices are daily closes; what is ordered at one close fills at the next.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.actors.messages import PauseStrategy, SetTradingState
from orchestrion.domain.capital.allocation_method import INVERSE_VOLATILITY
from orchestrion.domain.capital.rebalance_trigger import TriggerRules
from orchestrion.domain.capital.rebalancing import RebalancePolicy
from orchestrion.domain.capital.reduction import REDUCTION_LABEL
from orchestrion.domain.capital.session_day import Period
from orchestrion.domain.desk.desk_event import (
    CapitalTransferredEvent,
    RebalanceEndedEvent,
    RebalanceNotNeededEvent,
    RebalanceRefusedEvent,
    RebalanceRepeatedEvent,
    RebalanceStartedEvent,
)
from orchestrion.domain.desk.desk_settings import CapitalDeskSettings
from orchestrion.domain.models.money import ZERO
from orchestrion.domain.models.portfolio import RESERVE
from orchestrion.domain.orchestration.events import CapitalRebalancedEvent
from orchestrion.domain.orchestration.lifecycle import PauseMode, TradingState
from orchestrion.runtime.journal import RecordKind
from tests.fakes import buy
from tests.fakes_capital_desk import DeskStage, Plan

pytestmark = pytest.mark.anyio

SHARES = {"trend": 50, "carry": 30, "hedge": 10}


def _stage(
    *,
    trend: Plan | None = None,
    carry: Plan | None = None,
    triggers: TriggerRules | None = None,
    policy: RebalancePolicy | None = None,
    **options: Any,
) -> DeskStage:
    desk = CapitalDeskSettings(
        triggers=triggers or TriggerRules(), rebalance=policy or RebalancePolicy()
    )
    plans = {"trend": trend or {}, "carry": carry or {}, "hedge": {}}
    return DeskStage(plans, desk, allocation_pct=SHARES, **options)


def _reasons(stage: DeskStage) -> list[str]:
    return [one.reason for one in stage.events_of(RebalanceStartedEvent)]


# -- what an operator asks for ---------------------------------------------------------------------


async def test_free_capital_moves_at_once_and_needs_no_command() -> None:
    async with _stage() as stage:
        # Given nobody holds anything
        await stage.day(AAA=100)
        # When trend is to give a tenth to carry
        answer = await stage.rebalance(trend="0.4", carry="0.4", hedge="0.1")
        # Then it has moved, in one step, and the event says who has what now
        assert answer.value == "rebalance-1"
        (done,) = stage.events_of(CapitalRebalancedEvent)
        assert done.allocations == {"trend": 40_000, "carry": 40_000, "hedge": 10_000}
        assert stage.books[RESERVE].cash == 10_000
        assert stage.decisions == []
        await stage.session.end()
        stage.assert_replays()


async def test_bound_capital_is_sold_first_and_the_rebalance_ends_when_it_has_filled() -> None:
    async with _stage(trend={0: buy(500)}) as stage:
        # Given all of trend's capital is in shares
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # When it is to give a tenth of the whole to carry
        await stage.rebalance(trend="0.4", carry="0.4", hedge="0.1")
        # Then a sale of whole shares is ordered, recorded as a decision under its own label
        assert stage.labels()[-1] == REDUCTION_LABEL
        (order,) = stage.decisions_of("trend")[1:]
        assert (order.verdict, order.size) == ("APPROVED", (Decimal(100),))
        (started,) = stage.events_of(RebalanceStartedEvent)
        assert started.outcomes["trend"] == (
            "REDUCES: 10000.00 of 10000.00 is bound: closes 100 x AAA"
        )
        # And nothing has moved yet, so it is not over
        assert stage.events_of(CapitalRebalancedEvent) == []
        assert stage.equity("carry") == 30_000
        # When the sale fills at the next close
        await stage.day(AAA=100)
        # Then the capital moves in the same moment
        (done,) = stage.events_of(CapitalRebalancedEvent)
        assert done.allocations == {"trend": 40_000, "carry": 40_000, "hedge": 10_000}
        assert stage.books["trend"].quantity("AAA") == 400
        await stage.session.end()
        stage.assert_replays()


async def test_capital_from_reserve_does_not_wait_for_what_is_bound() -> None:
    async with _stage(trend={0: buy(500)}) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # When hedge is to get 10,000 from reserve and 5,000 from trend
        await stage.rebalance(trend="0.45", carry="0.3", hedge="0.25")
        # Then the reserve's part moves at once, trend's when it has sold
        (moved,) = stage.events_of(CapitalTransferredEvent)
        assert moved.transfers == {"hedge": Decimal(10_000), RESERVE: Decimal(-10_000)}
        await stage.day(AAA=100)
        assert stage.equity("hedge") == 25_000
        assert len(stage.events_of(CapitalRebalancedEvent)) == 1
        stage.assert_replays()


async def test_plan_that_needs_nothing_says_why() -> None:
    async with _stage(policy=RebalancePolicy(minimum_transfer=Decimal(500))) as stage:
        await stage.day(AAA=100)
        # When the weights asked for are within the minimum transfer
        await stage.rebalance(trend="0.503", carry="0.3", hedge="0.1")
        # Then nothing moves, and each book's reason is told
        (idle,) = stage.events_of(RebalanceNotNeededEvent)
        assert idle.outcomes["trend"] == "BELOW_MINIMUM: -300.00 from its target is left alone"
        assert idle.outcomes["carry"] == "ON_TARGET"
        assert stage.equity("trend") == 50_000
        stage.assert_replays()


@pytest.mark.parametrize(
    ("weights", "words"),
    [
        ({"trend": "0.5", "carry": "0.3"}, "missing ['hedge']"),
        ({"trend": "0.5", "carry": "0.3", "hedge": "0.1", "ghost": "0.1"}, "unknown ['ghost']"),
        ({"trend": "0.9", "carry": "0.3", "hedge": "0.1"}, "sum to at most 1"),
    ],
)
async def test_weights_that_do_not_fit_are_refused_and_move_nothing(
    weights: dict[str, str], words: str
) -> None:
    async with _stage() as stage:
        await stage.day(AAA=100)
        books = dict(stage.books)
        await stage.rebalance(**weights)
        (refused,) = stage.events_of(RebalanceRefusedEvent)
        assert words in refused.detail
        assert dict(stage.books) == books


@pytest.mark.parametrize(
    ("method", "weights", "words"),
    [
        ("magic", {}, "no allocation method is called 'magic'"),
        ("equal_weight", {"trend": "1"}, "not both"),
        ("", {"trend": "NaN"}, "trend"),
        ("", {"trend": "-0.1"}, "trend"),
    ],
)
async def test_question_that_makes_no_sense_is_answered_with_an_error(
    method: str, weights: dict[str, str], words: str
) -> None:
    async with _stage() as stage:
        await stage.day(AAA=100)
        answer = await stage.rebalance(method, **weights)
        assert words in answer.error
        assert stage.events_of(RebalanceStartedEvent) == []


async def test_second_question_replaces_the_rebalance_that_is_under_way() -> None:
    async with _stage(trend={0: buy(500)}) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # Given trend's sale is working
        await stage.rebalance(trend="0.4", carry="0.4", hedge="0.1")
        # When the operator takes it back
        await stage.rebalance(trend="0.5", carry="0.3", hedge="0.1")
        # Then the first one ends by name, and nothing moves when the sale fills
        (ended,) = stage.events_of(RebalanceEndedEvent)
        assert (ended.rebalance_id, ended.detail) == ("rebalance-1", "replaced by rebalance-2")
        await stage.day(AAA=100)
        assert stage.equity("carry") == 30_000
        assert stage.events_of(CapitalTransferredEvent) == []
        stage.assert_replays()


async def test_frozen_strategy_is_left_out_and_keeps_what_it_has() -> None:
    async with _stage() as stage:
        await stage.day(AAA=100)
        # Given carry is frozen
        await stage.ask(
            PauseStrategy(
                question_id=stage.next_question(), strategy_id="carry", mode=PauseMode.FROZEN
            )
        )
        # When trend is to give a tenth to hedge
        await stage.rebalance(trend="0.4", hedge="0.2")
        # Then the two move among themselves
        assert stage.equity("trend") == 40_000
        assert stage.equity("carry") == 30_000
        assert stage.equity("hedge") == 20_000
        stage.assert_replays()


async def test_manual_trades_are_never_part_of_a_rebalance() -> None:
    async with _stage() as stage:
        # Given the account's owner holds shares of his own
        await stage.day(AAA=100)
        await stage.session.report(_external_buy(stage), stage.machine.now)
        # When everything is rebalanced
        await stage.rebalance(trend="0.6", carry="0.3", hedge="0.1")
        # Then the weights are of what strategies and reserve hold
        assert stage.equity("trend") == 60_000
        assert stage.books["EXTERNAL"].quantity("AAA") == 10
        assert stage.equity(RESERVE) == 0


def _external_buy(stage: DeskStage) -> Any:
    from orchestrion.domain.models.order import OrderSide
    from orchestrion.domain.models.report import ExternalFillReport

    return ExternalFillReport(
        trade_id="X1",
        instrument_id="AAA",
        side=OrderSide.BUY,
        last_qty=Decimal(10),
        last_px=Decimal(100),
        commission=ZERO,
        ts_event=stage.machine.now,
    )


async def test_rebalance_that_cannot_sell_is_repeated_and_gives_up_in_time() -> None:
    async with _stage(trend={0: buy(500)}, policy=RebalancePolicy(sessions_max=2)) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # Given the account is halted, so that the sale is refused
        await stage.ask(
            SetTradingState(question_id=stage.next_question(), state=TradingState.HALTED)
        )
        await stage.rebalance(trend="0.4", carry="0.4", hedge="0.1")
        assert stage.verdicts()[-1] == "TRADING_HALTED"
        # When two sessions close
        await stage.day(AAA=100)
        (again,) = stage.events_of(RebalanceRepeatedEvent)
        assert again.pending == {"trend": Decimal(-10_000), "carry": Decimal(10_000)}
        await stage.day(AAA=100)
        # Then it is given up, and the event says what is missing
        (ended,) = stage.events_of(RebalanceEndedEvent)
        assert (ended.status, ended.detail) == (
            "EXPIRED",
            "after 2 sessions still to move: trend -10000.00, carry +10000.00",
        )
        assert stage.equity("trend") == 50_000
        await stage.session.end()
        stage.assert_replays()


# -- triggers --------------------------------------------------------------------------------------


async def test_calendar_trigger_rebalances_at_the_first_session_of_a_new_month() -> None:
    triggers = TriggerRules(calendar=Period.MONTHLY)
    async with _stage(trend={0: buy(300)}, triggers=triggers) as stage:
        # Given January, in which trend gains
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        await stage.day(AAA=110)
        assert stage.equity("trend") == 53_000
        assert stage.events_of(RebalanceStartedEvent) == []
        # When the first session of February has closed
        stage.days = 24
        await stage.day(AAA=110)
        await stage.day(AAA=110)
        # Then the gain is shared by the weights of the start
        assert _reasons(stage) == ["CALENDAR: first session of a new period, monthly"]
        (done,) = stage.events_of(CapitalRebalancedEvent)
        assert done.allocations == {"trend": 51_500, "carry": 30_900, "hedge": 10_300}
        # And the month's next sessions are quiet
        await stage.day(AAA=110)
        assert len(_reasons(stage)) == 1
        await stage.session.end()
        stage.assert_replays()


async def test_absolute_band_triggers_strictly_outside() -> None:
    triggers = TriggerRules(absolute_band=Decimal("0.05"))
    async with _stage(trend={0: buy(500)}, triggers=triggers) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # Given trend at 61,111.11 of 111,111.11: 4.99 points too much
        await stage.day(AAA="122.2")
        await stage.day(AAA="122.2")
        assert _reasons(stage) == []
        # When it is more than 5 points away at a close
        await stage.day(AAA="122.3")
        await stage.day(AAA="122.3")
        # Then it reduces by whole shares, and ends when they are sold
        assert len(_reasons(stage)) == 1
        assert _reasons(stage)[0].startswith("ABSOLUTE_DRIFT: trend has 0.55")
        await stage.day(AAA="122.3")
        assert len(stage.events_of(CapitalRebalancedEvent)) == 1
        await stage.session.end()
        stage.assert_replays()


async def test_relative_band_sees_a_small_strategy_that_an_absolute_one_does_not() -> None:
    triggers = TriggerRules(relative_band=Decimal("0.2"))
    async with DeskStage(
        {"trend": {}, "carry": {}, "hedge": {0: buy(50)}},
        CapitalDeskSettings(triggers=triggers),
        allocation_pct=SHARES,
    ) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # When hedge, with a tenth of everything, has gained a quarter
        await stage.day(AAA=150)
        await stage.day(AAA=150)
        # Then that is more than a fifth of its weight
        assert _reasons(stage) == ["RELATIVE_DRIFT: hedge has 0.1220, should have 0.1"]
        (done,) = stage.events_of(CapitalRebalancedEvent)
        assert done.allocations["hedge"] == 10_250
        stage.assert_replays()


async def test_drawdown_of_the_whole_triggers_a_rebalance_and_counts_from_there() -> None:
    triggers = TriggerRules(drawdown_fraction=Decimal("0.1"))
    async with _stage(trend={0: buy(500)}, triggers=triggers) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # Given trend loses a fifth: a tenth of the whole
        await stage.day(AAA=80)
        assert _reasons(stage) == []
        # When the session closes
        await stage.day(AAA=80)
        # Then capital is moved back to the weights
        (reason,) = _reasons(stage)
        assert reason.startswith("DRAWDOWN: ACCOUNT: lost 10000.00 since peak (100000.00)")
        (done,) = stage.events_of(CapitalRebalancedEvent)
        assert done.allocations == {"trend": 45_000, "carry": 27_000, "hedge": 9_000}
        # And the next tenth is counted from what is left
        await stage.day(AAA=75)
        await stage.day(AAA=75)
        assert len(_reasons(stage)) == 1
        stage.assert_replays()


async def test_withdrawal_is_no_drawdown() -> None:
    from orchestrion.domain.capital.cash_flow import CashFlowKind

    triggers = TriggerRules(drawdown_fraction=Decimal("0.05"))
    async with _stage(triggers=triggers) as stage:
        await stage.day(AAA=100)
        # When all of the reserve, a tenth of the whole, is withdrawn
        await stage.flow("w-1", CashFlowKind.WITHDRAWAL, 10_000)
        await stage.day(AAA=100)
        # Then the drawdown trigger has seen no loss
        assert _reasons(stage) == []
        stage.assert_replays()


# -- weights that are estimates --------------------------------------------------------------------


def _wave(day: int) -> str:
    """A price that goes up and down by a tenth."""
    return "110" if day % 2 else "100"


async def test_estimated_weights_are_an_input_of_the_journal_and_replay_reads_them() -> None:
    async with _stage(trend={0: buy(100)}, carry={0: buy(10)}) as stage:
        # Given 62 closes in which trend swings ten times as much money as carry, and hedge a little
        for day in range(63):
            await stage.day(AAA=_wave(day))
            if day == 0:
                await stage.rebalance(trend="0.4", carry="0.4", hedge="0.2")
        stage_plan = [one.name for one in stage.records(RecordKind.INPUT, "WeightsComputed")]
        assert stage_plan == []
        # When weights by inverse volatility are asked for, but hedge has never moved
        await stage.rebalance(INVERSE_VOLATILITY)
        # Then the failure is an input too, and told
        (record,) = stage.records(RecordKind.INPUT, "WeightsComputed")
        assert b"hedge" in record.body
        (refused,) = stage.events_of(RebalanceRefusedEvent)
        assert "hedge" in refused.detail
        await stage.session.end()
        stage.assert_replays()


async def test_inverse_volatility_gives_the_quiet_strategy_more() -> None:
    plans = {"trend": {0: buy(100)}, "carry": {0: buy(50)}}
    async with DeskStage(plans) as stage:
        # Given both hold the same share, trend twice as much of it
        for day in range(63):
            await stage.day(AAA=_wave(day))
        # When weights by inverse volatility are asked for
        await stage.rebalance(INVERSE_VOLATILITY)
        # Then they are recorded as computed, and carry gets about two thirds
        (record,) = stage.records(RecordKind.INPUT, "WeightsComputed")
        assert b'"is_estimate":true' in record.body
        (done,) = stage.events_of(CapitalRebalancedEvent)
        share = done.allocations["carry"] / stage.total()
        assert Decimal("0.6") < share < Decimal("0.7")
        await stage.session.end()
        stage.assert_replays()


async def test_too_little_history_is_refused_in_words_and_moves_nothing() -> None:
    async with _stage() as stage:
        await stage.day(AAA=100)
        books = dict(stage.books)
        await stage.rebalance(INVERSE_VOLATILITY)
        (refused,) = stage.events_of(RebalanceRefusedEvent)
        assert refused.rebalance_id == "rebalance-1"
        assert "60" in refused.detail
        assert dict(stage.books) == books
