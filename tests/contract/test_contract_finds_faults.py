"""The contract is tested too: adapters with one planted fault each, and each has to be found."""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import pytest

from orchestrion.testing import OrchestrationPortContract
from orchestrion.testing.port_desk import HOOKS, PortSource
from tests.fakes_faulty_port import FAULTS, WaitsForTheVenue
from tests.fakes_port import BrokerDesk, MemoryBroker, SoundPort

CONTRACT_TESTS = [name for name in dir(OrchestrationPortContract) if name.startswith("test_")]


def _cases(name: str) -> Iterator[dict[str, Any]]:
    """Arguments of every case of a contract test, as pytest would give them."""
    cases: list[dict[str, Any]] = [{}]
    for mark in getattr(getattr(OrchestrationPortContract, name), "pytestmark", []):
        argument, values = mark.args
        plain = [one.values[0] if hasattr(one, "values") else one for one in values]
        cases = [{**case, argument: value} for case in cases for value in plain]
    yield from cases


def _finding(desk: OrchestrationPortContract, name: str, arguments: dict[str, Any]) -> str | None:
    """What one contract test says against an adapter; None when it is content."""
    try:
        with desk.opened():
            getattr(desk, name)(**arguments)
    except (Exception, pytest.fail.Exception) as failure:
        return f"{type(failure).__name__}: {failure}"
    return None


def _findings(desk: type[OrchestrationPortContract]) -> dict[str, str]:
    return {
        name: found
        for name in CONTRACT_TESTS
        for arguments in _cases(name)
        if (found := _finding(desk(), name, arguments)) is not None
    }


def _desk_of(port: Any) -> type[BrokerDesk]:
    class Desk(BrokerDesk):
        @staticmethod
        def stopwatch() -> float:
            return WaitsForTheVenue.seconds

        def make_port_to(self, broker: MemoryBroker) -> PortSource:
            made: PortSource = port(broker)
            return made

    return Desk


def test_sound_adapter_has_no_findings() -> None:
    assert _findings(_desk_of(SoundPort)) == {}


@pytest.mark.filterwarnings("ignore:coroutine .* was never awaited:RuntimeWarning")
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.__name__)
def test_planted_fault_is_found(fault: Any) -> None:
    found = _findings(_desk_of(fault))

    assert FAULTS[fault] in found, f"found by {sorted(found)} only"


def test_every_planted_fault_says_what_is_wrong() -> None:
    assert len(FAULTS) >= 8
    assert all(inspect.getdoc(fault) for fault in FAULTS)


class ThreeLines(OrchestrationPortContract):
    def make_port(self) -> PortSource:
        return SoundPort(MemoryBroker())


class Reasoned(ThreeLines):
    impossible: ClassVar[Mapping[str, str]] = {"fill": "nobody trades here"}


def test_hook_that_is_not_written_skips_its_tests_and_says_how_to_go_on() -> None:
    with pytest.raises(pytest.skip.Exception, match=r"ThreeLines has no fill\(\): write it, or"):
        _finding(ThreeLines(), "test_fill_says_everything_about_itself", {})


def test_hook_that_is_impossible_skips_its_tests_with_the_authors_reason() -> None:
    with pytest.raises(pytest.skip.Exception, match="fill: nobody trades here"):
        _finding(Reasoned(), "test_fill_says_everything_about_itself", {})


@pytest.mark.parametrize(
    ("impossible", "message"),
    [
        ({"refund": "no"}, "there is no hook 'refund'"),
        ({"expire": " "}, "expire needs a reason"),
        ({"fill": "no"}, "fill is written and declared impossible"),
    ],
)
def test_declaration_that_cannot_be_true_is_found(impossible: dict[str, str], message: str) -> None:
    desk = type(
        "Desk", (BrokerDesk if "fill" in impossible else ThreeLines,), {"impossible": impossible}
    )
    found = _finding(desk(), "test_impossible_names_hooks_that_are_not_written", {})

    assert found is not None
    assert message in found


def test_every_hook_is_needed_by_a_test() -> None:
    """A hook that no test calls would be work for nothing."""
    called: set[str] = set()

    class Watching(BrokerDesk):
        def require(self, hook: Any) -> None:
            called.add(hook.__name__)
            super().require(hook)

    assert _findings(Watching) == {}
    assert sorted(called) == sorted(HOOKS)
