"""I31: a strategy that never comes back is named, its process ends, and the next start does
without it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from orchestrion.adapters.cli.exit_code import ExitCode
from orchestrion.adapters.process.blocked_note import FILE_NAME
from orchestrion.adapters.replay import replay_journal
from tests.processes.crash_suites import Arena, arena
from tests.processes.live_process import MAIN
from tests.processes.run_checker import faults_of
from tests.processes.venue_checker import VenueTruth
from tests.processes.venue_client import ROOT

pytestmark = pytest.mark.slow
LIMIT_S = 0.4


def with_stuck(one: Arena, name: str, **config: Any) -> None:
    content = one.run.content
    content["supervision"] = {"blocked_after_s": LIMIT_S}
    content["strategies"]["third"] |= {
        "strategy": f"tests.processes.trading:{name}",
        "config": {"instrument_id": "BBB", **config},
    }
    one.run.configure(content)


@pytest.mark.parametrize(
    ("name", "seed"),
    [("Stuck", 0), ("Stuck", 1), ("AsyncStuck", 0), ("AsyncStuck", 1)],
    ids=["asyncio", "trio", "behind an await, asyncio", "behind an await, trio"],
)
def test_blocked_live_run_names_the_strategy_and_the_next_start_quarantines_it(
    tmp_path: Path, name: str, seed: int
) -> None:
    with arena(tmp_path / "a", seed=seed, plan="{}") as one:
        with_stuck(one, name)
        one.run.start()
        assert one.run.wait() == ExitCode.FAILED
        (logged,) = [line for line in one.run.events() if line["event"] == "StrategyBlocked"]
        assert (logged["strategy"], logged["handler"]) == ("third", "on_event")
        assert "trading.py" in "\n".join(logged["stack"])
        assert (
            f"strategy 'third' has blocked the process for more than {LIMIT_S:g} s in on_event"
            in (one.run.errors)
        )
        assert one.run.result["error"]["kind"] == "blocked"
        assert faults_of(one.run.journals, one.venue.log, one.run.sync_log) == []
        before = len(VenueTruth.read(one.venue.log).accepted)

        one.run.start(options=("--status-every", "0.1"))
        assert one.run.wait_running(), one.run.errors
        while len(VenueTruth.read(one.venue.log).accepted) < before + 10:
            assert one.run.is_alive, one.run.errors
            time.sleep(0.02)
        assert one.run.stop() == ExitCode.OK
        assert one.run.has_told("StrategyTakenOut")
        assert not (one.run.journals / FILE_NAME).exists()
        assert '"third": "quarantined"' in one.run.errors
        assert faults_of(one.run.journals, one.venue.log, one.run.sync_log) == []
        assert replay_journal(one.run.journals).divergence is None


def test_blocked_run_is_given_another_try_when_the_note_is_removed(tmp_path: Path) -> None:
    with arena(tmp_path / "a", seed=0, plan="{}") as one:
        with_stuck(one, "Stuck")
        one.run.start()
        assert one.run.wait() == ExitCode.FAILED
        (one.run.journals / FILE_NAME).unlink()
        with_stuck(one, "Stuck")
        one.run.start()
        assert one.run.wait() == ExitCode.FAILED
        assert one.run.has_told("StrategyBlocked")
        assert not one.run.has_told("StrategyTakenOut")


def test_strategy_that_holds_the_interpreter_is_named_by_its_line_and_ends_the_run(
    tmp_path: Path,
) -> None:
    with arena(tmp_path / "a", seed=0, plan="{}") as one:
        with_stuck(one, "StuckInC")
        one.run.start()
        assert one.run.wait() == -signal.SIGPROF
        assert "trading.py" in one.run.errors
        assert "in on_event" in one.run.errors
        assert faults_of(one.run.journals, one.venue.log, one.run.sync_log) == []

        (one.run.journals / FILE_NAME).write_text('{"actor": "third"}')
        one.run.start()
        assert one.run.wait_running(), one.run.errors
        assert one.run.stop() == ExitCode.OK


def test_blocked_backtest_with_a_limit_names_the_strategy(tmp_path: Path) -> None:
    config = tmp_path / "stuck.json"
    config.write_text(
        json.dumps(
            {
                "strategies": {
                    "stuck": {
                        "strategy": "tests.processes.trading:Stuck",
                        "allocation_pct": 100,
                        "config": {"instrument_id": "AAPL"},
                    }
                },
                "supervision": {"blocked_after_s": LIMIT_S},
            }
        )
    )
    ended = subprocess.run(
        [sys.executable, "-c", MAIN, "backtest", str(config), "--journal", str(tmp_path / "j")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert ended.returncode == ExitCode.FAILED
    assert "strategy 'stuck' has blocked the process" in ended.stderr
    assert "trading.py" in ended.stderr.splitlines()[-1]
