"""One cent planted anywhere in the money stops the run, at the very input, with both ledgers."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from orchestrion.adapters.venue.fees import Commission, FeeSchedule
from orchestrion.domain.errors import InvariantBrokenError
from orchestrion.domain.models.portfolio import Book, Position
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.orchestration.account_ledger import AccountTotals
from orchestrion.domain.orchestration.portfolio_capital_manager import PortfolioCapitalManager
from orchestrion.runtime.errors import ActorError, ActorFailedError
from orchestrion.runtime.lifecycle import ActorState
from tests.fakes import Script, Stage, buy, following, minute, minutes, play

pytestmark = pytest.mark.anyio
CENT = Decimal("0.01")
FEES = FeeSchedule(equity=Commission(per_unit=Decimal("0.10")))


def stage_of(instrument_id: str = "AAA") -> Stage:
    """Two strategies that buy at each bar; one of them also asks for more at each fill."""
    more = buy(1, instrument_id)
    script = Script(always=buy(2, instrument_id), on_fill=lambda _, view: more(view))
    plain = Script(always=buy(1, instrument_id))
    return Stage(following({"a": script, "b": plain}), fees=FEES)


# --- what goes wrong ------------------------------------------------------------------------------


def in_book(change: Callable[[Book, str], Book]) -> Callable[[Stage], Callable[[], None]]:
    """Plants an error into what the capital manager makes of a fill."""

    def plant(stage: Stage) -> Callable[[], None]:
        capital = stage.orchestrator.capital_manager
        usual = capital.apply_fill
        planted: list[bool] = []

        def wrong(book_id: str, fill: Any) -> Book:
            book = usual(book_id, fill)
            if not planted:
                return book
            changed = change(book, fill.instrument_id)
            put_book(capital, changed)
            return changed

        capital.apply_fill = wrong  # type: ignore[method-assign]
        return lambda: planted.append(True)

    return plant


def put_book(capital: PortfolioCapitalManager, book: Book) -> None:
    books: Any = capital.books
    books[book.book_id] = book


def in_ledger(stage: Stage) -> Callable[[], None]:
    """Plants an error into the account ledger itself."""
    return lambda: stage.system.auditor.ledger.transfer_cash(CENT)


def in_report(**changes: Decimal) -> Callable[[Stage], Callable[[], None]]:
    """The ledger is told another fill than the books: an attribution that lost something."""

    def plant(stage: Stage) -> Callable[[], None]:
        ledger = stage.system.auditor.ledger
        planted: list[bool] = []

        class Deaf:
            """Stands for the ledger and hears badly."""

            def __getattr__(self, name: str) -> Any:
                return getattr(ledger, name)

            def apply_fill(self, fill: OrderFilledReport) -> None:
                if planted:
                    fields = {name: getattr(fill, name) + by for name, by in changes.items()}
                    fill = msgspec.structs.replace(fill, **fields)
                ledger.apply_fill(fill)

        auditor: Any = stage.system.auditor
        auditor.ledger = Deaf()
        return lambda: planted.append(True)

    return plant


def more_cash(book: Book, _: str) -> Book:
    return msgspec.structs.replace(book, cash=book.cash + CENT)


def more_fees(book: Book, _: str) -> Book:
    return msgspec.structs.replace(book, fees=book.fees + CENT)


def more_held(book: Book, instrument_id: str) -> Book:
    position = book.positions[instrument_id]
    wrong = Position(instrument_id, position.quantity + CENT, position.cost)
    return msgspec.structs.replace(book, positions={**book.positions, instrument_id: wrong})


def more_cost(book: Book, instrument_id: str) -> Book:
    position = book.positions[instrument_id]
    wrong = Position(instrument_id, position.quantity, position.cost + CENT)
    return msgspec.structs.replace(book, positions={**book.positions, instrument_id: wrong})


ERRORS: dict[str, tuple[str, Callable[[Stage], Callable[[], None]], str]] = {
    "cash of a book": ("AAA", in_book(more_cash), "cash: "),
    "fees of a book": ("AAA", in_book(more_fees), "fees: "),
    "quantity in a book": ("AAA", in_book(more_held), "quantity of AAA: "),
    "cost of a future": ("FUT", in_book(more_cost), "cost of future FUT: "),
    "cash of the ledger": ("AAA", in_ledger, "cash: "),
    "price of a fill": ("AAA", in_report(last_px=CENT), "cash: "),
    "commission of a fill": ("AAA", in_report(commission=CENT), "cash: .*; fees: "),
    "quantity of a fill": ("AAA", in_report(last_qty=CENT), "cash: .*; quantity of AAA: "),
    "price of a future's fill": ("FUT", in_report(last_px=CENT), "cost of future FUT: "),
}


@pytest.mark.parametrize("error", list(ERRORS))
async def test_planted_cent_stops_the_run_at_the_very_input(error: str) -> None:
    instrument_id, plant, figure = ERRORS[error]
    stage = stage_of(instrument_id)
    start = plant(stage)
    async with stage:
        await stage.publish([minute(0, "AAA", "FUT"), minute(1, "AAA", "FUT")])
        start()
        reached, checks = stage.machine.seq, stage.system.auditor.checks
        accepted = len(stage.records(name="OrderAcceptedReport"))
        with pytest.raises(ActorFailedError, match="'core:auditor' failed") as failure:
            await stage.session.publish(minute(2, "AAA", "FUT"))
        cause = failure.value.__cause__
        assert isinstance(cause, InvariantBrokenError)
        assert_names(cause, figure)
        assert failure.value.seq == stage.machine.seq == reached + 1, "the first fill after it"
        assert stage.system.auditor.checks == checks + 1
        assert len(stage.records(name="OrderAcceptedReport")) == accepted, "nothing was submitted"
        await assert_stopped(stage)


def assert_names(cause: InvariantBrokenError, figure: str) -> None:
    """The message names the figure, and both ledgers stand beside each other."""
    assert re.search(figure, str(cause)), str(cause)
    books, account = cause.evidence["books"], cause.evidence["account"]
    assert isinstance(books, AccountTotals)
    assert isinstance(account, AccountTotals)
    assert books != account


async def assert_stopped(stage: Stage) -> None:
    """No further input is taken, and what was decided in the failed one does not leave."""
    assert stage.machine.state_of("core:auditor") is ActorState.FAILED
    intents, submitted = len(stage.intents), stage.venue.portfolio_state(0)
    with pytest.raises(ActorError, match="the machine has failed"):
        await stage.session.publish(minute(3))
    with pytest.raises(ActorError, match="the machine has failed"):
        await stage.session.end()
    assert len(stage.intents) == intents
    assert stage.venue.portfolio_state(0) == submitted


# --- errors that no fill shows --------------------------------------------------------------------


@pytest.mark.parametrize("change", [more_cash, more_fees, more_held])
async def test_error_that_crept_in_between_is_found_at_the_close(
    change: Callable[[Book, str], Book],
) -> None:
    async with stage_of() as stage:
        await stage.publish(minutes(3))
        capital = stage.orchestrator.capital_manager
        put_book(capital, change(capital.books["a"], "AAA"))
        with pytest.raises(ActorFailedError, match="'core:auditor' failed") as failure:
            await stage.session.end()
        assert isinstance(failure.value.__cause__, InvariantBrokenError)


async def test_effects_of_the_failed_input_are_not_carried_out() -> None:
    """The round that a fill opened is under way when the ledgers are found to differ."""
    instrument_id, plant, _ = ERRORS["cash of a book"]
    stage = stage_of(instrument_id)
    start = plant(stage)
    taken: list[str] = []
    submit = stage.venue.submit

    def watched(command: Any) -> None:
        taken.append(command.client_order_id)
        submit(command)

    stage.venue.submit = watched  # type: ignore[method-assign]
    async with stage:
        await stage.publish(minutes(2))
        start()
        before = list(taken)
        with pytest.raises(ActorFailedError):
            await stage.session.publish(minute(2))
        assert taken == before


def test_checks_are_counted_at_every_change_and_close() -> None:
    script = Script(always=buy(1))
    stage = play(following({"a": script, "b": script}), minutes(10), fees=FEES)
    assert len(stage.fills) == 18
    assert stage.system.auditor.checks == 18 + 1
    total = sum(one.cash for one in stage.system.books.values())
    assert total == stage.system.auditor.ledger.cash
