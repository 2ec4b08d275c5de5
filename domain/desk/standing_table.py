"""Who takes part: what the desk knows of every strategy's standing.

Capital of a strategy that is frozen, in quarantine or on its way out is nobody's to move; the book
of one that has left is empty and gets nothing any more.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from orchestrion.domain.models.portfolio import RESERVED_BOOK_IDS
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStatus
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager

_TAKING_PART = (
    StrategyStatus.READY,
    StrategyStatus.STARTING,
    StrategyStatus.RUNNING,
    StrategyStatus.PAUSED,
    StrategyStatus.REDUCING,
)


class StandingTable:
    """Standing by strategy id, as it was last told."""

    STATE: ClassVar[Mapping[str, Any]] = {
        "_standing": dict[str, tuple[StrategyStatus, PauseMode | None]]
    }

    def __init__(self, capital: PortfolioCapitalManager) -> None:
        self._capital = capital
        self._standing: dict[str, tuple[StrategyStatus, PauseMode | None]] = {}

    def take(self, strategy_id: str, status: StrategyStatus, mode: PauseMode | None) -> None:
        self._standing[strategy_id] = (status, mode)

    def is_open(self, strategy_id: str) -> bool:
        """Whether the strategy is on the account; before it is told otherwise, it is."""
        status, _ = self._standing.get(strategy_id, (StrategyStatus.READY, None))
        return strategy_id in self._capital.books and status is not StrategyStatus.STOPPED

    def takes_part(self, strategy_id: str) -> bool:
        """Whether its capital may be moved."""
        status, mode = self._standing.get(strategy_id, (StrategyStatus.READY, None))
        return self.is_open(strategy_id) and status in _TAKING_PART and mode is not PauseMode.FROZEN

    def open_ids(self) -> tuple[str, ...]:
        """Strategies on the account, in the order of their books."""
        return tuple(
            one for one in self._capital.books if one not in RESERVED_BOOK_IDS and self.is_open(one)
        )

    def open_book_ids(self) -> tuple[str, ...]:
        """The same, then RESERVE and EXTERNAL."""
        return tuple(
            one for one in self._capital.books if one in RESERVED_BOOK_IDS or self.is_open(one)
        )

    def participants(self) -> tuple[str, ...]:
        """Strategies whose capital may be moved, in the order of their books."""
        return tuple(one for one in self.open_ids() if self.takes_part(one))
