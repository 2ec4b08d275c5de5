"""Logging of the command line: structlog on stderr, so that stdout holds nothing but the result.

Human lines on a terminal, one JSON object per line otherwise. Event names are fixed strings, values
are keys; both come from where something is logged, not from here.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, TextIO, cast

import structlog

_LEVELS = {
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warning": logging.WARNING,
    "error": logging.ERROR,
}


class _StandardError:
    """stderr as it is at the moment of writing: a progress bar swaps it to keep lines apart."""

    def write(self, text: str) -> int:
        return sys.stderr.write(text)

    def flush(self) -> None:
        sys.stderr.flush()


def configure_logging(level: str, *, is_terminal: bool) -> None:
    """Sets up structlog for this process.

    Args:
        level: debug, info, warning or error; less important lines are dropped.
        is_terminal: whether stderr is one.
    """
    last: list[Any] = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    if is_terminal:
        last = [structlog.dev.ConsoleRenderer()]
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *last,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(_LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(file=cast("TextIO", _StandardError())),
        cache_logger_on_first_use=False,
    )
