"""The share of the schedule exploration that runs with the other tests; the whole is a command of
its own. Twenty scenarios in five orders on both event loops."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest

from orchestrion.runtime.shell import AsyncHost, AwaitCall
from tests.simulation import schedules
from tests.simulation.scheduled_run import LOOPS, play, scenario_of
from tests.simulation.schedules import ScenarioLine, explore, explore_in_process, faults_of, render

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("scenario", range(20))
def test_no_order_of_tasks_and_no_event_loop_changes_a_byte(scenario: int) -> None:
    line = explore(scenario, 5, hash_seed="")
    assert line.differences == ()
    assert line.runs == 10


def test_no_hash_seed_changes_a_byte() -> None:
    lines = [
        *explore_in_process(range(2), 1, "1"),
        *explore_in_process(range(2), 1, "2"),
    ]
    assert faults_of(lines) == []
    assert [(one.scenario, one.hash_seed) for one in lines] == [
        (0, "1"),
        (1, "1"),
        (0, "2"),
        (1, "2"),
    ]


def test_tasks_do_meet() -> None:
    assert explore(3, 1, hash_seed="").meetings > 10


@pytest.mark.parametrize("loop", LOOPS)
def test_answers_in_the_order_of_their_arrival_are_found(
    loop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Planted: what an event loop decides reaches the journal."""
    gather = AsyncHost.gather

    async def in_order_of_arrival(self: AsyncHost, calls: Sequence[AwaitCall]) -> list[object]:
        arrived: list[object] = []

        def noting(call: AwaitCall) -> AwaitCall:
            def reply(value: object) -> object:
                arrived.append(call.reply(value))
                return arrived[-1]

            return msgspec.structs.replace(call, reply=reply)

        outcomes = await gather(self, [noting(call) for call in calls])
        return arrived if len(arrived) == len(outcomes) else outcomes

    scenario = scenario_of(3)
    monkeypatch.setattr(AsyncHost, "gather", in_order_of_arrival)
    found = [play(scenario, one, loop).difference for one in range(5)]  # type: ignore[arg-type]
    assert any(found)


def test_differences_are_told_with_what_repeats_them() -> None:
    one = ScenarioLine(4, "1", 25, "abc", digest="a", runs=50, differences=("trio: else",))
    other = ScenarioLine(4, "2", 25, "abc", digest="b", runs=50)
    faults = faults_of([one, other])
    assert faults[0].splitlines()[1].strip() == (
        "python -m tests.simulation.schedules --scenarios 4:5 --permutations 25"
    )
    assert faults[1] == "scenario 4: other bytes by hash seed: {'1': 'a', '2': 'b'}"
    assert "| runs | 100 of 30,000 |" in render([one, other], "it")


def test_scenarios_of_a_file_are_not_played_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    asked: list[tuple[str, list[int]]] = []

    def explored(wanted: Sequence[int], permutations: int, hash_seed: str) -> list[ScenarioLine]:
        asked.append((hash_seed, list(wanted)))
        return [ScenarioLine(one, hash_seed, permutations, "abc", runs=2) for one in wanted]

    monkeypatch.setattr(schedules, "explore_in_process", explored)
    file, page = str(tmp_path / "schedules.jsonl"), tmp_path / "page.md"
    page.write_text("<!-- schedules: begin --><!-- schedules: end -->")
    options = ["--permutations", "1", "--out", file, "--page", str(page)]
    assert schedules.main(["--scenarios", "2", *options], lambda _: None) == 0
    assert schedules.main(["--scenarios", "3", *options], lambda _: None) == 0
    assert asked == [
        ("0", [0, 1]),
        ("1", [0, 1]),
        ("2", [0, 1]),
        ("0", [2]),
        ("1", [2]),
        ("2", [2]),
    ]
    assert "| scenarios | 3 |" in page.read_text()
