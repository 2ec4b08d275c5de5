"""``resolve_conflicts``: a round of commands in, what becomes of each out.

It sorts out who takes part, repeats the pass (``round_pass``) until nobody drops out any more, and
puts the outcome back into the order of the round.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import msgspec

from orchestrion.domain.conflict.claim import NO_CLAIMS, InstrumentClaims
from orchestrion.domain.conflict.contender import Contender
from orchestrion.domain.conflict.policy import ConflictPolicies
from orchestrion.domain.conflict.resolution import CrossGroup, Resolution
from orchestrion.domain.conflict.rivalry import by_age, surroundings
from orchestrion.domain.conflict.room import load_of, part_of, room_of
from orchestrion.domain.conflict.round_context import CommandFigures, RoundContext
from orchestrion.domain.conflict.round_pass import RoundPass, Settled, Situation
from orchestrion.domain.conflict.telling import conflict_refusal, refusal
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.models.order import Order, OrderSide, OrderStatus
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal, Proposal

NO_PRIORITIES: Mapping[str, int] = MappingProxyType({})


def needs_screening(
    checked: Sequence[Checked],
    working_orders: Mapping[str, Order],
    policies: ConflictPolicies,
    *,
    claims: InstrumentClaims = NO_CLAIMS,
    held: Sequence[HeldProposal] = (),
) -> bool:
    """Whether the conflict rules need figures of the account for this round.

    Not when the orders are of one strategy, nobody else works an order in their instruments, none
    of it is held, and no rule looks at holdings (concentration, exclusive instruments, clashing
    leverage).

    Size: one pass over commands and working orders.
    """
    orders = [
        (one, one.command)
        for one in checked
        if isinstance(one, Proposal) and isinstance(one.command, SubmitOrder)
    ]
    if not orders:
        return False
    strategy_id = orders[0][0].strategy_id
    if any(one.strategy_id != strategy_id for one, _ in orders[1:]):
        return True
    if any(one.strategy_id == strategy_id for one in held):
        return True
    if policies.concentration_max_fraction is not None and not all(
        one.is_exit for one, _ in orders
    ):
        return True
    ids = {leg.instrument_id for _, command in orders for leg in command.legs}
    if not ids.isdisjoint(policies.exclusive_instruments):
        return True
    if not ids.isdisjoint(claims.clashing_by_id):
        return True
    return any(
        order.strategy_id != strategy_id and any(leg.instrument_id in ids for leg in order.legs)
        for order in working_orders.values()
    )


def resolve_conflicts(
    checked: Sequence[Checked],
    working_orders: Mapping[str, Order],
    policies: ConflictPolicies,
    priorities: Mapping[str, int] = NO_PRIORITIES,
    *,
    claims: InstrumentClaims = NO_CLAIMS,
    context: RoundContext | None = None,
    held: Sequence[HeldProposal] = (),
) -> Resolution:
    """Detects and resolves the conflicts of one round.

    Args:
        checked: all strategies' answers in rank order; rejections and cancels pass untouched.
        working_orders: the account's open orders by client_order_id.
        priorities: by strategy id, 0 where it is missing. Priority decides before rank does: a
            strategy of a later stage with the higher one wins.
        claims: what strategies claim of instruments.
        context: figures of the account for exactly this round (``orchestration.screening``).
            Without it nobody is refused on his own, and there is room for everything.
        held: commands that wait since earlier rounds.

    Returns:
        As many entries as came in, in the same order, and what else follows; see the package.

    Raises:
        ValueError: the context is of another round.
    """
    if context is not None and len(context.commands) != len(checked):
        raise ValueError(
            f"the context is of {len(context.commands)} commands, the round has {len(checked)}"
        )
    contenders = _contenders(checked, priorities, context)
    if not contenders:
        return Resolution(_rejected_alone(checked, context))
    if context is None and not held and _meets_nothing(contenders, working_orders, claims):
        return Resolution(tuple(checked))
    situation = Situation(
        surroundings(
            contenders,
            checked,
            working_orders,
            policies=policies,
            claims=claims,
            context=context,
            held=held,
            priorities=priorities,
        ),
        context,
        contenders,
        {one.place: load_of(one) for one in contenders},
        room_of(context, policies),
        _two_sided(contenders),
    )
    settled = Settled()
    current = RoundPass(situation, settled)
    while not current.run():
        current = RoundPass(situation, settled)
    return _resolution(checked, context, current, settled)


def _contenders(
    checked: Sequence[Checked], priorities: Mapping[str, int], context: RoundContext | None
) -> tuple[Contender, ...]:
    """The orders that would not be refused on their own, in order of deciding."""
    order = sorted(
        range(len(checked)), key=lambda place: -priorities.get(checked[place].strategy_id, 0)
    )
    found: list[Contender] = []
    for position, place in enumerate(order):
        one = checked[place]
        if not isinstance(one, Proposal) or not isinstance(one.command, SubmitOrder):
            continue
        figures = _figures(context, place)
        if figures is None:
            found.append(Contender(place, position, one, one.command, one.is_exit))
        elif figures.refusal is None:
            found.append(
                Contender(place, position, one, one.command, figures.is_exit, figures.requirement)
            )
    return tuple(found)


def _meets_nothing(
    contenders: Sequence[Contender], working_orders: Mapping[str, Order], claims: InstrumentClaims
) -> bool:
    """Whether there is one order alone, in instruments that nobody works in or claims: the most
    frequent round, and the only one that is worth a way of its own."""
    if len(contenders) > 1:
        return False
    ids = contenders[0].instrument_ids
    if any(one in claims.owner_by_id or one in claims.clashing_by_id for one in ids):
        return False
    return not any(
        leg.instrument_id in ids for order in working_orders.values() for leg in order.legs
    )


def _figures(context: RoundContext | None, place: int) -> CommandFigures | None:
    return None if context is None else context.commands[place]


def _two_sided(contenders: Sequence[Contender]) -> frozenset[tuple[str, str]]:
    sides: dict[tuple[str, str], OrderSide] = {}
    both: list[tuple[str, str]] = []
    for one in contenders:
        for leg in one.command.legs:
            key = (one.strategy_id, leg.instrument_id)
            if sides.setdefault(key, leg.side) is not leg.side:
                both.append(key)
    return frozenset(both)


def _rejected_alone(
    checked: Sequence[Checked], context: RoundContext | None
) -> tuple[Checked, ...]:
    """Orders that would be refused on their own are refused here: the capital manager judges them
    later, and what took no part in the conflicts must not leave whatever it says then."""
    if context is None:
        return tuple(checked)
    after: list[Checked] = []
    for one, figures in zip(checked, context.commands, strict=True):
        if (
            figures is not None
            and figures.refusal is not None
            and isinstance(one, Proposal)
            and isinstance(one.command, SubmitOrder)
        ):
            after.append(refusal(one, *figures.refusal))
        else:
            after.append(one)
    return tuple(after)


def _resolution(
    checked: Sequence[Checked],
    context: RoundContext | None,
    outcome: RoundPass,
    settled: Settled,
) -> Resolution:
    after = list(_rejected_alone(checked, context))
    lost = {**outcome.lost, **settled.lost}
    refused = {**outcome.refused, **settled.refused}
    withdrawn: dict[str, Order] = {}
    for place, one in enumerate(after):
        if not isinstance(one, Proposal) or not isinstance(one.command, SubmitOrder):
            continue
        if place in lost:
            after[place] = conflict_refusal(one, lost[place])
        elif place in refused:
            after[place] = refusal(one, *refused[place])
        elif place in outcome.waits:
            orders = outcome.waits[place]
            withdrawn |= {order.client_order_id: order for order in orders}
            is_exit = outcome.going[place].is_exit
            ids = tuple(order.client_order_id for order in orders)
            after[place] = HeldProposal(one.strategy_id, one.index, one.command, is_exit, ids)
        elif place in outcome.going:
            after[place] = _going_on(one, one.command, outcome, place, context)
    told = sorted([*settled.events, *outcome.events], key=lambda one: one[0])
    return Resolution(
        tuple(after),
        tuple(event for _, event in told),
        tuple(
            order.client_order_id
            for order in sorted(withdrawn.values(), key=by_age)
            if order.status is not OrderStatus.PENDING_CANCEL
        ),
        _crosses(outcome),
    )


def _going_on(
    proposal: Proposal,
    command: SubmitOrder,
    outcome: RoundPass,
    place: int,
    context: RoundContext | None,
) -> Proposal:
    """The proposal itself, or a smaller one, or one that is no exit any more."""
    is_exit = outcome.going[place].is_exit
    units = outcome.units.get(place)
    if units is not None and context is not None:
        return msgspec.structs.replace(
            proposal,
            command=part_of(command, *units, context),
            scaled_from=tuple(leg.quantity for leg in command.legs),
            is_exit=is_exit,
        )
    if is_exit is not proposal.is_exit:
        return msgspec.structs.replace(proposal, is_exit=is_exit)
    return proposal


def _crosses(outcome: RoundPass) -> tuple[CrossGroup, ...]:
    """Pairs put together. Nobody in them has dropped out: that would have begun a new pass."""
    places: dict[str, dict[int, None]] = {}
    for instrument_id, one, other in outcome.crossing:
        places.setdefault(instrument_id, {}).update({one: None, other: None})
    return tuple(
        CrossGroup(instrument_id, tuple(sorted(group)))
        for instrument_id, group in sorted(places.items())
    )
