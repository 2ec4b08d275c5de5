"""The strategies with their parameters, for people and as data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.text import Text

from orchestrion.adapters.settings.plain_data import as_list
from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.strategies.parameter import ParameterDescription, describe


def describe_strategies(strategies: Mapping[str, type[Strategy]]) -> list[dict[str, Any]]:
    """Name, description and parameters of each, as plain data."""
    return [
        {
            "name": name,
            "description": cls.description or _first_line(cls),
            "parameters": [_plain(one) for one in describe(cls.Parameters)],
        }
        for name, cls in strategies.items()
    ]


def _plain(one: ParameterDescription) -> dict[str, Any]:
    content: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(one, enc_hook=str))
    return content


def render_strategies(described: Sequence[Mapping[str, Any]]) -> RenderableType:
    """A heading per strategy, and two lines per parameter: its value, and what it means."""
    parts: list[RenderableType] = []
    for one in described:
        parts += [Text(one["name"], style="bold"), Text(one["description"])]
        parts += [_parameter(parameter) for parameter in one["parameters"]]
        parts.append(Text())
    return Group(*parts)


def _parameter(one: Mapping[str, Any]) -> RenderableType:
    unit = f"  [{one['unit']}]" if one["unit"] else ""
    value = Text.assemble((one["name"], "bold"), f" = {_default(one['default'])}{unit}")
    words = ": ".join(part for part in (one["description"], one["type"]) if part)
    meaning = Text(words, style="dim")
    return Group(
        *(Padding(text, (0, 0, 0, by), expand=False) for text, by in ((value, 2), (meaning, 6)))
    )


def _default(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    items = as_list(value)
    if items is not None:
        return ", ".join(map(str, items))
    return "" if value is None else str(value)


def _first_line(cls: type[Strategy]) -> str:
    return (cls.__doc__ or "").strip().partition("\n")[0]
