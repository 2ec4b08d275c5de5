"""Snapshots: plain data, versioned, all or nothing."""

from __future__ import annotations

import json

import pytest

from orchestrion.domain.strategies.library import StrategyLibrary
from orchestrion.domain.strategies.session import DailyCloses
from orchestrion.domain.strategies.state import SnapshotError, decode_state, encode_state

NAMES = list(StrategyLibrary.STRATEGIES)


def test_state_comes_back_equal_through_json() -> None:
    state = DailyCloses((1, 2, 3), 7)
    plain = json.loads(json.dumps(encode_state(2, closes=state)))
    assert plain == {"version": 2, "closes": {"closes_e9": [1, 2, 3], "day": 7}}
    assert decode_state(plain, 2, "closes", DailyCloses) == state


@pytest.mark.parametrize("snapshot", [None, [], {}, {"version": 1}, {"version": "2"}])
def test_other_version_is_refused(snapshot: object) -> None:
    with pytest.raises(SnapshotError, match="expected 2"):
        decode_state(snapshot, 2, "closes", DailyCloses)


@pytest.mark.parametrize("part", [None, {"closes_e9": "x"}, {"day": 1.5}])
def test_damaged_part_is_refused_by_name(part: object) -> None:
    with pytest.raises(SnapshotError, match="part 'closes'"):
        decode_state({"version": 2, "closes": part}, 2, "closes", DailyCloses)


@pytest.mark.parametrize("name", NAMES)
def test_refused_snapshot_leaves_the_strategy_as_it_was(name: str) -> None:
    strategy = StrategyLibrary.STRATEGIES[name]()
    before = strategy.snapshot()
    assert isinstance(before, dict)
    for part in before:
        with pytest.raises(SnapshotError):
            strategy.restore({**before, part: "damaged"})
        assert strategy.snapshot() == before


@pytest.mark.parametrize("name", NAMES)
def test_fresh_snapshot_is_plain_and_restores(name: str) -> None:
    strategy = StrategyLibrary.STRATEGIES[name]()
    plain = json.loads(json.dumps(strategy.snapshot()))
    other = StrategyLibrary.STRATEGIES[name]()
    other.restore(plain)
    assert other.snapshot() == strategy.snapshot()
