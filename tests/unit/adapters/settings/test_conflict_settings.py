"""The ``conflicts`` section as the domain's policies."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.adapters.settings import check_settings, load_settings
from orchestrion.adapters.settings.conflict_settings import ConflictSettings
from orchestrion.domain.conflict import (
    POLICIES_OF_TYPE,
    ConflictPolicies,
    ConflictPolicy,
    ConflictType,
)
from orchestrion.domain.netting.internal_cross import CrossPolicy


def section(**conflicts: Any) -> ConflictSettings:
    return load_settings({"strategy": "STRANGLE", "conflicts": conflicts}).conflicts


def test_defaults_are_those_of_the_rules() -> None:
    assert section().policies == ConflictPolicies()


def test_every_type_has_a_key() -> None:
    assert [kind for kind in ConflictType if kind not in ConflictSettings.model_fields] == []


@pytest.mark.parametrize(
    ("kind", "policy"), [(kind, one) for kind, all_of in POLICIES_OF_TYPE.items() for one in all_of]
)
def test_policy_of_a_type_wins_over_the_default(kind: ConflictType, policy: ConflictPolicy) -> None:
    policies = section(**{"default": "allow", kind: policy}).policies
    assert policies.of(kind) is policy
    assert all(
        policies.of(other) is ConflictPolicy.ALLOW for other in ConflictType if other is not kind
    )


def test_default_that_makes_no_sense_for_a_type_leaves_it_at_priority() -> None:
    policies = section(default="net").policies
    assert policies.opposing_sides is ConflictPolicy.NET
    assert policies.capital is ConflictPolicy.PRIORITY


def test_parameters_of_the_types() -> None:
    found = section(
        concentration_max_pct=12.5,
        exclusive_instruments=["SPX"],
        duplicates_across_strategies=True,
        netting={"quote_age_max": "2s"},
    )
    assert found.policies.concentration_max_fraction == Decimal("0.125")
    assert found.policies.exclusive_instruments == ("SPX",)
    assert found.policies.duplicates_across_strategies
    assert found.netting.policy == CrossPolicy(
        quote_age_max_ns=2_000_000_000, last_price_age_max_ns=60_000_000_000
    )


def test_prices_of_internal_trades_are_kept_only_where_they_are_needed() -> None:
    ages = {"quote_age_max": "2s", "last_price_age_max": "90s"}
    assert section(netting=ages).cross_policy is None
    expected = CrossPolicy(quote_age_max_ns=2_000_000_000, last_price_age_max_ns=90_000_000_000)
    assert section(OPPOSING_SIDES="net", netting=ages).cross_policy == expected
    assert section(default="net", netting=ages).cross_policy == expected


FAULTY: dict[str, tuple[dict[str, Any], str, str]] = {
    "policy that suits another type": (
        {"CAPITAL": "net"},
        "conflicts.CAPITAL",
        "this type is answered by priority, reject_all, scale_pro_rata, allow",
    ),
    "unknown policy": ({"CAPITAL": "nett"}, "conflicts.CAPITAL", "did you mean net"),
    "unknown type": ({"CAPITALS": "net"}, "conflicts.CAPITALS", "did you mean CAPITAL"),
    "no concentration at all": (
        {"concentration_max_pct": 0},
        "conflicts.concentration_max_pct",
        "above 0",
    ),
    "age without a unit": (
        {"netting": {"quote_age_max": "10"}},
        "conflicts.netting.quote_age_max",
        "such as 1m",
    ),
    "instrument that is not there": (
        {"exclusive_instruments": ["GOLD"]},
        "conflicts.exclusive_instruments.0",
        "no such instrument",
    ),
}


@pytest.mark.parametrize("case", FAULTY)
def test_conflict_setting_that_cannot_be_used_is_told_at_its_key(case: str) -> None:
    conflicts, path, words = FAULTY[case]
    faults = check_settings({"strategy": "STRANGLE", "conflicts": conflicts})
    assert [one.path for one in faults] == [path]
    assert words in str(faults[0])
