"""The running hash of a journal."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.runtime.journal import GENESIS_HASH, Record, RecordKind, chain_hash

RECORD = Record(7, RecordKind.DECISION, "DecisionRecord", 1_000, b'{"a":1}')


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("seq", 8),
        ("kind", RecordKind.EVENT),
        ("name", "DecisionRecorD"),
        ("ts", 1_001),
        ("body", b'{"a":2}'),
        ("body", b""),
    ],
)
def test_every_field_is_part_of_the_hash(field: str, value: object) -> None:
    changed = msgspec.structs.replace(RECORD, **{field: value})
    assert chain_hash(GENESIS_HASH, changed) != chain_hash(GENESIS_HASH, RECORD)


def test_hash_depends_on_everything_before() -> None:
    assert chain_hash(bytes(32), RECORD) != chain_hash(b"\x01" * 32, RECORD)


records = st.builds(
    Record,
    seq=st.integers(0, 20),
    kind=st.sampled_from(list(RecordKind)),
    name=st.text(alphabet="|0123456789ab", max_size=6),
    ts=st.integers(0, 20),
    body=st.binary(max_size=6) | st.text(alphabet="|0123456789ab", max_size=6).map(str.encode),
)


@given(one=records, other=records)
def test_different_records_never_hash_alike(one: Record, other: Record) -> None:
    same = chain_hash(GENESIS_HASH, one) == chain_hash(GENESIS_HASH, other)
    assert same == (one == other)
