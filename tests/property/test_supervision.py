"""I28, I29 over whole runs: failures at chosen times around the window, and what the others do.

pytest tests/property/test_supervision.py --hypothesis-profile=acceptance       2,000 cases
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.models.market import MarketSlice, TradeTick
from orchestrion.domain.models.strategy import Strategy, StrategyOutput, StrategyView
from orchestrion.domain.orchestration.events import (
    StrategyQuarantinedEvent,
    StrategyRestartedEvent,
)
from orchestrion.runtime.journal import RecordKind
from orchestrion.runtime.supervision import SupervisionPolicy
from tests.fakes import START, Stage, play

pytestmark = pytest.mark.slow
PRICE_E9 = 100 * 10**9
WINDOW_NS = 1_000


class Failing(Strategy):
    """Raises at some events, and says nothing at the others."""

    def __init__(self, times: frozenset[int]) -> None:
        super().__init__()
        self.times = times

    def on_event(self, event: MarketSlice, view: StrategyView) -> None:
        if event.ts_event in self.times:
            raise ValueError("as planned")


class Counting(Failing):
    """The same with a state that is given, so that a rebuild goes another way."""

    def snapshot(self) -> object:
        return {}

    def restore(self, state: object) -> None:
        """There is nothing to take back."""


class Trading(Strategy):
    """Buys with every so many-th event, and closes with the next."""

    def __init__(self, every: int) -> None:
        super().__init__()
        self.every = every
        self.events = 0

    def on_event(self, event: MarketSlice, view: StrategyView) -> list[StrategyOutput]:
        self.events += 1
        if self.events % self.every:
            return []
        return [view.close("AAA") or view.buy("AAA", self.events % 7 + 1)]


gaps = st.sampled_from((1, 2, WINDOW_NS // 2, WINDOW_NS - 1, WINDOW_NS, WINDOW_NS + 1))
"""Between two events: so that failures meet the window's edge from both sides."""


@given(
    events=st.lists(st.tuples(gaps, st.booleans()), min_size=1, max_size=25),
    failures_max=st.integers(1, 4),
    window_turns=st.integers(1, 8),
    kind=st.sampled_from((Failing, Counting)),
)
def test_quarantine_comes_exactly_with_the_failure_that_fills_a_window_and_harms_nobody_else(
    events: list[tuple[int, bool]],
    failures_max: int,
    window_turns: int,
    kind: Callable[[frozenset[int]], Strategy],
) -> None:
    times, ts = list[int](), START
    for gap, _ in events:
        ts += gap
        times.append(ts)
    failing = frozenset(one for one, (_, fails) in zip(times, events, strict=True) if fails)
    policy = SupervisionPolicy(
        failures_max=failures_max, window_ns=WINDOW_NS, window_turns=window_turns
    )
    stage = played(lambda: kind(failing), times, policy)
    assert told(stage) == expected(times, failing, policy)
    silent = played(lambda: kind(frozenset()), times, policy)
    assert decisions(stage) == decisions(silent)
    assert books(stage) == books(silent)


def played(failing: Callable[[], Strategy], times: list[int], policy: SupervisionPolicy) -> Stage:
    return play(
        {"failing": failing, "one": lambda: Trading(2), "other": lambda: Trading(3)},
        [MarketSlice.of([TradeTick("AAA", one, PRICE_E9, 10**9)]) for one in times],
        supervision=policy,
    )


def told(stage: Stage) -> list[str]:
    """What became of the failing one, in order."""
    words = {StrategyRestartedEvent: "restarted", StrategyQuarantinedEvent: "quarantined"}
    return [words[type(one)] for one in stage.events if type(one) in words]


def expected(times: list[int], failing: frozenset[int], policy: SupervisionPolicy) -> list[str]:
    """The same from a list of all failures; the start is the first turn."""
    failures, found = list[tuple[int, int]](), list[str]()
    for turn, ts in enumerate(times, start=2):
        if ts not in failing:
            continue
        failures.append((ts, turn))
        in_time = [one for one, _ in failures if ts - one < policy.window_ns]
        in_turns = [one for _, one in failures if turn - one < policy.window_turns]
        if max(len(in_time), len(in_turns)) >= policy.failures_max:
            return [*found, "quarantined"]
        found.append("restarted")
    return found


def decisions(stage: Stage) -> list[bytes]:
    records = stage.journal.records()
    return [one.body for one in records if one.kind is RecordKind.DECISION]


def books(stage: Stage) -> dict[str, object]:
    return {key: (book.cash, dict(book.positions)) for key, book in stage.books.items()}
