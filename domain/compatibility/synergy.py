"""Strategies that are better together, each with the figures that say so.

A synergy is claimed only where chance is an unlikely reason: a correlation must lie beyond two of
its standard errors (1/√n for independent returns), a mean beyond two of its own. With fifty
strategies a few of the 1,225 pairs pass such a test by chance; the report gives the evidence so
that a reader can judge.

Size: pairs of strategies; the figures are the evidence's.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

from orchestrion.domain.compatibility.association import NOISE
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.report import PairFigures, Synergy, SynergyKind

DOWNSIDE_MAX = -0.1
"""A weaker negative correlation is no hedge, however sure; arbitrary."""
JOINT_DRAWDOWN_MAX = 0.4
"""Nine in ten pairs of unrelated random curves keep more than half of their falls; arbitrary."""
DIVERSIFICATION_RATIO_MIN = 1.25
"""As one and a half independent equal parts; arbitrary."""
WORST_PERIODS_MIN = 10
"""Worst periods that a cushion has to rest on: a history of a hundred; arbitrary."""
STANDARD_ERRORS = 2.0


def synergies(evidence: Evidence) -> tuple[Synergy, ...]:
    """All of them: the whole first, then pairs in rank order."""
    found = list(_of_the_whole(evidence))
    for one, other in combinations(evidence.ids, 2):
        figures = evidence.pair(one, other)
        if figures.returns < evidence.settings.returns_min:
            continue
        found.extend(_of_figures(evidence, (one, other), figures))
        found.extend(_cushion(evidence, one, other))
        found.extend(_cushion(evidence, other, one))
    return tuple(found)


def _of_the_whole(evidence: Evidence) -> Iterator[Synergy]:
    risk = evidence.risk()
    ratio = risk.diversification_ratio
    if ratio is not None and ratio >= DIVERSIFICATION_RATIO_MIN:
        yield Synergy(
            kind=SynergyKind.DIVERSIFICATION,
            strategy_ids=risk.strategy_ids,
            value=ratio,
            samples=risk.returns,
            message=f"the whole moves as {ratio**2:.1f} independent equal parts would: "
            f"diversification ratio {ratio:.2f} over {risk.returns:,} common returns",
        )


def _of_figures(
    evidence: Evidence, ids: tuple[str, str], figures: PairFigures
) -> Iterator[Synergy]:
    sample = f"over {figures.returns} {evidence.settings.alignment} returns"
    sample += f" ({figures.common_days} common days)"
    downside, joint = figures.downside, figures.joint_drawdown
    limit = min(DOWNSIDE_MAX, -STANDARD_ERRORS / math.sqrt(figures.returns))
    if downside is not None and downside <= limit:
        yield Synergy(
            kind=SynergyKind.DOWNSIDE_HEDGE,
            strategy_ids=ids,
            value=downside,
            samples=figures.returns,
            message=f"{' and '.join(ids)} lose at different times: downside correlation "
            f"{downside:+.2f} {sample}, both lost in {figures.losing_both}",
        )
    if joint is not None and joint <= JOINT_DRAWDOWN_MAX:
        yield Synergy(
            kind=SynergyKind.DRAWDOWN_OFFSET,
            strategy_ids=ids,
            value=joint,
            samples=figures.returns,
            message=f"{' and '.join(ids)} together keep {joint:.0%} of their own largest falls "
            f"{sample}",
        )


def _cushion(evidence: Evidence, hurt: str, helper: str) -> Iterator[Synergy]:
    found = evidence.cushion(hurt, helper)
    alignment = evidence.settings.alignment
    if found is None or found.samples < WORST_PERIODS_MIN:
        return
    if found.mean > max(NOISE, STANDARD_ERRORS * found.standard_error):
        yield Synergy(
            kind=SynergyKind.CUSHION,
            strategy_ids=(hurt, helper),
            value=found.mean,
            samples=found.samples,
            message=f"{helper} gained {found.mean:.2%} on average (standard error "
            f"{found.standard_error:.2%}) in the {found.samples} worst {alignment} periods of "
            f"{hurt}",
        )
