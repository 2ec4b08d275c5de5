"""The report for people: three narrow tables, a line per strategy, then what else happened.

Strategies are rows: a row fits 80 columns with three strategies or with fifty, and a piped report
can be searched line by line. Nothing is cut off; long names fold.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal
from typing import TypeAlias

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from orchestrion.adapters.report.figures import BookFigures, RunFigures, is_idle, run_figures
from orchestrion.adapters.report.json_document import iso_time
from orchestrion.adapters.result import RunResult
from orchestrion.adapters.settings.run_settings import StatisticsSettings
from orchestrion.domain.statistics import Drawdown

UNDEFINED = "-"

_Column: TypeAlias = tuple[str, Callable[[BookFigures], str]]


def money(amount: Decimal) -> str:
    """To the cent, with separators of thousands."""
    return f"{amount:,.2f}"


def percent(fraction: float | None) -> str:
    return UNDEFINED if fraction is None else f"{fraction * 100:,.2f} %"


def ratio(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.2f}"


def _depth(drawdown: Drawdown | None) -> str:
    return UNDEFINED if drawdown is None else percent(-drawdown.depth)


def _length(drawdown: Drawdown | None) -> str:
    if drawdown is None:
        return UNDEFINED
    return f"{'' if drawdown.recovered else '>'}{drawdown.length_days:,.0f}"


_CAPITAL: tuple[_Column, ...] = (
    ("Allocation", lambda one: money(one.book.allocation)),
    ("Final equity", lambda one: money(one.final_equity)),
    ("Total\nreturn", lambda one: percent(one.performance.total_return)),
    ("CAGR", lambda one: percent(one.performance.cagr)),
)
_RISK: tuple[_Column, ...] = (
    ("Volatility", lambda one: percent(one.performance.volatility)),
    ("Sharpe", lambda one: ratio(one.performance.sharpe)),
    ("Sortino", lambda one: ratio(one.performance.sortino)),
    ("Max\ndrawdown", lambda one: _depth(one.performance.max_drawdown)),
    ("Days", lambda one: _length(one.performance.max_drawdown)),
)
_TRADING: tuple[_Column, ...] = (
    ("Turnover", lambda one: money(one.book.turnover)),
    ("Fees", lambda one: money(one.book.fees)),
    ("Orders", lambda one: f"{one.book.orders:,}"),
    ("Fills", lambda one: f"{one.book.fills:,}"),
    ("Refused", lambda one: f"{sum(one.book.refusals.values()):,}"),
)


def render(result: RunResult, statistics: StatisticsSettings) -> RenderableType:
    """The whole report; print it with ``crop=False`` so that a long path stays in one piece."""
    figures = run_figures(result, statistics)
    parts: list[RenderableType] = [_title(result), Text()]
    for name, columns in (("Capital", _CAPITAL), ("Risk", _RISK), ("Trading", _TRADING)):
        parts += [_table(name, columns, figures), Text()]
    parts += [*_happenings(result), Text()]
    parts += [*_notes(result, statistics), Text(), *_record(result)]
    return Group(*parts)


def _title(result: RunResult) -> Text:
    start, end = iso_time(result.ts_start)[:10], iso_time(result.ts_end)[:10]
    words = f": {result.environment} in {result.currency}, {start} to {end}, {result.mode} mode"
    return Text.assemble((result.name, "bold"), words)


def _table(name: str, columns: Sequence[_Column], figures: RunFigures) -> Table:
    # The account is the footer: a rule sets it apart, because it is not one more strategy.
    table = Table(
        box=box.SIMPLE, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False, show_footer=True
    )
    table.add_column(name, footer=figures.whole.label, overflow="fold")
    for heading, cell in columns:
        table.add_column(heading, footer=cell(figures.whole), justify="right")
    for one in figures.books:
        if not is_idle(one):
            table.add_row(Text(one.label), *(cell(one) for _, cell in columns))
    return table


def _happenings(result: RunResult) -> Iterable[RenderableType]:
    yield _counts("Conflicts", result.conflicts)
    refused = [book for book in result.books if book.refusals]
    if not refused:
        yield _counts("Refusals", {})
    for book in refused:
        yield _counts(f"Refusals of {book.book_id}", book.refusals)
    for book in result.books:
        if book.status not in {"", "running", "stopped"}:
            yield Text.assemble("Status of ", f"{book.book_id}: ", (book.status, "bold"))


def _counts(name: str, counts: Mapping[str, int]) -> Text:
    words = ", ".join(f"{key} {count:,}" for key, count in counts.items())
    return Text(f"{name}: {words or 'none'}")


def _notes(result: RunResult, statistics: StatisticsSettings) -> Iterable[Text]:
    for note in result.notes:
        yield Text.assemble("Note: ", (note, "italic"))
    yield Text(
        f"Ratios: {statistics.periods_per_year:g} periods a year, risk-free rate "
        f"{statistics.risk_free_rate_pct:g} %, sample deviation (ddof 1); CAGR by calendar days; "
        "> before days: not recovered by the end.",
        style="dim",
    )


def _record(result: RunResult) -> Iterable[Text]:
    """What identifies the run. The hash and the path are for copying, so they are never folded."""
    ran = (
        f"{result.inputs:,} inputs, {result.rounds:,} rounds, {result.decisions:,} decisions, "
        f"{result.ledger_checks:,} ledger checks, {result.elapsed_s:.1f} s"
    )
    lines = {
        "Run": ran,
        "Decision hash": result.decision_hash,
        "Journal": result.journal or "not written",
    }
    for name, value in lines.items():
        yield Text.assemble(f"{name}: ", (value, "bold"), no_wrap=True, overflow="ignore")
