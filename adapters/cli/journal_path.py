"""Where a run's journal goes.

An existing file is never overwritten. A directory of journals belongs to one paper or live run, and
every start goes on with it.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from orchestrion.runtime.errors import JournalError

if TYPE_CHECKING:
    from orchestrion.adapters.settings import RunSettings

DEFAULT_FOLDER = "journals"
SUFFIX = ".sqlite"


@contextmanager
def journal_for(config: Path, asked: str | None) -> Generator[Path, None, None]:
    """A free path whose folder exists.

    A folder that was made for a run which then failed before it wrote anything is taken away again,
    so that bad input changes nothing.

    Args:
        config: the configuration file; its stem names the journal.
        asked: the path that the user named, if any.

    Raises:
        JournalError: the file exists, or its folder cannot be made.
    """
    path = _default(config.stem) if asked is None else Path(asked)
    if path.exists():
        raise JournalError(
            f"{path} exists: a journal is never overwritten; name another file, or move this one"
        )
    made = _make_folder(path.parent)
    try:
        yield path
    finally:
        if made and not any(path.parent.iterdir()):
            path.parent.rmdir()


@contextmanager
def directory_for(
    settings: RunSettings, config: Path, asked: str | None, environment: str
) -> Generator[Path, None, None]:
    """The directory of a paper or live run, absolute; the one above it exists.

    Args:
        asked: what the user named, from the current folder; ``journal.directory`` is named from the
            configuration's folder, so that a service finds its run wherever it is started from.

    Raises:
        JournalError: it is a file, or the folder above it cannot be made.
    """
    configured = settings.journal.directory
    if asked is not None:
        path = Path(asked)
    elif configured is not None:
        path = config.parent / configured
    else:
        path = Path(DEFAULT_FOLDER) / f"{config.stem}-{environment}"
    path = path.absolute()
    if path.is_file():
        raise JournalError(f"{path}: is a file, and a {environment} run needs a directory")
    made = _make_folder(path.parent)
    try:
        yield path
    finally:
        if made and not any(path.parent.iterdir()):
            path.parent.rmdir()


def _default(stem: str) -> Path:
    moment = datetime.now(UTC).strftime("%Y%m%dT%H%M%SZ")
    path = Path(DEFAULT_FOLDER) / f"{stem}-{moment}{SUFFIX}"
    number = 2
    while path.exists():
        path = path.with_name(f"{stem}-{moment}-{number}{SUFFIX}")
        number += 1
    return path


def _make_folder(folder: Path) -> bool:
    """Whether the folder had to be made."""
    if folder.is_dir():
        return False
    try:
        folder.mkdir(parents=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise JournalError(f"the folder {folder} cannot be made: {reason}") from error
    return True
