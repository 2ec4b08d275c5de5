"""The share of the crash sweep that runs with the other tests: three scenarios of the twelve."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulation.crash_sweep import (
    SCENARIOS,
    CanonicalRun,
    Crash,
    command_of,
    kept_in,
    main,
    sweep,
    table,
)
from tests.simulation.mutants import planted
from tests.simulation.storage import TornOutcome

pytestmark = pytest.mark.slow
SHARE = {1: 33, 5: 29, 9: 41}
"""Scenario, and each so many-th of its cases."""


@pytest.mark.parametrize("number", SHARE)
def test_every_crash_is_recovered_from(number: int) -> None:
    found = sweep(number, every=SHARE[number], second_every=SHARE[number])
    assert found.faults == []
    assert sum(found.cases.values()) > found.second > 0
    assert found.same > 0


@pytest.mark.parametrize(
    "name",
    ["submit_before_journal", "epoch_not_counted", "unknown_taken_as_rejected_after_restart"],
)
def test_planted_fault_is_found(name: str) -> None:
    with planted(name):
        assert sweep(0, every=13, second_every=0).faults


def test_scenarios_trade() -> None:
    for number, scenario in enumerate(SCENARIOS):
        run = CanonicalRun(scenario)
        assert run.run().violations == [], command_of(number, ())
        assert len(run.venue.orders) >= 5, scenario.name


def test_case_is_repeated_by_its_command() -> None:
    crash = Crash(40, TornOutcome.CUT)
    first, second = CanonicalRun(SCENARIOS[0], [crash]), CanonicalRun(SCENARIOS[0], [crash])
    assert first.run() == second.run()
    assert command_of(0, [crash]).endswith("--scenario 0 --at 40 --outcome cut")


def test_parts_that_were_kept_are_added_up(tmp_path: Path) -> None:
    for part in (0, 1):
        options = ["--scenario", "0", "--every", "300", "--part", str(part)]
        with pytest.raises(SystemExit) as ended:
            main([*options, "--keep", str(tmp_path / "sweep.jsonl")])
        assert ended.value.code == 0
    (both,) = kept_in(tmp_path / "sweep.jsonl")
    first, second = (sweep(0, every=300, second_every=300, part=part) for part in (0, 1))
    assert sum(both.cases.values()) == sum((first.cases + second.cases).values())
    assert both.total == first.total > 300


def test_table_has_a_line_per_scenario_and_the_sum() -> None:
    lines = table([sweep(0, every=200, second_every=0)])
    assert lines[2].startswith(f"| {SCENARIOS[0].name} | ")
    assert lines[3].startswith("| all | ")
