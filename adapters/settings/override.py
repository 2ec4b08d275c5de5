"""``key=value`` on the command line or in the environment, laid over what a file says.

The last word wins: file, then ORCHESTRION_SET, then ``--set`` from left to right. A key is written
as in messages, ``strategies.MOMENTUM_FUTURES.config.leverage``; a part that holds a dot is quoted;
a number names a place in a list. The value is YAML: ``2.0``, ``true``, ``"text"``, ``{a: 1}``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
import yaml

from orchestrion.adapters.settings.fault import Faults, KeyPath, dotted, shown
from orchestrion.adapters.settings.plain_data import as_list, as_map, plain
from orchestrion.adapters.settings.yaml_text import parse_value, yaml_fault

VARIABLE = "ORCHESTRION_SET"
"""Environment variable with overrides, separated by line breaks or semicolons."""

_PART = re.compile(r'"([^"]+)"|([^."]+)')


class Override(msgspec.Struct, frozen=True):
    """One ``key=value`` as written, and where: ``--set`` or the variable's name."""

    text: str
    place: str


def overrides_from_environment(environ: Mapping[str, str]) -> tuple[Override, ...]:
    """The overrides that the environment holds, in their order."""
    parts = re.split(r"[;\n]", environ.get(VARIABLE, ""))
    return tuple(Override(part.strip(), VARIABLE) for part in parts if part.strip())


def overridden(content: dict[str, Any], override: Override, faults: Faults) -> dict[str, Any]:
    """The content with one override applied; one that cannot be applied is a fault."""
    where: KeyPath = (f"{override.place} {override.text}",)
    key, equals, written = override.text.partition("=")
    path = key_path(key.strip())
    if not equals or path is None:
        faults.add(where, "not of the form key=value", "write it like account.capital=500000")
        return content
    try:
        value = parse_value(written)
    except yaml.YAMLError as error:
        fault = yaml_fault(error)
        faults.add(where, fault.problem, fault.expected)
        return content
    problem = _obstacle(content, path)
    if problem is not None:
        faults.add(where, problem, "set a key that lies above it, or one that can hold keys")
        return content
    faults.places = {one: at for one, at in faults.places.items() if one[: len(path)] != path}
    faults.places[path] = override.place
    changed: dict[str, Any] = _placed(content, path, plain(value, path, faults))
    return changed


def key_path(text: str) -> KeyPath | None:
    """The parts of a dotted key, or None when it is not one."""
    parts: list[str] = []
    at = 0
    while match := _PART.match(text, at):
        parts.append(match[1] or match[2].strip())
        at = match.end()
        if at == len(text):
            return tuple(parts)
        if text[at] != ".":
            return None
        at += 1
    return None


def _obstacle(content: dict[str, Any], path: KeyPath) -> str | None:
    """Why nothing can be placed at a path, or None."""
    here: Any = content
    for depth, part in enumerate(path):
        if here is None:
            return None
        items, mapping = as_list(here), as_map(here)
        if items is not None:
            if not (str(part).isdecimal() and int(part) < len(items)):
                return f"{dotted(path[:depth])} is a list with places 0 to {len(items) - 1}"
            here = items[int(part)]
        elif mapping is not None:
            here = mapping.get(str(part))
        else:
            return f"{dotted(path[:depth])} is {shown(here)} and holds no keys"
    return None


def _placed(here: Any, path: KeyPath, value: Any) -> Any:
    """A copy of ``here`` with a value at a path; what lies beside the path is shared."""
    if not path:
        return value
    part, rest = path[0], path[1:]
    items = as_list(here)
    if items is not None:
        place = int(part)
        return [*items[:place], _placed(items[place], rest, value), *items[place + 1 :]]
    content = as_map(here) or {}
    key = str(part)
    return {**content, key: _placed(content.get(key), rest, value)}
