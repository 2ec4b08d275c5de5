"""What every adapter behind ``OrchestrationPort`` must do. Subclass it and write ``new_port``:

class TestMyAdapter(OrchestrationPortContract):
    def new_port(self) -> OrchestrationPort: ...

The port must be on an empty account in which ``instrument_id`` can be traded.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from decimal import Decimal

import pytest

from orchestrion.domain.models.command import ApprovedCommand, CancelOrder, SubmitOrder
from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.models.report import VenueReport
from orchestrion.domain.ports.orchestration_port import OrchestrationPort


class OrchestrationPortContract(ABC):
    """The duties in ``OrchestrationPort``'s docstring, one test each."""

    instrument_id = "ABC"

    @abstractmethod
    def new_port(self) -> OrchestrationPort:
        """An adapter to test, on an empty account."""

    @abstractmethod
    def reports_of(self, port: OrchestrationPort) -> tuple[VenueReport, ...]:
        """Reports that the adapter's environment has made since the last call."""

    def approved(self, client_order_id: str) -> ApprovedCommand:
        """An order for one unit at the market."""
        order = SubmitOrder.single("alpha", self.instrument_id, OrderSide.BUY, 1)
        return self._approve(order, client_order_id)

    def test_methods_are_plain_functions_that_answer_nothing(self) -> None:
        port = self.new_port()

        answer: object = port.execute_commands([self.approved("o-1")])  # type: ignore[func-returns-value]

        assert answer is None
        assert not inspect.iscoroutinefunction(port.execute_commands)
        assert not inspect.iscoroutinefunction(port.get_portfolio_state)

    def test_no_commands_do_nothing(self) -> None:
        port = self.new_port()
        port.execute_commands([])

        assert self.reports_of(port) == ()

    def test_executing_never_fills(self) -> None:
        port = self.new_port()
        before = port.get_portfolio_state()

        port.execute_commands([self.approved("o-1")])

        assert "OrderFilledReport" not in self._kinds(port)
        assert port.get_portfolio_state() == before

    def test_outcomes_come_as_reports_in_the_order_of_the_commands(self) -> None:
        port = self.new_port()

        port.execute_commands([self.approved("o-2"), self.approved("o-1")])

        ids = [getattr(report, "client_order_id", "") for report in self.reports_of(port)]
        assert ids == ["o-2", "o-1"]

    def test_same_client_order_id_is_the_same_order(self) -> None:
        port = self.new_port()

        port.execute_commands([self.approved("o-1"), self.approved("o-1")])
        port.execute_commands([self.approved("o-1")])

        assert self._kinds(port) == ["OrderAcceptedReport"]

    def test_cancel_is_answered_by_a_report(self) -> None:
        port = self.new_port()
        cancel = CancelOrder(strategy_id="alpha", client_order_id="o-1")

        port.execute_commands([self.approved("o-1"), self._approve(cancel, "c-1")])

        assert self._kinds(port) == ["OrderAcceptedReport", "OrderCanceledReport"]

    def test_unapproved_command_is_refused_before_any_other_leaves(self) -> None:
        port = self.new_port()
        unapproved = SubmitOrder.single("alpha", self.instrument_id, OrderSide.BUY, 1)

        with pytest.raises(TypeError, match="ApprovedCommand"):
            port.execute_commands([self.approved("o-1"), unapproved])

        assert self.reports_of(port) == ()

    def test_empty_account_has_cash_and_no_positions(self) -> None:
        state = self.new_port().get_portfolio_state()

        assert isinstance(state, PortfolioState)
        assert isinstance(state.cash, Decimal)
        assert state.positions == ()

    def _kinds(self, port: OrchestrationPort) -> list[str]:
        return [type(report).__name__ for report in self.reports_of(port)]

    def _approve(self, command: SubmitOrder | CancelOrder, client_order_id: str) -> ApprovedCommand:
        return ApprovedCommand(
            strategy_id="alpha",
            command=command,
            client_order_id=client_order_id,
            reservation=Decimal(0),
            is_reducing=False,
            ts_decided=0,
        )
