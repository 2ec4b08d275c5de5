"""The compatibility report as text of 80 columns, and as a JSON document with the same figures."""

from __future__ import annotations

import io
import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import yaml
from rich.console import Console, RenderableType

from orchestrion.adapters.compatibility_result import Analysis
from orchestrion.adapters.report.compatibility import (
    LINES_MAX,
    render,
    render_analysis,
    render_findings,
)
from orchestrion.adapters.report.compatibility_advice import describe_action, yaml_of_action
from orchestrion.adapters.report.compatibility_document import analysis_to_json, to_json
from orchestrion.adapters.report.compatibility_pairs import PAIRS_MAX
from orchestrion.domain.compatibility.analysis import analyze
from orchestrion.domain.compatibility.lineup import Lineup
from orchestrion.domain.compatibility.recommendation import (
    Action,
    DrawFromReserve,
    DropStrategy,
    EnableStrategy,
    RaiseCapital,
    RemoveDependency,
    SetAllocations,
    SetConflictPolicy,
)
from orchestrion.domain.compatibility.report import CompatibilityReport
from tests.unit.domain.compatibility.lineup_builders import (
    SHORT,
    candidate,
    lineup,
    noise,
    past,
)

COLUMNS = 80


def shown(renderable: RenderableType) -> str:
    stream = io.StringIO()
    console = Console(file=stream, width=COLUMNS, highlight=False)
    console.print(renderable, crop=False)
    return stream.getvalue()


def printed(report: CompatibilityReport) -> str:
    return shown(render(report))


def line_with(text: str, start: str) -> str:
    return next(line for line in text.splitlines() if line.startswith(start))


def words(text: str) -> str:
    """The text with its line breaks taken out, to look for a sentence that was folded."""
    return " ".join(text.split())


def three() -> Lineup:
    base = noise(1, 30)
    return lineup(
        candidate("ALPHA", "5000", underlyings=("SPX",), leverage=2.0),
        candidate("BETA", "3000", underlyings=("SPX",), minimum_capital=1),
        candidate("GAMMA", "1000"),
        histories={
            "ALPHA": past(base, margins=[900, 10, 10]),
            "BETA": past([-one / 2 for one in base], margins=[100, 10, 10]),
        },
        total_capital="10000",
    )


def test_verdict_stands_first() -> None:
    report = analyze(three(), SHORT)
    text = printed(report)
    assert text.startswith(f"3 strategies: compatible, score {report.score:.0f} of 100\n")
    assert "of the rules, by weight, could be judged" in text.splitlines()[1]


def test_what_matters_most_stands_first() -> None:
    text = printed(analyze(clash(), SHORT))
    order = ("NOT compatible", "Findings", "What you can do", "Pair scores", "The account")
    places = [text.index(words) for words in order]
    assert places == sorted(places)


def clash() -> Lineup:
    return lineup(
        candidate("A", exclusive_instruments=("WTI",)), candidate("B", instruments=("WTI",))
    )


def test_refusal_is_told_with_its_reason_and_what_to_do() -> None:
    text = printed(analyze(clash(), SHORT))
    assert text.startswith("2 strategies: NOT compatible: a run would be refused, score 0 of 100")
    assert "ERROR exclusive_instruments" in text
    assert "A wants WTI for itself, B trades it too" in text
    assert "1. run without B" in text
    assert "       strategies:\n         B:\n           enabled: false\n" in text


def test_single_strategy_needs_no_matrix() -> None:
    text = printed(analyze(lineup(candidate("A"))))
    assert text.splitlines() == ["1 strategy: compatible", "", "Findings: none"]


def test_matrix_is_a_triangle_of_scores_by_number() -> None:
    report = analyze(three(), SHORT)
    text = printed(report)
    scores = {one.strategy_ids: one.score for one in report.pairs}
    assert line_with(text, "2  BETA").split()[1] == "BETA"
    assert line_with(text, "  3").split() == ["3", "-", "-"]
    assert line_with(text, "  2").split() == ["2", f"{scores['ALPHA', 'BETA']:.0f}"]


