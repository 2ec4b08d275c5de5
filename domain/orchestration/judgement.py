"""What the rules say of a command alone, and for how long that holds."""

from __future__ import annotations

from decimal import Decimal

import msgspec

from orchestrion.domain.models.money import ZERO
from orchestrion.domain.orchestration.authorisation import Refusal
from orchestrion.domain.orchestration.lifecycle import TradingState
from orchestrion.domain.orchestration.proposal import Proposal


class Preview(msgspec.Struct, frozen=True, gc=False):
    """What the rules say of a command alone, before the account's room is looked at.

    Attributes:
        refusal: (code, words) when it would be refused whatever the others ask for, else None.
        requirement: what an approval would reserve, account currency; 0 for exits and cancels.
        is_reducing: whether it reduces risk.
    """

    refusal: Refusal | None
    requirement: Decimal = ZERO
    is_reducing: bool = False


class Judged(msgspec.Struct, frozen=True, gc=False):
    """What the rules said of a command alone, and of what else it rests on."""

    proposal: Proposal
    now: int
    trading_state: TradingState
    is_held: bool
    preview: Preview
