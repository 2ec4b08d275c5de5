"""The capital manager's actor: verdicts and their records, ids, custody, and what it tells."""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.actors.capital_manager_actor import CapitalManagerActor
from orchestrion.actors.messages import BookChanged, BooksMoved
from orchestrion.adapters.journal.memory_journal import MemoryJournal
from orchestrion.adapters.venue.fees import Commission, FeeSchedule
from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.instrument import Equity, Instrument
from orchestrion.domain.models.market import Bar, MarketSlice
from orchestrion.domain.models.money import to_e9
from orchestrion.domain.models.order import OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.portfolio import EXTERNAL, RESERVE
from orchestrion.domain.orchestration.events import BookReducingEvent, InstrumentExpiredEvent
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.runtime.errors import ActorError
from orchestrion.runtime.machine import Machine
from orchestrion.runtime.supervision import SupervisionPolicy
from tests.fakes import (
    DAY_NS,
    FUTURE,
    Script,
    Scripted,
    at,
    bar,
    buy,
    closing,
    fail,
    idle,
    minutes,
    play,
    scripted,
    sell,
)

ONE_FAILURE = SupervisionPolicy(failures_max=1)


def test_decision_of_each_command_is_recorded_in_order() -> None:
    stage = play(
        {
            "a": scripted({0: lambda view: [view.buy("AAA", 1), view.buy("ZZZ", 1), "rubbish"]}),
            "b": scripted({0: buy(2)}),
        },
        minutes(1),
    )
    shown = [
        (one.round, one.index, one.strategy_id, one.verdict, one.reason, [*map(int, one.size)])
        for one in stage.decisions
    ]
    assert shown == [
        (2, 0, "a", "APPROVED", "", [1]),
        (2, 1, "a", "REFUSED", "UNKNOWN_INSTRUMENT", []),
        (2, 2, "a", "REFUSED", "INVALID_COMMAND", []),
        (2, 3, "b", "APPROVED", "", [2]),
    ]
    assert all(one.detail for one in stage.decisions if one.verdict == "REFUSED")
    assert stage.system.tallies["a"].refusals == {"UNKNOWN_INSTRUMENT": 1, "INVALID_COMMAND": 1}


def test_order_ids_come_from_seq_and_index_and_are_never_used_twice() -> None:
    script = Script(always=buy(1), on_fill=lambda _, view: [view.buy("AAA", 1)])
    stage = play(
        {"a": lambda: Scripted(script), "b": lambda: Scripted(script)},
        minutes(10),
        policies=ConflictPolicies(duplicate_order=ConflictPolicy.ALLOW),
    )
    ids = [one.client_order_id for one in stage.intents]
    assert len(ids) == len(set(ids)) > 40
    first = stage.records(name="DecisionRecord")[0]
    assert ids[:2] == [f"T-{first.seq}-0", f"T-{first.seq}-1"]


def test_approved_order_reserves_until_it_ends() -> None:
    stage = play({"a": scripted({0: buy(10)})}, minutes(1), is_ended=False)
    assert stage.orchestrator.capital_manager.reserved("a") == 10 * closing(0)
    stage = play({"a": scripted({0: buy(10)})}, minutes(2), is_ended=False)
    assert stage.orchestrator.capital_manager.reserved("a") == 0


def test_owner_alone_is_told_of_its_book() -> None:
    stage = play({"a": scripted({0: buy(1)}), "b": idle}, minutes(2))
    assert len(stage.hops_to("a", BookChanged)) == 1
    assert stage.hops_to("b", BookChanged) == []


def test_settlement_and_expiry_reach_the_auditor_and_every_owner() -> None:
    days = [bar(0, "FUT"), bar(1, "FUT"), _later("FUT", 1), _later("IDX", 30), _later("IDX", 31)]
    stage = play(
        {"a": scripted({0: buy(2, "FUT")}), "b": scripted({0: buy(1, "FUT")})},
        [MarketSlice.of([one]) for one in days],
    )
    changed = [
        hop.message.book.quantity("FUT")
        for hop in stage.hops_to("a", BookChanged)
        if isinstance(hop.message, BookChanged)
    ]
    assert changed[0] == 2
    assert changed[-1] == 0
    events = stage.events_of(InstrumentExpiredEvent)
    assert [(one.strategy_id, int(one.quantity)) for one in events] == [("a", 2), ("b", 1)]
    moved = [
        len(hop.message.changes)
        for hop in stage.hops_to("core:auditor", BooksMoved)
        if isinstance(hop.message, BooksMoved)
    ]
    assert moved[:2] == [1, 1], "fills move one book"
    assert moved[-1] == 2, "the expiry moved both"
    books = stage.system.books
    assert sum(one.cash for one in books.values()) == stage.system.auditor.ledger.cash
    assert stage.venue.portfolio_state(0).cash == stage.system.auditor.ledger.cash


def _later(instrument_id: str, days: int) -> Bar:
    ts, price = at(0) + days * DAY_NS, to_e9(Decimal(110))
    return Bar(instrument_id, ts, ts, price, price, price, price)


def test_margin_call_is_told_once() -> None:
    """Three futures bind 2700; the marks fall until the book is worth less, and stay there."""
    falling = [_priced(number, 100 if number < 3 else 60) for number in range(4)]
    later = [_priced(number, 60, day) for day in (1, 2, 3) for number in range(2)]
    stage = play({"a": scripted({0: buy(3, "FUT")})}, [*falling, *later], capital=Decimal(5000))
    (event,) = stage.events_of(BookReducingEvent)
    assert event.strategy_id == "a"
    assert event.equity < event.margin == 3 * FUTURE.maintenance_margin