def test_without_history_the_matrix_shows_what_is_declared_and_says_so() -> None:
    made = lineup(
        candidate("A", underlyings=("SPX",)),
        candidate("B", underlyings=("SPX",)),
        candidate("C", underlyings=("WTI",)),
    )
    text = printed(analyze(made, SHORT))
    # Leverage 1 with weight 2, underlyings 2/3 of the pairs, spread 1 - 5/9 with weight 2.
    first = "3 strategies: compatible; no score for want of history, 71 of 100 as declared"
    assert text.splitlines()[0] == first
    assert line_with(text, "  3").split() == ["3", "100*", "100*"]
    assert line_with(text, "2  B").split() == ["2", "B", "-", "50*", "0*", "with", "1"]
    assert line_with(text, "1-2").split()[1] == "0*"
    assert "* for want of history by what they declare: 0 share everything, 100 nothing" in text


def test_key_names_the_partner_that_fits_worst() -> None:
    made = lineup(
        candidate("A"),
        candidate("B"),
        candidate("C"),
        histories={
            "A": past(noise(1, 30)),
            "B": past(noise(1, 30)),
            "C": past([-one for one in noise(1, 30)]),
        },
    )
    text = printed(analyze(made, SHORT))
    assert line_with(text, "1  A").endswith("with 2")
    assert line_with(text, "3  C").endswith("with 1")  # of two equal ones the first


def test_pair_table_shows_every_figure_with_its_sample() -> None:
    row = line_with(printed(analyze(three(), SHORT)), "1-2").split()
    assert row[2:6] == ["31", "30", "-1.00", "-1.00"]
    assert row[-3:-1] == ["0", "-"]


def test_missing_figures_are_a_dash_and_the_common_days_stay() -> None:
    row = line_with(printed(analyze(three(), SHORT)), "1-3").split()
    assert row[2:] == ["0", "0", "-", "-", "-", "-", "0", "-", "-"]


def test_figures_of_the_account_come_with_their_samples() -> None:
    text = words(printed(analyze(three(), SHORT)))
    assert "Common days 31 (30 daily returns) of 2 of 3 strategies" in text
    assert "Declared leverage 1.40 times the capital" in text
    assert "Margin peaks together 10.00 % of the capital on 2014-01-06, 3 common days" in text
    assert "underlying 1.00 1.0 SPX 100% (2 of 3 say it)" in text
    assert "horizon - - nobody says it" in text


def test_small_parts_of_the_capital_are_not_rounded_to_nothing() -> None:
    ids = tuple(f"S{place:03}" for place in range(150))
    made = lineup(candidate("A", instruments=ids), candidate("B", instruments=ids[:1]))
    assert "S000 50%, S001 0.3%, S002 0.3% and 147 more" in words(printed(analyze(made, SHORT)))


def test_shares_of_the_risk_stand_beside_the_names() -> None:
    report = analyze(three(), SHORT)
    assert report.risk is not None
    shares = dict(report.risk.risk_shares)
    text = printed(report)
    assert line_with(text, "1  ALPHA").split()[2] == f"{shares['ALPHA']:.0%}"
    assert line_with(text, "3  GAMMA").split()[2] == "-"


def test_what_was_not_given_is_told_with_counts() -> None:
    text = words(printed(analyze(three(), SHORT)))
    assert "return_correlation in 2 of 3 cases, the first: ALPHA and GAMMA: 0 daily" in text
    assert "concentration_horizon: no strategy says its horizon" in text


def test_synergies_come_with_their_evidence() -> None:
    text = words(printed(analyze(three(), SHORT)))
    assert "(downside hedge) ALPHA and BETA lose at different times" in text


def test_without_any_past_the_rules_that_need_one_are_listed_once() -> None:
    text = words(printed(analyze(lineup(candidate("A"), candidate("B")), SHORT)))
    assert "Not given, for want of data" in text
    assert "downside_correlation, joint_drawdown, return_correlation" in text
    assert "are needed" not in text


def test_origin_and_notes_are_told() -> None:
    analysis = Analysis(
        name="mine",
        report=analyze(three(), SHORT),
        allocation_method="custom",
        origin="judged by a backtest",
        notes=("modelled quotes",),
    )
    text = shown(render_analysis(analysis))
    assert text.splitlines()[1] == "Judged by a backtest."
    assert text.splitlines()[-1] == "Note: modelled quotes"
    content = analysis_to_json(analysis)
    assert (content["error"], content["name"]) == (None, "mine")
    assert (content["origin"], content["notes"]) == ("judged by a backtest", ["modelled quotes"])
    assert content["score"] == analysis.report.score


