"""Allocations, books, reservations and figures of the capital manager.

What it approves and refuses is in ``test_authorisation``.
"""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Any

import pytest

from orchestrion.domain.capital.allocation_policy import AllocationPolicy
from orchestrion.domain.errors import (
    ConfigurationError,
    InvariantBrokenError,
    UnknownInstrumentError,
)
from orchestrion.domain.models.allocation import AllocationConfig
from orchestrion.domain.models.order import OrderSide, OrderStatus
from orchestrion.domain.models.portfolio import EXTERNAL, RESERVE
from orchestrion.domain.models.report import (
    ExternalFillReport,
    FutureSettledReport,
    InstrumentExpiredReport,
)
from orchestrion.domain.models.strategy import Strategy
from orchestrion.domain.models.strategy_metadata import StrategyMetadata
from orchestrion.domain.orchestration.compatibility_analyzer import CompatibilityAnalyzer
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStatus
from orchestrion.domain.orchestration.margin import NO_MARGIN, Margin
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.strategy_coordinator import StrategyCoordinator
from orchestrion.domain.orchestration.unified_strategy_orchestrator import (
    UnifiedStrategyOrchestrator,
)
from tests.fakes_rules import (
    CATALOG,
    OPTIONS,
    Desk,
    amounts,
    approved,
    buy,
    hostile_context,
    refused,
    sell,
    working_order,
)


def orchestrator_for(
    manager: PortfolioCapitalManager, *shares: tuple[str, float, int]
) -> UnifiedStrategyOrchestrator:
    """One strategy per (id, target_pct, priority), in this order of registration."""
    orchestrator = UnifiedStrategyOrchestrator(
        capital_manager=manager,
        coordinator=StrategyCoordinator(),
        compatibility_analyzer=CompatibilityAnalyzer(),
    )
    for name, target_pct, priority in shares:
        orchestrator.add_strategy(
            Strategy(),
            StrategyMetadata(id=name, priority=priority),
            AllocationConfig(target_pct=target_pct),
        )
    return orchestrator


def allocations(
    capital: str, *shares: tuple[str, float, int], **options: Any
) -> list[tuple[str, Decimal]]:
    manager = PortfolioCapitalManager(Decimal(capital), **options)
    orchestrator_for(manager, *shares)
    return list(manager.calculate_allocations().items())


# -- what it can be built from ---------------------------------------------------------------------


def test_it_is_built_without_arguments() -> None:
    manager = PortfolioCapitalManager()
    assert manager.total_capital == Decimal(0)
    assert manager.allocation.method == "custom"
    assert dict(manager.books) == {}


@pytest.mark.parametrize(
    "capital",
    [
        Decimal("NaN"),
        Decimal("sNaN"),
        Decimal("Infinity"),
        Decimal("-0.01"),
        Decimal("100.005"),
        Decimal("1e18"),
        100,
        100.0,
        "100",
        None,
    ],
)
def test_capital_must_be_a_decimal_in_whole_cents(capital: Any) -> None:
    with pytest.raises(ConfigurationError, match="total_capital must be a finite Decimal"):
        PortfolioCapitalManager(capital)


def test_one_manager_serves_one_orchestrator() -> None:
    manager = PortfolioCapitalManager()
    orchestrator = orchestrator_for(manager)
    manager.bind(orchestrator)
    assert manager.orchestrator is orchestrator
    with pytest.raises(ValueError, match="already belongs to another orchestrator"):
        orchestrator_for(manager)
    assert manager.orchestrator is orchestrator


def test_manager_without_an_orchestrator_has_nobody_to_ask() -> None:
    with pytest.raises(ConfigurationError, match="no orchestrator"):
        PortfolioCapitalManager().calculate_allocations()


