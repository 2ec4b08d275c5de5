"""Inputs as the journal holds them: each comes back as it was."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest

from orchestrion.actors.inputs import (
    CAPITAL_INPUTS,
    COORDINATOR_INPUTS,
    GATEWAY_INPUTS,
    decode_input,
)
from orchestrion.actors.membership_messages import AddStrategy, RemoveStrategy
from orchestrion.actors.messages import (
    InternalCrossed,
    PauseStrategy,
    PullKillSwitch,
    Rebalance,
    ResetStop,
    ResumeStrategy,
    RunEnded,
    RunStarted,
    SessionClosed,
    SetTradingState,
    StrategyRaised,
    StrategyReplied,
    SubmissionLost,
)
from orchestrion.actors.restart_messages import AssignDifference, Reconciled, Restarted
from orchestrion.domain.capital.cash_flow import (
    BySplit,
    CashFlowKind,
    CashFlowReport,
    SplitRule,
)
from orchestrion.domain.capital.computed_weights import ComputedWeights
from orchestrion.domain.capital.corporate_action import (
    LotSizeChangedReport,
    SplitReport,
    SymbolChangedReport,
)
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.desk.capital_desk import WeightsComputed
from orchestrion.domain.desk.margin_watch import VenueMarginReport
from orchestrion.domain.models.command import CancelOrder, SubmitOrder
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.report import (
    ExternalFillReport,
    FutureSettledReport,
    InstrumentExpiredReport,
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderCancelRejectedReport,
    OrderExpiredReport,
    OrderFilledReport,
    OrderRejectedReport,
)
from orchestrion.domain.models.strategy import Signal
from orchestrion.domain.orchestration.lifecycle import (
    PauseMode,
    RemovalPolicy,
    TradingState,
)
from orchestrion.domain.orchestration.reconciliation import Mismatch
from orchestrion.runtime.errors import JournalFormatError
from orchestrion.runtime.journal import Record, RecordKind
from orchestrion.runtime.machine import encode
from tests.fakes import bar, quote

CAPITAL_EXAMPLES: list[object] = [
    CashFlowReport(
        flow_id="f-1",
        kind=CashFlowKind.DIVIDEND,
        amount=Decimal("-1.50"),
        ts_event=1,
        attribution=BySplit(SplitRule.BY_QUANTITY),
        instrument_id="AAA",
        amount_per_unit=Decimal("0.10"),
    ),
    CashFlowReport(flow_id="f-2", kind=CashFlowKind.DEPOSIT, amount=Decimal(1), ts_event=1),
    SplitReport(
        instrument_id="AAA", numerator=1, denominator=10, cash_price=Decimal("9.50"), ts_event=1
    ),
    LotSizeChangedReport(instrument_id="AAA", lot_size=Decimal(100), ts_event=1),
    SymbolChangedReport(instrument_id="AAA", new_instrument_id="A2", ts_event=1),
    VenueMarginReport(initial=Decimal("1.50"), maintenance=Decimal(1), ts_event=1),
    WeightsComputed(request_id="rebalance-1", failure="too little"),
    WeightsComputed(
        request_id="rebalance-1",
        weights=ComputedWeights(
            strategy_ids=("a", "b"),
            fractions=(Decimal("0.400000"), Decimal("0.500000")),
            reserve_fraction=Decimal("0.1"),
            method="risk_parity",
            sample_count=60,
            is_estimate=True,
        ),
    ),
    Rebalance(question_id=1, weights={"a": Decimal("0.50")}, reason="quarter's end"),
    PullKillSwitch(question_id=2, scope_id="a", action=StopAction.FLATTEN),
    ResetStop(question_id=3, scope_id="ACCOUNT"),
]
EXAMPLES: list[object] = [
    *CAPITAL_EXAMPLES,
    MarketSlice.of([bar(0), quote(0, "BBB")]),
    RunStarted(1),
    SessionClosed(2),
    RunEnded(3),
    StrategyReplied(
        strategy_id="a",
        round=4,
        commands=(
            SubmitOrder.single(
                "a", "AAA", OrderSide.BUY, Decimal("1.50"), limit_price=Decimal("0.10")
            ),
            CancelOrder(strategy_id="a", client_order_id="T-1-0"),
        ),
        signals=(Signal(strategy_id="a", name="trend", value=0.1),),
        malformed="item 2 is an unusable int",
    ),
    StrategyRaised(strategy_id="a", round=4, failure="ValueError: no"),
    PauseStrategy(question_id=1, strategy_id="a", mode=PauseMode.FROZEN),
    ResumeStrategy(question_id=2, strategy_id="a"),
    SetTradingState(question_id=3, state=TradingState.HALTED, reason="enough"),
    AddStrategy(
        question_id=4,
        strategy_id="b",
        strategy_name="IRON_CONDOR",
        config={"num_lots": 2, "delta": 0.1, "names": ["x"], "none": None},
        amount=Decimal("1000.00"),
        priority=-1,
        depends_on=("a",),
    ),
    AddStrategy(
        question_id=5, strategy_id="c", strategy_name="m:C", reserve_fraction=Decimal("0.5")
    ),
    RemoveStrategy(question_id=6, strategy_id="b", policy=RemovalPolicy.HAND_OVER, heir_id="a"),
    OrderAcceptedReport(client_order_id="x", venue_order_id="V1", ts_event=1),
    OrderRejectedReport(client_order_id="x", reason="closed", ts_event=1),
    OrderCanceledReport(client_order_id="x", ts_event=1),
    OrderCancelRejectedReport(client_order_id="x", reason="too late", ts_event=1),
    OrderExpiredReport(client_order_id="x", ts_event=1),
    OrderFilledReport(
        client_order_id="x",
        venue_order_id="V1",
        trade_id="T1",
        leg_index=0,
        instrument_id="AAA",
        side=OrderSide.SELL,
        last_qty=Decimal(1),
        last_px=Decimal("100.10"),
        commission=Decimal("-0.01"),
        ts_event=1,
    ),
    ExternalFillReport(
        trade_id="T1",
        instrument_id="AAA",
        side=OrderSide.BUY,
        last_qty=Decimal(1),
        last_px=Decimal("100.10"),
        commission=Decimal(0),
        ts_event=1,
    ),
    SubmissionLost(client_order_ids=("x", "y"), failure="TimeoutError"),
    InternalCrossed(
        cross_id="R-7-X-0-0",
        fills=(
            OrderFilledReport(
                client_order_id="x",
                venue_order_id="INTERNAL",
                trade_id="R-7-X-0-0",
                leg_index=0,
                instrument_id="AAA",
                side=OrderSide.BUY,
                last_qty=Decimal(1),
                last_px=Decimal("100.10"),
                commission=Decimal(0),
                ts_event=1,
            ),
        ),
        ended=("y",),
        ts_event=1,
    ),
    Restarted(epoch=2, ts_event=1),
    Reconciled(ts_event=1, mismatches=(Mismatch("AAA", "3", "2"),), explained=("expired",)),
    AssignDifference(
        question_id=7,
        instrument_id="AAA",
        quantity=Decimal(-2),
        price=Decimal("10.5"),
        book_id="EXTERNAL",
    ),
    FutureSettledReport(instrument_id="FUT", settlement_price=Decimal("1.25"), ts_event=1),
    InstrumentExpiredReport(instrument_id="FUT", settlement_price=Decimal(0), ts_event=1),
]


def record(name: str, body: bytes) -> Record:
    return Record(9, RecordKind.INPUT, name, 1, body)


@pytest.mark.parametrize("payload", EXAMPLES, ids=lambda one: type(one).__name__)
def test_input_comes_back_from_the_journal_as_it_was(payload: object) -> None:
    body = encode(payload)
    found = decode_input(record(type(payload).__name__, body))
    assert found == payload
    assert type(found) is type(payload)
    assert encode(found) == body


def test_every_kind_of_input_has_an_example() -> None:
    kinds = {*GATEWAY_INPUTS, *CAPITAL_INPUTS, *COORDINATOR_INPUTS}
    assert {type(one) for one in EXAMPLES} == kinds


def test_every_kind_of_input_has_one_receiver() -> None:
    kinds = (*GATEWAY_INPUTS, *CAPITAL_INPUTS, *COORDINATOR_INPUTS)
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize(
    ("name", "body", "message"),
    [
        ("Divination", b"{}", "seq 9: unknown kind of input 'Divination'"),
        ("RunStarted", b"{}", "seq 9: RunStarted: Object missing required field `ts_event`"),
        ("RunStarted", b'{"type":"RunEnded","ts_event":1}', "seq 9: RunStarted: "),
        ("RunStarted", b"not JSON", "seq 9: RunStarted: "),
    ],
)
def test_unusable_record_is_named(name: str, body: bytes, message: str) -> None:
    with pytest.raises(JournalFormatError, match=re.escape(message)):
        decode_input(record(name, body))
