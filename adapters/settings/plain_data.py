"""Any values as plain JSON-like data: None, booleans, numbers, text, lists and maps with text keys.

Exact decimals become text, as do dates and paths, so nothing is rounded on the way. What has no
place in a configuration (NaN, keys that are not text, other objects) is a fault.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import date, time
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any, TypeGuard

from orchestrion.adapters.settings.fault import Faults, KeyPath, shown

DEPTH_MAX = 32
"""Levels of nesting; ours are at most five. An alias in YAML can contain its own anchor, so there
has to be a bound."""


def is_map(value: object) -> TypeGuard[Mapping[Any, Any]]:
    return isinstance(value, Mapping)


def _is_sequence(value: object) -> TypeGuard[Sequence[Any]]:
    return isinstance(value, list | tuple)


def as_map(value: object) -> dict[str, Any] | None:
    """A part of plain data as a map, or None when it is something else."""
    return dict(value) if is_map(value) else None


def as_list(value: object) -> list[Any] | None:
    """A part of plain data as a list, or None when it is something else."""
    return list(value) if _is_sequence(value) else None


def plain(value: object, path: KeyPath, faults: Faults) -> Any:
    """The value as plain data; a part that is none becomes None and a fault."""
    if len(path) > DEPTH_MAX:
        faults.add(path[:4], "nested too deep", "does an alias (*name) contain its own anchor?")
        return None
    if is_map(value):
        return _plain_map(value, path, faults)
    if _is_sequence(value):
        return [plain(one, (*path, i), faults) for i, one in enumerate(value)]
    return _plain_scalar(value.value if isinstance(value, Enum) else value, path, faults)


def _plain_map(value: Mapping[Any, Any], path: KeyPath, faults: Faults) -> dict[str, Any]:
    content: dict[str, Any] = {}
    for key, one in value.items():
        if isinstance(key, str):
            content[key] = plain(one, (*path, key), faults)
        else:
            faults.add((*path, str(key)), "a key that is not text", f'write "{key}", in quotes')
    return content


def _plain_scalar(value: object, path: KeyPath, faults: Faults) -> Any:
    if isinstance(value, float | Decimal) and not math.isfinite(value):
        faults.add(path, "not a finite number", "write a number", value=str(value))
        return None
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Decimal | PurePath):
        return str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    faults.add(
        path,
        f"a value of type {type(value).__name__}",
        "use text, numbers, true or false, lists and maps",
        value=shown(str(value)),
    )
    return None