# -- allocation ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("capital", "shares", "expected"),
    [
        (
            "1000",
            [("a", 60, 0), ("b", 30, 0), ("c", 10, 0)],
            [("a", "600"), ("b", "300"), ("c", "100")],
        ),
        # A lone strategy gets everything, whatever its percentage.
        ("1000", [("a", 60, 0)], [("a", "1000")]),
        # What the percentages leave is reserve; nothing is normalised.
        ("1000", [("a", 20, 0), ("b", 10, 0)], [("a", "200"), ("b", "100")]),
        # To the cent by largest remainder, ties by rank.
        (
            "100",
            [("a", 33.3, 0), ("b", 33.3, 0), ("c", 33.4, 0)],
            [("a", "33.30"), ("b", "33.30"), ("c", "33.40")],
        ),
        ("0.01", [("a", 50, 0), ("b", 50, 0)], [("a", "0.01"), ("b", "0")]),
        ("0.01", [("a", 50, 0), ("b", 50, 1)], [("b", "0.01"), ("a", "0")]),
        ("0.05", [("a", 30, 0), ("b", 30, 0)], [("a", "0.02"), ("b", "0.01")]),
        # The shortest decimal of a float counts, not its binary value.
        ("1000000000", [("a", 33.3, 0), ("b", 66.7, 0)], [("a", "333000000"), ("b", "667000000")]),
        ("100", [("a", 1e-9, 0), ("b", 99.5, 0)], [("a", "0"), ("b", "99.50")]),
        ("1000", [], []),
    ],
)
def test_custom_shares(
    capital: str, shares: list[tuple[str, float, int]], expected: list[tuple[str, str]]
) -> None:
    given = [(name, Decimal(part)) for name, part in expected]
    assert allocations(capital, *shares) == given


def test_shares_above_all_are_refused_with_the_sum() -> None:
    with pytest.raises(ConfigurationError, match=r"sums to 100\.1, at most 100 can be given"):
        allocations("1000", ("a", 60, 0), ("b", 40.1, 0))


@pytest.mark.parametrize(
    ("capital", "reserve", "expected"),
    [
        ("100", "0", ["33.34", "33.33", "33.33"]),
        ("100", "0.1", ["30", "30", "30"]),
        ("0.04", "0.25", ["0.01", "0.01", "0.01"]),
        ("100", "0.999999", ["0", "0", "0"]),
    ],
)
def test_equal_weight_divides_what_the_reserve_leaves(
    capital: str, reserve: str, expected: list[str]
) -> None:
    found = allocations(
        capital,
        ("a", 1, 0),
        ("b", 98, 0),
        ("c", 50, 0),
        allocation=AllocationPolicy(method="equal_weight", reserve_fraction=Decimal(reserve)),
    )
    assert [amount for _, amount in found] == [Decimal(one) for one in expected]


# -- opening ---------------------------------------------------------------------------------------


def opened(capital: str, **shares: str) -> PortfolioCapitalManager:
    manager = PortfolioCapitalManager(Decimal(capital))
    manager.open_books({one: Decimal(part) for one, part in shares.items()}, CATALOG)
    return manager


def test_books_are_opened_in_order_with_the_rest_in_reserve() -> None:
    manager = opened("100", b="60", a="30.01")
    assert [(one.book_id, one.cash) for one in manager.books.values()] == [
        ("b", Decimal(60)),
        ("a", Decimal("30.01")),
        (RESERVE, Decimal("9.99")),
        (EXTERNAL, Decimal(0)),
    ]
    assert manager.free_capital() == 100
    assert manager.reserved("a") == 0
    assert dict(manager.working_orders("a")) == {}


def test_more_than_there_is_cannot_be_given() -> None:
    with pytest.raises(InvariantBrokenError, match="allocations exceed the capital: -1"):
        opened("100", a="101")


def test_books_are_opened_once() -> None:
    manager = opened("100", a="50")
    before = dict(manager.books)
    with pytest.raises(ConfigurationError, match="the run has started"):
        manager.open_books({"b": Decimal(100)}, CATALOG)
    assert dict(manager.books) == before


# -- folding ---------------------------------------------------------------------------------------


def external(instrument_id: str, price: str = "5", quantity: str = "2") -> ExternalFillReport:
    return ExternalFillReport(
        trade_id="X1",
        instrument_id=instrument_id,
        side=OrderSide.BUY,
        last_qty=Decimal(quantity),
        last_px=Decimal(price),
        commission=Decimal("0.50"),
        ts_event=1,
    )


