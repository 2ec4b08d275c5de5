"""Laws of all conflict types and policies together, recomputed here from the figures alone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain.conflict import (
    POLICIES_OF_TYPE,
    CommandFigures,
    ConflictPolicies,
    ConflictPolicy,
    ConflictType,
    InstrumentClaims,
    InstrumentFigures,
    Resolution,
    RoundContext,
    StrategyFigures,
    resolve_conflicts,
)
from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.order import Order, OrderSide, OrderStatus
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal, Proposal, Rejection
from tests.fakes_conflict import figures
from tests.fakes_rules import leg, limit, order_for, working_order

pytestmark = pytest.mark.slow

OWNERS = ("a", "b", "c", "d")
NAMES = ("X", "Y")
UNIT_COSTS = {"X": 10, "Y": 7}
seldom = st.sampled_from([False, False, False, True])
Policies: TypeAlias = dict[ConflictType, ConflictPolicy]


class Round(msgspec.Struct):
    """Everything that is resolved, and from what its context was made."""

    checked: list[Checked]
    working: dict[str, Order]
    context: RoundContext
    priorities: dict[str, int]
    claims: InstrumentClaims

    def resolve(self, policies: ConflictPolicies) -> Resolution:
        return resolve_conflicts(
            self.checked,
            self.working,
            policies,
            self.priorities,
            claims=self.claims,
            context=self.context,
        )

    def orders(self) -> list[tuple[int, Proposal, SubmitOrder]]:
        """(place, proposal, order) of all that are not refused on their own."""
        return [
            (place, one, one.command)
            for place, one in enumerate(self.checked)
            if isinstance(one, Proposal)
            and isinstance(one.command, SubmitOrder)
            and (found := self.context.commands[place]) is not None
            and found.refusal is None
        ]


@st.composite
def submissions(draw: st.DrawFn, *, sides: Sequence[int] = (1, -1)) -> SubmitOrder:
    names = draw(st.lists(st.sampled_from(NAMES), min_size=1, max_size=2, unique=True))
    legs = [leg(one, draw(st.sampled_from(sides)) * draw(st.integers(1, 9))) for one in names]
    options: dict[str, Any] = limit(draw(st.integers(9, 11))) if draw(seldom) else {}
    return order_for(*legs, owner=draw(st.sampled_from(OWNERS)), **options)


def cost(command: SubmitOrder) -> Decimal:
    return sum((one.quantity * UNIT_COSTS[one.instrument_id] for one in command.legs), Decimal(0))


@st.composite
def rounds(draw: st.DrawFn, *, sides: Sequence[int] = (1, -1), exits: bool = True) -> Round:
    commands = draw(st.lists(submissions(sides=sides), max_size=6))
    checked: list[Checked] = []
    for command in sorted(commands, key=lambda one: one.strategy_id):
        is_exit = exits and draw(seldom)
        checked.append(Proposal(command.strategy_id, len(checked), command, is_exit))
    found = [
        CommandFigures(
            (RefusalCode.LIMIT_EXCEEDED, "own limit") if draw(seldom) and draw(seldom) else None,
            Decimal(0) if one.is_exit else cost(one.command),
            one.is_exit,
        )
        for one in checked
        if isinstance(one, Proposal) and isinstance(one.command, SubmitOrder)
    ]
    working = {
        f"W{number}": working_order(
            command,
            f"W{number}",
            is_reducing=draw(st.booleans()),
            ts_decided=number,
            status=draw(st.sampled_from([OrderStatus.ACCEPTED, OrderStatus.PENDING_CANCEL])),
        )
        for number, command in enumerate(draw(st.lists(submissions(sides=sides), max_size=2)))
    }
    budgets = st.none() | st.integers(0, 300)
    strategies = {
        one: StrategyFigures(Decimal(300), Decimal(free))
        for one in OWNERS
        if (free := draw(budgets)) is not None
    }
    # Budgets judge a command alone first: what does not fit is refused before it comes here.
    for i, one in enumerate(checked):
        own = strategies.get(one.strategy_id)
        if own is not None and found[i].requirement > own.free:
            found[i] = CommandFigures((RefusalCode.BUDGET_EXCEEDED, "own budget"))
    bounds = st.none() | st.integers(0, 250).map(Decimal)
    return Round(
        checked,
        working,
        RoundContext(
            commands=tuple(found),
            instruments={one: draw(instrument_figures()) for one in NAMES},
            strategies=strategies,
            equity=Decimal(draw(st.integers(0, 500))),
            free=draw(bounds),
            margin_room=draw(bounds),
        ),
        {one: draw(st.integers(0, 1)) for one in OWNERS},
        InstrumentClaims({"Y": "c"} if draw(seldom) else {}),
    )


@st.composite
def instrument_figures(draw: st.DrawFn) -> InstrumentFigures:
    low = draw(st.integers(-6, 6))
    return figures(
        low=low,
        high=low + draw(st.integers(0, 6)),
        quantity_max=draw(st.none() | st.integers(0, 15)),
        unit_notional=draw(st.sampled_from([0, 10])),
        underlying=draw(st.sampled_from(["", "IDX"])),
        holders=draw(st.lists(st.sampled_from(OWNERS), unique=True, max_size=2)),
    )


@st.composite
def policies_of(draw: st.DrawFn, *allowed: ConflictPolicy) -> ConflictPolicies:
    """Any mix, or one in which every type has one of the allowed that makes sense for it."""
    named: Policies = {}
    for kind, sensible in POLICIES_OF_TYPE.items():
        choices = [one for one in sensible if not allowed or one in allowed]
        named[kind] = draw(st.sampled_from(choices or [ConflictPolicy.PRIORITY]))
    return ConflictPolicies.choose(
        named,
        concentration_max_fraction=draw(st.none() | st.just(Decimal("0.3"))),
        exclusive_instruments=("X",) if draw(seldom) else (),
        duplicates_across_strategies=draw(st.booleans()),
    )


# -- the bounds, written out once more ------------------------------------------------------------


class Bounds:
    """By how much commands together pass each bound; only bounds that are passed."""

    def __init__(self, commands: Iterable[tuple[SubmitOrder, Decimal]]) -> None:
        self.faults: dict[tuple[ConflictType, str], Decimal] = {}
        self._going = list(commands)

    def note(self, kind: ConflictType, subject: str, figure: Decimal, most: Decimal) -> None:
        if figure > most:
            self.faults[kind, subject] = figure - most

    def note_requirements(self, context: RoundContext) -> None:
        required = sum((needed for _, needed in self._going), Decimal(0))
        if context.free is not None:
            self.note(ConflictType.CAPITAL, "", required, context.free)
        if context.margin_room is not None:
            self.note(ConflictType.MARGIN, "", required, context.margin_room)

    def ends(self, name: str, before: InstrumentFigures) -> tuple[Decimal, Decimal]:
        """(lowest, highest) quantity that can come to be held."""
        low, high = before.low, before.high
        for command, _ in self._going:
            for each in command.legs:
                if each.instrument_id == name and each.side is OrderSide.BUY:
                    high += each.quantity
                elif each.instrument_id == name:
                    low -= each.quantity
        return low, high

    def note_quantity(self, name: str, one: InstrumentFigures) -> None:
        if one.quantity_max is None:
            return
        low, high = self.ends(name, one)
        most = max(one.quantity_max, abs(one.low), abs(one.high))
        self.note(ConflictType.POSITION_LIMIT, f"{name} BUY", high, most)
        self.note(ConflictType.POSITION_LIMIT, f"{name} SELL", -low, most)

    def note_concentration(self, context: RoundContext, fraction: Decimal) -> None:
        now: dict[str, Decimal] = {}
        then: dict[str, Decimal] = {}
        for name, one in context.instruments.items():
            group = one.underlying_id or name
            largest = max(abs(one.low), abs(one.high))
            now[group] = now.get(group, Decimal(0)) + largest * one.unit_notional
            largest = max(abs(each) for each in self.ends(name, one))
            then[group] = then.get(group, Decimal(0)) + largest * one.unit_notional
        for group, figure in then.items():
            most = max(fraction * context.equity, now[group])
            self.note(ConflictType.CONCENTRATION, group, figure, most)


def room_faults(
    context: RoundContext,
    policies: ConflictPolicies,
    commands: Iterable[tuple[SubmitOrder, Decimal]],
) -> dict[tuple[ConflictType, str], Decimal]:
    bounds = Bounds(commands)
    bounds.note_requirements(context)
    for name, one in context.instruments.items():
        bounds.note_quantity(name, one)
    if policies.concentration_max_fraction is not None:
        bounds.note_concentration(context, policies.concentration_max_fraction)
    return bounds.faults


def with_cost(
    command: SubmitOrder, context: RoundContext, place: int
) -> tuple[SubmitOrder, Decimal]:
    """A command as it goes on, which may be smaller, with what it needs."""
    found = context.commands[place]
    assert found is not None
    return command, (Decimal(0) if found.is_exit else cost(command))


def approved_by_a_capital_manager(
    given_round: Round, policies: ConflictPolicies, resolution: Resolution
) -> dict[int, tuple[SubmitOrder, Decimal]]:
    """Who goes on and passes the account's bounds besides, in order of deciding; exits first.

    Who waits for a cancel has its room kept.
    """
    passed: dict[int, tuple[SubmitOrder, Decimal]] = {}
    places = sorted(
        (place for place, _, _ in given_round.orders()),
        key=lambda place: -given_round.priorities[given_round.checked[place].strategy_id],
    )
    for wants_exits in (True, False):
        for place in places:
            after, found = resolution.checked[place], given_round.context.commands[place]
            assert found is not None
            if isinstance(after, Rejection) or found.is_exit is not wants_exits:
                continue
            assert isinstance(after.command, SubmitOrder)
            one = with_cost(after.command, given_round.context, place)
            before = room_faults(given_round.context, policies, passed.values())
            then = room_faults(given_round.context, policies, [*passed.values(), one])
            judged = {key for key, by in then.items() if by > before.get(key, 0)}
            judged = {key for key in judged if key[0] is not ConflictType.CONCENTRATION}
            if wants_exits or not judged:
                passed[place] = one
    return passed


# -- laws of every mix of policies ----------------------------------------------------------------


@given(rounds(), policies_of())
@settings(max_examples=150)
def test_everybody_keeps_his_place_and_exits_never_lose(
    given_round: Round, policies: ConflictPolicies
) -> None:
    resolution = given_round.resolve(policies)
    assert len(resolution.checked) == len(given_round.checked)
    for before, after, found in zip(
        given_round.checked, resolution.checked, given_round.context.commands, strict=True
    ):
        assert isinstance(before, Proposal)
        assert isinstance(before.command, SubmitOrder)
        assert found is not None
        assert (after.strategy_id, after.index) == (before.strategy_id, before.index)
        if found.refusal is not None:
            assert isinstance(after, Rejection)
            assert (after.refusal.code, after.refusal.detail) == found.refusal
        elif before.is_exit:
            assert after is before or isinstance(after, HeldProposal)
        elif isinstance(after, Rejection):
            assert after.refusal.code in (
                RefusalCode.CONFLICT,
                RefusalCode.BUDGET_EXCEEDED,
                RefusalCode.ACCOUNT_MARGIN_EXCEEDED,
                RefusalCode.LIMIT_EXCEEDED,
            )
            assert after.refusal.command is before.command
        elif isinstance(after, Proposal) and after is not before:
            assert after.scaled_from == tuple(one.quantity for one in before.command.legs)
            assert isinstance(after.command, SubmitOrder)
            ratios = {
                mine.quantity / theirs.quantity
                for mine, theirs in zip(after.command.legs, before.command.legs, strict=True)
            }
            assert len(ratios) == 1
            assert 0 < min(ratios) < 1
            assert all(one.quantity % 1 == 0 for one in after.command.legs)


@given(rounds(), policies_of())
@settings(max_examples=100)
def test_loser_is_told_and_what_is_cancelled_is_waited_for(
    given_round: Round, policies: ConflictPolicies
) -> None:
    resolution = given_round.resolve(policies)
    lost = {
        one.strategy_id
        for one in resolution.checked
        if isinstance(one, Rejection) and one.refusal.code is RefusalCode.CONFLICT
    }
    named: set[str] = set()
    for event in resolution.events:
        assert policies.of(ConflictType(event.conflict_type)) == event.policy
        assert len(set(event.strategy_ids)) == len(event.strategy_ids)
        _, _, refused = event.resolution.partition("refused: ")
        named |= {one for one in refused.split(", ") if one}
    assert named == lost
    waited_for = {one for each in resolution.held for one in each.waits_for}
    assert set(resolution.cancels) == {
        one
        for one in waited_for
        if given_round.working[one].status is not OrderStatus.PENDING_CANCEL
    }
    for each in resolution.held:
        for one in each.waits_for:
            order = given_round.working[one]
            assert order.strategy_id != each.strategy_id
            assert not order.is_reducing


@given(rounds(), policies_of())
@settings(max_examples=100)
def test_crossed_commands_go_on_and_stand_on_both_sides(
    given_round: Round, policies: ConflictPolicies
) -> None:
    resolution = given_round.resolve(policies)
    assert not resolution.crosses or policies.opposing_sides is ConflictPolicy.NET
    for group in resolution.crosses:
        sides: set[OrderSide] = set()
        for place in group.places:
            one = resolution.checked[place]
            assert isinstance(one, Proposal)
            assert isinstance(one.command, SubmitOrder)
            (only,) = one.command.legs
            assert only.instrument_id == group.instrument_id
            sides.add(only.side)
        assert len(sides) == 2


@given(rounds(), policies_of(), st.data())
@settings(max_examples=60)
def test_order_of_maps_plays_no_part(
    given_round: Round, policies: ConflictPolicies, data: st.DataObject
) -> None:
    def shuffled(found: Mapping[str, Any]) -> dict[str, Any]:
        return {key: found[key] for key in data.draw(st.permutations(list(found)))}

    context = given_round.context
    other = msgspec.structs.replace(
        given_round,
        working=shuffled(given_round.working),
        priorities=shuffled(given_round.priorities),
        context=msgspec.structs.replace(
            context,
            instruments=shuffled(context.instruments),
            strategies=shuffled(context.strategies),
        ),
    )
    assert other.resolve(policies) == given_round.resolve(policies)


# -- what the account has left --------------------------------------------------------------------


@given(rounds(), policies_of())
@settings(max_examples=150)
def test_what_goes_on_fits(given_round: Round, policies: ConflictPolicies) -> None:
    """The capital manager refuses nothing more; with ``allow`` it decides."""
    if any(policies.of(kind) is ConflictPolicy.ALLOW for kind in ConflictType):
        return
    resolution = given_round.resolve(policies)
    context = given_round.context
    going = [
        with_cost(after.command, context, place)
        for place, after in enumerate(resolution.checked)
        if not isinstance(after, Rejection) and isinstance(after.command, SubmitOrder)
    ]
    exits = [
        with_cost(one, context, place) for place, each, one in given_round.orders() if each.is_exit
    ]
    by_exits = room_faults(context, policies, exits)
    together = room_faults(context, policies, going)
    assert all(by <= by_exits.get(key, 0) for key, by in together.items())


@given(rounds(), policies_of(ConflictPolicy.PRIORITY))
@settings(max_examples=150)
def test_nobody_loses_to_what_does_not_go_on(
    given_round: Round, policies: ConflictPolicies
) -> None:
    """Without the others' refused commands every loser would lose all the same."""
    resolution = given_round.resolve(policies)
    passed = approved_by_a_capital_manager(given_round, policies, resolution)
    for place, one in enumerate(resolution.checked):
        if not isinstance(one, Rejection) or one.refusal.code is not RefusalCode.CONFLICT:
            continue
        keep = [*passed, place]
        alone = msgspec.structs.replace(
            given_round,
            checked=[each for at, each in enumerate(given_round.checked) if at in keep],
            context=msgspec.structs.replace(
                given_round.context,
                commands=tuple(
                    each for at, each in enumerate(given_round.context.commands) if at in keep
                ),
            ),
        )
        again = alone.resolve(policies).checked[sorted(keep).index(place)]
        assert isinstance(again, Rejection)


