"""The total order of strategies: stage, priority descending, registration, id.

A strategy runs in a later stage than every strategy it depends on; within a stage the higher
priority goes first, then whoever was registered earlier, then the smaller id. The order of a map,
of a set or of arrival plays no part. Size: one pass per stage over all strategies, so at most n².
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.strategy_metadata import StrategyMetadata


class Rank(msgspec.Struct, frozen=True, gc=False, order=True):
    """Sorts strategies; smaller goes first. ``priority`` is negated for that."""

    stage: int
    negative_priority: int
    registration: int
    strategy_id: str


def rank_strategies(strategies: Iterable[StrategyMetadata]) -> tuple[Rank, ...]:
    """Ranks of all strategies in rank order.

    Args:
        strategies: in order of registration.

    Raises:
        ConfigurationError: a dependency that is not there, or a cycle; the message names the path.
    """
    by_id = {metadata.id: metadata for metadata in strategies}
    for metadata in by_id.values():
        for dependency in metadata.depends_on:
            if dependency not in by_id:
                raise ConfigurationError(
                    f"{metadata.id} depends on {dependency}, which is not there or not enabled"
                )
    stages = _stages(by_id)
    return tuple(
        sorted(
            Rank(stages[metadata.id], -metadata.priority, registration, metadata.id)
            for registration, metadata in enumerate(by_id.values())
        )
    )


def group_by_stage(ranks: Iterable[Rank]) -> tuple[tuple[str, ...], ...]:
    """Strategy ids, stage by stage, each in rank order. Stages without strategies are left out."""
    stages: dict[int, list[str]] = {}
    for rank in sorted(ranks):
        stages.setdefault(rank.stage, []).append(rank.strategy_id)
    return tuple(tuple(ids) for ids in stages.values())


def _stages(by_id: dict[str, StrategyMetadata]) -> dict[str, int]:
    stages: dict[str, int] = {}
    waiting = dict(by_id)
    for stage in range(len(by_id)):
        ready = [
            strategy_id
            for strategy_id, metadata in waiting.items()
            if all(dependency in stages for dependency in metadata.depends_on)
        ]
        if not ready:
            break
        for strategy_id in ready:
            stages[strategy_id] = stage
            del waiting[strategy_id]
    if waiting:
        raise ConfigurationError(f"dependency cycle: {' -> '.join(_cycle(waiting))}")
    return stages


def _cycle(waiting: dict[str, StrategyMetadata]) -> list[str]:
    """One cycle among strategies that all wait for each other, its first id repeated at the end."""
    path = [min(waiting)]
    while True:
        following = next(one for one in waiting[path[-1]].depends_on if one in waiting)
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)
