"""What to close first when equity is below the maintenance margin."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from orchestrion.domain.errors import DomainError
from orchestrion.domain.margin.cash_account import CashAccountModel
from orchestrion.domain.margin.deleverage import DeleveragePlan, deleverage_plan
from orchestrion.domain.margin.requirement import UNLIMITED, Margin, MarginModel
from orchestrion.domain.margin.strategy_based import StrategyBasedModel
from orchestrion.domain.models.order import Leg, OrderSide
from tests.fakes_margin import (
    NOW,
    Market,
    Number,
    call,
    future,
    index,
    margin,
    put,
    quantities,
    stock,
)

BUY, SELL = OrderSide.BUY, OrderSide.SELL
MODEL = StrategyBasedModel()
MARKET = Market(
    index(),
    stock("AAA"),
    stock("BBB"),
    future("FUT", multiplier=10, initial=600, maintenance=500),
    put("IDX", 90),
    put("IDX", 95),
    call("IDX", 105),
    call("IDX", 110),
    call("AAA", 60),
    marks={
        "IDX": 100,
        "AAA": 50,
        "BBB": 100,
        "FUT": 100,
        "IDX P90": "0.50",
        "IDX P95": "1.00",
        "IDX C105": "1.00",
        "IDX C110": "0.50",
        "AAA C60": "1.00",
    },
)
CONDOR = {"IDX P90": 4, "IDX P95": -4, "IDX C105": -4, "IDX C110": 4}


def planned(
    structures: Mapping[str, Mapping[str, Number]],
    equity: Number,
    *,
    market: Market = MARKET,
    model: MarginModel = MODEL,
    held: Mapping[str, Number] | None = None,
    venue: Margin | None = None,
) -> DeleveragePlan:
    """Held is what the structures add up to, unless a test says so."""
    book: dict[str, Decimal] = {}
    for legs in structures.values() if held is None else [held]:
        for name, quantity in legs.items():
            book[name] = book.get(name, Decimal(0)) + Decimal(quantity)
    return deleverage_plan(
        book,
        {key: quantities(legs) for key, legs in structures.items()},
        equity=Decimal(equity),
        model=model,
        catalog=market.catalog,
        marks=market.marks,
        now=NOW,
        venue=venue,
    )


def steps(plan: DeleveragePlan) -> list[tuple[str, int]]:
    return [(step.structure_id, step.units) for step in plan.steps]


def test_enough_equity_needs_no_step() -> None:
    plan = planned({"shares": {"AAA": 100}}, 1250)
    assert plan == DeleveragePlan(steps=(), margin=margin(2500, 1250), deficit=None)


def test_as_many_units_are_closed_as_it_takes() -> None:
    plan = planned({"shares": {"AAA": 100}}, 1000)
    [step] = plan.steps
    assert (step.units, step.units_held) == (20, 100)
    assert step.legs == (Leg("AAA", SELL, Decimal(20)),)
    assert step.relief == 250
    assert plan.margin.maintenance == 1000
    assert plan.deficit is None


def test_most_relief_per_notional_comes_first() -> None:
    """A future binds half of its notional of 1,000, a share a quarter."""
    book = {"shares": {"BBB": 100}, "future": {"FUT": 2}}
    assert steps(planned(book, 2600)) == [("future", 2)]
    assert steps(planned(book, 2400)) == [("future", 2), ("shares", 4)]


def test_equal_relief_goes_by_id() -> None:
    assert steps(planned({"two": {"BBB": 10}, "one": {"AAA": 20}}, 400)) == [("one", 8)]
    assert steps(planned({"two": {"AAA": 20}, "one": {"BBB": 10}}, 400)) == [("one", 4)]


def test_structure_is_closed_in_whole_units_with_all_its_legs() -> None:
    # One of four condors binds 5.00 a unit less both credits of 0.50: 400.
    plan = planned({"condor": CONDOR}, 1000)
    [step] = plan.steps
    assert (step.units, step.units_held) == (2, 4)
    assert step.legs == (
        Leg("IDX C105", BUY, Decimal(2)),
        Leg("IDX C110", SELL, Decimal(2)),
        Leg("IDX P90", SELL, Decimal(2)),
        Leg("IDX P95", BUY, Decimal(2)),
    )
    assert plan.margin.maintenance == 800


FLAT = Market(
    index(),
    *(MARKET.catalog.tradable(name) for name in CONDOR),
    marks={"IDX": 100, **dict.fromkeys(CONDOR, 0)},
)
SIDES = {"calls": {"IDX C105": -1, "IDX C110": 1}, "puts": {"IDX P90": 1, "IDX P95": -1}}
"""A condor that the caller sees as two structures: one side alone binds as much as both."""


def test_sides_of_a_condor_are_closed_together_when_neither_relieves_alone() -> None:
    plan = planned(SIDES, 100, market=FLAT)
    assert steps(plan) == [("calls", 1), ("puts", 1)]
    assert [step.relief for step in plan.steps] == [0, 500]
    assert plan.deficit is None


def test_step_that_turns_out_needless_is_taken_back() -> None:
    """A worthless option relieves nothing, as the sides do at first, and its id comes before."""
    plan = planned({"a worthless option": {"IDX P90": 1}, **SIDES}, 100, market=FLAT)
    assert steps(plan) == [("calls", 1), ("puts", 1)]
    assert plan.deficit is None


def test_debt_that_nothing_can_cover_closes_all_that_binds() -> None:
    plan = planned({"shares": {"BBB": 10}, "condor": CONDOR}, -100)
    assert sorted(steps(plan)) == [("condor", 4), ("shares", 10)]
    assert plan.margin == margin(0)
    assert plan.deficit == 100


def test_what_belongs_to_no_structure_is_not_closed() -> None:
    plan = planned({"shares": {"BBB": 10}}, 0, held={"BBB": 10, "AAA": 100})
    assert steps(plan) == [("shares", 10)]
    assert plan.deficit == 1250


def test_covered_call_goes_as_one() -> None:
    plan = planned({"covered": {"AAA": 300, "AAA C60": -3}}, 2600)
    [step] = plan.steps
    assert (step.units, step.units_held) == (1, 3)
    assert step.legs == (
        Leg("AAA", SELL, Decimal(100)),
        Leg("AAA C60", BUY, Decimal(1)),
    )


def test_short_position_is_bought_back() -> None:
    [step] = planned({"short": {"BBB": -10}}, 150).steps
    assert (step.units, step.units_held) == (5, 10)
    assert step.legs == (Leg("BBB", BUY, Decimal(5)),)


def test_odd_lot_is_one_unit() -> None:
    assert steps(planned({"shares": {"AAA": "10.5"}}, 100)) == [("shares", 1)]


def test_venue_that_asks_for_more_is_met() -> None:
    book = {"shares": {"AAA": 100}}
    ours = planned(book, 1300)
    assert ours.steps == ()
    plan = planned(book, 1300, venue=margin(2600, 1500))
    # 200 are missing by its word; each share relieves 12.50 by ours.
    assert steps(plan) == [("shares", 16)]
    assert plan.margin == margin(2200, 1300)


def test_venue_that_asks_for_less_loosens_nothing() -> None:
    book = {"shares": {"AAA": 100}}
    assert planned(book, 1000, venue=margin(10, 10)) == planned(book, 1000)
    everything = planned(book, -1, venue=margin(10, 10))
    assert everything.margin == margin(0)


def test_position_that_the_account_may_not_hold_goes_first() -> None:
    """A short share in a cash account binds without limit, whatever else is held."""
    book = {"a long": {"BBB": 10}, "short": {"AAA": -5}, "worthless": {"IDX P90": 1}}
    plan = planned(book, 1050, model=CashAccountModel())
    assert steps(plan) == [("short", 5)]
    assert plan.steps[0].relief == UNLIMITED
    assert plan.margin == margin(1050)
    two = {"one": {"AAA": -5}, "two": {"FUT": 1}, "zero": {"BBB": 1}}
    assert steps(planned(two, 100, model=CashAccountModel())) == [("one", 5), ("two", 1)]
    met = planned({"one": {"AAA": -5}}, 10, model=CashAccountModel(), venue=margin(7))
    assert steps(met) == [("one", 5)]
    assert met.margin == margin(7)


def test_empty_structure_is_passed_over() -> None:
    assert steps(planned({"gone": {"BBB": 0}, "shares": {"AAA": 100}}, 1000)) == [("shares", 20)]


@pytest.mark.parametrize(
    "structures",
    [
        {"one": {"AAA": 60}, "two": {"AAA": 60}},
        {"one": {"AAA": -10}},
        {"one": {"BBB": 1}},
    ],
)
def test_structures_beyond_what_is_held_are_refused(
    structures: Mapping[str, Mapping[str, int]],
) -> None:
    with pytest.raises(DomainError, match=r"structure '(one|two)'.*is held"):
        planned(structures, 0, held={"AAA": 100})


def test_order_of_the_structures_changes_nothing() -> None:
    book = {"b": {"BBB": 10}, "a": {"AAA": 20}, "c": CONDOR}
    backwards = dict(reversed(book.items()))
    assert planned(book, 500) == planned(backwards, 500)
