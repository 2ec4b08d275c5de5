"""Finds the synchronous strategy that keeps the event loop from turning.

A thread looks now and then at what the watched thread is doing, and costs it nothing: no handler
call is timed or noted. A call that is seen so often that the limit is over is blocked. Looks are
counted and not the clock, so a process that was suspended is not taken for one that is blocked.

A call that holds the interpreter's lock, as a regular expression or a library in C may, keeps this
thread from looking. For that there is a timer of the system: when the process has computed for
twice the limit without a look, the stack of its threads is written to stderr and SIGPROF ends it.
It counts the time on the processor, so here as well a suspended process is not a blocked one.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TypeVar

import msgspec

from orchestrion.actors.strategy_actor import StrategyHost
from orchestrion.domain.models.strategy import Strategy, StrategyView
from orchestrion.runtime.machine import Machine

LOOKS = 10
"""So many during the limit: it is kept to about a tenth. Arbitrary."""
LOOK_MAX_S = 1.0
"""And at least so often, seconds."""
_T = TypeVar("_T")


class Blocked(msgspec.Struct, frozen=True):
    """A strategy that did not come back.

    Attributes:
        strategy_id: empty where only its class is known, as while it is built.
        handler: name of its method.
        place: file and line of that method where it is now.
        seq: the input that it was called for; 0 outside of one.
        stack: the calls of the blocked thread, outermost first.
    """

    strategy_id: str
    class_name: str
    handler: str
    place: str
    seq: int
    limit_s: float
    stack: tuple[str, ...]

    def __str__(self) -> str:
        name = repr(self.strategy_id) if self.strategy_id else f"of class {self.class_name}"
        during = f", input {self.seq}" if self.seq else ""
        return (
            f"strategy {name} has blocked the process for more than {self.limit_s:g} s "
            f"in {self.handler} at {self.place}{during}"
        )


class BlockDetector:
    """Tells from a row of looks that a strategy's call does not end."""

    def __init__(self, limit_s: float) -> None:
        self.every_s = min(limit_s / LOOKS, LOOK_MAX_S)
        self._limit_s = limit_s
        self._looks_max = round(limit_s / self.every_s)
        self._call: FrameType | None = None
        self._looks = 0

    def look(self, innermost: FrameType | None) -> Blocked | None:
        """What the watched thread is doing; the strategy that has done it for too long."""
        frames = list(_outward(innermost))[::-1]
        place = next((at for at, one in enumerate(frames) if _strategy_of(one)), None)
        call = None if place is None else frames[place]
        # The same frame and not only the same handler: the object is held, so no other has its id.
        self._looks = self._looks + 1 if call is not None and call is self._call else 0
        self._call = call
        if call is None or place is None or self._looks < self._looks_max:
            return None
        return self._blocked(frames, place)

    def _blocked(self, frames: list[FrameType], place: int) -> Blocked:
        call = frames[place]
        machine = _first_local(frames[:place], Machine)
        return Blocked(
            strategy_id=_id_of(frames[place::-1]),
            class_name=type(_strategy_of(call)).__name__,
            handler=call.f_code.co_name,
            place=f"{call.f_code.co_filename}:{call.f_lineno}",
            seq=0 if machine is None else machine.seq,
            limit_s=self._limit_s,
            stack=tuple(line.rstrip() for line in traceback.format_stack(frames[-1])),
        )


class Watchdog:
    """The thread; a context manager around all that is to be watched in the present one."""

    def __init__(
        self,
        limit_s: float,
        on_blocked: Callable[[Blocked], object],
        *,
        has_timer: bool = False,
    ) -> None:
        """
        Args:
            on_blocked: called once, by the watchdog's thread; then nobody is watched any more.
            has_timer: with the timer of the system, where there is one. For whoever owns the
                process: it takes SIGPROF, and ends it.
        """
        self._timer_s = 2 * limit_s if has_timer and hasattr(faulthandler, "register") else 0.0
        self._detector = BlockDetector(limit_s)
        self._on_blocked = on_blocked
        self._watched = threading.get_ident()
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watchdog", daemon=True)

    def __enter__(self) -> Watchdog:
        if self._timer_s:
            faulthandler.register(signal.SIGPROF, file=2, chain=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        self._thread.join()
        if self._timer_s:
            signal.setitimer(signal.ITIMER_PROF, 0)
            faulthandler.unregister(signal.SIGPROF)

    def _watch(self) -> None:
        while not self._is_over.wait(self._detector.every_s):
            if self._timer_s:
                signal.setitimer(signal.ITIMER_PROF, self._timer_s)
            # No other way leads to another thread's stack.
            frame = sys._current_frames().get(self._watched)  # noqa: SLF001 # pyright: ignore[reportPrivateUsage]
            blocked = self._detector.look(frame)
            if blocked is not None:
                self._on_blocked(blocked)
                return


def _outward(frame: FrameType | None) -> Iterator[FrameType]:
    while frame is not None:
        yield frame
        frame = frame.f_back


def _strategy_of(frame: FrameType) -> Strategy | None:
    """Whose method a frame is, when it is a strategy's."""
    code = frame.f_code
    if not code.co_argcount:
        return None
    first: object = frame.f_locals.get(code.co_varnames[0])
    return first if isinstance(first, Strategy) else None


def _id_of(outward: list[FrameType]) -> str:
    """The strategy's view says it, or its host, which has that."""
    view = _first_local(outward[:1], StrategyView)
    host = _first_local(outward, StrategyHost)
    if view is None and host is not None:
        view = host.view
    return "" if view is None else view.strategy_id


def _first_local(frames: list[FrameType], kind: type[_T]) -> _T | None:
    for frame in frames:
        for value in frame.f_locals.values():
            if isinstance(value, kind):
                return value
    return None
