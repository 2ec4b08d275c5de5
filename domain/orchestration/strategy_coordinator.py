"""``StrategyCoordinator``: in which order strategies run, and what becomes of their conflicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrion.domain.models.order import Order
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.conflict import (
    NO_PRIORITIES,
    ConflictPolicies,
    Resolution,
    resolve_conflicts,
)
from orchestrion.domain.orchestration.proposal import Checked
from orchestrion.domain.orchestration.ranking import Rank, rank_strategies


class StrategyCoordinator:
    """The rules of coordination with their policies; it holds no state of a run."""

    def __init__(self, policies: ConflictPolicies | None = None) -> None:
        self.policies = policies or ConflictPolicies()

    def rank(self, strategies: Iterable[StrategyMetadata]) -> tuple[Rank, ...]:
        """Ranks in rank order; see ``ranking.rank_strategies``."""
        return rank_strategies(strategies)

    def resolve(
        self,
        checked: Sequence[Checked],
        working_orders: Mapping[str, Order],
        priorities: Mapping[str, int] = NO_PRIORITIES,
    ) -> Resolution:
        """Conflicts of one round; see ``conflict.resolve_conflicts``."""
        return resolve_conflicts(checked, working_orders, self.policies, priorities)
