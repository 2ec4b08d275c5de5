"""``StrategyCoordinator`` hands its policies to the rules and keeps nothing of a run."""

from __future__ import annotations

from decimal import Decimal

from orchestrion.domain.conflict import (
    CommandFigures,
    ConflictPolicies,
    ConflictPolicy,
    InstrumentClaims,
    RoundContext,
)
from orchestrion.domain.models.command import RefusalCode
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.proposal import HeldProposal, Proposal, Rejection
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


def test_figures_are_needed_as_soon_as_two_strategies_want_something() -> None:
    coordinator = StrategyCoordinator()
    assert coordinator.needs_screening(OPPOSED, {})
    assert not coordinator.needs_screening(OPPOSED[:1], {})


def test_figures_claims_and_held_commands_reach_the_rules() -> None:
    context = RoundContext(
        commands=(CommandFigures((RefusalCode.BUDGET_EXCEEDED, "words")), CommandFigures())
    )
    resolution = StrategyCoordinator().resolve(OPPOSED, {}, context=context)
    assert isinstance(resolution.checked[0], Rejection)
    assert resolution.checked[1] is OPPOSED[1]
    claims = InstrumentClaims({"AAA": "beta"})
    resolution = StrategyCoordinator().resolve(OPPOSED, {}, claims=claims)
    assert isinstance(resolution.checked[0], Rejection)
    assert resolution.checked[1] is OPPOSED[1]
    held = [HeldProposal("alpha", 0, buy("AAA", 1), is_exit=False, waits_for=("W1",))]
    resolution = StrategyCoordinator().resolve(OPPOSED[:1], {}, held=held)
    assert isinstance(resolution.checked[0], Rejection)


def test_fifty_strategies_are_decided_by_priority() -> None:
    """All want the same for which there is room once; the last one has the priority."""
    names = [f"s{number:02}" for number in range(50)]
    checked = [Proposal(one, 0, buy("AAA", 1, owner=one), is_exit=False) for one in names]
    context = RoundContext(
        commands=(CommandFigures(requirement=Decimal(10)),) * 50, free=Decimal(10)
    )
    resolution = StrategyCoordinator().resolve(checked, {}, {"s49": 1}, context=context)
    going = [one.strategy_id for one in resolution.checked if isinstance(one, Proposal)]
    assert going == ["s49"]
    assert len(resolution.events) == 49
