"""The JSON Schema of configurations, for editors that complete and check while one types.

pydantic describes the sections; this module adds what the models cannot say: one of two forms, the
short form of ``data``, and the parameters of every library strategy under its name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrion.adapters.settings.run_settings import RunSettings
from orchestrion.adapters.settings.strategy_choice import library

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_Schema = dict[str, Any]


def json_schema() -> _Schema:
    """The schema of a whole configuration, as JSON-like data."""
    schema = RunSettings.model_json_schema()
    definitions: _Schema = schema["$defs"]
    properties: _Schema = schema["properties"]
    names = _add_parameters(definitions)
    _required(properties, "strategy")["examples"] = list(names)
    properties["config"] = {"type": "object", "description": properties["config"]["description"]}
    properties["strategies"] = _strategies(properties["strategies"], names)
    properties["data"] = {"anyOf": [{"const": "bundled"}, properties["data"]]}
    return {
        "$schema": DIALECT,
        **schema,
        "title": "orchestrion configuration",
        "oneOf": [{"required": ["strategy"]}, {"required": ["strategies"]}],
        "allOf": [_parameters_if("strategy", name, ref) for name, ref in names.items()],
    }


def _add_parameters(definitions: _Schema) -> dict[str, _Schema]:
    """Library name -> reference to the schema of its parameters, which is added."""
    references: dict[str, _Schema] = {}
    for name, cls in library().items():
        parameters = cls.Parameters.model_json_schema(ref_template="#/$defs/{model}")
        definitions.update(parameters.pop("$defs", {}))
        definitions[f"parameters of {name}"] = parameters
        references[name] = {"$ref": f"#/$defs/parameters of {name}"}
    return references


def _strategies(described: _Schema, names: Mapping[str, _Schema]) -> _Schema:
    """The map of entries: an entry's parameters follow from ``strategy``, else from its key."""
    entry: _Schema = {"$ref": "#/$defs/StrategySettings"}
    by_name: _Schema = {
        "allOf": [entry, *(_parameters_if("strategy", name, ref) for name, ref in names.items())]
    }
    by_key = {
        name: {
            "allOf": [
                by_name,
                {
                    "if": {"not": {"required": ["strategy"]}},
                    "then": {"properties": {"config": reference}},
                },
            ]
        }
        for name, reference in names.items()
    }
    return {
        "type": "object",
        "description": described["description"],
        "minProperties": 1,
        "properties": by_key,
        "additionalProperties": by_name,
    }


def _parameters_if(key: str, name: str, reference: _Schema) -> _Schema:
    return {
        "if": {"properties": {key: {"const": name}}, "required": [key]},
        "then": {"properties": {"config": reference}},
    }


def _required(properties: _Schema, key: str) -> _Schema:
    """The schema of a key that may be left out but not be null."""
    described: _Schema = properties[key]
    (not_null,) = [one for one in described["anyOf"] if one != {"type": "null"}]
    properties[key] = {**not_null, "description": described["description"]}
    changed: _Schema = properties[key]
    return changed
