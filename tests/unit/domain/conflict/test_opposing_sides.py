"""OPPOSING_SIDES by example: who meets whom, and what each policy makes of it.

The laws are in tests/property/test_conflict.py; how rounds are written, in tests/fakes_conflict.py.
"""

from __future__ import annotations

from decimal import Decimal

import pytest

from orchestrion.domain.conflict import (
    POLICIES_OF_TYPE,
    ConflictPolicies,
    ConflictPolicy,
    ConflictType,
    Resolution,
    resolve_conflicts,
)
from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.order import OrderStatus, OrderType, TimeInForce
from orchestrion.domain.orchestration.events import StrategyConflictDetectedEvent
from orchestrion.domain.orchestration.proposal import (
    Checked,
    HeldProposal,
    Proposal,
    Rejection,
    check_answer,
)
from tests.fakes_conflict import details, outcome, proposal, resting, told
from tests.fakes_rules import book_of, cancel, leg, order_for, working_order


def resolve(
    words: str, policy: ConflictPolicy = ConflictPolicy.PRIORITY, working: str = ""
) -> Resolution:
    checked = [proposal(word) for word in words.split()]
    return resolve_conflicts(checked, resting(working), ConflictPolicies(policy))


def survivors(words: str, resolution: Resolution) -> str:
    pairs = zip(words.split(), resolution.checked, strict=True)
    return " ".join(word for word, one in pairs if isinstance(one, Proposal))


PRIORITY, REJECT_ALL, ALLOW = (
    ConflictPolicy.PRIORITY,
    ConflictPolicy.REJECT_ALL,
    ConflictPolicy.ALLOW,
)


@pytest.mark.parametrize(
    ("words", "priority", "reject_all"),
    [
        # Nothing opposed.
        ("a+X", "a+X", "a+X"),
        ("a+X b+X", "a+X b+X", "a+X b+X"),
        ("a+X b-Y", "a+X b-Y", "a+X b-Y"),
        ("a+X a-X", "a+X a-X", "a+X a-X"),
        # Entries: the better rank goes on, or nobody.
        ("a+X b-X", "a+X", ""),
        ("a-X b+X", "a-X", ""),
        ("a+X b+X c-X", "a+X b+X", ""),
        ("a+X b-X c+X", "a+X c+X", ""),
        ("a+X b-X c-X", "a+X", ""),
        ("a+X b-X c-Y", "a+X c-Y", "c-Y"),
        # An exit never loses to an entry, with a better or a worse rank.
        ("a+X b-X!", "b-X!", "b-X!"),
        ("a-X! b+X", "a-X!", "a-X!"),
        ("a+X! b-X!", "a+X! b-X!", "a+X! b-X!"),
        ("a+X b-X! c+X", "b-X!", "b-X!"),
        # Who was refused refuses nobody: b goes on, because a does not.
        ("a+X b-X c-X!", "b-X c-X!", "b-X c-X!"),
        ("a+X b-X c+X d-X!", "b-X d-X!", "b-X d-X!"),
        # Limits that lie apart do not trade with each other.
        ("a+X@9 b-X@10", "a+X@9 b-X@10", "a+X@9 b-X@10"),
        ("a+X@10 b-X@10", "a+X@10", ""),
        ("a-X@10 b+X@9", "a-X@10 b+X@9", "a-X@10 b+X@9"),
        ("a-X@9 b+X@10", "a-X@9", ""),
        ("a+X@9 b-X", "a+X@9", ""),
        # Structures are refused as a whole, and free what they would have refused.
        ("a+X+Y b-Y", "a+X+Y", ""),
        ("a+Y b-Y-X c+X", "a+Y c+X", ""),
        ("a+X+Y@1 b-X@9", "a+X+Y@1", ""),
        ("a-Y! b+X+Y c-X", "a-Y! c-X", "a-Y! c-X"),
        ("a+X+X b-X", "a+X+X", ""),
    ],
)
def test_opposing_sides_of_one_round(words: str, priority: str, reject_all: str) -> None:
    assert survivors(words, resolve(words, PRIORITY)) == priority
    assert survivors(words, resolve(words, REJECT_ALL)) == reject_all
    assert survivors(words, resolve(words, ALLOW)) == words


