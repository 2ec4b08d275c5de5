"""State as data: what a snapshot holds of an object, and how the object gets it back.

A class that keeps state over inputs names its fields with their types, once:

    class Gateway:
        STATE = {"_open": dict[str, Order], "_ended": dict[str, Order]}

``state_of`` turns them into plain data that JSON can hold, ``restore_state`` back into values of
those types, each checked. What is not named is wiring (mailboxes, rules, functions) and is built
anew. A field that is forgotten shows at once: a run that goes on from a snapshot must decide like
one that never stopped, and tests compare them at every position.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
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
        """Called when all state has been given back."""
        ...


def state_of(thing: Stateful) -> dict[str, object]:
    """The named state as plain data: maps with text keys, lists, text, numbers."""
    return {name: to_plain(getattr(thing, name)) for name in thing.STATE}


def restore_state(thing: Stateful, state: object) -> None:
    """Gives an object its state back; all of it or nothing.

    Raises:
        JournalFormatError: a field is missing, unknown, or not of its type.
    """
    kind = type(thing).__name__
    if not isinstance(state, dict):
        raise JournalFormatError(f"the state of {kind} is no map")
    given = cast("dict[str, object]", state)
    if list(given) != list(thing.STATE):
        raise JournalFormatError(
            f"the state of {kind} has {', '.join(given) or 'nothing'}, "
            f"this version needs {', '.join(thing.STATE)}"
        )
    found: dict[str, object] = {}
    for name, form in thing.STATE.items():
        try:
            found[name] = msgspec.convert(given[name], form, dec_hook=_decode_hook, str_keys=True)
        except msgspec.ValidationError as fault:
            raise JournalFormatError(f"the state of {kind}: {name}: {fault}") from fault
    for name, value in found.items():
        setattr(thing, name, value)
    if isinstance(thing, Restorable):
        thing.after_restore()


def to_plain(value: object) -> object:
    """A value as plain data, in the form in which ``msgspec.convert`` takes it back."""
    return msgspec.to_builtins(value, str_keys=True, enc_hook=_encode_hook, order=None)


def state_hash(body: bytes) -> str:
    """sha256 of a snapshot's body, hex."""
    return hashlib.sha256(body).hexdigest()


def _encode_hook(value: object) -> object:
    if isinstance(value, MappingProxyType):
        return dict(cast("Mapping[object, object]", value))
    raise NotImplementedError(f"a snapshot cannot hold a {type(value).__name__}")


def _decode_hook(form: type, value: object) -> object:
    raise NotImplementedError(f"a snapshot cannot be read into {form}, got {value!r}")
