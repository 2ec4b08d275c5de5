"""A recorded run through another configuration: where it parts, and what would come of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrion import load_settings, run_backtest
from orchestrion.adapters.what_if import what_if
from orchestrion.runtime.errors import JournalFormatError

CONFIG = {
    "name": "two",
    "account": {"capital": 100_000},
    "data": {"source": "bundled", "start": "2014-01-03", "end": "2014-09-30"},
    "strategies": {
        "MOMENTUM_FUTURES": {"allocation_pct": 50},
        "MEAN_REVERSION_EQUITY": {"allocation_pct": 50},
    },
}


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("what_if") / "run.sqlite"
    run_backtest(load_settings(CONFIG), journal_path=path)
    return path


def changed(percent: int) -> dict[str, object]:
    strategies = {
        "MOMENTUM_FUTURES": {"allocation_pct": 50},
        "MEAN_REVERSION_EQUITY": {"allocation_pct": percent},
    }
    return {**CONFIG, "strategies": strategies}


def test_same_code_and_configuration_differ_nowhere(journal: Path) -> None:
    found = what_if(journal, goes_on=True)
    assert found.first_difference is None
    assert found.decisions_equal > 10
    assert found.simulated is not None
    assert found.simulated.same == found.decisions_equal
    for one in found.simulated.counts:
        assert (one.approved_then, one.refused_then) == (one.approved_now, one.refused_now)


def test_other_configuration_stops_at_the_first_other_decision(journal: Path) -> None:
    found = what_if(journal, load_settings(changed(5)))
    assert found.first_difference is not None
    assert found.first_difference.then != found.first_difference.now
    assert found.simulated is None


def test_going_on_counts_what_would_have_been_decided(journal: Path) -> None:
    found = what_if(journal, load_settings(changed(5)), goes_on=True)
    assert found.simulated is not None
    by_id = {one.strategy_id: one for one in found.simulated.counts}
    reverting = by_id["MEAN_REVERSION_EQUITY"]
    assert found.simulated.same < reverting.approved_now  # with less capital, other sizes
    assert set(found.simulated.equity_now) >= {"MEAN_REVERSION_EQUITY", "RESERVE"}


def test_file_that_is_no_journal_is_refused(tmp_path: Path) -> None:
    other = tmp_path / "other.sqlite"
    other.write_bytes(b"nothing")
    with pytest.raises(JournalFormatError):
        what_if(other)
