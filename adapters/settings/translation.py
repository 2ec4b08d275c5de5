"""Turns pydantic's errors into faults that somebody can act on who has never heard of pydantic.

``explain`` is a table of error types with a few hints about the usual slips: a percent sign, a
quoted number, a list where a map belongs, a key without a value.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, get_args

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from orchestrion.adapters.settings.fault import Faults, KeyPath, did_you_mean, near_matches, shown
from orchestrion.adapters.settings.plain_data import is_map

_TAG = "#"  # first character of the names of union members, see ``section.by_tag``
_NUMERIC = re.compile(r"[-+]?[0-9][0-9_]*(\.[0-9]*)?([eE][-+]?[0-9]+)?")


def add_faults(
    error: ValidationError, model: type[BaseModel], base: KeyPath, faults: Faults
) -> None:
    """Adds every error that is not about something which is known to be wrong already.

    Args:
        model: what was validated.
        base: the path of the validated value.
    """
    for details in error.errors(include_url=False):
        path = (*base, *(part for part in details["loc"] if not str(part).startswith(_TAG)))
        if details["type"] in {"union_tag_invalid", "union_tag_not_found"}:
            path = _tag_path(path, details)
        if not faults.has(path):
            _add(details, model, path, base, faults)


def _add(
    details: ErrorDetails, model: type[BaseModel], path: KeyPath, base: KeyPath, faults: Faults
) -> None:
    kind = details["type"]
    inner = path[len(base) :]
    if kind == "missing":
        faults.add(path, "missing", _description(model, inner) or "give it a value")
    elif kind == "extra_forbidden":
        word = str(path[-1])
        faults.add(
            path,
            "unknown key",
            did_you_mean(word, _keys_at(model, inner[:-1]), what="the known keys are"),
        )
    else:
        found = _input(details)
        # Of a rule between several keys, and of a key that is missing, the whole map says nothing.
        is_of_map = kind in {"value_error", "union_tag_not_found"} and is_map(found)
        value = "" if is_of_map else shown(found)
        expected = expectation(details)
        if kind == "string_pattern_mismatch":
            expected = _description(model, inner) or expected
        faults.add(path, "cannot be used", expected, value=value)


def _input(details: ErrorDetails) -> Any:
    if details["type"] == "union_tag_invalid":
        return str(details.get("ctx", {})["tag"]).removeprefix(_TAG)
    return details["input"]


def _tag_path(path: KeyPath, details: ErrorDetails) -> KeyPath:
    if not isinstance(details["input"], dict):
        return path
    if isinstance(path[-1], int):
        return (*path, "kind")
    return (*path, "model" if path[-1] == "margin" else "source")


_SIMPLE = {
    "bool_type": "expected true or false",
    "bool_parsing": "expected true or false",
    "int_type": "expected a whole number",
    "int_parsing": "expected a whole number",
    "int_from_float": "expected a whole number",
    "float_type": "expected a number",
    "float_parsing": "expected a number",
    "decimal_type": "expected a number",
    "decimal_parsing": "expected a number",
    "finite_number": "expected a finite number",
    "string_type": "expected text",
    "dict_type": "expected a map of keys and values",
    "model_type": "expected a map of keys and values",
    "model_attributes_type": "expected a map of keys and values",
    "tuple_type": "expected a list",
    "list_type": "expected a list",
    "path_type": "expected the path of a file",
    "date_type": "expected a day such as 2014-01-03",
    "date_parsing": "expected a day such as 2014-01-03",
    "date_from_datetime_parsing": "expected a day such as 2014-01-03",
    "datetime_type": "expected a time with its zone, such as 2024-03-15T13:30:00Z",
    "datetime_parsing": "expected a time with its zone, such as 2024-03-15T13:30:00Z",
    "datetime_from_date_parsing": "expected a time with its zone, such as 2024-03-15T13:30:00Z",
    "timezone_aware": "expected a time with its zone, such as 2024-03-15T13:30:00Z",
    "decimal_max_places": "expected at most {decimal_places} decimals",
    "greater_than": "expected a number above {gt}",
    "greater_than_equal": "expected at least {ge}",
    "less_than": "expected a number below {lt}",
    "less_than_equal": "expected at most {le}",
    "multiple_of": "expected a multiple of {multiple_of}",
    "too_short": "expected at least {min_length}",
    "too_long": "expected at most {max_length}",
    "string_too_short": "expected at least {min_length} characters",
    "string_too_long": "expected at most {max_length} characters",
    "string_pattern_mismatch": "expected text of the form {pattern}",
    "value_error": "{error}",
    "assertion_error": "{error}",
    "union_tag_not_found": "say which of the kinds it is",
}


def expectation(details: ErrorDetails) -> str:
    """What would be right, and a hint when the slip is a known one."""
    kind, found = details["type"], details["input"]
    context: dict[str, Any] = details.get("ctx", {})
    if kind in {"enum", "literal_error"}:
        names = re.findall("'([^']*)'", str(context["expected"]))
        return _one_of(names or [str(context["expected"])], found)
    if kind == "union_tag_invalid":
        names = re.findall(f"{_TAG}([a-z_.:]+)", str(context["expected_tags"]))
        return _one_of(names, str(context["tag"]).removeprefix(_TAG))
    if kind == "union_tag_not_found" and not is_map(found):
        kind = "dict_type"
    template = _SIMPLE.get(kind)
    if template is None:
        message = details["msg"].removeprefix("Input should be ")
        return f"expected {message}" if message != details["msg"] else message
    return template.format(**context) + _hint(template, found)


def _one_of(names: Sequence[str], found: object) -> str:
    if len(names) == 1:
        return f"expected {names[0]}"
    hint = (
        f"; {did_you_mean(str(found), names, what='')}" if near_matches(str(found), names) else ""
    )
    return f"expected one of {', '.join(names)}{hint}"


def _hint(template: str, found: object) -> str:
    """What was probably meant, for the usual slips."""
    if "map" in template or "list" in template:
        return _shape_hint(template, found)
    if isinstance(found, str):
        word = found.strip()
        if "number" in template and word.endswith("%"):
            return f": write {word.rstrip('% ')} without the percent sign"
        if "number" in template and _NUMERIC.fullmatch(word):
            return ", without quotes"
        if "true" in template:
            plain_word = {"true": "true", "yes": "true", "on": "true"}.get(word.lower(), "false")
            return f": write {plain_word} without quotes"
    if "text" in template and isinstance(found, int | float):
        return ": put it in quotes"
    return ""


def _shape_hint(template: str, found: object) -> str:
    if found is None:
        return ": nothing stands under this key; indent the lines that belong to it, or drop it"
    if "map" in template and isinstance(found, list):
        return ", not a list: drop the dashes"
    if "map" in template:
        return ": write 'key: value' lines under it, with a space after the colon"
    if isinstance(found, str):
        return f": write [{found}]"
    return ""


def _models_in(annotation: Any) -> Iterator[type[BaseModel]]:
    """All models that an annotation mentions, in order."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for argument in get_args(annotation):
        yield from _models_in(argument)


def _models_at(model: type[BaseModel], path: KeyPath) -> list[type[BaseModel]]:
    """The models that may stand at a path. Map keys and list places lead to the same models."""
    models = [model]
    for part in path:
        fields = [one.model_fields[str(part)] for one in models if str(part) in one.model_fields]
        if fields:
            models = [one for field in fields for one in _models_in(field.annotation)]
    return models


def _keys_at(model: type[BaseModel], path: KeyPath) -> list[str]:
    return list(dict.fromkeys(key for one in _models_at(model, path) for key in one.model_fields))


def _description(model: type[BaseModel], path: KeyPath) -> str:
    for one in _models_at(model, path[:-1]):
        field = one.model_fields.get(str(path[-1]))
        if field is not None and field.description:
            return f"expected: {field.description.rstrip('.')}"
    return ""
