"""``StrategyCoordinator`` hands its policies to the rules and keeps nothing of a run."""

from __future__ import annotations

from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.proposal import Proposal, Rejection
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from tests.fakes_rules import buy, sell

OPPOSED = [
    Proposal("alpha", 0, buy("AAA", 1), is_exit=False),
    Proposal("beta", 0, sell("AAA", 1, owner="beta"), is_exit=False),
]


def test_coordinator_ranks() -> None:
    ranks = StrategyCoordinator().rank([StrategyMetadata(id="b"), StrategyMetadata(id="a")])
    assert [rank.strategy_id for rank in ranks] == ["b", "a"]


def test_priority_is_the_default_policy() -> None:
    resolution = StrategyCoordinator().resolve(OPPOSED, {})
    assert resolution.checked[0] is OPPOSED[0]
    assert isinstance(resolution.checked[1], Rejection)


def test_chosen_policy_is_used() -> None:
    policies = ConflictPolicies(opposing_sides=ConflictPolicy.ALLOW)
    resolution = StrategyCoordinator(policies).resolve(OPPOSED, {})
    assert resolution.checked == tuple(OPPOSED)
    assert [event.policy for event in resolution.events] == ["allow"]
