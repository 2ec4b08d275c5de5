"""The anchor: how far a journal was durable, in a small file beside it.

SQLite drops the end of its log at the first frame that does not fit, be it torn by a power failure
or damaged on the disk; afterwards nobody could say which. So the writer notes, after each commit
that reached the disk, the position and running hash of the last record. The note itself is not
synced (that would double the cost): it may lag behind the truth, never run ahead of it. A reader
that finds fewer records than the anchor knows of refuses them.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

_POSITION_BYTES = 8
_CHAIN_BYTES = 32


@dataclass(frozen=True)
class Anchor:
    """The last record that is known to have been durable."""

    position: int
    chain: bytes


class AnchorWriter:
    """Keeps the anchor of one journal up to date."""

    def __init__(self, journal_path: Path) -> None:
        """
        Raises:
            OSError: the file cannot be made.
        """
        self._path = anchor_path(journal_path)
        self._file = self._path.open("wb", buffering=0)

    def note(self, position: int, chain: bytes) -> None:
        """Writes both in one call, at one place."""
        self._file.seek(0)
        self._file.write(position.to_bytes(_POSITION_BYTES, "big") + chain)

    def close(self, *, is_needed: bool) -> None:
        """Lets go of the file, and removes it when the journal has a trailer to say as much."""
        self._file.close()
        if not is_needed:
            self._path.unlink(missing_ok=True)


def anchor_path(journal_path: Path) -> Path:
    return journal_path.with_name(journal_path.name + ".anchor")


def read_anchor(journal_path: Path) -> Anchor | None:
    """The anchor beside a journal; None when there is none, or only part of one.

    Raises:
        OSError: it cannot be read.
    """
    try:
        content = anchor_path(journal_path).read_bytes()
    except FileNotFoundError:
        return None
    if len(content) != _POSITION_BYTES + _CHAIN_BYTES:
        return None
    return Anchor(int.from_bytes(content[:_POSITION_BYTES], "big"), content[_POSITION_BYTES:])
