"""From findings to recommendations that can be applied.

Each function takes the evidence and the findings of one rule, and recommends only what can be
followed and makes the figure better; where it knows no such step it gives none, and the rule's
words have to do. New percentages sum to no more than is given out now (or to 100 where minimums
need the reserve), and nobody falls below its minimum capital.

Size: findings, and for new percentages one pass over the returns of the measured strategies.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from decimal import ROUND_UP, Decimal

from orchestrion.domain.compatibility.association import diversification_ratio
from orchestrion.domain.compatibility.concentration import (
    HERFINDAHL_MAX,
    Dimension,
    concentration,
    values_of,
)
from orchestrion.domain.compatibility.dependency import Fault, dependency_fault
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.lineup import cents_up
from orchestrion.domain.compatibility.reallocation import (
    STEPS,
    decrowded,
    in_proportion,
    minimum_steps,
    percentages_of,
    present_steps,
    with_minimums,
)
from orchestrion.domain.compatibility.recommendation import (
    Action,
    DropStrategy,
    EnableStrategy,
    RaiseCapital,
    Recommendation,
    RemoveDependency,
    SetConflictPolicy,
)
from orchestrion.domain.compatibility.report import Finding
from orchestrion.domain.compatibility.rule import Remedy
from orchestrion.domain.models.money import CENT, divide, multiply

OPPOSING_SIDES = "OPPOSING_SIDES"
NET = "net"
TWINS_SCORE_MAX = 0.025
"""Score of a correlation of 0.95: from there on two strategies are one; arbitrary."""
_DIVERSIFICATION_GAIN_MIN = 0.01  # less is not worth a change; arbitrary
_BLENDS = 20  # steps from the present percentages to equal parts; arbitrary


def repair_dependencies(
    evidence: Evidence, findings: Sequence[Finding]
) -> tuple[Recommendation, ...]:
    """Enable what is missing, or take the dependency out; a cycle can only be cut."""
    given: list[Recommendation] = []
    for finding in findings:
        found = dependency_fault(evidence.lineup, finding.strategy_ids[0])
        if found is None:
            continue
        *_, dependent, dependency = found.path
        if found.fault is not Fault.CYCLE:
            given.append(_because(finding, EnableStrategy(dependency)))
        given.append(_because(finding, RemoveDependency(dependent, dependency)))
    return tuple(given)


def drop_second(evidence: Evidence, findings: Sequence[Finding]) -> tuple[Recommendation, ...]:
    """Run without the lower rank; without the higher one if only the lower is depended on."""
    needed = {
        dependency for one in evidence.lineup.candidates for dependency in one.metadata.depends_on
    }
    return tuple(
        _because(one, DropStrategy(first if second in needed and first not in needed else second))
        for one in findings
        for first, second in (one.strategy_ids,)
    )


def drop_twins_or_decrowd(
    evidence: Evidence, findings: Sequence[Finding]
) -> tuple[Recommendation, ...]:
    """Of two strategies that are one in all but name only one is needed."""
    twins = [one for one in findings if (one.score or 0.0) <= TWINS_SCORE_MAX]
    return (*drop_second(evidence, twins), *decrowd(evidence, findings))


def meet_minimums(evidence: Evidence, findings: Sequence[Finding]) -> tuple[Recommendation, ...]:
    """From the reserve, then from those with more than their minimum; else more capital."""
    lineup = evidence.lineup
    if not lineup.capital:
        return ()
    minimums = minimum_steps(lineup)
    steps = with_minimums(present_steps(lineup), minimums)
    if steps is not None:
        return _percentages(findings[0], steps, "everybody gets its minimum capital")
    needed = [
        divide(
            multiply(cents_up(one.minimum_capital), lineup.capital),
            one.capital,
            step=CENT,
            rounding=ROUND_UP,
        )
        for one in lineup.candidates
        if one.capital and one.capital < one.minimum_capital
    ]
    capital = (_because(findings[0], RaiseCapital(max(needed))),) if needed else ()
    return (*capital, *(_because(one, DropStrategy(one.strategy_ids[0])) for one in findings))


def lower_leverage(evidence: Evidence, findings: Sequence[Finding]) -> tuple[Recommendation, ...]:
    """Everybody less in proportion, the rest to the reserve."""
    settings, lineup = evidence.settings, evidence.lineup
    is_hard = findings[0].rule == "leverage_limit" and settings.leverage_limit is not None
    limit = float((settings.leverage_limit if is_hard else None) or settings.leverage_max)
    declared = evidence.risk().leverage
    if not declared:
        return ()
    part = limit / declared
    minimums = minimum_steps(lineup)
    steps = {one: int(count * part) for one, count in present_steps(lineup).items()}
    if any(count < minimums[one] for one, count in steps.items()):
        return ()
    after = math.fsum(
        steps[one.strategy_id] / STEPS * one.metadata.leverage for one in lineup.candidates
    )
    return _percentages(
        findings[0], steps, f"leverage of the account {declared:.2f} -> {after:.2f}"
    )


def cover_margin(evidence: Evidence, findings: Sequence[Finding]) -> tuple[Recommendation, ...]:
    """The capital that keeps the highest sum of peaks at the limit."""
    used = evidence.risk().margin_use
    if used is None:
        return ()
    needed = divide(
        multiply(evidence.lineup.capital, Decimal(str(used))),
        evidence.settings.margin_use_max,
        step=CENT,
        rounding=ROUND_UP,
    )
    return (_because(findings[0], RaiseCapital(needed)),)


def net_opposing_sides(
    evidence: Evidence, findings: Sequence[Finding]
) -> tuple[Recommendation, ...]:
    """Cross the quantities inside, unless that is the policy already."""
    if evidence.lineup.conflict_policies.get(OPPOSING_SIDES) == NET:
        return ()
    return (_because(findings[0], SetConflictPolicy(OPPOSING_SIDES, NET)),)


def spread_over(dimension: Dimension) -> Remedy:
    """A remedy for one dimension: the smallest step towards equal parts of all its values that
    brings the concentration down to ``HERFINDAHL_MAX``."""

    def remedy(evidence: Evidence, findings: Sequence[Finding]) -> tuple[Recommendation, ...]:
        before = concentration(evidence, dimension)
        if before.herfindahl is None or not evidence.lineup.has_capital:
            return ()
        for part in range(1, _BLENDS + 1):
            steps = _kept_in_bounds(
                evidence, _blended(evidence, dimension, dict(before.shares), part / _BLENDS)
            )
            after = _herfindahl_at(evidence, dimension, steps)
            if steps is not None and after is not None and after <= HERFINDAHL_MAX:
                reason = f"HHI by {dimension.words} {before.herfindahl:.2f} -> {after:.2f}"
                return _percentages(findings[0], steps, reason)
        return ()

    return remedy


def decrowd(evidence: Evidence, findings: Sequence[Finding]) -> tuple[Recommendation, ...]:
    """Less for strategies that move together, see ``reallocation.decrowded``."""
    measured = evidence.measured_ids()
    before = evidence.risk().diversification_ratio
    if before is None or not evidence.lineup.has_capital:
        return ()
    series = evidence.aligned(*measured)
    moves = [one.moves for one in series if one.moves is not None]
    present = present_steps(evidence.lineup)
    new = decrowded(moves, sum(present[one] for one in measured))
    steps = _kept_in_bounds(evidence, {**present, **dict(zip(measured, new, strict=True))})
    if steps is None:
        return ()
    after = diversification_ratio(
        [float(steps[one]) for one in measured], [one.returns for one in series]
    )
    if after is None or after < before + _DIVERSIFICATION_GAIN_MIN:
        return ()
    reason = (
        f"diversification ratio {before:.2f} -> {after:.2f} over {evidence.risk().returns} "
        "common returns: less for strategies that move together or much"
    )
    return _percentages(findings[0], steps, reason)


def _blended(
    evidence: Evidence, dimension: Dimension, shares: Mapping[str, float], part: float
) -> dict[str, int]:
    """Steps on the way (``part`` 0 to 1) from the present ones to those that follow when what
    hangs on every value is scaled to the same size."""
    present = present_steps(evidence.lineup)
    values = {one: values_of(evidence, one, dimension) for one in evidence.ids}
    declaring = [one for one in evidence.ids if values[one]]
    now = [evidence.weights[one] for one in declaring]
    whole = math.fsum(now)
    # What hangs on a value is scaled by 1 / its share, so that every value has as much.
    equal = [
        math.fsum(weight / len(values[one]) / shares[value] for value in values[one])
        if weight
        else 0.0
        for one, weight in zip(declaring, now, strict=True)
    ]
    scale = whole / math.fsum(equal)
    weights = [
        (1 - part) * weight + part * scale * aim for weight, aim in zip(now, equal, strict=True)
    ]
    new = in_proportion(weights, sum(present[one] for one in declaring))
    return {**present, **dict(zip(declaring, new, strict=True))}


def _herfindahl_at(
    evidence: Evidence, dimension: Dimension, steps: Mapping[str, int] | None
) -> float | None:
    if steps is None:
        return None
    weights = {one: float(count) for one, count in steps.items()}
    return concentration(evidence, dimension, weights).herfindahl


def _kept_in_bounds(evidence: Evidence, steps: Mapping[str, int]) -> dict[str, int] | None:
    present = sum(present_steps(evidence.lineup).values())
    return with_minimums(steps, minimum_steps(evidence.lineup), at_most=present)


def _percentages(
    finding: Finding, steps: Mapping[str, int], reason: str
) -> tuple[Recommendation, ...]:
    return (Recommendation(rule=finding.rule, action=percentages_of(steps), reason=reason),)


def _because(finding: Finding, action: Action) -> Recommendation:
    return Recommendation(rule=finding.rule, action=action, reason=finding.message)