SCALED = ConflictPolicies.choose(
    {}, default=ConflictPolicy.SCALE_PRO_RATA, concentration_max_fraction=Decimal("0.3")
)


@given(rounds(sides=(1,)))
@settings(max_examples=150)
def test_scaled_quantities_are_the_largest_that_fit(given_round: Round) -> None:
    """One unit more of anything that was cut passes a bound."""
    policies = msgspec.structs.replace(
        SCALED,
        duplicate_order=ConflictPolicy.ALLOW,
        exclusive_instrument=ConflictPolicy.ALLOW,
    )
    given_round.working.clear()
    resolution = given_round.resolve(policies)
    context = given_round.context
    passed = approved_by_a_capital_manager(given_round, policies, resolution)
    for place, one, command in given_round.orders():
        after = resolution.checked[place]
        is_nothing = isinstance(after, Rejection) and after.refusal.code is RefusalCode.CONFLICT
        if not is_nothing and not (isinstance(after, Proposal) and after.scaled_from):
            continue
        units = units_in(command)
        now = after.command if isinstance(after, Proposal) else None
        count = units_in(now) if isinstance(now, SubmitOrder) else 0
        more = order_for(
            *(
                msgspec.structs.replace(each, quantity=each.quantity * (count + 1) / units)
                for each in command.legs
            ),
            owner=one.strategy_id,
        )
        others = [each for other, each in passed.items() if other != place]
        before = room_faults(
            context, policies, [*others, *([passed[place]] if place in passed else [])]
        )
        then = room_faults(context, policies, [*others, with_cost(more, context, place)])
        assert any(by > before.get(key, 0) for key, by in then.items())


