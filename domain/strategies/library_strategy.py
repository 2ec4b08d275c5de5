"""Base of the library's strategies: what the compatibility analysis needs to know of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.models.strategy_metadata import Horizon, StrategyMetadata


class LibraryStrategy(Strategy, ABC):
    """A strategy that describes itself.

    Attributes:
        library_name: its name in ``StrategyLibrary``.
        asset_class: what it trades: option, future or equity.
        horizon: how long it usually holds a position with its default parameters.
        state_version: of its snapshots; raise it when the state's meaning changes.
    """

    library_name: ClassVar[str] = ""
    asset_class: ClassVar[str] = ""
    horizon: ClassVar[Horizon | None] = None
    state_version: ClassVar[int] = 1

    @abstractmethod
    def underlying_ids(self) -> tuple[str, ...]:
        """What its risk hangs on."""

    def leverage_limit(self) -> float:
        """Gross notional that it may hold, as a multiple of its budget."""
        return 1.0

    def subscriptions(self) -> tuple[str, ...]:
        return self.underlying_ids()

    def default_metadata(self, strategy_id: str) -> StrategyMetadata:
        """Metadata that follow from the class and the parameters; the rest has defaults."""
        return StrategyMetadata(
            id=strategy_id,
            name=self.library_name,
            description=self.description,
            instruments=self.subscriptions(),
            underlyings=self.underlying_ids(),
            asset_classes=(self.asset_class,),
            leverage=self.leverage_limit(),
            horizon=self.horizon,
        )
