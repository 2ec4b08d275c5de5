"""Account-wide figures are kept per instrument; they equal what the books say one by one."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.margin.cash_account import CashAccountModel
from orchestrion.domain.margin.instrument_rates import InstrumentRatesModel
from orchestrion.domain.margin.reg_t import RegTModel
from orchestrion.domain.margin.requirement import MarginModel
from orchestrion.domain.margin.strategy_based import StrategyBasedModel
from orchestrion.domain.models.command import ApprovedCommand
from orchestrion.domain.models.order import OrderStatus
from orchestrion.domain.models.portfolio import EXTERNAL
from tests.fakes_rules import OPTIONS, Desk, leg, order_for

PRICES: dict[str, Any] = {"AAA": 40, "BBB": 5, "FUT": 100, "IDX": 100} | {
    one.instrument_id: 2 for one in OPTIONS
}
MODELS: Mapping[str, MarginModel] = {
    "rates": InstrumentRatesModel(),
    "cash": CashAccountModel(allows_secured_options=True),
    "reg_t": RegTModel(),
    "strategy_based": StrategyBasedModel(),
}
names = st.sampled_from(["AAA", "BBB", "FUT", "P95", "P90", "C100", "C105F"])
owners = st.sampled_from(["alpha", "beta", EXTERNAL])
steps = st.tuples(
    st.sampled_from(["hold", "hold", "hold", "ask", "end", "mark"]),
    owners,
    names,
    st.sampled_from([-30, -20, -10, 10, 20, 30]),
)


def check(desk: Desk, model: MarginModel) -> None:
    manager = desk.manager
    equity = sum((manager.equity(one) for one in manager.books), Decimal(0))
    assert manager.account_equity() == equity
    margins = [manager._worst_margin(one) for one in manager.books]
    bound = sum((manager.reserved(one) for one in ("alpha", "beta")), Decimal(0))
    if all(one.is_finite() for one in margins):
        assert manager.account_margin() == sum(margins, bound)
        assert manager.free_capital() == equity - sum(margins, bound)
    else:
        assert not manager.account_margin().is_finite()
        assert manager.free_capital() < 0


@pytest.mark.parametrize("name", MODELS)
@given(run=st.lists(steps, max_size=14))
def test_account_figures_equal_the_sums_over_the_books(
    name: str, run: list[tuple[str, str, str, int]]
) -> None:
    desk = Desk(alpha=10**6, beta=10**6, margin_model=MODELS[name], **PRICES)
    working: list[ApprovedCommand] = []
    for kind, owner, instrument_id, quantity in run:
        if kind == "hold":
            desk.hold(instrument_id, quantity, owner=owner)
        elif kind == "ask" and owner != EXTERNAL:
            verdict = desk.ask(order_for(leg(instrument_id, quantity), owner=owner))
            if isinstance(verdict, ApprovedCommand):
                working.append(verdict)
        elif kind == "end" and working:
            desk.end(working.pop(), OrderStatus.CANCELED)
        elif kind == "mark":
            desk.mark(**{instrument_id: abs(quantity)})
        check(desk, MODELS[name])


@given(run=st.lists(steps, max_size=10))
def test_figures_do_not_depend_on_the_way_that_led_there(
    run: list[tuple[str, str, str, int]],
) -> None:
    desk = Desk(alpha=10**6, beta=10**6, **PRICES)
    for _, owner, instrument_id, quantity in run:
        desk.hold(instrument_id, quantity, owner=owner)
    kept = (desk.manager.account_equity(), desk.manager.account_margin())
    desk.manager.replace_catalog(desk.manager.catalog)  # adds everything up anew
    assert (desk.manager.account_equity(), desk.manager.account_margin()) == kept
