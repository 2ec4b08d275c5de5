"""A chain of journals: one per start of a long run, and more when they are rotated.

    segment 1            segment 2                 segment 3
    header, epoch 0  ◄── header, epoch 1       ◄── header, epoch 1 (rotated)
    inputs, ...          snapshot, inputs, ...     snapshot, inputs, ...

Each segment names the one before it and its last hash, and begins with the state in which that one
ended. Identity of decisions is claimed per segment: what an older program wrote is never run
through a newer one by accident.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, runtime_checkable

import msgspec

from orchestrion.runtime.journal import (
    Journal,
    JournalHeader,
    JournalReader,
    JournalTrailer,
    Record,
)


class Segment(msgspec.Struct, frozen=True):
    """One journal of the chain.

    Attributes:
        name: by which the next one refers to it.
    """

    name: str
    reader: JournalReader


class JournalStore(Protocol):
    """Where the chain of one account lies. One process at a time has it open."""

    def segments(self) -> Sequence[Segment]:
        """All segments, oldest first.

        Raises:
            JournalError: one cannot be read at all; what is wrong inside is found on reading.
        """
        ...

    def begin(self, header: JournalHeader) -> Journal:
        """A new segment behind all others, its header written.

        Raises:
            JournalError: it cannot be made.
        """
        ...

    def close(self) -> None:
        """Lets another process in; safe to call twice."""
        ...


@runtime_checkable
class Rotating(Protocol):
    """A journal that can be gone on with in a new segment."""

    @property
    def is_grown(self) -> bool:
        """Whether the present segment is to be left."""
        ...

    def rotate(self, trailer: JournalTrailer, snapshot: Record) -> None:
        """Finishes the present segment and begins the next one with a snapshot, durable.

        Raises:
            JournalError: one of both cannot be written; nothing may be sent any more.
        """
        ...
