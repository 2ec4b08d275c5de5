"""Which executions were booked, and for how long that is remembered."""

from __future__ import annotations

from orchestrion.actors.seen_trades import ALONE_FORGOTTEN, ALONE_KEPT, SeenTrades
from orchestrion.runtime.state import restore_snapshot, snapshot_of


def test_trade_is_new_once_for_each_order() -> None:
    seen = SeenTrades()
    assert not seen.has("O1", "T1")
    assert seen.is_new("O1", "T1")
    assert seen.has("O1", "T1")
    assert not seen.is_new("O1", "T1")
    assert seen.is_new("O2", "T1")
    assert seen.is_new("O1", "T2")


def test_forgotten_order_takes_its_trades_with_it() -> None:
    seen = SeenTrades()
    seen.is_new("O1", "T1")
    seen.forget("O1")
    seen.forget("O1")
    assert not seen.has("O1", "T1")


def test_trades_without_an_order_are_remembered_up_to_a_bound() -> None:
    seen = SeenTrades()
    most = ALONE_KEPT + ALONE_FORGOTTEN
    for number in range(most - 1):
        assert seen.is_new_alone("EXTERNAL", f"T{number}")
    assert not seen.is_new_alone("EXTERNAL", "T0")
    assert seen.is_new_alone("CROSSED", "T0")
    assert seen.is_new_alone("EXTERNAL", f"T{most - 1}")
    assert not seen.has("EXTERNAL", f"T{ALONE_FORGOTTEN - 1}")
    assert not seen.is_new_alone("EXTERNAL", f"T{ALONE_FORGOTTEN}")
    assert not seen.is_new_alone("EXTERNAL", f"T{most - 1}")
    for number in range(most, 3 * most):
        seen.is_new_alone("EXTERNAL", f"T{number}")
    assert len(seen._by_order["EXTERNAL"]) < most


def test_they_come_back_from_a_snapshot_in_their_order() -> None:
    seen, again = SeenTrades(), SeenTrades()
    for number in range(ALONE_KEPT):
        seen.is_new_alone("EXTERNAL", f"T{number}")
    restore_snapshot(again, snapshot_of(seen))
    for one in (seen, again):
        for number in range(ALONE_KEPT, ALONE_KEPT + ALONE_FORGOTTEN):
            one.is_new_alone("EXTERNAL", f"T{number}")
    assert snapshot_of(seen) == snapshot_of(again)
