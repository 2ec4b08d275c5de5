"""What an actor is: a name, a mailbox, and a synchronous handler that never waits.

An actor's handler runs to completion. It may change its own state, ``tell`` others, record what it
decided and emit effects; it cannot wait, ask the time or reach the outside world. Whatever has to
wait is an effect, and its outcome comes back as an input.
"""

from __future__ import annotations

from enum import Enum
from typing import Protocol

import msgspec

from orchestrion.runtime.journal import RecordKind


class ActorContext(Protocol):
    """The part of the machine that an actor may use while it handles a message."""

    @property
    def seq(self) -> int:
        """Sequence number of the input that is being worked off."""
        ...

    @property
    def now(self) -> int:
        """Time of that input, nanoseconds UTC."""
        ...

    def record(self, kind: RecordKind, value: object) -> None:
        """Writes what was decided, intended or noticed to the journal."""
        ...

    def emit(self, effect: object) -> None:
        """Hands an effect to the shell, stamped with ``seq``."""
        ...


class Silent(Enum):
    """What a handler returns that has nothing to answer."""

    SILENT = "silent"


SILENT = Silent.SILENT
"""Returned by the handler of a supervised actor instead of a message that says "nothing"; its
parent is told how many were silent. Most answers are this one, so it must cost nothing."""


class Actor(Protocol):
    """Anything with a handler."""

    def receive(self, message: object) -> Silent | None:
        """Handles one message. ``SILENT`` is for supervised actors, see there."""
        ...


class Silence(msgspec.Struct, frozen=True, gc=False):
    """Told to the parent: so many children handled a message and have nothing to answer."""

    count: int


class SupervisedActor(Actor, Protocol):
    """An actor whose failures are its own: it can be rebuilt without the message that broke it."""

    @property
    def turns(self) -> int:
        """How many turns it has had, for the restart intensity."""
        ...

    def rebuild(self) -> None:
        """Returns to the state before the failed message.

        Raises:
            Exception: it cannot be rebuilt; the supervisor gives it up.
        """
        ...


class ActorRestarted(msgspec.Struct, frozen=True):
    """Told to the parent: a child failed at a message and was rebuilt without it."""

    actor: str
    message: object
    failure: str
    failures_in_window: int


class ActorQuarantined(msgspec.Struct, frozen=True):
    """Told to the parent: a child failed too often, or could not be rebuilt, and is out."""

    actor: str
    message: object
    failure: str


class DeadLetter(msgspec.Struct, frozen=True):
    """A message that nobody handled, and why."""

    actor: str
    message: object
    reason: str
    seq: int


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """Base of messages from outside that wait for an answer; each gets exactly one."""

    question_id: int


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """Effect: the answer to a question. ``error`` is empty when it was done."""

    question_id: int
    value: object = None
    error: str = ""
