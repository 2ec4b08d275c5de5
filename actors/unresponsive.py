"""What takes the place of a strategy that blocked the process."""

from __future__ import annotations

from typing import NoReturn

from orchestrion.domain.models.strategy import Strategy
from orchestrion.runtime.errors import ActorError


class StrategyBlockedError(ActorError):
    """A strategy did not come back from a call in an earlier process, which was ended by that."""


class Unresponsive(Strategy):
    """Stands for a strategy that does not come back from its calls: fails at once instead."""

    def __init__(self, why: str) -> None:
        super().__init__()
        self._why = why

    def again(self) -> Strategy:
        """Instead of a factory.

        Raises:
            StrategyBlockedError: always.
        """
        raise StrategyBlockedError(self._why)

    def _fail(self, *_: object, **__: object) -> NoReturn:
        raise StrategyBlockedError(self._why)

    on_start = on_event = on_fill = on_stop = snapshot = _fail
