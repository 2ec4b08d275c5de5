"""Corporate actions in a run, as stories: what waits, what changes, what nobody loses."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.capital.corporate_action import (
    LotSizeChangedReport,
    SplitReport,
    SymbolChangedReport,
)
from orchestrion.domain.capital.drawdown_stop import Baseline, DrawdownRule
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.desk.desk_event import (
    CorporateActionAppliedEvent,
    CorporateActionRefusedEvent,
    CorporateActionWaitingEvent,
    StopTrippedEvent,
)
from orchestrion.domain.desk.desk_settings import CapitalDeskSettings
from orchestrion.domain.models.order import OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.report import OrderCanceledReport, OrderFilledReport
from orchestrion.domain.models.strategy import StrategyView
from tests.fakes import SilentPort, buy, sell
from tests.fakes_capital_desk import DeskStage

pytestmark = pytest.mark.anyio


def _split(numerator: int = 2, denominator: int = 1, price: str = "50") -> SplitReport:
    return SplitReport(
        instrument_id="AAA",
        numerator=numerator,
        denominator=denominator,
        cash_price=Decimal(price),
        ts_event=0,
    )


def _resting(quantity: int = 1) -> Any:
    return buy(
        quantity,
        order_type=OrderType.LIMIT,
        time_in_force=TimeInForce.GTC,
        limit_price=Decimal(10),
    )


def _is_like_the_venue(stage: DeskStage) -> bool:
    """Whether the venue's own account, reckoned apart, holds what the ledger says."""
    state = stage.venue.portfolio_state(0)
    ledger = stage.system.auditor.ledger
    held = {one.instrument_id: one.quantity for one in state.positions}
    return (state.cash, held) == (ledger.cash, ledger.quantities)


async def test_split_doubles_every_holding_and_nobody_gains() -> None:
    async with DeskStage({"trend": {0: buy(101)}, "carry": {1: sell(40)}}) as stage:
        # Given trend long 101 and carry short 40 at 100
        for _ in range(3):
            await stage.day(AAA=100)
        before = {one: stage.equity(one) for one in stage.books}
        # When AAA splits two for one
        await stage.hand_in(_split())
        # Then everybody has twice as many at half the price
        assert stage.books["trend"].quantity("AAA") == 202
        assert stage.books["carry"].quantity("AAA") == -80
        assert stage.orchestrator.capital_manager.marks.price("AAA") == 50
        assert {one: stage.equity(one) for one in stage.books} == before
        assert _is_like_the_venue(stage)
        # And the run goes on in new shares
        await stage.day(AAA=51)
        assert stage.equity("trend") == 50_000 + 202
        await stage.session.end()
        stage.assert_replays()


async def test_reverse_split_pays_the_fractions_and_the_books_sum_to_the_account() -> None:
    async with DeskStage({"trend": {0: buy(105)}, "carry": {1: sell(33)}}) as stage:
        for _ in range(3):
            await stage.day(AAA=100)
        # When ten old shares become one: 10.5 and 3.3 of it, 7.2 of it net
        await stage.hand_in(_split(1, 10, "1000"))
        # Then whole shares stay, and cash for the rest is the account's 0.2 of 1,000
        (told,) = stage.events_of(CorporateActionAppliedEvent)
        assert sum(told.cash_in_lieu.values()) == 200
        held = [stage.books[one].quantity("AAA") for one in ("trend", "carry")]
        assert sum(held) == 7
        assert stage.total() == 100_000
        assert _is_like_the_venue(stage)
        await stage.session.end()
        stage.assert_replays()


async def test_split_is_no_loss_for_a_stop_even_when_it_looks_at_every_slice() -> None:
    rule = DrawdownRule(
        scope_id="trend",
        baseline=Baseline.PEAK,
        action=StopAction.FLATTEN,
        limit_fraction=Decimal("0.05"),
    )
    desk = CapitalDeskSettings(stops=(rule,), stops_at_every_slice=True)
    async with DeskStage({"trend": {0: buy(400)}}, desk, allocation_pct={"trend": 100}) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        await stage.hand_in(_split(4, 1, "25"))
        await stage.day(AAA=25)
        await stage.day(AAA=25)
        assert stage.events_of(StopTrippedEvent) == []
        assert stage.books["trend"].quantity("AAA") == 1600


async def test_working_orders_are_withdrawn_before_a_split() -> None:
    async with DeskStage({"trend": {0: buy(10), 1: _resting()}}) as stage:
        # Given a resting purchase in old shares
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # When AAA splits
        await stage.hand_in(_split())
        # Then the venue has cancelled it, and the split took effect in the same moment
        assert stage.orchestrator.capital_manager.working_orders("trend") == {}
        assert stage.labels()[-1] == "corporate action: withdrawn"
        (waiting,) = stage.events_of(CorporateActionWaitingEvent)
        assert len(waiting.client_order_ids) == 1
        assert stage.books["trend"].quantity("AAA") == 20
        await stage.session.end()
        stage.assert_replays()


