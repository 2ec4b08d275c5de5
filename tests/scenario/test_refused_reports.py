"""A live venue says what no book could take: nobody dies of it, nothing is lost or made up.

The venue's own memory stays right; only its words are garbled, as by a broken client library.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from orchestrion.domain.models.order import OrderSide
from orchestrion.domain.models.portfolio import EXTERNAL
from orchestrion.domain.models.report import (
    ExternalFillReport,
    OrderFilledReport,
    OrderRejectedReport,
)
from orchestrion.runtime.journal import RecordKind
from tests.fakes_live import Stage, Step, calm, do, stop, tick, until

pytestmark = pytest.mark.slow

GARBLED: dict[str, dict[str, Any]] = {
    "a price of NaN": {"last_px": Decimal("NaN")},
    "a price of infinity": {"last_px": Decimal("Infinity")},
    "a price that is a float": {"last_px": 99.5},
    "a side that is none": {"side": "UP"},
    "no side": {"side": None},
    "no quantity": {"last_qty": Decimal(0)},
    "a negative quantity": {"last_qty": Decimal(-10)},
    "an absurd quantity": {"last_qty": Decimal("1e30")},
    "crumbs of a quantity": {"last_qty": Decimal("0.0000000001")},
    "no trade id": {"trade_id": None},
    "a leg that no order has": {"leg_index": -1},
    "half a character": {"venue_order_id": "\ud800"},
    "an instrument of nobody": {"instrument_id": "ZZZ"},
    "a time before time": {"ts_event": -1},
}


def the_order(stage: Stage) -> str:
    return next(iter(stage.venue.open))


def garbled_fill(stage: Stage, changes: dict[str, Any]) -> Step:
    """The venue fills an order, and says it wrongly."""

    def act() -> None:
        stage.venue.fill(the_order(stage))
        said = stage.venue.unread.pop()
        assert isinstance(said, OrderFilledReport)
        say(stage, msgspec.structs.replace(said, **changes))

    return do(act)


def say(stage: Stage, report: Any) -> None:
    stage.venue.unread.append(report)
    stage.venue.ring()


def told(logs: list[Any], event: str) -> list[Any]:
    return [one for one in logs if one["event"] == event]


def lost(stage: Stage) -> list[str]:
    """The reasons in the journal, why nobody knows."""
    return [
        msgspec.json.decode(one.body)["failure"]
        for one in stage.records()
        if one.kind is RecordKind.INPUT and one.name == "SubmissionLost"
    ]


@pytest.mark.parametrize("changes", GARBLED.values(), ids=GARBLED.keys())
def test_garbled_fill_is_refused_by_name_and_the_order_asked_about(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    stage = Stage(tmp_path, alpha={"buys": {1: 10, 2: 4}})
    with capture_logs() as logs:
        stage.play(
            tick(),
            until(lambda: stage.venue.taken),
            calm,
            garbled_fill(stage, changes),
            until(lambda: told(logs, "AccountTrusted")),
            tick(),  # entries leave again
            until(lambda: len(stage.venue.taken) == 2),
            calm,
            stop,
        )
    (refused,) = told(logs, "ReportRefused")
    assert refused["fault"]
    (reason,) = lost(stage)
    assert "ReportRefusedError" in reason
    assert refused["fault"].split(",")[0][:20] in reason
    (booked,) = [one for one in stage.records() if one.name == "OrderFilledReport"]
    assert msgspec.json.decode(booked.body)["last_qty"] == "10"
    books = stage.recovered().books
    assert books["alpha"].quantity("ABC") == stage.venue.holdings["ABC"] == Decimal(10)
    assert books[EXTERNAL].positions == {}


@pytest.mark.parametrize(
    "report",
    [
        {"client_order_id": "o-1", "last_px": "12"},
        None,
        OrderRejectedReport(client_order_id="nobody", reason="\udfff", ts_event=1),
        ExternalFillReport(
            trade_id="X1",
            instrument_id="ABC",
            side=OrderSide.BUY,
            last_qty=Decimal("NaN"),
            last_px=Decimal(1),
            commission=Decimal(0),
            ts_event=1,
        ),
    ],
    ids=["a dictionary", "None", "half a character", "a foreign fill of NaN"],
)
def test_garbage_about_no_order_of_ours_is_written_down_with_its_reason(
    tmp_path: Path, report: Any
) -> None:
    stage = Stage(tmp_path, alpha={"buys": {1: 10, 2: 4}})
    with capture_logs() as logs:
        stage.play(
            tick(),
            until(lambda: stage.venue.taken),
            calm,
            do(lambda: say(stage, report)),
            until(lambda: told(logs, "AccountTrusted")),
            tick(),
            until(lambda: len(stage.venue.taken) == 2),
            calm,
            stop,
        )
    assert len(told(logs, "ReportRefused")) == 1
    (reason,) = lost(stage)
    assert reason.startswith("refused: ")
    assert set(stage.recovered().open_orders) == set(stage.venue.taken)


def test_fill_that_was_only_said_wrongly_and_never_shown_keeps_entries_back(tmp_path: Path) -> None:
    """Somebody traded by hand, and the venue's word about it is garbage: the account differs."""
    stage = Stage(tmp_path, alpha={"buys": {1: 10, 2: 4}})

    def trade() -> None:
        stage.venue.trade_elsewhere(OrderSide.BUY, Decimal(3))
        said = stage.venue.unread.pop()
        say(stage, msgspec.structs.replace(said, last_px=Decimal("NaN")))

    with capture_logs() as logs:
        stage.play(
            tick(),
            until(lambda: stage.venue.taken),
            calm,
            do(trade),
            until(lambda: told(logs, "AccountDiffers")),
            tick(),
            until(lambda: [one for one in logs if one.get("status") == "REJECTED"]),
            stop,
        )
    assert len(stage.venue.taken) == 1, "the second entry was kept back"
    (rejected,) = [one for one in stage.records() if one.name == "OrderRejectedReport"]
    assert b"cannot be booked" in rejected.body
    failed = [one for one in stage.records() if one.name == "ReconciliationFailedEvent"]
    assert len(failed) == 1, "one difference is journaled once, however often it is looked at"


@pytest.mark.parametrize(
    ("changes", "book_id"),
    [
        ({"client_order_id": "nobody"}, EXTERNAL),
        ({"side": OrderSide.SELL}, EXTERNAL),
    ],
    ids=["of an unknown order", "on the wrong side"],
)
def test_sound_report_that_fits_no_order_is_money_that_moved(
    tmp_path: Path, changes: dict[str, Any], book_id: str
) -> None:
    """It can be booked, so it is: on the book of what cannot be attributed."""
    stage = Stage(tmp_path, alpha={"rests": {1: 10}})
    fill = OrderFilledReport(
        client_order_id="",
        venue_order_id="V9",
        trade_id="T9",
        leg_index=0,
        instrument_id="ABC",
        side=OrderSide.BUY,
        last_qty=Decimal(2),
        last_px=Decimal(50),
        commission=Decimal(0),
        ts_event=1,
    )

    def act() -> None:
        fields = {"client_order_id": the_order(stage), **changes}
        say(stage, msgspec.structs.replace(fill, **fields))

    stage.play(
        tick(),
        until(lambda: stage.venue.taken),
        calm,
        do(act),
        calm,
        stop,
    )
    signed = 2 if changes.get("side") is None else -2
    books = stage.recovered().books
    assert books[book_id].quantity("ABC") == Decimal(signed)
    assert books["alpha"].positions == {}
