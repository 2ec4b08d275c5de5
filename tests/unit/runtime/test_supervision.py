"""Restart intensity: exact, by input time and by turns."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrion.runtime.supervision import (
    FailureWindow,
    SupervisionPolicy,
    SupervisionVerdict,
)

RESTART, QUARANTINE = SupervisionVerdict.RESTART, SupervisionVerdict.QUARANTINE


def verdicts(policy: SupervisionPolicy, failures: list[tuple[int, int]]) -> list[str]:
    """Of failures given as (time, turn); nothing is asked after a quarantine."""
    window, found = FailureWindow(policy), list[str]()
    for now_ns, turn in failures:
        verdict, _ = window.record(now_ns=now_ns, turn=turn)
        found.append(verdict)
        if verdict is QUARANTINE:
            break
    return found


@pytest.mark.parametrize(
    ("failures", "expected"),
    [
        # Three within 60 ns: the third is the last. Turns lie far apart.
        ([(0, 0), (1, 100), (59, 200)], [RESTART, RESTART, QUARANTINE]),
        # At 60 ns the first has just left the window.
        ([(0, 0), (1, 100), (60, 200)], [RESTART, RESTART, RESTART]),
        ([(0, 0), (1, 100), (60, 200), (60, 300)], [RESTART, RESTART, RESTART, QUARANTINE]),
        # Three within 20 turns, whatever the time.
        ([(0, 1), (1_000, 2), (2_000, 20)], [RESTART, RESTART, QUARANTINE]),
        ([(0, 1), (1_000, 2), (2_000, 21)], [RESTART, RESTART, RESTART]),
        # Windows are not added up: two in time and two in turns are not three.
        ([(0, 0), (10, 100), (1_000, 110)], [RESTART, RESTART, RESTART]),
    ],
)
def test_quarantine_comes_exactly_with_the_failure_that_fills_a_window(
    failures: list[tuple[int, int]], expected: list[str]
) -> None:
    policy = SupervisionPolicy(failures_max=3, window_ns=60, window_turns=20)
    assert verdicts(policy, failures) == expected


def test_one_failure_allowed_means_none() -> None:
    assert verdicts(SupervisionPolicy(failures_max=1), [(0, 0)]) == [QUARANTINE]


def test_default_is_three_failures_in_sixty_seconds_or_twenty_turns() -> None:
    policy = SupervisionPolicy()
    assert (policy.failures_max, policy.window_ns, policy.window_turns) == (3, 60 * 10**9, 20)


@pytest.mark.parametrize("name", ["failures_max", "window_ns", "window_turns"])
def test_policy_below_one_is_refused(name: str) -> None:
    fields: dict[str, Any] = {name: 0}
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        SupervisionPolicy(**fields)


gaps = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 12)), min_size=1, max_size=30)


@given(
    gaps=gaps, failures_max=st.integers(1, 5), window=st.integers(1, 60), turns=st.integers(1, 30)
)
@example(gaps=[(0, 0)] * 5, failures_max=5, window=1, turns=1)
def test_window_counts_as_a_naive_list_does(
    gaps: list[tuple[int, int]], failures_max: int, window: int, turns: int
) -> None:
    policy = SupervisionPolicy(failures_max=failures_max, window_ns=window, window_turns=turns)
    watched = FailureWindow(policy)
    history: list[tuple[int, int]] = []
    now, turn = 0, 0
    for more_ns, more_turns in gaps:
        now, turn = now + more_ns, turn + more_turns
        history.append((now, turn))
        in_time = len([ns for ns, _ in history if ns > now - window])
        in_turns = len([at for _, at in history if at > turn - turns])
        verdict, count = watched.record(now_ns=now, turn=turn)
        full = max(in_time, in_turns) >= failures_max
        assert verdict is (QUARANTINE if full else RESTART)
        assert count == min(max(in_time, in_turns), failures_max)
        if full:
            break
