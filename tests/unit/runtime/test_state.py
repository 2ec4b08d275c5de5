"""State goes out as plain data and comes back as values of its types, or not at all."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Mapping
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.runtime.errors import JournalFormatError
from orchestrion.runtime.state import (
    decode_snapshot,
    encode_snapshot,
    encode_snapshot_of,
    join_snapshot,
    restore_state,
    snapshot_of,
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


# -- the short way ---------------------------------------------------------------------------------


class Whole:
    STATE: ClassVar[Mapping[str, Any]] = {"name": str, "table": dict[str, Any], "order": Any}
    PARTS: ClassVar[tuple[str, ...]] = ("thing", "absent", "empty")

    def __init__(self, name: str, table: dict[str, Any], order: Any) -> None:
        self.name, self.table, self.order = name, table, order
        self.thing = Thing()
        self.absent = None
        self.empty = Empty()


class Empty:
    STATE: ClassVar[Mapping[str, Any]] = {}


exact = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(),
    st.sampled_from(Colour),
    st.builds(Part, st.decimals(allow_nan=False), st.dictionaries(st.text(), st.integers())),
)
values = st.recursive(
    exact,
    lambda inner: st.one_of(
        st.lists(inner),
        st.tuples(inner, inner),
        st.dictionaries(st.text(), inner),
        st.dictionaries(st.integers(), inner).map(MappingProxyType),
        st.lists(inner).map(deque),
    ),
    max_leaves=8,
)


@given(name=st.text(), table=st.dictionaries(st.text(), values, max_size=4), order=values)
def test_short_way_writes_the_same_bytes(name: str, table: dict[str, Any], order: Any) -> None:
    whole = Whole(name, table, order)
    assert encode_snapshot_of(whole) == encode_snapshot(snapshot_of(whole))


@pytest.mark.parametrize("name", ["plain", "Grüße", "\x7f", "\u2028", '"', "\\", "\x00"])
def test_short_way_gives_up_where_text_is_written_in_two_ways(name: str) -> None:
    whole = Whole(name, {name: 2**70}, [{}, (), -(2**64)])
    assert encode_snapshot_of(whole) == encode_snapshot(snapshot_of(whole))


def test_parts_that_are_encoded_are_joined_like_a_map() -> None:
    parts = {"a": {"b": [1, None]}, "c": "x", "d": {}}
    encoded = {key: encode_snapshot(one) for key, one in parts.items()}
    assert join_snapshot(encoded) == encode_snapshot(parts)
    assert join_snapshot({}) == encode_snapshot({})
