"""Any values as plain data, exactly."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from pathlib import PurePosixPath
from typing import Any

import pytest

from orchestrion.adapters.settings.fault import Faults
from orchestrion.adapters.settings.plain_data import as_list, as_map, plain


class Colour(StrEnum):
    RED = "red"


PLAIN: dict[str, tuple[Any, Any]] = {
    "decimal": (Decimal("1.10"), "1.10"),
    "date": (date(2014, 1, 3), "2014-01-03"),
    "time": (datetime(2014, 1, 3, 21, tzinfo=UTC), "2014-01-03T21:00:00+00:00"),
    "path": (PurePosixPath("a/b.csv"), "a/b.csv"),
    "enum": (Colour.RED, "red"),
    "tuple": ((1, "a"), [1, "a"]),
    "nested": ({"a": [{"b": Decimal(2)}]}, {"a": [{"b": "2"}]}),
    "truth": (True, True),
    "nothing": (None, None),
}


@pytest.mark.parametrize("case", PLAIN)
def test_value_becomes_plain(case: str) -> None:
    value, expected = PLAIN[case]
    faults = Faults({})
    assert plain(value, ("k",), faults) == expected
    assert faults.found() == ()


REFUSED: dict[str, tuple[Any, str]] = {
    "nan": (float("nan"), "k"),
    "infinite decimal": (Decimal("-Infinity"), "k"),
    "nan inside": ([1, {"a": float("nan")}], "k.1.a"),
    "bytes": (b"x", "k"),
    "set": ({1}, "k"),
    "key": ({1: 2}, "k.1"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_other_value_is_a_fault_at_its_path(case: str) -> None:
    value, path = REFUSED[case]
    faults = Faults({})
    plain(value, ("k",), faults)
    assert [one.path for one in faults.found()] == [path]


def test_parts_are_taken_only_for_what_they_are() -> None:
    assert as_map({"a": 1}) == {"a": 1}
    assert as_map([1]) is None
    assert as_list([1]) == [1]
    assert as_list("text") is None
