"""Replay: identical, or the first divergence named; over real data and the real command path."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from orchestrion import Strategy, load_settings, replay_journal, run_backtest
from orchestrion.adapters.replay import ReplayOutcome
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.market import MarketSlice
from orchestrion.domain.models.strategy import StrategyView
from orchestrion.runtime.errors import JournalDamagedError, JournalFormatError

TWO_MONTHS = {"source": "bundled", "end": "2014-03-03"}
THREE_STRATEGIES: dict[str, Any] = {
    "data": TWO_MONTHS,
    "strategies": {
        "OPTIONS_MONTHLY_WEEKLY_HEDGE": {"allocation_pct": 60.0, "config": {"num_lots": 4}},
        "MOMENTUM_FUTURES": {"allocation_pct": 30.0, "config": {"leverage": 2.0}},
        "MEAN_REVERSION_EQUITY": {"allocation_pct": 10.0, "config": {"position_size_pct": 3.0}},
    },
}


class Alternating(Strategy):
    """Buys and sells in turn, every fifth day; ``lots`` is what a change of code changes."""

    lots = 10
    count = 0

    def on_event(self, event: MarketSlice, view: StrategyView) -> list[SubmitOrder] | None:
        self.count += 1
        if self.count % 5:
            return None
        if exit_order := view.close("AAPL"):
            return [exit_order]
        return [view.buy("AAPL", self.lots)]


ALTERNATING: dict[str, Any] = {
    "data": {"source": "bundled", "series": ["index", "stocks"], "end": "2014-03-03"},
    "strategy": f"{__name__}:Alternating",
}


def _run(config: Mapping[str, Any], path: Path, backend: str = "asyncio") -> str:
    return run_backtest(load_settings(config), journal_path=path, backend=backend).decision_hash


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    path = tmp_path / "run.sqlite"
    _run(ALTERNATING, path)
    return path


def _decision_positions(path: Path) -> list[tuple[int, int]]:
    with sqlite3.connect(path) as connection:
        rows = connection.execute(
            "SELECT position, seq FROM records WHERE kind = 'decision' ORDER BY position"
        ).fetchall()
    connection.close()
    return [(int(position), int(seq)) for position, seq in rows]


def _alter(path: Path, sql: str, *parameters: object) -> None:
    connection = sqlite3.connect(path)
    with connection:
        assert connection.execute(sql, parameters).rowcount == 1
    connection.close()


def _divergence(outcome: ReplayOutcome) -> tuple[int, str, str, str, str]:
    found = outcome.divergence
    assert found is not None
    assert not outcome.identical
    return found.seq, found.name, found.field, found.then, found.now


def test_replay_of_an_untouched_journal_is_identical(journal: Path) -> None:
    outcome = replay_journal(journal)
    assert outcome.identical
    assert outcome.is_complete
    assert outcome.decisions == len(_decision_positions(journal)) > 5


def test_three_strategies_replay_identically_and_agree_on_both_event_loops(tmp_path: Path) -> None:
    first = _run(THREE_STRATEGIES, tmp_path / "asyncio.sqlite", "asyncio")
    second = _run(THREE_STRATEGIES, tmp_path / "trio.sqlite", "trio")
    outcome = replay_journal(tmp_path / "trio.sqlite")
    assert outcome.identical
    assert first == second == outcome.decision_hash


def test_altered_decision_is_reported_at_its_seq_with_then_and_now(journal: Path) -> None:
    position, seq = _decision_positions(journal)[3]
    _alter(
        journal,
        'UPDATE records SET body = replace(body, \'"quantity":"10"\', \'"quantity":"99"\')'
        " WHERE position = ?",
        position,
    )
    found = _divergence(replay_journal(journal))
    assert found == (seq, "DecisionRecord", "command.legs[0].quantity", "99", "10")


def test_dropped_decision_is_reported_at_its_seq(journal: Path) -> None:
    position, seq = _decision_positions(journal)[2]
    _alter(journal, "DELETE FROM records WHERE position = ?", position)
    assert _divergence(replay_journal(journal))[0] == seq


def test_changed_strategy_is_reported_at_its_first_other_decision(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first_seq = _decision_positions(journal)[0]
    monkeypatch.setattr(Alternating, "lots", 11)
    found = _divergence(replay_journal(journal))
    assert found == (first_seq, "DecisionRecord", "command.legs[0].quantity", "10", "11")


def test_strategy_that_became_silent_is_reported_as_a_missing_record(
    journal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, first_seq = _decision_positions(journal)[0]
    monkeypatch.setattr(Alternating, "on_event", lambda self, event, view: None)
    seq, name, field, _, now = _divergence(replay_journal(journal))
    assert (seq, name, field, now) == (first_seq, "DecisionRecord", "record", "nothing")


def test_input_that_cannot_be_read_any_more_is_named(journal: Path) -> None:
    _alter(
        journal,
        "UPDATE records SET body = replace(body, '\"commission\":', '\"commission \":')"
        " WHERE position = (SELECT min(position) FROM records WHERE name = 'OrderFilledReport')",
    )
    with pytest.raises(JournalFormatError, match=r"seq 13: OrderFilledReport: .*`commission`"):
        replay_journal(journal)


def test_altered_header_is_damage(journal: Path) -> None:
    _alter(journal, "UPDATE header SET body = replace(body, '2014-03-03', '2014-03-04')")
    with pytest.raises(JournalDamagedError, match="the header was altered"):
        replay_journal(journal)


def test_other_data_than_the_header_names_are_refused(tmp_path: Path) -> None:
    bars = tmp_path / "acme.csv"
    bars.write_text("ts_event,close\n2024-01-02T21:00:00Z,10\n2024-01-03T21:00:00Z,11\n")
    config = {
        "strategy": f"{__name__}:Alternating",
        "data": {
            "source": "files",
            "files": [{"path": str(bars), "instrument_id": "ACME"}],
            "instruments": [{"kind": "equity", "instrument_id": "ACME"}],
        },
    }
    _run(config, tmp_path / "run.sqlite")
    assert replay_journal(tmp_path / "run.sqlite").identical
    bars.write_text(bars.read_text().replace(",11", ",12"))
    with pytest.raises(JournalDamagedError, match="the data now have"):
        replay_journal(tmp_path / "run.sqlite")


@pytest.mark.slow
def test_decision_hash_does_not_depend_on_the_hash_seed(tmp_path: Path) -> None:
    code = (
        "import sys, json; from orchestrion import load_settings, run_backtest\n"
        "settings = load_settings(json.loads(sys.argv[1]))\n"
        "print(run_backtest(settings, journal_path=None).decision_hash)"
    )
    hashes = {
        subprocess.run(
            [sys.executable, "-c", code, json.dumps(THREE_STRATEGIES)],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.splitlines()[-1]
        for seed in ("0", "1", "4242")
    }
    assert len(hashes) == 1
