"""Whether strategies fit together, for people and as a JSON document with the same figures.

The pair matrix is a triangle of scores in blocks of columns, strategies by number, so that it can
be read at 80 columns with three strategies or with fifty. Long lists show their worst lines and say
how many more there are; the JSON document has all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from itertools import groupby
from typing import Any, TypeAlias

import msgspec
from rich import box
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from orchestrion.adapters.report.terminal import UNDEFINED, money, percent, ratio
from orchestrion.domain.compatibility.recommendation import (
    Action,
    DrawFromReserve,
    DropStrategy,
    EnableStrategy,
    RaiseCapital,
    Recommendation,
    RemoveDependency,
    SetAllocations,
    SetConflictPolicy,
)
from orchestrion.domain.compatibility.report import (
    CompatibilityReport,
    Concentration,
    Finding,
    PairAssessment,
    PortfolioRisk,
    Severity,
)

MATRIX_COLUMNS = 15
"""Columns of a block: 15 of five characters and the number of the row fit into 80."""
PAIRS_MAX = 15
LINES_MAX = 5
"""Findings of one rule, and synergies, that are shown; errors always are."""

_STYLES = {Severity.ERROR: "bold red", Severity.WARNING: "yellow", Severity.INFO: "dim"}
_Column: TypeAlias = tuple[str, Callable[[PairAssessment], str]]


def to_json(report: CompatibilityReport) -> dict[str, Any]:
    """The whole report as plain data that ``json.dumps`` takes.

    Scores are 0 to 100 (a rule's own 0 to 1), ratios and fractions are numbers, money and
    percentages are decimal text, what is not given is null.
    """
    content: dict[str, Any] = msgspec.to_builtins(report)
    content["warnings"] = report.warnings
    content["pairs"] = [_plain_pair(one) for one in report.pairs]
    content["risk"] = _plain_risk(report.risk)
    content["concentrations"] = [_plain_concentration(one) for one in report.concentrations]
    content["recommendations"] = [_plain_recommendation(one) for one in report.recommendations]
    return content


def render(report: CompatibilityReport) -> RenderableType:
    """The report for people; print it with ``crop=False``."""
    parts: list[RenderableType] = [*_verdict(report)]
    if report.pairs:
        parts += [Text(), *_matrix(report), Text(), *_pair_figures(report)]
    for section in (_account, _findings, _recommendations, _synergies, _gaps):
        lines = list(section(report))
        if lines:
            parts += [Text(), *lines]
    return Group(*parts)


def _verdict(report: CompatibilityReport) -> Iterator[Text]:
    count = len(report.strategy_ids)
    word = Text("compatible", "bold green")
    if not report.is_compatible:
        word = Text("NOT compatible", "bold red")
    yield Text.assemble(
        f"{count} strateg{'y' if count == 1 else 'ies'}: ", word, _score_words(report)
    )
    if count > 1 and report.pairs:
        yield Text(
            f"{report.measured_fraction:.0%} of the rules, by weight, could be judged; figures of "
            f"returns need {report.returns_min} common {report.alignment} returns.",
            style="dim",
        )


def _score_words(report: CompatibilityReport) -> str:
    if report.score is not None:
        return f", score {report.score:.0f} of 100"
    if report.declared_score is None:
        return ""
    return f"; no score for want of history, {report.declared_score:.0f} of 100 as declared"


# -- pairs ------------------------------------------------------------------------------------


def _matrix(report: CompatibilityReport) -> Iterator[RenderableType]:
    ids = report.strategy_ids
    pairs = {one.strategy_ids: one for one in report.pairs}
    yield _key(report)
    yield Text()
    yield Text("Pair scores: 0 lose together, 50 unrelated, 100 hedge each other", style="bold")
    for start in range(0, len(ids) - 1, MATRIX_COLUMNS):
        block = _block(ids, pairs, start)
        if block.row_count:
            yield block
    if any(one.score is None and one.declared_score is not None for one in report.pairs):
        yield Text(
            "* for want of history by what they declare: 0 share everything, 100 nothing",
            style="dim",
        )


def _key(report: CompatibilityReport) -> Table:
    """Which number is which strategy, and with whom it fits worst."""
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("#", justify="right")
    table.add_column("Strategy", overflow="fold")
    table.add_column("Mean", justify="right")
    table.add_column("Lowest", justify="right")
    number = _numbers(report)
    for strategy_id in report.strategy_ids:
        own = _fits(report, strategy_id)
        mean, lowest = UNDEFINED, UNDEFINED
        if own:
            mean = f"{math.fsum(score for score, _, _ in own) / len(own):.0f}{own[0][1]}"
            score, mark, other = min(own, key=lambda one: (one[0], number[one[2]]))
            lowest = f"{score:.0f}{mark} with {number[other]}"
        table.add_row(str(number[strategy_id]), Text(strategy_id), mean, lowest)
    return table


def _fits(report: CompatibilityReport, strategy_id: str) -> list[tuple[float, str, str]]:
    """(score, mark, partner) of all its pairs with a score; by what they declare if none has."""
    shown = [
        (*found, other)
        for one in report.pairs
        if strategy_id in one.strategy_ids and (found := _shown(one)) is not None
        for other in one.strategy_ids
        if other != strategy_id
    ]
    return [one for one in shown if not one[1]] or shown


def _shown(pair: PairAssessment) -> tuple[float, str] | None:
    """A pair's score; the marked one of what is declared without it; None without either."""
    if pair.score is not None:
        return pair.score, ""
    return None if pair.declared_score is None else (pair.declared_score, "*")


def _score_text(pair: PairAssessment) -> str:
    found = _shown(pair)
    return UNDEFINED if found is None else f"{found[0]:.0f}{found[1]}"


def _block(
    ids: Sequence[str], pairs: Mapping[tuple[str, str], PairAssessment], start: int
) -> Table:
    """Columns from ``start`` on, and the rows below the diagonal that have a pair in them."""
    end = min(start + MATRIX_COLUMNS, len(ids) - 1)
    table = Table(box=None, padding=(0, 1, 0, 0), pad_edge=False, header_style="dim")
    table.add_column("", justify="right", style="dim", width=3)
    for column in range(start, end):
        table.add_column(str(column + 1), justify="right", width=4)
    for row in range(start + 1, len(ids)):
        cells = [
            _cell(pairs.get((ids[column], ids[row]))) if column < row else Text()
            for column in range(start, end)
        ]
        if any(cell.plain for cell in cells):
            table.add_row(str(row + 1), *cells)
    return table


def _cell(pair: PairAssessment | None) -> Text:
    if pair is None:
        return Text()
    style = "dim" if pair.score is None else _style_of(pair.score)
    return Text(_score_text(pair), style=style)


def _style_of(score: float) -> str:
    if score < 30:
        return "bold red"
    if score < 45:
        return "yellow"
    return "green" if score >= 60 else ""


def _signed(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:+.2f}"


def _whole_percent(value: float | None) -> str:
    return UNDEFINED if value is None else f"{value:.0%}"


_FIGURES: tuple[_Column, ...] = (
    ("Score", _score_text),
    ("Common\ndays", lambda one: f"{one.figures.common_days:,}"),
    ("Returns", lambda one: f"{one.figures.returns:,}"),
    ("Pear-\nson", lambda one: _signed(one.figures.pearson)),
    ("Spear-\nman", lambda one: _signed(one.figures.spearman)),
    ("Down-\nside", lambda one: _signed(one.figures.downside)),
    ("Joint\ndrawd.", lambda one: _whole_percent(one.figures.joint_drawdown)),
    ("Oppos.\ndays", lambda one: f"{one.figures.common_instrument_days:,}"),
    ("Oppos.\nrate", lambda one: _whole_percent(one.figures.opposing_rate)),
)


def _pair_figures(report: CompatibilityReport) -> Iterator[RenderableType]:
    number = _numbers(report)
    worst = sorted(report.pairs, key=_worst_first)
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False, show_edge=False)
    table.add_column("Pair")
    for heading, _ in _FIGURES:
        table.add_column(heading, justify="right")
    for one in worst[:PAIRS_MAX]:
        first, second = one.strategy_ids
        name = f"{number[first]}-{number[second]}"
        table.add_row(name, *(cell(one) for _, cell in _FIGURES))
    yield table
    more = len(worst) - PAIRS_MAX
    if more > 0:
        yield Text(f"the {PAIRS_MAX} lowest of {len(worst):,} pairs; --json has all", style="dim")


