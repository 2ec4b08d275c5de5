"""A strategy's answer, checked: the form in which commands travel to the conflict rules.

Garbage is sorted out here, before anybody else has to defend against it: each bad item becomes a
refusal with a reason, the rest goes on. Nothing is ever raised for what a strategy returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from math import isfinite
from types import NoneType
from typing import Final, TypeAlias, cast

import msgspec

from orchestrion.domain.models.command import (
    CancelOrder,
    RefusalCode,
    RefusedCommand,
    SubmitOrder,
)
from orchestrion.domain.models.money import EXACT, ZERO, add, is_amount
from orchestrion.domain.models.order import Leg, Order, OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.strategy import Signal

COMMANDS_PER_ANSWER_MAX = 1000
"""More commands from one strategy in one round are refused; arbitrary, far above honest use."""
LEGS_MAX = 16
"""Longest structure; arbitrary, four times an iron condor."""
TEXT_CHARACTERS_MAX = 1000
"""Longest id or label; arbitrary, so that no answer can swell the journal."""
SHOWN_CHARACTERS_MAX = 60
"""As much of a bad value is shown in a refusal; arbitrary."""

Fault: TypeAlias = tuple[RefusalCode, str]

# Every order of every strategy comes by here, and naming a member of an enum costs as much as a
# decimal sum.
_LIMIT: Final = OrderType.LIMIT
_STOP_MARKET: Final = OrderType.STOP_MARKET
_GTD: Final = TimeInForce.GTD


class Proposal(msgspec.Struct, frozen=True, gc=False):
    """A well-formed command of one strategy.

    Attributes:
        index: its place in the strategy's answer, from 0.
        is_exit: every leg shrinks the strategy's own quantity, working exits taken into account.
        scaled_from: the quantity of each leg that was asked for, when a conflict rule has cut the
            command; empty when nothing was cut.
        has_waited: it was held for a cancel that the venue refused, so it is not held again.
    """

    strategy_id: str
    index: int
    command: SubmitOrder | CancelOrder
    is_exit: bool
    scaled_from: tuple[Decimal, ...] = ()
    has_waited: bool = False


class Rejection(msgspec.Struct, frozen=True):
    """A place in a strategy's answer that cannot be used."""

    strategy_id: str
    index: int
    refusal: RefusedCommand


class HeldProposal(msgspec.Struct, frozen=True):
    """A command that waits until others' resting orders are withdrawn; only conflict rules make
    it. It is no order yet: nothing is reserved, no venue has seen it.

    Attributes:
        waits_for: client_order_ids of the others' orders, oldest first.
    """

    strategy_id: str
    index: int
    command: SubmitOrder
    is_exit: bool
    waits_for: tuple[str, ...]


Answered: TypeAlias = Proposal | Rejection
"""What a strategy's answer is made of."""
Checked: TypeAlias = Proposal | Rejection | HeldProposal
"""What the conflict rules make of it."""


class CheckedAnswer(msgspec.Struct, frozen=True, gc=False):
    """A strategy's answer after the check: commands in order, and signals in order."""

    checked: tuple[Answered, ...]
    signals: tuple[Signal, ...]


def check_answer(
    strategy_id: str, answer: object, book: Book, working: Mapping[str, Order]
) -> CheckedAnswer:
    """Sorts what a strategy returned into proposals, rejections and signals.

    Args:
        answer: whatever the handler returned; None and empty sequences mean nothing to do.
        book: the strategy's own book as it saw it.
        working: its own open orders.
    """
    if answer is None:
        return CheckedAnswer((), ())
    items = _items_of(answer)
    if items is None:
        detail = f"a handler returns a list, a tuple or None, not {_kind_of(answer)}"
        rejection = _reject(strategy_id, 0, None, RefusalCode.INVALID_COMMAND, detail)
        return CheckedAnswer((rejection,), ())
    if len(items) > COMMANDS_PER_ANSWER_MAX:
        detail = f"{len(items)} commands in one answer, at most {COMMANDS_PER_ANSWER_MAX} are taken"
        rejection = _reject(strategy_id, 0, None, RefusalCode.TOO_MANY_COMMANDS, detail)
        return CheckedAnswer((rejection,), ())
    checked: list[Answered] = []
    signals: list[Signal] = []
    for index, item in enumerate(items):
        one = _check_item(strategy_id, index, item, book, working)
        if isinstance(one, (Proposal, Rejection)):
            checked.append(one)
        else:
            signals.append(one)
    return CheckedAnswer(tuple(checked), tuple(signals))