@pytest.mark.parametrize(
    ("words", "working", "priority", "reject_all"),
    [
        ("a+X", "b-X", "", ""),
        ("a+X", "b+X", "a+X", "a+X"),
        ("a+X", "a-X", "a+X", "a+X"),
        ("a+X", "b-Y", "a+X", "a+X"),
        ("a+X", "b-X!", "", ""),
        ("a+X!", "b-X", "a+X!", "a+X!"),
        ("a+X!", "b-X!", "a+X!", "a+X!"),
        ("a+X@9", "b-X@10", "a+X@9", "a+X@9"),
        ("a+X@10", "b-X@10", "", ""),
        ("a+X", "b-X@10", "", ""),
        ("a+X", "b-Y-X", "", ""),
        # b falls to the working order, so it refuses nobody.
        ("b-X a+X", "c+X", "a+X", "a+X"),
        ("a+X b-X", "c+X", "a+X", "a+X"),
    ],
)
def test_opposing_sides_of_a_working_order(
    words: str, working: str, priority: str, reject_all: str
) -> None:
    assert survivors(words, resolve(words, PRIORITY, working)) == priority
    assert survivors(words, resolve(words, REJECT_ALL, working)) == reject_all
    assert survivors(words, resolve(words, ALLOW, working)) == words


def test_loser_is_told_the_rule_and_against_whom() -> None:
    resolution = resolve("a+X b-X")
    loser = resolution.checked[1]
    assert isinstance(loser, Rejection)
    assert loser.refusal.code is RefusalCode.CONFLICT
    assert loser.refusal.detail == "priority: X against a"
    assert loser.refusal.command == proposal("b-X").command
    assert (loser.strategy_id, loser.refusal.strategy_id, loser.index) == ("b", "b", 0)


def test_all_losers_of_reject_all_are_told_against_whom() -> None:
    details = [
        one.refusal.detail
        for one in resolve("a+X b-X c-X", REJECT_ALL).checked
        if isinstance(one, Rejection)
    ]
    assert details == [
        "reject_all: X against b",
        "reject_all: X against a",
        "reject_all: X against a",
    ]


def test_entry_is_told_of_the_firm_rival_rather_than_of_another_entry() -> None:
    loser = resolve("a+Y b-Y-X c+X!").checked[1]
    assert isinstance(loser, Rejection)
    assert loser.refusal.detail == "priority: X against c"


def meetings(resolution: Resolution) -> list[tuple[str, str, str]]:
    return [
        (" ".join(event.strategy_ids), event.instrument_id, event.resolution)
        for event in resolution.events
    ]


@pytest.mark.parametrize(
    ("words", "policy", "working", "events"),
    [
        ("a+X b+X", PRIORITY, "", []),
        ("a+X b-X", PRIORITY, "", [("a b", "X", "refused: b")]),
        ("a+X b-X", REJECT_ALL, "", [("a b", "X", "refused: a, b")]),
        ("a+X b-X", ALLOW, "", [("a b", "X", "all go on")]),
        ("a+X b-X!", PRIORITY, "", [("b a", "X", "refused: a")]),
        ("a+X b-X!", ALLOW, "", [("b a", "X", "all go on")]),
        ("a+X! b-X!", PRIORITY, "", [("a b", "X", "all go on")]),
        ("a+X", PRIORITY, "b-X c-X", [("b c a", "X", "refused: a")]),
        ("a+X!", PRIORITY, "b-X", [("b a", "X", "all go on")]),
        ("a+X b+X c-X", PRIORITY, "", [("a b c", "X", "refused: c")]),
        ("a+X b+X! c-X", PRIORITY, "", [("a b c", "X", "refused: c")]),
        ("a+X+Y b-X-Y", PRIORITY, "", [("a b", "X", "refused: b"), ("a b", "Y", "refused: b")]),
        ("a+X b-X c-X", PRIORITY, "", [("a b", "X", "refused: b"), ("a c", "X", "refused: c")]),
    ],
)
def test_every_meeting_is_told_once(
    words: str, policy: ConflictPolicy, working: str, events: list[tuple[str, str, str]]
) -> None:
    assert meetings(resolve(words, policy, working)) == events


def test_event_names_type_and_policy() -> None:
    (event,) = resolve("a+X b-X").events
    assert event == StrategyConflictDetectedEvent(
        strategy_ids=["a", "b"],
        conflict_type=ConflictType.OPPOSING_SIDES,
        instrument_id="X",
        policy="priority",
        resolution="refused: b",
    )


