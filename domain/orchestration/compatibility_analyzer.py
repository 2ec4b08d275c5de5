"""``CompatibilityAnalyzer``: do these strategies fit together on one account?

Checked before a run starts, from what the strategies say about themselves. A finding of severity
ERROR refuses the start. Each rule is a pure function from the strategies to findings; rules that
need the strategies' history (correlation, joint drawdown) are not part of this module yet.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from decimal import Decimal
from enum import StrEnum
from itertools import combinations
from typing import TypeAlias

import msgspec

from orchestrion.domain.models.strategy_metadata import StrategyMetadata


class Severity(StrEnum):
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that a rule noticed.

    Attributes:
        rule: id of the rule.
        strategy_ids: whom it is about, in rank order.
        message: what was found, in words and figures.
        recommendation: what can be done about it.
    """

    rule: str
    severity: Severity
    strategy_ids: tuple[str, ...]
    message: str
    recommendation: str = ""


class CompatibilityReport(msgspec.Struct, frozen=True, kw_only=True):
    """The verdict and everything that led to it."""

    is_compatible: bool
    findings: tuple[Finding, ...] = ()

    @property
    def warnings(self) -> list[str]:
        """Messages of all findings above INFO, errors first."""
        ordered = sorted(self.findings, key=lambda one: one.severity is not Severity.ERROR)
        return [one.message for one in ordered if one.severity is not Severity.INFO]


class Candidate(msgspec.Struct, frozen=True):
    """A strategy with the capital that it would get; None when no capital is set yet."""

    metadata: StrategyMetadata
    capital: Decimal | None


Rule: TypeAlias = Callable[[Sequence[Candidate]], tuple[Finding, ...]]


class CompatibilityAnalyzer:
    """Runs the rules. Size: pairs of strategies times their instruments."""

    def __init__(self, rules: Sequence[Rule] | None = None) -> None:
        self.rules = tuple(rules) if rules is not None else DEFAULT_RULES

    def analyze(self, candidates: Sequence[Candidate]) -> CompatibilityReport:
        """The report for strategies in rank order. One strategy alone always passes."""
        if len(candidates) <= 1:
            return CompatibilityReport(is_compatible=True)
        findings = tuple(finding for rule in self.rules for finding in rule(candidates))
        return CompatibilityReport(
            is_compatible=all(one.severity is not Severity.ERROR for one in findings),
            findings=findings,
        )


def exclusive_instruments(candidates: Sequence[Candidate]) -> tuple[Finding, ...]:
    """ERROR: an instrument that one strategy wants for itself is traded by another."""
    return tuple(
        Finding(
            rule="exclusive_instruments",
            severity=Severity.ERROR,
            strategy_ids=(owner.metadata.id, other.metadata.id),
            message=f"{owner.metadata.id} wants {instrument_id} for itself, "
            f"{other.metadata.id} trades it too",
            recommendation=f"take {instrument_id} out of one of them",
        )
        for one, two in combinations(candidates, 2)
        for owner, other in ((one, two), (two, one))
        for instrument_id in owner.metadata.exclusive_instruments
        if instrument_id in _instruments(other)
    )


def shared_underlyings(candidates: Sequence[Candidate]) -> tuple[Finding, ...]:
    """INFO: two strategies hang on the same underlying, so their risks add up."""
    findings: list[Finding] = []
    for one, two in combinations(candidates, 2):
        shared = [each for each in one.metadata.underlyings if each in two.metadata.underlyings]
        if shared:
            findings.append(
                Finding(
                    rule="shared_underlyings",
                    severity=Severity.INFO,
                    strategy_ids=(one.metadata.id, two.metadata.id),
                    message=f"{one.metadata.id} and {two.metadata.id} share {', '.join(shared)}",
                )
            )
    return tuple(findings)


def minimum_capital(candidates: Sequence[Candidate]) -> tuple[Finding, ...]:
    """ERROR: a strategy gets less than it says it needs."""
    return tuple(
        Finding(
            rule="minimum_capital",
            severity=Severity.ERROR,
            strategy_ids=(one.metadata.id,),
            message=f"{one.metadata.id} needs {one.metadata.minimum_capital:.2f}, "
            f"gets {one.capital}",
            recommendation="raise its allocation_pct or the capital",
        )
        for one in candidates
        if one.capital is not None and one.capital < Decimal(str(one.metadata.minimum_capital))
    )


def _instruments(candidate: Candidate) -> tuple[str, ...]:
    return (*candidate.metadata.instruments, *candidate.metadata.exclusive_instruments)


DEFAULT_RULES: tuple[Rule, ...] = (exclusive_instruments, shared_underlyings, minimum_capital)
