"""May a strategy join while others run? It draws on the RESERVE and passes the analysis first.

Only what the newcomer brings counts: findings that name it. What was there before was judged at the
start, and capital is not taken from the running ones, so new percentages are never recommended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

import msgspec

from orchestrion.domain.compatibility.analysis import DEFAULT_RULES, check_rules, judge
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.history import StrategyHistory
from orchestrion.domain.compatibility.lineup import (
    DEFAULT_SETTINGS,
    NO_HISTORIES,
    NO_POLICIES,
    AnalysisSettings,
    Candidate,
    Lineup,
    cents_up,
    sum_of,
)
from orchestrion.domain.compatibility.recommendation import (
    DrawFromReserve,
    RaiseCapital,
    Recommendation,
    SetAllocations,
)
from orchestrion.domain.compatibility.report import CompatibilityReport, Finding, Severity
from orchestrion.domain.compatibility.rule import Rule
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.money import CENT, ZERO, is_amount, round_down_to_step

RESERVE_RULE = "reserve"
"""Id of the findings about the capital that a newcomer asks for."""


def admission(
    candidates: Sequence[Candidate],
    newcomer: Candidate,
    reserve: Decimal,
    *,
    histories: Mapping[str, StrategyHistory] = NO_HISTORIES,
    conflict_policies: Mapping[str, str] = NO_POLICIES,
    disabled_ids: Sequence[str] = (),
    settings: AnalysisSettings = DEFAULT_SETTINGS,
    rules: Sequence[Rule] = DEFAULT_RULES,
) -> CompatibilityReport:
    """Whether a strategy may be added to those that run.

    Args:
        candidates: the running strategies in rank order, with the capital that they have.
        newcomer: the strategy that wants to join, with the capital that it asks for.
        reserve: free cash of the RESERVE book.

    Returns:
        A report on all of them together, with the findings and recommendations that name the
        newcomer and its pairs only. Not compatible means that it is not added.

    Raises:
        ConfigurationError: its id is taken, an amount or a history cannot be used, or the capital
            of a running strategy is not known.
    """
    check_rules(rules)
    _check(candidates, newcomer, reserve)
    refusal = _reserve_finding(newcomer, reserve)
    # Over the reserve, the lineup still has to add up so that the other rules can be judged.
    asked = newcomer.capital if newcomer.capital is not None else ZERO
    held = sum_of(one.capital or ZERO for one in candidates)
    lineup = Lineup(
        candidates=(*candidates, newcomer),
        histories=histories,
        total_capital=sum_of((held, max(reserve, asked))),
        disabled_ids=tuple(one for one in disabled_ids if one != newcomer.strategy_id),
        conflict_policies=conflict_policies,
    )
    report = judge(Evidence(lineup, settings), rules, about=newcomer.strategy_id)
    return _narrowed(report, newcomer.strategy_id, refusal, _wishes(newcomer, reserve))


def _check(candidates: Sequence[Candidate], newcomer: Candidate, reserve: Decimal) -> None:
    if any(one.strategy_id == newcomer.strategy_id for one in candidates):
        raise ConfigurationError(f"there is a strategy {newcomer.strategy_id!r} already")
    if not (is_amount(reserve) and reserve >= 0):
        raise ConfigurationError(f"reserve must be a finite amount >= 0, got {reserve}")
    for one in candidates:
        if one.capital is None:
            raise ConfigurationError(
                f"the capital of running strategy {one.strategy_id} is unknown"
            )


def _reserve_finding(newcomer: Candidate, reserve: Decimal) -> tuple[Finding, ...]:
    """An ERROR when the reserve does not cover what the newcomer asks for, or it asks nothing."""
    asked = newcomer.capital
    if asked is not None and 0 < asked <= reserve:
        return ()
    wish = "asks for no capital" if not asked else f"asks for {asked:.2f}"
    return (
        Finding(
            rule=RESERVE_RULE,
            severity=Severity.ERROR,
            strategy_ids=(newcomer.strategy_id,),
            message=f"{newcomer.strategy_id} {wish}, the reserve holds {reserve:.2f}",
            recommendation="ask for a part of the reserve, or rebalance first",
            explanation="capital of the strategies that run is not taken for a newcomer",
            score=0.0,
        ),
    )


def _wishes(newcomer: Candidate, reserve: Decimal) -> tuple[Recommendation, ...]:
    """What it could ask for instead, when the reserve holds its minimum."""
    asked, least = newcomer.capital or ZERO, cents_up(newcomer.minimum_capital)
    most = round_down_to_step(reserve, CENT)
    if not most or least > most:
        return ()
    if asked > reserve:
        amount, rule = most, RESERVE_RULE
    elif asked < least:
        amount, rule = least, "minimum_capital"
    else:
        return ()
    reason = f"the reserve holds {reserve:.2f}, {newcomer.strategy_id} needs {least:.2f}"
    action = DrawFromReserve(newcomer.strategy_id, amount)
    return (Recommendation(rule=rule, action=action, reason=reason),)


def _narrowed(
    report: CompatibilityReport,
    strategy_id: str,
    refusal: tuple[Finding, ...],
    wishes: tuple[Recommendation, ...],
) -> CompatibilityReport:
    is_compatible = report.is_compatible and not refusal
    return msgspec.structs.replace(
        report,
        is_compatible=is_compatible,
        findings=(*refusal, *report.findings),
        score=report.score if is_compatible else 0.0,
        pairs=tuple(one for one in report.pairs if strategy_id in one.strategy_ids),
        synergies=tuple(one for one in report.synergies if strategy_id in one.strategy_ids),
        recommendations=(
            *wishes,
            *(
                one
                for one in report.recommendations
                if not isinstance(one.action, SetAllocations | RaiseCapital)
            ),
        ),
    )
