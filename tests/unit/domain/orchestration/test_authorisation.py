"""Each refusal code, one by one, and that a refusal changes nothing.

The worst case over all subsets of working orders is in tests/property/test_authorisation.py.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal, localcontext
from itertools import product
from typing import Any

import pytest

from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.margin.instrument_rates import InstrumentRatesModel
from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.instrument import InstrumentCatalog, OptionContract, OptionKind
from orchestrion.domain.models.order import OrderStatus, OrderType
from orchestrion.domain.orchestration.authorisation import (
    EXITS_COMBINED_MAX,
    MarginRule,
    Standing,
    account_fault,
    budget_fault,
    coupled_exits,
    form_fault,
    quantities,
    quantity_fault,
    reduces_risk,
    requirement,
    standing_fault,
    worst_margin,
)
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStatus, TradingState
from orchestrion.domain.orchestration.proposal import Proposal
from tests.fakes_rules import (
    BBB,
    CATALOG,
    NEAR_TS,
    OPTIONS,
    Desk,
    approved,
    book_of,
    buy,
    cancel,
    hostile_context,
    leg,
    limit,
    marks_of,
    order_for,
    refused,
    sell,
    working_order,
)

PRICES: dict[str, Any] = {"AAA": 40, "BBB": 5, "FUT": 100, "IDX": 100} | {
    one.instrument_id: 2 for one in OPTIONS
}
MARKS = marks_of(**PRICES)
RULE = MarginRule(InstrumentRatesModel(), CATALOG, MARKS, 0)


def desk(**options: Any) -> Desk:
    return Desk(**(options | PRICES))


# -- the codes -------------------------------------------------------------------------------------


def _paused(mode: PauseMode) -> Callable[[Desk], None]:
    return lambda one: one.pause(mode)


def _standing(status: StrategyStatus) -> Callable[[Desk], None]:
    return lambda one: one.manager.set_standing("alpha", status, None)


def _trading(state: TradingState) -> Callable[[Desk], None]:
    def change(one: Desk) -> None:
        one.manager.trading_state = state

    return change


def _late(one: Desk) -> None:
    one.now = NEAR_TS


def _poor_account(one: Desk) -> None:
    one.hold("FUT", 15, owner="beta")  # beta binds 15,000 of 10,000: marks or a venue did that


def _nothing(one: Desk) -> None: ...


REFUSALS: list[tuple[Any, ...]] = [
    (buy("ZZZ", 1), _nothing, "UNKNOWN_INSTRUMENT", "'ZZZ' is in no data of this run"),
    (buy("IDX", 1), _nothing, "UNKNOWN_INSTRUMENT", "IDX is an index, nobody trades it"),
    (order_for(leg("AAA", 1), leg("ZZZ", 1)), _nothing, "UNKNOWN_INSTRUMENT", "'ZZZ' is in no"),
    (buy("C100", 1), _late, "EXPIRED_INSTRUMENT", "C100 has expired"),
    (buy("BBB", 15), _nothing, "INVALID_QUANTITY", "BBB: 15 is no multiple of the lot 10"),
    (
        buy("AAA", "1E-9"),
        _nothing,
        "INVALID_QUANTITY",
        "AAA: 0.000000001 is no multiple of the lot 1",
    ),
    (
        buy("BBB", 10, **limit("4.98")),
        _nothing,
        "INVALID_PRICE",
        "BBB: 4.98 is no multiple of the tick 0.05",
    ),
    (
        buy("AAA", 1, order_type=OrderType.STOP_MARKET, stop_price=Decimal("40.001")),
        _nothing,
        "INVALID_PRICE",
        "AAA: 40.001 is no multiple of the tick 0.01",
    ),
    (
        sell("AAA", 1, reduce_only=True),
        _nothing,
        "NOT_REDUCING",
        "reduce-only, but it would open or add (AAA 0)",
    ),
    (
        buy("AAA", 1, reduce_only=True),
        lambda one: one.hold("AAA", 5),
        "NOT_REDUCING",
        "reduce-only, but it would open or add (AAA 5)",
    ),
    (
        sell("AAA", 6, reduce_only=True),
        lambda one: one.hold("AAA", 5),
        "EXCEEDS_OWN_QUANTITY",
        "more than is held and not being closed already (AAA 5)",
    ),
    (
        order_for(leg("AAA", -5), leg("BBB", -10), reduce_only=True),
        lambda one: one.hold("AAA", 5),
        "NOT_REDUCING",
        "reduce-only, but it would open or add (AAA 5, BBB 0)",
    ),
    (buy("AAA", 1), _trading(TradingState.HALTED), "TRADING_HALTED", "nothing leaves"),
    (buy("AAA", 1), _trading(TradingState.REDUCING), "TRADING_REDUCING", "only exits leave"),
    (buy("AAA", 1), _standing(StrategyStatus.QUARANTINED), "STRATEGY_QUARANTINED", "quarantine"),
    (buy("AAA", 1), _standing(StrategyStatus.STOPPED), "STRATEGY_STOPPED", "has stopped"),
    (buy("AAA", 1), _paused(PauseMode.FROZEN), "STRATEGY_PAUSED", "paused (frozen)"),
    (
        buy("AAA", 1),
        _paused(PauseMode.ENTRIES_BLOCKED),
        "STRATEGY_PAUSED",
        "paused (entries_blocked)",
    ),
    (buy("AAA", 1), _paused(PauseMode.REDUCE_ONLY), "STRATEGY_PAUSED", "paused (reduce_only)"),
    (
        buy("AAA", 251),
        _nothing,
        "BUDGET_EXCEEDED",
        "needs 10040.00, 10000.00 of 10000.00 is free",
    ),
    (
        buy("AAA", 130),
        _poor_account,
        "ACCOUNT_MARGIN_EXCEEDED",
        "needs 5200.00, the account as a whole has 5000.00 free",
    ),
    (cancel("O9"), _nothing, "UNKNOWN_ORDER", "is no own working order"),
    (cancel("O9"), _trading(TradingState.HALTED), "TRADING_HALTED", "nothing leaves"),
]


@pytest.mark.parametrize(("command", "prepare", "code", "words"), REFUSALS)
def test_refusal_has_its_code_and_changes_nothing(
    command: Any, prepare: Callable[[Desk], None], code: str, words: str
) -> None:
    one = desk()
    prepare(one)
    before = one.picture()
    refusal = refused(one.ask(command))
    assert refusal.code == code
    assert words in refusal.detail
    assert (refusal.strategy_id, refusal.command) == ("alpha", command)
    assert one.picture() == before


def test_instrument_without_a_price_is_refused() -> None:
    one = Desk(BBB=5)
    assert refused(one.ask(buy("AAA", 1))).code is RefusalCode.NO_PRICE
    assert refused(one.ask(buy("AAA", 1))).detail == "AAA has had no price yet"


def test_underlying_without_a_price_is_refused_when_it_is_needed() -> None:
    one = Desk(C100=2)
    before = one.picture()
    refusal = refused(one.ask(sell("C100", 1)))
    assert (refusal.code, refusal.detail) == (RefusalCode.NO_PRICE, "IDX has had no price yet")
    assert one.picture() == before
    assert approved(one.ask(buy("C100", 1))).reservation == 20


def test_foreign_order_cannot_be_cancelled() -> None:
    one = desk()
    order = approved(one.ask(buy("AAA", 1, owner="beta")))
    refusal = refused(one.ask(cancel(order.client_order_id)))
    assert refusal.code is RefusalCode.UNKNOWN_ORDER
    assert approved(one.ask(cancel(order.client_order_id, owner="beta"))).is_reducing


@pytest.mark.parametrize(
    ("code", "prepare"),
    [
        (RefusalCode.STRATEGY_QUARANTINED, _standing(StrategyStatus.QUARANTINED)),
        (RefusalCode.STRATEGY_STOPPED, _standing(StrategyStatus.STOPPED)),
        (RefusalCode.STRATEGY_PAUSED, _paused(PauseMode.FROZEN)),
        (RefusalCode.TRADING_HALTED, _trading(TradingState.HALTED)),
    ],
)
def test_who_may_send_nothing_may_not_cancel_its_protection_either(
    code: RefusalCode, prepare: Callable[[Desk], None]
) -> None:
    one = desk()
    order = approved(one.ask(buy("AAA", 1)))
    prepare(one)
    before = one.picture()
    assert refused(one.ask(cancel(order.client_order_id))).code is code
    assert one.picture() == before


@pytest.mark.parametrize(
    "prepare",
    [
        _paused(PauseMode.ENTRIES_BLOCKED),
        _paused(PauseMode.REDUCE_ONLY),
        _trading(TradingState.REDUCING),
    ],
)
def test_exits_and_cancels_go_on_while_entries_are_blocked(
    prepare: Callable[[Desk], None],
) -> None:
    one = desk()
    one.hold("AAA", 5)
    order = approved(one.ask(buy("BBB", 10)))
    prepare(one)
    leaving = approved(one.ask(sell("AAA", 5)))
    assert leaving.is_reducing
    assert leaving.reservation == 0
    approved(one.ask(cancel(order.client_order_id)))


# -- standing, as a table --------------------------------------------------------------------------


def expected_standing(
    status: StrategyStatus, mode: PauseMode | None, state: TradingState, is_reducing: bool
) -> str:
    """The rules in one place, in the order in which they are asked."""
    always = {
        TradingState.HALTED: "TRADING_HALTED",
        StrategyStatus.QUARANTINED: "STRATEGY_QUARANTINED",
        StrategyStatus.STOPPED: "STRATEGY_STOPPED",
        StrategyStatus.STOPPING: "STRATEGY_STOPPED",
        PauseMode.FROZEN: "STRATEGY_PAUSED",
    }
    for one, code in always.items():
        if one in (state, status, mode):
            return code
    if is_reducing:
        return ""
    if state is TradingState.REDUCING or status is StrategyStatus.REDUCING:
        return "TRADING_REDUCING"
    return "STRATEGY_PAUSED" if mode is not None else ""


@pytest.mark.parametrize(
    ("status", "mode", "state", "is_reducing"),
    list(product(StrategyStatus, (None, *PauseMode), TradingState, (True, False))),
)
def test_standing(
    status: StrategyStatus, mode: PauseMode | None, state: TradingState, is_reducing: bool
) -> None:
    fault = standing_fault(Standing(status, mode, state), is_reducing=is_reducing)
    assert (fault[0] if fault else "") == expected_standing(status, mode, state, is_reducing)


# -- what an entry binds ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("held", "command", "working", "needed"),
    [
        ({}, buy("AAA", 10), [], 400),
        ({}, sell("AAA", 10), [], 200),
        ({}, buy("FUT", 2), [], 2000),
        ({}, sell("P100", 1), [], 150),
        # A structure is judged as a whole, but without what is held.
        ({}, order_for(leg("P100", -1), leg("P95", 1)), [], 70),
        ({"P95": 1}, sell("P100", 1), [], 150),
        # A roll: the leg that closes binds nothing.
        ({"FUT": 1}, order_for(leg("FUT", -1), leg("AAA", 10)), [], 400),
        ({"AAA": -10}, order_for(leg("AAA", 10), leg("FUT", -1)), [], 1000),
        # One of anything is a position too.
        ({"AAA": 1}, sell("AAA", 1), [], 0),
        ({"AAA": -1}, buy("AAA", 1), [], 0),
        ({"AAA": 1}, order_for(leg("AAA", -1), leg("FUT", 1)), [], 1000),
        ({"AAA": -1}, order_for(leg("AAA", 1), leg("FUT", -1)), [], 1000),
        # A leg that adds closes nothing, whatever is held.
        ({"AAA": 10}, order_for(leg("AAA", 5), leg("FUT", 1)), [], 1200),
        ({"AAA": -10}, order_for(leg("AAA", -5), leg("FUT", 1)), [], 1100),
        # More than is held: the whole leg binds.
        ({"AAA": 10}, sell("AAA", 11), [], 220),
        # What works already on the same side has used the position up.
        ({"AAA": 10}, sell("AAA", 5), [sell("AAA", 5)], 0),
        ({"AAA": 10}, sell("AAA", 5), [sell("AAA", 6)], 100),
        ({"AAA": 10}, order_for(leg("AAA", -5), leg("FUT", 1)), [sell("AAA", 6)], 1100),
        ({"AAA": 10}, sell("AAA", 5), [buy("AAA", 6)], 0),
        # So have the earlier legs of the order itself.
        ({"AAA": 10}, order_for(leg("AAA", -10), leg("AAA", -10)), [], 200),
        # A leg that adds binds, and so do both legs that cancel each other out, netted.
        ({"AAA": 10}, buy("AAA", 5), [], 200),
        ({}, order_for(leg("AAA", 5), leg("AAA", -5)), [], 0),
        # Closing an option is no roll: without its partner a leg may be naked.
        ({"P95": 1}, order_for(leg("P95", -1), leg("AAA", 1)), [], 100 + 40),
    ],
)
def test_requirement(
    held: dict[str, int], command: SubmitOrder, working: list[SubmitOrder], needed: int
) -> None:
    orders = {f"W{i}": working_order(one, f"W{i}") for i, one in enumerate(working)}
    assert requirement(command, book_of(**held), orders, RULE) == needed


def test_approval_reserves_what_it_needs_and_the_next_one_sees_it() -> None:
    one = desk(alpha=1000)
    first = approved(one.ask(buy("AAA", 15)))
    assert (first.is_reducing, first.ts_decided) == (False, 1)
    assert first.reservation == 600
    assert one.manager.reserved("alpha") == 600
    assert refused(one.ask(buy("AAA", 11))).detail == "needs 440.00, 400.00 of 1000.00 is free"
    approved(one.ask(buy("AAA", 10)))
    assert one.manager.reserved("alpha") == 1000
    assert one.manager.reserved("beta") == 0


def test_two_exits_of_one_answer_cannot_both_close_the_position() -> None:
    one = desk()
    one.hold("AAA", 100)
    approved(one.ask(sell("AAA", 100, reduce_only=True)))
    second = refused(one.ask(sell("AAA", 100, reduce_only=True)))
    assert second.code is RefusalCode.EXCEEDS_OWN_QUANTITY


def test_sale_after_a_working_exit_is_an_entry_and_needs_budget() -> None:
    one = desk(alpha=4000)
    one.hold("AAA", 100)
    assert approved(one.ask(sell("AAA", 100))).reservation == 0
    # The position is spoken for: this one would end short, and nothing is free for that.
    refusal = refused(one.ask(sell("AAA", 50)))
    assert refusal.code is RefusalCode.BUDGET_EXCEEDED
    assert refusal.detail == "needs 1000.00, 0.00 of 4000.00 is free"


def test_exit_is_approved_whatever_the_budget() -> None:
    one = desk(alpha=4000)
    one.hold("AAA", -150)
    one.mark(AAA=90)  # 10,000 in cash, minus 13,500
    assert one.manager.equity("alpha") < 0
    assert refused(one.ask(sell("AAA", 1))).code is RefusalCode.BUDGET_EXCEEDED
    leaving = approved(one.ask(buy("AAA", 150)))
    assert leaving.is_reducing
    assert leaving.reservation == 0


def test_same_client_order_id_twice_breaks_an_invariant() -> None:
    one = desk()
    proposal = Proposal("alpha", 0, buy("AAA", 1), is_exit=False)
    one.manager.authorise(proposal, client_order_id="X", now=1)
    before = one.picture()
    with pytest.raises(InvariantBrokenError, match="'X' was given out twice"):
        one.manager.authorise(proposal, client_order_id="X", now=1)
    assert one.picture() == before


# -- what reduces risk -----------------------------------------------------------------------------

CONDOR = {"P90": 1, "P95": -1, "C105": -1, "C110": 1}
CLOSE_CONDOR = order_for(leg("P90", -1), leg("P95", 1), leg("C105", 1), leg("C110", -1))


@pytest.mark.parametrize(
    ("held", "command", "expected"),
    [
        ({"AAA": 10}, sell("AAA", 5), True),
        ({"FUT": -1}, buy("FUT", 1), True),
        (CONDOR, CLOSE_CONDOR, True),
        (CONDOR, sell("P90", 1), False),
        (CONDOR, buy("P95", 1), True),
        (CONDOR, order_for(leg("P90", -1), leg("P95", 1)), True),
        ({"C100": 2}, sell("C100", 2), True),
        ({"P95": -1, "P90": 2}, sell("P90", 1), True),
        ({"P95": -1, "P90": 2}, sell("P90", 2), False),
        # The call side binds more, so the put's wing may go.
        ({"P95": -1, "P90": 1, "C100": -1}, sell("P90", 1), True),
        ({"C100": 1, "AAA": 5}, order_for(leg("C100", -1), leg("AAA", -5)), True),
    ],
)
def test_order_reduces_risk_when_the_margin_does_not_rise(
    held: dict[str, int], command: SubmitOrder, expected: bool
) -> None:
    assert reduces_risk(command, quantities(book_of(**held)), [], RULE) is expected


@pytest.mark.parametrize(("capital", "is_approved"), [(180, True), (179, False)])
def test_second_wing_needs_budget_while_the_sale_of_the_first_works(
    capital: int, is_approved: bool
) -> None:
    one = desk(alpha=capital)
    one.hold("P90", 2)
    one.hold("P95", -1)
    assert approved(one.ask(sell("P90", 1))).is_reducing
    # With both gone the put is naked; the sale counts as a naked put of its own.
    verdict = one.ask(sell("P90", 1))
    if is_approved:
        assert approved(verdict).reservation == 90
        assert not approved(verdict).is_reducing
    else:
        assert refused(verdict).detail == "needs 90.00, 89.00 of 179.00 is free"


def test_budget_counts_the_worst_of_the_working_exits() -> None:
    one = desk(alpha=1000)
    for instrument_id, quantity in {"P95": -1, "P90": 1, "C100": -1}.items():
        one.hold(instrument_id, quantity)
    approved(one.ask(sell("P90", 1)))  # free: the call side binds 150 anyway
    one.end(approved(one.ask(buy("C100", 1))), OrderStatus.CANCELED)
    one.hold("C100", 1)  # the short call is gone, the sale of the wing still works
    assert one.manager.margin("alpha").initial == 50 + 20
    # Naked, the put would bind 100: that is what is not lent out.
    free = one.manager.equity("alpha") - 100
    assert refused(one.ask(buy("AAA", 1000))).detail.endswith(
        f"{free:.2f} of {one.manager.equity('alpha'):.2f} is free"
    )


def test_exit_of_an_unpriced_underlying_is_not_called_reducing() -> None:
    rule = MarginRule(InstrumentRatesModel(), CATALOG, marks_of(C100=2), 0)
    assert not reduces_risk(buy("C100", 1), quantities(book_of(C100=-2)), [], rule)


def test_coupled_exits_tell_what_is_left_of_reducing_orders() -> None:
    working = [
        working_order(CLOSE_CONDOR, "W1", is_reducing=True, filled=[1, 0, 1, 2]),
        working_order(CLOSE_CONDOR, "W2"),
        working_order(sell("AAA", 5), "W3", is_reducing=True),
    ]
    assert coupled_exits(working, RULE) == [{"P95": 1}]


def test_worst_margin_tries_every_combination() -> None:
    book = book_of(P90=2, P95=-1)
    exits = [{"P90": Decimal(-1)}, {"P90": Decimal(-1)}, {"P95": Decimal(1)}]
    assert worst_margin(quantities(book), [], RULE) == 50 + 40
    assert worst_margin(quantities(book), exits[:1], RULE) == 50 + 40
    assert worst_margin(quantities(book), exits[:2], RULE) == 100
    assert worst_margin(quantities(book), exits, RULE) == 100


def test_worst_margin_of_many_exits_is_a_coarser_bound() -> None:
    book = book_of(P90=8, P95=-8)
    exits = [{"P90": Decimal(-1), "P95": Decimal(1)}] * (EXITS_COMBINED_MAX + 1)
    assert worst_margin(quantities(book), exits[:-1], RULE) == 8 * (50 + 20)
    assert worst_margin(quantities(book), exits, RULE) == 8 * (100 + 20)


# -- the rules one by one --------------------------------------------------------------------------


def test_quantity_rule_asks_only_reduce_only_orders() -> None:
    assert quantity_fault(sell("AAA", 5), book_of(), is_exit=False) is None
    assert quantity_fault(sell("AAA", 5, reduce_only=True), book_of(AAA=5), is_exit=True) is None


@pytest.mark.parametrize(
    ("needed", "equity", "bound", "is_refused"),
    [
        ("10", "10", "0", False),
        ("10.01", "10", "0", True),
        ("0", "10", "10", False),
        ("0", "10", "10.01", True),
        ("5", "10", "5", False),
        ("5", "-10", "0", True),
    ],
)
def test_budget_rule(needed: str, equity: str, bound: str, is_refused: bool) -> None:
    fault = budget_fault(Decimal(needed), equity=Decimal(equity), bound=Decimal(bound))
    assert (fault is not None) is is_refused


@pytest.mark.parametrize(
    ("needed", "is_refused"), [("10", False), ("10.01", True), ("9.99", False)]
)
def test_account_rule(needed: str, is_refused: bool) -> None:
    assert (account_fault(Decimal(needed), Decimal(10)) is not None) is is_refused


def test_last_nanosecond_of_an_instrument() -> None:
    assert form_fault(buy("C100", 1), book_of(), CATALOG, MARKS, NEAR_TS - 1) is None
    fault = form_fault(buy("C100", 1), book_of(), CATALOG, MARKS, NEAR_TS)
    assert fault is not None
    assert fault[0] is RefusalCode.EXPIRED_INSTRUMENT
    assert form_fault(buy("AAA", 1), book_of(), CATALOG, MARKS, 10**30) is None


def test_tick_of_every_leg_counts() -> None:
    fine = OptionContract(
        instrument_id="FINE",
        underlying_id="IDX",
        expiry_ts=NEAR_TS,
        strike=Decimal(1),
        option_kind=OptionKind.CALL,
        price_increment=Decimal("0.01"),
    )
    catalog, marks = InstrumentCatalog([fine, BBB]), marks_of(FINE=1, BBB=5)
    command = order_for(leg("FINE", 1), leg("BBB", 10), **limit("1.01"))
    fault = form_fault(command, book_of(), catalog, marks, 0)
    assert fault == (RefusalCode.INVALID_PRICE, "BBB: 1.01 is no multiple of the tick 0.05")


def test_ambient_context_plays_no_part() -> None:
    def run() -> list[object]:
        one = Desk(alpha="123456.78", **(PRICES | {"AAA": "40.123456789"}))
        one.hold("P95", -1)
        one.hold("P90", 2)
        commands = [
            buy("AAA", 1234),
            buy("AAA", 12345),
            buy("AAA", "0.5"),
            buy("BBB", 10, **limit("4.98")),
            sell("P90", 1),
            sell("P90", 1),
            sell("AAA", "1E+3"),
            sell("AAA", 7, reduce_only=True),
        ]
        verdicts: list[object] = [one.ask(command) for command in commands]
        return [*verdicts, one.picture()]

    ours = run()
    with localcontext(hostile_context()):
        theirs = run()
    assert theirs == ours
