"""What the core asks of an execution environment: backtest, paper or live.

The port accepts and returns. What became of a command comes later, as a report from
``models.report``, which the shell posts as an input. Read next: ``models.command`` for what
arrives here, ``models.report`` for what comes back.
"""

from __future__ import annotations

from typing import List, Protocol  # noqa: UP035 - the specification's own spelling

from orchestrion.domain.models.command import StrategyCommand
from orchestrion.domain.models.portfolio import PortfolioState


class OrchestrationPort(Protocol):
    """Port for execution environment integration.

    The duties of an adapter (explained in ``docs/adapters.md``, tested by ``orchestrion.testing``):

    * Only ``ApprovedCommand`` values arrive. Anything else is a TypeError, before any command of
      the same list is passed on.
    * Neither method blocks, and neither is a coroutine: hand over and return.
    * ``execute_commands`` never says "accepted" or "filled". Outcomes come later, as reports.
    * An exception from ``execute_commands`` means that the outcome is UNKNOWN, never that it was
      rejected: the order may have arrived, and stays open until the environment answers.
    * The same ``client_order_id`` twice is the same order: a resend after a crash changes nothing.
    * Commands of one list keep their order.
    """

    def execute_commands(self, commands: List[StrategyCommand]) -> None:  # noqa: UP006
        """Execute strategy commands in the environment: accept them and return.

        Raises:
            TypeError: a command that is not an ``ApprovedCommand``; nothing was passed on.
            PortUnavailableError: the environment gave no answer; the outcome is unknown.
        """
        ...

    def get_portfolio_state(self) -> PortfolioState:
        """Get current portfolio state from environment: cash and net quantities, no owners.

        Raises:
            PortUnavailableError: the environment gave no answer.
        """
        ...
