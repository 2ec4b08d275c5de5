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
    "nothing under strategies": ({"strategies": None}, "strategies", "nothing stands under"),
    "nothing under strategy": ({"strategy": None}, "strategy", "nothing stands under"),
    "nothing under config": (
        {"strategy": "STRANGLE", "config": None},
        "config",
        "nothing stands under",
    ),
    "claim of nothing": (
        {
            "strategies": {
                "A": {**A, "leverage_claims": {"SPX": {"leverage": 0}}},
                "B": {**B, "leverage_claims": {"SPX": {"leverage": 2}}},
            }
        },
        "strategies.A.leverage_claims.SPX.leverage",
        "above 0",
    ),
    "reserve that is no number": (
        {"strategies": {"A": A, "B": B}, "allocation": {"reserve_pct": "nan"}},
        "allocation.reserve_pct",
        "finite",
    ),
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
    "percentages that leave no room for the reserve": (
        {"strategies": {"A": A, "B": B}, "allocation": {"reserve_pct": 10}},
        "strategies",
        "more than 90 beside the reserve, found 60 + 40 = 100",
    ),
    "a hair too much that no division of floats gives": (
        {"strategies": {"A": A, "B": {**B, "allocation_pct": 40.00000000001}}},
        "strategies",
        "sums to more than 100",
    ),
    "unknown method": (
        {"strategies": {"A": A, "B": B}, "allocation": {"method": "risk_party"}},
        "allocation.method",
        "did you mean risk_parity?",
    ),
    "unknown fallback": (
        {"strategies": {"A": A, "B": B}, "allocation": {"fallback": "even"}},
        "allocation.fallback",
        "the methods are: custom, equal_weight",
    ),
    "method that needs a past, without a fallback": (
        {"strategies": {"A": A, "B": B}, "allocation": {"method": "risk_parity"}},
        "allocation.fallback",
        "set allocation.fallback to equal_weight or custom",
    ),
    "fallback that needs a past as well": (
        {
            "strategies": {"A": A, "B": B},
            "allocation": {"method": "risk_parity", "fallback": "inverse_volatility"},
        },
        "allocation.fallback",
        "needs a past as well",
    ),
    "fallback for itself": (
        {
            "strategies": {"A": A, "B": B},
            "allocation": {"method": "equal_weight", "fallback": "equal_weight"},
        },
        "allocation.fallback",
        "cannot stand in for itself",
    ),
    "custom fallback without a percentage": (
        {
            "strategies": {"A": A, "B": {"strategy": "STRANGLE"}},
            "allocation": {"method": "risk_parity", "fallback": "custom"},
        },
        "strategies.B.allocation_pct",
        "missing",
    ),
    "own method that is nowhere": (
        {"strategies": {"A": A, "B": B}, "allocation": {"method": "nowhere_at_all:weights"}},
        "allocation.method",
        "does it lie beside the configuration?",
    ),
    "own method that is no function": (
        {"strategies": {"A": A, "B": B}, "allocation": {"method": "math:pi"}},
        "allocation.method",
        "AllocationRequest",
    ),
    "percentage outside its bounds": (
        {"strategies": {"A": {**A, "max_pct": 50}, "B": B}},
        "strategies.A.allocation_pct",
        "outside its bounds, 0 to 50",
    ),
    "least above most": (
        {"strategies": {"A": {**A, "min_pct": 70, "max_pct": 65}, "B": B}},
        "strategies.A.min_pct",
        "the least, 70, is more than the most, 65",
    ),
    "least above the default most": (
        {
            "strategies": {"A": {**A, "min_pct": 70}, "B": B},
            "allocation": {"method": "equal_weight", "max_pct": 65},
        },
        "strategies.A.min_pct",
        "the least, 70, is more than the most, 65",
    ),
    "default least above default most": (
        {
            "strategies": {"A": A, "B": B},
            "allocation": {"method": "equal_weight", "min_pct": 60, "max_pct": 55},
        },
        "allocation.min_pct",
        "the least, 60, is more than the most, 55",
    ),
    "minima that cannot all be given": (
        {
            "strategies": {"A": {**A, "min_pct": 60}, "B": {**B, "min_pct": "30.5"}},
            "allocation": {"method": "equal_weight", "reserve_pct": 10},
        },
        "strategies",
        "min_pct sums to more than the 90 that can be given, found 60 + 30.5 = 90.5",
    ),
    "maxima that leave something over": (
        {
            "strategies": {"A": {**A, "max_pct": 60}, "B": {**B, "max_pct": 30}},
            "allocation": {"method": "equal_weight"},
        },
        "strategies",
        "max_pct sums to less than the 100 that has to be given",
    ),
    "lone strategy with a maximum": (
        lone(allocation_pct=100, max_pct=50),
        "strategies.A.max_pct",
        "lower account.capital",
    ),
    "single strategy with a maximum": (
        {"strategy": "STRANGLE", "allocation": {"max_pct": 50}},
        "allocation.max_pct",
        "lower account.capital",
    ),
    "limits beside strategies": (
        {"strategies": {"A": A, "B": B}, "limits": {}},
        "limits",
        "move it under the entry",
    ),
    "claims that differ": (
        {
            "strategies": {
                "A": {**A, "leverage_claims": {"SPX": {"leverage": 2}}},
                "B": {**B, "leverage_claims": {"SPX": {"leverage": "3"}}},
            }
        },
        "strategies.B.leverage_claims.SPX",
        "strategy 'A' wants 2, strategy 'B' wants 3",
    ),
    "claims of margin modes that differ": (
        {
            "strategies": {
                "A": {**A, "leverage_claims": {"SPX": {"margin_mode": "cross"}}},
                "B": {**B, "leverage_claims": {"SPX": {"margin_mode": "isolated"}}},
            }
        },
        "strategies.B.leverage_claims.SPX",
        "margin mode of 'SPX'",
    ),
    "hand over without an heir": (
        {"strategies": {"A": A, "B": B}, "supervision": {"custodian": "hand_over"}},
        "supervision.custodian_heir",
        "name the strategy",
    ),
    "an heir that does not run": (
        {
            "strategies": {"A": A, "B": B, "OFF": OFF},
            "supervision": {"custodian": "hand_over", "custodian_heir": "OFF"},
        },
        "supervision.custodian_heir",
        "the enabled strategies are: A, B",
    ),
    "an heir that gets nothing": (
        {"strategies": {"A": A, "B": B}, "supervision": {"custodian_heir": "A"}},
        "supervision.custodian_heir",
        "set custodian: hand_over",
    ),
    "hand over with nobody there": (
        {"strategy": "STRANGLE", "supervision": {"custodian": "hand_over"}},
        "supervision.custodian",
        "use hold or flatten",
    ),
    "unknown rule of the analysis": (
        {"strategies": {"A": A, "B": B}, "compatibility": {"rules": {"leverag": {}}}},
        "compatibility.rules.leverag",
        "did you mean leverage",
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
    "a hair above 100 from dividing floats": {
        "strategies": {key: {**A, "allocation_pct": 100 / 3} for key in "ABC"}
    },
    "seven sevenths": {
        "strategies": {key: {**A, "allocation_pct": 100 / 7} for key in "ABCDEFG"}
    },
    "custom beside a reserve": {
        "strategies": {"A": A, "B": {**B, "allocation_pct": 30}},
        "allocation": {"reserve_pct": 10},
    },
    "estimate with a fallback and bounds": {
        "strategies": {"A": {**A, "min_pct": 20}, "B": {**B, "max_pct": 70}},
        "allocation": {"method": "risk_parity", "fallback": "equal_weight", "reserve_pct": 5},
    },
    "estimate for one strategy alone": {
        **lone(allocation_pct=100),
        "allocation": {"method": "risk_parity"},
    },
    "own method": {
        "strategies": {"A": A, "B": B},
        "allocation": {"method": "math:sqrt"},
    },
    "claims that agree by value": {
        "strategies": {
            "A": {**A, "leverage_claims": {"SPX": {"leverage": 2, "margin_mode": "cross"}}},
            "B": {**B, "leverage_claims": {"SPX": {"leverage": "2.0"}}},
        }
    },
    "an heir": {
        "strategies": {"A": A, "B": B},
        "supervision": {"custodian": "hand_over", "custodian_heir": "B"},
    },
    "chain of dependencies": {
        "strategies": {"A": {**A, "depends_on": ["B"]}, "B": B}
    },
}  # fmt: skip


@pytest.mark.parametrize("case", FINE)
def test_agreement_has_no_faults(case: str) -> None:
    assert check_settings(FINE[case]) == ()
    assert load_settings(FINE[case]).active_strategies
