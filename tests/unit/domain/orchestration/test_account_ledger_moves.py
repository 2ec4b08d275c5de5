"""The account ledger: money and holdings that no trade moves."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.capital.cash_flow import CashFlowKind, CashFlowReport
from orchestrion.domain.capital.corporate_action import SplitReport, SymbolChangedReport
from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.instrument import Equity, InstrumentCatalog
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.report import ExternalFillReport
from orchestrion.domain.orchestration.account_ledger import AccountLedger

CATALOG = InstrumentCatalog([Equity(instrument_id="ABC")])


def _ledger(quantity: str = "0") -> AccountLedger:
    """1,000 in cash after a purchase (or short sale) for nothing."""
    ledger = AccountLedger(CATALOG, starting_cash=Decimal(1000))
    signed = Decimal(quantity)
    if signed:
        ledger.apply_fill(
            ExternalFillReport(
                trade_id="T",
                instrument_id="ABC",
                side=OrderSide.BUY if signed > 0 else OrderSide.SELL,
                last_qty=abs(signed),
                last_px=Decimal(0),
                commission=Decimal(0),
                ts_event=1,
            )
        )
    return ledger


def _flow(kind: CashFlowKind, amount: str) -> CashFlowReport:
    return CashFlowReport(flow_id="f", kind=kind, amount=Decimal(amount), ts_event=1)


@pytest.mark.parametrize(
    ("kind", "amount", "cash", "fees"),
    [
        (CashFlowKind.DEPOSIT, "10.5", "1010.5", "0"),
        (CashFlowKind.WITHDRAWAL, "10.5", "989.5", "0"),
        (CashFlowKind.DIVIDEND, "3", "1003", "0"),
        (CashFlowKind.DIVIDEND, "-3", "997", "0"),
        (CashFlowKind.INTEREST, "-0.01", "999.99", "0"),
        (CashFlowKind.FEE, "2", "998", "2"),
        (CashFlowKind.FEE, "-2", "1002", "-2"),
    ],
)
def test_flow_moves_cash_and_a_fee_counts_as_one(
    kind: CashFlowKind, amount: str, cash: str, fees: str
) -> None:
    ledger = _ledger()
    ledger.move_cash(_flow(kind, amount))
    assert (ledger.cash, ledger.fees) == (Decimal(cash), Decimal(fees))


def test_flow_that_cannot_be_kept_exactly_changes_nothing() -> None:
    ledger = _ledger()
    with pytest.raises(InvariantBrokenError, match="f: amount"):
        ledger.move_cash(_flow(CashFlowKind.FEE, "0.0000000001"))
    assert (ledger.cash, ledger.fees) == (Decimal(1000), Decimal(0))


@pytest.mark.parametrize(
    ("held", "numerator", "denominator", "price", "kept", "paid"),
    [
        ("10", 2, 1, "50", "20", "0"),
        ("-10", 2, 1, "50", "-20", "0"),
        ("105", 1, 10, "1000", "10", "500"),
        ("-105", 1, 10, "1000", "-10", "-500"),
        ("1", 1, 3, "100", "0", "33.33"),
        ("2", 1, 3, "100", "0", "66.67"),
        ("-2", 1, 3, "100", "0", "-66.67"),
        # Half a cent goes to the even one, on either side of zero.
        ("1", 1, 2, "0.01", "0", "0"),
        ("3", 1, 2, "0.03", "1", "0.02"),
        ("-3", 1, 2, "0.03", "-1", "-0.02"),
        ("0", 3, 1, "5", "0", "0"),
    ],
)
def test_split_keeps_whole_shares_and_takes_cash_for_the_rest(
    held: str, numerator: int, denominator: int, price: str, kept: str, paid: str
) -> None:
    ledger = _ledger(held)
    ledger.split(
        SplitReport(
            instrument_id="ABC",
            numerator=numerator,
            denominator=denominator,
            cash_price=Decimal(price),
            ts_event=1,
        )
    )
    assert ledger.quantity("ABC") == Decimal(kept)
    assert ledger.cash == 1000 + Decimal(paid)


def test_fractional_shares_stay_where_they_can_be_held() -> None:
    ledger = _ledger("5")
    ledger.split(
        SplitReport(
            instrument_id="ABC",
            numerator=1,
            denominator=4,
            cash_price=Decimal(100),
            ts_event=1,
            quantity_step=Decimal("0.1"),
        )
    )
    assert (ledger.quantity("ABC"), ledger.cash) == (Decimal("1.2"), Decimal(1005))


def test_renamed_holding_is_held_under_the_new_id() -> None:
    ledger = _ledger("5")
    ledger.rename(SymbolChangedReport(instrument_id="ABC", new_instrument_id="XYZ", ts_event=1))
    ledger.replace_catalog(InstrumentCatalog([Equity(instrument_id="XYZ")]))
    assert ledger.quantities == {"XYZ": Decimal(5)}


def test_split_of_what_is_not_held_moves_nothing_at_any_price() -> None:
    ledger = AccountLedger(CATALOG, starting_cash=Decimal(1_000))
    ledger.split(
        SplitReport(
            instrument_id="ABC", numerator=3, denominator=2, cash_price=Decimal(10**9), ts_event=1
        )
    )
    assert (ledger.cash, ledger.quantities) == (Decimal(1_000), {})


@pytest.mark.parametrize("side", [OrderSide.BUY, OrderSide.SELL])
def test_split_of_the_least_that_can_be_held_keeps_its_side(side: OrderSide) -> None:
    least = Decimal("0.000000001")
    ledger = AccountLedger(CATALOG, starting_cash=Decimal(1_000))
    ledger.apply_fill(
        ExternalFillReport(
            trade_id="T",
            instrument_id="ABC",
            side=side,
            last_qty=least,
            last_px=Decimal(1),
            commission=Decimal(0),
            ts_event=1,
        )
    )
    ledger.split(
        SplitReport(
            instrument_id="ABC",
            numerator=1,
            denominator=1,
            cash_price=Decimal(10),
            quantity_step=least,
            ts_event=1,
        )
    )
    assert ledger.quantity("ABC") == least * side.sign