def _worst_first(pair: PairAssessment) -> tuple[bool, float]:
    """Those with a score before those without."""
    found = _shown(pair)
    return pair.score is None, math.inf if found is None else found[0]


def _numbers(report: CompatibilityReport) -> dict[str, int]:
    return {strategy_id: place for place, strategy_id in enumerate(report.strategy_ids, start=1)}


# -- the rest ---------------------------------------------------------------------------------


def _account(report: CompatibilityReport) -> Iterator[RenderableType]:
    risk = report.risk
    if risk is None:
        return
    yield Text("Account", style="bold")
    yield _indented(
        f"Figures of returns: {len(risk.strategy_ids)} of {risk.strategies} strategies, "
        f"{risk.common_days:,} common days, {risk.returns:,} {report.alignment} returns"
    )
    yield _indented(
        f"Diversification ratio {ratio(risk.diversification_ratio)}, "
        f"largest fall {percent(risk.max_drawdown)}, "
        f"{_whole_percent(risk.joint_drawdown)} of the strategies' own falls"
    )
    yield _indented(
        f"Declared leverage {ratio(risk.leverage)}, largest margin "
        f"{percent(risk.margin_use)} of the capital{_margin_sample(risk)}"
    )
    for one in report.concentrations:
        yield _indented(_concentration_words(one, len(report.strategy_ids)))


