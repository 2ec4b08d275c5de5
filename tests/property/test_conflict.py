"""Laws of opposing sides, against definitions written out pair by pair."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any, TypeAlias

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrion.domain.conflict import (
    CommandFigures,
    ConflictPolicies,
    ConflictPolicy,
    ConflictType,
    Resolution,
    RoundContext,
    is_plain,
    needs_screening,
    resolve_conflicts,
)
from orchestrion.domain.conflict.policy import POLICIES_OF_TYPE
from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.order import Order, OrderSide, OrderType
from orchestrion.domain.orchestration.events import StrategyConflictDetectedEvent
from orchestrion.domain.orchestration.proposal import Checked, Proposal, Rejection, check_answer
from tests.fakes_rules import book_of, cancel, leg, limit, order_for, working_order

pytestmark = pytest.mark.slow

OWNERS = ("a", "b", "c", "d")
NAMES = ("X", "Y")
legs = st.lists(
    st.builds(leg, st.sampled_from(NAMES), st.sampled_from([1, -1])), min_size=1, max_size=2
)
# Entries and market orders are the rule: too many exits and limits and nothing else ever meets.
seldom = st.sampled_from([False, False, False, True])
Round: TypeAlias = tuple[list[Checked], dict[str, Order]]


@st.composite
def commands(draw: st.DrawFn) -> SubmitOrder:
    owner, wanted = draw(st.sampled_from(OWNERS)), draw(legs)
    options: dict[str, Any] = limit(draw(st.integers(9, 11))) if draw(seldom) else {}
    if len(wanted) == 1 and draw(seldom):
        options = {"order_type": OrderType.STOP_MARKET, "stop_price": Decimal(9)}
    return order_for(*wanted, owner=owner, **options)


@st.composite
def rounds(draw: st.DrawFn) -> Round:
    """Answers in rank order (owners in order of the alphabet), and working orders."""
    checked: list[Checked] = []
    for command in sorted(draw(st.lists(commands(), max_size=6)), key=lambda one: one.strategy_id):
        owner = command.strategy_id
        checked.append(Proposal(owner, len(checked), command, is_exit=draw(seldom)))
    if draw(st.booleans()):
        checked.insert(0, Proposal("a", 9, cancel("W0", owner="a"), is_exit=True))
        checked.extend(check_answer("d", ["garbage"], book_of(), {}).checked)
    working = {
        f"W{number}": working_order(
            command, f"W{number}", is_reducing=draw(st.booleans()), ts_decided=number
        )
        for number, command in enumerate(draw(st.lists(commands(), max_size=3)))
    }
    return checked, working


def crosses(one: SubmitOrder | Order, other: SubmitOrder | Order) -> bool:
    """Whether two orders of different strategies could trade with each other; a stop not yet."""
    if one.strategy_id == other.strategy_id:
        return False
    if OrderType.STOP_MARKET in (one.order_type, other.order_type):
        return False
    are_plain_limits = all(
        each.order_type is OrderType.LIMIT and len(each.legs) == 1 for each in (one, other)
    )
    for mine in one.legs:
        for theirs in other.legs:
            if mine.instrument_id != theirs.instrument_id or mine.side is theirs.side:
                continue
            if not are_plain_limits:
                return True
            bid, ask = (one, other) if mine.side is OrderSide.BUY else (other, one)
            assert bid.limit_price is not None
            assert ask.limit_price is not None
            return bid.limit_price >= ask.limit_price
    return False


def only_opposing(policy: ConflictPolicy) -> ConflictPolicies:
    """Equal orders, which are drawn often, are told but go on."""
    return ConflictPolicies(policy, duplicate_order=ConflictPolicy.ALLOW)


def opposing_events(resolution: Resolution) -> list[StrategyConflictDetectedEvent]:
    return [one for one in resolution.events if one.conflict_type == ConflictType.OPPOSING_SIDES]


def submissions(checked: list[Checked]) -> list[tuple[int, Proposal, SubmitOrder]]:
    return [
        (place, one, one.command)
        for place, one in enumerate(checked)
        if isinstance(one, Proposal) and isinstance(one.command, SubmitOrder)
    ]


def expected_losers(
    checked: list[Checked], working: dict[str, Order], policy: ConflictPolicy
) -> set[int]:
    """The definition: entries lose to exits and working orders; then among themselves."""
    orders = submissions(checked)
    if policy is ConflictPolicy.ALLOW:
        return set()
    firm: list[SubmitOrder | Order] = [*working.values()]
    firm += [command for _, one, command in orders if one.is_exit]
    beaten = {
        place
        for place, one, command in orders
        if not one.is_exit and any(crosses(command, other) for other in firm)
    }
    entries = [
        (place, command)
        for place, one, command in orders
        if not one.is_exit and place not in beaten
    ]
    if policy is ConflictPolicy.REJECT_ALL:
        return beaten | {
            place
            for place, command in entries
            if any(crosses(command, other) for _, other in entries)
        }
    going: list[SubmitOrder] = []
    for place, command in entries:
        if any(crosses(command, other) for other in going):
            beaten.add(place)
        else:
            going.append(command)
    return beaten


def losers(resolution: Resolution, checked: list[Checked]) -> set[int]:
    return {
        place
        for place, (after, before) in enumerate(zip(resolution.checked, checked, strict=True))
        if after is not before
    }


policies = st.sampled_from(
    [ConflictPolicy.PRIORITY, ConflictPolicy.REJECT_ALL, ConflictPolicy.ALLOW]
)


@given(rounds(), policies)
@settings(max_examples=400)
def test_losers_are_those_of_the_definition(given_round: Round, policy: ConflictPolicy) -> None:
    checked, working = given_round
    resolution = resolve_conflicts(checked, working, only_opposing(policy))
    assert losers(resolution, checked) == expected_losers(checked, working, policy)


@given(rounds(), st.sampled_from([ConflictPolicy.PRIORITY, ConflictPolicy.REJECT_ALL]))
@settings(max_examples=300)
def test_no_entry_goes_on_that_would_trade_with_the_own_account(
    given_round: Round, policy: ConflictPolicy
) -> None:
    checked, working = given_round
    resolution = resolve_conflicts(checked, working, only_opposing(policy))
    going = submissions(list(resolution.checked))
    for _, one, command in going:
        if not one.is_exit:
            assert not any(crosses(command, other) for _, _, other in going)
            assert not any(crosses(command, other) for other in working.values())


@given(rounds(), policies)
def test_exits_always_go_on_and_refusals_say_what_was_asked(
    given_round: Round, policy: ConflictPolicy
) -> None:
    checked, working = given_round
    resolution = resolve_conflicts(checked, working, only_opposing(policy))
    assert len(resolution.checked) == len(checked)
    for before, after in zip(checked, resolution.checked, strict=True):
        if isinstance(before, Rejection) or before.is_exit:
            assert after is before
        elif after is not before:
            assert isinstance(after, Rejection)
            assert (after.strategy_id, after.index) == (before.strategy_id, before.index)
            assert after.refusal.command is before.command
            assert after.refusal.strategy_id == before.strategy_id
            assert after.refusal.code is RefusalCode.CONFLICT


@given(rounds(), policies, st.data())
def test_map_order_plays_no_part_and_nothing_is_changed(
    given_round: Round, policy: ConflictPolicy, data: st.DataObject
) -> None:
    checked, working = given_round
    before = copy.deepcopy((checked, working))
    shuffled = {name: working[name] for name in data.draw(st.permutations(list(working)))}
    one = resolve_conflicts(checked, working, only_opposing(policy))
    assert resolve_conflicts(checked, shuffled, only_opposing(policy)) == one
    assert resolve_conflicts(tuple(checked), working, only_opposing(policy)) == one
    assert (checked, working) == before


@given(rounds(), policies)
def test_events_tell_of_every_loser_and_of_nobody_else(
    given_round: Round, policy: ConflictPolicy
) -> None:
    checked, working = given_round
    resolution = resolve_conflicts(checked, working, only_opposing(policy))
    told = set()
    for event in opposing_events(resolution):
        assert len(set(event.strategy_ids)) == len(event.strategy_ids) >= 2
        assert event.policy == policy
        if event.resolution.startswith("refused: "):
            told.update(event.resolution.removeprefix("refused: ").split(", "))
        else:
            assert event.resolution == "all go on"
    assert told == {checked[place].strategy_id for place in losers(resolution, checked)}
    everyone: list[SubmitOrder | Order] = [command for _, _, command in submissions(checked)]
    meets_somebody = any(
        crosses(one, other) for one in everyone for other in (*everyone, *working.values())
    )
    assert bool(opposing_events(resolution)) is meets_somebody


@given(
    rounds(),
    st.sampled_from(POLICIES_OF_TYPE[ConflictType.OPPOSING_SIDES]),
    st.sampled_from([(), ("X",)]),
)
def test_plain_round_is_one_in_which_nothing_would_change(
    given_round: Round, policy: ConflictPolicy, exclusive: tuple[str, ...]
) -> None:
    checked, working = given_round
    policies = msgspec.structs.replace(only_opposing(policy), exclusive_instruments=exclusive)
    for one in checked:
        if is_plain((one,), working, policies):
            assert not needs_screening((one,), working, policies)
            assert resolve_conflicts((one,), working, policies) == Resolution((one,))
    if is_plain(checked, working, policies):
        assert resolve_conflicts(checked, working, policies) == Resolution(tuple(checked))


@given(st.lists(commands(), min_size=2, max_size=4), st.sampled_from(ConflictPolicy))
def test_plain_round_with_room_for_all_is_screened_and_unchanged(
    orders: list[SubmitOrder], default: ConflictPolicy
) -> None:
    """Every policy, every type: what the account has left is the only thing that could matter."""
    policies = ConflictPolicies.choose({}, default=default)
    checked = [
        Proposal(one.strategy_id, 0, one, is_exit=False)
        for one in sorted(orders, key=lambda one: one.strategy_id)
    ]
    if not is_plain(checked, {}, policies):
        return
    context = RoundContext(
        commands=tuple(CommandFigures(requirement=Decimal(10)) for _ in checked),
        free=Decimal(10 * len(checked)),
    )
    assert resolve_conflicts(checked, {}, policies, context=context) == Resolution(tuple(checked))


@pytest.mark.parametrize(
    ("orders", "policies", "expected"),
    [
        ([("a", 1), ("b", 2)], ConflictPolicies(), True),
        ([("a", 1), ("b", -1)], ConflictPolicies(), False),
        ([("a", 1), ("a", 2)], ConflictPolicies(), False),
        ([("a", 1), ("b", 1)], ConflictPolicies(duplicates_across_strategies=True), False),
        ([("a", 1)], ConflictPolicies(concentration_max_fraction=Decimal(1)), False),
        ([("a", 1), ("b", 1)], ConflictPolicies(exclusive_instruments=("X",)), False),
        ([], ConflictPolicies(), False),
    ],
    ids=["same side", "both sides", "same strategy", "duplicates", "holdings", "exclusive", "none"],
)
def test_what_is_a_plain_round(
    orders: list[tuple[str, int]], policies: ConflictPolicies, expected: bool
) -> None:
    checked = [
        Proposal(owner, 0, order_for(leg("X", quantity), owner=owner), is_exit=False)
        for owner, quantity in orders
    ]
    assert is_plain(checked, {}, policies) is expected


def test_order_alone_in_an_instrument_of_nobody_is_plain() -> None:
    one = Proposal("a", 0, order_for(leg("X", 1), owner="a"), is_exit=False)
    assert is_plain((one,), {}, ConflictPolicies())
    working = {"W": working_order(order_for(leg("X", 1), owner="b"), "W")}
    assert not is_plain((one,), working, ConflictPolicies())
