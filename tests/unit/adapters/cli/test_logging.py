"""Log lines: on stderr only, JSON off a terminal, readable on one."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
import structlog

from orchestrion.adapters.cli.logging import configure_logging


@pytest.fixture(autouse=True)
def _reset() -> Iterator[None]:
    yield
    structlog.reset_defaults()


def test_lines_are_json_off_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", is_terminal=False)
    structlog.get_logger("x").info("StrategyQuarantinedEvent", seq=5, strategy_id="A")
    captured = capsys.readouterr()
    assert captured.out == ""
    line = json.loads(captured.err)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "StrategyQuarantinedEvent",
        "level": "info",
        "seq": 5,
        "strategy_id": "A",
    }


def test_lines_are_readable_on_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", is_terminal=True)
    structlog.get_logger("x").info("JournalFinished", seq=5)
    err = capsys.readouterr().err
    assert "JournalFinished" in err
    assert not err.startswith("{")


def test_less_important_lines_are_dropped(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("warning", is_terminal=False)
    log = structlog.get_logger("x")
    log.info("quiet")
    log.warning("loud")
    assert [json.loads(line)["event"] for line in capsys.readouterr().err.splitlines()] == ["loud"]


def test_exception_is_part_of_its_json_line(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logging("info", is_terminal=False)
    try:
        raise RuntimeError("boom")
    except RuntimeError:
        structlog.get_logger("x").exception("StrategyFailed")
    line = json.loads(capsys.readouterr().err)
    assert "RuntimeError: boom" in line["exception"]
