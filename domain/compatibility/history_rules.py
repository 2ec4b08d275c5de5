"""Rules that look at the strategies' past. Each says how much of it there is and what it needs.

The weights give the figures of returns 9 of 15 parts of a pair's score: strategies that share
nothing but lose together fit worse than strategies that share instruments and hedge each other.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from orchestrion.domain.compatibility import remedy
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.report import PairFigures, Severity
from orchestrion.domain.compatibility.rule import (
    Measure,
    Measured,
    Measurement,
    NotMeasured,
    Rule,
    Scope,
    clipped,
)


def correlation_of(name: str, figure: Callable[[PairFigures], float | None]) -> Measure:
    """A rule's function for one correlation: 1 at -1, a half at 0, 0 at 1."""

    def measure(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
        figures = evidence.pair(*_two(ids))
        value = figure(figures)
        if value is None:
            return _too_few_returns(evidence, ids, figures) or NotMeasured(
                f"{' and '.join(ids)}: no {name}, the returns of one of them do not move"
            )
        return Measured(
            clipped((1 - value) / 2),
            f"{' and '.join(ids)}: {name} {value:+.2f} over {_sample(evidence, figures)}",
        )

    return measure


def downside_correlation(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
    """The same for shortfalls, which needs losses of both."""
    figures = evidence.pair(*_two(ids))
    if figures.downside is None and figures.returns >= evidence.settings.returns_min:
        losses = [one.losses for one in evidence.aligned(*ids)]
        needed = evidence.settings.losses_min
        return NotMeasured(
            f"{' and '.join(ids)}: {losses[0]} and {losses[1]} losing periods, {needed} of each "
            "are needed for a downside correlation"
        )
    return _downside(evidence, ids)


def joint_drawdown(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
    """0 when all of their falls remain, a half at three quarters, 1 from a half down."""
    figures = evidence.pair(*_two(ids))
    if figures.joint_drawdown is None:
        return _too_few_returns(evidence, ids, figures) or NotMeasured(
            f"{' and '.join(ids)}: one of them never fell in {_sample(evidence, figures)}"
        )
    return Measured(
        _fall_score(figures.joint_drawdown),
        f"{' and '.join(ids)}: together {figures.joint_drawdown:.0%} of their own largest falls "
        f"remain, over {_sample(evidence, figures)}",
    )


def opposing_directions(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
    """How seldom they stand on opposite sides of one instrument."""
    figures = evidence.pair(*_two(ids))
    days, needed = figures.common_instrument_days, evidence.settings.instrument_days_min
    if not days:
        return None
    if figures.opposing_rate is None:
        return NotMeasured(
            f"{' and '.join(ids)}: {days} days in a common instrument, {needed} are needed for an "
            "opposing direction rate"
        )
    return Measured(
        1 - figures.opposing_rate,
        f"{' and '.join(ids)} stood on opposite sides of an instrument on "
        f"{figures.opposing_rate:.0%} of {days} common instrument days",
    )


def margin_peaks_together(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
    """1 when their margins are never near the peak on one day, 0 when they always are."""
    figures = evidence.pair(*_two(ids))
    if figures.margin_coincidence is None:
        if not figures.margin_days:
            return None
        needed = evidence.settings.margin_days_min
        return NotMeasured(
            f"{' and '.join(ids)}: {figures.margin_days} common days with margin, {needed} are "
            "needed"
        )
    return Measured(
        1 - figures.margin_coincidence,
        f"{' and '.join(ids)}: on {figures.margin_coincidence:.0%} of the days with margin near "
        f"the peak of one, the other was near its own, over {figures.margin_days} common days",
    )


def same_week_expiries(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
    """How many of the expiry weeks of the one with fewer the other has too, per underlying."""
    first, second = (evidence.expiry_weeks(one) for one in ids)
    underlyings = [one for one in first if one in second]
    if not underlyings:
        return None
    needed = evidence.settings.expiry_weeks_min
    counts = [
        (sum(week in second[one] for week in first[one]), min(len(first[one]), len(second[one])))
        for one in underlyings
    ]
    shared, fewer = (sum(column) for column in zip(*counts, strict=True))
    if fewer < needed:
        return NotMeasured(
            f"{' and '.join(ids)}: {fewer} weeks with expiries on {', '.join(underlyings)}, "
            f"{needed} are needed"
        )
    return Measured(
        1 - shared / fewer,
        f"{' and '.join(ids)}: {shared} of {fewer} expiry weeks on {', '.join(underlyings)} are "
        "the same",
    )


def diversification(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
    """1 - 1 / ratio²: 0 when all move as one, 1 - 1/n for n independent equal parts."""
    risk = evidence.risk()
    ratio = risk.diversification_ratio
    if ratio is None:
        return _too_few_whole_returns(evidence, "diversification ratio")
    return Measured(
        clipped(1 - 1 / ratio**2),
        f"diversification ratio {ratio:.2f} over {risk.returns} common returns of "
        f"{len(risk.strategy_ids)} of {len(ids)} strategies",
    )


def account_drawdown(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
    """The same for the whole account, in money."""
    risk = evidence.risk()
    if risk.joint_drawdown is None:
        return _too_few_whole_returns(evidence, "drawdown of the account")
    return Measured(
        _fall_score(risk.joint_drawdown),
        f"the account fell by {risk.joint_drawdown:.0%} of the strategies' own largest falls, "
        f"{risk.max_drawdown or 0:.1%} of its high, over {risk.returns} common returns of "
        f"{len(risk.strategy_ids)} of {len(ids)} strategies",
    )


def margin_use(evidence: Evidence, _ids: tuple[str, ...]) -> Measurement:
    """A half at ``margin_use_max``. Peaks of a day are added, an upper bound of any moment."""
    risk, needed = evidence.risk(), evidence.settings.margin_days_min
    if risk.margin_use is None:
        if not risk.margin_days:
            return None
        return NotMeasured(f"{risk.margin_days} common days with margin, {needed} are needed")
    limit = float(evidence.settings.margin_use_max)
    score = 1.0 if risk.margin_use <= limit / 2 else limit / 2 / risk.margin_use
    return Measured(
        score,
        f"margin peaks of one day added up to {risk.margin_use:.0%} of the capital, on "
        f"{risk.margin_days} common days; {limit:.0%} is the most",
    )


def _fall_score(joint_drawdown: float) -> float:
    """Two unrelated curves keep about 0.7 of their falls, so they score somewhat above a half."""
    return clipped(2 - 2 * joint_drawdown)


def _two(ids: tuple[str, ...]) -> tuple[str, str]:
    one, other = ids
    return one, other


def _sample(evidence: Evidence, figures: PairFigures) -> str:
    alignment = evidence.settings.alignment
    return f"{figures.returns} {alignment} returns ({figures.common_days} common days)"


def _too_few_returns(
    evidence: Evidence, ids: tuple[str, ...], figures: PairFigures
) -> NotMeasured | None:
    """Why a figure of returns is missing, if it is for want of them."""
    needed, alignment = evidence.settings.returns_min, evidence.settings.alignment
    if figures.returns >= needed:
        return None
    faults = [evidence.faults[one] for one in ids if one in evidence.faults]
    words = f"; {'; '.join(faults)}" if faults else ""
    return NotMeasured(
        f"{' and '.join(ids)}: {_sample(evidence, figures)}, {needed} {alignment} returns are "
        f"needed{words}"
    )


def _too_few_whole_returns(evidence: Evidence, name: str) -> NotMeasured:
    risk, needed = evidence.risk(), evidence.settings.returns_min
    return NotMeasured(
        f"no {name}: {risk.returns} common returns of {len(risk.strategy_ids)} strategies with a "
        f"history of their own, {needed} returns of at least two are needed"
    )


_downside = correlation_of("downside correlation", lambda one: one.downside)

_RULES: tuple[Rule, ...] = (
    Rule(
        id="downside_correlation",
        scope=Scope.PAIR,
        severity=Severity.WARNING,
        weight=3,
        pass_score=0.2,
        measure=downside_correlation,
        explanation="strategies that lose in the same periods are one bet with two names",
        recommendation="give both less, or drop one",
        remedy=remedy.decrowd,
    ),
    Rule(
        id="joint_drawdown",
        scope=Scope.PAIR,
        severity=Severity.WARNING,
        weight=3,
        pass_score=0.1,
        measure=joint_drawdown,
        explanation="what counts on an account is how far it falls as a whole",
        recommendation="give both less, or drop one",
        remedy=remedy.decrowd,
    ),
    Rule(
        id="return_correlation",
        scope=Scope.PAIR,
        severity=Severity.WARNING,
        weight=2,
        pass_score=0.15,
        measure=correlation_of("correlation", lambda one: one.pearson),
        explanation="strategies that move together do not spread the risk",
        recommendation="give both less, or drop one",
        remedy=remedy.drop_twins_or_decrowd,
    ),
    Rule(
        id="rank_correlation",
        scope=Scope.PAIR,
        severity=Severity.INFO,
        weight=1,
        pass_score=0.15,
        measure=correlation_of("rank correlation", lambda one: one.spearman),
        explanation="ranks show a common movement that single large returns can hide",
        recommendation="compare with the return correlation",
    ),
    Rule(
        id="opposing_directions",
        scope=Scope.PAIR,
        severity=Severity.WARNING,
        weight=2,
        pass_score=0.9,
        measure=opposing_directions,
        explanation="opposite sides of one instrument pay costs twice for no position, and orders "
        "that meet are self-trades",
        recommendation="cross the quantities inside: conflict policy net for OPPOSING_SIDES",
        remedy=remedy.net_opposing_sides,
    ),
    Rule(
        id="same_week_expiries",
        scope=Scope.PAIR,
        severity=Severity.INFO,
        weight=1,
        pass_score=0.5,
        measure=same_week_expiries,
        explanation="options react most to the price (gamma) in the week in which they expire",
        recommendation="choose other days to expiry for one of them",
    ),
    Rule(
        id="margin_peaks_together",
        scope=Scope.PAIR,
        severity=Severity.INFO,
        weight=1,
        pass_score=0.5,
        measure=margin_peaks_together,
        explanation="margin that peaks on the same days cannot be shared",
        recommendation="keep capital for both peaks",
    ),
    Rule(
        id="margin_use",
        scope=Scope.LINEUP,
        severity=Severity.WARNING,
        weight=2,
        pass_score=0.5,
        measure=margin_use,
        explanation="peaks of margin on one day leave no room for a loss",
        recommendation="smaller positions, or more capital",
        remedy=remedy.cover_margin,
    ),
    Rule(
        id="diversification",
        scope=Scope.LINEUP,
        severity=Severity.INFO,
        weight=2,
        pass_score=0.1,
        measure=diversification,
        explanation="the less the whole moves compared with its parts, the more bets there are",
        recommendation="give strategies that move together less",
        remedy=remedy.decrowd,
    ),
    Rule(
        id="account_drawdown",
        scope=Scope.LINEUP,
        severity=Severity.WARNING,
        weight=2,
        pass_score=0.1,
        measure=account_drawdown,
        explanation="strategies whose falls meet take the account down with all of them",
        recommendation="give strategies that fall together less",
        remedy=remedy.decrowd,
    ),
)

HISTORY_RULES = tuple(msgspec.structs.replace(rule, needs_history=True) for rule in _RULES)
