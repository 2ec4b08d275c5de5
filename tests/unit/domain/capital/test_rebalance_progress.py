"""A rebalance on its way: fills end it, losses shrink it, time ends it too."""

from __future__ import annotations

from decimal import Decimal

import msgspec
import pytest

from orchestrion.domain.capital.book_capital import BookCapital
from orchestrion.domain.capital.capital_move import CapitalMove
from orchestrion.domain.capital.rebalance_progress import (
    RebalanceProgress,
    RebalanceStatus,
    RebalanceStep,
    abandon,
    begin_rebalance,
    on_fill,
    on_session,
    without_book,
)
from orchestrion.domain.capital.rebalancing import (
    OutcomeCode,
    RebalancePolicy,
    plan_rebalance,
)
from orchestrion.domain.capital.reduction import ReducibleStructure
from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.models.portfolio import RESERVE

HELD = {
    "a": [
        ReducibleStructure(
            structure_id="ABC",
            unit={"ABC": Decimal(1)},
            units=10,
            margin=Decimal(100),
            notional=Decimal(100),
        )
    ]
}


def _book(book_id: str, equity: int, free: int | None = None, closing: int = 0) -> BookCapital:
    return BookCapital(
        book_id, Decimal(equity), Decimal(equity if free is None else free), Decimal(closing)
    )


def _begin(
    targets: dict[str, int], *books: BookCapital, policy: RebalancePolicy | None = None
) -> RebalanceStep:
    policy = policy or RebalancePolicy()
    amounts = {one: Decimal(amount) for one, amount in targets.items()}
    plan = plan_rebalance(amounts, books, policy, HELD)
    return begin_rebalance(plan, policy, rebalance_id="r-1")


def _bound(policy: RebalancePolicy | None = None) -> RebalanceProgress:
    """``a`` owes 40 to ``b`` and 20 to RESERVE, and has nothing free."""
    return _begin(
        {"a": 40, "b": 40}, _book("a", 100, free=0), _book("b", 0), _book(RESERVE, 0), policy=policy
    ).progress


def _as_dict(moves: tuple[CapitalMove, ...]) -> dict[str, int]:
    return {one.book_id: int(one.amount) for one in moves}


def test_rebalance_of_free_capital_is_complete_at_once() -> None:
    step = _begin({"a": 40, "b": 60}, _book("a", 100), _book("b", 0), _book(RESERVE, 0))

    assert step.progress.is_complete
    assert _as_dict(step.transfers) == {"a": -60, "b": 60}
    assert _as_dict(step.progress.moved) == {"a": -60, "b": 60}


def test_empty_plan_is_complete() -> None:
    assert _begin({"a": 100}, _book("a", 100), _book(RESERVE, 0)).progress.is_complete


def test_plan_alone_completes_nothing() -> None:
    progress = _bound()
    assert progress.status is RebalanceStatus.MOVING
    assert progress.moved == ()
    assert _as_dict(progress.pending) == {"a": -60, "b": 40, RESERVE: 20}


def test_fills_that_free_the_capital_complete_it() -> None:
    step = on_fill(_bound(), [_book("a", 100, free=30), _book("b", 0), _book(RESERVE, 0)])
    assert _as_dict(step.transfers) == {"a": -30, "b": 20, RESERVE: 10}
    assert not step.progress.is_complete

    step = on_fill(step.progress, [_book("a", 70, free=35), _book("b", 20), _book(RESERVE, 10)])
    assert _as_dict(step.transfers) == {"a": -30, "b": 20, RESERVE: 10}
    assert step.progress.is_complete
    assert _as_dict(step.progress.moved) == {"a": -60, "b": 40, RESERVE: 20}


def test_fill_that_frees_nothing_moves_nothing() -> None:
    progress = _bound()
    step = on_fill(progress, [_book("a", 100, free=0), _book("b", 0), _book(RESERVE, 0)])
    assert step == RebalanceStep(progress)


def test_gains_stay_with_who_made_them() -> None:
    step = on_fill(_bound(), [_book("a", 500, free=500), _book("b", 300), _book(RESERVE, 0)])
    assert _as_dict(step.transfers) == {"a": -60, "b": 40, RESERVE: 20}


