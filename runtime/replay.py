"""Replay: the same inputs through the same code must write the same records.

``ComparingJournal`` stands where a run's journal stands. It holds what was written then, compares
every record that is written now, in order, and stops at the first difference with its seq, field,
then and now. It knows nothing of what the records mean. Snapshots are no records of the run:
whoever drives the replay takes each where it stands and compares it with the state come to.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import zip_longest
from typing import cast

import msgspec

from orchestrion.runtime.errors import DivergenceError
from orchestrion.runtime.journal import JournalHeader, JournalTrailer, Record, RecordKind
from orchestrion.runtime.state import encode_snapshot

ABSENT = "nothing"
"""Stands for a record or field that one of the two sides does not have."""


class ComparingJournal:
    """A journal that writes nothing and compares everything.

    Attributes:
        compared: number of records that were equal so far.
        beyond: records behind the last recorded one, of a journal that was cut off.
    """

    def __init__(self, recorded: Iterable[Record], *, is_cut: bool = False) -> None:
        """
        Args:
            is_cut: the recorded journal may end in the middle of an input; what comes then is no
                difference.
        """
        self.compared = 0
        self.beyond: list[Record] = []
        self._is_cut = is_cut
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
        if then is None and self._is_cut:
            self.beyond.append(record)
            return
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

    def take_snapshot(self) -> Record | None:
        """The snapshot that stands here, if one does; taken with it."""
        following = self._next
        if following is None or following.kind is not RecordKind.SNAPSHOT:
            return None
        self._next = next(self._recorded, None)
        return following

    @property
    def next_record(self) -> Record | None:
        """The next recorded line, without taking it."""
        return self._next

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


def compare_states(seq: int, then: object, now: object) -> None:
    """Compares a state, as plain data, with the one that was written then.

    Raises:
        DivergenceError: names the first field that differs.
    """
    if then != now or encode_snapshot(then) != encode_snapshot(now):
        path, before, after = _first_difference(then, now, "")
        raise DivergenceError(seq=seq, name="Snapshot", field=path, then=before, now=after)


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


def _first_difference(then: object, now: object, path: str) -> tuple[str, object, object]:
    """Path, then and now of the first difference in document order."""
    for key, before, after in _pairs(then, now):
        if before != after:
            if isinstance(key, int):
                return _first_difference(before, after, f"{path}[{key}]")
            return _first_difference(before, after, f"{path}.{key}" if path else key)
    return path or "body", then, now


def _pairs(then: object, now: object) -> Iterator[tuple[str | int, object, object]]:
    """What two objects or two lists hold at the same place; nothing for other values."""
    if isinstance(then, dict) and isinstance(now, dict):
        old, new = cast("dict[str, object]", then), cast("dict[str, object]", now)
        for key in dict.fromkeys((*old, *new)):
            yield key, old.get(key, ABSENT), new.get(key, ABSENT)
    elif isinstance(then, list) and isinstance(now, list):
        yield from (
            (i, before, after)
            for i, (before, after) in enumerate(
                zip_longest(cast("list[object]", then), cast("list[object]", now), fillvalue=ABSENT)
            )
        )
