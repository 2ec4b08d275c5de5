"""What the venue rejects at its door, and why."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.adapters.venue.order_entry import entry_fault, working_order
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.instrument import Equity, InstrumentCatalog
from orchestrion.domain.models.order import OrderType, TimeInForce
from tests.unit.adapters.venue.venue_builders import BUY, CATALOG, EXPIRY, SELL, order

GTD = TimeInForce.GTD
FINE_TICK = Equity(instrument_id="FINE", price_increment=Decimal("0.0000000001"))


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        pytest.param(order(), "at least one leg", id="no-legs"),
        pytest.param(order(("NOPE", BUY, 1)), "unknown instrument 'NOPE'", id="unknown"),
        pytest.param(order(("SPX", BUY, 1)), "is an index", id="index"),
        pytest.param(order(("ABC", BUY, 0)), "must be above 0, got 0", id="zero"),
        pytest.param(order(("ABC", BUY, -1)), "must be above 0, got -1", id="negative"),
        pytest.param(order(("ABC", BUY, "NaN")), "not a finite number", id="no-number"),
        pytest.param(order(("ABC", BUY, "0.5")), "no multiple of the lot 1", id="lot"),
        pytest.param(order(("FINE", BUY, 1)), "more than nine decimals", id="tick-too-fine"),
        pytest.param(order(("ABC", BUY, 1), ("SPX", SELL, 1)), "is an index", id="second-leg"),
        pytest.param(order(("ABC", BUY, 1), limit="Infinity"), "not a finite", id="limit"),
        pytest.param(order(("ABC", BUY, 1), stop="NaN"), "not a finite", id="stop"),
        pytest.param(
            order(("ABC", BUY, 1), ("XYZ", BUY, 1), stop=5),
            "stop order has one leg",
            id="stop-legs",
        ),
        pytest.param(order(("ABC", BUY, 1), time_in_force=GTD), "needs expire_ts", id="gtd-open"),
        pytest.param(
            order(("ABC", BUY, 1), time_in_force=GTD, expire_ts=999), "in the past", id="gtd-past"
        ),
        pytest.param(order(("ABC", BUY, 1), expire_ts=2_000), "GTD orders only", id="not-gtd"),
    ],
)
def test_faulty_order_has_a_reason(command: SubmitOrder, reason: str) -> None:
    catalog = InstrumentCatalog([*CATALOG, FINE_TICK])

    fault = entry_fault(command, catalog, 1_000)

    assert fault is not None
    assert reason in fault


@pytest.mark.parametrize("kind", [OrderType.LIMIT, OrderType.STOP_MARKET])
def test_missing_price_is_a_fault(kind: OrderType) -> None:
    command = SubmitOrder.single("alpha", "ABC", BUY, 1, order_type=kind)

    assert entry_fault(command, CATALOG, 1_000) == f"a {kind} order needs its price"


@pytest.mark.parametrize(("now", "is_taken"), [(EXPIRY - 1, True), (EXPIRY, False)])
def test_expired_instrument_is_a_fault(now: int, *, is_taken: bool) -> None:
    assert (entry_fault(order(("P90", BUY, 1)), CATALOG, now) is None) is is_taken


@pytest.mark.parametrize(
    "command",
    [
        order(("ABC", BUY, 1)),
        order(("ABC", BUY, 1), limit="10.123456789"),
        order(("ES", SELL, 1), limit=-5),
        order(("ABC", BUY, 1), stop=10),
        order(("ABC", BUY, 1), time_in_force=GTD, expire_ts=1_000),
        order(("P90", SELL, 2), ("C110", SELL, 2), limit=-3),
    ],
)
def test_sound_order_has_no_fault(command: SubmitOrder) -> None:
    assert entry_fault(command, CATALOG, 1_000) is None


@pytest.mark.parametrize(
    ("quantities", "ratios"),
    [((4, 2), (2, 1)), ((3, 2), (3, 2)), ((5, 5), (1, 1)), ((7, 14), (1, 2))],
)
def test_units_are_the_greatest_common_divisor(
    quantities: tuple[int, int], ratios: tuple[int, int]
) -> None:
    first, second = quantities
    kept = working_order(
        order(("P90", BUY, first), ("C110", SELL, second)),
        CATALOG,
        client_order_id="o-1",
        sequence=1,
        earliest=0,
    )

    assert tuple(leg.ratio for leg in kept.legs) == ratios


def test_units_of_fractional_lots() -> None:
    fund = Equity(instrument_id="FUND", lot_size=Decimal("0.001"))
    kept = working_order(
        order(("FUND", BUY, "1.5"), ("FUND", SELL, "0.5")),
        InstrumentCatalog([fund]),
        client_order_id="o-1",
        sequence=1,
        earliest=0,
    )

    assert tuple(leg.ratio for leg in kept.legs) == (3, 1)
