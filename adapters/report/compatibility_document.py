"""The compatibility analysis as plain data for ``--json``: the report's figures, none left out.

Scores are 0 to 100 (a rule's own 0 to 1), ratios and fractions are numbers (0.12 is twelve
percent), money and percentages are decimal text, what is not given is null.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import msgspec

from orchestrion.adapters.compatibility_result import Analysis
from orchestrion.adapters.report.compatibility_advice import (
    CUSTOM,
    describe_action,
    yaml_of_action,
)
from orchestrion.domain.compatibility.recommendation import Recommendation, SetAllocations
from orchestrion.domain.compatibility.report import (
    CompatibilityReport,
    Concentration,
    PairAssessment,
    PortfolioRisk,
)


def analysis_to_json(analysis: Analysis) -> dict[str, Any]:
    """The report with what it rests on, as plain data that ``json.dumps`` takes."""
    return {
        "error": None,
        "name": analysis.name,
        "origin": analysis.origin,
        "notes": list(analysis.notes),
        **to_json(analysis.report, method=analysis.allocation_method),
    }


def to_json(report: CompatibilityReport, *, method: str = CUSTOM) -> dict[str, Any]:
    """The whole report as plain data that ``json.dumps`` takes.

    Args:
        method: the configuration's allocation method, for the lines of recommendations.
    """
    content: dict[str, Any] = msgspec.to_builtins(report)
    content["warnings"] = report.warnings
    content["pairs"] = [_plain_pair(one) for one in report.pairs]
    content["risk"] = _plain_risk(report.risk)
    content["concentrations"] = [_plain_concentration(one) for one in report.concentrations]
    content["recommendations"] = [
        _plain_recommendation(one, method, len(report.strategy_ids))
        for one in report.recommendations
    ]
    return content


def findings_to_json(report: CompatibilityReport) -> list[dict[str, Any]]:
    """The findings alone."""
    findings: list[dict[str, Any]] = msgspec.to_builtins(report.findings)
    return findings


def _plain_pair(one: PairAssessment) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(one)
    content["rule_scores"] = dict(one.rule_scores)
    return content


def _plain_risk(risk: PortfolioRisk | None) -> dict[str, Any] | None:
    if risk is None:
        return None
    content: dict[str, Any] = msgspec.to_builtins(risk)
    content["risk_shares"] = dict(risk.risk_shares)
    content["margin_day"] = None if risk.margin_day is None else iso_day(risk.margin_day)
    return content


def _plain_concentration(one: Concentration) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(one)
    content["effective_number"] = one.effective_number
    content["shares"] = dict(one.shares)
    return content


def _plain_recommendation(one: Recommendation, method: str, strategies: int) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(one)
    if isinstance(one.action, SetAllocations):
        content["action"]["percentages"] = {
            strategy_id: str(value) for strategy_id, value in one.action.percentages
        }
    content["words"] = describe_action(one.action)
    content["yaml"] = yaml_of_action(one.action, method=method, strategies=strategies)
    return content


def iso_day(day: int) -> str:
    """A day's number (``date.toordinal``) as 2018-02-05."""
    return date.fromordinal(day).isoformat()
