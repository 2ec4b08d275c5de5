"""Conflicts between strategies: found, resolved by a named policy, and told.

Commands come in rank order. In one round, opposite sides of one instrument from different
strategies are a conflict (OPPOSING_SIDES): sent as they are, the account would trade with itself.
The same holds against another strategy's working order that the new one would cross. Whatever the
policy, an exit never loses to an entry: who wants out of a position gets out.

Exits and working orders are firm: nothing here can take them back, so an entry that meets one
loses, whatever its rank. Entries among themselves are decided in rank order, so that each one meets
only those that really go on: who loses to a refused command has lost for nothing.

This module knows one conflict type and three policies; further types are added as detectors and
further policies as branches of ``_decide``. Size: for each leg, the legs and working orders of its
instrument.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from enum import StrEnum
from types import MappingProxyType

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


NO_PRIORITIES: Mapping[str, int] = MappingProxyType({})


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
    priorities: Mapping[str, int] = NO_PRIORITIES,
) -> Resolution:
    """Detects and resolves the conflicts of one round.

    Args:
        checked: all strategies' answers in rank order; rejections pass through untouched.
        working_orders: the account's open orders by client_order_id.
        priorities: by strategy id, 0 where it is missing. Priority decides before rank does: a
            strategy of a later stage with the higher one wins.

    Returns:
        As many entries as came in, in the same order.
    """
    if len(checked) <= 1 and not working_orders:
        return Resolution(tuple(checked), ())
    order = sorted(
        range(len(checked)), key=lambda place: -priorities.get(checked[place].strategy_id, 0)
    )
    resolution = _resolve([checked[place] for place in order], working_orders, policies)
    by_place = dict(zip(order, resolution.checked, strict=True))
    return Resolution(tuple(by_place[place] for place in range(len(checked))), resolution.events)


def _resolve(
    checked: Sequence[Checked], working_orders: Mapping[str, Order], policies: ConflictPolicies
) -> Resolution:
    """The same for commands that stand in the order in which they win."""
    round_wishes = _RoundWishes(checked, working_orders)
    losers: dict[int, str] = {}
    events: list[StrategyConflictDetectedEvent] = []
    for wishes in round_wishes.by_place:
        meetings = [
            _Meeting(wish, rivals) for wish in wishes if (rivals := round_wishes.rivals(wish))
        ]
        if not meetings:
            continue
        lost = _decide(policies.opposing_sides, meetings)
        round_wishes.withdraw(policies.opposing_sides, meetings, lost)
        for place, detail in lost.items():
            losers.setdefault(place, f"{policies.opposing_sides}: {detail}")
        events.extend(_told(policies.opposing_sides, one, lost) for one in meetings)
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
    instrument_id: str
    strategy_id: str
    side: OrderSide
    is_exit: bool
    order: SubmitOrder | Order

    @property
    def is_firm(self) -> bool:
        """Nothing can take it back here: an exit, or an order that works already."""
        return self.is_exit or self.place < 0


class _Meeting(msgspec.Struct, frozen=True):
    """A wish and everybody whom it would trade with."""

    wish: _Wish
    rivals: list[_Wish]


class _RoundWishes:
    """All wishes of a round, by place and by instrument."""

    def __init__(self, checked: Sequence[Checked], working_orders: Mapping[str, Order]) -> None:
        self.by_place: list[list[_Wish]] = []
        self._working = working_orders
        self._by_instrument: dict[str, list[_Wish]] = {}
        self._withdrawn: set[int] = set()
        for place, one in enumerate(checked):
            if isinstance(one, Proposal) and isinstance(one.command, SubmitOrder):
                self.by_place.append(_wishes_of(place, one, one.command))
        for wishes in self.by_place:
            for wish in wishes:
                if wish.instrument_id not in self._by_instrument:
                    resting = self._resting(wish.instrument_id)
                    self._by_instrument[wish.instrument_id] = resting
                self._by_instrument[wish.instrument_id].append(wish)

    def _resting(self, instrument_id: str) -> list[_Wish]:
        """Working orders, oldest first: the order of a map must not decide who is named."""
        found = [
            (order, leg)
            for order in self._working.values()
            for leg in order.legs
            if leg.instrument_id == instrument_id
        ]
        found.sort(key=lambda one: (one[0].ts_decided, one[0].client_order_id))
        return [
            _Wish(-1, instrument_id, order.strategy_id, leg.side, order.is_reducing, order)
            for order, leg in found
        ]

    def rivals(self, wish: _Wish) -> list[_Wish]:
        """Working orders, then commands by place. Of two commands the later one, and of an exit
        and an entry the entry, has the other as its rival: each pair meets once."""
        return [
            other
            for other in self._by_instrument[wish.instrument_id]
            if other.strategy_id != wish.strategy_id
            and other.side is not wish.side
            and other.place not in self._withdrawn
            and _decides_later(wish, other)
            and _would_cross(wish, other)
        ]

    def withdraw(
        self, policy: ConflictPolicy, meetings: list[_Meeting], lost: Mapping[int, str]
    ) -> None:
        """Takes losers out of what is still to be decided.

        Not those who lost to each other under ``reject_all``: they still refuse a third.
        """
        is_mutual = policy is ConflictPolicy.REJECT_ALL and not _firm_rivals(meetings)
        if not is_mutual:
            self._withdrawn.update(lost)


def _wishes_of(place: int, proposal: Proposal, command: SubmitOrder) -> list[_Wish]:
    return [
        _Wish(place, leg.instrument_id, proposal.strategy_id, leg.side, proposal.is_exit, command)
        for leg in command.legs
    ]


def _decides_later(wish: _Wish, other: _Wish) -> bool:
    if wish.is_exit != other.is_exit and other.place >= 0:
        return other.is_exit
    return other.place < wish.place


def _firm_rivals(meetings: list[_Meeting]) -> list[tuple[str, _Wish]]:
    return [
        (one.wish.instrument_id, rival) for one in meetings for rival in one.rivals if rival.is_firm
    ]


def _decide(policy: ConflictPolicy, meetings: list[_Meeting]) -> dict[int, str]:
    """Place -> against whom, for everybody who loses by these meetings of one command."""
    wish = meetings[0].wish
    if policy is ConflictPolicy.ALLOW or wish.is_exit:
        return {}
    firm = _firm_rivals(meetings)
    instrument_id, winner = firm[0] if firm else (wish.instrument_id, meetings[0].rivals[0])
    lost = {wish.place: f"{instrument_id} against {winner.strategy_id}"}
    if policy is ConflictPolicy.REJECT_ALL and not firm:
        for one in meetings:
            for rival in one.rivals:
                detail = f"{one.wish.instrument_id} against {wish.strategy_id}"
                lost.setdefault(rival.place, detail)
    return lost


def _told(
    policy: ConflictPolicy, meeting: _Meeting, lost: Mapping[int, str]
) -> StrategyConflictDetectedEvent:
    wish, rivals = meeting.wish, meeting.rivals
    refused = [one.strategy_id for one in (*rivals, wish) if one.place in lost]
    words = f"refused: {', '.join(dict.fromkeys(refused))}" if refused else "all go on"
    return StrategyConflictDetectedEvent(
        strategy_ids=[*dict.fromkeys(rival.strategy_id for rival in rivals), wish.strategy_id],
        conflict_type=ConflictType.OPPOSING_SIDES,
        instrument_id=wish.instrument_id,
        policy=policy,
        resolution=words,
    )


def _would_cross(wish: _Wish, rival: _Wish) -> bool:
    """Whether the two could trade with each other now: not when limits lie apart, and not a stop,
    which trades only once it is reached (then it is the venue's market order, and the next round
    sees what it left)."""
    first, second = wish.order, rival.order
    if OrderType.STOP_MARKET in (first.order_type, second.order_type):
        return False
    if first.order_type is not OrderType.LIMIT or second.order_type is not OrderType.LIMIT:
        return True
    if len(first.legs) > 1 or len(second.legs) > 1:
        return True
    bid, ask = (first, second) if wish.side is OrderSide.BUY else (second, first)
    if bid.limit_price is None or ask.limit_price is None:
        return True
    return bid.limit_price >= ask.limit_price


def _refuse(proposal: Proposal, detail: str) -> Rejection:
    refusal = RefusedCommand(
        strategy_id=proposal.strategy_id,
        command=proposal.command,
        code=RefusalCode.CONFLICT,
        detail=detail,
    )
    return Rejection(proposal.strategy_id, proposal.index, refusal)
