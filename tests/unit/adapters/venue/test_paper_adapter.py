"""Paper trading's venue: the port's contract, and each condition by itself."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrion.adapters.venue.paper_adapter import PaperOrchestrationAdapter
from orchestrion.adapters.venue.paper_conditions import PaperConditions
from orchestrion.adapters.venue.simulated_venue import SimulatedVenue
from orchestrion.domain.capital.corporate_action import LotSizeChangedReport
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder
from orchestrion.domain.models.money import ZERO, add
from orchestrion.domain.models.order import OrderSide, TimeInForce
from orchestrion.domain.models.report import OrderFilledReport, VenueReport
from orchestrion.domain.ports.orchestration_port import OrchestrationPort
from orchestrion.testing import OrchestrationPortContract
from tests.unit.adapters.venue.venue_builders import (
    BUY,
    CATALOG,
    SELL,
    approved,
    bar,
    cancel,
    fills,
    kinds,
    new_venue,
    order,
    quote,
    slice_of,
)

ALWAYS = 1.0


def new_paper(*, seed: int = 0, **conditions: Any) -> PaperOrchestrationAdapter:
    return PaperOrchestrationAdapter(
        new_venue(), CATALOG, conditions=PaperConditions(**conditions), seed=seed
    )


def prices(ts: int, ask: int = 100) -> Any:
    return slice_of(quote("ABC", ts, ask - 2, ask), quote("XYZ", ts, ask - 2, ask))


def fills_of(reports: tuple[VenueReport, ...]) -> list[OrderFilledReport]:
    return [one for one in reports if isinstance(one, OrderFilledReport)]


class TestPaperOrchestrationAdapter(OrchestrationPortContract):
    second_instrument_id = "XYZ"
    impossible: ClassVar = {
        "fill_late": "the venue and its caller are one thread: a cancel finds no fill on its way",
        "trade_elsewhere": "nobody else trades on a simulated account",
        "lose_connection": "there is no connection",
        "restore_connection": "there is no connection",
        "repeat_reports": "the venue's reports are taken once and kept nowhere",
        "make_port_again": "the venue lives as long as the run",
        "listen": "whoever drives the venue takes its reports",
        "fill_part": "how much a part is, is drawn; see the tests below",
        "reject_next": "rejections are drawn; see the tests below",
    }

    def make_port(self) -> OrchestrationPort:
        venue: SimulatedVenue = new_venue()
        self._limits: dict[str, Decimal] = {}
        self._moved: list[VenueReport] = []
        self.paper = self.make_paper(venue)
        return self.paper

    def make_paper(self, venue: SimulatedVenue) -> PaperOrchestrationAdapter:
        return PaperOrchestrationAdapter(venue, CATALOG)

    def make_order(self, client_order_id: str) -> SubmitOrder:
        """A limit of its own for every order, so that a price can reach one and not the other."""
        limit = self._limits.setdefault(client_order_id, Decimal(100 + len(self._limits)))
        return order(("ABC", BUY, self.quantity), limit=limit)

    def take_reports(self) -> tuple[VenueReport, ...]:
        moved, self._moved = self._moved, []
        return (*self.paper.take_reports(), *moved)

    def fill(self, client_order_id: str) -> None:
        ask = self._limits[client_order_id]
        shown = (quote("ABC", self.now, ask - 2, ask), quote("XYZ", self.now, ask - 2, ask))
        self._moved += self.paper.on_slice(slice_of(*shown))

    def expire(self, client_order_id: str) -> None:
        """A DAY order ends with the first session that it saw from the start."""
        self._moved += self.paper.on_session_close(self.now)
        self._moved += self.paper.on_session_close(self.now)


class TestPaperOrchestrationAdapterInParts(TestPaperOrchestrationAdapter):
    """The same when every fill is a part; a price that stays fills all parts in time."""

    def make_paper(self, venue: SimulatedVenue) -> PaperOrchestrationAdapter:
        conditions = PaperConditions(partial_fill_fraction=ALWAYS)
        return PaperOrchestrationAdapter(venue, CATALOG, conditions=conditions)

    def fill(self, client_order_id: str) -> None:
        for _ in range(int(self.quantity)):
            super().fill(client_order_id)


# -- latency --------------------------------------------------------------------------------------


def test_order_fills_at_no_price_before_its_arrival() -> None:
    paper = new_paper(latency_min_ns=500, latency_max_ns=500)
    paper.execute_commands([approved(order(("ABC", BUY, 1)), ts_decided=1_000)])

    assert paper.take_reports() == ()
    assert paper.on_slice(prices(1_499)) == ()
    reports = paper.on_slice(prices(1_500, 101))
    assert kinds(reports) == ["OrderAcceptedReport o-1", "OrderFilledReport o-1"]
    assert fills(reports) == [(Decimal(101), 1_500)]


def test_order_that_arrives_inside_a_bar_fills_at_its_close() -> None:
    paper = new_paper(latency_min_ns=500, latency_max_ns=500)
    paper.execute_commands([approved(order(("ABC", BUY, 1)), ts_decided=1_000)])
    reports = paper.on_slice(slice_of(bar("ABC", 1_400, 1_600, (90, 110, 80, 105))))

    assert fills(reports) == [(Decimal(105), 1_600)]


def test_cancel_that_arrives_inside_a_bar_comes_too_late_for_it() -> None:
    paper = new_paper(latency_min_ns=500, latency_max_ns=500)
    paper.execute_commands([approved(order(("ABC", BUY, 1), limit=100), ts_decided=1_000)])
    paper.on_slice(prices(1_550, 110))
    paper.execute_commands([cancel("o-1", ts_decided=1_550)])
    reports = paper.on_slice(slice_of(bar("ABC", 1_600, 2_100, (120, 120, 90, 95))))

    assert kinds(reports) == ["OrderCancelRejectedReport o-1", "OrderFilledReport o-1"]


def test_cancel_that_arrived_before_the_prices_wins() -> None:
    paper = new_paper(latency_min_ns=500, latency_max_ns=500)
    paper.execute_commands([approved(order(("ABC", BUY, 1), limit=100), ts_decided=1_000)])
    paper.on_slice(prices(1_550, 110))
    paper.execute_commands([cancel("o-1", ts_decided=1_550)])

    assert kinds(paper.on_slice(prices(2_100, 90))) == ["OrderCanceledReport o-1"]


def test_commands_do_not_overtake_each_other() -> None:
    paper = new_paper(latency_min_ns=0, latency_max_ns=10_000)
    names = [f"o-{number}" for number in range(50)]
    paper.execute_commands([approved(order(("ABC", BUY, 1), limit=1), one) for one in names])
    reports = paper.on_slice(prices(20_000))

    assert kinds(reports) == [f"OrderAcceptedReport {one}" for one in names]


def test_order_that_is_on_its_way_at_the_close_arrives_before_it() -> None:
    paper = new_paper(latency_min_ns=500, latency_max_ns=500)
    paper.execute_commands([approved(order(("ABC", BUY, 1)), ts_decided=1_000)])

    assert kinds(paper.on_session_close(2_000)) == ["OrderAcceptedReport o-1"]


# -- rejects --------------------------------------------------------------------------------------


def test_rejected_order_never_reaches_the_venue() -> None:
    paper = new_paper(reject_fraction=ALWAYS)
    paper.execute_commands([approved(order(("ABC", BUY, 1)))])
    paper.execute_commands([approved(order(("ABC", BUY, 1)))])  # the same order

    assert kinds(paper.take_reports()) == ["OrderRejectedReport o-1"]
    assert paper.on_slice(prices(2_000)) == ()


def test_rejected_cancel_leaves_the_order_open() -> None:
    paper = new_paper(cancel_reject_fraction=ALWAYS)
    paper.execute_commands([approved(order(("ABC", BUY, 1))), cancel("o-1")])

    expected = ["OrderAcceptedReport o-1", "OrderCancelRejectedReport o-1"]
    assert kinds(paper.take_reports()) == expected
    assert kinds(paper.on_slice(prices(2_000))) == ["OrderFilledReport o-1"]


@pytest.mark.parametrize("fraction", [0.1, 0.5])
def test_rejections_come_as_often_as_said(fraction: float) -> None:
    paper = new_paper(reject_fraction=fraction, seed=7)
    paper.execute_commands(
        [approved(order(("ABC", BUY, 1), limit=1), f"o-{number}") for number in range(2_000)]
    )
    rejected = [one for one in kinds(paper.take_reports()) if one.startswith("OrderRejected")]

    assert abs(len(rejected) / 2_000 - fraction) < 0.05


# -- parts ----------------------------------------------------------------------------------------


def test_parts_add_up_and_are_told_as_one_order() -> None:
    paper = new_paper(partial_fill_fraction=ALWAYS, seed=3)
    paper.execute_commands([approved(order(("ABC", BUY, 10)))])
    reports = list(paper.take_reports())
    for ts in range(2_000, 2_020):
        reports += paper.on_slice(prices(ts))
    filled = [one for one in reports if isinstance(one, OrderFilledReport)]

    assert {one.client_order_id for one in filled} == {"o-1"}
    assert {one.venue_order_id for one in filled} == {"V1"}
    assert len({one.trade_id for one in filled}) == len(filled) >= 2
    assert sum(one.last_qty for one in filled) == 10
    assert [one for one in kinds(tuple(reports)) if "Filled" not in one] == [
        "OrderAcceptedReport o-1"
    ]
    assert [one.quantity for one in paper.get_portfolio_state().positions] == [Decimal(10)]


def test_cancel_keeps_what_has_filled_and_ends_the_rest() -> None:
    paper = new_paper(partial_fill_fraction=ALWAYS, seed=3)
    paper.execute_commands([approved(order(("ABC", BUY, 10)))])
    paper.on_slice(prices(2_000))
    (held,) = paper.get_portfolio_state().positions
    paper.take_reports()
    paper.execute_commands([cancel("o-1"), cancel("o-1", "c-2")])

    assert 0 < held.quantity < 10
    expected = ["OrderCanceledReport o-1", "OrderCancelRejectedReport o-1"]
    assert [one.replace("~2", "") for one in kinds(paper.take_reports())] == expected
    assert paper.on_slice(prices(2_001)) == ()


def test_rest_of_a_reached_stop_is_a_market_order() -> None:
    paper = new_paper(partial_fill_fraction=ALWAYS, seed=3)
    paper.execute_commands([approved(order(("ABC", BUY, 2), stop=105))])
    assert len(fills(paper.on_slice(prices(2_000, 106)))) == 1

    assert fills(paper.on_slice(prices(2_001, 90))) == [(Decimal(90), 2_001)]


@pytest.mark.parametrize(
    ("time_in_force", "expected"),
    [
        (TimeInForce.IOC, ["OrderFilledReport o-1", "OrderExpiredReport o-1"]),
        (TimeInForce.FOK, ["OrderFilledReport o-1"]),
    ],
)
def test_immediate_orders_fill_once(time_in_force: TimeInForce, expected: list[str]) -> None:
    paper = new_paper(partial_fill_fraction=ALWAYS)
    paper.execute_commands([approved(order(("ABC", BUY, 10), time_in_force=time_in_force))])
    paper.take_reports()

    assert kinds(paper.on_slice(prices(2_000))) == expected
    assert paper.on_slice(prices(2_001)) == ()
    held = paper.get_portfolio_state().positions[0].quantity
    assert (held == 10) == (time_in_force is TimeInForce.FOK)


def test_rest_of_a_part_ends_with_its_day() -> None:
    paper = new_paper(partial_fill_fraction=ALWAYS, seed=3)
    paper.execute_commands([approved(order(("ABC", BUY, 10), limit=100))])
    paper.on_slice(prices(2_000, 100))
    paper.on_slice(prices(2_001, 120))

    assert kinds(paper.on_session_close(2_002)) == ["OrderExpiredReport o-1"]


def test_structure_is_cut_into_whole_units() -> None:
    paper = new_paper(partial_fill_fraction=ALWAYS, seed=3)
    paper.execute_commands([approved(order(("ABC", BUY, 8), ("XYZ", SELL, 4)))])
    filled = [one for one in paper.on_slice(prices(2_000)) if isinstance(one, OrderFilledReport)]

    assert [one.leg_index for one in filled] == [0, 1]
    assert filled[0].last_qty == 2 * filled[1].last_qty
    assert 1 <= filled[1].last_qty < 4


def test_parts_follow_a_changed_lot() -> None:
    paper = new_paper(partial_fill_fraction=ALWAYS, seed=3)
    paper.on_corporate_action(
        LotSizeChangedReport(ts_event=1_000, instrument_id="ABC", lot_size=Decimal(5))
    )
    paper.execute_commands([approved(order(("ABC", BUY, 10)))])

    (filled,) = fills_of(paper.on_slice(prices(2_000)))
    assert filled.last_qty == 5


# -- the seed -------------------------------------------------------------------------------------

_CONDITIONS = {
    "latency_max_ns": 3_000,
    "reject_fraction": 0.2,
    "cancel_reject_fraction": 0.2,
    "partial_fill_fraction": 0.5,
}


def _play(seed: int, commands: list[ApprovedCommand]) -> tuple[VenueReport, ...]:
    paper = new_paper(seed=seed, **_CONDITIONS)
    reports: list[VenueReport] = []
    for number, command in enumerate(commands):
        ts = 1_000 * (number + 1)
        paper.execute_commands([msgspec.structs.replace(command, ts_decided=ts)])
        reports += paper.take_reports()
        reports += paper.on_slice(prices(ts + 1_000, 95 + number % 10))
    for number in range(20):
        reports += paper.on_slice(prices(1_000_000 + number))
    return tuple(reports)


def _orders(quantities: list[int]) -> list[ApprovedCommand]:
    commands = [
        approved(order(("ABC", BUY, quantity), limit=100, time_in_force=TimeInForce.GTC), f"o-{n}")
        for n, quantity in enumerate(quantities)
    ]
    cancels = [cancel(f"o-{n}", f"c-{n}") for n in range(0, len(quantities), 3)]
    return commands + cancels


def test_same_seed_gives_the_same_reports_and_another_one_others() -> None:
    commands = _orders([10] * 40)

    assert _play(1, commands) == _play(1, commands)
    assert _play(1, commands) != _play(2, commands)


@given(quantities=st.lists(st.integers(1, 30), min_size=1, max_size=12), seed=st.integers(0, 99))
def test_no_order_fills_beyond_its_quantity_and_none_is_left_without_an_end(
    quantities: list[int], seed: int
) -> None:
    reports = _play(seed, _orders(quantities))

    for number, quantity in enumerate(quantities):
        own = [one for one in reports if getattr(one, "client_order_id", "") == f"o-{number}"]
        filled = ZERO
        for one in own:
            if isinstance(one, OrderFilledReport):
                assert one.side is OrderSide.BUY
                filled = add(filled, one.last_qty)
        ends = [
            one
            for one in kinds(tuple(own))
            if one.startswith(("OrderRejected", "OrderCanceled", "OrderExpired"))
        ]
        assert filled <= quantity
        assert len(ends) + (filled == quantity) == 1, kinds(tuple(own))


@pytest.mark.parametrize(
    ("conditions", "named"),
    [
        ({"latency_min_ns": 2, "latency_max_ns": 1}, "latency"),
        ({"latency_max_ns": 10**12}, "latency"),
        ({"latency_min_ns": -1}, "latency"),
        ({"reject_fraction": 1.1}, "reject_fraction"),
        ({"cancel_reject_fraction": -0.1}, "cancel_reject_fraction"),
        ({"partial_fill_fraction": float("nan")}, "partial_fill_fraction"),
    ],
)
def test_impossible_conditions_are_refused(conditions: dict[str, Any], named: str) -> None:
    with pytest.raises(ConfigurationError, match=named):
        PaperConditions(**conditions)
