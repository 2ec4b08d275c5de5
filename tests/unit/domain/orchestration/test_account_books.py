"""Books that open, close and change while a run goes on; limits on the way to an approval."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.capital.limit import Limits
from orchestrion.domain.errors import ConfigurationError
from orchestrion.domain.margin.cash_account import CashAccountModel
from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.order import OrderStatus
from orchestrion.domain.models.portfolio import EXTERNAL, RESERVE, transfer_cash
from orchestrion.domain.orchestration.account_books import ENTRIES_BETWEEN_PRUNINGS
from orchestrion.domain.orchestration.judgement import Preview
from orchestrion.domain.orchestration.lifecycle import PauseMode
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.domain.orchestration.proposal import Proposal, is_exit
from tests.fakes_rules import (
    CATALOG,
    OPTIONS,
    Desk,
    amounts,
    approved,
    buy,
    cancel,
    leg,
    order_for,
    refused,
    sell,
)

PRICES: dict[str, Any] = {"AAA": 40, "BBB": 5, "FUT": 100, "IDX": 100} | {
    one.instrument_id: 2 for one in OPTIONS
}


def desk(**options: Any) -> Desk:
    return Desk(**(options | PRICES))


def preview(one: Desk, command: SubmitOrder) -> Preview:
    owner = command.strategy_id
    working = one.manager.working_orders(owner)
    exits = is_exit(command, one.manager.books[owner], working)
    return one.manager.preview(Proposal(owner, 0, command, exits), now=one.now)


# -- opening and closing ---------------------------------------------------------------------------


def with_reserve() -> PortfolioCapitalManager:
    manager = PortfolioCapitalManager(Decimal(100))
    manager.open_books({"a": Decimal(60)}, CATALOG)
    return manager


def test_newcomer_draws_on_the_reserve() -> None:
    manager = with_reserve()
    book, reserve = manager.open_book("b", Decimal(30))
    assert (book.cash, reserve.cash) == amounts(30, 10)
    assert list(manager.books) == ["a", "b", RESERVE, EXTERNAL]
    assert manager.free_capital() == 100


@pytest.mark.parametrize(
    ("name", "part", "words"),
    [
        ("a", "1", "there is a book of 'a' already"),
        ("b", "40.01", "RESERVE has 40"),
        ("b", "-1", "was to get -1"),
    ],
)
def test_newcomer_is_refused_and_nothing_changes(name: str, part: str, words: str) -> None:
    manager = with_reserve()
    before = dict(manager.books)
    with pytest.raises(ConfigurationError, match=words):
        manager.open_book(name, Decimal(part))
    assert dict(manager.books) == before


def test_book_that_closes_gives_everything_to_the_reserve_and_can_open_again() -> None:
    manager = with_reserve()
    closed, reserve = manager.close_book("a")
    assert (closed.cash, reserve.cash) == amounts(0, 100)
    assert dict(manager.working_orders("a")) == {}
    verdict = manager.preview(Proposal("a", 0, buy("AAA", 1, owner="a"), False), now=1)
    assert verdict.refusal == (RefusalCode.STRATEGY_STOPPED, "the strategy has left")
    again, _ = manager.open_book("a", Decimal(5))
    assert again.cash == 5


@pytest.mark.parametrize("what", ["position", "order"])
def test_book_that_is_not_empty_stays_open(what: str) -> None:
    one = desk()
    if what == "position":
        one.hold("AAA", 1)
    else:
        approved(one.ask(buy("AAA", 1)))
    before = one.picture()
    with pytest.raises(ConfigurationError, match="not empty yet"):
        one.manager.close_book("alpha")
    assert one.picture() == before


def test_late_word_about_a_strategy_that_left_changes_nothing() -> None:
    one = desk()
    command = approved(one.ask(buy("AAA", 1)))
    order = one.manager.working_orders("alpha")[command.client_order_id]
    one.end(command)
    one.manager.close_book("alpha")
    one.track(order, OrderStatus.CANCELED)
    assert one.manager.free_capital() == 20_000


def test_replaced_books_are_followed_by_the_account() -> None:
    one = desk()
    books = one.manager.books
    changed = one.manager.replace_books(
        (
            books["beta"],
            transfer_cash(books["alpha"], Decimal(-5)),
            transfer_cash(books[RESERVE], Decimal(5)),
        )
    )
    assert [(book.book_id, book.cash) for book in changed] == [
        ("alpha", Decimal(9_995)),
        (RESERVE, Decimal(5)),
    ]
    assert one.manager.account_equity() == 20_000


# -- what of a book may leave ----------------------------------------------------------------------


def test_book_capital_is_what_margin_and_reservations_leave() -> None:
    one = desk()
    one.hold("FUT", 2)
    approved(one.ask(buy("AAA", 10)))
    capital = one.manager.book_capital("alpha")
    assert (capital.equity, capital.free, capital.closing) == amounts(10_000, 10_000 - 2400, 0)
    approved(one.ask(sell("FUT", 1)))
    assert one.manager.book_capital("alpha").closing == 1000


def test_exits_of_options_free_what_they_will_leave() -> None:
    one = desk()
    one.hold("P95", -1)
    approved(one.ask(buy("P95", 1)))
    capital = one.manager.book_capital("alpha")
    assert capital.free == capital.equity - one.manager.margin("alpha").initial
    assert capital.closing == one.manager.margin("alpha").initial


def test_nothing_is_free_in_a_book_that_the_model_does_not_allow() -> None:
    one = desk(margin_model=CashAccountModel())
    one.hold("FUT", 1)
    assert one.manager.book_capital("alpha").free == 0
    assert refused(one.ask(buy("AAA", 1))).detail == "needs 40.00, nothing of 10000.00 is free"


def test_what_a_cash_account_may_not_hold_is_refused_in_words() -> None:
    one = desk(margin_model=CashAccountModel())
    refusal = refused(one.ask(sell("AAA", 1)))
    assert refusal.code is RefusalCode.BUDGET_EXCEEDED
    assert refusal.detail == "the margin model lets no account of its kind hold this"
    approved(one.ask(buy("AAA", 1)))


# -- previews --------------------------------------------------------------------------------------


def test_preview_says_what_an_approval_would_do_and_does_nothing() -> None:
    one = desk()
    before = one.picture()
    assert preview(one, buy("AAA", 10)) == Preview(None, Decimal(400), False)
    assert one.picture() == before
    assert approved(one.ask(buy("AAA", 10))).reservation == 400


def test_preview_leaves_the_account_out() -> None:
    one = desk()
    one.hold("FUT", 15, owner="beta")  # beta binds 15,000 of 10,000
    assert preview(one, buy("AAA", 250)).refusal is None
    assert refused(one.ask(buy("AAA", 250))).code is RefusalCode.ACCOUNT_MARGIN_EXCEEDED


def test_preview_of_a_cancel() -> None:
    one = desk()
    unknown = one.manager.preview(Proposal("alpha", 0, cancel("X"), True), now=1)
    assert unknown.refusal is not None
    assert unknown.refusal[0] is RefusalCode.UNKNOWN_ORDER
    order = approved(one.ask(buy("AAA", 1)))
    known = one.manager.preview(Proposal("alpha", 0, cancel(order.client_order_id), True), now=1)
    assert known == Preview(None, Decimal(0), True)


# -- limits ----------------------------------------------------------------------------------------

CONDOR = order_for(leg("P95", -1), leg("P90", 1), leg("C105", -1), leg("C110", 1))


@pytest.mark.parametrize(
    ("limits", "command", "words"),
    [
        (Limits(open_structures_max=0), buy("AAA", 1), "open_structures_max is 0"),
        (Limits(gross_notional_max=Decimal(399)), buy("AAA", 10), "gross_notional_max is 399"),
        (Limits(net_notional_max=Decimal(399)), sell("AAA", 10), "net_notional_max is 399"),
        (Limits(leverage_max=Decimal("0.03")), buy("AAA", 10), "leverage_max is 0.03"),
        (Limits(quantity_max=Decimal(9)), buy("AAA", 10), "quantity_max of AAA is 9"),
        (
            Limits(quantity_max_by_id={"AAA": Decimal(9)}),
            buy("AAA", 10),
            "quantity_max of AAA is 9",
        ),
        (Limits(margin_use_max=Decimal("0.03")), buy("AAA", 10), "margin_use_max is 0.03"),
    ],
)
@pytest.mark.parametrize("whose", ["alpha", "the account"])
def test_each_limit_holds_for_a_strategy_and_for_the_account(
    limits: Limits, command: SubmitOrder, words: str, whose: str
) -> None:
    own = {"limits": {"alpha": limits}} if whose == "alpha" else {"account_limits": limits}
    one = desk(**own, beta=0)  # so that the account has no more equity than the strategy
    before = one.picture()
    refusal = refused(one.ask(command))
    assert refusal.code is RefusalCode.LIMIT_EXCEEDED
    assert refusal.detail.startswith(f"{whose}: {words}")
    assert one.picture() == before


def test_limit_counts_what_works_and_exits_pass_whatever_it_says() -> None:
    one = desk(limits={"alpha": Limits(quantity_max=Decimal(10))})
    first = approved(one.ask(buy("AAA", 6)))
    assert refused(one.ask(buy("AAA", 5))).code is RefusalCode.LIMIT_EXCEEDED
    one.fill(first)
    one.hold("AAA", 20)
    approved(one.ask(sell("AAA", 3)))
    assert refused(one.ask(buy("AAA", 1))).code is RefusalCode.LIMIT_EXCEEDED


def test_account_limit_counts_all_strategies() -> None:
    one = desk(account_limits=Limits(quantity_max=Decimal(10)))
    approved(one.ask(buy("AAA", 6, owner="beta")))
    assert refused(one.ask(buy("AAA", 5))).detail.startswith("the account: quantity_max of AAA")
    approved(one.ask(buy("AAA", 4)))


def test_structures_are_counted_by_the_order_that_opened_them() -> None:
    one = desk(limits={"alpha": Limits(open_structures_max=2)})
    one.fill(approved(one.ask(CONDOR)))
    one.fill(approved(one.ask(CONDOR)))
    assert len(one.manager.structures("alpha")) == 2
    assert refused(one.ask(CONDOR)).detail.startswith("alpha: open_structures_max is 2")
    closing = order_for(*(leg(each.instrument_id, -each.signed_quantity) for each in CONDOR.legs))
    one.fill(approved(one.ask(closing)))
    assert len(one.manager.structures("alpha")) == 1
    approved(one.ask(CONDOR))


def test_limits_of_nobody_are_refused_at_the_start() -> None:
    manager = PortfolioCapitalManager(Decimal(100), limits={"gamma": Limits()})
    with pytest.raises(ConfigurationError, match="limits: there is no strategy gamma"):
        manager.open_books({"a": Decimal(60)}, CATALOG)


def test_entries_that_explain_nothing_are_forgotten() -> None:
    one = desk()
    for _ in range(ENTRIES_BETWEEN_PRUNINGS * 3):
        one.fill(approved(one.ask(buy("AAA", 1))))
        one.fill(approved(one.ask(sell("AAA", 1))))
    one.fill(approved(one.ask(CONDOR)))
    assert len(one.manager._entries["alpha"]) <= ENTRIES_BETWEEN_PRUNINGS
    assert [len(each.quantities) for each in one.manager.structures("alpha")] == [4]


def test_whole_holding_leaves_although_it_is_no_multiple_of_the_lot() -> None:
    one = desk()
    one.hold("BBB", 25)
    assert refused(one.ask(sell("BBB", 15))).code is RefusalCode.INVALID_QUANTITY
    approved(one.ask(sell("BBB", 25)))


def test_frozen_strategy_cannot_even_cancel() -> None:
    one = desk()
    order = approved(one.ask(buy("AAA", 1)))
    one.pause(PauseMode.FROZEN)
    assert refused(one.ask(cancel(order.client_order_id))).code is RefusalCode.STRATEGY_PAUSED


def test_exit_whose_position_is_gone_binds_what_it_would_open() -> None:
    one = desk()
    one.hold("FUT", 3)
    exit_ = approved(one.ask(sell("FUT", 3)))
    free = one.manager.free_capital()
    one.hold("FUT", -3)  # somebody else closed it: the exit that works is a naked sale now
    assert one.manager.margin("alpha").initial == 0
    assert one.manager.free_capital() == free  # 3,000 stay bound
    assert one.manager.book_capital("alpha").free == 10_000 - 3_000
    one.end(exit_)
    assert one.manager.free_capital() == free + 3_000
