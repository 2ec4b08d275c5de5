"""Records the journals that later versions have to replay: once for each release, then never again.

    python -m tests.replay.record_goldens            # into tests/replay/goldens/<version>

A journal of a release that does not replay any more is a change of behaviour: it takes a numbered
flag in the header, so that old journals keep the old branch. Only while a version is not released
may its goldens be recorded again, and the commit says what changed.
"""

from __future__ import annotations

import shutil
from importlib import metadata
from pathlib import Path
from typing import Any

import click

from orchestrion import load_settings, run_backtest
from orchestrion.adapters.process.paper import run_paper
from orchestrion.adapters.process.stop_request import StopRequest

GOLDENS = Path(__file__).with_name("goldens")
_MONTH = {"source": "bundled", "end": "2014-02-03"}
BACKTEST: dict[str, Any] = {
    "name": "golden-backtest",
    "data": _MONTH,
    "strategies": {
        "OPTIONS_MONTHLY_WEEKLY_HEDGE": {"allocation_pct": 60.0, "config": {"num_lots": 4}},
        "MOMENTUM_FUTURES": {"allocation_pct": 30.0, "config": {"leverage": 2.0}},
        "MEAN_REVERSION_EQUITY": {"allocation_pct": 10.0, "config": {"position_size_pct": 3.0}},
    },
}
PAPER: dict[str, Any] = {
    "name": "golden-paper",
    "data": {**_MONTH, "series": ["index", "stocks"]},
    "strategy": "MEAN_REVERSION_EQUITY",
    "config": {"position_size_pct": 3.0, "lookback_days": 5, "entry_z": 1.5},
    "paper": {"partial_fill_pct": 30, "latency_max_ms": 5},
}


def record(folder: Path) -> None:
    """A backtest, whose data are named by their hash, and a paper run, which holds all of them."""
    run_backtest(load_settings(BACKTEST), journal_path=folder / "backtest.sqlite")
    run_paper(load_settings(PAPER), directory=folder / "paper", stop=StopRequest())
    (folder / "paper" / "journal.lock").unlink(missing_ok=True)


def main() -> None:
    folder = GOLDENS / metadata.version("orchestrion")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    record(folder)
    for path in sorted(folder.rglob("*.sqlite")):
        click.echo(f"{path.relative_to(GOLDENS)}: {path.stat().st_size // 1024} KiB")


if __name__ == "__main__":
    main()
