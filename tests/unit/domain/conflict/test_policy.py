"""Which policy suits which conflict type, and what else policies are told."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.conflict import (
    POLICIES_OF_TYPE,
    ConflictPolicies,
    ConflictPolicy,
    ConflictType,
)
from orchestrion.domain.errors import ConfigurationError

EITHER_OR = "priority reject_all allow"
ROOM = "priority reject_all scale_pro_rata allow"
SENSIBLE = {
    "OPPOSING_SIDES": "priority net reject_all cancel_resting allow",
    "DUPLICATE_ORDER": EITHER_OR,
    "EXCLUSIVE_INSTRUMENT": EITHER_OR,
    "LEVERAGE_MISMATCH": EITHER_OR,
    "CONCENTRATION": ROOM,
    "CAPITAL": ROOM,
    "MARGIN": ROOM,
    "POSITION_LIMIT": ROOM,
}


def test_types_and_policies_have_the_words_of_the_configuration() -> None:
    assert {one.value for one in ConflictType} == set(SENSIBLE)
    assert [one.value for one in ConflictPolicy] == [
        "priority",
        "net",
        "reject_all",
        "cancel_resting",
        "scale_pro_rata",
        "allow",
    ]


@pytest.mark.parametrize("kind", ConflictType)
@pytest.mark.parametrize("policy", ConflictPolicy)
def test_type_takes_the_policies_that_make_sense_for_it(
    kind: ConflictType, policy: ConflictPolicy
) -> None:
    chosen: dict[str, Any] = {kind.value.lower(): policy}
    if policy.value in SENSIBLE[kind].split():
        assert ConflictPolicies(**chosen).of(kind) is policy
        return
    with pytest.raises(ConfigurationError) as caught:
        ConflictPolicies(**chosen)
    assert f"{kind.value} cannot be answered by {policy.value}" in str(caught.value)
    assert SENSIBLE[kind].replace(" ", ", ") in str(caught.value)


@pytest.mark.parametrize("kind", ConflictType)
def test_priority_is_the_default_everywhere(kind: ConflictType) -> None:
    assert ConflictPolicies().of(kind) is ConflictPolicy.PRIORITY


@pytest.mark.parametrize("fraction", [Decimal(0), Decimal(-1), Decimal("NaN"), Decimal("Inf"), 0.5])
def test_fraction_that_cannot_be_used_is_refused(fraction: Any) -> None:
    with pytest.raises(ConfigurationError, match="concentration_max_fraction"):
        ConflictPolicies(concentration_max_fraction=fraction)


@pytest.mark.parametrize("default", ConflictPolicy)
def test_default_holds_for_the_types_for_which_it_makes_sense(default: ConflictPolicy) -> None:
    policies = ConflictPolicies.choose({}, default=default)
    for kind, sensible in POLICIES_OF_TYPE.items():
        assert policies.of(kind) is (default if default in sensible else ConflictPolicy.PRIORITY)


def test_named_type_wins_over_the_default_and_parameters_pass() -> None:
    policies = ConflictPolicies.choose(
        {ConflictType.OPPOSING_SIDES: ConflictPolicy.NET},
        default=ConflictPolicy.ALLOW,
        concentration_max_fraction=Decimal("0.2"),
        exclusive_instruments=("AAA",),
        duplicates_across_strategies=True,
    )
    assert policies.opposing_sides is ConflictPolicy.NET
    assert policies.capital is ConflictPolicy.ALLOW
    assert policies.concentration_max_fraction == Decimal("0.2")
    assert policies.exclusive_instruments == ("AAA",)
    assert policies.duplicates_across_strategies


def test_named_policy_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="CAPITAL cannot be answered by net"):
        ConflictPolicies.choose({ConflictType.CAPITAL: ConflictPolicy.NET})
