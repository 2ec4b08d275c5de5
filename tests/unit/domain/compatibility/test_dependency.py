"""Closure of dependencies: missing, disabled, cycles, and the path to them."""

from __future__ import annotations

import pytest

from orchestrion.domain.compatibility.dependency import DependencyFault, Fault, dependency_fault
from orchestrion.domain.compatibility.lineup import Lineup
from tests.unit.domain.compatibility.lineup_builders import candidate, lineup


def depending(disabled_ids: tuple[str, ...] = (), **depends_on: tuple[str, ...]) -> Lineup:
    return lineup(
        *(candidate(one, depends_on=others) for one, others in depends_on.items()),
        disabled_ids=disabled_ids,
    )


@pytest.mark.parametrize(
    ("made", "fault", "path"),
    [
        (depending(A=("B",)), Fault.MISSING, "A B"),
        (depending(("B",), A=("B",)), Fault.DISABLED, "A B"),
        (depending(A=("B",), B=("C",), C=("D",)), Fault.MISSING, "A B C D"),
        (depending(A=("B", "C"), B=(), C=("D",)), Fault.MISSING, "A C D"),
        (depending(A=("A",)), Fault.CYCLE, "A A"),
        (depending(A=("B",), B=("C",), C=("B",)), Fault.CYCLE, "B C B"),
    ],
)
def test_fault_names_the_path(made: Lineup, fault: Fault, path: str) -> None:
    assert dependency_fault(made, "A") == DependencyFault(fault, tuple(path.split()))


def test_complete_dependencies_have_no_fault() -> None:
    made = depending(A=("B", "C"), B=("D",), C=("D",), D=())
    assert [dependency_fault(made, one) for one in made.strategy_ids] == [None] * 4
