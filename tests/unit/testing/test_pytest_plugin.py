"""The plugin as a bot's tests use it: fixtures, and goldens that are written and compared."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from orchestrion.runtime.journal import Record, RecordKind
from orchestrion.testing.pytest_plugin import GoldenDecisions


def record(text: str, kind: RecordKind = RecordKind.DECISION) -> Record:
    return Record(1, kind, "DecisionRecord", 1, text.encode())


def goldens(folder: Path, *, is_updating: bool = False) -> GoldenDecisions:
    return GoldenDecisions(folder / "goldens", "test_it", is_updating=is_updating)


def test_decisions_are_written_and_then_compared(tmp_path: Path) -> None:
    run = [record('{"a":1}'), record("{}", RecordKind.EVENT), record('{"a":2}')]
    goldens(tmp_path, is_updating=True).check(run)
    assert goldens(tmp_path).path().read_text() == '{"a":1}\n{"a":2}\n'
    goldens(tmp_path).check(run)


@pytest.mark.parametrize(
    ("run", "words"),
    [
        (['{"a":1}', '{"a":3}'], r'decision 2 differs\n  then: {"a":2}\n  now:  {"a":3}'),
        (['{"a":1}'], r'decision 2 is missing\n  {"a":2}'),
        (['{"a":1}', '{"a":2}', '{"a":4}'], r'decision 3 is new\n  {"a":4}'),
        ([], "nothing was decided"),
    ],
)
def test_first_difference_is_named(tmp_path: Path, run: list[str], words: str) -> None:
    goldens(tmp_path, is_updating=True).check([record('{"a":1}'), record('{"a":2}')])
    with pytest.raises(AssertionError, match=words):
        goldens(tmp_path).check([record(one) for one in run])


def test_golden_that_is_not_there_says_how_to_write_it(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="write it with pytest --update-goldens"):
        goldens(tmp_path).check([record("{}")])


BOT_TEST = """\
from orchestrion import Strategy
from orchestrion.testing import Scenario, VirtualClock

class Buyer(Strategy):
    def on_event(self, event, view):
        return [] if view.book.positions else [view.buy("AAA", 1)]

def test_buys_once(orchestrion_scenario, orchestrion_clock, golden_decisions):
    assert orchestrion_scenario is Scenario
    assert isinstance(orchestrion_clock, VirtualClock)
    stage = Scenario({"buyer": Buyer}).bars({"AAA": [100, 101, 102]}).play()
    golden_decisions.check(stage.records())
"""


@pytest.mark.slow
def test_bot_uses_the_fixtures_from_the_command_line(tmp_path: Path) -> None:
    (tmp_path / "test_bot.py").write_text(BOT_TEST)

    def run(*options: str) -> subprocess.CompletedProcess[str]:
        # Found by its entry point, as in any environment that has the library.
        quiet = ("-q", "-p", "no:cacheprovider")
        command = [sys.executable, "-m", "pytest", *quiet, *options, str(tmp_path)]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)

    first = run()
    assert "there is no golden" in first.stdout, first.stdout
    assert run("--update-goldens").returncode == 0
    assert [one.name for one in (tmp_path / "goldens").iterdir()] == [
        "test_bot.test_buys_once.jsonl"
    ]
    again = run()
    assert again.returncode == 0, again.stdout
