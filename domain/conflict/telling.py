"""What is said of a conflict: its event, and the words of a refusal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from orchestrion.domain.conflict.contender import Contender, Meeting, Rival
from orchestrion.domain.conflict.policy import ROOM_TYPES, ConflictPolicy, ConflictType
from orchestrion.domain.models.command import RefusalCode, RefusedCommand
from orchestrion.domain.orchestration.events import StrategyConflictDetectedEvent
from orchestrion.domain.orchestration.proposal import Proposal, Rejection


def conflict_event(
    meeting: Meeting, policy: ConflictPolicy, resolution: str, also: Iterable[str] = ()
) -> StrategyConflictDetectedEvent:
    """Who met whom over what, by which policy, and how it ended.

    Args:
        also: strategies that have a part in it without wanting anything now.
    """
    names = [rival.strategy_id for rival in meeting.rivals]
    return StrategyConflictDetectedEvent(
        strategy_ids=[*dict.fromkeys((*names, *also, meeting.contender.strategy_id))],
        conflict_type=meeting.kind,
        instrument_id=meeting.subject,
        policy=policy,
        resolution=resolution,
    )


def scaling_event(
    kind: ConflictType, subject: str, members: Sequence[Contender], resolution: str
) -> StrategyConflictDetectedEvent:
    """That entries were cut to fit one bound."""
    return StrategyConflictDetectedEvent(
        strategy_ids=names_of(members),
        conflict_type=kind,
        instrument_id=subject,
        policy=ConflictPolicy.SCALE_PRO_RATA,
        resolution=resolution,
    )


def names_of(members: Iterable[Contender | Rival]) -> list[str]:
    """Strategies, each once, in the order given."""
    return [*dict.fromkeys(one.strategy_id for one in members)]


def refused_words(members: Iterable[Contender | Rival]) -> str:
    return f"refused: {', '.join(names_of(members))}"


def against(meeting: Meeting, rival: Rival | None) -> str:
    """Why the contender of a meeting loses.

    Args:
        rival: against whom; None when nobody is in its way but a bound.
    """
    if meeting.kind in ROOM_TYPES and meeting.rivals:
        return f"{meeting.words} with {', '.join(names_of(meeting.rivals))}"
    if meeting.words or rival is None:
        return meeting.words
    return f"{meeting.subject} against {rival.strategy_id}"


def against_contender(meeting: Meeting) -> str:
    """Why its rivals lose, where all are refused."""
    contender = meeting.contender.strategy_id
    if meeting.kind in ROOM_TYPES:
        return f"{meeting.words} with {contender}"
    return f"{meeting.subject} against {contender}"


def conflict_refusal(proposal: Proposal, detail: str) -> Rejection:
    """Who lost a conflict; the words begin with the policy."""
    return refusal(proposal, RefusalCode.CONFLICT, detail)


def refusal(proposal: Proposal, code: RefusalCode, detail: str) -> Rejection:
    refused = RefusedCommand(
        strategy_id=proposal.strategy_id, command=proposal.command, code=code, detail=detail
    )
    return Rejection(proposal.strategy_id, proposal.index, refused)
