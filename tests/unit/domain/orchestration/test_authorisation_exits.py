"""Working exits: what they may open if more of them fill than is held, and what they set free."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.margin.instrument_rates import InstrumentRatesModel
from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.order import Order
from orchestrion.domain.orchestration.authorisation import (
    MarginRule,
    coupled_exits,
    exits_beyond,
    form_fault,
    freed_by_exits,
    quantity_fault,
    reduces_risk,
)
from tests.fakes_rules import (
    CATALOG,
    amount,
    book_of,
    buy,
    leg,
    marks_of,
    order_for,
    sell,
    working_order,
)

MARKS = marks_of(AAA=40, BBB=5, FUT=100, IDX=100, P90=2, P95=2, C100=2)
RULE = MarginRule(InstrumentRatesModel(), CATALOG, MARKS, 0)


def exits(*commands: SubmitOrder, filled: Sequence[int] = ()) -> list[Order]:
    return [
        working_order(one, f"W{number}", is_reducing=True, filled=filled)
        for number, one in enumerate(commands)
    ]


# -- more exits than is held -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "working", "beyond"),
    [
        ({}, [], {}),
        ({"AAA": 10}, [sell("AAA", 10)], {}),
        ({"AAA": 10}, [sell("AAA", 11)], {"AAA": -1}),
        ({"AAA": 10}, [sell("AAA", 6), sell("AAA", 6)], {"AAA": -2}),
        ({"AAA": -10}, [buy("AAA", 10)], {}),
        ({"AAA": -10}, [buy("AAA", 11)], {"AAA": 1}),
        ({}, [sell("AAA", 1)], {"AAA": -1}),
        ({}, [buy("AAA", 1)], {"AAA": 1}),
        # A holding on the wrong side takes nothing off: it only stands further from zero.
        ({"AAA": 10}, [buy("AAA", 3)], {"AAA": 3}),
        ({"AAA": -10}, [sell("AAA", 3)], {"AAA": -3}),
        # Both sides over: the greater one, and what is bought when they are alike.
        ({}, [buy("AAA", 2), sell("AAA", 5)], {"AAA": -5}),
        ({}, [buy("AAA", 5), sell("AAA", 2)], {"AAA": 5}),
        ({}, [buy("AAA", 4), sell("AAA", 4)], {"AAA": 4}),
        ({"AAA": 3}, [buy("AAA", 1), sell("AAA", 9)], {"AAA": -6}),
        ({"AAA": 3}, [order_for(leg("AAA", -4), leg("FUT", 1))], {"AAA": -1, "FUT": 1}),
    ],
)
def test_exits_beyond_what_is_held(
    held: dict[str, int], working: list[SubmitOrder], beyond: dict[str, int]
) -> None:
    assert exits_beyond(decimals(held), exits(*working)) == beyond


def test_only_what_is_left_of_exits_counts_and_entries_never() -> None:
    part = exits(order_for(leg("AAA", -10), leg("FUT", -2)), filled=(9, 3))
    assert exits_beyond({}, part) == {"AAA": -1}
    assert exits_beyond({}, [working_order(sell("AAA", 5), "E")]) == {}


def decimals(quantities: Mapping[str, int]) -> dict[str, Decimal]:
    return {one: amount(quantity) for one, quantity in quantities.items()}


sizes = st.integers(-5, 5).filter(bool)


@given(held=st.integers(-8, 8), working=st.lists(sizes, max_size=5))
def test_exits_beyond_is_the_furthest_that_fills_can_push_past_zero(
    held: int, working: list[int]
) -> None:
    """Whichever of the exits fill: the most that is then open on the side that they trade to."""
    found = exits_beyond(
        decimals({"AAA": held} if held else {}), exits(*(order_for(leg("AAA", q)) for q in working))
    )
    ends = [
        (sum(chosen), side)
        for side in (1, -1)
        for chosen in product(*((0, q) for q in working if q * side > 0))
    ]
    past = [max(0, total * side - max(0, -held * side)) for total, side in ends]
    assert abs(found.get("AAA", Decimal(0))) == max(past)
    assert ("AAA" in found) == any(past)


# -- what exits set free ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("working", "filled", "freed"),
    [
        ([], (), 0),
        # Shares bind their price when long and half of it when short.
        ([sell("AAA", 10)], (), 400),
        ([buy("AAA", 10)], (), 200),
        ([buy("AAA", "0.5")], (), 10),
        ([sell("AAA", "0.5")], (), 20),
        ([sell("AAA", 10)], (4,), 240),
        ([sell("AAA", 10)], (10,), 0),
        ([sell("AAA", 10)], (11,), 0),
        ([sell("AAA", 10), buy("FUT", 2)], (), 2_400),
        ([order_for(leg("AAA", -10), leg("FUT", 1))], (), 1_400),
        # What an option's exit frees depends on the rest of the book: it is judged with that.
        ([sell("P90", 1)], (), 0),
        ([order_for(leg("AAA", -10), leg("P90", -1))], (), 0),
    ],
)
def test_margin_that_exits_set_free(
    working: list[SubmitOrder], filled: tuple[int, ...], freed: int
) -> None:
    assert freed_by_exits(exits(*working, filled=filled), RULE) == freed


def test_entries_set_nothing_free() -> None:
    assert freed_by_exits([working_order(sell("AAA", 5), "E")], RULE) == 0


def test_leg_that_is_done_is_no_coupled_exit() -> None:
    close = order_for(leg("P90", -1), leg("P95", 1))
    assert coupled_exits(exits(close, filled=(1, 0)), RULE) == [{"P95": 1}]
    assert coupled_exits(exits(close, filled=(1, 1)), RULE) == [{}]


# -- one leg that couples is enough ----------------------------------------------------------------


def test_one_option_among_the_legs_couples_the_order() -> None:
    assert RULE.any_coupled(order_for(leg("AAA", 1), leg("P90", 1)).legs)
    assert RULE.any_coupled(order_for(leg("P90", 1), leg("P95", 1)).legs)
    assert not RULE.any_coupled(order_for(leg("AAA", 1), leg("FUT", 1)).legs)


def test_order_with_a_wing_among_shares_is_judged_by_its_margin() -> None:
    """The spread binds 50 and 20 for its wing; without the wing the put binds 100."""
    held = decimals({"AAA": 5, "BBB": 1, "P90": 1, "P95": -1})
    assert reduces_risk(order_for(leg("AAA", -5), leg("P90", -1)), held, [], RULE)  # 200 less
    assert not reduces_risk(order_for(leg("BBB", -1), leg("P90", -1)), held, [], RULE)  # 5 less


def test_exit_without_a_price_to_judge_by_is_a_plain_no() -> None:
    unpriced = MarginRule(InstrumentRatesModel(), CATALOG, marks_of(C100=2), 0)
    assert reduces_risk(buy("C100", 1), decimals({"C100": -2}), [], unpriced) is False


# -- refusals that another rule would hide ---------------------------------------------------------


def test_form_asks_for_a_price_before_any_margin_does() -> None:
    fault = form_fault(buy("AAA", 1), book_of(), CATALOG, marks_of(BBB=5), 0)
    assert fault == (RefusalCode.NO_PRICE, "AAA has had no price yet")


@pytest.mark.parametrize(
    ("held", "command", "code"),
    [
        ({"AAA": 5}, sell("AAA", 6), RefusalCode.EXCEEDS_OWN_QUANTITY),
        ({"AAA": 1}, sell("AAA", 2), RefusalCode.EXCEEDS_OWN_QUANTITY),
        ({"AAA": -5}, buy("AAA", 6), RefusalCode.EXCEEDS_OWN_QUANTITY),
        ({"AAA": -1}, buy("AAA", 2), RefusalCode.EXCEEDS_OWN_QUANTITY),
        ({"AAA": 1}, buy("AAA", 1), RefusalCode.NOT_REDUCING),
        ({"AAA": -1}, sell("AAA", 1), RefusalCode.NOT_REDUCING),
        ({}, sell("AAA", 1), RefusalCode.NOT_REDUCING),
        ({}, buy("AAA", 1), RefusalCode.NOT_REDUCING),
    ],
)
def test_reduce_only_says_why_it_does_not_reduce(
    held: dict[str, int], command: SubmitOrder, code: RefusalCode
) -> None:
    order = order_for(*command.legs, reduce_only=True)
    fault = quantity_fault(order, book_of(**held), is_exit=False)
    assert fault is not None
    assert fault[0] is code
