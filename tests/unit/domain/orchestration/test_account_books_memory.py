"""What an account remembers between two commands, and when it has to think again."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.instrument import Equity, Instrument, InstrumentCatalog
from orchestrion.domain.models.order import OrderStatus
from orchestrion.domain.models.portfolio import Book, Position, transfer_cash
from orchestrion.domain.netting.internal_cross import CrossPolicy, CrossPrice
from orchestrion.domain.orchestration.account_books import ENTRIES_BETWEEN_PRUNINGS
from orchestrion.domain.orchestration.lifecycle import StrategyStatus, TradingState
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.proposal import Proposal
from tests.fakes_rules import (
    AAA,
    CATALOG,
    OPTIONS,
    Desk,
    amounts,
    approved,
    buy,
    leg,
    order_for,
    refused,
    sell,
    slice_of,
    working_order,
)

PRICES: dict[str, Any] = {"AAA": 40, "BBB": 5, "FUT": 100, "IDX": 100} | {
    one.instrument_id: 2 for one in OPTIONS
}


def desk(**options: Any) -> Desk:
    return Desk(**(options | PRICES))


# -- before anything is open -----------------------------------------------------------------------


def test_account_that_was_never_opened_has_nothing() -> None:
    manager = PortfolioCapitalManager()
    assert (manager.now, dict(manager.books)) == (0, {})
    assert manager.account_equity() == manager.free_capital() == 0
    assert not manager.is_on_account("alpha")
    assert manager._instruments is None  # the run's data say what can be traded


# -- a judgement holds as long as what it rests on -------------------------------------------------


def _new_price(one: Desk) -> None:
    one.manager.mark(slice_of({"AAA": 50}, one.now))


def _bought(one: Desk) -> None:
    one.hold("BBB", 1_990)


def _moved(one: Desk) -> None:
    poor = transfer_cash(one.manager.books["alpha"], Decimal(-9_700))
    one.manager.replace_books((poor,))


def _stopped(one: Desk) -> None:
    one.manager.set_standing("alpha", StrategyStatus.STOPPED, None)


def _halted(one: Desk) -> None:
    one.manager.trading_state = TradingState.HALTED


def _held(one: Desk) -> None:
    one.manager.is_held = True


def _later(one: Desk) -> None:
    one.now += 1_000


def _listed_anew(one: Desk) -> None:
    large = msgspec.structs.replace(AAA, lot_size=Decimal(100))
    one.manager.replace_catalog(InstrumentCatalog([large, *_without("AAA")]))


def _without(instrument_id: str) -> list[Instrument]:
    return [one for one in CATALOG if one.instrument_id != instrument_id]


NEAR_OPTION = buy("C100", 1)
TEN = buy("AAA", 10)


@pytest.mark.parametrize(
    ("command", "change", "code", "requirement"),
    [
        (TEN, _new_price, None, 500),
        (TEN, _bought, RefusalCode.BUDGET_EXCEEDED, 400),
        (TEN, _moved, RefusalCode.BUDGET_EXCEEDED, 400),
        (TEN, _stopped, RefusalCode.STRATEGY_STOPPED, 0),
        (TEN, _halted, RefusalCode.TRADING_HALTED, 0),
        (TEN, _held, RefusalCode.TRADING_HALTED, 0),
        (TEN, _listed_anew, RefusalCode.INVALID_QUANTITY, 0),
        (NEAR_OPTION, _later, RefusalCode.EXPIRED_INSTRUMENT, 0),
    ],
)
def test_the_same_command_is_judged_anew_when_something_has_changed(
    command: SubmitOrder,
    change: Callable[[Desk], None],
    code: RefusalCode | None,
    requirement: int,
) -> None:
    one = desk()
    proposal = Proposal("alpha", 0, command, is_exit=False)
    assert one.manager.preview(proposal, now=one.now).refusal is None
    change(one)
    found = one.manager.preview(proposal, now=one.now)
    assert (found.refusal[0] if found.refusal else None) == code
    assert found.requirement == requirement


@pytest.mark.parametrize("status", [OrderStatus.CANCELED, OrderStatus.REJECTED])
def test_order_that_ends_makes_room_for_a_command_that_was_judged_already(
    status: OrderStatus,
) -> None:
    one = desk()
    first = approved(one.ask(buy("AAA", 250)))
    proposal = Proposal("alpha", 0, TEN, is_exit=False)
    assert one.manager.preview(proposal, now=one.now).refusal is not None
    one.end(first, status)
    assert one.manager.preview(proposal, now=one.now).refusal is None


def test_approval_is_the_end_of_what_was_judged_before_it() -> None:
    one = desk()
    proposal = Proposal("alpha", 0, buy("AAA", 200), is_exit=False)
    assert one.manager.preview(proposal, now=one.now).refusal is None
    approved(one.manager.authorise(proposal, client_order_id="X", now=one.now))
    assert one.manager.preview(proposal, now=one.now).refusal is not None


def test_what_others_do_leaves_a_judgement_alone() -> None:
    one = desk()
    proposal = Proposal("alpha", 0, TEN, is_exit=False)
    before = one.manager.preview(proposal, now=one.now)
    one.hold("AAA", 5, owner="beta")
    assert one.manager.preview(proposal, now=one.now) is before


def test_prices_bring_the_time_with_them() -> None:
    one = desk()
    one.manager.mark(slice_of({"AAA": 41}, 77))
    assert one.manager.now == 77


# -- free capital ----------------------------------------------------------------------------------


def test_free_capital_follows_a_new_catalogue() -> None:
    one = desk()
    one.hold("FUT", 2)
    assert one.manager.free_capital() == 18_000
    dear = msgspec.structs.replace(CATALOG.tradable("FUT"), initial_margin=Decimal(1_500))
    one.manager.replace_catalog(InstrumentCatalog([dear, *_without("FUT")]))
    assert one.manager.free_capital() == 17_000
    assert one.manager.catalog.tradable("FUT") == dear


def test_exit_in_a_book_with_options_is_counted_once() -> None:
    """Its book is asked for everything that it binds; the exits beyond its holdings are in that."""
    one = desk()
    one.hold("P95", -1)
    one.hold("FUT", 3)
    approved(one.ask(sell("FUT", 3)))
    one.hold("FUT", -3)  # somebody else closed it: the exit would open a short position
    assert one.manager.account_margin() == one.manager.margin("alpha").initial + 3_000
    assert one.manager.account_margin() == one.manager._worst_margin("alpha")


def test_nothing_is_free_while_an_underlying_has_no_price() -> None:
    one = Desk(C100=2)
    one.hold("C100", -1)
    capital = one.manager.book_capital("alpha")
    assert (capital.equity, capital.free, capital.closing) == amounts(10_000, 0, 0)


# -- books that open -------------------------------------------------------------------------------


def with_reserve() -> PortfolioCapitalManager:
    manager = PortfolioCapitalManager(Decimal(100))
    manager.open_books({"a": Decimal(60)}, CATALOG)
    return manager


@pytest.mark.parametrize("amount", ["0", "0.50", "40"])
def test_newcomer_may_get_nothing_and_all_that_is_there(amount: str) -> None:
    book, reserve = with_reserve().open_book("b", Decimal(amount))
    assert (book.cash, reserve.cash) == (Decimal(amount), 40 - Decimal(amount))


def test_newcomer_is_on_the_account_and_trades() -> None:
    manager = with_reserve()
    assert not manager.is_on_account("b")
    manager.mark(slice_of({"AAA": 4}))
    manager.open_book("b", Decimal(40))
    assert manager.is_on_account("b")
    proposal = Proposal("b", 0, buy("AAA", 10, owner="b"), is_exit=False)
    assert approved(manager.authorise(proposal, client_order_id="B1", now=1)).reservation == 40
    assert manager.reserved("b") == 40


# -- entries that explain structures ---------------------------------------------------------------


def _entries(one: Desk) -> list[str]:
    return list(one.manager._entries["alpha"])


def test_entry_is_remembered_while_it_works_and_as_far_as_it_filled() -> None:
    one = desk()
    pair = order_for(leg("AAA", 1), leg("FUT", 1))
    for order_id in ("kept", "part", "gone"):
        one.track(working_order(pair, order_id), OrderStatus.ACCEPTED)
    assert _entries(one) == ["kept", "part", "gone"]
    done = working_order(pair, "part", filled=(1, 0))
    one.track(done, OrderStatus.CANCELED)
    one.track(working_order(pair, "gone"), OrderStatus.CANCELED)
    assert _entries(one) == ["kept", "part"]
    one.track(working_order(pair, "exit", is_reducing=True), OrderStatus.ACCEPTED)
    assert _entries(one) == ["kept", "part"]


def test_entries_are_pruned_each_time_so_many_more_were_added() -> None:
    one = desk()
    counts: list[int] = []
    for _ in range(2 * ENTRIES_BETWEEN_PRUNINGS + 1):
        one.fill(approved(one.ask(buy("AAA", 1))))
        counts.append(len(_entries(one)))
        one.fill(approved(one.ask(sell("AAA", 1))))
    growing = list(range(1, ENTRIES_BETWEEN_PRUNINGS))
    # The pruning keeps the newest one, whose share is held at that moment.
    after = list(range(2, ENTRIES_BETWEEN_PRUNINGS + 1))
    assert counts == [*growing, 1, *after, 1, 2]


# -- catalogues, and a state that comes back -------------------------------------------------------


def test_books_and_catalogue_change_together() -> None:
    one = desk()
    one.hold("AAA", 3)
    renamed = msgspec.structs.replace(AAA, instrument_id="NEW")
    one.manager.marks.start_at("NEW", Decimal(40))
    before = one.manager.books["alpha"]
    after = msgspec.structs.replace(
        before, positions={"NEW": Position("NEW", Decimal(3), Decimal(120))}
    )
    others = [book for book in one.manager.books.values() if book.book_id != "alpha"]
    found = one.manager.change((after, *others), InstrumentCatalog([renamed, *_without("AAA")]))
    assert found == (after,)
    assert one.manager.books["alpha"] is after
    assert one.manager.account_equity() == 20_000
    assert one.manager._instruments is not None
    assert refused(one.ask(buy("AAA", 1))).code is RefusalCode.UNKNOWN_INSTRUMENT


def _given_back(one: Desk, instruments: tuple[Instrument, ...] | None) -> Mapping[str, Book]:
    """As a snapshot gives it back: plain tables, sums of nothing, the catalogue of the data."""
    manager = one.manager
    manager._books["alpha"] = msgspec.structs.replace(
        manager._books["alpha"], positions=dict(manager._books["alpha"].positions)
    )
    manager._instruments = instruments
    manager._exposure._money = Decimal(0)
    manager._free_capital = Decimal(0)
    manager.after_restore()
    return manager.books


def test_state_that_was_given_back_is_summed_up_and_sealed() -> None:
    one = desk()
    one.hold("AAA", 3)
    catalog = one.manager.catalog
    book = _given_back(one, None)["alpha"]
    with pytest.raises(TypeError):
        book.positions["AAA"] = None  # type: ignore[index]
    assert one.manager.catalog is catalog
    assert one.manager.account_equity() == 20_000
    assert one.manager.free_capital() == 20_000 - 120


def test_catalogue_that_had_changed_comes_back_with_its_currency() -> None:
    one = desk()
    in_euro = [msgspec.structs.replace(each, currency="EUR") for each in CATALOG]
    one.manager.catalog = InstrumentCatalog(in_euro, currency="EUR")
    changed = tuple(
        msgspec.structs.replace(each, lot_size=Decimal(100)) if isinstance(each, Equity) else each
        for each in in_euro
    )
    _given_back(one, changed)
    assert one.manager.catalog.tradable("AAA").lot_size == 100
    assert one.manager.catalog.currency == "EUR"


# -- the market inside -----------------------------------------------------------------------------


def test_account_that_nets_remembers_last_prices_and_another_does_not() -> None:
    policy = CrossPolicy(quote_age_max_ns=9, last_price_age_max_ns=9)
    netting = PortfolioCapitalManager(Decimal(100), cross_policy=policy)
    plain = PortfolioCapitalManager(Decimal(100))
    for manager in (netting, plain):
        manager.open_books({"a": Decimal(60)}, CATALOG)
        manager.mark(slice_of({"AAA": 40}, 5))
    assert isinstance(netting._cross_price("AAA", 0, 5), CrossPrice)
    assert not isinstance(plain._cross_price("AAA", 0, 5), CrossPrice)


def test_reserve_is_never_overdrawn_by_a_refused_newcomer() -> None:
    manager = with_reserve()
    with pytest.raises(ConfigurationError):
        manager.open_book("b", Decimal("40.01"))
    assert not manager.is_on_account("b")
