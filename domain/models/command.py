"""What strategies ask for, and what becomes of it.

    SubmitOrder / CancelOrder  --conflict rules, capital, margin, limits-->  ApprovedCommand
                                                                         or  RefusedCommand

The type tells how far a command has come: the execution gateway takes only ``ApprovedCommand``,
so an unchecked order cannot reach a venue by mistake.
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Final, TypeAlias

import msgspec

from orchestrion.domain.models.money import ZERO
from orchestrion.domain.models.order import (
    Leg,
    Order,
    OrderSide,
    OrderStatus,
    OrderType,
    OwnerShare,
    TimeInForce,
)


class StrategyCommand(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Base of all commands; ``strategy_id`` says whose book it will change."""

    strategy_id: str


class SubmitOrder(StrategyCommand, frozen=True, kw_only=True, gc=False, tag="SubmitOrder"):
    """Buy or sell one instrument, or a structure of several legs that is approved as a whole.

    Attributes:
        legs: one or more; quantities are in shares or contracts, multiples of the lot size.
        limit_price: price per unit for one leg; for a structure the most that may be paid (or,
            negative, the least that must be received) per unit of the structure.
        stop_price: trigger of a STOP_MARKET order; one leg only.
        expire_ts: end of a GTD order, nanoseconds UTC.
        reduce_only: refuse rather than open or increase a position.
        label: the strategy's own words, kept in the journal; never interpreted.
    """

    legs: tuple[Leg, ...]
    order_type: OrderType = OrderType.MARKET
    time_in_force: TimeInForce = TimeInForce.DAY
    limit_price: Decimal | None = None
    stop_price: Decimal | None = None
    expire_ts: int | None = None
    reduce_only: bool = False
    label: str = ""

    @classmethod
    def single(
        cls,
        strategy_id: str,
        instrument_id: str,
        side: OrderSide,
        quantity: Decimal | int,
        *,
        order_type: OrderType = OrderType.MARKET,
        time_in_force: TimeInForce = TimeInForce.DAY,
        limit_price: Decimal | None = None,
        stop_price: Decimal | None = None,
        reduce_only: bool = False,
        label: str = "",
    ) -> SubmitOrder:
        """An order for one instrument."""
        return cls(
            strategy_id=strategy_id,
            legs=(Leg(instrument_id, side, Decimal(quantity)),),
            order_type=order_type,
            time_in_force=time_in_force,
            limit_price=limit_price,
            stop_price=stop_price,
            reduce_only=reduce_only,
            label=label,
        )


class CancelOrder(StrategyCommand, frozen=True, kw_only=True, gc=False, tag="CancelOrder"):
    """Withdraw one of the strategy's own working orders."""

    client_order_id: str
    label: str = ""


class ApprovedCommand(
    StrategyCommand,
    frozen=True,
    kw_only=True,
    gc=False,
    omit_defaults=True,
    tag="ApprovedCommand",
):
    """A command that passed every rule and may leave; the only kind that a port ever receives.

    Attributes:
        client_order_id: derived from (run, seq, index), so a resend can be recognised.
        reservation: capital set aside until the order ends, account currency.
        is_reducing: every leg shrinks the strategy's own quantity.
        ts_decided: time of the deciding input; it may fill only at later prices.
        owners: for whom the order trades, in rank order, when it was netted for several
            strategies; ``strategy_id`` is then the first one's. Empty: for ``strategy_id`` alone.
    """

    command: SubmitOrder | CancelOrder
    client_order_id: str
    reservation: Decimal
    is_reducing: bool
    ts_decided: int
    owners: tuple[OwnerShare, ...] = ()


_INITIALIZED: Final = OrderStatus.INITIALIZED  # naming a member costs as much as a decimal sum


def initialized_order(
    approved: ApprovedCommand, command: SubmitOrder, status: OrderStatus = _INITIALIZED
) -> Order:
    """The order that an approved command becomes, before it leaves; ``command`` is its own.

    Args:
        status: another state for one that leaves in the same step.
    """
    return Order(
        client_order_id=approved.client_order_id,
        strategy_id=approved.strategy_id,
        legs=command.legs,
        filled=(ZERO,) * len(command.legs),
        status=status,
        order_type=command.order_type,
        time_in_force=command.time_in_force,
        limit_price=command.limit_price,
        stop_price=command.stop_price,
        is_reducing=approved.is_reducing,
        ts_decided=approved.ts_decided,
        expire_ts=command.expire_ts,
    )


class RefusalCode(StrEnum):
    """Why a command was refused. The set grows with the rules; names never change."""

    INVALID_COMMAND = "INVALID_COMMAND"
    UNKNOWN_INSTRUMENT = "UNKNOWN_INSTRUMENT"
    UNKNOWN_ORDER = "UNKNOWN_ORDER"
    EXPIRED_INSTRUMENT = "EXPIRED_INSTRUMENT"
    NO_PRICE = "NO_PRICE"
    INVALID_QUANTITY = "INVALID_QUANTITY"
    INVALID_PRICE = "INVALID_PRICE"
    FOREIGN_STRATEGY_ID = "FOREIGN_STRATEGY_ID"
    TOO_MANY_COMMANDS = "TOO_MANY_COMMANDS"
    NOT_REDUCING = "NOT_REDUCING"
    EXCEEDS_OWN_QUANTITY = "EXCEEDS_OWN_QUANTITY"
    STRATEGY_PAUSED = "STRATEGY_PAUSED"
    STRATEGY_QUARANTINED = "STRATEGY_QUARANTINED"
    STRATEGY_STOPPED = "STRATEGY_STOPPED"
    TRADING_REDUCING = "TRADING_REDUCING"
    TRADING_HALTED = "TRADING_HALTED"
    CONFLICT = "CONFLICT"
    BUDGET_EXCEEDED = "BUDGET_EXCEEDED"
    ACCOUNT_MARGIN_EXCEEDED = "ACCOUNT_MARGIN_EXCEEDED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    INSTRUMENT_SUSPENDED = "INSTRUMENT_SUSPENDED"


class RefusedCommand(msgspec.Struct, frozen=True, kw_only=True, gc=False, tag="RefusedCommand"):
    """A refusal is a value with a reason that a person can read, not an exception.

    Attributes:
        code: the rule that said no.
        detail: what was found and what would have been allowed, in words and figures.
    """

    strategy_id: str
    command: SubmitOrder | CancelOrder | None
    code: RefusalCode
    detail: str


Verdict: TypeAlias = ApprovedCommand | RefusedCommand
