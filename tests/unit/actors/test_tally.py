"""Counts for reports."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.actors.tally import Tally
from orchestrion.domain.models.command import CancelOrder, SubmitOrder
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.report import ExternalFillReport
from tests.fakes import INSTRUMENTS

CATALOG = InstrumentCatalog(INSTRUMENTS)


def fill(side: OrderSide, quantity: int, price: str, instrument_id: str) -> ExternalFillReport:
    return ExternalFillReport(
        trade_id="1",
        instrument_id=instrument_id,
        side=side,
        last_qty=Decimal(quantity),
        last_px=Decimal(price),
        commission=Decimal(0),
        ts_event=0,
    )


@pytest.mark.parametrize(
    ("held", "side", "is_exit"),
    [
        (0, OrderSide.BUY, False),
        (0, OrderSide.SELL, False),
        (5, OrderSide.BUY, False),
        (5, OrderSide.SELL, True),
        (-5, OrderSide.BUY, True),
        (-5, OrderSide.SELL, False),
    ],
)
def test_fill_against_what_is_held_is_an_exit(held: int, side: OrderSide, is_exit: bool) -> None:
    tally = Tally()
    tally.fill(fill(side, 1, "10", "AAA"), Decimal(held), CATALOG)
    assert (tally.fills, tally.entries, tally.exits) == (1, int(not is_exit), int(is_exit))


def test_turnover_is_notional_and_never_negative() -> None:
    tally = Tally()
    tally.fill(fill(OrderSide.BUY, 3, "10.25", "AAA"), Decimal(0), CATALOG)
    tally.fill(fill(OrderSide.SELL, 2, "-7", "FUT"), Decimal(0), CATALOG)
    assert tally.turnover == Decimal("30.75") + Decimal(2 * 7 * 50)


def test_orders_are_counted_and_cancels_are_not() -> None:
    tally = Tally()
    tally.approve(SubmitOrder.single("a", "AAA", OrderSide.BUY, 1))
    tally.approve(CancelOrder(strategy_id="a", client_order_id="x"))
    assert tally.orders == 1


def test_refusals_are_counted_by_reason() -> None:
    tally = Tally()
    for code in ("CONFLICT", "NO_PRICE", "CONFLICT"):
        tally.refuse(code)
    assert tally.refusals == {"CONFLICT": 2, "NO_PRICE": 1}