def test_findings_in_short_are_a_line_for_each_rule_the_severest_first() -> None:
    made = lineup(
        *(candidate(one, underlyings=("SPX",), instruments=("SPX",)) for one in ("A", "B", "C"))
    )
    lines = [line.strip() for line in shown(render_findings(analyze(made, SHORT))).splitlines()]
    severities = [line.split()[0] for line in lines[1:] if line.split()[0].isupper()]
    assert severities[:2] == ["WARNING", "WARNING"]
    assert sorted(severities, key=["ERROR", "WARNING", "INFO"].index) == severities
    assert "INFO A and B share SPX (and 2 more) [shared_underlyings]" in lines


def many(count: int, days: int = 0) -> CompatibilityReport:
    ids = [f"OPTIONS_MONTHLY_WEEKLY_HEDGE_{place:02}" for place in range(1, count + 1)]
    made = lineup(
        *(candidate(one, underlyings=("SPX",), instruments=("SPX",)) for one in ids),
        histories={one: past(noise(place, days)) for place, one in enumerate(ids)},
    )
    return analyze(made, SHORT)


@pytest.mark.parametrize("count", [2, 3, 15, 16, 17, 31])
def test_fits_into_80_columns_with_any_number_of_strategies(count: int) -> None:
    report = many(count)
    text = printed(report)
    assert all(len(line.rstrip()) <= COLUMNS for line in text.splitlines())
    assert all(one in text for one in report.strategy_ids)
    matrix = text[text.index("Pair scores") : text.index("* for want of history")]
    cells = [cell for cell in matrix.split() if cell.endswith("*")]
    assert len(cells) == count * (count - 1) // 2


@pytest.mark.slow
def test_fifty_strategies_fit_into_80_columns() -> None:
    text = printed(many(50, days=12))
    assert all(len(line.rstrip()) <= COLUMNS for line in text.splitlines())
    assert f"the {PAIRS_MAX} lowest of 1,225 pairs; --json has all" in text


def test_long_lists_say_how_many_more_there_are() -> None:
    text = printed(many(5))
    assert f"and {10 - LINES_MAX} more; --json has all" in text


def test_errors_are_never_cut_off() -> None:
    made = lineup(*(candidate(f"S{place}", "1", minimum_capital=2) for place in range(9)))
    text = printed(analyze(made, SHORT))
    assert all(f"S{place} needs 2.00, gets 1" in text for place in range(9))


def test_pair_that_cannot_be_judged_is_a_dash() -> None:
    made = lineup(candidate("A"), candidate("B"))
    text = printed(analyze(made, SHORT))
    assert line_with(text, "  2").split() == ["2", "-"]
    assert line_with(text, "1  A").split() == ["1", "A", "-", "-", "-"]


def test_names_are_text_and_not_markup() -> None:
    report = analyze(three(), SHORT)
    finding = msgspec.structs.replace(report.findings[0], message="[bold]x[/bold]")
    assert "[bold]x[/bold]" in printed(msgspec.structs.replace(report, findings=(finding,)))


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (
            SetAllocations((("A", Decimal("60.00")), ("B", Decimal("30.50")))),
            "set allocation_pct to A 60.00, B 30.50 (90.50 in all)",
        ),
        (SetConflictPolicy("OPPOSING_SIDES", "net"), "set conflicts: OPPOSING_SIDES: net"),
        (DropStrategy("A"), "run without A"),
        (EnableStrategy("A"), "enable A"),
        (RemoveDependency("A", "B"), "take B out of depends_on of A"),
        (RaiseCapital(Decimal("1234.50")), "raise the capital to 1,234.50"),
        (DrawFromReserve("A", Decimal(1000)), "add A with 1,000.00 of the reserve"),
    ],
)
def test_actions_are_told_in_the_words_of_the_configuration(action: Action, expected: str) -> None:
    assert describe_action(action) == expected


