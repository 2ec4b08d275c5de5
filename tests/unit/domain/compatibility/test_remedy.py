"""Findings lead to recommendations that help when they are applied."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.domain.compatibility import remedy
from orchestrion.domain.compatibility.analysis import analyze
from orchestrion.domain.compatibility.concentration import Dimension
from orchestrion.domain.compatibility.evidence import Evidence
from orchestrion.domain.compatibility.lineup import AnalysisSettings, Lineup
from orchestrion.domain.compatibility.recommendation import (
    Action,
    DropStrategy,
    EnableStrategy,
    RaiseCapital,
    RemoveDependency,
    SetAllocations,
    SetConflictPolicy,
    applied,
)
from orchestrion.domain.compatibility.report import CompatibilityReport, Finding, Severity
from orchestrion.domain.compatibility.rule import Remedy
from tests.unit.domain.compatibility.lineup_builders import SHORT, candidate, lineup, noise, past


def actions(made: Lineup, rule: str, *, settings: AnalysisSettings = SHORT) -> list[Action]:
    report = analyze(made, settings)
    return [one.action for one in report.recommendations if one.rule == rule]


def finds(report: CompatibilityReport, rule: str) -> bool:
    return any(one.rule == rule for one in report.findings)


def test_missing_dependency_is_enabled_or_taken_out() -> None:
    made = lineup(candidate("A", depends_on=("B",)), candidate("B", depends_on=("C",)))
    assert actions(made, "dependencies") == [EnableStrategy("C"), RemoveDependency("B", "C")]
    assert analyze(applied(made, RemoveDependency("B", "C")), SHORT).is_compatible


def test_cycle_can_only_be_cut() -> None:
    made = lineup(candidate("A", depends_on=("B",)), candidate("B", depends_on=("A",)))
    found = actions(made, "dependencies")
    assert found == [RemoveDependency("B", "A"), RemoveDependency("A", "B")]
    assert analyze(applied(made, found[0]), SHORT).is_compatible


@pytest.mark.parametrize(
    ("first", "second", "dropped"), [((), (), "B"), ((), ("A",), "B"), (("B",), (), "A")]
)
def test_exclusive_instrument_drops_the_lower_rank_unless_it_is_needed(
    first: tuple[str, ...], second: tuple[str, ...], dropped: str
) -> None:
    made = lineup(
        candidate("A", exclusive_instruments=("SPX",), depends_on=first),
        candidate("B", instruments=("SPX",), depends_on=second),
    )
    assert actions(made, "exclusive_instruments") == [DropStrategy(dropped)]


def test_minimum_comes_from_the_reserve_first() -> None:
    made = lineup(
        candidate("A", "100", minimum_capital=150), candidate("B", "700"), total_capital="1000"
    )
    (action,) = actions(made, "minimum_capital")
    assert action == SetAllocations((("A", Decimal("15.00")), ("B", Decimal("70.00"))))
    assert analyze(applied(made, action), SHORT).is_compatible


def test_minimum_comes_from_the_others_when_there_is_no_reserve() -> None:
    made = lineup(candidate("A", "100", minimum_capital=150), candidate("B", "900"))
    (action,) = actions(made, "minimum_capital")
    assert action == SetAllocations((("A", Decimal("15.00")), ("B", Decimal("85.00"))))


def test_minimums_above_the_capital_ask_for_more_or_for_less_strategies() -> None:
    made = lineup(
        candidate("A", "400", minimum_capital=600), candidate("B", "600", minimum_capital=600.001)
    )
    found = actions(made, "minimum_capital")
    assert found == [RaiseCapital(Decimal("1500.00")), DropStrategy("A"), DropStrategy("B")]
    assert analyze(applied(made, found[0]), SHORT).is_compatible


def test_minimum_without_any_capital_has_no_remedy_in_figures() -> None:
    made = lineup(candidate("A", "0", minimum_capital=5), candidate("B", "0", minimum_capital=5))
    assert actions(made, "minimum_capital") == []
    funded = msgspec.structs.replace(made, total_capital=Decimal(8))
    assert actions(funded, "minimum_capital") == [DropStrategy("A"), DropStrategy("B")]


def test_leverage_is_lowered_in_proportion() -> None:
    made = lineup(candidate("A", "500", leverage=4.0), candidate("B", "500", leverage=2.0))
    (action,) = actions(made, "leverage")
    assert action == SetAllocations((("A", Decimal("33.33")), ("B", Decimal("33.33"))))
    assert not finds(analyze(applied(made, action), SHORT), "leverage")


def test_leverage_limit_is_met() -> None:
    settings = msgspec.structs.replace(SHORT, leverage_limit=Decimal(1))
    made = lineup(candidate("A", "500", leverage=2.0), candidate("B", "500", leverage=2.0))
    (action,) = actions(made, "leverage_limit", settings=settings)
    assert action == SetAllocations((("A", Decimal("25.00")), ("B", Decimal("25.00"))))
    assert analyze(applied(made, action), settings).is_compatible


def test_leverage_cannot_be_lowered_below_a_minimum() -> None:
    made = lineup(
        candidate("A", "500", leverage=4.0, minimum_capital=400), candidate("B", leverage=4.0)
    )
    assert actions(made, "leverage") == []


def test_margin_asks_for_the_capital_that_it_needs() -> None:
    peaks = past(margins=[9_000, 1, 1])
    made = lineup(candidate("A"), candidate("B"), histories={"A": peaks, "B": peaks})
    (action,) = actions(made, "margin_use")
    assert action == RaiseCapital(Decimal("22500.00"))
    assert not finds(analyze(applied(made, action), SHORT), "margin_use")


def test_opposing_sides_are_netted_unless_they_are() -> None:
    made = lineup(
        candidate("A"),
        candidate("B"),
        histories={
            "A": past(held=[(day, "SPX", 1) for day in range(9)]),
            "B": past(held=[(day, "SPX", -1) for day in range(9)]),
        },
    )
    (action,) = actions(made, "opposing_directions")
    assert action == SetConflictPolicy("OPPOSING_SIDES", "net")
    assert actions(applied(made, action), "opposing_directions") == []


def test_concentration_is_spread_over_what_there_is() -> None:
    made = lineup(
        candidate("A", "800", underlyings=("SPX",)), candidate("B", "200", underlyings=("WTI",))
    )
    (action,) = actions(made, "concentration_underlying")
    assert action == SetAllocations((("A", Decimal("50.00")), ("B", Decimal("50.00"))))
    assert not finds(analyze(applied(made, action), SHORT), "concentration_underlying")


def test_silent_strategies_keep_what_they_have_when_capital_is_spread() -> None:
    made = lineup(
        candidate("A", "600", underlyings=("SPX",)),
        candidate("B", "200", underlyings=("WTI", "VIX")),
        candidate("C", "100"),
        candidate("D", "0", underlyings=("WTI",)),
    )
    (action,) = actions(made, "concentration_underlying")
    assert isinstance(action, SetAllocations)
    percentages = dict(action.percentages)
    assert percentages["C"] == Decimal("11.11")
    assert percentages["D"] == Decimal("0.01")  # nothing is no allocation
    # The smallest step that is enough: far from equal parts, which would be a third for A.
    assert percentages["A"] > 2 * percentages["B"]
    assert action.total <= 100
    assert not finds(analyze(applied(made, action), SHORT), "concentration_underlying")


@pytest.mark.parametrize(
    "made",
    [
        lineup(candidate("A", underlyings=("SPX",)), candidate("B", underlyings=("SPX",))),
        lineup(
            candidate("A", None, underlyings=("SPX",)), candidate("B", None, underlyings=("SPX",))
        ),
        lineup(
            candidate("A", "900", underlyings=("SPX",)),
            candidate("B", "100", underlyings=("SPX", "WTI")),
        ),
        lineup(
            candidate("A", "900", underlyings=("SPX",), minimum_capital=900),
            candidate("B", "100", underlyings=("WTI",)),
        ),
        lineup(
            candidate("A", "900", underlyings=("SPX",), minimum_capital=900.5),
            candidate("B", "99.5", underlyings=("WTI",), minimum_capital=99.5),
        ),
    ],
)
def test_concentration_that_cannot_be_helped_gives_no_percentages(made: Lineup) -> None:
    assert finds(analyze(made, SHORT), "concentration_underlying")
    assert actions(made, "concentration_underlying") == []


def crowded(**metadata: Any) -> Lineup:
    base, apart = noise(1, 60), noise(2, 60)
    close = tuple(a + b / 4 for a, b in zip(base, noise(3, 60), strict=True))
    return lineup(
        candidate("A", **metadata),
        candidate("B", **metadata),
        candidate("C", **metadata),
        histories={"A": past(base), "B": past(close), "C": past(apart)},
    )


def test_crowded_strategies_get_less_and_the_whole_is_more_diversified() -> None:
    made = crowded()
    before = analyze(made, SHORT)
    found = [one for one in before.recommendations if isinstance(one.action, SetAllocations)]
    assert len(found) == 1
    action = found[0].action
    assert isinstance(action, SetAllocations)
    percentages = dict(action.percentages)
    assert percentages["C"] > percentages["A"]
    assert action.total <= 100
    after = analyze(applied(made, action), SHORT)
    assert before.risk is not None
    assert after.risk is not None
    assert (after.risk.diversification_ratio or 0) > (before.risk.diversification_ratio or 9)


def test_twins_are_dropped() -> None:
    assert DropStrategy("B") in actions(crowded(), "return_correlation")


@pytest.mark.parametrize("minimum", [9_990, 10_001])
def test_crowds_that_need_their_capital_keep_it(minimum: int) -> None:
    report = analyze(crowded(minimum_capital=minimum), SHORT)
    assert finds(report, "return_correlation")
    crowd = [one for one in report.recommendations if "diversification ratio" in one.reason]
    assert crowd == []


@pytest.mark.parametrize(
    "cure",
    [
        remedy.repair_dependencies,
        remedy.lower_leverage,
        remedy.cover_margin,
        remedy.decrowd,
        remedy.spread_over(Dimension.HORIZON),
    ],
)
def test_remedy_under_a_rule_of_ones_own_finds_nothing_to_cure(cure: Remedy) -> None:
    evidence = Evidence(lineup(candidate("A", None), candidate("B", None)), SHORT)
    finding = Finding(rule="mine", severity=Severity.INFO, strategy_ids=("A", "B"), message="")
    assert cure(evidence, [finding]) == ()
