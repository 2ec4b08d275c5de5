"""Conflicts of one command with another: who stands in whose way, type by type.

Everything here compares a command with what was there before the round (working orders, holdings,
claims) and with the commands of the round that go on so far. What becomes of it is decided in
``resolver``; conflicts over what the account has left are in ``room``.

Size: per command and type, the commands and working orders of its own instruments.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

import msgspec

from orchestrion.domain.conflict.claim import InstrumentClaims, do_clash
from orchestrion.domain.conflict.contender import (
    Contender,
    Meeting,
    Rival,
    is_same_order,
    would_cross,
)
from orchestrion.domain.conflict.policy import ConflictPolicies, ConflictType
from orchestrion.domain.conflict.round_context import RoundContext
from orchestrion.domain.models.command import CancelOrder, SubmitOrder
from orchestrion.domain.models.order import Order, OrderStatus, decision_place
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal, Proposal


class Surroundings(msgspec.Struct, frozen=True):
    """What was there before the round, as far as the round touches it.

    Attributes:
        resting: instrument id -> working orders in it, oldest first.
        occupants: instrument id -> strategies that hold it or work an order in it: holders in order
            of (priority, rank), then who ordered first.
        repeatable: strategies' own orders that may not be given again, by strategy id: working ones
            that nobody is withdrawing, and held ones.
    """

    policies: ConflictPolicies
    claims: InstrumentClaims
    resting: Mapping[str, tuple[Order, ...]]
    occupants: Mapping[str, tuple[str, ...]]
    repeatable: Mapping[str, tuple[Order | HeldProposal, ...]]


def surroundings(
    contenders: Sequence[Contender],
    checked: Sequence[Checked],
    working_orders: Mapping[str, Order],
    *,
    policies: ConflictPolicies,
    claims: InstrumentClaims,
    context: RoundContext | None,
    held: Sequence[HeldProposal],
    priorities: Mapping[str, int],
) -> Surroundings:
    """Looks over the account once. Size: one pass over working orders and commands."""
    touched = dict.fromkeys(one for each in contenders for one in each.instrument_ids)
    asking = dict.fromkeys(one.strategy_id for one in contenders)
    being_withdrawn = {
        one.command.client_order_id
        for one in checked
        if isinstance(one, Proposal) and isinstance(one.command, CancelOrder)
    }
    resting: dict[str, list[Order]] = {}
    repeatable: dict[str, list[Order | HeldProposal]] = {}
    # The order of a map must not decide who is named or who owns.
    for order in sorted(working_orders.values(), key=by_age):
        ids = dict.fromkeys(leg.instrument_id for leg in order.legs if leg.instrument_id in touched)
        for instrument_id in ids:
            resting.setdefault(instrument_id, []).append(order)
        is_leaving = (
            order.status is OrderStatus.PENDING_CANCEL or order.client_order_id in being_withdrawn
        )
        if ids and order.strategy_id in asking and not is_leaving:
            repeatable.setdefault(order.strategy_id, []).append(order)
    for one in held:
        repeatable.setdefault(one.strategy_id, []).append(one)
    return Surroundings(
        policies,
        claims,
        {key: tuple(orders) for key, orders in resting.items()},
        {one: _occupants(one, resting.get(one, ()), context, priorities) for one in touched},
        {key: tuple(orders) for key, orders in repeatable.items()},
    )


def by_age(order: Order) -> tuple[int, tuple[int, int], str]:
    """Sorts orders, oldest first; those of one moment in the order in which they were decided."""
    return order.ts_decided, decision_place(order.client_order_id), order.client_order_id


def _occupants(
    instrument_id: str,
    resting: Sequence[Order],
    context: RoundContext | None,
    priorities: Mapping[str, int],
) -> tuple[str, ...]:
    figures = context.instruments.get(instrument_id) if context is not None else None
    holders = sorted(
        figures.holder_ids if figures is not None else (), key=lambda one: -priorities.get(one, 0)
    )
    return tuple(dict.fromkeys((*holders, *(order.strategy_id for order in resting))))


class Rivalry:
    """The commands of a round that go on so far, and whom a further one would meet."""

    def __init__(self, around: Surroundings) -> None:
        self._around = around
        self._going: dict[str, list[Contender]] = {}
        self._ghosts: dict[int, ConflictType] = {}
        self._detectors: dict[ConflictType, Callable[[Contender], Iterator[Meeting]]] = {
            ConflictType.EXCLUSIVE_INSTRUMENT: self._exclusive,
            ConflictType.LEVERAGE_MISMATCH: self._leverage,
            ConflictType.DUPLICATE_ORDER: self._duplicates,
            ConflictType.OPPOSING_SIDES: self._opposing,
        }

    def admit(self, contender: Contender) -> None:
        """From now on others meet it."""
        for instrument_id in contender.instrument_ids:
            self._going.setdefault(instrument_id, []).append(contender)

    def admit_ghost(self, contender: Contender, kind: ConflictType) -> None:
        """One that was refused with all members of a conflict: it still refuses those who come
        later to the same conflict, or the order of deciding would choose whom it spares."""
        self._ghosts[contender.place] = kind
        self.admit(contender)

    def meetings(self, contender: Contender) -> list[Meeting]:
        """Whom a command meets, by type and then by leg."""
        return [one for detect in self._detectors.values() for one in detect(contender)]

    def _others(self, contender: Contender, instrument_id: str, kind: ConflictType) -> list[Rival]:
        """Contenders of other strategies in an instrument that go on, in order of deciding."""
        going = [
            one
            for one in self._going.get(instrument_id, ())
            if one.strategy_id != contender.strategy_id
            and self._ghosts.get(one.place, kind) is kind
        ]
        return [Rival(one.strategy_id, one) for one in sorted(going, key=_position)]

    # -- one detector per type ------------------------------------------------------------------

    def _exclusive(self, contender: Contender) -> Iterator[Meeting]:
        """Somebody else owns an instrument, or, where it is exclusive and nobody's yet, was
        quicker in this round."""
        if contender.is_exit:
            return
        kind, around = ConflictType.EXCLUSIVE_INSTRUMENT, self._around
        for instrument_id in contender.instrument_ids:
            owner = around.claims.owner_by_id.get(instrument_id)
            if owner is None and instrument_id not in around.policies.exclusive_instruments:
                continue
            if owner is None:
                owner = next(iter(around.occupants[instrument_id]), None)
            if owner == contender.strategy_id:
                continue
            if owner is not None:
                words = f"{instrument_id} belongs to {owner}"
                yield Meeting(kind, instrument_id, contender, (Rival(owner),), words)
            elif rivals := self._others(contender, instrument_id, kind):
                words = f"{instrument_id} is for one strategy, {rivals[0].strategy_id} wants it too"
                yield Meeting(kind, instrument_id, contender, tuple(rivals), words)

    def _leverage(self, contender: Contender) -> Iterator[Meeting]:
        """Whoever is in the instrument has set leverage and margin mode; while nobody is, the
        first of the round does."""
        if contender.is_exit:
            return
        kind, around = ConflictType.LEVERAGE_MISMATCH, self._around
        for instrument_id in contender.instrument_ids:
            claims = around.claims.clashing_by_id.get(instrument_id, ())
            mine = [one for one in claims if one.strategy_id == contender.strategy_id]
            if not mine:
                continue
            claiming = [one.strategy_id for one in claims]
            against = [
                one.strategy_id for one in claims if any(do_clash(one, each) for each in mine)
            ]
            setter = next((one for one in around.occupants[instrument_id] if one in claiming), None)
            if setter is not None:
                rivals = [Rival(setter)] if setter in against else []
            else:
                rivals = [
                    rival
                    for rival in self._others(contender, instrument_id, kind)
                    if rival.strategy_id in against
                ]
            if rivals:
                winner = rivals[0].strategy_id
                words = f"{winner} has another leverage or margin mode for {instrument_id}"
                yield Meeting(kind, instrument_id, contender, tuple(rivals), words)

    def _duplicates(self, contender: Contender) -> Iterator[Meeting]:
        """The same order again. An exit is bounded by the own quantity, so it cannot do harm."""
        if contender.is_exit:
            return
        rivals = [*self._own_earlier(contender), *self._same_in_round(contender)]
        if rivals:
            subject = contender.command.legs[0].instrument_id
            kind = ConflictType.DUPLICATE_ORDER
            yield Meeting(kind, subject, contender, tuple(rivals), rivals[0].words)

    def _own_earlier(self, contender: Contender) -> Iterator[Rival]:
        """The same order of the same strategy, working or held since an earlier round."""
        for before in self._around.repeatable.get(contender.strategy_id, ()):
            if isinstance(before, HeldProposal):
                same: SubmitOrder | Order = before.command
                words = "the same order is held already"
            else:
                same = before
                words = "the same order works already"
            if is_same_order(contender.command, same):
                yield Rival(before.strategy_id, words=words)

    def _same_in_round(self, contender: Contender) -> Iterator[Rival]:
        """The same order in this round; of another strategy only where that counts."""
        kind, command = ConflictType.DUPLICATE_ORDER, contender.command
        across = self._around.policies.duplicates_across_strategies
        for one in self._going.get(command.legs[0].instrument_id, ()):
            if one.is_exit or self._ghosts.get(one.place, kind) is not kind:
                continue
            if one.strategy_id == contender.strategy_id:
                if is_same_order(command, one.command):
                    words = f"the same order as number {one.proposal.index} of its answer"
                    yield Rival(one.strategy_id, one, words=words)
            elif across and one.command.legs == command.legs:
                yield Rival(one.strategy_id, one, words=f"{one.strategy_id} gives the same order")

    def _opposing(self, contender: Contender) -> Iterator[Meeting]:
        """What the command would trade with: orders that rest, then commands that go on."""
        kind = ConflictType.OPPOSING_SIDES
        command = contender.command
        for leg in {(leg.instrument_id, leg.side): leg for leg in command.legs}.values():
            resting = [
                Rival(order.strategy_id, order=order)
                for order in self._around.resting.get(leg.instrument_id, ())
                if order.strategy_id != contender.strategy_id
                and any(
                    other.instrument_id == leg.instrument_id and other.side is not leg.side
                    for other in order.legs
                )
                and would_cross(command, order, leg.side)
            ]
            going = [
                rival
                for rival in self._others(contender, leg.instrument_id, kind)
                if rival.contender is not None
                and any(
                    other.instrument_id == leg.instrument_id and other.side is not leg.side
                    for other in rival.contender.command.legs
                )
                and would_cross(command, rival.contender.command, leg.side)
            ]
            if resting or going:
                yield Meeting(kind, leg.instrument_id, contender, (*resting, *going))


def _position(one: Contender) -> int:
    return one.position