def test_fill_changes_one_book() -> None:
    desk = Desk(AAA=5)
    before = dict(desk.manager.books)
    changed = desk.manager.apply_fill(EXTERNAL, external("AAA"))
    assert changed is desk.manager.books[EXTERNAL]
    figures = (changed.cash, changed.fees, changed.quantity("AAA"))
    assert figures == amounts("-10.5", "0.5", 2)
    others = {one: book for one, book in desk.manager.books.items() if one != EXTERNAL}
    assert others == {one: book for one, book in before.items() if one != EXTERNAL}


def test_fill_of_what_nobody_trades_changes_nothing() -> None:
    desk = Desk(AAA=5)
    before = desk.picture()
    with pytest.raises(UnknownInstrumentError):
        desk.manager.apply_fill(EXTERNAL, external("ZZZ"))
    assert desk.picture() == before


def test_manual_trade_in_an_instrument_without_data_does_not_stop_the_others() -> None:
    desk = Desk(AAA=5)
    desk.manager.apply_fill(EXTERNAL, external("BBB", price="7"))
    assert desk.manager.equity(EXTERNAL) == Decimal("-0.5")
    approved(desk.ask(buy("AAA", 1)))
    desk.mark(BBB=8)
    assert desk.manager.equity(EXTERNAL) == Decimal("1.5")


def test_settlement_pays_every_holder() -> None:
    desk = Desk(FUT=100)
    desk.hold("FUT", 1)
    desk.hold("FUT", -2, owner="beta")
    report = FutureSettledReport(instrument_id="FUT", settlement_price=Decimal(101), ts_event=1)
    changed = desk.manager.settle(report)
    assert [one.book_id for one in changed] == ["alpha", "beta"]
    assert [one.cash for one in changed] == [10_050, 9_900]
    assert desk.manager.settle(report) != ()  # settled again at the same price: no money moves
    assert desk.manager.books["alpha"].cash == 10_050


def test_only_futures_settle() -> None:
    desk = Desk(AAA=5)
    before = desk.picture()
    with pytest.raises(InvariantBrokenError, match="AAA is no future"):
        desk.manager.settle(
            FutureSettledReport(instrument_id="AAA", settlement_price=Decimal(1), ts_event=1)
        )
    assert desk.picture() == before


def test_expiry_closes_the_instrument_in_every_book() -> None:
    desk = Desk(C100=3, IDX=100)
    desk.hold("C100", 1)
    desk.hold("C100", -2, owner="beta")
    changed = desk.manager.expire(
        InstrumentExpiredReport(instrument_id="C100", settlement_price=Decimal(4), ts_event=1)
    )
    assert [one.book_id for one in changed] == ["alpha", "beta"]
    assert [one.cash for one in changed] == [10_010, 9_980]
    assert all(not book.positions for book in desk.manager.books.values())


def test_margin_and_equity_follow_the_book() -> None:
    desk = Desk(FUT=100)
    assert desk.manager.margin("alpha") is NO_MARGIN
    desk.hold("FUT", 2)
    assert desk.manager.margin("alpha") == Margin(Decimal(2000), Decimal(1800))
    desk.mark(FUT=90)
    assert desk.manager.equity("alpha") == 9_000


# -- reservations ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "end",
    [
        OrderStatus.FILLED,
        OrderStatus.CANCELED,
        OrderStatus.EXPIRED,
        OrderStatus.REJECTED,
        OrderStatus.DENIED,
    ],
)
def test_reservation_is_released_once_when_the_order_ends(end: OrderStatus) -> None:
    desk = Desk(AAA=10)
    order = approved(desk.ask(buy("AAA", 5)))
    other = approved(desk.ask(buy("AAA", 7)))
    ended = desk.manager.working_orders("alpha")[order.client_order_id]
    assert desk.manager.reserved("alpha") == 120
    desk.track(ended, end)
    assert desk.manager.reserved("alpha") == 70
    desk.track(ended, end)  # a late word
    assert desk.manager.reserved("alpha") == 70
    assert list(desk.manager.working_orders("alpha")) == [other.client_order_id]