def _priced(number: int, price: int, day: int = 0) -> MarketSlice:
    ts, price_e9 = at(number) + day * DAY_NS, to_e9(Decimal(price))
    one = Bar("FUT", ts, ts, price_e9, price_e9, price_e9, price_e9)
    return MarketSlice.of([one])


# --- custody ------------------------------------------------------------------------------------


def test_custodian_flattens_what_a_quarantined_strategy_holds() -> None:
    script = Script(
        on_event={
            0: lambda view: [view.buy("AAA", 3), view.sell("BBB", 2)],
            2: fail(ValueError("over")),
        }
    )
    stage = play(
        {"a": lambda: Scripted(script), "b": idle},
        minutes(5, "AAA", "BBB"),
        custodian="flatten",
        supervision=ONE_FAILURE,
    )
    assert not stage.system.books["a"].positions
    (*_, decision) = stage.decisions_of("a")
    assert isinstance(decision.command, SubmitOrder)
    assert decision.command.label == "custodian: flatten"
    assert [(leg.instrument_id, leg.side, int(leg.quantity)) for leg in decision.command.legs] == [
        ("AAA", OrderSide.SELL, 3),
        ("BBB", OrderSide.BUY, 2),
    ]
    assert decision.verdict == "APPROVED"


def test_custodian_leaves_to_protective_orders_what_they_would_close() -> None:
    """A stop works for all of AAA; BBB has none. Both in one answer would be more than is held."""
    script = Script(
        on_event={
            0: lambda view: [view.buy("AAA", 3), view.buy("BBB", 2), view.buy("CCC", 5)],
            2: lambda view: [
                view.sell("AAA", 3, **_stop()),
                view.sell("CCC", 2, **_stop()),
            ],
            3: fail(ValueError("over")),
        }
    )
    stage = play(
        {"a": lambda: Scripted(script), "b": idle},
        minutes(6, "AAA", "BBB", "CCC"),
        custodian="flatten",
        supervision=ONE_FAILURE,
        is_ended=False,
    )
    book = stage.system.books["a"]
    assert {one.instrument_id: one.quantity for one in book.positions.values()} == {
        "AAA": 3,
        "CCC": 2,
    }
    working = stage.orchestrator.capital_manager.working_orders("a")
    assert [(one.order_type, one.is_reducing) for one in working.values()] == [
        (OrderType.STOP_MARKET, True)
    ] * 2


def _stop() -> dict[str, object]:
    return {
        "order_type": OrderType.STOP_MARKET,
        "stop_price": Decimal(50),
        "time_in_force": TimeInForce.GTC,
    }


@pytest.mark.parametrize("held", [16, 17, 40])
def test_custodian_closes_many_positions_in_several_orders(held: int) -> None:
    ids = [f"S{i:02}" for i in range(held)]
    instruments: list[Instrument] = [Equity(instrument_id=one) for one in ids]
    script = Script(
        on_event={
            0: lambda view: [view.buy(one, 1) for one in ids],
            2: fail(ValueError("over")),
        }
    )
    stage = play(
        {"a": lambda: Scripted(script)},
        [MarketSlice.of([bar(number, one) for one in ids]) for number in range(4)],
        instruments=instruments,
        custodian="flatten",
        supervision=ONE_FAILURE,
    )
    assert not stage.system.books["a"].positions
    closing_orders = stage.decisions_of("a")[held:]
    assert len(closing_orders) == -(-held // 16)


def test_custodian_tries_again_at_each_close_until_nothing_is_held() -> None:
    """Nobody trades on the day of the failure any more; the order of the close fills the next."""
    script = Script(on_event={0: buy(3), 2: fail(ValueError("over"))})
    first_day = minutes(3)
    next_days = [_share(number, day) for day in (1, 2) for number in range(2)]
    stage = play(
        {"a": lambda: Scripted(script)},
        [*first_day, *next_days],
        custodian="flatten",
        supervision=ONE_FAILURE,
    )
    assert not stage.system.books["a"].positions


def _share(number: int, day: int) -> MarketSlice:
    ts, price_e9 = at(number) + day * DAY_NS, to_e9(Decimal(100))
    return MarketSlice.of([Bar("AAA", ts, ts, price_e9, price_e9, price_e9, price_e9)])


def test_held_positions_stay_when_the_custodian_holds() -> None:
    script = Script(on_event={0: buy(3), 2: fail(ValueError("over"))})
    stage = play({"a": lambda: Scripted(script)}, minutes(5), supervision=ONE_FAILURE)
    assert stage.system.books["a"].quantity("AAA") == 3
    assert len(stage.decisions) == 1


# --- counts and edges ---------------------------------------------------------------------------


def test_equity_at_a_close_is_told_for_every_book() -> None:
    stage = play(
        {"a": scripted({0: buy(3)}), "b": scripted({0: sell(2)})},
        minutes(3),
        fees=FeeSchedule(equity=Commission(per_unit=Decimal("0.10"))),
        allocation_pct={"a": 50, "b": 30},
    )
    curves = stage.session.equity_curves
    assert list(curves) == ["a", "b", RESERVE, EXTERNAL]
    last = {book_id: curve[-1].equity for book_id, curve in curves.items()}
    assert last[RESERVE] == 20_000
    assert sum(last.values()) == stage.session.account_curve[-1].equity
    gain = closing(2) - Decimal(101)
    assert last["a"] == 50_000 + 3 * gain - Decimal("0.30")


def test_message_that_it_cannot_use_is_refused() -> None:
    capital = PortfolioCapitalManager()
    actor = CapitalManagerActor(
        context=Machine(MemoryJournal()),
        capital_manager=capital,
        publish=lambda _: None,
        order_id_prefix="T",
    )
    with pytest.raises(ActorError, match="the capital manager cannot be told a str"):
        actor.receive("hello")
