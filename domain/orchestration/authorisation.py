"""May this command leave? Form, price, state, own quantity, budget: pure rules in that order.

The budget rule is an upper bound of the worst case: the margin of what is held, plus the stand-alone
margin of every entry that works, plus that of this one, must not exceed the book's equity. Margins
are subadditive, so whichever orders fill, the book can carry them at these prices; later prices can
still push it below, then only reducing commands pass. Exits are never judged by the budget that
they relieve.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

import msgspec

from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.instrument import (
    Equity,
    Future,
    Index,
    InstrumentCatalog,
    OptionContract,
)
from orchestrion.domain.models.money import (
    ZERO,
    add,
    is_multiple,
    subtract,
)
from orchestrion.domain.models.portfolio import Book, Marks
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStatus, TradingState
from orchestrion.domain.orchestration.margin import UnpricedError, margin_of

Refusal: TypeAlias = tuple[RefusalCode, str]


class Standing(msgspec.Struct, frozen=True):
    """What a strategy is allowed at all."""

    status: StrategyStatus
    pause_mode: PauseMode | None
    trading_state: TradingState


def form_fault(
    order: SubmitOrder, catalog: InstrumentCatalog, marks: Marks, now: int
) -> Refusal | None:
    """Whether the instruments of an order exist, live, have a price, and fit its quantities."""
    for leg in order.legs:
        instrument = catalog.get(leg.instrument_id)
        if instrument is None:
            return RefusalCode.UNKNOWN_INSTRUMENT, f"{leg.instrument_id!r} is in no data of this run"
        if isinstance(instrument, Index):
            return RefusalCode.UNKNOWN_INSTRUMENT, f"{leg.instrument_id} is an index, nobody trades it"
        if not isinstance(instrument, Equity) and instrument.expiry_ts <= now:
            return RefusalCode.EXPIRED_INSTRUMENT, f"{leg.instrument_id} has expired"
        if not is_multiple(leg.quantity, instrument.lot_size):
            detail = f"{leg.quantity} {leg.instrument_id} is no multiple of the lot {instrument.lot_size}"
            return RefusalCode.INVALID_QUANTITY, detail
        if marks.price_e9(leg.instrument_id) is None:
            return RefusalCode.NO_PRICE, f"{leg.instrument_id} has had no price yet"
        for price in (order.limit_price, order.stop_price):
            if price is not None and not is_multiple(price, instrument.price_increment):
                detail = f"{price} is no multiple of the tick {instrument.price_increment}"
                return RefusalCode.INVALID_PRICE, detail
    return None


def standing_fault(standing: Standing, *, is_reducing: bool) -> Refusal | None:
    """Whether the strategy's and the account's state let the command pass."""
    if standing.trading_state is TradingState.HALTED:
        return RefusalCode.TRADING_HALTED, "the account is HALTED: nothing leaves"
    if standing.status is StrategyStatus.QUARANTINED:
        return RefusalCode.STRATEGY_QUARANTINED, "the strategy is in quarantine"
    if standing.pause_mode is PauseMode.FROZEN:
        return RefusalCode.STRATEGY_PAUSED, "the strategy is paused (frozen)"
    if is_reducing:
        return None
    if standing.trading_state is TradingState.REDUCING:
        return RefusalCode.TRADING_REDUCING, "the account is REDUCING: only exits leave"
    if standing.pause_mode is not None:
        return RefusalCode.STRATEGY_PAUSED, f"the strategy is paused ({standing.pause_mode})"
    return None


def quantity_fault(order: SubmitOrder, book: Book, *, is_exit: bool) -> Refusal | None:
    """A reduce-only order must reduce, and by no more than is held and not being closed already."""
    if not order.reduce_only or is_exit:
        return None
    held = ", ".join(f"{leg.instrument_id} {book.quantity(leg.instrument_id)}" for leg in order.legs)
    shrinks = all(
        book.quantity(leg.instrument_id)
        and (book.quantity(leg.instrument_id) > 0) != (leg.signed_quantity > 0)
        for leg in order.legs
    )
    if shrinks:
        detail = f"more than is held and not being closed already ({held})"
        return RefusalCode.EXCEEDS_OWN_QUANTITY, detail
    return RefusalCode.NOT_REDUCING, f"reduce-only, but it would open or add ({held})"


def reduces_risk(
    order: SubmitOrder, book: Book, catalog: InstrumentCatalog, marks: Marks
) -> bool:
    """For an order whose every leg shrinks: whether the book's margin does not rise by it.

    Selling a condor's long wing shrinks a quantity and raises the margin: not reducing.
    """
    if not any(isinstance(catalog.get(leg.instrument_id), OptionContract) for leg in order.legs):
        return True
    before = quantities(book)
    after = dict(before)
    for leg in order.legs:
        after[leg.instrument_id] = add(after[leg.instrument_id], leg.signed_quantity)
    left = {key: quantity for key, quantity in after.items() if quantity}
    try:
        margin_after = margin_of(left, catalog, marks).initial
        return margin_after <= margin_of(before, catalog, marks).initial
    except UnpricedError:
        return False


def requirement(
    order: SubmitOrder, book: Book, catalog: InstrumentCatalog, marks: Marks
) -> Decimal:
    """What an entry binds while it works: the stand-alone initial margin of all its legs.

    A roll's leg that closes what the book holds binds nothing, as long as it cannot pass zero.

    Raises:
        UnpricedError: an instrument or underlying has no price.
    """
    entering: dict[str, Decimal] = {}
    for leg in order.legs:
        held = book.quantity(leg.instrument_id)
        closes = held and (held > 0) != (leg.signed_quantity > 0)
        if closes and leg.quantity <= held.copy_abs() and _is_linear(leg.instrument_id, catalog):
            continue
        entering[leg.instrument_id] = add(
            entering.get(leg.instrument_id, ZERO), leg.signed_quantity
        )
    return margin_of({k: q for k, q in entering.items() if q}, catalog, marks).initial


def budget_fault(needed: Decimal, *, equity: Decimal, bound: Decimal) -> Refusal | None:
    """Whether what the book has left covers what an entry needs.

    Args:
        needed: the entry's own requirement.
        equity: of the book at the marks.
        bound: margin of what is held plus everything reserved for working orders.
    """
    available = subtract(equity, bound)
    if needed <= available:
        return None
    detail = f"needs {_money(needed)}, {_money(available)} of {_money(equity)} is free"
    return RefusalCode.BUDGET_EXCEEDED, detail


def quantities(book: Book) -> dict[str, Decimal]:
    """Signed quantities of a book by instrument."""
    return {position.instrument_id: position.quantity for position in book.positions.values()}


def _is_linear(instrument_id: str, catalog: InstrumentCatalog) -> bool:
    return isinstance(catalog.get(instrument_id), (Equity, Future))


def _money(amount: Decimal) -> str:
    return f"{amount:.2f}"