@pytest.mark.parametrize(
    "status",
    [
        OrderStatus.SUBMITTED,
        OrderStatus.ACCEPTED,
        OrderStatus.PENDING_CANCEL,
        OrderStatus.PARTIALLY_FILLED,
        OrderStatus.UNKNOWN,
    ],
)
def test_reservation_is_kept_while_the_order_can_fill(status: OrderStatus) -> None:
    desk = Desk(AAA=10)
    order = approved(desk.ask(buy("AAA", 5)))
    desk.end(order, status)
    assert desk.manager.reserved("alpha") == 50
    assert desk.manager.working_orders("alpha")[order.client_order_id].status is status


def test_free_capital_follows_approvals_fills_and_marks() -> None:
    desk = Desk(AAA=10, FUT=100)
    assert desk.manager.free_capital() == 20_000
    order = approved(desk.ask(buy("AAA", 5)))
    assert desk.manager.free_capital() == 19_950
    desk.fill(order)
    assert desk.manager.free_capital() == 19_950
    desk.mark(AAA=12)
    assert desk.manager.free_capital() == 19_950  # ten more in equity, ten more bound
    desk.end(approved(desk.ask(buy("FUT", 1))))
    assert desk.manager.free_capital() == 19_950


def test_exit_reserves_nothing() -> None:
    desk = Desk(AAA=10)
    desk.hold("AAA", 5)
    order = approved(desk.ask(sell("AAA", 5)))
    assert order.is_reducing
    assert desk.manager.reserved("alpha") == 0
    desk.fill(order)
    assert desk.manager.reserved("alpha") == 0


def test_order_that_it_did_not_approve_is_tracked_too() -> None:
    # As after a recovery: the order is known, its reservation went with the process.
    desk = Desk(AAA=10)
    desk.manager.track(working_order(buy("AAA", 5), "old"))
    assert list(desk.manager.working_orders("alpha")) == ["old"]
    desk.manager.track(working_order(buy("AAA", 5), "old", status=OrderStatus.CANCELED))
    assert dict(desk.manager.working_orders("alpha")) == {}
    assert desk.manager.reserved("alpha") == 0


def test_working_orders_cannot_be_changed_by_a_reader() -> None:
    desk = Desk(AAA=10)
    order = approved(desk.ask(buy("AAA", 5)))
    working: Any = desk.manager.working_orders("alpha")
    with pytest.raises(TypeError):
        del working[order.client_order_id]


# -- custody ---------------------------------------------------------------------------------------


def test_custodian_may_reduce_what_the_quarantined_strategy_may_not() -> None:
    desk = Desk(AAA=10)
    desk.hold("AAA", 5)
    desk.manager.set_standing("alpha", StrategyStatus.QUARANTINED, None)
    refused(desk.ask(sell("AAA", 5)))
    with desk.manager.custody_of("alpha"):
        assert refused(desk.ask(buy("AAA", 5))).code == "STRATEGY_PAUSED"
        approved(desk.ask(sell("AAA", 5)))
    assert refused(desk.ask(buy("AAA", 1))).code == "STRATEGY_QUARANTINED"


def test_custody_ends_with_an_exception_too() -> None:
    desk = Desk(AAA=10)
    desk.pause(PauseMode.FROZEN)
    with pytest.raises(RuntimeError), desk.manager.custody_of("alpha"):
        raise RuntimeError
    assert refused(desk.ask(buy("AAA", 1))).code == "STRATEGY_PAUSED"


# -- the ambient context ---------------------------------------------------------------------------


def test_ambient_context_plays_no_part() -> None:
    def run() -> list[object]:
        desk = Desk(alpha="1234567.89")
        desk.mark(**{one.instrument_id: "1.234567891" for one in OPTIONS})
        desk.mark(AAA="123.456789123", FUT="98765.4321", IDX="99.123456789")
        for one, held in {"AAA": "12.3456789", "FUT": "-3", "C105": "-2", "C110": "1"}.items():
            desk.hold(one, held)
        report = FutureSettledReport(
            instrument_id="FUT", settlement_price=Decimal("98764.1234"), ts_event=1
        )
        desk.manager.settle(report)
        shares = allocations("1234567.89", ("a", 33.3, 0), ("b", 44.4444, 0), ("c", 1.23456789, 0))
        return [desk.picture(), shares, desk.manager.margin("alpha")]

    ours = run()
    with localcontext(hostile_context()):
        theirs = run()
    assert theirs == ours
