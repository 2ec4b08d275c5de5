"""Builds and plays a run of ours for a measurement, everything on.

On means: a book per strategy, conflict detection (``allow`` lets both sides go on, as in the
peers), margin and budgets, the audit of the books, supervision with snapshots, and a journal in a
SQLite file with the hash of the inputs, the decisions and the events.

``run_backtest`` reads files. Bars that are ready beforehand are handed to it in place of what it
would open, because the peers have theirs ready too; everything else is what a user gets.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import structlog

from benchmarks.workload import CAPITAL, MINUTE_NS, PriceBar, instrument_count
from orchestrion import Bar, Equity, MarketSlice, RunResult, RunSettings, run_backtest
from orchestrion.adapters import assembly
from orchestrion.adapters.data.in_memory_data import InMemoryData
from orchestrion.adapters.data.source import DataSource

CENT_E9 = 10_000_000
FREE_OF_COST: Mapping[str, Any] = {
    "slippage": {"equity": {"ticks": 0, "price_pct": 0}},
    "commission": {"equity": {"per_unit": 0, "notional_pct": 0, "minimum_per_order": 0}},
}


def quiet_logs() -> None:
    """Log lines below warnings are dropped, as on the command line."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))


def configuration(
    strategy: str,
    variant: str,
    strategies: int,
    *,
    data: Mapping[str, Any] | None = None,
    instruments: int | None = None,
) -> dict[str, Any]:
    """The configuration of a run, as a user writes it.

    Args:
        strategy: a class of ``benchmarks.strategies``.
        data: the ``data`` section without its instruments; a feed unless given.
        instruments: how many, the variant's number unless given; the strategies take turns.
    """
    count = instrument_count(variant) if instruments is None else instruments
    listed = [{"kind": "equity", "instrument_id": symbol(number)} for number in range(count)]
    return {
        "name": f"{variant} {strategies}",
        "account": {"capital": CAPITAL},
        "allocation": {"method": "equal_weight"},
        "execution": FREE_OF_COST,
        "conflicts": {"default": "allow"},
        "data": {"instruments": listed, **(data or {"source": "feed"})},
        "strategies": {
            f"S{number:04d}": {
                "strategy": f"benchmarks.strategies:{strategy}",
                "config": {"index": number, "instrument_id": symbol(number % count)},
            }
            for number in range(strategies)
        },
    }


def symbol(instrument: int) -> str:
    return f"SYM{instrument}"


def bar_of(instrument_id: str, one: PriceBar) -> Bar:
    return Bar(
        instrument_id,
        one.ts_event - MINUTE_NS,
        one.ts_event,
        one.open_cents * CENT_E9,
        one.high_cents * CENT_E9,
        one.low_cents * CENT_E9,
        one.close_cents * CENT_E9,
        one.volume * 1_000_000_000,
    )


def slices_of(series: Sequence[Sequence[PriceBar]]) -> list[MarketSlice]:
    """The bars of one minute as one slice."""
    return [
        MarketSlice.of(bar_of(symbol(number), bar) for number, bar in enumerate(bars))
        for bars in zip(*series, strict=True)
    ]


def memory_source(series: Sequence[Sequence[PriceBar]]) -> InMemoryData:
    return InMemoryData("workload", equities(len(series)), slices_of(series))


def equities(count: int) -> list[Equity]:
    return [Equity(instrument_id=symbol(number)) for number in range(count)]


def play(settings: RunSettings, source: DataSource, journal_path: Path) -> RunResult:
    """``run_backtest`` over a source that is there already, whatever the settings name."""
    opening = assembly.data_source

    def given(settings: RunSettings) -> DataSource:  # noqa: ARG001
        return source

    assembly.data_source = given
    try:
        return run_backtest(settings, journal_path=journal_path)
    finally:
        assembly.data_source = opening


def final_equity(result: RunResult) -> Decimal:
    return result.total.equity_curve[-1].equity


@contextmanager
def scratch_folder() -> Iterator[Path]:
    """A folder that goes away; the environment variable TMPDIR says on which disk."""
    with tempfile.TemporaryDirectory(prefix="orchestrion-benchmark-") as folder:
        yield Path(folder)
