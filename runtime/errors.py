"""Errors of the machinery. The other families are in ``orchestrion.domain.errors``.

ActorError
├── MailboxFullError        a bounded mailbox whose policy is to refuse was full
├── ActorStoppedError       the receiver ended before it could answer
├── ActorFailedError        an actor whose failure stops the machine failed
├── LifecycleStepError      an actor cannot take that step now
├── StateLostError          an actor cannot be built again as it is
└── JournalError            the journal cannot be used
    ├── JournalFormatError  not a journal, or one of a newer format
    ├── JournalDamagedError records are missing or altered; names the position
    └── DivergenceError     a replay decided otherwise; names seq, field, then and now
"""

from __future__ import annotations

import re

FAILURE_TEXT_MAX = 500
"""Characters of a failure that the journal keeps; arbitrary, room for a path and a sentence."""
_ADDRESS = re.compile(r"\b0x[0-9A-Fa-f]{4,}")


class ActorError(Exception):
    """Base of everything that the machinery raises on purpose."""


class MailboxFullError(ActorError):
    """A mailbox was full and its policy is to refuse; nothing was queued."""

    def __init__(self, actor: str, capacity_messages: int) -> None:
        super().__init__(f"the mailbox of {actor!r} is full ({capacity_messages} messages)")
        self.actor = actor
        self.capacity_messages = capacity_messages


class ActorStoppedError(ActorError):
    """The receiver stopped before it handled the message; it never will."""


class ActorFailedError(ActorError):
    """An actor that must not fail failed; the machine has stopped. The cause is chained."""

    def __init__(self, actor: str, seq: int, cause: BaseException) -> None:
        super().__init__(f"{actor!r} failed at input {seq}: {describe(cause)}")
        self.actor = actor
        self.seq = seq


class LifecycleStepError(ActorError):
    """An actor was asked for a step that its state does not allow; nothing changed."""


class StateLostError(ActorError):
    """There is no snapshot: an actor gives none and cannot be built again from its messages."""


class JournalError(ActorError):
    """The journal cannot be written or read."""


class JournalFormatError(JournalError):
    """The file is not a journal, or of a format that this version does not know."""


class JournalDamagedError(JournalError):
    """A record is missing or altered. ``position`` is its place in the journal, from 1."""

    def __init__(self, message: str, *, position: int | None = None) -> None:
        super().__init__(message)
        self.position = position


class DivergenceError(JournalError):
    """A replay decided otherwise than the journal says, at the first such record."""

    def __init__(self, *, seq: int, name: str, field: str, then: object, now: object) -> None:
        super().__init__(f"seq {seq}: {name}.{field} was {then!r}, is {now!r}")
        self.seq = seq
        self.name = name
        self.field = field
        self.then = then
        self.now = now


def describe(failure: BaseException) -> str:
    """Type and message of a failure in one line that every journal can hold.

    Never raises, whatever the failure's own text does. Addresses of objects are left out: a replay
    would find others. Characters that are no text (lone surrogates) are escaped.
    """
    try:
        lines = str.splitlines(str(failure))
    except KeyboardInterrupt:
        raise
    except BaseException:  # an exception's text is code of the actor that failed, too
        lines = ["(its text cannot be read)"]
    kind = type(failure).__name__
    text = f"{kind}: {lines[0]}" if lines else kind
    text = _ADDRESS.sub("0x…", text[:FAILURE_TEXT_MAX])
    return text.encode(errors="backslashreplace").decode()
