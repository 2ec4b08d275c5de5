"""One registered strategy, as the orchestrator keeps it."""

from __future__ import annotations

import msgspec

from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStanding, StrategyStatus


class StrategyEntry(msgspec.Struct, frozen=True):
    """One registered strategy and where it stands."""

    strategy: Strategy
    metadata: StrategyMetadata
    allocation: AllocationConfig
    standing: StrategyStanding = StrategyStanding()

    @property
    def status(self) -> StrategyStatus:
        return self.standing.status

    @property
    def pause_mode(self) -> PauseMode | None:
        """While it is paused."""
        return self.standing.pause_mode
