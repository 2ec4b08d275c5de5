"""Rules that need no history: what strategies declare, and the capital they would get."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from orchestrion.domain.compatibility import remedy
from orchestrion.domain.compatibility.concentration import HERFINDAHL_MAX, Dimension, concentration
from orchestrion.domain.compatibility.dependency import Fault, dependency_fault
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.report import Severity
from orchestrion.domain.compatibility.rule import (
    Measure,
    Measured,
    Measurement,
    NotMeasured,
    Rule,
    Scope,
    verdict,
)


def exclusive_instruments(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
    """Whether one wants an instrument for itself that the other trades."""
    first, second = (evidence.candidate(one) for one in ids)
    clashes = [
        f"{owner.strategy_id} wants {instrument_id} for itself, {other.strategy_id} trades it too"
        for owner, other in ((first, second), (second, first))
        for instrument_id in owner.metadata.exclusive_instruments
        if instrument_id in other.instruments
    ]
    return verdict(not clashes, "; ".join(clashes))


def shared_instruments(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
    """How many of the instruments of the one with fewer the other has too."""
    first, second = (evidence.candidate(one) for one in ids)
    return _overlap("instruments", ids, first.instruments, second.instruments)


def shared_underlyings(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
    """The same for what the risk hangs on."""
    first, second = (evidence.candidate(one).metadata.underlyings for one in ids)
    return _overlap("underlyings", ids, first, second)


def minimum_capital(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
    """Whether a strategy gets what it says it needs."""
    candidate = evidence.candidate(ids[0])
    if candidate.capital is None:
        return None
    needed = candidate.minimum_capital
    message = f"{candidate.strategy_id} needs {needed:.2f}, gets {candidate.capital}"
    return verdict(candidate.capital >= needed, message)


def dependencies(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
    """Whether everything that a strategy depends on, however far, is there and not a cycle."""
    found = dependency_fault(evidence.lineup, ids[0])
    if found is None:
        return Measured(1.0, "")
    path = " -> ".join(found.path)
    if found.fault is Fault.CYCLE:
        return Measured(0.0, f"dependency cycle: {path}")
    last = found.path[-1]
    state = "not enabled" if found.fault is Fault.DISABLED else "not there"
    return Measured(0.0, f"{ids[0]} depends on {last}, which is {state} (path {path})")


def leverage(evidence: Evidence, _ids: tuple[str, ...]) -> Measurement:
    """Declared leverage of the account: 1 up to half of ``leverage_max``, a half at it."""
    declared = evidence.risk().leverage
    if declared is None:
        return NotMeasured("the capital of the strategies is not known")
    limit = float(evidence.settings.leverage_max)
    score = 1.0 if declared <= limit / 2 else limit / 2 / declared
    return Measured(score, _leverage_message(declared, evidence.settings.leverage_max))


def leverage_limit(evidence: Evidence, _ids: tuple[str, ...]) -> Measurement:
    """Whether the declared leverage stays within the limit, when one is set."""
    limit, declared = evidence.settings.leverage_limit, evidence.risk().leverage
    if limit is None:
        return None
    if declared is None:
        return NotMeasured("the capital of the strategies is not known")
    return verdict(declared <= float(limit), _leverage_message(declared, limit))


def concentration_of(dimension: Dimension) -> Measure:
    """A rule's function for one dimension: 1 - HHI."""

    def measure(evidence: Evidence, ids: tuple[str, ...]) -> Measurement:
        found = concentration(evidence, dimension)
        if found.herfindahl is None:
            return NotMeasured(f"no strategy says its {dimension.words}")
        value, share = found.shares[0]
        rests_on = "" if found.strategies == len(ids) else f", of {found.strategies} strategies"
        return Measured(
            1 - found.herfindahl,
            f"{share:.0%} of the capital{rests_on} is on {dimension.words} {value} "
            f"(HHI {found.herfindahl:.2f}, as {1 / found.herfindahl:.1f} equal parts)",
        )

    return measure


