"""State as data: what a snapshot holds of an object, and how the object gets it back.

A class that keeps state over inputs names its fields with their types, once:

    class Gateway:
        STATE = {"_open": dict[str, Order], "_ended": dict[str, Order]}
        PARTS = ("_shared",)

``state_of`` turns them into plain data that JSON can hold, ``restore_state`` back into values of
those types, each checked; ``snapshot_of`` and ``restore_snapshot`` do the same with the parts
inside, which are objects with state of their own. What is not named is wiring (mailboxes, rules,
functions) and is built anew. A field that is forgotten shows at once: a run that goes on from a
snapshot must decide like one that never stopped, and tests compare them at every position.

Maps are given back in place, so whoever was shown one at the wiring still looks at the right one.
"""

from __future__ import annotations

import hashlib
import json
from collections import deque
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, ClassVar, Protocol, cast, runtime_checkable

import msgspec

from orchestrion.runtime.errors import JournalFormatError


class Stateful(Protocol):
    """An object with named state."""

    STATE: ClassVar[Mapping[str, Any]]
    """Attribute -> its type, as msgspec knows types."""


@runtime_checkable
class Restorable(Protocol):
    """An object that derives something from its state."""

    def after_restore(self) -> None:
        """Called when all of its own state has been given back, before its parts get theirs."""
        ...


def state_of(thing: Stateful) -> dict[str, object]:
    """The named state as plain data: maps with text keys, lists, text, numbers."""
    return {name: to_plain(getattr(thing, name)) for name in thing.STATE}


def restore_state(thing: Stateful, state: object) -> None:
    """Gives an object its state back; all of it or nothing.

    Raises:
        JournalFormatError: a field is missing, unknown, or not of its type.
    """
    given = require_fields(state, tuple(thing.STATE), type(thing).__name__)
    found = {
        name: from_plain(given[name], form, f"{type(thing).__name__}: {name}")
        for name, form in thing.STATE.items()
    }
    for name, value in found.items():
        _give(thing, name, value)
    if isinstance(thing, Restorable):
        thing.after_restore()


def snapshot_of(thing: Stateful) -> dict[str, object]:
    """The named state, and that of the parts; a part that is None has none."""
    snapshot = state_of(thing)
    for name in _parts(thing):
        part = getattr(thing, name)
        snapshot[name] = None if part is None else snapshot_of(part)
    return snapshot


def restore_snapshot(thing: Stateful, snapshot: object) -> None:
    """Gives an object and its parts their state back.

    Raises:
        JournalFormatError: as ``restore_state``; earlier parts have been restored then.
    """
    parts = _parts(thing)
    given = require_fields(snapshot, (*thing.STATE, *parts), type(thing).__name__)
    restore_state(thing, {name: given[name] for name in thing.STATE})
    for name in parts:
        part = getattr(thing, name)
        if (part is None) != (given[name] is None):
            raise JournalFormatError(
                f"the state of {type(thing).__name__}: {name} is there then or now, not both"
            )
        if part is not None:
            restore_snapshot(part, given[name])


def to_plain(value: object) -> object:
    """A value as plain data, in the form in which ``from_plain`` takes it back."""
    return msgspec.to_builtins(value, str_keys=True, enc_hook=_encode_hook, order=None)


def from_plain(plain: object, form: Any, where: str) -> Any:
    """A value of a type from plain data.

    Args:
        form: the type, as msgspec knows types.
        where: whose it is, for the error.

    Raises:
        JournalFormatError: it is none of that type.
    """
    try:
        return msgspec.convert(plain, form, dec_hook=_decode_hook, str_keys=True)
    except msgspec.ValidationError as fault:
        raise JournalFormatError(f"the state of {where}: {fault}") from fault


def require_fields(state: object, names: tuple[str, ...], kind: str) -> dict[str, object]:
    """A state as a map with exactly these fields, in this order.

    Raises:
        JournalFormatError: it is none.
    """
    if not isinstance(state, dict):
        raise JournalFormatError(f"the state of {kind} is no map")
    given = cast("dict[str, object]", state)
    if tuple(given) != names:
        raise JournalFormatError(
            f"the state of {kind} has {', '.join(given) or 'nothing'}, "
            f"this version needs {', '.join(names)}"
        )
    return given


def encode_snapshot(snapshot: object) -> bytes:
    """Plain data as JSON: equal data in equal order give equal bytes, whole numbers of any size."""
    return json.dumps(snapshot, separators=(",", ":")).encode()


_DELETE = b"\x7f"


def encode_snapshot_of(thing: Stateful) -> bytes:
    """``encode_snapshot(snapshot_of(thing))``, byte for byte, at a tenth of its time and half its
    memory.

    For a thing with much state and no floats, whose text form is not that of the standard library.
    Nothing is turned into plain data first; whatever would not come out alike goes the long way.
    """
    try:
        body = b"".join(_encoded(thing))
    except (TypeError, OverflowError):  # an older msgspec writes no number above 64 bits
        body = _DELETE
    # Of these the standard library writes the number, so that any terminal can show them.
    is_alike = body.isascii() and _DELETE not in body
    return body if is_alike else encode_snapshot(snapshot_of(thing))


def join_snapshot(fields: Mapping[str, bytes]) -> bytes:
    """A map of parts that are encoded already, as ``encode_snapshot`` would write it."""
    return b"{%b}" % b",".join(b'"%b":%b' % (key.encode(), body) for key, body in fields.items())


def decode_snapshot(body: bytes) -> object:
    """What ``encode_snapshot`` was given.

    Raises:
        JournalFormatError: it is no JSON.
    """
    try:
        return cast("object", msgspec.json.decode(body))
    except ValueError:
        pass  # three times as fast, but it does not know NaN, or half of a surrogate pair
    try:
        return cast("object", json.loads(body))
    except ValueError as fault:
        raise JournalFormatError(f"a snapshot cannot be read: {fault}") from fault


def state_hash(body: bytes) -> str:
    """sha256 of a snapshot's body, hex."""
    return hashlib.sha256(body).hexdigest()


def _encoded(thing: Stateful) -> Iterator[bytes]:
    separator = b"{"
    for name in thing.STATE:
        yield b'%b"%b":' % (separator, name.encode())
        yield _encode(getattr(thing, name))
        separator = b","
    for name in _parts(thing):
        yield b'%b"%b":' % (separator, name.encode())
        part = getattr(thing, name)
        if part is None:
            yield b"null"
        else:
            yield from _encoded(part)
        separator = b","
    yield b"{}" if separator == b"{" else b"}"


def _parts(thing: Stateful) -> tuple[str, ...]:
    return getattr(thing, "PARTS", ())


def _give(thing: Stateful, name: str, value: object) -> None:
    present = getattr(thing, name)
    if type(present) is dict and type(value) is dict:
        table = cast("dict[object, object]", present)
        table.clear()
        table.update(cast("dict[object, object]", value))
    else:
        setattr(thing, name, value)


def _encode_hook(value: object) -> object:
    if isinstance(value, MappingProxyType):
        return dict(cast("Mapping[object, object]", value))
    if isinstance(value, deque):
        return list(cast("deque[object]", value))
    raise NotImplementedError(f"a snapshot cannot hold a {type(value).__name__}")


_encode = msgspec.json.Encoder(enc_hook=_encode_hook, order=None).encode


def _decode_hook(form: type, value: object) -> object:
    raise NotImplementedError(f"a snapshot cannot be read into {form}, got {value!r}")
