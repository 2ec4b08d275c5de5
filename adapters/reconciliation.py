"""Asks a venue what happened while nobody listened, and settles it: then trading goes on.

    every open order is asked for ─► missed reports posted ─► positions: expiries, assignments
    ─► what stays is a mismatch: nothing leaves, ``ReconciliationFailed`` names instrument, ours
       and theirs, and ``assign_difference`` is the operator's way to settle it
    ─► ``Reconciled`` is journaled: commands may leave again

The rules are in ``domain.orchestration.reconciliation``. Everything that is found is posted as an
input, so a replay needs no venue.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from decimal import Decimal
from typing import TypeVar

import anyio

from orchestrion.actors.restart_messages import AssignDifference, Reconciled
from orchestrion.adapters.session import TradingSession
from orchestrion.adapters.venue.venue_client import (
    OrderNotKnownError,
    VenueBusyError,
    VenueClient,
    VenueOrder,
    VenueSnapshot,
)
from orchestrion.domain.errors import LifecycleError, PortUnavailableError
from orchestrion.domain.models.money import ZERO
from orchestrion.domain.models.order import Order
from orchestrion.domain.models.portfolio import PortfolioState
from orchestrion.domain.orchestration.reconciliation import (
    Mismatch,
    OrderWord,
    compare_orders,
    explain,
    mismatches_of,
)

ASK_AGAIN_S = 0.25
"""Pause before a question is asked again that got no answer, seconds. Arbitrary."""
PATIENCE_S = 30.0
"""So long a venue that gives no answer is asked. Arbitrary; who starts again asks again."""
ROUNDS_MAX = 3
"""The venue is asked call by call, and something may fill in between: so often is it asked for the
whole account before a difference counts."""
_SETTLING_IDS = 1 << 40
"""Question ids of what is settled here; an operator's count up from 1."""


_Answer = TypeVar("_Answer")


async def reconcile(
    session: TradingSession,
    client: VenueClient,
    *,
    currency: str = "USD",
    cash_tolerance: Decimal | None = ZERO,
    now_ns: Callable[[], int],
) -> Reconciled:
    """Asks about orders and account, posts what is news, and lets trading go on if all is settled.

    Args:
        client: connected.
        currency: of the account; the balance that is compared.
        cash_tolerance: a difference of money up to it is left alone; None compares no money.
        now_ns: the present, nanoseconds UTC.

    Returns:
        What was journaled; with mismatches nothing leaves.

    Raises:
        PortError: the venue refused a question, or gave no answer for a long time.
    """
    unclear = await ask_about_orders(session, client, now_ns=now_ns)
    found = Reconciled(ts_event=now_ns(), mismatches=unclear)
    for _ in range(ROUNDS_MAX):
        snapshot = await take_account(client, now_ns=now_ns)
        found = await compare_account(
            session,
            snapshot,
            currency=currency,
            cash_tolerance=cash_tolerance,
            unclear=unclear,
            is_told=False,
        )
        if not found.mismatches:
            break
        # What looks different may have filled between two questions: its report is news, then.
        unclear = await ask_about_orders(session, client, now_ns=now_ns)
    await session.report(found, found.ts_event)
    return found


async def ask_about_orders(
    session: TradingSession, client: VenueClient, *, now_ns: Callable[[], int]
) -> tuple[Mismatch, ...]:
    """Asks about every open order until the answer is definite, and posts what was missed.

    Returns:
        Orders that are for a person.
    """
    orders = session.system.orders_at_venue
    since_s = anyio.current_time()
    words = [await _word(client, order, since_s) for order in orders]
    return await post_orders(session, orders, words, ts=now_ns())


async def post_orders(
    session: TradingSession, orders: Iterable[Order], words: Iterable[OrderWord], *, ts: int
) -> tuple[Mismatch, ...]:
    """Posts what of the venue's word about orders is news; returns those that are for a person."""
    compared = compare_orders(
        orders,
        {one.client_order_id: one for one in words},
        was_seen=session.system.was_seen,
        ts=ts,
    )
    for report in compared.reports:
        await session.report(report, ts)
    return compared.mismatches


async def take_account(client: VenueClient, *, now_ns: Callable[[], int]) -> VenueSnapshot:
    """Open orders, positions and balances as the venue shows them."""
    open_orders = await _answer(client.open_orders)
    positions = await _answer(client.positions)
    balances = await _answer(client.balances)
    return VenueSnapshot(
        ts_event=now_ns(), open_orders=open_orders, positions=positions, balances=balances
    )


