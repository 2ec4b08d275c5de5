"""What the orchestrator asks of a coordinator: who goes first, and who wins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol

from orchestrion.domain.models.command import RefusedCommand, StrategyCommand
from orchestrion.domain.models.strategy_metadata import StrategyMetadata


class CoordinationPort(Protocol):
    """Port for strategy coordination. Both answers depend on nothing but the arguments."""

    def rank_order(self, strategies: Iterable[StrategyMetadata]) -> tuple[str, ...]:
        """Strategy ids in the order in which they are called and served.

        Args:
            strategies: in order of registration, the last tie-break but one (then the id).
        """
        ...

    def resolve_conflicts(
        self, commands: Sequence[StrategyCommand]
    ) -> tuple[StrategyCommand | RefusedCommand, ...]:
        """What goes on and what is refused, in the order given.

        Args:
            commands: of one round, ordered by (rank, index in the strategy's answer).

        Returns:
            One value per command, at its place: the command itself or its refusal with a reason.
        """
        ...
