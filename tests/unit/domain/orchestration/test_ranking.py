"""Stages, priorities and ties. The laws are in tests/property/test_ranking.py."""

from __future__ import annotations

import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.ranking import Rank, group_by_stage, rank_strategies


def one(name: str, *depends_on: str, priority: int = 0) -> StrategyMetadata:
    return StrategyMetadata(id=name, depends_on=depends_on, priority=priority)


@pytest.mark.parametrize(
    ("strategies", "order"),
    [
        ((), ""),
        ((one("b"), one("a")), "b a"),
        ((one("b"), one("a", priority=1)), "a b"),
        ((one("b", priority=-1), one("a", priority=-2)), "b a"),
        ((one("b", "a"), one("a")), "a b"),
        ((one("b", "a", priority=9), one("a")), "a b"),
        ((one("d", "b", "c"), one("c", "a"), one("b"), one("a")), "b a c d"),
        ((one("z", "a"), one("y", "z"), one("a"), one("x")), "a x z y"),
    ],
)
def test_rank_order(strategies: tuple[StrategyMetadata, ...], order: str) -> None:
    assert [rank.strategy_id for rank in rank_strategies(strategies)] == order.split()


def test_rank_holds_all_that_decides() -> None:
    ranks = rank_strategies([one("b", "a", priority=3), one("a")])
    assert ranks == (Rank(0, 0, 1, "a"), Rank(1, -3, 0, "b"))


def test_stage_is_the_longest_way_to_a_dependency() -> None:
    ranks = rank_strategies([one("c", "a", "b"), one("b", "a"), one("a"), one("d", "a")])
    assert group_by_stage(ranks) == (("a",), ("b", "d"), ("c",))


def test_groups_are_in_rank_order_and_leave_empty_stages_out() -> None:
    ranks = [Rank(2, 0, 0, "x"), Rank(0, 0, 2, "z"), Rank(0, 0, 1, "y")]
    assert group_by_stage(iter(ranks)) == (("y", "z"), ("x",))
    assert group_by_stage([]) == ()


def test_missing_dependency_is_named() -> None:
    with pytest.raises(ConfigurationError, match="b depends on a, which is not there"):
        rank_strategies([one("b", "a")])


@pytest.mark.parametrize(
    ("strategies", "cycle"),
    [
        ((one("a", "a"),), "a -> a"),
        ((one("a", "b"), one("b", "a")), "a -> b -> a"),
        ((one("a", "b"), one("b", "c"), one("c", "b"), one("free")), "b -> c -> b"),
        ((one("free"), one("a", "free", "c"), one("b", "a"), one("c", "b")), "a -> c -> b -> a"),
    ],
)
def test_cycle_is_shown_as_a_path(strategies: tuple[StrategyMetadata, ...], cycle: str) -> None:
    with pytest.raises(ConfigurationError, match=f"dependency cycle: {cycle}$"):
        rank_strategies(strategies)
