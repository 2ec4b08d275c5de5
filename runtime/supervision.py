"""How often an actor may fail before it is given up.

The count is exact: an actor may fail ``failures_max - 1`` times within the window and is rebuilt
each time; the failure that makes it ``failures_max`` within the window quarantines it. There are
two windows, because time alone does not fit both a tick feed and daily data: a stretch of input
time, and a number of the actor's own turns. Either one being full is enough. Wall time plays no
part, so a replay quarantines at the same message.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, ClassVar

import msgspec


class SupervisionPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Restart intensity.

    Attributes:
        failures_max: the failure with this number inside a window is the last.
        window_ns: stretch of input time, nanoseconds.
        window_turns: stretch of the actor's own turns.
    """

    failures_max: int = 3
    window_ns: int = 60_000_000_000
    window_turns: int = 20

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")


class SupervisionVerdict(StrEnum):
    RESTART = "restart"
    QUARANTINE = "quarantine"


class FailureWindow:
    """Remembers one actor's recent failures and judges the next."""

    __slots__ = ("_failures", "_policy")

    STATE: ClassVar[Mapping[str, Any]] = {"_failures": tuple[tuple[int, int], ...]}

    def __init__(self, policy: SupervisionPolicy) -> None:
        self._policy = policy
        # Older failures than the last ``failures_max`` can never matter again.
        self._failures: deque[tuple[int, int]] = deque(maxlen=policy.failures_max)

    def after_restore(self) -> None:
        """See ``runtime.state.Restorable``."""
        self._failures = deque(self._failures, maxlen=self._policy.failures_max)

    def record(self, *, now_ns: int, turn: int) -> tuple[SupervisionVerdict, int]:
        """Counts a failure. Returns the verdict and how many failures the fuller window holds."""
        self._failures.append((now_ns, turn))
        policy = self._policy
        in_time = sum(1 for ns, _ in self._failures if now_ns - ns < policy.window_ns)
        in_turns = sum(1 for _, at in self._failures if turn - at < policy.window_turns)
        count = max(in_time, in_turns)
        full = count >= policy.failures_max
        return (SupervisionVerdict.QUARANTINE if full else SupervisionVerdict.RESTART), count
