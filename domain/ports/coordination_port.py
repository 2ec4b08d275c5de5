"""What the orchestrator asks of a coordinator: who goes first, and who wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from orchestrion.domain.models.order import Order
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.conflict import Resolution
from orchestrion.domain.orchestration.proposal import Checked
from orchestrion.domain.orchestration.ranking import Rank


class CoordinationPort(Protocol):
    """Port for strategy coordination. Both answers depend on nothing but the arguments."""

    def rank(self, strategies: Iterable[StrategyMetadata]) -> tuple[Rank, ...]:
        """The order in which strategies are called and served.

        Args:
            strategies: in order of registration, the last tie-break but one (then the id).
        """
        ...

    def resolve(
        self,
        checked: Sequence[Checked],
        working_orders: Mapping[str, Order],
        priorities: Mapping[str, int],
    ) -> Resolution:
        """What goes on and what is refused, and which conflicts were found.

        Args:
            checked: commands of one round, ordered by (rank, index in the strategy's answer).
            working_orders: the account's open orders by client_order_id.
            priorities: by strategy id.

        Returns:
            One entry per command, at its place: the proposal itself or a rejection with a reason.
        """
        ...
