"""YAML as data, with the line of every key, and its errors in a beginner's words.

The words are those of YAML 1.2: only ``true`` and ``false`` are booleans, dates stay text, a number
with leading zeros is text. Under YAML 1.1, PyYAML's own rules, the tickers ON, NO and Y would be
booleans and the code 000001 the number one. A key that is given twice is a fault; PyYAML would
silently take the last.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, cast

import yaml

from orchestrion.adapters.settings.fault import (
    ConfigFault,
    Faults,
    KeyPath,
    SettingsError,
    file_fault,
)
from orchestrion.adapters.settings.plain_data import DEPTH_MAX


def read_yaml(path: Path, text: str, faults: Faults) -> Any:
    """The one document of a file; ``faults`` also learns the lines of its keys.

    Raises:
        SettingsError: it is not YAML.
    """
    try:
        loader = _LOADER(text)
        try:
            node = loader.get_single_node()
            if node is None:
                return None
            _survey(node, (), faults)
            return loader.construct_document(node)
        finally:
            loader.dispose()
    except RecursionError:
        fault = file_fault("nested too deep", "a configuration has five levels at most")
    except yaml.YAMLError as error:
        fault = yaml_fault(error)
    raise SettingsError(str(path), (fault,))


def parse_value(text: str) -> Any:
    """The value of a ``--set key=value``, written as in YAML.

    Raises:
        yaml.YAMLError: it is not YAML.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506 - a subclass of the safe loader


def yaml_fault(error: yaml.YAMLError) -> ConfigFault:
    """What a parser's complaint usually means to somebody who writes YAML for the first time."""
    problem = str(getattr(error, "problem", None) or error)
    # A key without a colon is noticed a line too late; where it starts is what helps.
    is_late = "could not find expected ':'" in problem
    mark = getattr(error, "context_mark" if is_late else "problem_mark", None)
    place = "" if mark is None else _line(mark)
    for words, meaning, advice in _HINTS:
        if words in problem:
            return file_fault(meaning, advice, place=place)
    return file_fault(f"not YAML: {problem}", "compare with a file in examples/", place=place)


_HINTS = (
    ("'\\t'", "a tab", "YAML wants spaces: replace it, two spaces per level"),
    (
        "mapping values are not allowed",
        "a second colon, or a line that stands too far right",
        "indent it like its neighbours; text with a colon stands in quotes",
    ),
    (
        "could not find expected ':'",
        "no colon after a key",
        "write 'key: value', with a space after the colon",
    ),
    (
        "expected <block end>",
        "a line that does not stand under its neighbours",
        "indent all keys of one map by the same number of spaces",
    ),
    ("but found another document", "a second document (---)", "keep one per file"),
    (
        "found undefined alias",
        "an alias (*) without an anchor (&)",
        "text that starts with * or & stands in quotes",
    ),
    (
        "could not determine a constructor for the tag",
        "a tag (!) that means nothing here",
        "text that starts with ! stands in quotes",
    ),
    (
        "that cannot start any token",
        "a character that no value can start with",
        "text that starts with %, @ or ` stands in quotes",
    ),
    ("special characters are not allowed", "a control character", "is it a text file?"),
)


def _survey(node: yaml.Node, path: KeyPath, faults: Faults) -> None:
    """Notes the line of every key and list entry, and finds keys that are given twice."""
    if len(path) > DEPTH_MAX:
        return
    if isinstance(node, yaml.SequenceNode):
        for i, child in enumerate(node.value):
            faults.places[*path, i] = _line(child.start_mark)
            _survey(child, (*path, i), faults)
    elif isinstance(node, yaml.MappingNode):
        _survey_map(node, path, faults)


def _survey_map(node: yaml.MappingNode, path: KeyPath, faults: Faults) -> None:
    first: dict[str, str] = {}
    for key_node, child in node.value:
        if not isinstance(key_node, yaml.ScalarNode):
            continue
        here, place = (*path, str(key_node.value)), _line(key_node.start_mark)
        if key_node.value in first:
            faults.add(here, f"given again on {place}", "keep one of the two")
            continue
        first[key_node.value] = faults.places[here] = place
        _survey(child, here, faults)


def _line(mark: Any) -> str:
    return f"line {mark.line + 1}"


class _Loader(yaml.SafeLoader):
    """The safe loader with the words of YAML 1.2's core; 1_000_000 is allowed as in TOML."""


_LOADER = cast("Any", _Loader)  # PyYAML's stubs leave the types of these two open
_LOADER.yaml_implicit_resolvers = {}


def _word(tag: str, pattern: str, first_characters: Iterable[str]) -> None:
    _LOADER.add_implicit_resolver(
        f"tag:yaml.org,2002:{tag}", re.compile(f"^(?:{pattern})$"), [*first_characters]
    )


_WHOLE, _EXPONENT = "(?:0|[1-9][0-9_]*)", "[eE][-+]?[0-9]+"
_FRACTION = rf"{_WHOLE}(?:[.][0-9_]*(?:{_EXPONENT})?|{_EXPONENT})|[.][0-9]+(?:{_EXPONENT})?"

_word("null", "~|null|Null|NULL|", ("~", "n", "N", ""))
_word("bool", "true|True|TRUE|false|False|FALSE", "tTfF")
_word("int", f"[-+]?{_WHOLE}", "-+0123456789")
_word("float", rf"[-+]?(?:{_FRACTION}|[.](?:inf|Inf|INF))|[.](?:nan|NaN|NAN)", "-+.0123456789")
_word("merge", "<<", "<")
