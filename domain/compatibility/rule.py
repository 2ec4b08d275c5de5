"""``Rule``: one question about a lineup, as a value.

A rule's ``measure`` is a pure function from the evidence and the strategies in question to a score
from 0 (they do not fit) to 1, to ``NotMeasured`` when too little is known, or to None when the
question does not arise. A score below ``pass_score`` is a finding of the rule's severity; its
``remedy``, if it has one, turns its findings into recommendations.

A rule with weight 0 is a gate: it has no part in the scores, but an ERROR of it refuses the start.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import TypeAlias

import msgspec

from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.recommendation import Recommendation
from orchestrion.domain.compatibility.report import Finding, Severity
from orchestrion.domain.errors import ConfigurationError


class Scope(StrEnum):
    """Whom a rule is asked about."""

    STRATEGY = "strategy"
    """Every strategy."""
    PAIR = "pair"
    """Every two strategies, in rank order."""
    LINEUP = "lineup"
    """All of them at once."""


class Measured(msgspec.Struct, frozen=True):
    """A rule's answer: the score, 0 to 1, and what it rests on, in words and figures."""

    score: float
    message: str


class NotMeasured(msgspec.Struct, frozen=True):
    """Too little is known: what there is, and what is needed."""

    message: str


Measurement: TypeAlias = Measured | NotMeasured | None
Measure: TypeAlias = Callable[[Evidence, tuple[str, ...]], Measurement]
Remedy: TypeAlias = Callable[[Evidence, Sequence[Finding]], tuple[Recommendation, ...]]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One question.

    Attributes:
        id: stands in findings; unique among the rules of an analysis.
        severity: of a score below ``pass_score``.
        weight: its part in the scores, >= 0.
        pass_score: above 0 to 1.
        measure: the question, see the module.
        explanation: why it matters, one sentence.
        recommendation: what can be done, one sentence.
        remedy: the same as values that can be applied.
        needs_history: cannot be answered from what strategies declare.
    """

    id: str
    scope: Scope
    severity: Severity
    weight: float
    pass_score: float
    measure: Measure
    explanation: str
    recommendation: str = ""
    remedy: Remedy | None = None
    needs_history: bool = False

    def __post_init__(self) -> None:
        """
        Raises:
            ConfigurationError: no id, or a weight or pass score that is not in its range.
        """
        if not self.id:
            raise ConfigurationError("a rule needs an id")
        if not (math.isfinite(self.weight) and self.weight >= 0):
            raise ConfigurationError(f"rule {self.id}: weight must be >= 0, got {self.weight}")
        if not 0 < self.pass_score <= 1:
            raise ConfigurationError(
                f"rule {self.id}: pass_score must be above 0 to 1, got {self.pass_score}"
            )


def clipped(score: float) -> float:
    """Into [0, 1]."""
    return max(0.0, min(1.0, score))


def verdict(is_fine: bool, message: str) -> Measured:
    """For rules that know only yes and no."""
    return Measured(1.0 if is_fine else 0.0, message)
