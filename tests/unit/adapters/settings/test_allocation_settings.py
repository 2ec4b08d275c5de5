"""The ``allocation`` section as the domain's policy and methods."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrion.adapters.settings import (
    RunSettings,
    allocation_methods,
    check_settings,
    load_settings,
)
from orchestrion.adapters.settings.allocation_choice import HISTORY_METHODS, METHOD_NAMES
from orchestrion.domain.capital.allocation_policy import AllocationPolicy
from orchestrion.domain.capital.weight_bound import WeightBound
from orchestrion.domain.errors import ConfigurationError

A: dict[str, Any] = {"strategy": "STRANGLE", "allocation_pct": 60}
B: dict[str, Any] = {"strategy": "STRANGLE", "allocation_pct": 30}
OFF: dict[str, Any] = {"strategy": "STRANGLE", "enabled": False, "max_pct": 5}
METHOD = """
from orchestrion.domain.capital.allocation_method import MethodWeights

def one_third(request):
    weights = tuple([1.0] + [2.0] * (len(request.strategy_ids) - 1))
    return MethodWeights(weights=weights)
"""


def settings_of(**allocation: Any) -> RunSettings:
    return load_settings({"strategies": {"A": A, "B": B}, "allocation": allocation})


def test_defaults_are_those_of_the_policy() -> None:
    assert settings_of().allocation_policy == AllocationPolicy()


def test_percent_becomes_fractions() -> None:
    settings = load_settings(
        {
            "strategies": {"A": {**A, "min_pct": 12.5}, "B": {**B, "max_pct": "33.3333"}, "C": OFF},
            "allocation": {
                "method": "risk_parity",
                "fallback": "custom",
                "reserve_pct": 4,
                "min_pct": 1,
                "max_pct": 90,
                "returns_min": 20,
                "returns_max": 100,
                "shrinkage": 0.25,
            },
        }
    )
    assert settings.allocation_policy == AllocationPolicy(
        method="risk_parity",
        fallback="custom",
        reserve_fraction=Decimal("0.04"),
        default_bound=WeightBound(Decimal("0.01"), Decimal("0.9")),
        bounds={
            "A": WeightBound(Decimal("0.125"), Decimal("0.9")),
            "B": WeightBound(Decimal("0.01"), Decimal("0.333333")),
        },
        returns_min=20,
        returns_max=100,
        shrinkage=0.25,
    )


FAULTY = {
    "finer than a millionth": ({"reserve_pct": 0.00001}, "allocation.reserve_pct"),
    "all in reserve": ({"reserve_pct": 100}, "allocation.reserve_pct"),
    "returns the wrong way round": ({"returns_min": 300}, "allocation"),
    "shrinkage of more than everything": ({"shrinkage": 1.5}, "allocation.shrinkage"),
    "empty method": ({"method": ""}, "allocation.method"),
    "method that is a number": ({"method": 5}, "allocation.method"),
    "misspelt key": ({"min_percent": 5}, "allocation.min_percent"),
}


@pytest.mark.parametrize("case", FAULTY)
def test_value_out_of_range_is_told_at_its_key(case: str) -> None:
    allocation, path = FAULTY[case]
    faults = check_settings({"strategies": {"A": A, "B": B}, "allocation": allocation})
    assert [one.path for one in faults] == [path]


def test_thirds_count_to_twelve_decimals_and_leave_nothing_else_out() -> None:
    third = {"strategy": "STRANGLE", "allocation_pct": 100 / 3}
    settings = load_settings({"strategies": dict.fromkeys("ABC", third)})
    assert [one.target_pct for one in settings.active_strategies] == [33.333333333333] * 3
    assert settings.remarks == ()
    # Below 100 nothing has to give, and percentages stay as written.
    settings = load_settings({"strategies": dict.fromkeys("AB", third)})
    assert [one.target_pct for one in settings.active_strategies] == [100 / 3] * 2


def test_estimating_method_aims_at_equal_shares_before_it_has_estimated() -> None:
    settings = settings_of(method="risk_parity", fallback="equal_weight", reserve_pct=10)
    assert [one.target_pct for one in settings.active_strategies] == [45.0, 45.0]
    unused, meanwhile, reserve = settings.remarks
    assert unused == "allocation_pct is not used by the method risk_parity"
    assert meanwhile.startswith("equal_weight divides the capital where risk_parity has no history")
    assert reserve == "10 % of the capital stay in reserve"


def test_every_name_is_a_method_and_those_with_history_are_among_them() -> None:
    assert tuple(allocation_methods(settings_of().allocation)) == METHOD_NAMES
    assert [one for one in HISTORY_METHODS if one not in METHOD_NAMES] == []


def test_method_of_the_users_own_is_called(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "my_weights.py").write_text(METHOD)
    monkeypatch.syspath_prepend(str(tmp_path))
    settings = settings_of(method="my_weights:one_third")
    methods = allocation_methods(settings.allocation)
    weights = methods.compute(settings.allocation_policy, ("A", "B"))
    assert weights.fractions == (Decimal("0.333333"), Decimal("0.666667"))
    (fault,) = check_settings(
        {"strategies": {"A": A, "B": B}, "allocation": {"method": "my_weights:one_thrid"}}
    )
    assert (fault.path, fault.expected) == ("allocation.method", "did you mean one_third?")


def test_own_method_that_is_gone_is_told_when_a_run_is_built() -> None:
    settings = settings_of().allocation.model_copy(update={"method": "nowhere_at_all:weights"})
    with pytest.raises(ConfigurationError, match="there is no module"):
        allocation_methods(settings)
