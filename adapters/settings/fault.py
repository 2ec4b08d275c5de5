"""Faults of a configuration: where, what was found, what is expected.

A configuration is read to its end before anything is said, so a user sees every fault at once.
``ConfigFault`` is a value; ``SettingsError`` carries all of them and prints one block.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from difflib import get_close_matches
from typing import TypeAlias

import msgspec

from orchestrion.domain.errors import ConfigurationError

KeyPath: TypeAlias = tuple[str | int, ...]

VALUE_CHARACTERS_MAX = 60
"""Longer values are cut in messages; arbitrary, a line should stay a line."""


class ConfigFault(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that is wrong.

    Attributes:
        path: keys joined by dots, as ``--set`` takes them; empty for the file as a whole.
        problem: what is wrong with it, in a few words.
        expected: what would be right, or what to do.
        value: what was found, shortened; empty when there is none.
        place: "line 14" or "--set"; empty when the format gives no lines.
    """

    path: str
    problem: str
    expected: str
    value: str = ""
    place: str = ""

    def __str__(self) -> str:
        place = f" ({self.place})" if self.place else ""
        head = f"{self.path}{place}: " if self.path else f"{self.place}: " if self.place else ""
        found = f", found {self.value}" if self.value else ""
        return f"{head}{self.problem}{found}; {self.expected}"


class Faults:
    """Collects faults while a configuration is read."""

    def __init__(self, places: Mapping[KeyPath, str]) -> None:
        """
        Args:
            places: key path -> "line 14"; a path that is not here takes the place of its parent.
        """
        self.places = dict(places)
        self._found: list[tuple[KeyPath, ConfigFault]] = []

    def add(self, path: KeyPath, problem: str, expected: str, *, value: str = "") -> None:
        fault = ConfigFault(
            path=dotted(path),
            problem=problem,
            expected=expected,
            value=value,
            place=self._place(path),
        )
        self._found.append((path, fault))

    def has(self, path: KeyPath) -> bool:
        """Whether something is wrong with the value at a path, or with a part of it."""
        return any(known[: len(path)] == path for known, _ in self._found)

    def found(self) -> tuple[ConfigFault, ...]:
        """All faults by line; those without a line after the others, in the order of finding."""
        return tuple(sorted((fault for _, fault in self._found), key=_line_number))

    def _place(self, path: KeyPath) -> str:
        for length in range(len(path), 0, -1):
            place = self.places.get(path[:length])
            if place is not None:
                return place
        return ""


class SettingsError(ConfigurationError):
    """A configuration cannot be used. ``faults`` holds every one, in the order of the file."""

    def __init__(self, origin: str, faults: Sequence[ConfigFault]) -> None:
        count = "1 fault" if len(faults) == 1 else f"{len(faults)} faults"
        lines = "".join(f"\n  {fault}" for fault in faults)
        super().__init__(f"{origin}: {count}{lines}")
        self.origin = origin
        self.faults = tuple(faults)


def file_fault(problem: str, expected: str, *, value: str = "", place: str = "") -> ConfigFault:
    """A fault of the file as a whole."""
    return ConfigFault(path="", problem=problem, expected=expected, value=value, place=place)


def dotted(path: KeyPath) -> str:
    """A key path as text; a key that holds a dot is quoted, as ``--set`` wants it."""
    return ".".join(f'"{part}"' if "." in str(part) else str(part) for part in path)


def shown(value: object) -> str:
    """A value as JSON, cut to a readable length."""
    is_exact = isinstance(value, Decimal)
    text = str(value) if is_exact else json.dumps(value, ensure_ascii=False, default=str)
    if len(text) <= VALUE_CHARACTERS_MAX:
        return text
    return text[: VALUE_CHARACTERS_MAX - 3] + "..."


def near_matches(word: str, names: Iterable[str]) -> list[str]:
    """Up to three names that a misspelt word may mean, best first; case does not matter."""
    by_folded = {name.casefold(): name for name in names}
    close = get_close_matches(word.casefold(), by_folded, n=3, cutoff=0.6)
    return [by_folded[folded] for folded in close]


def did_you_mean(word: str, names: Iterable[str], *, what: str) -> str:
    """Advice for a name that does not exist: the near matches, else all names."""
    known = list(names)
    close = near_matches(word, known)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    return f"{what}: {', '.join(known)}" if known else f"there are no {what}"


def _line_number(fault: ConfigFault) -> float:
    word, _, number = fault.place.partition(" ")
    return int(number) if word == "line" else math.inf