async def test_fill_on_the_way_is_booked_in_old_shares_and_splits_with_the_rest() -> None:
    port = SilentPort()
    plan = {0: buy(10), 1: buy(5)}
    async with DeskStage({"trend": plan, "carry": {2: buy(1)}}, port=port) as stage:
        # Given ten shares are held and the venue has not said a word about five more
        await stage.day(AAA=100)
        await stage.hand_in_venue(_fill(port, 0, 10))
        await stage.day(AAA=100)
        order_id = port.taken[1].client_order_id
        # When AAA splits, the order is asked back and the action waits
        await stage.hand_in(_split())
        assert stage.books["trend"].quantity("AAA") == 10
        assert port.taken[2].command.client_order_id == order_id  # type: ignore[union-attr]
        # And nobody enters meanwhile
        await stage.day(AAA=100)
        assert stage.decisions_of("carry")[0].reason == "INSTRUMENT_SUSPENDED"
        # When three of the five fill after all, and the rest is cancelled
        await stage.hand_in_venue(_fill(port, 1, 3))
        assert stage.books["trend"].quantity("AAA") == 13
        await stage.hand_in_venue(OrderCanceledReport(client_order_id=order_id, ts_event=0))
        # Then the split is applied to thirteen
        assert stage.books["trend"].quantity("AAA") == 26
        assert stage.books["trend"].positions["AAA"].cost == 1300
        stage.assert_replays()


def _fill(port: SilentPort, place: int, quantity: int) -> OrderFilledReport:
    return OrderFilledReport(
        client_order_id=port.taken[place].client_order_id,
        venue_order_id="V",
        trade_id=f"T{place}",
        leg_index=0,
        instrument_id="AAA",
        side=OrderSide.BUY,
        last_qty=Decimal(quantity),
        last_px=Decimal(100),
        commission=Decimal(0),
        ts_event=0,
    )


async def test_odd_lot_can_be_closed_as_a_whole_and_nothing_else() -> None:
    def close(view: StrategyView) -> object:
        return [view.close("AAA")]

    plan = {0: buy(150), 2: buy(50), 3: close}
    async with DeskStage({"trend": plan}, allocation_pct={"trend": 100}) as stage:
        # Given 150 shares, and from now on they trade in hundreds
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        await stage.hand_in(
            LotSizeChangedReport(instrument_id="AAA", lot_size=Decimal(100), ts_event=0)
        )
        (told,) = stage.events_of(CorporateActionAppliedEvent)
        assert told.odd_lots == {"trend": Decimal(150)}
        # When trend buys fifty more, it is refused; when it closes all of it, it may
        for _ in range(3):
            await stage.day(AAA=100)
        assert stage.verdicts() == ["APPROVED", "INVALID_QUANTITY", "APPROVED"]
        assert stage.books["trend"].positions == {}
        assert _is_like_the_venue(stage)
        await stage.session.end()
        stage.assert_replays()


async def test_renamed_share_is_held_under_its_new_name_by_everybody() -> None:
    seen: list[Decimal | None] = []

    def close(view: StrategyView) -> object:
        seen.append(view.price("META"))
        return [view.close("META")]

    async with DeskStage({"trend": {0: buy(10), 2: close}, "carry": {1: sell(4)}}) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        # When AAA is called META
        await stage.hand_in(
            SymbolChangedReport(instrument_id="AAA", new_instrument_id="META", ts_event=0)
        )
        assert stage.books["trend"].quantity("META") == 10
        assert stage.total() == 100_000
        # Then the strategy sees it, closes it and the order fills under the new name
        await stage.day(META=110)
        await stage.day(META=110)
        assert seen == [Decimal(110)]
        assert stage.books["trend"].positions == {}
        assert stage.equity("trend") == 50_100
        assert _is_like_the_venue(stage)
        await stage.session.end()
        stage.assert_replays()


@pytest.mark.parametrize(
    ("report", "words"),
    [
        (_split(0, 1), "no ratio of whole numbers"),
        (
            SplitReport(
                instrument_id="FUT", numerator=2, denominator=1, cash_price=Decimal(1), ts_event=0
            ),
            "only shares split",
        ),
        (
            SymbolChangedReport(instrument_id="AAA", new_instrument_id="BBB", ts_event=0),
            "another has it",
        ),
        (
            LotSizeChangedReport(instrument_id="ZZZ", lot_size=Decimal(1), ts_event=0),
            "unknown instrument 'ZZZ'",
        ),
    ],
)
async def test_action_that_cannot_be_applied_is_told_and_changes_nothing(
    report: Any, words: str
) -> None:
    async with DeskStage({"trend": {0: buy(10), 1: _resting()}}) as stage:
        await stage.day(AAA=100)
        await stage.day(AAA=100)
        books = dict(stage.books)
        await stage.hand_in(report)
        (refused,) = stage.events_of(CorporateActionRefusedEvent)
        assert words in refused.reason
        assert dict(stage.books) == books
        # Nor was anything withdrawn for it
        assert len(stage.orchestrator.capital_manager.working_orders("trend")) == 1
        stage.assert_replays()
