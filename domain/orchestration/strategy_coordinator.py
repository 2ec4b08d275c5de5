"""``StrategyCoordinator``: in which order strategies run, and what becomes of their conflicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from orchestrion.domain.conflict import (
    NO_CLAIMS,
    NO_PRIORITIES,
    ConflictPolicies,
    InstrumentClaims,
    Resolution,
    RoundContext,
    is_plain,
    needs_screening,
    resolve_conflicts,
)
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal
from orchestrion.domain.orchestration.ranking import Rank, rank_strategies


class StrategyCoordinator:
    """The rules of coordination with their policies; it holds no state of a run."""

    def __init__(self, policies: ConflictPolicies | None = None) -> None:
        self.policies = policies or ConflictPolicies()

    def rank(self, strategies: Iterable[StrategyMetadata]) -> tuple[Rank, ...]:
        """Ranks in rank order; see ``ranking.rank_strategies``."""
        return rank_strategies(strategies)

    def is_plain(
        self,
        checked: Sequence[Checked],
        working_orders: Mapping[str, Order],
        claims: InstrumentClaims = NO_CLAIMS,
    ) -> bool:
        """Whether only what the account has left could change it; see ``conflict.is_plain``."""
        return is_plain(checked, working_orders, self.policies, claims)

    def needs_screening(
        self,
        checked: Sequence[Checked],
        working_orders: Mapping[str, Order],
        *,
        claims: InstrumentClaims = NO_CLAIMS,
        held: Sequence[HeldProposal] = (),
    ) -> bool:
        """Whether ``resolve`` needs figures of the account; see ``conflict.needs_screening``."""
        return needs_screening(checked, working_orders, self.policies, claims=claims, held=held)

    def resolve(
        self,
        checked: Sequence[Checked],
        working_orders: Mapping[str, Order],
        priorities: Mapping[str, int] = NO_PRIORITIES,
        *,
        claims: InstrumentClaims = NO_CLAIMS,
        context: RoundContext | None = None,
        held: Sequence[HeldProposal] = (),
    ) -> Resolution:
        """Conflicts of one round; see ``conflict.resolve_conflicts``."""
        return resolve_conflicts(
            checked,
            working_orders,
            self.policies,
            priorities,
            claims=claims,
            context=context,
            held=held,
        )