async def compare_account(
    session: TradingSession,
    snapshot: VenueSnapshot,
    *,
    currency: str = "USD",
    cash_tolerance: Decimal | None = ZERO,
    unclear: tuple[Mismatch, ...] = (),
    is_told: bool = True,
) -> Reconciled:
    """Compares the account with the venue's word, once its orders were asked about.

    Args:
        unclear: orders that are for a person.
        is_told: whether the result is posted, and trading goes on when there is no mismatch.
    """
    cash = next((one.total for one in snapshot.balances if one.currency == currency), ZERO)
    found = await settle_positions(
        session,
        PortfolioState(snapshot.ts_event, cash, snapshot.positions),
        cash_tolerance=cash_tolerance,
        unclear=unclear,
    )
    if is_told:
        await session.report(found, found.ts_event)
    return found


async def settle_positions(
    session: TradingSession,
    theirs: PortfolioState,
    *,
    cash_tolerance: Decimal | None = ZERO,
    unclear: tuple[Mismatch, ...] = (),
) -> Reconciled:
    """Books what an expiry or assignment explains, and says what stays."""
    capital = session.system.orchestrator.capital_manager
    held: Mapping[str, Decimal] = {one.instrument_id: one.quantity for one in theirs.positions}
    ts = theirs.ts_event
    explained = explain(capital.books, held, capital.catalog, capital.marks, now=ts)
    for expiry in explained.expiries:
        await session.report(expiry, ts)
    for number, one in enumerate(explained.differences):
        question = AssignDifference(
            question_id=_SETTLING_IDS + number,
            instrument_id=one.instrument_id,
            quantity=one.quantity,
            price=one.price,
            book_id=one.book_id,
            reason=one.reason,
        )
        await _assign(session, question)
    stays = mismatches_of(
        capital,
        held,
        cash=None if cash_tolerance is None else theirs.cash,
        cash_tolerance=cash_tolerance or ZERO,
    )
    return Reconciled(ts_event=ts, mismatches=(*unclear, *stays), explained=explained.words)


async def assign_difference(
    session: TradingSession,
    *,
    instrument_id: str,
    quantity: Decimal,
    price: Decimal,
    book_id: str,
    reason: str = "operator",
) -> None:
    """Books a difference as a trade of one book: the operator's way to settle a mismatch. Ask for
    a reconciliation again afterwards; trading goes on when nothing is left.

    Args:
        quantity: signed, what the book gets.

    Raises:
        LifecycleError: no such instrument or book, or no usable number; nothing has changed.
    """
    question = AssignDifference(
        question_id=_SETTLING_IDS,
        instrument_id=instrument_id,
        quantity=quantity,
        price=price,
        book_id=book_id,
        reason=reason,
    )
    await _assign(session, question)


async def _assign(session: TradingSession, question: AssignDifference) -> None:
    answer = await session.ask(question, question.question_id)
    if answer.error:
        raise LifecycleError(answer.error)


async def _word(client: VenueClient, order: Order, since_s: float) -> OrderWord:
    """Asks until the answer is definite: not known counts only when the question began after the
    venue's visibility delay."""
    visible_s = since_s + client.traits.visibility_delay_s
    client_order_id = order.client_order_id
    while True:
        asked_s = anyio.current_time()
        try:
            shown: VenueOrder = await _answer(lambda: client.query(client_order_id))
        except OrderNotKnownError:
            if asked_s >= visible_s:
                return OrderWord(client_order_id, None)
            await anyio.sleep(max(0.0, visible_s - anyio.current_time()))
        else:
            return OrderWord(client_order_id, shown.reports())


async def _answer(question: Callable[[], Awaitable[_Answer]]) -> _Answer:
    """The answer, however often it has to be asked for; a question changes nothing.

    Raises:
        PortUnavailableError: there was none for ``PATIENCE_S``.
    """
    until_s = anyio.current_time() + PATIENCE_S
    while True:
        wait_s = ASK_AGAIN_S
        try:
            return await question()
        except VenueBusyError as busy:
            wait_s = max(wait_s, busy.retry_after_s)
            if anyio.current_time() + wait_s > until_s:
                raise
        except PortUnavailableError:
            if anyio.current_time() + wait_s > until_s:
                raise
        await anyio.sleep(wait_s)
