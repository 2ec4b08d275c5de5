"""A strategy's answer, checked: the form in which commands travel to the conflict rules.

Garbage is sorted out here, before anybody else has to defend against it: each bad item becomes a
refusal with a reason, the rest goes on. Nothing is ever raised for what a strategy returned.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import TypeAlias

import msgspec

from orchestrion.domain.models.command import (
    CancelOrder,
    RefusalCode,
    RefusedCommand,
    StrategyCommand,
    SubmitOrder,
)
from orchestrion.domain.models.money import MAGNITUDE_MAX, ZERO, add
from orchestrion.domain.models.order import Leg, Order, OrderSide, OrderType, TimeInForce
from orchestrion.domain.models.portfolio import Book
from orchestrion.domain.models.strategy import Signal

COMMANDS_PER_ANSWER_MAX = 1000
"""More commands from one strategy in one round are refused; arbitrary, far above honest use."""
LEGS_MAX = 16
"""Longest structure; arbitrary, four times an iron condor."""


class Proposal(msgspec.Struct, frozen=True):
    """A well-formed command of one strategy.

    Attributes:
        index: its place in the strategy's answer, from 0.
        is_exit: every leg shrinks the strategy's own quantity, working exits taken into account.
    """

    strategy_id: str
    index: int
    command: SubmitOrder | CancelOrder
    is_exit: bool


class Rejection(msgspec.Struct, frozen=True):
    """A place in a strategy's answer that cannot be used."""

    strategy_id: str
    index: int
    refusal: RefusedCommand


Checked: TypeAlias = Proposal | Rejection


class CheckedAnswer(msgspec.Struct, frozen=True):
    """A strategy's answer after the check: commands in order, and signals in order."""

    checked: tuple[Checked, ...]
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
    if not isinstance(answer, (list, tuple)):
        detail = f"a handler returns a list, a tuple or None, not {type(answer).__name__}"
        return CheckedAnswer((_reject(strategy_id, 0, None, RefusalCode.INVALID_COMMAND, detail),), ())
    if len(answer) > COMMANDS_PER_ANSWER_MAX:
        detail = f"{len(answer)} commands in one answer, at most {COMMANDS_PER_ANSWER_MAX} are taken"
        return CheckedAnswer((_reject(strategy_id, 0, None, RefusalCode.TOO_MANY_COMMANDS, detail),), ())
    checked: list[Checked] = []
    signals: list[Signal] = []
    for index, item in enumerate(answer):
        if isinstance(item, Signal) and item.strategy_id == strategy_id:
            signals.append(item)
        else:
            checked.append(_check_item(strategy_id, index, item, book, working))
    return CheckedAnswer(tuple(checked), tuple(signals))


def is_exit(command: SubmitOrder, book: Book, working: Mapping[str, Order]) -> bool:
    """Whether every leg shrinks the own quantity and no leg, with the exits that work already,
    could pass through zero."""
    seen: dict[str, Decimal] = {}
    for leg in command.legs:
        held = book.quantity(leg.instrument_id)
        if not held or (held > 0) == (leg.side is OrderSide.BUY):
            return False
        wanted = add(seen.get(leg.instrument_id, ZERO), leg.quantity)
        seen[leg.instrument_id] = wanted
        if add(wanted, _working_quantity(leg, working)) > held.copy_abs():
            return False
    return True


def _working_quantity(leg: Leg, working: Mapping[str, Order]) -> Decimal:
    """Unfilled quantity of open orders in the leg's instrument and direction."""
    total = ZERO
    for order in working.values():
        for i, other in enumerate(order.legs):
            if other.instrument_id == leg.instrument_id and other.side is leg.side:
                total = add(total, order.remaining(i))
    return total


