"""The backtest's adapter keeps the port's contract and shows the venue's own books."""

from __future__ import annotations

from decimal import Decimal

from orchestrion.adapters.venue.backtest_adapter import BacktestOrchestrationAdapter
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.domain.models.portfolio import NetPosition, PortfolioState
from orchestrion.domain.models.report import VenueReport
from orchestrion.domain.ports.orchestration_port import OrchestrationPort
from tests.contract.orchestration_port_contract import OrchestrationPortContract
from tests.unit.adapters.venue.venue_builders import (
    BUY,
    CASH,
    approved,
    close_only,
    new_venue,
    order,
    slice_of,
)


class TestBacktestOrchestrationAdapter(OrchestrationPortContract):
    def new_port(self) -> OrchestrationPort:
        self.venue: SimulatedVenue = new_venue()
        return BacktestOrchestrationAdapter(self.venue)

    def reports_of(self, port: OrchestrationPort) -> tuple[VenueReport, ...]:
        return self.venue.take_reports()


def test_portfolio_state_is_the_venues_at_the_latest_time() -> None:
    venue = new_venue()
    adapter = BacktestOrchestrationAdapter(venue)
    adapter.execute_commands([approved(order(("ABC", BUY, 2)))])
    venue.on_slice(slice_of(close_only("ABC", 2_000, 100)))

    assert adapter.get_portfolio_state() == PortfolioState(
        2_000, CASH - 200, (NetPosition("ABC", Decimal(2)),)
    )
