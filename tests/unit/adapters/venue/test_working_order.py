"""The index of open orders and the list of deadlines."""

from __future__ import annotations

from orchestrion.adapters.venue.order_entry import working_order
from orchestrion.adapters.venue.working_order import (
    FOREVER,
    Deadlines,
    OpenOrders,
    WorkingOrder,
)
from orchestrion.domain.models.order import OrderSide
from tests.unit.adapters.venue.venue_builders import (
    BUY,
    CATALOG,
    SELL,
    chain,
    close_only,
    order,
    quote,
    slice_of,
)


def _kept(sequence: int, *legs: tuple[str, OrderSide, int]) -> WorkingOrder:
    return working_order(
        order(*legs), CATALOG, client_order_id=f"o-{sequence}", sequence=sequence, earliest=0
    )


def _opened(*orders: WorkingOrder) -> OpenOrders:
    opened = OpenOrders()
    for one in orders:
        opened.add(one)
    return opened


def test_slice_touches_the_orders_it_may_have_prices_for_in_order_of_submission() -> None:
    shares, spread, option = (
        _kept(1, ("ABC", BUY, 1)),
        _kept(2, ("XYZ", BUY, 1), ("ABC", SELL, 1)),
        _kept(3, ("P90", BUY, 1)),
    )
    opened = _opened(shares, spread, option)

    assert opened.touched_by(slice_of(close_only("XYZ", 1, 1))) == [spread]
    both = slice_of(close_only("XYZ", 1, 1), close_only("ABC", 1, 1))
    assert opened.touched_by(both) == [shares, spread]
    assert opened.touched_by(slice_of(chain(1))) == [option]
    assert opened.touched_by(slice_of(quote("P90", 1, 1, 2))) == [option]
    assert opened.touched_by(slice_of(close_only("ES", 1, 1))) == []


def test_order_of_submission_beats_the_order_of_instruments() -> None:
    first, second = _kept(1, ("XYZ", BUY, 1)), _kept(2, ("ABC", BUY, 1))
    both = slice_of(close_only("ABC", 1, 1), close_only("XYZ", 1, 1))

    assert _opened(second, first).touched_by(both) == [first, second]


def test_removed_order_is_touched_no_more() -> None:
    first, second = _kept(1, ("P90", BUY, 1), ("P90", SELL, 1)), _kept(2, ("P90", BUY, 1))
    opened = _opened(first, second)

    opened.remove(first)

    assert opened.get("o-1") is None
    assert opened.count == 1
    assert opened.touched_by(slice_of(chain(1))) == [second]
    opened.remove(second)
    assert opened.touched_by(slice_of(chain(1))) == []
    # Ten thousand options come and go in a run: nothing of them may stay.
    assert opened._by_data_id == {}


def test_orders_on_an_underlying_are_not_those_on_its_options() -> None:
    option, future = _kept(1, ("P90", BUY, 1)), _kept(2, ("ES", BUY, 1))
    opened = _opened(option, future)

    assert opened.on_instrument("P90") == [option]
    assert opened.on_instrument("ES") == [future]
    assert opened.on_instrument("SPX") == []


def test_deadlines_give_what_is_due_by_name() -> None:
    deadlines = Deadlines()
    for ts, name in ((30, "c"), (10, "b"), (10, "a"), (20, "d")):
        deadlines.add(ts, name)

    assert deadlines.next_ts == 10
    assert deadlines.due(9) == []
    assert deadlines.due(10) == ["a", "b"]
    assert deadlines.due(20) == ["a", "b", "d"]
    deadlines.drop_due(20)
    assert deadlines.next_ts == 30
    assert deadlines.due(25) == []
    deadlines.drop_due(30)
    assert deadlines.next_ts == FOREVER
