"""``key=value`` over a file: paths, values, lists, and what stands in the way."""

from __future__ import annotations

from typing import Any

import pytest

from orchestrion.adapters.settings.fault import Faults
from orchestrion.adapters.settings.override import (
    Override,
    key_path,
    overridden,
    overrides_from_environment,
)

CONTENT: dict[str, Any] = {"a": {"b": 1, "c.d": 2}, "list": [{"x": 1}, {"x": 2}], "text": "t"}


def applied(text: str) -> tuple[dict[str, Any], Faults]:
    faults = Faults({("a",): "line 1", ("a", "b"): "line 2"})
    return overridden(CONTENT, Override(text, "--set"), faults), faults


PATHS = {
    "a": ("a",),
    "a.b": ("a", "b"),
    'a."c.d".e': ("a", "c.d", "e"),
    " a . b ": ("a", "b"),
    "": None,
    ".a": None,
    "a.": None,
    "a..b": None,
    'a"b': None,
}


@pytest.mark.parametrize("text", PATHS)
def test_key_path_table(text: str) -> None:
    assert key_path(text) == PATHS[text]


SET: dict[str, tuple[tuple[str | int, ...], Any]] = {
    "a.b=5": (("a", "b"), 5),
    "a.b=true": (("a", "b"), True),
    "a.b='5'": (("a", "b"), "5"),
    "a.b=x=y": (("a", "b"), "x=y"),
    "a.b=": (("a", "b"), None),
    "a.b={q: [1]}": (("a", "b"), {"q": [1]}),
    'a."c.d"=3': (("a", "c.d"), 3),
    "list.1.x=9": (("list", 1, "x"), 9),
    "list.0=z": (("list", 0), "z"),
    "new.deep.key=1": (("new", "deep", "key"), 1),
    "text=u": (("text",), "u"),
}


@pytest.mark.parametrize("text", SET)
def test_value_is_set_at_its_path_and_nothing_else_changes(text: str) -> None:
    path, expected = SET[text]
    changed, faults = applied(text)
    here: Any = changed
    for part in path:
        here = here[part]
    assert here == expected
    assert faults.found() == ()
    assert {key: value for key, value in changed.items() if key != path[0]} == {
        key: value for key, value in CONTENT.items() if key != path[0]
    }


BLOCKED = {
    "a": "not of the form key=value",
    "=5": "not of the form key=value",
    "a..b=5": "not of the form key=value",
    "a.b.c=5": "a.b is 1 and holds no keys",
    "text.x=5": 'text is "t" and holds no keys',
    "list.2=5": "list is a list with places 0 to 1",
    "list.x=5": "list is a list with places 0 to 1",
    "a.b=[1": "not YAML",
}


@pytest.mark.parametrize("text", BLOCKED)
def test_override_that_cannot_be_applied_changes_nothing(text: str) -> None:
    changed, faults = applied(text)
    assert changed == CONTENT
    (fault,) = faults.found()
    assert BLOCKED[text] in fault.problem
    assert text in fault.path


def test_places_below_an_override_are_the_overrides() -> None:
    _, faults = applied("a={b: 7}")
    assert faults.places == {("a",): "--set"}


def test_environment_holds_overrides_between_semicolons_and_lines() -> None:
    environ = {"ORCHESTRION_SET": "a=1; b={c: 2}\n\n d=3;"}
    assert [one.text for one in overrides_from_environment(environ)] == ["a=1", "b={c: 2}", "d=3"]
    assert overrides_from_environment({}) == ()
