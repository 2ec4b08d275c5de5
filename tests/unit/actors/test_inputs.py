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
from orchestrion.actors.messages import (
    PauseStrategy,
    ResumeStrategy,
    RunEnded,
    RunStarted,
    SessionClosed,
    SetTradingState,
    StrategyRaised,
    StrategyReplied,
    SubmissionLost,
)
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
from orchestrion.domain.orchestration.lifecycle import PauseMode, TradingState
from orchestrion.runtime.errors import JournalFormatError
from orchestrion.runtime.journal import Record, RecordKind
from orchestrion.runtime.machine import encode
from tests.fakes import bar, quote

EXAMPLES: list[object] = [
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
