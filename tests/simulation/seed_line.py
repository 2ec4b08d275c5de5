"""What is kept of a played seed: one line of JSON in a file that later runs go on with."""

from __future__ import annotations

import fcntl
from collections.abc import Iterable
from pathlib import Path
from typing import Generic, TypeVar

import msgspec

from tests.simulation.simulation import Outcome

_Line = TypeVar("_Line", bound=msgspec.Struct)


class SeedLine(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One played seed.

    Attributes:
        commit: of the code that played it.
        counts: injected faults, by name of the ``Fault``.
        points: where crashes struck: how often.
        is_replay_equal: whether its journal, replayed, came out the same byte for byte.
    """

    seed: int
    commit: str
    violations: list[str]
    counts: dict[str, int]
    points: dict[str, int]
    records: int
    inputs: int
    decisions: int
    fills: int
    restarts: int
    is_replay_equal: bool
    digest: str


def line_of(outcome: Outcome, commit: str) -> SeedLine:
    """An outcome as it is kept."""
    return SeedLine(
        seed=outcome.seed,
        commit=commit,
        violations=outcome.violations,
        counts={fault.name: count for fault, count in outcome.counts.items()},
        points=outcome.points,
        records=outcome.records,
        inputs=outcome.inputs,
        decisions=outcome.decisions,
        fills=outcome.fills,
        restarts=outcome.restarts,
        is_replay_equal=outcome.is_replay_equal,
        digest=outcome.digest,
    )


class LineFile(Generic[_Line]):
    """Lines on a disk, or in memory alone. One that was cut off by a kill is dropped, so that what
    it was about is done again.

    Attributes:
        lines: what is there, oldest first.
    """

    def __init__(self, path: Path | None, kind: type[_Line]) -> None:
        """
        Args:
            path: None keeps nothing.
        """
        self._path = path
        whole = path.read_bytes() if path is not None and path.exists() else b""
        whole = whole[: whole.rfind(b"\n") + 1]
        self.lines: list[_Line] = [
            msgspec.json.decode(one, type=kind) for one in whole.splitlines()
        ]
        self._length = len(whole)

    def add(self, new: Iterable[_Line]) -> None:
        """Appends lines as they come.

        Raises:
            BlockingIOError: another process is at it.
        """
        if self._path is None:
            self.lines.extend(new)
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        with self._path.open("ab") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            file.truncate(self._length)
            for line in new:
                self._length += file.write(msgspec.json.encode(line) + b"\n")
                file.flush()
                self.lines.append(line)