def is_exit(command: SubmitOrder, book: Book, working: Mapping[str, Order]) -> bool:
    """Whether every leg shrinks the own quantity and no leg, with the exits that work already,
    could pass through zero."""
    seen: dict[str, Decimal] = {}
    for leg in command.legs:
        held = book.quantity(leg.instrument_id)
        if not held or (held > 0) == (leg.side.sign > 0):
            return False
        wanted = leg.quantity
        if len(command.legs) > 1:
            wanted = add(seen.get(leg.instrument_id, ZERO), wanted)
            seen[leg.instrument_id] = wanted
        if working:
            wanted = add(wanted, working_quantity(leg, working))
        if wanted > held.copy_abs():
            return False
    return True


def working_quantity(leg: Leg, working: Mapping[str, Order]) -> Decimal:
    """Unfilled quantity of open orders in the leg's instrument and direction."""
    total = ZERO
    for order in working.values():
        for i, other in enumerate(order.legs):
            if other.instrument_id == leg.instrument_id and other.side is leg.side:
                # An overfilled leg has nothing left; it must not make room for others.
                total = add(total, max(order.remaining(i), ZERO))
    return total


# What follows asks for exact types, never ``isinstance``: a subclass can run its own code at every
# attribute, comparison and ``repr``, and would be unknown to the journal.


def _items_of(answer: object) -> tuple[object, ...] | None:
    """The items of a list or a tuple; None when it is neither."""
    if type(answer) is tuple:
        return cast("tuple[object, ...]", answer)
    return tuple(cast("list[object]", answer)) if type(answer) is list else None


def _check_item(
    strategy_id: str, index: int, item: object, book: Book, working: Mapping[str, Order]
) -> Answered | Signal:
    fault: Fault | None
    if type(item) is SubmitOrder:
        fault = _order_fault(item)
    elif type(item) is CancelOrder:
        fault = _cancel_fault(item)
    elif type(item) is Signal:
        fault = _signal_fault(item)
    else:
        detail = f"item {index} is {_kind_of(item)}, not a command or signal"
        return _reject(strategy_id, index, None, RefusalCode.INVALID_COMMAND, detail)
    if fault is not None:
        # A malformed command is not put into the refusal: the journal could not hold it.
        return _reject(strategy_id, index, None, *fault)
    if item.strategy_id != strategy_id:
        command = None if isinstance(item, Signal) else item
        detail = f"item {index} is signed by {_shown(item.strategy_id)}"
        return _reject(strategy_id, index, command, RefusalCode.FOREIGN_STRATEGY_ID, detail)
    if isinstance(item, SubmitOrder):
        return Proposal(strategy_id, index, item, is_exit(item, book, working))
    return item if isinstance(item, Signal) else Proposal(strategy_id, index, item, True)


def _signal_fault(signal: Signal) -> Fault | None:
    # A NaN would reach the strategies of later stages, and break them instead of its sender.
    if not (
        _is_text(signal.strategy_id) and _is_text(signal.name) and _is_text(signal.instrument_id)
    ):
        return RefusalCode.INVALID_COMMAND, f"a signal's texts are {_TEXT}"
    if not _is_number(signal.value):
        detail = f"a signal's value must be a finite float, got {_shown(signal.value)}"
        return RefusalCode.INVALID_COMMAND, detail
    return None


def _cancel_fault(cancel: CancelOrder) -> Fault | None:
    if not (
        _is_text(cancel.strategy_id) and _is_text(cancel.client_order_id) and _is_text(cancel.label)
    ):
        return RefusalCode.INVALID_COMMAND, f"client_order_id and label are {_TEXT}"
    return None


def _order_fault(order: SubmitOrder) -> Fault | None:
    """What is wrong with the form of an order; msgspec structs do not check types when built."""
    legs: tuple[object, ...] = order.legs if type(order.legs) is tuple else ()
    if not 1 <= len(legs) <= LEGS_MAX:
        return RefusalCode.INVALID_COMMAND, f"an order has 1 to {LEGS_MAX} legs in a tuple"
    for i, leg in enumerate(legs):
        fault = _leg_fault(i, leg)
        if fault is not None:
            return fault
    if type(order.order_type) is not OrderType:
        return RefusalCode.INVALID_COMMAND, f"order_type is {_shown(order.order_type)}"
    if type(order.time_in_force) is not TimeInForce:
        return RefusalCode.INVALID_COMMAND, f"time_in_force is {_shown(order.time_in_force)}"
    if not (_is_text(order.strategy_id) and _is_text(order.label)):
        return RefusalCode.INVALID_COMMAND, f"strategy_id and label are {_TEXT}"
    if type(order.reduce_only) is not bool:
        return RefusalCode.INVALID_COMMAND, f"reduce_only is {_shown(order.reduce_only)}"
    return _price_fault(order)


