"""From an exception to one clear block on stderr, a JSON document, and an exit code.

A user's mistake is never shown as a traceback; ``--debug`` shows it for those who need it.
"""

from __future__ import annotations

import errno
from typing import Any, cast

import msgspec

from orchestrion.adapters.cli.exit_code import ExitCode
from orchestrion.adapters.process.account_mismatch import AccountMismatchError
from orchestrion.domain.errors import ConfigurationError, MarketDataError, OrchestrionError
from orchestrion.runtime.errors import ActorError, DivergenceError, JournalError

_FAULT_INDENT = " " * 6


class Failure(msgspec.Struct, frozen=True):
    """What went wrong.

    Attributes:
        kind: configuration, market_data, journal, divergence, reconciliation, run,
            blocked or internal.
        headline: one line.
        lines: the rest of the block.
        faults: of a configuration, as plain data.
    """

    kind: str
    exit_code: ExitCode
    headline: str
    lines: tuple[str, ...] = ()
    faults: tuple[dict[str, str], ...] = ()

    def as_json(self) -> dict[str, Any]:
        """Plain data for ``--json``."""
        return {
            "error": {
                "kind": self.kind,
                "exit_code": int(self.exit_code),
                "message": "\n".join((self.headline, *self.lines)),
                "faults": list(self.faults),
            }
        }


def failure_of(error: BaseException) -> Failure:
    """What an exception means to a user. Groups and chained causes are looked into."""
    error = _innermost(error)
    if isinstance(error, KeyboardInterrupt):
        return Failure("interrupted", ExitCode.INTERRUPTED, "interrupted")
    if isinstance(error, ConfigurationError):
        return _configuration(error)
    if isinstance(error, MarketDataError):
        return _plain("market_data", ExitCode.BAD_INPUT, "the market data cannot be used", error)
    if isinstance(error, DivergenceError):
        return _plain("divergence", ExitCode.FAILED, "the replay diverged", error)
    if isinstance(error, JournalError):
        return _plain("journal", ExitCode.BAD_JOURNAL, "the journal cannot be used", error)
    if isinstance(error, AccountMismatchError):
        return _plain("reconciliation", ExitCode.FAILED, "the books and the account differ", error)
    if isinstance(error, OrchestrionError | ActorError):
        return _plain("run", ExitCode.FAILED, "the run failed", error)
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EACCES, errno.EROFS}:
        return _plain("run", ExitCode.FAILED, "the run failed", error)
    return Failure(
        "internal",
        ExitCode.FAILED,
        f"internal error: {type(error).__name__}: {error}",
        ("this is a bug: run it again with --debug and report what it prints",),
    )


def _innermost(error: BaseException) -> BaseException:
    """The error that a group of one holds; task groups wrap whatever their tasks raise."""
    while inner := _members(error):
        error = next((one for one in inner if isinstance(one, KeyboardInterrupt)), inner[0])
    return error


def _members(error: BaseException) -> tuple[BaseException, ...]:
    if not isinstance(error, BaseExceptionGroup):
        return ()
    return cast("BaseExceptionGroup[BaseException]", error).exceptions


def _plain(kind: str, exit_code: ExitCode, headline: str, error: BaseException) -> Failure:
    lines = str(error).splitlines() or [type(error).__name__]
    cause = error.__cause__
    # An error of the system is told in our own words already; a strategy's own failure is not.
    if cause is not None and not isinstance(cause, OSError) and str(cause) not in str(error):
        lines.append(f"cause: {type(cause).__name__}: {cause}")
    return Failure(kind, exit_code, headline, tuple(lines))


def _configuration(error: ConfigurationError) -> Failure:
    from orchestrion.adapters.settings.fault import SettingsError

    headline = "the configuration cannot be used"
    if not isinstance(error, SettingsError):
        return _plain("configuration", ExitCode.BAD_INPUT, headline, error)
    lines = [error.origin]
    for fault in error.faults:
        place = f" ({fault.place})" if fault.place else ""
        where = f"{fault.path or 'the file'}{place}"
        found = f", found {fault.value}" if fault.value else ""
        lines += [f"  {where}", f"{_FAULT_INDENT}{fault.problem}{found}; {fault.expected}"]
    count = len(error.faults)
    return Failure(
        "configuration",
        ExitCode.BAD_INPUT,
        f"{headline}: {count} fault{'' if count == 1 else 's'}",
        tuple(lines),
        tuple(msgspec.structs.asdict(fault) for fault in error.faults),
    )
