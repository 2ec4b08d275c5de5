"""How the library declares its parameters, and how they are described to people.

Every parameter has a default, bounds, a unit and a sentence. Percent exists only in names that end
in ``_pct``; everything else is a fraction, a multiple, a delta, lots or days.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any, TypeVar

import msgspec
from pydantic import BaseModel, ConfigDict, Field

from orchestrion.domain.errors import ConfigurationError

_BOUNDS = {
    "minimum": "at least",
    "exclusiveMinimum": "above",
    "maximum": "at most",
    "exclusiveMaximum": "below",
}
_WORDS = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "true or false",
}


class StrategyParameters(BaseModel):
    """Base of all parameter models: frozen, unknown keys and NaN refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ParameterDescription(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter in words.

    Attributes:
        type: e.g. "whole number, at least 1, at most 100".
        unit: e.g. "lots"; empty when the value has none.
    """

    name: str
    type: str
    default: object
    unit: str
    description: str


def parameter(default: Any, *, unit: str, description: str, **bounds: Any) -> Any:
    """A field of a parameter model; ``bounds`` are pydantic's (gt, ge, lt, le, min_length…)."""
    if type(default) in (int, float, bool):
        # A quoted number or a true where a count belongs is a slip in the file, not a value.
        bounds["strict"] = True
    return Field(
        default=default, description=description, json_schema_extra={"unit": unit}, **bounds
    )


def describe(model: type[BaseModel]) -> tuple[ParameterDescription, ...]:
    """The parameters of a model, in the order of their declaration."""
    properties: dict[str, dict[str, Any]] = model.model_json_schema().get("properties", {})
    return tuple(
        ParameterDescription(
            name=name,
            type=_type_in_words(schema),
            default=model.model_fields[name].default,
            unit=str(schema.get("unit", "")),
            description=str(schema.get("description", "")),
        )
        for name, schema in properties.items()
    )


def _type_in_words(schema: dict[str, Any]) -> str:
    if "enum" in schema:
        return "one of " + ", ".join(str(value) for value in schema["enum"])
    if schema.get("type") == "array":
        return f"list of {_type_in_words(schema.get('items', {}))}"
    words = [_WORDS.get(str(schema.get("type")), "value")]
    words += [f"{phrase} {schema[key]:g}" for key, phrase in _BOUNDS.items() if key in schema]
    return ", ".join(words)


_Parameters = TypeVar("_Parameters", bound=BaseModel)


def typed(parameters: BaseModel, kind: type[_Parameters]) -> _Parameters:
    """The parameters as their own type.

    Raises:
        ConfigurationError: parameters of another strategy.
    """
    if not isinstance(parameters, kind):
        raise ConfigurationError(
            f"needs parameters of type {kind.__name__}, got {type(parameters).__name__}"
        )
    return parameters


def exact(value: float) -> Decimal:
    """A parameter as the decimal that was written in the configuration (0.1 is 0.1)."""
    return Decimal(repr(value))
