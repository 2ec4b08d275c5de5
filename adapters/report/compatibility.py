"""Whether strategies fit together, for people: verdict, what is wrong, what helps, the figures.

Most important first. Long lists show their worst lines and say how many more there are; the JSON
document (``compatibility_document``) has all. Numbers stand for strategies in the tables of
``compatibility_pairs``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestrion.adapters.compatibility_result import Analysis
from orchestrion.adapters.report.compatibility_advice import (
    CUSTOM,
    headline_of_action,
    yaml_of_action,
)
from orchestrion.adapters.report.compatibility_document import iso_day
from orchestrion.adapters.report.compatibility_pairs import (
    key_of_strategies,
    pair_figures,
    pair_matrix,
    whole_percent,
)
from orchestrion.adapters.report.terminal import UNDEFINED, percent, ratio
from orchestrion.domain.compatibility.report import (
    SEVEREST_FIRST,
    CompatibilityReport,
    Concentration,
    Finding,
    PortfolioRisk,
    Severity,
    SynergyKind,
)

LINES_MAX = 5
"""Findings of one rule, and synergies, that are shown; errors always are."""

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
_SYNERGIES = {
    SynergyKind.DOWNSIDE_HEDGE: "They lose at different times (downside hedge)",
    SynergyKind.CUSHION: "One gained in the worst periods of the other (cushion)",
    SynergyKind.DRAWDOWN_OFFSET: "Their falls cancel out (drawdown offset)",
    SynergyKind.DIVERSIFICATION: "The whole moves less than its parts (diversification)",
}


def render_analysis(analysis: Analysis) -> RenderableType:
    """The report with what it rests on; print it with ``crop=False``."""
    return render(
        analysis.report,
        origin=analysis.origin,
        notes=analysis.notes,
        method=analysis.allocation_method,
    )


def render(
    report: CompatibilityReport,
    *,
    origin: str = "",
    notes: Iterable[str] = (),
    method: str = CUSTOM,
) -> RenderableType:
    """The report for people; print it with ``crop=False``.

    Args:
        origin: where the strategies' past is from.
        notes: what the figures rest on.
        method: the configuration's allocation method, for the lines of recommendations.
    """
    parts: list[RenderableType] = [*_verdict(report, origin)]
    parts += [Text(), *_findings(report)]
    if report.recommendations:
        parts += [Text(), *_recommendations(report, method)]
    if report.pairs:
        parts += [Text(), key_of_strategies(report), Text(), *pair_matrix(report)]
        parts += [Text(), *pair_figures(report)]
    for section in (_account, _concentrations, _synergies, _gaps):
        lines = list(section(report))
        if lines:
            parts += [Text(), *lines]
    noted = [Text.assemble("Note: ", (note, "italic")) for note in notes]
    if noted:
        parts += [Text(), *noted]
    return Group(*parts)


def render_findings(report: CompatibilityReport) -> RenderableType:
    """The findings in short, a line for each rule and severity, severest first."""
    lines: list[RenderableType] = [
        Text("Do they fit together? By what they declare; `orchestrion compat` says more.")
    ]
    for severity, rule, findings in _by_rule(report):
        more = f" (and {len(findings) - 1:,} more)" if len(findings) > 1 else ""
        label = Text.assemble((severity.upper(), _STYLES[severity]), f" {findings[0].message}")
        lines.append(_indented(label.append(f"{more} [{rule}]")))
    return Group(*lines)


def _verdict(report: CompatibilityReport, origin: str) -> Iterator[RenderableType]:
    count = len(report.strategy_ids)
    word = Text("compatible", "bold green")
    if not report.is_compatible:
        word = Text("NOT compatible: a run would be refused", "bold red")
    yield Text.assemble(
        f"{count} strateg{'y' if count == 1 else 'ies'}: ", word, _score_words(report)
    )
    if origin:
        yield Text(f"{origin[0].upper()}{origin[1:]}.")
    if count > 1 and report.pairs:
        yield Text(
            f"{report.measured_fraction:.0%} of the rules, by weight, could be judged. Scores go "
            "from 0 (worst) to 100.",
            style="dim",
        )


def _score_words(report: CompatibilityReport) -> str:
    if report.score is not None:
        return f", score {report.score:.0f} of 100"
    if report.declared_score is None:
        return ""
    return f"; no score for want of history, {report.declared_score:.0f} of 100 as declared"


# -- findings and what to do --------------------------------------------------------------------


def _by_rule(report: CompatibilityReport) -> Iterator[tuple[Severity, str, list[Finding]]]:
    """Findings of one rule together, the worst of it first; severest rules first."""
    ordered = sorted(report.findings, key=lambda one: SEVEREST_FIRST.index(one.severity))
    for (severity, rule), group in groupby(ordered, key=lambda one: (one.severity, one.rule)):
        worst_first = sorted(group, key=lambda one: 0.0 if one.score is None else one.score)
        yield severity, rule, worst_first


def _findings(report: CompatibilityReport) -> Iterator[RenderableType]:
    if not report.findings:
        yield Text("Findings: none")
        return
    yield Text("Findings, the severest first", style="bold")
    for severity, rule, findings in _by_rule(report):
        yield _indented(Text.assemble((severity.upper(), _STYLES[severity]), f" {rule}"))
        shown = findings if severity is Severity.ERROR else findings[:LINES_MAX]
        yield from (_indented(one.message, by=4) for one in shown)
        yield from _more(len(findings) - len(shown))
        yield from _advice(findings[0])


def _advice(finding: Finding) -> Iterator[RenderableType]:
    for name, words in (("Why", finding.explanation), ("What helps", finding.recommendation)):
        if words:
            yield _indented(Text(f"{name}: {words}", style="dim"), by=4)


def _recommendations(report: CompatibilityReport, method: str) -> Iterator[RenderableType]:
    yield Text(
        "What you can do (each by itself; put the lines into the configuration)", style="bold"
    )
    for place, one in enumerate(report.recommendations, start=1):
        yield _indented(f"{place}. {headline_of_action(one.action)}")
        yield _indented(Text(f"{one.rule}: {one.reason}", style="dim"), by=5)
        lines = yaml_of_action(one.action, method=method, strategies=len(report.strategy_ids))
        for line in lines.splitlines():
            yield Text(f"       {line}", style="cyan", no_wrap=True, overflow="ignore")


# -- the account ----------------------------------------------------------------------------------


def _account(report: CompatibilityReport) -> Iterator[RenderableType]:
    risk = report.risk
    if risk is None:
        return
    yield Text("The account as a whole", style="bold")
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for name, words in _account_lines(report, risk).items():
        grid.add_row(name, Text(words))
    yield Padding(grid, (0, 0, 0, 2), expand=False)


def _account_lines(report: CompatibilityReport, risk: PortfolioRisk) -> dict[str, str]:
    days = f"{risk.common_days:,} ({risk.returns:,} {report.alignment} returns)"
    diversified = risk.diversification_ratio
    parts = "1 when all move as one"
    if diversified is not None:
        parts = f"moves as {diversified**2:.1f} independent equal parts would; {parts}"
    own = f"{whole_percent(risk.joint_drawdown)} of the strategies' own falls added up"
    margin = f"{percent(risk.margin_use)} of the capital"
    if risk.margin_day is not None:
        margin += f" on {iso_day(risk.margin_day)}"
    return {
        "Common days": f"{days} of {len(risk.strategy_ids)} of {risk.strategies} strategies",
        "Diversification ratio": f"{ratio(diversified)} ({parts})",
        "Largest fall": f"{percent(risk.max_drawdown)} of the account; {own}",
        "Declared leverage": f"{ratio(risk.leverage)} times the capital",
        "Margin peaks together": f"{margin}, {risk.margin_days:,} common days with margin",
    }


def _concentrations(report: CompatibilityReport) -> Iterator[RenderableType]:
    if not report.concentrations:
        return
    yield Text("Where the capital is", style="bold")
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("By")
    table.add_column("HHI", justify="right")
    table.add_column("As equal\nparts", justify="right")
    table.add_column("Largest parts", overflow="fold")
    for one in report.concentrations:
        table.add_row(
            one.dimension.replace("_", " "),
            ratio(one.herfindahl),
            UNDEFINED if one.effective_number is None else f"{one.effective_number:.1f}",
            Text(_largest(one, len(report.strategy_ids))),
        )
    yield Padding(table, (0, 0, 0, 2), expand=False)
    yield _indented(
        Text("HHI, the Herfindahl index: 1 all in one, 0.50 as two equal parts", style="dim")
    )


def _largest(one: Concentration, strategies: int, at_most: int = 3) -> str:
    if one.herfindahl is None:
        return "nobody says it"
    words = ", ".join(f"{value} {_share(share)}" for value, share in one.shares[:at_most])
    more = len(one.shares) - at_most
    if more > 0:
        words += f" and {more} more"
    return (
        words
        if one.strategies == strategies
        else f"{words} ({one.strategies} of {strategies} say it)"
    )


def _share(share: float) -> str:
    return f"{share:.0%}" if share >= 0.0095 else f"{share:.1%}"


# -- the rest -------------------------------------------------------------------------------------


def _synergies(report: CompatibilityReport) -> Iterator[RenderableType]:
    if not report.synergies:
        return
    yield Text("What they gain from each other", style="bold")
    by_kind = sorted(report.synergies, key=lambda one: one.kind)
    for kind, group in groupby(by_kind, key=lambda one: one.kind):
        found = list(group)
        yield _indented(_SYNERGIES[kind])
        yield from (_indented(one.message, by=4) for one in found[:LINES_MAX])
        yield from _more(len(found) - LINES_MAX)


def _gaps(report: CompatibilityReport) -> Iterator[RenderableType]:
    if not report.gaps:
        return
    yield Text("Not given, for want of data", style="bold")
    if all(one.figures.common_days == 0 for one in report.pairs):
        # Without any past there is one reason for all, and no need to repeat it.
        yield _indented(", ".join(one.rule for one in report.gaps))
        return
    for one in report.gaps:
        cases = "" if one.of == 1 else f" in {one.count:,} of {one.of:,} cases, the first:"
        yield _indented(f"{one.rule}{cases or ':'} {one.message}")


def _more(count: int) -> Iterable[RenderableType]:
    return (_indented(Text(f"and {count:,} more; --json has all", style="dim"), by=4),) * (
        count > 0
    )


def _indented(words: str | Text, by: int = 2) -> Padding:
    text = Text(words) if isinstance(words, str) else words
    return Padding(text, (0, 0, 0, by), expand=False)
