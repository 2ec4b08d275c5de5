"""Runs tests in forked children: once as they are, to see which lines each of them runs, then with
one function changed at a time.

All is imported and all tests are collected once. A mutant lives in a child only: its code is put
into the function objects that hold the original, so whoever has imported the function gets the
mutant too. That is why a child is ready in milliseconds, and why nothing on the disk changes.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from types import CodeType, FrameType, FunctionType
from typing import Any

import pytest

from tests.mutation.operators import Mutant, apply

PATIENCE_FACTOR = 10
PATIENCE_S = 10.0
"""A mutant that takes so much longer than the tests took without it runs for ever."""
FAILED, PASSED, BROKEN = 1, 0, 3


class Verdict(StrEnum):
    KILLED = "killed"
    TIMED_OUT = "timed out"
    SURVIVED = "survived"
    UNREACHED = "not reached"
    UNMAKEABLE = "not made"


@dataclass
class Reach:
    """What one test ran, by the place of the test among all.

    Attributes:
        seconds: how long it took, traced.
        lines: (module, line).
    """

    seconds: float
    lines: set[tuple[str, int]] = field(default_factory=set)


class Target:
    """A module, its source, and its functions as they are in memory."""

    def __init__(self, name: str) -> None:
        self.module = importlib.import_module(name)
        self.name = name
        self.path = str(self.module.__file__)
        self.source = Path(self.path).read_text()

    def plant(self, mutant: Mutant) -> bool:
        """Puts a mutant in place of the original; False when it cannot be done in memory."""
        changed = compile(apply(self.source, mutant), self.path, "exec")
        if mutant.constant:
            return self._plant_constant(mutant.constant, changed)
        new = _code_in(changed, mutant)
        old = [one for one in _functions() if _is_of(one.__code__, self.path, mutant)]
        if new is None or not old:
            return False
        for function in old:
            if function.__code__.co_freevars != new.co_freevars:
                return False
            function.__code__ = new
        return True

    def _plant_constant(self, name: str, changed: CodeType) -> bool:
        """A module's plain value, wherever it was imported under its name."""
        before = vars(self.module)[name]
        namespace = {"__name__": self.name, "__file__": self.path}
        exec(changed, namespace)  # noqa: S102 - the project's own source
        after = namespace[name]
        if before == after:
            return False
        for module in list(sys.modules.values()):
            if getattr(module, "__dict__", {}).get(name) is before:
                setattr(module, name, after)
        return True


def _functions() -> list[FunctionType]:
    return [one for one in gc.get_objects() if isinstance(one, FunctionType)]


def _is_of(code: CodeType, path: str, mutant: Mutant) -> bool:
    return (
        code.co_filename == path
        and code.co_qualname == mutant.function
        and code.co_firstlineno == mutant.function_line
    )


def _code_in(code: CodeType, mutant: Mutant) -> CodeType | None:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            if (one.co_qualname, one.co_firstlineno) == (mutant.function, mutant.function_line):
                return one
            found = _code_in(one, mutant)
            if found is not None:
                return found
    return None


# -- children -------------------------------------------------------------------------------------


def measure(items: Sequence[pytest.Item], targets: Sequence[Target]) -> list[Reach]:
    """What each test runs, and how long it takes.

    Raises:
        RuntimeError: a test fails without a mutant.
    """
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        _in_child(lambda: _measure_and_tell(items, targets, writing))
    os.close(writing)
    with os.fdopen(reading, "rb") as told:
        content = told.read()
    _, status = os.waitpid(pid, 0)
    if status or not content:
        raise RuntimeError("the tests fail without a mutant: run them with pytest")
    reaches: list[Reach] = pickle.loads(content)  # noqa: S301 - our own child's words
    return reaches


def _measure_and_tell(items: Sequence[pytest.Item], targets: Sequence[Target], pipe: int) -> int:
    tracer = _Tracer({one.path: one.name for one in targets})
    found: list[Reach] = []
    for place, item in enumerate(items):
        tracer.lines = set()
        begun_s = time.perf_counter()
        sys.settrace(tracer)
        _play(item, items[place + 1] if place + 1 < len(items) else None)
        sys.settrace(None)
        found.append(Reach(time.perf_counter() - begun_s, tracer.lines))
        if item.session.testsfailed:
            return FAILED
    with os.fdopen(pipe, "wb") as telling:
        telling.write(pickle.dumps(found))
    return PASSED


class _Tracer:
    """Notes lines of some modules; other frames are not traced at all."""

    def __init__(self, paths: dict[str, str]) -> None:
        self.lines: set[tuple[str, int]] = set()
        self._paths = paths

    def __call__(self, frame: FrameType, event: str, argument: Any) -> Any:
        module = self._paths.get(frame.f_code.co_filename)
        if module is None:
            return None
        lines = self.lines

        def on_line(frame: FrameType, event: str, argument: Any) -> Any:
            lines.add((module, frame.f_lineno))
            return on_line

        return on_line(frame, event, argument)


def judge(target: Target, mutant: Mutant, items: Sequence[pytest.Item], known_s: float) -> Verdict:
    """Runs tests with a mutant until one of them fails.

    Args:
        known_s: what the tests took without it.
    """
    pid = os.fork()
    if pid == 0:
        # The default action of this signal ends the process, whatever it is doing.
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.setitimer(signal.ITIMER_REAL, known_s * PATIENCE_FACTOR + PATIENCE_S)
        _in_child(lambda: _plant_and_run(target, mutant, items))
    _, status = os.waitpid(pid, 0)
    if os.WIFSIGNALED(status):
        is_late = os.WTERMSIG(status) == signal.SIGALRM
        return Verdict.TIMED_OUT if is_late else Verdict.KILLED
    return {PASSED: Verdict.SURVIVED, BROKEN: Verdict.UNMAKEABLE}.get(
        os.WEXITSTATUS(status), Verdict.KILLED
    )


def _plant_and_run(target: Target, mutant: Mutant, items: Sequence[pytest.Item]) -> int:
    if not target.plant(mutant):
        return BROKEN
    for place, item in enumerate(items):
        _play(item, items[place + 1] if place + 1 < len(items) else None)
        if item.session.testsfailed:
            return FAILED
    return PASSED


def _play(item: pytest.Item, following: pytest.Item | None) -> None:
    item.config.hook.pytest_runtest_protocol(item=item, nextitem=following)


def _in_child(act: Callable[[], int]) -> None:
    """Never comes back: what a child would do at its end is the parent's to do."""
    code = FAILED
    try:
        nowhere = os.open(os.devnull, os.O_RDWR)
        os.dup2(nowhere, 1)
        os.dup2(nowhere, 2)
        code = act()
    finally:
        os._exit(code)
