"""How patient the live adapter is: time-outs, back-off, rate limit, bounds."""

from __future__ import annotations

import math
import random

import anyio
import anyio.lowlevel
import msgspec

from orchestrion.domain.errors import ConfigurationError


class DeliveryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """Seconds and counts of the live adapter; all above 0. The defaults are arbitrary and meant for
    a venue on the internet that answers within a second.

    Attributes:
        call_timeout_s: an answer that takes longer is none.
        connect_timeout_s: the same for making a connection.
        submit_age_max_s: an order that could not be sent for so long (no connection, rate limit,
            busy venue) is not sent any more: its prices are stale. It expires.
        cancel_age_max_s: the same for a cancel, which then counts as rejected.
        calls_per_s, burst_calls: no more calls than this, on average and at once.
        back_off_first_s, back_off_max_s: waits double from the first to the longest; of each the
            second half is random, so that many clients do not come back together.
        stable_after_s: a connection that held so long starts the back-off anew.
        timeouts_before_reconnect: as many calls without answer in a row end a connection.
        queue_commands_max: commands that wait to be sent; one more is rejected.
        outcomes_max: reports that wait to be read; then the venue's stream waits.
        grace_s: a shutdown waits so long for what is under way.
        close_timeout_s: and so long for the connection to close.
    """

    call_timeout_s: float = 5.0
    connect_timeout_s: float = 10.0
    submit_age_max_s: float = 5.0
    cancel_age_max_s: float = 60.0
    calls_per_s: float = 10.0
    burst_calls: int = 10
    back_off_first_s: float = 0.25
    back_off_max_s: float = 30.0
    stable_after_s: float = 30.0
    timeouts_before_reconnect: int = 3
    queue_commands_max: int = 10_000
    outcomes_max: int = 10_000
    grace_s: float = 3.0
    close_timeout_s: float = 1.0

    def __post_init__(self) -> None:
        for name in self.__struct_fields__:
            value: float = getattr(self, name)
            if not (math.isfinite(value) and value > 0):
                raise ConfigurationError(f"live: {name} must be above 0 and finite, got {value}")
        if self.back_off_max_s < self.back_off_first_s:
            raise ConfigurationError(
                f"live: back_off_max_s {self.back_off_max_s} is below back_off_first_s "
                f"{self.back_off_first_s}"
            )


class BackOff:
    """Growing waits with seeded jitter."""

    def __init__(self, policy: DeliveryPolicy, draws: random.Random) -> None:
        self._policy = policy
        self._draws = draws
        self._ceiling_s = policy.back_off_first_s

    def next_s(self) -> float:
        """The next wait: between half of the ceiling and the ceiling, which then doubles."""
        ceiling_s = self._ceiling_s
        self._ceiling_s = min(2 * ceiling_s, self._policy.back_off_max_s)
        return ceiling_s * (1 + self._draws.random()) / 2

    def reset(self) -> None:
        self._ceiling_s = self._policy.back_off_first_s


class RateLimit:
    """At most ``burst_calls`` at once and ``calls_per_s`` on average, in the order of asking.

    Each caller books the next free moment and sleeps until then (the virtual scheduling form of the
    leaky bucket), so nobody can overtake.
    """

    def __init__(self, policy: DeliveryPolicy) -> None:
        self._interval_s = 1 / policy.calls_per_s
        self._slack_s = (policy.burst_calls - 1) * self._interval_s
        self._next_s = -math.inf

    async def take(self) -> None:
        """Returns when the next call may be made."""
        now_s = anyio.current_time()
        booked_s = max(self._next_s, now_s)
        self._next_s = booked_s + self._interval_s
        wait_s = booked_s - self._slack_s - now_s
        if wait_s > 0:
            await anyio.sleep(wait_s)
        else:
            await anyio.lowlevel.checkpoint()
