"""Which of several resting orders is the older one, when they were decided at one moment."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from orchestrion.domain.conflict import (
    ConflictPolicies,
    ConflictPolicy,
    Resolution,
    resolve_conflicts,
)
from orchestrion.domain.models.order import Order
from tests.fakes_conflict import proposal
from tests.fakes_rules import limit, sell, working_order


def resting(ids: Iterable[str]) -> dict[str, Order]:
    """Sell orders of one moment, at one price."""
    return {
        name: working_order(
            sell("X", 1, owner="b", **limit(10)), name, is_reducing=False, ts_decided=5
        )
        for name in ids
    }


def buy_against(ids: Iterable[str]) -> Resolution:
    policies = ConflictPolicies(ConflictPolicy.CANCEL_RESTING)
    return resolve_conflicts([proposal("a+X")], resting(ids), policies)


@pytest.mark.parametrize("run", ["T", "Z9", "2024-05-01", "a-10"])
def test_orders_of_one_moment_are_withdrawn_in_the_order_of_their_decisions(run: str) -> None:
    decided = [f"{run}-{seq}-{index}" for seq in (9, 10, 100) for index in (2, 11)]
    assert buy_against(decided).cancels == tuple(decided)
    assert buy_against(reversed(decided)).cancels == tuple(decided)
    assert buy_against(sorted(decided)).cancels == tuple(decided)


def test_foreign_ids_keep_an_order_of_their_own() -> None:
    assert buy_against(["zzz", "T-1-0", "abc"]).cancels == ("abc", "zzz", "T-1-0")
