"""Who plays, and in which order: what changes when a strategy joins or leaves."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Protocol

import msgspec

from orchestrion.actors.membership_messages import AddStrategy
from orchestrion.actors.round_plan import Stages
from orchestrion.domain.margin.leverage_claim import LeverageClaim
from orchestrion.domain.models.strategy_metadata import StrategyMetadata


class LineUp(msgspec.Struct, frozen=True):
    """All strategies that have a seat.

    Attributes:
        seats: by stage, in rank order.
        metadata: of the same, in rank order.
        leverage_claims: in rank order.
    """

    seats: Stages
    metadata: tuple[StrategyMetadata, ...]
    leverage_claims: tuple[LeverageClaim, ...] = ()

    @property
    def is_single(self) -> bool:
        """One strategy alone needs no coordination."""
        return len(self.metadata) == 1


class Recruiter(Protocol):
    """Who gives newcomers their seats and takes them from those who leave."""

    def recruit(self, question: AddStrategy) -> LineUp:
        """Builds and seats a strategy; its book is not open yet.

        Raises:
            DomainError: it cannot be built, does not fit, or asks for what is not there; nothing
                has changed.
        """
        ...

    def capital_of(self, strategy_id: str) -> Decimal:
        """What a newcomer is to get from RESERVE."""
        ...

    def unrestored(self) -> Mapping[str, str]:
        """Strategies that could not be given their state after a restart, and why."""
        ...

    def dismiss(self, strategy_id: str) -> LineUp:
        """Takes the seat of a strategy that has left."""
        ...
