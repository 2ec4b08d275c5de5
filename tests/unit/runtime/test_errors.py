"""Failures in words: one line, whatever the failure does, that every journal can hold."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from orchestrion.runtime.errors import FAILURE_TEXT_MAX, ActorFailedError, describe


class _RudeError(Exception):
    """Its text is code that fails."""

    def __init__(self, failure: type[BaseException]) -> None:
        super().__init__()
        self.failure = failure

    def __str__(self) -> str:
        raise self.failure("not even my text")


class _Address:
    pass


@pytest.mark.parametrize(
    ("failure", "text"),
    [
        (ValueError("no such price"), "ValueError: no such price"),
        (ValueError(), "ValueError"),
        (ValueError("first line\nsecond line"), "ValueError: first line"),
        (KeyError("AAA"), "KeyError: 'AAA'"),
        (SystemExit(3), "SystemExit: 3"),
        (GeneratorExit(), "GeneratorExit"),
        (OSError("a name with \udcff in it"), "OSError: a name with \\udcff in it"),
        (_RudeError(ValueError), "_RudeError: (its text cannot be read)"),
        (_RudeError(SystemExit), "_RudeError: (its text cannot be read)"),
    ],
)
def test_failure_is_described_in_one_line(failure: BaseException, text: str) -> None:
    assert describe(failure) == text


def test_address_of_an_object_is_left_out() -> None:
    text = describe(ValueError(f"cannot use {_Address()}"))
    assert text.startswith("ValueError: cannot use <")
    assert text.endswith(" object at 0x…>")


def test_long_text_is_cut() -> None:
    assert len(describe(ValueError("x" * 10_000))) == FAILURE_TEXT_MAX


def test_interrupt_while_describing_passes_through() -> None:
    with pytest.raises(KeyboardInterrupt):
        describe(_RudeError(KeyboardInterrupt))


@pytest.mark.parametrize("make", [lambda: _RudeError(ValueError), lambda: ValueError("because")])
def test_failed_actor_is_named_with_its_input(make: Callable[[], BaseException]) -> None:
    error = ActorFailedError("core:auditor", 7, make())
    assert str(error).startswith("'core:auditor' failed at input 7: ")
    assert (error.actor, error.seq) == ("core:auditor", 7)
