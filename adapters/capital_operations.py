"""What moves and stops capital, as methods of an embedding: facts that are handed in, and
questions of an operator.

A mixin, so that the embedding's own file stays about strategies and market data. Facts are answered
by events (booked, refused, waiting): an outside fact cannot fail in the hand that reports it. What
an operator asks for and cannot be done raises.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from orchestrion.actors.messages import PullKillSwitch, Rebalance, ResetStop
from orchestrion.adapters.session import CapitalReport, TradingSession
from orchestrion.domain.capital.drawdown_stop import ACCOUNT_SCOPE
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.errors import LifecycleError
from orchestrion.runtime.actor import Question


class CapitalOperations:
    """For a class that has a session, and knows when it was started."""

    @property
    def _running(self) -> TradingSession:
        raise NotImplementedError

    async def _ensure_started(self, ts: int) -> None:
        raise NotImplementedError

    def _next_question(self) -> int:
        raise NotImplementedError

    # -- facts --------------------------------------------------------------------------------

    async def report_capital(self, report: CapitalReport, *, ts: int | None = None) -> None:
        """Posts money that no trade moved, a corporate action, or the venue's margin.

        Args:
            report: ``CashFlowReport``, ``SplitReport``, ``LotSizeChangedReport``,
                ``SymbolChangedReport`` or ``VenueMarginReport``. What became of it is told by
                events; a flow's id makes a second report of it harmless.
            ts: time of arrival, nanoseconds UTC; the report's own when it is left out.
        """
        await self._ensure_started(report.ts_event)
        await self._running.report(report, report.ts_event if ts is None else ts)

    # -- an operator's acts -------------------------------------------------------------------

    async def rebalance(
        self,
        weights: Mapping[str, Decimal] | None = None,
        *,
        method: str = "",
        reason: str = "operator",
    ) -> str:
        """Moves capital between the strategies' books; returns the rebalance's id.

        Free capital moves at once; what positions bind follows when they have been reduced, and
        then a ``CapitalRebalancedEvent`` says that it is over.

        Args:
            weights: strategy id -> fraction of the whole, what they leave over is the reserve's; or
            method: name of an allocation method; or neither, for the weights that are set.

        Raises:
            LifecycleError: weights or method that cannot be used; nothing has changed.
        """
        return str(
            await self._asked(
                Rebalance(
                    question_id=self._next_question(),
                    weights=dict(weights or {}),
                    method=method,
                    reason=reason,
                )
            )
        )

    async def stop_strategy(
        self, strategy_id: str, action: StopAction, *, reason: str = "operator"
    ) -> None:
        """Pulls the kill switch of one strategy; it stays pulled until ``reset_stop``.

        Raises:
            LifecycleError: there is no such strategy.
        """
        await self._pull(strategy_id, action, reason)

    async def stop_account(self, action: StopAction, *, reason: str = "operator") -> None:
        """Pulls the account's kill switch; it stays pulled until ``reset_stop``."""
        await self._pull(ACCOUNT_SCOPE, action, reason)

    async def reset_stop(self, scope_id: str = ACCOUNT_SCOPE) -> None:
        """Lets a stopped strategy, or the account, go; its drawdown stops count from now.

        Raises:
            LifecycleError: there is no such scope, or nothing has stopped it.
        """
        await self._asked(ResetStop(question_id=self._next_question(), scope_id=scope_id))

    async def _pull(self, scope_id: str, action: StopAction, reason: str) -> None:
        await self._asked(
            PullKillSwitch(
                question_id=self._next_question(), scope_id=scope_id, action=action, reason=reason
            )
        )

    async def _asked(self, question: Question) -> object:
        answer = await self._running.ask(question, question.question_id)
        if answer.error:
            raise LifecycleError(answer.error)
        return answer.value
