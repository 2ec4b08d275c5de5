"""Our own capital manager and coordinator keep the contracts of their ports."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.proposal import Checked, Proposal
from orchestrion.domain.orchestration.ranking import Rank
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.ports.capital_management_port import CapitalManagementPort
from orchestrion.domain.ports.coordination_port import CoordinationPort
from orchestrion.testing import CapitalManagementPortContract, CoordinationPortContract
from orchestrion.testing.stage import orchestrator_of
from tests.fakes import idle

CAPITAL = Decimal("1000.01")


class TestPortfolioCapitalManager(CapitalManagementPortContract):
    total_capital, strategy_ids = CAPITAL, ("carry", "trend", "value")

    def make_port(self) -> CapitalManagementPort:
        return orchestrator_of(
            {"trend": idle(), "carry": idle(), "value": idle()},
            capital=CAPITAL,
            metadata={"carry": {"priority": 5}},
        ).capital_manager


class TestStrategyCoordinator(CoordinationPortContract):
    def make_port(self) -> CoordinationPort:
        return StrategyCoordinator()


# -- planted faults -------------------------------------------------------------------------------


class _Allocating:
    """A capital manager that answers whatever it is made with."""

    def __init__(self, **allocations: Any) -> None:
        self.allocations = {one: Decimal(amount) for one, amount in allocations.items()}

    def calculate_allocations(self) -> dict[str, Decimal]:
        return dict(self.allocations)


class _Spending(_Allocating):
    def calculate_allocations(self) -> dict[str, Decimal]:
        answer = dict(self.allocations)
        self.allocations["a"] -= 1
        return answer


class _Lending(_Allocating):
    def calculate_allocations(self) -> dict[str, Decimal]:
        return self.allocations


@pytest.mark.parametrize(
    ("port", "test"),
    [
        (_Allocating(a=50), "every_strategy_has_an_allocation_in_rank_order"),
        (_Allocating(b=50, a=50), "every_strategy_has_an_allocation_in_rank_order"),
        (
            _Allocating(a="33.333", b=50),
            "allocations_are_amounts_to_the_cent_and_never_negative",
        ),
        (_Allocating(a=-1, b=50), "allocations_are_amounts_to_the_cent_and_never_negative"),
        (_Allocating(a=60, b=50), "no_more_is_given_than_there_is"),
        (_Spending(a=50, b=50), "asking_twice_gives_the_same"),
        (_Lending(a=50, b=50), "answer_belongs_to_the_asker"),
    ],
)
def test_faulty_capital_manager_is_found(port: CapitalManagementPort, test: str) -> None:
    class Contract(CapitalManagementPortContract):
        total_capital, strategy_ids = Decimal(100), ("a", "b")

        def make_port(self) -> CapitalManagementPort:
            return port

    with pytest.raises(AssertionError):
        getattr(Contract(), f"test_{test}")()


class _ByName(StrategyCoordinator):
    def rank(self, strategies: Iterable[StrategyMetadata]) -> tuple[Rank, ...]:
        ordered = sorted(strategies, key=lambda one: one.id)
        return tuple(Rank(0, 0, place, one.id) for place, one in enumerate(ordered))


class _Backwards(StrategyCoordinator):
    def rank(self, strategies: Iterable[StrategyMetadata]) -> tuple[Rank, ...]:
        return tuple(reversed(super().rank(strategies)))


class _Swallowing(StrategyCoordinator):
    """Leaves out what was refused."""

    def resolve(self, checked: Sequence[Checked], *rest: Any, **options: Any) -> Any:
        resolution = super().resolve(checked, *rest, **options)
        kept = tuple(one for one in resolution.checked if isinstance(one, Proposal))
        return type(resolution)(kept, resolution.events)


class _FirstComeFirstServed(StrategyCoordinator):
    """Takes every command for an entry."""

    def resolve(self, checked: Sequence[Checked], *rest: Any, **options: Any) -> Any:
        entries = [
            Proposal(one.strategy_id, one.index, one.command, is_exit=False)
            if isinstance(one, Proposal)
            else one
            for one in checked
        ]
        return super().resolve(entries, *rest, **options)


class _Remembering(StrategyCoordinator):
    """Its second answer depends on its first."""

    asked = 0

    def resolve(self, checked: Sequence[Checked], *rest: Any, **options: Any) -> Any:
        self.asked += 1
        resolution = super().resolve(checked, *rest, **options)
        return type(resolution)(resolution.checked, resolution.events * self.asked)


@pytest.mark.parametrize(
    ("port", "test", "arguments"),
    [
        (_Backwards, "every_strategy_has_one_rank_and_ranks_are_sorted", {}),
        (
            _ByName,
            "ranks_follow_dependency_priority_registration",
            {"strategies": [("b", 0, ()), ("a", 0, ())], "expected": "ba"},
        ),
        (_Swallowing, "every_command_keeps_its_place", {}),
        (_FirstComeFirstServed, "exit_never_loses_to_an_entry", {"exit_first": True}),
        (_Remembering, "answer_depends_on_the_arguments_alone", {}),
    ],
)
def test_faulty_coordinator_is_found(
    port: type[StrategyCoordinator], test: str, arguments: dict[str, Any]
) -> None:
    class Contract(CoordinationPortContract):
        def make_port(self) -> CoordinationPort:
            return port()

    with pytest.raises(AssertionError):
        getattr(Contract(), f"test_{test}")(**arguments)


def test_coordinator_that_takes_any_dependency_is_found() -> None:
    class Contract(CoordinationPortContract):
        def make_port(self) -> CoordinationPort:
            return _ByName()

    with pytest.raises(pytest.fail.Exception, match=ConfigurationError.__name__):
        Contract().test_cycle_or_missing_dependency_is_a_configuration_error({"a": ("a",)})
