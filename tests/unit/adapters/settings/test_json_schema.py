"""The schema for editors: complete, documented, and every reference leads somewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from orchestrion.adapters.settings import RunSettings, json_schema, library


def parts_of(schema: object) -> Iterator[dict[str, Any]]:
    """Every map in a schema."""
    if isinstance(schema, dict):
        yield schema
        for one in schema.values():
            yield from parts_of(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from parts_of(one)


def test_schema_is_json_and_the_same_every_time() -> None:
    assert json.loads(json.dumps(json_schema())) == json_schema()


def test_every_reference_leads_to_a_definition() -> None:
    schema = json_schema()
    references = {part["$ref"] for part in parts_of(schema) if "$ref" in part}
    assert references
    for reference in references:
        assert reference.removeprefix("#/$defs/") in schema["$defs"], reference


def test_every_key_is_known_and_described() -> None:
    schema = json_schema()
    assert schema["properties"].keys() == RunSettings.model_fields.keys()
    for name, definition in schema["$defs"].items():
        for key, described in definition.get("properties", {}).items():
            # A section is described by its own definition, a constant by itself.
            described_by = {"$ref", "allOf", "description", "const"}
            assert not described_by.isdisjoint(described), (name, key)


def test_exactly_one_form_is_asked_for() -> None:
    assert json_schema()["oneOf"] == [{"required": ["strategy"]}, {"required": ["strategies"]}]


def test_parameters_of_every_library_strategy_are_completed_by_name() -> None:
    schema = json_schema()
    for name, cls in library().items():
        parameters = schema["$defs"][f"parameters of {name}"]
        assert parameters["properties"].keys() == cls.Parameters.model_fields.keys()
        assert name in schema["properties"]["strategies"]["properties"]
        assert name in schema["properties"]["strategy"]["examples"]


def test_short_form_of_data_is_allowed() -> None:
    assert {"const": "bundled"} in json_schema()["properties"]["data"]["anyOf"]
