"""What a report says about each book: its result and the performance of its equity curve.

One place computes the figures, so that the terminal and ``--json`` cannot differ.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from itertools import pairwise

import msgspec

from orchestrion.adapters.result import BookResult, EquityPoint, RunResult
from orchestrion.adapters.settings.run_settings import StatisticsSettings
from orchestrion.domain.models.portfolio import RESERVED_BOOK_IDS
from orchestrion.domain.statistics import Performance, performance

WHOLE = "ACCOUNT"
"""What reports call the account as a whole."""


class BookFigures(msgspec.Struct, frozen=True):
    """One book with its performance."""

    label: str
    book: BookResult
    performance: Performance

    @property
    def final_equity(self) -> Decimal:
        """Equity at the last point; the allocation when there is none."""
        curve = self.book.equity_curve
        return curve[-1].equity if curve else self.book.allocation


class RunFigures(msgspec.Struct, frozen=True):
    """All figures of a run: the books in the result's order, and the account as a whole."""

    books: tuple[BookFigures, ...]
    whole: BookFigures


def run_figures(result: RunResult, statistics: StatisticsSettings) -> RunFigures:
    """The figures of every book and of the whole, by the same settings."""
    return RunFigures(
        tuple(_book_figures(book.book_id, book, statistics) for book in result.books),
        _book_figures(WHOLE, result.total, statistics),
    )


def is_idle(figures: BookFigures) -> bool:
    """Whether a book of the account (RESERVE, EXTERNAL) never held anything worth a line."""
    book = figures.book
    if book.book_id not in RESERVED_BOOK_IDS:
        return False
    return not (book.allocation or book.fills or figures.final_equity)


def _book_figures(label: str, book: BookResult, statistics: StatisticsSettings) -> BookFigures:
    figures = performance(
        [point.ts_event for point in book.equity_curve],
        _without_flows(book.equity_curve),
        periods_per_year=statistics.periods_per_year,
        risk_free_rate=statistics.risk_free_rate,
    )
    return BookFigures(label, book, figures)


def _without_flows(curve: Sequence[EquityPoint]) -> list[float]:
    """The curve as it would be had no capital moved after the start: each step grows by what was
    gained on the equity before it (time-weighted). Without flows it is the curve itself."""
    values = [float(point.equity) for point in curve]
    if not any(point.flow for point in curve):
        return values
    grown = values[:1]
    for before, point in pairwise(curve):
        base = float(before.equity)
        gained = float(point.equity) - float(point.flow) - base
        grown.append(grown[-1] * (1.0 + gained / base) if base > 0 else grown[-1])
    return grown
