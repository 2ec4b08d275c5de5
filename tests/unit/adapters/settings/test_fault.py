"""Faults as values and as text."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.adapters.settings.fault import (
    VALUE_CHARACTERS_MAX,
    ConfigFault,
    Faults,
    SettingsError,
    did_you_mean,
    dotted,
    near_matches,
    shown,
)


def test_fault_reads_as_a_sentence() -> None:
    fault = ConfigFault(
        path="a.b", problem="cannot be used", expected="expected 1", value="2", place="line 3"
    )
    assert str(fault) == "a.b (line 3): cannot be used, found 2; expected 1"
    assert str(ConfigFault(path="", problem="empty", expected="write")) == "empty; write"


def test_place_of_a_part_is_that_of_its_nearest_parent() -> None:
    faults = Faults({("a",): "line 1", ("a", "b"): "line 2"})
    faults.add(("a", "b", "c"), "p", "e")
    faults.add(("a", "x"), "p", "e")
    faults.add(("z",), "p", "e")
    assert [one.place for one in faults.found()] == ["line 1", "line 2", ""]


def test_faults_are_told_in_the_order_of_lines() -> None:
    faults = Faults({("a",): "line 10", ("b",): "line 9", ("c",): "--set"})
    for key in "cab":
        faults.add((key,), "p", "e")
    assert [one.path for one in faults.found()] == ["b", "a", "c"]


def test_fault_of_a_part_is_a_fault_of_the_whole_and_not_the_reverse() -> None:
    faults = Faults({})
    faults.add(("a", "b"), "p", "e")
    assert faults.has(("a",))
    assert faults.has(("a", "b"))
    assert not faults.has(("a", "b", "c"))
    assert not faults.has(("b",))


def test_error_counts_and_lists_its_faults() -> None:
    fault = ConfigFault(path="a", problem="p", expected="e")
    assert str(SettingsError("x.yaml", [fault])) == "x.yaml: 1 fault\n  a: p; e"
    assert str(SettingsError("x.yaml", [fault, fault])).startswith("x.yaml: 2 faults")


SHOWN: list[tuple[Any, str]] = [
    ("text", '"text"'),
    (True, "true"),
    (None, "null"),
    (Decimal("-5.00"), "-5.00"),
    ({"a": [1]}, '{"a": [1]}'),
    ("ä", '"ä"'),
]


@pytest.mark.parametrize(("value", "text"), SHOWN)
def test_values_are_shown_as_json(value: object, text: str) -> None:
    assert shown(value) == text


def test_long_value_is_cut() -> None:
    assert len(shown("x" * 500)) == VALUE_CHARACTERS_MAX


def test_near_matches_ignore_case_and_give_known_spelling() -> None:
    assert near_matches("iron_condr", ["IRON_CONDOR", "STRANGLE"]) == ["IRON_CONDOR"]
    assert near_matches("zzz", ["IRON_CONDOR"]) == []


def test_advice_lists_all_names_when_none_is_near() -> None:
    assert did_you_mean("zzz", ["A", "B"], what="there are") == "there are: A, B"
    assert did_you_mean("zzz", [], what="names") == "there are no names"


def test_key_that_holds_a_dot_is_quoted() -> None:
    assert dotted(("a", "b.c", 0)) == 'a."b.c".0'