def _margin_sample(risk: PortfolioRisk) -> str:
    day = "" if risk.margin_day is None else f" on {_iso_day(risk.margin_day)}"
    return f"{day}, {risk.margin_days:,} common days with margin"


def _concentration_words(one: Concentration, strategies: int) -> str:
    name = one.dimension.replace("_", " ")
    if one.herfindahl is None:
        return f"HHI by {name}: {UNDEFINED}, nobody says it"
    largest = ", ".join(f"{value} {share:.0%}" for value, share in one.shares[:3])
    silent = "" if one.strategies == strategies else f" ({one.strategies} of {strategies} say it)"
    return f"HHI by {name}: {one.herfindahl:.2f}{silent}, largest {largest}"


def _findings(report: CompatibilityReport) -> Iterator[RenderableType]:
    if not report.findings:
        yield Text("Findings: none")
        return
    yield Text("Findings", style="bold")
    for (severity, rule), group in groupby(
        report.findings, key=lambda one: (one.severity, one.rule)
    ):
        findings = sorted(group, key=lambda one: 0.0 if one.score is None else one.score)
        heading = Text.assemble((severity.upper(), _STYLES[severity]), f" {rule}")
        yield _indented(heading)
        shown = findings if severity is Severity.ERROR else findings[:LINES_MAX]
        yield from (_indented(one.message, by=4) for one in shown)
        yield from _more(len(findings) - len(shown))
        yield from _advice(findings[0])


def _advice(finding: Finding) -> Iterator[RenderableType]:
    words = [one for one in (finding.explanation, finding.recommendation) if one]
    if words:
        yield _indented(Text("; ".join(words), style="dim"), by=4)


def _recommendations(report: CompatibilityReport) -> Iterator[RenderableType]:
    if report.recommendations:
        yield Text("Recommendations, each by itself", style="bold")
    for place, one in enumerate(report.recommendations, start=1):
        yield _indented(f"{place}. {describe_action(one.action)}")
        yield _indented(Text(f"{one.rule}: {one.reason}", style="dim"), by=5)


def _synergies(report: CompatibilityReport) -> Iterator[RenderableType]:
    if not report.synergies:
        return
    yield Text("Synergies", style="bold")
    by_kind = sorted(report.synergies, key=lambda one: one.kind)
    for kind, group in groupby(by_kind, key=lambda one: one.kind):
        found = list(group)
        yield _indented(kind.replace("_", " "))
        yield from (_indented(one.message, by=4) for one in found[:LINES_MAX])
        yield from _more(len(found) - LINES_MAX)


def _gaps(report: CompatibilityReport) -> Iterator[RenderableType]:
    if report.gaps:
        yield Text("Not given, for want of data", style="bold")
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


def describe_action(action: Action) -> str:
    """What to do, in the words of the configuration."""
    match action:
        case SetAllocations():
            shares = ", ".join(f"{one} {value}" for one, value in action.percentages)
            return f"set allocation_pct to {shares} ({action.total} in all)"
        case SetConflictPolicy():
            return f"set conflicts: {action.conflict_type}: {action.policy}"
        case DropStrategy():
            return f"run without {action.strategy_id}"
        case EnableStrategy():
            return f"enable {action.strategy_id}"
        case RemoveDependency():
            return f"take {action.dependency} out of depends_on of {action.strategy_id}"
        case RaiseCapital():
            return f"raise the capital to {money(action.capital)}"
        case DrawFromReserve():
            return f"add {action.strategy_id} with {money(action.capital)} of the reserve"


# -- plain data -------------------------------------------------------------------------------


def _plain_pair(one: PairAssessment) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(one)
    content["rule_scores"] = dict(one.rule_scores)
    return content


def _plain_risk(risk: PortfolioRisk | None) -> dict[str, Any] | None:
    if risk is None:
        return None
    content: dict[str, Any] = msgspec.to_builtins(risk)
    content["risk_shares"] = dict(risk.risk_shares)
    content["margin_day"] = None if risk.margin_day is None else _iso_day(risk.margin_day)
    return content


def _plain_concentration(one: Concentration) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(one)
    content["effective_number"] = one.effective_number
    content["shares"] = dict(one.shares)
    return content


def _plain_recommendation(one: Recommendation) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.to_builtins(one)
    if isinstance(one.action, SetAllocations):
        content["action"]["percentages"] = {
            strategy_id: str(value) for strategy_id, value in one.action.percentages
        }
    content["words"] = describe_action(one.action)
    return content


def _iso_day(day: int) -> str:
    return date.fromordinal(day).isoformat()
