"""What a start needs to know of a strategy that blocked the process before it.

A blocked process cannot write its journal, so the word stands in a file of its own beside it until
a start has written it into the header of the next journal.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from orchestrion.adapters.watchdog import Blocked
from orchestrion.runtime.errors import JournalFormatError
from orchestrion.runtime.journal import Stall

FILE_NAME = "blocked.json"


def write_note(directory: Path, blocked: Blocked) -> None:
    """Durable when it returns; whatever was there is replaced.

    Raises:
        OSError: it cannot be written.
    """
    path = directory / FILE_NAME
    half = path.with_suffix(".half")
    with half.open("wb") as file:
        file.write(msgspec.json.encode(Stall(blocked.strategy_id, blocked.seq)))
        file.flush()
        os.fsync(file.fileno())
    half.replace(path)


def read_note(directory: Path) -> Stall | None:
    """None: the last process was not blocked.

    Raises:
        JournalFormatError: somebody has changed the file.
    """
    path = directory / FILE_NAME
    try:
        return msgspec.json.decode(path.read_bytes(), type=Stall)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError as broken:
        raise JournalFormatError(f"{path}: {broken}; remove it to go on without it") from None


def remove_note(directory: Path) -> None:
    (directory / FILE_NAME).unlink(missing_ok=True)
