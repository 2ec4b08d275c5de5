"""A strategy that joins while others run: reserve first, then the analysis."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.compatibility.admission import admission
from orchestrion.domain.compatibility.recommendation import DrawFromReserve, DropStrategy
from orchestrion.domain.compatibility.report import CompatibilityReport
from orchestrion.domain.errors import ConfigurationError
from tests.unit.domain.compatibility.lineup_builders import SHORT, candidate, noise, past

RUNNING = (candidate("A", "6000"), candidate("B", "3000", exclusive_instruments=("WTI",)))
RESERVE = Decimal("1000.00")


def ask(capital: str | None = "500", reserve: Decimal = RESERVE, **metadata: Any) -> (
    CompatibilityReport
):  # fmt: skip
    return admission(RUNNING, candidate("N", capital, **metadata), reserve, settings=SHORT)


def errors(report: CompatibilityReport) -> list[str]:
    return [one.rule for one in report.findings if one.severity == "error"]


@pytest.mark.parametrize("capital", ["500", "1000.00"])
def test_newcomer_within_the_reserve_is_admitted(capital: str) -> None:
    report = ask(capital)
    assert report.is_compatible
    assert report.strategy_ids == ("A", "B", "N")
    assert [one.strategy_ids for one in report.pairs] == [("A", "N"), ("B", "N")]


@pytest.mark.parametrize(
    ("capital", "words"),
    [
        ("1000.01", "N asks for 1000.01, the reserve holds 1000.00"),
        ("0", "N asks for no capital, the reserve holds 1000.00"),
        (None, "N asks for no capital, the reserve holds 1000.00"),
    ],
)
def test_newcomer_that_the_reserve_does_not_cover_is_refused(
    capital: str | None, words: str
) -> None:
    report = ask(capital)
    assert not report.is_compatible
    assert (report.score, report.findings[0].message) == (0.0, words)


@pytest.mark.parametrize(
    ("capital", "reserve", "minimum", "recommended"),
    [
        ("1500", "1000", 0, "1000"),
        ("1500", "1000.005", 400, "1000.00"),
        ("1500", "1000", 1001, None),
        ("500", "1000", 600, "600.00"),
        ("500", "1000", 400, None),
        ("500", "0", 0, None),
    ],
)
def test_newcomer_is_told_what_it_could_ask_for(
    capital: str, reserve: str, minimum: int, recommended: str | None
) -> None:
    report = ask(capital, Decimal(reserve), minimum_capital=minimum)
    found = [one.action for one in report.recommendations]
    expected = [] if recommended is None else [DrawFromReserve("N", Decimal(recommended))]
    assert found == expected


def test_advice_that_is_followed_admits() -> None:
    (advice,) = ask("500", minimum_capital=600).recommendations
    assert isinstance(advice.action, DrawFromReserve)
    assert ask(str(advice.action.capital), minimum_capital=600).is_compatible


def test_analysis_refuses_a_clash_with_a_running_strategy() -> None:
    report = ask(instruments=("WTI",))
    assert errors(report) == ["exclusive_instruments"]
    assert [one.action for one in report.recommendations] == [DropStrategy("N")]


def test_dependency_on_a_running_strategy_is_there() -> None:
    assert ask(depends_on=("A",)).is_compatible
    assert errors(ask(depends_on=("GONE",))) == ["dependencies"]


def test_what_was_wrong_before_is_not_the_newcomers_fault() -> None:
    running = (
        candidate("A", "6000", minimum_capital=7000),
        candidate("B", "3000", depends_on=("GONE",)),
    )
    report = admission(running, candidate("N", "500"), RESERVE)
    assert report.is_compatible
    assert report.score != 0.0
    assert report.declared_score == 100.0
    assert all("N" in one.strategy_ids for one in report.findings)


def test_leverage_of_the_account_is_judged_with_the_newcomer() -> None:
    assert not any(one.rule == "leverage" for one in ask("1000").findings)
    report = ask("1000", leverage=99.0)
    assert any(one.rule == "leverage" for one in report.findings)
    assert report.recommendations == ()  # capital of running strategies is not moved


def test_first_strategy_is_judged_too() -> None:
    alone = admission((), candidate("N", "500", minimum_capital=600), RESERVE)
    assert errors(alone) == ["minimum_capital"]
    assert admission((), candidate("N", "500"), RESERVE).is_compatible


def test_histories_are_looked_at() -> None:
    base = noise(1, 30)
    report = admission(
        RUNNING,
        candidate("N", "500"),
        RESERVE,
        histories={"A": past(base), "N": past(base), "B": past(noise(2, 30))},
        settings=SHORT,
        disabled_ids=("N", "OLD"),
    )
    warned = [one.strategy_ids for one in report.findings if one.rule == "return_correlation"]
    assert warned == [("A", "N")]
    assert DropStrategy("N") in [one.action for one in report.recommendations]
    assert all("N" in one.strategy_ids for one in report.synergies)


def test_taken_id_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="there is a strategy 'A' already"):
        admission(RUNNING, candidate("A", "1"), RESERVE)


@pytest.mark.parametrize("reserve", ["-1", "NaN"])
def test_reserve_that_is_no_amount_is_refused(reserve: str) -> None:
    with pytest.raises(ConfigurationError, match="reserve must be a finite amount"):
        admission(RUNNING, candidate("N", "1"), Decimal(reserve))


def test_running_strategy_without_capital_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="capital of running strategy A is unknown"):
        admission((candidate("A", None),), candidate("N", "1"), RESERVE)
