"""The share of the cancel sweep that runs with every test; the module has the long form."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.processes.cancel_sweep import sweep


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_run_goes_on_after_a_cancellation_at_any_await(tmp_path: Path, backend: str) -> None:
    found = sweep(tmp_path, scenario=6, backend=backend, last_day=13)
    assert found.faults == []
    assert found.cancelled > 5
