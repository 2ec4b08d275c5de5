"""Actions can be applied, and only those that make sense can be made."""

from __future__ import annotations

from decimal import Decimal

import pytest

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
    applied,
)
from orchestrion.domain.errors import ConfigurationError
from tests.unit.domain.compatibility.lineup_builders import candidate, lineup, past


def made() -> Lineup:
    return lineup(
        candidate("A", "600"),
        candidate("B", "300", depends_on=("A", "X")),
        histories={"A": past([0.1]), "B": past([0.2])},
        total_capital="1000",
    )


def capital(found: Lineup) -> list[str]:
    return [str(one.capital) for one in found.candidates]


def shares(*percentages: str) -> SetAllocations:
    return SetAllocations(tuple(zip("AB", map(Decimal, percentages), strict=True)))


@pytest.mark.parametrize("bad", ["0", "-1", "100.01", "NaN"])
def test_percentage_that_no_configuration_accepts_is_refused(bad: str) -> None:
    with pytest.raises(ConfigurationError, match="the percentage of B must be above 0 to 100"):
        shares("1", bad)


def test_percentages_above_a_hundred_together_are_refused() -> None:
    assert shares("60", "40").total == 100
    with pytest.raises(ConfigurationError, match=r"sum to at most 100, got 100\.01"):
        shares("60", "40.01")


def test_percentages_become_capital_down_to_the_cent() -> None:
    assert capital(applied(made(), shares("33.333333", "50"))) == ["333.33", "500.00"]


def test_conflict_policy_is_set_beside_the_others() -> None:
    first = applied(made(), SetConflictPolicy("CAPITAL", "scale_pro_rata"))
    both = applied(first, SetConflictPolicy("OPPOSING_SIDES", "net"))
    assert both.conflict_policies == {"CAPITAL": "scale_pro_rata", "OPPOSING_SIDES": "net"}


def test_dropped_strategy_is_gone_with_its_history() -> None:
    found = applied(made(), DropStrategy("A"))
    assert (found.strategy_ids, list(found.histories)) == (("B",), ["B"])


def test_dependency_is_taken_out() -> None:
    found = applied(made(), RemoveDependency("B", "X"))
    assert found.candidates[1].metadata.depends_on == ("A",)
    assert made().candidates[1].metadata.depends_on == ("A", "X")


def test_more_capital_keeps_the_shares() -> None:
    found = applied(made(), RaiseCapital(Decimal(1500)))
    assert capital(found) == ["900.00", "450.00"]
    assert found.capital == 1500


def test_more_capital_leaves_the_unknown_and_the_empty_alone() -> None:
    found = applied(lineup(candidate("A", None), candidate("B", "0")), RaiseCapital(Decimal(5)))
    assert capital(found) == ["None", "0"]
    half = applied(lineup(candidate("A", "0"), candidate("B", "10")), RaiseCapital(Decimal(20)))
    assert capital(half) == ["0.00", "20.00"]


def test_newcomer_draws_from_the_reserve() -> None:
    assert capital(applied(made(), DrawFromReserve("B", Decimal(350)))) == ["600", "350"]


@pytest.mark.parametrize(
    ("action", "words"),
    [
        (DropStrategy("C"), "there is no strategy 'C' in the lineup"),
        (RemoveDependency("C", "A"), "there is no strategy 'C'"),
        (EnableStrategy("X"), "X has to be added as a candidate"),
        (SetAllocations((("A", Decimal(1)),)), "percentages are for A, the lineup is A, B"),
        (DrawFromReserve("B", Decimal(401)), "adds up to 1001"),
    ],
)
def test_action_that_does_not_fit_is_refused_and_nothing_changes(
    action: Action, words: str
) -> None:
    before = made()
    with pytest.raises(ConfigurationError, match=words):
        applied(before, action)
    assert before == made()


def test_percentages_need_capital() -> None:
    with pytest.raises(ConfigurationError, match="without capital"):
        applied(lineup(candidate("A", None), candidate("B", None)), shares("1", "2"))
