"""Conflicts and their policies by example. The laws are in tests/property/test_conflict.py.

A round is written in rank order, one word per command: ``a+X`` is an entry of a that buys X,
``b-X!`` an exit of b that sells it; ``@9`` makes it a limit order at 9, ``a+X-Y`` has two legs. A
resting order is written the same way.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any

import pytest

from orchestrion.domain.models.command import RefusalCode, SubmitOrder
from orchestrion.domain.models.order import Order, OrderType
from orchestrion.domain.orchestration.conflict import (
    ConflictPolicies,
    ConflictPolicy,
    ConflictType,
    Resolution,
    resolve_conflicts,
)
from orchestrion.domain.orchestration.events import StrategyConflictDetectedEvent
from orchestrion.domain.orchestration.proposal import Checked, Proposal, Rejection, check_answer
from tests.fakes_rules import book_of, cancel, leg, limit, order_for, working_order

WORD = re.compile(r"(?P<owner>\w+?)(?P<legs>([+-][A-Z]+)+)(@(?P<price>[\d.-]+))?(?P<exit>!)?$")


def proposal(word: str) -> Proposal:
    found = WORD.match(word)
    assert found is not None, word
    signs = re.findall(r"([+-])([A-Z]+)", found["legs"])
    legs = [leg(name, 1 if sign == "+" else -1) for sign, name in signs]
    options: dict[str, Any] = limit(found["price"]) if found["price"] else {}
    command = order_for(*legs, owner=found["owner"], **options)
    return Proposal(found["owner"], 0, command, bool(found["exit"]))


def resting(words: str) -> Mapping[str, Order]:
    orders = {}
    for number, word in enumerate(words.split()):
        one = proposal(word)
        assert isinstance(one.command, SubmitOrder)
        name = f"W{number}"
        orders[name] = working_order(one.command, name, is_reducing=one.is_exit, ts_decided=number)
    return orders


def resolve(
    words: str, policy: ConflictPolicy = ConflictPolicy.PRIORITY, working: str = ""
) -> Resolution:
    checked = [proposal(word) for word in words.split()]
    return resolve_conflicts(checked, resting(working), ConflictPolicies(policy))


def survivors(words: str, resolution: Resolution) -> str:
    pairs = zip(words.split(), resolution.checked, strict=True)
    return " ".join(word for word, one in pairs if isinstance(one, Proposal))


PRIORITY, REJECT_ALL, ALLOW = ConflictPolicy


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


def told(resolution: Resolution) -> list[tuple[str, str, str]]:
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
        ("a+X+Y b-X-Y", PRIORITY, "", [("a b", "X", "refused: b"), ("a b", "Y", "refused: b")]),
        ("a+X b-X c-X", PRIORITY, "", [("a b", "X", "refused: b"), ("a c", "X", "refused: c")]),
    ],
)
def test_every_meeting_is_told_once(
    words: str, policy: ConflictPolicy, working: str, events: list[tuple[str, str, str]]
) -> None:
    assert told(resolve(words, policy, working)) == events


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


@pytest.mark.parametrize("policy", ConflictPolicy)
def test_stop_is_no_conflict_before_it_is_reached(policy: ConflictPolicy) -> None:
    stop = order_for(
        leg("X", -1), owner="b", order_type=OrderType.STOP_MARKET, stop_price=Decimal(9)
    )
    checked = [proposal("a+X"), Proposal("b", 0, stop, is_exit=False)]
    working = {"W0": working_order(stop, "W0")}
    resolution = resolve_conflicts(checked, working, ConflictPolicies(policy))
    assert resolution == Resolution(tuple(checked), ())


def test_policies_have_the_words_of_the_configuration() -> None:
    assert [policy.value for policy in ConflictPolicy] == ["priority", "reject_all", "allow"]
    assert ConflictPolicies().opposing_sides is PRIORITY
