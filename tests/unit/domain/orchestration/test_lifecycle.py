"""The strategy life cycle, pair by pair: the legal steps by hand, all others refused."""

from __future__ import annotations

from itertools import product

import pytest

from orchestrion.domain.errors import LifecycleError
from orchestrion.domain.orchestration.lifecycle import (
    STEPS,
    PauseMode,
    StrategyStatus,
    StrategyStep,
    TradingState,
    next_strategy_status,
)

LEGAL_STEPS = """
ready        start       running
ready        pause       paused
ready        stop        stopped
running      pause       paused
running      quarantine  quarantined
running      stop        stopped
paused       pause       paused
paused       resume      running
paused       quarantine  quarantined
paused       stop        stopped
quarantined  stop        stopped
"""
EXPECTED = {
    (StrategyStatus(status), StrategyStep(step)): StrategyStatus(after)
    for status, step, after in (line.split() for line in LEGAL_STEPS.splitlines() if line)
}


@pytest.mark.parametrize(("status", "step"), list(product(StrategyStatus, StrategyStep)), ids=str)
def test_step_is_legal_or_refused(status: StrategyStatus, step: StrategyStep) -> None:
    before = dict(STEPS)
    if (status, step) in EXPECTED:
        assert next_strategy_status("alpha", status, step) is EXPECTED[status, step]
    else:
        with pytest.raises(LifecycleError, match=f"'alpha' is {status} and cannot {step}"):
            next_strategy_status("alpha", status, step)
    assert before == STEPS


def test_stopped_is_the_end() -> None:
    assert not any(status is StrategyStatus.STOPPED for status, _ in STEPS)


def test_words_of_configuration_and_field() -> None:
    assert [mode.value for mode in PauseMode] == ["entries_blocked", "reduce_only", "frozen"]
    assert [state.value for state in TradingState] == ["ACTIVE", "REDUCING", "HALTED"]
