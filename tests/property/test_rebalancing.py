"""Laws of rebalancing: sums, free capital, structures, and that fills bring it to its end."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.capital.book_capital import BookCapital
from orchestrion.domain.capital.capital_move import CapitalMove
from orchestrion.domain.capital.rebalance_progress import (
    RebalanceStatus,
    RebalanceStep,
    begin_rebalance,
    on_fill,
    on_session,
)
from orchestrion.domain.capital.rebalancing import (
    RebalancePlan,
    RebalancePolicy,
    plan_rebalance,
    target_budgets,
)
from orchestrion.domain.capital.reduction import (
    ReducibleStructure,
    ReductionPolicy,
    plan_reduction,
)
from orchestrion.domain.models.money import CENT, ZERO, is_multiple
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import RESERVE

pytestmark = pytest.mark.slow

amounts = st.decimals("0", "5000", places=4, allow_nan=False)
policies = st.builds(
    RebalancePolicy,
    minimum_transfer=st.sampled_from([CENT, Decimal(1), Decimal(250)]),
    sessions_max=st.just(9),
)


@st.composite
def book_lists(draw: st.DrawFn) -> list[BookCapital]:
    """Strategies with some of their equity bound, sometimes more than they have; then RESERVE."""
    books: list[BookCapital] = []
    for number in range(draw(st.integers(1, 5))):
        equity, bound = draw(amounts), draw(amounts)
        books.append(BookCapital(f"s{number}", equity, equity - bound))
    reserve = draw(amounts)
    return [*books, BookCapital(RESERVE, reserve, reserve)]


@st.composite
def target_maps(draw: st.DrawFn, books: list[BookCapital]) -> dict[str, Decimal]:
    weights = [draw(st.integers(0, 10)) for _ in books]
    whole = sum(weights) or 1
    fractions = {
        book.book_id: (Decimal(weight) / whole).quantize(Decimal("0.001"), rounding="ROUND_DOWN")
        for book, weight in zip(books[:-1], weights, strict=False)
    }
    return target_budgets(fractions, books)


def _sum(moves: tuple[CapitalMove, ...]) -> Decimal:
    return sum((one.amount for one in moves), ZERO)


def _plan(data: st.DataObject) -> tuple[list[BookCapital], RebalancePlan, RebalancePolicy]:
    books = data.draw(book_lists())
    policy = data.draw(policies)
    return books, plan_rebalance(data.draw(target_maps(books)), books, policy), policy


@given(st.data())
def test_transfers_sum_to_zero_in_whole_cents(data: st.DataObject) -> None:
    _, plan, _ = _plan(data)
    for moves in (plan.moves, plan.transfers, plan.pending):
        assert _sum(moves) == 0
        assert all(one.amount and is_multiple(one.amount, CENT) for one in moves)


@given(st.data())
def test_transfers_take_only_what_is_free(data: st.DataObject) -> None:
    books, plan, _ = _plan(data)
    free = {book.book_id: book.free for book in books}
    assert all(-one.amount <= max(free[one.book_id], ZERO) for one in plan.transfers)


@given(st.data())
def test_nobody_is_moved_beyond_his_target(data: st.DataObject) -> None:
    books, plan, _ = _plan(data)
    moves = {one.book_id: one.amount for one in plan.moves}
    for book in books[:-1]:
        before, after = book.equity, book.equity + moves.get(book.book_id, ZERO)
        target = plan.targets[book.book_id]
        assert min(before, target) <= after <= max(before, target)


@given(st.data())
def test_plan_without_a_minimum_meets_every_target_to_the_cent(data: st.DataObject) -> None:
    books = data.draw(book_lists())
    plan = plan_rebalance(data.draw(target_maps(books)), books, RebalancePolicy())
    moves = {one.book_id: one.amount for one in plan.moves}
    for book in books[:-1]:
        off = book.equity + moves.get(book.book_id, ZERO) - plan.targets[book.book_id]
        assert abs(off) < CENT * len(books)


@given(st.data())
def test_second_plan_of_what_was_carried_out_is_empty(data: st.DataObject) -> None:
    books = [
        BookCapital(book.book_id, book.equity, book.equity) for book in data.draw(book_lists())
    ]
    policy = data.draw(policies)
    targets = data.draw(target_maps(books))
    plan = plan_rebalance(targets, books, policy)
    after = _moved(books, plan.transfers)
    again = plan_rebalance(targets, after, policy)
    assert plan.pending == ()
    assert again.moves == ()


def _moved(books: list[BookCapital], moves: tuple[CapitalMove, ...]) -> list[BookCapital]:
    amount = {one.book_id: one.amount for one in moves}
    return [
        BookCapital(
            book.book_id,
            book.equity + amount.get(book.book_id, ZERO),
            book.free + amount.get(book.book_id, ZERO),
        )
        for book in books
    ]


@given(st.data())
def test_rebalance_ends_when_everything_has_come_free(data: st.DataObject) -> None:
    """Capital comes free bit by bit, equity goes up and down; every step keeps the books whole."""
    books, plan, policy = _plan(data)
    step = begin_rebalance(plan, policy, rebalance_id="r")
    inputs: list[list[BookCapital]] = []
    moved = books = _moved(books, step.transfers)
    for _ in range(data.draw(st.integers(0, 6))):
        books = [_drifted(book, data) for book in moved]
        inputs.append(books)
        step = on_fill(step.progress, books)
        _check_step(step, books)
        moved = _moved(books, step.transfers)
    books = [BookCapital(book.book_id, book.equity, max(book.equity, ZERO)) for book in moved]
    final = on_session(step.progress, books)
    _check_step(final, books)
    assert final.progress.status is RebalanceStatus.COMPLETE
    assert _replayed(plan, policy, [*inputs, books]) == final.progress.moved


def _drifted(book: BookCapital, data: st.DataObject) -> BookCapital:
    if book.book_id == RESERVE:
        return book
    earned = data.draw(st.decimals("-50", "50", places=2, allow_nan=False))
    equity = book.equity + earned
    freed = data.draw(st.decimals("0", "400", places=2, allow_nan=False))
    return BookCapital(book.book_id, equity, min(book.free + earned + freed, equity))


def _check_step(step: RebalanceStep, books: list[BookCapital]) -> None:
    assert _sum(step.transfers) == _sum(step.progress.pending) == _sum(step.progress.moved) == 0
    free = {book.book_id: book.free for book in books}
    assert all(-one.amount <= max(free[one.book_id], ZERO) for one in step.transfers)


def _replayed(
    plan: RebalancePlan, policy: RebalancePolicy, inputs: list[list[BookCapital]]
) -> tuple[CapitalMove, ...]:
    progress = begin_rebalance(plan, policy, rebalance_id="r").progress
    for books in inputs:
        progress = on_fill(progress, books).progress
    return progress.moved


structures = st.lists(
    st.builds(
        ReducibleStructure,
        structure_id=st.sampled_from(["x", "y", "z"]),
        unit=st.just({"P90": Decimal(1), "P95": Decimal(-2), "P99": Decimal(1)}),
        units=st.integers(1, 12),
        margin=st.integers(0, 500).map(Decimal),
        notional=st.integers(0, 500).map(Decimal),
    ),
    max_size=5,
)


@given(
    structures,
    st.integers(1, 2000).map(Decimal),
    st.sampled_from(ReductionPolicy),
    st.sampled_from([ZERO, Decimal("0.01"), Decimal("0.5")]),
)
def test_reductions_close_whole_structures_and_no_more_than_needed(
    held: list[ReducibleStructure],
    shortfall: Decimal,
    policy: ReductionPolicy,
    cost_fraction: Decimal,
) -> None:
    reductions = plan_reduction("a", held, shortfall, policy=policy, cost_fraction=cost_fraction)
    for one in reductions:
        quantities = {leg.instrument_id: leg.signed_quantity for leg in one.command.legs}
        assert quantities == {"P90": -one.units, "P95": 2 * one.units, "P99": -one.units}
        assert [leg.side for leg in one.command.legs] == [
            OrderSide.SELL,
            OrderSide.BUY,
            OrderSide.SELL,
        ]
        assert one.frees >= 0
    worth = [one for one in held if one.margin > cost_fraction * one.notional]
    every = sum(((one.margin - cost_fraction * one.notional) for one in worth), ZERO)
    frees = sum((one.frees for one in reductions), ZERO)
    # Estimates are rounded down by less than a cent each.
    slack = CENT * len(held)
    assert frees + slack >= min(shortfall, every)
    largest = max(((one.margin / one.units) for one in worth), default=ZERO)
    assert frees <= shortfall + largest
