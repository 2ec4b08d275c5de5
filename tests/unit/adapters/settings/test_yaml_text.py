"""YAML in the words of version 1.2, with lines, and its errors in plain words."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestrion.adapters.settings.fault import Faults, SettingsError
from orchestrion.adapters.settings.yaml_text import parse_value, read_yaml

VALUES: dict[str, Any] = {
    "true": True,
    "FALSE": False,
    "yes": "yes",
    "no": "no",
    "ON": "ON",
    "Y": "Y",
    "null": None,
    "~": None,
    "": None,
    "5": 5,
    "-5": -5,
    "+5": 5,
    "1_000_000": 1_000_000,
    "000001": "000001",
    "0": 0,
    "1:30": "1:30",
    "0x10": "0x10",
    "0.5": 0.5,
    ".5": 0.5,
    "1.": 1.0,
    "1e6": 1_000_000.0,
    "-1.5E-3": -0.0015,
    "1_000.25": 1000.25,
    ".inf": math.inf,
    "-.inf": -math.inf,
    "60%": "60%",
    "2014-01-03": "2014-01-03",
    "2014-01-03T00:00:00Z": "2014-01-03T00:00:00Z",
    "'5'": "5",
    "{a: [1, b]}": {"a": [1, "b"]},
}


@pytest.mark.parametrize("text", VALUES)
def test_value_is_read_as_yaml_1_2_reads_it(text: str) -> None:
    value = parse_value(text)
    assert value == VALUES[text]
    assert type(value) is type(VALUES[text])


def test_not_a_number_is_read_as_one() -> None:
    assert math.isnan(parse_value(".nan"))


def read(text: str) -> tuple[Any, Faults]:
    faults = Faults({})
    return read_yaml(Path("run.yaml"), text, faults), faults


def test_every_key_and_list_entry_has_its_line() -> None:
    _, faults = read("a:\n  b: 1\n  c:\n    - x\n    - {d: 2}\n")
    assert faults.places == {
        ("a",): "line 1",
        ("a", "b"): "line 2",
        ("a", "c"): "line 3",
        ("a", "c", 0): "line 4",
        ("a", "c", 1): "line 5",
        ("a", "c", 1, "d"): "line 5",
    }


def test_key_that_is_given_twice_is_a_fault_at_both_lines() -> None:
    _, faults = read("a: 1\nb: 2\na: 3\na: 4\n")
    assert [(one.path, one.place, one.problem) for one in faults.found()] == [
        ("a", "line 1", "given again on line 3"),
        ("a", "line 1", "given again on line 4"),
    ]


def test_merged_map_may_be_overridden_without_fault() -> None:
    content, faults = read("base: &base {a: 1, b: 2}\nmine:\n  <<: *base\n  b: 3\n")
    assert content["mine"] == {"a": 1, "b": 3}
    assert faults.found() == ()


BROKEN = {
    "a:\n\tb: 1\n": (2, "a tab"),
    "a: 1\n  b: 2\n": (2, "too far right"),
    "a: b: c\n": (1, "a second colon"),
    "a:\n  b: 1\n c: 2\n": (3, "under its neighbours"),
    "a: 1\nb\nc: 2\n": (2, "no colon"),
    "a: 1\n---\nb: 2\n": (2, "a second document"),
    "a: *nobody\n": (1, "without an anchor"),
    "a: !thing 5\n": (1, "a tag"),
    "a: %5\n": (1, "no value can start with"),
    "a: \x00\n": (None, "a control character"),
    "a: [1, 2\n": (2, "not YAML"),
    "? [1]\n: 2\n": (1, "not YAML"),
}


@pytest.mark.parametrize("text", BROKEN)
def test_broken_yaml_is_explained_with_its_line(text: str) -> None:
    line, words = BROKEN[text]
    with pytest.raises(SettingsError) as raised:
        read(text)
    (fault,) = raised.value.faults
    assert words in fault.problem
    assert fault.place == ("" if line is None else f"line {line}")
    assert fault.expected


def test_empty_text_is_none() -> None:
    assert read("# only a comment\n")[0] is None


def test_deep_nesting_is_refused() -> None:
    with pytest.raises(SettingsError, match="nested too deep"):
        read("[" * 5_000)


def test_words_of_our_loader_do_not_leak_into_pyyaml() -> None:
    assert yaml.safe_load("yes") is True
