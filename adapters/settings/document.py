"""Reads a configuration from a file or a mapping into plain data.

YAML, TOML and JSON give the same data here, so everything behind this module knows one shape. What
the values mean is none of this module's business: read ``run_settings`` next.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from orchestrion.adapters.settings.fault import (
    ConfigFault,
    Faults,
    SettingsError,
    file_fault,
    near_matches,
    shown,
)
from orchestrion.adapters.settings.plain_data import as_map, is_map, plain
from orchestrion.adapters.settings.yaml_text import read_yaml

SUFFIXES = (".yaml", ".yml", ".toml", ".json")


class Document(msgspec.Struct, frozen=True):
    """A configuration as written.

    Attributes:
        content: plain data.
        name: the file's stem; ``run`` for a mapping.
        origin: what to call it in messages.
        folder: what relative paths in it are relative to.
    """

    content: dict[str, Any]
    name: str
    origin: str
    folder: Path


def read_document(source: str | Path | Mapping[str, Any]) -> tuple[Document, Faults]:
    """Reads a file by its suffix, or takes a mapping as it is.

    Returns:
        The document, and what is wrong with parts of it (a key twice, NaN).

    Raises:
        SettingsError: there is no such file, or it is not of its format at all.
    """
    if isinstance(source, Mapping):
        return _document(source, Faults({}), name="run", origin="configuration", folder=Path())
    path = Path(source)
    text, faults = _read_text(path), Faults({})
    match path.suffix.lower():
        case ".toml":
            content = _read_toml(path, text)
        case ".json":
            content = _read_json(path, text, faults)
        case _:
            content = read_yaml(path, text, faults)
    return _document(content, faults, name=path.stem, origin=str(path), folder=path.parent)


def _document(
    content: object, faults: Faults, *, name: str, origin: str, folder: Path
) -> tuple[Document, Faults]:
    if not is_map(content) or not content:
        raise SettingsError(origin, (_not_a_map(content),))
    plain_content = as_map(plain(content, (), faults)) or {}
    return Document(plain_content, name, origin, folder.absolute()), faults


def _not_a_map(content: object) -> ConfigFault:
    if not content:
        return file_fault(
            "empty", "write at least 'strategy: NAME'; `orchestrion strategies` lists the names"
        )
    if isinstance(content, list):
        return file_fault("a list at the top", "write keys and values there: drop the dashes")
    return file_fault(
        "no keys", "write 'key: value' lines, with a space after the colon", value=shown(content)
    )


def _read_text(path: Path) -> str:
    fault = None
    if not path.exists():
        fault = file_fault("no such file", _where_it_may_be(path))
    elif path.is_dir():
        fault = file_fault("a folder", "name the configuration file in it")
    elif path.suffix.lower() not in SUFFIXES:
        fault = file_fault(
            f"the suffix {path.suffix!r} says no format", f"name it {' or '.join(SUFFIXES)}"
        )
    if fault is None:
        try:
            return path.read_text(encoding="utf-8-sig")
        except UnicodeDecodeError as error:
            fault = file_fault(f"not UTF-8 text at byte {error.start}", "save it as UTF-8")
        except OSError as error:
            fault = file_fault(f"cannot be read: {error.strerror}", "check its permissions")
    raise SettingsError(str(path), (fault,))


def _where_it_may_be(path: Path) -> str:
    if not path.parent.is_dir():
        return f"nor is there a folder {path.parent}"
    close = near_matches(path.name, sorted(one.name for one in path.parent.iterdir()))
    if not close:
        return "is the path right?"
    return "did you mean " + " or ".join(str(path.parent / name) for name in close) + "?"


def _read_toml(path: Path, text: str) -> Any:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        fault = file_fault(f"not TOML: {error}", 'text stands in quotes: strategy = "NAME"')
    raise SettingsError(str(path), (fault,))


def _read_json(path: Path, text: str, faults: Faults) -> Any:
    def unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        content: dict[str, Any] = {}
        for key, value in pairs:
            if key in content:
                faults.add((key,), "given twice in one map", "keep one of them")
            content[key] = value
        return content

    if not text.strip():
        return None
    try:
        return json.loads(text, object_pairs_hook=unique)
    except RecursionError:
        fault = file_fault("nested too deep", "a configuration has five levels at most")
    except json.JSONDecodeError as error:
        fault = file_fault(
            f"not JSON: {error.msg} (column {error.colno})",
            'keys and text stand in "double quotes", no comma before } or ], no comments',
            place=f"line {error.lineno}",
        )
    raise SettingsError(str(path), (fault,))
