"""Small lineups by hand: candidates, curves from returns, and numbers that look like noise."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from orchestrion.domain.capital.return_history import EquityPoint
from orchestrion.domain.compatibility.history import (
    InstrumentDay,
    MarginPeak,
    OptionExpiry,
    StrategyHistory,
)
from orchestrion.domain.compatibility.lineup import AnalysisSettings, Candidate, Lineup
from orchestrion.domain.models.strategy_metadata import StrategyMetadata

MONDAY = 735_239
"""2014-01-06."""
SHORT = AnalysisSettings(
    daily_returns_min=8,
    weekly_returns_min=3,
    losses_min=3,
    instrument_days_min=4,
    margin_days_min=3,
    expiry_weeks_min=2,
)
"""Settings that a history of a few days satisfies."""


def candidate(
    strategy_id: str,
    capital: str | None = "10000.00",
    **metadata: Any,
) -> Candidate:
    declared = StrategyMetadata.model_validate({"id": strategy_id, **metadata})
    return Candidate(declared, None if capital is None else Decimal(capital))


def curve(
    returns: Iterable[float], *, first_day: int = MONDAY, step: int = 1, equity: str = "10000"
) -> tuple[EquityPoint, ...]:
    """One point before the returns and one after each, ``step`` days apart."""
    level = float(equity)
    points = [EquityPoint(first_day, Decimal(equity))]
    for place, one in enumerate(returns, start=1):
        level *= 1 + one
        points.append(EquityPoint(first_day + place * step, Decimal(f"{level:.9f}")))
    return tuple(points)


def past(
    returns: Iterable[float] = (),
    *,
    held: Iterable[tuple[int, str, int]] = (),
    margins: Sequence[int] = (),
    expiries: Iterable[tuple[str, int]] = (),
) -> StrategyHistory:
    """``held``: (day from 0, instrument, quantity); ``margins``: by day from 0; ``expiries``:
    (underlying, day from 0)."""
    returns = tuple(returns)
    return StrategyHistory(
        equity=curve(returns) if returns else (),
        instrument_days=tuple(
            InstrumentDay(MONDAY + day, instrument, Decimal(quantity))
            for day, instrument, quantity in held
        ),
        margin_peaks=tuple(
            MarginPeak(MONDAY + day, Decimal(amount)) for day, amount in enumerate(margins)
        ),
        option_expiries=tuple(OptionExpiry(name, MONDAY + day) for name, day in expiries),
    )


def lineup(
    *candidates: Candidate,
    histories: Mapping[str, StrategyHistory] | None = None,
    total_capital: str | None = None,
    **changes: Any,
) -> Lineup:
    return Lineup(
        candidates=candidates,
        histories=histories or {},
        total_capital=None if total_capital is None else Decimal(total_capital),
        **changes,
    )


def noise(seed: int, count: int, *, size: float = 0.01) -> tuple[float, ...]:
    """Numbers in (-size, size) without a pattern, the same in every run."""
    return tuple(
        size * (2 * (math.sin(12.9898 * (place + 1) + 78.233 * (seed + 1)) * 43_758.5453 % 1) - 1)
        for place in range(count)
    )
