"""The value that resolving the conflicts of a round gives."""

from __future__ import annotations

import msgspec

from orchestrion.domain.orchestration.events import StrategyConflictDetectedEvent
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal


class CrossGroup(msgspec.Struct, frozen=True):
    """Commands of both sides of one instrument that are to be crossed inside.

    Attributes:
        places: of the commands in the round, ascending; all are proposals of one leg.
    """

    instrument_id: str
    places: tuple[int, ...]


class Resolution(msgspec.Struct, frozen=True):
    """What became of a round.

    Attributes:
        checked: as many as came in, in the same order: the proposal itself, a smaller one
            (``scaled_from`` says what was asked for), a rejection, or a held proposal.
        events: every conflict that was found, in the order in which it was decided.
        cancels: client_order_ids of other strategies' resting entries to withdraw, oldest first.
        crosses: what is to be crossed inside, by instrument id.
    """

    checked: tuple[Checked, ...]
    events: tuple[StrategyConflictDetectedEvent, ...] = ()
    cancels: tuple[str, ...] = ()
    crosses: tuple[CrossGroup, ...] = ()

    @property
    def held(self) -> tuple[HeldProposal, ...]:
        """The commands that wait, in order."""
        return tuple(one for one in self.checked if isinstance(one, HeldProposal))