@pytest.mark.parametrize(
    ("equity", "transfers"),
    [
        pytest.param(95, {"a": -55, "b": 40, RESERVE: 15}, id="reserve-gets-less-first"),
        pytest.param(75, {"a": -35, "b": 35}, id="then-the-strategies"),
        pytest.param(40, {}, id="nothing-is-owed-any-more"),
        pytest.param(30, {}, id="below-its-target"),
    ],
)
def test_losses_shrink_what_is_owed(equity: int, transfers: dict[str, int]) -> None:
    books = [_book("a", equity, free=equity), _book("b", 0), _book(RESERVE, 0)]
    step = on_fill(_bound(), books)
    assert _as_dict(step.transfers) == transfers
    assert step.progress.is_complete


def test_session_orders_what_is_still_missing() -> None:
    step = on_session(_bound(), [_book("a", 100, free=25), _book("b", 0), _book(RESERVE, 0)], HELD)

    assert sum(one.amount for one in step.transfers) == 0
    assert _as_dict(step.transfers)["a"] == -25
    (command,) = step.commands
    # 35 are missing, a unit frees ten.
    assert command.legs[0].quantity == 4
    assert [one.code for one in step.outcomes] == [OutcomeCode.REDUCES]
    assert step.progress.sessions == 1


def test_session_orders_nothing_that_is_being_closed_already() -> None:
    books = [_book("a", 100, free=25, closing=35), _book("b", 0), _book(RESERVE, 0)]
    step = on_session(_bound(), books, HELD)
    assert step.commands == ()
    assert [one.code for one in step.outcomes] == [OutcomeCode.AWAITS_EXITS]


def test_session_that_completes_it_orders_nothing() -> None:
    step = on_session(_bound(), [_book("a", 100), _book("b", 0), _book(RESERVE, 0)], HELD)
    assert step.progress.is_complete
    assert (step.commands, step.outcomes) == ((), ())


def test_rebalance_expires_and_names_what_is_missing() -> None:
    progress = _bound(RebalancePolicy(sessions_max=2))
    books = [_book("a", 100, free=0), _book("b", 0), _book(RESERVE, 0)]
    progress = on_session(progress, books).progress
    assert progress.status is RebalanceStatus.MOVING

    step = on_session(progress, books, HELD)
    assert step.progress.status is RebalanceStatus.EXPIRED
    assert step.commands == ()
    assert step.progress.reason == (
        "after 2 sessions still to move: a -60.00, b +40.00, RESERVE +20.00"
    )
    assert not step.progress.is_complete


def test_what_has_ended_moves_no_more() -> None:
    ended = abandon(_bound(), "operator")
    books = [_book("a", 100), _book("b", 0), _book(RESERVE, 0)]

    assert (ended.status, ended.reason) == (RebalanceStatus.ABANDONED, "operator")
    assert on_fill(ended, books) == RebalanceStep(ended)
    assert on_session(ended, books, HELD) == RebalanceStep(ended)
    assert without_book(ended, "a") == ended
    with pytest.raises(LifecycleError, match="ABANDONED"):
        abandon(ended, "again")


def test_absent_receiver_waits_for_its_part() -> None:
    step = on_fill(_bound(), [_book("a", 100), _book(RESERVE, 0)])
    assert _as_dict(step.transfers) == {"a": -20, RESERVE: 20}
    assert _as_dict(step.progress.pending) == {"a": -40, "b": 40}


def test_capital_of_a_receiver_that_left_goes_to_reserve() -> None:
    progress = without_book(_bound(), "b")
    assert _as_dict(progress.pending) == {"a": -60, RESERVE: 60}


def test_capital_of_a_giver_that_left_is_not_coming() -> None:
    progress = without_book(_bound(), "a")
    assert progress.pending == ()
    assert progress.is_complete


def test_one_of_two_givers_leaves() -> None:
    progress = _begin(
        {"a": 40, "b": 100, "c": 20},
        _book("a", 100, free=0),
        _book("b", 0),
        _book("c", 60, free=0),
        _book(RESERVE, 0),
    ).progress
    assert _as_dict(without_book(progress, "c").pending) == {"a": -60, "b": 60}


def test_strategy_with_nothing_pending_leaves_it_as_it_is() -> None:
    progress = _bound()
    assert without_book(progress, "stranger") == progress


def test_reserve_cannot_leave() -> None:
    with pytest.raises(LifecycleError, match="RESERVE"):
        without_book(_bound(), RESERVE)


def test_progress_survives_a_snapshot() -> None:
    progress = on_fill(
        _bound(), [_book("a", 100, free=30), _book("b", 0), _book(RESERVE, 0)]
    ).progress
    assert msgspec.json.decode(msgspec.json.encode(progress), type=RebalanceProgress) == progress
