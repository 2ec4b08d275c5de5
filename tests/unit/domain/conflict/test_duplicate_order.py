"""DUPLICATE_ORDER: the same order again, by the same strategy or, where that counts, by others."""

from __future__ import annotations

import msgspec
import pytest

from orchestrion.domain.conflict import ConflictPolicies, ConflictPolicy, resolve_conflicts
from orchestrion.domain.models.command import SubmitOrder
from orchestrion.domain.orchestration.proposal import Checked, HeldProposal, Proposal
from tests.fakes_conflict import details, outcome, proposal, resolve, resting, told
from tests.fakes_rules import cancel

PRIORITY, REJECT_ALL, ALLOW = (
    ConflictPolicy.PRIORITY,
    ConflictPolicy.REJECT_ALL,
    ConflictPolicy.ALLOW,
)


@pytest.mark.parametrize(
    ("words", "working", "priority", "reject_all"),
    [
        ("a+X a+X", "", "ok CONFLICT", "CONFLICT CONFLICT"),
        ("a+X a+X a+X", "", "ok CONFLICT CONFLICT", "CONFLICT CONFLICT CONFLICT"),
        ("a+X*2 a+X", "", "ok ok", "ok ok"),
        ("a+X a+Y", "", "ok ok", "ok ok"),
        ("a+X@9 a+X@9", "", "ok CONFLICT", "CONFLICT CONFLICT"),
        ("a+X@9 a+X@10", "", "ok ok", "ok ok"),
        ("a+X-Y a+X-Y", "", "ok CONFLICT", "CONFLICT CONFLICT"),
        # Another strategy may well come to the same view.
        ("a+X b+X", "", "ok ok", "ok ok"),
        # Again, while the first one works.
        ("a+X", "a+X", "CONFLICT", "CONFLICT"),
        ("a+X", "a+X@9", "ok", "ok"),
        ("a+X", "b+X", "ok", "ok"),
        ("a+X", "a+X?", "ok", "ok"),
        # An exit is bounded by the own quantity: it does no harm.
        ("a+X! a+X!", "", "ok ok", "ok ok"),
        ("a+X!", "a+X!", "ok", "ok"),
    ],
)
def test_same_order_again_is_refused(
    words: str, working: str, priority: str, reject_all: str
) -> None:
    assert outcome(resolve(words, working=working)) == priority
    policies = ConflictPolicies(duplicate_order=REJECT_ALL)
    assert outcome(resolve(words, policies, working=working)) == reject_all
    allowed = resolve(words, ConflictPolicies(duplicate_order=ALLOW), working=working)
    assert outcome(allowed) == " ".join("ok" for _ in words.split())
    assert bool(allowed.events) is ("CONFLICT" in priority)


@pytest.mark.parametrize(
    ("words", "priority", "reject_all"),
    [
        ("a+X b+X", "ok CONFLICT", "CONFLICT CONFLICT"),
        ("a+X b+X@9", "ok CONFLICT", "CONFLICT CONFLICT"),
        ("a+X b+X*2", "ok ok", "ok ok"),
        ("a+X-Y b+X-Y", "ok CONFLICT", "CONFLICT CONFLICT"),
        ("a+X b+X! c+X", "ok ok CONFLICT", "CONFLICT ok CONFLICT"),
    ],
)
def test_same_legs_from_two_strategies_are_a_duplicate_where_that_counts(
    words: str, priority: str, reject_all: str
) -> None:
    policies = ConflictPolicies(duplicates_across_strategies=True)
    assert outcome(resolve(words, policies)) == priority
    policies = ConflictPolicies(duplicate_order=REJECT_ALL, duplicates_across_strategies=True)
    assert outcome(resolve(words, policies)) == reject_all


def test_label_is_no_difference_but_expiry_and_reduce_only_are() -> None:
    first = proposal("a+X").command
    assert isinstance(first, SubmitOrder)
    for change, becomes in (
        ({"label": "again"}, "ok CONFLICT"),
        ({"reduce_only": True}, "ok ok"),
        ({"expire_ts": 5}, "ok ok"),
    ):
        second = msgspec.structs.replace(first, **change)
        checked = [proposal("a+X"), Proposal("a", 1, second, is_exit=False)]
        assert outcome(resolve_conflicts(checked, {}, ConflictPolicies())) == becomes


def test_order_that_is_withdrawn_in_the_same_round_may_be_given_again() -> None:
    checked: list[Checked] = [
        Proposal("a", 0, cancel("W0", owner="a"), is_exit=True),
        proposal("a+X", 1),
    ]
    resolution = resolve_conflicts(checked, resting("a+X"), ConflictPolicies())
    assert resolution.checked == tuple(checked)


def test_order_that_is_held_already_is_not_held_twice() -> None:
    command = proposal("a+X").command
    assert isinstance(command, SubmitOrder)
    held = [HeldProposal("a", 0, command, is_exit=False, waits_for=("W0",))]
    policies = ConflictPolicies(opposing_sides=ConflictPolicy.CANCEL_RESTING)
    resolution = resolve("a+X b+X", policies, working="c-X", held=held)
    assert outcome(resolution) == "CONFLICT held:W0"
    assert details(resolution) == ["priority: the same order is held already"]


def test_first_one_is_named() -> None:
    resolution = resolve("a+Y a+X a+X")
    assert details(resolution) == ["priority: the same order as number 1 of its answer"]
    assert told(resolution) == ["DUPLICATE_ORDER X [a]: refused: a"]
    assert details(resolve("a+X", working="a+X")) == ["priority: the same order works already"]
    policies = ConflictPolicies(duplicates_across_strategies=True)
    assert details(resolve("a+X b+X", policies)) == ["priority: a gives the same order"]


def test_order_that_cannot_leave_makes_no_duplicate() -> None:
    policies = ConflictPolicies(duplicates_across_strategies=True)
    resolution = resolve("a+X b+X", policies, free=5, price=10)
    assert outcome(resolution) == "ACCOUNT_MARGIN_EXCEEDED ACCOUNT_MARGIN_EXCEEDED"
    assert resolution.events == ()
