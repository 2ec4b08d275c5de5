"""What of the venue's word is news, what explains a difference, and what stays for a person."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    InstrumentCatalog,
    OptionContract,
    OptionKind,
)
from orchestrion.domain.models.order import Order, OrderStatus
from orchestrion.domain.models.portfolio import Book, Marks, Position
from orchestrion.domain.models.report import (
    InstrumentExpiredReport,
    OrderAcceptedReport,
    OrderCanceledReport,
    OrderExpiredReport,
    OrderReport,
)
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.reconciliation import (
    CASH,
    Difference,
    Mismatch,
    OrderWord,
    assignment_fault,
    compare_orders,
    explain,
    mismatches_of,
    net_of,
)
from tests.fakes import fill_report
from tests.fakes_rules import buy, marks_of, working_order

NOW = 5_000


def ours(status: OrderStatus, **changes: Any) -> Order:
    order = working_order(buy("AAA", 10), "o-1", status=status)
    return msgspec.structs.replace(order, **changes)


ACCEPTED = OrderAcceptedReport(client_order_id="o-1", venue_order_id="V1", ts_event=1)
CANCELED = OrderCanceledReport(client_order_id="o-1", ts_event=3)
FIRST = fill_report(1, client_order_id="o-1")
SECOND = fill_report(2, client_order_id="o-1")
EXPIRED = OrderExpiredReport(client_order_id="o-1", ts_event=NOW)
UNKNOWN, KNOWN = OrderStatus.UNKNOWN, OrderStatus.ACCEPTED


@pytest.mark.parametrize(
    ("order", "said", "news"),
    [
        pytest.param(ours(UNKNOWN), (ACCEPTED,), (ACCEPTED,), id="it has the order after all"),
        pytest.param(ours(KNOWN), (ACCEPTED,), (), id="nothing happened"),
        pytest.param(ours(KNOWN), (ACCEPTED, FIRST), (), id="a fill that is booked"),
        pytest.param(ours(KNOWN), (ACCEPTED, FIRST, SECOND), (SECOND,), id="a fill was missed"),
        pytest.param(ours(KNOWN), (ACCEPTED, CANCELED), (CANCELED,), id="it has ended"),
        pytest.param(
            ours(UNKNOWN),
            (ACCEPTED, SECOND, CANCELED),
            (ACCEPTED, SECOND, CANCELED),
            id="everything was missed",
        ),
        pytest.param(ours(UNKNOWN), None, (EXPIRED,), id="it never arrived: it expires"),
        pytest.param(ours(OrderStatus.INITIALIZED), None, (), id="it was never to leave"),
    ],
)
def test_reports_that_were_missed(
    order: Order, said: tuple[OrderReport, ...] | None, news: tuple[OrderReport, ...]
) -> None:
    compared = compare_orders(
        [order],
        {"o-1": OrderWord("o-1", said)},
        was_seen=lambda _, trade_id: trade_id == FIRST.trade_id,
        ts=NOW,
    )
    assert compared.reports == news
    assert compared.mismatches == ()


@pytest.mark.parametrize(
    "order",
    [
        ours(KNOWN, venue_order_id="V1"),
        ours(UNKNOWN, venue_order_id="V1"),
        ours(UNKNOWN, filled=(Decimal(1),)),
    ],
)
def test_order_that_the_venue_had_confirmed_and_forgot_is_for_a_person(order: Order) -> None:
    compared = compare_orders(
        [order], {"o-1": OrderWord("o-1", None)}, was_seen=lambda *_: False, ts=NOW
    )
    assert compared.reports == ()
    assert compared.mismatches == (Mismatch("o-1", str(order.status), "not known"),)


# -- positions ------------------------------------------------------------------------------------

SHARE = Equity(instrument_id="AAA")
CATALOG = InstrumentCatalog(
    (
        SHARE,
        Index(instrument_id="IDX"),
        *(
            OptionContract(
                instrument_id=f"{kind[0]}-{underlying}",
                underlying_id=underlying,
                expiry_ts=1_000,
                strike=Decimal(100),
                option_kind=kind,
                multiplier=Decimal(10),
            )
            for kind in OptionKind
            for underlying in ("AAA", "IDX")
        ),
        Future(
            instrument_id="FUT",
            underlying_id="IDX",
            expiry_ts=1_000,
            multiplier=Decimal(50),
            initial_margin=Decimal(10),
            maintenance_margin=Decimal(9),
        ),
    )
)
MARKS = marks_of(AAA=90, IDX=120)


def books(**held: dict[str, int]) -> dict[str, Book]:
    return {
        book_id: Book(
            book_id,
            Decimal(0),
            {key: Position(key, Decimal(value), Decimal(0)) for key, value in positions.items()},
        )
        for book_id, positions in held.items()
    }


def theirs(**net: int) -> dict[str, Decimal]:
    return {key.replace("_", "-"): Decimal(value) for key, value in net.items()}


def explained(held: dict[str, Book], net: dict[str, Decimal], now: int = NOW) -> Any:
    return explain(held, net, CATALOG, MARKS, now=now)


@pytest.mark.parametrize(
    ("held", "net", "shares", "word"),
    [
        pytest.param({"P-AAA": -2}, {"AAA": 20}, 20, "assigned", id="short put"),
        pytest.param({"C-AAA": -2}, {"AAA": -20}, -20, "assigned", id="short call"),
        pytest.param({"C-AAA": 2}, {"AAA": 20}, 20, "exercised", id="long call"),
        pytest.param({"P-AAA": 2}, {"AAA": -20}, -20, "exercised", id="long put"),
        pytest.param({"P-AAA": -2, "AAA": 5}, {"AAA": 25}, 20, "assigned", id="beside shares"),
        pytest.param({"P-AAA": -3}, {"P_AAA": -1, "AAA": 20}, 20, "assigned", id="a part of it"),
    ],
)
def test_assignment_explains_shares_and_contracts_together(
    held: dict[str, int], net: dict[str, int], shares: int, word: str
) -> None:
    key = next(iter(held))
    contracts = Decimal(2) if held[key] < 0 else Decimal(-2)
    reason = f"2 {key} {word}"
    assert explained(books(alpha=held, beta={}), theirs(**net), now=0).differences == (
        Difference(key, contracts, Decimal(0), "alpha", reason),
        Difference("AAA", Decimal(shares), Decimal(100), "alpha", reason),
    )


def test_assignment_of_everything_goes_to_each_owner() -> None:
    held = books(alpha={"P-AAA": -2}, beta={"P-AAA": -1})
    found = explained(held, theirs(AAA=30), now=0).differences
    assert [(one.book_id, one.instrument_id, one.quantity) for one in found] == [
        ("alpha", "P-AAA", Decimal(2)),
        ("alpha", "AAA", Decimal(20)),
        ("beta", "P-AAA", Decimal(1)),
        ("beta", "AAA", Decimal(10)),
    ]


@pytest.mark.parametrize(
    ("held", "net"),
    [
        pytest.param(books(alpha={"P-AAA": -2}), theirs(AAA=19), id="a share is missing"),
        pytest.param(books(alpha={"P-AAA": -2}), theirs(P_AAA=-2, AAA=20), id="shares alone"),
        pytest.param(books(alpha={"P-AAA": -2}), theirs(P_AAA=1, AAA=30), id="more than held"),
        pytest.param(books(alpha={"P-AAA": -2}), theirs(AAA=-20), id="the wrong way round"),
        pytest.param(
            books(alpha={"P-AAA": -2}, beta={"P-AAA": -1}),
            theirs(P_AAA=-1, AAA=20),
            id="nobody knows whose",
        ),
        pytest.param(
            books(alpha={"P-AAA": -3}, beta={"P-AAA": 1}), theirs(AAA=20), id="opposite sides"
        ),
        pytest.param(books(alpha={"P-IDX": -2}), theirs(IDX=20), id="an index is not delivered"),
    ],
)
def test_what_is_not_explained_to_the_share_is_not_explained(
    held: dict[str, Book], net: dict[str, Decimal]
) -> None:
    assert explained(held, net, now=0).differences == ()


@pytest.mark.parametrize(
    ("key", "price"), [("C-IDX", Decimal(20)), ("P-IDX", Decimal(0)), ("FUT", Decimal(120))]
)
def test_expired_instrument_is_settled_by_the_last_price(key: str, price: Decimal) -> None:
    found = explained(books(alpha={key: 2}), {})
    assert found.expiries == (
        InstrumentExpiredReport(instrument_id=key, settlement_price=price, ts_event=NOW),
    )
    assert found.words == (
        f"{key} has expired, settled at {price:f} by the last price that was seen",
    )


@pytest.mark.parametrize(
    ("held", "net", "now"),
    [
        pytest.param({"C-IDX": 2}, {}, 999, id="it has not expired"),
        pytest.param({"C-IDX": 2}, {"C_IDX": 2}, NOW, id="the venue still has it"),
        pytest.param({"AAA": 2}, {}, NOW, id="a share does not expire"),
    ],
)
def test_what_did_not_expire_is_not_explained(
    held: dict[str, int], net: dict[str, int], now: int
) -> None:
    assert explained(books(alpha=held), theirs(**net), now=now).expiries == ()


def test_expiry_without_a_price_of_the_underlying_is_for_a_person() -> None:
    found = explain(books(alpha={"C-IDX": 2}), {}, CATALOG, Marks(), now=NOW)
    assert found.expiries == ()


def test_opposite_positions_of_two_strategies_are_nothing_to_the_venue() -> None:
    held = books(alpha={"AAA": 5}, beta={"AAA": -5})
    assert net_of(held.values()) == {"AAA": Decimal(0)}


def account(**held: int) -> PortfolioCapitalManager:
    manager = PortfolioCapitalManager(Decimal(1_000))
    manager.open_books({"alpha": Decimal(600), "beta": Decimal(400)}, CATALOG)
    for key, quantity in held.items():
        one = fill_report(last_qty=Decimal(quantity), instrument_id=key, last_px=Decimal(1))
        manager.apply_fill("alpha", one)
    return manager


@pytest.mark.parametrize(
    ("net", "cash", "tolerance", "found"),
    [
        ({"AAA": 5}, "995", "0", ()),
        ({"AAA": 4}, "995", "0", (Mismatch("AAA", "5", "4"),)),
        ({}, "995", "0", (Mismatch("AAA", "5", "0"),)),
        ({"AAA": 5, "ZZZ": 1}, "995", "0", (Mismatch("ZZZ", "0", "1"),)),
        ({"AAA": 5}, "994.99", "0", (Mismatch(CASH, "995", "994.99"),)),
        ({"AAA": 5}, "994.99", "0.01", ()),
        ({"AAA": 5}, None, "0", ()),
    ],
)
def test_what_stays_is_named_with_both_figures(
    net: dict[str, int], cash: str | None, tolerance: str, found: tuple[Mismatch, ...]
) -> None:
    assert (
        mismatches_of(
            account(AAA=5),
            theirs(**net),
            cash=None if cash is None else Decimal(cash),
            cash_tolerance=Decimal(tolerance),
        )
        == found
    )


def test_mismatch_says_whose_figure_is_whose() -> None:
    assert str(Mismatch("AAA", "5", "4")) == "AAA: ours 5, the venue's 4"


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, ""),
        ({"book_id": "EXTERNAL"}, ""),
        ({"instrument_id": "ZZZ"}, "no instrument that can be held"),
        ({"instrument_id": "IDX"}, "no instrument that can be held"),
        ({"quantity": Decimal(0)}, "other than 0"),
        ({"quantity": Decimal("NaN")}, "other than 0"),
        ({"price": Decimal("Infinity")}, "the price must be a number"),
        ({"book_id": "RESERVE"}, "there is no book 'RESERVE' of a strategy"),
        ({"book_id": "nobody"}, "there is no book 'nobody' of a strategy"),
    ],
)
def test_only_a_sound_trade_of_a_book_settles_a_difference(
    changes: dict[str, Any], words: str
) -> None:
    wanted = msgspec.structs.replace(
        Difference("AAA", Decimal(1), Decimal(10), "alpha", ""), **changes
    )
    fault = assignment_fault(account(), wanted)
    assert words in fault
    assert bool(words) == bool(fault)