def units_in(command: SubmitOrder) -> int:
    quantities = [int(one.quantity) for one in command.legs]
    return max(n for n in range(1, 10) if all(one % n == 0 for one in quantities))


@given(rounds(sides=(1,), exits=False), st.permutations(OWNERS))
@settings(max_examples=100)
def test_reject_all_does_not_depend_on_rank(given_round: Round, ranks: list[str]) -> None:
    """Who is refused together is so in whatever order the strategies stand."""
    given_round.working.clear()
    for owner in OWNERS:
        given_round.priorities[owner] = 0
    given_round.context = msgspec.structs.replace(
        given_round.context, strategies={}, margin_room=None, instruments={}
    )
    policies = ConflictPolicies(
        capital=ConflictPolicy.REJECT_ALL, duplicate_order=ConflictPolicy.ALLOW
    )
    # One command each: of two of one strategy the second can be too much for it alone.
    first = {
        one.strategy_id: place for place, one in reversed(list(enumerate(given_round.checked)))
    }
    order = [first[owner] for owner in ranks if owner in first]

    def fates(places: list[int]) -> dict[int, str]:
        context = msgspec.structs.replace(
            given_round.context,
            commands=tuple(given_round.context.commands[place] for place in places),
        )
        found = resolve_conflicts(
            [given_round.checked[place] for place in places], {}, policies, context=context
        )
        return {place: type(one).__name__ for place, one in zip(places, found.checked, strict=True)}

    assert fates(order) == fates(sorted(order))