def _overlap(
    name: str, ids: tuple[str, ...], first: Iterable[str], second: Iterable[str]
) -> Measurement:
    ours, theirs = tuple(dict.fromkeys(first)), tuple(dict.fromkeys(second))
    silent = [one for one, has in zip(ids, (ours, theirs), strict=True) if not has]
    if silent:
        return NotMeasured(f"{' and '.join(silent)} declare no {name}")
    shared = [one for one in ours if one in theirs]
    return Measured(
        1 - len(shared) / min(len(ours), len(theirs)),
        f"{ids[0]} and {ids[1]} share {_listed(shared)}",
    )


def _listed(names: list[str], at_most: int = 5) -> str:
    more = len(names) - at_most
    return ", ".join(names[:at_most]) + (f" and {more} more" if more > 0 else "")


def _leverage_message(declared: float, limit: Decimal) -> str:
    return f"the strategies may hold {declared:.2f} times the capital together, {limit} is the most"


DECLARED_RULES: tuple[Rule, ...] = (
    Rule(
        id="dependencies",
        scope=Scope.STRATEGY,
        severity=Severity.ERROR,
        weight=0,
        pass_score=1,
        measure=dependencies,
        explanation="a strategy without the signals it depends on does not do what was tested",
        recommendation="enable what it depends on, or take the dependency out",
        remedy=remedy.repair_dependencies,
    ),
    Rule(
        id="exclusive_instruments",
        scope=Scope.PAIR,
        severity=Severity.ERROR,
        weight=0,
        pass_score=1,
        measure=exclusive_instruments,
        explanation="a strategy that wants an instrument for itself counts on nobody else's orders",
        recommendation="take the instrument out of one of them, or drop one",
        remedy=remedy.drop_second,
    ),
    Rule(
        id="minimum_capital",
        scope=Scope.STRATEGY,
        severity=Severity.ERROR,
        weight=0,
        pass_score=1,
        measure=minimum_capital,
        explanation="below its minimum a strategy cannot hold one whole structure or lot",
        recommendation="raise its allocation_pct or the capital",
        remedy=remedy.meet_minimums,
    ),
    Rule(
        id="leverage_limit",
        scope=Scope.LINEUP,
        severity=Severity.ERROR,
        weight=0,
        pass_score=1,
        measure=leverage_limit,
        explanation="strategies that each stay within their leverage can break the account's",
        recommendation="give the strategies with high leverage less, keep more in reserve",
        remedy=remedy.lower_leverage,
    ),
    Rule(
        id="leverage",
        scope=Scope.LINEUP,
        severity=Severity.WARNING,
        weight=2,
        pass_score=0.5,
        measure=leverage,
        explanation="leverage of all strategies adds up on the account",
        recommendation="give the strategies with high leverage less, keep more in reserve",
        remedy=remedy.lower_leverage,
    ),
    Rule(
        id="shared_instruments",
        scope=Scope.PAIR,
        severity=Severity.INFO,
        weight=1,
        pass_score=1,
        measure=shared_instruments,
        explanation="where two strategies trade what they both follow, their orders can meet",
        recommendation="look at the opposing direction rate and the policy for OPPOSING_SIDES",
    ),
    Rule(
        id="shared_underlyings",
        scope=Scope.PAIR,
        severity=Severity.INFO,
        weight=1,
        pass_score=1,
        measure=shared_underlyings,
        explanation="two strategies on one underlying can lose by the same move",
        recommendation="look at the downside correlation",
    ),
    *(
        Rule(
            id=f"concentration_{dimension}",
            scope=Scope.LINEUP,
            severity=severity,
            weight=weight,
            pass_score=1 - HERFINDAHL_MAX,
            measure=concentration_of(dimension),
            explanation=f"what hurts one {dimension.words} hurts the capital that hangs on it",
            recommendation=f"spread the capital over more {dimension.plural}",
            remedy=remedy.spread_over(dimension),
        )
        for dimension, severity, weight in (
            (Dimension.INSTRUMENT, Severity.WARNING, 1),
            (Dimension.UNDERLYING, Severity.WARNING, 2),
            (Dimension.ASSET_CLASS, Severity.INFO, 1),
            (Dimension.HORIZON, Severity.INFO, 1),
        )
    ),
)