YAML: dict[str, tuple[Action, dict[str, Any] | None]] = {
    "percentages": (
        SetAllocations((("A", Decimal("60.00")), ("B", Decimal("30.50")))),
        {"strategies": {"A": {"allocation_pct": 60.0}, "B": {"allocation_pct": 30.5}}},
    ),
    "policy": (
        SetConflictPolicy("OPPOSING_SIDES", "net"),
        {"conflicts": {"OPPOSING_SIDES": "net"}},
    ),
    "drop": (DropStrategy("A"), {"strategies": {"A": {"enabled": False}}}),
    "enable": (EnableStrategy("A"), {"strategies": {"A": {"enabled": True}}}),
    "capital": (RaiseCapital(Decimal("1234.50")), {"account": {"capital": 1234.5}}),
    "no line can say it": (RemoveDependency("A", "B"), None),
    "only while it runs": (DrawFromReserve("A", Decimal(1000)), None),
}


@pytest.mark.parametrize("case", YAML)
def test_actions_are_lines_of_the_configuration(case: str) -> None:
    action, expected = YAML[case]
    assert yaml.safe_load(yaml_of_action(action, strategies=3)) == expected


def test_percentages_that_another_method_would_not_read_bring_their_method() -> None:
    action = SetAllocations((("A", Decimal(60)),))
    lines = yaml_of_action(action, method="equal_weight")
    assert yaml.safe_load(lines)["allocation"] == {"method": "custom"}
    assert "instead of equal_weight" in lines


def test_last_strategy_is_promoted_when_the_other_is_dropped() -> None:
    lines = yaml.safe_load(yaml_of_action(DropStrategy("A"), strategies=2))
    assert lines == {"promote_lone_strategy": True, "strategies": {"A": {"enabled": False}}}


def document(report: CompatibilityReport) -> dict[str, Any]:
    text = json.dumps(to_json(report), allow_nan=False)
    content: dict[str, Any] = json.loads(text)
    return content


def test_json_has_the_figures_of_the_report() -> None:
    report = analyze(three(), SHORT)
    content = document(report)
    assert content["is_compatible"] is True
    assert content["score"] == report.score
    assert content["strategy_ids"] == ["ALPHA", "BETA", "GAMMA"]
    assert content["alignment"] == "daily"
    assert content["returns_min"] == SHORT.daily_returns_min
    assert len(content["pairs"]) == 3
    pair = content["pairs"][0]
    assert pair["strategy_ids"] == ["ALPHA", "BETA"]
    assert (pair["figures"]["common_days"], pair["figures"]["returns"]) == (31, 30)
    assert pair["figures"]["pearson"] == report.pairs[0].figures.pearson
    assert pair["rule_scores"] == dict(report.pairs[0].rule_scores)
    assert content["pairs"][1]["figures"]["pearson"] is None
    assert content["risk"]["margin_day"] == "2014-01-06"
    assert set(content["risk"]["risk_shares"]) == {"ALPHA", "BETA"}
    underlying = content["concentrations"][1]
    assert (underlying["dimension"], underlying["shares"]) == ("underlying", {"SPX": 1.0})
    assert underlying["effective_number"] == 1.0
    assert [one["rule"] for one in content["findings"]] == [one.rule for one in report.findings]
    assert [one["rule"] for one in content["gaps"]] == [one.rule for one in report.gaps]
    assert {one["kind"] for one in content["synergies"]} == {one.kind for one in report.synergies}
    assert content["warnings"] == report.warnings


def test_json_names_the_kind_of_each_action() -> None:
    made = lineup(
        candidate("A", "800", underlyings=("SPX",)), candidate("B", "200", underlyings=("WTI",))
    )
    (recommendation,) = document(analyze(made, SHORT))["recommendations"]
    assert recommendation["action"] == {
        "type": "SetAllocations",
        "percentages": {"A": "50.00", "B": "50.00"},
    }
    assert recommendation["words"].startswith("set allocation_pct to A 50.00")
    assert yaml.safe_load(recommendation["yaml"])["strategies"]["B"] == {"allocation_pct": 50.0}


def test_json_of_a_single_strategy_has_no_figures() -> None:
    content = document(analyze(lineup(candidate("A"))))
    assert (content["score"], content["risk"], content["pairs"]) == (None, None, [])


def test_json_has_no_margin_day_without_margin() -> None:
    content = document(analyze(lineup(candidate("A"), candidate("B"))))
    assert content["risk"]["margin_day"] is None
