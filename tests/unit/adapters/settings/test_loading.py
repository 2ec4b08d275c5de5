"""Files and mappings to settings; faults of a file, all at once, each with its place."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestrion.adapters.settings import (
    ConfigFault,
    SettingsError,
    check_settings,
    load_settings,
    resolved_json,
)
from orchestrion.adapters.settings.data_settings import BundledDataSettings
from orchestrion.domain.errors import ConfigurationError

EXAMPLES = Path(__file__).parents[4] / "examples"

YAML = """\
strategies:
  MOMENTUM_FUTURES: {enabled: true, allocation_pct: 60, config: {leverage: 2.0}}
  SECOND: {strategy: STRANGLE, allocation_pct: 30.0, priority: 3, depends_on: [MOMENTUM_FUTURES]}
account: {capital: 1_000.50}
data: {source: bundled, start: 2015-01-02}
"""
TOML = """\
[strategies.MOMENTUM_FUTURES]
enabled = true
allocation_pct = 60
config = {leverage = 2.0}
[strategies.SECOND]
strategy = "STRANGLE"
allocation_pct = 30.0
priority = 3
depends_on = ["MOMENTUM_FUTURES"]
[account]
capital = 1_000.50
[data]
source = "bundled"
start = 2015-01-02
"""
JSON = """\
{"strategies": {
  "MOMENTUM_FUTURES": {"enabled": true, "allocation_pct": 60, "config": {"leverage": 2.0}},
  "SECOND": {"strategy": "STRANGLE", "allocation_pct": 30.0, "priority": 3,
             "depends_on": ["MOMENTUM_FUTURES"]}},
 "account": {"capital": 1000.50},
 "data": {"source": "bundled", "start": "2015-01-02"}}
"""


def write(folder: Path, text: str, name: str = "run.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def paths(faults: tuple[ConfigFault, ...]) -> list[str]:
    return [fault.path for fault in faults]


def test_yaml_toml_json_and_mapping_give_equal_settings(tmp_path: Path) -> None:
    from_yaml = load_settings(write(tmp_path, YAML))
    assert load_settings(write(tmp_path, TOML, "run.toml")) == from_yaml
    assert load_settings(write(tmp_path, JSON, "run.json")) == from_yaml
    assert load_settings(json.loads(JSON)) == from_yaml
    assert from_yaml.account.capital == Decimal("1000.50")


def test_specifications_single_form_loads() -> None:
    settings = load_settings(
        {
            "strategy": "OPTIONS_MONTHLY_WEEKLY_HEDGE",
            "config": {"num_lots": 4, "max_positions": 3},
        }
    )
    (active,) = settings.active_strategies
    assert settings.mode.value == "SINGLE"
    assert active.target_pct == 100.0
    assert active.config["num_lots"] == 4


def test_example_of_three_strategies_is_the_specifications() -> None:
    settings = load_settings(EXAMPLES / "three_strategies.yaml")
    assert settings.account.capital == Decimal(1_000_000)
    found = {one.strategy_id: one for one in settings.active_strategies}
    assert {key: one.target_pct for key, one in found.items()} == {
        "OPTIONS_MONTHLY_WEEKLY_HEDGE": 60.0,
        "MOMENTUM_FUTURES": 30.0,
        "MEAN_REVERSION_EQUITY": 10.0,
    }
    assert found["OPTIONS_MONTHLY_WEEKLY_HEDGE"].config["num_lots"] == 4
    assert found["MOMENTUM_FUTURES"].config["leverage"] == 2.0
    assert found["MEAN_REVERSION_EQUITY"].config["position_size_pct"] == 3.0


@pytest.mark.parametrize("name", sorted(one.name for one in EXAMPLES.glob("*.yaml")))
def test_every_example_is_without_faults(name: str) -> None:
    assert check_settings(EXAMPLES / name) == ()


def test_name_is_the_files_stem_unless_given(tmp_path: Path) -> None:
    assert load_settings(write(tmp_path, "strategy: STRANGLE", "mine.yaml")).name == "mine"
    assert load_settings(write(tmp_path, "strategy: STRANGLE\nname: other")).name == "other"
    assert load_settings({"strategy": "STRANGLE"}).name == "run"


def test_parameters_are_written_out_with_their_defaults() -> None:
    (active,) = load_settings({"strategy": "MOMENTUM_FUTURES"}).active_strategies
    assert active.config["allow_short"] is True
    assert active.config["underlying_ids"] == ["SPX", "WTI"]


def test_last_word_wins_file_environment_command_line(tmp_path: Path) -> None:
    path = write(tmp_path, "strategy: STRANGLE\nseed: 1\naccount: {capital: 1}")
    environ = {"ORCHESTRION_SET": "seed=2; account.capital=2\nmailbox_messages_max=8"}
    settings = load_settings(path, ["seed=3", "seed=4"], environ)
    assert settings.seed == 4
    assert settings.account.capital == 2
    assert settings.mailbox_messages_max == 8


def test_environment_is_not_read_unless_it_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORCHESTRION_SET", "seed=2")
    assert load_settings(write(tmp_path, "strategy: STRANGLE")).seed == 0


def test_override_reaches_into_the_short_form_of_data(tmp_path: Path) -> None:
    path = write(tmp_path, "strategy: STRANGLE\ndata: bundled")
    settings = load_settings(path, ["data.start=2016-01-04"])
    assert settings.data == BundledDataSettings(start=date(2016, 1, 4))


def test_mapping_is_not_changed() -> None:
    content = {"strategies": {"STRANGLE": {"allocation_pct": 100}}, "data": "bundled"}
    before = json.dumps(content)
    load_settings(content, ["seed=3", "strategies.STRANGLE.priority=2"])
    assert json.dumps(content) == before


def test_relative_paths_start_at_the_folder_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "bars.csv").write_text("ts_event,close\n2014-01-03T21:00:00Z,5\n")
    text = """
    strategy: STRANGLE
    data:
      source: files
      files: [{path: bars.csv, instrument_id: ABC}]
      instruments: [{kind: equity, instrument_id: ABC}]
    """
    settings = load_settings(write(tmp_path, text))
    assert settings.data.source == "files"
    assert settings.data.files[0].path == tmp_path / "bars.csv"


def test_resolved_json_keeps_the_order_of_strategies() -> None:
    content = {"strategies": {key: {"strategy": "STRANGLE", "allocation_pct": 10} for key in "ZAM"}}
    text = resolved_json(load_settings(content))
    assert [one.strategy_id for one in load_settings(json.loads(text)).active_strategies] == [
        "Z",
        "A",
        "M",
    ]


MANY_FAULTS = """\
strategies:
  MOMENTUM_FUTURES:
    enabled: "true"
    allocation_pct: 60%
    confg: {leverage: 2}
  MOMENTM_FUTURES:
    allocation_pct: "50"
    config: {x: .nan}
  MEAN_REVERSION_EQUITY:
    allocation_pct: 90
    allocation_pct: 30
    config: {position_size_pct: 3000.0, lookback_days: "20"}
