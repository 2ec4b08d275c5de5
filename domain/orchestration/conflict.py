"""Conflicts between strategies: found, resolved by a named policy, and told.

Commands come in rank order. In one round, opposite sides of one instrument from different
strategies are a conflict (OPPOSING_SIDES): sent as they are, the account would trade with itself.
The same holds against another strategy's working order that the new one would cross. Whatever the
policy, an exit never loses to an entry: who wants out of a position gets out.

This module knows one conflict type and three policies; further types are added as detectors and
further policies as branches of ``_decide``. Size: linear in legs plus working orders of the
instruments that are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum

import msgspec

from orchestrion.domain.models.command import RefusalCode, RefusedCommand, SubmitOrder
from orchestrion.domain.models.order import Order, OrderSide, OrderType
from orchestrion.domain.orchestration.events import StrategyConflictDetectedEvent
from orchestrion.domain.orchestration.proposal import Checked, Proposal, Rejection


class ConflictType(StrEnum):
    OPPOSING_SIDES = "OPPOSING_SIDES"


class ConflictPolicy(StrEnum):
    PRIORITY = "priority"
    """The better rank goes on, the other is refused; the default."""
    REJECT_ALL = "reject_all"
    """All entries of the conflict are refused."""
    ALLOW = "allow"
    """Everything goes on; the conflict is still told."""


class ConflictPolicies(msgspec.Struct, frozen=True):
    """Which policy answers which conflict type."""

    opposing_sides: ConflictPolicy = ConflictPolicy.PRIORITY


class Resolution(msgspec.Struct, frozen=True):
    """Commands in the order they came, losers turned into rejections; and what was found."""

    checked: tuple[Checked, ...]
    events: tuple[StrategyConflictDetectedEvent, ...]


def resolve_conflicts(
    checked: Sequence[Checked],
    working_orders: Mapping[str, Order],
    policies: ConflictPolicies,
) -> Resolution:
    """Detects and resolves the conflicts of one round.

    Args:
        checked: all strategies' answers in rank order; rejections pass through untouched.
        working_orders: the account's open orders by client_order_id.

    Returns:
        As many entries as came in, in the same order.
    """
    if len(checked) <= 1 and not working_orders:
        return Resolution(tuple(checked), ())
    losers: dict[int, str] = {}
    events: list[StrategyConflictDetectedEvent] = []
    for instrument_id, wishes in _wishes_by_instrument(checked).items():
        resting = _resting_wishes(instrument_id, working_orders)
        _resolve_instrument(instrument_id, wishes, resting, policies, losers, events)
    if not losers:
        return Resolution(tuple(checked), tuple(events))
    return Resolution(
        tuple(
            _refuse(one, losers[place]) if place in losers and isinstance(one, Proposal) else one
            for place, one in enumerate(checked)
        ),
        tuple(events),
    )


class _Wish(msgspec.Struct, frozen=True):
    """One leg that somebody wants, or already has working (``place`` -1)."""

    place: int
    strategy_id: str
    side: OrderSide
    is_exit: bool
    order: SubmitOrder | Order


def _wishes_by_instrument(checked: Sequence[Checked]) -> dict[str, list[_Wish]]:
    wishes: dict[str, list[_Wish]] = {}
    for place, one in enumerate(checked):
        if isinstance(one, Proposal) and isinstance(one.command, SubmitOrder):
            for leg in one.command.legs:
                wishes.setdefault(leg.instrument_id, []).append(
                    _Wish(place, one.strategy_id, leg.side, one.is_exit, one.command)
                )
    return wishes


def _resting_wishes(instrument_id: str, working_orders: Mapping[str, Order]) -> list[_Wish]:
    return [
        _Wish(-1, order.strategy_id, leg.side, order.is_reducing, order)
        for order in working_orders.values()
        for leg in order.legs
        if leg.instrument_id == instrument_id
    ]


def _resolve_instrument(
    instrument_id: str,
    wishes: list[_Wish],
    resting: list[_Wish],
    policies: ConflictPolicies,
    losers: dict[int, str],
    events: list[StrategyConflictDetectedEvent],
) -> None:
    policy = policies.opposing_sides
    for later, wish in enumerate(wishes):
        rivals = [
            rival
            for rival in (*resting, *wishes[:later])
            if rival.strategy_id != wish.strategy_id
            and rival.side is not wish.side
            and rival.place not in losers
            and _would_cross(wish, rival)
        ]
        if not rivals or wish.place in losers:
            continue
        lost = _decide(policy, wish, rivals)
        losers.update((place, f"{policy}: {instrument_id} against {who}") for place, who in lost)
        events.append(
            StrategyConflictDetectedEvent(
                strategy_ids=[*dict.fromkeys(rival.strategy_id for rival in rivals), wish.strategy_id],
                conflict_type=ConflictType.OPPOSING_SIDES,
                instrument_id=instrument_id,
                policy=policy,
                resolution=_in_words(wish, rivals, [place for place, _ in lost]),
            )
        )


def _decide(
    policy: ConflictPolicy, wish: _Wish, rivals: list[_Wish]
) -> list[tuple[int, str]]:
    """(place, against whom) of everybody who loses. Rivals rank before the wish.

    A working order cannot be taken back here: against it only the new wish can lose, and it does
    unless it is an exit.
    """
    if policy is ConflictPolicy.ALLOW:
        return []
    entries_before = [rival for rival in rivals if rival.place >= 0 and not rival.is_exit]
    if wish.is_exit:
        # Entries that would meet an exit lose to it, even with a better rank.
        return [(rival.place, wish.strategy_id) for rival in entries_before]
    if policy is ConflictPolicy.REJECT_ALL:
        lost = [(rival.place, wish.strategy_id) for rival in entries_before]
        return [*lost, (wish.place, rivals[0].strategy_id)]
    return [(wish.place, rivals[0].strategy_id)]


def _would_cross(wish: _Wish, rival: _Wish) -> bool:
    """Whether the two could trade with each other: not when limits lie apart."""
    first, second = wish.order, rival.order
    if first.order_type is not OrderType.LIMIT or second.order_type is not OrderType.LIMIT:
        return True
    if len(first.legs) > 1 or len(second.legs) > 1:
        return True
    bid, ask = (first, second) if wish.side is OrderSide.BUY else (second, first)
    if bid.limit_price is None or ask.limit_price is None:
        return True
    return bid.limit_price >= ask.limit_price


def _in_words(wish: _Wish, rivals: list[_Wish], lost: list[int]) -> str:
    refused = [one.strategy_id for one in (*rivals, wish) if one.place in lost]
    if not refused:
        return "all go on"
    return f"refused: {', '.join(dict.fromkeys(refused))}"


def _refuse(proposal: Proposal, detail: str) -> Rejection:
    refusal = RefusedCommand(
        strategy_id=proposal.strategy_id,
        command=proposal.command,
        code=RefusalCode.CONFLICT,
        detail=detail,
    )
    return Rejection(proposal.strategy_id, proposal.index, refusal)
