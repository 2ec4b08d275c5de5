"""State goes out as plain data and comes back as values of its types, or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec
import pytest

from orchestrion.runtime.errors import JournalFormatError
from orchestrion.runtime.state import (
    decode_snapshot,
    encode_snapshot,
    restore_state,
    state_hash,
    state_of,
    to_plain,
)


class Colour(StrEnum):
    RED = "red"


class Part(msgspec.Struct, frozen=True):
    amount: Decimal
    by_id: Mapping[str, int] = MappingProxyType({})


class Thing:
    STATE: ClassVar[Mapping[str, Any]] = {
        "count": int,
        "parts": dict[str, Part],
        "pairs": tuple[tuple[str, Colour | None], ...],
        "by_number": dict[int, Decimal],
    }

    def __init__(self) -> None:
        self.count = 3
        self.parts = {"b": Part(Decimal("1.10")), "a": Part(Decimal(2))}
        self.pairs: tuple[tuple[str, Colour | None], ...] = (("x", Colour.RED), ("y", None))
        self.by_number = {7: Decimal("0.1")}
        self.wiring = object()
        self.restored = 0

    def after_restore(self) -> None:
        self.restored += 1


def test_state_survives_json_with_its_types_and_its_order() -> None:
    thing, other = Thing(), Thing()
    text = json.dumps(state_of(thing))
    other.count, other.parts, other.pairs, other.by_number = 0, {}, (), {}
    restore_state(other, json.loads(text))
    assert (other.count, other.parts, other.pairs) == (thing.count, thing.parts, thing.pairs)
    assert list(other.parts) == ["b", "a"]
    assert other.by_number == {7: Decimal("0.1")}
    assert other.restored == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"count": "three"}, "Thing: count"),
        ({"parts": {"b": {"amount": "NaN?"}}}, "Thing: parts"),
        ({"pairs": [["x", "blue"]]}, "Thing: pairs"),
    ],
)
def test_state_of_another_type_is_refused_whole(change: dict[str, Any], words: str) -> None:
    thing = Thing()
    before = state_of(thing)
    with pytest.raises(JournalFormatError, match=words):
        restore_state(thing, {**before, **change})
    assert state_of(thing) == before


@pytest.mark.parametrize("state", [None, [], {}, {"count": 3}, {"count": 3, "other": 4}])
def test_missing_and_unknown_fields_are_refused(state: object) -> None:
    with pytest.raises(JournalFormatError, match="the state of Thing"):
        restore_state(Thing(), state)


def test_read_only_maps_are_plain_data_too() -> None:
    assert to_plain(MappingProxyType({"a": Decimal("1.0")})) == {"a": "1.0"}


def test_what_cannot_be_written_is_refused() -> None:
    with pytest.raises(NotImplementedError, match="a snapshot cannot hold a object"):
        to_plain(object())


def test_hash_is_that_of_the_bytes() -> None:
    assert state_hash(b"{}") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"


@pytest.mark.parametrize(
    "value",
    [10**40, -(10**40), 0.1, -0.0, float("inf"), "\ud800", "\U0001f600", {"a": [None, True]}],
)
def test_a_snapshot_is_read_as_it_was_written(value: object) -> None:
    found = decode_snapshot(encode_snapshot(value))
    assert (type(found), repr(found)) == (type(value), repr(value))


def test_a_snapshot_that_is_no_json_is_refused() -> None:
    with pytest.raises(JournalFormatError, match="cannot be read"):
        decode_snapshot(b'{"a":')
