"""Figures of the long suites, reached in parts."""

from __future__ import annotations

from pathlib import Path

from tests.processes.crash import keep, kept_in, render
from tests.processes.crash_suites import Figures


def test_kept_figures_of_a_suite_are_added_up(tmp_path: Path) -> None:
    file = tmp_path / "figures.jsonl"
    keep(file, Figures("kills", cycles=2, starts=1, reached=1, times_s=[0.5], notes={"up": 1}))
    keep(file, Figures("stops", cycles=4))
    keep(
        file,
        Figures("kills", cycles=3, starts=2, reached=1, accepted=7, faults=["x"], notes={"up": 2}),
    )
    kills, stops = kept_in(file)
    assert (kills.cycles, kills.starts, kills.reached, kills.accepted) == (5, 3, 2, 7)
    assert (kills.faults, kills.notes, kills.slowest_s) == (["x"], {"up": 3}, 0.5)
    assert stops.cycles == 4
    assert "| kills | 5 | 3 | 2 | 7 | 0.50 s | 1 | up: 3 |" in render([kills, stops], "command")
