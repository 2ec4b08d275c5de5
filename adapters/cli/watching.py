"""Ends the process that a strategy has blocked, and says which.

The blocked thread cannot be interrupted, whatever it is doing, so nothing is wound up: the process
ends as ``kill -9`` would end it. That is safe at any instant, because what has to last is in the
journal before it is acted on.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from orchestrion.adapters.cli.command import Session, print_json
from orchestrion.adapters.cli.exit_code import ExitCode

if TYPE_CHECKING:
    from orchestrion.adapters.settings import RunSettings
    from orchestrion.adapters.watchdog import Blocked

PROCESS_LIMIT_S = 30.0
"""Of paper and live runs unless configured: far beyond any calculation that belongs into a round,
and soon enough for a person to be called. Arbitrary."""


@contextmanager
def watched(session: Session, settings: RunSettings, directory: Path | None) -> Generator[None]:
    """Watches over strategies of the present thread.

    Args:
        directory: of the journals of a paper or live run; None for a backtest, which is watched
            only when a limit is configured.
    """
    limit_s = settings.supervision.blocked_after_s
    if limit_s is None and directory is not None:
        limit_s = PROCESS_LIMIT_S
    if limit_s is None:
        yield
        return
    from orchestrion.adapters.watchdog import Watchdog

    with Watchdog(limit_s, lambda blocked: _end(session, blocked, directory), has_timer=True):
        yield


def _end(session: Session, blocked: Blocked, directory: Path | None) -> NoReturn:
    import structlog

    from orchestrion.adapters.cli.failure import Failure

    log = structlog.get_logger("orchestrion.watchdog")
    log.error(
        "StrategyBlocked",
        strategy=blocked.strategy_id or blocked.class_name,
        handler=blocked.handler,
        place=blocked.place,
        seq=blocked.seq,
        limit_s=blocked.limit_s,
        stack=blocked.stack,
    )
    lines = (str(blocked), *(() if directory is None else (_what_is_next(blocked, directory),)))
    failure = Failure("blocked", ExitCode.FAILED, "the run failed", lines)
    click.echo("\n".join((f"orchestrion: {failure.headline}", *failure.lines)), err=True)
    if session.as_json:
        print_json(failure.as_json())
    sys.stdout.flush()
    os._exit(failure.exit_code)


def _what_is_next(blocked: Blocked, directory: Path) -> str:
    """Leaves word for the next start."""
    from orchestrion.adapters.process.blocked_note import FILE_NAME, write_note

    if not blocked.strategy_id:
        return "nothing is lost; repair it, the next start calls it again"
    try:
        write_note(directory, blocked)
    except OSError as failure:
        return f"nothing is lost; the next start calls it again, {FILE_NAME}: {failure.strerror}"
    return (
        "nothing is lost, and the next start quarantines it; to give it another try remove "
        f"{directory / FILE_NAME} first"
    )
