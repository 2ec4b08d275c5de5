"""Money from outside during a run, as stories: whose it is, what is refused, what nobody loses."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.capital.cash_flow import (
    BySplit,
    CashFlowKind,
    CashFlowRefusalCode,
    SplitRule,
    ToBook,
)
from orchestrion.domain.desk.desk_event import (
    CashFlowBookedEvent,
    CashFlowRefusedEvent,
    DuplicateCashFlowEvent,
)
from orchestrion.domain.models.portfolio import EXTERNAL, RESERVE
from tests.fakes import buy, sell
from tests.fakes_capital_desk import DeskStage

pytestmark = pytest.mark.anyio

TWO = {"trend": {0: buy(100)}, "carry": {1: sell(40)}}
"""On the third day trend is long 100 AAA, carry is short 40."""


async def test_deposit_waits_in_reserve_and_no_strategy_has_more() -> None:
    async with DeskStage(TWO) as stage:
        # Given a run with positions
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        before = {one: stage.equity(one) for one in ("trend", "carry")}
        # When 10,000 come in
        await stage.flow("f-1", CashFlowKind.DEPOSIT, 10_000)
        # Then RESERVE has them, and the auditor has compared both ledgers
        assert stage.books[RESERVE].cash == 10_000
        assert {one: stage.equity(one) for one in before} == before
        assert stage.total() == 110_000
        (booked,) = stage.events_of(CashFlowBookedEvent)
        assert booked.shares == {RESERVE: Decimal(10_000)}
        await stage.session.end()
        stage.assert_replays()


async def test_withdrawal_of_what_is_bound_is_refused_and_changes_nothing() -> None:
    async with DeskStage({"trend": {0: buy(450)}, "carry": {}}) as stage:
        # Given trend has 5,000 free beside 450 shares at 100
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        books = dict(stage.books)
        # When 6,000 of it are asked for
        await stage.flow("f-1", CashFlowKind.WITHDRAWAL, 6000, ToBook("trend"))
        # Then the event says what is free, and the books are the same values
        (refused,) = stage.events_of(CashFlowRefusedEvent)
        assert refused.code == CashFlowRefusalCode.NOT_FREE
        assert refused.detail == "f-1: 6000 is asked of trend, 5000.00 is free"
        assert dict(stage.books) == books
        # And what was refused may be asked again, for less
        await stage.flow("f-1", CashFlowKind.WITHDRAWAL, 5000, ToBook("trend"))
        assert stage.books["trend"].cash == 0
        await stage.session.end()
        stage.assert_replays()


async def test_dividend_goes_to_the_holders_and_the_short_side_pays() -> None:
    async with DeskStage(TWO) as stage:
        # Given trend long 100 and carry short 40: the account gets dividends on 60
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # When a dividend of 0.50 is paid
        await stage.flow(
            "d-1",
            CashFlowKind.DIVIDEND,
            30,
            BySplit(SplitRule.BY_QUANTITY),
            instrument_id="AAA",
            amount_per_unit=Decimal("0.5"),
        )
        # Then each has what its own quantity is worth
        assert stage.books["trend"].realized_pnl == 50
        assert stage.books["carry"].realized_pnl == -20
        assert stage.total() == 100_030
        await stage.session.end()
        stage.assert_replays()


async def test_interest_follows_cash_and_a_fee_is_nobodys_gain() -> None:
    async with DeskStage({"trend": {0: buy(450)}, "carry": {}}) as stage:
        # Given trend with 5,000 in cash and carry with 50,000
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # When interest is paid on cash, and a data fee is charged to everybody alike
        await stage.flow("i-1", CashFlowKind.INTEREST, "5.50", BySplit(SplitRule.BY_CASH))
        await stage.flow("c-1", CashFlowKind.FEE, "1.01", BySplit(SplitRule.EQUALLY))
        # Then the odd cent falls to the first in rank
        assert stage.books["trend"].cash == Decimal("5000.50") - Decimal("0.51")
        assert stage.books["carry"].cash == Decimal("50005.00") - Decimal("0.50")
        assert stage.books["trend"].fees == Decimal("0.51")
        assert stage.system.auditor.ledger.fees == Decimal("1.01")
        await stage.session.end()
        stage.assert_replays()


async def test_flow_that_comes_twice_is_booked_once_and_told() -> None:
    async with DeskStage({"trend": {}, "carry": {}}) as stage:
        await stage.day(AAA=100)
        # When the same deposit comes twice, the second time with another amount
        await stage.flow("f-1", CashFlowKind.DEPOSIT, 10)
        await stage.flow("f-1", CashFlowKind.DEPOSIT, 99)
        # Then the first counts
        assert stage.books[RESERVE].cash == 10
        assert [one.flow_id for one in stage.events_of(DuplicateCashFlowEvent)] == ["f-1"]
        await stage.session.end()
        stage.assert_replays()


async def test_dividend_of_what_nobody_holds_is_nobodys() -> None:
    async with DeskStage({"trend": {}, "carry": {}}) as stage:
        await stage.day(AAA=100)
        await stage.flow(
            "d-1",
            CashFlowKind.DIVIDEND,
            30,
            BySplit(SplitRule.BY_QUANTITY),
            instrument_id="AAA",
        )
        assert stage.books[EXTERNAL].cash == 30
        assert stage.system.auditor.ledger.cash == 100_030
        await stage.session.end()
        stage.assert_replays()


async def test_strategy_sees_its_new_budget_at_the_next_event() -> None:
    seen: list[Decimal] = []
    plan = {1: lambda view: seen.append(view.budget)}
    async with DeskStage({"trend": plan, "carry": {}}) as stage:
        # Given a deposit to a strategy between two days
        await stage.day(AAA=100)
        await stage.flow("f-1", CashFlowKind.DEPOSIT, 1000, ToBook("trend"))
        # When the next day comes
        await stage.day(AAA=100)
        # Then its budget has grown by it
        assert seen == [Decimal(51_000)]
