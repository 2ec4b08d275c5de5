"""What several keys must agree on."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrion.adapters.settings import check_settings, load_settings

A: dict[str, Any] = {"strategy": "STRANGLE", "allocation_pct": 60}
B: dict[str, Any] = {"strategy": "STRANGLE", "allocation_pct": 40}
OFF: dict[str, Any] = {"strategy": "STRANGLE", "enabled": False}


def lone(**changes: Any) -> dict[str, Any]:
    return {"strategies": {"A": {**A, **changes}, "OFF": OFF}}


FAULTY: dict[str, tuple[dict[str, Any], str, str]] = {
    "both forms": (
        {"strategy": "STRANGLE", "strategies": {"A": A, "B": B}},
        "strategies",
        "both 'strategy' and 'strategies'",
    ),
    "neither form": ({"account": {}}, "strategy", "no strategy is named"),
    "misspelt form": ({"stratgies": {}}, "stratgies", "did you mean strategies"),
    "config beside strategies": (
        {"strategies": {"A": A, "B": B}, "config": {}},
        "config",
        "move it under the entry",
    ),
    "none enabled": ({"strategies": {"OFF": OFF}}, "strategies", "none is enabled"),
    "no entries": ({"strategies": {}}, "strategies", "at least 1"),
    "over 100": (
        {"strategies": {"A": A, "B": {**B, "allocation_pct": 40.1}}},
        "strategies",
        "60 + 40.1 = 100.1",
    ),
    "no percentage": (
        {"strategies": {"A": A, "B": {"strategy": "STRANGLE"}}},
        "strategies.B.allocation_pct",
        "set allocation.method: equal_weight",
    ),
    "percentage of nothing": (
        {"strategies": {"A": A, "B": {**B, "allocation_pct": 0}}},
        "strategies.B.allocation_pct",
        "above 0",
    ),
    "lone strategy below 100": (
        lone(),
        "strategies.A.allocation_pct",
        "promote_lone_strategy: true",
    ),
    "lone strategy without percentage": (
        {"strategies": {"A": {"strategy": "STRANGLE"}}},
        "strategies.A.allocation_pct",
        "promote_lone_strategy: true",
    ),
    "lone strategy with equal weight and another percentage": (
        {**lone(), "allocation": {"method": "equal_weight"}},
        "strategies.A.allocation_pct",
        "promote_lone_strategy: true",
    ),
    "lone strategy with a reserve": (
        {
            **lone(allocation_pct=100),
            "allocation": {"method": "equal_weight", "reserve_pct": 10},
        },
        "allocation.reserve_pct",
        "lower account.capital",
    ),
    "single strategy with a reserve": (
        {"strategy": "STRANGLE", "allocation": {"reserve_pct": 10}},
        "allocation.reserve_pct",
        "lower account.capital",
    ),
    "reserve with custom percentages": (
        {"strategies": {"A": A, "B": B}, "allocation": {"reserve_pct": 10}},
        "allocation.reserve_pct",
        "equal_weight",
    ),
    "id of a book": (
        {"strategies": {"RESERVE": A, "B": B}},
        "strategies.RESERVE",
        "name of a book",
    ),
    "import path as an id": (
        {"strategies": {"my.mod:Class": {**A}, "B": B}},
        'strategies."my.mod:Class"',
        "choose a short id",
    ),
    "depends on nobody": (
        {"strategies": {"ALPHA": A, "B": {**B, "depends_on": ["ALPHAA"]}}},
        "strategies.B.depends_on.0",
        "did you mean ALPHA?",
    ),
    "depends on a disabled one": (
        {"strategies": {"A": A, "B": {**B, "depends_on": ["OFF"]}, "OFF": OFF}},
        "strategies.B.depends_on.0",
        "enable it",
    ),
    "depends on itself": (
        {"strategies": {"A": A, "B": {**B, "depends_on": ["A", "B"]}}},
        "strategies.B.depends_on.1",
        "on itself",
    ),
    "depends in a circle": (
        {"strategies": {"A": {**A, "depends_on": ["B"]}, "B": {**B, "depends_on": ["A"]}}},
        "strategies.A.depends_on",
        "A -> B -> A",
    ),
}


@pytest.mark.parametrize("case", FAULTY)
def test_disagreement_is_told_at_one_place(case: str) -> None:
    content, path, words = FAULTY[case]
    faults = check_settings(content)
    assert [one.path for one in faults] == [path]
    assert words in str(faults[0])


FINE: dict[str, dict[str, Any]] = {
    "sum of 100 in decimals": {
        "strategies": {key: {**A, "allocation_pct": 33.3} for key in "AB"}
        | {"C": {**A, "allocation_pct": 33.4}}
    },
    "sum below 100": {"strategies": {"A": A, "B": {**B, "allocation_pct": 5}}},
    "lone strategy of 100": lone(allocation_pct=100),
    "lone strategy that is promoted": {**lone(), "promote_lone_strategy": True},
    "promoted without percentage": {
        "strategies": {"STRANGLE": {}},
        "promote_lone_strategy": True,
    },
    "equal weight without percentages": {
        "strategies": {"STRANGLE": {}, "IRON_CONDOR": {}},
        "allocation": {"method": "equal_weight", "reserve_pct": 10},
    },
    "equal weight over percentages of more than 100": {
        "strategies": {"A": A, "B": {**B, "allocation_pct": 90}},
        "allocation": {"method": "equal_weight"},
    },
    "disabled strategies do not count": {
        "strategies": {"A": A, "B": B, "OFF": {**OFF, "allocation_pct": 90}}
    },
    "chain of dependencies": {
        "strategies": {"A": {**A, "depends_on": ["B"]}, "B": B}
    },
}  # fmt: skip


@pytest.mark.parametrize("case", FINE)
def test_agreement_has_no_faults(case: str) -> None:
    assert check_settings(FINE[case]) == ()
    assert load_settings(FINE[case]).active_strategies