def _check_item(
    strategy_id: str, index: int, item: object, book: Book, working: Mapping[str, Order]
) -> Checked:
    if not isinstance(item, (SubmitOrder, CancelOrder)):
        detail = f"item {index} is a {type(item).__name__}, not a command or signal"
        if isinstance(item, (Signal, StrategyCommand)):
            detail = f"item {index} is signed by {item.strategy_id!r} or of a kind nobody submits"
        return _reject(strategy_id, index, None, RefusalCode.INVALID_COMMAND, detail)
    if item.strategy_id != strategy_id:
        detail = f"the command is signed by {item.strategy_id!r}"
        return _reject(strategy_id, index, item, RefusalCode.FOREIGN_STRATEGY_ID, detail)
    if isinstance(item, CancelOrder):
        if not isinstance(item.client_order_id, str):
            detail = "client_order_id is not a text"
            return _reject(strategy_id, index, None, RefusalCode.INVALID_COMMAND, detail)
        return Proposal(strategy_id, index, item, is_exit=True)
    fault = _fault_of(item)
    if fault is not None:
        # A malformed command is not put into the refusal: the journal could not hold a NaN.
        return _reject(strategy_id, index, None, *fault)
    return Proposal(strategy_id, index, item, is_exit(item, book, working))


def _fault_of(order: SubmitOrder) -> tuple[RefusalCode, str] | None:
    """What is wrong with the form of an order; msgspec structs do not check types when built."""
    if not isinstance(order.legs, tuple) or not 1 <= len(order.legs) <= LEGS_MAX:
        return RefusalCode.INVALID_COMMAND, f"an order has 1 to {LEGS_MAX} legs in a tuple"
    for i, leg in enumerate(order.legs):
        if not isinstance(leg, Leg) or not isinstance(leg.instrument_id, str):
            return RefusalCode.INVALID_COMMAND, f"leg {i} is not a Leg"
        if not isinstance(leg.side, OrderSide):
            return RefusalCode.INVALID_COMMAND, f"leg {i}: side is {leg.side!r}"
        if not _is_amount(leg.quantity) or leg.quantity <= 0:
            detail = f"leg {i}: quantity must be a Decimal above 0, got {leg.quantity!r}"
            return RefusalCode.INVALID_QUANTITY, detail
    if not isinstance(order.order_type, OrderType) or not isinstance(
        order.time_in_force, TimeInForce
    ):
        return RefusalCode.INVALID_COMMAND, "order_type or time_in_force is not of its enum"
    if not isinstance(order.label, str) or not isinstance(order.reduce_only, bool):
        return RefusalCode.INVALID_COMMAND, "label is not a text or reduce_only not a bool"
    return _price_fault(order)


def _price_fault(order: SubmitOrder) -> tuple[RefusalCode, str] | None:
    for name, price, kind in (
        ("limit_price", order.limit_price, OrderType.LIMIT),
        ("stop_price", order.stop_price, OrderType.STOP_MARKET),
    ):
        if (price is not None) != (order.order_type is kind):
            return RefusalCode.INVALID_PRICE, f"{name} belongs to {kind} orders and only to them"
        if price is not None and not _is_amount(price):
            return RefusalCode.INVALID_PRICE, f"{name} must be a finite Decimal, got {price!r}"
    if order.order_type is OrderType.STOP_MARKET and len(order.legs) != 1:
        return RefusalCode.INVALID_PRICE, "a stop order has one leg"
    is_gtd = order.time_in_force is TimeInForce.GTD
    if is_gtd != isinstance(order.expire_ts, int):
        return RefusalCode.INVALID_COMMAND, "expire_ts belongs to GTD orders and only to them"
    return None


def _is_amount(value: object) -> bool:
    return isinstance(value, Decimal) and value.is_finite() and value.copy_abs() < MAGNITUDE_MAX


def _reject(
    strategy_id: str,
    index: int,
    command: SubmitOrder | CancelOrder | None,
    code: RefusalCode,
    detail: str,
) -> Rejection:
    refusal = RefusedCommand(strategy_id=strategy_id, command=command, code=code, detail=detail)
    return Rejection(strategy_id, index, refusal)
