"""Journals of releases replay: same inputs, same records, byte for byte, on every supported Python.

``record_goldens`` says when they may be recorded again.
"""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from importlib import metadata
from pathlib import Path

import pytest

from orchestrion import replay_journal
from tests.replay.record_goldens import GOLDENS

ALL = [one for release in sorted(GOLDENS.iterdir()) for one in sorted(release.iterdir())]
NAMES = [str(one.relative_to(GOLDENS)) for one in ALL]


@pytest.fixture(params=ALL, ids=NAMES)
def golden(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """A copy: nobody writes into the recorded ones."""
    recorded: Path = request.param
    copy = tmp_path / recorded.name
    if recorded.is_dir():
        shutil.copytree(recorded, copy)
    else:
        shutil.copy(recorded, copy)
    return copy


def test_this_version_has_its_goldens() -> None:
    present = GOLDENS / metadata.version("orchestrion")
    assert sorted(one.name for one in present.iterdir()) == ["backtest.sqlite", "paper"]


def test_golden_replays_identically(golden: Path) -> None:
    outcome = replay_journal(golden)
    assert outcome.divergence is None, "see record_goldens: is this change meant?"
    assert outcome.identical
    assert outcome.is_complete
    assert outcome.decisions > 5
    assert outcome.weight_faults == ()


def test_difference_from_a_golden_names_seq_field_then_and_now(golden: Path) -> None:
    file = next(iter(golden.glob("*.sqlite"))) if golden.is_dir() else golden
    with closing(sqlite3.connect(file)) as connection, connection:
        position, seq, now = connection.execute(
            "SELECT position, seq, json_extract(body, '$.command.legs[0].quantity') FROM records "
            "WHERE kind = 'decision' ORDER BY position LIMIT 1 OFFSET 2"
        ).fetchone()
        connection.execute(
            "UPDATE records SET body = json_set(body, '$.command.legs[0].quantity', '777') "
            "WHERE position = ?",
            (position,),
        )
    outcome = replay_journal(golden)
    assert not outcome.identical
    found = outcome.divergence
    assert found is not None
    assert (found.seq, found.name) == (seq, "DecisionRecord")
    assert (found.field, found.then, found.now) == ("command.legs[0].quantity", "777", now)
