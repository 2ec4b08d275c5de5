"""Exit codes of the command line. They are documented and never change their meaning."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    OK = 0
    FAILED = 1
    """The run failed, or the replay diverged."""
    BAD_INPUT = 2
    """Bad configuration, market data or usage; nothing was run."""
    BAD_JOURNAL = 3
    """The journal cannot be written or read."""
    INTERRUPTED = 130
    """Ctrl-C."""


EXIT_CODES_IN_WORDS = """\b
Exit codes:
    0  everything went well
    1  the run failed, or the replay diverged
    2  bad configuration, market data or usage; nothing was run
    3  the journal cannot be written or read
  130  interrupted"""
