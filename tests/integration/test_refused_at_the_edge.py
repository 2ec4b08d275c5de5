"""What a bot hands in and nobody may see: refused with a reason, nothing half changed."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion import Orchestrion
from orchestrion.domain.errors import ReportRefusedError, UnknownInstrumentError
from orchestrion.domain.models.market import Bar, MarketSlice, QuoteTick
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.report import ExternalFillReport
from orchestrion.runtime.errors import ActorError

pytestmark = pytest.mark.anyio

CONFIG: dict[str, Any] = {
    "account": {"capital": 100_000},
    "strategy": "MEAN_REVERSION_EQUITY",
    "config": {"instrument_ids": ["AAA"]},
    "data": {"source": "feed", "instruments": [{"kind": "equity", "instrument_id": "AAA"}]},
}
DAY_NS = 86_400_000_000_000


def bar(day: int, price: str = "100", instrument_id: str = "AAA") -> Bar:
    value = to_e9(price)
    return Bar(instrument_id, day * DAY_NS, day * DAY_NS + 1, value, value, value, value)


def fill(**changes: Any) -> ExternalFillReport:
    report = ExternalFillReport(
        trade_id="T1",
        instrument_id="AAA",
        side=OrderSide.BUY,
        last_qty=Decimal(1),
        last_px=Decimal(100),
        commission=Decimal(0),
        ts_event=5 * DAY_NS,
    )
    return msgspec.structs.replace(report, **changes)


@pytest.mark.parametrize(
    ("event", "fault"),
    [
        (bar(3, "0"), "NOT_POSITIVE"),
        (bar(3, "-5"), "NOT_POSITIVE"),
        (QuoteTick("AAA", 3 * DAY_NS, to_e9("101"), to_e9("100")), "CROSSED"),
    ],
)
async def test_data_that_are_no_price_reach_nobody(event: Any, fault: str) -> None:
    async with Orchestrion.from_config(CONFIG) as bot:
        await bot.publish(bar(2))
        equity, inputs = bot.equity("MEAN_REVERSION_EQUITY"), bot.result().inputs
        await bot.publish(event)
        assert bot.data_refusals == {fault: 1}
        assert (bot.equity("MEAN_REVERSION_EQUITY"), bot.result().inputs) == (equity, inputs)
        await bot.publish(bar(4))
        assert bot.result().inputs > inputs


async def test_unknown_instrument_and_time_that_goes_back_are_the_callers_mistakes() -> None:
    async with Orchestrion.from_config(CONFIG) as bot:
        await bot.publish(bar(2))
        with pytest.raises(UnknownInstrumentError):
            await bot.publish(bar(3, instrument_id="ZZZ"))
        with pytest.raises(ActorError, match="time went back"):
            await bot.publish(MarketSlice.of([bar(1)]))
        await bot.publish(bar(3))


@pytest.mark.parametrize(
    "changes",
    [
        {"last_qty": Decimal("NaN")},
        {"last_qty": Decimal(0)},
        {"last_px": Decimal("Infinity")},
        {"instrument_id": "ZZZ"},
        {"ts_event": -1},
    ],
)
async def test_report_that_cannot_be_booked_is_refused_before_the_journal(
    changes: dict[str, Any],
) -> None:
    async with Orchestrion.from_config(CONFIG) as bot:
        await bot.publish(bar(2))
        inputs = bot.result().inputs
        with pytest.raises(ReportRefusedError):
            await bot.report(fill(**changes))
        assert bot.result().inputs == inputs
        await bot.report(fill())
        assert bot.book("EXTERNAL").quantity("AAA") == 1
