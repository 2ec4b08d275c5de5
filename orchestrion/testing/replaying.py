"""Assertions about repeating: a journal replays to the same, a scenario plays to the same."""

from __future__ import annotations

from itertools import zip_longest
from pathlib import Path

from orchestrion.adapters.replay import ReplayOutcome, replay_journal
from orchestrion.runtime.journal import Record
from orchestrion.testing.scenario import Scenario


def assert_replays_identically(journal_path: Path | str) -> ReplayOutcome:
    """Re-decides everything from a journal file and compares every record.

    Strategies that the journal's configuration names by import path must be importable.

    Returns:
        What the replay found, e.g. how many decisions were recomputed.

    Raises:
        AssertionError: the first difference: seq, record, field, then and now; or the journal has
            no end, or nothing in it to compare.
        JournalError: the file is no journal, or damaged.
    """
    outcome = replay_journal(Path(journal_path))
    found = outcome.divergence
    if found is not None:
        raise AssertionError(
            f"{journal_path} replays differently at seq {found.seq}, {found.name}.{found.field}: "
            f"then {found.then}, now {found.now}"
        )
    if not outcome.is_complete:
        raise AssertionError(f"{journal_path} was cut off: it has no trailer to compare with")
    if not outcome.records:
        raise AssertionError(f"{journal_path} holds no records: nothing was compared")
    return outcome


def assert_plays_identically(scenario: Scenario) -> None:
    """Plays a scenario twice on asyncio and once on trio and compares every journal record.

    Finds strategies that ask the clock, draw without a seed, share state between instances, or
    depend on the event loop.

    Raises:
        AssertionError: the first record that differs; or nothing was played.
    """
    if not scenario.slices:
        raise AssertionError("the scenario has no market: there is nothing to compare")
    first = scenario.play().records()
    for backend in ("asyncio", "trio"):
        again = scenario.play(backend=backend).records()
        for number, (then, now) in enumerate(zip_longest(first, again), start=1):
            if then != now:
                raise AssertionError(
                    f"record {number} came out differently on {backend}:\n"
                    f"  then {_shown(then)}\n  now  {_shown(now)}"
                )


def _shown(record: Record | None) -> str:
    return "nothing" if record is None else f"{record.name} {record.body.decode()}"