def _leg_fault(index: int, leg: object) -> Fault | None:
    if type(leg) is not Leg or not _is_text(leg.instrument_id):
        return RefusalCode.INVALID_COMMAND, f"leg {index} is not a Leg with an instrument id"
    if type(leg.side) is not OrderSide:
        return RefusalCode.INVALID_COMMAND, f"leg {index}: side is {_shown(leg.side)}"
    if not _is_amount(leg.quantity) or leg.quantity <= 0:
        detail = f"leg {index}: quantity must be {_AMOUNT} above 0, got {_shown(leg.quantity)}"
        return RefusalCode.INVALID_QUANTITY, detail
    return None


def _price_fault(order: SubmitOrder) -> Fault | None:
    kind = order.order_type
    fault = _fault_of_price("limit_price", order.limit_price, kind, _LIMIT)
    if fault is None:
        fault = _fault_of_price("stop_price", order.stop_price, kind, _STOP_MARKET)
    if fault is not None:
        return fault
    if kind is _STOP_MARKET and len(order.legs) != 1:
        return RefusalCode.INVALID_PRICE, "a stop order has one leg"
    if (order.time_in_force is _GTD) != (order.expire_ts is not None):
        return RefusalCode.INVALID_COMMAND, "expire_ts belongs to GTD orders and only to them"
    if order.expire_ts is not None and not _is_timestamp(order.expire_ts):
        detail = f"expire_ts must be nanoseconds UTC as an int, got {_shown(order.expire_ts)}"
        return RefusalCode.INVALID_COMMAND, detail
    return None


def _fault_of_price(
    name: str, price: Decimal | None, kind: OrderType, own_kind: OrderType
) -> Fault | None:
    """``own_kind``: the only type of order that has this price, and must have it."""
    if (price is not None) != (kind is own_kind):
        return RefusalCode.INVALID_PRICE, f"{name} belongs to {own_kind} orders and only to them"
    if price is not None and not _is_amount(price):
        return RefusalCode.INVALID_PRICE, f"{name} must be {_AMOUNT}, got {_shown(price)}"
    return None


_AMOUNT = "a finite Decimal with at most nine decimals"
_TEXT = f"texts of at most {TEXT_CHARACTERS_MAX} characters that UTF-8 can hold"


def _is_amount(value: object) -> bool:
    return type(value) is Decimal and is_amount(value)


def _is_number(value: object) -> bool:
    return (type(value) is float and isfinite(value)) or _is_int64(value)


def _is_timestamp(value: object) -> bool:
    return _is_int64(value) and cast("int", value) >= 0


def _is_int64(value: object) -> bool:
    """The journal holds no larger ones."""
    return type(value) is int and -(2**63) <= value < 2**63


def _is_text(value: object) -> bool:
    return (
        type(value) is str
        and len(value) <= TEXT_CHARACTERS_MAX
        and (value.isascii() or _has_utf8(value))
    )


def _has_utf8(text: str) -> bool:
    """A lone surrogate has none."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _shown(value: object) -> str:
    """A bad value in a refusal's words, short whatever it is."""
    if type(value) is Decimal:
        text = EXACT.to_sci_string(value)
    elif type(value) in (str, float, bool, NoneType) or _is_int64(value):
        text = repr(value)
    else:
        return _kind_of(value)
    return text if len(text) <= SHOWN_CHARACTERS_MAX else f"{text[:SHOWN_CHARACTERS_MAX]}..."


def _kind_of(value: object) -> str:
    # Past the metaclass, which may have a ``__name__`` of its own.
    name = type.__dict__["__name__"].__get__(type(value))
    return f"a {name[:SHOWN_CHARACTERS_MAX]}"


def _reject(
    strategy_id: str,
    index: int,
    command: SubmitOrder | CancelOrder | None,
    code: RefusalCode,
    detail: str,
) -> Rejection:
    refusal = RefusedCommand(strategy_id=strategy_id, command=command, code=code, detail=detail)
    return Rejection(strategy_id, index, refusal)