def test_rejections_and_cancels_pass_untouched() -> None:
    (rejection,) = check_answer("b", [None], book_of(), {}).checked
    withdrawal = Proposal("c", 1, cancel("W0", owner="c"), is_exit=True)
    checked: list[Checked] = [proposal("a+X"), rejection, withdrawal, proposal("d-X")]
    resolution = resolve_conflicts(checked, {}, ConflictPolicies())
    assert resolution.checked[:3] == tuple(checked[:3])
    assert resolution.checked[1] is rejection
    assert isinstance(resolution.checked[3], Rejection)


def test_map_order_of_working_orders_plays_no_part() -> None:
    working = dict(resting("b-X c-X d-X"))
    backwards = dict(reversed(working.items()))
    checked = [proposal("a+X")]
    one = resolve_conflicts(checked, working, ConflictPolicies())
    assert one == resolve_conflicts(checked, backwards, ConflictPolicies())
    assert one.events[0].strategy_ids == ["b", "c", "d", "a"]


def test_limit_order_without_a_price_counts_as_crossing() -> None:
    # It cannot pass the checks of form; a wrong "no conflict" would be worse than a wrong yes.
    priceless = Proposal(
        "a", 0, order_for(leg("X", 1), owner="a", order_type=OrderType.LIMIT), is_exit=False
    )
    resolution = resolve_conflicts([priceless, proposal("b-X@9")], {}, ConflictPolicies())
    assert isinstance(resolution.checked[1], Rejection)


@pytest.mark.parametrize("policy", POLICIES_OF_TYPE[ConflictType.OPPOSING_SIDES])
def test_stop_is_no_conflict_before_it_is_reached(policy: ConflictPolicy) -> None:
    def stop(price: int) -> SubmitOrder:
        return order_for(
            leg("X", -1),
            owner="b",
            order_type=OrderType.STOP_MARKET,
            stop_price=Decimal(price),
        )

    checked = [proposal("a+X"), Proposal("b", 0, stop(9), is_exit=False)]
    working = {"W0": working_order(stop(8), "W0")}
    resolution = resolve_conflicts(checked, working, ConflictPolicies(policy))
    assert resolution == Resolution(tuple(checked), ())


# -- net ------------------------------------------------------------------------------------------

NET, CANCEL_RESTING = ConflictPolicy.NET, ConflictPolicy.CANCEL_RESTING


def groups(resolution: Resolution) -> str:
    return " ".join(
        f"{one.instrument_id}:{','.join(map(str, one.places))}" for one in resolution.crosses
    )


@pytest.mark.parametrize(
    ("words", "working", "survive", "crossed"),
    [
        ("a+X b+X", "", "a+X b+X", ""),
        ("a+X b-X", "", "a+X b-X", "X:0,1"),
        ("a+X*3 b-X c-X", "", "a+X*3 b-X c-X", "X:0,1,2"),
        ("a+X b-X a+Y c-Y", "", "a+X b-X a+Y c-Y", "X:0,1 Y:2,3"),
        # Exits are crossed like entries: nobody loses.
        ("a+X b-X!", "", "a+X b-X!", "X:0,1"),
        ("a+X! b-X!", "", "a+X! b-X!", "X:0,1"),
        # Limits that lie apart have nothing to cross.
        ("a+X@9 b-X@10", "", "a+X@9 b-X@10", ""),
        ("a+X@9 b-X@10 c-X", "", "a+X@9 b-X@10 c-X", "X:0,2"),
        # A leg of a structure is never crossed alone: by priority.
        ("a+X+Y b-X", "", "a+X+Y", ""),
        ("a+X b-X-Y", "", "a+X", ""),
        ("a+X+Y b-X!", "", "b-X!", ""),
        # What rests at the venue cannot be crossed inside: by priority.
        ("a+X", "b-X", "", ""),
        ("a+X! c-X", "b-X", "a+X! c-X", "X:0,1"),
        ("a+X c-X", "b-X", "c-X", ""),
        # Who wants both sides himself would trade with himself: by priority.
        ("a+X a-X b-X", "", "a+X a-X", ""),
    ],
)
def test_net_crosses_what_can_be_crossed_and_decides_the_rest_by_priority(
    words: str, working: str, survive: str, crossed: str
) -> None:
    resolution = resolve(words, NET, working)
    assert survivors(words, resolution) == survive
    assert groups(resolution) == crossed


