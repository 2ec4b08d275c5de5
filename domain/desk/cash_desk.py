"""Cash flows during a run: each one is booked once or refused, and says so."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, ClassVar

from orchestrion.domain.capital.cash_flow import (
    CashFlowRefused,
    CashFlowReport,
    book_cash_flow,
)
from orchestrion.domain.desk.desk_act import Acts, CashMoved
from orchestrion.domain.desk.desk_event import (
    CashFlowBookedEvent,
    CashFlowRefusedEvent,
    DuplicateCashFlowEvent,
)
from orchestrion.domain.desk.standing_table import StandingTable
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager

FLOW_IDS_KEPT = 100_000
"""Ids of flows that are remembered; one that comes again after so many others is booked again.
Arbitrary: dividends of a hundred instruments for decades."""


class CashDesk:
    """Books cash flows. What was refused may be sent again under the same id."""

    STATE: ClassVar[Mapping[str, Any]] = {"_booked": dict[str, None]}

    def __init__(self, capital: PortfolioCapitalManager, standings: StandingTable) -> None:
        self._capital = capital
        self._standings = standings
        self._booked: dict[str, None] = {}

    def book(self, flow: CashFlowReport) -> tuple[Acts, Mapping[str, Decimal]]:
        """Books a flow, or refuses it as a whole.

        Returns:
            The acts, and the capital that moved by book id (empty for income and fees).
        """
        if flow.flow_id in self._booked:
            return (DuplicateCashFlowEvent(flow_id=flow.flow_id),), {}
        before = {one: self._capital.books[one] for one in self._standings.open_book_ids()}
        figures = [self._capital.book_capital(one) for one in before]
        answer = book_cash_flow(flow, before, figures)
        if isinstance(answer, CashFlowRefused):
            refused = CashFlowRefusedEvent(
                flow_id=flow.flow_id,
                kind=flow.kind,
                amount=flow.amount,
                code=answer.code,
                detail=answer.detail,
            )
            return (refused,), {}
        self._remember(flow.flow_id)
        changed = self._capital.replace_books(answer.books)
        booked = CashFlowBookedEvent(
            flow_id=flow.flow_id,
            kind=flow.kind,
            amount=flow.amount,
            shares={one.book_id: one.cash for one in answer.shares},
        )
        moved = CashMoved(tuple((before[one.book_id], one) for one in changed), flow)
        return (moved, booked), answer.capital_moved

    def _remember(self, flow_id: str) -> None:
        self._booked[flow_id] = None
        if len(self._booked) > FLOW_IDS_KEPT:
            del self._booked[next(iter(self._booked))]
