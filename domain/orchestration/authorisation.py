"""May this command leave? Form, price, state, own quantity, budget: pure rules in that order.

The budget rule is an upper bound of the worst case: the most that the positions can bind whichever
exits fill, plus the stand-alone margin of every entry that works, plus that of this one, must not
exceed the book's equity. Margins are subadditive, so whichever orders fill, the book can carry them
at these prices (tests/property/test_authorisation.py tries all). What an entry reserved stays as it
was approved while it works, at the prices of that moment: later prices can push a book below, then
only reducing commands pass. Exits are never judged by the budget that they relieve.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import combinations
from typing import TypeAlias

import msgspec

from orchestrion.domain.margin.requirement import MarginModel, UnpricedError, total_of
from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.instrument import Equity, Index, InstrumentCatalog
from orchestrion.domain.models.money import (
    ZERO,
    add,
    is_multiple,
    round_to_cent,
    subtract,
)
from orchestrion.domain.models.order import Leg, Order, OrderSide
from orchestrion.domain.models.portfolio import Book, Marks
from orchestrion.domain.orchestration.lifecycle import PauseMode, StrategyStatus, TradingState
from orchestrion.domain.orchestration.proposal import working_quantity

EXITS_COMBINED_MAX = 6
"""Working coupled exits whose combinations are all tried: 2^6 margins, some milliseconds. With more
a coarser bound holds. Arbitrary; a strategy rarely closes more than two structures at once."""

Refusal: TypeAlias = tuple[RefusalCode, str]
Change: TypeAlias = Mapping[str, Decimal]
"""Instrument id -> signed quantity that an order would add."""


class MarginRule(msgspec.Struct, frozen=True, gc=False):
    """The account's margin model with what it has to look at, at one moment."""

    model: MarginModel
    catalog: InstrumentCatalog
    marks: Marks
    now: int

    def initial(self, quantities: Change) -> Decimal:
        """
        Raises:
            UnpricedError: an instrument or underlying has no price.
        """
        return self.model.margin_of(quantities, self.catalog, self.marks, now=self.now).initial

    def is_coupled(self, instrument_id: str) -> bool:
        return self.model.is_coupled(self.catalog.tradable(instrument_id))

    def any_coupled(self, legs: Iterable[Leg]) -> bool:
        return any(self.is_coupled(leg.instrument_id) for leg in legs)


class Standing(msgspec.Struct, frozen=True, gc=False):
    """What a strategy is allowed at all."""

    status: StrategyStatus
    pause_mode: PauseMode | None
    trading_state: TradingState


def form_fault(
    order: SubmitOrder, book: Book, catalog: InstrumentCatalog, marks: Marks, now: int
) -> Refusal | None:
    """Whether the instruments of an order exist, live, have a price, and fit its quantities.

    A whole holding may be closed although it is no multiple of the lot: a split or another lot size
    leaves such.
    """
    for leg in order.legs:
        instrument = catalog.get(leg.instrument_id)
        if instrument is None:
            return (
                RefusalCode.UNKNOWN_INSTRUMENT,
                f"{leg.instrument_id!r} is in no data of this run",
            )
        if isinstance(instrument, Index):
            return (
                RefusalCode.UNKNOWN_INSTRUMENT,
                f"{leg.instrument_id} is an index, nobody trades it",
            )
        if not isinstance(instrument, Equity) and instrument.expiry_ts <= now:
            return RefusalCode.EXPIRED_INSTRUMENT, f"{leg.instrument_id} has expired"
        if not is_multiple(leg.quantity, instrument.lot_size) and not _closes_whole(leg, book):
            detail = f"{leg.quantity:f} is no multiple of the lot {instrument.lot_size:f}"
            return RefusalCode.INVALID_QUANTITY, f"{leg.instrument_id}: {detail}"
        if marks.price_e9(leg.instrument_id) is None:
            return RefusalCode.NO_PRICE, f"{leg.instrument_id} has had no price yet"
        for price in (order.limit_price, order.stop_price):
            if price is not None and not is_multiple(price, instrument.price_increment):
                detail = f"{price:f} is no multiple of the tick {instrument.price_increment:f}"
                return RefusalCode.INVALID_PRICE, f"{leg.instrument_id}: {detail}"
    return None


