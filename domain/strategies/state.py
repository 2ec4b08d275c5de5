"""Snapshots of strategies: plain JSON-like data with a version, and back, all or nothing."""

from __future__ import annotations

from typing import Any, TypeVar, cast

import msgspec

from orchestrion.domain.errors import DomainError

_State = TypeVar("_State")


class SnapshotError(DomainError, ValueError):
    """A snapshot that this version of the strategy cannot take back; nothing was restored."""


def encode_state(version: int, **parts: msgspec.Struct) -> dict[str, Any]:
    """State as dicts, lists, text, numbers, booleans and None; decimals become text."""
    encoded = {name: msgspec.to_builtins(part) for name, part in parts.items()}
    return {"version": version, **encoded}


def decode_state(snapshot: object, version: int, part: str, kind: type[_State]) -> _State:
    """One named part of a snapshot.

    Raises:
        SnapshotError: another version, or data that is not such a state.
    """
    found = cast("dict[str, Any]", snapshot) if isinstance(snapshot, dict) else {}
    if found.get("version") != version:
        raise SnapshotError(
            f"snapshot version {found.get('version')!r} cannot be read, expected {version}"
        )
    try:
        return msgspec.convert(found.get(part), kind)
    except msgspec.ValidationError as error:
        raise SnapshotError(f"damaged snapshot, part {part!r}: {error}") from error
