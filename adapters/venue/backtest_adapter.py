"""The backtest's execution environment: the port of the core over a simulated venue.

It only hands over. Whoever drives the backtest shows the slices to the same venue and posts its
reports as inputs.
"""

from __future__ import annotations

from typing import List  # noqa: UP035 - the specification's own spelling

from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.domain.models.command import ApprovedCommand, StrategyCommand
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.ports.orchestration_port import OrchestrationPort


class BacktestOrchestrationAdapter(OrchestrationPort):
    """Backtest-specific implementation."""

    def __init__(self, venue: SimulatedVenue) -> None:
        self._venue = venue

    def execute_commands(self, commands: List[StrategyCommand]) -> None:  # noqa: UP006
        """Hands approved commands to the venue, in order.

        Raises:
            TypeError: one of them is not approved; none was handed over.
        """
        approved: list[ApprovedCommand] = []
        for command in commands:
            if not isinstance(command, ApprovedCommand):
                raise TypeError(f"only ApprovedCommand may leave, not {type(command).__name__}")
            approved.append(command)
        for command in approved:
            self._venue.submit(command)

    def get_portfolio_state(self) -> PortfolioState:
        """The venue's cash and net quantities at the latest time it was shown."""
        return self._venue.portfolio_state(self._venue.now)
