"""Planning a rebalance: who gives, who receives, what waits, and why."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.capital.book_capital import BookCapital
from orchestrion.domain.capital.capital_move import CapitalMove
from orchestrion.domain.capital.rebalancing import (
    OutcomeCode,
    RebalancePlan,
    RebalancePolicy,
    plan_rebalance,
    target_budgets,
)
from orchestrion.domain.capital.reduction import ReducibleStructure
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.portfolio import RESERVE

POLICY = RebalancePolicy()


def _book(book_id: str, equity: str, free: str | None = None, closing: str = "0") -> BookCapital:
    return BookCapital(
        book_id, Decimal(equity), Decimal(equity if free is None else free), Decimal(closing)
    )


def _plan(
    targets: dict[str, str],
    *books: BookCapital,
    policy: RebalancePolicy = POLICY,
    structures: dict[str, list[ReducibleStructure]] | None = None,
) -> RebalancePlan:
    amounts = {one: Decimal(amount) for one, amount in targets.items()}
    return plan_rebalance(amounts, books, policy, structures or {})


def _shares(units: int, margin: str, notional: str = "0") -> ReducibleStructure:
    return ReducibleStructure(
        structure_id="ABC",
        unit={"ABC": Decimal(1)},
        units=units,
        margin=Decimal(margin),
        notional=Decimal(notional),
    )


def _as_dict(moves: tuple[CapitalMove, ...]) -> dict[str, Decimal]:
    return {one.book_id: one.amount for one in moves}


def _codes(plan: RebalancePlan) -> dict[str, OutcomeCode]:
    return {one.book_id: one.code for one in plan.outcomes}


def test_free_capital_moves_at_once_and_needs_no_command() -> None:
    plan = _plan({"a": "50", "b": "50"}, _book("a", "70"), _book("b", "30"), _book(RESERVE, "10"))

    assert _as_dict(plan.transfers) == {"a": -20, "b": 20}
    assert plan.pending == ()
    assert plan.commands == ()
    assert _codes(plan) == {
        "a": OutcomeCode.GIVES_FREE_CAPITAL,
        "b": OutcomeCode.RECEIVES,
        RESERVE: OutcomeCode.ON_TARGET,
    }
    assert plan.outcomes[0].detail == "20.00 is free, no command is needed"


def test_reserve_gives_and_receives_like_a_book() -> None:
    fill = _plan({"a": "40"}, _book("a", "70"), _book(RESERVE, "10"))
    assert _as_dict(fill.transfers) == {"a": -30, RESERVE: 30}
    draw = _plan({"a": "75"}, _book("a", "70"), _book(RESERVE, "10"))
    assert _as_dict(draw.transfers) == {"a": 5, RESERVE: -5}


def test_bound_capital_is_pending_and_whole_units_are_closed() -> None:
    plan = _plan(
        {"a": "50", "b": "50"},
        _book("a", "70", free="5"),
        _book("b", "30"),
        _book(RESERVE, "0"),
        structures={"a": [_shares(10, "65")]},
    )
    assert _as_dict(plan.transfers) == {"a": -5, "b": 5}
    assert _as_dict(plan.pending) == {"a": -15, "b": 15}
    (command,) = plan.commands
    # 15 of 65 is 2.3 of ten units: three.
    assert {leg.instrument_id: leg.quantity for leg in command.legs} == {"ABC": 3}
    assert plan.outcomes[0].code is OutcomeCode.REDUCES
    assert plan.outcomes[0].detail == "15.00 of 20.00 is bound: closes 3 x ABC"


@pytest.mark.parametrize(
    ("free", "closing", "code"),
    [
        ("5", "15", OutcomeCode.AWAITS_EXITS),
        ("5", "14.99", OutcomeCode.NOTHING_TO_REDUCE),
        ("-3", "20", OutcomeCode.AWAITS_EXITS),
    ],
)
def test_reason_why_no_command_is_needed(free: str, closing: str, code: OutcomeCode) -> None:
    plan = _plan({"a": "50"}, _book("a", "70", free=free, closing=closing), _book(RESERVE, "0"))
    assert plan.commands == ()
    assert plan.outcomes[0].code is code


def test_reduction_that_costs_too_much_is_not_ordered() -> None:
    policy = RebalancePolicy(cost_fraction=Decimal("0.01"), cost_fraction_max=Decimal("0.05"))
    books = (_book("a", "70", free="0"), _book(RESERVE, "0"))
    dear = _plan({"a": "50"}, *books, policy=policy, structures={"a": [_shares(1, "70", "500")]})
    cheap = _plan({"a": "50"}, *books, policy=policy, structures={"a": [_shares(1, "70", "300")]})

    assert (dear.outcomes[0].code, dear.commands) == (OutcomeCode.TOO_COSTLY, ())
    assert dear.outcomes[0].detail == (
        "20.00 of 20.00 is bound; freeing 65.00 would cost about 5.00"
    )
    assert cheap.outcomes[0].code is OutcomeCode.REDUCES


def test_difference_below_the_minimum_is_left_alone_and_comes_out_of_reserve() -> None:
    policy = RebalancePolicy(minimum_transfer=Decimal(10))
    plan = _plan(
        {"a": "100", "b": "100"},
        _book("a", "109.99"),
        _book("b", "80"),
        _book(RESERVE, "50"),
        policy=policy,
    )
    assert _as_dict(plan.transfers) == {"b": 20, RESERVE: -20}
    assert _codes(plan)["a"] is OutcomeCode.BELOW_MINIMUM
    assert plan.outcomes[0].detail == "9.99 from its target is left alone"


def test_difference_of_exactly_the_minimum_moves() -> None:
    policy = RebalancePolicy(minimum_transfer=Decimal(10))
    plan = _plan({"a": "100"}, _book("a", "110"), _book(RESERVE, "50"), policy=policy)
    assert _as_dict(plan.transfers) == {"a": -10, RESERVE: 10}


def test_receivers_get_less_when_reserve_cannot_make_up_for_what_is_left_alone() -> None:
    policy = RebalancePolicy(minimum_transfer=Decimal(10))
    plan = _plan(
        {"a": "100", "b": "100", "c": "100"},
        _book("a", "109"),
        _book("b", "70"),
        _book("c", "121"),
        _book(RESERVE, "0"),
        policy=policy,
    )
    assert _as_dict(plan.moves) == {"b": 21, "c": -21}


def test_cents_that_cannot_be_moved_stay_where_they_are() -> None:
    plan = _plan(
        {"a": "50", "b": "50"}, _book("a", "60.019"), _book("b", "40.009"), _book(RESERVE, "0")
    )
    assert _as_dict(plan.moves) == {
        "a": Decimal("-10.01"),
        "b": Decimal("9.99"),
        RESERVE: Decimal("0.02"),
    }


def test_strategy_with_a_target_of_zero_gives_everything() -> None:
    plan = _plan({"a": "0", "b": "30"}, _book("a", "70"), _book("b", "30"), _book(RESERVE, "0"))
    assert _as_dict(plan.transfers) == {"a": -70, RESERVE: 70}


def test_survivor_gets_nothing_that_its_target_does_not_say() -> None:
    # A third strategy has left; its capital lies in RESERVE.
    plan = _plan({"a": "50", "b": "50"}, _book("a", "50"), _book("b", "50"), _book(RESERVE, "50"))
    assert plan.moves == ()
    assert plan.commands == ()


@pytest.mark.parametrize(
    ("targets", "books", "words"),
    [
        pytest.param({"a": "1"}, [_book("a", "5")], "then RESERVE", id="no-reserve"),
        pytest.param(
            {"a": "1"}, [_book(RESERVE, "5"), _book("a", "5")], "then RESERVE", id="reserve-first"
        ),
        pytest.param(
            {"a": "1"},
            [_book("a", "5"), _book("a", "5"), _book(RESERVE, "5")],
            "each once",
            id="book-twice",
        ),
        pytest.param({}, [_book("a", "5"), _book(RESERVE, "5")], "must name", id="target-missing"),
        pytest.param(
            {"a": "1", "b": "1"},
            [_book("a", "5"), _book(RESERVE, "5")],
            "must name",
            id="target-of-nobody",
        ),
        pytest.param(
            {"a": "0.005"}, [_book("a", "5"), _book(RESERVE, "5")], "whole cents", id="half-cent"
        ),
        pytest.param({"a": "-1"}, [_book("a", "5"), _book(RESERVE, "5")], "at least 0", id="debt"),
        pytest.param(
            {"a": "10.01"},
            [_book("a", "5"), _book(RESERVE, "5")],
            "targets sum to 10.01, the books hold 10.00",
            id="more-than-there-is",
        ),
    ],
)
def test_targets_that_do_not_fit_the_books_are_refused(
    targets: dict[str, str], books: list[BookCapital], words: str
) -> None:
    with pytest.raises(ConfigurationError, match=words):
        _plan(targets, *books)


@pytest.mark.parametrize(
    "policy",
    [
        {"minimum_transfer": Decimal("0.001")},
        {"minimum_transfer": Decimal(-1)},
        {"cost_fraction": Decimal("-0.1")},
        {"cost_fraction_max": Decimal("Infinity")},
        {"sessions_max": 0},
    ],
)
def test_policy_out_of_range_is_refused(policy: dict[str, Decimal | int]) -> None:
    (name,) = policy
    with pytest.raises(ConfigurationError, match=name):
        RebalancePolicy(**policy)  # type: ignore[arg-type]


def test_target_budgets_are_exact_to_the_cent() -> None:
    thirds = {"a": Decimal("0.3"), "b": Decimal("0.3"), "c": Decimal("0.3")}
    books = [_book("a", "33.335"), _book("b", "33.33"), _book("c", "33.33"), _book(RESERVE, "0.04")]
    assert target_budgets(thirds, books) == {
        "a": Decimal("30.01"),
        "b": Decimal("30.01"),
        "c": Decimal("30.01"),
    }


def test_target_budgets_of_nothing_are_zero() -> None:
    assert target_budgets({"a": Decimal(1)}, [_book("a", "-5"), _book(RESERVE, "0")]) == {"a": 0}


@pytest.mark.parametrize("fractions", [{"a": "0.6", "b": "0.5"}, {"a": "-0.1"}])
def test_target_fractions_out_of_range_are_refused(fractions: dict[str, str]) -> None:
    weights = {one: Decimal(value) for one, value in fractions.items()}
    with pytest.raises(ConfigurationError, match="at most 1"):
        target_budgets(weights, [_book("a", "5"), _book("b", "5"), _book(RESERVE, "0")])
