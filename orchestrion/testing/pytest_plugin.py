"""What pytest offers to every test of a bot once Orchestrion is installed.

    def test_what_it_decides(orchestrion_scenario, golden_decisions):
        stage = orchestrion_scenario({"trend": Trend}).bars({"AAA": [100, 101, 99]}).play()
        golden_decisions.check(stage.records())

- ``orchestrion_scenario``: the ``Scenario`` class.
- ``orchestrion_clock``: a new ``VirtualClock``.
- ``golden_decisions``: compares decisions with those that were kept, line by line; a test's goldens
  lie beside it in ``goldens/`` and are written by ``pytest --update-goldens``.

A recorded journal is a golden as it is: put it beside the tests and say
``assert_replays_identically("journals/monday.sqlite")``.

Nothing is imported before a fixture is used, so that other people's test runs pay nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from orchestrion.runtime.journal import Record
    from orchestrion.testing.clock import VirtualClock
    from orchestrion.testing.scenario import Scenario

UPDATE_OPTION = "--update-goldens"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds ``--update-goldens``."""
    group = parser.getgroup("orchestrion")
    group.addoption(
        UPDATE_OPTION,
        action="store_true",
        help="write the decisions that golden_decisions sees, instead of comparing them",
    )


class GoldenDecisions:
    """Decisions that a test compares with those it once kept."""

    def __init__(self, folder: Path, stem: str, *, is_updating: bool) -> None:
        """
        Args:
            folder: where the goldens lie; made when something is written.
            stem: name of the test, part of the file's name.
        """
        self._folder = folder
        self._stem = stem
        self._is_updating = is_updating

    def path(self, name: str = "") -> Path:
        """The file of one golden: a decision per line, JSON as in the journal."""
        return self._folder / f"{self._stem}{f'-{name}' if name else ''}.jsonl"

    def check(self, records: Iterable[Record], name: str = "") -> None:
        """Compares the decisions among the records with the golden, or writes it.

        Args:
            records: of a journal, a stage or a scenario; everything but decisions is passed over.
            name: tells the goldens of one test apart.

        Raises:
            AssertionError: the first decision that differs, is missing or is new; or there is no
                golden yet, or nothing was decided at all.
        """
        lines = [one.body.decode() for one in records if one.kind.value == "decision"]
        path = self.path(name)
        if not lines:
            raise AssertionError("nothing was decided: there is nothing to keep or to compare")
        if self._is_updating:
            path.parent.mkdir(exist_ok=True)
            path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
            return
        if not path.exists():
            raise AssertionError(f"there is no golden {path}: write it with pytest {UPDATE_OPTION}")
        kept = path.read_text(encoding="utf-8").splitlines()
        for number, (then, now) in enumerate(zip(kept, lines, strict=False), start=1):
            if then != now:
                raise AssertionError(
                    f"{path.name}, decision {number} differs\n  then: {then}\n  now:  {now}"
                )
        if len(kept) != len(lines):
            what = "is missing" if len(lines) < len(kept) else "is new"
            rest = kept[len(lines)] if len(lines) < len(kept) else lines[len(kept)]
            number = min(len(kept), len(lines)) + 1
            raise AssertionError(f"{path.name}, decision {number} {what}\n  {rest}")


@pytest.fixture
def orchestrion_scenario() -> type[Scenario]:
    """The ``Scenario`` class: a short market, strategies, and what came of it."""
    from orchestrion.testing.scenario import Scenario

    return Scenario


@pytest.fixture
def orchestrion_clock() -> VirtualClock:
    """A clock that moves when it is told to."""
    from orchestrion.testing.clock import VirtualClock

    return VirtualClock()


@pytest.fixture
def golden_decisions(request: pytest.FixtureRequest) -> GoldenDecisions:
    """Decisions to compare with those that were kept beside this test."""
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", f"{request.path.stem}.{request.node.name}")
    return GoldenDecisions(
        request.path.parent / "goldens",
        stem,
        is_updating=bool(request.config.getoption(UPDATE_OPTION)),
    )
