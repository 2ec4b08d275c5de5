"""The share of the long run that runs with every test; ``make long-run`` is the long form."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.processes.long_run import GROWTH_MAX, long_run


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_memory_does_not_grow_with_the_run_and_nothing_warns(tmp_path: Path) -> None:
    found = long_run(tmp_path, 30_000)
    assert found.exit_code == 0, found.errors
    assert found.growth <= GROWTH_MAX
