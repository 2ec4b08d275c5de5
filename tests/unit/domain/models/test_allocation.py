"""A share of the capital: above nothing, at most everything."""

from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from orchestrion.domain.models.allocation import AllocationConfig


@pytest.mark.parametrize("target_pct", [100.0, 100, 0.01, 33.333333333333336])
def test_share_within_the_bounds(target_pct: float) -> None:
    assert AllocationConfig(target_pct=target_pct).target_pct == target_pct


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"target_pct": 0},
        {"target_pct": -1},
        {"target_pct": 100.0001},
        {"target_pct": 1e-100},
        {"target_pct": float("nan")},
        {"target_pct": float("inf")},
        {"target_pct": None},
        {"target_pct": "much"},
        {"target_pct": 50, "minimum_pct": 1},
    ],
)
def test_unusable_share_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AllocationConfig(**fields)


def test_share_is_frozen() -> None:
    allocation = AllocationConfig(target_pct=50)
    with pytest.raises(ValidationError):
        allocation.target_pct = 60
    assert allocation.target_pct == 50
