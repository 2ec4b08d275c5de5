"""Replay: the same inputs through the same code must write the same records.

``ComparingJournal`` stands where a run's journal stands. It holds what was written then and compares
every record that is written now, in order, and stops at the first difference with its seq, field,
then and now. It knows nothing of what the records mean.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from orchestrion.runtime.errors import DivergenceError
from orchestrion.runtime.journal import JournalHeader, JournalTrailer, Record, RecordKind

ABSENT = "nothing"
"""Stands for a record or field that one of the two sides does not have."""


class ComparingJournal:
    """A journal that writes nothing and compares everything.

    Attributes:
        compared: number of records that were equal so far.
    """

    def __init__(self, recorded: Iterable[Record]) -> None:
        self.compared = 0
        self._recorded: Iterator[Record] = iter(recorded)
        self._next = next(self._recorded, None)

    def begin(self, header: JournalHeader) -> None:
        """A replay has the header of what it replays."""

    def append(self, record: Record) -> None:
        """
        Raises:
            DivergenceError: the record is not the one that was written then.
        """
        then = self._next
        if then is None or then.seq > record.seq:
            raise DivergenceError(
                seq=record.seq,
                name=record.name,
                field="record",
                then=ABSENT,
                now=record.body.decode(),
            )
        if then.seq < record.seq:
            raise missing(then)
        if then != record:
            raise _difference(then, record)
        self.compared += 1
        self._next = next(self._recorded, None)

    def next_input(self) -> Record | None:
        """The recorded input that has to be posted next, without taking it; None when the next
        input left no record or nothing is left."""
        following = self._next
        return following if following and following.kind is RecordKind.INPUT else None

    @property
    def next_seq(self) -> int | None:
        """Seq of the next recorded line, None at the end."""
        return self._next.seq if self._next is not None else None

    def expect_nothing_before(self, seq: int) -> None:
        """
        Raises:
            DivergenceError: something was recorded for an earlier seq that was not written now.
        """
        if self._next is not None and self._next.seq < seq:
            raise missing(self._next)

    def sync(self) -> None:
        """Nothing to make durable."""

    def finish(self, trailer: JournalTrailer) -> None:
        """Nothing to write."""

    def close(self) -> None:
        """Nothing to let go."""


def missing(then: Record) -> DivergenceError:
    """The divergence of a record that was written then and not now."""
    return DivergenceError(
        seq=then.seq, name=then.name, field="record", then=then.body.decode(), now=ABSENT
    )


def _difference(then: Record, now: Record) -> DivergenceError:
    for field in ("kind", "name", "ts"):
        before, after = getattr(then, field), getattr(now, field)
        if before != after:
            return DivergenceError(
                seq=then.seq, name=then.name, field=field, then=before, now=after
            )
    try:
        path, before, after = _first_difference(
            msgspec.json.decode(then.body), msgspec.json.decode(now.body), ""
        )
    except msgspec.DecodeError:
        path, before, after = "body", then.body, now.body
    return DivergenceError(seq=then.seq, name=then.name, field=path, then=before, now=after)


def _first_difference(then: Any, now: Any, path: str) -> tuple[str, Any, Any]:
    """Path, then and now of the first difference in document order."""
    if isinstance(then, dict) and isinstance(now, dict):
        for key in dict.fromkeys((*then, *now)):
            before, after = then.get(key, ABSENT), now.get(key, ABSENT)
            if before != after:
                return _first_difference(before, after, f"{path}.{key}" if path else str(key))
    if isinstance(then, list) and isinstance(now, list):
        for i in range(max(len(then), len(now))):
            before = then[i] if i < len(then) else ABSENT
            after = now[i] if i < len(now) else ABSENT
            if before != after:
                return _first_difference(before, after, f"{path}[{i}]")
    return path or "body", then, now