acount: {capital: 5}
account: {capital: -5, currency: usd}
conflicts: {default: prioritty}
data: {source: fles}
"""
"""Faults of reading, of structure, of names, of parameters and of agreement in one file."""


def test_every_fault_of_a_file_is_found_with_its_line(tmp_path: Path) -> None:
    faults = check_settings(write(tmp_path, MANY_FAULTS))
    found = {fault.path: (fault.place, f"{fault.problem}; {fault.expected}") for fault in faults}
    expected = {
        "strategies.MOMENTUM_FUTURES.enabled": ("line 3", "write true without quotes"),
        "strategies.MOMENTUM_FUTURES.allocation_pct": ("line 4", "60 without the percent sign"),
        "strategies.MOMENTUM_FUTURES.confg": ("line 5", "did you mean config?"),
        "strategies.MOMENTM_FUTURES": ("line 6", "did you mean MOMENTUM_FUTURES?"),
        "strategies.MOMENTM_FUTURES.allocation_pct": ("line 7", "a number, without quotes"),
        "strategies.MOMENTM_FUTURES.config.x": ("line 8", "not a finite number"),
        "strategies.MEAN_REVERSION_EQUITY.allocation_pct": ("line 10", "again on line 11"),
        "strategies.MEAN_REVERSION_EQUITY.config.position_size_pct": ("line 12", "at most 100"),
        "strategies.MEAN_REVERSION_EQUITY.config.lookback_days": ("line 12", "without quotes"),
        "acount": ("line 13", "did you mean account?"),
        "account.capital": ("line 14", "above 0"),
        "account.currency": ("line 14", "three capital letters"),
        "conflicts.default": ("line 15", "did you mean priority?"),
        "data.source": ("line 16", "did you mean files?"),
    }
    assert found.keys() == expected.keys()
    for path, (place, words) in expected.items():
        assert found[path][0] == place, path
        assert words in found[path][1], path


def test_load_raises_one_error_that_lists_every_fault(tmp_path: Path) -> None:
    path = write(tmp_path, MANY_FAULTS)
    with pytest.raises(SettingsError) as raised:
        load_settings(path)
    assert raised.value.faults == check_settings(path)
    assert isinstance(raised.value, ConfigurationError)
    assert str(raised.value).startswith(f"{path}: 14 faults\n")
    assert len(str(raised.value).splitlines()) == 15


def test_fault_of_an_override_names_the_override_and_not_the_line(tmp_path: Path) -> None:
    path = write(tmp_path, "strategy: STRANGLE\nseed: 1")
    (fault,) = check_settings(path, ["seed=x"])
    assert (fault.path, fault.place) == ("seed", "--set")
    (fault,) = check_settings(path, environ={"ORCHESTRION_SET": "seed=x"})
    assert fault.place == "ORCHESTRION_SET"


def test_fault_in_a_value_that_a_later_override_mends_is_gone(tmp_path: Path) -> None:
    path = write(tmp_path, "strategy: STRANGLE\nseed: x")
    assert load_settings(path, ["seed=5"]).seed == 5


def test_data_are_checked_although_another_section_is_faulty(tmp_path: Path) -> None:
    text = """
    strategy: NOBODY
    data:
      source: files
      files: [{path: nowhere.csv, instrument_id: ABC}]
      instruments: [{kind: equity, instrument_id: ABC}]
    """
    assert paths(check_settings(write(tmp_path, text))) == ["strategy", "data.files.0.path"]


REFUSED: dict[str, tuple[dict[Any, Any], str, str]] = {
    "unknown key": ({"strategy": "STRANGLE", "sed": 1}, "sed", "did you mean seed?"),
    "unknown parameter": (
        {"strategy": "STRANGLE", "config": {"num_lot": 1}},
        "config.num_lot",
        "did you mean num_lots?",
    ),
    "version of tomorrow": ({"strategy": "STRANGLE", "version": 2}, "version", "expected 1"),
    "capital of nothing": (
        {"strategy": "STRANGLE", "account": {"capital": 0}},
        "account.capital",
        "above 0",
    ),
    "capital in fractions of a cent": (
        {"strategy": "STRANGLE", "account": {"capital": "1.001"}},
        "account.capital",
        "at most 2 decimals",
    ),
    "capital with more digits than a float keeps": (
        {"strategy": "STRANGLE", "account": {"capital": 12345678901234.56}},
        "account.capital",
        "write the number in quotes",
    ),
    "capital in words": (
        {"strategy": "STRANGLE", "account": {"capital": "a million"}},
        "account.capital",
        "expected a plain number",
    ),
    "capital that is true": (
        {"strategy": "STRANGLE", "account": {"capital": True}},
        "account.capital",
        "expected a number",
    ),
    "entry that is no map": (
        {"strategies": {"STRANGLE": 5}},
        "strategies.STRANGLE",
        "write 'key: value' lines",
    ),
    "name of an entry that is no text": (
        {"strategies": {"A": {"strategy": 5, "allocation_pct": 100}}},
        "strategies.A.strategy",
        "put it in quotes",
    ),
    "data as a list": ({"strategy": "STRANGLE", "data": []}, "data", "drop the dashes"),
    "file that is no map": (
        {
            "strategy": "STRANGLE",
            "data": {
                "source": "files",
                "files": ["a.csv"],
                "instruments": [{"kind": "equity", "instrument_id": "A"}],
            },
        },
        "data.files.0",
        "write 'key: value' lines",
    ),
    "infinite capital": (
        {"strategy": "STRANGLE", "account": {"capital": float("inf")}},
        "account.capital",
        "not a finite number",
    ),
    "truth as a number": ({"strategy": "STRANGLE", "seed": True}, "seed", "whole number"),
    "a fraction as a count": (
        {"strategy": "STRANGLE", "mailbox_messages_max": 1.5},
        "mailbox_messages_max",
        "whole number",
    ),
    "a list as a map": ({"strategy": "STRANGLE", "config": []}, "config", "drop the dashes"),
    "a map without lines": ({"strategy": "STRANGLE", "account": None}, "account", "indent"),
    "a number as a name": ({"strategy": 5}, "strategy", "put it in quotes"),
    "an object": ({"strategy": "STRANGLE", "seed": object()}, "seed", "of type object"),
    "a key that is no text": ({"strategy": "STRANGLE", 5: 1}, "5", "in quotes"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_value_is_refused_with_its_path(case: str) -> None:
    content, path, words = REFUSED[case]
    faults = check_settings(content)
    assert paths(faults) == [path]
    assert words in str(faults[0])


def test_amount_in_quotes_keeps_every_digit() -> None:
    settings = load_settings(
        {"strategy": "STRANGLE", "account": {"capital": "12345678901234567.89"}}
    )
    assert settings.account.capital == Decimal("12345678901234567.89")


def test_missing_file_is_a_fault_and_not_a_traceback(tmp_path: Path) -> None:
    (fault,) = check_settings(tmp_path / "nowhere.yaml")
    assert fault.problem == "no such file"
