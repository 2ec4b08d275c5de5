"""The life of a journal being written, and what is refused at each stage of it.

NEW -> OPEN by ``begin``, OPEN -> FINISHED by ``finish``, any -> CLOSED by ``close``. A write that
failed leads to FAILED, from which only ``close`` leads away: nobody knows what the storage holds
after a failed commit, so nothing is appended behind it and the commit is not tried again.
"""

from __future__ import annotations

from enum import Enum

from orchestrion.runtime.errors import JournalError


class JournalStage(Enum):
    """Where a journal stands; the value says so to a person."""

    NEW = "begin() has not been called"
    OPEN = "it has begun"
    FINISHED = "it is finished"
    FAILED = "an earlier write failed"
    CLOSED = "it is closed"


def require_stage(required: JournalStage, *, actual: JournalStage, action: str, place: str) -> None:
    """Refuses an action at the wrong stage.

    Raises:
        JournalError: the journal is at another stage; nothing changed.
    """
    if actual is not required:
        raise JournalError(f"{place}: cannot {action}: {actual.value}")
