"""The backtest's adapter keeps the port's contract and shows the venue's own books."""

from __future__ import annotations

from decimal import Decimal
from typing import ClassVar

from orchestrion.adapters.venue.backtest_adapter import BacktestOrchestrationAdapter
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.portfolio import NetPosition, PortfolioState
from orchestrion.domain.models.report import VenueReport
from orchestrion.domain.ports.orchestration_port import OrchestrationPort
from orchestrion.testing import OrchestrationPortContract
from tests.unit.adapters.venue.venue_builders import (
    BUY,
    CASH,
    approved,
    close_only,
    new_venue,
    order,
    quote,
    slice_of,
)


class TestBacktestOrchestrationAdapter(OrchestrationPortContract):
    second_instrument_id = "XYZ"
    impossible: ClassVar = {
        "fill_part": "the simulated venue fills an order in full or not at all",
        "fill_late": "the venue and its caller are one thread: a cancel finds no fill on its way",
        "reject_next": "the venue rejects for reasons only; the unusable orders test those",
        "trade_elsewhere": "nobody else trades on a simulated account",
        "lose_connection": "there is no connection",
        "restore_connection": "there is no connection",
        "repeat_reports": "the venue's reports are taken once and kept nowhere",
        "make_port_again": "the venue lives as long as the run",
        "listen": "whoever drives the venue takes its reports",
    }

    def make_port(self) -> OrchestrationPort:
        self.venue: SimulatedVenue = new_venue()
        self._limits: dict[str, Decimal] = {}
        self._moved: list[VenueReport] = []
        return BacktestOrchestrationAdapter(self.venue)

    def make_order(self, client_order_id: str) -> SubmitOrder:
        """A limit of its own for every order, so that a price can reach one and not the other."""
        limit = self._limits.setdefault(client_order_id, Decimal(100 + len(self._limits)))
        return order(("ABC", BUY, self.quantity), limit=limit)

    def take_reports(self) -> tuple[VenueReport, ...]:
        moved, self._moved = self._moved, []
        return (*self.venue.take_reports(), *moved)

    def fill(self, client_order_id: str) -> None:
        ask = self._limits[client_order_id]
        prices = (quote("ABC", self.now, ask - 2, ask), quote("XYZ", self.now, ask - 2, ask))
        self._moved += self.venue.on_slice(slice_of(*prices))

    def expire(self, client_order_id: str) -> None:
        """A DAY order ends with the first session that it saw from the start."""
        self._moved += self.venue.on_session_close(self.now)
        self._moved += self.venue.on_session_close(self.now)


def test_portfolio_state_is_the_venues_at_the_latest_time() -> None:
    venue = new_venue()
    adapter = BacktestOrchestrationAdapter(venue)
    adapter.execute_commands([approved(order(("ABC", BUY, 2)))])
    venue.on_slice(slice_of(close_only("ABC", 2_000, 100)))

    assert adapter.get_portfolio_state() == PortfolioState(
        2_000, CASH - 200, (NetPosition("ABC", Decimal(2)),)
    )
