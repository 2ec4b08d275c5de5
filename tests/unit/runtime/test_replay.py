"""The comparing journal: what a replay wrote otherwise, named by seq, field, then and now."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from orchestrion.runtime.errors import DivergenceError
from orchestrion.runtime.journal import JournalHeader, JournalTrailer, Record, RecordKind
from orchestrion.runtime.replay import ABSENT, ComparingJournal, compare_states

AB = {"a": 1, "b": 2}


def record(seq: int, body: object = None, **changes: Any) -> Record:
    fields: dict[str, Any] = {
        "seq": seq,
        "kind": RecordKind.DECISION,
        "name": "Decision",
        "ts": 10 * seq,
        "body": body if isinstance(body, bytes) else msgspec.json.encode(body),
    }
    return Record(**(fields | changes))


@pytest.mark.parametrize(
    ("then", "now", "seq", "field", "before", "after"),
    [
        (record(3, 1), record(3, 1, kind=RecordKind.EVENT), 3, "kind", "decision", "event"),
        (record(3, 1), record(3, 1, name="Other"), 3, "name", "Decision", "Other"),
        (record(3, 1), record(3, 1, ts=31), 3, "ts", 30, 31),
        (record(3, {"a": 1}), record(3, {"a": 2}), 3, "a", 1, 2),
        (record(3, {"a": {"b": "x"}}), record(3, {"a": {"b": "y"}}), 3, "a.b", "x", "y"),
        (record(3, {"a": [1, 2]}), record(3, {"a": [1, 3]}), 3, "a[1]", 2, 3),
        (record(3, {"a": [1]}), record(3, {"a": [1, 3]}), 3, "a[1]", ABSENT, 3),
        (record(3, {"a": [1, 3]}), record(3, {"a": [1]}), 3, "a[1]", 3, ABSENT),
        (record(3, [{"a": 1}]), record(3, [{"a": 2}]), 3, "[0].a", 1, 2),
        (record(3, {"a": 1}), record(3, {"b": 1}), 3, "a", 1, ABSENT),
        (record(3, {"b": 1}), record(3, {"b": 1, "a": 2}), 3, "a", ABSENT, 2),
        (record(3, {"a": 1, "b": 1}), record(3, {"a": 2, "b": 2}), 3, "a", 1, 2),
        (record(3, {"a": 1}), record(3, [1]), 3, "body", {"a": 1}, [1]),
        (record(3, 1), record(3, 2), 3, "body", 1, 2),
        # Equal values in other bytes: order of fields, an integer as a float.
        (
            record(3, b'{"a":1,"b":2}'),
            record(3, b'{"b":2,"a":1}'),
            3,
            "body",
            *[{"a": 1, "b": 2}] * 2,
        ),
        (record(3, b'{"a":1}'), record(3, b'{"a":1.0}'), 3, "body", {"a": 1}, {"a": 1}),
        (record(3, b"\xff"), record(3, b"\xfe"), 3, "body", b"\xff", b"\xfe"),
        # A record that was not written then, or is not written now.
        (record(5, 1), record(4, 2), 4, "record", ABSENT, "2"),
        (record(3, 1), record(4, 2), 3, "record", "1", ABSENT),
    ],
)
def test_first_difference_is_named(
    then: Record, now: Record, seq: int, field: str, before: object, after: object
) -> None:
    comparing = ComparingJournal([then])
    with pytest.raises(DivergenceError) as divergence:
        comparing.append(now)
    found = divergence.value
    assert (found.seq, found.field, found.then, found.now) == (seq, field, before, after)
    assert str(found).startswith(f"seq {seq}: ")
    assert comparing.compared == 0


def test_record_after_the_last_one_is_a_difference() -> None:
    comparing = ComparingJournal([record(1)])
    comparing.append(record(1))
    with pytest.raises(DivergenceError) as divergence:
        comparing.append(record(1, 7))
    assert (divergence.value.then, divergence.value.now) == (ABSENT, "7")


def test_equal_records_are_counted() -> None:
    records = [record(1), record(1, 2), record(4, {"a": [1, {"b": None}]})]
    comparing = ComparingJournal(records)
    for one in records:
        comparing.append(msgspec.structs.replace(one))
    assert comparing.compared == 3
    assert comparing.next_seq is None
    comparing.expect_nothing_before(100)


def test_next_input_is_shown_and_not_taken() -> None:
    posted = record(2, kind=RecordKind.INPUT)
    comparing = ComparingJournal([record(1), posted])
    assert (comparing.next_input(), comparing.next_seq) == (None, 1)
    comparing.append(record(1))
    assert comparing.next_input() == comparing.next_input() == posted
    comparing.append(posted)
    assert comparing.next_input() is None


def test_record_that_was_passed_over_is_missing() -> None:
    comparing = ComparingJournal([record(4, {"a": 1})])
    comparing.expect_nothing_before(4)
    with pytest.raises(DivergenceError) as divergence:
        comparing.expect_nothing_before(5)
    found = divergence.value
    assert (found.seq, found.field, found.then, found.now) == (4, "record", '{"a":1}', ABSENT)


def test_it_can_stand_where_a_journal_stands() -> None:
    comparing = ComparingJournal([])
    comparing.begin(
        JournalHeader(
            run_id="T",
            environment="backtest",
            seed=0,
            configuration="",
            configuration_sha256="",
            data_name="",
            data_sha256="",
            versions={},
        )
    )
    comparing.sync()
    comparing.finish(JournalTrailer(last_seq=0, decisions=0, decision_hash=""))
    comparing.close()
    assert comparing.compared == 0


# -- states ----------------------------------------------------------------------------------------


def test_equal_states_are_no_difference() -> None:
    compare_states(3, {"a": [1, {"b": "x"}]}, {"a": [1, {"b": "x"}]})


@pytest.mark.parametrize(
    ("then", "now", "field"),
    [
        ({"a": {"b": 1}}, {"a": {"b": 2}}, "a.b"),
        ({"a": [1]}, {"a": [1, 2]}, "a[1]"),
        # Equal values in other bytes would go on with another state hash.
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, "body"),
        ({"a": 1}, {"a": 1.0}, "body"),
        ({"a": 1}, {"a": True}, "body"),
    ],
)
def test_difference_of_states_is_named(then: object, now: object, field: str) -> None:
    with pytest.raises(DivergenceError) as divergence:
        compare_states(3, then, now)
    assert (divergence.value.seq, divergence.value.name) == (3, "Snapshot")
    assert divergence.value.field == field
