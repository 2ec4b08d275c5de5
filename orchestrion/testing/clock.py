"""``VirtualClock``: the time of a test. It moves when it is told to, and never back."""

from __future__ import annotations

NS_PER_SECOND = 1_000_000_000
START_NS = 1_704_724_200 * NS_PER_SECOND
"""2024-01-08 14:30 UTC, a Monday: the hours after it are of one session."""


class VirtualClock:
    """Nanoseconds UTC that only a test moves; call it for the time.

    The core has no clock: time comes to it with every input. This one stamps the inputs, so a test
    of a year takes no longer than one of a second, and comes out the same every time.

    Attributes:
        now: nanoseconds UTC.
    """

    __slots__ = ("now",)

    def __init__(self, now: int = START_NS) -> None:
        self.now = now

    def __call__(self) -> int:
        return self.now

    def advance(self, seconds: int = 0, *, nanoseconds: int = 0) -> int:
        """Moves on and returns the new time.

        Raises:
            ValueError: backwards; the time stays.
        """
        return self.advance_to(self.now + seconds * NS_PER_SECOND + nanoseconds)

    def advance_to(self, ts: int) -> int:
        """The same, to a given time; the present one is fine.

        Raises:
            ValueError: before the present; the time stays.
        """
        if ts < self.now:
            raise ValueError(f"time does not go back: it is {self.now}, asked for {ts}")
        self.now = ts
        return ts
