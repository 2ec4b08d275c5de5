"""Netting of one round's approved commands: what trades inside, what leaves, and for whom.

    approved commands + groups to be crossed --net_round--> internal fills
                                                            + commands that leave
                                                            + orders that may not

Every strategy keeps its own order under its own id; only what leaves changes. An order that is
crossed in part leaves with the rest. Market and immediate-or-cancel orders of several strategies
with the same terms leave as one shared order, whose fills and fees are divided cumulatively
(``fill_split``); an order that may rest leaves for one owner alone, so that everybody can cancel
his own.

When opposite sides are left that could not be crossed (no fresh price, a limit beyond the price),
they must not meet outside: exits go first, then rank; an entry that would trade against one that
goes is denied. Two exits both go: who wants out gets out.

Size: per group, its orders; the check of what is left looks at all pairs of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal

import msgspec

from orchestrion.domain.models.command import ApprovedCommand, SubmitOrder
from orchestrion.domain.models.instrument import InstrumentCatalog
from orchestrion.domain.models.money import is_multiple
from orchestrion.domain.models.order import Leg, OrderSide, TimeInForce
from orchestrion.domain.models.report import OrderFilledReport
from orchestrion.domain.netting.fill_split import SharedOrder
from orchestrion.domain.netting.internal_cross import (
    CrossPrice,
    CrossRefusal,
    CrossResult,
    ResidualOrder,
    cross_order_of,
    net_orders,
)


class OwnFill(msgspec.Struct, frozen=True):
    """An internal fill and whose it is."""

    strategy_id: str
    fill: OrderFilledReport


class DeniedOrder(msgspec.Struct, frozen=True):
    """An approved order that may not leave after all, and why, in words."""

    strategy_id: str
    client_order_id: str
    reason: str


class InstrumentCross(msgspec.Struct, frozen=True):
    """What netting came to for one instrument, for people and the journal."""

    instrument_id: str
    price: CrossPrice | None
    strategy_ids: tuple[str, ...]
    refusals: tuple[CrossRefusal, ...]


class NettedRound(msgspec.Struct, frozen=True):
    """What becomes of a round's approved commands.

    Attributes:
        leaving: in the order of the commands (a shared order stands at its first owner's place).
        fills: by instrument in the order of the groups, in rank order within.
        shared: the commands of ``leaving`` that have several owners, as their fills are divided.
        denied: orders whose rest may not leave; a part may have traded inside.
        crosses: one per group.
    """

    leaving: tuple[ApprovedCommand, ...]
    shared: tuple[SharedOrder, ...] = ()
    fills: tuple[OwnFill, ...] = ()
    denied: tuple[DeniedOrder, ...] = ()
    crosses: tuple[InstrumentCross, ...] = ()


def net_round(
    approved: Sequence[ApprovedCommand],
    groups: Sequence[tuple[str, Sequence[str]]],
    prices: Callable[[str], CrossPrice | CrossRefusal],
    catalog: InstrumentCatalog,
    *,
    cross_id: str,
    now: int,
) -> NettedRound:
    """Nets the groups and says what leaves.

    Args:
        approved: the round's approved commands in order.
        groups: (instrument id, client_order_ids in rank order) of commands that a conflict rule
            wants crossed. Refused ones are left out already; an id may stand in one group only.
        prices: instrument id -> what ``cross_price`` says.
        cross_id: makes the trade ids; from the run and seq.
    """
    by_id = {one.client_order_id: one for one in approved}
    replaced: dict[str, ApprovedCommand | None] = {}
    fills: list[OwnFill] = []
    denied: list[DeniedOrder] = []
    crosses: list[InstrumentCross] = []
    for number, (instrument_id, ids) in enumerate(groups):
        orders = [
            order
            for one in ids
            if one in by_id and (order := cross_order_of(by_id[one])) is not None
        ]
        if len(dict.fromkeys(order.side for order in orders)) < 2:
            continue
        result = net_orders(
            orders,
            prices(instrument_id),
            instrument=catalog.tradable(instrument_id),
            cross_id=f"{cross_id}-{number}",
            now=now,
        )
        going, stopped = _without_self_trades(result, by_id)
        denied.extend(stopped)
        owners = {order.client_order_id: order.strategy_id for order in orders}
        fills.extend(OwnFill(owners[fill.client_order_id], fill) for fill in result.fills)
        lot_size = catalog.tradable(instrument_id).lot_size
        replaced |= dict.fromkeys(owners, None) | _leaving(going, by_id, lot_size)
        crosses.append(
            InstrumentCross(
                instrument_id, result.price, tuple(dict.fromkeys(owners.values())), result.refusals
            )
        )
    in_place = (replaced.get(one.client_order_id, one) for one in approved)
    leaving = tuple(one for one in in_place if one is not None)
    return NettedRound(
        leaving,
        tuple(_shared(one, catalog) for one in leaving if one.owners),
        tuple(fills),
        tuple(denied),
        tuple(crosses),
    )


def _without_self_trades(
    result: CrossResult, by_id: Mapping[str, ApprovedCommand]
) -> tuple[list[ResidualOrder], list[DeniedOrder]]:
    """(what goes in rank order, what is denied)."""
    if not result.has_both_sides_left:
        return list(result.residuals), []
    residuals = [alone for one in result.residuals for alone in _apart(one)]
    # Sorting is stable: exits first, then as they came, which is rank order.
    in_turn = sorted(residuals, key=lambda one: not by_id[_first(one)].is_reducing)
    going: list[ResidualOrder] = []
    stopped: list[DeniedOrder] = []
    for one in in_turn:
        rival = next((other for other in going if _would_meet(one, other)), None)
        if rival is None or by_id[_first(one)].is_reducing:
            going.append(one)
            continue
        owner = one.owners[0]
        why = "; ".join(refusal.detail for refusal in result.refusals) or "it could not be crossed"
        reason = f"{one.instrument_id} against {rival.owners[0].strategy_id}, not crossed: {why}"
        stopped.append(DeniedOrder(owner.strategy_id, owner.client_order_id, reason))
    return [one for one in residuals if one in going], stopped


def _apart(residual: ResidualOrder) -> list[ResidualOrder]:
    """The same for each owner by himself."""
    return [
        msgspec.structs.replace(residual, owners=(owner,), quantity=owner.quantity)
        for owner in residual.owners
    ]


def _first(residual: ResidualOrder) -> str:
    return residual.owners[0].client_order_id


def _would_meet(one: ResidualOrder, other: ResidualOrder) -> bool:
    if one.side is other.side or one.owners[0].strategy_id == other.owners[0].strategy_id:
        return False
    if one.limit_price is None or other.limit_price is None:
        return True
    bid, ask = (one, other) if one.side is OrderSide.BUY else (other, one)
    assert bid.limit_price is not None and ask.limit_price is not None  # noqa: S101, PT018
    return bid.limit_price >= ask.limit_price


def _leaving(
    residuals: Sequence[ResidualOrder], by_id: Mapping[str, ApprovedCommand], lot_size: Decimal
) -> dict[str, ApprovedCommand | None]:
    """client_order_id of the first owner -> the command that leaves in its place."""
    found: dict[str, ApprovedCommand | None] = {}
    for residual in residuals:
        # An odd lot (a whole holding that leaves) cannot be given out in lots.
        in_lots = all(is_multiple(owner.quantity, lot_size) for owner in residual.owners)
        together = in_lots and _is_immediate(residual)
        parts = [residual] if together else _apart(residual)
        for part in parts:
            first = by_id[_first(part)]
            found[first.client_order_id] = _command_for(part, first)
    return found


def _is_immediate(residual: ResidualOrder) -> bool:
    return residual.limit_price is None or residual.time_in_force is TimeInForce.IOC


def _command_for(residual: ResidualOrder, first: ApprovedCommand) -> ApprovedCommand:
    assert isinstance(first.command, SubmitOrder)  # noqa: S101 - only orders are crossed
    command = msgspec.structs.replace(
        first.command, legs=(Leg(residual.instrument_id, residual.side, residual.quantity),)
    )
    if len(residual.owners) == 1:
        return msgspec.structs.replace(first, command=command)
    return msgspec.structs.replace(
        first,
        # Of several owners nobody's own words or bounds count; each was judged by his own.
        command=msgspec.structs.replace(command, reduce_only=False, label="netted"),
        client_order_id=f"{first.client_order_id}-N",
        owners=residual.owners,
    )


def _shared(one: ApprovedCommand, catalog: InstrumentCatalog) -> SharedOrder:
    assert isinstance(one.command, SubmitOrder)  # noqa: S101 - only orders are crossed
    leg = one.command.legs[0]
    return SharedOrder(
        client_order_id=one.client_order_id,
        instrument_id=leg.instrument_id,
        side=leg.side,
        owners=one.owners,
        quantity_step=catalog.tradable(leg.instrument_id).lot_size,
    )
