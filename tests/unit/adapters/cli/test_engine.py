"""The command line with its real engine, over a short stretch of the bundled data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import structlog

from orchestrion.adapters.cli.command import Session
from orchestrion.adapters.cli.engine import Engine
from orchestrion.adapters.cli.main import cli
from orchestrion.adapters.settings import load_settings

CONFIG = """\
strategy: MEAN_REVERSION_EQUITY
config: {lookback_days: 10, entry_z: 1.0}
data: {source: bundled, series: [index, stocks], end: 2014-03-31}
"""


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_run_is_written_to_a_journal_that_replays(
    backend: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("short.yaml").write_text(CONFIG)

    def call(*arguments: str) -> str:
        with pytest.raises(SystemExit) as raised:
            cli.main(list(arguments), prog_name="orchestrion", obj=Session())
        captured = capsys.readouterr()
        assert raised.value.code == 0, captured.err
        return captured.out

    try:
        document = json.loads(call("backtest", "short.yaml", "--json", "--backend", backend))
        replayed = json.loads(call("replay", document["journal"], "--json"))
    finally:
        structlog.reset_defaults()
    assert document["books"][0]["fills"] > 0
    assert document["ledger_checks"] > 0
    assert replayed["identical"] is True
    assert replayed["decision_hash"] == document["decision_hash"]


def test_strategies_of_the_example_fit_together() -> None:
    examples = Path(__file__).parents[4] / "examples"
    Engine().check_compatibility(load_settings(examples / "three_strategies.yaml"))
