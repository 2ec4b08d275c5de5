"""What an exception means to a user."""

from __future__ import annotations

import errno

import pytest

from orchestrion.adapters.cli.exit_code import ExitCode
from orchestrion.adapters.cli.failure import failure_of
from orchestrion.domain.errors import (
    ConfigurationError,
    InvariantBrokenError,
    MarketDataError,
    PortUnavailableError,
)
from orchestrion.runtime.errors import ActorStoppedError, DivergenceError, JournalFormatError

MEANINGS: list[tuple[BaseException, str, ExitCode]] = [
    (ConfigurationError("x"), "configuration", ExitCode.BAD_INPUT),
    (MarketDataError("x"), "market_data", ExitCode.BAD_INPUT),
    (JournalFormatError("x"), "journal", ExitCode.BAD_JOURNAL),
    (DivergenceError(seq=1, name="n", field="f", then=1, now=2), "divergence", ExitCode.FAILED),
    (InvariantBrokenError("x"), "run", ExitCode.FAILED),
    (PortUnavailableError("x"), "run", ExitCode.FAILED),
    (ActorStoppedError("x"), "run", ExitCode.FAILED),
    (OSError(errno.ENOSPC, "No space left on device"), "run", ExitCode.FAILED),
    (OSError(errno.EINVAL, "x"), "internal", ExitCode.FAILED),
    (RuntimeError("x"), "internal", ExitCode.FAILED),
    (KeyboardInterrupt(), "interrupted", ExitCode.INTERRUPTED),
]


@pytest.mark.parametrize(("error", "kind", "code"), MEANINGS)
def test_meaning_table(error: BaseException, kind: str, code: ExitCode) -> None:
    failure = failure_of(error)
    assert (failure.kind, failure.exit_code) == (kind, code)
    assert failure.headline


def test_error_inside_of_task_groups_is_found() -> None:
    wrapped = ExceptionGroup("outer", [ExceptionGroup("inner", [MarketDataError("a hole")])])
    assert failure_of(wrapped).lines == ("a hole",)


def test_interrupt_wins_over_what_it_broke() -> None:
    group = BaseExceptionGroup("tasks", [RuntimeError("cancelled"), KeyboardInterrupt()])
    assert failure_of(group).exit_code is ExitCode.INTERRUPTED


def test_cause_is_told_when_the_message_does_not_hold_it() -> None:
    error = InvariantBrokenError("the books do not add up")
    error.__cause__ = ValueError("0.01 is missing")
    assert failure_of(error).lines[-1] == "cause: ValueError: 0.01 is missing"
    told = InvariantBrokenError("failed: 0.01 is missing")
    told.__cause__ = ValueError("0.01 is missing")
    assert failure_of(told).lines == ("failed: 0.01 is missing",)


def test_message_of_several_lines_stays_so() -> None:
    assert failure_of(MarketDataError("one\ntwo")).lines == ("one", "two")


def test_error_without_words_is_named_by_its_type() -> None:
    assert failure_of(ActorStoppedError()).lines == ("ActorStoppedError",)
