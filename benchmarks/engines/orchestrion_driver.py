"""Ours: python -m benchmarks.engines.orchestrion_driver STRATEGIES BARS VARIANT [--data KIND].

Measured is the whole run: building books and actors, hashing the inputs, playing every slice, the
journal down to its last commit, and the figures of the result. ``--data parquet`` is
``run_backtest`` over a file, so reading and checking the file is measured with it.
"""

from __future__ import annotations

import argparse
import cProfile
import pstats
from importlib import metadata
from pathlib import Path
from typing import Any

from benchmarks import our_run
from benchmarks.meter import Meter, Task, add_task, report
from benchmarks.workload import MINUTE_NS, is_trading, series_of
from orchestrion import RunResult, load_settings, run_backtest

PROFILE_LINES = 60


def main() -> None:
    parser = argparse.ArgumentParser(description="Plays the workload with Orchestrion.")
    add_task(parser)
    parser.add_argument("--data", choices=("memory", "parquet"), default="memory")
    parser.add_argument("--profile", action="store_true", help="print cProfile instead of a line")
    given = parser.parse_args()
    asked = Task(given.strategies, given.bars, given.variant)
    our_run.quiet_logs()
    with our_run.scratch_folder() as folder:
        if given.profile:
            _profile(asked, folder)
            return
        meter = Meter()
        played = _from_memory if given.data == "memory" else _from_parquet
        result = played(asked, folder, meter)
        journal_bytes = (folder / "journal.sqlite").stat().st_size
    engine = "orchestrion" if given.data == "memory" else "orchestrion, Parquet"
    report(
        engine,
        metadata.version("orchestrion"),
        asked,
        meter,
        orders=result.total.orders,
        fills=result.total.fills,
        equity=f"{our_run.final_equity(result):f}",
        refused=sum(result.total.refusals.values()),
        conflicts=sum(result.conflicts.values()),
        ledger_checks=result.ledger_checks,
        journal_bytes=journal_bytes,
    )


def _strategy(asked: Task) -> str:
    return "SmaCross" if is_trading(asked.variant) else "Noop"


def _from_memory(asked: Task, folder: Path, meter: Meter) -> RunResult:
    source = our_run.memory_source(series_of(asked.variant, asked.bars))
    given = our_run.configuration(_strategy(asked), asked.variant, asked.strategies)
    settings = load_settings(given)
    with meter:
        return our_run.play(settings, source, folder / "journal.sqlite")


def _from_parquet(asked: Task, folder: Path, meter: Meter) -> RunResult:
    files = _write_parquet(asked, folder)
    settings = load_settings(
        our_run.configuration(
            _strategy(asked),
            asked.variant,
            asked.strategies,
            data={"source": "files", "files": files},
        )
    )
    with meter:
        return run_backtest(settings, journal_path=folder / "journal.sqlite")


def _write_parquet(asked: Task, folder: Path) -> list[dict[str, Any]]:
    import pyarrow  # heavy, and only this way of reading needs it
    import pyarrow.parquet

    files: list[dict[str, Any]] = []
    for number, bars in enumerate(series_of(asked.variant, asked.bars)):
        path = folder / f"{our_run.symbol(number)}.parquet"
        columns: dict[str, list[Any]] = {
            "ts_open": [bar.ts_event - MINUTE_NS for bar in bars],
            "ts_event": [bar.ts_event for bar in bars],
            "open": [bar.open_cents / 100 for bar in bars],
            "high": [bar.high_cents / 100 for bar in bars],
            "low": [bar.low_cents / 100 for bar in bars],
            "close": [bar.close_cents / 100 for bar in bars],
            "volume": [bar.volume for bar in bars],
        }
        pyarrow.parquet.write_table(pyarrow.table(columns), path)
        files.append({"path": str(path), "instrument_id": our_run.symbol(number)})
    return files


def _profile(asked: Task, folder: Path) -> None:
    source = our_run.memory_source(series_of(asked.variant, asked.bars))
    given = our_run.configuration(_strategy(asked), asked.variant, asked.strategies)
    settings = load_settings(given)
    profile = cProfile.Profile()
    profile.runcall(our_run.play, settings, source, folder / "journal.sqlite")
    pstats.Stats(profile).sort_stats("tottime").print_stats(PROFILE_LINES)


if __name__ == "__main__":
    main()
