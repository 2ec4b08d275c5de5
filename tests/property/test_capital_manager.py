"""Laws of what the capital manager gives to whom. Its approvals are in ``test_authorisation``."""

from __future__ import annotations

from decimal import Decimal, localcontext
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.domain.capital.allocation_policy import AllocationPolicy
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.compatibility_analyzer import CompatibilityAnalyzer
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from tests.fakes_rules import CATALOG, hostile_context

CENT = Fraction(1, 100)
capitals = st.integers(0, 10**13).map(lambda cents: Decimal(cents).scaleb(-2))
percents = st.one_of(
    st.floats(1e-9, 100), st.integers(1, 10_000).map(lambda points: points / 100), st.just(25.0)
)
fractions = st.integers(0, 999).map(lambda points: Decimal(points).scaleb(-3))


def _policy(method: str, reserve: Decimal) -> AllocationPolicy:
    return AllocationPolicy(method=method, reserve_fraction=reserve)


def allocate(
    manager: PortfolioCapitalManager, shares: list[tuple[str, float, int]]
) -> dict[str, Decimal]:
    """Shares are (id, percent, priority) in order of registration."""
    orchestrator = UnifiedStrategyOrchestrator(
        manager, StrategyCoordinator(), CompatibilityAnalyzer()
    )
    for name, percent, priority in shares:
        metadata = StrategyMetadata(id=name, priority=priority)
        orchestrator.add_strategy(Strategy(), metadata, AllocationConfig(target_pct=percent))
    return manager.calculate_allocations()


def named(values: list[float]) -> list[tuple[str, float, int]]:
    """Distinct priorities, so that the order of registration decides nothing."""
    return [(f"S{number}", value, number * 7 % 11) for number, value in enumerate(values)]


@given(capitals, st.lists(percents, min_size=2, max_size=10))
def test_custom_shares_are_within_a_cent_and_never_more_than_all(
    capital: Decimal, values: list[float]
) -> None:
    shares = named(values)
    exact = [Fraction(str(value)) for value in values]
    manager = PortfolioCapitalManager(capital)
    if sum(exact) > 100:
        with pytest.raises(ConfigurationError, match="at most 100 can be given"):
            allocate(manager, shares)
        return
    given_out = allocate(manager, shares)
    for (name, _, _), percent in zip(shares, exact, strict=True):
        assert abs(Fraction(given_out[name]) - Fraction(capital) * percent / 100) < CENT
        assert given_out[name] >= 0
    total = sum(map(Fraction, given_out.values()))
    assert total <= capital
    if sum(exact) == 100:
        assert total == capital
    manager.open_books(given_out, CATALOG)
    assert sum(Fraction(book.cash) for book in manager.books.values()) == capital


@given(capitals, fractions, st.integers(2, 60))
def test_equal_weight_differs_by_a_cent_at_most(
    capital: Decimal, reserve: Decimal, count: int
) -> None:
    manager = PortfolioCapitalManager(capital, allocation=_policy("equal_weight", reserve))
    parts = list(allocate(manager, named([50.0] * count)).values())
    assert max(parts) - min(parts) <= Decimal("0.01")
    assert parts == sorted(parts, reverse=True)  # in rank order: the odd cents go to the first
    kept = Fraction(capital) - sum(map(Fraction, parts))
    assert abs(kept - Fraction(capital) * Fraction(reserve)) < CENT


@given(capitals, st.lists(percents, min_size=2, max_size=6), st.data())
def test_order_of_registration_changes_nobodys_share(
    capital: Decimal, values: list[float], data: st.DataObject
) -> None:
    scaled = [value / len(values) * 0.99 + 1e-9 for value in values]
    shares = named(scaled)
    shuffled = list(data.draw(st.permutations(shares)))
    one = allocate(PortfolioCapitalManager(capital), shares)
    other = allocate(PortfolioCapitalManager(capital), shuffled)
    assert list(one.items()) == list(other.items())


@given(capitals, percents, st.sampled_from(["custom", "equal_weight", "risk_parity"]), fractions)
def test_lone_strategy_gets_everything(
    capital: Decimal, percent: float, method: str, reserve: Decimal
) -> None:
    manager = PortfolioCapitalManager(capital, allocation=_policy(method, reserve))
    assert allocate(manager, named([percent])) == {"S0": capital}


@given(capitals, st.lists(st.floats(0.01, 10), min_size=2, max_size=8))
def test_ambient_context_plays_no_part(capital: Decimal, values: list[float]) -> None:
    ours = allocate(PortfolioCapitalManager(capital), named(values))
    with localcontext(hostile_context()):
        theirs = allocate(PortfolioCapitalManager(capital), named(values))
    assert theirs == ours
