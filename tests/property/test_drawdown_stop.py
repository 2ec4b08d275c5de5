"""Capital that moves neither trips a stop nor hides a loss; a latch holds."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.capital.drawdown_stop import (
    Baseline,
    DrawdownRule,
    StopState,
    arm,
    observe,
)
from orchestrion.domain.capital.kill_switch import StopAction
from orchestrion.domain.capital.session_day import DAY_NS

pytestmark = pytest.mark.slow

START = Decimal(1000)
baselines = st.sampled_from(Baseline)
percents = st.integers(-20, 20)
"""Gain of one look, in percent."""
looks = st.lists(
    st.tuples(percents, st.integers(0, 2), st.sampled_from([0, 0, -50, 25, 100])), max_size=12
)
"""(gain, days passed, capital that moves afterwards in percent of the equity)."""


def _rule(
    baseline: Baseline, *, fraction: str | None = None, amount: int | None = None
) -> DrawdownRule:
    return DrawdownRule(
        scope_id="a",
        baseline=baseline,
        action=StopAction.HALT,
        limit_fraction=None if fraction is None else Decimal(fraction),
        limit_amount=None if amount is None else Decimal(amount),
    )


def _trips(rule: DrawdownRule, steps: list[tuple[int, int, int]], *, moves: bool) -> list[int]:
    """At which looks the stop tripped. The equity earns the same fractions either way."""
    state, equity, ts = arm(rule, START, 0), START, 0
    tripped: list[int] = []
    for number, (gain, days, moved_percent) in enumerate(steps):
        ts += days * DAY_NS
        equity += equity * gain / 100
        state, breach = observe(state, equity, ts)
        tripped += [number] if breach is not None else []
        if moves and moved_percent:
            moved = equity * moved_percent / 100
            equity += moved
            state, breach = observe(state, equity, ts, moved)
            assert breach is None
    return tripped


@given(baselines, looks)
def test_fraction_trips_at_the_same_look_with_and_without_movements(
    baseline: Baseline, steps: list[tuple[int, int, int]]
) -> None:
    # An odd limit, so that no drawdown of whole percents lies exactly on it.
    rule = _rule(baseline, fraction="0.1237")
    assert _trips(rule, steps, moves=True) == _trips(rule, steps, moves=False)


@given(
    baselines,
    st.lists(
        st.tuples(st.integers(-90, 90), st.integers(0, 2), st.integers(-400, 400)), max_size=12
    ),
)
def test_amount_trips_at_the_same_look_with_and_without_movements(
    baseline: Baseline, steps: list[tuple[int, int, int]]
) -> None:
    """The equity earns the same amounts either way."""
    tripped: dict[bool, list[int]] = {True: [], False: []}
    for moves in (True, False):
        state, equity, ts = arm(_rule(baseline, amount=150), START, 0), START, 0
        for number, (gain, days, moved) in enumerate(steps):
            ts += days * DAY_NS
            equity += gain
            state, breach = observe(state, equity, ts)
            if moves:
                equity += moved
                state, late = observe(state, equity, ts, Decimal(moved))
                assert late is None
            tripped[moves] += [number] if breach is not None else []
    assert tripped[True] == tripped[False]


@given(baselines, looks)
def test_observing_capital_at_once_or_with_the_next_equity_judges_the_loss_alike(
    baseline: Baseline, steps: list[tuple[int, int, int]]
) -> None:
    """A movement that is told together with a gain is taken as coming after it."""
    rule = _rule(baseline, fraction="0.1237")
    apart = together = arm(rule, START, 0)
    equity, ts = START, 0
    for gain, days, moved_percent in steps:
        ts += days * DAY_NS
        earned = equity + equity * gain / 100
        moved = earned * moved_percent / 100
        equity = earned + moved
        apart, first = observe(apart, earned, ts)
        apart, second = observe(apart, equity, ts, moved)
        together, breach = observe(together, equity, ts, moved)
        assert (first or second) == breach
    assert apart == together


@given(baselines, looks)
def test_stop_tells_once_and_latches(baseline: Baseline, steps: list[tuple[int, int, int]]) -> None:
    state: StopState = arm(_rule(baseline, fraction="0.05"), START, 0)
    equity, told = START, 0
    for gain, days, _ in steps:
        was_latched = state.is_latched
        equity += equity * gain / 100
        state, breach = observe(state, equity, days * DAY_NS)
        told += breach is not None
        assert state.is_latched is (was_latched or breach is not None)
    assert told <= 1
    assert state.is_latched is (told == 1)
