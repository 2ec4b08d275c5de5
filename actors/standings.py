"""Where every strategy stands in its life: the coordinator's table of it.

A step is taken by the domain's table. Whoever acts on a standing learns of it in the same moment:
the plans (who is called), the capital manager (what may pass), and everybody who hears events.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from orchestrion.actors.messages import StandingChanged
from orchestrion.actors.round_plan import RoundPlans
from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.orchestration.events import DomainEvent
from orchestrion.domain.orchestration.lifecycle import (
    PauseMode,
    StrategyStanding,
    StrategyStatus,
    StrategyStep,
)
from orchestrion.domain.orchestration.lifecycle_events import event_of_step
from orchestrion.runtime.mailbox import Mailbox


class Standings:
    """Standings by strategy id, and what follows from a step."""

    STATE: ClassVar[Mapping[str, Any]] = {
        "_by_id": dict[str, StrategyStanding],
        "_gone": dict[str, StrategyStanding],
    }

    def __init__(self, plans: RoundPlans, publish: Callable[[DomainEvent], None]) -> None:
        self._plans = plans
        self._publish = publish
        self._by_id: dict[str, StrategyStanding] = {}
        self._gone: dict[str, StrategyStanding] = {}

    def connect(self, capital_manager: Mailbox, standings: Mapping[str, StrategyStanding]) -> None:
        self._capital_manager = capital_manager
        self._by_id = dict(standings)

    def after_restore(self) -> None:
        """Who is called follows from where he stands."""
        for strategy_id, standing in self._by_id.items():
            self._plans.activate(strategy_id, is_active=standing.is_called)

    @property
    def by_id(self) -> Mapping[str, StrategyStanding]:
        """Of everybody who is there, in rank order at the start, then as they joined."""
        return self._by_id

    def of(self, strategy_id: str) -> StrategyStanding:
        """
        Raises:
            LifecycleError: there is no such strategy, or it was removed.
        """
        standing = self._by_id.get(strategy_id)
        if standing is None:
            if strategy_id in self._gone:
                raise LifecycleError(f"strategy {strategy_id!r} was removed")
            raise LifecycleError(f"there is no strategy {strategy_id!r}")
        return standing

    def is_in(self, strategy_id: str, *statuses: StrategyStatus) -> bool:
        """Whether it is there and in one of these."""
        standing = self._by_id.get(strategy_id)
        return standing is not None and standing.status in statuses

    def words(self, strategy_id: str) -> str:
        """For people: ``running``, ``paused (frozen)``, ``removed``.

        Raises:
            LifecycleError: there never was such a strategy.
        """
        return "removed" if strategy_id in self._gone else self.of(strategy_id).words

    def take(
        self,
        strategy_id: str,
        step: StrategyStep,
        *,
        mode: PauseMode | None = None,
        reason: str = "",
        custodian: str = "",
    ) -> None:
        """Takes a step and tells of it.

        Args:
            mode, reason, custodian: see ``event_of_step``.

        Raises:
            LifecycleError: there is no such strategy, or the table does not allow the step;
                nothing has changed.
        """
        standing = self.of(strategy_id).after(strategy_id, step, mode)
        self._by_id[strategy_id] = standing
        self._plans.activate(strategy_id, is_active=standing.is_called)
        self._capital_manager.tell(
            StandingChanged(strategy_id, standing.status, standing.pause_mode)
        )
        self._publish(
            event_of_step(strategy_id, step, mode=mode, reason=reason, custodian=custodian)
        )

    def join(self, strategy_id: str) -> None:
        """A newcomer, who has a seat already.

        Raises:
            LifecycleError: the id is, or was, another one's.
        """
        self.require_new(strategy_id)
        self._by_id[strategy_id] = StrategyStanding()

    def require_new(self, strategy_id: str) -> None:
        """
        Raises:
            LifecycleError: the id is, or was, another one's: orders, late fills and records of two
                strategies under one id could not be told apart.
        """
        if strategy_id in self._by_id:
            raise LifecycleError(f"there is a strategy {strategy_id!r} already")
        if strategy_id in self._gone:
            raise LifecycleError(f"{strategy_id!r} was removed in this run: choose another id")

    def leave(self, strategy_id: str) -> None:
        """Who has ended and has no seat any more."""
        self._gone[strategy_id] = self._by_id.pop(strategy_id)
