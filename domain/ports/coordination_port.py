"""What the orchestrator asks of a coordinator: who goes first, and who wins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from orchestrion.domain.conflict import NO_CLAIMS, InstrumentClaims, Resolution, RoundContext
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal
from orchestrion.domain.orchestration.ranking import Rank


class CoordinationPort(Protocol):
    """Port for strategy coordination. All answers depend on nothing but the arguments."""

    def rank(self, strategies: Iterable[StrategyMetadata]) -> tuple[Rank, ...]:
        """The order in which strategies are called and served.

        Args:
            strategies: in order of registration, the last tie-break but one (then the id).
        """
        ...

    def needs_screening(
        self,
        checked: Sequence[Checked],
        working_orders: Mapping[str, Order],
        *,
        claims: InstrumentClaims = NO_CLAIMS,
        held: Sequence[HeldProposal] = (),
    ) -> bool:
        """Whether ``resolve`` has to be given figures of the account for this round."""
        ...

    def resolve(
        self,
        checked: Sequence[Checked],
        working_orders: Mapping[str, Order],
        priorities: Mapping[str, int],
        *,
        claims: InstrumentClaims = NO_CLAIMS,
        context: RoundContext | None = None,
        held: Sequence[HeldProposal] = (),
    ) -> Resolution:
        """What goes on, waits or is refused, and which conflicts were found.

        Args:
            checked: commands of one round, ordered by (rank, index in the strategy's answer).
            working_orders: the account's open orders by client_order_id.
            priorities: by strategy id.
            claims: what strategies claim of instruments.
            context: figures of the account for this round, where ``needs_screening`` says so.
            held: commands that wait since earlier rounds.

        Returns:
            One entry per command, at its place: the proposal itself, a smaller one, a rejection
            with a reason, or a proposal that waits for others' orders to be withdrawn.
        """
        ...
