"""Laws of the rank order."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.ranking import group_by_stage, rank_strategies


@st.composite
def families(draw: st.DrawFn, *, distinct: bool = False) -> list[StrategyMetadata]:
    """Strategies without cycles, in any order of registration; priorities may be all distinct."""
    size = draw(st.integers(1, 8))
    some = st.integers(-2, 2)
    priorities = draw(
        st.permutations(range(size)) if distinct else st.lists(some, min_size=size, max_size=size)
    )
    names = draw(st.permutations([f"S{number}" for number in range(size)]))
    made = []
    for number, name in enumerate(names):
        on = draw(st.lists(st.sampled_from(names[:number]), unique=True)) if number else []
        made.append(StrategyMetadata(id=name, priority=priorities[number], depends_on=tuple(on)))
    return list(draw(st.permutations(made)))


def depth(name: str, by_id: dict[str, StrategyMetadata]) -> int:
    """The longest way down the dependencies."""
    return max((depth(one, by_id) + 1 for one in by_id[name].depends_on), default=0)


def reference_order(family: list[StrategyMetadata]) -> list[str]:
    by_id = {one.id: one for one in family}
    places = {one.id: place for place, one in enumerate(family)}
    return sorted(
        by_id, key=lambda one: (depth(one, by_id), -by_id[one].priority, places[one], one)
    )


@given(families())
def test_order_is_stage_priority_registration_id(family: list[StrategyMetadata]) -> None:
    assert [rank.strategy_id for rank in rank_strategies(family)] == reference_order(family)


@given(families())
def test_nobody_runs_before_what_it_depends_on(family: list[StrategyMetadata]) -> None:
    stages = group_by_stage(rank_strategies(family))
    stage_of = {one: number for number, stage in enumerate(stages) for one in stage}
    assert sorted(stage_of) == sorted(one.id for one in family)
    for metadata in family:
        for dependency in metadata.depends_on:
            assert stage_of[dependency] < stage_of[metadata.id]


@given(families(distinct=True), st.data())
def test_registration_only_breaks_ties(family: list[StrategyMetadata], data: st.DataObject) -> None:
    shuffled = list(data.draw(st.permutations(family)))
    names = [rank.strategy_id for rank in rank_strategies(family)]
    assert [rank.strategy_id for rank in rank_strategies(shuffled)] == names


@given(families())
def test_nothing_else_a_strategy_says_plays_a_part(family: list[StrategyMetadata]) -> None:
    talkative = [
        one.model_copy(
            update={
                "name": one.id[::-1],
                "depends_on": one.depends_on[::-1],
                "leverage": 9.0,
                "instruments": ("X",),
            }
        )
        for one in family
    ]
    assert rank_strategies(talkative) == rank_strategies(family)


@given(families(), st.data())
def test_cycle_is_found_wherever_it_is(family: list[StrategyMetadata], data: st.DataObject) -> None:
    order = reference_order(family)
    ring = data.draw(st.lists(st.sampled_from(order), min_size=1, max_size=4, unique=True))
    after = dict(zip(ring, [*ring[1:], ring[0]], strict=True))
    closed = [
        one.model_copy(update={"depends_on": (*one.depends_on, after[one.id])})
        if one.id in after
        else one
        for one in family
    ]
    with pytest.raises(ConfigurationError, match=r"dependency cycle: ") as caught:
        rank_strategies(closed)
    path = str(caught.value).removeprefix("dependency cycle: ").split(" -> ")
    by_id = {one.id: one for one in closed}
    assert path[0] == path[-1]
    assert all(then in by_id[one].depends_on for one, then in pairwise(path))
