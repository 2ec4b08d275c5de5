"""Six failures that users of other engines report again and again, each played once here.

Every story has a start that ends badly or well, something that happens at the venue meanwhile, and
the next start. The venue's own memory is the truth.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from orchestrion.domain.models.portfolio import EXTERNAL
from tests.fakes_live import Stage, Step, calm, crash, do, stop, tick, until
from tests.fakes_venue_client import FakeVenueClient, Fate

pytestmark = pytest.mark.slow

ENDS = pytest.mark.parametrize("end", [stop, crash], ids=["stopped", "crashed"])


@ENDS
def test_restart_sends_no_order_a_second_time(tmp_path: Path, end: Step) -> None:
    """Duplicate orders on every restart."""
    stage = Stage(tmp_path, alpha={"rests": {1: 10}}, beta={"rests": {1: 5}})
    stage.play(tick(), until(lambda: len(stage.venue.taken) == 2), calm, end)
    sent = list(stage.venue.taken)

    for _ in range(3):
        stage.play(tick(), calm, end)

    assert stage.venue.taken == sent
    assert sorted(stage.recovered().open_orders) == sorted(sent)


@pytest.mark.parametrize("fate", [Fate.LOSE, Fate.ARRIVE_AND_LOSE, Fate.ARRIVE_AND_SILENCE])
def test_order_whose_submission_was_cut_off_is_sent_at_most_once(
    tmp_path: Path, fate: Fate
) -> None:
    """The same where nobody knows whether the order arrived."""
    stage = Stage(tmp_path, alpha={"rests": {1: 10}})

    def unlucky(client: FakeVenueClient) -> None:
        client.will("submit", fate)
        client.will("query", *[Fate.SILENCE] * 50)  # nobody learns it before the process ends

    stage.prepare = unlucky
    stage.play(tick(), until(lambda: "submit" in stage.client.calls), calm, crash)
    stage.prepare = lambda client: None
    stage.play(tick(), calm, stop)
    stage.play(tick(), calm, stop)

    arrived = fate is not Fate.LOSE
    assert len(stage.venue.taken) == arrived
    (intended,) = [one for one in stage.records() if one.kind == "intent"]
    open_orders = stage.recovered().open_orders
    assert list(open_orders) == stage.venue.taken
    assert intended.body.count(b"client_order_id") >= 1


@ENDS
def test_fills_that_are_told_again_after_a_restart_are_booked_once(
    tmp_path: Path, end: Step
) -> None:
    """Fills replayed twice on restart."""
    stage = Stage(tmp_path, alpha={"buys": {1: 10}})
    venue = stage.venue
    stage.play(
        tick(),
        until(lambda: venue.taken),
        do(lambda: venue.fill(venue.taken[0], Decimal(4))),
        calm,
        do(lambda: venue.fill(venue.taken[0])),
        calm,
        end,
    )

    for _ in range(2):
        venue.say_again()
        stage.play(tick(), calm, end)

    system = stage.recovered()
    book = system.books["alpha"]
    assert book.quantity("ABC") == 10
    assert sum(one.cash for one in system.books.values()) == venue.cash
    assert stage.names().count("DuplicateReportEvent") >= 2


@ENDS
def test_orders_keep_their_ids_over_restarts_and_new_ones_get_new_ids(
    tmp_path: Path, end: Step
) -> None:
    """New ids on every run: the engine does not recognise its own orders."""
    stage = Stage(tmp_path, alpha={"rests": {1: 10, 3: 1, 4: 2}, "cancels": (5,)})
    venue = stage.venue
    stage.play(tick(), until(lambda: venue.taken), calm, end)
    (first,) = venue.taken

    stage.play(tick(), tick(), until(lambda: len(venue.taken) == 2), calm, end)
    assert next(iter(stage.recovered().open_orders)) == first
    stage.play(tick(), until(lambda: len(venue.taken) == 3), calm, end)
    stage.play(tick(), until(lambda: not venue.open), calm, stop)

    assert len({*venue.taken}) == 3
    assert stage.recovered().open_orders == {}


@pytest.mark.parametrize("fate", [Fate.ARRIVE_AND_LOSE, Fate.ARRIVE_AND_SILENCE])
def test_order_in_flight_at_the_crash_is_not_rejected_and_its_fill_is_booked(
    tmp_path: Path, fate: Fate
) -> None:
    """An in-flight order marked rejected while it fills."""
    stage = Stage(tmp_path, alpha={"buys": {1: 10}})
    venue = stage.venue
    venue.is_mute = True

    def unlucky(client: FakeVenueClient) -> None:
        client.will("submit", fate)
        client.will("query", *[Fate.SILENCE] * 50)

    stage.prepare = unlucky
    stage.play(tick(), until(lambda: venue.taken), crash)
    venue.fill(venue.taken[0])  # while nobody listens
    venue.visible_after_s = 0.0
    venue.is_mute = False
    stage.prepare = lambda client: None
    stage.play(tick(), calm, stop)

    system = stage.recovered()
    assert system.books["alpha"].quantity("ABC") == 10
    assert len(venue.taken) == 1
    assert not {"OrderRejectedReport", "OrderExpiredReport"} & set(stage.names())


@ENDS
def test_working_order_is_not_dropped_at_start_up_and_fills_for_its_owner(
    tmp_path: Path, end: Step
) -> None:
    """A working order dropped at start-up."""
    stage = Stage(tmp_path, alpha={"rests": {1: 10}}, beta={"buys": {1: 3}})
    venue = stage.venue
    stage.play(tick(), until(lambda: len(venue.taken) == 2), calm, end)
    resting = next(one for one in venue.taken if venue.open[one].limit_price is not None)

    stage.play(
        tick(),
        until(lambda: "query" in stage.client.calls),
        calm,
        do(lambda: venue.fill(resting)),
        calm,
        end,
    )

    system = stage.recovered()
    assert system.books["alpha"].quantity("ABC") == 10
    assert system.books["beta"].quantity("ABC") == 0
    assert list(system.open_orders) == [one for one in venue.taken if one != resting]


@ENDS
def test_position_that_the_venue_shows_is_not_counted_a_second_time(
    tmp_path: Path, end: Step
) -> None:
    """A position counted twice: once from the fills, once from the venue's net."""
    stage = Stage(tmp_path, alpha={"buys": {1: 10}}, beta={"buys": {1: 7}})
    venue = stage.venue
    stage.play(
        tick(),
        until(lambda: len(venue.taken) == 2),
        do(lambda: venue.fill(venue.taken[0])),
        do(lambda: venue.fill(venue.taken[1])),
        calm,
        end,
    )

    for _ in range(3):
        stage.play(tick(), calm, end)

    system = stage.recovered()
    held = {one: book.quantity("ABC") for one, book in system.books.items()}
    assert held["alpha"] == 10
    assert held["beta"] == 7
    assert held[EXTERNAL] == 0
    (shown,) = venue.state().positions
    assert sum(held.values()) == shown.quantity == 17
