"""What the tests of commands share: an empty folder, a way to call, a good and a bad file."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeAlias

import pytest
import structlog

from orchestrion.adapters.cli.command import Session
from orchestrion.adapters.cli.engine import Engine
from orchestrion.adapters.cli.main import cli
from tests.fakes_engine import FakeEngine

Run: TypeAlias = Callable[..., tuple[int, str, str]]


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An empty current folder, and what a command changes in the process put back."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delenv("ORCHESTRION_SET", raising=False)
    yield
    structlog.reset_defaults()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command line and returns (exit code, stdout, stderr)."""

    def call(*arguments: str, engine: Engine | None = None) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as raised:
            cli.main(list(arguments), prog_name="orchestrion", obj=Session(engine or FakeEngine()))
        captured = capsys.readouterr()
        assert isinstance(raised.value.code, int)
        return raised.value.code, captured.out, captured.err

    return call


@pytest.fixture
def config() -> str:
    Path("mine.yaml").write_text("strategy: STRANGLE\naccount: {capital: 5_000}\n")
    return "mine.yaml"


@pytest.fixture
def faulty() -> str:
    Path("faulty.yaml").write_text("strategy: STRANGEL\nsed: 1\n")
    return "faulty.yaml"