@pytest.mark.parametrize("is_first", [True, False])
def test_net_leaves_stops_and_fill_or_kill_orders_alone(*, is_first: bool) -> None:
    all_or_nothing = order_for(leg("X", 1), owner="a", time_in_force=TimeInForce.FOK)
    checked: list[Checked] = [Proposal("a", 0, all_or_nothing, is_exit=False), proposal("b-X")]
    resolution = resolve_conflicts(
        checked if is_first else checked[::-1], {}, ConflictPolicies(NET)
    )
    assert outcome(resolution) == "ok CONFLICT"
    assert resolution.crosses == ()


def test_net_tells_what_is_crossed_and_what_is_not() -> None:
    assert told(resolve("a+X b-X c-X", NET)) == [
        "OPPOSING_SIDES X [a b]: crossed inside: a, b",
        "OPPOSING_SIDES X [a c]: crossed inside: a, c",
    ]
    assert told(resolve("a+X! c-X!", NET, "b-X")) == [
        "OPPOSING_SIDES X [b a]: all go on",
        "OPPOSING_SIDES X [a c]: crossed inside: a, c",
    ]


# -- cancel_resting -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "working", "becomes", "cancels"),
    [
        ("a+X", "b+X", "ok", ""),
        ("a+X", "b-X", "held:W0", "W0"),
        ("a+X", "b-X c-X", "held:W0,W1", "W0 W1"),
        ("a+X@9", "b-X@10", "ok", ""),
        ("a+X+Y", "b-X c-Y b-X-Y", "held:W0,W1,W2", "W0 W1 W2"),
        ("a+X b+X", "c-X", "held:W0 held:W0", "W0"),
        # An exit waits too, and waits only for entries.
        ("a+X!", "b-X", "held:W0", "W0"),
        ("a+X!", "b-X!", "ok", ""),
        ("a+X!", "b-X! c-X", "held:W1", "W1"),
        # A resting exit is never withdrawn.
        ("a+X", "b-X!", "CONFLICT", ""),
        ("a+X", "b-X! c-X", "CONFLICT", ""),
        # What is being withdrawn already is only waited for.
        ("a+X", "b-X?", "held:W0", ""),
        # Within the round it is decided by priority; who waits has won, and beats others.
        ("a+X b-X", "", "ok CONFLICT", ""),
        ("a+X b-X!", "", "CONFLICT ok", ""),
        ("a+X b-X", "c-X", "held:W0 CONFLICT", "W0"),
        # Who loses withdraws nobody's order.
        ("a+X b-X+Y", "c-Y", "ok CONFLICT", ""),
    ],
)
def test_cancel_resting_holds_who_meets_a_resting_entry(
    words: str, working: str, becomes: str, cancels: str
) -> None:
    resolution = resolve(words, CANCEL_RESTING, working)
    assert outcome(resolution) == becomes
    assert " ".join(resolution.cancels) == cancels


def test_held_command_is_told_and_keeps_what_it_asked_for() -> None:
    resolution = resolve("a+X*3!", CANCEL_RESTING, "b-X c-X")
    command = proposal("a+X*3").command
    assert isinstance(command, SubmitOrder)
    assert resolution.held == (HeldProposal("a", 0, command, True, ("W0", "W1")),)
    assert told(resolution) == [
        "OPPOSING_SIDES X [b c a]: held: a, until withdrawn: W0 of b, W1 of c"
    ]


def test_exit_that_has_waited_in_vain_goes_on() -> None:
    one = proposal("a+X!")
    waited = Proposal("a", 0, one.command, is_exit=True, has_waited=True)
    resolution = resolve_conflicts([waited], resting("b-X"), ConflictPolicies(CANCEL_RESTING))
    assert resolution.checked == (waited,)
    assert resolution.cancels == ()


def test_order_that_no_venue_knows_yet_cannot_be_withdrawn() -> None:
    order = working_order(order_for(leg("X", -1), owner="b"), status=OrderStatus.INITIALIZED)
    resolution = resolve_conflicts(
        [proposal("a+X")], {"W1": order}, ConflictPolicies(CANCEL_RESTING)
    )
    assert outcome(resolution) == "CONFLICT"
    assert details(resolution) == ["cancel_resting: X against b"]