def _closes_whole(leg: Leg, book: Book) -> bool:
    return leg.signed_quantity == book.quantity(leg.instrument_id).copy_negate()


def standing_fault(standing: Standing, *, is_reducing: bool) -> Refusal | None:
    """Whether the strategy's and the account's state let the command pass."""
    if standing.trading_state is TradingState.HALTED:
        return RefusalCode.TRADING_HALTED, "the account is HALTED: nothing leaves"
    if standing.status is StrategyStatus.QUARANTINED:
        return RefusalCode.STRATEGY_QUARANTINED, "the strategy is in quarantine"
    if standing.status is StrategyStatus.STOPPED:
        return RefusalCode.STRATEGY_STOPPED, "the strategy has stopped"
    if standing.status is StrategyStatus.STOPPING:
        return RefusalCode.STRATEGY_STOPPED, "the strategy is stopping"
    if standing.pause_mode is PauseMode.FROZEN:
        return RefusalCode.STRATEGY_PAUSED, "the strategy is paused (frozen)"
    if is_reducing:
        return None
    if standing.trading_state is TradingState.REDUCING:
        return RefusalCode.TRADING_REDUCING, "the account is REDUCING: only exits leave"
    if standing.status is StrategyStatus.REDUCING:
        return RefusalCode.TRADING_REDUCING, "the strategy is reducing: only its exits leave"
    if standing.pause_mode is not None:
        return RefusalCode.STRATEGY_PAUSED, f"the strategy is paused ({standing.pause_mode})"
    return None


def quantity_fault(order: SubmitOrder, book: Book, *, is_exit: bool) -> Refusal | None:
    """A reduce-only order must reduce, and by no more than is held and not being closed already."""
    if not order.reduce_only or is_exit:
        return None
    held = ", ".join(
        f"{leg.instrument_id} {book.quantity(leg.instrument_id):f}" for leg in order.legs
    )
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
    order: SubmitOrder, held: Change, exits: Sequence[Change], rule: MarginRule
) -> bool:
    """For an order whose every leg shrinks: whether the worst-case margin does not rise by it.

    Selling a condor's long wing shrinks a quantity and raises the margin: not reducing. Neither is
    selling the second of two wings while the sale of the first one works.

    Args:
        held: what the book holds.
        exits: what ``coupled_exits`` says of the working orders.
    """
    if not rule.any_coupled(order.legs):
        return True
    change = _sum_by_instrument((leg.instrument_id, leg.signed_quantity) for leg in order.legs)
    try:
        before = worst_margin(held, exits, rule)
        return worst_margin(held, [*exits, change], rule) <= before
    except UnpricedError:
        return False


def coupled_exits(working: Iterable[Order], rule: MarginRule) -> list[Change]:
    """What each working exit that touches something coupled would still change; others only free
    margin."""
    return [
        _sum_by_instrument(
            (leg.instrument_id, left if leg.side is OrderSide.BUY else left.copy_negate())
            for i, leg in enumerate(order.legs)
            if (left := order.remaining(i)) > 0
        )
        for order in working
        if order.is_reducing and rule.any_coupled(order.legs)
    ]


def freed_by_exits(working: Iterable[Order], rule: MarginRule) -> Decimal:
    """Margin that the working exits of what is not coupled will set free."""
    freed = ZERO
    for order in working:
        if order.is_reducing and not rule.any_coupled(order.legs):
            for i, leg in enumerate(order.legs):
                left = max(order.remaining(i), ZERO)
                closed = left if leg.signed_quantity < 0 else left.copy_negate()
                freed = add(freed, rule.initial({leg.instrument_id: closed}))
    return freed


def exits_beyond(held: Change, working: Iterable[Order]) -> dict[str, Decimal]:
    """What the working exits would open if they all filled: usually nothing. A fill that another
    order, a settlement or the venue brought may have closed what they were to close."""
    closing: dict[str, list[Decimal]] = {}
    for order in working:
        if order.is_reducing:
            for i, leg in enumerate(order.legs):
                left = order.remaining(i)
                if left > 0:
                    sides = closing.setdefault(leg.instrument_id, [ZERO, ZERO])
                    side = 0 if leg.side is OrderSide.BUY else 1
                    sides[side] = add(sides[side], left)
    beyond: dict[str, Decimal] = {}
    for instrument_id, (bought, sold) in closing.items():
        quantity = held.get(instrument_id, ZERO)
        over_bought = subtract(bought, max(quantity.copy_negate(), ZERO))
        over_sold = subtract(sold, max(quantity, ZERO))
        if over_bought > 0 or over_sold > 0:  # the greater one: they cannot both come to be
            larger = over_bought if over_bought >= over_sold else over_sold.copy_negate()
            beyond[instrument_id] = larger
    return beyond


