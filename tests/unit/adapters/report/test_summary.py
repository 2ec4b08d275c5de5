"""What ``validate`` says about a configuration that is fine."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from orchestrion.adapters.report.summary import settings_to_json, summarise
from orchestrion.adapters.settings import load_settings

STRANGLE = {"strategy": "STRANGLE"}
EQUITY = {"kind": "equity", "instrument_id": "ABC"}


def printed(content: dict[str, Any]) -> str:
    stream = io.StringIO()
    Console(file=stream, width=80, highlight=False).print(summarise(load_settings(content)))
    return stream.getvalue()


def test_shares_and_ids_are_listed() -> None:
    text = printed(
        {"strategies": {"A": {"strategy": "STRANGLE", "allocation_pct": 33.3},
                        "IRON_CONDOR": {"allocation_pct": 60, "priority": 7}}}
    )  # fmt: skip
    assert "MULTI mode, capital 1,000,000.00 USD, data bundled" in text
    assert ["A", "33.3", "%", "0", "STRANGLE"] in [line.split() for line in text.splitlines()]
    assert "6.7 % of the capital stay in reserve" in text


DATA = {
    "bundled": ({"source": "bundled", "start": "2015-01-02"}, "bundled, 2015-01-02 to last day"),
    "feed": ({"source": "feed", "instruments": [EQUITY]}, "data from a feed"),
}


@pytest.mark.parametrize("case", DATA)
def test_data_are_named(case: str) -> None:
    data, words = DATA[case]
    assert words in printed({**STRANGLE, "data": data})


def test_files_are_counted(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("ts_event,close\n")
    data = {
        "source": "files",
        "files": [{"path": path, "instrument_id": "ABC"}],
        "instruments": [EQUITY],
    }
    assert "data from 1 file\n" in printed({**STRANGLE, "data": data}).replace(" \n", "\n")


def test_json_has_every_default_and_reads_back() -> None:
    settings = load_settings(STRANGLE)
    document = json.loads(json.dumps(settings_to_json(settings)))
    assert document["error"] is None
    assert document["mode"] == "SINGLE"
    assert load_settings(document["settings"]) == settings
