"""``Evidence``: a lineup made ready for the rules, every figure computed once.

It answers two questions: how two strategies went together (``pair``) and how the whole did
(``risk``). Rules, synergies and remedies only read. Every figure of a pair rests on exactly the
same stretches of time for both.

Size: pairs x (common periods + common instrument days + common margin days). What a strategy's
series needs (a sort) is kept for its own full set of periods, so strategies that have the same
days share the work.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from types import MappingProxyType

import msgspec

from orchestrion.domain.compatibility.association import (
    NOISE,
    correlation,
    diversification_ratio,
    fall,
    risk_shares,
    togetherness,
)
from orchestrion.domain.compatibility.history import StrategyHistory, horizon_of, week_of
from orchestrion.domain.compatibility.holdings import (
    margin_coincidence,
    margin_together,
    margins_of,
    opposing_days,
    sides_of,
)
from orchestrion.domain.compatibility.lineup import AnalysisSettings, Candidate, Lineup, sum_of
from orchestrion.domain.compatibility.report import PairFigures, PortfolioRisk
from orchestrion.domain.compatibility.series import (
    Cushion,
    Series,
    cushion_of,
    deepest_drawdown,
    fault_of,
    growth_index,
    series_of,
    sum_of_curves,
)
from orchestrion.domain.models.money import ZERO, multiply

_NOTHING = StrategyHistory()


class Evidence:
    """Everything that can be known of a lineup. What it keeps are its own results.

    Attributes:
        ids: strategy ids in rank order.
        weights: strategy id -> share of the capital that is given out; equal shares when it is not
            known what everybody gets.
        faults: strategy id -> why its equity gives no returns.
        horizons: strategy id -> how long it holds: as its history shows, or else as its metadata
            say.
    """

    def __init__(self, lineup: Lineup, settings: AnalysisSettings) -> None:
        self.lineup = lineup
        self.settings = settings
        self.ids = lineup.strategy_ids
        self.weights = MappingProxyType(_weights(lineup))
        self._by_id = {one.strategy_id: one for one in lineup.candidates}
        histories = {one: self.history(one) for one in self.ids}
        self.faults = {
            one: f"{one}: {fault}"
            for one, past in histories.items()
            if (fault := fault_of(past.equity))
        }
        self._index = {
            one: _latest(growth_index(past.equity, settings.alignment), settings.returns_max + 1)
            if one not in self.faults
            else {}
            for one, past in histories.items()
        }
        self.horizons = {
            one.strategy_id: horizon_of(histories[one.strategy_id]) or one.metadata.horizon
            for one in lineup.candidates
        }
        self._weeks = {one: _expiry_weeks(past) for one, past in histories.items()}
        self._periods = {one: tuple(index) for one, index in self._index.items()}
        self._days = {
            one: frozenset(point.day for point in past.equity) for one, past in histories.items()
        }
        self._sides = {one: sides_of(past.instrument_days) for one, past in histories.items()}
        self._margins = {one: margins_of(past.margin_peaks) for one, past in histories.items()}
        self._series: dict[str, Series] = {}
        self._pairs: dict[tuple[str, str], PairFigures] = {}
        self._cushions: dict[tuple[str, str], Cushion] = {}
        self._risk: PortfolioRisk | None = None

    def candidate(self, strategy_id: str) -> Candidate:
        return self._by_id[strategy_id]

    def history(self, strategy_id: str) -> StrategyHistory:
        """Its past; an empty one when nothing is known."""
        return self.lineup.histories.get(strategy_id, _NOTHING)

    def pair(self, one: str, other: str) -> PairFigures:
        """All figures of a pair; computed once."""
        key = (one, other)
        if key not in self._pairs:
            self._pairs[key] = self._pair_figures(one, other)
        return self._pairs[key]

    def cushion(self, hurt: str, helper: str) -> Cushion | None:
        """What the second returned in the worst periods of the first; None with too few returns."""
        first, second = sorted((hurt, helper), key=self.ids.index)
        self.pair(first, second)
        return self._cushions.get((hurt, helper))

    def expiry_weeks(self, strategy_id: str) -> Mapping[str, Mapping[int, None]]:
        """underlying -> weeks in which options of it expire, each once."""
        return self._weeks[strategy_id]

    def risk(self) -> PortfolioRisk:
        """All figures of the whole; computed once."""
        if self._risk is None:
            self._risk = self._portfolio_risk()
        return self._risk

    def measured_ids(self) -> tuple[str, ...]:
        """Strategies whose own history is long enough for figures of returns, in rank order."""
        needed = self.settings.returns_min
        return tuple(one for one in self.ids if len(self._periods[one]) > needed)

    def aligned(self, *strategy_ids: str) -> tuple[Series, ...]:
        """The series of the named strategies over the periods that all of them have."""
        periods = self._common_periods(strategy_ids)
        return tuple(self._series_over(one, periods) for one in strategy_ids)

    def _common_periods(self, strategy_ids: Sequence[str]) -> tuple[int, ...]:
        first = self._periods[strategy_ids[0]]
        others = [one for one in strategy_ids[1:] if self._periods[one] != first]
        if not others:
            return first
        common = list(first)
        for one in others:
            index = self._index[one]
            common = [period for period in common if period in index]
        return tuple(common)

    def _series_over(self, strategy_id: str, periods: tuple[int, ...]) -> Series:
        is_whole = periods == self._periods[strategy_id]
        if is_whole and strategy_id in self._series:
            return self._series[strategy_id]
        index = self._index[strategy_id]
        series = series_of([index[period] for period in periods])
        if is_whole:
            self._series[strategy_id] = series
        return series

    def _pair_figures(self, one: str, other: str) -> PairFigures:
        settings = self.settings
        both = self.aligned(one, other)
        instrument_days, opposed = opposing_days(self._sides[one], self._sides[other])
        margin_days, coincidence = margin_coincidence(self._margins[one], self._margins[other])
        figures = PairFigures(
            common_days=_common([self._days[one], self._days[other]]),
            returns=len(both[0].returns),
            common_instrument_days=instrument_days,
            opposing_rate=(
                opposed / instrument_days
                if instrument_days >= settings.instrument_days_min
                else None
            ),
            margin_days=margin_days,
            margin_coincidence=coincidence if margin_days >= settings.margin_days_min else None,
        )
        if figures.returns < settings.returns_min:
            return figures
        self._cushions[one, other] = cushion_of(*both)
        self._cushions[other, one] = cushion_of(*reversed(both))
        return _with_returns(figures, *both, losses_min=settings.losses_min)

    def _portfolio_risk(self) -> PortfolioRisk:
        measured = self.measured_ids()
        series = self.aligned(*measured) if measured else ()
        risk = PortfolioRisk(
            strategy_ids=measured,
            strategies=len(self.ids),
            common_days=_common([self._days[one] for one in measured]),
            returns=len(series[0].returns) if series else 0,
            leverage=self._leverage(),
        )
        if len(measured) > 1 and risk.returns >= self.settings.returns_min:
            risk = self._with_whole_returns(risk, series)
        return self._with_margin_use(risk)

    def _with_whole_returns(self, risk: PortfolioRisk, series: tuple[Series, ...]) -> PortfolioRisk:
        weights = [self.weights[one] for one in risk.strategy_ids]
        rows = [one.returns for one in series]
        shares = risk_shares(weights, rows) or ()
        # In money: everybody starts with its capital, and nothing is moved afterwards.
        curves = [
            tuple(weight * level for level in one.levels)
            for weight, one in zip(weights, series, strict=True)
        ]
        whole = sum_of_curves(curves)
        return msgspec.structs.replace(
            risk,
            diversification_ratio=diversification_ratio(weights, rows),
            risk_shares=tuple(zip(risk.strategy_ids, shares, strict=bool(shares))),
            joint_drawdown=togetherness([fall(curve) for curve in curves], fall(whole)),
            max_drawdown=deepest_drawdown(whole),
        )

    def _leverage(self) -> float | None:
        if not self.lineup.has_capital:
            return None
        notional = sum_of(
            multiply(one.capital or ZERO, Decimal(str(one.metadata.leverage)))
            for one in self.lineup.candidates
        )
        return float(notional) / float(self.lineup.capital)

    def _with_margin_use(self, risk: PortfolioRisk) -> PortfolioRisk:
        tables = [table for one in self.ids if (table := self._margins[one])]
        days, day, highest = margin_together(tables)
        if days < self.settings.margin_days_min or not self.lineup.capital:
            return msgspec.structs.replace(risk, margin_days=days)
        return msgspec.structs.replace(
            risk,
            margin_days=days,
            margin_day=day,
            margin_use=float(highest) / float(self.lineup.capital),
        )


def _latest(index: dict[int, float], at_most: int) -> dict[int, float]:
    return index if len(index) <= at_most else dict(list(index.items())[-at_most:])


def _expiry_weeks(history: StrategyHistory) -> dict[str, dict[int, None]]:
    weeks: dict[str, dict[int, None]] = {}
    for one in history.option_expiries:
        weeks.setdefault(one.underlying_id, {})[week_of(one.day)] = None
    return weeks


def _common(days: Sequence[frozenset[int]]) -> int:
    """How many days all of them have."""
    if not days:
        return 0
    first, *others = days
    return len(first.intersection(*others))


def _weights(lineup: Lineup) -> dict[str, float]:
    if not lineup.has_capital:
        return {one: 1 / len(lineup.candidates) for one in lineup.strategy_ids}
    given = float(sum_of(one.capital or ZERO for one in lineup.candidates))
    return {one.strategy_id: float(one.capital or ZERO) / given for one in lineup.candidates}


def _with_returns(
    figures: PairFigures, one: Series, other: Series, *, losses_min: int
) -> PairFigures:
    has_losses = min(one.losses, other.losses) >= losses_min
    return msgspec.structs.replace(
        figures,
        pearson=correlation(one.moves, other.moves),
        spearman=correlation(one.ranks, other.ranks),
        downside=correlation(one.shortfalls, other.shortfalls) if has_losses else None,
        losing_both=len([1 for a, b in zip(one.returns, other.returns, strict=True) if a < 0 > b]),
        joint_drawdown=_joint_drawdown(one, other),
    )


def _joint_drawdown(one: Series, other: Series) -> float | None:
    """Each at a size at which it alone falls by 1, so that the figure does not depend on how large
    either is or how much it moves. None when one of them never fell."""
    if min(one.largest_fall, other.largest_fall) <= NOISE:
        return None
    curves = [tuple(level / each.largest_fall for level in each.levels) for each in (one, other)]
    return togetherness((1.0, 1.0), fall(sum_of_curves(curves)))
