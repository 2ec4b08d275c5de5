"""The assertions about repeating hold for what repeats, and name what does not."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from orchestrion import MarketSlice, Strategy, StrategyView, load_settings, run_backtest
from orchestrion.adapters.journal.sqlite_journal import Durability, SqliteJournal
from orchestrion.adapters.journal.sqlite_reader import SqliteJournalReader
from orchestrion.testing import Scenario, assert_plays_identically, assert_replays_identically

DAYS = "\n".join(f"2014-01-{day:02}T21:00:00Z,ABC,{100 + day % 3}" for day in range(2, 21))
RUNS = count()
"""What a strategy must not have: memory beyond its own run."""


class Sound(Strategy):
    """Buys and sells one share in turn."""

    def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
        return [view.close("ABC") if view.quantity("ABC") else view.buy("ABC", 1)]


class Drifting(Strategy):
    """Buys one share more in every run."""

    def __init__(self, parameters: Any = None) -> None:
        super().__init__(parameters)
        self.quantity = next(RUNS) + 1

    def on_event(self, event: MarketSlice, view: StrategyView) -> Any:
        return [view.buy("ABC", self.quantity)]


def _journal(folder: Path, strategy: type[Strategy]) -> Path:
    (folder / "abc.csv").write_text(f"ts_event,instrument_id,close\n{DAYS}\n")
    config = {
        "strategy": f"{strategy.__module__}:{strategy.__name__}",
        "data": {
            "source": "files",
            "files": [{"path": str(folder / "abc.csv")}],
            "instruments": [{"kind": "equity", "instrument_id": "ABC"}],
        },
    }
    path = folder / "run.sqlite"
    run_backtest(load_settings(config), journal_path=path)
    return path


def test_journal_of_a_sound_strategy_replays_identically(tmp_path: Path) -> None:
    outcome = assert_replays_identically(_journal(tmp_path, Sound))

    assert outcome.decisions > 10


def test_journal_of_a_drifting_strategy_is_named_at_its_first_difference(tmp_path: Path) -> None:
    path = _journal(tmp_path, Drifting)

    with pytest.raises(AssertionError, match=r"replays differently at seq \d+, DecisionRecord"):
        assert_replays_identically(str(path))


def test_journal_without_end_proves_nothing(tmp_path: Path) -> None:
    whole = SqliteJournalReader(_journal(tmp_path, Sound))
    cut = SqliteJournal(tmp_path / "cut.sqlite", durability=Durability.FULL)
    cut.begin(whole.header)
    for record in whole.records():
        cut.append(record)
    cut.close()

    with pytest.raises(AssertionError, match="was cut off"):
        assert_replays_identically(tmp_path / "cut.sqlite")


def _scenario(strategy: Callable[[], Strategy]) -> Scenario:
    return Scenario({"one": strategy}).bars({"ABC": [100, 101, 102]})


def test_scenario_of_a_sound_strategy_plays_identically() -> None:
    assert_plays_identically(_scenario(Sound))


def test_scenario_of_a_drifting_strategy_is_named_at_its_first_difference() -> None:
    with pytest.raises(
        AssertionError, match=r"record \d+ came out differently on asyncio:\n  then"
    ):
        assert_plays_identically(_scenario(Drifting))


def test_scenario_without_a_market_proves_nothing() -> None:
    with pytest.raises(AssertionError, match="no market"):
        assert_plays_identically(Scenario({"one": Sound}))