def worst_margin(held: Change, exits: Sequence[Change], rule: MarginRule) -> Decimal:
    """The most initial margin that holdings can bind, whichever of the exits fill.

    Raises:
        UnpricedError: an instrument or underlying has no price.
    """
    if not exits:
        return rule.initial(held) if held else ZERO
    if len(exits) > EXITS_COMBINED_MAX:
        # Margins are subadditive and exits only shrink, so each position alone is the bound.
        return total_of(
            rule.model.margin_of({key: one}, rule.catalog, rule.marks, now=rule.now)
            for key, one in held.items()
        ).initial
    return max(
        rule.initial(_after(held, filled))
        for count in range(len(exits) + 1)
        for filled in combinations(exits, count)
    )


def least_margin(held: Change, exits: Sequence[Change], rule: MarginRule) -> Decimal:
    """What holdings bind when all of the exits have filled.

    Raises:
        UnpricedError: an instrument or underlying has no price.
    """
    return rule.initial(_after(held, exits))


def requirement(
    order: SubmitOrder, book: Book, working: Mapping[str, Order], rule: MarginRule
) -> Decimal:
    """What an entry binds while it works: the stand-alone initial margin of all its legs.

    A roll's leg that closes what the book holds binds nothing, as long as it cannot pass zero with
    all that works already on its side.

    Raises:
        UnpricedError: an instrument or underlying has no price.
    """
    if len(order.legs) == 1:
        only = order.legs[0]
        held = book.quantity(only.instrument_id)
        if not held or (held > 0) == (only.signed_quantity > 0):
            return rule.initial({only.instrument_id: only.signed_quantity})
    entering: list[tuple[str, Decimal]] = []
    closing: dict[str, Decimal] = {}
    for leg in order.legs:
        held = book.quantity(leg.instrument_id)
        closes = held and (held > 0) != (leg.signed_quantity > 0)
        if closes and not rule.is_coupled(leg.instrument_id):
            wanted = add(closing.get(leg.instrument_id, ZERO), leg.quantity)
            if add(wanted, working_quantity(leg, working)) <= held.copy_abs():
                closing[leg.instrument_id] = wanted
                continue
        entering.append((leg.instrument_id, leg.signed_quantity))
    return rule.initial(_sum_by_instrument(entering))


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
    if not needed.is_finite():
        return RefusalCode.BUDGET_EXCEEDED, "the margin model lets no account of its kind hold this"
    detail = f"needs {_money(needed)}, {_money(available)} of {_money(equity)} is free"
    return RefusalCode.BUDGET_EXCEEDED, detail


def account_fault(needed: Decimal, free: Decimal) -> Refusal | None:
    """Whether the account as a whole has room for what an entry needs."""
    if needed <= free:
        return None
    detail = f"needs {_money(needed)}, the account as a whole has {_money(free)} free"
    return RefusalCode.ACCOUNT_MARGIN_EXCEEDED, detail


def quantities(book: Book) -> dict[str, Decimal]:
    """Signed quantities of a book by instrument."""
    return {position.instrument_id: position.quantity for position in book.positions.values()}


def _after(held: Change, changes: Iterable[Change]) -> Change:
    pairs = (pair for change in (held, *changes) for pair in change.items())
    return _sum_by_instrument(pairs)


def _sum_by_instrument(pairs: Iterable[tuple[str, Decimal]]) -> dict[str, Decimal]:
    """Sums without zeros."""
    total: dict[str, Decimal] = {}
    for instrument_id, quantity in pairs:
        total[instrument_id] = add(total.get(instrument_id, ZERO), quantity)
    return {instrument_id: quantity for instrument_id, quantity in total.items() if quantity}


def _money(amount: Decimal) -> str:
    if not amount.is_finite():
        return "nothing"  # a holding that the margin model does not allow binds without end
    # Not ":.2f", which rounds as the ambient context says.
    return f"{round_to_cent(amount):f}"
