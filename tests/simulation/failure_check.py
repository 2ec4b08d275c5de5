"""I29: how often a strategy may fail, counted from the failures themselves.

What was not acked never happened for the run that comes back: a failure that the disk has lost is
no failure any more, and the strategy's turns go back with it. So what was counted is remembered per
input. After a crash it goes on from where the last input that is left began, because the recovery
plays that one again; behind a snapshot nothing is played again, so there it goes on from the
snapshot.
"""

from __future__ import annotations

from orchestrion.runtime.supervision import SupervisionPolicy
from tests.simulation.delivery_check import DeliveryCheck

_Memory = tuple[dict[str, int], dict[str, tuple[tuple[int, int], ...]]]
"""Turns and failures (time, turn) of the strategies at one place."""


class FailureCheck:
    """See the module's text. Turns are those that the deliveries show."""

    def __init__(self, policy: SupervisionPolicy, delivery: DeliveryCheck) -> None:
        self._policy = policy
        self._delivery = delivery
        self._failures: dict[str, tuple[tuple[int, int], ...]] = {}
        self._at_input: dict[int, _Memory] = {}
        self._at_snapshot: dict[int, _Memory] = {}
        self._last_seq = 0
        self._kept: list[tuple[str, str, int]] = []

    # -- remembering ------------------------------------------------------------------------------

    def begin_input(self, seq: int) -> None:
        """An input is about to be worked off."""
        self._count_kept()
        self._at_input[seq] = self._memory()
        self._delivery.failed.clear()

    def take_snapshot(self, seq: int) -> None:
        """The run's state behind an input was written."""
        self._count_kept()
        self._at_snapshot[seq] = self._memory()

    def _memory(self) -> _Memory:
        return dict(self._delivery.turns), dict(self._failures)

    def go_back(self, last_seq: int, *, is_complete: bool) -> None:
        """The process has ended; this is the last input that is left.

        Args:
            is_complete: the snapshot behind it is left, too, so nothing is played again.
        """
        places = self._at_snapshot if is_complete else self._at_input
        turns, failures = places.get(last_seq, ({}, {}))
        self._delivery.turns = dict(turns)
        self._delivery.count_from = last_seq + is_complete
        self._delivery.failed.clear()
        self._failures = dict(failures)
        self._last_seq = 0 if is_complete else last_seq
        self._kept = []

    def keep(self, seq: int, strategy_id: str, failure: str, ts: int) -> None:
        """The event of a failure is on the disk, and is not written again."""
        if seq == self._last_seq:
            self._kept.append((strategy_id, failure, ts))

    def _count_kept(self) -> None:
        """Failures of the last input whose events were kept; it has been played again since."""
        for strategy_id, failure, ts in self._kept:
            self._count(strategy_id, failure, ts)
        self._kept = []

    # -- judging ----------------------------------------------------------------------------------

    def fault_of(self, strategy_id: str, failure: str, counted: int | None, ts: int) -> str:
        """What is wrong with a verdict: rebuilt below the limit, out at it.

        Args:
            counted: failures as the run counts them; None when the strategy is out.

        Returns:
            Empty when nothing is.
        """
        self._count_kept()
        count = self._count(strategy_id, failure, ts)
        most = self._policy.failures_max
        is_full = count >= most
        if counted is not None and (is_full or counted != count):
            return f"I29: {strategy_id} goes on after failure {count} of {most}, not {counted}"
        if counted is None and not is_full and "could not be rebuilt" not in failure:
            return f"I29: {strategy_id} is out after failure {count} of {most}"
        return ""

    def _count(self, strategy_id: str, failure: str, ts: int) -> int:
        """Takes a failure in; how many the fuller window holds."""
        policy, turn = self._policy, self._turn_of(strategy_id, failure)
        earlier = (*self._failures.get(strategy_id, ()), (ts, turn))[-policy.failures_max :]
        self._failures[strategy_id] = earlier
        return max(
            sum(1 for at, _ in earlier if ts - at < policy.window_ns),
            sum(1 for _, at in earlier if turn - at < policy.window_turns),
        )

    def _turn_of(self, strategy_id: str, failure: str) -> int:
        """In which turn it failed; by the time that the event is written there may be later ones.
        Failures of one that is out already have no event, so some may be passed over."""
        failed = self._delivery.failed
        for place, (one, words, turn) in enumerate(failed):
            if (one, words) == (strategy_id, failure):
                del failed[place]
                return turn
        return self._delivery.turns.get(strategy_id, 0)
