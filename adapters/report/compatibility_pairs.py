"""Pairs of strategies for people: a key of numbers, the matrix of scores, a table of figures.

The matrix is a triangle in blocks of columns, strategies by number, so that it can be read at 80
columns with three strategies or with fifty.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TypeAlias

from rich import box
from rich.console import RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestrion.adapters.report.terminal import UNDEFINED
from orchestrion.domain.compatibility.report import CompatibilityReport, PairAssessment

MATRIX_COLUMNS = 15
"""Columns of a block: 15 of five characters and the number of the row fit into 80."""
PAIRS_MAX = 15

_Column: TypeAlias = tuple[str, Callable[[PairAssessment], str]]


def numbers_of(report: CompatibilityReport) -> dict[str, int]:
    """The number that stands for each strategy in tables."""
    return {strategy_id: place for place, strategy_id in enumerate(report.strategy_ids, start=1)}


def whole_percent(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.0%}"


def key_of_strategies(report: CompatibilityReport) -> Table:
    """Which number is which strategy, its part in the risk, and with whom it fits worst."""
    shares = dict(report.risk.risk_shares) if report.risk is not None else {}
    table = _table()
    table.add_column("#", justify="right")
    table.add_column("Strategy", overflow="fold")
    table.add_column("Share of\nthe risk", justify="right")
    table.add_column("Mean\nscore", justify="right")
    table.add_column("Lowest\nscore", justify="right")
    number = numbers_of(report)
    for strategy_id in report.strategy_ids:
        own = _fits(report, strategy_id)
        mean, lowest = UNDEFINED, UNDEFINED
        if own:
            mean = f"{math.fsum(score for score, _, _ in own) / len(own):.0f}{own[0][1]}"
            score, mark, other = min(own, key=lambda one: (one[0], number[one[2]]))
            lowest = f"{score:.0f}{mark} with {number[other]}"
        share = whole_percent(shares.get(strategy_id))
        table.add_row(str(number[strategy_id]), Text(strategy_id), share, mean, lowest)
    return table


def pair_matrix(report: CompatibilityReport) -> Iterator[RenderableType]:
    """The scores of all pairs."""
    ids = report.strategy_ids
    pairs = {one.strategy_ids: one for one in report.pairs}
    yield Text("Pair scores: 0 lose together, 50 unrelated, 100 hedge each other", style="bold")
    for start in range(0, len(ids) - 1, MATRIX_COLUMNS):
        block = _block(ids, pairs, start)
        if block.row_count:
            yield block
    if any(one.score is None and one.declared_score is not None for one in report.pairs):
        yield Text(
            "* for want of history by what they declare: 0 share everything, 100 nothing",
            style="dim",
        )


def pair_figures(report: CompatibilityReport) -> Iterator[RenderableType]:
    """The figures behind the scores, lowest scores first, and what they mean."""
    number = numbers_of(report)
    worst = sorted(report.pairs, key=_worst_first)
    table = _table()
    table.add_column("Pair")
    for heading, _ in _FIGURES:
        table.add_column(heading, justify="right")
    for one in worst[:PAIRS_MAX]:
        first, second = one.strategy_ids
        name = f"{number[first]}-{number[second]}"
        table.add_row(name, *(cell(one) for _, cell in _FIGURES))
    yield table
    more = len(worst) - PAIRS_MAX
    if more > 0:
        yield Text(f"the {PAIRS_MAX} lowest of {len(worst):,} pairs; --json has all", style="dim")
    yield _legend(report)


def _fits(report: CompatibilityReport, strategy_id: str) -> list[tuple[float, str, str]]:
    """(score, mark, partner) of all its pairs with a score; by what they declare if none has."""
    shown = [
        (*found, other)
        for one in report.pairs
        if strategy_id in one.strategy_ids and (found := _shown(one)) is not None
        for other in one.strategy_ids
        if other != strategy_id
    ]
    return [one for one in shown if not one[1]] or shown


def _shown(pair: PairAssessment) -> tuple[float, str] | None:
    """A pair's score; the marked one of what is declared without it; None without either."""
    if pair.score is not None:
        return pair.score, ""
    return None if pair.declared_score is None else (pair.declared_score, "*")


def _score_text(pair: PairAssessment) -> str:
    found = _shown(pair)
    return UNDEFINED if found is None else f"{found[0]:.0f}{found[1]}"


def _block(
    ids: Sequence[str], pairs: Mapping[tuple[str, str], PairAssessment], start: int
) -> Table:
    """Columns from ``start`` on, and the rows below the diagonal that have a pair in them."""
    end = min(start + MATRIX_COLUMNS, len(ids) - 1)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", justify="right", style="dim", width=3)
    for column in range(start, end):
        table.add_column(str(column + 1), justify="right", width=4)
    for row in range(start + 1, len(ids)):
        cells = [
            _cell(pairs.get((ids[column], ids[row]))) if column < row else Text()
            for column in range(start, end)
        ]
        if any(cell.plain for cell in cells):
            table.add_row(str(row + 1), *cells)
    return table


def _cell(pair: PairAssessment | None) -> Text:
    if pair is None:
        return Text()
    style = "dim" if pair.score is None else _style_of(pair.score)
    return Text(_score_text(pair), style=style)


def _style_of(score: float) -> str:
    if score < 30:
        return "bold red"
    if score < 45:
        return "yellow"
    return "green" if score >= 60 else ""


def _signed(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:+.2f}"


_FIGURES: tuple[_Column, ...] = (
    ("Score", _score_text),
    ("Common\ndays", lambda one: f"{one.figures.common_days:,}"),
    ("Re-\nturns", lambda one: f"{one.figures.returns:,}"),
    ("Pear-\nson", lambda one: _signed(one.figures.pearson)),
    ("Spear-\nman", lambda one: _signed(one.figures.spearman)),
    ("Down-\nside", lambda one: _signed(one.figures.downside)),
    ("Joint\nfall", lambda one: whole_percent(one.figures.joint_drawdown)),
    ("Opp.\ndays", lambda one: f"{one.figures.common_instrument_days:,}"),
    ("Opp.\nrate", lambda one: whole_percent(one.figures.opposing_rate)),
    ("Margin\npeaks", lambda one: whole_percent(one.figures.margin_coincidence)),
)


def _legend(report: CompatibilityReport) -> Padding:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    meanings = (
        ("Share of the risk", "of the variance of the account's returns; below 0% it hedges"),
        ("Common days", "days that both have; what rests on too few of them is not given (-)"),
        ("Returns", f"common {report.alignment} returns; correlations need {report.returns_min}"),
        ("Pearson", "correlation of returns: +1 together, 0 unrelated, -1 opposite"),
        ("Spearman", "the same by rank, so that single large days count no more than others"),
        ("Downside", "the same for losses alone"),
        ("Joint fall", "largest fall of both together: 100% they fall at once, 0% one saves all"),
        ("Opp. days, rate", "days with both in one instrument, and how many on opposite sides"),
        ("Margin peaks", "days near one's own peak of margin with the other near its own too"),
    )
    for name, words in meanings:
        grid.add_row(Text(name, style="dim"), Text(words, style="dim"))
    return Padding(grid, (0, 0, 0, 2), expand=False)


def _worst_first(pair: PairAssessment) -> tuple[bool, float]:
    """Those with a score before those without."""
    found = _shown(pair)
    return pair.score is None, math.inf if found is None else found[0]


def _table() -> Table:
    return Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
