"""The report as one JSON document: the terminal's figures and those that need no table.

Money and quantities are decimal text, ratios and fractions are numbers (0.12 is twelve percent),
what is not defined is null, times are ISO 8601 UTC.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from orchestrion.adapters.report.figures import BookFigures, run_figures
from orchestrion.adapters.result import RunResult
from orchestrion.adapters.settings.run_settings import StatisticsSettings
from orchestrion.domain.statistics import Drawdown


def to_json(result: RunResult, statistics: StatisticsSettings) -> dict[str, Any]:
    """The whole result as plain data that ``json.dumps`` takes."""
    figures = run_figures(result, statistics)
    return {
        "name": result.name,
        "environment": result.environment,
        "mode": result.mode,
        "currency": result.currency,
        "start": iso_time(result.ts_start),
        "end": iso_time(result.ts_end),
        "books": [_book(one) for one in figures.books],
        "total": _book(figures.whole),
        "conflicts": dict(result.conflicts),
        "decision_hash": result.decision_hash,
        "journal": result.journal,
        "inputs": result.inputs,
        "rounds": result.rounds,
        "decisions": result.decisions,
        "ledger_checks": result.ledger_checks,
        "notes": list(result.notes),
        "statistics": statistics.model_dump(mode="json"),
        "elapsed_s": result.elapsed_s,
    }


def iso_time(ts: int) -> str:
    """Nanoseconds UTC as text; whole seconds, as sessions open and close on them."""
    return datetime.fromtimestamp(ts // 1_000_000_000, tz=UTC).isoformat().replace("+00:00", "Z")


def _book(figures: BookFigures) -> dict[str, Any]:
    book, found = figures.book, figures.performance
    return {
        "id": figures.label,
        "strategy": book.strategy_name,
        "status": book.status,
        "allocation": str(book.allocation),
        "final_equity": str(figures.final_equity),
        "realized_pnl": str(book.realized_pnl),
        "total_return": found.total_return,
        "cagr": found.cagr,
        "volatility": found.volatility,
        "sharpe": found.sharpe,
        "sortino": found.sortino,
        "calmar": found.calmar,
        "max_drawdown": _drawdown(found.max_drawdown),
        "turnover": str(book.turnover),
        "fees": str(book.fees),
        "orders": book.orders,
        "fills": book.fills,
        "entries": book.entries,
        "exits": book.exits,
        "refusals": dict(book.refusals),
    }


def _drawdown(drawdown: Drawdown | None) -> dict[str, Any] | None:
    if drawdown is None:
        return None
    return {
        "depth": drawdown.depth,
        "length_days": drawdown.length_days,
        "peak": iso_time(drawdown.ts_peak),
        "trough": iso_time(drawdown.ts_trough),
        "end": iso_time(drawdown.ts_end),
        "recovered": drawdown.recovered,
    }
