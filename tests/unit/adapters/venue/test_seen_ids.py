"""Ids that came by are known again, and their memory is bounded."""

from __future__ import annotations

from orchestrion.adapters.venue.seen_ids import SEEN_IDS_FORGOTTEN, SEEN_IDS_KEPT, SeenIds


def test_an_id_is_new_once() -> None:
    seen = SeenIds()
    assert seen.is_new("a")
    assert not seen.is_new("a")
    assert "a" in seen
    assert "b" not in seen


def test_the_oldest_are_forgotten_and_as_many_as_promised_are_kept() -> None:
    seen = SeenIds()
    count = SEEN_IDS_KEPT + SEEN_IDS_FORGOTTEN
    for number in range(count):
        seen.is_new(str(number))
    known = [number for number in range(count) if str(number) in seen]
    assert known == list(range(SEEN_IDS_FORGOTTEN, count))
